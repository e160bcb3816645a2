// Sessions whose link carries RTU frames: nothing there says which request a reply belongs to.
#include <gtest/gtest.h>

#include <optional>

#include "base/rng.h"
#include "connect/driver.h"
#include "connect/poll_session.h"
#include "connect/sim_device.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

using Mood = SimDevice::Mood;

const io::Address kGateway{"10.0.0.9", 8899};

PropertyConfig property(std::string name, std::uint16_t address) {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = ValueType::integer;
    config.address = address;
    return config;
}

LinkConfig three_meters() {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "meters";
    config.protocol = "modbus_rtu_tcp";
    config.framing = Framing::rtu;
    config.host = kGateway.host;
    config.port = kGateway.port;
    config.timeout = 200 * kMillisecond;
    config.devices = {{"d1", "s/a", 1, true, {property("x", 0)}},
                      {"d2", "s/b", 2, true, {property("y", 0)}},
                      {"d3", "s/c", 3, true, {property("z", 0)}}};
    return config;
}

// Each answer of a unit has a value of its own, so that one in the wrong place is found.
struct World {
    explicit World(LinkConfig link = three_meters(), std::uint64_t seed = 1) : sim(seed), config(std::move(link)) {
        device.on_request = [this](std::uint8_t unit, const wire::modbus::Request& request) {
            if (is_read(request.function)) device.holding(unit, 0) = next++;
        };
        device.on_reply = [this](std::uint8_t unit, const wire::modbus::Request& request,
                                 const wire::modbus::Reply& reply) {
            if (is_read(request.function) && !reply.registers.empty())
                served[{unit, reply.registers[0]}] = sim.clock().now();
        };
        session = std::make_shared<PollSession>(
            SessionDeps{
                *loop, store, store, &store, [](TenantId, const io::Address&) { return Result<void>{}; }, {}, 7},
            config);
        session->start();
    }
    ~World() { session->stop(); }

    ConnectionStatus status() const { return session->connection_status(); }
    std::string state() const { return std::string(to_string(status().state)); }
    std::size_t good(const std::string& path) { return store.count(path, "good"); }
    bool run_until(const std::function<bool()>& done) { return sim.run_until(done, 120 * kSecond); }

    // Every good reading was the answer to a request that was sent no longer than a time-out before it.
    void check() {
        const std::pair<const char*, std::uint8_t> paths[] = {{"s/a.x", 1}, {"s/b.y", 2}, {"s/c.z", 3}};
        for (const auto& [path, unit] : paths) {
            for (const Reading& reading : store.of(path)) {
                if (!reading.quality.good()) continue;
                const auto value = static_cast<std::uint16_t>(std::get<std::int64_t>(reading.value));
                const auto found = served.find({unit, value});
                ASSERT_NE(found, served.end()) << path << " " << value;
                EXPECT_LE(reading.time - found->second, config.timeout) << path << " " << value;
                served.erase(found);
            }
        }
    }

    io::SimWorld sim;
    std::unique_ptr<io::Loop> loop = sim.make_loop(), plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimDevice device{*plant_loop, kGateway, Framing::rtu};
    std::uint16_t next = 1;
    std::map<std::pair<std::uint8_t, std::uint16_t>, TimeNs> served;
    std::shared_ptr<PollSession> session;
};

TEST(RtuSession, PollsSeveralUnitsOnOneLine) {
    World world;
    world.sim.run_for(10 * kSecond);
    EXPECT_EQ(world.state(), "up");
    for (const char* path : {"s/a.x", "s/b.y", "s/c.z"}) {
        EXPECT_NEAR(static_cast<double>(world.good(path)), 10, 1) << path;
        EXPECT_EQ(world.good(path), world.store.of(path).size()) << path;
    }
    EXPECT_EQ(world.status().protocol, "modbus_rtu_tcp");
    EXPECT_EQ(world.status().counters.malformed, 0u);
    EXPECT_EQ(world.status().last_error, "");
    world.check();
}

