#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "calendar/calendar.h"
#include "registry/registry.h"

namespace gongshu::registry {

// A plant's time as people write it: times of day "08:00", days "2026-10-01", days of the year "07-01".
struct CalendarShift {
    std::string name, title_zh, title_en;
    std::string from, to;  // `to` at or before `from`: on the next day
};

struct CalendarTeam {
    std::string name, title_zh, title_en;
};

// Which team has which shift on each day of a cycle that begins with the production day `anchor`.
struct CalendarRotation {
    std::string anchor;
    std::vector<std::map<std::string, std::string>> days;  // shift -> team; a shift left out has none
};

struct CalendarException {
    std::string from;
    std::optional<std::string> to;  // included; absent = that one day
    bool working = false;
    std::string title;
};

enum class TariffWord : std::uint8_t { sharp, peak, flat, valley, deep_valley };
struct CalendarPeriod {
    std::string from, to;
    TariffWord tariff = TariffWord::flat;
};

enum class SeasonDays : std::uint8_t { all, working, off };
enum class SourceStatus : std::uint8_t { official, third_party, placeholder };
struct CalendarSeason {
    std::string title_zh, title_en;
    std::optional<std::string> since, until;
    std::string from = "01-01", to = "12-31";
    SeasonDays days = SeasonDays::all;
    std::vector<CalendarPeriod> periods;
    SourceStatus status = SourceStatus::placeholder;
    std::string source;
};

struct CalendarHours {
    std::string from, to;
};

enum class DayNamedBy : std::uint8_t { begin, end };
enum class ShiftsOn : std::uint8_t { every_day, working_days };
enum class HolidayRegion : std::uint8_t { china, none_ };

struct CalendarSpec {
    std::string title_zh, title_en;
    bool is_default = false;  // of the tenant, for sites that name none
    std::string time_zone = "Asia/Shanghai";
    std::string day_start = "08:00";
    DayNamedBy day_named_by = DayNamedBy::begin;
    std::vector<CalendarShift> shifts;
    ShiftsOn shifts_on = ShiftsOn::every_day;
    std::vector<CalendarTeam> teams;
    std::optional<CalendarRotation> rotation;
    std::vector<int> weekdays{1, 2, 3, 4, 5};
    HolidayRegion holidays = HolidayRegion::china;
    std::vector<CalendarHours> hours{{"08:00", "12:00"}, {"13:00", "17:00"}};
    std::vector<CalendarException> exceptions;
    std::vector<CalendarSeason> tariffs;
};

Kind calendar_kind();

// Errors begin with the field.
Result<calendar::Calendar> make_calendar(const CalendarSpec& spec);

extern template Result<CalendarSpec> spec_of<CalendarSpec>(const Resource&);

}  // namespace gongshu::registry
