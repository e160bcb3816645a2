#include "connect/connections.h"

#include <gtest/gtest.h>

#include "connect/sim_device.h"
#include "connect/sim_store.h"
#include "io/sim.h"
#include "registry/json.h"
#include "registry/registry.h"

namespace gongshu::connect {
namespace {

const io::Address kOne{"10.0.0.1", 502}, kTwo{"10.0.0.2", 502};

constexpr const char* kType = R"({"properties":[
    {"name":"speed","type":"number","unit":"rpm","address":{"kind":"holding","address":0,"encoding":"u16","scale":0.1}},
    {"name":"limit","type":"number","unit":"degC","writable":true,"min":0,"max":90,"address":{"kind":"holding","address":4}},
    {"name":"sent","type":"number"}]})";

class ConnectionsTest : public testing::Test {
protected:
    ConnectionsTest() {
        registry = registry::Registry::create(files, sim.clock(), {.folder = "/r", .key_folder = "/k"}).value();
        EXPECT_TRUE(registry->load());
        actor = {registry->tenant_id("default").value(), "default", "user:test", registry::Role::admin, ""};
        put("site", "s", R"({"time_zone":"Asia/Shanghai"})");
        put("device_type", "fan", kType);
        put("connection", "one", R"({"protocol":"modbus_tcp","host":"10.0.0.1","timeout_ms":200})");
        put("connection", "two",
            R"({"protocol":"modbus_tcp","host":"10.0.0.2","timeout_ms":200,"writes_enabled":true})");
        put("device", "s/one", R"({"type":"fan","connection":"one"})");
        put("device", "s/two", R"({"type":"fan","connection":"two"})");
        connections =
            Connections::create({*registry, store, store, metrics, {loop.get()}, make_target_policy({}), &store})
                .value();
        connections->start();
        sim.run_for(3 * kSecond);
    }
    ~ConnectionsTest() override {
        connections->stop();
        sim.run_for(kSecond);
    }

    void put(std::string_view kind, std::string_view name, std::string_view spec) {
        const auto change = registry->put(actor, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(change) << change.error().text();
        sim.run_for(kMillisecond);
    }
    ConnectionStatus status(std::size_t i) { return connections->connection_status(actor.tenant).at(i); }
    Result<CommandResult> write(std::string id, std::string device, std::string property, Value value) {
        std::optional<Result<CommandResult>> got;
        connections->write({id, actor.tenant, device, property, std::move(value), "user:li", "too warm",
                            sim.clock().now(), sim.clock().now() + 5 * kSecond},
                           [&](Result<CommandResult> result) { got = std::move(result); });
        EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 20 * kSecond));
        return *got;
    }
    TestReport test(const std::string& name) {
        std::optional<Result<TestReport>> got;
        connections->test(actor.tenant, name, [&](Result<TestReport> report) { got = std::move(report); });
        EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 60 * kSecond));
        return **got;
    }

    io::SimWorld sim{5};
    io::SimFiles files;
    std::unique_ptr<io::Loop> loop = sim.make_loop(), plant_loop = sim.make_loop();
    SimStore store{*loop};
    Metrics metrics;
    SimDevice one{*plant_loop, kOne}, two{*plant_loop, kTwo};
    std::unique_ptr<registry::Registry> registry;
    registry::Actor actor;
    std::unique_ptr<Connections> connections;
};

TEST_F(ConnectionsTest, RunsWhatTheRegistryHolds) {
    one.holding(1, 0) = 14805;
    sim.run_for(2 * kSecond);
    EXPECT_EQ(status(0).name, "one");
    EXPECT_EQ(to_string(status(0).state), "up");
    EXPECT_EQ(gongshu::to_string(store.of("s/one.speed").back().value), "1480.5");
    EXPECT_TRUE(store.of("s/one.sent").empty()) << "no address: the device sends it by itself";
    EXPECT_NE(metrics.render().find("gongshu_connect_replies_total "), std::string::npos);
    const auto devices = connections->device_status(actor.tenant);
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0].name, "s/one");
    EXPECT_EQ(devices[0].tags, 2u);
    EXPECT_EQ(devices[0].source, "one");
    EXPECT_EQ(to_string(devices[0].state), "online");
    EXPECT_TRUE(connections->connection_status(TenantId{99}).empty());
}

