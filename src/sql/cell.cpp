#include "sql/cell.h"

#include <bit>

#include "base/assert.h"

namespace gongshu::sql {

std::string_view to_string(CellType type) {
    switch (type) {
        case CellType::boolean:
            return "boolean";
        case CellType::integer:
            return "integer";
        case CellType::number:
            return "number";
        case CellType::text:
            return "text";
        case CellType::time:
            return "time";
        case CellType::date:
            return "date";
        case CellType::decimal:
            return "decimal";
        case CellType::other:
            return "other";
    }
    return "other";
}

Page::Page(std::vector<CellType> types) {
    columns_.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) columns_[i].type = types[i];
}

std::size_t Page::bytes() const {
    std::size_t bytes = 0;
    for (const OfColumn& column : columns_) bytes += column.pool.size() + column.bits.size() * 9;
    return bytes;
}

std::int64_t Page::integer(std::size_t column, std::size_t row) const {
    return static_cast<std::int64_t>(columns_[column].bits[row]);
}

double Page::number(std::size_t column, std::size_t row) const {
    return std::bit_cast<double>(columns_[column].bits[row]);
}

std::string_view Page::text(std::size_t column, std::size_t row) const {
    const std::uint64_t place = columns_[column].bits[row];
    return std::string_view{columns_[column].pool}.substr(place >> 32, place & UINT32_MAX);
}

Cell Page::cell(std::size_t column, std::size_t row) const {
    if (is_null(column, row)) return {};
    switch (type(column)) {
        case CellType::boolean:
            return boolean(column, row);
        case CellType::integer:
            return integer(column, row);
        case CellType::number:
            return number(column, row);
        case CellType::time:
            return Time{integer(column, row)};
        case CellType::date:
            return Date{static_cast<std::int32_t>(integer(column, row))};
        case CellType::decimal:
            return Decimal{std::string{text(column, row)}};
        case CellType::text:
        case CellType::other:
            break;
    }
    return std::string{text(column, row)};
}

void Page::add_null(std::size_t column) {
    columns_[column].bits.push_back(0);
    columns_[column].nulls.push_back(1);
}

void Page::add_boolean(std::size_t column, bool value) { add_integer(column, value ? 1 : 0); }

void Page::add_integer(std::size_t column, std::int64_t value) {
    columns_[column].bits.push_back(static_cast<std::uint64_t>(value));
    columns_[column].nulls.push_back(0);
}

void Page::add_number(std::size_t column, double value) {
    columns_[column].bits.push_back(std::bit_cast<std::uint64_t>(value));
    columns_[column].nulls.push_back(0);
}

void Page::add_text(std::size_t column, std::string_view value) {
    OfColumn& to = columns_[column];
    ASSERT(to.pool.size() + value.size() <= UINT32_MAX);
    to.bits.push_back(static_cast<std::uint64_t>(to.pool.size()) << 32 | value.size());
    to.nulls.push_back(0);
    to.pool.append(value);
}

}  // namespace gongshu::sql
