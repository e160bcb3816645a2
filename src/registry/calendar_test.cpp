#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "registry/calendar_of.h"
#include "registry/holidays.h"
#include "registry/test_world.h"

namespace gongshu::registry::test {
namespace {

using calendar::parse_day;

std::string shipped() {
    std::ifstream file(GONGSHU_SOURCE_DIR "/library/holidays/cn.yaml");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Holidays, OfTheProgramAreThoseOfTheFile) {
    const auto inside = holidays_of_china();
    ASSERT_TRUE(inside) << inside.error().text();
    const auto read = read_holidays(shipped());
    ASSERT_TRUE(read);
    ASSERT_EQ((*inside)->years.size(), read->years.size());
    EXPECT_EQ((*inside)->years[0].days.size(), read->years[0].days.size());
}

// What the notice of 4 November 2025 says, counted another way: its own totals of days.
TEST(Holidays, Of2026AreThoseOfTheNotice) {
    const auto china = *holidays_of_china();
    const calendar::HolidayYear* const year = china->year(2026);
    ASSERT_TRUE(year && year->arranged);
    std::map<std::string, int> off, worked;
    for (const auto& day : year->days) {
        ++(day.working ? worked : off)[day.title_zh];
        EXPECT_EQ(day.status, calendar::RuleStatus::official);
    }
    EXPECT_EQ(
        off, (std::map<std::string, int>{
                 {"元旦", 3}, {"春节", 9}, {"清明节", 3}, {"劳动节", 5}, {"端午节", 3}, {"中秋节", 3}, {"国庆节", 7}}));
    EXPECT_EQ(worked, (std::map<std::string, int>{{"元旦", 1}, {"春节", 2}, {"劳动节", 1}, {"国庆节", 2}}));
    // 365 days, 104 weekends, 13 statutory days: whatever is arranged, as many working days are left.
    int working = 0;
    for (calendar::Day day = *parse_day("2026-01-01"); day <= *parse_day("2026-12-31"); ++day) {
        const auto* const found = china->find(day);
        working += found ? found->working : calendar::weekday_of(day) < 6;
    }
    EXPECT_EQ(working, 365 - 104 - 13);
}

TEST(Holidays, Of2027AreTheThirteenOfTheLawAndNotArranged) {
    const auto china = *holidays_of_china();
    const calendar::HolidayYear* const year = china->year(2027);
    ASSERT_TRUE(year && !year->arranged);
    EXPECT_EQ(year->days.size(), 13);
    EXPECT_FALSE(year->note_zh.empty());
    for (const auto& day : year->days) {
        const auto civil = calendar::civil_of(day.day);
        const bool fixed = civil.month == 1 || civil.month == 5 || civil.month == 10;
        EXPECT_EQ(day.status == calendar::RuleStatus::official, fixed) << calendar::day_text(day.day);
        EXPECT_FALSE(day.working);
    }
}

TEST(Holidays, RefuseAWrongFile) {
    const auto f = [](std::string from, std::string to, const char* want) {
        std::string text = shipped();
        const std::size_t at = text.find(from);
        ASSERT_NE(at, text.npos) << from;
        text.replace(at, from.size(), to);
        const auto read = read_holidays(text);
        ASSERT_FALSE(read) << want;
        EXPECT_NE(read.error().text().find(want), std::string::npos) << read.error().text();
    };
    f("{from: 2026-01-04, to: 2026-01-04", "{from: 2026-01-05, to: 2026-01-05",
      "2026-01-05: worked in exchange, but it is no weekend");
    f("{from: 2026-02-14, to: 2026-02-14", "{from: 2026-01-03, to: 2026-01-03", "2026-01-03: not in order");
    f("{from: 2026-02-15, to: 2026-02-23", "{from: 2026-02-15, to: 2026-02-13",
      "expected a day up to a month after 2026-02-15");
    f("{from: 2027-10-01", "{from: 2026-12-31", "a month after");
    f("source: law_2024}", "source: law_2025}", "there is no source \"law_2025\"");
    f("status: official", "status: sure", "expected official, third_party or placeholder");
    f("  2027:", "  2028:", "expected the year 2027 after 2026");
    f("arranged: false", "arranged: maybe", "arranged: expected true or false");
    f("title_en: New Year's Day", "title_en: ''", "expected a name in Chinese and in English");
    f("region: CN", "region: [", "line ");
}

class CalendarKind : public testing::Test, public World {
protected:
    void SetUp() override { ASSERT_TRUE(open()); }
};

constexpr const char* kFour = R"({"day_start":"08:00","shifts":[{"name":"day","from":"08:00","to":"16:00"},
    {"name":"swing","from":"16:00","to":"00:00"},{"name":"night","from":"00:00","to":"08:00"}],
    "teams":[{"name":"A"},{"name":"B"},{"name":"C"},{"name":"D"}],
    "rotation":{"anchor":"2026-01-01","days":[{"day":"A","swing":"B","night":"C"},{"day":"D","swing":"A","night":"B"}]}})";

