#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "expr/expr.h"

namespace gongshu::api {
namespace {

using test::member;
using test::World;

TEST(Alarms, AreListedAcknowledgedAndTold) {
    World world;
    flow::Alarm alarm;
    alarm.id = "00000000000000ff";
    alarm.tenant = TenantId{1};
    alarm.rule = "hot";
    alarm.tag = "plant/cnc1.temperature";
    alarm.severity = flow::Severity::major;
    alarm.message_zh = "过热";
    alarm.message_en = "too hot";
    alarm.why.values.push_back({"plant/cnc1.temperature", "temperature", 5, Value{81.5}, "degC", kGood});
    world.flow.fake_alarms.raise(alarm);
    const std::string token = world.token("operator");
    const auto list = world.as(token, "GET", "/api/v1/alarms", "", {{"accept-language", "zh-CN"}});
    EXPECT_NE(list.body.find("\"message\":\"过热\""), std::string::npos) << list.body;
    EXPECT_NE(list.body.find("\"counts\":{\"critical\":0,\"major\":1,\"minor\":0,\"warning\":0}"), std::string::npos)
        << list.body;
    const auto seen =
        world.as(token, "POST", "/api/v1/alarms/00000000000000ff:acknowledge", R"({"comment":"on my way"})");
    EXPECT_EQ(seen.status, 200) << seen.body;
    EXPECT_EQ(member(seen.body, "acknowledged_by"), "token:t-operator");
    EXPECT_NE(seen.body.find("on my way"), std::string::npos);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/alarms/00000000000000ff:acknowledge").status, 409);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms/01").status, 404);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms?state=odd").status, 400);
    const auto checked = world.as(token, "POST", "/api/v1/rules:check", R"({"condition":"bad"})");
    EXPECT_NE(checked.body.find("\"ok\":false,\"error\":{\"text\":\"no such tag\",\"column\":1,\"length\":3"),
              std::string::npos)
        << checked.body;
}

TEST(Alarms, AreShelvedByOperatorsAndTakenOutOfServiceByEngineers) {
    World world;
    const std::string admin = world.token("admin"), viewer = world.token("viewer"), operate = world.token("operator");
    const std::string engineer = world.token("engineer");
    ASSERT_EQ(
        world.as(admin, "PUT", "/api/v1/device_types/oven", R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
            .status,
        200);
    for (const std::string name : {"lab%2Foven1", "lab%2Fother"})
        ASSERT_EQ(world.as(admin, "PUT", "/api/v1/devices/" + name, R"({"spec":{"type":"oven"}})").status, 200);
    ASSERT_EQ(
        world.as(admin, "PUT", "/api/v1/rules/hot", R"({"spec":{"device_type":"oven","condition":"t > 9"}})").status,
        200);
    const auto f = [&](const std::string& token, const char* action, const char* body, int status, const char* told) {
        const auto reply = world.as(token, "POST", std::string{"/api/v1/"} + action, body);
        EXPECT_EQ(reply.status, status) << action << " " << body << ": " << reply.body;
        EXPECT_NE(reply.body.find(told), std::string::npos) << action << " " << body << ": " << reply.body;
    };
    const char* const shelve = R"({"rule":"hot","device":"lab/oven1","for":"1h30m","reason":"new door"})";
    f(viewer, "alarms:shelve", shelve, 403, "operator");
    f(operate, "alarms:shelve", shelve, 200,
      R"({"kind":"shelved","rule":"hot","device":"lab/oven1","since":1,"until":)");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h"})", 400, "reason");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h","reason":""})", 400, "reason");
    f(operate, "alarms:shelve", R"({"rule":"hot","reason":"r"})", 400, "for");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"an hour","reason":"r"})", 400, "for: expected a duration");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h","reason":"r","untill":1})", 400, "untill");
    f(operate, "alarms:shelve", R"({"rule":"cold","for":"1h","reason":"r"})", 404, "cold");
    f(operate, "alarms:shelve", R"({"rule":"hot","device":"lab/none","for":"1h","reason":"r"})", 404, "lab/none");
    f(operate, "rules:out_of_service", R"({"rule":"hot","reason":"overhaul"})", 403, "engineer");
    f(engineer, "rules:out_of_service", R"({"rule":"hot","reason":"overhaul"})", 200,
      R"({"kind":"out_of_service","rule":"hot","device":"","since":1,"until":null,"by":"token:t-engineer","reason":"overhaul"})");
    const auto list = world.as(viewer, "GET", "/api/v1/shelves").body;
    EXPECT_NE(list.find(R"("by":"token:t-operator","reason":"new door")"), std::string::npos) << list;
    EXPECT_NE(list.find(R"("kind":"out_of_service")"), std::string::npos) << list;
    const auto overview = world.as(viewer, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"("set_aside":{"shelved":1,"out_of_service":1,"suppressed":0})"), std::string::npos)
        << overview;
    EXPECT_NE(overview.find(R"("text_zh":"规则 hot 已退出服务（token:t-engineer）：overhaul")"), std::string::npos)
        << overview;
    f(viewer, "alarms:unshelve", R"({"rule":"hot","device":"lab/oven1"})", 403, "operator");
    f(operate, "alarms:unshelve", R"({"rule":"hot"})", 404, "hot");
    f(operate, "alarms:unshelve", R"({"rule":"hot","device":"lab/oven1","comment":"done"})", 200, "lab/oven1");
    EXPECT_EQ(world.flow.fake_alarms.unshelved_by, "token:t-operator");
    f(operate, "rules:in_service", R"({"rule":"hot"})", 403, "engineer");
    f(engineer, "rules:in_service", R"({"rule":"hot","comment":"done"})", 200, "out_of_service");
    EXPECT_EQ(world.as(viewer, "GET", "/api/v1/shelves").body, R"({"shelves":[]})");
    const auto audit = world.as(admin, "GET", "/api/v1/audit").body;
    for (const char* record : {R"("action":"out_of_service","kind":"rule","name":"hot")",
                               R"("action":"in_service","kind":"rule","name":"hot")"})
        EXPECT_NE(audit.find(record), std::string::npos) << audit;
}