TEST(RtuSession, OddAnswersAreCountedSurvivedAndNeverStored) {
    auto f = [](Mood mood, bool readings_go_on, std::string_view says) {
        SCOPED_TRACE(static_cast<int>(mood));
        World world;
        world.sim.run_for(3 * kSecond);
        const auto good = world.good("s/a.x");
        world.device.mood = mood;
        world.sim.run_for(5 * kSecond);
        if (readings_go_on) {
            EXPECT_GE(world.good("s/a.x"), good + 4);
            EXPECT_EQ(world.device.accepted, 1);
        } else {
            EXPECT_EQ(world.good("s/a.x"), good);
            EXPECT_EQ(to_string(world.store.of("s/a.x").back().quality).substr(0, 3), "bad");
            EXPECT_GT(world.status().counters.malformed, 0u);
            EXPECT_NE(world.status().last_error.find(says), std::string::npos) << world.status().last_error;
        }
        world.device.mood = Mood::right;
        EXPECT_TRUE(world.run_until([&] { return world.good("s/a.x") > good + 6 && world.state() == "up"; }));
        world.check();
    };
    f(Mood::noise, true, "");
    f(Mood::wrong_unit, false, "no answer");
    f(Mood::too_short, false, "no answer");
    f(Mood::too_long, false, "no answer");
    f(Mood::wrong_function, false, "no answer");
    f(Mood::broken_crc, false, "but 7 bytes that are none: check the protocol");
    f(Mood::half, false, "bytes that are none");
}

// A unit that takes longer than the time-out: its late answers are waited for and thrown away.
TEST(RtuSession, ALateReplyIsNeverTakenForTheNextOne) {
    for (const DurationNs delay : {250 * kMillisecond, 390 * kMillisecond}) {
        World world;
        world.sim.run_for(3 * kSecond);
        const auto good = world.good("s/a.x");
        world.device.delay = delay;
        world.sim.run_for(10 * kSecond);
        EXPECT_EQ(world.good("s/a.x"), good) << "all come too late";
        EXPECT_GT(world.status().counters.timeouts, 5u);
        world.device.delay = 0;
        EXPECT_TRUE(world.run_until([&] { return world.good("s/a.x") > good + 5; }));
        world.check();
    }
}

TEST(RtuSession, AnswersThatComeNowInTimeNowLateAreToldApart) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(seed);
        World world{three_meters(), seed};
        Rng rng{seed};
        for (int step = 0; step < 200; ++step) {
            world.device.delay = static_cast<DurationNs>(rng.below(380)) * kMillisecond;
            world.sim.run_for(static_cast<DurationNs>(rng.below(700)) * kMillisecond);
        }
        world.device.delay = 0;
        const auto good = world.good("s/b.y");
        EXPECT_TRUE(world.run_until([&] { return world.good("s/b.y") > good + 2; }));
        EXPECT_GT(world.status().counters.timeouts, 10u);
        world.check();
    }
}

TEST(RtuSession, DeadUnitsDoNotSlowTheOthers) {
    for (const std::set<std::uint8_t>& dead : {std::set<std::uint8_t>{2}, {1, 2}, {1}}) {
        World world;
        world.device.dead_units = dead;  // from the beginning: the first ones that are asked
        world.sim.run_for(60 * kSecond);
        EXPECT_EQ(world.state(), "up");
        EXPECT_EQ(world.device.accepted, 1) << "a live unit keeps the link";
        EXPECT_GE(world.good("s/c.z"), 56u);
        EXPECT_EQ(world.good("s/c.z"), world.store.of("s/c.z").size());
        EXPECT_EQ(world.store.count("s/b.y", "bad:timeout"), dead.contains(2) ? 1u : 0u);
        world.device.dead_units.clear();
        EXPECT_TRUE(world.run_until([&] { return world.good("s/a.x") > 0 && world.good("s/b.y") > 0; }));
        world.check();
    }
}

