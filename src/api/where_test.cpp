#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::World;

class ReadWhere : public ::testing::Test {
protected:
    // Two ovens and a press; SimClock begins at 1'700'000'000 s.
    void SetUp() override {
        token_ = world_.token("engineer");
        std::string lines;
        for (int i = 0; i < 6; ++i) {
            const int time = 1'699'999'900 + i * 10;
            lines += fmt::format("shop,oven=a t={}.5,kw={}i,on={},state=\"{}\" {}\n", 70 + i * 5, i, i % 2 ? "t" : "f",
                                 i < 3 ? "HEAT" : "HOLD, LONG", time);
            lines += fmt::format("shop,oven=b t={}.5,kw={}i {}\n", 60 + i * 5, 10 + i, time);
        }
        lines += "press,n=1 force=9 1699999900\n";
        ASSERT_EQ(world_.as(token_, "POST", "/api/v1/write?precision=s", lines).status, 204);
        ASSERT_EQ(world_
                      .as(token_, "POST", "/api/v1/write/json",
                          R"([{"tag":"shop/a.t","ts":1699999945000,"value":99,"quality":"bad:sensor"},
                              {"tag":"shop/a.kw","ts":1699999950000,"value":5,"quality":"uncertain:sensor"}])")
                      .status,
                  204);
    }

    void f(std::string_view query, int status, std::string_view want) {
        std::string escaped;
        for (const char c : query)
            escaped += c == ' ' ? "%20" : c == '>' ? "%3E" : c == '<' ? "%3C" : std::string(1, c);
        const auto reply = world_.as(token_, "GET", fmt::format("/api/v1/read?precision=s&{}", escaped));
        EXPECT_EQ(reply.status, status) << query << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << query << "\n" << reply.body;
    }

    World world_;
    std::string token_;
};

TEST_F(ReadWhere, GivesRowsOfDevicesSideBySide) {
    f("tag=shop/**&where=t>85", 200,
      R"({"devices":[{"device":"shop/a","columns":["ts","kw","on","state","t","quality"],)"
      R"("units":[null,null,null,null,null,null],"rows":[[1699999930,3,true,"HOLD, LONG",85.5,null],)"
      R"([1699999940,4,false,"HOLD, LONG",90.5,null],)"
      R"([1699999950,5,true,"HOLD, LONG",95.5,{"kw":"uncertain:sensor"}]]},)"
      R"({"device":"shop/b","columns":["ts","kw","t","quality"],"units":[null,null,null,null],)"
      R"("rows":[[1699999950,15,85.5,null]]}]})");
    // The condition's property need not be asked for; more of them all hold.
    f("tag=shop/a.t&where=kw>=2&where=state='HEAT'", 200,
      R"("columns":["ts","t","quality"],"units":[null,null,null],)"
      R"("rows":[[1699999920,80.5,null]]}]})");
    f("tag=shop/*.kw&where=t between 70.5 and 75.5", 200, R"("rows":[[1699999900,0,null],[1699999910,1,null]]})");
    f("tag=shop/a.t&where=on=true&order=desc&limit=1", 200, R"("more":true,"rows":[[1699999950,95.5,null]]}]})");
    f("tag=shop/a.t&where=on=true&order=asc&limit=3", 200, R"("rows":[[1699999910,75.5,null],)");
    // What is bad satisfies nothing unless it is asked for, and then stands there with what is not.
    f("tag=shop/a.t&tag=shop/a.kw&where=t>98", 200, R"({"devices":[]})");
    f("tag=shop/a.t&tag=shop/a.kw&where=t>98&quality=all", 200, R"([[1699999945,99,null,{"t":"bad:sensor+late"}]])");
    f("tag=shop/a.t&tag=shop/a.kw&where=t>95&quality=good", 200, R"([[1699999950,95.5,null,null]])");
    f("tag=press/**&where=force>0", 200, R"({"devices":[{"device":"press/1",)");
    f("tag=none/**&where=t>0", 200, R"({"devices":[]})");
    f("tag=shop/**&where=t>85&format=csv", 200,
      "device,ts,time,kw,on,state,t,quality\r\n"
      "shop/a,1699999930,2023-11-14T22:12:10Z,3,true,\"HOLD, LONG\",85.5,\r\n"
      "shop/a,1699999940,2023-11-14T22:12:20Z,4,false,\"HOLD, LONG\",90.5,\r\n"
      "shop/a,1699999950,2023-11-14T22:12:30Z,5,true,\"HOLD, LONG\",95.5,kw=uncertain:sensor\r\n"
      "shop/b,1699999950,2023-11-14T22:12:30Z,15,,,85.5,\r\n");
}

// The same digits, whether the rows are numbers alone or not.
TEST_F(ReadWhere, WritesNumbersAsEveryAnswerDoes) {
    ASSERT_EQ(world_
                  .as(token_, "POST", "/api/v1/write?precision=s",
                      "odd,n=1 a=1e20,b=0.1,c=9007199254740993i,d=t,e=-0.0,f=-7i,g=12345.678,name=\"x\" 1699999900\n")
                  .status,
              204);
    const std::string_view numbers = R"(1e+20,0.1,"9007199254740993",true,-0,-7,12345.678)";
    f("tag=odd/1.?&where=a>0", 200, fmt::format("[1699999900,{},null]", numbers));
    f("tag=odd/1.*&where=a>0", 200, fmt::format("[1699999900,{},\"x\",null]", numbers));
}

