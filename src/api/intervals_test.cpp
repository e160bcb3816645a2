#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::member;
using test::World;

constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // where SimClock begins

// A press with a state and a power, and who may what.
class Press : public World {
public:
    Press() {
        admin = token("admin");
        operate = token("operator");
        viewer = token("viewer");
        ask(admin, "PUT", "/api/v1/device_types/press", 200,
            R"({"spec":{"properties":[{"name":"power","type":"number"},{"name":"state","type":"text"}]}})");
        ask(admin, "PUT", "/api/v1/devices/hall%2Fa", 200, R"({"spec":{"type":"press"}})");
        ask(admin, "PUT", "/api/v1/devices/hall%2Fb", 200, R"({"spec":{"type":"press"}})");
    }
    std::string ask(const std::string& who, std::string_view method, std::string_view target, int status,
                    std::string body = {}) {
        const auto reply = as(who, method, target, std::move(body));
        EXPECT_TRUE(reply.status == status || (status == 200 && reply.status == 201))
            << method << " " << target << ": " << reply.status << " " << reply.body;
        return reply.body;
    }
    // Seconds after the start as the interface wants them.
    static std::string at(int seconds) { return std::to_string(kStart + seconds * kSecond); }

    std::string admin, operate, viewer;
};

void expect_part(const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Intervals, AreMarkedClosedCorrectedAndTakenBack) {
    Press press;
    const auto make = [&](const char* body) { return press.as(press.operate, "POST", "/api/v1/intervals", body); };
    EXPECT_EQ(press.as(press.viewer, "POST", "/api/v1/intervals", R"({"asset":"hall/a","kind":"x"})").status, 403);
    const auto made = make(R"({"asset":"hall/a","kind":"downtime","from":"2023-11-14T21:00:00Z",)"
                           R"("attributes":{"reason":"卡料","parts":3,"planned":false}})");
    ASSERT_EQ(made.status, 201) << made.body;
    const std::string id = member(made.body, "id"), one = "/api/v1/intervals/" + id;
    expect_part(made.body,
                R"("revision":1,"asset":"hall/a","tag":"","kind":"downtime","from":1699995600000000000,"to":null,)"
                R"("open":true,"attributes":{"parts":3,"planned":false,"reason":"卡料"},"source":"hand",)"
                R"("made_by":"token:t-operator","confidence":1,"withdrawn":false,"action":"opened")");
    expect_part(press.ask(press.viewer, "GET", "/api/v1/intervals?open=1", 200), R"("kinds":["downtime"])");
    press.ask(press.operate, "POST", one + ":close", 409, R"({"revision":7})");
    expect_part(press.ask(press.operate, "POST", one + ":close", 200,
                          R"({"to":"2023-11-14T22:00:00Z","attributes":{"parts":4}})"),
                R"("to":1699999200000000000,"open":false,"attributes":{"parts":4,"planned":false,"reason":"卡料"})");
    press.ask(press.operate, "POST", one + ":close", 409, "{}");
    press.ask(press.operate, "POST", one + ":correct", 400, R"({"from":"2023-11-14T20:50:00Z"})");
    press.ask(press.operate, "POST", one + ":correct", 400, R"({"from":"2023-11-14T23:50:00Z","reason":"x"})");
    press.ask(press.operate, "POST", one + ":correct", 200,
              R"({"from":"2023-11-14T20:50:00Z","reason":"began before","revision":2})");
    const std::string whole = press.ask(press.viewer, "GET", one, 200);
    for (const char* part : {R"("revision":3)", R"("revision":2)", R"("revision":1)", R"("reason":"began before")",
                             R"("from":1699995600000000000)", R"("from":1699995000000000000)"})
        expect_part(whole, part);
    press.ask(press.operate, "POST", one + ":withdraw", 400, R"({"reason":"  "})");
    press.ask(press.operate, "POST", one + ":withdraw", 200, R"({"reason":"was the other press"})");
    EXPECT_EQ(press.ask(press.viewer, "GET", "/api/v1/intervals", 200).find("卡料"), std::string::npos);
    expect_part(press.ask(press.viewer, "GET", "/api/v1/intervals?withdrawn=1", 200), "was the other press");
    press.ask(press.operate, "POST", one + ":correct", 409, R"({"reason":"again"})");
    const auto audit = press.ask(press.admin, "GET", "/api/v1/audit", 200);
    for (const char* action : {"interval_opened", "interval_closed", "interval_corrected", "interval_withdrawn"})
        expect_part(audit, action);
}

