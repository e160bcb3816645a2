#pragma once

#include <string_view>
#include <vector>

#include "expr/error.h"

namespace gongshu::expr {

// Where something is wrong: columns as in ExprError.
struct Place {
    std::uint32_t column = 1, length = 0;
    std::string found;
};

// The error of that code, which is one of the table in messages.cpp.
ExprError make_error(std::string_view code, Place place, std::vector<ErrorParam> params = {},
                     std::vector<std::string> suggest = {});

}  // namespace gongshu::expr
