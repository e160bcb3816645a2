// Random calendars against the dullest model: it goes minute by minute and asks the wall clock each time. The clock of
// the model stands still while clocks are set back, which is what "a boundary lies where the clock shows it first"
// means.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/rng.h"
#include "calendar/calendar.h"

namespace gongshu::calendar {
namespace {

// A seed of its own for each run, or SEED=… to repeat one.
std::uint64_t seed() {
    if (const char* const given = std::getenv("SEED")) return std::strtoull(given, nullptr, 10);
    std::uint64_t salt = 0;
    return static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed()) * 7919 +
           reinterpret_cast<std::uintptr_t>(&salt);
}

// Where and around when clocks are set: in spring, in autumn, at midnight, by half an hour, by a whole day, never.
constexpr std::pair<const char*, const char*> kPlaces[] = {
    {"Europe/Berlin", "2026-03-27"},     {"Europe/Berlin", "2026-10-23"},       {"America/New_York", "2027-03-12"},
    {"America/Sao_Paulo", "2018-11-02"}, {"Australia/Lord_Howe", "2026-04-03"}, {"Australia/Lord_Howe", "2026-10-02"},
    {"Asia/Shanghai", "2026-09-29"},     {"Pacific/Apia", "2011-12-28"},        {"UTC", "2026-12-29"},
    {"Asia/Kathmandu", "2026-02-27"},
};

class Random {
public:
    explicit Random(std::uint64_t seed) : rng_(seed) {}
    int below(int n) { return static_cast<int>(rng_.below(static_cast<std::uint64_t>(n))); }
    bool coin() { return below(2) == 0; }

    Plan plan(const char* zone, Day around) {
        Plan plan{.zone = *Zone::create(zone)};
        plan.day_start = below(96) * 15;
        plan.named_by_end = coin();
        plan.shifts_every_day = coin();
        int at = below(96) * 15;
        const int begin = at;
        for (int i = 0; i < 4; ++i) {
            const int length = 15 + below(40) * 15, pause = coin() ? 0 : below(10) * 15;
            if (at + length > begin + 1440) break;
            plan.shifts.push_back({"s" + std::to_string(i), "", "", at % 1440, (at + length) % 1440});
            at += length + pause;
        }
        plan.teams = {{"a"}, {"b"}, {"c"}};
        if (coin()) {
            plan.rotation = Rotation{around - below(900) + below(900), {}};
            for (int i = 0; i <= below(9); ++i) {
                plan.rotation->days.emplace_back();
                for (std::size_t s = 0; s < plan.shifts.size(); ++s) plan.rotation->days.back().push_back(below(4) - 1);
            }
        }
        for (int i = 0; i < below(4); ++i) {
            const Day from = around + below(8);
            plan.exceptions.push_back({from, from + below(3), coin(), ""});
        }
        for (int i = 0; i < below(3); ++i) plan.tariffs.push_back(season());
        for (int at_hour = 0; at_hour < 1300;) {
            at_hour += below(300);
            const int to = at_hour + 15 + below(300);
            if (to <= 1440) plan.hours.push_back({at_hour, to});
            at_hour = to;
        }
        return plan;
    }

private:
    TariffSeason season() {
        TariffSeason season;
        season.from = (1 + below(12)) * 100 + 1;
        season.to = (1 + below(12)) * 100 + 28;
        season.days = static_cast<DaysOf>(below(3));
        int at = below(48) * 30;
        const int begin = at;
        while (at < begin + 1440) {
            const int to = std::min(begin + 1440, at + 30 + below(20) * 30);
            season.periods.push_back({at % 1440, to % 1440, static_cast<Tariff>(below(5))});
            at = to;
        }
        return season;
    }
    Rng rng_;
};

// What the model says of one minute.
struct Minute {
    Day production = 0;
    int shift = -1, team = -1, tariff = -1, season = -1;
    bool working = false;
};

class Model {
public:
    explicit Model(const Plan& plan) : plan_(plan) {}

