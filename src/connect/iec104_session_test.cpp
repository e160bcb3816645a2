// An outstation at the other end of a simulated network: sessions, tests, cuts.
#include "base/time_text.h"
#include "connect/iec104_talk_test.h"
#include "connect/link_test_run.h"
#include "connect/poll_session.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

const io::Address kStation{"10.0.0.9", 2404};

// Takes one link at a time.
struct SimStation {
    explicit SimStation(io::Loop& loop)
        : listener(loop.listen(kStation, {}, [this](auto taken) { take(std::move(taken)); }).value()) {
        station.orders_known = {6001};
    }
    void take(std::unique_ptr<io::Stream> taken) {
        ++accepted;
        station.begin();
        stream = std::move(taken);
        io::Stream::Events events;
        events.on_data = [this](Bytes bytes) { send(station.feed(bytes)); };
        stream->start(std::move(events));
    }
    void send(const Buffer& bytes) {
        if (stream && !bytes.empty()) stream->send(bytes);
    }
    // It changes and says so, with its own time if there is one.
    void change(std::uint32_t address, bool on, TimeNs time = 0) {
        station.points[{Type::m_sp_na_1, address}] = at(address, on);
        const Type type = time == 0 ? Type::m_sp_na_1 : Type::m_sp_tb_1;
        if (station.started)
            send(station.tell(station.message(type, Cause::spontaneous,
                                              {time == 0 ? at(address, on) : stamped(at(address, on), time)})));
    }

    SimOutstation station{1};
    int accepted = 0;
    std::unique_ptr<io::Stream> stream;
    std::unique_ptr<io::Listener> listener;
};

struct World {
    explicit World(std::vector<PropertyConfig> properties, const Iec104Settings& settings = {})
        : config(link(std::move(properties), settings)) {
        config.tenant = TenantId{1};
        config.uid = "c1";
        config.name = "rtu";
        config.protocol = "iec104";
        config.host = kStation.host;
        config.port = kStation.port;
        config.timeout = 15 * kSecond;
        config.writes_enabled = true;
        for (PropertyConfig& property : config.devices[0].properties) property.writable = true;
        session = std::make_shared<PollSession>(
            SessionDeps{*loop, store, store, &store, [](TenantId, const io::Address&) { return Result<void>{}; }, {}, 7},
            config);
    }
    ~World() { session->stop(); }
    std::string state() const { return std::string(to_string(session->connection_status().state)); }
    // The newest by its time: "true good".
    std::string last(const std::string& path) {
        const auto& rows = store.of(path);
        if (rows.empty()) return "none";
        const auto newest = std::ranges::max_element(rows, {}, &Reading::time);
        return fmt::format("{} {}", gongshu::to_string(newest->value), gongshu::to_string(newest->quality));
    }
    bool becomes(const std::string& path, std::string_view want, DurationNs within = kMinute) {
        return sim.run_until([&] { return last(path) == want; }, within);
    }
    // What becomes of a command.
    std::string order(const std::string& property, const Value& value) {
        std::optional<std::string> said;
        WriteJob job{"d1", property, value, 0, [&](Result<CommandResult> result) {
                         said = !result           ? "! " + result.error().text()
                                : result->done    ? "done " + gongshu::to_string(result->read_back)
                                                  : "not done: " + result->error;
                     }};
        session->write(std::move(job));
        EXPECT_TRUE(sim.run_until([&] { return said.has_value(); }, 2 * kMinute));
        return said.value_or("nothing");
    }

    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimStation station{*plant_loop};
    std::shared_ptr<PollSession> session;
};

TEST(Iec104Session, HearsWithTheOutstationsTimes) {
    World world{{property("a", "1", kBoolean)}};
    world.station.change(1, false);
    world.session->start();
    ASSERT_TRUE(world.becomes("bay.a", "false good"));
    EXPECT_EQ(world.state(), "up");
    world.sim.run_for(kSecond);
    const TimeNs time = (world.sim.clock().now() / kMillisecond - 200) * kMillisecond;
    world.station.change(1, true, time);
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.last("bay.a"), "true good");
    EXPECT_EQ(world.store.of("bay.a").back().time, time);
    world.station.change(1, false, world.sim.clock().now() + kHour);
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.last("bay.a"), "false uncertain:clock");
    world.sim.run_for(2 * kHour);
    EXPECT_EQ(world.station.accepted, 1) << "test frames keep it, and all was acknowledged";
    EXPECT_EQ(world.last("bay.a"), "false good") << "by the interrogation";
}

TEST(Iec104Session, IsCutAndHealsAgainAndAgain) {
    World world{{property("a", "1", kBoolean)}};
    world.station.change(1, true);
    world.session->start();
    for (int i = 0; i < 20; ++i) {
        SCOPED_TRACE(i);
        ASSERT_TRUE(world.becomes("bay.a", "true good"));
        const TimeNs cut_at = world.sim.clock().now();
        const bool is_lost = i % 2 == 0;  // else it only falls silent
        if (is_lost)
            world.sim.cut(kStation, i % 4 == 0);
        else
            world.station.station.mood = Mood::silent;
        ASSERT_TRUE(world.sim.run_until([&] { return world.last("bay.a").find("bad:") != std::string::npos; }, kMinute))
            << world.last("bay.a") << " " << world.state();
        EXPECT_LE(world.sim.clock().now() - cut_at, 40 * kSecond);
        world.sim.run_for(kSecond * (i * 7 % 20));
        world.sim.heal(kStation);
        world.station.station.mood = Mood::right;
        ASSERT_TRUE(world.becomes("bay.a", "true good", 2 * kMinute)) << world.last("bay.a") << " " << world.state();
    }
}

