#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "calendar/holidays.h"
#include "calendar/zone.h"
#include "data/interval.h"

namespace gongshu::calendar {

// Of the wall clock, in minutes since midnight; `to` at or before `from` is on the next day. A shift of 24 h has both
// alike.
struct Shift {
    std::string name, title_zh, title_en;
    int from = 0, to = 0;
};

struct Team {
    std::string name, title_zh, title_en;
};

// Which team has which shift: a cycle of production days, of which `anchor` is the first.
struct Rotation {
    Day anchor = 0;
    std::vector<std::vector<int>> days;  // [day of the cycle][shift]: number of a team, -1 = none
};

// What this plant does otherwise on [from, to], both included. Of several that hold a day the last decides.
struct Exception {
    Day from = 0, to = 0;
    bool working = false;
    std::string title;
};

enum class Tariff : std::uint8_t { sharp, peak, flat, valley, deep_valley };
std::string_view to_string(Tariff tariff);

// Of the wall clock of one day; `to` at or before `from` holds over midnight: the last and the first part of the day.
struct TariffPeriod {
    int from = 0, to = 0;
    Tariff tariff = Tariff::flat;
};

enum class DaysOf : std::uint8_t { all, working, off };

// The tariff periods of some days of the year. Of several that hold a day the first decides.
struct TariffSeason {
    std::string title_zh, title_en;
    std::optional<Day> since, until;  // both included; absent = always
    int from = 101, to = 1231;        // days of the year, month * 100 + day, both included; may go over new year
    DaysOf days = DaysOf::all;
    std::vector<TariffPeriod> periods;  // the whole day, none twice
    RuleStatus status = RuleStatus::placeholder;
    std::string source;
};

struct WorkingHours {
    int from = 0, to = 0;  // from < to
};

// Everything that makes a calendar, as people say it.
struct Plan {
    Zone zone;
    std::vector<Shift> shifts;
    std::vector<Team> teams;
    std::optional<Rotation> rotation;
    int day_start = 0;             // of the production day, minutes since midnight
    bool named_by_end = false;     // 20:00 to 20:00 is called by the day on which it ends
    bool shifts_every_day = true;  // else on working days only
    std::vector<int> weekdays{1, 2, 3, 4, 5};
    std::shared_ptr<const Holidays> holidays;  // null = none
    std::vector<Exception> exceptions;
    std::vector<TariffSeason> tariffs;
    std::vector<WorkingHours> hours;  // in order
};

// What a day is for working-day arithmetic.
enum class DayKind : std::uint8_t { workday, weekend, holiday, makeup, exception_work, exception_off };
std::string_view to_string(DayKind kind);

struct DayInfo {
    DayKind kind = DayKind::workday;
    bool working = true;
    bool sure = true;                      // false: the authority's word for this day is not known
    const HolidayDay* holiday = nullptr;   // of holiday and makeup, also beneath an exception
    const Exception* exception = nullptr;  // of exception_…
};

// One shift of one production day.
struct ShiftSlot {
    Window window;
    int shift = 0;  // number in Plan::shifts
    int team = -1;  // number in Plan::teams
    Day production_day = 0;
};

enum class Every : std::uint8_t { shift, production_day, month };

// One of the stretches that `every` cuts a time into.
struct Period {
    Window window;
    Day production_day = 0;  // of a month its first
    int shift = -1, team = -1;
};

struct TariffSlice {
    Window window;
    Tariff tariff = Tariff::flat;
    int season = 0;  // number in Plan::tariffs
};

inline constexpr std::size_t kShiftsMax = 24, kTeamsMax = 32, kCycleMax = 366, kExceptionsMax = 1000, kTariffsMax = 100,
                             kPeriodsMax = 48, kHoursMax = 12;
// How far working-day arithmetic looks, in days.
inline constexpr int kReachDays = 40'000;

// What a plant's time is: shifts, production days, working days, tariff periods. Every boundary is a reading of the
// wall clock and lies where the clock shows it first; where clocks are put forward over it, there. So days have 23 or
// 25 hours when clocks are set, and periods never overlap. Lives: as long as somebody wants.  Threads: any; constant.
// Bounds: k…Max above.  Disk: none.
class Calendar {
public:
    // Code::invalid begins with the field: "shifts[1].from: …".
    static Result<Calendar> create(Plan plan);
    const Plan& plan() const { return plan_; }

    // Which production day a time belongs to, and the whole of one.
    Day production_day(TimeNs time) const;
    Window production_window(Day day) const;
    // The month of production days that holds `day`.
    Window month_window(Day day) const;
    // The civil day on the wall clock, and the whole of one.
    Day day_at(TimeNs time) const;
    Window day_window(Day day) const;

    // The shift that runs then; nullopt between shifts and on days without.
    std::optional<ShiftSlot> shift_at(TimeNs time) const;
    // The first that begins after `time`, within `kReachDays`.
    std::optional<ShiftSlot> next_shift(TimeNs time) const;
    // Those of one production day, in order.
    std::vector<ShiftSlot> shifts_of(Day production_day) const;
    bool shifts_run(Day production_day) const;

    // All that overlap the window, whole, in order; Code::limit beyond `periods_max` and kReachDays.
    Result<std::vector<Period>> periods(Every every, Window window, std::size_t periods_max) const;

    DayInfo day_info(Day day) const;
    bool is_working_day(Day day) const { return day_info(day).working; }
    // The count-th working day after `day` (before, if negative); 0 = `day` itself. Code::limit past kReachDays.
    Result<Day> add_working_days(Day day, int count) const;
    // How many d with from < d <= to are working days; negative if to < from, so that it undoes add_working_days.
    Result<int> working_days_between(Day from, Day to) const;
    // When `length` of working hours have gone by after `time`; `length` >= 0. Code::limit past kReachDays.
    Result<TimeNs> add_working_time(TimeNs time, DurationNs length) const;
    // Working hours within the window.
    Result<DurationNs> working_time(Window window) const;
    // Whether every day of [from, to] is sure.
    bool sure(Day from, Day to) const;

    // The slices of a window, cut to it, neighbours of the same tariff and season in one; what no season holds is left
    // out. Code::limit beyond `slices_max` and kReachDays.
    Result<std::vector<TariffSlice>> tariffs(Window window, std::size_t slices_max) const;
    // The slice that holds `time`, looked at no further than a day to either side.
    std::optional<TariffSlice> tariff_at(TimeNs time) const;

private:
    explicit Calendar(Plan plan) : plan_(std::move(plan)) {}
    int season_of(Day day) const;
    // The day that began last by `time`, when days begin `start` minutes after midnight.
    Day day_of_start(TimeNs time, int start) const;
    std::vector<Window> hours_of(Day day) const;
    int start_minute() const { return plan_.named_by_end ? plan_.day_start - 24 * 60 : plan_.day_start; }

    struct Slot {
        int shift = 0, begin = 0, length = 0;  // minutes since the midnight of the production day
    };
    Plan plan_;
    std::vector<Slot> slots_;                        // in order of time
    std::vector<std::vector<TariffPeriod>> day_of_;  // per season: 0 … 1440 without gaps
    unsigned weekdays_ = 0;                          // bit n: weekday n is worked
};

}  // namespace gongshu::calendar
