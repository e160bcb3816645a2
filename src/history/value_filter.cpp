#include "history/value_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "history/kernels.h"

namespace gongshu::history {
namespace {

using Wide = __int128;  // any whole number that is near a 64-bit one

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFar = 0x1p70;  // beyond every 64-bit number

Wide clamped(double whole) { return static_cast<Wide>(std::clamp(whole, -kFar, kFar)); }

// The whole numbers at or below a bound, and at or above it.
struct Around {
    Wide below, above;
};
Around wholes_around(const Value& bound) {
    if (const auto* whole = std::get_if<std::int64_t>(&bound)) return {*whole, *whole};
    const double number = std::get<double>(bound);
    return {clamped(std::floor(number)), clamped(std::ceil(number))};
}

// The doubles at or below a bound, and at or above it.
struct NumbersAround {
    double below, above;
};
NumbersAround numbers_around(const Value& bound) {
    if (const auto* number = std::get_if<double>(&bound)) return {*number, *number};
    const std::int64_t whole = std::get<std::int64_t>(bound);
    const auto near = static_cast<double>(whole);
    const Wide as_read = clamped(near);
    return {as_read > whole ? std::nextafter(near, -kInfinity) : near,
            as_read < whole ? std::nextafter(near, kInfinity) : near};
}

bool is_number(const Value& bound) {
    if (const auto* number = std::get_if<double>(&bound)) return std::isfinite(*number);
    return std::holds_alternative<std::int64_t>(bound);
}

}  // namespace

Result<ValueFilter> ValueFilter::create(ValueType type, Comparison comparison, const Value& bound) {
    ValueFilter filter{type};
    filter.outside_ = comparison == Comparison::unequal;
    switch (type) {
        case ValueType::number:
            TRY(filter.set_number(comparison, bound));
            break;
        case ValueType::integer:
            TRY(filter.set_whole(comparison, bound));
            break;
        case ValueType::boolean:
        case ValueType::text:
            TRY(filter.set_equal(comparison, bound));
            break;
    }
    return filter;
}

Result<void> ValueFilter::set_whole(Comparison comparison, const Value& bound) {
    if (!is_number(bound)) return Error{Code::invalid, "its values are numbers; give a number, as in > 90"};
    const auto [below, above] = wholes_around(bound);
    Wide low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
    if (comparison == Comparison::greater) low = std::max(low, below + 1);
    if (comparison == Comparison::greater_or_equal) low = std::max(low, above);
    if (comparison == Comparison::less) high = std::min(high, above - 1);
    if (comparison == Comparison::less_or_equal) high = std::min(high, below);
    if (comparison == Comparison::equal || comparison == Comparison::unequal) {
        low = std::max(low, above);
        high = std::min(high, below);
    }
    if (low > high) low = 1, high = 0;
    low_whole_ = static_cast<std::int64_t>(low);
    high_whole_ = static_cast<std::int64_t>(high);
    return {};
}

Result<void> ValueFilter::set_number(Comparison comparison, const Value& bound) {
    if (!is_number(bound)) return Error{Code::invalid, "its values are numbers; give a number, as in > 90"};
    const auto [below, above] = numbers_around(bound);
    low_ = -kInfinity;
    high_ = kInfinity;
    if (comparison == Comparison::greater) low_ = std::nextafter(below, kInfinity);
    if (comparison == Comparison::greater_or_equal) low_ = above;
    if (comparison == Comparison::less) high_ = std::nextafter(above, -kInfinity);
    if (comparison == Comparison::less_or_equal) high_ = below;
    if (comparison == Comparison::equal || comparison == Comparison::unequal) {
        low_ = above;
        high_ = below;
    }
    return {};
}

Result<void> ValueFilter::set_equal(Comparison comparison, const Value& bound) {
    const bool is_text = type_ == ValueType::text;
    if (comparison != Comparison::equal && comparison != Comparison::unequal)
        return is_text ? Error{Code::invalid, "its values are texts; they are held against another by = and != alone"}
                       : Error{Code::invalid,
                               "its values are true and false; they are held against another by = and != alone"};
    if (is_text) {
        const auto* text = std::get_if<std::string>(&bound);
        if (text == nullptr) return Error{Code::invalid, "its values are texts; give one in quotes, as in = 'RUN'"};
        text_ = *text;
        return {};
    }
    const auto value = convert_exactly(bound, ValueType::boolean);
    if (!value) return Error{Code::invalid, "its values are true and false; give one of them, as in = true"};
    low_whole_ = high_whole_ = std::get<bool>(*value) ? 1 : 0;
    return {};
}

bool ValueFilter::may_hold(const Statistics& statistics, bool bad_too) const {
    if (bad_too && statistics.usable < statistics.rows) return true;
    if (statistics.usable == 0) return false;
    if (type_ == ValueType::text || std::isnan(statistics.min) || std::isnan(statistics.max)) return true;
    if (type_ == ValueType::number)
        return outside_ ? statistics.min < low_ || statistics.max > high_
                        : statistics.max >= low_ && statistics.min <= high_;
    // The extremes of whole numbers are rounded, and so is what they are held against: the order stays, what is equal
    // may be more.
    if (outside_)
        return !(statistics.min == statistics.max && std::abs(statistics.min) < 0x1p53) ||
               statistics.min < static_cast<double>(low_whole_) || statistics.max > static_cast<double>(high_whole_);
    return low_whole_ <= high_whole_ && statistics.max >= static_cast<double>(low_whole_) &&
           statistics.min <= static_cast<double>(high_whole_);
}

void ValueFilter::mark(std::span<const std::uint64_t> bits, std::string_view text, std::uint8_t* marks) const {
    switch (type_) {
        case ValueType::number:
            return mark_doubles(bits.data(), bits.size(), low_, high_, outside_, marks);
        case ValueType::integer:
        case ValueType::boolean:
            return mark_integers(bits.data(), bits.size(), low_whole_, high_whole_, outside_, marks);
        case ValueType::text:
            for (std::size_t i = 0; i < bits.size(); ++i)
                marks[i] = (text.substr(bits[i] >> 32, bits[i] & 0xffffffff) == text_) != outside_ ? 1 : 0;
            return;
    }
}

}  // namespace gongshu::history
