#include "sql/worker/values.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/assert.h"

namespace gongshu::sql {

namespace {

using duck::f;

constexpr std::string_view kTypeNames[] = {"",
                                           "BOOLEAN",
                                           "TINYINT",
                                           "SMALLINT",
                                           "INTEGER",
                                           "BIGINT",
                                           "UTINYINT",
                                           "USMALLINT",
                                           "UINTEGER",
                                           "UBIGINT",
                                           "FLOAT",
                                           "DOUBLE",
                                           "TIMESTAMP",
                                           "DATE",
                                           "TIME",
                                           "INTERVAL",
                                           "HUGEINT",
                                           "VARCHAR",
                                           "BLOB",
                                           "DECIMAL",
                                           "TIMESTAMP_S",
                                           "TIMESTAMP_MS",
                                           "TIMESTAMP_NS",
                                           "ENUM",
                                           "LIST",
                                           "STRUCT",
                                           "MAP",
                                           "UUID",
                                           "UNION",
                                           "BIT",
                                           "TIME WITH TIME ZONE",
                                           "TIMESTAMP WITH TIME ZONE",
                                           "UHUGEINT",
                                           "ARRAY",
                                           "ANY",
                                           "BIGNUM",
                                           "NULL"};

template <class T>
T at(const void* data, std::size_t row) {
    return static_cast<const T*>(data)[row];
}

std::string digits_of(__int128 value, unsigned scale) {
    auto rest = value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
    std::string digits;  // the last one first
    for (; rest != 0; rest /= 10) digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    while (digits.size() <= scale) digits.push_back('0');
    if (scale != 0) digits.insert(scale, 1, '.');
    if (value < 0) digits.push_back('-');
    std::ranges::reverse(digits);
    return digits;
}

__int128 wide(const duck::Hugeint& value) {
    return static_cast<__int128>(static_cast<unsigned __int128>(static_cast<std::uint64_t>(value.upper)) << 64 |
                                 value.lower);
}

void add_wide(Page& page, std::size_t column, __int128 value, unsigned scale = 0) {
    page.add_text(column, digits_of(value, scale));
}

bool add_time(Page& page, std::size_t column, std::int64_t value, std::int64_t unit_ns) {
    std::int64_t ns = 0;
    if (__builtin_mul_overflow(value, unit_ns, &ns)) return false;
    page.add_integer(column, ns);
    return true;
}

void add_decimal(Page& page, std::size_t column, duck::Type type, const void* data, std::size_t row) {
    const unsigned scale = f.decimal_scale(type);
    switch (f.decimal_internal_type(type)) {
        case duck::type_smallint:
            return add_wide(page, column, at<std::int16_t>(data, row), scale);
        case duck::type_integer:
            return add_wide(page, column, at<std::int32_t>(data, row), scale);
        case duck::type_bigint:
            return add_wide(page, column, at<std::int64_t>(data, row), scale);
        default:
            return add_wide(page, column, wide(at<duck::Hugeint>(data, row)), scale);
    }
}

bool add_value(Page& page, std::size_t column, duck::Type type, const void* data, std::size_t row) {
    switch (f.get_type_id(type)) {
        case duck::type_boolean:
            page.add_boolean(column, at<std::uint8_t>(data, row) != 0);
            break;
        case duck::type_tinyint:
            page.add_integer(column, at<std::int8_t>(data, row));
            break;
        case duck::type_smallint:
            page.add_integer(column, at<std::int16_t>(data, row));
            break;
        case duck::type_integer:
            page.add_integer(column, at<std::int32_t>(data, row));
            break;
        case duck::type_bigint:
            page.add_integer(column, at<std::int64_t>(data, row));
            break;
        case duck::type_utinyint:
            page.add_integer(column, at<std::uint8_t>(data, row));
            break;
        case duck::type_usmallint:
            page.add_integer(column, at<std::uint16_t>(data, row));
            break;
        case duck::type_uinteger:
            page.add_integer(column, at<std::uint32_t>(data, row));
            break;
        case duck::type_ubigint:
            add_wide(page, column, at<std::uint64_t>(data, row));
            break;
        case duck::type_hugeint:
            add_wide(page, column, wide(at<duck::Hugeint>(data, row)));
            break;
        case duck::type_float:
            page.add_number(column, at<float>(data, row));
            break;
        case duck::type_double:
            page.add_number(column, at<double>(data, row));
            break;
        case duck::type_date:
            page.add_integer(column, at<std::int32_t>(data, row));
            break;
        case duck::type_timestamp_s:
            return add_time(page, column, at<std::int64_t>(data, row), kSecond);
        case duck::type_timestamp_ms:
            return add_time(page, column, at<std::int64_t>(data, row), kMillisecond);
        case duck::type_timestamp:
        case duck::type_timestamp_tz:
            return add_time(page, column, at<std::int64_t>(data, row), kMicrosecond);
        case duck::type_timestamp_ns:
            page.add_integer(column, at<std::int64_t>(data, row));
            break;
        case duck::type_decimal:
            add_decimal(page, column, type, data, row);
            break;
        case duck::type_varchar: {
            const auto& text = static_cast<const duck::Text*>(data)[row];
            page.add_text(column, {text.data(), text.length});
            break;
        }
        default:
            page.add_null(column);
    }
    return true;
}

bool is_text(CellType type) { return type == CellType::text || type >= CellType::decimal; }

std::int64_t microseconds(TimeNs time) { return time / kMicrosecond - (time % kMicrosecond < 0 ? 1 : 0); }

void fill_column(const Page& page, std::size_t column, std::size_t from, std::size_t rows, duck::Vector vector,
                 bool zoned) {
    const bool shortens = zoned && page.type(column) == CellType::time;
    void* const data = f.vector_get_data(vector);
    f.vector_ensure_validity_writable(vector);
    std::uint64_t* const valid = f.vector_get_validity(vector);
    for (std::size_t i = 0; i < rows; ++i) {
        const std::size_t row = from + i;
        if (page.is_null(column, row)) {
            valid[i / 64] &= ~(std::uint64_t{1} << (i % 64));
        } else if (is_text(page.type(column))) {
            const std::string_view text = page.text(column, row);
            f.vector_assign_string_element_len(vector, i, text.data(), text.size());
        } else if (page.type(column) == CellType::boolean) {
            static_cast<std::uint8_t*>(data)[i] = page.boolean(column, row) ? 1 : 0;
        } else if (page.type(column) == CellType::date) {
            static_cast<std::int32_t*>(data)[i] = static_cast<std::int32_t>(page.integer(column, row));
        } else if (shortens) {
            static_cast<std::int64_t*>(data)[i] = microseconds(page.integer(column, row));
        } else {
            static_cast<std::int64_t*>(data)[i] = page.integer(column, row);  // of a double its bits
        }
    }
}

}  // namespace

TypeMeaning meaning_of(duck::Type type, std::string name) {
    const duck::TypeId id = f.get_type_id(type);
    const auto place = static_cast<std::size_t>(id);
    TypeMeaning meaning{
        {std::move(name), CellType::other, std::string{place < std::size(kTypeNames) ? kTypeNames[place] : "OTHER"}}};
    CellType& told = meaning.column.type;
    switch (id) {
        case duck::type_boolean:
            told = CellType::boolean;
            break;
        case duck::type_tinyint:
        case duck::type_smallint:
        case duck::type_integer:
        case duck::type_bigint:
        case duck::type_utinyint:
        case duck::type_usmallint:
        case duck::type_uinteger:
            told = CellType::integer;
            break;
        case duck::type_float:
        case duck::type_double:
            told = CellType::number;
            break;
        case duck::type_varchar:
            told = CellType::text;
            break;
        case duck::type_timestamp:
        case duck::type_timestamp_s:
        case duck::type_timestamp_ms:
        case duck::type_timestamp_ns:
        case duck::type_timestamp_tz:
            told = CellType::time;
            break;
        case duck::type_date:
            told = CellType::date;
            break;
        case duck::type_ubigint:
        case duck::type_hugeint:
            told = CellType::decimal;
            break;
        case duck::type_decimal:
            told = CellType::decimal;
            meaning.column.declared = fmt::format("DECIMAL({},{})", f.decimal_width(type), f.decimal_scale(type));
            break;
        case duck::type_sqlnull:
            told = CellType::text;
            break;
        default:
            meaning.plain = false;
    }
    return meaning;
}

duck::TypeId type_of(CellType type, bool zoned) {
    switch (type) {
        case CellType::boolean:
            return duck::type_boolean;
        case CellType::integer:
            return duck::type_bigint;
        case CellType::number:
            return duck::type_double;
        case CellType::time:
            return zoned ? duck::type_timestamp_tz : duck::type_timestamp_ns;
        case CellType::date:
            return duck::type_date;
        case CellType::text:
        case CellType::decimal:
        case CellType::other:
            break;
    }
    return duck::type_varchar;
}

bool append_chunk(duck::Chunk chunk, const std::vector<duck::Type>& types, Page& page) {
    const std::size_t rows = f.data_chunk_get_size(chunk);
    for (std::size_t column = 0; column < types.size(); ++column) {
        duck::Vector vector = f.data_chunk_get_vector(chunk, column);
        const void* const data = f.vector_get_data(vector);
        const std::uint64_t* const valid = f.vector_get_validity(vector);
        for (std::size_t row = 0; row < rows; ++row) {
            if (valid != nullptr && (valid[row / 64] >> (row % 64) & 1) == 0)
                page.add_null(column);
            else if (!add_value(page, column, types[column], data, row))
                return false;
        }
    }
    for (std::size_t row = 0; row < rows; ++row) page.end_row();
    return true;
}

std::size_t fill_chunk(const Page& page, std::size_t from, const std::vector<std::size_t>& places, duck::Chunk chunk,
                       bool zoned) {
    const std::size_t rows = std::min<std::size_t>(page.rows() - from, f.vector_size());
    for (std::size_t column = 0; column < std::min(page.columns(), places.size()); ++column)
        fill_column(page, column, from, rows, f.data_chunk_get_vector(chunk, places[column]), zoned);
    f.data_chunk_set_size(chunk, rows);
    return rows;
}

duck::Value make_value(const Cell& cell, bool zoned) {
    const auto text = [](const std::string& bytes) { return f.create_varchar_length(bytes.data(), bytes.size()); };
    if (const auto* boolean = std::get_if<bool>(&cell)) return f.create_bool(*boolean);
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return f.create_int64(*integer);
    if (const auto* number = std::get_if<double>(&cell)) return f.create_double(*number);
    if (const auto* plain = std::get_if<std::string>(&cell)) return text(*plain);
    if (const auto* decimal = std::get_if<Decimal>(&cell)) return text(decimal->digits);
    if (const auto* time = std::get_if<Time>(&cell))
        return zoned ? f.create_timestamp_tz(microseconds(time->ns)) : f.create_timestamp_ns(time->ns);
    if (const auto* date = std::get_if<Date>(&cell)) return f.create_date(date->days);
    return f.create_null_value();
}

std::vector<Cell> take_cells(duck::Value value) {
    if (value == nullptr) return {};
    std::vector<Cell> cells;
    const duck::TypeId id = f.get_type_id(f.get_value_type(value));
    if (f.is_null_value(value)) {
        cells.emplace_back();
    } else if (id == duck::type_list || id == duck::type_array) {
        for (duck::idx i = 0; i < f.get_list_size(value); ++i)
            for (Cell& one : take_cells(f.get_list_child(value, i))) cells.push_back(std::move(one));
    } else if (id == duck::type_timestamp_tz) {
        std::int64_t ns = 0;
        const std::int64_t us = f.get_timestamp_tz(value);
        if (__builtin_mul_overflow(us, kMicrosecond, &ns)) ns = us < 0 ? INT64_MIN : INT64_MAX;
        cells.emplace_back(Time{ns});
    } else {
        char* const text = f.get_varchar(value);
        cells.emplace_back(std::string{text == nullptr ? "" : text});
        f.free(text);
    }
    f.destroy_value(&value);
    return cells;
}

}  // namespace gongshu::sql
