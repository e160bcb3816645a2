#include "connect/poll_session.h"

#include <gtest/gtest.h>

#include "connect/sim_device.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

using wire::modbus::Encoding;
using Mood = SimDevice::Mood;

const io::Address kPlc{"10.0.0.7", 502};

PropertyConfig property(std::string name, std::uint16_t address, Encoding encoding = Encoding::u16,
                        ValueType type = ValueType::integer) {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.address = address;
    config.codec.encoding = encoding;
    return config;
}

LinkConfig two_devices() {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "plc";
    config.host = kPlc.host;
    config.port = kPlc.port;
    config.timeout = 200 * kMillisecond;
    config.devices = {{"d1", "s/a", 1, true, {property("x", 0), property("y", 1)}},
                      {"d2", "s/b", 2, true, {property("z", 0)}}};
    return config;
}

struct World {
    explicit World(LinkConfig link = two_devices(), std::uint64_t seed = 1) : sim(seed), config(std::move(link)) {
        session = make();
        session->start();
    }
    ~World() { session->stop(); }

    std::shared_ptr<PollSession> make() {
        return std::make_shared<PollSession>(
            SessionDeps{*loop, store, store, &store, [this](TenantId, const io::Address&) { return allowed; }, {}, 7},
            config);
    }
    ConnectionStatus status() const { return session->connection_status(); }
    std::string state() const { return std::string(to_string(status().state)); }
    std::string device_state(std::size_t i) {
        return std::string(to_string(session->device_status(sim.clock().now())[i].state));
    }
    bool run_until(const std::function<bool()>& done) { return sim.run_until(done, 120 * kSecond); }
    Result<CommandResult> write(const std::string& device, const std::string& name, Value value, TimeNs expires = 0) {
        std::optional<Result<CommandResult>> got;
        session->write(
            {device, name, std::move(value), expires, [&](Result<CommandResult> result) { got = std::move(result); }});
        EXPECT_TRUE(run_until([&] { return got.has_value(); }));
        return *got;
    }

    io::SimWorld sim;
    Result<void> allowed{};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimDevice device{*plant_loop, kPlc, config.framing};
    std::shared_ptr<PollSession> session;
};

TEST(PollSession, PollsEveryPeriodAndStoresWhatWasServed) {
    World world;
    world.device.holding(1, 0) = 11;
    world.device.holding(1, 1) = 12;
    world.device.holding(2, 0) = 13;
    world.sim.run_for(10 * kSecond);
    EXPECT_EQ(world.state(), "up");
    EXPECT_NEAR(static_cast<double>(world.store.of("s/a.x").size()), 10, 1);
    EXPECT_EQ(gongshu::to_string(world.store.of("s/a.x").back().value), "11");
    EXPECT_EQ(gongshu::to_string(world.store.of("s/a.y").back().value), "12");
    EXPECT_EQ(gongshu::to_string(world.store.of("s/b.z").back().value), "13");
    EXPECT_EQ(world.store.count("s/a.x", "good"), world.store.of("s/a.x").size());
    EXPECT_EQ(world.device.requests[0].count, 2) << "x and y are one request";
    EXPECT_EQ(world.device_state(0), "online");
    const auto status = world.status();
    EXPECT_EQ(status.counters.requests, status.counters.replies);
    EXPECT_EQ(status.counters.readings, world.store.of("s/a.x").size() * 2 + world.store.of("s/b.z").size());
    EXPECT_GT(status.latency_ms, 0);
    EXPECT_EQ(status.last_error, "");
}

TEST(PollSession, ADeadUnitIsMarkedOnceAndDoesNotStopTheOthers) {
    World world;
    world.sim.run_for(3 * kSecond);
    world.device.dead_units = {2};
    world.sim.run_for(30 * kSecond);
    EXPECT_EQ(world.state(), "up");
    EXPECT_EQ(world.store.count("s/b.z", "bad:timeout"), 1u);
    EXPECT_EQ(world.device_state(1), "offline");
    EXPECT_EQ(world.device_state(0), "online");
    EXPECT_GE(world.store.count("s/a.x", "good"), 28u);
    EXPECT_EQ(world.store.count("s/a.x", "good"), world.store.of("s/a.x").size());
    EXPECT_NE(world.session->device_status(0)[1].last_error.find("no answer from unit 2"), std::string::npos);
    world.device.dead_units.clear();
    const std::size_t before = world.store.count("s/b.z", "good");
    world.sim.run_for(15 * kSecond);
    EXPECT_GT(world.store.count("s/b.z", "good"), before);
    EXPECT_EQ(world.device_state(1), "online");
}