TEST_F(ConnectionsTest, EditingOneDoesNotDisturbAnother) {
    const std::size_t before = two.requests.size();
    put("device", "s/one", R"({"type":"fan","connection":"one","unit_id":9})");
    put("connection", "one", R"({"protocol":"modbus_tcp","host":"10.0.0.1","port":503})");
    sim.run_for(10 * kSecond);
    EXPECT_EQ(two.accepted, 1);
    EXPECT_NEAR(static_cast<double>(two.requests.size() - before), 10, 1);
    EXPECT_EQ(store.count("s/two.speed", "good"), store.of("s/two.speed").size());
    EXPECT_NE(to_string(status(0).state), "up");
    put("connection", "one", R"({"protocol":"modbus_tcp","host":"10.0.0.1"})");
    EXPECT_TRUE(sim.run_until([&] { return status(0).state == LinkState::up; }, 60 * kSecond));
    EXPECT_EQ(two.accepted, 1);
}

TEST_F(ConnectionsTest, ADeletedConnectionStopsAndANewOneStarts) {
    ASSERT_TRUE(registry->remove(actor, "device", "s/one"));
    ASSERT_TRUE(registry->remove(actor, "connection", "one"));
    sim.run_for(kSecond);
    EXPECT_EQ(connections->connection_status(actor.tenant).size(), 1u);
    const std::size_t before = one.requests.size();
    sim.run_for(10 * kSecond);
    EXPECT_EQ(one.requests.size(), before);
    put("connection", "again", R"({"protocol":"modbus_tcp","host":"10.0.0.1"})");
    put("device", "s/three", R"({"type":"fan","connection":"again"})");
    sim.run_for(3 * kSecond);
    EXPECT_GE(store.count("s/three.speed", "good"), 1u);
}

TEST_F(ConnectionsTest, WritesAreOffByDefaultAndWithinLimits) {
    auto f = [&](std::string id, std::string device, std::string property, Value value, Code want) {
        const auto result = write(id, device, property, value);
        ASSERT_FALSE(result) << id;
        EXPECT_EQ(result.error().code(), want) << result.error().text();
    };
    f("1", "s/one", "limit", 50.0, Code::denied);
    f("2", "s/two", "speed", 50.0, Code::denied);
    f("3", "s/two", "limit", 91.0, Code::invalid);
    f("4", "s/two", "limit", -1.0, Code::invalid);
    f("5", "s/two", "limit", std::string("warm"), Code::invalid);
    f("6", "s/two", "other", 1.0, Code::not_found);
    f("7", "s/none", "limit", 1.0, Code::not_found);
    for (const auto& request : two.requests) EXPECT_TRUE(is_read(request.function));
    EXPECT_EQ(store.events.size(), 7u) << "refusals are recorded";
    auto says = [&](std::string id, Value value, std::string_view want) {
        const auto result = write(id, "s/two", "limit", value);
        ASSERT_FALSE(result) << id;
        EXPECT_NE(result.error().text().find(want), std::string::npos) << result.error().text();
    };
    says("8", true, "limit takes a number, but true is a boolean");
    says("9", std::string("80"), "\"80\" is a text");
    says("10", 80.5, "limit: 80.5 cannot be written exactly: the nearest values that u16 can hold are 80 and 81");
    for (const auto& request : two.requests) EXPECT_TRUE(is_read(request.function));
}

TEST_F(ConnectionsTest, ACommandIsExecutedOnceReadBackAndRecorded) {
    const auto result = write("w1", "s/two", "limit", 55.0);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_TRUE(result->done) << result->error;
    EXPECT_EQ(result->id, "w1");
    EXPECT_EQ(two.holding(1, 4), 55);
    const auto again = write("w1", "s/two", "limit", 56.0);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::exists);
    EXPECT_EQ(two.holding(1, 4), 55);
    ASSERT_EQ(store.events.size(), 2u);
    EXPECT_EQ(store.events[0].kind, "command");
    EXPECT_EQ(store.events[0].subject, "s/two.limit");
    const auto body = registry::parse_json(store.events[0].body);
    ASSERT_TRUE(body) << store.events[0].body;
    EXPECT_EQ(body->at("who").as_string(), "user:li");
    EXPECT_EQ(body->at("reason").as_string(), "too warm");
    EXPECT_EQ(body->at("value").to_number<double>(), 55);
    EXPECT_EQ(body->at("read_back").to_number<double>(), 55);
    EXPECT_TRUE(body->at("done").as_bool());
}

