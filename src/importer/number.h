#pragma once

#include <optional>
#include <string_view>

namespace gongshu::importer {

// How numbers are written in a file.
struct NumberStyle {
    char decimal = '.';
    char thousands = '\0';  // '\0' = none; a blank also means the no-break blank
};

// Blanks around it are passed over; a plus sign and exponents are taken, nothing may follow. nullopt for anything else,
// infinities and NaN among it. The nearest double, as std::from_chars gives.
std::optional<double> parse_number(std::string_view text, NumberStyle style = {});
std::optional<long long> parse_integer(std::string_view text, NumberStyle style = {});
// true false, yes no, on off, 1 0, 是否, 开关, in any case of letters.
std::optional<bool> parse_boolean(std::string_view text);

std::string_view trim(std::string_view text);

}  // namespace gongshu::importer
