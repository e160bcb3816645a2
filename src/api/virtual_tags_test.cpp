#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::World;

void expect_in(const std::string& body, std::string_view want) {
    EXPECT_NE(body.find(want), std::string::npos) << want << "\n" << body;
}

TEST(VirtualTags, NobodyElseWritesWhereTheyAre) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_TRUE(world.history->resolve({TenantId{1}, "v:1", "value"}, "lab/v.x", ValueType::number, "W"));
    const auto json =
        world.as(token, "POST", "/api/v1/write/json", R"([{"tag":"lab/v.x","value":1},{"tag":"lab/v.y","value":2}])");
    EXPECT_EQ(json.status, 400);
    expect_in(json.body, "lab/v.x is a virtual tag, whose values are computed here");
    expect_in(json.body, R"("written":1)");
    const auto line = world.as(token, "POST", "/api/v1/write", "lab,p=v x=1");
    EXPECT_EQ(line.status, 400);
    expect_in(line.body, "lab/v.x is a virtual tag");
    // Where one was, the path is free.
    ASSERT_TRUE(world.history->move_source(TenantId{1}, "v:1", "lab/v.x.deleted-1"));
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write/json", R"([{"tag":"lab/v.x","value":1}])").status, 204);
    EXPECT_EQ(world.history->find(TenantId{1}, "lab/v.x")->path, "lab/v.x");
}

TEST(VirtualTags, TagsTellWhatMakesThem) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/virtual_tags/lab%2Fv.x", R"({"spec":{"expr":"lab/a.x * 2"}})").status,
              200);
    const std::string uid = world.registry->find(TenantId{1}, "virtual_tag", "lab/v.x")->uid;
    ASSERT_TRUE(world.history->resolve({TenantId{1}, "v:" + uid, "value"}, "lab/v.x", ValueType::number, "W"));
    ASSERT_TRUE(world.history->resolve({TenantId{1}, "v:gone", "value"}, "lab/w.x", ValueType::number, "W"));
    const auto tags = world.as(token, "GET", "/api/v1/tags?glob=lab/**");
    expect_in(tags.body,
              R"("path":"lab/v.x","device":"lab/v","property":"x","virtual_tag":"lab/v.x","expr":"lab/a.x * 2")");
    expect_in(tags.body, R"("path":"lab/w.x","device":"lab/w","property":"x","virtual_tag":"","type")");
}

TEST(VirtualTags, PreviewTellsValuesOrWhatIsWrong) {
    World world;
    const std::string token = world.token("admin");
    const auto f = [&](const std::string& body, std::string_view want) {
        const auto reply = world.as(token, "POST", "/api/v1/virtual_tags:preview?limit=5", body);
        EXPECT_EQ(reply.status, 200) << body;
        expect_in(reply.body, want);
    };
    f(R"({"spec":{"expr":"lab/a.x * 2"}})",
      R"("ok":true,"path":"lab/v.x","unit":"W","type":"number","inputs":[],"count":1,"readings":2,"complete":true)");
    f(R"({"spec":{"expr":"lab/a.x * 2"}})", R"(4.5,"good"]])");
    EXPECT_EQ(world.flow.fake_virtual_tags.previewed->rows_max, 5u);
    f(R"({"spec":{"expr":"lab/a.x *"}})", R"("ok":false,"problem":"expr: column 10:)");
    f(R"({"spec":{"expr":"lab/a.x *"}})", R"("error":{"text":")");
    f(R"({"spec":{"expr":"1 + 1"}})", "it names no tag");
    f(R"({"name":"nothing","spec":{"expr":"lab/a.x"}})", "is not the path of a tag");
    const auto bad = world.as(token, "POST", "/api/v1/virtual_tags:preview", "{}");
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(world.as(world.token("viewer"), "POST", "/api/v1/virtual_tags:preview", R"({"spec":{}})").status, 403);
}

TEST(VirtualTags, PastValuesAreBegunWatchedAndStopped) {
    World world;
    const std::string token = world.token("engineer");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/virtual_tags/lab%2Fv.x:backfill", R"({"from":"now-1h"})").status, 404);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/virtual_tags/lab%2Fv.x", R"({"spec":{"expr":"lab/a.x * 2"}})").status,
              200);
    const auto begun = world.as(token, "POST", "/api/v1/virtual_tags/lab%2Fv.x:backfill", R"({"from":"now-1h"})");
    EXPECT_EQ(begun.status, 202) << begun.body;
    expect_in(begun.body, R"("id":"1","name":"lab/v.x")");
    expect_in(world.as(token, "GET", "/api/v1/backfills").body, R"("state":"running")");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/backfills/9:cancel", "{}").status, 404);
    expect_in(world.as(token, "POST", "/api/v1/backfills/1:cancel", "{}").body, R"("state":"cancelled")");
    const auto wrong = world.as(token, "POST", "/api/v1/virtual_tags/lab%2Fv.x:backfill", R"({"from":"yesterday"})");
    EXPECT_EQ(wrong.status, 400);
    expect_in(wrong.body, "from: ");
    EXPECT_EQ(world.as(world.token("viewer"), "POST", "/api/v1/virtual_tags/lab%2Fv.x:backfill", "{}").status, 403);
    expect_in(world.as(world.token("admin"), "GET", "/api/v1/audit").body, R"("action":"backfill")");
}

}  // namespace
}  // namespace gongshu::api
