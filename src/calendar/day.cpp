#include "calendar/day.h"

#include <chrono>
#include <optional>

namespace gongshu::calendar {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

sys_days days_of(Day day) { return sys_days{std::chrono::days{day}}; }

// Exactly as many digits as `text` has, as a number.
std::optional<int> digits(std::string_view text) {
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value;
}

}  // namespace

Civil civil_of(Day day) {
    const year_month_day date{days_of(day)};
    return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
            static_cast<int>(static_cast<unsigned>(date.day()))};
}

Day day_of(int year, int month, int day) {
    const sys_days first{std::chrono::year{year} / std::chrono::month{static_cast<unsigned>(month)} / 1};
    return static_cast<Day>(first.time_since_epoch().count()) + day - 1;
}

int weekday_of(Day day) { return static_cast<int>(std::chrono::weekday{days_of(day)}.iso_encoding()); }

Result<Day> parse_day(std::string_view text) {
    const bool form = text.size() == 10 && text[4] == '-' && text[7] == '-';
    const auto year = form ? digits(text.substr(0, 4)) : std::nullopt;
    const auto month = form ? digits(text.substr(5, 2)) : std::nullopt;
    const auto day = form ? digits(text.substr(8, 2)) : std::nullopt;
    if (year && month && day && *year >= 1900 && *year <= 2199) {
        const Day found = *month >= 1 && *month <= 12 ? day_of(*year, *month, *day) : 0;
        if (*month >= 1 && *month <= 12 && civil_of(found) == Civil{*year, *month, *day}) return found;
    }
    return Error{Code::invalid, "expected a day such as 2026-10-01, found \"{}\"", text.substr(0, 40)};
}

std::string day_text(Day day) {
    const Civil civil = civil_of(day);
    return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

Result<int> parse_minute(std::string_view text) {
    if (text.size() == 5 && text[2] == ':') {
        const auto hour = digits(text.substr(0, 2)), minute = digits(text.substr(3, 2));
        if (hour && minute && *minute < 60 && *hour * 60 + *minute <= 24 * 60) return *hour * 60 + *minute;
    }
    return Error{Code::invalid, "expected a time of day such as 08:00, found \"{}\"", text.substr(0, 40)};
}

std::string minute_text(int minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

Result<int> parse_month_day(std::string_view text) {
    if (text.size() == 5 && text[2] == '-') {
        const auto month = digits(text.substr(0, 2)), day = digits(text.substr(3, 2));
        // 2024 is a leap year: 02-29 is a day of it.
        if (month && day && *month >= 1 && *month <= 12 && *day >= 1 &&
            civil_of(day_of(2024, *month, *day)).month == *month)
            return *month * 100 + *day;
    }
    return Error{Code::invalid, "expected a day of the year such as 07-01, found \"{}\"", text.substr(0, 40)};
}

}  // namespace gongshu::calendar