TEST(Alarms, TellThatTheyAreShelved) {
    World world;
    flow::Alarm alarm;
    alarm.id = "00000000000000ff";
    alarm.tenant = TenantId{1};
    alarm.rule = "hot";
    alarm.shelf = flow::Shelf{.rule = "hot", .since = 5, .until = 7, .by = "li", .reason = "new door"};
    world.flow.fake_alarms.raise(alarm);
    const auto told = world.as(world.token("viewer"), "GET", "/api/v1/alarms/00000000000000ff").body;
    EXPECT_EQ(member(told, "state"), "shelved");
    EXPECT_NE(told.find(R"("shelved":{"since":5,"until":7,"by":"li","reason":"new door"})"), std::string::npos) << told;
}

TEST(Alarms, AreListedByGroup) {
    World world;
    const auto raise = [&](const char* id, const char* group, auto change) {
        flow::Alarm alarm;
        alarm.id = id;
        alarm.tenant = TenantId{1};
        alarm.rule = group;
        alarm.group = group;
        alarm.severity = flow::Severity::minor;
        change(alarm);
        world.flow.fake_alarms.raise(alarm);
    };
    raise("01", "冷却水", [](flow::Alarm&) {});
    raise("02", "冷却水", [](flow::Alarm& alarm) { alarm.latched = 7; });
    raise("03", "", [](flow::Alarm& alarm) { alarm.severity = flow::Severity::critical; });
    raise("04", "冷却水", [](flow::Alarm& alarm) { alarm.suppressed = 9; });
    const std::string token = world.token("viewer");
    const auto list = world.as(token, "GET", "/api/v1/alarms?group=%E5%86%B7%E5%8D%B4%E6%B0%B4").body;
    for (const char* part : {R"("group":"冷却水")", R"("state":"latched")", R"("latched":7,"suppressed":null)",
                             R"("groups":[{"group":"","critical":1,"major":0,"minor":0,"warning":0},)"
                             R"({"group":"冷却水","critical":0,"major":0,"minor":2,"warning":0}])"})
        EXPECT_NE(list.find(part), std::string::npos) << part << " in " << list;
    EXPECT_EQ(list.find(R"("id":"03")"), std::string::npos) << list;
    const auto suppressed = world.as(token, "GET", "/api/v1/alarms?state=suppressed").body;
    EXPECT_NE(suppressed.find(R"("id":"04")"), std::string::npos) << suppressed;
    EXPECT_EQ(suppressed.find(R"("id":"01")"), std::string::npos) << suppressed;
    EXPECT_NE(world.as(token, "GET", "/api/v1/overview")
                  .body.find(R"("set_aside":{"shelved":0,"out_of_service":0,"suppressed":1})"),
              std::string::npos);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms?state=gone").status, 400);
}

