#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu::calendar {

// A day of the Gregorian calendar, counted from 1970-01-01; no time, no zone.
using Day = std::int32_t;

struct Civil {
    int year = 1970, month = 1, day = 1;
    friend bool operator==(Civil, Civil) = default;
};

Civil civil_of(Day day);
// A day past the end of the month is counted on: 31 April is 1 May.
Day day_of(int year, int month, int day);
// 1 Monday … 7 Sunday.
int weekday_of(Day day);

// "2026-10-01", of a year from 1900 to 2199.
Result<Day> parse_day(std::string_view text);
std::string day_text(Day day);

// A reading of the wall clock, "08:00" to "24:00", in minutes since midnight.
Result<int> parse_minute(std::string_view text);
std::string minute_text(int minute);

// A day of every year, "07-01", as month * 100 + day; 29 February is one.
Result<int> parse_month_day(std::string_view text);

}  // namespace gongshu::calendar
