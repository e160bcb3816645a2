#include <gtest/gtest.h>

#include "api/imports.h"
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
    EXPECT_EQ(made.body, R"({"tags":1,"keeps_from":[0]})");
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
    f(R"({"tag":"a/b.c","type":"number","unit":"degC"})", "{\"tags\":1,\"keeps_from\":[0]}", 200);
    f(R"({"tag":"a/b.c","type":"number","unit":"degF"})", "has the unit degC already", 409);
    f(R"({"tag":"a/b.c","type":"text","unit":""})", "has values of type number already", 409);
    f(R"({"tag":"a/b.c","type":"number","unit":""})", "{\"tags\":1,\"keeps_from\":[0]}", 200);
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

TEST(Import, AFileFromProposalToReport) {
    World world;
    const std::string token = world.token("engineer");
    const auto sent = world.as(token, "POST", "/api/v1/imports?file=/tmp/oven.csv",
                               "time,T [degC]\n2024-01-01 00:00:00,20.5\n2024-01-01 00:01:00,x\n");
    ASSERT_EQ(sent.status, 201) << sent.body;
    const Json answer = registry::parse_json(sent.body).value();
    const std::string id{std::string_view(answer.at("id").as_string())};
    JsonObject body;
    body["map"] = answer.at("map");
    const std::string map = registry::to_text(Json(body));
    const std::string base = "/api/v1/imports/" + id;
    const auto preview = world.as(token, "POST", base + ":preview?precision=s", map);
    EXPECT_EQ(preview.status, 200);
    EXPECT_NE(
        preview.body.find(
            R"("readings":[{"tag":"import/oven.t","ts":1704067200,"value":20.5,"unit":"degC","quality":"good"}])"),
        std::string::npos)
        << preview.body;
    EXPECT_EQ(world.as(token, "GET", "/api/v1/read?tag=import/oven.t").status, 404) << "a preview stores nothing";
    EXPECT_EQ(world.as(token, "POST", base + ":start", R"({"map":"time: 7"})").status, 400);
    ASSERT_EQ(world.as(token, "POST", base + ":start", map).status, 202);
    std::string status;
    for (int tries = 0; tries < 100 && status.find(R"("state":"done")") == std::string::npos; ++tries)
        status = world.as(token, "GET", base).body;
    EXPECT_NE(status.find(R"("state":"done","progress":{"share":1,"rows":2,"values":1)"), std::string::npos) << status;
    EXPECT_NE(status.find(R"("faults":[{"line":3,"column":"T [degC]","error":"'x' is no number"}])"), std::string::npos)
        << status;
    EXPECT_NE(world.as(token, "GET", "/api/v1/last?tag=import/oven.t&precision=s").body.find("[[1704067200,20.5"),
              std::string::npos);
    EXPECT_EQ(world.as(token, "POST", base + ":cancel").status, 204);
    EXPECT_EQ(world.as(token, "DELETE", base).status, 204);
    EXPECT_EQ(world.as(token, "GET", base).status, 404);
}

