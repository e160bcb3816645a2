#include "calendar/calendar.h"

#include <algorithm>

#include "calendar/check.h"

namespace gongshu::calendar {
namespace {

constexpr int floor_div(int a, int b) { return a / b - (a % b < 0 ? 1 : 0); }

// Minutes on the wall clock since 1970.
std::int64_t local_minute(const Zone& zone, TimeNs time) {
    const std::int64_t seconds = zone.local_seconds(time);
    return seconds / 60 - (seconds % 60 < 0 ? 1 : 0);
}

Day first_of_month(Day day) { return day - civil_of(day).day + 1; }

Day first_of_next_month(Day day) {
    const Civil civil = civil_of(day);
    return civil.month == 12 ? day_of(civil.year + 1, 1, 1) : day_of(civil.year, civil.month + 1, 1);
}

Error too_many(std::string_view what, std::size_t most) {
    return Error{Code::limit, "the window has more than {} {}: ask for a shorter one", most, what};
}

}  // namespace

Error too_long() { return Error{Code::limit, "the window has more than {} days: ask for a shorter one", kReachDays}; }

std::string_view to_string(Tariff tariff) {
    constexpr std::string_view kNames[] = {"sharp", "peak", "flat", "valley", "deep_valley"};
    return kNames[static_cast<std::size_t>(tariff)];
}

std::string_view to_string(DayKind kind) {
    constexpr std::string_view kNames[] = {"workday", "weekend",        "holiday",
                                           "makeup",  "exception_work", "exception_off"};
    return kNames[static_cast<std::size_t>(kind)];
}

Result<Calendar> Calendar::create(Plan plan) {
    TRY(check_plan(plan));
    Calendar made{std::move(plan)};
    const int start = made.start_minute();
    for (std::size_t i = 0; i < made.plan_.shifts.size(); ++i) {
        const Shift& shift = made.plan_.shifts[i];
        // The first time after the production day begins that the wall clock shows `from`.
        const int begin = start + ((shift.from - start) % kDayMinutes + kDayMinutes) % kDayMinutes;
        made.slots_.push_back({static_cast<int>(i), begin, length_of(shift.from, shift.to)});
    }
    std::ranges::sort(made.slots_, {}, &Slot::begin);
    for (const TariffSeason& season : made.plan_.tariffs) made.day_of_.push_back(TRY(whole_day(season.periods)));
    for (const int weekday : made.plan_.weekdays) made.weekdays_ |= 1U << weekday;
    return made;
}

Day Calendar::day_of_start(TimeNs time, int start) const {
    const std::int64_t minute = local_minute(plan_.zone, time) - start;
    auto day = static_cast<Day>(minute / kDayMinutes - (minute % kDayMinutes < 0 ? 1 : 0));
    // Where clocks are set back the wall clock shows a time again that the day is past, and a zone may leave out a
    // whole day. No more than that: at the end of what a TimeNs can hold all instants are one.
    for (int i = 0; i < 2 && time >= plan_.zone.instant(day + 1, start); ++i) ++day;
    for (int i = 0; i < 2 && time < plan_.zone.instant(day, start); ++i) --day;
    return day;
}

Day Calendar::production_day(TimeNs time) const { return day_of_start(time, start_minute()); }

Window Calendar::production_window(Day day) const {
    return {plan_.zone.instant(day, start_minute()), plan_.zone.instant(day + 1, start_minute())};
}

Window Calendar::month_window(Day day) const {
    return {plan_.zone.instant(first_of_month(day), start_minute()),
            plan_.zone.instant(first_of_next_month(day), start_minute())};
}

Day Calendar::day_at(TimeNs time) const { return day_of_start(time, 0); }

Window Calendar::day_window(Day day) const { return {plan_.zone.instant(day, 0), plan_.zone.instant(day + 1, 0)}; }

bool Calendar::shifts_run(Day production_day) const {
    const DayInfo info = day_info(production_day);
    if (info.exception) return info.working;
    return plan_.shifts_every_day || info.working;
}

std::vector<ShiftSlot> Calendar::shifts_of(Day production_day) const {
    std::vector<ShiftSlot> found;
    if (slots_.empty() || !shifts_run(production_day)) return found;
    const std::vector<int>* teams = nullptr;
    if (plan_.rotation) {
        const int cycle = static_cast<int>(plan_.rotation->days.size());
        const int days = production_day - plan_.rotation->anchor;
        teams = &plan_.rotation->days[static_cast<std::size_t>(days - floor_div(days, cycle) * cycle)];
    }
    for (const Slot& slot : slots_) {
        const Window window{plan_.zone.instant(production_day, slot.begin),
                            plan_.zone.instant(production_day, slot.begin + slot.length)};
        // A shift in the hour that a clock put forward leaves out is none.
        if (window.empty()) continue;
        found.push_back(
            {window, slot.shift, teams ? (*teams)[static_cast<std::size_t>(slot.shift)] : -1, production_day});
    }
    return found;
}

std::optional<ShiftSlot> Calendar::shift_at(TimeNs time) const {
    const Day day = production_day(time);
    // One that began late on the day before may still run.
    for (const Day of : {day, day - 1})
        for (const ShiftSlot& slot : shifts_of(of))
            if (slot.window.contains(time)) return slot;
    return std::nullopt;
}

std::optional<ShiftSlot> Calendar::next_shift(TimeNs time) const {
    if (slots_.empty()) return std::nullopt;
    const Day first = production_day(time);
    for (Day day = first; day - first < kReachDays; ++day)
        for (const ShiftSlot& slot : shifts_of(day))
            if (slot.window.from > time) return slot;
    return std::nullopt;
}

Result<std::vector<Period>> Calendar::periods(Every every, Window window, std::size_t periods_max) const {
    std::vector<Period> found;
    if (window.empty()) return found;
    const Day last = production_day(window.to - 1);
    if (last - production_day(window.from) > kReachDays) return too_long();
    for (Day day = production_day(window.from) - (every == Every::shift ? 1 : 0); day <= last;) {
        if (every == Every::shift) {
            for (const ShiftSlot& slot : shifts_of(day))
                if (slot.window.overlaps(window))
                    found.push_back({slot.window, slot.production_day, slot.shift, slot.team});
            ++day;
        } else if (every == Every::production_day) {
            found.push_back({production_window(day), day});
            ++day;
        } else {
            found.push_back({month_window(day), first_of_month(day)});
            day = first_of_next_month(day);
        }
        if (found.size() > periods_max)
            return too_many(every == Every::shift   ? "shifts"
                            : every == Every::month ? "months"
                                                    : "production days",
                            periods_max);
    }
    return found;
}

DayInfo Calendar::day_info(Day day) const {
    DayInfo info;
    info.working = (weekdays_ >> weekday_of(day) & 1U) != 0;
    info.kind = info.working ? DayKind::workday : DayKind::weekend;
    if (plan_.holidays) {
        const HolidayYear* const year = plan_.holidays->year(civil_of(day).year);
        info.holiday = plan_.holidays->find(day);
        if (info.holiday) {
            info.working = info.holiday->working;
            info.kind = info.working ? DayKind::makeup : DayKind::holiday;
            info.sure = info.holiday->status == RuleStatus::official;
        } else {
            // Until the authority has arranged the year, any day may still be moved.
            info.sure = year != nullptr && year->arranged;
        }
    }
    for (const Exception& one : plan_.exceptions) {
        if (day < one.from || day > one.to) continue;
        info.exception = &one;
        info.working = one.working;
        info.kind = one.working ? DayKind::exception_work : DayKind::exception_off;
        info.sure = true;
    }
    return info;
}

}  // namespace gongshu::calendar
