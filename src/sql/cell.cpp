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

std::size_t Page::told_bytes() const {
    std::size_t bytes = 0;
    for (const OfColumn& column : columns_) {
        bytes += column.bits.size() * 9;
        if (column.type == CellType::text || column.type >= CellType::decimal)
            for (const std::uint64_t place : column.bits) bytes += place & UINT32_MAX;
    }
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
    to.nulls.push_back(0);
    // What repeats, as the name of a tag does, is kept once.
    if (!to.bits.empty() && !value.empty()) {
        const std::uint64_t last = to.bits.back();
        if (std::string_view{to.pool}.substr(last >> 32, last & UINT32_MAX) == value) return to.bits.push_back(last);
    }
    to.bits.push_back(static_cast<std::uint64_t>(to.pool.size()) << 32 | value.size());
    to.pool.append(value);
}

std::optional<Page> Page::from_raw(std::vector<OfColumn> columns, std::size_t rows) {
    for (const OfColumn& column : columns) {
        if (column.bits.size() != rows || column.nulls.size() != rows) return std::nullopt;
        const bool is_text = column.type == CellType::text || column.type >= CellType::decimal;
        for (std::size_t i = 0; i < rows; ++i) {
            const std::uint64_t bits = column.bits[i];
            if (column.nulls[i] > 1) return std::nullopt;
            if (column.type == CellType::boolean && bits > 1) return std::nullopt;
            if (is_text && (bits >> 32) + (bits & UINT32_MAX) > column.pool.size()) return std::nullopt;
        }
    }
    Page page;
    page.columns_ = std::move(columns);
    page.rows_ = rows;
    return page;
}

void add_cell(Page& page, std::size_t column, const Cell& cell) {
    if (std::holds_alternative<std::monostate>(cell)) return page.add_null(column);
    if (const auto* boolean = std::get_if<bool>(&cell)) return page.add_boolean(column, *boolean);
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return page.add_integer(column, *integer);
    if (const auto* number = std::get_if<double>(&cell)) return page.add_number(column, *number);
    if (const auto* time = std::get_if<Time>(&cell)) return page.add_integer(column, time->ns);
    if (const auto* date = std::get_if<Date>(&cell)) return page.add_integer(column, date->days);
    if (const auto* decimal = std::get_if<Decimal>(&cell)) return page.add_text(column, decimal->digits);
    page.add_text(column, std::get<std::string>(cell));
}

}  // namespace gongshu::sql
