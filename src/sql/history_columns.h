#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/value.h"
#include "sql/table.h"

namespace gongshu::sql {

using Arguments = std::vector<std::pair<std::string, Cell>>;

// The aggregates that `agg` names, in order and without doubles. Code::invalid for what is none.
Result<std::vector<std::string>> aggregates_of(const Arguments& arguments);
// The columns of history() with these arguments.
Result<std::vector<Column>> history_columns(const Arguments& arguments);
// An argument that the worker adds: the newest so many rows or buckets of each tag are enough.
inline constexpr const char* kNewestArgument = "gongshu_newest";
bool is_given(const Arguments& arguments, std::string_view name);

// Places of the columns; with aggregates these stand behind the first two.
enum : std::size_t { tag_column, ts_column, value_column, quality_column, integer_column, text_column };
// One row of `readings`; `bits` as Rows::bits() has them, of a text nothing.
void write_reading(RowWriter& out, std::string_view path, TimeNs time, ValueType type, std::uint64_t bits,
                   std::string_view text, std::uint16_t quality);

}  // namespace gongshu::sql
