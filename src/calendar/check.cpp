#include "calendar/check.h"

#include <algorithm>
#include <set>

namespace gongshu::calendar {
namespace {

bool is_minute(int minute) { return minute >= 0 && minute <= kDayMinutes; }

template <class List>
Result<void> check_count(const List& list, std::size_t most, std::string_view field) {
    if (list.size() <= most) return {};
    return Error{Code::invalid, "{}: at most {}, found {}", field, most, list.size()};
}

template <class Named>
Result<void> check_names(const std::vector<Named>& list, std::string_view field) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i].name.empty()) return Error{Code::invalid, "{}[{}].name: is missing", field, i};
        if (!seen.insert(list[i].name).second)
            return Error{Code::invalid, "{}[{}].name: \"{}\" is there already", field, i, list[i].name};
    }
    return {};
}

Result<void> check_shifts(const Plan& plan) {
    TRY(check_count(plan.shifts, kShiftsMax, "shifts"));
    TRY(check_names(plan.shifts, "shifts"));
    for (std::size_t i = 0; i < plan.shifts.size(); ++i) {
        const Shift& shift = plan.shifts[i];
        if (!is_minute(shift.from) || shift.from == kDayMinutes || !is_minute(shift.to))
            return Error{Code::invalid, "shifts[{}].from: expected times from 00:00 to 24:00", i};
        for (std::size_t j = 0; j < i; ++j) {
            const Shift& other = plan.shifts[j];
            // On the circle of the day: how long after the begin of one the other begins.
            const int after = (shift.from - other.from + kDayMinutes) % kDayMinutes;
            const int before = (other.from - shift.from + kDayMinutes) % kDayMinutes;
            if (after >= length_of(other.from, other.to) && (before >= length_of(shift.from, shift.to)) && after != 0)
                continue;
            return Error{
                Code::invalid,
                "shifts[{}].from: {} ({} to {}) overlaps {} ({} to {}): one reading cannot belong to two shifts; "
                "let one end where the other begins",
                i,
                shift.name,
                minute_text(shift.from),
                minute_text(shift.to),
                other.name,
                minute_text(other.from),
                minute_text(other.to)};
        }
    }
    return {};
}

Result<void> check_rotation(const Plan& plan) {
    TRY(check_count(plan.teams, kTeamsMax, "teams"));
    TRY(check_names(plan.teams, "teams"));
    if (!plan.rotation) return {};
    const auto& days = plan.rotation->days;
    if (days.empty()) return Error{Code::invalid, "rotation.days: expected at least one day of the cycle, found none"};
    TRY(check_count(days, kCycleMax, "rotation.days"));
    for (std::size_t i = 0; i < days.size(); ++i) {
        if (days[i].size() != plan.shifts.size())
            return Error{Code::invalid,
                         "rotation.days[{}]: expected a team or none for each of the {} shifts, found {}", i,
                         plan.shifts.size(), days[i].size()};
        for (const int team : days[i])
            if (team < -1 || team >= static_cast<int>(plan.teams.size()))
                return Error{Code::invalid, "rotation.days[{}]: there is no team {}", i, team};
    }
    return {};
}

Result<void> check_days(const Plan& plan) {
    if (plan.day_start < 0 || plan.day_start >= kDayMinutes)
        return Error{Code::invalid, "day_start: expected a time from 00:00 to 23:59"};
    std::set<int> seen;
    for (std::size_t i = 0; i < plan.weekdays.size(); ++i) {
        if (plan.weekdays[i] < 1 || plan.weekdays[i] > 7)
            return Error{Code::invalid, "weekdays[{}]: expected 1 (Monday) to 7 (Sunday), found {}", i,
                         plan.weekdays[i]};
        if (!seen.insert(plan.weekdays[i]).second)
            return Error{Code::invalid, "weekdays[{}]: {} is there already", i, plan.weekdays[i]};
    }
    TRY(check_count(plan.exceptions, kExceptionsMax, "exceptions"));
    for (std::size_t i = 0; i < plan.exceptions.size(); ++i) {
        const Exception& one = plan.exceptions[i];
        if (one.to < one.from)
            return Error{Code::invalid, "exceptions[{}].to: expected {} or a later day, found {}", i,
                         day_text(one.from), day_text(one.to)};
        if (one.to - one.from > 366)
            return Error{Code::invalid, "exceptions[{}].to: expected at most 366 days after from, found {}", i,
                         one.to - one.from};
    }
    TRY(check_count(plan.hours, kHoursMax, "hours"));
    for (std::size_t i = 0; i < plan.hours.size(); ++i) {
        const WorkingHours& one = plan.hours[i];
        if (!is_minute(one.from) || !is_minute(one.to) || one.to <= one.from)
            return Error{Code::invalid, "hours[{}].to: expected a time after {} and up to 24:00, found {}", i,
                         minute_text(one.from), minute_text(one.to)};
        if (i > 0 && one.from < plan.hours[i - 1].to)
            return Error{Code::invalid, "hours[{}].from: expected {} or later, where the hours before end, found {}", i,
                         minute_text(plan.hours[i - 1].to), minute_text(one.from)};
    }
    return {};
}

Result<void> check_tariffs(const Plan& plan) {
    TRY(check_count(plan.tariffs, kTariffsMax, "tariffs"));
    for (std::size_t i = 0; i < plan.tariffs.size(); ++i) {
        const TariffSeason& season = plan.tariffs[i];
        if (season.since && season.until && *season.until < *season.since)
            return Error{Code::invalid, "tariffs[{}].until: expected {} or a later day, found {}", i,
                         day_text(*season.since), day_text(*season.until)};
        if (season.periods.size() > kPeriodsMax)
            return Error{Code::invalid, "tariffs[{}].periods: at most {}, found {}", i, kPeriodsMax,
                         season.periods.size()};
        TRY(whole_day(season.periods).context("tariffs[{}].periods", i));
    }
    return {};
}

}  // namespace

Result<std::vector<TariffPeriod>> whole_day(const std::vector<TariffPeriod>& periods) {
    std::vector<TariffPeriod> parts;
    for (const TariffPeriod& period : periods) {
        if (!is_minute(period.from) || period.from == kDayMinutes || !is_minute(period.to))
            return Error{Code::invalid, "expected times from 00:00 to 24:00"};
        const bool over_midnight = period.to <= period.from;
        parts.push_back({period.from, over_midnight ? kDayMinutes : period.to, period.tariff});
        if (over_midnight && period.to > 0) parts.push_back({0, period.to, period.tariff});
    }
    std::ranges::stable_sort(parts, {}, &TariffPeriod::from);
    int until = 0;
    for (const TariffPeriod& part : parts) {
        if (part.from > until)
            return Error{Code::invalid, "{} to {} has no tariff period: the whole day needs one", minute_text(until),
                         minute_text(part.from)};
        if (part.from < until)
            return Error{Code::invalid, "{} to {} has two tariff periods", minute_text(part.from),
                         minute_text(std::min(until, part.to))};
        until = part.to;
    }
    if (until < kDayMinutes)
        return Error{Code::invalid, "{} to 24:00 has no tariff period: the whole day needs one", minute_text(until)};
    return parts;
}

Result<void> check_plan(const Plan& plan) {
    TRY(check_shifts(plan));
    TRY(check_rotation(plan));
    TRY(check_days(plan));
    TRY(check_tariffs(plan));
    return {};
}

}  // namespace gongshu::calendar
