#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "data/selection.h"

namespace gongshu::api {

// where=temperature>80: a property of the devices that are asked for, and what it has to be.
struct WhereText {
    std::string property;
    Comparison comparison = Comparison::greater;
    Value bound;
};
// PROPERTY and one of < <= = == != >= > and a number, true, false or a text in quotes; or PROPERTY between A and B,
// which is two of them. Code::invalid, naming what is not understood, after "where: ".
Result<std::vector<WhereText>> parse_where(std::string_view text);

}  // namespace gongshu::api
