#pragma once

#include <optional>
#include <string_view>

#include "expr/expr.h"
#include "expr/program.h"

namespace gongshu::expr {

enum class FunctionGroup : std::uint8_t { choose, math, least_most, window, since };

// What the checker knows of a function besides its help. min and max are windows when the second argument is a
// duration.
struct Function {
    FunctionInfo info;
    FunctionGroup group;
    NodeOp op = NodeOp::number;               // math, least_most
    std::optional<Aggregate> aggregate = {};  // window, least_most
};

const Function* find_function(std::string_view name);

}  // namespace gongshu::expr
