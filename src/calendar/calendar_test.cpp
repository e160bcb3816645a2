#include "calendar/calendar.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace gongshu::calendar {
namespace {

// A time on the wall clock of UTC+8, "2026-10-01 03:00".
TimeNs china(std::string_view text) {
    return (std::int64_t{*parse_day(text.substr(0, 10))} * 1440 + *parse_minute(text.substr(11)) - 480) * kMinute;
}
TimeNs utc(std::string_view text) { return china(text) + 8 * kHour; }
Day day(std::string_view text) { return *parse_day(text); }

Plan in(const std::string& zone) {
    Plan plan{.zone = *Zone::create(zone)};
    plan.hours = {{480, 720}, {780, 1020}};
    return plan;
}

// Three shifts and four teams, day from 08:00: 早早中中夜夜休休.
Plan four_teams() {
    Plan plan = in("Asia/Shanghai");
    plan.day_start = 480;
    plan.shifts = {
        {"day", "早班", "Day", 480, 960}, {"swing", "中班", "Swing", 960, 0}, {"night", "夜班", "Night", 0, 480}};
    plan.teams = {{"A"}, {"B"}, {"C"}, {"D"}};
    plan.rotation = Rotation{day("2026-01-01"),
                             {{0, 1, 2}, {0, 1, 2}, {3, 0, 1}, {3, 0, 1}, {2, 3, 0}, {2, 3, 0}, {1, 2, 3}, {1, 2, 3}}};
    return plan;
}

std::shared_ptr<const Holidays> some_holidays() {
    Holidays holidays;
    holidays.region = "CN";
    holidays.sources = {{.key = "n"}};
    HolidayYear year{.year = 2026, .arranged = true};
    for (const auto& [text, working] : {std::pair{"2026-09-20", true},
                                        {"2026-10-01", false},
                                        {"2026-10-02", false},
                                        {"2026-10-03", false},
                                        {"2026-10-04", false},
                                        {"2026-10-05", false},
                                        {"2026-10-06", false},
                                        {"2026-10-07", false},
                                        {"2026-10-10", true}})
        year.days.push_back({day(text), working, "国庆节", "National Day", RuleStatus::official, "n"});
    holidays.years.push_back(year);
    HolidayYear next{.year = 2027};
    next.days.push_back({day("2027-01-01"), false, "元旦", "New Year", RuleStatus::official, "n"});
    next.days.push_back({day("2027-02-06"), false, "春节", "Spring Festival", RuleStatus::third_party, "n"});
    holidays.years.push_back(next);
    EXPECT_TRUE(check_holidays(holidays));
    return std::make_shared<const Holidays>(holidays);
}

TEST(Day, ReadsAndWrites) {
    const auto f = [](const char* text, const char* want) {
        const auto read = parse_day(text);
        EXPECT_EQ(read ? day_text(*read) : "no", want) << text;
    };
    f("1970-01-01", "1970-01-01");
    f("2024-02-29", "2024-02-29");
    f("2026-02-29", "no");
    f("2026-13-01", "no");
    f("2026-00-01", "no");
    f("2026-01-00", "no");
    f("2026-1-1", "no");
    f("1899-12-31", "no");
    f("2199-12-31", "2199-12-31");
    f("2200-01-01", "no");
    f("2026/01/01", "no");
    EXPECT_EQ(day("1970-01-02"), 1);
    EXPECT_EQ(weekday_of(day("2026-11-21")), 6);
    EXPECT_EQ(*parse_minute("24:00"), 1440);
    EXPECT_FALSE(parse_minute("24:01"));
    EXPECT_FALSE(parse_minute("8:00"));
    EXPECT_FALSE(parse_minute("08:60"));
    EXPECT_EQ(*parse_month_day("02-29"), 229);
    EXPECT_FALSE(parse_month_day("02-30"));
    EXPECT_FALSE(parse_month_day("13-01"));
}

TEST(Calendar, KnowsTheShift) {
    const auto calendar = *Calendar::create(four_teams());
    const auto f = [&](const char* time, const char* want) {
        const auto slot = calendar.shift_at(china(time));
        ASSERT_TRUE(slot) << time;
        const Plan& plan = calendar.plan();
        EXPECT_EQ(plan.shifts[static_cast<std::size_t>(slot->shift)].name + " " +
                      plan.teams[static_cast<std::size_t>(slot->team)].name + " " + day_text(slot->production_day),
                  want)
            << time;
        EXPECT_TRUE(slot->window.contains(china(time)));
    };
    f("2026-01-01 08:00", "day A 2026-01-01");
    f("2026-01-01 16:00", "swing B 2026-01-01");
    f("2026-01-02 00:00", "night C 2026-01-01");
    // What was made at three in the morning belongs to the day before.
    f("2026-01-02 03:00", "night C 2026-01-01");
    f("2026-01-02 07:59", "night C 2026-01-01");
    f("2026-01-02 08:00", "day A 2026-01-02");
    f("2026-01-03 08:00", "day D 2026-01-03");
    f("2026-01-09 08:00", "day A 2026-01-09");  // the cycle begins anew
    f("2025-12-31 09:00", "day B 2025-12-31");  // and goes on before its anchor
    EXPECT_EQ(calendar.next_shift(china("2026-01-01 08:00"))->window.from, china("2026-01-01 16:00"));
}

TEST(Calendar, NamesProductionDaysByTheirBeginOrTheirEnd) {
    const auto f = [](int start, bool by_end, const char* time, const char* want, const char* from) {
        Plan plan = in("Asia/Shanghai");
        plan.day_start = start;
        plan.named_by_end = by_end;
        const auto calendar = *Calendar::create(plan);
        const Day day = calendar.production_day(china(time));
        EXPECT_EQ(day_text(day), want) << time;
        EXPECT_EQ(calendar.production_window(day), (Window{china(from), china(from) + kDay})) << time;
    };
    f(480, false, "2026-03-02 07:59", "2026-03-01", "2026-03-01 08:00");
    f(480, false, "2026-03-02 08:00", "2026-03-02", "2026-03-02 08:00");
    f(0, false, "2026-03-02 00:00", "2026-03-02", "2026-03-02 00:00");
    f(1200, true, "2026-03-02 20:00", "2026-03-03", "2026-03-02 20:00");
    f(1200, true, "2026-03-02 19:59", "2026-03-02", "2026-03-01 20:00");
    f(1200, true, "1969-12-31 19:59", "1969-12-31", "1969-12-30 20:00");
}

TEST(Calendar, HasNoShiftOnDaysWithout) {
    Plan plan = four_teams();
    plan.shifts_every_day = false;
    plan.holidays = some_holidays();
    plan.exceptions = {{day("2026-10-03"), day("2026-10-03"), true, "赶工"},
                       {day("2026-10-09"), day("2026-10-09"), false, "检修"}};
    const auto calendar = *Calendar::create(plan);
    EXPECT_FALSE(calendar.shift_at(china("2026-10-01 09:00")));
    // The night before it still runs to its end.
    EXPECT_TRUE(calendar.shift_at(china("2026-10-01 07:59")));
    EXPECT_TRUE(calendar.shift_at(china("2026-10-03 09:00")));
    EXPECT_FALSE(calendar.shift_at(china("2026-10-09 09:00")));
    EXPECT_TRUE(calendar.shift_at(china("2026-10-10 09:00")));
    EXPECT_EQ(calendar.next_shift(china("2026-10-01 08:00"))->window.from, china("2026-10-03 08:00"));
    // A plant that runs through holidays stops only when it says so.
    plan.shifts_every_day = true;
    const auto through = *Calendar::create(plan);
    EXPECT_TRUE(through.shift_at(china("2026-10-01 09:00")));
    EXPECT_FALSE(through.shift_at(china("2026-10-09 09:00")));
}

TEST(Calendar, CountsWorkingDays) {
    Plan plan = in("Asia/Shanghai");
    plan.holidays = some_holidays();
    const auto calendar = *Calendar::create(plan);
    const auto f = [&](const char* from, int count, const char* want) {
        EXPECT_EQ(day_text(*calendar.add_working_days(day(from), count)), want) << from << " + " << count;
        EXPECT_EQ(*calendar.working_days_between(day(from), day(want)), count);
    };
    f("2026-09-30", 1, "2026-10-08");
    f("2026-09-30", 2, "2026-10-09");
    f("2026-09-30", 3, "2026-10-10");  // a Saturday that is worked in exchange
    f("2026-09-30", 4, "2026-10-12");
    f("2026-10-12", -4, "2026-09-30");
    f("2026-09-18", 1, "2026-09-20");
    f("2026-10-03", 0, "2026-10-03");
    f("2026-10-08", -1, "2026-09-30");
    EXPECT_EQ(*calendar.working_days_between(day("2026-10-01"), day("2026-10-07")), 0);
    const auto g = [&](const char* text, DayKind kind, bool sure) {
        EXPECT_EQ(to_string(calendar.day_info(day(text)).kind), to_string(kind)) << text;
        EXPECT_EQ(calendar.day_info(day(text)).sure, sure) << text;
    };
    g("2026-10-01", DayKind::holiday, true);
    g("2026-10-10", DayKind::makeup, true);
    g("2026-10-17", DayKind::weekend, true);
    g("2027-01-01", DayKind::holiday, true);
    g("2027-01-04", DayKind::workday, false);
    g("2027-02-06", DayKind::holiday, false);
    g("2031-01-06", DayKind::workday, false);
    EXPECT_TRUE(calendar.sure(day("2026-09-01"), day("2026-12-31")));
    EXPECT_FALSE(calendar.sure(day("2026-09-01"), day("2027-01-02")));
    plan.weekdays.clear();
    EXPECT_EQ(Calendar::create(plan)->add_working_days(day("2027-01-01"), 1).error().code(), Code::limit);
}

TEST(Calendar, AddsWorkingHours) {
    Plan plan = in("Asia/Shanghai");
    plan.holidays = some_holidays();
    const auto calendar = *Calendar::create(plan);
    const auto f = [&](const char* from, DurationNs hours, const char* want) {
        EXPECT_EQ(*calendar.add_working_time(china(from), hours * kHour), china(want)) << from << " + " << hours;
    };
    f("2026-09-29 08:00", 1, "2026-09-29 09:00");
    f("2026-09-29 11:00", 2, "2026-09-29 14:00");
    f("2026-09-29 16:00", 1, "2026-09-29 17:00");
    f("2026-09-29 16:00", 2, "2026-09-30 09:00");
    f("2026-09-30 16:00", 2, "2026-10-08 09:00");
    f("2026-10-03 12:00", 8, "2026-10-08 17:00");
    EXPECT_EQ(*calendar.working_time({china("2026-09-30 16:00"), china("2026-10-08 09:00")}), 2 * kHour);
    EXPECT_EQ(*calendar.add_working_time(china("2026-10-03 12:00"), 0), china("2026-10-03 12:00"));
    EXPECT_FALSE(calendar.add_working_time(0, -1));
}

TEST(Calendar, SlicesTariffs) {
    using enum Tariff;
    Plan plan = in("Asia/Shanghai");
    TariffSeason summer{.title_zh = "夏季", .from = 701, .to = 831};
    summer.periods = {{0, 480, valley}, {480, 840, peak}, {840, 900, sharp}, {900, 1320, flat}, {1320, 0, valley}};
    TariffSeason spring{.from = 1201, .to = 229, .days = DaysOf::off};
    spring.periods = {{660, 780, deep_valley}, {780, 660, flat}};
    plan.tariffs = {summer, spring};
    const auto calendar = *Calendar::create(plan);
    const auto f = [&](const char* time, const char* want, const char* from, const char* to) {
        const auto slice = calendar.tariff_at(china(time));
        ASSERT_EQ(slice ? to_string(slice->tariff) : "none", want) << time;
        const Window want_window = slice ? Window{china(from), china(to)} : Window{};
        EXPECT_EQ(slice ? slice->window : Window{}, want_window) << time;
    };
    f("2026-07-10 14:30", "sharp", "2026-07-10 14:00", "2026-07-10 15:00");
    f("2026-07-10 23:00", "valley", "2026-07-10 22:00", "2026-07-11 08:00");
    f("2026-07-01 03:00", "valley", "2026-07-01 00:00", "2026-07-01 08:00");  // June has none
    f("2026-06-30 23:00", "none", "", "");
    f("2026-12-05 12:00", "deep_valley", "2026-12-05 11:00", "2026-12-05 13:00");
    f("2026-12-07 12:00", "none", "", "");
    f("2027-01-09 12:00", "deep_valley", "2027-01-09 11:00", "2027-01-09 13:00");
    const auto slices = calendar.tariffs({china("2026-07-10 14:30"), china("2026-07-11 01:00")}, 10);
    ASSERT_TRUE(slices && slices->size() == 3);
    EXPECT_EQ((*slices)[0].window.from, china("2026-07-10 14:30"));
    EXPECT_EQ((*slices)[2].window.to, china("2026-07-11 01:00"));
    EXPECT_EQ(calendar.tariffs({china("2026-07-10 14:30"), china("2026-07-20 01:00")}, 5).error().code(), Code::limit);
}

TEST(Calendar, FollowsTheClocksOfItsZone) {
    Plan plan = in("Europe/Berlin");
    plan.shifts = {
        {"early", "", "", 360, 840},
        {"late", "", "", 840, 1320},
        {"night", "", "", 1320, 360},
    };
    plan.day_start = 360;
    const auto calendar = *Calendar::create(plan);
    const auto f = [&](const char* time, const char* from, const char* to) {
        EXPECT_EQ(calendar.shift_at(utc(time))->window, (Window{utc(from), utc(to)})) << time;
    };
    f("2026-03-29 00:00", "2026-03-28 21:00", "2026-03-29 04:00");  // seven hours
    f("2026-10-25 02:00", "2026-10-24 20:00", "2026-10-25 05:00");  // nine
    EXPECT_EQ(calendar.production_window(day("2026-03-28")).to - calendar.production_window(day("2026-03-28")).from,
              23 * kHour);
    // A shift that ends in the hour that comes twice ends when its end comes first.
    plan.shifts = {{"a", "", "", 1320, 150}, {"b", "", "", 150, 360}};
    const auto twice = *Calendar::create(plan);
    EXPECT_EQ(twice.shift_at(utc("2026-10-25 01:10"))->window,
              (Window{utc("2026-10-25 00:30"), utc("2026-10-25 05:00")}));
    // One that lies wholly in the hour that is left out is none.
    plan.shifts = {{"a", "", "", 125, 175}};
    EXPECT_TRUE(Calendar::create(plan)->shifts_of(day("2026-03-28")).empty());
}

TEST(Calendar, CutsAWindowIntoPeriods) {
    const auto calendar = *Calendar::create(four_teams());
    const auto count = [&](Every every, const char* from, const char* to) {
        return calendar.periods(every, {china(from), china(to)}, 1000)->size();
    };
    EXPECT_EQ(count(Every::shift, "2026-01-01 08:00", "2026-01-02 08:00"), 3);
    EXPECT_EQ(count(Every::shift, "2026-01-01 07:59", "2026-01-02 08:01"), 5);
    EXPECT_EQ(count(Every::production_day, "2026-01-01 08:00", "2026-01-02 08:00"), 1);
    EXPECT_EQ(count(Every::production_day, "2026-01-01 07:59", "2026-01-02 08:00"), 2);
    EXPECT_EQ(count(Every::month, "2026-01-01 08:00", "2026-03-01 08:00"), 2);
    EXPECT_EQ(count(Every::month, "2026-01-31 08:00", "2026-03-01 08:01"), 3);
    EXPECT_EQ(count(Every::month, "2026-01-01 08:00", "2026-01-01 08:00"), 0);
    const auto months = calendar.periods(Every::month, {china("2026-01-31 12:00"), china("2026-02-01 12:00")}, 10);
    EXPECT_EQ((*months)[1].window, (Window{china("2026-02-01 08:00"), china("2026-03-01 08:00")}));
    EXPECT_EQ(calendar.periods(Every::shift, {0, 100 * kDay}, 10).error().code(), Code::limit);
}

TEST(Calendar, AnswersAtTheEndsOfTime) {
    Plan plan = four_teams();
    plan.tariffs = {{.periods = {{0, 0}}}};
    const auto calendar = *Calendar::create(plan);
    for (const TimeNs time : {std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()}) {
        const int year = time < 0 ? 1677 : 2262;
        EXPECT_EQ(civil_of(calendar.production_day(time)).year, year);
        EXPECT_EQ(civil_of(calendar.day_at(time)).year, year);
        static_cast<void>(calendar.shift_at(time));
        static_cast<void>(calendar.tariff_at(time));
        static_cast<void>(calendar.next_shift(time));
    }
    EXPECT_FALSE(calendar.add_working_time(std::numeric_limits<TimeNs>::max(), kHour));
    const Window all{std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()};
    EXPECT_EQ(calendar.periods(Every::month, all, 1'000'000).error().code(), Code::limit);
    EXPECT_EQ(calendar.tariffs(all, 1'000'000).error().code(), Code::limit);
}

TEST(Calendar, RefusesWhatCannotBe) {
    const auto f = [](auto change, const char* want) {
        Plan plan = four_teams();
        change(plan);
        const auto made = Calendar::create(plan);
        ASSERT_FALSE(made) << want;
        EXPECT_TRUE(made.error().text().starts_with(want)) << made.error().text();
    };
    f([](Plan& p) { p.shifts[1].from = 900; }, "shifts[1].from: swing (15:00 to 00:00) overlaps day (08:00 to 16:00)");
    f([](Plan& p) { p.shifts[1].from = 480; }, "shifts[1].from: swing");
    f([](Plan& p) { p.shifts[2].to = 490; }, "shifts[2].from: night (00:00 to 08:10) overlaps day");
    f([](Plan& p) { p.shifts = {{"a", "", "", 0, 0}, {"b", "", "", 60, 120}}; }, "shifts[1].from: b");
    f([](Plan& p) { p.shifts = {{"b", "", "", 60, 120}, {"a", "", "", 0, 0}}; }, "shifts[1].from: a");
    f([](Plan& p) { p.shifts[1].name = "day"; }, "shifts[1].name: \"day\" is there already");
    f([](Plan& p) { p.shifts[1].name = ""; }, "shifts[1].name: is missing");
    f([](Plan& p) { p.rotation->days.clear(); }, "rotation.days: expected at least one");
    f([](Plan& p) { p.rotation->days[2] = {1}; },
      "rotation.days[2]: expected a team or none for each of the 3 shifts, found 1");
    f([](Plan& p) { p.rotation->days[2][0] = 4; }, "rotation.days[2]: there is no team 4");
    f([](Plan& p) { p.day_start = 1440; }, "day_start: ");
    f([](Plan& p) { p.weekdays = {1, 8}; }, "weekdays[1]: expected 1 (Monday) to 7 (Sunday), found 8");
    f([](Plan& p) { p.weekdays = {1, 1}; }, "weekdays[1]: 1 is there already");
    f([](Plan& p) { p.exceptions = {{10, 9, true, ""}}; }, "exceptions[0].to: expected 1970-01-11 or a later day");
    f([](Plan& p) { p.exceptions = {{10, 999, true, ""}}; }, "exceptions[0].to: expected at most 366");
    f([](Plan& p) { p.hours = {{480, 480}}; }, "hours[0].to: expected a time after 08:00");
    f([](Plan& p) { p.hours = {{480, 720}, {700, 800}}; }, "hours[1].from: expected 12:00 or later");
    f([](Plan& p) { p.tariffs = {{.periods = {{0, 720}}}}; },
      "tariffs[0].periods: 12:00 to 24:00 has no tariff period");
    f([](Plan& p) { p.tariffs = {{.periods = {{60, 0}}}}; }, "tariffs[0].periods: 00:00 to 01:00 has no tariff period");
    f([](Plan& p) { p.tariffs = {{.periods = {{0, 720}, {660, 0}}}}; }, "tariffs[0].periods: 11:00 to 12:00 has two");
    f([](Plan& p) { p.tariffs = {{.since = 10, .until = 9, .periods = {{0, 0}}}}; }, "tariffs[0].until: expected");
    EXPECT_FALSE(Zone::create("Asia/Beijing"));
}

}  // namespace
}  // namespace gongshu::calendar
