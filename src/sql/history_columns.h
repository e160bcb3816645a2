#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sql/cell.h"

namespace gongshu::sql {

using Arguments = std::vector<std::pair<std::string, Cell>>;

// The aggregates that `agg` names, in order and without doubles. Code::invalid for what is none.
Result<std::vector<std::string>> aggregates_of(const Arguments& arguments);
// The columns of history() with these arguments.
Result<std::vector<Column>> history_columns(const Arguments& arguments);
bool is_given(const Arguments& arguments, std::string_view name);

}  // namespace gongshu::sql
