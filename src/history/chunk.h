#pragma once

#include <cstdint>
#include <limits>

#include "base/bytes.h"
#include "base/result.h"
#include "data/ids.h"
#include "history/codec.h"
#include "history/run.h"

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
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t crc = 0;  // crc32c of the chunk's bytes

    friend bool operator==(const ChunkInfo&, const ChunkInfo&) = default;
};

inline constexpr std::size_t kChunkRows = 2048;

// Appends rows [begin, end) of `run` to `out` as docs/format/segment.md says.
void encode_chunk(const Run& run, std::size_t begin, std::size_t end, Buffer& out);
// Exactly `rows` rows of `type`; Code::corrupt if the bytes do not follow the grammar. Never allocates more than the
// bytes can hold.
Result<Run> decode_chunk(Bytes bytes, ValueType type, std::uint64_t rows);

}  // namespace gongshu::history
