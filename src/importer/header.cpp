#include "importer/header.h"

#include <algorithm>

#include "expr/units.h"
#include "importer/number.h"

namespace gongshu::importer {
namespace {

constexpr std::pair<std::string_view, std::string_view> kBrackets[] = {
    {"(", ")"}, {"[", "]"}, {"（", "）"}, {"【", "】"}};

bool is_bracketed(std::string_view text) {
    return std::ranges::any_of(
        kBrackets, [&](const auto& pair) { return text.starts_with(pair.first) && text.ends_with(pair.second); });
}

}  // namespace

std::string heading_text(std::string_view cell) {
    std::string out;
    for (const char c : cell) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank)
            out.push_back(c);
        else if (!out.empty() && out.back() != ' ')
            out.push_back(' ');
    }
    return std::string(trim(out));
}

bool is_unit_cell(std::string_view text) {
    if (text.empty() || text.size() > 24) return false;
    if (is_bracketed(text)) return true;
    const bool is_letter = text.size() == 1 && text != "%" && text != "V" && text != "A" && text != "W";
    return !is_letter && text != "min" && text != "max" && expr::check_unit(text).has_value();
}

std::vector<std::string> join_header(const std::vector<std::vector<std::string>>& rows) {
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row.size());
    const auto cell = [&](std::size_t row, std::size_t column) -> std::string_view {
        return column < rows[row].size() ? std::string_view(rows[row][column]) : std::string_view{};
    };
    const auto names_below = [&](std::size_t row, std::size_t column) {
        for (std::size_t i = row + 1; i < rows.size(); ++i)
            if (!cell(i, column).empty() && cell(i, column) != cell(row, column)) return true;
        return false;
    };
    std::vector<std::string> names;
    std::vector<std::string_view> at_left(rows.size());
    for (std::size_t column = 0; column < width; ++column) {
        std::string name;
        std::string_view above;
        for (std::size_t row = 0; row < rows.size(); ++row) {
            std::string_view text = cell(row, column);
            if (text.empty() && column > 0 && names_below(row, column) && names_below(row, column - 1))
                text = at_left[row];
            at_left[row] = text;
            if (text.empty() || text == above) continue;
            above = text;
            if (name.empty())
                name = text;
            else if (row + 1 == rows.size() && is_unit_cell(text))
                name += is_bracketed(text) ? " " + std::string(text) : " (" + std::string(text) + ")";
            else
                name += " / " + std::string(text);
        }
        names.push_back(std::move(name));
    }
    return names;
}

}  // namespace gongshu::importer