TEST_F(ConnectionsTest, TestReadsOnceAndStoresNothing) {
    one.holding(1, 0) = 100;
    one.illegal = {{1, 4}};
    sim.run_for(3 * kSecond);
    const std::size_t batches = store.batches;
    TestReport report = test("one");
    EXPECT_LE(store.batches, batches + 2) << "only the running session goes on";
    EXPECT_FALSE(report.ok);
    ASSERT_GE(report.steps.size(), 3u);
    EXPECT_EQ(report.steps[0].what, "connect 10.0.0.1:502");
    EXPECT_TRUE(report.steps[0].ok);
    EXPECT_NE(report.steps[1].detail.find("exception 2"), std::string::npos);
    ASSERT_EQ(report.values.size(), 2u);
    EXPECT_EQ(report.values[0].tag, "s/one.speed");
    EXPECT_EQ(gongshu::to_string(report.values[0].value), "10");
    EXPECT_EQ(to_string(report.values[1].quality), "bad:refused");
    EXPECT_TRUE(test("two").ok);

    one.power_off();
    report = test("one");
    EXPECT_FALSE(report.ok);
    ASSERT_EQ(report.steps.size(), 1u);
    EXPECT_FALSE(report.steps[0].detail.empty());
}

TEST_F(ConnectionsTest, RtuOverTcpIsReadWrittenAndTested) {
    SimDevice gateway{*plant_loop, {"10.0.0.3", 8899}, Framing::rtu};
    gateway.holding(5, 0) = 700;
    put("connection", "line",
        R"({"protocol":"modbus_rtu_tcp","host":"10.0.0.3","port":8899,"unit":5,"timeout_ms":200,"writes_enabled":true})");
    put("device", "s/meter", R"({"type":"fan","connection":"line"})");
    sim.run_for(3 * kSecond);
    EXPECT_EQ(status(0).name, "line");
    EXPECT_EQ(status(0).protocol, "modbus_rtu_tcp");
    EXPECT_EQ(to_string(status(0).state), "up");
    EXPECT_EQ(gongshu::to_string(store.of("s/meter.speed").back().value), "70");
    EXPECT_TRUE(write("1", "s/meter", "limit", 41.0)->done);
    const TestReport report = test("line");
    EXPECT_TRUE(report.ok);
    ASSERT_EQ(report.values.size(), 2u);
    EXPECT_EQ(gongshu::to_string(report.values[1].value), "41");
    // The same machine taken for one of Modbus TCP answers nothing that could be understood.
    put("connection", "line", R"({"protocol":"modbus_tcp","host":"10.0.0.3","port":8899,"timeout_ms":200})");
    sim.run_for(5 * kSecond);
    EXPECT_EQ(to_string(store.of("s/meter.speed").back().quality).substr(0, 3), "bad");
}

TEST_F(ConnectionsTest, LoopbackIsRefusedUnlessListed) {
    put("connection", "own", R"({"protocol":"modbus_tcp","host":"127.0.0.1"})");
    sim.run_for(kSecond);
    const auto own = status(1);
    EXPECT_EQ(own.name, "own");
    EXPECT_EQ(to_string(own.state), "backing_off");
    EXPECT_NE(own.last_error.find("--allow-target 127.0.0.1"), std::string::npos) << own.last_error;
}

TEST_F(ConnectionsTest, StoppingAnswersCommandsThatWait) {
    connections->stop();
    sim.run_for(kSecond);
    const auto result = write("w", "s/two", "limit", 1.0);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::unavailable);
    const std::size_t before = one.requests.size();
    sim.run_for(10 * kSecond);
    EXPECT_EQ(one.requests.size(), before);
}

}  // namespace
}  // namespace gongshu::connect
