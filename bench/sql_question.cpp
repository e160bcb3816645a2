#include "bench/sql_question.h"

#include <fmt/format.h>

#include <charconv>

namespace gongshu::bench {

std::string field_list(const std::vector<std::size_t>& fields, const char* form) {
    std::string list;
    for (const std::size_t field : fields) {
        list += list.empty() ? "" : ", ";
        list += fmt::format(fmt::runtime(form), TsbsCpu::field_name(field));
    }
    return list;
}

std::string field_list(const char* form) {
    std::vector<std::size_t> all(TsbsCpu::kFields);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return field_list(all, form);
}

std::string sql_of(const Dialect& dialect, const Asking& asking) {
    const Question& question = *asking.question;
    if (question.wanted == Wanted::last)
        return fmt::format(fmt::runtime(dialect.last), field_list(asking.fields, "{}"));
    const auto time = [&](TimeNs at) { return fmt::format(fmt::runtime(dialect.at), at / kSecond); };
    const std::string bucket = question.bucket == kHour ? dialect.hour : dialect.minute;
    std::string where = fmt::format(" FROM cpu WHERE time >= {} AND time < {}", time(asking.from), time(asking.to));
    std::string hosts;
    for (const std::size_t host : asking.hosts) hosts += fmt::format("{}{}", hosts.empty() ? "" : ",", host);
    if (!asking.all_hosts) where += fmt::format(" AND host IN ({})", hosts);
    if (question.wanted == Wanted::high)
        return fmt::format("SELECT host, time, {}{} AND usage_user > {} ORDER BY host, time",
                           field_list(asking.fields, "{}"), where, kHighOver);
    if (question.wanted == Wanted::newest_minutes)
        return fmt::format("SELECT {} AS bucket, max(usage_user){} GROUP BY bucket ORDER BY bucket DESC LIMIT {}",
                           bucket, where, kNewestMinutes);
    const char* const form = question.wanted == Wanted::average ? "avg({})" : "max({})";
    return fmt::format("SELECT host, {} AS bucket, {}{} GROUP BY host, bucket ORDER BY host, bucket", bucket,
                       field_list(asking.fields, form), where);
}

void add_row(Cells& cells, const Asking& asking, const std::vector<std::string_view>& row) {
    const auto add = [&](std::string_view host, std::size_t field, std::string_view text) {
        double value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        cells[cell_name(host, TsbsCpu::field_name(field))].push_back(value);
    };
    if (asking.question->wanted == Wanted::newest_minutes) return add(kAllHosts, 0, row.at(1));
    const std::string host = "host_" + std::string(row.at(0));
    for (std::size_t i = 0; i < asking.fields.size(); ++i) add(host, asking.fields[i], row.at(2 + i));
}

Cells cells_of_tabs(const Asking& asking, std::string_view text) {
    Cells cells;
    std::vector<std::string_view> row;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of("\t\n", begin), text.size());
        row.push_back(text.substr(begin, end - begin));
        if (end == text.size() || text[end] == '\n') {
            add_row(cells, asking, row);
            row.clear();
        }
        begin = end + 1;
    }
    return cells;
}

}  // namespace gongshu::bench
