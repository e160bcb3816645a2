#pragma once

#include <cstdint>
#include <limits>
#include <span>

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

    void add(const Run& run, std::size_t i) { add(run, i, i + 1); }
    void add(const Run& run, std::size_t begin, std::size_t end);
    // `later` must lie wholly after all that is in here.
    void add(const Statistics& later);
    friend bool operator==(const Statistics&, const Statistics&) = default;

private:
    void add_usable(const Run& run, std::size_t begin, std::size_t end);
    bool add_wholes(std::span<const std::uint64_t> bits);
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
    // The block of qualities; 0 bytes if all rows are good, or of format 1 or 0. Several chunks may share one.
    std::uint64_t qualities_offset = 0;
    std::uint32_t qualities_bytes = 0;
    bool owns_qualities = false;
    std::uint32_t sections_bytes = 0;  // behind the values; 0 = none

    friend bool operator==(const ChunkInfo&, const ChunkInfo&) = default;
};

inline constexpr std::size_t kChunkVectors = 9;  // a day with a row each ten seconds is one chunk
inline constexpr std::size_t kChunkRows = kChunkVectors * kVectorRows;

inline constexpr Window kEver{std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()};

// Whether the times of rows [begin, end) are all the same distance apart, so that they need no block.
bool is_even(const Run& run, std::size_t begin, std::size_t end);
// Whether all rows have the usual quality, so that they need no block.
bool all_good(const Run& run);
// Append the blocks of rows [begin, end) of `run`, at most kChunkRows, to `out` as docs/format/segment.md says.
void encode_times(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& out);
void encode_values(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& out);
void encode_qualities(const Run& run, Buffer& out);

// The blocks of a chunk.
struct ChunkBytes {
    Bytes times;      // empty if they lie evenly
    Bytes qualities;  // empty if all are good
    Bytes values;
    bool format_1 = false;  // then the qualities are in the head of the values
};
// Some vectors of a chunk.
struct ChunkPart {
    Run run;
    std::size_t first = 0;  // which row of the chunk run's first one is
};
// The rows of the vectors that hold times within `window`, which may be more than those; Code::corrupt if the bytes do
// not follow the grammar or are not what `chunk` says. Never allocates more than kChunkRows rows.
Result<ChunkPart> decode_part(const ChunkInfo& chunk, const ChunkBytes& bytes, Window window);
Result<Run> decode_chunk(const ChunkInfo& chunk, const ChunkBytes& bytes, Window window = kEver);

// Values and qualities of some rows, without their times.
struct Picked {
    ValueType type = ValueType::number;
    RowVector<std::uint64_t> bits;  // as Run has them
    RowVector<std::uint16_t> qualities;
    std::string text;
};
// Appends those of the chunk's rows with these numbers, which grow. Reads no times, and decodes only the vectors that
// hold them; else as decode_part().
Result<void> pick_rows(const ChunkInfo& chunk, const ChunkBytes& bytes, std::span<const std::uint32_t> numbers,
                       Picked& picked);
// Whether their rows have the same times, as far as the directory tells: both lie evenly or share a block of times.
// Of one segment of format 1 or later.
bool have_same_times(const ChunkInfo& one, const ChunkInfo& other);

}  // namespace gongshu::history
