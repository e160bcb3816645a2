// Working days and working hours of a calendar.
#include <algorithm>
#include <cstdlib>

#include "calendar/calendar.h"

namespace gongshu::calendar {
namespace {

Error too_far() {
    return Error{Code::limit, "no answer within {} days: the calendar has too few working days or hours", kReachDays};
}

}  // namespace

Result<Day> Calendar::add_working_days(Day day, int count) const {
    const int step = count < 0 ? -1 : 1;
    int left = std::abs(count);
    for (int walked = 0; left > 0; ++walked) {
        if (walked == kReachDays) return too_far();
        day += step;
        if (is_working_day(day)) --left;
    }
    return day;
}

Result<int> Calendar::working_days_between(Day from, Day to) const {
    // Forward the first day does not count, as in law; backward so that it undoes add_working_days.
    const Day first = std::min(from, to), last = std::max(from, to);
    if (last - first > kReachDays) return too_far();
    int count = 0;
    const bool forward = from <= to;
    for (Day day = first; day <= last; ++day)
        if (day != from && is_working_day(day)) ++count;
    return forward ? count : -count;
}

std::vector<Window> Calendar::hours_of(Day day) const {
    std::vector<Window> found;
    if (!is_working_day(day)) return found;
    for (const WorkingHours& one : plan_.hours) {
        const Window window{plan_.zone.instant(day, one.from), plan_.zone.instant(day, one.to)};
        if (!window.empty()) found.push_back(window);
    }
    return found;
}

Result<TimeNs> Calendar::add_working_time(TimeNs time, DurationNs length) const {
    if (length < 0) return Error{Code::invalid, "working time can only be added, found {} ns", length};
    if (length == 0) return time;
    const Day first = day_at(time);
    for (Day day = first; day - first < kReachDays; ++day) {
        for (Window window : hours_of(day)) {
            window.from = std::max(window.from, time);
            if (window.empty()) continue;
            const DurationNs here = window.to - window.from;
            if (here >= length) return window.from + length;
            length -= here;
        }
    }
    return too_far();
}

Result<DurationNs> Calendar::working_time(Window window) const {
    if (window.empty()) return 0;
    const Day first = day_at(window.from), last = day_at(window.to - 1);
    if (last - first > kReachDays) return too_far();
    DurationNs length = 0;
    for (Day day = first; day <= last; ++day)
        for (const Window one : hours_of(day))
            length += std::max<DurationNs>(0, std::min(one.to, window.to) - std::max(one.from, window.from));
    return length;
}

bool Calendar::sure(Day from, Day to) const {
    if (!plan_.holidays) return true;
    if (to - from > kReachDays) return false;
    for (Day day = from; day <= to; ++day)
        if (!day_info(day).sure) return false;
    return true;
}

}  // namespace gongshu::calendar
