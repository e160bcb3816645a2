#pragma once

#include <cstdint>
#include <span>

namespace gongshu::bench {

// Bits that Gorilla's coding of values takes (Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series
// Database", VLDB 2015, section 4.1.2): what is left of a double after xor with the one before, in the window of bits
// of the one before where it fits. The first stands whole. Counted, not written.
std::uint64_t gorilla_bits(std::span<const double> values);

}  // namespace gongshu::bench
