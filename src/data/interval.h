#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/ids.h"
#include "data/sink.h"
#include "data/value.h"
#include "data/window.h"

namespace gongshu {

using IntervalId = Id<struct IntervalIdName, std::uint64_t>;  // given by history, growing, never reused

// What an interval was made by. On disk: never renumber.
enum class IntervalSource : std::uint8_t { hand = 1, rule = 2, tag = 3, scan = 4, import = 5 };
std::string_view to_string(IntervalSource source);
std::optional<IntervalSource> parse_interval_source(std::string_view name);

// What a revision did. On disk: never renumber.
enum class IntervalAction : std::uint8_t { opened = 1, closed = 2, corrected = 3, withdrawn = 4 };
std::string_view to_string(IntervalAction action);

// The other half of industrial data: something that lasted. Downtime, batch, shift, operation, alarm, label, slot,
// baseline. One value of this is one revision: nothing is ever overwritten, the newest revision is what holds.
struct Interval {
    static constexpr std::size_t kAttributesMax = 32;
    static constexpr std::size_t kAttributeNameBytesMax = 64;
    static constexpr std::size_t kAttributesBytesMax = 8 << 10;  // names and texts together
    static constexpr std::size_t kKindBytesMax = 40;
    static constexpr std::size_t kReasonBytesMax = 2000;
    static constexpr std::size_t kSubjectBytesMax = 1100;
    static constexpr std::size_t kRevisionsMax = 200;  // of one interval
    static constexpr std::size_t kKindsMax = 200;      // of a tenant, ever used
    static constexpr std::size_t kOpenMax = 10'000;    // open ones of a tenant

    TenantId tenant;
    IntervalId id;
    std::uint32_t revision = 0;  // 1 is as it was first kept
    std::string subject;         // the asset, as TagKey::source names it: "d:" + uid of a device, "p:" + path
    TagId tag;                   // it is about this one tag of the asset; 0 = about the asset
    std::string path;            // where that was when this revision was made; for people, and when it is gone
    std::string kind;            // "downtime", "batch", "shift", …
    TimeNs from = 0;
    std::optional<TimeNs> to;  // exclusive; absent while it is open
    std::map<std::string, Value> attributes;
    IntervalSource source = IntervalSource::hand;
    std::string source_name;  // who or what made it: "user:li", uid of a virtual tag, name of a file
    double confidence = 1;    // 0 … 1
    bool withdrawn = false;   // it was a mistake: kept, but no longer counts

    // Of this revision.
    IntervalAction action = IntervalAction::opened;
    std::string by;      // "user:li"; "system" for rules
    TimeNs at = 0;       // when, by the clock
    std::string reason;  // of a correction or withdrawal

    bool open() const { return !to && !withdrawn; }
    // An open interval overlaps everything after its start.
    bool overlaps(Window window) const { return from < window.to && (!to || *to > window.from); }
    friend bool operator==(const Interval&, const Interval&) = default;
};

// What is wrong with an interval that somebody wants kept, as a sentence that begins with the member; nullopt if it
// can be. Times are only compared with each other.
std::optional<std::string> interval_fault(const Interval& interval);

// Which intervals, newest first: by (from, id), both falling.
struct IntervalQuery {
    // Of what asset, in order and without doubles: whole subjects, and beginnings of subjects. Both empty: of any.
    std::vector<std::string> subjects, beginnings;
    std::vector<std::string> kinds;  // empty: of any
    Window window{INT64_MIN, INT64_MAX};
    bool open_only = false;
    bool with_withdrawn = false;
    // Of those only what this takes; called without a lock, on the calling thread. Empty: all.
    std::function<bool(const Interval&)> takes;
    struct Place {
        TimeNs from = INT64_MAX;
        IntervalId id{UINT64_MAX};
        friend bool operator==(const Place&, const Place&) = default;
    };
    Place before;                          // where the page before ended
    std::size_t intervals_max = 100;       // 1 … 100'000
    std::uint64_t looked_max = 5'000'000;  // so many are looked at; then Code::limit says how to narrow
};

struct IntervalPage {
    std::vector<Interval> intervals;  // their newest revisions
    bool more = false;
};

// Where intervals are kept.
class Intervals {
public:
    // Called exactly once as Sink's, never from inside; with the revision as it is kept.
    using IntervalDone = std::function<void(Result<Interval>)>;
    virtual ~Intervals() = default;
    // A new one, open or closed; its id, revision, action and `at` are given here. Any thread, lanes too.
    // Code::invalid, Code::limit.
    virtual void add_interval(Interval interval, Durability durability, IntervalDone done) = 0;
    // A new revision of the newest one, which `next` was made from: id and revision as they were, `action` as wanted.
    // subject, source and source_name stay as they were. Code::conflict if another revision has come since,
    // Code::not_found. May read files unless that revision is open: then lanes too.
    virtual void revise_interval(Interval next, Durability durability, IntervalDone done) = 0;
    // Both read files: not from a lane.
    virtual Result<IntervalPage> find_intervals(TenantId tenant, const IntervalQuery& query) const = 0;
    // Oldest first; Code::not_found.
    virtual Result<std::vector<Interval>> interval_revisions(TenantId tenant, IntervalId id) const = 0;
    // Kinds that were ever used, in order.
    virtual std::vector<std::string> interval_kinds(TenantId tenant) const = 0;
    // The newest revisions of open ones that `source` made under this name; from memory, lanes too.
    virtual std::vector<Interval> open_intervals(TenantId tenant, IntervalSource source,
                                                 std::string_view source_name) const = 0;
};

}  // namespace gongshu
