#include <gtest/gtest.h>

#include "api/gzip.h"
#include "api/testing/world_test.h"
#include "api/turn_budget.h"
#include "importer/history_target.h"

namespace gongshu::api {
namespace {

using test::World;

constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // where SimClock begins

TEST(Write, ReadsBackEqual) {
    World world;
    const std::string token = world.token("engineer");
    const std::string lines = fmt::format(
        "cpu,host=h1 user=0.5,count=9007199254740993i,on=t,name=\"a \\\"b\\\"\" {0}\ncpu,host=h1 user=1.5,count=3i "
        "{1}\n",
        kStart - 2, kStart - 1);
    const auto written = world.as(token, "POST", "/api/v1/write", lines);
    ASSERT_EQ(written.status, 204) << written.body;
    EXPECT_EQ(world.flow.rows_seen, 6u);
    auto f = [&](std::string_view query, const std::string& want) {
        const auto reply = world.as(token, "GET", fmt::format("/api/v1/{}", query));
        EXPECT_EQ(reply.status, 200) << reply.body;
        EXPECT_EQ(reply.body, want) << query;
    };
    f("read?tag=cpu/h1.user&from=now-1h&to=now",
      fmt::format(
          R"({{"series":[{{"tag":"cpu/h1.user","unit":"","columns":["ts","value","quality"],"rows":[[{},0.5,"good"],[{},1.5,"good"]]}}]}})",
          kStart - 2, kStart - 1));
    f("last?tag=cpu/h1.count",
      fmt::format(
          R"({{"series":[{{"tag":"cpu/h1.count","unit":"","columns":["ts","value","quality"],"rows":[[{},3,"good"]]}}]}})",
          kStart - 1));
    f(fmt::format("read?tag=cpu/h1.count&from={}&to={}&precision=s", kStart - 2, kStart - 1),
      R"({"series":[{"tag":"cpu/h1.count","unit":"","columns":["ts","value","quality"],)"
      R"("rows":[[1699999999,"9007199254740993","good"]]}]})");
    f("last?tag=cpu/h1.on&precision=ms",
      R"({"series":[{"tag":"cpu/h1.on","unit":"","columns":["ts","value","quality"],"rows":[[1699999999999,true,"good"]]}]})");
    f("last?tag=cpu/h1.na*&precision=ms",
      R"({"series":[{"tag":"cpu/h1.name","unit":"","columns":["ts","value","quality"],"rows":[[1699999999999,"a \"b\"","good"]]}]})");
    f("last?tag=nothing/**", R"({"series":[]})");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/last?tag=nothing").status, 404);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/last").status, 400);
    const auto csv = world.as(token, "GET", "/api/v1/read?tag=cpu/h1.user&format=csv&precision=s");
    EXPECT_EQ(csv.body,
              "tag,ts,time,value,quality\r\ncpu/h1.user,1699999999,2023-11-14T22:13:19.999999998Z,0.5,good\r\n"
              "cpu/h1.user,1699999999,2023-11-14T22:13:19.999999999Z,1.5,good\r\n");
    const auto buckets =
        world.as(token, "GET", "/api/v1/read?tag=cpu/h1.user&from=now-1m&every=1m&agg=avg,count&precision=s");
    EXPECT_NE(buckets.body.find(R"("columns":["ts","avg","count","good_fraction"])"), std::string::npos)
        << buckets.body;
    const auto tags = world.as(token, "GET", "/api/v1/tags?glob=cpu/**&limit=2");
    EXPECT_NE(tags.body.find(R"("more":true)"), std::string::npos) << tags.body;
    EXPECT_NE(tags.body.find(R"("device":"cpu/h1","property":"count","type":"integer")"), std::string::npos)
        << tags.body;
}

