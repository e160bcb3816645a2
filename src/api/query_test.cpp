#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using sql::CellType;
using sql::testing::page_of;
using test::member;
using test::World;

constexpr TimeNs kTime = 1'767'225'600 * kSecond;  // 2026-01-01

struct Query : ::testing::Test {
    Query() {
        const std::vector<sql::Column> columns{
            {"tag", CellType::text, "VARCHAR"},    {"ts", CellType::time, "TIMESTAMP_NS"},
            {"value", CellType::number, "DOUBLE"}, {"n", CellType::integer, "BIGINT"},
            {"ok", CellType::boolean, "BOOLEAN"},  {"day", CellType::date, "DATE"},
            {"sum", CellType::decimal, "HUGEINT"}};
        const auto first = page_of(columns, {{std::string{"a,\"b\""}, sql::Time{kTime + 5}, 1.5, std::int64_t{1} << 60,
                                              true, sql::Date{20'454}, sql::Decimal{"-12.50"}}});
        const auto second = page_of(columns, {{{}, {}, {}, {}, {}, {}, sql::Decimal{"12345678901234567890"}}});
        world.sql.prepare("all", {.columns = columns, .pages = {first, second}});
        world.sql.prepare("wrong", {.failure = sql::Failure{Error{Code::invalid, "no such column"}, 8, "42703"}});
        world.sql.prepare(
            "late", {.columns = columns, .end_failure = sql::Failure{Error{Code::limit, "too much"}, 0, "53200"}});
    }
    test::Reply ask(const std::string& text, const std::string& query = "", const std::string& more = "") {
        return world.as(token, "POST", "/api/v1/query" + query, R"({"sql":")" + text + "\"" + more + "}");
    }
    World world;
    std::string token = world.token("viewer");
};

TEST_F(Query, GivesRowsAsJsonAndCsv) {
    const auto json = ask("all");
    EXPECT_EQ(json.status, 200);
    EXPECT_NE(json.body.find(R"({"name":"ts","type":"time","sql":"TIMESTAMP_NS"})"), std::string::npos) << json.body;
    EXPECT_NE(
        json.body.find(R"("rows":[["a,\"b\"",1767225600000000005,1.5,"1152921504606846976",true,"2026-01-01",-12.50],)"
                       R"([null,null,null,null,null,null,"12345678901234567890"]]})"),
        std::string::npos)
        << json.body;
    EXPECT_NE(ask("all", "?precision=ms").body.find(",1767225600000,"), std::string::npos);
    EXPECT_EQ(
        ask("all", "?format=csv").body,
        "tag,ts,value,n,ok,day,sum\r\n\"a,\"\"b\"\"\",2026-01-01T00:00:00.000000005Z,1.5,1152921504606846976,true,"
        "2026-01-01,-12.50\r\n,,,,,,12345678901234567890\r\n");
}

TEST_F(Query, PassesAParquetFileOnAsItIs) {
    const std::vector<sql::Column> bytes{{"parquet", CellType::text, "BLOB"}};
    world.sql.prepare(
        "file", {.columns = bytes,
                 .pages = {page_of(bytes, {{std::string{"PAR1\0\xff", 6}}}), page_of(bytes, {{std::string{"PAR1"}}})}});
    const auto reply = ask("file", "?format=parquet");
    EXPECT_EQ(reply.body, std::string("PAR1\0\xffPAR1", 10));
    EXPECT_TRUE(world.sql.asked().back().parquet);
    EXPECT_EQ(ask("all").status, 200);
    EXPECT_FALSE(world.sql.asked().back().parquet);
}

TEST_F(Query, SaysWhereAStatementIsWrong) {
    const auto wrong = ask("wrong");
    EXPECT_EQ(wrong.status, 400);
    EXPECT_NE(wrong.body.find(R"("sqlstate":"42703","position":8)"), std::string::npos) << wrong.body;
    EXPECT_EQ(member(ask("late").body, "detail"), "too much");
}

// What has begun cannot be taken back: it says why, and is cut, so that nobody takes a part for the whole.
TEST_F(Query, SaysWhyALongAnswerEndsInItsMiddle) {
    const std::vector<sql::Column> text{{"t", CellType::text, "VARCHAR"}};
    const std::vector<std::vector<sql::Cell>> wide(200, std::vector<sql::Cell>{std::string(1'000, 'x')});
    world.sql.prepare("long", {.columns = text,
                               .pages = std::vector<sql::Page>(10, page_of(text, wide)),
                               .end_failure = sql::Failure{Error{Code::limit, "too \"much\""}, 0, "54000"}});
    const auto f = [&](const std::string& format) {
        std::string all;
        bool closed = false;
        auto stream = world.connect();
        stream->start({.on_data = [&](Bytes bytes) { all += as_text(bytes); },
                       .on_closed = [&](const Error&) { closed = true; },
                       .on_drained = {}});
        const std::string body = R"({"sql":"long"})";
        stream->send(
            as_bytes(fmt::format("POST /api/v1/query?format={} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: "
                                 "Bearer {}\r\nContent-Length: {}\r\n\r\n{}",
                                 format, token, body.size(), body)));
        EXPECT_TRUE(world.sim.run_until([&] { return closed; }, 30 * kSecond));
        EXPECT_TRUE(all.starts_with("HTTP/1.1 200 "));
        EXPECT_GT(all.size(), 2'000'000u);
        return all.substr(all.size() - 400);
    };
    const std::string json = f("json");
    EXPECT_NE(json.find(R"(],"error":{)"), json.npos) << json;
    EXPECT_NE(json.find(R"("detail":"too \"much\"")"), json.npos) << json;
    EXPECT_TRUE(json.ends_with("}}\r\n")) << json;  // of its chunk; the last chunk never comes
    const std::string csv = f("csv");
    EXPECT_TRUE(csv.ends_with("\"error: too \"\"much\"\"\"\r\n\r\n")) << csv;
}

TEST_F(Query, TakesItsMembersAndNoOthers) {
    EXPECT_EQ(
        ask("all", "", R"(,"parameters":[1,2.5,"x",true,null],"zone":"Asia/Shanghai","limit":7,"timeout":"2m")").status,
        200);
    const auto asked = world.sql.asked().back();
    EXPECT_EQ(asked.parameters.size(), 5u);
    EXPECT_EQ(asked.limits.rows_max, 7u);
    EXPECT_EQ(asked.limits.time_max, 2 * kMinute);
    EXPECT_EQ(asked.zone, "Asia/Shanghai");
    for (const char* const more :
         {R"(,"parameters":7)", R"(,"parameters":[[1]])", R"(,"limit":0)", R"(,"timeout":"1h")", R"(,"x":1)"})
        EXPECT_EQ(ask("all", "", more).status, 400) << more;
    EXPECT_EQ(ask("all", "?format=xml").status, 400);
    EXPECT_EQ(world.as("", "POST", "/api/v1/query", R"({"sql":"all"})").status, 401);
}

TEST_F(Query, ForgetsAStatementWhenItsAnswerIsOut) {
    EXPECT_EQ(ask("all").status, 200);
    EXPECT_LE(world.sql.running(), 1u);  // until the loop has let it go
}

}  // namespace
}  // namespace gongshu::api
