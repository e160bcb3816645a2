#pragma once

#include <optional>
#include <string_view>

#include "expr/expr.h"
#include "expr/program.h"

namespace gongshu::expr {

// What the compiler knows of a function besides its help.
//
// Of a plain function `arguments` has one letter for each, and `result` one:
//   n a number; its unit is that of the result       s a text
//   l a number that is brought to the first's unit   t a condition
//   p a plain number (80% is 0.8)                    v a text, number, condition or time
//   a an angle, brought to radian, or a plain number x anything; the others are like it
//   d a date                                         "?" before a letter: that one may be left out; "+" at the end: two
//   or more of it
// result: k as the first argument, p a plain number, r an angle, q the square root of the first's unit, i a whole
// number,
//         t a condition, s a text, d a date, m money.
// min and max are windows when the second argument is a duration. Windows take a tag or a calculation, how long, what
// `arguments` says ("p"; "?p"), and how long ago it ended.
struct Function {
    FunctionInfo info;
    NodeOp op = NodeOp::number;
    std::string_view arguments = {};
    char result = 'k';
    std::optional<Aggregate> aggregate = {};
    std::optional<CalendarField> field = {};
};

std::span<const Function> function_table();
const Function* find_function(std::string_view name);

}  // namespace gongshu::expr
