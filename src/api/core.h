#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.h"
#include "api/imports.h"
#include "base/guarded.h"
#include "base/json_writer.h"
#include "broker/broker.h"
#include "connect/connections.h"
#include "data/value.h"
#include "data/window.h"
#include "flow/flow.h"
#include "history/history.h"
#include "registry/auth.h"
#include "registry/registry.h"
#include "wire/http.h"

// What the handlers of the interface share. Not for other folders.
namespace gongshu::api {

// One request on its way to a handler: what was asked and by whom.
struct Ask {
    wire::HttpRequest http;
    std::vector<std::string> names;  // what stands for {…} in the path of the route, decoded
    wire::QueryItems query;
    registry::Principal who;  // of nobody: role none
    bool signed_in = false;
    std::string session_token;  // of a session, to end it
    std::string from;           // the caller's address without port
    bool loopback = false;
    bool secure = false;
    // Becomes true when whoever asked is gone, so that nobody works on for them. Any thread.
    const std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);

    TenantId tenant() const { return who.actor.tenant; }
    const std::string* find(std::string_view name) const;  // first of the query, null if absent
    std::string_view value(std::string_view name) const {
        const std::string* found = find(name);
        return found == nullptr ? std::string_view{} : std::string_view{*found};
    }
    std::vector<std::string> all(std::string_view name) const;
};
using AskPtr = std::shared_ptr<Ask>;

// An answer that is rendered piece by piece while the client takes it.
class Pieces {
public:
    virtual ~Pieces() = default;
    // Appends some 100 KB; false when that was the last. An error cuts the connection, so that nobody takes a part for
    // the whole; what was appended with it, why, goes out before. On the pool, one call at a time.
    virtual Result<bool> next(std::string& out) = 0;
    // True if next() would wait for something: `ready` is called once, on any thread, when it would not any more.
    virtual bool wait([[maybe_unused]] std::function<void()> ready) { return false; }
};

struct Answer {
    int status = 200;
    std::string media_type = "application/json";
    wire::HttpHeaders headers;
    std::string body;
    std::string etag;                // with the quotes; compared with If-None-Match
    bool is_gzip = false;            // body is compressed already
    bool as_it_is = false;           // never compressed: it is small already, or its bytes are what matters
    std::shared_ptr<Pieces> pieces;  // what follows body, or null
    std::string_view door = "rest";  // under which Egress counts its bytes; a literal
};
using Done = std::function<void(Result<Answer>)>;

Answer json_answer(std::string body, int status = 200);
Answer no_content();

class Core;
// Asks Egress for a handler that knows what and how much leaves (Leaves::told). `what` as in Leaving. Before the
// answer.
Result<void> let_out(Core& core, const Ask& ask, std::string_view door, std::string_view what, std::uint64_t rows,
                     std::uint64_t bytes = 0);

using Handler = void (*)(Core&, const AskPtr&, Done);

// A handler that answers at once.
template <Result<Answer> (*Function)(Core&, const Ask&)>
void now(Core& core, const AskPtr& ask, Done done) {
    done(Function(core, *ask));
}

enum class Access : std::uint8_t {
    open,        // anybody
    signed_in,   // anybody who is recognised
    role,        // Route::role
    read_kind,   // the kind's read_role: {plural} of the path
    write_kind,  // the kind's write_role
};
enum class Run : std::uint8_t {
    loop,   // never blocks, under 1 ms
    brief,  // here if it can be done at once, else on the pool; what is told of it is told when it is done
    pool,   // all else
    watch,  // becomes a stream of events
    live,   // becomes a WebSocket
};
enum class Size : std::uint8_t { small, write };  // how long a body may be
// How Egress comes to decide about what an answer takes out.
enum class Leaves : std::uint8_t {
    path,     // it is asked before the handler runs; what leaves is told by the path of the request
    told,     // the handler asks itself, with let_out(): it knows the tags, the rows and the door
    nothing,  // the answer tells nothing of what the tenant has: the caller's own session, the program, a count of what
              // came in
};

// One row of the table of routes (routes.cpp).
struct Route {
    wire::HttpMethod method;
    std::string_view path;  // "/api/v1/{plural}/{name}:rename"
    Access access;
    registry::Role role;  // with Access::role
    Run run;
    Size size;
    Handler handler;
    std::string_view area, about;  // for OpenAPI
    Leaves leaves = Leaves::path;
};
std::span<const Route> routes();

struct Match {
    const Route* route = nullptr;
    std::vector<std::string> names;
    std::string allow;  // methods that the path has, when route is null but the path exists
};
// Code::invalid for a broken escape in the path.
Result<Match> match_route(wire::HttpMethod method, std::string_view path);

// Where readings of one series go: a line's series and field, or a path of the JSON door.
struct Target {
    TagId tag;
    ValueType type = ValueType::number;
    std::optional<double> min, max;  // what the device type says is possible; outside: uncertain:range
    bool keep = true;                // it may be remembered
};
// Targets from memory. `generation` grows when devices change, so that what was looked up before is not kept after.
struct Targets {
    std::unordered_map<std::string, Target> known;
    std::uint64_t generation = 0;
};

class ColumnMemory;  // column_memory.h
class LineMemory;    // line_memory.h

// What GET overview tells of the flow of readings, sampled every few seconds.
struct Rate {
    std::uint64_t readings = 0;
    DurationNs at = 0;
    double per_s = 0;
};

// Core is what all connections of a server share; jobs on the pool hold it, so it outlives the server.
// Lives:   shared by Server and its jobs.   Threads: const members any; the guarded ones by their locks.
// Bounds:  kTargetsMax remembered targets of readings.   Disk: none.
class Core : public std::enable_shared_from_this<Core> {
public:
    static constexpr std::size_t kTargetsMax = 200'000;

    Core(const ApiDeps& deps, ApiOptions options);
    ~Core();

    const ApiDeps deps;
    const ApiOptions options;
    const TimeNs started;

    const Clock& clock() const { return deps.loop.clock(); }
    // "7f3a-12": told to the client and written to the log beside what happened.
    std::string next_id();
    void forget_targets();

    // Readings that came in by HTTP, of each tenant, for the overview.
    Guarded<std::map<TenantId, std::uint64_t>> written;
    Guarded<std::map<TenantId, Rate>> rates;
    Guarded<std::map<TenantId, std::pair<DurationNs, std::size_t>>> tag_counts;  // when counted, how many
    Guarded<std::map<std::string, std::string>> listeners;
    Guarded<std::string> authority;  // certificate, PEM; "" without --lan
    // By (tenant, series text, field) or (tenant, path). Emptied when full and when devices or their types change.
    Guarded<Targets> targets;
    // What the lines of a tenant looked like; each is taken out by the one request that uses it.
    Guarded<std::vector<std::unique_ptr<LineMemory>>> line_memories;
    // … and where the columns of its batches went.
    Guarded<std::vector<std::unique_ptr<ColumnMemory>>> column_memories;
    Imports imports;

private:
    std::string instance_;
    std::atomic<std::uint64_t> next_id_ = 0;
};

}  // namespace gongshu::api
