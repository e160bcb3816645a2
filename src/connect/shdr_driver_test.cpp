#include "connect/shdr_driver.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/time_text.h"
#include "connect/driver_talk.h"
#include "connect/poll_session.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

PropertyConfig property(std::string name, std::string at, ValueType type = ValueType::number, std::string as = "") {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.place.at = std::move(at);
    config.place.as = std::move(as);
    return config;
}

LinkConfig link(std::vector<PropertyConfig> properties) {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "lathe";
    config.protocol = "shdr";
    config.language = Language::shdr;
    config.host = "10.0.0.7";
    config.port = 7878;
    config.devices = {{.uid = "d1", .path = "cnc", .properties = std::move(properties)}};
    return config;
}

struct Planned {
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;

    explicit Planned(std::vector<PropertyConfig> properties)
        : set(point_set(link(std::move(properties)))), driver(make_shdr_driver(*set->config)), plan(driver->plan(set)) {
        driver->begin_link();
    }
    // What is heard, and behind it how many lines meant nothing and why the last one did.
    std::string hear(std::string_view came, std::size_t piece_bytes = 1000) {
        std::string out;
        std::size_t malformed = 0;
        std::string fault;
        for (std::size_t at = 0; at < came.size(); at += piece_bytes) {
            Heard heard = driver->hear(as_bytes(came.substr(at, piece_bytes))).value();
            EXPECT_TRUE(heard.send.empty());
            malformed += heard.malformed;
            if (!heard.fault.empty()) fault = heard.fault;
            if (!heard.readings.empty()) out += (out.empty() ? "" : "; ") + shown(*set, heard.readings);
        }
        return out + (malformed > 0 ? fmt::format(" [{}: {}]", malformed, fault) : "");
    }
    // "ping", "" or the error.
    std::string say() {
        const auto said = driver->say();
        if (!said) return "! " + said.error().text();
        return said->empty() ? "" : std::string(as_text(*said));
    }
};

std::string heard(std::vector<PropertyConfig> properties, std::string_view came) {
    const std::string whole = Planned{properties}.hear(came);
    EXPECT_EQ(Planned{properties}.hear(came, 1), whole);
    return whole;
}

constexpr auto kText = ValueType::text;
constexpr auto kInteger = ValueType::integer;
constexpr auto kBoolean = ValueType::boolean;
constexpr const char* kNone =
    "bad:silent (the adapter has no value (UNAVAILABLE): the machine is off, or the adapter does not hear it)";

