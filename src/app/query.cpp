#include "app/query.h"

#include <algorithm>
#include <vector>

#include "base/time_text.h"

namespace gongshu::app {

namespace {

constexpr std::size_t kCellMax = 60;  // characters of a column, but its last

bool goes_on(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// In columns of a terminal, as far as that can be told without a table: wide are the signs of the East.
std::size_t width(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) columns += goes_on(c) ? 0 : static_cast<unsigned char>(c) >= 0xE3 ? 2 : 1;
    return columns;
}

std::string cell_text(const Json& cell, std::string_view type) {
    if (cell.is_null()) return "";
    if (type == "time" && cell.is_int64()) return format_time(cell.get_int64());
    if (!cell.is_string()) return registry::to_text(cell);
    std::string text{std::string_view{cell.get_string()}};
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    return text;
}

void cut(std::string& text) {
    if (width(text) <= kCellMax) return;
    std::size_t at = kCellMax - 1;
    while (at > 0 && goes_on(text[at])) --at;
    text.resize(at);
    text += "…";
}

}  // namespace

Result<std::string> query_table(const Json& answer) {
    std::vector<std::string> types;
    std::vector<std::vector<std::string>> rows(1);
    for (const Json& column : answer.at("columns").as_array()) {
        rows[0].emplace_back(std::string_view{column.at("name").as_string()});
        types.emplace_back(std::string_view{column.at("type").as_string()});
    }
    for (const Json& row : answer.at("rows").as_array()) {
        auto& texts = rows.emplace_back();
        for (std::size_t i = 0; i < types.size(); ++i) {
            texts.push_back(cell_text(row.as_array().at(i), types[i]));
            if (i + 1 < types.size()) cut(texts.back());
        }
    }
    std::vector<std::size_t> widths(types.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool right = types[i] == "number" || types[i] == "integer" || types[i] == "decimal";
            const std::string space(widths[i] - width(row[i]), ' ');
            if (right) out += space;
            out += row[i];
            if (i + 1 < row.size()) out += (right ? "" : space) + "  ";
        }
        out += '\n';
    }
    return out + fmt::format("({} row{})\n", rows.size() - 1, rows.size() == 2 ? "" : "s");
}

}  // namespace gongshu::app
