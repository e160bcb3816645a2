// Sessions with a server of open62541 in the simulated network.
#include <gtest/gtest.h>

#include "connect/poll_session.h"
#include "connect/sim_store.h"
#include "connect/sim_ua_server.h"
#include "connect/ua_driver.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "io/tls.h"

namespace gongshu::connect {
namespace {

const io::Address kServer{"10.0.0.9", 4840};

PropertyConfig property(const std::string& name, const std::string& at, ValueType type = ValueType::number) {
    PropertyConfig config;
    config.name = name;
    config.type = type;
    config.period = 100 * kMillisecond;
    config.place.at = at;
    return config;
}

LinkConfig link() {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "press";
    config.protocol = "opcua";
    config.language = Language::opcua;
    config.host = kServer.host;
    config.port = kServer.port;
    config.timeout = 2 * kSecond;
    config.opcua.url = "opc.tcp://10.0.0.9:4840";
    config.opcua.publishing = 200 * kMillisecond;
    config.devices = {
        {"d1", "s/press", 1, true, {property("speed", "ns=1;s=speed"), property("force", "ns=1;s=force")}}};
    return config;
}

struct World {
    explicit World(SimUaServer::Options options = {}, LinkConfig wanted = link(),
                   TargetPolicy policy = make_target_policy({}))
        : config(std::move(wanted)), server(*plant_loop, kServer, std::move(options)) {
        server.value("speed", 100, sim.clock().now());
        server.value("force", 5, sim.clock().now());
        session = std::make_shared<PollSession>(SessionDeps{*loop, store, store, &store, std::move(policy), {}, 7},
                                                config);
        session->start();
    }
    ~World() {
        session->stop();
        sim.run_for(kSecond);
    }
    ConnectionStatus status() const { return session->connection_status(); }
    bool run_until(const std::function<bool()>& done) { return sim.run_until(done, 120 * kSecond); }
    bool up() {
        return run_until([&] { return status().state == LinkState::up && !store.of("s/press.force").empty(); });
    }
    std::string last(const std::string& path) {
        const auto& readings = store.of(path);
        if (readings.empty()) return "nothing";
        const Reading& last = readings.back();
        return (last.quality.usable() ? gongshu::to_string(last.value) + " " : "") + to_string(last.quality);
    }

    io::SimWorld sim{3};
    std::unique_ptr<io::Loop> loop = sim.make_loop(), plant_loop = sim.make_loop();
    SimStore store{*loop};
    LinkConfig config;
    SimUaServer server;
    std::shared_ptr<PollSession> session;
};

TEST(UaSession, HearsWhatChanges) {
    World world;
    ASSERT_TRUE(world.up()) << world.status().last_error;
    EXPECT_EQ(world.last("s/press.speed"), "100 good");
    const std::size_t before = world.store.of("s/press.force").size();
    const TimeNs time = world.sim.clock().now() / 100 * 100;  // as fine as its times are
    world.server.value("speed", 120.5, time);
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "120.5 good"; }));
    EXPECT_EQ(world.store.of("s/press.speed").back().time, time) << "the machine's own time";
    world.sim.run_for(20 * kSecond);
    EXPECT_EQ(world.store.of("s/press.force").size(), before) << "what does not change is not said again";
    EXPECT_EQ(world.status().last_error, "");
    EXPECT_GT(world.status().latency_ms, 0);
    EXPECT_EQ(world.server.sessions(), 1u);
}

TEST(UaSession, SaysWhatIsWrongWithAValue) {
    World world;
    ASSERT_TRUE(world.up());
    world.server.value("speed", 1, world.sim.clock().now(), UA_STATUSCODE_BADSENSORFAILURE);
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "bad:sensor"; }));
    EXPECT_EQ(world.session->device_status(world.sim.clock().now())[0].last_error,
              "speed: BadSensorFailure (the sensor failed)");
    world.server.value("speed", 2, world.sim.clock().now(), UA_STATUSCODE_UNCERTAINSENSORNOTACCURATE);
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "2 uncertain:sensor"; }));
}