TEST(ShdrDriver, ListensForAll) {
    Planned planned{{property("load", "Sload"), property("state", "execution,estop", kText, "run_state"),
                     property("a", ""), property("b", "x", kBoolean, "series"), property("c", "x", kText, "real")}};
    EXPECT_TRUE(planned.plan.polls.empty());
    EXPECT_EQ(planned.plan.heard, (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(shown(*planned.set, planned.plan.faults),
              "a! point.at: expected a key of the adapter such as execution or cnc1:execution, found \"\"; "
              "b! point.as: series cannot be held by a property of type boolean; "
              "c! point.as: expected nothing (the value itself), run_state, level, code, severity, qualifier, text, "
              "message, message_code, series, x, y or z, found \"real\"");
    EXPECT_TRUE(planned.driver->greet().empty());
    EXPECT_FALSE(planned.driver->late());
    const Point& point = planned.set->points[0];
    EXPECT_EQ(planned.driver->check_write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(planned.driver->write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
}

TEST(ShdrDriver, Values) {
    auto scaled = property("load", "Sload");
    scaled.place.scale = 0.1;
    auto limited = property("speed", "Sspeed");
    limited.max = 4000;
    EXPECT_EQ(heard({scaled, limited, property("line", "line", kInteger), property("program", "program", kText),
                     property("door", "door", kBoolean)},
                    "2026-11-23T02:00:00.5Z|Sload|425|other|x|Sspeed|5000|line|12.0\n|program|O1234 |door|ON\n"
                    "|line|0:DAY|door|off\n"),
              "load=42.5 @2026-11-23T02:00:00.5Z; speed=5000 uncertain:range @2026-11-23T02:00:00.5Z; "
              "line=12 @2026-11-23T02:00:00.5Z; program=O1234; door=true; line=0; door=false");
    EXPECT_EQ(heard({property("line", "line", kInteger), property("door", "door", kBoolean), scaled},
                    "|line|1.5|door|ajar|Sload|high\n"),
              "line=- bad:type (\"1.5\" is no whole number); door=- bad:type (\"ajar\" is neither true nor false: "
              "expected TRUE, ON, YES, 1, FALSE, OFF, NO or 0); load=- bad:type (\"high\" is no number)");
    EXPECT_EQ(heard({property("line", "line", kInteger), property("program", "program", kText)},
                    "|line|UNAVAILABLE|program|unavailable\n"),
              fmt::format("line=- {0}; program=- {0}", kNone));
    auto half = property("half", "n", kInteger);
    half.place.scale = 0.5;
    EXPECT_EQ(heard({half}, "|n|4|n|5\n"), "half=2; half=- bad:type (half is 2.5, which is not exactly integer)");
    EXPECT_EQ(heard({property("x", "pos", ValueType::number, "x"), property("z", "pos", ValueType::number, "z")},
                    "|pos|100.5 200.3 -1\n|pos|1 2\n"),
              "x=100.5; z=-1; x=1; z=- bad:type (\"1 2\" has 2 coordinates, of which z is none)");
}

TEST(ShdrDriver, ConditionsMessagesAndSeries) {
    EXPECT_EQ(heard({property("level", "temp", kText, "level"), property("code", "temp", kText, "code"),
                     property("qualifier", "temp", kText, "qualifier"), property("severity", "temp", kText, "severity"),
                     property("text", "temp", kText, "text")},
                    "|temp|WARNING|HT1|2|HIGH|Oil hot\n|temp|NORMAL||||\n"),
              "level=WARNING; code=HT1; qualifier=HIGH; severity=2; text=Oil hot; "
              "level=NORMAL; code=; qualifier=; severity=; text=");
    EXPECT_EQ(heard({property("text", "temp", kText, "text")}, "|temp|UNAVAILABLE||||\n|temp|FAULT|1\n"),
              fmt::format("text=- {}; text=- bad:type (text of key \"temp\" is missing: it has 2 fields)", kNone));
    EXPECT_EQ(heard({property("text", "msg", kText, "message"), property("code", "msg", kText, "message_code")},
                    "|msg|CHG|Change inserts\n|msg||UNAVAILABLE\n"),
              fmt::format("text=Change inserts; code=CHG; text=- {}; code=", kNone));
    EXPECT_EQ(heard({property("amps", "current", ValueType::number, "series")},
                    "2026-11-23T02:00:01Z|current|3|2|1 2 3\n|current|2|2|4 5\n2026-11-23T02:00:01Z|current|2||6 7\n"
                    "|current|1|2|x\n|current|1\n|current|UNAVAILABLE\n|current|0|10|\n"),
              fmt::format("amps=1 @2026-11-23T02:00:00Z; amps=2 @2026-11-23T02:00:00.5Z; amps=3 @2026-11-23T02:00:01Z; "
                          "amps=5; amps=7 @2026-11-23T02:00:01Z; amps=- bad:type (\"x\" is no number); "
                          "amps=- bad:type (a time series is count, rate and values, found 1 fields); amps=- {}",
                          kNone));
}

// The first version has one value behind a key that nobody knows, the second tries each field as a key.
TEST(ShdrDriver, KeysThatNobodyKnows) {
    const std::vector<PropertyConfig> line{property("line", "line", kInteger)};
    EXPECT_EQ(heard(line, "|mode|line|line|4\n"), "line=4");
    EXPECT_EQ(heard(line, "|temp|WARNING|line|2|HIGH|hot\n"), "") << "a condition";
    EXPECT_EQ(heard(line, "* shdrVersion: 2\n|temp|NORMAL|||||line|4\n"), "line=4");
    EXPECT_EQ(heard(line, "* shdrVersion: 2\n|mode|AUTO|temp|WARNING|1|2|HIGH|line|4|pos|1 2 3\n"), "line=4");
    EXPECT_EQ(heard(line, "|line|4|\n|x|1|line\n"), "line=4 [1: key \"line\" has no value]");
    const std::vector<PropertyConfig> both{property("text", "msg", kText, "message"), line[0]};
    EXPECT_EQ(heard(both, "|msg|1|a|line|4\n"), "text=a") << "what stands behind it may be of the text";
    EXPECT_EQ(heard(both, "* shdrVersion: 2\n|msg|1|a|line|4\n"), "text=a; line=4");
}

TEST(ShdrDriver, DevicesInFrontOfKeys) {
    const std::vector<PropertyConfig> all{property("any", "line", kInteger), property("one", "cnc1:line", kInteger),
                                          property("two", "cnc2:line", kInteger)};
    EXPECT_EQ(heard(all, "|line|1\n|cnc1:line|2|cnc2:line|3|cnc3:line|4\n"), "any=1; one=2; two=3");
    EXPECT_EQ(heard(all, "* device: cnc1\n|line|1\n|cnc1:line|2\n|cnc2:line|3\n"), "any=1; one=1; one=2; any=2; two=3");
}

TEST(ShdrDriver, RunState) {
    const std::vector<PropertyConfig> state{
        property("state", "avail,execution,estop,system,servo", kText, "run_state")};
    EXPECT_EQ(heard(state, "|execution|READY\n|execution|ACTIVE\n|execution|FEED_HOLD\n|execution|UNAVAILABLE\n"),
              "state=idle; state=run; state=idle; state=off");
    EXPECT_EQ(heard(state,
                    "|execution|ACTIVE\n|system|FAULT|1|||a\n|system|FAULT|2|||b\n|servo|WARNING|7|||w\n"
                    "|system|NORMAL|1|||\n|system|NORMAL||||\n|servo|FAULT|7|||w\n|servo|WARNING|7|||w\n"),
              "state=run; state=alarm; state=alarm; state=alarm; state=alarm; state=run; state=alarm; state=run");
    EXPECT_EQ(
        heard(state, "|estop|TRIGGERED\n|execution|STOPPED\n|estop|ARMED\n|avail|UNAVAILABLE\n|avail|AVAILABLE\n"),
        "state=alarm; state=alarm; state=idle; state=off; state=idle");
    EXPECT_EQ(
        heard(state, "|system|FAULT|1|||a\n|system|UNAVAILABLE||||\n|execution|ACTIVE\n|system|UNAVAILABLE||||\n"),
        "state=alarm; state=off; state=run; state=run");
    // An adapter without an emergency stop; a machine that is off though its stop is not pressed.
    EXPECT_EQ(heard(state, "|execution|ACTIVE|estop|UNAVAILABLE\n"), "state=run; state=run");
    const std::vector<PropertyConfig> two{property("state", "execution,estop", kText, "run_state")};
    EXPECT_EQ(heard(two, "|execution|UNAVAILABLE\n|estop|ARMED\n"), "state=off");
    // What an adapter says when a link is opened, one key after the other: nothing is made up meanwhile.
    EXPECT_EQ(heard(state, "|avail|AVAILABLE\n|estop|ARMED\n|system|NORMAL||||\n|execution|ACTIVE\n"), "state=run");
    EXPECT_EQ(heard(state, "|avail|AVAILABLE\n|estop|ARMED\n"), "");
    EXPECT_EQ(heard(state, "|avail|AVAILABLE\n|avail|UNAVAILABLE\n"), "state=off");
    EXPECT_EQ(heard(state, "|system|FAULT|401||HIGH|x\n|system|WARNING||||y\n|system|NORMAL||||\n"),
              "state=alarm; state=alarm; state=idle");
    EXPECT_EQ(heard(state, "* device: cnc1\n|cnc1:system|FAULT|1|||x\n|system|NORMAL||||\n"), "state=alarm; state=idle");
    EXPECT_EQ(heard(state, "* shdrVersion: 2\n|system|FAULT|1|2|HIGH|text|execution|ACTIVE\n|system|NORMAL|1||||\n"),
              "state=alarm; state=alarm; state=run");
    EXPECT_EQ(heard({property("state", "mode", kText, "run_state")}, "|mode|AUTOMATIC\n"),
              "state=- bad:type (\"AUTOMATIC\" does not say whether the machine runs: take the key of its EXECUTION)");
    Planned again{state};
    EXPECT_EQ(again.hear("|system|FAULT|1|||a\n"), "state=alarm");
    again.driver->begin_link();
    EXPECT_EQ(again.hear("|execution|READY\n"), "state=idle") << "a new link begins with all that holds";
}

TEST(ShdrDriver, BrokenLinesAreToldAndSkipped) {
    EXPECT_EQ(
        heard({property("line", "line", kInteger)},
              "|line|1\nGET / HTTP/1.0\n\n|\xb3\xcc|1\n|line|2\n|@ASSET@|K|T|--multiline--A\n|line|9\n--multiline--A\n"
              "|@REMOVE_ASSET@|K\n* description: x\n|line|3\n"),
        "line=1; line=2; line=3 [2: a line of the adapter cannot be read: it is not UTF-8: choose UTF-8 in the "
        "adapter, or texts of ASCII]");
    Planned planned{{property("line", "line", kInteger)}};
    EXPECT_EQ(planned.driver->no_answer(8000).text(),
              "the adapter said nothing within 8000 ms: is it the port of the adapter, usually 7878?");
    planned.hear("|a|1|cnc:b|2\n");
    EXPECT_EQ(planned.driver->no_answer(8000).text(),
              "nothing that is asked for came within 8000 ms, but keys that no property names: a, cnc:b");
    planned.hear(std::string(70'000, 'x') + "\n");
    EXPECT_EQ(planned.driver->no_answer(8000).text(),
              "nothing that is asked for came within 8000 ms: a line of more than 65536 bytes");
    planned.driver->begin_link();
    planned.hear("|line|1\n");
    EXPECT_EQ(planned.driver->no_answer(8000).text(), "within 8000 ms not all came that is asked for");
}

TEST(ShdrDriver, Heartbeat) {
    Planned planned{{property("line", "line", kInteger)}};
    const std::string ping = "* PING\n";
    EXPECT_EQ(planned.driver->say_every(), 10 * kSecond);
    EXPECT_EQ(planned.say(), ping);
    EXPECT_EQ(planned.hear("* PONG 500\n"), "");
    EXPECT_EQ(planned.driver->say_every(), 500 * kMillisecond);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(planned.say(), ping);
        planned.hear(i % 2 ? "* PONG 500\n" : "|line|1\n");
    }
    EXPECT_EQ(planned.say(), ping);
    EXPECT_EQ(planned.say(), ping);
    EXPECT_EQ(planned.say(), "! the adapter has said nothing for 1000 ms, though it wants a heartbeat every 500 ms");
    // Another link that breaks before the first answer is no adapter without a heartbeat.
    planned.driver->begin_link();
    EXPECT_EQ(planned.driver->say_every(), 500 * kMillisecond);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(planned.say(), ping);
    EXPECT_EQ(planned.say(), "! the adapter has answered none of 3 pings, though it did before");
    // An adapter without one.
    planned.driver->begin_link();
    EXPECT_EQ(planned.driver->say_every(), 10 * kSecond);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(planned.say(), ping);
    EXPECT_EQ(planned.say(), "");
    planned.hear("* PONG none\n");
    EXPECT_EQ(planned.say(), "");
}

TEST(ShdrDriver, BrokenBytesHarmNothing) {
    Rng rng{7};
    Planned planned{{property("line", "line", kInteger), property("state", "execution,temp", kText, "run_state"),
                     property("text", "temp", kText, "text"), property("amps", "current", ValueType::number, "series"),
                     property("x", "pos", ValueType::number, "x")}};
    const std::string right =
        "2026-11-23T02:00:01Z|line|1|execution|ACTIVE|pos|1 2 "
        "3\n|temp|FAULT|1|2|HIGH|hot\n2026-11-23T02:00:01Z|current|3|"
        "2|1 2 3\n* shdrVersion: 2\n* PONG 1000\n* device: cnc\n|@ASSET@|K|T|--multiline--A\n--multiline--A\n";
    for (int i = 0; i < 2000; ++i) {
        std::string came = right;
        for (std::size_t n = rng.below(8); n > 0; --n) came[rng.below(came.size())] = static_cast<char>(rng.below(256));
        planned.hear(came, 1 + rng.below(50));
        if (i % 100 == 0) planned.driver->begin_link();
    }
}

// ---- with a session ----

const io::Address kAdapter{"10.0.0.7", 7878};

// An adapter that says what it is told to, and answers pings.
struct SimAdapter {
    explicit SimAdapter(io::Loop& loop)
        : listener(loop.listen(kAdapter, {}, [this](auto stream) { take(std::move(stream)); }).value()) {}
    void take(std::unique_ptr<io::Stream> taken) {
        ++accepted;
        stream = std::move(taken);
        io::Stream::Events events;
        events.on_data = [this](Bytes bytes) {
            pings += static_cast<int>(std::ranges::count(as_text(bytes), '\n'));
            if (!pong.empty()) say(pong);
        };
        stream->start(std::move(events));
        say(first);
    }
    void say(std::string_view text) {
        if (stream && !text.empty()) stream->send(as_bytes(text));
    }

    std::string first, pong = "* PONG 1000\n";
    int accepted = 0, pings = 0;
    std::unique_ptr<io::Stream> stream;
    std::unique_ptr<io::Listener> listener;
};

struct World {
    explicit World(std::vector<PropertyConfig> properties) : config(link(std::move(properties))) {
        session = make();
    }
    std::shared_ptr<PollSession> make() {
        return std::make_shared<PollSession>(
            SessionDeps{
                *loop, store, store, &store, [](TenantId, const io::Address&) { return Result<void>{}; }, {}, 7},
            config);
    }
    ~World() { session->stop(); }
    std::string state() const { return std::string(to_string(session->connection_status().state)); }
    // The newest reading: "4 good 3 s ago".
    std::string last(const std::string& path) {
        const Reading reading = store.of(path).back();
        return fmt::format("{} {} {} s ago", gongshu::to_string(reading.value), gongshu::to_string(reading.quality),
                           (sim.clock().now() - reading.time) / kSecond);
    }
    std::string time(DurationNs ago) { return format_time(sim.clock().now() - ago); }

    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimAdapter adapter{*plant_loop};
    std::shared_ptr<PollSession> session;
};

TEST(ShdrDriver, ASessionHearsAndKeepsTheLink) {
    World world{{property("line", "line", kInteger)}};
    world.adapter.first = world.time(kHour) + "|line|4\n";
    world.session->start();
    world.sim.run_for(10 * kSecond + 500 * kMillisecond);
    EXPECT_EQ(world.state(), "up");
    EXPECT_EQ(world.last("cnc.line"), "4 good 3610 s ago");
    EXPECT_NEAR(world.adapter.pings, 11, 1);
    world.adapter.say(world.time(-5 * kSecond) + "|line|5\n");
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.last("cnc.line"), "5 good -4 s ago");
    for (const std::string& wrong : {world.time(-10 * kHour), std::string("2001-01-01T00:00:00Z")}) {
        world.adapter.say(wrong + "|line|6\n");
        world.sim.run_for(kSecond);
        EXPECT_EQ(gongshu::to_string(world.store.of("cnc.line").back().quality), "uncertain:clock");
        EXPECT_LE(world.sim.clock().now() - world.store.of("cnc.line").back().time, kSecond);
    }
    world.adapter.say("nonsense\n");
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.session->connection_status().counters.malformed, 1u);
    EXPECT_TRUE(world.session->connection_status().last_error.starts_with("a line of the adapter cannot be read: "));
}

TEST(ShdrDriver, ASilentAdapterIsAGapAndItsOldValueEndsIt) {
    World world{{property("line", "line", kInteger)}};
    const TimeNs began = world.sim.clock().now();
    world.adapter.first = format_time(began) + "|line|4\n";
    world.session->start();
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.last("cnc.line"), "4 good 5 s ago");
    world.adapter.pong = world.adapter.first = "";
    const int accepted = world.adapter.accepted;
    world.sim.run_for(4 * kSecond);
    EXPECT_EQ(gongshu::to_string(world.store.of("cnc.line").back().quality), "bad:timeout");
    EXPECT_EQ(world.session->connection_status().last_error,
              "the adapter has said nothing for 2000 ms, though it wants a heartbeat every 1000 ms");
    // What has held since before the gap holds again from now on.
    world.adapter.first = format_time(began) + "|line|4\n";
    world.adapter.pong = "* PONG 1000\n";
    world.sim.cut(kAdapter, false);
    world.sim.run_for(kSecond);
    world.sim.heal(kAdapter);
    EXPECT_TRUE(world.sim.run_until([&] { return world.store.of("cnc.line").back().quality.good(); }, 60 * kSecond));
    EXPECT_GT(world.adapter.accepted, accepted);
    EXPECT_EQ(world.last("cnc.line"), "4 good 0 s ago");
    EXPECT_EQ(world.store.count("cnc.line", "bad:disconnected"), 1u);
}

// The clock of a machine may be some seconds ahead or minutes behind: what was said last stands last.
TEST(ShdrDriver, WhatWasSaidLastStandsLastWhateverTheMachinesClockSays) {
    for (const DurationNs off : {5 * kSecond, -5 * kMinute, -30 * kSecond}) {
        SCOPED_TRACE(off / kSecond);
        World world{{property("line", "line", kInteger)}};
        const auto newest = [&] {
            const auto& rows = world.store.of("cnc.line");
            const auto last = std::ranges::max_element(rows, {}, [](const Reading& row) { return row.time; });
            return last->quality.good() ? gongshu::to_string(last->value) : gongshu::to_string(last->quality);
        };
        world.adapter.first = format_time(world.sim.clock().now() + off) + "|line|1\n";
        world.session->start();
        for (int i = 2; i < 30; ++i) {
            world.sim.run_for(kSecond);
            world.adapter.say(format_time(world.sim.clock().now() + off) + fmt::format("|line|{}\n", i));
        }
        world.sim.run_for(kSecond);
        EXPECT_EQ(newest(), "29");
        world.adapter.first = format_time(world.sim.clock().now() + off) + "|line|29\n";
        world.sim.cut(kAdapter, false);
        world.sim.run_for(10 * kSecond);
        EXPECT_EQ(newest().substr(0, 4), "bad:") << "an outage is seen";
        world.sim.heal(kAdapter);
        EXPECT_TRUE(world.sim.run_until([&] { return newest() == "29"; }, kMinute));
        for (int i = 30; i < 400; i += 5) {
            world.adapter.say(format_time(world.sim.clock().now() + off) + fmt::format("|line|{}\n", i));
            world.sim.run_for(kSecond * (i % 3 + 1));
            ASSERT_EQ(newest(), std::to_string(i));
        }
    }
}

TEST(ShdrDriver, AfterARestartWhatHasHeldCountsAgain) {
    World world{{property("line", "line", kInteger)}};
    const TimeNs began = world.sim.clock().now();
    world.adapter.first = format_time(began) + "|line|4\n";
    world.session->start();
    world.sim.run_for(5 * kSecond);
    world.session->stop();
    world.sim.run_for(kHour);
    world.session = world.make();
    world.session->start();
    world.sim.run_for(5 * kSecond);
    const auto& rows = world.store.of("cnc.line");
    const auto last = std::ranges::max_element(rows, {}, [](const Reading& row) { return row.time; });
    EXPECT_EQ(gongshu::to_string(last->quality), "good");
    EXPECT_EQ(world.store.count("cnc.line", "bad:stopped"), 1u);
}

// Adapters say all they know to a new link alone.
TEST(ShdrDriver, ANewPropertyOpensTheLinkAnew) {
    World world{{property("line", "line", kInteger)}};
    world.adapter.first = "|line|4|program|O1\n";
    world.session->start();
    world.sim.run_for(2 * kSecond);
    LinkConfig more = world.config;
    more.devices[0].properties.push_back(property("program", "program", kText));
    EXPECT_FALSE(more.same_link(world.config));
    world.session->reconfigure(more);
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.adapter.accepted, 2);
    EXPECT_TRUE(world.last("cnc.program").starts_with("O1 good"));
    EXPECT_TRUE(world.last("cnc.line").starts_with("4 good"));
}

}  // namespace
}  // namespace gongshu::connect