TEST(Rules, ACheckTellsValuesWithUnitAndTime) {
    World world;
    const std::string token = world.token("engineer");
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", R"([{"tag":"lab/oven.t","value":21.5}])").status, 204);
    const auto tag = world.history->find(TenantId{1}, "lab/oven.t");
    ASSERT_TRUE(tag);
    ASSERT_TRUE(world.history->set_unit(tag->id, "degC"));
    world.flow.checked_tags = {{"lab/oven.t", Reading{tag->id, 1'700'000'000 * kSecond, Value{21.5}, kGood}},
                               {"lab/oven.gone", std::nullopt}};
    const auto answer =
        world.as(token, "POST", "/api/v1/rules:check?precision=ms", R"({"condition":"t > 20 degC"})").body;
    EXPECT_NE(answer.find(R"({"path":"lab/oven.t","value":21.5,"quality":"good","unit":"degC","ts":1700000000000})"),
              std::string::npos)
        << answer;
    EXPECT_NE(answer.find(R"({"path":"lab/oven.gone","value":null,"quality":null,"unit":"","ts":null})"),
              std::string::npos)
        << answer;
    EXPECT_EQ(world.as(token, "POST", "/api/v1/rules:check?precision=hours", R"({"condition":"t > 20"})").status, 400);
}

class NoNames final : public expr::Scope {
public:
    std::optional<expr::ScopeTag> find(std::string_view) const override { return std::nullopt; }
};

TEST(Rules, AFaultIsToldInPartsAndInChinese) {
    World world;
    world.flow.check_error = expr::compile("avrg(x, 5m) > 1", NoNames{}).error();
    const auto f = [&](const char* part) {
        const auto answer = world.as(world.token("viewer"), "POST", "/api/v1/rules:check", R"({"condition":"x"})").body;
        EXPECT_NE(answer.find(part), std::string::npos) << answer;
    };
    f(R"("text":"there is no function \"avrg\"","column":1,"length":4,"code":"unknown_function")");
    f(R"("text_zh":"没有函数“avrg”")");
    f(R"("suggest":["avg"])");
    f(R"("params":{"name":"avrg"},"params_zh":{"name":"avrg"})");
    world.flow.check_error = expr::compile("1 + true > 1", NoNames{}).error();
    f(R"("wanted":"数值")");
    f(R"("wanted":"a number")");
}

TEST(Rules, TheLanguageIsListedForCompletion) {
    World world;
    const auto listed = world.as(world.token("viewer"), "GET", "/api/v1/expressions/functions");
    ASSERT_EQ(listed.status, 200) << listed.body;
    const auto json = registry::parse_json(listed.body).value();
    const auto& functions = json.at("functions").as_array();
    ASSERT_EQ(functions.size(), expr::functions().size());
    for (const auto& function : functions) {
        for (const char* member : {"name", "signature", "group", "example"})
            EXPECT_FALSE(function.at(member).as_string().empty()) << function.at("name").as_string();
        EXPECT_FALSE(function.at("help").at("zh").as_string().empty());
        EXPECT_FALSE(function.at("help").at("en").as_string().empty());
    }
    const auto f = [&](const char* part) { EXPECT_NE(listed.body.find(part), std::string::npos) << part; };
    f(R"x("name":"avg","signature":"avg(x, 5m)","group":"window")x");
    f(R"("words":["and","or","not")");
    f(R"("degC")");
    EXPECT_EQ(world.ask("GET", "/api/v1/expressions/functions").status, 401);
}

TEST(Rules, AreTriedOverThePastWithoutBeingKept) {
    World world;
    const std::string token = world.token("admin");
    const auto ask = [&](std::string_view query, std::string_view body) {
        return world.as(token, "POST", "/api/v1/rules:rehearse" + std::string(query), std::string(body));
    };
    const auto tried = ask("?precision=s&from=now-1h&lang=zh", R"({"spec":{"condition":"1 > 2","on_delay":"5s"}})");
    ASSERT_EQ(tried.status, 200) << tried.body;
    EXPECT_NE(tried.body.find(
                  R"({"count":2,"suppressed":0,"active_s":90,"from":1699996400,"to":1700000000,"until":1700000000,)"
                  R"("complete":true,"readings":5,"devices":1,"devices_left":0,"missing":[],"alarms":[{"id":"",)"),
              std::string::npos)
        << tried.body;
    EXPECT_NE(tried.body.find(R"("message":"热")"), std::string::npos) << tried.body;
    EXPECT_EQ(world.flow.rehearsed->rule.name, "rehearsal");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/rules/rehearsal").status, 404);
    const auto f = [&](std::string_view query, std::string_view body, std::string_view want) {
        const auto refused = ask(query, body);
        EXPECT_EQ(refused.status, 400) << refused.body;
        EXPECT_NE(refused.body.find(want), std::string::npos) << refused.body;
    };
    f("", R"({})", "spec: expected the rule");
    f("", R"({"spec":{"condition":"1 >"}})", "condition");
    f("", R"({"spec":{"condition":"1 > 2","on_delay":"5"}})", "on_delay");
    f("", R"({"spec":{"condition":"1 > 2"},"extra":1})", "extra");
    f("?from=2030-01-01T00:00:00Z&to=2031-01-01T00:00:00Z", R"({"spec":{"condition":"1 > 2"}})", "future");
}

}  // namespace
}  // namespace gongshu::api
