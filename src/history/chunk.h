#pragma once

#include <cstdint>
#include <limits>

#include "base/bytes.h"
#include "base/result.h"
#include "data/ids.h"
#include "data/window.h"
#include "history/codec.h"
#include "history/kernels.h"
#include "history/run.h"
#include "history/tier.h"

namespace gongshu::history {

// What a bucket or a chunk knows of its rows. "Usable" rows are those that are not bad; text counts but has no numbers.
struct Statistics {
    std::uint64_t rows = 0;
    std::uint64_t usable = 0;
    std::uint64_t good = 0;
    double sum = 0;
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    double first = 0;  // of the usable rows, in order of time
    double last = 0;

    void add(const Run& run, std::size_t i);
    // `later` must lie wholly after all that is in here.
    void add(const Statistics& later);
    friend bool operator==(const Statistics&, const Statistics&) = default;
};

// One entry of a segment's directory: up to kChunkRows rows of one tag, encoded in columns.
struct ChunkInfo {
    TagId tag;
    ValueType type = ValueType::number;
    TimeNs min_time = 0;
    TimeNs max_time = 0;  // inclusive
    Statistics statistics;
    std::uint64_t offset = 0;  // of the values' block
    std::uint32_t bytes = 0;   // of it
    std::uint32_t crc = 0;     // format 0 only: crc32c of the chunk's bytes
    // The block of times; 0 bytes if they lie evenly between min_time and max_time. Several chunks may share one.
    std::uint64_t times_offset = 0;
    std::uint32_t times_bytes = 0;
    bool owns_times = false;
    std::uint32_t sections_bytes = 0;  // behind the values; 0 = none

    friend bool operator==(const ChunkInfo&, const ChunkInfo&) = default;
};

inline constexpr std::size_t kChunkVectors = 8;
inline constexpr std::size_t kChunkRows = kChunkVectors * kVectorRows;

inline constexpr Window kEver{std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()};

// Whether the times of rows [begin, end) are all the same distance apart, so that they need no block.
bool is_even(const Run& run, std::size_t begin, std::size_t end);
// Append the blocks of rows [begin, end) of `run`, at most kChunkRows, to `out` as docs/format/segment.md says.
void encode_times(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& out);
void encode_values(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& out);
// The rows of the vectors that hold times within `window`, which may be more than those; Code::corrupt if the bytes do
// not follow the grammar or are not what `chunk` says. `times` may be empty. Never allocates more than kChunkRows rows.
Result<Run> decode_chunk(const ChunkInfo& chunk, Bytes times, Bytes values, Window window = kEver);

}  // namespace gongshu::history
