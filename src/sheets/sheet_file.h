#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Sheets: how a table of devices or tags is written as CSV for Excel, and read when it comes back, as CSV or a
// workbook.
namespace gongshu::sheets {

struct SheetRow {
    std::uint64_t line = 0;  // of the file, from 1
    std::vector<std::string> cells;
};

struct SheetFile {
    std::vector<std::string> names;  // the header, blanks at its ends taken off
    std::vector<SheetRow> rows;      // each with as many cells as the header; those that are empty are left out
    std::string encoding;            // "utf-8", "gb18030", "xlsx", "xls", as it was found
};

struct SheetLimits {
    std::size_t rows_max = 10'000;
    std::size_t columns_max = 200;
};

// A workbook (.xlsx, .xls: its first visible sheet with rows) or CSV: comma, semicolon or tab; UTF-8, UTF-16, GB18030,
// found out by themselves; fields quoted as in RFC 4180. Code::invalid names the line; Code::unsupported for what is
// neither, Code::limit for what is too long.
Result<SheetFile> read_sheet(std::string_view bytes, const SheetLimits& limits = {});

// Appends one line to `out`. Texts that a spreadsheet would take for a formula (= + - @ at their beginning, and what
// begins with ' before one of these) get a ' in front, which read_sheet() takes off again.
struct SheetCell {
    std::string text;
    bool is_number = false;  // stands as it is
};
void write_row(std::string& out, const std::vector<SheetCell>& cells);
// What a file begins with, so that Excel takes it for UTF-8.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace gongshu::sheets
