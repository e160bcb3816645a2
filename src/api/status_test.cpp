#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using test::World;

TEST(Status, TellsRulesThatCannotRun) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/rules/night", R"({"spec":{"condition":"hour() > 20"}})").status, 200);
    world.flow.stopped_rules = {{.rule = "night",
                                 .device = "plant/cnc1",
                                 .devices = 3,
                                 .why_en = "no zone",
                                 .why_zh = "没有时区",
                                 .since = kSecond},
                                {.rule = "gone", .device = "", .why_en = "gone", .why_zh = "gone"}};
    const auto overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"({"severity":"major","what":"rule","name":"night","text_zh":"规则 night 无法运行)"
                            R"(（plant/cnc1 等 3 台设备）：没有时区","text_en":"rule night cannot run for 3 devices, )"
                            R"(plant/cnc1 among them: no zone","since":1000000000})"),
              std::string::npos)
        << overview;
    EXPECT_EQ(overview.find("gone"), std::string::npos) << overview;
}

// It is saved all the same: a rule may come before the first reading.
TEST(Status, TellsRulesThatNameWhatWasNeverSeen) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/pump",
                      R"({"spec":{"properties":[{"name":"speed","type":"number"}]}})")
                  .status,
              200);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Fp1", R"({"spec":{"type":"pump"}})").status, 200);
    const auto f = [&](std::string_view condition, std::string_view want) {
        for (const char* const query : {"?dry_run=1", ""}) {
            const auto saved = world.as(token, "PUT", std::string("/api/v1/rules/r") + query,
                                        fmt::format(R"({{"spec":{{"condition":"{}"}}}})", condition));
            EXPECT_EQ(saved.status, 200) << saved.body;
            EXPECT_EQ(saved.body.find("warnings") != std::string::npos, !want.empty()) << saved.body;
            EXPECT_NE(saved.body.find(want), std::string::npos) << saved.body;
        }
    };
    f("lab/p1.speed > 3", "");
    f("lab/p1.sped > 3 or lab/p1.speed > 3",
      R"("warnings":[{"tag":"lab/p1.sped","text":"lab/p1.sped has never been seen: the rule waits for it; is the name right?",)"
      R"("text_zh":"点位 lab/p1.sped 从未出现过：规则会等待它；核对名称是否正确"}])");
    world.flow.stopped_rules = {{.rule = "r", .waits = true, .why_en = "it waits", .why_zh = "等待", .since = kSecond}};
    const auto overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"({"severity":"minor","what":"rule","name":"r","text_zh":"规则 r：等待",)"
                            R"("text_en":"rule r: it waits","since":1000000000})"),
              std::string::npos)
        << overview;
}

TEST(Status, TellsVirtualTagsThatCannotBeComputed) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/virtual_tags/lab%2Fv.x", R"({"spec":{"expr":"lab/a.x + 1"}})").status,
              200);
    world.flow.fake_virtual_tags.kept_states = {
        {.name = "lab/v.x", .path = "lab/v.x", .why_en = "no volt", .why_zh = "没有伏特", .since = kSecond},
        {.name = "lab/v.x", .path = "lab/w.x", .why_en = "no volt", .why_zh = "没有伏特", .since = kSecond},
        {.name = "lab/v.x", .path = "lab/u.x", .runs = true, .rows = 7, .late = 2},
        {.name = "waits", .path = "lab/q.x", .why_en = "waits", .why_zh = "等", .waits = true},
        {.name = "gone", .path = "lab/gone.x", .why_en = "gone", .why_zh = "gone"}};
    const auto overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(
        overview.find(R"({"severity":"major","what":"virtual_tag","name":"lab/v.x","text_zh":"虚拟点位 lab/v.x )"
                      R"(无法计算（lab/v.x 等 2 处）：没有伏特","text_en":"virtual tag lab/v.x cannot be computed at )"
                      R"(2 places, lab/v.x among them: no volt","since":1000000000})"),
        std::string::npos)
        << overview;
    EXPECT_EQ(overview.find("waits"), std::string::npos) << overview;
    const auto states = world.as(token, "GET", "/api/v1/status/virtual_tags").body;
    EXPECT_NE(states.find(R"({"name":"lab/v.x","device":"","path":"lab/u.x","state":"running","why":"","why_zh":"")"),
              std::string::npos)
        << states;
    EXPECT_NE(states.find(R"("rows":7,"late":2,"last":null})"), std::string::npos) << states;
    EXPECT_EQ(states.find("gone"), std::string::npos) << states;
}

