#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::member;
using test::World;

// Who asks for Chinese first is told in Chinese; everybody else in English.
TEST(Language, ReasonsAreToldInTheReadersLanguage) {
    World world;
    const std::string token = world.token("engineer");
    const auto f = [&](const char* method, const std::string& target, const std::string& body, const char* place,
                       std::string_view en, std::string_view zh) {
        const auto english = world.as(token, method, target, body);
        EXPECT_EQ(member(english.body, "detail"), en) << english.body;
        const auto other = world.as(token, method, target, body, {{"accept-language", "en-GB,zh;q=0.5"}});
        EXPECT_EQ(member(other.body, "detail"), en);
        for (const char* accept : {"zh", "zh-CN,zh;q=0.9,en;q=0.8"}) {
            const auto chinese = world.as(token, method, target, body, {{"accept-language", accept}});
            EXPECT_EQ(chinese.status, english.status);
            EXPECT_EQ(member(chinese.body, "detail"), zh) << chinese.body;
            if (*place != 0) {
                EXPECT_EQ(member(chinese.body, "place"), place);
            }
            EXPECT_NE(chinese.body.find(zh), std::string::npos);
        }
        const std::string asked = target + (target.find('?') == std::string::npos ? "?" : "&") + "lang=zh";
        EXPECT_EQ(member(world.as(token, method, asked, body).body, "detail"), zh);
    };
    f("GET", "/api/v1/last?tag=a/b.c", "", "", "there is no tag \"a/b.c\"", "没有点位“a/b.c”");
    f("GET", "/api/v1/devices/x", "", "", "there is no device \"x\"", "没有设备“x”");
    f("PUT", "/api/v1/connections/p", R"({"spec":{"hots":"h"}})", "spec.hots",
      "spec.hots: there is no such field; did you mean \"host\"?", "spec.hots: 没有这一项；是不是“host”？");
    f("PUT", "/api/v1/devices/x", R"({"spec":{"type":"nobody"}})", "spec.type",
      "spec.type: there is no device_type \"nobody\"", "spec.type: 没有设备型号“nobody”");
    f("PUT", "/api/v1/devices/x", "{", "", "body: line 1, column 2: the JSON text ends too early",
      "body: 第 1 行第 2 列：JSON 不完整");
    f("POST", "/api/v1/tokens/a", "", "", "POST is not possible here; possible: GET, PUT, PATCH, DELETE",
      "这里不能用 POST，可用：GET, PUT, PATCH, DELETE");
    f("GET", "/api/v1/users", "", "", "token:t-engineer is engineer; this needs the role admin",
      "token:t-engineer 是工程师，此操作需要管理员");
}

TEST(Language, TitlesAndFaultsOfLinesToo) {
    World world;
    const std::string token = world.token("engineer");
    const wire::HttpHeaders chinese{{"accept-language", "zh-CN"}};
    const auto none = world.as(token, "GET", "/api/v1/devices/x", "", chinese);
    EXPECT_EQ(member(none.body, "title"), "不存在");
    EXPECT_EQ(member(world.as(token, "GET", "/api/v1/devices/x").body, "title"), "not found");
    const auto written = world.as(token, "POST", "/api/v1/write?precision=s", "m v=1 1\nm v= 2\n", chinese);
    EXPECT_EQ(written.status, 400);
    EXPECT_NE(written.body.find("\"error\":\"字段“v”没有值\""), std::string::npos) << written.body;
    EXPECT_EQ(member(written.body, "detail"), "有 1 条不可用，其余已保存；第一条：第 2 行：字段“v”没有值");
    const auto applied =
        world.as(token, "POST", "/api/v1/apply?dry_run=1", "kind: device\nname: a\nspec: {type: nobody}\n", chinese);
    EXPECT_NE(applied.body.find("没有设备型号“nobody”"), std::string::npos) << applied.body;
    const auto sent = world.as(token, "POST", "/api/v1/imports?file=a.csv",
                               "time,T\n2024-01-01 00:00:00,20.5\n2024-01-01 00:01:00,x\n", chinese);
    ASSERT_EQ(sent.status, 201) << sent.body;
    const Json answer = registry::parse_json(sent.body).value();
    JsonObject body;
    body["map"] = answer.at("map");
    const std::string base = "/api/v1/imports/" + std::string(std::string_view(answer.at("id").as_string()));
    const auto preview = world.as(token, "POST", base + ":preview", registry::to_text(Json(body)), chinese);
    EXPECT_NE(preview.body.find("\"error\":\"“x”不是数字\""), std::string::npos) << preview.body;
    const auto odd = world.as(token, "POST", "/api/v1/imports?file=a.xlsx", "PK\x03\x04zip", chinese);
    EXPECT_EQ(member(odd.body, "detail"), "压缩包末尾没有目录：文件可能不完整");
}

TEST(Language, DeadLettersAreToldWhole) {
    World world;
    const std::string token = world.token("engineer");
    const std::string body =
        R"({"client":"c","topic":"t","reason":"field \"a\": nested deeper than 3; and 2 more","payload":"{\"reason\":1}"})";
    bool kept = false;
    world.history->append_event(
        {.tenant = TenantId{1}, .time = world.sim.clock().now(), .kind = "dead_letter", .body = body}, Durability::sync,
        [&](const Result<EventId>& id) { kept = id.has_value(); });
    ASSERT_TRUE(world.sim.run_until([&] { return kept; }, kSecond));
    const auto letters = world.as(token, "GET", "/api/v1/dead_letters", "", {{"accept-language", "zh"}});
    EXPECT_NE(letters.body.find("\"reason\":\"字段“a”：嵌套超过 3 层；另有 2 处\""), std::string::npos) << letters.body;
    EXPECT_NE(letters.body.find(R"("payload":"{\"reason\":1}")"), std::string::npos) << letters.body;
}

}  // namespace
}  // namespace gongshu::api
