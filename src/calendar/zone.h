#pragma once

#include <string>

#include "base/clock.h"
#include "calendar/day.h"

namespace gongshu::calendar {

// The wall clock of one time zone. A value; any thread; a question costs about 0.2 us.
class Zone {
public:
    // IANA names, "UTC" and "" (UTC); Code::invalid for others.
    static Result<Zone> create(const std::string& name);

    // Seconds since 1970 that the wall clock shows, as if it were UTC.
    std::int64_t local_seconds(TimeNs time) const;
    // When the wall clock first shows `minute` minutes since the midnight that begins `day`; `minute` may lie before
    // or after the day. Where clocks are put forward over it: when they are put. Never goes back as `minute` grows.
    TimeNs instant(Day day, int minute) const;
    const std::string& name() const { return name_; }

private:
    Zone(std::string name, const void* zone) : name_(std::move(name)), zone_(zone) {}
    std::string name_;
    const void* zone_;  // a date::time_zone, which lives as long as the program; null = UTC
};

}  // namespace gongshu::calendar
