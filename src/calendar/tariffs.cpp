// Tariff periods of a calendar.
#include <algorithm>

#include "calendar/calendar.h"
#include "calendar/check.h"

namespace gongshu::calendar {

int Calendar::season_of(Day day) const {
    const Civil civil = civil_of(day);
    const int date = civil.month * 100 + civil.day;
    std::optional<bool> working;
    for (std::size_t i = 0; i < plan_.tariffs.size(); ++i) {
        const TariffSeason& season = plan_.tariffs[i];
        if ((season.since && day < *season.since) || (season.until && day > *season.until)) continue;
        const bool within = season.from <= season.to ? date >= season.from && date <= season.to
                                                     : date >= season.from || date <= season.to;
        if (!within) continue;
        if (season.days != DaysOf::all) {
            if (!working) working = is_working_day(day);
            if (*working != (season.days == DaysOf::working)) continue;
        }
        return static_cast<int>(i);
    }
    return -1;
}

Result<std::vector<TariffSlice>> Calendar::tariffs(Window window, std::size_t slices_max) const {
    std::vector<TariffSlice> found;
    if (window.empty() || plan_.tariffs.empty()) return found;
    const Day last = day_at(window.to - 1);
    if (last - day_at(window.from) > kReachDays) return too_long();
    for (Day day = day_at(window.from); day <= last; ++day) {
        const int season = season_of(day);
        if (season < 0) continue;
        for (const TariffPeriod& period : day_of_[static_cast<std::size_t>(season)]) {
            const Window part{std::max(plan_.zone.instant(day, period.from), window.from),
                              std::min(plan_.zone.instant(day, period.to), window.to)};
            if (part.empty()) continue;
            if (!found.empty() && found.back().window.to == part.from && found.back().tariff == period.tariff &&
                found.back().season == season)
                found.back().window.to = part.to;
            else
                found.push_back({part, period.tariff, season});
        }
        if (found.size() > slices_max)
            return Error{Code::limit, "the window has more than {} tariff slices: ask for a shorter one", slices_max};
    }
    return found;
}

std::optional<TariffSlice> Calendar::tariff_at(TimeNs time) const {
    const Day day = day_at(time);
    const Window near{day_window(day - 1).from, day_window(day + 1).to};
    const auto slices = tariffs(near, 4 * kPeriodsMax);
    if (!slices) return std::nullopt;
    for (const TariffSlice& slice : *slices)
        if (slice.window.contains(time)) return slice;
    return std::nullopt;
}

}  // namespace gongshu::calendar
