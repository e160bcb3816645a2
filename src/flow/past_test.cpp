#include "flow/past.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gongshu::flow {
namespace {

// Events in memory.
class Kept final : public Reader {
public:
    Result<std::vector<Series>> read(const ReadRequest&) const override { return std::vector<Series>{}; }
    std::optional<Reading> last(TagId) const override { return std::nullopt; }
    Result<std::vector<Event>> read_events(TenantId, Window window, std::string_view kind_prefix,
                                           std::size_t events_max) const override {
        std::vector<Event> found;
        for (const Event& event : events)
            if (event.time >= window.from && event.time < window.to && event.kind.starts_with(kind_prefix))
                found.push_back(event);
        std::ranges::sort(found, {}, [](const Event& event) { return std::pair{event.time, event.id}; });
        if (found.size() > events_max)
            found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(events_max));
        return found;
    }
    void add(TimeNs time, std::string_view kind) {
        events.push_back({.id = EventId{events.size() + 1}, .time = time, .kind = std::string(kind)});
    }
    std::vector<Event> events;
};

std::string ids(const Result<std::vector<Event>>& events) {
    std::string text;
    for (const Event& event : events.value()) text += std::to_string(event.id.value) + " ";
    return text;
}

TEST(Past, AlarmsAreReadInTheOrderTheyWereLogged) {
    Kept kept;
    kept.add(5, kRaised);
    kept.add(3, kCleared);  // its time is that of a reading
    kept.add(5, kRaised);
    kept.add(9, "rule.pending");
    kept.add(7, kCleared);
    for (const std::size_t at_once : {3, 4, 10})
        EXPECT_EQ(ids(read_alarm_events(kept, TenantId{1}, {.at_once = at_once})), "1 2 3 5 ") << at_once;
}

TEST(Past, WhatIsOutOfServiceIsRememberedHoweverLongAgo) {
    Kept kept;
    kept.add(1, kRaised);
    kept.add(2, kOutOfService);
    kept.add(3, kOutOfService);
    kept.add(4, kInService);
    kept.add(5, kShelved);
    for (TimeNs time = 10; time < 30; ++time) kept.add(time, kRaised);
    kept.add(30, kOutOfService);
    EXPECT_EQ(ids(read_alarm_events(kept, TenantId{1}, {.at_once = 4, .all = 6})), "2 3 4 21 22 23 24 25 26 ");
}

TEST(AlarmEvents, AreCheckedByWhatTheyName) {
    const auto f = [](std::string_view kind, std::string_view body, bool good) {
        const auto checked = check_event({.kind = std::string(kind), .body = std::string(body)});
        EXPECT_EQ(checked.has_value(), good) << kind << " " << body;
    };
    for (const std::string_view kind : {kShelved, kUnshelved, kOutOfService, kInService}) {
        f(kind, R"({"rule_uid":"r","device_uid":"d","since":5,"until":9})", true);
        f(kind, R"({"rule_uid":"r"})", true);
        f(kind, R"({"alarm":"00ff"})", false);
        f(kind, R"([1])", false);
        f(kind, "", false);
    }
    for (const std::string_view kind :
         {kAcknowledged, kCleared, kComment, kSuppressed, kUnsuppressed, kLatched, kAgain}) {
        f(kind, R"({"alarm":"00ff","who":"li"})", true);
        f(kind, R"({"rule_uid":"r"})", false);
    }
    f("command", "no object at all", true);
}

TEST(AlarmEvents, TellAShelfAsItWas) {
    const Shelf shelf{.tenant = TenantId{1},
                      .rule = "hot",
                      .rule_uid = "r",
                      .device = "k/a",
                      .device_uid = "d",
                      .since = 5,
                      .until = 9,
                      .by = "li",
                      .reason = "换密封 \"门\""};
    const Shelf back = read_shelf(shelved_event(shelf)).value();
    EXPECT_EQ(back.kind, ShelfKind::shelved);
    EXPECT_EQ(std::tie(back.rule, back.rule_uid, back.device, back.device_uid, back.by, back.reason),
              std::tie(shelf.rule, shelf.rule_uid, shelf.device, shelf.device_uid, shelf.by, shelf.reason));
    EXPECT_EQ(std::tie(back.since, back.until), std::tie(shelf.since, shelf.until));
    // The end names the shelf by when it began, whenever it comes.
    const Shelf ended = read_shelf(unshelved_event(shelf, 7, "wang", "door is shut")).value();
    EXPECT_EQ(ended.since, 5);
    EXPECT_EQ(ended.by + ended.reason, "wangdoor is shut");
}

}  // namespace
}  // namespace gongshu::flow