TEST(Status, TellsWhatIsThere) {
    World world;
    world.server->set_listeners({{"http", "127.0.0.1:8080"}});
    connect::ConnectionStatus link;
    link.name = "plc";
    link.state = connect::LinkState::backing_off;
    link.last_error = "no route";
    world.connections.links.push_back(link);
    const std::string token = world.token("admin");
    EXPECT_NE(world.as(token, "GET", "/api/v1/status").body.find("\"listeners\":{\"http\":\"127.0.0.1:8080\"}"),
              std::string::npos);
    const auto overview = world.as(token, "GET", "/api/v1/overview");
    EXPECT_NE(overview.body.find("\"connections\":{\"total\":1,\"up\":0,\"down\":1,\"off\":0}"), std::string::npos)
        << overview.body;
    EXPECT_NE(overview.body.find("connection plc is not up: no route"), std::string::npos) << overview.body;
    EXPECT_NE(world.as(token, "GET", "/api/v1/status/connections").body.find("\"state\":\"backing_off\""),
              std::string::npos);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/connections/plc:test").status, 200);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/connections/none:test").status, 404);
    const auto written = world.as(token, "POST", "/api/v1/devices/plant%2Fcnc1:write",
                                  R"({"property":"speed","value":3.5,"reason":"test"})");
    EXPECT_EQ(written.status, 200) << written.body;
    ASSERT_EQ(world.connections.commands.size(), 1u);
    EXPECT_EQ(world.connections.commands[0].who, "token:t-admin");
    EXPECT_EQ(world.connections.commands[0].device, "plant/cnc1");
    EXPECT_NE(world.as(token, "GET", "/metrics").body.find("gongshu_http_answers_total"), std::string::npos);
}

TEST(Status, WritesToMachinesAreOnRecordWithWhatBecameOfThem) {
    World world;
    const std::string token = world.token("admin");
    const auto f = [&](std::string_view property, int status, std::string_view outcome, bool allowed) {
        const auto answer =
            world.as(token, "POST", "/api/v1/devices/plant%2Fcnc1:write",
                     fmt::format(R"({{"property":"{}","value":3.5,"reason":"why","id":"c-{}"}})", property, property));
        EXPECT_EQ(answer.status, status) << answer.body;
        const auto records =
            world.registry->audit_records(TenantId{1}, 0, world.sim.clock().now() + kSecond, 2).value();
        ASSERT_EQ(records.size(), 2u);
        EXPECT_EQ(records[1].action, "write_asked");
        EXPECT_EQ(records[0].action, "write");
        EXPECT_EQ(records[0].allowed, allowed) << property;
        EXPECT_EQ(records[0].name, "plant/cnc1");
        EXPECT_EQ(records[0].detail, fmt::format(R"({{"id":"c-{0}","property":"{0}","value":3.5,"reason":"why",{1}}})",
                                                 property, outcome));
    };
    f("speed", 200, R"("outcome":"done","read_back":3.5)", true);
    f("dead", 200, R"("outcome":"failed","error":"no answer within 1 s")", true);
    f("locked", 403, R"("outcome":"refused","error":"writes are off for connection plc")", false);
}