TEST(RtuSession, TwentyCutsHealAloneAndInventNothing) {
    for (const bool silent : {false, true}) {
        World world{three_meters(), silent ? 5u : 6u};
        for (int cycle = 0; cycle < 20; ++cycle) {
            const auto good = world.good("s/a.x");
            ASSERT_TRUE(world.run_until([&] { return world.good("s/a.x") >= good + 3; })) << cycle;
            world.sim.cut(kGateway, silent);
            if (!silent) world.device.power_off();
            world.sim.run_for(6 * kSecond);
            EXPECT_NE(world.state(), "up") << cycle;
            EXPECT_EQ(to_string(world.store.of("s/a.x").back().quality), "bad:disconnected");
            world.sim.heal(kGateway);
            if (!silent) world.device.power_on();
        }
        EXPECT_EQ(world.store.count("s/a.x", "bad:disconnected"), 20u) << "once per outage";
        world.check();
    }
}

TEST(RtuSession, WritesAreReadBackAndATimeoutIsNoAnswer) {
    auto config = three_meters();
    config.writes_enabled = true;
    config.devices[0].properties.push_back(property("limit", 9));
    config.devices[0].properties[1].writable = true;
    World world{config};
    world.sim.run_for(2 * kSecond);
    const auto write = [&](std::int64_t value) {
        std::optional<Result<CommandResult>> got;
        world.session->write({"d1", "limit", value, 0, [&](Result<CommandResult> result) { got = std::move(result); }});
        EXPECT_TRUE(world.run_until([&] { return got.has_value(); }));
        return got->value();
    };
    EXPECT_TRUE(write(42).done);
    EXPECT_EQ(world.device.holding(1, 9), 42);
    world.device.delay = 300 * kMillisecond;
    const auto late = write(43);
    EXPECT_FALSE(late.done);
    EXPECT_NE(late.error.find("it is not known whether it was executed"), std::string::npos) << late.error;
    world.device.delay = 0;
    EXPECT_TRUE(world.run_until([&] { return world.state() == "up" && world.good("s/a.x") > 4; }));
    EXPECT_TRUE(write(44).done) << "the answer to the one before is not taken for its own";
}

