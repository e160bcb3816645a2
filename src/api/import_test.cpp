#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::World;

TEST(Import, KeepsThePastAndTheUnits) {
    World world;
    const std::string token = world.token("engineer");
    const std::string tags = R"({"tags":[{"tag":"old/oven.temperature","type":"number","unit":"degC"}]})";
    auto made = world.as(token, "POST", "/api/v1/imports:tags", tags);
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(made.body, R"({"tags":1})");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/imports:tags", tags).status, 200) << "again changes nothing";
    // 1950: as a live reading it would get the server's time.
    const std::string readings =
        R"([{"tag":"old/oven.temperature","ts":-631152000000000000,"value":20},)"
        R"({"tag":"old/oven.temperature","ts":-631152000000000000,"value":21.5},)"
        R"({"tag":"old/oven.temperature","ts":-631151999000000000,"value":22,"quality":"bad:type"}])";
    const auto written = world.as(token, "POST", "/api/v1/write/json?precision=ns&import=1", readings);
    ASSERT_EQ(written.status, 204) << written.body;
    EXPECT_EQ(world.flow.rows_seen, 0u) << "rules do not run over what is imported";
    const auto read = world.as(token, "GET", "/api/v1/read?tag=old/oven.temperature&from=-700000000000000000&to=0");
    EXPECT_EQ(read.body, R"({"series":[{"tag":"old/oven.temperature","unit":"degC","columns":["ts","value","quality"],)"
                         R"("rows":[[-631152000000000000,21.5,"good"],[-631151999000000000,22,"bad:type"]]}]})");
    const auto lines = world.as(token, "POST", "/api/v1/write?precision=s&import=1", "old,m=7 p=1.5 -631152000\n");
    ASSERT_EQ(lines.status, 204) << lines.body;
    EXPECT_NE(world.as(token, "GET", "/api/v1/last?tag=old/7.p&precision=s").body.find("[[-631152000,1.5"),
              std::string::npos);
}

TEST(Import, RefusesWhatDoesNotFit) {
    World world;
    const std::string token = world.token("engineer");
    auto f = [&](const std::string& tag, std::string_view want, int status = 400) {
        const auto reply = world.as(token, "POST", "/api/v1/imports:tags", R"({"tags":[)" + tag + "]}");
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << reply.body;
    };
    f(R"({"tag":"a/b.c","type":"number","unit":"degC"})", "{\"tags\":1}", 200);
    f(R"({"tag":"a/b.c","type":"number","unit":"degF"})", "has the unit degC already", 409);
    f(R"({"tag":"a/b.c","type":"text","unit":""})", "has values of type number already", 409);
    f(R"({"tag":"a/b.c","type":"number","unit":""})", "{\"tags\":1}", 200);
    f(R"({"tag":"","type":"number"})", "tags[0].tag");
    f(R"({"tag":"a/b.d","type":"double"})", "tags[0].type");
    f("7", "tags[0].tag");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/imports:tags", R"({"tag":1})").status, 400);
    EXPECT_EQ(world.as(world.token("operator"), "POST", "/api/v1/imports:tags", R"({"tags":[]})").status, 403);
    // What cannot be stored at all is refused, and says why.
    const auto far = world.as(token, "POST", "/api/v1/write?import=1", "m v=1 -9223372036854775807\n");
    EXPECT_EQ(far.status, 400);
    EXPECT_NE(far.body.find("outside of what can be stored"), std::string::npos) << far.body;
}

}  // namespace
}  // namespace gongshu::api
