#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace gongshu::expr {

enum class CalendarField : std::uint8_t { minute, hour, weekday, day, month, year, date };

// One field of the wall clock in one time zone. Any thread; costs about 0.2 us.
class Calendar {
public:
    // nullopt: no such zone. IANA names; "" and "UTC" are UTC.
    static std::optional<Calendar> create(CalendarField field, const std::string& zone);

    // minute 0-59, hour 0-23, weekday 1 (Monday) - 7, day 1-31, month 1-12, date in days since 1970-01-01.
    std::int64_t at(TimeNs time) const;
    // The same of a date; 0 of minute and hour.
    std::int64_t at_date(std::int64_t day) const;
    // When the field may change next: the next whole minute, hour or day there, or when its clocks are set.
    TimeNs next(TimeNs time) const;
    CalendarField field() const { return field_; }

private:
    Calendar(CalendarField field, const void* zone) : field_(field), zone_(zone) {}
    CalendarField field_;
    const void* zone_;  // a date::time_zone, which lives as long as the program; null = UTC
};

// The IANA names that this machine knows; empty if it has no time zones at all.
std::vector<std::string> zone_names();

// Dates are days since 1970-01-01, of the years 1 to 9999.
inline constexpr std::int64_t kDateMin = -719'162, kDateMax = 2'932'896;
inline bool is_date(std::int64_t day) { return day >= kDateMin && day <= kDateMax; }
// "2026-11-21"; nullopt if there is no such day.
std::optional<std::int64_t> read_date(std::string_view text);
std::string date_text(std::int64_t date);
std::int64_t start_of_month(std::int64_t date);
std::int64_t end_of_month(std::int64_t date);
// The same day of the month so many months on, or its last if it is shorter: 31 January and one are 28 February.
std::optional<std::int64_t> add_months(std::int64_t date, std::int64_t months);

// RFC 3339: "2026-03-01T08:00:00+08:00", "2026-03-01 08:00:00.5Z"; nullopt if it is none or outside 1678 to 2262.
std::optional<TimeNs> read_time(std::string_view text);

// UTC, RFC 3339, with as many digits of the second as there are.
std::string time_text(TimeNs time);

}  // namespace gongshu::expr
