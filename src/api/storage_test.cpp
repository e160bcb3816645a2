#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "history/usage.h"

namespace gongshu::api {
namespace {

using namespace test;

struct Filled {
    Filled() {
        const TimeNs now = world.sim.clock().now();
        std::string rows = "[";
        for (int i = 0; i < 60; ++i)
            rows += fmt::format(R"({0}{{"tag":"a/m.x","ts":{1},"value":{2}}},{{"tag":"b/m.y","ts":{1},"value":1}})",
                                i == 0 ? "" : ",", now - i / 2 * kDay - i * kSecond, i * 0.37);
        rows += fmt::format(R"(,{{"tag":"a/m.z","ts":{},"value":1}})", now - 90 * kDay);
        EXPECT_EQ(world.as(admin, "POST", "/api/v1/write/json?precision=ns&import=1", rows + "]").status, 204);
        EXPECT_EQ(world.as(admin, "POST", "/api/v1/admin/compact").status, 200);
    }
    std::string get(const std::string& path, int status = 200) {
        const auto reply = world.as(admin, "GET", path);
        EXPECT_EQ(reply.status, status) << reply.body;
        return reply.body;
    }
    World world;
    const std::string admin = world.token("admin");
};

void expect_part(const std::string& body, std::string_view part) {
    EXPECT_NE(body.find(part), std::string::npos) << part << "\n" << body;
}

TEST(Storage, TellsTheServerToItsAdministrators) {
    Filled filled;
    const std::string all = filled.get("/api/v1/storage");
    for (const char* part :
         {R"("server":{"rows":121,)", R"("tags":3,)", R"("unmerged_segments":0,)", R"("former":[],)", R"("log_unsynced_bytes":0,)",
          R"("memory_rows":0,)", R"("work":"",)", R"("read_only":"",)", R"("check":{"running":false,"since":null,)",
          R"("days":[{"day":)", R"("rates":{"now_per_s":)", R"("steps":[])"})
        expect_part(all, part);
    EXPECT_NE(all.find(R"("bytes_a_day_estimate":)"), std::string::npos);
    EXPECT_EQ(filled.get("/api/v1/storage?days=2").find(R"("rows":121,"bytes")"),
              filled.get("/api/v1/storage?days=2").rfind(R"("rows":121,"bytes")"))
        << "the days that were not asked for are in the server's total only";
    filled.get("/api/v1/storage?days=0", 400);
    EXPECT_EQ(filled.world.as(filled.world.token("engineer"), "GET", "/api/v1/storage").status, 403);
}

TEST(Storage, TellsWhichTagsTakeMost) {
    Filled filled;
    const std::string most = filled.get("/api/v1/storage/tags?days=90");
    expect_part(most, R"({"total":2,"rows":120,)");
    expect_part(most, R"("items":[{"tag":"a/m.x","type":"number","unit":"","rows":60,)");
    expect_part(filled.get("/api/v1/storage/tags?days=3650&order=rows&ascending=1&limit=1"),
                R"("items":[{"tag":"a/m.z","type":"number","unit":"","rows":1,)");
    expect_part(filled.get("/api/v1/storage/tags?days=3650&tag=a/**"), R"({"total":2,"rows":61,)");
    expect_part(filled.get("/api/v1/storage/tags?days=3650&tag=none/**"),
                R"({"total":0,"rows":0,"bytes":0,"items":[]})");
    expect_part(filled.get("/api/v1/storage/tags?order=x", 400), "none of bytes, rows, bytes_per_row");
    const std::string days = filled.get("/api/v1/storage/tags:days?tag=a/m.x&days=3");
    expect_part(days, R"({"tag":"a/m.x","type":"number","unit":"","days":[{"day":")");
    filled.get("/api/v1/storage/tags:days?tag=a/none", 404);
}

TEST(Storage, ShowsOtherTenantsTheirOwn) {
    Filled filled;
    World& world = filled.world;
    ASSERT_TRUE(
        world.registry->put({*world.registry->tenant_id("default"), "default", "system", registry::Role::admin, ""},
                            "tenant", "plant2", registry::parse_json("{}").value()));
    const std::string other = world.token("admin", "plant2");
    const auto f = [&](const char* method, const char* path, int status, std::string_view part) {
        const auto reply = world.as(other, method, path);
        EXPECT_EQ(reply.status, status) << reply.body;
        expect_part(reply.body, part);
        if (status == 200) {
            EXPECT_EQ(reply.body.find("a/m.x"), std::string::npos) << reply.body;
        }
    };
    f("GET", "/api/v1/storage", 200, R"("server":null,"days":[],"rows":0,"bytes":0,"rates":{)");
    f("GET", "/api/v1/storage/tags", 200, R"({"total":0,)");
    f("GET", "/api/v1/storage/tags:days?tag=a%2Fm%2Ex", 404, "there is no tag");
    f("POST", "/api/v1/storage:check", 403, "the tenant default");
    EXPECT_EQ(world.as(other, "POST", "/api/v1/write/json?import=1", R"([{"tag":"c/n.x","value":1}])").status, 204);
    EXPECT_EQ(world.as(filled.admin, "POST", "/api/v1/admin/compact").status, 200);
    world.sim.run_for(history::Storage::kUsageAge);  // what was found before is kept so long
    f("GET", "/api/v1/storage", 200, R"("segments":0}],"rows":1,)");
}

TEST(Storage, IsCheckedWhileItRuns) {
    Filled filled;
    const auto started = filled.world.as(filled.admin, "POST", "/api/v1/storage:check");
    EXPECT_EQ(started.status, 202) << started.body;
    filled.world.sim.run_for(kSecond);
    const std::string done = filled.get("/api/v1/storage");
    expect_part(done, R"("error":"","files_read":)");
    expect_part(done, R"("problem_count":0,"problems":[])");
    expect_part(done, R"("check":{"running":false,)");
    EXPECT_EQ(done.find(R"("ended":null)"), std::string::npos) << done;
    EXPECT_EQ(filled.world.as(filled.admin, "POST", "/api/v1/storage:cancel").status, 202);
    expect_part(filled.get("/api/v1/audit"), R"("action":"check","kind":"history")");
}

}  // namespace
}  // namespace gongshu::api