TEST(PollSession, OneBadAddressDoesNotSpoilItsNeighbours) {
    auto config = two_devices();
    config.devices[0].properties = {property("a", 0), property("b", 1), property("c", 2), property("far", 8)};
    World world{config};
    world.device.illegal = {{1, 1}, {1, 5}};  // one that is asked for, one in a gap
    world.sim.run_for(10 * kSecond);
    EXPECT_EQ(world.store.count("s/a.b", "bad:refused"), 1u);
    EXPECT_EQ(world.store.count("s/a.b", "good"), 0u);
    for (const char* path : {"s/a.a", "s/a.c", "s/a.far"}) {
        EXPECT_GE(world.store.count(path, "good"), 8u) << path;
        EXPECT_EQ(world.store.count(path, "good"), world.store.of(path).size()) << path;
    }
    EXPECT_NE(world.status().last_error.find("exception 2 (illegal data address)"), std::string::npos)
        << world.status().last_error;
    EXPECT_GT(world.status().counters.exceptions, 0u);
    EXPECT_EQ(world.session->device_status(0)[0].bad, 1u);
}

TEST(PollSession, MalformedRepliesAreCountedAndSurvived) {
    auto f = [](Mood mood, bool link_survives) {
        SCOPED_TRACE(static_cast<int>(mood));
        World world;
        world.sim.run_for(3 * kSecond);
        const auto good = world.store.count("s/a.x", "good");
        world.device.mood = mood;
        world.sim.run_for(1500 * kMillisecond);
        EXPECT_EQ(world.store.count("s/a.x", "good"), good);
        EXPECT_GE(world.store.of("s/a.x").size(), good + 1) << "a bad reading marks the gap";
        if (mood != Mood::closes && mood != Mood::silent) {
            EXPECT_GT(world.status().counters.malformed, 0u);
        }
        EXPECT_NE(world.status().last_error, "");
        if (link_survives) {
            EXPECT_EQ(world.device.accepted, 1);
        }
        world.device.mood = Mood::right;
        EXPECT_TRUE(world.run_until([&] { return world.store.count("s/a.x", "good") > good + 2; }));
        EXPECT_EQ(world.state(), "up");
    };
    f(Mood::wrong_transaction, false);  // as good as no answer: after three the link is opened anew
    f(Mood::wrong_unit, false);
    f(Mood::too_short, true);
    f(Mood::too_long, true);
    f(Mood::wrong_function, true);
    f(Mood::broken_header, false);
    f(Mood::closes, false);
    f(Mood::silent, false);
}

// Every reading that is good was served by the device, with that value, at about that time; nothing else is stored.
TEST(PollSession, TwentyPowerCyclesHealAloneAndInventNothing) {
    for (const bool silent : {false, true}) {
        World world{two_devices(), silent ? 2u : 3u};
        std::map<std::uint16_t, TimeNs> served;  // value of x -> when
        std::uint16_t next = 1;
        world.device.on_request = [&](std::uint8_t unit, const wire::modbus::Request&) {
            if (unit == 1) world.device.holding(1, 0) = next++;
        };
        world.device.on_reply = [&](std::uint8_t unit, const wire::modbus::Request&, const wire::modbus::Reply& reply) {
            if (unit == 1) served[reply.registers.at(0)] = world.sim.clock().now();
        };
        for (int cycle = 0; cycle < 20; ++cycle) {
            const auto good = world.store.count("s/a.x", "good");
            ASSERT_TRUE(world.run_until([&] { return world.store.count("s/a.x", "good") >= good + 3; }))
                << "cycle " << cycle;
            world.sim.cut(kPlc, silent);
            if (!silent) world.device.power_off();
            world.sim.run_for(5 * kSecond);
            EXPECT_NE(world.state(), "up") << "cycle " << cycle;
            EXPECT_EQ(to_string(world.store.of("s/a.x").back().quality), "bad:disconnected");
            EXPECT_EQ(world.device_state(0), "offline");
            world.sim.run_for((5 + cycle) * kSecond);
            world.sim.heal(kPlc);
            if (!silent) world.device.power_on();
        }
        EXPECT_EQ(world.store.count("s/a.x", "bad:disconnected"), 20u) << "once per outage";
        TimeNs before = 0;
        for (const Reading& reading : world.store.of("s/a.x")) {
            EXPECT_GE(reading.time, before);
            before = reading.time;
            if (!reading.quality.good()) continue;
            const auto found = served.find(static_cast<std::uint16_t>(std::get<std::int64_t>(reading.value)));
            ASSERT_NE(found, served.end());
            EXPECT_GE(reading.time, found->second);
            EXPECT_LT(reading.time - found->second, 200 * kMillisecond);
            served.erase(found);
        }
        EXPECT_GE(world.status().counters.reconnects, 20u);
    }
}

