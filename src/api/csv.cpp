#include "api/csv.h"

#include <fmt/format.h>

#include <cmath>

namespace gongshu::api {

void write_csv_text(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos && !text.empty()) {
        out.append(text);
        return;
    }
    out.push_back('"');
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    out.push_back('"');
}

void write_csv_number(std::string& out, double value) {
    if (std::isfinite(value)) out.append(fmt::format("{}", value));
}

void write_csv_value(std::string& out, const Value& value) {
    if (type_of(value) == ValueType::text)
        write_csv_text(out, std::get<std::string>(value));
    else if (type_of(value) == ValueType::number)
        write_csv_number(out, std::get<double>(value));
    else
        out.append(to_string(value));
}

}  // namespace gongshu::api
