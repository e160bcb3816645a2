#include "wire/raw_number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace gongshu::wire {

namespace {

constexpr double kFloatEnd = 0x1.ffffffp127;  // from here on the nearest f32 is infinite

}  // namespace

// With 0.1 and the like the division by 10 gives the number that a person would write; multiplying does not (3 * 0.1).
double scaled(double raw, const Scaling& scaling) {
    const double inverse = 1 / scaling.scale;
    const double whole = std::round(inverse);
    const bool is_tenth = std::abs(scaling.scale) < 1 && std::abs(inverse - whole) <= 1e-12 * std::abs(inverse);
    return (is_tenth ? raw / whole : raw * scaling.scale) + scaling.offset;
}

double shortest(float value) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    double number = value;
    if (std::isfinite(value)) std::from_chars(text, written.ptr, number);
    return number;
}

Error inexact(double value, std::string_view name, double one, double other) {
    return Error{Code::limit, "{} cannot be written exactly: the nearest values that {} can hold are {} and {}",
                 value,       name,
                 one,         other};
}

Result<std::uint32_t> encode_f32(std::string_view name, const Scaling& scaling, double number) {
    const double raw = (number - scaling.offset) / scaling.scale;
    if (std::isfinite(raw) && std::abs(raw) >= kFloatEnd)
        return Error{Code::limit, "{} is beyond what {} can hold", raw, name};
    // A fraction is as near as an f32 comes; a whole number (a count, an order) is meant to the last digit.
    const float near = static_cast<float>(raw);
    if (scaling.is_none() && std::isfinite(raw) && std::trunc(raw) == raw && shortest(near) != raw) {
        const float beyond = std::nextafter(near, static_cast<double>(near) < raw ? HUGE_VALF : -HUGE_VALF);
        return inexact(raw, name, shortest(std::min(near, beyond)), shortest(std::max(near, beyond)));
    }
    return std::bit_cast<std::uint32_t>(near);
}

Result<std::uint64_t> encode_whole(const WholeRange& range, const Scaling& scaling, const Value& value) {
    const auto refuse = [&] {
        return Error{Code::limit,
                     "{} does not fit {}: with scale {} and offset {} its raw value must be {} to {}",
                     gongshu::to_string(value),
                     range.name,
                     scaling.scale,
                     scaling.offset,
                     range.min,
                     range.max};
    };
    if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && scaling.is_none()) {
        if (*whole < range.min || (*whole > 0 && static_cast<std::uint64_t>(*whole) > range.max)) return refuse();
        return static_cast<std::uint64_t>(*whole);
    }
    const double wanted = *as_number(value);
    const double exact = (wanted - scaling.offset) / scaling.scale;
    const double raw = std::round(exact);
    // The upper limits of 64 bits are no doubles: compare with the next power of two, which is.
    const double end = range.max == std::numeric_limits<std::uint64_t>::max()  ? 0x1p64
                       : range.max == std::numeric_limits<std::int64_t>::max() ? 0x1p63
                                                                               : static_cast<double>(range.max) + 1;
    if (!(raw >= static_cast<double>(range.min) && raw < end)) return refuse();
    // What the arithmetic itself may be off by: 80.1 / 0.1 is not quite 801.
    const double slack = 1e-9 + 8 * std::numeric_limits<double>::epsilon() *
                                    (std::abs(wanted) + std::abs(scaling.offset)) / std::abs(scaling.scale);
    if (std::abs(exact - raw) > slack) {
        const double one = scaled(std::floor(exact), scaling), other = scaled(std::ceil(exact), scaling);
        return inexact(wanted, range.name, std::min(one, other), std::max(one, other));
    }
    return raw < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(raw)) : static_cast<std::uint64_t>(raw);
}

Result<std::uint64_t> from_bcd(std::uint64_t bits, std::size_t digits) {
    std::uint64_t value = 0;
    for (std::size_t i = digits; i-- > 0;) {
        const std::uint64_t digit = bits >> (i * 4) & 0xf;
        if (digit > 9) return Error{Code::malformed, "0x{:x} is no BCD number: a digit is over 9", bits};
        value = value * 10 + digit;
    }
    return value;
}

std::uint64_t to_bcd(std::uint64_t value) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; value > 0; shift += 4, value /= 10) bits |= (value % 10) << shift;
    return bits;
}

}  // namespace gongshu::wire