TEST(UaSession, ComesBackAfterARestart) {
    World world;
    ASSERT_TRUE(world.up());
    world.server.power_off();
    ASSERT_TRUE(world.run_until([&] { return world.status().state == LinkState::backing_off; }));
    EXPECT_EQ(world.last("s/press.speed"), "bad:disconnected");
    EXPECT_GT(world.status().next_try, 0);
    world.server.power_on();
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "100 good"; }))
        << world.status().last_error;
    world.server.value("speed", 101, world.sim.clock().now());
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "101 good"; }));
    EXPECT_EQ(world.store.count("s/press.speed", "bad:disconnected"), 1u);
}

TEST(UaSession, NoticesAServerThatHangs) {
    World world;
    ASSERT_TRUE(world.up());
    world.server.silent = true;
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "bad:timeout"; }));
    ASSERT_TRUE(world.run_until([&] { return world.status().state == LinkState::backing_off; }));
    world.server.silent = false;
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "100 good"; }))
        << world.status().last_error;
}

TEST(UaSession, ANodeThatIsNotThereSpoilsNothing) {
    auto config = link();
    config.devices[0].properties.push_back(property("gone", "ns=1;s=gone"));
    config.devices[0].properties.push_back(property("strange", "nsu=urn:nobody;s=x"));
    World world({}, config);
    ASSERT_TRUE(world.up());
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.strange") == "bad:refused"; }));
    EXPECT_EQ(world.last("s/press.gone"), "bad:refused");
    EXPECT_EQ(world.last("s/press.speed"), "100 good");
    EXPECT_EQ(world.status().state, LinkState::up);
    world.server.value("gone", 7, world.sim.clock().now());
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.gone") == "7 good"; })) << "it is asked for again";
}

TEST(UaSession, AnEditTouchesNothingElse) {
    World world;
    ASSERT_TRUE(world.up());
    const int accepted = world.server.accepted;
    const std::size_t before = world.store.of("s/press.force").size();
    world.server.value("temp", 30, world.sim.clock().now());
    auto config = world.config;
    config.devices[0].properties[0] = property("temp", "ns=1;s=temp");
    world.session->reconfigure(config);
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.temp") == "30 good"; }));
    EXPECT_EQ(world.last("s/press.speed"), "bad:stopped");
    world.server.value("speed", 1, world.sim.clock().now());
    world.server.value("temp", 31, world.sim.clock().now());
    ASSERT_TRUE(world.run_until([&] { return world.last("s/press.temp") == "31 good"; }));
    EXPECT_EQ(world.last("s/press.speed"), "bad:stopped");
    EXPECT_EQ(world.store.of("s/press.force").size(), before);
    EXPECT_EQ(world.server.accepted, accepted);
}

TEST(UaSession, KeepsTheLimitsOfTheServer) {
    auto config = link();
    for (int i = 0; i < 50; ++i) {
        const std::string name = fmt::format("v{}", i);
        config.devices[0].properties.push_back(property(name, "ns=1;s=" + name));
    }
    World world({.read_max = 7, .follow_max = 3}, config);
    for (int i = 0; i < 50; ++i) world.server.value(fmt::format("v{}", i), i, world.sim.clock().now());
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.v49") == "49 good"; })) << world.status().last_error;
    world.server.value("v49", 50, world.sim.clock().now());
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.v49") == "50 good"; }));
}

// It is called by a name that leads nowhere; what was configured is connected to.
TEST(UaSession, ConnectsToWhatItWasTold) {
    std::vector<std::string> asked;
    World world({.called = "factory-pc.example"}, link(), [&](TenantId, const io::Address& target) -> Result<void> {
        asked.push_back(io::to_string(target));
        return {};
    });
    ASSERT_TRUE(world.up()) << world.status().last_error;
    EXPECT_GE(asked.size(), 4u);
    for (const std::string& target : asked) EXPECT_TRUE(target.starts_with("10.0.0.9")) << target;
}

TEST(UaSession, GoesNowhereWithoutPermission) {
    World world({}, link(), [](TenantId, const io::Address&) -> Result<void> {
        return Error{Code::denied, "not allowed"};
    });
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.server.accepted, 0);
    EXPECT_EQ(world.status().last_error, "not allowed");
}

