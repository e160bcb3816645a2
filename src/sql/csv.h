#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/cell.h"

// Rows of an answer as CSV by RFC 4180: times as RFC 3339 in UTC, NULL and what is no number as nothing.
// `local`: whether the times of each column are of a clock whose zone is not known, written without one.
namespace gongshu::sql {

void append_csv_head(std::string& out, const std::vector<Column>& columns);
// A row of this text alone.
void append_csv_text(std::string& out, std::string_view text);
void append_csv_row(std::string& out, const Page& page, std::size_t row, const std::vector<bool>& local = {});

}  // namespace gongshu::sql
