#include "base/time_text.h"

#include <fmt/format.h>

#include <chrono>

namespace gongshu {

namespace {

struct Civil {
    std::int64_t year, month, day;
};

// Days since 1970 to a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"), from 1 March 0000.
Civil civil_of(std::int64_t days) {
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const std::int64_t of_era = days - era * 146'097;
    const std::int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted = (5 * of_year + 2) / 153;
    const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, of_year - (153 * shifted + 2) / 5 + 1};
}

}  // namespace

std::string format_date(std::int32_t days) {
    if (days == INT32_MAX) return "infinity";
    if (days == -INT32_MAX) return "-infinity";
    const auto [year, month, day] = civil_of(days);
    if (year <= 0) return fmt::format("{:04}-{:02}-{:02} (BC)", 1 - year, month, day);
    return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

std::string format_time(TimeNs time) {
    std::int64_t days = time / kDay;
    std::int64_t left = time % kDay;
    if (left < 0) --days, left += kDay;
    const auto [year, month, day] = civil_of(days);
    const std::int64_t seconds = left / kSecond;
    std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", year, month, day, seconds / 3600,
                                   seconds / 60 % 60, seconds % 60);
    if (const std::int64_t fraction = left % kSecond; fraction != 0) {
        text += fmt::format(".{:09}", fraction);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + "Z";
}

std::string format_stamp(TimeNs time) {
    std::string stamp;
    for (const char c : format_time(time / kSecond * kSecond))
        if (c != '-' && c != ':') stamp += c;
    return stamp;
}

std::optional<TimeNs> parse_stamp(std::string_view text) {
    constexpr std::string_view kShape = "00000000T000000Z";
    constexpr int kLastYear = 2261;  // whose end fits in a TimeNs
    if (text.size() != kShape.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (kShape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kShape[i]) return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        for (const char c : text.substr(at, digits)) value = value * 10 + static_cast<unsigned>(c - '0');
        return value;
    };
    const unsigned year = number(0, 4), hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{number(4, 2)},
                                           std::chrono::day{number(6, 2)}};
    if (!date.ok() || year < 1970 || year > kLastYear || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return days * kDay + static_cast<std::int64_t>((hour * 60 + minute) * 60 + second) * kSecond;
}

}  // namespace gongshu
