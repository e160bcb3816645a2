#include "bench/gorilla.h"

#include <algorithm>
#include <bit>

namespace gongshu::bench {
namespace {

constexpr int kBits = 64, kLeadingMax = 31;          // leading zeros are told in five bits
constexpr std::uint64_t kNewWindowBits = 2 + 5 + 6;  // two to say so, the leading zeros, the length
constexpr std::uint64_t kSameBits = 1, kOldWindowBits = 2;

}  // namespace

std::uint64_t gorilla_bits(std::span<const double> values) {
    if (values.empty()) return 0;
    std::uint64_t bits = kBits;
    int leading = kBits, trailing = 0;  // of the window; none yet
    for (std::size_t i = 1; i < values.size(); ++i) {
        const std::uint64_t left =
            std::bit_cast<std::uint64_t>(values[i]) ^ std::bit_cast<std::uint64_t>(values[i - 1]);
        if (left == 0) {
            bits += kSameBits;
            continue;
        }
        const int zeros = std::min(std::countl_zero(left), kLeadingMax), behind = std::countr_zero(left);
        if (zeros >= leading && behind >= trailing) {
            bits += kOldWindowBits + static_cast<std::uint64_t>(kBits - leading - trailing);
            continue;
        }
        leading = zeros;
        trailing = behind;
        bits += kNewWindowBits + static_cast<std::uint64_t>(kBits - leading - trailing);
    }
    return bits;
}

}  // namespace gongshu::bench
