#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/tsbs.h"

// The questions of the Time Series Benchmark Suite's cpu-only case, and what they must give.
namespace gongshu::bench {

enum class Wanted {
    greatest,        // of each field of each host, by bucket
    average,         // the same
    last,            // all fields of each host, the newest of them
    high,            // all fields of each host wherever its usage_user is over 90
    newest_minutes,  // the greatest usage_user of all hosts in each of the last five minutes before a time
};

// The suite takes the greatest of all hosts together; here each host is told apart, because that can be asked of all.
struct Question {
    const char* name;
    Wanted wanted;
    std::size_t fields, hosts;  // 0 = all of them
    DurationNs length, bucket;  // 0 = from the beginning, none
    bool by_sql = false;        // this program alone, which answers it otherwise too
};
inline constexpr Question kQuestions[] = {
    {"single_groupby_1_1_1", Wanted::greatest, 1, 1, kHour, kMinute},
    {"single_groupby_1_1_12", Wanted::greatest, 1, 1, 12 * kHour, kMinute},
    {"single_groupby_1_8_1", Wanted::greatest, 1, 8, kHour, kMinute},
    {"single_groupby_5_1_1", Wanted::greatest, 5, 1, kHour, kMinute},
    {"single_groupby_5_1_12", Wanted::greatest, 5, 1, 12 * kHour, kMinute},
    {"single_groupby_5_8_1", Wanted::greatest, 5, 8, kHour, kMinute},
    {"cpu_max_all_1", Wanted::greatest, 0, 1, 8 * kHour, kHour},
    {"cpu_max_all_8", Wanted::greatest, 0, 8, 8 * kHour, kHour},
    {"double_groupby_1", Wanted::average, 1, 0, 12 * kHour, kHour},
    {"double_groupby_5", Wanted::average, 5, 0, 12 * kHour, kHour},
    {"double_groupby_all", Wanted::average, 0, 0, 12 * kHour, kHour},
    {"lastpoint", Wanted::last, 0, 0, 0, 0},
    {"high_cpu_1", Wanted::high, 0, 1, 12 * kHour, 0},
    {"high_cpu_all", Wanted::high, 0, 0, 12 * kHour, 0},
    {"groupby_orderby_limit", Wanted::newest_minutes, 1, 0, 0, kMinute},
    {"high_cpu_all_sql", Wanted::high, 0, 0, 12 * kHour, 0, true},
    {"groupby_orderby_limit_sql", Wanted::newest_minutes, 1, 0, 0, kMinute, true},
};
inline constexpr std::size_t kHighOver = 90, kNewestMinutes = 5;
inline constexpr const char* kAllHosts = "all";  // in place of a host, in the answer to newest_minutes

// By cell_name(); in order of time, newest_minutes from the newest on.
using Cells = std::map<std::string, std::vector<double>>;
std::string cell_name(std::string_view host, std::string_view field);  // "host_3.usage_user"
std::string host_name(std::size_t host);

// One asking of a question: which hosts, which window.
struct Asking {
    const Question* question = nullptr;
    std::vector<std::size_t> fields, hosts;
    bool all_hosts = false;
    TimeNs from = 0, to = 0;
    Cells want;
};
Asking asking_of(const TsbsCpu& data, const Question& question, Rng& rng);

std::size_t count_values(const Cells& cells);
// How many values of an answer are those that were wanted; none if it has more of them.
std::size_t count_right(const Cells& want, const Cells& got);

}  // namespace gongshu::bench
