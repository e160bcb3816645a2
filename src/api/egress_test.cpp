#include "api/egress.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "api/core.h"
#include "api/testing/world_test.h"
#include "registry/json.h"
#include "wire/prom.h"
#include "wire/snappy.h"

// One decision for whatever leaves: no door tells anything when it says no, and each asks once for each question.
namespace gongshu::api {
namespace {

constexpr TimeNs kTime = 1'700'000'000 * kSecond - 1;  // just before SimClock begins
const std::string kNo = "nothing leaves today";

// Who asks a route that lets its handler decide, so that there is something to decide about.
const std::map<std::string_view, std::string_view> kTold = {
    {"GET /api/v1/export", "/api/v1/export"},
    {"GET /api/v1/devices:export", "/api/v1/devices:export"},
    {"GET /api/v1/tags:export", "/api/v1/tags:export"},
    {"GET /api/v1/tags", "/api/v1/tags"},
    {"GET /api/v1/last", "/api/v1/last?tag=a.x"},
    {"GET /api/v1/read", "/api/v1/read?tag=a.x&from=now-1d"},
    {"POST /api/v1/query", "/api/v1/query"},
    {"GET /api/v1/intervals", "/api/v1/intervals?from=now-1d"},
    {"GET /api/v1/intervals/{id}", "/api/v1/intervals/{interval}"},
    {"GET /api/v1/intervals:states", "/api/v1/intervals:states?tag=a.x&from=now-1d"},
    {"GET /api/v1/intervals:aggregates", "/api/v1/intervals:aggregates?tag=a.x&fn=avg&from=now-1d"},
    {"GET /api/v1/intervals:overlaps", "/api/v1/intervals:overlaps?kind=downtime&with_kind=downtime&from=now-1d"},
    {"POST /api/v1/virtual_tags:preview", "/api/v1/virtual_tags:preview"},
    {"GET /api/v1/blobs/{id}", "/api/v1/blobs/{blob}"},
    {"GET /api/v1/blobs/{id}:thumbnail", "/api/v1/blobs/{blob}:thumbnail"},
    {"GET /api/v1/readings:export", "/api/v1/readings:export?tag=a.x&from=now-1d"},
    {"POST /api/v1/prom/read", "/api/v1/prom/read"},
    {"GET /api/v1/live", ""},  // below: a WebSocket asks when it is told what is wished for
};

// What tells nothing of what a tenant has. Whoever adds to it says why: the caller's own session; the program itself;
// readings that come in.
const std::set<std::string_view> kNothing = {
    "POST /api/v1/session",
    "GET /api/v1/session",
    "DELETE /api/v1/session",
    "POST /api/v1/session/password",
    "GET /api/v1/kinds",
    "POST /api/v1/write",
    "POST /api/v1/write/json",
    "GET /healthz",
    "GET /metrics",
    "GET /ca.crt",
    "GET /openapi.json",
    "POST /api/v1/write/batch",
    "POST /api/v2/write",
    "POST /write",
    "POST /query",
    "GET /query",
    "GET /ping",
    "GET /health",
    "POST /api/v1/prom/write",
};

struct Doors : ::testing::Test {
    Doors() {
        EXPECT_EQ(world
                      .as(admin, "PUT", "/api/v1/device_types/mill",
                          R"({"spec":{"properties":[{"name":"x","type":"number"}]}})")
                      .status,
                  200);
        EXPECT_EQ(world.as(admin, "PUT", "/api/v1/devices/a", R"({"spec":{"type":"mill"}})").status, 200);
        EXPECT_EQ(
            world.as(admin, "POST", "/api/v1/write/json", fmt::format(R"([{{"tag":"a.x","ts":{},"value":7}}])", kTime))
                .status,
            204);
        const auto made = world.as(admin, "POST", "/api/v1/intervals",
                                   R"({"asset":"a","kind":"downtime","from":"2023-11-14T21:00:00Z"})");
        EXPECT_LT(made.status, 300) << made.body;
        const auto json = registry::parse_json(made.body).value();
        const auto& object = json.as_object();
        const auto& interval = object.contains("interval") ? object.at("interval").as_object() : object;
        interval_id = std::string{interval.at("id").as_string()};
        const auto sent = world.as(admin, "POST", "/api/v1/blobs?owner=device:a&name=a.txt", "some words");
        EXPECT_EQ(sent.status, 201) << sent.body;
        blob_id = test::member(sent.body, "id");
    }

    std::string path_of(const Route& route) const {
        const auto told = kTold.find(name_of(route));
        std::string path{told == kTold.end() ? route.path : told->second};
        if (const auto at = path.find("{interval}"); at != std::string::npos) path.replace(at, 10, interval_id);
        if (const auto at = path.find("{blob}"); at != std::string::npos) path.replace(at, 6, blob_id);
        if (const auto at = path.find("{plural}"); at != std::string::npos) path.replace(at, 8, "devices");
        for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
            path.replace(at, path.find('}') - at + 1, "a");
        return path;
    }

