#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace gongshu::expr {

enum class CalendarField : std::uint8_t { minute, hour, weekday, day, month, year };

// One field of the wall clock in one time zone. Any thread; costs about 0.2 us.
class Calendar {
public:
    // nullopt: no such zone. IANA names; "" and "UTC" are UTC.
    static std::optional<Calendar> create(CalendarField field, const std::string& zone);

    // minute 0-59, hour 0-23, weekday 1 (Monday) - 7, day 1-31, month 1-12.
    std::int64_t at(TimeNs time) const;
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

// RFC 3339: "2026-03-01T08:00:00+08:00", "2026-03-01 08:00:00.5Z"; nullopt if it is none or outside 1678 to 2262.
std::optional<TimeNs> read_time(std::string_view text);

// UTC, RFC 3339, with as many digits of the second as there are.
std::string time_text(TimeNs time);

}  // namespace gongshu::expr
