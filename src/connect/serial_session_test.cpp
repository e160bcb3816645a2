// Sessions on a serial port of the simulated machine.
#include <gtest/gtest.h>

#include "connect/poll_session.h"
#include "connect/sim_device.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

const char* const kPort = "/dev/ttyUSB0";

LinkConfig line(std::uint32_t baud) {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "line";
    config.protocol = "modbus_rtu";
    config.way = Way::serial;
    config.framing = Framing::rtu;
    config.serial = {kPort, baud};
    config.timeout = 200 * kMillisecond;
    PropertyConfig property;
    property.name = "x";
    property.type = ValueType::integer;
    config.devices = {{"d1", "s/a", 1, true, {property}}, {"d2", "s/b", 2, true, {property}}};
    return config;
}

struct World {
    explicit World(std::uint32_t baud = 9'600) : config(line(baud)) {
        session = std::make_shared<PollSession>(
            SessionDeps{*loop, store, store, &store, make_target_policy({}), {}, 7}, config);
        session->start();
    }
    ~World() { session->stop(); }
    ConnectionStatus status() const { return session->connection_status(); }
    bool run_until(const std::function<bool()>& done) { return sim.run_until(done, 120 * kSecond); }

    io::SimWorld sim{3};
    std::unique_ptr<io::Loop> loop = sim.make_loop(), plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimDevice device{*plant_loop, io::serial_end(kPort), Framing::rtu};
    std::shared_ptr<PollSession> session;
};

TEST(SerialSession, PollsOnASerialPort) {
    World world;
    world.device.holding(1, 0) = 7;
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(to_string(world.status().state), "up");
    EXPECT_EQ(gongshu::to_string(world.store.of("s/a.x").back().value), "7");
    EXPECT_NEAR(static_cast<double>(world.store.count("s/b.x", "good")), 5, 1);
}

TEST(SerialSession, TheLineIsSilentBeforeEachRequest) {
    World world{1'200};
    const DurationNs silence = io::frame_silence(world.config.serial);
    DurationNs answered = 0;
    int looked_at = 0;
    world.device.on_request = [&](std::uint8_t, const wire::modbus::Request&) {
        if (answered != 0) {
            ++looked_at;
            EXPECT_GE(world.sim.clock().monotonic() - answered, silence);
        }
        answered = world.sim.clock().monotonic();
    };
    world.sim.run_for(5 * kSecond);
    EXPECT_GE(looked_at, 8);
}

// At 1200 baud a long reply takes longer than the time-out: only the machine's own time is limited by that.
TEST(SerialSession, ASlowLineHasTimeForItsBytes) {
    World world{1'200};
    auto config = world.config;
    config.devices.resize(1);
    config.devices[0].properties[0].table = Table::holding_registers;
    for (std::uint16_t i = 1; i < 100; ++i) {
        auto property = config.devices[0].properties[0];
        property.name = fmt::format("x{}", i);
        property.address = i;
        config.devices[0].properties.push_back(property);
    }
    world.session->reconfigure(config);
    world.device.delay = 1'800 * kMillisecond;  // as 205 bytes take
    world.sim.run_for(20 * kSecond);
    EXPECT_EQ(world.status().counters.timeouts, 0u) << world.status().last_error;
    EXPECT_GE(world.store.count("s/a.x99", "good"), 5u);
}

TEST(SerialSession, UnitsThatAreSwitchedOffLeaveThePortOpen) {
    World world;
    world.sim.run_for(3 * kSecond);
    world.device.dead_units = {1, 2};
    world.sim.run_for(30 * kSecond);
    EXPECT_EQ(to_string(world.status().state), "up");
    EXPECT_EQ(world.device.accepted, 1);
    EXPECT_EQ(to_string(world.store.of("s/a.x").back().quality), "bad:timeout");
    EXPECT_EQ(world.store.count("s/a.x", "bad:timeout"), 1u);
    world.device.dead_units.clear();
    const auto good = world.store.count("s/a.x", "good");
    EXPECT_TRUE(world.sim.run_until([&] { return world.store.count("s/a.x", "good") > good; }, 15 * kSecond));
}

TEST(SerialSession, TwentyTimesUnpluggedItHealsAlone) {
    World world;
    for (int cycle = 0; cycle < 20; ++cycle) {
        const auto good = world.store.count("s/a.x", "good");
        ASSERT_TRUE(world.run_until([&] { return world.store.count("s/a.x", "good") >= good + 3; })) << cycle;
        world.sim.cut(io::serial_end(kPort), false);
        world.sim.run_for(4 * kSecond);
        EXPECT_EQ(to_string(world.status().state), "backing_off");
        EXPECT_EQ(to_string(world.store.of("s/a.x").back().quality), "bad:disconnected");
        EXPECT_NE(world.status().last_error.find("cannot open the serial port"), std::string::npos);
        world.sim.heal(io::serial_end(kPort));
    }
    EXPECT_EQ(world.store.count("s/a.x", "bad:disconnected"), 20u);
}

TEST(SerialSession, APortInUseIsTriedAgain) {
    World world;
    world.sim.run_for(2 * kSecond);
    auto config = world.config;
    config.uid = "c2";
    config.devices[0].path = "s/other";
    const auto second = std::make_shared<PollSession>(
        SessionDeps{*world.loop, world.store, world.store, &world.store, make_target_policy({}), {}, 8}, config);
    second->start();
    world.sim.run_for(3 * kSecond);
    EXPECT_EQ(second->connection_status().last_error,
              "the serial port /dev/ttyUSB0 is used by another connection or program");
    EXPECT_EQ(to_string(world.status().state), "up");
    world.session->stop();
    EXPECT_TRUE(world.run_until([&] { return second->connection_status().state == LinkState::up; }));
    second->stop();
}

}  // namespace
}  // namespace gongshu::connect