TEST(Write, TellsBadLinesAndKeepsGoodOnes) {
    World world;
    const std::string token = world.token("engineer");
    const auto reply =
        world.as(token, "POST", "/api/v1/write?precision=s", "a x=1 1700000000\nb x=\nc x=3\n# fine\nd\n");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find(R"("lines":[{"line":2,"column":5,"error":"the field \"x\" has no value"},{"line":5,)"),
              std::string::npos)
        << reply.body;
    EXPECT_NE(reply.body.find(R"("written":2)"), std::string::npos) << reply.body;
    EXPECT_EQ(world.as(token, "GET", "/api/v1/last?tag=a.x").status, 200);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/last?tag=c.x").status, 200);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write?precision=days", "a x=1").status, 400);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", "").status, 204);
}

TEST(Write, TakesJsonWithQualityAndNaN) {
    World world;
    const std::string token = world.token("engineer");
    const auto reply =
        world.as(token, "POST", "/api/v1/write/json",
                 R"([{"tag":"plant/cnc1.temperature","ts":1699999999000,"value":21.5,"quality":"uncertain:sensor"},
                                    {"tag":"plant/cnc1.running","ts":"2023-11-14T22:13:19Z","value":true},
                                    {"value":1},{"tag":"plant/cnc1.temperature","ts":1699999999500,"value":{}}])");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find(R"("lines":[{"index":2,)"), std::string::npos) << reply.body;
    EXPECT_NE(reply.body.find(R"("written":2)"), std::string::npos) << reply.body;
    EXPECT_NE(world.as(token, "GET", "/api/v1/last?tag=plant/cnc1.temperature&precision=ms")
                  .body.find(R"([[1699999999000,21.5,"uncertain:sensor"]])"),
              std::string::npos);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write/json", "{").status, 400);
    Rows rows;
    rows.add_number(world.history->find(TenantId{1}, "plant/cnc1.temperature")->id, kStart,
                    std::numeric_limits<double>::quiet_NaN(), bad(Reason::timeout));
    bool stored = false;
    world.history->append(rows, Durability::sync, [&](const Result<Appended>&) { stored = true; });
    ASSERT_TRUE(world.sim.run_until([&] { return stored; }, kSecond));
    EXPECT_NE(world.as(token, "GET", "/api/v1/last?tag=plant/cnc1.temperature&precision=ms")
                  .body.find(R"([[1700000000000,null,"bad:timeout"]])"),
              std::string::npos);
}

TEST(Write, JsonTellsBadNamesAndValuesThatDoNotFit) {
    World world;
    const std::string token = world.token("engineer");
    auto f = [&](std::string_view entry, int status, std::string_view want) {
        const auto reply =
            world.as(token, "POST", "/api/v1/write/json", fmt::format(R"([{{"tag":"good.x","value":1}},{}])", entry));
        EXPECT_EQ(reply.status, status) << entry << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << entry << reply.body;
    };
    f(R"({"tag":"a/b.t","value":21})", 204, "");
    f(R"({"tag":"a/b.t","value":21.5})", 204, "");  // a whole number at first is a number
    f(R"({"tag":"a/b.t","value":"warm"})", 400, R"("index":1,"error":"value: warm is a text, which a/b.t)");
    f(R"({"tag":"a/*.t","value":1})", 400, R"("index":1,"error":"tag: * and ?)");
    f(R"({"tag":"a/b?","value":1})", 400, "tag: * and ?");
    for (const char* path : {"a//b", "/a", "a/"})
        f(fmt::format(R"({{"tag":"{}","value":1}})", path), 400, "tag: has an empty part");
    f(R"({"tag":"a/../b","value":1})", 400, "nothing but dots");
    f(R"({"tag":"a\u0007b","value":1})", 400, "without control characters");
    f(R"({"tag":"a/b.","value":1})", 400, "no name after the dot");
    f(R"({"tag":"big","value":1e400})", 400, R"("index":1,"error":"value: 1e400 is a number that 64 bits)");
    f(R"({"tag":"big","value":123456789012345678901234567890})", 400, R"("written":1)");
}

TEST(Write, DeclaredPropertiesAreTheSameByEveryDoor) {
    World world;
    const std::string token = world.token("engineer");
    const registry::Actor admin{TenantId{1}, "default", "system", registry::Role::admin, ""};
    const auto put = [&](std::string_view kind, std::string_view name, std::string_view spec) {
        const auto done = world.registry->put(admin, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(done) << done.error().text();
    };
    put("device_type", "mill", R"({"properties":[{"name":"speed","type":"integer","unit":"rpm","min":0,"max":100},
                                                 {"name":"load","type":"number","unit":"kW"},
                                                 {"name":"on","type":"boolean"}]})");
    for (const char* name : {"cpu/h1", "cpu/h2"}) put("device", name, R"({"type":"mill"})");
    auto f = [&](std::string_view target, const std::string& body, int status, std::string_view want) {
        const auto reply = world.as(token, "POST", fmt::format("/api/v1/{}", target), body);
        EXPECT_EQ(reply.status, status) << body << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << body << reply.body;
    };
    f("write", "cpu,host=h1 speed=7,load=3i,on=1,other=2i", 204, "");
    f("write/json",
      R"([{"tag":"cpu/h2.speed","value":7},{"tag":"cpu/h2.load","value":3},)"
      R"({"tag":"cpu/h2.on","value":1},{"tag":"cpu/h2.other","value":2}])",
      204, "");
    for (const char* device : {"cpu/h1", "cpu/h2"}) {
        const std::string uid = "d:" + world.registry->get(TenantId{1}, "device", device)->uid;
        auto t = [&](const char* name, ValueType type, const char* unit) {
            const auto tag = world.history->find(TenantId{1}, fmt::format("{}.{}", device, name));
            ASSERT_TRUE(tag) << device << name;
            EXPECT_EQ(tag->key.source, uid);
            EXPECT_EQ(tag->type, type) << name;
            EXPECT_EQ(tag->unit, unit) << name;
        };
        t("speed", ValueType::integer, "rpm");
        t("load", ValueType::number, "kW");
        t("on", ValueType::boolean, "");
    }
    EXPECT_EQ(world.history->find(TenantId{1}, "cpu/h1.other")->type, ValueType::integer);
    EXPECT_EQ(world.history->find(TenantId{1}, "cpu/h2.other")->type, ValueType::number);
    // The same tag by the other door; what it cannot hold is told, the others are stored.
    f("write/json", R"([{"tag":"cpu/h1.speed","value":7.5},{"tag":"cpu/h1.load","value":7.5}])", 400,
      R"({"index":0,"error":"value: 7.5 is a number, which cpu/h1.speed cannot hold; expected an integer"}],"written":1)");
    f("write", "cpu,host=h1 load=1\ncpu,host=h1 speed=7.5,load=2\ncpu,host=h2 on=\"yes\"", 400,
      R"("lines":[{"line":2,"column":1,"error":"speed: 7.5 is a number, which its tag cannot hold; expected an integer"},{"line":3,)");
    f("write/json", R"({"tag":"cpu/h1.speed","value":101})", 204, "");
    const auto last = [&] { return world.as(token, "GET", "/api/v1/last?tag=cpu/h1.speed").body; };
    EXPECT_NE(last().find(R"(101,"uncertain:range"])"), std::string::npos) << last();
    // A changed type counts from the next reading on.
    put("device_type", "mill", R"({"properties":[{"name":"speed","type":"integer","unit":"rpm","max":200}]})");
    world.sim.run_for(kSecond);
    f("write", "cpu,host=h1 speed=150i", 204, "");
    EXPECT_NE(last().find(R"(150,"good"])"), std::string::npos) << last();
}

TEST(Write, ReadingsGoToTheDeviceThatIsThereNow) {
    World world;
    const std::string token = world.token("engineer");
    const registry::Actor admin{TenantId{1}, "default", "system", registry::Role::admin, ""};
    const auto move = [&](const char* name) {  // as the program does for each change of a device
        const std::string uid = "d:" + world.registry->get(TenantId{1}, "device", name)->uid;
        ASSERT_TRUE(world.history->move_source(TenantId{1}, uid, name));
    };
    const auto put = [&](std::string_view kind, const char* name, std::string_view spec) {
        ASSERT_TRUE(world.registry->put(admin, kind, name, registry::parse_json(spec).value()));
        if (kind == "device") move(name);
    };
    const auto write = [&](std::string_view target, const std::string& body) {
        const auto reply = world.as(token, "POST", fmt::format("/api/v1/{}", target), body);
        EXPECT_EQ(reply.status, 204) << body << reply.body;
        world.sim.run_for(kSecond);
    };
    const auto both = [&](int value) {
        write("write/json", fmt::format(R"({{"tag":"k/a.t","value":{}}})", value));
        write("write", fmt::format("k,host=a u={}", value));
    };
    const auto last = [&](std::string_view tag) {
        return world.as(token, "GET", fmt::format("/api/v1/last?tag={}", tag)).body;
    };
    auto f = [&](const char* device, std::string_view value) {
        const std::string uid = "d:" + world.registry->get(TenantId{1}, "device", device)->uid;
        for (const char* property : {"t", "u"}) {
            const std::string path = fmt::format("{}.{}", device, property);
            const auto tag = world.history->find(TenantId{1}, path);
            ASSERT_TRUE(tag) << path;
            EXPECT_EQ(tag->path, path);
            EXPECT_EQ(tag->key.source, uid);
            EXPECT_NE(last(path).find(value), std::string::npos) << path << last(path);
        }
    };
    put("device_type", "mill", R"({"properties":[{"name":"t","type":"number"},{"name":"u","type":"number"}]})");
    both(10);  // there is no device yet
    put("device", "k/a", R"({"type":"mill"})");
    both(11);
    f("k/a", "11,\"good\"");
    ASSERT_TRUE(world.registry->rename(admin, "device", "k/a", "k/b"));
    move("k/b");
    f("k/b", "11,\"good\"");
    both(12);  // the old address leads to it as long as nobody else is there
    f("k/b", "12,\"good\"");
    put("device", "k/a", R"({"type":"mill"})");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/last?tag=k/a.t").status, 404);  // not what moved away
    const auto imported =
        importer::resolve_tag(*world.history, *world.registry, TenantId{1}, "k/a.t", ValueType::number, "", nullptr);
    ASSERT_TRUE(imported) << imported.error().text();
    EXPECT_EQ(world.history->info(imported->id)->path, "k/a.t");
    both(13);
    f("k/a", "13,\"good\"");
    f("k/b", "12,\"good\"");
    ASSERT_TRUE(world.registry->remove(admin, "device", "k/a"));
    put("device", "k/a", R"({"type":"mill"})");
    both(14);
    f("k/a", "14,\"good\"");
    // What was written there before is under other names.
    EXPECT_EQ(world.history->match(TenantId{1}, "k/a.t~*", 9).size(), 2u);
    // Another door makes a tag at the old address of a device that moved: readings by path go there from then on.
    ASSERT_TRUE(world.registry->rename(admin, "device", "k/a", "k/d"));
    move("k/d");
    write("write/json", R"({"tag":"k/a.t","value":15})");
    EXPECT_NE(last("k/d.t").find("15,"), std::string::npos);
    ASSERT_TRUE(world.history->resolve({TenantId{1}, "p:k/a", "t"}, "k/a.t", ValueType::number, ""));
    write("write/json", R"({"tag":"k/a.t","value":16})");
    EXPECT_NE(last("k/d.t").find("15,"), std::string::npos);
    EXPECT_NE(last("k/a.t").find("16,"), std::string::npos);
}

TEST(Write, TakesGzipAndRefusesBombs) {
    ApiOptions options;
    options.write_bytes_max = 1 << 20;
    World world{options};
    const std::string token = world.token("engineer");
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", gzip("a x=1"), {{"content-encoding", "gzip"}}).status, 204);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", gzip(std::string(5 << 20, '#')), {{"content-encoding", "gzip"}})
                  .status,
              413);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", "plain", {{"content-encoding", "gzip"}}).status, 400);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", "plain", {{"content-encoding", "br"}}).status, 501);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", std::string((1 << 20) + 1, '#')).status, 413);
}

TEST(Read, SendsLongAnswersWholeWithAndWithoutGzip) {
    World world;
    const std::string token = world.token("engineer");
    std::string lines;
    for (int i = 0; i < 20'000; ++i) lines += fmt::format("m x={} {}\n", i, kStart - 20'000 + i);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", lines).status, 204);
    const auto plain = world.as(token, "GET", "/api/v1/read?tag=m.x");
    const auto packed = world.as(token, "GET", "/api/v1/read?tag=m.x", "", {{"accept-encoding", "gzip"}});
    EXPECT_EQ(plain.header("transfer-encoding"), "chunked");
    EXPECT_TRUE(plain.body.starts_with(R"({"series":[{"tag":"m.x")"));
    EXPECT_TRUE(plain.body.ends_with(R"(,19999,"good"]]}]})")) << plain.body.substr(plain.body.size() - 60);
    EXPECT_EQ(std::count(plain.body.begin(), plain.body.end(), '['), 20'000 + 3);
    EXPECT_LT(packed.body.size(), plain.body.size() / 3);
    EXPECT_EQ(gunzip(as_bytes(packed.body), 64 << 20).value(), plain.body);
}

TEST(Tenants, SeeNothingOfEachOther) {
    World world;
    const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
    ASSERT_TRUE(world.registry->put(system, "tenant", "plant2", registry::parse_json("{}").value()));
    const std::string first = world.token("engineer"), second = world.token("engineer", "plant2");
    EXPECT_EQ(world.as(first, "POST", "/api/v1/write", "cpu,host=h1 user=1").status, 204);
    EXPECT_EQ(world.as(second, "GET", "/api/v1/last?tag=cpu/h1.user").status, 404);
    EXPECT_EQ(world.as(second, "GET", "/api/v1/tags").body, R"({"tags":[],"more":false})");
    EXPECT_EQ(world.as(second, "POST", "/api/v1/write", "cpu,host=h1 user=2").status, 204);
    EXPECT_NE(world.as(first, "GET", "/api/v1/last?tag=cpu/h1.user").body.find(",1,\"good\""), std::string::npos);
    EXPECT_NE(world.as(second, "GET", "/api/v1/last?tag=cpu/h1.user").body.find(",2,\"good\""), std::string::npos);
    EXPECT_EQ(world.as(world.token("admin", "plant2"), "POST", "/api/v1/admin/compact").status, 403);
    EXPECT_EQ(world.as(world.token("admin"), "POST", "/api/v1/admin/compact").status, 200);
    EXPECT_EQ(world.as(first, "PUT", "/api/v1/sites/a", R"({"spec":{"time_zone":"Asia/Shanghai"}})").status, 200);
    EXPECT_EQ(world.as(second, "GET", "/api/v1/sites").body, R"({"items":[]})");
    world.flow.fake_alarms.raise([] {
        flow::Alarm alarm;
        alarm.id = "1";
        alarm.tenant = TenantId{1};
        return alarm;
    }());
    EXPECT_EQ(world.as(second, "GET", "/api/v1/alarms/1").status, 404);
}

// What each word of a question does to the answer, and what is said of words that do not fit.
TEST(Read, AggregatesOverTimeFillsSortsAndTellsWhatDoesNotFit) {
    World world;
    const std::string token = world.token("engineer");
    // 2023-11-14T22:00:00Z is 1699999200; SimClock begins 800 s later.
    ASSERT_EQ(world
                  .as(token, "POST", "/api/v1/write?precision=s&import=1",
                      "p kw=30 1699995600\np kw=60 1699997400\np kw=10 1699999200\n")
                  .status,
              204);
    ASSERT_EQ(world
                  .as(token, "POST", "/api/v1/write/json?import=1",
                      R"([{"tag":"p.kw","ts":1699999500000,"value":99,"quality":"bad:sensor"}])")
                  .status,
              204);
    auto f = [&](std::string_view query, int status, std::string_view want) {
        const auto reply = world.as(token, "GET", fmt::format("/api/v1/read?tag=p.kw&precision=s&{}", query));
        EXPECT_EQ(reply.status, status) << query << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << query << "\n" << reply.body;
    };
    const auto hours = [&](std::string_view query, std::string_view rows) {
        f(fmt::format("from=1699992000000000000&to=1700002800000000000&every=1h&{}", query), 200, rows);
    };
    hours("agg=twa,integral", R"(["ts","twa","integral","good_fraction"],"rows":[[1699995600,45,162000,1],)"
                              R"([1699999200,10,3000,0.5]])");
    hours(
        "agg=avg&fill=null",
        R"("columns":["ts","avg","good_fraction","filled"],"rows":[[1699992000,null,null,true],[1699995600,45,1,false],)"
        R"([1699999200,10,0.5,false]])");
    hours("agg=count,sum&fill=-1.5", R"([[1699992000,0,-1.5,null,true],)");
    hours("agg=count&quality=all", "[1699999200,2,0.5]");
    hours("agg=first_time,p50,last_time", "[1699995600,1699995600,45,1699997400,1]");
    hours("agg=twa&gap=10m", "[1699995600,45,1]");
    hours("agg=covered&gap=10m", R"([1699995600,0.3333333333333333,1])");
    hours("agg=twa&fill=linear&format=csv",
          "tag,ts,time,twa,good_fraction,filled\r\n"
          "p.kw,1699992000,2023-11-14T20:00:00Z,,,true\r\n"
          "p.kw,1699995600,2023-11-14T21:00:00Z,45,1,false\r\n");
    const std::string_view day = "from=now-1d&to=now&";
    const auto raw = [&](std::string_view query, int status, std::string_view want) {
        f(fmt::format("{}{}", day, query), status, want);
    };
    raw("order=desc&limit=2", 200, R"("more":true,"rows":[[1699999500,99,"bad:sensor"],[1699999200,10,"good"]])");
    raw("order=asc&limit=1&quality=good", 200, R"("more":true,"rows":[[1699995600,30,"good"]])");
    raw("order=desc&quality=usable&limit=3", 200, R"("columns":["ts","value","quality"],"rows":[[1699999200,10)");
    hours("agg=count&order=desc&limit=1", R"("more":true,"rows":[[1699999200,)");
    hours("agg=count&order=desc", R"("rows":[[1699999200,)");
    hours("agg=count&order=asc&limit=1", R"("more":true,"rows":[[1699995600,)");
    raw("limit=2", 429, "more than the 2 rows");
    raw("points=2&sample=lttb", 200, R"("sampled":true)");
    raw("timeout=1s", 200, R"("rows":[[1699995600)");
    raw("agg=avg", 400, "every: is missing");
    raw("every=1h&agg=mean", 400, R"(agg: \"mean\" is no aggregate; there are avg)");
    raw("every=1h&agg=p101", 400, "agg: ");
    raw("fill=null", 400, "fill: is about buckets");
    raw("gap=1h", 400, "gap: is about buckets");
    raw("every=1h&gap=32d", 400, "is more than 31 days");
    raw("every=1h&fill=nan", 400, R"(fill: \"nan\" is none of none, null)");
    raw("every=1h&fill=next", 400, R"(fill: \"next\")");
    raw("quality=bad", 400, R"(quality: \"bad\" is none of good)");
    raw("sample=lttb", 400, "sample: says how rows are thinned");
    raw("points=10&sample=mean", 400, R"(sample: \"mean\")");
    raw("order=down", 400, R"(order: \"down\")");
    raw("order=desc&every=shift", 400, "order: goes neither with points= nor with shifts");
    raw("order=desc&points=10", 400, "order: goes neither with points= nor with shifts");
    raw("timeout=soon", 400, "timeout: ");
    raw("every=1ms&fill=null&from=now-1d", 429, "more than the 1000000 rows");
}

// A read that is short does not wait for another thread; one that may be long, or waits for the disk, does.
TEST(Read, ShortOnesAreAnsweredAtOnce) {
    World world;
    const std::string token = world.token("admin");
    const TimeNs now = world.sim.clock().now();
    std::string lines, long_lines;
    for (int i = 0; i < 9; ++i) lines += fmt::format("m{} v={}i {}\n", i, i, now - kMinute);
    for (int i = 0; i < 20'000; ++i) long_lines += fmt::format("long v={} {}\n", i, now - kHour + i * kMillisecond);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", lines).status, 204);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", long_lines).status, 204);
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", fmt::format("said v=\"RUN\" {}", now)).status, 204);
    Counter& at_once = world.metrics.counter("gongshu_http_answers_at_once_total", "");
    const auto ask = [&](const std::string& query, wire::HttpHeaders headers = {}) {
        const std::uint64_t before = at_once.value();
        const auto reply = world.as(token, "GET", query, "", std::move(headers));
        EXPECT_EQ(reply.status, 200) << query << reply.body;
        return std::pair{at_once.value() - before == 1, reply.body};
    };
    const std::string window = fmt::format("&from={}&to={}", now - 2 * kHour, now), read = "/api/v1/read?tag=";
    std::string nine = read + "m0.v";
    for (int i = 1; i < 9; ++i) nine += fmt::format("&tag=m{}.v", i);
    for (const auto& [query, wanted] : std::vector<std::pair<std::string, bool>>{
             {read + "m0.v" + window, true},
             {read + "m0.v" + window + "&format=csv", true},
             {read + "m0.v&tag=m1.v" + window + "&every=1m&agg=max", true},
             {"/api/v1/last?tag=m0.v", true},
             {"/api/v1/last?tag=m*.v", false},  // who knows how many
             {read + "m%3F.v" + window, false},
             {nine + window, false},
             {read + "long.v" + window + "&every=1h", false},          // more rows than that
             {read + "m0.v" + window + "&every=1s&fill=null", false},  // … or buckets
             {read + "m0.v" + window + "&every=shift", false},
             {read + "m0.v" + window + "&every=1m&agg=max,min,avg,sum", true},
             {read + "m0.v" + window + "&every=1m&agg=max,min,avg,sum,p50", false},
             {read + "m0.v" + fmt::format("&from={}&to={}", now - 40 * kDay, now), false},
             {read + "said.v" + window, false},  // a text may be long
             {"/api/v1/last?tag=said.v", false},
             {read + "m0.v" + window + "&where=v>0", false}}) {
        const auto [was_at_once, body] = ask(query);
        EXPECT_EQ(was_at_once, wanted) << query;
    }
    EXPECT_EQ(ask(read + "m0.v" + window).second, ask(read + "m0*.v" + window).second);
    // Those that are refused are so at once, too.
    const std::uint64_t before = at_once.value();
    EXPECT_EQ(world.as(token, "GET", read + "none.v" + window).status, 404);
    EXPECT_EQ(at_once.value(), before + 1);
    // Somebody who takes gzip gets it, of a long answer from another thread.
    for (const std::string_view every : {"1m", "1s"}) {
        const std::string query =
            read + fmt::format("m0.v&every={}&fill=null&from={}&to={}", every, now - kHour / 2, now);
        const auto plain = world.as(token, "GET", query);
        const auto zipped = world.as(token, "GET", query, "", {{"accept-encoding", "gzip"}});
        EXPECT_EQ(zipped.status, 200) << zipped.body;
        EXPECT_EQ(gunzip(as_bytes(zipped.body), 64 << 20).value(), plain.body);
    }
    // After a start the files are not open yet.
    ASSERT_TRUE(world.history->compact());
    EXPECT_FALSE(ask(read + "m0.v" + window).first);
    EXPECT_TRUE(ask(read + "m0.v" + window).first);
}

// Who comes when a turn of the loop is spent waits for another thread.
TEST(Read, ManyShortOnesShareATurn) {
    io::SimWorld sim{1};
    const auto loop = sim.make_loop();
    TurnBudget budget{*loop};
    int most = 0;
    for (; budget.has_left() && most < 1000; ++most) budget.spend(1);
    EXPECT_EQ(most, 48) << "each counts for something";
    sim.run_for(kMillisecond);
    EXPECT_TRUE(budget.has_left());
    budget.spend(UINT64_MAX);
    EXPECT_FALSE(budget.has_left());
    sim.run_for(kMillisecond);
    EXPECT_TRUE(budget.has_left());
}

// What nobody waits for any more is not worked on.
TEST(Read, EndsWhenTheCallerHangsUp) {
    World world;
    const std::string token = world.token("engineer");
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", "m x=1").status, 204);
    auto asks = world.connect();
    std::string got;
    asks->start({.on_data = [&](Bytes bytes) { got.append(as_text(bytes)); },
                 .on_closed = [](const Error&) {},
                 .on_drained = {}});
    asks->send(as_bytes(fmt::format(
        "GET /api/v1/read?tag=m.x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", token)));
    asks->close();
    world.sim.run_for(kSecond);
    EXPECT_EQ(got, "");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/read?tag=m.x").status, 200);
}

// An answer that goes out piece by piece stops where the rights of its reader do.
TEST(Read, StopsWhenItsTokenIsDeleted) {
    World world;
    const std::string writer = world.token("engineer"), token = world.token("viewer");
    for (int part = 0; part < 8; ++part) {
        std::string lines;
        for (int i = 0; i < 20'000; ++i) {
            const int row = part * 20'000 + i;
            lines += fmt::format("m x={} {}\n", row, kStart - 200'000 + row);
        }
        ASSERT_EQ(world.as(writer, "POST", "/api/v1/write", lines).status, 204);
    }
    const auto read = [&](bool revoke) {
        std::string got;
        bool closed = false;
        auto reader = world.connect();
        reader->start({.on_data = [&](Bytes bytes) { got.append(as_text(bytes)); },
                       .on_closed = [&](const Error&) { closed = true; },
                       .on_drained = {}});
        reader->send(as_bytes(fmt::format(
            "GET /api/v1/read?tag=m.x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", token)));
        world.sim.run_until([&] { return got.size() > 1000; }, kSecond);
        reader->pause_reading(true);
        world.sim.run_for(100 * kMillisecond);
        const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
        if (revoke) {
            EXPECT_TRUE(world.registry->remove(system, "token", "t-viewer"));
        }
        world.sim.run_for(100 * kMillisecond);
        reader->pause_reading(false);
        world.sim.run_for(5 * kSecond);
        EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ")) << got.substr(0, 100);
        EXPECT_EQ(closed, revoke);
        return got.ends_with("]}\r\n0\r\n\r\n");
    };
    EXPECT_TRUE(read(false));
    EXPECT_FALSE(read(true));
}

TEST(Write, AStoreThatTakesNothingIsNotTheSendersFault) {
    World world;
    const std::string token = world.token("admin");
    const auto write = [&](std::string_view path, std::string_view body) {
        return world.as(token, "POST", "/api/v1/" + std::string(path), std::string(body)).status;
    };
    ASSERT_EQ(write("write", "load x=1"), 204);
    world.files.fail_nth(1);
    EXPECT_EQ(write("write", "load x=2"), 503);
    // Also for what would need a new tag: whoever takes 400 as the last word would throw the readings away.
    EXPECT_EQ(write("write", "load x=2"), 503);
    EXPECT_EQ(write("write", "load x=2,brandnew=1"), 503);
    EXPECT_EQ(write("write", "load brandnew=1"), 503);
    EXPECT_EQ(write("write?import=1", "load brandnew=1"), 503);
    EXPECT_EQ(write("write/json", R"([{"tag":"a/b.brandnew","value":1}])"), 503);
}

}  // namespace
}  // namespace gongshu::api