TEST(Import, LooksAtAFileByAnyLayout) {
    World world;
    const std::string token = world.token("engineer");
    const auto sent = world.as(token, "POST", "/api/v1/imports?file=oven.csv",
                               "logger\n时间;T_kW;P\n2024-01-01 00:00:00;20.5;1\n2024-01-01 00:01:00;21;2\n"
                               "2024-01-01 00:02:00;22;3\n");
    const std::string id{std::string_view(registry::parse_json(sent.body).value().at("id").as_string())};
    const std::string look = "/api/v1/imports/" + id + ":look";
    auto f = [&](const std::string& body, std::initializer_list<std::string_view> wants, int status = 200) {
        const auto reply = world.as(token, "POST", look, body);
        EXPECT_EQ(reply.status, status) << reply.body;
        for (const std::string_view want : wants)
            EXPECT_NE(reply.body.find(want), std::string::npos) << want << "\n" << reply.body;
    };
    f("{}", {R"("delimiter":";")", R"("skip":1)", R"("names":["时间","T_kW","P"])", R"("encoding":"utf-8")",
             R"("head":[{"line":1,"fields":["logger"],"columns":1},{"line":2,)",
             R"("rows":[{"line":3,"fields":["2024-01-01 00:00:00","20.5","1"],"columns":3})", R"("fault":null)"});
    f(R"({"map":"file: {delimiter: \"|\", header: 0}"})",
      {R"("map":{"file":{"delimiter":"|","header":0}})", R"("delimiter":"|","head":[{"line":1)", R"("names":[])"});
    f(R"({"map":"file: {delimiter: \"|\"}","propose":true})", {R"("map":{"file":{"encoding":"utf-8","delimiter":"|")"});
    f(R"({"map":"file: {header: 40}"})", {"file.header"}, 400);
    f(R"({"map":"file: {skip: 40}"})", {R"("rows":[],"fault":"oven.csv: the file ends before its header)"});
    f(R"({"map":"{"})", {"map"}, 400);
    // A part of the file; and from a line on, as after a cancelled one.
    const std::string map =
        R"({"map":"file: {skip: 1}\ntime: {column: 时间, format: iso, zone: UTC}\npath: o\ncolumns: {P: p}")";
    const auto part = world.as(token, "POST", "/api/v1/imports/" + id + ":preview?rows=2&precision=s", map + "}");
    EXPECT_NE(part.body.find(R"("rows":2,"values":2)"), std::string::npos) << part.body;
    EXPECT_NE(part.body.find(R"("cancelled":true)"), std::string::npos) << part.body;
    EXPECT_NE(world.as(token, "POST", "/api/v1/imports/" + id + ":start", map + R"(,"from_line":-5})")
                  .body.find("from_line: expected a whole number of 0 or more, found -5"),
              std::string::npos);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/imports/" + id + ":start", map + R"(,"from_line":4})").status, 202);
    std::string status;
    for (int tries = 0; tries < 100 && status.find(R"("state":"done")") == std::string::npos; ++tries)
        status = world.as(token, "GET", "/api/v1/imports/" + id + "?precision=s").body;
    EXPECT_NE(status.find(R"("rows":2,"values":2)"), std::string::npos) << status;
    EXPECT_NE(status.find(R"("sent":1700000000,"ended":17000)"), std::string::npos) << status;
    EXPECT_NE(status.find(R"("map":"file: {skip: 1})"), std::string::npos) << status;
}

TEST(Import, FilesOfOthersAndTooMany) {
    World world;
    const std::string token = world.token("engineer");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/imports", "a,b\n").status, 400) << "the name is missing";
    EXPECT_EQ(world.as(token, "POST", "/api/v1/imports?file=a.gz", "\x1f\x8b").status, 501);
    EXPECT_EQ(world.as(world.token("operator"), "POST", "/api/v1/imports?file=a.csv", "a,b\n1,2\n").status, 403);
    const auto empty = world.as(token, "POST", "/api/v1/imports?file=a.csv", "");
    EXPECT_NE(empty.body.find(R"("map":null,"error":"a.csv holds no rows")"), std::string::npos) << empty.body;
    Imports imports;
    for (std::size_t i = 0; i <= Imports::kFilesMax; ++i)
        ASSERT_TRUE(imports.add(TenantId{1}, fmt::format("i{}", i), "f", "w", "x"));
    EXPECT_FALSE(imports.find(TenantId{1}, "i0")) << "the oldest made room";
    EXPECT_TRUE(imports.find(TenantId{1}, "i1"));
    EXPECT_FALSE(imports.find(TenantId{2}, "i1")) << "of another tenant";
    for (const auto& file : imports.list(TenantId{1})) file->status.lock()->state = ImportState::running;
    EXPECT_EQ(imports.add(TenantId{1}, "more", "f", "w", "x").error().code(), Code::limit);
    EXPECT_EQ(imports.remove(TenantId{1}, "i1").error().code(), Code::conflict);
    EXPECT_TRUE(imports.add(TenantId{2}, "other", "f", "w", "x"));
    EXPECT_EQ(imports.add(TenantId{2}, "large", "f", "w", std::string(Imports::kBytesMax + 1, 'x')).error().code(),
              Code::limit);
}

}  // namespace
}  // namespace gongshu::api