    static std::string_view name_of(const Route& route) {
        static std::map<std::string, int, std::less<>> names;
        return names.emplace(fmt::format("{} {}", to_string(route.method), route.path), 0).first->first;
    }

    static std::string body_of(const Route& route) {
        if (route.path == "/api/v1/prom/read")
            return wire::snappy_encode(
                wire::encode_prom_read({{0, INT64_MAX, {{wire::PromMatch::equal, "tag", "a.x"}}}}));
        if (route.path == "/api/v1/query") return R"({"sql":"SELECT * FROM last"})";
        return route.path == "/api/v1/virtual_tags:preview" ? R"({"name":"v.x","spec":{"expr":"a.x * 2"}})" : "";
    }

    void refuse_all() {
        world.egress->set_rule([](const Leaving&) -> Result<void> { return Error{Code::denied, "{}", kNo}; });
    }

    test::World world;
    std::string admin = world.token("admin");
    std::string interval_id, blob_id;
};

TEST_F(Doors, TellNothingWhenTheDecisionIsNo) {
    refuse_all();
    world.sql.ask_egress(true);
    for (const Route& route : routes()) {
        const std::string_view name = name_of(route);
        EXPECT_EQ(route.leaves == Leaves::nothing, kNothing.contains(name)) << name;
        EXPECT_EQ(route.leaves == Leaves::told, kTold.contains(name)) << name << ": say in kTold how it is asked";
        if (route.leaves == Leaves::nothing || route.run == Run::live) continue;
        const auto reply = world.as(admin, to_string(route.method), path_of(route), body_of(route));
        EXPECT_EQ(reply.status, 403) << name << " " << reply.body;
        EXPECT_NE(reply.body.find(kNo), std::string::npos) << name << " " << reply.body;
        EXPECT_EQ(reply.body.find("mill"), std::string::npos) << name << " " << reply.body;
    }
    for (const DoorCounts& door : world.egress->doors(TenantId{1})) {
        if (door.door == "rest") {
            EXPECT_GT(door.refused, 50U);
        } else {
            EXPECT_EQ(door.allowed + door.rows + door.bytes, 0U) << door.door;
        }
    }
    // What is refused is in the audit, also when it was only a question.
    world.egress->set_rule({});
    const auto audit = world.as(admin, "GET", "/api/v1/audit?from=now-1d&limit=1000").body;
    EXPECT_NE(audit.find("\"GET\""), std::string::npos) << audit;
}

TEST_F(Doors, TellNoRowsByConditionsEither) {
    refuse_all();
    for (const std::string format : {"json", "csv"}) {
        const auto reply = world.as(admin, "GET", "/api/v1/read?tag=a.x&from=now-1d&where=x%3E1&format=" + format);
        EXPECT_EQ(reply.status, 403) << reply.body;
        EXPECT_NE(reply.body.find(kNo), std::string::npos) << reply.body;
    }
    for (const DoorCounts& door : world.egress->doors(TenantId{1})) EXPECT_EQ(door.rows, 0U) << door.door;
}

TEST_F(Doors, AskOnceForEachQuestion) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.as(admin, "GET", "/api/v1/read?tag=a.x&from=now-1d").status, 200);
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/read?tag=a.x&from=now-1d&format=csv&purpose=monthly").status, 200);
    // Of two tags, one of which says nothing then.
    EXPECT_EQ(
        world.as(admin, "POST", "/api/v1/write/json", fmt::format(R"([{{"tag":"a.y","ts":{},"value":7}}])", kTime + 1))
            .status,
        204);
    const std::string where = "/api/v1/read?tag=a.x&tag=a.y&from=now-1d&where=x%3E1";
    EXPECT_EQ(world.as(admin, "GET", where).status, 200);
    EXPECT_EQ(world.as(admin, "GET", where + "&format=csv").status, 200);
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/devices").status, 200);
    const auto taken = world.egress->taken(TenantId{1});
    const auto f = [&](std::string_view door, std::string_view what, std::uint64_t allowed, std::uint64_t rows,
                       std::string_view purpose = "") {
        const auto found = std::ranges::find_if(
            taken, [&](const Taken& one) { return one.door == door && one.what == what && one.allowed == allowed; });
        ASSERT_NE(found, taken.end()) << door << " " << what;
        EXPECT_EQ(found->who, "token:t-admin");
        EXPECT_EQ(found->rows, rows) << what;
        EXPECT_EQ(found->purpose, purpose) << what;
        EXPECT_EQ(found->refused, 0U);
    };
    f("rest", "a.x", 3, 3);
    f("csv", "a.x", 1, 1, "monthly");
    f("rest", "a.x, a.y where x>1", 1, 1);
    f("csv", "a.x, a.y where x>1", 1, 1);
    f("rest", "devices", 1, 0);
    EXPECT_EQ(taken.front().what, "devices");  // the last one in front
    const auto told = world.as(admin, "GET", "/api/v1/egress").body;
    for (const std::string_view want :
         {R"("door":"csv","allowed":2,"refused":0,"rows":2)", R"("purpose":"monthly")", R"("what":"devices")"})
        EXPECT_NE(told.find(want), std::string::npos) << want << told;
    for (const DoorCounts& door : world.egress->doors(TenantId{1})) EXPECT_GT(door.bytes, 0U) << door.door;
    // Of its own tenant alone.
    EXPECT_TRUE(world.egress->taken(TenantId{2}).empty());
}

