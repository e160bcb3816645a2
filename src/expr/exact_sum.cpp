#include "expr/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace gongshu::expr {

void ExactSum::put(double value, bool negative) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
    std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
    ASSERT(exponent != 0x7ff);
    if (exponent != 0) mantissa |= std::uint64_t{1} << 52;
    if (mantissa == 0) return;
    const int position = exponent == 0 ? 0 : exponent - 1;  // of the lowest bit of the mantissa
    const int limb = position / 32;
    const auto wide = static_cast<unsigned __int128>(mantissa) << (position % 32);
    if (puts_ == kCarryAfter) carry();
    ++puts_;
    const bool minus = negative != (bits >> 63 != 0);
    for (int i = 0; i < 3; ++i) {
        const auto part = static_cast<std::int64_t>(static_cast<std::uint64_t>(wide >> (32 * i)) & 0xffffffff);
        limbs_[static_cast<std::size_t>(limb + i)] += minus ? -part : part;
    }
    low_ = std::min(low_, limb);
    high_ = std::max(high_, limb + 2);
}

void ExactSum::add_product(double factor, double other) {
    const double head = factor * other;
    add(head);
    add(std::fma(factor, other, -head));
}

void ExactSum::subtract_product(double factor, double other) {
    const double head = factor * other;
    subtract(head);
    subtract(std::fma(factor, other, -head));
}

void ExactSum::carry() {
    std::int64_t over = 0;
    for (int i = low_; i < kLimbs; ++i) {
        std::int64_t& limb = limbs_[static_cast<std::size_t>(i)];
        limb += over;
        over = 0;
        if (i > high_ && limb == 0) break;
        if (i + 1 == kLimbs) break;  // the sign stays on top
        over = limb >> 32;
        limb &= 0xffffffff;
        high_ = std::max(high_, i);
    }
    puts_ = 0;
}

double ExactSum::value() const {
    if (high_ < low_) return 0;
    // Digits of 32 bits, none negative; `over` is the sign and what stands above.
    std::array<std::uint32_t, kLimbs + 2> digits;  // of low_ to high_ + 2
    std::int64_t over = 0;
    const auto spread = [&](std::int64_t sign) {
        over = 0;
        for (int i = low_; i <= high_; ++i) {
            over += sign * limbs_[static_cast<std::size_t>(i)];
            digits[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(over & 0xffffffff);
            over >>= 32;
        }
    };
    spread(1);
    const bool minus = over < 0;
    if (minus) spread(-1);
    digits[static_cast<std::size_t>(high_ + 1)] = static_cast<std::uint32_t>(over & 0xffffffff);
    digits[static_cast<std::size_t>(high_ + 2)] = static_cast<std::uint32_t>(over >> 32);
    int top = high_ + 2;
    while (top >= low_ && digits[static_cast<std::size_t>(top)] == 0) --top;
    if (top < low_) return 0;
    const auto digit = [&](int i) { return i >= low_ ? std::uint64_t{digits[static_cast<std::size_t>(i)]} : 0; };
    const std::uint64_t high = digit(top) << 32 | digit(top - 1), rest = digit(top - 2) << 32 | digit(top - 3);
    const int zeros = std::countl_zero(high);  // below 32
    std::uint64_t size64 = zeros == 0 ? high : high << zeros | rest >> (64 - zeros);
    bool below = (rest << zeros) != 0;
    for (int i = top - 4; i >= low_ && !below; --i) below = digit(i) != 0;
    if (below) size64 |= 1;  // no tie: something is below; 64 digits leave room for it
    const int exponent = 32 * (top - 1) - zeros - 1074;
    double size = static_cast<double>(size64);
    if (exponent > -950 && exponent < 950)
        size *= std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
    else
        size = std::ldexp(size, exponent);
    return minus ? -size : size;
}

ExactSum::Double ExactSum::twice() const {
    const double head = value();
    if (!std::isfinite(head)) return {head, 0};
    ExactSum rest = *this;
    rest.subtract(head);
    return {head, rest.value()};
}

void ExactSum::clear() {
    if (high_ >= low_) std::fill(limbs_.begin() + low_, limbs_.begin() + std::min(high_ + 1, kLimbs), std::int64_t{0});
    low_ = kLimbs;
    high_ = -1;
    puts_ = 0;
}

}  // namespace gongshu::expr
