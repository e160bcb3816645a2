#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

// Snappy's block format, as Prometheus wraps its messages. Our own because it is small, because what comes is hostile
// and every length has to be held against ours before memory is taken, and so that the program needs no other library.
namespace gongshu::wire {

// Code::malformed for what is no such block; Code::limit when it would open to more than `bytes_max`. Takes no more
// memory than the block can really open to, whatever length it claims.
Result<std::string> snappy_decode(Bytes block, std::uint64_t bytes_max);

// A block that every decoder opens; within some percent of the size that the library makes. At most 4 GB.
std::string snappy_encode(std::string_view text);

}  // namespace gongshu::wire
