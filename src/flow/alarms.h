#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/ids.h"
#include "data/quality.h"
#include "data/value.h"

namespace gongshu::flow {

enum class Severity : std::uint8_t { critical, major, minor, warning };
inline constexpr std::size_t kSeverityCount = 4;
std::string_view to_string(Severity severity);
std::optional<Severity> parse_severity(std::string_view name);

// raised: active and nobody has acknowledged it. latched: what raised it is over, and it stays until somebody
// acknowledges it. shelved: somebody does not want to hear of it for a while. suppressed: its rule says that it does
// not matter now. cleared: no longer active; `acknowledged` tells whether it was seen.
enum class AlarmState : std::uint8_t { raised, acknowledged, latched, shelved, suppressed, cleared };
std::string_view to_string(AlarmState state);

// One input of the condition when it became true; equals what /read gives for (tag, ts) if `expression` is a tag's
// name.
struct WhyValue {
    std::string tag;         // path
    std::string expression;  // "temperature", "avg(temperature, 5m)"
    TimeNs ts = 0;
    std::optional<Value> value;  // nullopt: a bad reading has none
    std::string unit;
    Quality quality;
    TagId tag_id = {};  // 0 = of before this was kept
};

struct Why {
    std::string condition;  // as written
    std::string text_zh, text_en;
    std::vector<WhyValue> values;
};

// Alarms of a rule, or of one device of it, that people set aside. shelved: they live but do not count, until a stated
// time. out_of_service: they are not even raised, until somebody puts the rule back.
enum class ShelfKind : std::uint8_t { shelved, out_of_service };
std::string_view to_string(ShelfKind kind);

struct Shelf {
    TenantId tenant;
    ShelfKind kind = ShelfKind::shelved;
    std::string rule, rule_uid;
    std::string device, device_uid;  // "" = all that the rule is over
    TimeNs since = 0;
    std::optional<TimeNs> until;  // of shelved only
    std::string by, reason;
};

struct JournalEntry {
    TimeNs time = 0;
    std::string what;     // raised acknowledged cleared comment shelved unshelved suppressed unsuppressed latched again
    std::string who;      // "" = the platform itself
    std::string comment;  // of a person; of cleared: the reason when it was not the condition
};

// Where its device and tags are now; what it says in sentences is of the time it was raised.
struct Alarm {
    std::string id;  // 16 hex digits, unique within the tenant
    TenantId tenant;
    std::string rule;  // its name
    std::string rule_uid;
    std::string device;  // name of the device of a rule over devices, else ""
    std::string device_uid;
    std::string tag;  // path of the first tag of the condition
    TagId tag_id = {};
    std::string group;  // of the rule when it was raised; "" = none
    Severity severity = Severity::warning;
    std::string title_zh, title_en;
    std::string message_zh, message_en;  // values filled in
    TimeNs raised = 0;
    std::optional<TimeNs> cleared;
    std::optional<TimeNs> acknowledged;
    std::string acknowledged_by;
    std::string cleared_reason;        // "" = the condition; else "rule deleted", "rule disabled", …
    std::optional<TimeNs> latched;     // since when what raised it is over
    std::optional<TimeNs> suppressed;  // since when its rule's suppress_when holds
    std::optional<Shelf> shelf;        // of kind shelved, while it lies on one and lives
    Why why;
    std::vector<JournalEntry> journal;  // only from get()

    bool alive() const { return !cleared; }
    AlarmState state() const {
        if (cleared) return AlarmState::cleared;
        if (shelf) return AlarmState::shelved;
        if (suppressed) return AlarmState::suppressed;
        if (latched) return AlarmState::latched;
        return acknowledged ? AlarmState::acknowledged : AlarmState::raised;
    }
    // What counts: alive, and nobody set it aside.
    bool active() const { return is_active(state()); }
    static bool is_active(AlarmState state) {
        return state == AlarmState::raised || state == AlarmState::acknowledged || state == AlarmState::latched;
    }
};

enum class StateFilter : std::uint8_t { active, raised, acknowledged, latched, shelved, suppressed, cleared, all };
std::optional<StateFilter> parse_state_filter(std::string_view name);

struct AlarmQuery {
    StateFilter state = StateFilter::active;
    std::optional<TimeNs> from, to;  // alarms that were active at some time in [from, to)
    std::optional<Severity> severity;
    std::optional<std::string> group;  // "" = those of none
    std::size_t alarms_max = 1000;
};

using AlarmCounts = std::array<std::uint64_t, kSeverityCount>;  // by Severity

// Alarms is what there is and was of alarms, in memory, rebuilt from events at the start.
// Lives:   inside Flow.
// Threads: any; calls are quick. acknowledge() and comment() answer later.
// Bounds:  every active alarm and the newest kClearedMax cleared ones of each tenant; older ones are only in the
// events.
class Alarms {
public:
    static constexpr std::size_t kClearedMax = 10'000;
    static constexpr std::size_t kJournalMax = 200;        // entries kept of one alarm, the newest
    static constexpr std::size_t kCommentBytesMax = 4000;  // longer is Code::limit
    static constexpr std::size_t kShelvesMax = 10'000;     // of a tenant
    static constexpr DurationNs kShelveMin = kMinute, kShelveMax = 7 * kDay;
    using Done = std::function<void(Result<Alarm>)>;
    using ShelfDone = std::function<void(Result<Shelf>)>;

    virtual ~Alarms() = default;
    // Newest raised first, without journals.
    virtual std::vector<Alarm> list(TenantId tenant, const AlarmQuery& query) const = 0;
    virtual Result<Alarm> get(TenantId tenant, std::string_view id) const = 0;
    // Active ones.
    virtual AlarmCounts counts(TenantId tenant) const = 0;
    virtual std::map<std::string, AlarmCounts> counts_by_group(TenantId tenant) const = 0;

    // `done` is called once, after the event is durable, on the calling lane or, from another thread, on some lane;
    // with the alarm and its journal. Code::not_found; Code::conflict when it was acknowledged already (by whom is
    // said). A cleared alarm can be acknowledged too; a latched one is cleared by it.
    virtual void acknowledge(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                             Done done) = 0;
    virtual void comment(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                         Done done) = 0;

    // Sets alarms aside: `shelf` as of shelf_of(), with kind, until (shelved only), by and reason; `since` is given
    // here. Shelving what is shelved changes until, by and reason. Alarms that live are told "shelved"; out of service
    // they are cleared. Code::invalid for a time outside kShelveMin … kShelveMax or without a reason, Code::conflict
    // when it is out of service already.
    virtual void shelve(Shelf shelf, ShelfDone done) = 0;
    // The end of that, before its time, of the same kind, rule and device; with what was ended. An alarm that still
    // lives is raised again: who acknowledged it did so for another time. Code::not_found if there is none.
    virtual void unshelve(const Shelf& shelf, std::string_view who, std::string_view comment, ShelfDone done) = 0;
    // By rule, device and kind, with present names.
    virtual std::vector<Shelf> shelves(TenantId tenant) const = 0;

    // Called after each durable transition, on a lane: keep it short, post elsewhere. `what` as in JournalEntry.
    using Listener = std::function<void(const Alarm&, std::string_view what)>;
    virtual std::uint64_t subscribe(Listener listener) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;
};

}  // namespace gongshu::flow
