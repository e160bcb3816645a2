#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gongshu {

enum class ValueType : std::uint8_t { number = 1, integer = 2, boolean = 3, text = 4 };  // on disk: never renumber

// One value outside of a batch. The order of the alternatives is that of ValueType.
using Value = std::variant<double, std::int64_t, bool, std::string>;

constexpr ValueType type_of(const Value& value) { return static_cast<ValueType>(value.index() + 1); }
std::string_view to_string(ValueType type);
std::optional<ValueType> parse_value_type(std::string_view name);

// The same value as another type if nothing is lost: integer <-> number within 2^53 and whole, boolean -> 0/1,
// number 0/1 -> boolean; text converts to and from nothing else. nullopt if it does not fit.
std::optional<Value> convert_exactly(const Value& value, ValueType to);

// number, integer and boolean as a number (true = 1); nullopt for text.
std::optional<double> as_number(const Value& value);

// For people and logs: shortest digits that read back the same; text unquoted.
std::string to_string(const Value& value);

}  // namespace gongshu
