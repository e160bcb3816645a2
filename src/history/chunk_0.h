#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "history/run.h"

namespace gongshu::history {

// Chunks as segments of format 0 hold them (docs/format/segment.md); they are read for ever and written no more.
inline constexpr std::size_t kChunkRows0 = 2048;

// Exactly `rows` rows of `type`; Code::corrupt if the bytes do not follow the grammar. Never allocates more than the
// bytes can hold.
Result<Run> decode_chunk_0(Bytes bytes, ValueType type, std::uint64_t rows);

}  // namespace gongshu::history
