#include "calendar/holidays.h"

#include <algorithm>

namespace gongshu::calendar {

std::string_view to_string(RuleStatus status) {
    switch (status) {
        case RuleStatus::official:
            return "official";
        case RuleStatus::third_party:
            return "third_party";
        case RuleStatus::placeholder:
            return "placeholder";
    }
    return "placeholder";
}

const HolidayYear* Holidays::year(int wanted) const {
    const auto found = std::ranges::find(years, wanted, &HolidayYear::year);
    return found == years.end() ? nullptr : &*found;
}

const HolidayDay* Holidays::find(Day day) const {
    const HolidayYear* const of = year(civil_of(day).year);
    if (!of) return nullptr;
    const auto found = std::ranges::lower_bound(of->days, day, {}, &HolidayDay::day);
    return found != of->days.end() && found->day == day ? &*found : nullptr;
}

const HolidaySource* Holidays::source(std::string_view key) const {
    const auto found = std::ranges::find(sources, key, &HolidaySource::key);
    return found == sources.end() ? nullptr : &*found;
}

Result<void> check_holidays(const Holidays& holidays) {
    for (std::size_t i = 0; i < holidays.years.size(); ++i) {
        const HolidayYear& year = holidays.years[i];
        if (i > 0 && year.year != holidays.years[i - 1].year + 1)
            return Error{Code::corrupt, "holidays of {}: expected the year {} after {}", holidays.region,
                         holidays.years[i - 1].year + 1, holidays.years[i - 1].year};
        for (std::size_t j = 0; j < year.days.size(); ++j) {
            const HolidayDay& day = year.days[j];
            const std::string where = fmt::format("holidays of {}, {}", holidays.region, day_text(day.day));
            if (civil_of(day.day).year != year.year) return Error{Code::corrupt, "{}: not in {}", where, year.year};
            if (j > 0 && day.day <= year.days[j - 1].day) return Error{Code::corrupt, "{}: not in order", where};
            if (day.title_zh.empty() || day.title_en.empty())
                return Error{Code::corrupt, "{}: expected a name in Chinese and in English", where};
            if (!holidays.source(day.source))
                return Error{Code::corrupt, "{}: there is no source \"{}\"", where, day.source};
            if (day.working && weekday_of(day.day) < 6)
                return Error{Code::corrupt, "{}: worked in exchange, but it is no weekend", where};
            if (day.working && !year.arranged)
                return Error{Code::corrupt, "{}: worked in exchange in a year without an arrangement", where};
        }
    }
    return {};
}

}  // namespace gongshu::calendar