TEST(PollSession, BacksOffWithJitterUpToHalfAMinuteAndNeverGivesUp) {
    World world;
    world.sim.run_for(2 * kSecond);
    world.device.power_off();
    std::vector<DurationNs> pauses;
    TimeNs last = 0;
    const TimeNs until = world.sim.clock().now() + 10 * kMinute;
    while (world.sim.clock().now() < until) {
        world.sim.run_for(100 * kMillisecond);
        const auto status = world.status();
        if (status.state == LinkState::backing_off && status.next_try != last) {
            pauses.push_back(status.next_try - world.sim.clock().now());
            last = status.next_try;
        }
    }
    ASSERT_GE(pauses.size(), 15u);
    EXPECT_LE(pauses.front(), kSecond);
    for (const DurationNs pause : pauses) EXPECT_LE(pause, 30 * kSecond);
    EXPECT_GE(pauses.back(), 20 * kSecond);
    world.device.power_on();
    EXPECT_TRUE(world.run_until([&] { return world.state() == "up"; }));
    EXPECT_GT(world.status().counters.reconnects, 15u);
}

TEST(PollSession, RefusedTargetsAreNotOpened) {
    auto config = two_devices();
    World world{config};
    world.sim.run_for(2 * kSecond);
    world.allowed = Error{Code::denied, "10.0.0.7 is not listed"};
    world.device.power_off();
    world.sim.run_for(2 * kSecond);
    world.device.power_on();
    world.sim.run_for(60 * kSecond);
    EXPECT_EQ(world.device.accepted, 1);
    EXPECT_EQ(world.state(), "backing_off");
    EXPECT_EQ(world.status().last_error, "10.0.0.7 is not listed");
}

TEST(PollSession, ValuesThatDoNotFitAreBadAndStrangeOnesUncertain) {
    auto config = two_devices();
    config.devices.resize(1);
    config.devices[0].properties = {property("bcd", 0, Encoding::bcd16),
                                    property("nan", 2, Encoding::f32, ValueType::number),
                                    property("hot", 4, Encoding::u16, ValueType::number)};
    config.devices[0].properties[2].max = 100;
    World world{config};
    world.device.holding(1, 0) = 0xffff;
    world.device.holding(1, 2) = 0x7fc0;
    world.device.holding(1, 4) = 101;
    world.sim.run_for(2 * kSecond);
    EXPECT_EQ(world.store.qualities("s/a.bcd").front(), "bad:type");
    EXPECT_EQ(world.store.qualities("s/a.nan").front(), "bad:sensor");
    EXPECT_EQ(world.store.qualities("s/a.hot").front(), "uncertain:range");
    EXPECT_EQ(world.session->device_status(0)[0].bad, 2u);
}

TEST(PollSession, CoilsAndBitsAreReadAndWritten) {
    auto config = two_devices();
    config.writes_enabled = true;
    auto coil = property("coil", 3, Encoding::u16, ValueType::boolean);
    coil.table = Table::coils;
    auto bit = property("bit", 9, Encoding::bit, ValueType::boolean);
    bit.codec.bit = 4;
    coil.writable = bit.writable = true;
    config.devices[0].properties = {coil, bit};
    World world{config};
    world.device.coils[{1, 3}] = true;
    world.device.holding(1, 9) = 0x0f00;
    world.sim.run_for(2 * kSecond);
    EXPECT_EQ(gongshu::to_string(world.store.of("s/a.coil").back().value), "true");
    EXPECT_EQ(gongshu::to_string(world.store.of("s/a.bit").back().value), "false");
    EXPECT_TRUE(world.write("d1", "bit", true).value().done);
    EXPECT_EQ(world.device.holding(1, 9), 0x0f10);
    EXPECT_TRUE(world.write("d1", "coil", false).value().done);
    EXPECT_FALSE((world.device.coils[{1, 3}]));
}

