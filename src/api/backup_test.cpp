#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "backup/backups.h"

namespace gongshu::api {
namespace {

using namespace test;

TEST(Backups, AreMadeCheckedAndRemovedByTheFirstAdministrators) {
    World world;
    const std::string admin = world.token("admin");
    constexpr const char* kPath = "/api/v1/admin/backups";
    EXPECT_EQ(world.as(world.token("engineer"), "GET", kPath).status, 403);
    const auto none = world.as(admin, "GET", kPath);
    EXPECT_EQ(none.status, 200) << none.body;
    EXPECT_NE(none.body.find(R"("running":null,"last":null,"target":null,"proved":null,"backups":[])"), std::string::npos) << none.body;

    const auto begun = world.as(admin, "POST", kPath);
    EXPECT_EQ(begun.status, 202) << begun.body;
    const auto ended = world.as(admin, "GET", kPath);
    EXPECT_NE(ended.body.find(R"("work":"make")"), std::string::npos) << ended.body;
    EXPECT_NE(ended.body.find(R"("error":"")"), std::string::npos) << ended.body;
    const auto list = backup::list_backups(world.files, "/backups").value();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_NE(ended.body.find(list[0].name), std::string::npos);

    EXPECT_EQ(world.as(admin, "POST", fmt::format("{}/{}:check", kPath, list[0].name)).status, 202);
    EXPECT_NE(world.as(admin, "GET", kPath).body.find(R"("work":"check")"), std::string::npos);
    EXPECT_EQ(world.as(admin, "POST", fmt::format("{}/{}:check", kPath, "20200101T000000Z")).status, 404);
    EXPECT_EQ(world.as(admin, "POST", fmt::format("{}/{}:drill", kPath, list[0].name)).status, 202);
    const auto drilled = world.as(admin, "GET", kPath);
    EXPECT_NE(drilled.body.find(R"("last":{"work":"drill")"), std::string::npos) << drilled.body;
    EXPECT_NE(drilled.body.find(R"("error":"")"), std::string::npos) << drilled.body;
    EXPECT_NE(drilled.body.find(R"("problem_count":0)"), std::string::npos) << drilled.body;
    EXPECT_EQ(world.as(world.token("engineer"), "POST", fmt::format("{}/{}:drill", kPath, list[0].name)).status, 403);
    EXPECT_EQ(world.as(admin, "POST", fmt::format("{}/{}:drill", kPath, "20200101T000000Z")).status, 404);
    EXPECT_EQ(world.as(admin, "POST", fmt::format("{}:cancel", kPath)).status, 202);
    EXPECT_EQ(world.as(admin, "DELETE", fmt::format("{}/..%2Fdata", kPath)).status, 404);
    EXPECT_EQ(world.as(admin, "DELETE", fmt::format("{}/{}", kPath, list[0].name)).status, 200);
    EXPECT_TRUE(backup::list_backups(world.files, "/backups")->empty());

    ASSERT_TRUE(
        world.registry->put({*world.registry->tenant_id("default"), "default", "system", registry::Role::admin, ""},
                            "tenant", "plant2", registry::parse_json("{}").value()));
    for (const char* method : {"GET", "POST"})
        EXPECT_EQ(world.as(world.token("admin", "plant2"), method, kPath).status, 403) << method;
}

}  // namespace
}  // namespace gongshu::api
