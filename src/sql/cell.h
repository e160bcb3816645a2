#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace gongshu::sql {

// What a column or a parameter holds. Told over the wire between the processes: never renumber.
enum class CellType : std::uint8_t {
    boolean = 1,
    integer = 2,  // 64 bits, signed
    number = 3,   // a double
    text = 4,     // UTF-8
    time = 5,     // ns UTC
    date = 6,     // days since 1970-01-01
    decimal = 7,  // exact digits, "-12.50"; integers of more than 64 bits too
    other = 8,    // as text: blob (hexadecimal, \x00ff), interval, uuid, list, struct, …; Column::declared says which
};
// "boolean" "integer" "number" "text" "time" "date" "decimal" "other"
std::string_view to_string(CellType type);

// Wrappers that keep the types of a Cell apart.
struct Time {
    TimeNs ns = 0;
    friend bool operator==(Time, Time) = default;
};
struct Date {
    std::int32_t days = 0;  // since 1970-01-01
    friend bool operator==(Date, Date) = default;
};
struct Decimal {
    std::string digits;
    friend bool operator==(const Decimal&, const Decimal&) = default;
};

// One value; std::monostate is NULL. As a parameter a text fits any type that SQL can read from text.
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string, Time, Date, Decimal>;

struct Column {
    std::string name;
    CellType type = CellType::text;
    std::string declared;  // as SQL calls it: "BIGINT", "DECIMAL(10,2)", "TIMESTAMP_NS", "VARCHAR[]"
    friend bool operator==(const Column&, const Column&) = default;
};

// Some rows of an answer as columns.
// Threads: a plain value.   Bounds: what fills it asks bytes() when to stop; texts of one column up to 4 GiB.
class Page {
public:
    Page() = default;
    explicit Page(std::vector<CellType> types);

    std::size_t rows() const { return rows_; }
    std::size_t columns() const { return columns_.size(); }
    CellType type(std::size_t column) const { return columns_[column].type; }
    std::size_t bytes() const;       // of memory, about; a text that repeats is kept once
    std::size_t told_bytes() const;  // with every text as often as it stands there

    bool is_null(std::size_t column, std::size_t row) const { return columns_[column].nulls[row] != 0; }
    // Each only for a column of that type and a row that is not null.
    bool boolean(std::size_t column, std::size_t row) const { return columns_[column].bits[row] != 0; }
    std::int64_t integer(std::size_t column, std::size_t row) const;  // of time (ns) and date (days) too
    double number(std::size_t column, std::size_t row) const;
    std::string_view text(std::size_t column, std::size_t row) const;  // of text, decimal and other
    Cell cell(std::size_t column, std::size_t row) const;

    // Fill it column by column of one row, then end_row(): every column must have got one.
    void add_null(std::size_t column);
    void add_boolean(std::size_t column, bool value);
    void add_integer(std::size_t column, std::int64_t value);  // of time and date too
    void add_number(std::size_t column, double value);
    void add_text(std::size_t column, std::string_view value);  // of text, decimal and other
    void end_row() { ++rows_; }

    // As it lies in memory, for the codec between the processes.
    struct OfColumn {
        CellType type = CellType::text;
        std::vector<std::uint64_t> bits;  // of text: offset << 32 | length into pool
        std::vector<std::uint8_t> nulls;
        std::string pool;
    };
    const std::vector<OfColumn>& raw() const { return columns_; }
    // nullopt unless all columns are as long as `rows`, hold what their type can and lie within their pools.
    static std::optional<Page> from_raw(std::vector<OfColumn> columns, std::size_t rows);

private:
    std::vector<OfColumn> columns_;
    std::size_t rows_ = 0;
};

void add_cell(Page& page, std::size_t column, const Cell& cell);

}  // namespace gongshu::sql
