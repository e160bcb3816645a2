#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "data/interval.h"
#include "data/sink.h"
#include "data/stage.h"
#include "data/tag.h"
#include "expr/error.h"
#include "flow/alarms.h"
#include "history/retention.h"
#include "io/loop.h"
#include "registry/registry.h"

namespace gongshu::flow {

class VirtualTags;  // virtual_tags.h

// The kind `rule`; add it to the registry before load().
registry::Kind rule_kind();

// The places that a rule is about: its device and every tag that its conditions name.
struct RulePlaces {
    std::string device;       // "" = none
    std::string device_type;  // "" = none; else it holds wherever a device of the type is
    std::vector<std::string> tags;
};
// Of the spec of a rule, stored or about to be; names are resolved as the rule would resolve them now.
Result<RulePlaces> places_of_rule(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                  const Json& spec);

// The tags that the conditions of a rule's spec name and that nobody has ever seen: no reading came, and no type, alias
// or virtual tag knows them. The rule waits for them; most often the name is not right.
Result<std::vector<std::string>> never_seen(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                            const Json& spec);

// What a shelf of a rule is about, by the names of now; `device` "" = all that the rule is over. Code::not_found;
// Code::invalid when the rule is not over that device. Who shelves gives the rest.
Result<Shelf> shelf_of(const registry::ResourceReader& registry, TenantId tenant, const std::string& rule,
                       const std::string& device);

// What Flow works with; all outlive it.
struct FlowParts {
    registry::Registry& registry;
    Sink& sink;
    const Reader& reader;
    Tags& tags;
    const Clock& clock;
    std::vector<io::Loop*> lanes;  // the same as history's: shard s is lanes[s % lanes.size()]
    io::Pool& pool;                // reading the past, compiling
    Metrics& metrics;
    // Past values of virtual tags, which no rule meets: History::import(). Null: they cannot be made.
    std::function<Result<Appended>(const Rows&)> import = {};
    // Takes away what is to be made anew: History::cut(). Null: as above.
    std::function<Result<history::Removed>(const history::Cut&)> cut = {};
    // Where virtual tags keep the intervals that they make. Null: they make none.
    Intervals* intervals = nullptr;
};

// A question of the rule editor.
struct CheckQuestion {
    TenantId tenant;
    std::string condition;
    std::string device;       // name of the device that short names belong to, or ""
    std::string device_type;  // or of a device type; its first device stands for all
    // Whether who asks may see a tag or device; what may not be seen is not there. Empty: everything may be seen.
    std::function<bool(std::string_view)> sees;
};

struct CheckTag {
    std::string path;
    std::optional<Reading> last;
};

struct CheckAnswer {
    std::optional<expr::ExprError> error;
    std::optional<bool> value;  // nullopt = unknown
    std::vector<CheckTag> tags;
    std::vector<std::string> uses;
    std::string window;  // "5m", "" = none
};

// What would this rule have done?
struct RehearseQuestion {
    registry::Resource rule;  // canonical; it need not be stored
    Window window;            // what the alarms are wanted of; not after now
    std::size_t alarms_max = 1000;
    DurationNs time_max = 20 * kSecond;
    std::uint64_t readings_max = 100'000'000;
};

struct RehearseAnswer {
    std::uint64_t count = 0;       // alarms that were active at some time of the window
    std::uint64_t suppressed = 0;  // apart: those that never counted, because of suppress_when
    std::vector<Alarm> alarms;     // the newest first, without ids; at most alarms_max
    DurationNs active = 0;         // of all of them together, within the window, but for what was suppressed of it
    std::uint64_t readings = 0;
    std::size_t devices = 0, devices_left = 0;  // done; not even begun
    bool complete = true;                       // false: it stopped at `until`, for time or readings
    TimeNs until = 0;
    std::vector<std::string> missing;  // paths that the rule names and that no tag has, at most 100
};

// An enabled rule that runs nowhere, or not for all of its devices; or one that `waits` for a tag that nobody has seen.
struct StoppedRule {
    std::string rule;
    bool waits = false;
    std::string device;  // the first one that it does not run for; "" = it is over none
    std::size_t devices = 1;
    std::string why_en, why_zh;
    TimeNs since = 0;
};

// Flow turns readings into alarms: it meets every batch, runs the rules over it and logs what changes.
// Lives:   after history and registry, before the doors. Give stage() to History::set_stage() before the lanes run;
//          start() once they may. Destroy it when the lanes have stopped.
// Threads: on_rows() on the lane that owns the shard; start() and check() from any. A rule lives on the lane of its
// first
//          tag; other lanes post it their rows.
// Bounds:  kForwardedRowsMax rows wait between lanes, later ones are dropped and counted; rule instances kInstancesMax.
// Disk:    events alarm.raised, alarm.acknowledged, alarm.cleared, alarm.comment, alarm.suppressed, alarm.unsuppressed,
//          alarm.latched, alarm.again, alarm.shelved, alarm.unshelved,
//          alarm.out_of_service, alarm.in_service, rule.pending, virtual.past in history.
class Flow : public Stage {
public:
    static constexpr std::size_t kForwardedRowsMax = 200'000;
    static constexpr std::size_t kInstancesMax = 100'000;
    static constexpr int kRehearsalsMax = 2;  // so that the pool has threads left for others

    static Result<std::unique_ptr<Flow>> create(FlowParts parts);

    // Rebuilds alarms from events, compiles all rules and reads back what their windows and holds need, on the pool;
    // until a rule is ready its rows wait. Blocks for reading events: not from a lane.
    virtual Result<void> start() = 0;
    // All rules are ready; for tests and health.
    virtual bool ready() const = 0;
    virtual Alarms& alarms() = 0;
    // What does not run, by name of the rule. Any thread.
    virtual std::vector<StoppedRule> stopped(TenantId tenant) const = 0;
    virtual VirtualTags& virtual_tags() = 0;
    // For POST /api/v1/rules:check. `done` is called once, on a pool thread, at once if the pool is full: post
    // elsewhere.
    virtual void check(CheckQuestion question, std::function<void(CheckAnswer)> done) = 0;
    // For POST /api/v1/rules:rehearse: runs a rule over what is stored, and tells nobody. Nobody acknowledges either,
    // so that latched alarms end with their condition; what is shelved or out of service now is no matter. Blocks for
    // up to time_max: not from a lane. Code::limit if kRehearsalsMax are under way; otherwise what makes the rule
    // impossible.
    virtual Result<RehearseAnswer> rehearse(const RehearseQuestion& question) = 0;
};

}  // namespace gongshu::flow