TEST(PollSession, WritesAreReadBackAndNeverRepeated) {
    auto config = two_devices();
    config.writes_enabled = true;
    config.devices[0].properties[0].writable = true;
    World world{config};
    world.sim.run_for(2 * kSecond);
    auto result = world.write("d1", "x", std::int64_t{42});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_TRUE(result->done);
    EXPECT_EQ(gongshu::to_string(result->read_back), "42");
    EXPECT_EQ(world.device.holding(1, 0), 42);

    world.device.on_request = [&](std::uint8_t unit, const wire::modbus::Request& request) {
        if (unit == 1 && is_read(request.function)) world.device.holding(1, 0) = 7;  // the machine does not keep it
    };
    result = world.write("d1", "x", std::int64_t{43});
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->done);
    EXPECT_EQ(gongshu::to_string(result->read_back), "7");
    EXPECT_NE(result->error.find("reads back 7 instead of 43"), std::string::npos);

    world.device.illegal = {{1, 0}};
    result = world.write("d1", "x", std::int64_t{44});
    ASSERT_TRUE(result);
    EXPECT_NE(result->error.find("the device refused: exception 2"), std::string::npos) << result->error;

    world.device.illegal.clear();
    world.device.requests.clear();
    int writes = 0;
    world.device.on_request = [&](std::uint8_t, const wire::modbus::Request& request) {
        if (!is_read(request.function)) ++writes, world.device.mood = Mood::wrong_transaction;
    };
    result = world.write("d1", "x", std::int64_t{45});
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->done);
    EXPECT_NE(result->error.find("it is not known whether it was executed"), std::string::npos) << result->error;
    world.sim.run_for(20 * kSecond);
    EXPECT_EQ(writes, 1);
}

TEST(PollSession, CommandsExpireAndTheirQueueIsBounded) {
    auto config = two_devices();
    config.writes_enabled = true;
    config.devices[0].properties[0].writable = true;
    World world{config};
    world.sim.run_for(2 * kSecond);
    auto expired = world.write("d1", "x", std::int64_t{1}, world.sim.clock().now() - 1);
    ASSERT_FALSE(expired);
    EXPECT_EQ(expired.error().code(), Code::timeout);
    int refused = 0, done = 0;
    for (int i = 0; i < 50; ++i)
        world.session->write({"d1", "x", std::int64_t{i}, 0, [&](Result<CommandResult> result) {
                                  if (result)
                                      ++done;
                                  else if (result.error().code() == Code::limit)
                                      ++refused;
                              }});
    world.sim.run_for(30 * kSecond);
    EXPECT_EQ(done + refused, 50);
    EXPECT_EQ(done, 32);
    world.device.power_off();
    world.sim.run_for(2 * kSecond);
    const auto down = world.write("d1", "x", std::int64_t{1});
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error().code(), Code::unavailable);
}

TEST(PollSession, ReconfiguringKeepsTheLinkUnlessItsAddressChanged) {
    World world;
    world.sim.run_for(3 * kSecond);
    auto config = two_devices();
    config.devices[0].properties.push_back(property("extra", 40));
    config.devices[1].enabled = false;
    world.session->reconfigure(config);
    world.sim.run_for(3 * kSecond);
    EXPECT_EQ(world.device.accepted, 1);
    EXPECT_GE(world.store.count("s/a.extra", "good"), 2u);
    EXPECT_EQ(world.store.qualities("s/b.z").back(), "bad:stopped");
    EXPECT_EQ(world.device_state(1), "off");
    EXPECT_EQ(world.store.count("s/a.x", "good"), world.store.of("s/a.x").size());

    config.enabled = false;
    world.session->reconfigure(config);
    world.sim.run_for(3 * kSecond);
    EXPECT_EQ(world.state(), "off");
    EXPECT_EQ(world.store.qualities("s/a.x").back(), "bad:stopped");
    const std::size_t requests = world.device.requests.size();
    world.sim.run_for(10 * kSecond);
    EXPECT_EQ(world.device.requests.size(), requests);
    config.enabled = true;
    world.session->reconfigure(config);
    EXPECT_TRUE(
        world.run_until([&] { return world.state() == "up" && world.store.qualities("s/a.x").back() == "good"; }));
}