TEST(Intervals, AreRefusedWithReasons) {
    Press press;
    const auto f = [&](std::string body, int status, std::string_view told) {
        const auto reply = press.as(press.operate, "POST", "/api/v1/intervals", body);
        EXPECT_EQ(reply.status, status) << body << reply.body;
        expect_part(reply.body, told);
    };
    f(R"({"asset":"hall/none","kind":"x"})", 404, "hall/none");
    f(R"({"kind":"x"})", 400, "asset: is missing");
    f(R"({"asset":"hall/a","kind":"Big Stop"})", 400, "kind: ");
    f(R"({"asset":"hall/a","kind":"alarm"})", 400, "come from rules");
    f(R"({"asset":"hall/a","kind":"x","from":"yesterday"})", 400, "from: ");
    f(R"({"asset":"hall/a","kind":"x","from":1.5})", 400, "from: ");
    f(R"({"asset":"hall/a","kind":"x","from":"now","to":"now-1h"})", 400, "to: must be after from");
    f(R"({"asset":"hall/a","kind":"x","attributes":{"a":[1]}})", 400, "attributes.a: ");
    f(R"({"asset":"hall/a","kind":"x","attributes":7})", 400, "attributes: ");
    f(R"({"asset":"hall/a","kind":"x","confidence":2})", 400, "confidence: ");
    f(R"({"asset":"hall/a","kind":"x","source":"rule"})", 400, "hand, scan, import");
    f(R"({"asset":"hall/a","kind":"x","notes":1})", 400, "notes");
    press.ask(press.viewer, "GET", "/api/v1/intervals/7", 404);
    press.ask(press.viewer, "GET", "/api/v1/intervals/x", 404);
    press.ask(press.viewer, "GET", "/api/v1/intervals?before=x", 400);
    press.ask(press.viewer, "GET", "/api/v1/intervals:aggregates", 400);
    press.ask(press.viewer, "GET", "/api/v1/intervals:aggregates?tag=.power&agg=median", 400);
    press.ask(press.viewer, "GET", "/api/v1/intervals:states", 400);
    press.ask(press.viewer, "GET", "/api/v1/intervals:states?tag=no.tag", 404);
    press.ask(press.viewer, "GET", "/api/v1/intervals:overlaps?format=xml", 400);
}

TEST(Intervals, AreFoundByPlaceKindAndTimeInPages) {
    Press press;
    for (int i = 0; i < 5; ++i)
        press.ask(press.operate, "POST", "/api/v1/intervals", 200,
                  fmt::format(R"({{"asset":"hall/{}","kind":"{}","from":{},"to":{}}})", i % 2 == 0 ? "a" : "b",
                              i < 3 ? "batch" : "shift", Press::at(i * 100), Press::at(i * 100 + 50)));
    press.ask(press.operate, "POST", "/api/v1/intervals", 200,
              fmt::format(R"({{"asset":"hall","kind":"shift","from":{},"to":{}}})", Press::at(0), Press::at(1000)));
    const auto count = [&](const std::string& query) {
        const std::string body = press.ask(press.viewer, "GET", "/api/v1/intervals?" + query, 200);
        std::size_t found = 0;
        for (std::size_t at = body.find("\"revision\":"); at != std::string::npos;
             at = body.find("\"revision\":", at + 1))
            ++found;
        return found;
    };
    EXPECT_EQ(count(""), 6u);
    EXPECT_EQ(count("path=hall"), 6u);
    EXPECT_EQ(count("path=hall/a"), 3u);
    EXPECT_EQ(count("path=elsewhere"), 0u);
    EXPECT_EQ(count("kind=batch"), 3u);
    EXPECT_EQ(count("kind=batch&kind=shift"), 6u);
    EXPECT_EQ(count("from=" + Press::at(150) + "&to=" + Press::at(260)), 2u);
    std::string before;
    std::size_t seen = 0;
    for (int page = 0; page < 3; ++page) {
        const std::string body = press.ask(press.viewer, "GET", "/api/v1/intervals?limit=2" + before, 200);
        seen += 2;
        if (page == 2)
            expect_part(body, R"("next":null)");
        else
            before = "&before=" + member(body, "next");
    }
    EXPECT_EQ(seen, 6u);
    // A device that moves takes its intervals along.
    ASSERT_TRUE(press.registry->rename({TenantId{1}, "default", "system", registry::Role::admin, ""}, "device",
                                       "hall/a", "yard/a"));
    EXPECT_EQ(count("path=yard"), 3u);
    EXPECT_EQ(count("path=hall"), 3u);
}