TEST_F(CalendarKind, RefusesWithTheFieldAndTheFix) {
    const auto f = [&](const char* spec, const char* want) {
        const auto put = registry->put(admin, "calendar", "c", parse_json(spec).value());
        ASSERT_FALSE(put) << want;
        EXPECT_NE(put.error().text().find(want), std::string::npos) << put.error().text();
    };
    f(R"({"time_zone":"Asia/Beijing"})",
      "time_zone: there is no time zone \"Asia/Beijing\"; did you mean \"Asia/Shanghai\"?");
    f(R"({"day_start":"8:00"})", "day_start: expected a time of day such as 08:00, found \"8:00\"");
    f(R"({"shifts":[{"name":"a","from":"08:00"}]})", "shifts[0].to: ");
    f(R"({"shifts":[{"name":"a","from":"08:00","to":"16:00"},{"name":"b","from":"15:00","to":"20:00"}]})",
      "shifts[1].from: b (15:00 to 20:00) overlaps a (08:00 to 16:00)");
    f(R"({"shifts":[{"name":"a","from":"08:00","to":"16:00"}],"rotation":{"anchor":"2026-01-01","days":[{"a":"X"}]}})",
      "rotation.days[0].a: there is no team \"X\"; there are none");
    f(R"({"rotation":{"anchor":"2026-01-01","days":[{"a":"X"}]}})", "rotation.days[0]: there is no shift \"a\"");
    f(R"({"rotation":{"anchor":"2026-02-30","days":[{}]}})", "rotation.anchor: expected a day such as 2026-10-01");
    f(R"({"tariffs":[{"periods":[{"from":"00:00","to":"12:00","tariff":"flat"}]}]})",
      "tariffs[0].periods: 12:00 to 24:00 has no tariff period");
    f(R"({"tariffs":[{"from":"02-30","periods":[]}]})", "tariffs[0].from: expected a day of the year such as 07-01");
    f(R"({"tariffs":[{"periods":[{"from":"00:00","to":"00:00","tariff":"low"}]}]})", "tariffs[0].periods[0].tariff: ");
    f(R"({"weekdays":[0]})", "weekdays[0]: expected 1 (Monday) to 7 (Sunday), found 0");
    f(R"({"exceptions":[{"from":"2026-10-09","to":"2026-10-08"}]})",
      "exceptions[0].to: expected 2026-10-09 or a later day");
    f(R"({"holidays":"mars"})", "holidays: ");
}

TEST_F(CalendarKind, HoldsAtSitesThatNameItElseTheDefault) {
    const auto store = [&](const char* kind, const char* name, const char* spec) {
        const auto made = put(kind, name, spec);
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
    };
    const auto at = [&](const char* path) {
        const auto found = calendar_at(*registry, admin.tenant, path);
        EXPECT_TRUE(found) << path;
        return found ? found->name + "/" + found->calendar->plan().zone.name() : "";
    };
    EXPECT_EQ(at("plant/line.x"), "/Asia/Shanghai");
    store("site", "berlin", R"({"time_zone":"Europe/Berlin"})");
    EXPECT_EQ(at("berlin/line.x"), "/Europe/Berlin");
    EXPECT_EQ(calendar_at(*registry, admin.tenant, "berlin")->calendar->plan().shifts.size(), 3);
    store("calendar", "four", kFour);
    EXPECT_EQ(at("berlin/line.x"), "/Europe/Berlin");
    store("calendar", "usual", R"({"is_default":true})");
    EXPECT_EQ(at("berlin/line.x"), "usual/Asia/Shanghai");
    store("site", "plant", R"({"time_zone":"Asia/Shanghai","calendar":"four"})");
    store("site", "plant/east", R"({"time_zone":"Asia/Shanghai","calendar":"usual"})");
    EXPECT_EQ(at("plant/line.x"), "four/Asia/Shanghai");
    EXPECT_EQ(at("plant/east/line.x"), "usual/Asia/Shanghai");
    EXPECT_EQ(at(""), "usual/Asia/Shanghai");
    // One default, and what is named is not deleted.
    const auto second = registry->put(admin, "calendar", "four", parse_json(R"({"is_default":true})").value());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text().find("is_default: \"usual\" is the default already"), std::string::npos);
    EXPECT_EQ(registry->remove(admin, "calendar", "four").error().code(), Code::conflict);
    EXPECT_FALSE(registry->put(admin, "site", "x", parse_json(R"({"time_zone":"UTC","calendar":"none"})").value()));
    EXPECT_TRUE(registry->rename(admin, "calendar", "four", "cycle"));
    EXPECT_EQ(at("plant/line.x"), "cycle/Asia/Shanghai");
    EXPECT_EQ(calendar_named(*registry, admin.tenant, "cicle").error().code(), Code::not_found);
}

}  // namespace
}  // namespace gongshu::registry::test
