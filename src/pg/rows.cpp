#include "pg/rows.h"

#include <limits>

namespace gongshu::pg {

namespace {

using sql::CellType;
using wire::PgField;
using wire::PgFormat;
using wire::PgType;

constexpr std::string_view kWithZone = "TIMESTAMP WITH TIME ZONE";

std::int32_t offset_of(const calendar::Zone& zone, TimeNs time) {
    const std::int64_t utc = time / kSecond - (time % kSecond < 0 ? 1 : 0);
    return static_cast<std::int32_t>(zone.local_seconds(time) - utc);
}

TimeNs instant_of(TimeNs clock, const calendar::Zone& zone) {
    const std::int64_t minutes = clock / kMinute - (clock % kMinute < 0 ? 1 : 0);
    const std::int64_t day = minutes / 1440 - (minutes % 1440 < 0 ? 1 : 0);
    TimeNs time = zone.instant(static_cast<calendar::Day>(day), static_cast<int>(minutes - day * 1440));
    if (__builtin_add_overflow(time, clock - minutes * kMinute, &time)) return std::numeric_limits<TimeNs>::max();
    return time;
}

void append_value(std::string& out, const PgField& field, const sql::Page& page, std::size_t column, std::size_t row,
                  const calendar::Zone& zone) {
    switch (page.type(column)) {
        case CellType::boolean:
            return wire::append_pg_boolean(out, field.format, page.boolean(column, row));
        case CellType::integer:
            return wire::append_pg_integer(out, field.type, field.format, page.integer(column, row));
        case CellType::number:
            return wire::append_pg_number(out, field.format, page.number(column, row));
        case CellType::time: {
            const TimeNs time = page.integer(column, row);
            if (field.type == PgType::timestamp) return wire::append_pg_clock(out, field.format, time);
            return wire::append_pg_time(out, field.format, time, offset_of(zone, time));
        }
        case CellType::date:
            return wire::append_pg_date(out, field.format, static_cast<std::int32_t>(page.integer(column, row)));
        case CellType::decimal:
            return wire::append_pg_numeric(out, field.format, page.text(column, row));
        case CellType::text:
        case CellType::other:
            out += page.text(column, row);
            return;
    }
}

// A column that nobody named has the name of its function, as PostgreSQL gives it: count_star() is count, avg("value")
// avg.
std::string shown_name(std::string_view name) {
    const std::size_t open = name.find('(');
    if (open == name.npos || open == 0 || !name.ends_with(')')) return std::string(name);
    std::size_t depth = 0;
    for (std::size_t i = open; i < name.size(); ++i) {
        if (name[i] == '(') ++depth;
        if (name[i] == ')' && --depth == 0 && i + 1 < name.size()) return std::string(name);
    }
    std::string_view function = name.substr(0, open);
    function.remove_prefix(function.starts_with("main.") ? 5 : 0);
    const bool plain = function.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == function.npos;
    if (!plain) return std::string(name);
    return function == "count_star" ? "count" : std::string(function);
}

}  // namespace

PgType type_of(CellType type) {
    switch (type) {
        case CellType::boolean:
            return PgType::boolean;
        case CellType::integer:
            return PgType::int8;
        case CellType::number:
            return PgType::float8;
        case CellType::time:
            return PgType::timestamptz;
        case CellType::date:
            return PgType::date;
        case CellType::decimal:
            return PgType::numeric;
        case CellType::text:
        case CellType::other:
            return PgType::text;
    }
    return PgType::text;
}

PgType type_of(const sql::Column& column) {
    if (column.declared == "JSON") return PgType::json;
    if (column.type == CellType::time && column.declared != kWithZone) return PgType::timestamp;
    if (column.type != CellType::integer) return type_of(column.type);
    if (column.declared == "INTEGER" || column.declared == "USMALLINT") return PgType::int4;
    if (column.declared == "SMALLINT" || column.declared == "TINYINT" || column.declared == "UTINYINT")
        return PgType::int2;
    return PgType::int8;
}

Result<std::vector<PgField>> fields_of(const std::vector<sql::Column>& columns, const std::vector<PgFormat>& formats) {
    if (formats.size() > 1 && formats.size() != columns.size())
        return Error{Code::malformed, "{} formats were asked for, the answer has {} columns", formats.size(),
                     columns.size()};
    std::vector<PgField> out;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const PgFormat format = formats.empty() ? PgFormat::text : formats[formats.size() == 1 ? 0 : i];
        out.push_back({shown_name(columns[i].name), type_of(columns[i]), format});
    }
    return out;
}

void write_row(std::string& out, const std::vector<PgField>& fields, const sql::Page& page, std::size_t row,
               const calendar::Zone& zone) {
    wire::PgRowWriter writer{out};
    writer.begin(fields.size());
    for (std::size_t column = 0; column < fields.size(); ++column) {
        if (page.is_null(column, row))
            writer.null();
        else
            writer.value([&](std::string& to) { append_value(to, fields[column], page, column, row, zone); });
    }
    writer.end();
}

sql::Cell cell_of(wire::PgValue value, const calendar::Zone& zone) {
    if (const auto* boolean = std::get_if<bool>(&value)) return *boolean;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* time = std::get_if<wire::PgTime>(&value))
        return sql::Time{time->is_clock ? instant_of(time->ns, zone) : time->ns};
    if (const auto* date = std::get_if<wire::PgDate>(&value)) return sql::Date{date->days};
    if (auto* numeric = std::get_if<wire::PgNumeric>(&value)) return sql::Decimal{std::move(numeric->digits)};
    return std::get<std::string>(std::move(value));
}

}  // namespace gongshu::pg
