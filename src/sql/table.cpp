#include "sql/table.h"

#include <cmath>

namespace gongshu::sql {

const Cell* ScanRequest::find(std::string_view name) const {
    for (const auto& [argument, cell] : arguments)
        if (argument == name) return &cell;
    return nullptr;
}

std::vector<CellType> ScanRequest::types() const {
    std::vector<CellType> types;
    for (const std::uint32_t column : columns) types.push_back(all[column].type);
    return types;
}

RowWriter::RowWriter(Page& page, const ScanRequest& request) : page_(page), places_(request.all.size()) {
    for (std::size_t i = 0; i < request.columns.size(); ++i) places_[request.columns[i]] = i;
}

std::optional<std::size_t> RowWriter::place(std::size_t column) const { return places_[column]; }

void RowWriter::text(std::size_t column, std::string_view value) {
    if (const auto at = place(column)) page_.add_text(*at, value);
}
void RowWriter::text_or_null(std::size_t column, std::string_view value) {
    value.empty() ? null(column) : text(column, value);
}
void RowWriter::integer(std::size_t column, std::int64_t value) {
    if (const auto at = place(column)) page_.add_integer(*at, value);
}
void RowWriter::number(std::size_t column, double value) {
    if (std::isnan(value)) return null(column);
    if (const auto at = place(column)) page_.add_number(*at, value);
}
void RowWriter::boolean(std::size_t column, bool value) {
    if (const auto at = place(column)) page_.add_boolean(*at, value);
}
void RowWriter::null(std::size_t column) {
    if (const auto at = place(column)) page_.add_null(*at);
}

}  // namespace gongshu::sql
