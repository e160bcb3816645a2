#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::World;

TEST(Ledger, IsReadAndProvedOverHttp) {
    World world;
    const std::string admin = world.token("admin"), viewer = world.token("viewer");
    const auto f = [&](const std::string& target, int status, std::string_view want) {
        const auto reply = world.as(admin, "GET", target);
        EXPECT_EQ(reply.status, status) << target << " " << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << target << " " << reply.body;
        return reply;
    };
    ASSERT_EQ(world.as(admin, "PUT", "/api/v1/sites/plant", R"({"spec":{"time_zone":"UTC"}})").status, 200);
    f("/api/v1/ledger/entries", 200, R"(\"action\":\"created\",\"kind\":\"site\",\"name\":\"plant\")");
    f("/api/v1/ledger/entries?limit=1", 200, R"("kind":"audit")");
    f("/api/v1/ledger/entries?from=100000", 200, R"("entries":[])");
    f("/api/v1/ledger", 200, R"({"format":"gongshu-head-1","ledger":")");
    const auto proof = f("/api/v1/ledger/entries/0/proof", 200, R"({"format":"gongshu-proof-1")");
    EXPECT_EQ(proof.header("content-disposition"), "attachment; filename=\"proof-0.json\"");
    const auto page = f("/api/v1/ledger/entries/0/proof?as=html", 200, "<!doctype html>");
    EXPECT_EQ(page.header("content-disposition"), "attachment; filename=\"proof-0.html\"");
    EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(page.body.find("<script>"), std::string::npos);
    f("/api/v1/ledger/entries/0/proof?as=pdf", 400, "as: expected json or html, found \\\"pdf\\\"");
    f("/api/v1/ledger/entries/100000/proof", 404, "there is no entry 100000");
    f("/api/v1/ledger/entries/one/proof", 400, "expected the number of an entry, found \\\"one\\\"");
    f("/api/v1/ledger/consistency", 400, "from: expected the size of the head that you keep");
    f("/api/v1/ledger/consistency?from=99999", 404, "there are no 99999 entries");
    const std::uint64_t size = (*world.ledgers->of(TenantId{1}))->size();
    ASSERT_EQ(world.as(admin, "PUT", "/api/v1/sites/plant2", R"({"spec":{"time_zone":"UTC"}})").status, 200);
    f(fmt::format("/api/v1/ledger/consistency?from={}", size), 200, R"({"format":"gongshu-consistency-1")");
    f("/api/v1/audit?from=now-1h&to=now&limit=1", 200, fmt::format("\"entry\":{}", size));
    EXPECT_EQ(world.as(viewer, "GET", "/api/v1/ledger").status, 403);
}

// What somebody called a thing is a text on the page, and nothing else.
TEST(Ledger, APageShowsTextsAsTheyAre) {
    World world;
    const std::string admin = world.token("admin");
    ASSERT_EQ(world
                  .as(admin, "PUT", "/api/v1/sites/plant",
                      R"({"spec":{"time_zone":"UTC","title_en":"</script><script>alert(1)</script>&\"<b>"}})")
                  .status,
              200);
    ASSERT_EQ(world.as(admin, "GET", "/api/v1/ledger").status, 200);
    const std::uint64_t size = (*world.ledgers->of(TenantId{1}))->size();
    const auto page = world.as(admin, "GET", fmt::format("/api/v1/ledger/entries/{}/proof?as=html", size - 1)).body;
    EXPECT_EQ(page.find("<script>"), std::string::npos);
    EXPECT_EQ(page.find("<b>"), std::string::npos);
    EXPECT_NE(page.find("alert(1)"), std::string::npos);
}

TEST(Ledger, WhatHindersItIsToldInTheOverview) {
    World world;
    const std::string admin = world.token("admin");
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/overview").body.find("审计账本"), std::string::npos);
    world.files.set_free_bytes(0);
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/ledger").status, 503);  // the token's own record is on its way
    const auto overview = world.as(admin, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find("审计账本不再接收记录: "), std::string::npos) << overview;
    EXPECT_NE(overview.find("the ledger of the audit takes no records: "), std::string::npos) << overview;
}

}  // namespace
}  // namespace gongshu::api