// What happened while the link was away comes with its own time, before the state of now.
TEST(Iec104Session, EventsOfAnOutageKeepTheirTimes) {
    World world{{property("a", "1", kBoolean)}};
    world.station.change(1, false);
    world.session->start();
    ASSERT_TRUE(world.becomes("bay.a", "false good"));
    world.sim.cut(kStation, false);
    ASSERT_TRUE(world.sim.run_until([&] { return world.last("bay.a").find("bad:") != std::string::npos; }, kMinute));
    world.sim.run_for(10 * kSecond);
    const TimeNs event = world.sim.clock().now() / kMillisecond * kMillisecond;
    world.station.station.started = false;
    world.station.change(1, true);
    world.sim.run_for(10 * kSecond);
    world.sim.heal(kStation);
    ASSERT_TRUE(world.sim.run_until([&] { return world.station.station.started; }, kMinute));
    world.station.change(1, true, event);
    ASSERT_TRUE(world.becomes("bay.a", "true good"));
    EXPECT_TRUE(std::ranges::any_of(world.store.of("bay.a"), [&](const Reading& row) { return row.time == event; }));
}

TEST(Iec104Session, AnEditKeepsTheLink) {
    World world{{property("a", "1", kBoolean)}};
    world.station.change(1, true);
    world.station.change(2, true);
    world.session->start();
    ASSERT_TRUE(world.becomes("bay.a", "true good"));
    LinkConfig more = world.config;
    more.devices[0].properties.push_back(property("b", "2", kBoolean));
    EXPECT_TRUE(more.same_link(world.config));
    world.session->reconfigure(more);
    ASSERT_TRUE(world.becomes("bay.b", "true good", 5 * kSecond));
    more.iec104.client.t1 = 20 * kSecond;
    world.session->reconfigure(more);
    ASSERT_TRUE(world.sim.run_until([&] { return world.station.accepted == 2; }, kMinute)) << "other settings, another link";
    EXPECT_TRUE(world.becomes("bay.b", "true good"));
}

TEST(Iec104Session, Commands) {
    Iec104Settings settings;
    settings.select_first = true;
    World world{{property("a", "1", kBoolean, "6001"), property("b", "1", kBoolean, "77")}, settings};
    world.station.change(1, false);
    EXPECT_EQ(world.order("a", true), "! connection rtu is off: nothing was written");
    world.session->start();
    ASSERT_TRUE(world.becomes("bay.a", "false good"));
    EXPECT_EQ(world.order("a", true), "not done: acknowledged by the device, but it reads back false instead of true");
    world.station.change(1, true);
    EXPECT_EQ(world.order("a", true), "done true");
    EXPECT_EQ(world.station.station.orders.size(), 2u);
    EXPECT_EQ(world.order("b", true), "not done: nothing was written: the outstation refuses C_SC_NA_1 at 1/77: the "
                                      "outstation has no such object address");
    world.station.station.mood = Mood::silent;
    EXPECT_EQ(world.order("a", false), "not done: it is not known whether it was executed: connection rtu is down: the "
                                       "outstation did not acknowledge I frame 11 within 15000 ms");
    EXPECT_EQ(world.last("bay.a"), "false bad:timeout");
    world.station.station.mood = Mood::right;
    ASSERT_TRUE(world.becomes("bay.a", "true good", 2 * kMinute));
    EXPECT_EQ(world.station.station.orders.size(), 2u) << "never sent again";
    EXPECT_EQ(world.order("a", true), "done true");
}

TEST(Iec104Session, ATestTellsTheFirstValues) {
    World world{{property("a", "1", kBoolean), property("typo", "9", kBoolean)}};
    world.station.change(1, true);
    const auto test = [&] {
        std::optional<std::string> said;
        std::make_shared<LinkTestRun>(
            *world.loop, [](TenantId, const io::Address&) { return Result<void>{}; }, world.config,
            [&](Result<TestReport> report, std::unique_ptr<io::Stream>, bool) {
                std::string text = report->ok ? "ok:" : "not ok:";
                for (const auto& value : report->values)
                    text += fmt::format(" {}={} {}", value.tag, gongshu::to_string(value.value), gongshu::to_string(value.quality));
                for (const auto& step : report->steps)
                    if (!step.ok) text += " [" + step.detail + "]";
                said = text;
            })
            ->start(nullptr);
        EXPECT_TRUE(world.sim.run_until([&] { return said.has_value(); }, kMinute));
        return said.value_or("nothing");
    };
    EXPECT_EQ(test(), "not ok: bay.a=true good bay.typo=false bad:silent [the outstation does not tell 1/9 when it is "
                      "interrogated: is the object address right?]");
    world.station.change(9, false);
    EXPECT_EQ(test(), "ok: bay.a=true good bay.typo=false good");
    world.station.station.mood = Mood::silent;
    EXPECT_EQ(test(), "not ok: [the outstation did not answer STARTDT act within 15000 ms]");
}

}  // namespace
}  // namespace gongshu::connect
