#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace gongshu {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), hardware where the processor has it. Chain: crc32c(b, crc32c(a)).
std::uint32_t crc32c(Bytes bytes, std::uint32_t seed = 0);

// A fast 64-bit hash for tables in memory; not for disk and not against an adversary who can see it.
std::uint64_t hash64(Bytes bytes, std::uint64_t seed = 0);

}  // namespace gongshu
