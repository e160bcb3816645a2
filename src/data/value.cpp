#include "data/value.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace gongshu {
namespace {

constexpr std::array<std::string_view, 5> kNames{"", "number", "integer", "boolean", "text"};
constexpr std::int64_t kExactMax = std::int64_t{1} << 53;  // every whole number up to here is a double

std::optional<Value> number_to_integer(double number) {
    if (!(number >= -static_cast<double>(kExactMax) && number <= static_cast<double>(kExactMax))) return std::nullopt;
    if (std::trunc(number) != number) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

std::optional<Value> integer_to(std::int64_t integer, ValueType to) {
    if (to == ValueType::number && integer >= -kExactMax && integer <= kExactMax) return static_cast<double>(integer);
    if (to == ValueType::boolean && (integer == 0 || integer == 1)) return integer == 1;
    return std::nullopt;
}

}  // namespace

std::string_view to_string(ValueType type) { return kNames[static_cast<std::size_t>(type)]; }

std::optional<ValueType> parse_value_type(std::string_view name) {
    for (std::size_t i = 1; i < kNames.size(); ++i)
        if (kNames[i] == name) return static_cast<ValueType>(i);
    return std::nullopt;
}

std::optional<Value> convert_exactly(const Value& value, ValueType to) {
    if (type_of(value) == to) return value;
    if (const auto* number = std::get_if<double>(&value)) {
        if (to == ValueType::integer) return number_to_integer(*number);
        if (to == ValueType::boolean && (*number == 0 || *number == 1)) return *number == 1;
        return std::nullopt;
    }
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return integer_to(*integer, to);
    if (const auto* boolean = std::get_if<bool>(&value)) {
        if (to == ValueType::number) return *boolean ? 1.0 : 0.0;
        if (to == ValueType::integer) return std::int64_t{*boolean ? 1 : 0};
    }
    return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? 1.0 : 0.0;
    return std::nullopt;
}

std::string to_string(const Value& value) {
    return std::visit([](const auto& held) { return fmt::format("{}", held); }, value);
}

}  // namespace gongshu
