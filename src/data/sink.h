#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/event.h"
#include "data/rows.h"
#include "data/window.h"

namespace gongshu {

// When the answer to an append may leave (design: "acknowledged means durable").
enum class Durability : std::uint8_t {
    sync,      // after the log that holds it is synced: QoS 1/2, HTTP writes
    interval,  // after it is in the log buffer; synced within 50 ms: QoS 0, polls
    none,      // in memory; tests only
};

// What an append did. Duplicates are rows whose (tag, time) was there already; the newest wins.
struct Appended {
    std::uint64_t rows = 0;
    std::uint64_t duplicates = 0;
};

// Where readings and events go. `done` is called exactly once, on the thread that called append if that is a lane,
// else on some lane; never from inside append() itself. After a failed sync every append answers Code::unavailable
// ("store is read-only …").
class Sink {
public:
    using Done = std::function<void(Result<Appended>)>;
    virtual ~Sink() = default;
    virtual void append(Rows rows, Durability durability, Done done) = 0;
    virtual void append_event(Event event, Durability durability, std::function<void(Result<EventId>)> done) = 0;
};

// A question to the history. Times are UTC ns.
struct ReadRequest {
    std::vector<TagId> tags;
    Window window;
    DurationNs every = 0;  // 0 = raw rows; else buckets of this length
    std::string zone;      // IANA name; buckets of whole days begin at local midnight there; "" = UTC
    // Buckets of any lengths instead of `every`, such as shifts: in order, none overlaps another; a reading between two
    // of them counts nowhere. Null = none.
    std::shared_ptr<const std::vector<Window>> periods;
    std::vector<std::string> aggregates;  // avg min max sum count first last; needed for buckets
    std::uint32_t points_max = 0;         // raw rows only: > 0 keeps at most this many rows a tag, as min-max per pixel
    std::uint64_t rows_max = 1'000'000;   // over all tags; more is Code::limit and says how to narrow
};

// One series of an answer. Raw: `rows`. Aggregated: `columns` named as asked plus good_fraction, one entry a bucket.
struct Series {
    TagId tag;
    Rows rows;                                // raw rows in order of time, one per distinct time
    bool sampled = false;                     // rows were thinned to points_max
    std::vector<TimeNs> buckets;              // starts of the buckets that hold at least one reading
    std::vector<std::string> columns;         // aggregated: names, good_fraction last
    std::vector<std::vector<double>> values;  // [column][bucket]; NaN where there is no usable reading
};

// Where readings come from. Calls block until answered and may take milliseconds to seconds: never from a lane,
// except last(). Any thread. An answer sees every append whose `done` was called before.
class Reader {
public:
    virtual ~Reader() = default;
    virtual Result<std::vector<Series>> read(const ReadRequest& request) const = 0;
    // The newest reading by time, from memory; nullopt if the tag never had one. Any thread, lanes too.
    virtual std::optional<Reading> last(TagId tag) const = 0;
    // Events of one tenant with kind beginning with `kind_prefix`, in order of (time, id), newest last, at most
    // `events_max` of them (the newest ones).
    virtual Result<std::vector<Event>> read_events(TenantId tenant, Window window, std::string_view kind_prefix,
                                                   std::size_t events_max) const = 0;
};

}  // namespace gongshu