TEST(PollSession, TheTimeTheProgramDidNotRunIsAGap) {
    World world;
    world.sim.run_for(3 * kSecond);
    const std::size_t before = world.store.of("s/a.x").size();
    world.session->stop();
    const TimeNs stopped = world.sim.clock().now();
    world.sim.run_for(kMinute);
    world.session = world.make();
    world.session->start();
    world.sim.run_for(3 * kSecond);
    const auto& readings = world.store.of("s/a.x");
    EXPECT_EQ(to_string(readings.at(before).quality), "bad:stopped");
    EXPECT_EQ(readings.at(before).time, stopped);
    EXPECT_EQ(world.store.count("s/a.x", "bad:stopped"), 1u);
    EXPECT_EQ(to_string(readings.at(before + 1).quality), "good");
}

TEST(PollSession, TheTimeAfterACrashIsAGapBehindTheLastSignOfLife) {
    World world;
    world.sim.run_for(3 * kSecond);
    const std::size_t before = world.store.of("s/a.x").size();
    const TimeNs last = world.store.of("s/a.x").back().time;
    world.session.reset();
    world.sim.run_for(kMinute);
    world.session = world.make();
    world.session->start();
    world.sim.run_for(3 * kSecond);
    const auto& readings = world.store.of("s/a.x");
    EXPECT_EQ(to_string(readings.at(before).quality), "bad:stopped");
    EXPECT_EQ(readings.at(before).time, last + 3 * kSecond);
    EXPECT_EQ(world.store.count("s/a.x", "bad:stopped"), 1u);
    EXPECT_EQ(to_string(readings.at(before + 1).quality), "good");
}

TEST(PollSession, OneOutageHasOneBeginning) {
    World world;
    world.sim.run_for(3 * kSecond);
    world.device.power_off();
    EXPECT_TRUE(world.run_until([&] { return world.state() != "up"; }));
    const TimeNs since = world.status().since;
    world.sim.run_for(kMinute);
    EXPECT_NE(world.state(), "up");
    EXPECT_EQ(world.status().since, since);
    world.device.power_on();
    EXPECT_TRUE(world.run_until([&] { return world.state() == "up" && world.device_state(0) == "online"; }));
    EXPECT_GT(world.status().since, since);
    EXPECT_NE(world.status().last_error, "") << "what was, with its time";
    EXPECT_EQ(world.session->device_status(0)[0].last_error, "") << "what is";
}

TEST(PollSession, ASlowStoreCostsReadingsAndNotMemory) {
    World world;
    world.store.stalled = true;
    world.sim.run_for(5 * kMinute);
    EXPECT_EQ(world.store.batches, PollSession::kBatchesWaitingMax);
    EXPECT_GT(world.status().counters.dropped, 100u);
    EXPECT_EQ(world.status().last_error, "the store is behind: readings are dropped");
}

TEST(PollSession, ManySeedsOfCutsAndMoodsNeverInventAValue) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        SCOPED_TRACE(seed);
        World world{two_devices(), seed};
        Rng rng{seed};
        std::set<std::uint16_t> served;
        std::uint16_t next = 1;
        world.device.on_request = [&](std::uint8_t unit, const wire::modbus::Request&) {
            if (unit == 1) world.device.holding(1, 0) = next++;
        };
        world.device.on_reply = [&](std::uint8_t unit, const wire::modbus::Request&, const wire::modbus::Reply& reply) {
            if (unit == 1) served.insert(reply.registers.at(0));
        };
        for (int step = 0; step < 60; ++step) {
            world.device.mood = rng.chance(0.5) ? Mood::right : static_cast<Mood>(rng.below(9));
            if (rng.chance(0.2)) world.sim.cut(kPlc, rng.chance(0.5));
            if (rng.chance(0.5)) world.sim.heal(kPlc);
            world.device.dead_units.clear();
            if (rng.chance(0.3)) world.device.dead_units.insert(static_cast<std::uint8_t>(1 + rng.below(2)));
            world.sim.run_for(static_cast<DurationNs>(rng.below(4'000)) * kMillisecond);
        }
        for (const Reading& reading : world.store.of("s/a.x"))
            if (reading.quality.good()) {
                EXPECT_EQ(served.erase(static_cast<std::uint16_t>(std::get<std::int64_t>(reading.value))), 1u);
            }
        world.device.mood = Mood::right;
        world.device.dead_units.clear();
        world.sim.heal(kPlc);
        const auto good = world.store.count("s/b.z", "good");
        EXPECT_TRUE(
            world.run_until([&] { return world.store.count("s/b.z", "good") > good && world.state() == "up"; }));
    }
}

}  // namespace
}  // namespace gongshu::connect