// Two values of one unit whose answers look alike, and a control word of which one bit is written: however late an
// answer comes within the time that is waited for it, it is never taken for another one's.
TEST(RtuSession, AnswersThatComeVeryLateAreNeverTakenForOthers) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        LinkConfig config = three_meters();
        config.writes_enabled = true;
        config.devices[0].properties = {property("x", 0), property("w", 500), property("bit", 700)};
        PropertyConfig& bit = config.devices[0].properties[2];
        bit.type = ValueType::boolean;
        bit.codec.encoding = wire::modbus::Encoding::bit;
        bit.codec.bit = 0;
        bit.writable = true;
        bit.period = kHour;
        World world(config, seed);
        world.device.on_request = nullptr;
        world.device.on_reply = nullptr;
        constexpr std::uint16_t kControl = 0xa5a4;
        for (std::uint8_t unit = 1; unit <= 3; ++unit) world.device.holding(unit, 0) = 100 * unit;
        world.device.holding(1, 500) = 30'000;
        world.device.holding(1, 700) = kControl;
        Rng rng(seed);
        int ended = 0, asked = 0;
        for (int phase = 0; phase < 60; ++phase) {
            world.device.delay = rng.below(3) == 0 ? 0 : static_cast<DurationNs>(rng.below(900)) * kMillisecond;
            if (rng.below(6) == 0) world.device.power_off(), world.device.power_on();
            if (rng.below(2) == 0) {
                ++asked;
                world.session->write({"d1", "bit", rng.below(2) == 0, 0, [&](Result<CommandResult>) { ++ended; }});
            }
            world.sim.run_for(static_cast<DurationNs>(rng.below(4'000)) * kMillisecond);
            ASSERT_EQ(world.device.holding(1, 700) & ~1, kControl) << "other bits of the control word changed";
        }
        world.device.delay = 0;
        const auto good = world.good("s/a.w");
        EXPECT_TRUE(world.run_until([&] { return world.good("s/a.w") > good + 5 && ended == asked; }));
        const std::pair<const char*, std::int64_t> fixed[] = {
            {"s/a.x", 100}, {"s/a.w", 30'000}, {"s/b.y", 200}, {"s/c.z", 300}};
        for (const auto& [path, want] : fixed) {
            EXPECT_GT(world.good(path), 20u) << path;
            for (const Reading& reading : world.store.of(path)) {
                if (!reading.quality.good()) continue;
                ASSERT_EQ(std::get<std::int64_t>(reading.value), want) << path;
            }
        }
    }
}

TEST(RtuSession, OneAddressThatIsNeverAnsweredDoesNotKeepTheOthersFromBeingAsked) {
    LinkConfig config = three_meters();
    config.writes_enabled = true;
    config.devices[0].properties = {property("x", 0), property("w", 500)};
    config.devices[0].properties[0].writable = true;
    World world(config);
    world.device.on_request = nullptr;
    world.device.ignored = {{1, 500}};
    world.sim.run_for(kMinute);
    EXPECT_EQ(world.good("s/a.w"), 0u);
    EXPECT_GE(world.good("s/a.x"), 15u);
    EXPECT_GE(world.good("s/b.y"), 40u);
    const auto good = world.good("s/a.x");
    world.sim.run_for(kMinute);
    EXPECT_GE(world.good("s/a.x"), good + 15);
    std::optional<Result<CommandResult>> told;
    world.session->write({"d1", "x", std::int64_t{77}, 0, [&](Result<CommandResult> result) { told = result; }});
    EXPECT_TRUE(world.run_until([&] { return told.has_value(); }));
    EXPECT_TRUE(*told && (*told)->done);
}

TEST(RtuSession, HotEditOfWhatIsReadAtOnceCountsAtOnce) {
    LinkConfig config = three_meters();
    config.devices[0].properties = {property("x", 0), property("w", 1)};
    World world(config);
    world.sim.run_for(3 * kSecond);
    config.registers_per_request_max = 1;
    world.session->reconfigure(config);
    world.device.requests.clear();
    world.sim.run_for(3 * kSecond);
    ASSERT_FALSE(world.device.requests.empty());
    for (const auto& request : world.device.requests) EXPECT_EQ(request.count, 1);
}

TEST(RtuSession, UnitZeroIsNobodyAndIsNeverAsked) {
    LinkConfig config = three_meters();
    config.devices[0].unit = 0;
    World world(config);
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.store.count("s/a.x", "bad:config"), 1u);
    EXPECT_EQ(world.good("s/a.x"), 0u);
    EXPECT_GE(world.good("s/b.y"), 4u);
    EXPECT_EQ(world.session->device_status(0)[0].last_error,
              "x: unit 0 is no machine of a serial line: expected 1 to 247");
    EXPECT_EQ(make_driver(config)->check_write(config.devices[0], config.devices[0].properties[0], std::int64_t{1}).error().code(),
              Code::invalid);
}

TEST(RtuSession, WhoIsAskedOnceAnHourDoesNotHideThatTheLinkIsDead) {
    LinkConfig config = three_meters();
    config.devices[2].properties[0].period = kHour;
    World world(config);
    world.sim.run_for(5 * kSecond);
    world.device.mood = Mood::silent;
    EXPECT_TRUE(world.run_until([&] { return world.device.accepted >= 2; }));
    world.device.mood = Mood::right;
    const auto good = world.good("s/a.x");
    EXPECT_TRUE(world.run_until([&] { return world.good("s/a.x") > good; }));
}

}  // namespace
}  // namespace gongshu::connect