    bool works(Day day) const {
        bool works = std::ranges::find(plan_.weekdays, weekday_of(day)) != plan_.weekdays.end();
        for (const Exception& one : plan_.exceptions)
            if (day >= one.from && day <= one.to) works = one.working;
        return works;
    }

    bool runs(Day day) const {
        if (plan_.shifts_every_day) {
            bool runs = true;
            for (const Exception& one : plan_.exceptions)
                if (day >= one.from && day <= one.to) runs = one.working;
            return runs;
        }
        return works(day);
    }

    // `clock`: minutes on the wall clock since 1970.
    Minute at(std::int64_t clock) const {
        Minute minute;
        const int start = plan_.named_by_end ? plan_.day_start - 1440 : plan_.day_start;
        auto day = static_cast<Day>(clock / 1440 - 3);
        while (std::int64_t{day + 1} * 1440 + start <= clock) ++day;
        minute.production = day;
        for (Day of = day - 2; of <= day + 2; ++of) shift_of(of, start, clock, minute);
        const auto civil = static_cast<Day>(clock / 1440);
        const int time = static_cast<int>(clock % 1440);
        for (const WorkingHours& one : plan_.hours)
            if (works(civil) && time >= one.from && time < one.to) minute.working = true;
        tariff_of(civil, time, minute);
        return minute;
    }

private:
    void shift_of(Day day, int start, std::int64_t clock, Minute& minute) const {
        if (!runs(day)) return;
        for (std::size_t i = 0; i < plan_.shifts.size(); ++i) {
            const Shift& shift = plan_.shifts[i];
            std::int64_t from = std::int64_t{day} * 1440 + start;
            while (((from % 1440) + 1440) % 1440 != shift.from) ++from;
            std::int64_t to = from + 1;
            while (((to % 1440) + 1440) % 1440 != shift.to % 1440) ++to;
            if (clock < from || clock >= to) continue;
            minute.shift = static_cast<int>(i);
            if (!plan_.rotation) continue;
            const int cycle = static_cast<int>(plan_.rotation->days.size());
            const int at = (((day - plan_.rotation->anchor) % cycle) + cycle) % cycle;
            minute.team = plan_.rotation->days[static_cast<std::size_t>(at)][i];
        }
    }

