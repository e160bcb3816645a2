#pragma once

#include "calendar/calendar.h"

namespace gongshu::calendar {

// What speaks against a plan, beginning with the field.
Result<void> check_plan(const Plan& plan);
// The periods of a day as 0 … 1440 in order; Code::invalid where a part of the day has none or two.
Result<std::vector<TariffPeriod>> whole_day(const std::vector<TariffPeriod>& periods);

// Of a window beyond kReachDays.
Error too_long();

inline constexpr int kDayMinutes = 24 * 60;
inline int length_of(int from, int to) { return to > from ? to - from : to - from + kDayMinutes; }

}  // namespace gongshu::calendar