TEST(UaSession, LeavesNoSessionBehind) {
    World world;
    ASSERT_TRUE(world.up());
    EXPECT_EQ(world.server.sessions(), 1u);
    world.session->stop();
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.server.sessions(), 0u);
}

TEST(UaSession, SaysLessThanADeadBand) {
    auto config = link();
    config.devices[0].properties[0].place.dead_band = 2;
    World world({}, config);
    ASSERT_TRUE(world.up());
    for (const double value : {101.0, 99.0, 101.9, 103.0, 104.0}) {
        world.server.value("speed", value, world.sim.clock().now());
        world.sim.run_for(kSecond);
    }
    EXPECT_EQ(world.store.of("s/press.speed").size(), 2u);
    EXPECT_EQ(world.last("s/press.speed"), "103 good");
}

TEST(UaValue, IsAlwaysAText) {
    const auto read = [](const std::string& from) {
        UA_String text = ua_string(from);
        UA_DataValue value;
        UA_DataValue_init(&value);
        value.hasValue = true;
        UA_Variant_setScalar(&value.value, &text, &UA_TYPES[UA_TYPES_STRING]);
        return std::get<std::string>(reading_of(property("t", "ns=1;s=t", ValueType::text), value).value);
    };
    const std::string strange = "\xEF\xBF\xBD", padded(63, 'x');
    EXPECT_EQ(read(""), "");
    EXPECT_EQ(read("温度"), "温度");
    EXPECT_EQ(read("a\xff\xfe b"), "a" + strange + strange + " b");
    EXPECT_EQ(read("ab\xe6\xb8"), "ab" + strange + strange);
    EXPECT_EQ(read(padded + "温度"), padded + "温度") << "across a boundary";
    EXPECT_EQ(read(padded + "\xe6"), padded + strange);
}