TEST_F(ReadWhere, TellsWhatDoesNotFit) {
    const std::string_view all = "tag=shop/**&";
    const auto g = [&](std::string_view query, int status, std::string_view want) {
        f(fmt::format("{}{}", all, query), status, want);
    };
    g("where=t", 400, "is no condition; give a property");
    g("where=t>warm", 400, R"(where: \"warm\" is neither a number)");
    g("where=t>true", 400, "where: shop/a.t: its values are numbers");
    g("where=state>'A'", 400, "where: shop/a.state: its values are texts; they are held");
    g("where=on=maybe", 400, R"(where: \"maybe\")");
    g("where=colour='red'", 404, R"(none of the devices that are asked for has a property \"colour\")");
    // The last alone is what none has; of others each has one, and none all.
    g("where=t>1&where=colour='red'", 404,
      R"(where: none of the devices that are asked for has a property \"colour\")");
    f("tag=shop/b.t&tag=press/**&where=t>1&where=force>1&where=t<9", 404,
      R"(where: none of the devices that are asked for has all of the properties \"t\", \"force\")");
    for (const char* other : {"every=1m", "agg=avg", "points=10", "fill=null", "gap=1m", "zone=UTC", "sample=lttb"})
        g(fmt::format("where=t>85&{}", other), 400, "goes not with where=");
    g("where=t>85&order=up", 400, R"(order: \"up\")");
    g("where=t>85&quality=odd", 400, R"(quality: \"odd\")");
    g("where=t>85&format=xml", 400, R"(format: \"xml\")");
    g("where=t>85&limit=3", 429, "more than the 3 rows that are allowed; shorten the window, ask for fewer devices");
    std::string many;
    for (int i = 0; i < 17; ++i) many += "&where=t>1";
    g(many.substr(1), 429, "more than 16 conditions");
    f("where=t>85", 400, "tag: is missing");
    f("tag=shop/z.t&where=t>85", 404, R"(there is no tag \"shop/z.t\")");
    EXPECT_EQ(world_.ask("GET", "/api/v1/read?tag=shop/a.t&where=t%3E85").status, 401);
}

TEST_F(ReadWhere, TellsNothingOfWhatTheCallerDoesNotSee) {
    const std::string admin = world_.token("admin");
    ASSERT_EQ(world_.as(admin, "PUT", "/api/v1/roles/b", R"({"spec":{"base":"viewer","paths":["shop/b"]}})").status,
              200);
    const std::string limited = world_.token("b");
    const auto ask = [&](const std::string& query) {
        return world_.as(limited, "GET", "/api/v1/read?precision=s&" + query).body;
    };
    const std::string body = ask("tag=**&where=kw%3E14");
    EXPECT_NE(body.find(R"([{"device":"shop/b",)"), std::string::npos) << body;
    EXPECT_EQ(body.find("shop/a"), std::string::npos) << body;
    EXPECT_NE(ask("tag=shop/a.t&where=kw%3E1").find("there is no tag"), std::string::npos);
    // By another name: a tag of a that people call one of b.
    ASSERT_EQ(
        world_.as(admin, "PUT", "/api/v1/tag_aliases/shop%2Fb.power", R"({"spec":{"target":"shop/a.kw"}})").status,
        200);
    EXPECT_NE(ask("tag=shop/b.t&where=power%3E1").find(R"(has a property \"power\")"), std::string::npos);
    // A property that is hidden beside one that is seen.
    ASSERT_EQ(world_.as(admin, "PUT", "/api/v1/roles/t", R"({"spec":{"base":"viewer","paths":["shop/a.t"]}})").status,
              200);
    const std::string of_one = world_.token("t");
    const auto beside = world_.as(of_one, "GET", "/api/v1/read?tag=shop/a.t&where=kw%3E1"),
               none = world_.as(of_one, "GET", "/api/v1/read?tag=shop/a.t&where=colour%3E1");
    EXPECT_EQ(beside.status, 404) << beside.body;
    EXPECT_EQ(none.status, 404) << none.body;
    EXPECT_NE(beside.body.find(R"(has a property \"kw\")"), std::string::npos) << beside.body;
    EXPECT_EQ(world_.as(of_one, "GET", "/api/v1/read?tag=shop/a.t&where=t%3E1").status, 200);
}

// Many rows and many devices of one row come in several pieces, and are whole.
TEST(ReadWhereMuch, ComesInPieces) {
    World world;
    const std::string token = world.token("engineer");
    std::string lines;
    for (int i = 0; i < 9000; ++i)
        lines += fmt::format("m,n=1 x={}i,name=\"{}\" {}\n", i, std::string(40, 'n'), 1'699'990'000 + i);
    for (int i = 0; i < 4000; ++i) lines += fmt::format("many,n=device{} x=5i 1699990000\n", i);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write?precision=s&import=1", lines).status, 204);
    for (const std::string format : {"json", "csv"}) {
        const auto one = world.as(token, "GET", "/api/v1/read?tag=m/1.*&from=0&where=x%3E=1000&format=" + format);
        EXPECT_EQ(one.status, 200);
        EXPECT_GT(one.body.size(), 400'000u);
        EXPECT_NE(one.body.find("8999"), std::string::npos);
        const auto many = world.as(token, "GET", "/api/v1/read?tag=many/**&from=0&where=x=5&format=" + format);
        std::size_t devices = 0;
        for (std::size_t at = many.body.find("many/"); at != std::string::npos; at = many.body.find("many/", at + 1))
            ++devices;
        EXPECT_EQ(devices, 4000u);
    }
}

}  // namespace
}  // namespace gongshu::api
