#include "sql/history_columns.h"

#include <algorithm>
#include <bit>

#include "history/aggregates.h"

namespace gongshu::sql {

namespace {

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

bool is_given(const Arguments& arguments, std::string_view name) {
    return std::ranges::any_of(arguments, [&](const auto& one) { return one.first == name; });
}

Result<std::vector<std::string>> aggregates_of(const Arguments& arguments) {
    std::vector<std::string> wanted;
    for (const auto& [name, cell] : arguments) {
        const auto* const text = std::get_if<std::string>(&cell);
        if (name != "agg" || text == nullptr) continue;
        for (std::string_view rest = *text; !rest.empty();) {
            const std::size_t end = std::min(rest.find(','), rest.size());
            const std::string_view one = trimmed(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            TRY(history::parse_aggregate(one).context("agg"));
            if (std::ranges::find(wanted, one) == wanted.end()) wanted.emplace_back(one);
        }
    }
    if (wanted.empty() && is_given(arguments, "every")) wanted = {"avg"};
    return wanted;
}

Result<std::vector<Column>> history_columns(const Arguments& arguments) {
    std::vector<Column> columns{{"tag", CellType::text, "VARCHAR"}, {"ts", CellType::time, "TIMESTAMP_NS"}};
    const auto wanted = TRY(aggregates_of(arguments));
    if (is_given(arguments, "every")) {
        if (is_given(arguments, "condition"))
            return Error{Code::invalid, "condition: goes not with every :=, which gives buckets"};
        for (const std::string& one : wanted) {
            const bool is_time = TRY(history::parse_aggregate(one)).kind == history::AggregateKind::time;
            columns.push_back({one, is_time ? CellType::time : CellType::number, is_time ? "TIMESTAMP_NS" : "DOUBLE"});
        }
        columns.push_back({"good_fraction", CellType::number, "DOUBLE"});
        return columns;
    }
    if (!wanted.empty()) return Error{Code::invalid, "every: is missing; aggregates need buckets, as in every := '1m'"};
    columns.push_back({"value", CellType::number, "DOUBLE"});
    columns.push_back({"quality", CellType::text, "VARCHAR"});
    columns.push_back({"integer", CellType::integer, "BIGINT"});
    columns.push_back({"text", CellType::text, "VARCHAR"});
    return columns;
}

void write_reading(RowWriter& out, std::string_view path, TimeNs time, ValueType type, std::uint64_t bits,
                   std::string_view text, std::uint16_t quality) {
    out.text(tag_column, path);
    out.integer(ts_column, time);
    out.null(type == ValueType::text ? value_column : text_column);
    if (type != ValueType::integer) out.null(integer_column);
    switch (type) {
        case ValueType::text:
            out.text(text_column, text);
            break;
        case ValueType::number:
            out.number(value_column, std::bit_cast<double>(bits));
            break;
        case ValueType::boolean:
            out.number(value_column, bits != 0 ? 1 : 0);
            break;
        case ValueType::integer:
            out.number(value_column, static_cast<double>(static_cast<std::int64_t>(bits)));
            out.integer(integer_column, static_cast<std::int64_t>(bits));
            break;
    }
    if (quality == pack(kGood))
        out.text(quality_column, "good");
    else
        out.text(quality_column, to_string(unpack_quality(quality)));
    out.end();
}

}  // namespace gongshu::sql