TEST_F(Doors, AWebSocketAsksForWhatIsWishedForAndNotForEachValue) {
    std::string text;
    bool closed = false;
    auto stream = world.connect();
    stream->start({.on_data = [&](Bytes bytes) { text.append(as_text(bytes)); },
                   .on_closed = [&](const Error&) { closed = true; },
                   .on_drained = {}});
    stream->send(
        as_bytes(fmt::format("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n"
                             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                             admin)));
    ASSERT_TRUE(world.sim.run_until([&] { return text.find("\r\n\r\n") != std::string::npos; }, kSecond));
    const auto wish = [&](std::string_view json) {
        std::string frame;
        wire::write_frame(frame, wire::WsOpcode::text, json, 0x11223344);
        stream->send(as_bytes(frame));
    };
    wish(R"({"subscribe":{"tags":["a.*"]}})");
    for (int i = 0; i < 5; ++i) {
        world.sim.run_for(kSecond);
        EXPECT_EQ(
            world.as(admin, "POST", "/api/v1/write/json", fmt::format(R"([{{"tag":"a.x","value":{}}}])", i)).status,
            204);
    }
    world.sim.run_for(kSecond);
    const auto taken = world.egress->taken(TenantId{1});
    const auto found = std::ranges::find(taken, "a.*", &Taken::what);
    ASSERT_NE(found, taken.end());
    EXPECT_EQ(found->allowed, 1U);
    const auto doors = world.egress->doors(TenantId{1});
    const auto door = std::ranges::find(doors, "websocket", &DoorCounts::door);
    ASSERT_NE(door, doors.end());
    EXPECT_GE(door->rows, 2U);
    EXPECT_GT(door->bytes, door->rows);

    refuse_all();
    text.clear();
    wish(R"({"subscribe":{"tags":["**"]}})");
    ASSERT_TRUE(world.sim.run_until([&] { return closed; }, 5 * kSecond));
    EXPECT_NE(text.find(kNo), std::string::npos);
    EXPECT_EQ(text.find("a.x"), std::string::npos);
}

TEST(Egress, KeepsOnlyTheNewest) {
    Metrics metrics;
    SimClock clock{1'000 * kSecond};
    CountingEgress egress{metrics, clock};
    const auto ask = [&](int number, std::string_view door = "rest") {
        const std::string what = fmt::format("tag{}", number);
        EXPECT_TRUE(egress.decide({.tenant = TenantId{3}, .who = "user:li", .door = door, .what = what, .rows = 2}));
    };
    const int many = static_cast<int>(CountingEgress::kTakenMax) + 100;
    for (int i = 0; i < many; ++i) {
        ask(i);
        ask(0);  // asked for again and again, so it stays
    }
    const auto taken = egress.taken(TenantId{3});
    ASSERT_EQ(taken.size(), CountingEgress::kTakenMax);
    EXPECT_EQ(taken[0].what, "tag0");
    EXPECT_EQ(taken[0].allowed, static_cast<std::uint64_t>(many) + 1);
    EXPECT_EQ(taken[1].what, fmt::format("tag{}", many - 1));
    EXPECT_EQ(taken.back().what, fmt::format("tag{}", many - static_cast<int>(CountingEgress::kTakenMax) + 1));
    EXPECT_EQ(egress.doors(TenantId{3}).at(0).rows, 4U * many);
    egress.left(TenantId{3}, "rest", 0, 10);
    EXPECT_EQ(egress.doors(TenantId{3}).at(0).bytes, 10U);
}

TEST(Egress, ManyAskAtOnce) {
    Metrics metrics;
    SimClock clock{1'000 * kSecond};
    CountingEgress egress{metrics, clock};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&egress, i] {
            for (int n = 0; n < 1'000; ++n) {
                const std::string what = fmt::format("tag{}", n % 7);
                EXPECT_TRUE(egress.decide({.tenant = TenantId{1},
                                           .who = "user:li",
                                           .door = i % 2 ? "rest" : "mqtt",
                                           .what = what,
                                           .rows = 1}));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::uint64_t rows = 0;
    for (const DoorCounts& door : egress.doors(TenantId{1})) rows += door.rows;
    EXPECT_EQ(rows, 4'000U);
}

}  // namespace
}  // namespace gongshu::api
