#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/selection.h"
#include "sql/cell.h"

namespace gongshu::sql {

// What a statement's WHERE asks of a column of readings (value, integer, text), so that the history need not give rows
// that SQL rejects. SQL asks again: what is let through too much does no harm, what is left out wrongly does.
struct ColumnCondition {
    static constexpr std::size_t kMax = 16;  // of one mention

    std::string column;
    Comparison comparison = Comparison::equal;
    Cell bound;  // of value a finite double, of integer a whole number, of text a text
    friend bool operator==(const ColumnCondition&, const ColumnCondition&) = default;
};
std::string to_string(const ColumnCondition& condition);  // "value > 90"

// As an argument of a table in Open, and back: those of `arguments` that are conditions. Code::malformed.
std::pair<std::string, Cell> argument_of(const ColumnCondition& condition);
Result<std::vector<ColumnCondition>> conditions_of(const std::vector<std::pair<std::string, Cell>>& arguments);

// The same as the history keeps it for one tag: conditions that each row which satisfies `all` satisfies, none where
// any may; nullopt if none of its rows does, as texts in `value > 90`.
std::optional<std::vector<ValueCondition>> conditions_on(TagId tag, ValueType type,
                                                         std::span<const ColumnCondition> all);

}  // namespace gongshu::sql
