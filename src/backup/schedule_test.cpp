#include "backup/schedule.h"

#include <gtest/gtest.h>

#include "expr/calendar.h"

namespace gongshu::backup {
namespace {

TimeNs at(std::string_view text) { return expr::read_time(text).value(); }

TEST(Schedule, ReadsATimeOfTheDay) {
    const auto f = [](std::string_view text, const char* want) {
        const auto time = parse_time_of_day(text, "Europe/Berlin");
        ASSERT_TRUE(time) << time.error().text();
        EXPECT_EQ(to_string(*time), want);
    };
    f("02:30", "02:30 Europe/Berlin");
    f("00:00", "00:00 Europe/Berlin");
    f("23:59 Asia/Shanghai", "23:59 Asia/Shanghai");
    f("12:00 UTC", "12:00 UTC");
    for (const char* text : {"", "2:30", "24:00", "02:60", "02-30", "0230", "02:30:00", "-1:30", "02:3x", "+2:30"})
        EXPECT_EQ(parse_time_of_day(text, "UTC").error().code(), Code::invalid) << text;
    EXPECT_EQ(parse_time_of_day("02:30 Mars/Olympus", "UTC").error().code(), Code::invalid);
}

TEST(Schedule, IsDueAtItsTime) {
    const auto f = [](const char* time, int days, const char* newest, const char* now, bool want) {
        const auto of_day = parse_time_of_day(time, "Asia/Shanghai").value();
        EXPECT_EQ(is_due(of_day, days, *newest ? std::optional{at(newest)} : std::nullopt, at(now)), want)
            << time << " every " << days << ", newest " << newest << ", now " << now;
    };
    // Every night, here eight hours ahead of UTC.
    f("02:30", 1, "2026-03-01T18:30:20Z", "2026-03-02T18:29:59Z", false);
    f("02:30", 1, "2026-03-01T18:30:20Z", "2026-03-02T18:30:00Z", true);
    f("02:30", 1, "2026-03-02T18:30:20Z", "2026-03-02T18:31:00Z", false);
    // One made by hand in the evening does not stand for the night's.
    f("02:30", 1, "2026-03-02T12:00:00Z", "2026-03-02T18:30:00Z", true);
    // A server that was off: at once if the newest is old, else at the next time.
    f("02:30", 1, "2026-03-01T18:30:20Z", "2026-03-02T18:50:00Z", true);
    f("02:30", 1, "2026-03-01T18:30:20Z", "2026-03-02T20:00:00Z", false);
    f("02:30", 1, "2026-03-01T18:30:20Z", "2026-03-02T20:31:00Z", true);
    f("02:30", 1, "2026-03-02T10:00:00Z", "2026-03-02T23:00:00Z", false);
    f("02:30", 1, "2026-02-20T18:30:20Z", "2026-03-02T03:00:00Z", true);
    f("02:30", 1, "", "2026-03-02T03:00:00Z", true);
    // Every third day.
    f("02:30", 3, "2026-03-01T18:30:20Z", "2026-03-02T18:30:00Z", false);
    f("02:30", 3, "2026-03-01T18:30:20Z", "2026-03-03T18:30:00Z", false);
    f("02:30", 3, "2026-03-01T18:30:20Z", "2026-03-04T18:30:00Z", true);
    f("02:30", 3, "2026-03-01T10:00:00Z", "2026-03-04T18:30:00Z", true);
    f("02:30", 3, "2026-03-01T10:00:00Z", "2026-03-03T18:30:00Z", true);
    f("02:30", 3, "2026-03-01T18:30:20Z", "2026-03-04T20:31:00Z", true);
    // Clocks in Berlin: put forward on 29 March 2026 at 01:00 UTC, back on 25 October at 01:00 UTC.
    f("02:30 Europe/Berlin", 1, "2026-03-28T01:30:20Z", "2026-03-29T00:59:00Z", false);
    f("02:30 Europe/Berlin", 1, "2026-03-28T01:30:20Z", "2026-03-29T01:00:00Z", true);
    f("02:30 Europe/Berlin", 1, "2026-03-29T01:00:20Z", "2026-03-29T01:30:00Z", false);
    f("02:30 Europe/Berlin", 1, "2026-03-29T01:00:20Z", "2026-03-30T00:30:00Z", true);
    f("02:30 Europe/Berlin", 1, "2026-10-24T00:30:20Z", "2026-10-25T00:30:00Z", true);
    f("02:30 Europe/Berlin", 1, "2026-10-25T00:30:20Z", "2026-10-25T01:30:00Z", false);  // 02:30 once more
    f("02:30 Europe/Berlin", 1, "2026-10-25T00:30:20Z", "2026-10-26T01:29:00Z", false);
    f("02:30 Europe/Berlin", 1, "2026-10-25T00:30:20Z", "2026-10-26T01:30:00Z", true);
}

// A year of minutes: one a day, at the time, also across both changes of the clocks.
TEST(Schedule, MakesOneADayThroughAYear) {
    const auto of_day = parse_time_of_day("02:30 Europe/Berlin", "").value();
    TimeNs newest = at("2026-01-01T01:30:00Z");
    int made = 0;
    for (TimeNs now = newest + kMinute; now < at("2027-01-01T00:00:00Z"); now += kMinute) {
        if (!is_due(of_day, 1, newest, now)) continue;
        const std::int64_t minute = of_day.zone.local_seconds(now) / 60 % 1440;
        EXPECT_TRUE(minute == 150 || minute == 180) << now;  // 03:00 in the night that has no 02:30
        newest = now;
        ++made;
    }
    EXPECT_EQ(made, 364);
}

}  // namespace
}  // namespace gongshu::backup
