#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/outbound.h"
#include "data/egress.h"
#include "history/history.h"
#include "io/files.h"
#include "io/loop.h"
#include "io/tls.h"

namespace gongshu::edge {

struct ForwarderDeps {
    history::History& history;
    io::Files& files;
    const Clock& clock;
    io::Loop& loop;  // links live here …
    io::Pool& pool;  // … and what blocks runs here
    Egress& egress;
    Metrics& metrics;
};

struct ForwarderOptions {
    TenantId tenant;                           // whose readings are sent
    std::string platform;                      // "https://platform:8443"
    std::string token;                         // of the platform; never logged
    std::string under;                         // path there that stands before each tag's own; "" = none
    std::string file;                          // where it is noted how far the platform has come
    std::shared_ptr<const io::TlsClient> tls;  // null = plain
    DurationNs every = 500 * kMillisecond;     // once nothing is left to send, it is looked so often
    DurationNs again_min = kSecond;            // pause after a failure; doubled after each further …
    DurationNs again_max = kMinute;            // … up to this
    DurationNs call_max = kMinute;             // of one request
    DurationNs save_every = kSecond;           // it is noted so often how far it has come
    std::uint64_t piece_bytes = 4 << 20;       // of the log, in one go
    std::uint64_t body_readings = 100'000;     // in one request
};

enum class ForwardState : std::uint8_t {
    idle,     // all was sent
    sending,  // there is more
    waiting,  // the last request failed: it is tried again
};
std::string_view to_string(ForwardState state);

struct ForwardStatus {
    std::string platform, under;
    ForwardState state = ForwardState::idle;
    TimeNs since = 0;           // of the state
    std::string problem;        // waiting only, else ""
    TimeNs next_try = 0;        // waiting only, else 0
    std::uint64_t sent = 0;     // readings that the platform said it has, since the beginning of all
    std::uint64_t refused = 0;  // … that it will never take; the last reason:
    std::string refusal;
    TimeNs lessened_at = 0;          // when some were refused or lost last; 0 = none since the start
    std::uint64_t lost = 0;          // readings that were dropped unsent, for lack of room
    std::uint64_t behind_bytes = 0;  // of the log, at least
    TimeNs sent_at = 0;              // of the last request that went well; 0 = none since the start
    TimeNs newest = 0;               // the newest time that was sent; 0 = none since the start
    DurationNs round_trip = 0;       // of the last request; 0 = none yet
};

// Forwarder sends every reading of a tenant to another platform: in the order in which they came, each at least once;
// the same reading twice changes nothing there. What could not be sent waits in the history's log, as much as it keeps
// (HistoryOptions::log_kept_bytes); beyond that the oldest are dropped and counted. What the platform refuses for good
// (a tag that the token may not write, a value that does not fit) is counted, told, and not sent again.
// Lives:   one per process; without stop() its end is like a crash.
// Threads: public calls from any thread.
// Bounds:  one piece of the log in memory, one request at a time.
// Disk:    `file`: JSON, replaced after what it says was acknowledged; after a crash what came since is sent again.
class Forwarder {
public:
    // Code::invalid for an address that is none.
    static Result<std::unique_ptr<Forwarder>> create(const ForwarderDeps& deps, ForwarderOptions options);
    virtual ~Forwarder() = default;

    virtual void start() = 0;
    // Begins nothing any more and notes how far it has come. What is under way may be sent again at the next start. Not
    // from the loop.
    virtual void stop() = 0;
    virtual ForwardStatus status() const = 0;
};

}  // namespace gongshu::edge
