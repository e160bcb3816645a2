#pragma once

#include <memory>
#include <vector>

#include "expr/lexer.h"

namespace gongshu::expr {

enum class Op : std::uint8_t {
    number,
    duration,
    boolean,
    text,
    name,
    quality_of,  // leaves; quality_of: kids[0] is a name
    negate,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    power,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    not_,
    and_,
    or_,
    hold,  // hold: kids[0] for `number` seconds
    call,  // text = name of the function
};

// One node of what was written. `column` and `length` cover the whole of it.
struct Ast {
    Op op;
    std::uint32_t column = 1, length = 0;
    Token token;  // the operator, or the leaf itself
    std::vector<std::unique_ptr<Ast>> kids;
};

// Grammar, loosest first:  hold := or ("for" duration)*   or := and ("or" and)*   and := not ("and" not)*
// not := "not" not | comparison   comparison := sum (op sum)?   sum := product (("+"|"-") product)*
// product := unary (("*"|"/"|"%") unary)*   unary := ("-"|"+") unary | power   power := primary ("^" unary)?
// primary := number | duration | text | "true" | "false" | name (".quality")? | name "(" hold ("," hold)* ")" | "("
// hold ")"
Checked<std::unique_ptr<Ast>> parse(std::string_view text);

}  // namespace gongshu::expr