    void tariff_of(Day day, int time, Minute& minute) const {
        const Civil civil = civil_of(day);
        for (std::size_t i = 0; i < plan_.tariffs.size() && minute.season < 0; ++i) {
            const TariffSeason& season = plan_.tariffs[i];
            const int date = civil.month * 100 + civil.day;
            const bool within = season.from <= season.to ? season.from <= date && date <= season.to
                                                         : date >= season.from || date <= season.to;
            if (!within) continue;
            if (season.days == DaysOf::working && !works(day)) continue;
            if (season.days == DaysOf::off && works(day)) continue;
            for (const TariffPeriod& period : season.periods) {
                const bool holds = period.from < period.to ? time >= period.from && time < period.to
                                                           : time >= period.from || time < period.to;
                if (!holds) continue;
                minute.season = static_cast<int>(i);
                minute.tariff = static_cast<int>(period.tariff);
            }
        }
    }
    const Plan& plan_;
};

// The whole of eight days of one calendar, minute by minute.
void compare(Random& random, const char* zone, Day around) {
    const Plan plan = random.plan(zone, around);
    const auto made = Calendar::create(plan);
    ASSERT_TRUE(made) << made.error().text();
    const Calendar& calendar = *made;
    const Model model{plan};
    const TimeNs from = plan.zone.instant(around, 0) - 12 * kHour;
    const int minutes = 8 * 1440;
    std::int64_t clock = 0;
    std::vector<Minute> told;
    for (int i = 0; i < minutes + 60; ++i) {
        const std::int64_t now = calendar.plan().zone.local_seconds(from + i * kMinute) / 60;
        clock = std::max(clock, now);
        told.push_back(model.at(clock));
    }
    const Window window{from, from + minutes * kMinute};
    std::vector<Minute> found(static_cast<std::size_t>(minutes));
    const auto put = [&](Window part, auto set) {
        for (TimeNs at = std::max(part.from, window.from); at < std::min(part.to, window.to); at += kMinute)
            set(found[static_cast<std::size_t>((at - window.from) / kMinute)]);
    };
    const auto shifts = *calendar.periods(Every::shift, window, 1000);
    const auto days = *calendar.periods(Every::production_day, window, 1000);
    const auto slices = *calendar.tariffs(window, 1000);
    for (const Period& one : shifts)
        put(one.window, [&](Minute& m) {
            EXPECT_EQ(m.shift, -1);
            m.shift = one.shift;
            m.team = one.team;
        });
    for (const Period& one : days) put(one.window, [&](Minute& m) { m.production = one.production_day; });
    for (const TariffSlice& one : slices)
        put(one.window, [&](Minute& m) {
            m.tariff = static_cast<int>(one.tariff);
            m.season = one.season;
        });
    DurationNs worked = 0;
    for (int i = 0; i < minutes; ++i) {
        const Minute& want = told[static_cast<std::size_t>(i)];
        const Minute& have = found[static_cast<std::size_t>(i)];
        const TimeNs time = from + i * kMinute;
        ASSERT_EQ(have.shift, want.shift) << zone << " minute " << i;
        ASSERT_EQ(have.team, want.team) << zone << " minute " << i;
        ASSERT_EQ(have.production, want.production) << zone << " minute " << i;
        ASSERT_EQ(have.tariff, want.tariff) << zone << " minute " << i;
        ASSERT_EQ(have.season, want.season) << zone << " minute " << i;
        if (want.working) worked += kMinute;
        if (i % 97 != 0) continue;
        // The same, asked of one moment.
        const auto slot = calendar.shift_at(time + 17 * kSecond);
        ASSERT_EQ(slot ? slot->shift : -1, want.shift) << zone << " minute " << i;
        ASSERT_EQ(calendar.production_day(time), want.production);
        const auto tariff = calendar.tariff_at(time);
        ASSERT_EQ(tariff ? static_cast<int>(tariff->tariff) : -1, want.tariff);
        ASSERT_EQ(*calendar.working_time({from, time}), worked - (want.working ? kMinute : 0));
        if (const auto later = calendar.add_working_time(time, 90 * kMinute)) {
            ASSERT_EQ(*calendar.working_time({time, *later}), 90 * kMinute);
            ASSERT_LT(*calendar.working_time({time, *later - kMinute}), 90 * kMinute);
        }
    }
}

TEST(Calendar, AgreesWithAMinuteByMinuteModel) {
    const std::uint64_t used = seed();
    SCOPED_TRACE("SEED=" + std::to_string(used));
    Random random{used};
    for (int round = 0; round < 1; ++round)
        for (const auto& [zone, around] : kPlaces) {
            compare(random, zone, *parse_day(around));
            if (testing::Test::HasFatalFailure()) return;
        }
}

TEST(Calendar, WorkingDaysUndoThemselves) {
    const std::uint64_t used = seed();
    SCOPED_TRACE("SEED=" + std::to_string(used));
    Random random{used};
    for (int round = 0; round < 200; ++round) {
        const Day around = 20'000 + random.below(2000);
        const Plan plan = random.plan("Asia/Shanghai", around);
        const Calendar calendar = *Calendar::create(plan);
        const Model model{plan};
        const Day from = around + random.below(20) - 10;
        const int count = random.below(41) - 20;
        const Day to = *calendar.add_working_days(from, count);
        EXPECT_EQ(*calendar.working_days_between(from, to), count);
        int dull = 0;
        for (Day day = from; day != to;) {
            day += count < 0 ? -1 : 1;
            if (model.works(day)) ++dull;
        }
        EXPECT_EQ(dull, std::abs(count));
        EXPECT_TRUE(count == 0 || model.works(to));
        const Day other = around + random.below(40) - 20;
        EXPECT_EQ(*calendar.working_days_between(from, other) > 0,
                  from < other && *calendar.working_days_between(from, other) != 0);
    }
}

}  // namespace
}  // namespace gongshu::calendar
