#include "sql/column_condition.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace gongshu::sql {

namespace {

constexpr Comparison kComparisons[] = {Comparison::less,    Comparison::less_or_equal,    Comparison::equal,
                                       Comparison::unequal, Comparison::greater_or_equal, Comparison::greater};
constexpr double kExact = 0x1p53;  // below it whole numbers and doubles are the same in every comparison
constexpr std::size_t kTextShown = 60;

bool holds(double value, Comparison comparison, double bound) {
    switch (comparison) {
        case Comparison::less:
            return value < bound;
        case Comparison::less_or_equal:
            return value <= bound;
        case Comparison::equal:
            return value == bound;
        case Comparison::unequal:
            return value != bound;
        case Comparison::greater_or_equal:
            return value >= bound;
        case Comparison::greater:
            return value > bound;
    }
    return true;
}

bool fits(const ColumnCondition& condition) {
    if (condition.column == "value") {
        const auto* const number = std::get_if<double>(&condition.bound);
        return number != nullptr && std::isfinite(*number);
    }
    if (condition.column == "integer") return std::holds_alternative<std::int64_t>(condition.bound);
    return condition.column == "text" && std::holds_alternative<std::string>(condition.bound);
}

}  // namespace

std::string to_string(const ColumnCondition& condition) {
    std::string text = condition.column + " " + std::string{gongshu::to_string(condition.comparison)} + " ";
    if (const auto* number = std::get_if<double>(&condition.bound)) text += fmt::format("{}", *number);
    if (const auto* whole = std::get_if<std::int64_t>(&condition.bound)) text += fmt::format("{}", *whole);
    if (const auto* plain = std::get_if<std::string>(&condition.bound))
        text += fmt::format("'{}'", cut_utf8(*plain, kTextShown));
    return text;
}

std::pair<std::string, Cell> argument_of(const ColumnCondition& condition) {
    return {condition.column + " " + std::string{gongshu::to_string(condition.comparison)}, condition.bound};
}

Result<std::vector<ColumnCondition>> conditions_of(const std::vector<std::pair<std::string, Cell>>& arguments) {
    std::vector<ColumnCondition> all;
    for (const auto& [name, bound] : arguments) {
        const std::size_t space = name.find(' ');
        if (space == name.npos) continue;
        const auto comparison = std::ranges::find(kComparisons, std::string_view{name}.substr(space + 1),
                                                  [](Comparison one) { return gongshu::to_string(one); });
        if (comparison == std::end(kComparisons) || all.size() == ColumnCondition::kMax)
            return Error{Code::malformed, "\"{}\" is no condition on a column", cut_utf8(name, kTextShown)};
        all.push_back({name.substr(0, space), *comparison, bound});
        if (!fits(all.back()))
            return Error{Code::malformed, "\"{}\" is no condition on a column", cut_utf8(name, kTextShown)};
    }
    return all;
}

std::optional<std::vector<ValueCondition>> conditions_on(TagId tag, ValueType type,
                                                         std::span<const ColumnCondition> all) {
    std::vector<ValueCondition> found;
    bool may_be_true = true, may_be_false = true;  // as 1 and 0, of booleans
    for (const auto& [column, comparison, bound] : all) {
        // The column is NULL for tags of other types, which satisfies no comparison.
        const bool is_null = column == "value" ? type == ValueType::text
                                               : type != (column == "text" ? ValueType::text : ValueType::integer);
        if (is_null) return std::nullopt;
        if (const auto* text = std::get_if<std::string>(&bound)) {
            // The history knows no order of texts.
            if (comparison == Comparison::equal || comparison == Comparison::unequal)
                found.push_back({tag, comparison, *text});
        } else if (const auto* whole = std::get_if<std::int64_t>(&bound)) {
            found.push_back({tag, comparison, *whole});
        } else if (const double number = std::get<double>(bound); type == ValueType::boolean) {
            may_be_true = may_be_true && holds(1, comparison, number);
            may_be_false = may_be_false && holds(0, comparison, number);
        } else if (type == ValueType::number || std::abs(number) < kExact) {
            // Of larger whole numbers SQL compares what is left of them as doubles, the history themselves.
            found.push_back({tag, comparison, number});
        }
    }
    if (!may_be_true && !may_be_false) return std::nullopt;
    if (!may_be_true || !may_be_false) found.push_back({tag, Comparison::equal, may_be_true});
    return found;
}

}  // namespace gongshu::sql
