#include "sql/csv.h"

#include <fmt/format.h>

#include <cmath>

#include "base/time_text.h"

namespace gongshu::sql {

namespace {

void append_text(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos && !text.empty()) {
        out.append(text);
        return;
    }
    out.push_back('"');
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    out.push_back('"');
}

void append_cell(std::string& out, const Page& page, std::size_t column, std::size_t row, bool local) {
    switch (page.type(column)) {
        case CellType::boolean:
            out.append(page.boolean(column, row) ? "true" : "false");
            break;
        case CellType::integer:
            out.append(fmt::format("{}", page.integer(column, row)));
            break;
        case CellType::number:
            if (std::isfinite(page.number(column, row))) out.append(fmt::format("{}", page.number(column, row)));
            break;
        case CellType::time:
            out.append(format_time(page.integer(column, row)));
            if (local) out.pop_back();  // the Z
            break;
        case CellType::date:
            out.append(format_date(static_cast<std::int32_t>(page.integer(column, row))));
            break;
        case CellType::decimal:
            out.append(page.text(column, row));
            break;
        case CellType::text:
        case CellType::other:
            append_text(out, page.text(column, row));
            break;
    }
}

}  // namespace

void append_csv_head(std::string& out, const std::vector<Column>& columns) {
    for (const Column& column : columns) {
        if (&column != columns.data()) out.push_back(',');
        append_text(out, column.name);
    }
    out.append("\r\n");
}

void append_csv_text(std::string& out, std::string_view text) {
    append_text(out, text);
    out.append("\r\n");
}

void append_csv_row(std::string& out, const Page& page, std::size_t row, const std::vector<bool>& local) {
    for (std::size_t column = 0; column < page.columns(); ++column) {
        if (column > 0) out.push_back(',');
        if (!page.is_null(column, row)) append_cell(out, page, column, row, !local.empty() && local[column]);
    }
    out.append("\r\n");
}

}  // namespace gongshu::sql
