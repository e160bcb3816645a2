#include "broker/broker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/testing/world.h"

namespace gongshu::broker {
namespace {

using namespace wire::mqtt;
using testing::Client;
using testing::World;

constexpr Version kBoth[] = {Version::v311, Version::v5};
constexpr TenantId kTenant{1};

TEST(Broker, RefusesWhoIsNotKnown) {
    auto f = [](Version version, const char* username, const char* password, const char* want) {
        World world;
        auto client = world.dial(version);
        Connect connect = client->make_connect(username, "c");
        connect.password = password;
        client->connect(connect);
        world.run();
        EXPECT_EQ(client->take(), want) << username;
        EXPECT_TRUE(world.broker->sessions(kTenant).empty() || std::string(want) == "CONNACK 0 00");
    };
    f(Version::v311, "user:admin", "secret", "CONNACK 0 00");
    f(Version::v5, "user:admin", "secret", "CONNACK 0 00");
    f(Version::v311, "user:admin", "wrong", "CONNACK 0 86; closed");
    f(Version::v5, "user:admin", "wrong", "CONNACK 0 86; closed");
    f(Version::v5, "user:nobody", "secret", "CONNACK 0 86; closed");
}

TEST(Broker, HoldsPacketsUntilTheClientIsRecognised) {
    for (const Version version : kBoth) {
        World world;
        world.authenticator.slow = true;
        auto client = world.dial(version);
        client->connect(client->make_connect("user:admin", "c"));
        client->subscribe("a/#");
        client->publish("a/b", "1");
        client->send(Pingreq{});
        world.run();
        EXPECT_EQ(client->take(), "CONNACK 0 00; SUBACK 1 00; PUBLISH a/b q0 1; PINGRESP");
    }
}

// Once for each filter, not for each message; what stays here is not even given as retained.
TEST(Broker, AsksWhetherATopicMayLeave) {
    for (const Version version : kBoth) {
        World world;
        world.egress.refused = "recipe/#";
        auto writer = world.join(version, "user:admin", "writer");
        writer->publish("recipe/a", "secret", 1, 1, true);
        writer->publish("rate/a", "5", 1, 2, true);
        world.run();
        auto reader = world.join(version, "user:admin", "reader");
        reader->send(Subscribe{.packet_id = 3,
                               .subscriptions = {{.filter = "recipe/#", .qos = 0}, {.filter = "rate/#", .qos = 0}}});
        world.run();
        for (int i = 0; i < 3; ++i) {
            writer->publish("recipe/b", "secret");
            writer->publish("rate/b", "6");
        }
        world.run();
        const std::string no = version == Version::v5 ? "87" : "80";
        EXPECT_EQ(reader->take(), "SUBACK 3 " + no +
                                      " 00; PUBLISH rate/a q0 retained 5; PUBLISH rate/b q0 6; PUBLISH rate/b q0 6; "
                                      "PUBLISH rate/b q0 6");
        EXPECT_EQ(world.egress.asked,
                  (std::vector<std::string>{"user:admin mqtt recipe/#", "user:admin mqtt rate/#"}));
    }
}

TEST(Broker, AnswersASeriesOfExchanges) {
    for (const Version version : kBoth) {
        World world;
        auto one = world.join(version, "user:admin", "one");
        auto two = world.join(version, "user:admin", "two");
        auto say = [&](const char* want_one, const char* want_two) {
            world.run();
            EXPECT_EQ(one->take(), want_one) << static_cast<int>(version);
            EXPECT_EQ(two->take(), want_two) << static_cast<int>(version);
        };
        const std::string unmatched = version == Version::v5 ? " 10" : "";
        one->send(Subscribe{
            .packet_id = 5,
            .subscriptions = {{.filter = "a/+", .qos = 0}, {.filter = "b/#", .qos = 1}, {.filter = "c", .qos = 2}}});
        say("SUBACK 5 00 01 02", "");
        two->publish("a/x", "zero", 1, 7);
        say("PUBLISH a/x q0 zero", "PUBACK 7");
        two->publish("b/x/y", "one", 1, 8);
        say("PUBLISH b/x/y q1 #1 one", "PUBACK 8");
        two->publish("b", "two", 2, 9);
        say("PUBLISH b q1 #2 two", "PUBREC 9; PUBCOMP 9");
        two->publish("c", "three", 2, 9);
        say("PUBLISH c q2 #3 three; PUBREL 3", "PUBREC 9; PUBCOMP 9");
        two->publish("elsewhere", "x", 1, 10);
        say("", ("PUBACK 10" + unmatched).c_str());
        two->publish("a/x/y", "x", 0);
        say("", "");
        one->send(Unsubscribe{.packet_id = 6, .filters = {"a/+", "zzz"}});
        say(version == Version::v5 ? "UNSUBACK 6 00 11" : "UNSUBACK 6", "");
        two->publish("a/x", "gone", 0);
        say("", "");
        one->send(Pingreq{});
        say("PINGRESP", "");
        one->send(Disconnect{});
        world.run();
        EXPECT_TRUE(one->closed());
        EXPECT_EQ(world.broker->sessions(kTenant).size(), 1u);
    }
}

TEST(Broker, ClosesWhoBreaksTheProtocolAndNobodyElse) {
    auto f = [](Version version, const Packet& packet, const char* want) {
        World world;
        auto other = world.join(version, "user:admin", "other");
        other->subscribe("t");
        auto client = world.join(version, "user:admin", "c");
        client->send(packet);
        world.run();
        EXPECT_EQ(client->take(), version == Version::v5 ? fmt::format("DISCONNECT {}; closed", want) : "closed");
        auto third = world.join(version, "user:admin", "third");
        third->publish("t", "still here");
        world.run();
        EXPECT_EQ(other->take(), "SUBACK 1 00; PUBLISH t q0 still here");
    };
    for (const Version version : kBoth) {
        f(version, Connect{.version = version, .client_id = "again"}, "82");
        f(version, Connack{}, "82");
        f(version, Pingresp{}, "82");
        f(version, Subscribe{.packet_id = 1}, "82");
        f(version, Subscribe{.packet_id = 1, .subscriptions = {{.filter = "a#"}}}, "82");
    }
    f(Version::v5, Auth{}, "82");
    f(Version::v5, Publish{.topic = "t", .properties = {.topic_alias = 33}}, "94");
    f(Version::v5, Publish{.topic = "", .properties = {.topic_alias = 3}}, "82");
    f(Version::v5, Disconnect{.properties = {.session_expiry_s = 5}}, "82");
    const std::string large(2 << 20, 'x');
    f(Version::v5, Publish{.topic = "t", .payload = as_bytes(large)}, "95");
}

TEST(Broker, AcknowledgesReadingsOnlyWhenTheyAreDurableAndInOrder) {
    for (const Version version : kBoth) {
        World world;
        auto device = world.join(version, "device:site/m1", "m1");
        auto reader = world.join(version, "user:viewer", "reader");
        reader->subscribe("gongshu/v1/#", 1);
        world.run();
        (void)reader->take();
        world.sink.hold = true;
        device->publish("gongshu/v1/site/m1", R"({"t":21,"on":true})", 1, 1);
        device->publish("devices/site/m1/log", "free", 1, 2);
        device->publish("gongshu/v1/site/m1", R"({"t":22.5})", 1, 3);
        world.run(kSecond);
        EXPECT_EQ(device->take(), "");
        EXPECT_EQ(reader->take(), "");
        EXPECT_EQ(world.sink.held(), 2u);
        world.sink.release(1);
        world.run();
        EXPECT_EQ(device->take(), version == Version::v5 ? "PUBACK 1; PUBACK 2 10" : "PUBACK 1; PUBACK 2");
        EXPECT_EQ(reader->take(), "PUBLISH gongshu/v1/site/m1 q1 #1 {\"t\":21,\"on\":true}");
        world.sink.release();
        world.run();
        EXPECT_EQ(device->take(), "PUBACK 3");
        ASSERT_EQ(world.sink.readings.size(), 3u);
        EXPECT_EQ(world.sink.durabilities[0], Durability::sync);
        EXPECT_EQ(world.tags.tags[0].path, "site/m1.t");
        EXPECT_EQ(world.tags.tags[0].key.source, "d:uid-site/m1");
        EXPECT_EQ(world.tags.tags[0].type, ValueType::number);
        EXPECT_EQ(world.tags.tags[1].type, ValueType::boolean);
        EXPECT_EQ(world.sink.readings[2].value, Value{22.5});
    }
}

TEST(Broker, TakesThingsBoardTelemetryAndPathsOfGateways) {
    World world;
    auto device = world.join(Version::v311, "device:site/m1", "m1");
    auto gateway = world.join(Version::v5, "user:engineer", "gateway");
    gateway->subscribe("gongshu/v1/+/+", 0);
    device->publish("v1/devices/me/telemetry", R"({"ts":1700000000000,"values":{"a":1}})", 1, 1);
    world.run();
    gateway->publish("gongshu/v1/site/m2", R"({"b":2})", 1, 9);
    gateway->publish("gongshu/v1/site/m2", R"({"b":3})", 0);
    world.run();
    EXPECT_EQ(device->take(), "PUBACK 1");
    EXPECT_EQ(gateway->take(),
              "SUBACK 1 00; PUBLISH gongshu/v1/site/m1 q0 {\"ts\":1700000000000,\"values\":{\"a\":1}}; PUBLISH "
              "gongshu/v1/site/m2 q0 {\"b\":2}; "
              "PUBACK 9; PUBLISH gongshu/v1/site/m2 q0 {\"b\":3}");
    ASSERT_EQ(world.sink.readings.size(), 3u);
    EXPECT_EQ(world.sink.readings[0].time, 1'700'000'000 * kSecond);
    EXPECT_EQ(world.sink.durabilities[2], Durability::interval);
    EXPECT_EQ(world.tags.tags[1].key.source, "p:site/m2");
    EXPECT_EQ(world.tags.tags[1].path, "site/m2.b");
    const auto devices = world.broker->devices(kTenant);
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_TRUE(devices[0].connected);
    EXPECT_EQ(devices[0].uid, "uid-site/m1");
    EXPECT_EQ(devices[1].readings, 2u);
    EXPECT_FALSE(devices[1].connected);
}

TEST(Broker, SaysWhatItCannotUse) {
    // What the client is told, and the reason in the dead letter.
    auto f = [](Version version, const char* who, const char* topic, std::string payload, std::uint8_t qos,
                const char* want, const char* reason) {
        World world;
        auto client = world.join(version, who, "c1");
        client->publish(topic, payload, qos, qos ? 4 : 0);
        world.run();
        EXPECT_EQ(client->take(), want) << topic;
        ASSERT_EQ(world.sink.events.size(), 1u) << topic;
        EXPECT_EQ(world.sink.events[0].kind, "dead_letter");
        EXPECT_EQ(world.sink.events[0].tenant, kTenant);
        EXPECT_NE(world.sink.events[0].body.find(reason), std::string::npos) << world.sink.events[0].body;
        EXPECT_TRUE(world.sink.readings.empty());
        client->send(Pingreq{});
        world.run();
        EXPECT_EQ(client->take(), "PINGRESP");
    };
    f(Version::v5, "device:s/m", "gongshu/v1/s/m", "{\"a\":}", 1, "PUBACK 4 99", "byte 5: expected a value, found '}'");
    f(Version::v311, "device:s/m", "gongshu/v1/s/m", "{\"a\":}", 1, "PUBACK 4", "byte 5");
    f(Version::v5, "device:s/m", "gongshu/v1/s/m", "{\"a\":}", 2, "PUBREC 4 99", "byte 5");
    f(Version::v311, "device:s/m", "gongshu/v1/s/m", "\xff\x00", 0, "", "byte 0");
    f(Version::v5, "device:s/m", "gongshu/v1/s/other", "{\"a\":1}", 1, "PUBACK 4 87",
      "device:s/m may not publish to gongshu/v1/s/other");
    f(Version::v311, "device:s/m", "gongshu/v1/s/mm", "{\"a\":1}", 1, "PUBACK 4", "may not publish");
    f(Version::v5, "user:viewer", "a", "x", 1, "PUBACK 4 87", "user:viewer may not publish to a");
    f(Version::v5, "user:engineer", "$SYS/a", "x", 1, "PUBACK 4 87", "$SYS/a");
    f(Version::v5, "user:engineer", "gongshu/v1/", "{}", 1, "PUBACK 4 90", "names no device");
    f(Version::v5, "user:engineer", "v1/devices/me/telemetry", "{\"a\":1}", 1, "PUBACK 4 90", "names no device");
    f(Version::v5, "user:engineer", "gongshu/v1/a/*/b", "{\"a\":1}", 1, "PUBACK 4 90", "* and ? are for questions");
    f(Version::v5, "user:engineer", "gongshu/v1/a//b", "{\"a\":1}", 1, "PUBACK 4 90", "has an empty part");
    f(Version::v5, "user:engineer", "gongshu/v1/a/..", "{\"a\":1}", 1, "PUBACK 4 90", "nothing but dots");
    f(Version::v5, "device:s/m", "gongshu/v1/s/m", "{\"a\":1e400}", 1, "PUBACK 4 99", "64 bits do not hold");
    f(Version::v5, "device:s/m", "gongshu/v1/s/m", "{\"\xff\":1}", 1, "PUBACK 4 99", "is not UTF-8");
    f(Version::v5, "user:engineer", "gongshu/v1/a", std::string(300, 'x'), 1, "PUBACK 4 99", "\"bytes\":300");
}

TEST(Broker, KeepsTheValuesBesideOneThatCannotBeUsed) {
    auto f = [](std::string_view payload, const char* reason, std::size_t readings) {
        World world;
        auto client = world.join(Version::v5, "device:s/m", "c1");
        client->subscribe("gongshu/v1/s/m");
        client->publish("gongshu/v1/s/m", payload, 1, 4);
        world.run();
        EXPECT_EQ(client->take(), fmt::format("SUBACK 1 00; PUBLISH gongshu/v1/s/m q0 {}; PUBACK 4", payload));
        EXPECT_EQ(world.sink.readings.size(), readings) << payload;
        ASSERT_EQ(world.sink.events.size(), 1u) << payload;
        EXPECT_EQ(world.sink.events[0].kind, "dead_letter");
        EXPECT_NE(world.sink.events[0].body.find(reason), std::string::npos) << world.sink.events[0].body;
        const auto devices = world.broker->devices(kTenant);
        ASSERT_EQ(devices.size(), 1u);
        EXPECT_FALSE(devices[0].last_error.empty());
    };
    f(R"({"a":1,"b":1e400,"c":true})", R"(field \"b\": 1e400 is a number that 64 bits do not hold)", 2);
    f(R"({"a":123456789012345678901234567890,"c":1})", "123456789012345678901234567890 is a number", 1);
    f(R"({"*":1,"c":1})", R"(field \"*\": * and ? are for questions)", 1);
    f(R"({"/":1,"c":1})", "has an empty part", 1);
    f(R"({"a//b":1,"c":1})", "has an empty part", 1);
    f(R"({"..":1,"c":1})", "has no name after the dot", 1);
    f(R"({"x/..":1,"c":1})", "nothing but dots", 1);
    f(R"({"1*":1,"2*":1,"3*":1,"4*":1,"5*":1,"6*":1,"c":1})", "; and 1 more", 1);
}

TEST(Broker, LimitsDeadLetters) {
    World world{1, {.dead_letters_per_minute = 3}};
    auto client = world.join(Version::v5, "device:s/m", "m");
    for (std::uint16_t i = 1; i <= 10; ++i) client->publish("gongshu/v1/s/m", "no json", 1, i);
    world.run();
    EXPECT_EQ(world.sink.events.size(), 3u);
    EXPECT_NE(client->take().find("PUBACK 10 99"), std::string::npos);
    EXPECT_NE(world.metrics.render().find("gongshu_mqtt_dead_letters_total{tenant=\"1\"} 10"), std::string::npos);
    world.run(kMinute);
    auto again = world.join(Version::v5, "device:s/m", "m2");
    again->publish("gongshu/v1/s/m", "no json", 1, 1);
    world.run();
    EXPECT_EQ(world.sink.events.size(), 4u);
}

TEST(Broker, AcknowledgesNothingWhileTheStoreIsReadOnly) {
    for (const std::uint8_t qos : {std::uint8_t{1}, std::uint8_t{2}}) {
        World world;
        auto old = world.join(Version::v311, "device:s/m", "old");
        auto fresh = world.join(Version::v5, "device:s/m", "fresh");
        world.sink.read_only = true;
        old->publish("gongshu/v1/s/m", "{\"a\":1}", qos, 1);
        fresh->publish("gongshu/v1/s/m", "{\"a\":1}", qos, 1);
        world.run();
        EXPECT_EQ(old->take(), "closed");
        EXPECT_EQ(fresh->take(), qos == 1 ? "PUBACK 1 97" : "PUBREC 1 97");
        EXPECT_EQ(std::get<Ack>(fresh->last_packet).properties.reason_string, "store is read-only: disk full");
        world.sink.read_only = false;
        fresh->publish("gongshu/v1/s/m", "{\"a\":1}", qos, 1);
        world.run();
        EXPECT_EQ(fresh->take(), qos == 1 ? "PUBACK 1" : "PUBREC 1; PUBCOMP 1");
    }
}

TEST(Broker, TooManyNewTagsAreTheSendersToKeep) {
    World world;
    world.tags.tags_max = 1;
    auto client = world.join(Version::v5, "device:s/m", "m");
    client->publish("gongshu/v1/s/m", "{\"a\":1}", 1, 1);
    client->publish("gongshu/v1/s/m", "{\"b\":1}", 1, 2);
    world.run();
    EXPECT_EQ(client->take(), "PUBACK 1; PUBACK 2 97");
}

TEST(Broker, TenantsNeverMeet) {
    World world;
    auto a = world.join(Version::v5, "user:admin", "same");
    auto b = world.join(Version::v311, "user:admin@2", "same");
    auto device_a = world.join(Version::v5, "device:site/m", "m");
    auto device_b = world.join(Version::v5, "device:site/m@2", "m");
    for (auto* one : {a.get(), b.get()}) {
        one->subscribe("#", 1);
        one->subscribe("gongshu/v1/site/m", 1, 2);
    }
    world.run();
    (void)a->take();
    (void)b->take();
    device_a->publish("gongshu/v1/site/m", "{\"x\":1}", 1, 1, true);
    device_b->publish("gongshu/v1/site/m", "{\"x\":2}", 1, 1, true);
    a->publish("free", "of a", 0, 0, true);
    world.run();
    EXPECT_EQ(a->take(), "PUBLISH free q0 of a; PUBLISH gongshu/v1/site/m q1 #1 {\"x\":1}");
    EXPECT_EQ(b->take(), "PUBLISH gongshu/v1/site/m q1 #1 {\"x\":2}");
    auto late = world.join(Version::v5, "user:admin@2", "late");
    late->subscribe("#");
    world.run();
    EXPECT_EQ(late->take(), "SUBACK 1 00; PUBLISH gongshu/v1/site/m q0 retained {\"x\":2}");
    ASSERT_EQ(world.tags.tags.size(), 2u);
    EXPECT_NE(world.tags.tags[0].key.tenant, world.tags.tags[1].key.tenant);
    EXPECT_EQ(world.broker->sessions(kTenant).size(), 2u);
    EXPECT_EQ(world.broker->sessions(TenantId{2}).size(), 3u);
    EXPECT_EQ(world.broker->devices(TenantId{2}).size(), 1u);
    world.broker->drop(kTenant, "");
    world.run();
    EXPECT_TRUE(a->closed());
    EXPECT_FALSE(b->closed());
    EXPECT_TRUE(world.broker->sessions(kTenant).empty());
}

TEST(Broker, AConnectionEndsWithItsToken) {
    for (const Version version : {Version::v311, Version::v5}) {
        World world;
        auto forever = world.join(version, "user:viewer", "forever");
        world.authenticator.expires = world.sim.clock().now() + 60 * kSecond;
        auto client = world.join(version, "user:viewer", "c");
        client->subscribe("t");
        world.run(59 * kSecond);
        (void)client->take();
        world.broker->publish(kTenant, "t", {'a'}, 0, false);
        world.run();
        EXPECT_EQ(client->take(), "PUBLISH t q0 a");
        EXPECT_FALSE(client->closed());
        world.run(2 * kSecond);
        EXPECT_TRUE(client->closed());
        EXPECT_EQ(client->take(), version == Version::v5 ? "DISCONNECT 87; closed" : "closed");
        EXPECT_FALSE(forever->closed());
    }
}

TEST(Broker, DevicesSeeOnlyTheirOwn) {
    World world;
    auto device = world.join(Version::v5, "device:s/m", "m");
    device->send(Subscribe{.packet_id = 1,
                           .subscriptions = {{.filter = "devices/s/m/commands/#"},
                                             {.filter = "gongshu/v1/s/m"},
                                             {.filter = "#"},
                                             {.filter = "devices/+/m/x"},
                                             {.filter = "devices/s/other/#"},
                                             {.filter = "gongshu/v1/s/+"},
                                             {.filter = "$SYS/#"},
                                             {.filter = "devices/s/mm/x"},
                                             {.filter = "$share/g/devices/s/m/x"}}});
    world.run();
    EXPECT_EQ(device->take(), "SUBACK 1 00 00 87 87 87 87 87 87 9E");
    world.broker->publish(kTenant, "devices/s/m/commands/start", {'g', 'o'}, 1, false);
    world.run();
    EXPECT_EQ(device->take(), "PUBLISH devices/s/m/commands/start q0 go");
    auto viewer = world.join(Version::v311, "user:viewer", "v");
    auto operator_ = world.join(Version::v311, "user:operator", "o");
    viewer->subscribe("#");
    viewer->subscribe("devices/#", 0, 2);
    operator_->subscribe("devices/#");
    world.run();
    EXPECT_EQ(viewer->take(), "SUBACK 1 00; SUBACK 2 80");
    world.broker->publish(kTenant, "devices/s/m/commands/start", {'g', 'o'}, 0, false);
    world.run();
    EXPECT_EQ(viewer->take(), "");
    EXPECT_EQ(operator_->take(), "SUBACK 1 00; PUBLISH devices/s/m/commands/start q0 go");
}

// A role with paths holds here as it does elsewhere.
TEST(Broker, PathsOfARoleLimitWhatIsPublishedAndDelivered) {
    World world;
    auto all = world.join(Version::v5, "user:engineer", "all");
    all->publish("gongshu/v1/in/m", R"({"x": 1})", 1, 1, true);
    all->publish("gongshu/v1/out/m", R"({"x": 1})", 1, 2, true);
    all->publish("free/topic", "secret", 1, 3, true);
    world.run();
    EXPECT_EQ(all->take(), "PUBACK 1; PUBACK 2; PUBACK 3 10");
    world.authenticator.paths = {"in/**", "half/?"};
    auto part = world.join(Version::v5, "user:engineer", "part");
    const std::size_t stored = world.sink.readings.size();

    auto publish = [&](std::string topic, std::string want) {
        part->publish(topic, R"({"x": 2})", 1, 7);
        world.run();
        EXPECT_EQ(part->take(), "PUBACK 7" + want) << topic;
    };
    publish("gongshu/v1/in/m", "");
    publish("gongshu/v1/half/m", "");
    publish("devices/in/m/commands", " 10");
    publish("gongshu/v1/out/m", " 87");
    publish("gongshu/v1/half", " 87");
    publish("gongshu/v1/inner/m", " 87");
    publish("devices/out/m/commands", " 87");
    publish("devices/in", " 87");
    publish("v1/devices/me/telemetry", " 87");
    publish("free/topic", " 87");
    EXPECT_EQ(world.sink.readings.size(), stored + 2);

    part->send(Subscribe{.packet_id = 1,
                         .subscriptions = {{.filter = "gongshu/v1/out/m"},
                                           {.filter = "devices/out/m/commands"},
                                           {.filter = "free/topic"},
                                           {.filter = "gongshu/v1/in/m"},
                                           {.filter = "#"},
                                           {.filter = "+/topic"}}});
    world.run();
    EXPECT_EQ(part->take(),
              "SUBACK 1 87 87 87 00 00 00; PUBLISH gongshu/v1/in/m q0 retained {\"x\": 1}; "
              "PUBLISH gongshu/v1/in/m q0 retained {\"x\": 1}");
    for (const char* topic :
         {"gongshu/v1/in/m", "gongshu/v1/out/m", "devices/in/m/commands", "devices/out/m/commands", "free/topic"}) {
        all->publish(topic, R"({"x": 3})");
    }
    world.run();
    EXPECT_EQ(part->take(), "PUBLISH devices/in/m/commands q0 {\"x\": 3}; PUBLISH gongshu/v1/in/m q0 {\"x\": 3}");
    auto dialled = world.dial(Version::v5);
    Connect with_will = dialled->make_connect("user:engineer", "w");
    with_will.will = wire::mqtt::Will{.topic = "gongshu/v1/out/m", .payload = "{}"};
    dialled->connect(with_will);
    world.run();
    EXPECT_TRUE(dialled->take().starts_with("CONNACK 0 87"));
}

TEST(Broker, KeepsRetainedMessagesOverARestartAndACrash) {
    World world;
    auto client = world.join(Version::v5, "user:engineer", "c");
    client->publish("a", "1", 1, 1, true);
    client->publish("b", "2", 1, 2, true);
    client->publish("a", "3", 1, 3, true);
    client->publish("b", "", 1, 4, true);
    client->publish("c/d", "4", 1, 5, true, {.message_expiry_s = 100, .content_type = "text", .user = {{"k", "v"}}});
    world.run();
    EXPECT_EQ(client->take(), "PUBACK 1 10; PUBACK 2 10; PUBACK 3 10; PUBACK 4 10; PUBACK 5 10");
    for (int again = 0; again < 2; ++again) {
        world.files.crash();
        world.restart();
        auto reader = world.join(Version::v5, "user:viewer", "r");
        reader->subscribe("#", 1);
        world.run();
        EXPECT_EQ(reader->take(), "SUBACK 1 01; PUBLISH a q1 #1 retained 3; PUBLISH c/d q1 #2 retained 4");
        reader->send(Disconnect{});
        world.run();
    }
    world.run(101 * kSecond);
    auto late = world.join(Version::v311, "user:viewer", "late");
    late->subscribe("+/d");
    late->subscribe("a", 0, 2);
    world.run();
    EXPECT_EQ(late->take(), "SUBACK 1 00; SUBACK 2 00; PUBLISH a q0 retained 3");
}

TEST(Broker, RetainHandlingAndRetainAsPublished) {
    World world;
    auto client = world.join(Version::v5, "user:engineer", "c");
    client->publish("a", "1", 0, 0, true);
    world.run();
    const auto ask = [&](Subscription wish) {
        client->send(
            Subscribe{.packet_id = 1, .subscriptions = {std::move(wish)}, .properties = {.subscription_ids = {7}}});
        world.run();
        return client->take();
    };
    EXPECT_EQ(ask({.filter = "a", .retain_handling = 2}), "SUBACK 1 00");
    EXPECT_EQ(ask({.filter = "a", .retain_handling = 1}), "SUBACK 1 00");
    EXPECT_EQ(ask({.filter = "+", .retain_handling = 1}), "SUBACK 1 00; PUBLISH a q0 retained s7 1");
    EXPECT_EQ(ask({.filter = "a"}), "SUBACK 1 00; PUBLISH a q0 retained s7 1");
    client->publish("a", "2", 0, 0, true);
    world.run();
    EXPECT_EQ(client->take(), "PUBLISH a q0 s7 s7 2");
    EXPECT_EQ(ask({.filter = "a", .retain_as_published = true, .retain_handling = 2}), "SUBACK 1 00");
    client->publish("a", "3", 0, 0, true);
    world.run();
    EXPECT_EQ(client->take(), "PUBLISH a q0 retained s7 s7 3");
    client->send(Unsubscribe{.packet_id = 1, .filters = {"+"}});
    EXPECT_EQ(ask({.filter = "a", .no_local = true, .retain_handling = 2}), "UNSUBACK 1 00; SUBACK 1 00");
    client->publish("a", "4");
    world.run();
    EXPECT_EQ(client->take(), "");
}

TEST(Broker, RetainedMessagesAreBounded) {
    World world{1, {.retained_max = 2}};
    auto client = world.join(Version::v5, "user:engineer", "c");
    client->publish("a", "1", 1, 1, true);
    client->publish("b", "1", 1, 2, true);
    client->publish("c", "1", 1, 3, true);
    client->publish("a", "2", 1, 4, true);
    world.run();
    EXPECT_EQ(client->take(), "PUBACK 1 10; PUBACK 2 10; PUBACK 3 97; PUBACK 4 10");
}

TEST(Broker, EveryFailedWriteOfRetainedMessagesIsToldOrHarmless) {
    for (int n = 1;; ++n) {
        World world;
        auto client = world.join(Version::v5, "user:engineer", "c");
        world.files.fail_nth(n);
        client->publish("a", "1", 1, 1, true);
        world.run();
        client->publish("b", "1", 1, 2, true);
        world.run();
        const std::string told = client->take();
        if (!world.files.fault_fired()) {  // n is past the last operation
            EXPECT_EQ(told, "PUBACK 1 10; PUBACK 2 10");
            break;
        }
        world.files.crash();
        world.restart();
        auto reader = world.join(Version::v5, "user:viewer", "r");
        reader->subscribe("#");
        world.run();
        const std::string seen = reader->take();
        const auto has = [](const std::string& text, const char* what) { return text.find(what) != std::string::npos; };
        EXPECT_TRUE(!has(told, "PUBACK 1 10") || has(seen, "PUBLISH a q0 retained 1")) << n << seen;
        EXPECT_TRUE(!has(told, "PUBACK 2 10") || has(seen, "PUBLISH b q0 retained 1")) << n << seen;
        EXPECT_NE(told.find("97"), std::string::npos) << n << told;
    }
}

TEST(Broker, SessionsLastAsAgreed) {
    for (const Version version : kBoth) {
        World world;
        const auto connect = [&](Client& client, bool clean) {
            Connect packet = client.make_connect("user:admin", "c");
            packet.clean_start = clean;
            if (version == Version::v5) packet.properties.session_expiry_s = 60;
            client.connect(packet);
            world.run();
            return client.take();
        };
        auto first = world.dial(version);
        EXPECT_EQ(connect(*first, false), "CONNACK 0 00");
        first->subscribe("a", 1);
        world.run();
        first->vanish();
        world.run();
        auto sender = world.join(version, "user:admin", "sender");
        sender->publish("a", "while away", 1, 1);
        sender->publish("a", "lost", 0);
        world.run();
        auto second = world.dial(version);
        EXPECT_EQ(connect(*second, false), "CONNACK 1 00; PUBLISH a q1 #1 while away");
        second->send(Disconnect{});
        world.run(61 * kSecond);
        auto third = world.dial(version);
        EXPECT_EQ(connect(*third, false), version == Version::v5 ? "CONNACK 0 00" : "CONNACK 1 00");
        auto fourth = world.dial(version);
        EXPECT_EQ(connect(*fourth, true), "CONNACK 0 00");
        EXPECT_EQ(third->take(), version == Version::v5 ? "DISCONNECT 8E; closed" : "closed");
    }
}

TEST(Broker, ResendsWhatWasNotAcknowledged) {
    for (const Version version : kBoth) {
        World world;
        const auto connect = [&](Client& client) {
            Connect packet = client.make_connect("user:admin", "c");
            packet.clean_start = false;
            if (version == Version::v5) packet.properties.session_expiry_s = 60;
            client.connect(packet);
        };
        auto first = world.dial(version);
        connect(*first);
        first->acknowledges = false;
        first->subscribe("#", 2);
        world.run();
        auto sender = world.join(version, "user:admin", "sender");
        sender->publish("one", "1", 1, 1);
        sender->publish("two", "2", 2, 2);
        world.run();
        EXPECT_EQ(first->take(), "CONNACK 0 00; SUBACK 1 02; PUBLISH one q1 #1 1; PUBLISH two q2 #2 2");
        first->send(Ack{.type = PacketType::pubrec, .packet_id = 2});
        world.run();
        EXPECT_EQ(first->take(), "PUBREL 2");
        first->vanish();
        world.run();
        auto second = world.dial(version);
        connect(*second);
        world.run();
        EXPECT_EQ(second->take(), "CONNACK 1 00; PUBLISH one q1 #1 dup 1; PUBREL 2");
        sender->publish("three", "3", 1, 3);
        world.run();
        EXPECT_EQ(second->take(), "PUBLISH three q1 #3 3");
    }
}

TEST(Broker, TakesAQos2MessageOnce) {
    for (const Version version : kBoth) {
        World world;
        auto reader = world.join(version, "user:admin", "reader");
        reader->subscribe("a");
        auto sender = world.join(version, "user:admin", "sender");
        sender->acknowledges = false;
        sender->publish("a", "1", 2, 5);
        world.run();
        sender->publish("a", "1", 2, 5);
        world.run();
        sender->send(Ack{.type = PacketType::pubrel, .packet_id = 5});
        sender->send(Ack{.type = PacketType::pubrel, .packet_id = 5});
        world.run();
        EXPECT_EQ(sender->take(), version == Version::v5 ? "PUBREC 5; PUBREC 5; PUBCOMP 5; PUBCOMP 5 92"
                                                         : "PUBREC 5; PUBREC 5; PUBCOMP 5; PUBCOMP 5");
        EXPECT_EQ(reader->take(), "SUBACK 1 00; PUBLISH a q0 1");
    }
}

TEST(Broker, WillIsPublishedUnlessTheClientSaidGoodbye) {
    for (const Version version : kBoth) {
        // How the client goes, and whether its will is seen at once.
        auto f = [&](const std::function<void(World&, Client&)>& go, bool want) {
            World world;
            auto watcher = world.join(version, "user:viewer", "watcher");
            watcher->subscribe("gone");
            world.run();
            auto client = world.dial(version);
            Connect connect = client->make_connect("user:admin", "c");
            connect.will = Will{"gone", "c is gone", 0, false, {}};
            client->connect(connect);
            world.run();
            (void)watcher->take();
            go(world, *client);
            world.run();
            EXPECT_EQ(watcher->take(), want ? "PUBLISH gone q0 c is gone" : "");
        };
        f([](World&, Client& client) { client.vanish(); }, true);
        f([](World&, Client& client) { client.send(Disconnect{}); }, false);
        f([](World&, Client& client) { client.send(Pingresp{}); }, true);
        f([](World& world, Client&) { world.broker->drop(kTenant, "user:admin"); }, false);
        f([&](World& world, Client&) { (void)world.join(version, "user:admin", "c"); }, true);
        if (version == Version::v5) {
            f([](World&, Client& client) { client.send(Disconnect{.reason = ReasonCode::disconnect_with_will}); },
              true);
        }
    }
}

TEST(Broker, WillDelayEndsWithTheSessionOrIsForgottenOnReturn) {
    auto f = [](std::uint32_t delay_s, std::uint32_t expiry_s, bool returns, DurationNs wait, bool want) {
        World world;
        auto watcher = world.join(Version::v5, "user:admin", "watcher");
        watcher->subscribe("gone");
        world.run();
        (void)watcher->take();
        auto client = world.dial(Version::v5);
        Connect connect = client->make_connect("user:admin", "c");
        connect.properties.session_expiry_s = expiry_s;
        connect.will = Will{"gone", "x", 0, false, {.will_delay_s = delay_s}};
        client->connect(connect);
        world.run();
        client->vanish();
        world.run(5 * kSecond);
        auto back = world.dial(Version::v5);
        if (returns) {
            connect.clean_start = false;
            connect.will.reset();
            back->connect(connect);
        }
        world.run(wait);
        EXPECT_EQ(watcher->take(), want ? "PUBLISH gone q0 x" : "") << delay_s << " " << expiry_s << " " << returns;
    };
    f(10, 60, false, kSecond, false);
    f(10, 60, false, 6 * kSecond, true);
    f(10, 60, true, 50 * kSecond, false);
    f(50, 10, false, 6 * kSecond, true);
    f(10, 0, false, kMillisecond, true);
}

TEST(Broker, WillOfAForeignTopicIsRefused) {
    World world;
    auto client = world.dial(Version::v5);
    Connect connect = client->make_connect("device:s/m", "c");
    connect.will = Will{"gongshu/v1/s/other", "{}", 0, false, {}};
    client->connect(connect);
    world.run();
    EXPECT_EQ(client->take(), "CONNACK 0 87; closed");
}

TEST(Broker, KeepAlive) {
    for (const Version version : kBoth) {
        World world;
        auto client = world.dial(version);
        Connect connect = client->make_connect("user:admin", "c");
        connect.keep_alive_s = 10;
        client->connect(connect);
        world.run(14 * kSecond);
        EXPECT_EQ(client->take(), "CONNACK 0 00");
        client->send(Pingreq{});
        world.run(14 * kSecond);
        EXPECT_EQ(client->take(), "PINGRESP");
        world.run(2 * kSecond);
        EXPECT_EQ(client->take(), version == Version::v5 ? "DISCONNECT 8D; closed" : "closed");
        auto silent = world.dial(version);
        world.run(11 * kSecond);
        EXPECT_EQ(silent->take(), "closed");
    }
}

TEST(Broker, ASlowReaderIsBoundedAndDisturbsNobody) {
    World world{
        1, {.inflight_max = 4, .queued_messages_max = 10, .queued_bytes_max = 1 << 20, .unsent_bytes_max = 1 << 16}};
    auto slow = world.join(Version::v5, "user:admin", "slow");
    slow->acknowledges = false;
    slow->subscribe("a", 1);
    auto quick = world.join(Version::v5, "user:admin", "quick");
    quick->subscribe("a", 1);
    auto sender = world.join(Version::v5, "user:admin", "sender");
    world.run();
    for (std::uint16_t i = 1; i <= 50; ++i) {
        sender->publish("a", std::to_string(i), 1, i);
        world.run();
    }
    EXPECT_EQ(quick->publishes, 50u);
    EXPECT_EQ(slow->publishes, 4u);
    for (const auto& session : world.broker->sessions(kTenant)) {
        EXPECT_EQ(session.dropped, session.client == "slow" ? 50u - 4 - 10 : 0u) << session.client;
    }
    // Then it reads on: what is newest was kept.
    (void)slow->take();
    for (std::uint16_t id = 1; id <= 4; ++id) slow->send(Ack{.type = PacketType::puback, .packet_id = id});
    world.run();
    EXPECT_EQ(slow->take(), "PUBLISH a q1 #5 41; PUBLISH a q1 #6 42; PUBLISH a q1 #7 43; PUBLISH a q1 #8 44");
}

TEST(Broker, HonoursWhatTheClientCanTake) {
    World world;
    auto client = world.dial(Version::v5);
    Connect connect = client->make_connect("user:admin", "c");
    connect.properties.receive_maximum = 2;
    connect.properties.maximum_packet_bytes = 40;
    client->connect(connect);
    client->acknowledges = false;
    client->subscribe("a", 1);
    auto sender = world.join(Version::v5, "user:admin", "sender");
    sender->publish("a", std::string(50, 'x'), 1, 1);
    sender->publish("a", std::string(50, 'x'), 0);
    for (std::uint16_t i = 2; i <= 5; ++i) sender->publish("a", std::to_string(i), 1, i);
    world.run();
    EXPECT_EQ(client->take(), "CONNACK 0 00; SUBACK 1 01; PUBLISH a q1 #2 2; PUBLISH a q1 #3 3");
}

TEST(Broker, ReceiveMaximumOfTheServer) {
    World world{1, {.receive_maximum = 4}};
    world.sink.hold = true;
    auto old = world.join(Version::v311, "device:s/m", "old");
    auto fresh = world.join(Version::v5, "device:s/m", "fresh");
    EXPECT_EQ(std::get<Connack>(fresh->last_packet).properties.receive_maximum, 4);
    for (std::uint16_t i = 1; i <= 4; ++i) fresh->publish("gongshu/v1/s/m", "{\"a\":1}", 1, i);
    world.run();
    EXPECT_EQ(fresh->take(), "");
    fresh->publish("gongshu/v1/s/m", "{\"a\":1}", 1, 5);
    world.run();
    EXPECT_EQ(fresh->take(), "DISCONNECT 93; closed");
    // 3.1.1 knows no such limit: it is read slower, and all of it is taken in the end.
    for (std::uint16_t i = 1; i <= 1000; ++i) {
        old->publish("gongshu/v1/s/m", "{\"a\":1}", 1, i);
        if (i % 10 == 0) world.run();
    }
    EXPECT_LT(world.sink.held(), 500u);
    world.sink.hold = false;
    world.sink.release();
    world.run(kSecond);
    const std::string acks = old->take();
    EXPECT_TRUE(acks.starts_with("PUBACK 1; PUBACK 2;")) << acks.substr(0, 40);
    EXPECT_TRUE(acks.ends_with("PUBACK 999; PUBACK 1000")) << acks.substr(acks.size() - 40);
}

TEST(Broker, TopicAliases) {
    World world;
    auto reader = world.join(Version::v5, "user:admin", "reader");
    reader->subscribe("#");
    auto sender = world.join(Version::v5, "user:admin", "sender");
    sender->publish("a", "1", 0, 0, false, {.topic_alias = 1});
    sender->publish("", "2", 0, 0, false, {.topic_alias = 1});
    sender->publish("b", "3", 0, 0, false, {.topic_alias = 1});
    sender->publish("", "4", 0, 0, false, {.topic_alias = 1});
    world.run();
    EXPECT_EQ(reader->take(), "SUBACK 1 00; PUBLISH a q0 1; PUBLISH a q0 2; PUBLISH b q0 3; PUBLISH b q0 4");
}

TEST(Broker, AClientIdentifierBelongsToItsPrincipal) {
    World world;
    auto mine = world.join(Version::v5, "device:s/m", "id");
    auto theirs = world.dial(Version::v5);
    theirs->connect(theirs->make_connect("device:s/other", "id"));
    world.run();
    EXPECT_EQ(theirs->take(), "CONNACK 0 85; closed");
    EXPECT_FALSE(mine->closed());
    auto nameless = world.dial(Version::v5);
    nameless->connect(nameless->make_connect("user:admin", ""));
    world.run();
    EXPECT_EQ(nameless->take(), "CONNACK 0 00");
    EXPECT_EQ(std::get<Connack>(nameless->last_packet).properties.assigned_client_id, "auto-x-1");
    auto lasting = world.dial(Version::v311);
    Connect connect = lasting->make_connect("user:admin", "");
    connect.clean_start = false;
    lasting->connect(connect);
    world.run();
    EXPECT_EQ(lasting->take(), "CONNACK 0 85; closed");
}

TEST(Broker, ASessionThatComesBackWithFewerRightsLosesItsSubscriptions) {
    World world;
    const auto connect = [&](Client& client, const char* who) {
        Connect packet = client.make_connect(who, "c");
        packet.clean_start = false;
        packet.properties.session_expiry_s = 100;
        client.connect(packet);
        world.run();
        return client.take();
    };
    auto before = world.dial(Version::v5);
    EXPECT_EQ(connect(*before, "device:s/old"), "CONNACK 0 00");
    before->subscribe("devices/s/old/x");
    world.run();
    before->vanish();
    world.run();
    world.authenticator.uid = "uid-s/old";  // the device was renamed
    auto after = world.dial(Version::v5);
    EXPECT_EQ(connect(*after, "device:s/new"), "CONNACK 1 00");
    world.broker->publish(kTenant, "devices/s/old/x", {'1'}, 0, false);
    world.run();
    EXPECT_EQ(after->take(), "");
}

TEST(Broker, SessionLimits) {
    World world{1, {.sessions_max = 3, .sessions_per_tenant_max = 2, .subscriptions_max = 2}};
    auto one = world.join(Version::v5, "user:admin", "1");
    auto two = world.join(Version::v5, "user:admin", "2");
    auto three = world.dial(Version::v5);
    three->connect(three->make_connect("user:admin", "3"));
    world.run();
    EXPECT_EQ(three->take(), "CONNACK 0 97; closed");
    auto other = world.join(Version::v311, "user:admin@2", "1");
    auto last = world.dial(Version::v311);
    last->connect(last->make_connect("user:admin@2", "2"));
    world.run();
    EXPECT_EQ(last->take(), "CONNACK 0 88; closed");
    one->send(Subscribe{.packet_id = 1,
                        .subscriptions = {{.filter = "a"}, {.filter = "b"}, {.filter = "c"}, {.filter = "a"}}});
    world.run();
    EXPECT_EQ(one->take(), "SUBACK 1 00 00 97 00");
}

TEST(Broker, StopTellsWhyAndPublishesNoWills) {
    World world;
    auto client = world.join(Version::v5, "user:admin", "c");
    world.broker->stop();
    world.run();
    EXPECT_EQ(client->take(), "DISCONNECT 8B; closed");
}

}  // namespace
}  // namespace gongshu::broker
