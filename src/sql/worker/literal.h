#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/json.h"
#include "sql/cell.h"

// What stands in a statement's tree as a literal, or is the value of a bare parameter, read without the engine: exactly
// as SQL holds it against a column. nullopt for everything else, a cast or a sum too. Pure.
namespace gongshu::sql {

// The tree as text with what it says of DOUBLEs in quotes, so that no reader of JSON rounds them.
std::string with_exact_doubles(std::string_view tree);

std::optional<std::string> literal_text(const Json& expression, const std::vector<Cell>& parameters);
// Against a DOUBLE: finite. A decimal only where its nearest double is certain, a text where it is a number.
std::optional<double> literal_number(const Json& expression, const std::vector<Cell>& parameters);
// Against a BIGINT, without either becoming something else.
std::optional<std::int64_t> literal_whole(const Json& expression, const std::vector<Cell>& parameters);
// The digits of a DOUBLE that stands there as one.
std::optional<std::string_view> double_digits(const Json& expression);

// Of $N, counted from 1; nullptr if it is no parameter or has no value.
const Cell* parameter_value(const Json& expression, const std::vector<Cell>& parameters);

}  // namespace gongshu::sql
