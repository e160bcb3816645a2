#pragma once

#include <string_view>

#include "bench/questions.h"

// The questions in SQL, of the table cpu(host, time, the ten fields), where `host` is a host's number.
namespace gongshu::bench {

// What databases write differently.
struct Dialect {
    const char *minute, *hour;  // the bucket that `time` is in
    const char* at;             // a time, of {} seconds since 1970
    // The newest row of each host, of the fields {}.
    const char* last;
};
// Rows as add_row() takes them, in order of host and time.
std::string sql_of(const Dialect& dialect, const Asking& asking);
// A row of an answer: host, time and the fields; of newest_minutes the minute and the value.
void add_row(Cells& cells, const Asking& asking, const std::vector<std::string_view>& row);
// Rows of values between tabs.
Cells cells_of_tabs(const Asking& asking, std::string_view text);
// "usage_user,usage_system,…", each as `form` has it in place of {}.
std::string field_list(const std::vector<std::size_t>& fields, const char* form);
std::string field_list(const char* form);  // of all

}  // namespace gongshu::bench