TEST(Status, TellsDevicesThatSpeakByThemselves) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/sensor",
                      R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
                  .status,
              200);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Foven", R"({"spec":{"type":"sensor"}})").status, 200);
    const auto devices = [&] { return world.as(token, "GET", "/api/v1/status/devices").body; };
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"offline")"), std::string::npos) << devices();
    // Known before it sends: after a restart as well.
    EXPECT_NE(devices().find(R"("source":"mqtt")"), std::string::npos) << devices();
    ASSERT_EQ(
        world.as(token, "PUT", "/api/v1/connections/plc", R"({"spec":{"protocol":"modbus_tcp","host":"h"}})").status,
        200);
    const char* const wired = R"({"spec":{"type":"sensor","connection":"plc"}})";
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Fwired", wired).status, 200);
    EXPECT_NE(devices().find(R"("source":"plc")"), std::string::npos) << devices();
    const std::string rows =
        R"([{"tag":"lab/oven.t","value":21.5},{"tag":"lab/oven.u","value":1,"quality":"bad:sensor"}])";
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", rows).status, 204);
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"online")"), std::string::npos) << devices();
    EXPECT_NE(devices().find(R"("tags":2,"bad":1,)"), std::string::npos) << devices();
    // What the type declares counts before it comes, once; what comes undeclared counts too.
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/sensor",
                      R"({"spec":{"properties":[{"name":"t","type":"number"},{"name":"late","type":"number"}]}})")
                  .status,
              200);
    EXPECT_NE(devices().find(R"("tags":3,"bad":1,)"), std::string::npos) << devices();
    world.sim.run_for(6 * kMinute);
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"offline")"), std::string::npos) << devices();
}

TEST(Status, TellsAConnectionWhoseDevicesSignInThemselves) {
    World world;
    const std::string token = world.token("admin");
    const auto put = [&](std::string_view spec) {
        return world.as(token, "PUT", "/api/v1/connections/gateway", std::string(spec)).status;
    };
    ASSERT_EQ(put(R"({"spec":{"protocol":"mqtt_device"}})"), 200);
    const auto links = [&] { return world.as(token, "GET", "/api/v1/status/connections").body; };
    EXPECT_NE(links().find(R"("name":"gateway","protocol":"mqtt_device","state":"connecting")"), std::string::npos)
        << links();
    const std::string overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"("up":0,"down":0,"off":0)"), std::string::npos) << overview;
    ASSERT_EQ(put(R"({"spec":{"protocol":"mqtt_device","enabled":false}})"), 200);
    EXPECT_NE(links().find(R"("protocol":"mqtt_device","state":"off")"), std::string::npos) << links();
}

TEST(Status, ADeviceIsNotWhatOthersLeftBeneathItsName) {
    World world;
    const std::string token = world.token("admin");
    const std::string rows =
        R"([{"tag":"lab/kiln.t","value":20},{"tag":"lab/kiln.u","value":1,"quality":"bad:timeout"}])";
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", rows).status, 204);
    ASSERT_EQ(
        world.as(token, "PUT", "/api/v1/device_types/kiln", R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
            .status,
        200);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Fkiln", R"({"spec":{"type":"kiln"}})").status, 200);
    const std::string devices = world.as(token, "GET", "/api/v1/status/devices").body;
    EXPECT_NE(devices.find(R"({"name":"lab/kiln","state":"offline")"), std::string::npos) << devices;
    EXPECT_NE(devices.find(R"("tags":1,"bad":0,)"), std::string::npos) << devices;
}

TEST(Status, TellsThatTheDiskGetsFullBeforeItIs) {
    World world;
    const std::string token = world.token("admin");
    const auto f = [&](std::uint64_t free, std::string_view want) {
        world.files.set_free_bytes(free);
        const std::string overview = world.as(token, "GET", "/api/v1/overview").body;
        const auto at = overview.find(R"("what":"system","name":"disk")");
        EXPECT_EQ(want.empty(), at == std::string::npos) << free << ": " << overview;
        EXPECT_NE(overview.find(want), std::string::npos) << overview;
    };
    constexpr std::uint64_t kGib = std::uint64_t{1} << 30;
    f(100 * kGib, "");
    f(10 * kGib, "");
    f(9 * kGib, R"({"severity":"minor","what":"system","name":"disk")");
    f(9 * kGib, "only 9.7 GB of the disk are free");
    f(9 * kGib, "磁盘只剩 9.7 GB");
    f(kGib - 1, R"({"severity":"critical","what":"system","name":"disk")");
    EXPECT_NE(world.as(token, "GET", "/api/v1/status").body.find(R"("disk_free_bytes":1073741823,)"),
              std::string::npos);
}

}  // namespace
}  // namespace gongshu::api
