#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/sink.h"
#include "history/buckets.h"
#include "history/cells.h"
#include "history/segment.h"

namespace gongshu::history {

// One sorted run of rows of a tag: a chunk of a segment, or rows from memory. Of two rows of the same time that of the
// higher layer wins.
struct Source {
    TimeNs min_time = 0;
    TimeNs max_time = 0;  // inclusive
    std::uint64_t layer = 0;
    std::shared_ptr<const OpenSegment> segment;  // with `chunk`
    const ChunkInfo* chunk = nullptr;
    std::shared_ptr<const Run> rows;  // when chunk is null
};

// Sources whose times overlap, so that their rows have to be merged.
using Overlapping = std::vector<Source>;
// In order of time; no row of one lies among those of another.
std::vector<Overlapping> group_sources(std::vector<Source> sources);
// The rows of them all within `window`, one a time, the newest layer on top, and perhaps some more beside them. Any
// thread.
Result<std::shared_ptr<const Run>> merged_rows(const Overlapping& sources, Window window);

// Takes a chunk that no other source overlaps by its statistics alone; false = wants its rows.
using VisitChunk = std::function<bool(const ChunkInfo&)>;
// Rows [begin, end) of `run`, in order of time over all calls, one row a time.
using VisitRows = std::function<Result<void>(const Run& run, std::size_t begin, std::size_t end)>;
// Gives every row of the sources within `window` once, in order of time. `visit_chunk` may be null.
Result<void> scan(std::vector<Source> sources, Window window, const VisitChunk& visit_chunk,
                  const VisitRows& visit_rows);
// One chunk that lies within the window.
bool is_lone_chunk(const Overlapping& sources, Window window);

// Whether a row of that quality counts; never asked with QualityFilter::automatic.
constexpr bool counts(QualityFilter filter, std::uint16_t quality) {
    const auto grade = static_cast<Grade>(quality & 3);
    return filter == QualityFilter::all || (filter == QualityFilter::good ? grade == Grade::good : grade != Grade::bad);
}

// How many rows an answer may still have. Any thread.
class RowBudget {
public:
    explicit RowBudget(std::uint64_t rows_max) : rows_max_(rows_max), left_(as_signed(rows_max)) {}
    std::uint64_t rows_max() const { return rows_max_; }
    // False if there are not so many left; then there are none at all.
    bool take(std::uint64_t rows) {
        return left_.fetch_sub(as_signed(rows), std::memory_order_relaxed) >= as_signed(rows);
    }

private:
    static constexpr std::int64_t as_signed(std::uint64_t rows) {
        return static_cast<std::int64_t>(std::min(rows, std::uint64_t{1} << 40));
    }
    const std::uint64_t rows_max_;
    std::atomic<std::int64_t> left_;
};

// Whether somebody still waits for the answer. Any thread.
struct Patience {
    const Clock& clock;
    const std::atomic<bool>* cancelled = nullptr;
    DurationNs deadline = 0;
    Result<void> check() const;
};

// What of the rows around the window reaches into it.
struct Neighbours {
    std::optional<Reading> before;          // the row before, whatever its quality
    std::optional<Reading> counted_before;  // the last counted one
    std::optional<Reading> after;           // the row after, whatever its quality
};

struct CellsWanted {
    bool hours = false;
    bool minutes = false;
};

// Where the scanned rows of one tag end up: a series of a read(). Rows come in order of time, one a time.
class SeriesBuilder {
public:
    virtual ~SeriesBuilder() = default;
    // Whether the chunk, which no other source overlaps and which lies within the window, is taken by its statistics
    // alone. May be asked for several chunks before the first of them is given.
    virtual bool takes_whole(const ChunkInfo&) { return false; }
    virtual Result<void> take_chunk(const ChunkInfo&) { return {}; }
    virtual Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) = 0;
    // Of what length it may take cells.
    virtual CellsWanted cells_wanted() const { return {}; }
    // Whether it takes the cell, which lies within the window, for the rows in it, which are all of that time. May be
    // asked for several cells before the first of them is given.
    virtual bool takes_cell(const Cell&, DurationNs /*length*/) { return false; }
    virtual Result<void> take_cell(const Cell&, DurationNs /*length*/) { return {}; }
    // Rows that are still to come change nothing any more.
    virtual bool satisfied() const { return false; }
    // The series; the builder is of no use after it.
    virtual Result<Series> finish() = 0;
};

struct RawWish {
    QualityFilter filter = QualityFilter::all;
    bool newest_first = false;      // rows are given in order of time, runs in falling order
    std::uint64_t rows_wanted = 0;  // 0 = all
};
// Every row; Code::limit once there are more than `budget` has.
std::unique_ptr<SeriesBuilder> make_raw_builder(TagId tag, RawWish wish, RowBudget& budget);

// Keeps at most `points_max` rows (2 or more) of those within `extent`, as `sampling` says. What the largest triangles
// are, is only known once all rows were seen: they need two passes over the same rows.
class ThinBuilder : public SeriesBuilder {
public:
    virtual bool two_passes() const = 0;
    virtual void begin_second_pass() {}
    // Tells before the first pass of a chunk which no other source overlaps and which lies within the extent: so that
    // of several in one pixel only those need to be read whose rows may stay.
    virtual void look_at(const ChunkInfo&) {}
};
std::unique_ptr<ThinBuilder> make_thin_builder(TagId tag, Window extent, std::uint32_t points_max,
                                               Sampling sampling = Sampling::min_max,
                                               QualityFilter filter = QualityFilter::all);

// Aggregates per bucket.
class BucketBuilder : public SeriesBuilder {
public:
    // How far around the window rows are looked for; 0 = not at all.
    virtual DurationNs looks_before() const = 0;
    virtual DurationNs looks_after() const = 0;
    virtual bool wants_counted_before() const = 0;
    virtual QualityFilter filter() const = 0;
    // Before the first row.
    virtual void set_neighbours(const Neighbours& neighbours) = 0;
};
// The request's window must be that of the scan. Code::limit once there are more buckets than `budget` has,
// Code::invalid for unknown names.
Result<std::unique_ptr<BucketBuilder>> make_bucket_builder(TagId tag, const ReadRequest& request, TimeNs as_of,
                                                           RowBudget& budget);

Error too_many_rows(std::uint64_t rows_max);

}  // namespace gongshu::history
