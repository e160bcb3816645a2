#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "calendar/zone.h"

namespace gongshu::backup {

// A time of the day at which backups are made by themselves.
struct TimeOfDay {
    int minute = 0;  // since midnight, 0 … 1439
    calendar::Zone zone;
};

// "02:30" on the wall clock of `zone`, or "02:30 Asia/Shanghai". Code::invalid with what was expected.
Result<TimeOfDay> parse_time_of_day(std::string_view text, const std::string& zone);
std::string to_string(const TimeOfDay& at);  // "02:30 Asia/Shanghai"

// A machine that stood still at the time is late once its newest backup is older than it should get, by this much.
// Longer than the hour that a day has more when clocks are set back.
inline constexpr DurationNs kLate = 2 * kHour;
// So long after the time it is still that time.
inline constexpr DurationNs kOnTime = kHour;

// Is a backup due at `now`, if the newest was made at `newest` (nullopt: there is none) and one is made every `days` at
// that time of the day? A time that clocks leap over is the moment when they are put forward, one that comes twice is
// the first.
bool is_due(const TimeOfDay& at, int days, std::optional<TimeNs> newest, TimeNs now);

}  // namespace gongshu::backup
