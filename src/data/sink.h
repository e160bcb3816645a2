#pragma once

#include <atomic>
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

// Which readings count, by their quality.
enum class QualityFilter : std::uint8_t {
    automatic,  // raw rows: all; buckets: usable
    good,       // good ones only
    usable,     // all but bad ones
    all,        // bad ones too, with whatever value they carry
};

// What stands for a bucket within the window that holds no reading.
enum class Fill : std::uint8_t {
    none,      // nothing: the bucket is not there
    null,      // NaN
    previous,  // what the last bucket with readings says; NaN before the first
    linear,  // a straight line, by the beginnings of the buckets, between those with readings before and after; NaN at
             // the ends
    value,   // ReadRequest::fill_value
};

// How raw rows are thinned to `points_max`.
enum class Sampling : std::uint8_t {
    min_max,            // per pixel the lowest, the highest and the first bad row: no peak is lost
    largest_triangles,  // per pixel the row that shapes the line most (LTTB) and the first bad one: fewer points for
                        // the same looks
};

// How long an answer is waited for; looked at for each chunk that is read.
struct ReadPatience {
    // Becomes true once nobody waits for the answer any more: Code::unavailable. Null = never.
    std::shared_ptr<const std::atomic<bool>> cancelled;
    DurationNs deadline = 0;  // of Clock::monotonic(); later it is Code::timeout. 0 = none
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
    std::vector<std::string> aggregates;  // names of history/aggregates.h: avg, min, p95 …; needed for buckets
    std::uint32_t points_max = 0;         // raw rows only: > 0 keeps at most this many rows a tag, as `sampling` says
    std::uint64_t rows_max = 1'000'000;   // over all tags; more is Code::limit and says how to narrow
    Sampling sampling = Sampling::min_max;
    QualityFilter quality = QualityFilter::automatic;
    // Buckets only. What is filled is marked (Series::filled); a bucket whose readings are all bad is not filled.
    Fill fill = Fill::none;
    double fill_value = 0;
    // Of what is weighted by time: a value holds for so long at most, and rows further apart are not joined by a line.
    // So far before the window is looked for the row that reaches into it (and after it, for lines). 0 = a day; at
    // most 31.
    DurationNs gap = 0;
    std::optional<TimeNs>
        as_of;                  // a last value holds up to here, and no bucket that begins later is filled; none = now
    bool newest_first = false;  // rows or buckets in order of falling time; not with points_max
    std::uint64_t rows_wanted = 0;  // > 0 is content with the first so many rows or buckets of each tag (Series::more)
    ReadPatience patience;
};

// One series of an answer. Raw: `rows`. Aggregated: `columns` named as asked plus good_fraction, one entry a bucket.
struct Series {
    TagId tag;
    Rows rows;                         // raw rows in order of time, one per distinct time
    bool sampled = false;              // rows were thinned to points_max
    bool more = false;                 // there are more rows than `rows_wanted`
    std::vector<TimeNs> buckets;       // starts of the buckets that hold at least one reading, and of filled ones
    std::vector<std::string> columns;  // aggregated: names, good_fraction last
    std::vector<std::vector<double>> values;  // [column][bucket]; NaN where there is nothing to tell it from
    // [column][bucket] of columns that are times (first_time, last_time), where `values` is NaN or not; else empty.
    std::vector<std::vector<TimeNs>> times;
    std::vector<std::uint8_t> filled;  // [bucket]: 1 = holds no reading; empty unless `fill` was asked for
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
