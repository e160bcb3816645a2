#pragma once

#include <string>
#include <string_view>
#include <vector>

// Headers of more than one row.
namespace gongshu::importer {

// A cell of a header on one line, without blanks at its ends.
std::string heading_text(std::string_view cell);

// "℃", "(件)", "[MPa]": a unit and no name. Single letters and min are names: columns are called t or min.
bool is_unit_cell(std::string_view text);

// The rows of a header as one name a column: "炉温" over "实际值" and "℃" is "炉温 / 实际值 (℃)". A cell that is empty
// or the same as above adds nothing; an empty one at the top belongs to its neighbour at the left while there are names
// below both, as merged cells come out of a spreadsheet as CSV.
std::vector<std::string> join_header(const std::vector<std::vector<std::string>>& rows);

}  // namespace gongshu::importer