TEST(Intervals, AlarmsAreIntervalsToo) {
    Press press;
    flow::Alarm alarm;
    alarm.id = "00000000000000ff";
    alarm.tenant = TenantId{1};
    alarm.rule = "hot";
    alarm.device = "hall/a";
    alarm.device_uid = press.registry->find(TenantId{1}, "device", "hall/a")->uid;
    alarm.tag = "hall/a.power";
    alarm.severity = flow::Severity::major;
    alarm.message_zh = "过热";
    alarm.message_en = "too hot";
    alarm.raised = kStart;
    alarm.cleared = kStart + kMinute;
    press.flow.fake_alarms.raise(alarm);
    press.ask(press.operate, "POST", "/api/v1/intervals", 200,
              fmt::format(R"({{"asset":"hall/a","kind":"batch","from":{},"to":{}}})", Press::at(30), Press::at(300)));
    const std::string found = press.ask(press.viewer, "GET", "/api/v1/intervals?kind=alarm&path=hall", 200);
    expect_part(found, R"("id":"alarm:00000000000000ff","revision":1,"asset":"hall/a","tag":"","kind":"alarm")");
    expect_part(found, R"("message":"too hot")");
    EXPECT_EQ(found.find("batch\""), found.rfind("batch\"")) << "only among the kinds";
    expect_part(press.ask(press.viewer, "GET",
                          "/api/v1/intervals:overlaps?kind=batch&with_kind=alarm&from=" + Press::at(-100) +
                              "&to=" + Press::at(1000),
                          200),
                R"("duration_s":30)");
}

TEST(Intervals, StatesAndAggregatesAreComputed) {
    Press press;
    std::string rows;
    for (int i = 0; i < 100; ++i)
        rows +=
            fmt::format(R"({}{{"tag":"hall/a.power","ts":{},"value":{}}})", i == 0 ? "" : ",", Press::at(i - 1000), i);
    for (const auto& [second, state] : {std::pair{-1000, "run"}, std::pair{-970, "idle"}, std::pair{-950, "run"}})
        rows += fmt::format(R"(,{{"tag":"hall/a.state","ts":{},"value":"{}"}})", Press::at(second), state);
    press.ask(press.admin, "POST", "/api/v1/write/json", 204, "[" + rows + "]");
    const std::string window = "&from=" + Press::at(-1010) + "&to=" + Press::at(-910);
    const std::string states =
        press.ask(press.viewer, "GET", "/api/v1/intervals:states?tag=hall/a.state" + window, 200);
    expect_part(states, R"({"state":"idle","duration_s":20,"share":0.2},{"state":"run","duration_s":70,"share":0.7})");
    expect_part(states, R"("unknown_s":10,"unknown_share":0.1,"complete":true)");
    expect_part(states, fmt::format(R"([{},{},"idle"])", Press::at(-970), Press::at(-950)));
    const std::string power = press.ask(
        press.viewer, "GET",
        "/api/v1/intervals:states?tag=hall/a.power&tag=hall/a.state&from=" + Press::at(-1200) + "&to=" + Press::at(0),
        200);
    expect_part(power, R"("tag":"hall/a.power","too_many":false)");
    expect_part(press.ask(press.viewer, "GET", "/api/v1/intervals:states?stale=5s&tag=hall/a.state" + window, 200),
                R"({"state":"idle","duration_s":5,"share":0.05},{"state":"run","duration_s":10,"share":0.1})");
    press.ask(
        press.operate, "POST", "/api/v1/intervals", 200,
        fmt::format(R"({{"asset":"hall/a","kind":"batch","from":{},"to":{}}})", Press::at(-990), Press::at(-980)));
    press.ask(
        press.operate, "POST", "/api/v1/intervals", 200,
        fmt::format(R"({{"asset":"hall/b","kind":"batch","from":{},"to":{}}})", Press::at(-990), Press::at(-980)));
    const std::string sums = press.ask(
        press.viewer, "GET", "/api/v1/intervals:aggregates?kind=batch&tag=.power&agg=avg,min,max,count,delta,twa", 200);
    expect_part(sums, R"("values":[14.5,10,19,10,10,14.5])");
    expect_part(sums, R"("tag":"hall/b.power","unit":"","values":[null,null,null,null,null,null])");
    const auto csv = press.as(press.viewer, "GET",
                              "/api/v1/intervals:aggregates?kind=batch&path=hall/a&tag=.power&agg=avg&format=csv");
    EXPECT_EQ(csv.status, 200);
    expect_part(csv.body, "id,asset,kind,from,to,avg .power\r\n");
    expect_part(csv.body, ",hall/a,batch,");
    expect_part(csv.body, ",14.5\r\n");
}

}  // namespace
}  // namespace gongshu::api