TEST(UaSession, CutsALongText) {
    auto config = link();
    for (const char* const name : {"long", "wide", "bytes"})
        config.devices[0].properties.push_back(property(name, std::string("ns=1;s=") + name, ValueType::text));
    World world({}, config);
    std::string wide;
    while (wide.size() < 70'000) wide += "温";
    world.server.text("long", std::string(70'000, 'a'));
    world.server.text("wide", wide);
    world.server.bytes("bytes", std::string(100'000, 'a'));
    ASSERT_TRUE(world.run_until([&] { return !world.store.of("s/press.wide").empty(); })) << world.status().last_error;
    const auto check = [&](const std::string& path, std::size_t bytes) {
        const Reading& reading = world.store.of(path).back();
        EXPECT_EQ(std::get<std::string>(reading.value).size(), bytes) << path;
        EXPECT_EQ(to_string(reading.quality), "bad:range") << path;
    };
    check("s/press.long", 65536);
    check("s/press.wide", 65535);
    check("s/press.bytes", 65536);
    EXPECT_EQ(world.session->device_status(world.sim.clock().now())[0].last_error,
              "wide: the device says a text of more than 65536 bytes: what is behind them is cut off");
}

// ---- security ----

std::shared_ptr<const UaIdentity> identity() {
    static io::SimFiles files;
    static const auto made = ua_identity(files, "/k").value();
    return made;
}
std::shared_ptr<const UaIdentity> other_identity() {
    static io::SimFiles files;
    static const auto made = ua_identity(files, "/k").value();
    return made;
}

LinkConfig safe_link(UaPolicy policy = UaPolicy::basic256sha256, UaMode mode = UaMode::sign_and_encrypt) {
    LinkConfig config = link();
    config.opcua.identity = other_identity();
    config.opcua.policy = policy;
    config.opcua.mode = mode;
    config.opcua.fingerprint = to_hex(io::sha256(identity()->certificate));
    return config;
}

TEST(UaSession, SignsAndEncrypts) {
    for (const UaPolicy policy :
         {UaPolicy::basic256sha256, UaPolicy::aes128_sha256_rsaoaep, UaPolicy::aes256_sha256_rsapss}) {
        for (const UaMode mode : {UaMode::sign, UaMode::sign_and_encrypt}) {
            World world({.secure = true, .identity = identity()}, safe_link(policy, mode));
            ASSERT_TRUE(world.up()) << static_cast<int>(policy) << world.status().last_error;
            world.server.value("speed", 7, world.sim.clock().now());
            EXPECT_TRUE(world.run_until([&] { return world.last("s/press.speed") == "7 good"; }));
        }
    }
}

TEST(UaSession, AcceptsNoCertificateUnseen) {
    auto config = safe_link();
    const std::string right = config.opcua.fingerprint;
    config.opcua.fingerprint.clear();
    World world({.secure = true, .identity = identity()}, config);
    world.sim.run_for(5 * kSecond);
    const std::string error = world.status().last_error;
    EXPECT_TRUE(error.starts_with("the server's certificate is not accepted yet")) << error;
    EXPECT_TRUE(error.ends_with(io::fingerprint_text(right))) << error;
    EXPECT_EQ(world.server.sessions(), 0u);
    config.opcua.fingerprint = std::string(64, '0');
    world.session->reconfigure(config);
    world.sim.run_for(5 * kSecond);
    EXPECT_TRUE(world.status().last_error.starts_with("the server shows another certificate"))
        << world.status().last_error;
    config.opcua.fingerprint = right;
    world.session->reconfigure(config);
    EXPECT_TRUE(world.up()) << world.status().last_error;
}

TEST(UaSession, SignsIn) {
    const SimUaServer::Options options{.secure = true, .identity = identity(), .user = "li", .password = "p-9"};
    auto config = safe_link();
    World world(options, config);
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.status().last_error,
              "the OPC UA server lets nobody in without a user name: set user and password");
    config.opcua.user = "li";
    config.opcua.password = "wrong";
    world.session->reconfigure(config);
    world.sim.run_for(5 * kSecond);
    EXPECT_TRUE(world.status().last_error.starts_with("the OPC UA server refuses this user name or password"))
        << world.status().last_error;
    config.opcua.password = "p-9";
    world.session->reconfigure(config);
    EXPECT_TRUE(world.up()) << world.status().last_error;
}

TEST(UaSession, SaysWhatTheServerOffersInstead) {
    World world({}, safe_link());
    world.sim.run_for(5 * kSecond);
    EXPECT_EQ(world.status().last_error, "the OPC UA server does not offer Basic256Sha256 SignAndEncrypt, but: None");
}

TEST(UaIdentity, IsMadeOnceAndKept) {
    io::SimFiles files;
    const auto first = ua_identity(files, "/k").value();
    EXPECT_TRUE(first->uri.starts_with("urn:gongshu:"));
    const auto again = ua_identity(files, "/k").value();
    EXPECT_EQ(first->uri, again->uri);
    EXPECT_EQ(first->certificate, again->certificate);
    EXPECT_EQ(first->key, again->key);
    EXPECT_TRUE(io::write_whole(files, "/k/opcua.key", as_bytes("nonsense")));
    EXPECT_NE(ua_identity(files, "/k").error().text().find("is no key of OPC UA"), std::string::npos);
}

// ---- commands ----

TEST(UaSession, WritesAndReadsBack) {
    auto config = link();
    config.writes_enabled = true;
    config.devices[0].properties[0].writable = true;
    config.devices[0].properties[0].place.scale = 0.5;
    World world({}, config);
    ASSERT_TRUE(world.up());
    const auto write = [&](Value value) {
        std::optional<Result<CommandResult>> got;
        WriteJob job;
        job.device_uid = "d1";
        job.property = "speed";
        job.value = std::move(value);
        job.done = [&](Result<CommandResult> result) { got = std::move(result); };
        world.session->write(std::move(job));
        EXPECT_TRUE(world.run_until([&] { return got.has_value(); }));
        return *got;
    };
    const auto done = write(60.0);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(done->done) << done->error;
    EXPECT_EQ(done->read_back, Value{60.0});
    EXPECT_EQ(world.server.held("speed"), 120);
    EXPECT_TRUE(world.run_until([&] { return world.last("s/press.speed").starts_with("60 "); }));
    const auto refused = write(std::string("fast"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(), "the server holds Double, which is no text");
    EXPECT_EQ(world.server.held("speed"), 120);
}

}  // namespace
}  // namespace gongshu::connect
