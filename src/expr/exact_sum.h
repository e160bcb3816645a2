#pragma once

#include <array>
#include <cstdint>

namespace gongshu::expr {

// A sum of doubles without any rounding until it is read: what is added can be taken away again, in any order, and the
// sum is as if it had never been there. So a window that slides, one that is computed anew and one that late readings
// fell into have the same bits. Finite values only; up to 2^62 operations.
class ExactSum {
public:
    void add(double value) { put(value, false); }
    void subtract(double value) { put(value, true); }
    // factor * other as it is exactly: the product and what its rounding lost.
    void add_product(double factor, double other);
    void subtract_product(double factor, double other);

    // The sum rounded once, to nearest.
    double value() const;
    // The sum as head + tail, twice the digits.
    struct Double {
        double head = 0, tail = 0;
    };
    Double twice() const;
    void clear();

private:
    // Fixed point: limb i weighs 2^(32 i - 1074), so that limb 0 bit 0 is the smallest double. Limbs are signed and
    // hold up to 2^63; carries are taken now and then.
    static constexpr int kLimbs = 70;
    static constexpr std::uint32_t kCarryAfter = 1u << 29;

    void put(double value, bool negative);
    void carry();

    std::array<std::int64_t, kLimbs> limbs_{};
    int low_ = kLimbs, high_ = -1;  // limbs that may be other than 0
    std::uint32_t puts_ = 0;        // since carries were taken
};

}  // namespace gongshu::expr
