#include <gtest/gtest.h>

#include "case/testing/world_test.h"

namespace gongshu::cases {
namespace {

using test::World;

// A plant with one interval, whose corrections are kept in a list.
struct Hall : World {
    Interval interval{.tenant = TenantId{1},
                      .id = IntervalId{7},
                      .revision = 1,
                      .subject = "d:uid",
                      .path = "site/cnc1",
                      .kind = "downtime",
                      .from = 1'700'000'000 * kSecond,
                      .to = 1'700'000'600 * kSecond};
    std::vector<Interval> corrected;
    bool fails = false;

    Hall() {
        cases = std::make_unique<Cases>(*registry, clock);
        EXPECT_TRUE(cases->add_kind(
            downtime_reason_kind(),
            downtime_reason_hooks({.find = [this](TenantId tenant, IntervalId id) -> Result<Interval> {
                                       if (tenant != interval.tenant || id != interval.id)
                                           return Error{Code::not_found, "there is no interval {}", id.value};
                                       return interval;
                                   },
                                   .correct = [this](Interval next) -> Result<void> {
                                       if (fails) return Error{Code::unavailable, "the store is read-only"};
                                       corrected.push_back(next);
                                       interval = std::move(next);
                                       return {};
                                   }})));
    }
    std::string opened(const char* given) {
        const auto one = cases->open(wang, {.kind = "downtime_reason", .turn = {.fields = test::fields(given)}});
        return one ? registry::to_text(Json(one->fields)) + " " + one->subject + " " + one->place : one.error().text();
    }
};

TEST(DowntimeReason, IsAboutAnInterval) {
    Hall hall;
    EXPECT_EQ(hall.opened(R"({"interval":"7"})"),
              R"({"interval":"7","asset":"site/cnc1","from":"2023-11-14T22:13:20Z","to":"2023-11-14T22:23:20Z"})"
              " site/cnc1 site/cnc1");
    EXPECT_EQ(hall.opened(R"({"interval":"8"})"), "there is no interval 8");
    EXPECT_EQ(hall.opened(R"({"interval":"x"})"), "interval: expected its number, found \"x\"");
    EXPECT_EQ(hall.opened(R"({"interval":"7","asset":"site/cnc2"})"), "asset: the interval 7 is of another machine");
    EXPECT_EQ(hall.opened("{}"), "asset: expected with open");
}

TEST(DowntimeReason, AnAnswerIsKeptInTheInterval) {
    Hall hall;
    hall.opened(R"({"interval":"7"})");
    hall.fails = true;
    EXPECT_EQ(hall.act(hall.wang, "DR-1", "answer", R"({"category":"setup"})"), "the store is read-only");
    EXPECT_EQ(hall.cases->get(TenantId{1}, "DR-1")->state, "asked") << "nothing is said that is not kept";
    hall.fails = false;
    EXPECT_EQ(hall.act(hall.wang, "DR-1", "answer", R"({"category":"setup","reason":"换型"})"), "answered");
    ASSERT_EQ(hall.corrected.size(), 1u);
    EXPECT_EQ(hall.corrected[0].attributes.at("category"), Value{std::string("setup")});
    EXPECT_EQ(hall.corrected[0].attributes.at("reason"), Value{std::string("换型")});
    EXPECT_EQ(hall.corrected[0].attributes.at("case"), Value{std::string("DR-1")});
    EXPECT_EQ(hall.corrected[0].by, "user:wang");
    EXPECT_EQ(hall.act(hall.li, "DR-1", "confirm"), "confirmed");
    EXPECT_EQ(hall.corrected.size(), 1u);
    EXPECT_EQ(hall.verified(), "");
}

TEST(DowntimeReason, AnIntervalThatWasWithdrawnStaysSo) {
    Hall hall;
    hall.opened(R"({"interval":"7"})");
    hall.interval.withdrawn = true;
    EXPECT_EQ(hall.act(hall.wang, "DR-1", "answer", R"({"category":"setup"})"), "answered");
    EXPECT_TRUE(hall.corrected.empty());
}

}  // namespace
}  // namespace gongshu::cases
