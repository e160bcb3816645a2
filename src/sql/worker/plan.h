#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/json.h"
#include "sql/cell.h"
#include "sql/column_condition.h"
#include "sql/sql.h"

// What a statement reads, told from its tree as DuckDB writes it (json_serialize_sql): may it be run, and which part of
// the history does each mention of the view `readings` and of the function history() need? Pure.
namespace gongshu::sql {

// Of one mention: every row that the statement can use lies within. What is not known is not bounded.
struct Bounds {
    std::string table = "readings";                // or history, whose arguments say the times and tags
    std::optional<TimeNs> since, until;            // until is exclusive
    std::optional<std::vector<std::string>> tags;  // paths and globs
    std::vector<ColumnCondition> values;           // all of which hold
    std::uint64_t newest = 0;  // > 0: the newest so many rows of each tag are enough, by times to the nanosecond
    friend bool operator==(const Bounds&, const Bounds&) = default;
};
// "readings: since 2026-01-01T00:00:00Z, tags plant/**, value > 90"
std::string to_text(const Bounds& bounds);

struct Plan {
    // Each bounded mention of readings has become gongshu_readings(N), and history(…) with conditions on its values
    // history(gongshu_bounds := N, …); N into `bounds`.
    std::string text;
    std::vector<Bounds> bounds;

    // Where something at this byte of `text` stands in the statement as it came.
    std::size_t original(std::size_t at) const;
    struct Cut {
        std::size_t at = 0;  // in the statement as it came
        std::size_t removed = 0, inserted = 0;
    };
    std::vector<Cut> cuts;  // in order of `at`
};

// The time that an expression without columns is; nullopt if it is none, a Failure if it is a text that cannot be read
// as one.
using EvaluateTime = std::function<Outcome<std::optional<TimeNs>>(const Json& expression)>;

// `tree` is that of `statement`. A Failure says what is not allowed: several statements, a table function that is not
// on the list. Bounds are a superset of what the statement needs: its own conditions stay and are checked again.
// Texts and numbers are known from literals and parameters alone: what is worked out is not told to the history.
Outcome<Plan> plan_statement(std::string_view statement, const Json& tree, const std::vector<Cell>& parameters,
                             const EvaluateTime& evaluate_time);

}  // namespace gongshu::sql
