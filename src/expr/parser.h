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
    hold,     // kids[0] for `number` seconds
    back,     // kids[0] @ - duration
    between,  // kids[0] between kids[1] and kids[2]
    in,       // kids[0] in the others
    choose,   // if kids[0] then kids[1] else kids[2]
    call,     // text = name of the function
};

// One node of what was written. `column` and `length` cover the whole of it.
struct Ast {
    Op op;
    std::uint32_t column = 1, length = 0;
    Token token;  // the operator, or the leaf itself
    std::vector<std::unique_ptr<Ast>> kids;
};

// Grammar, loosest first:
// whole := any ("for" duration)*     any := all ("or" all)*
// all := not ("and" not)*     not := "not" not | comparison
// comparison := sum (op sum | ["not"] "between" sum "and" sum | ["not"] "in" "(" sum ("," sum)* ")")?
// sum := product (("+"|"-") product)*     product := either (("*"|"/"|"%") either)*
// either := unary ("??" unary)*
// unary := ("-"|"+") unary | power     power := back ("^" unary)?     back := primary ("@" "-" duration)*
// primary := number | duration | text | "true" | "false" | name (".quality")? | name "(" whole ("," whole)* ")"
//          | "(" whole ")" | "if" whole "then" whole "else" whole
// between, in, then and else are words only where an operator can stand; if is one only before a condition and "then".
Checked<std::unique_ptr<Ast>> parse(std::string_view text);

}  // namespace gongshu::expr
