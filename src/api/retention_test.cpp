#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using namespace test;

TEST(Retention, IsPreviewedAndRunByTheFirstAdministrators) {
    World world;
    const std::string admin = world.token("admin");
    constexpr const char* kPath = "/api/v1/admin/retention";
    const auto f = [&](const std::string& who, const char* method, const std::string& path, int status,
                       std::string_view want, std::string body = {}) {
        const auto reply = world.as(who, method, path, std::move(body));
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << want << "\n" << reply.body;
    };
    const TimeNs now = world.sim.clock().now();
    std::string rows = "[";
    for (int day = 0; day < 50; ++day)
        rows += fmt::format(R"({}{{"tag":"a/m.x","ts":{},"value":{}}})", day == 0 ? "" : ",", now - day * kDay, day);
    EXPECT_EQ(world.as(admin, "POST", "/api/v1/write/json?precision=ns&import=1", rows + "]").status, 204);
    EXPECT_EQ(world.as(admin, "POST", "/api/v1/admin/compact").status, 200);

    f(world.token("engineer"), "GET", kPath, 403, "");
    f(admin, "GET", kPath, 200, R"("days":36500,"limit_bytes":0,"keep_days":30,"rows":50,)");
    const std::string preview = std::string(kPath) + ":preview";
    f(admin, "POST", preview, 200, R"("to_go":{"rows":39,)", R"({"days":10})");
    f(admin, "POST", preview, 200, R"("to_go":{"rows":19,)", R"({"bytes":"1kB"})");
    f(admin, "POST", preview, 400, "expected 1 to 36500", R"({"days":0})");
    f(admin, "POST", preview, 400, "bites", R"({"bites":1})");
    f(admin, "PUT", "/api/v1/retentions/short", 200, "", R"({"spec":{"tags":["a/**"],"keep":"5d"}})");
    f(admin, "PUT", "/api/v1/retentions/odd", 400, "expected no more than keep (1d), found 30d",
      R"({"spec":{"tags":["a/**"],"keep":"1d","keep_bytes":"1GB","keep_at_least":"30d"}})");
    f(admin, "POST", preview, 200, R"("tags":1,"rows":50,)");
    f(admin, "POST", preview, 200, R"("rows_to_go":44,)");

    ASSERT_TRUE(
        world.registry->put({*world.registry->tenant_id("default"), "default", "system", registry::Role::admin, ""},
                            "tenant", "plant2", registry::parse_json("{}").value()));
    const std::string other = world.token("admin", "plant2");
    f(other, "POST", preview, 200, R"({"server":null,"tenants":[{"name":"plant2",)");
    f(other, "POST", std::string(kPath) + ":run", 403, "every hour");
    f(admin, "POST", std::string(kPath) + ":run", 200, R"("removed":{"rows":44,)");
    f(admin, "GET", kPath, 200, R"("done":[{"at":)");
    f(admin, "GET", "/api/v1/audit", 200, R"("kind":"retention","name":"short")");
}

TEST(Doctor, LooksAtItselfForTheFirstAdministrators) {
    World world;
    EXPECT_EQ(world.as(world.token("engineer"), "GET", "/api/v1/doctor").status, 403);
    const auto reply = world.as(world.token("admin"), "GET", "/api/v1/doctor");
    EXPECT_EQ(reply.status, 200);
    for (const char* part :
         {R"("findings":[{"id":"machine")", R"("id":"clock")", R"("id":"connections")", R"("text_zh":)"})
        EXPECT_NE(reply.body.find(part), std::string::npos) << part << reply.body;
}

}  // namespace
}  // namespace gongshu::api
