#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "data/sink.h"
#include "history/buckets.h"
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

// Takes a chunk that no other source overlaps by its statistics alone; false = wants its rows.
using VisitChunk = std::function<bool(const ChunkInfo&)>;
// Rows [begin, end) of `run`, in order of time over all calls, one row a time.
using VisitRows = std::function<Result<void>(const Run& run, std::size_t begin, std::size_t end)>;

// Gives every row of the sources within `window` once, in order of time. `visit_chunk` may be null.
Result<void> scan(std::vector<Source> sources, Window window, const VisitChunk& visit_chunk,
                  const VisitRows& visit_rows);

// Where the scanned rows of one tag end up: a series of a read().
class SeriesBuilder {
public:
    virtual ~SeriesBuilder() = default;
    virtual bool take_chunk(const ChunkInfo& chunk) = 0;
    virtual Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) = 0;
    // The series; the builder is of no use after it.
    virtual Result<Series> finish() = 0;
};

// Every row; Code::limit once there are more than `rows_max`.
std::unique_ptr<SeriesBuilder> make_raw_builder(TagId tag, std::uint64_t rows_max);
// At most `points_max` rows: per pixel (a third as many as points, over `extent`) the lowest and the highest usable row
// and the first bad one, so that peaks, gaps and bad stretches are still seen.
std::unique_ptr<SeriesBuilder> make_thin_builder(TagId tag, Window extent, std::uint32_t points_max);
// Aggregates per bucket; Code::limit once there are more than `rows_max` buckets, Code::invalid for unknown names.
Result<std::unique_ptr<SeriesBuilder>> make_bucket_builder(TagId tag, const ReadRequest& request,
                                                           std::uint64_t rows_max);

Error too_many_rows(std::uint64_t rows_max);

}  // namespace gongshu::history
