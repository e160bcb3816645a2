#include "wire/sparkplug.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/testing/world.h"

// Edge nodes that speak Sparkplug B.
namespace gongshu::broker {
namespace {

using namespace wire::mqtt;
using testing::Client;
using testing::World;
using wire::sparkplug::Metric;
using wire::sparkplug::Payload;
using wire::sparkplug::Type;

constexpr TenantId kTenant{1};
constexpr std::int64_t kTime = 1'700'000'000'000;  // ms

// A payload from a line: "seq 3; time 5; m #7 Int32 -5 @9; #7 6; x Int32 null".
std::string spb(std::string_view text) {
    Payload payload;
    while (!text.empty()) {
        std::string_view item = text.substr(0, text.find("; "));
        text.remove_prefix(std::min(text.size(), item.size() + 2));
        std::vector<std::string_view> words;
        while (!item.empty()) {
            words.push_back(item.substr(0, item.find(' ')));
            item.remove_prefix(std::min(item.size(), words.back().size() + 1));
        }
        const auto number = [](std::string_view word) { return std::stoll(std::string(word)); };
        if (words[0] == "seq") {
            payload.seq = static_cast<std::uint64_t>(number(words[1]));
            continue;
        }
        if (words[0] == "time") {
            payload.time_ms = number(words[1]);
            continue;
        }
        Metric& metric = payload.metrics.emplace_back();
        std::size_t i = 0;
        if (words[0][0] != '#') metric.name = words[i++];
        if (i < words.size() && words[i][0] == '#') metric.alias = number(words[i++].substr(1));
        Type type = Type::int32;
        for (int t = 1; t < 35 && i < words.size(); ++t) {
            if (to_string(static_cast<Type>(t)) != words[i]) continue;
            type = static_cast<Type>(t);
            metric.datatype = static_cast<std::uint32_t>(t);
            ++i;
        }
        if (i < words.size() && words[i] == "null")
            metric.null = true;
        else if (i < words.size() && words[i][0] != '@')
            metric.value = *raw_of(Value{static_cast<std::int64_t>(number(words[i]))}, type);
        if (words.back()[0] == '@') metric.time_ms = number(words.back().substr(1));
    }
    return encode(payload);
}

std::string stored(World& world) {
    std::string text;
    for (const Reading& reading : world.sink.readings) {
        const auto tag = world.tags.info(reading.tag);
        text += fmt::format("{}={}", tag->path, to_string(reading.value));
        if (!reading.quality.good()) text += fmt::format(" {}", to_string(reading.quality));
        text += "; ";
    }
    world.sink.readings.clear();
    return text;
}

std::string buried(World& world) {
    std::string text;
    for (const Event& event : world.sink.events) {
        const std::string_view body = event.body;
        const std::size_t from = body.find("\"reason\":\"") + 10;
        text += std::string(body.substr(from, body.find("\",\"payload", from) - from)) + "; ";
    }
    world.sink.events.clear();
    return text;
}

TEST(Sparkplug, ReadingsBeginWithABirthAndEndWithADeath) {
    World world;
    world.ids = {};
    auto node = world.join(Version::v311, "device:plant/gw", "gw");
    world.external_ids = {{"G/N", "plant/gw"}, {"G/N/D", "plant/lathe"}};
    world.broker->devices_changed(kTenant);
    world.run();
    node->publish(
        "spBv1.0/G/NBIRTH/N",
        spb(fmt::format("seq 0; time {}; bdSeq UInt64 0; Node/up #1 Int32 5; skip DataSet; gone Int32 1", kTime)));
    node->publish("spBv1.0/G/DBIRTH/N/D", spb(fmt::format("seq 1; time {}; speed #2 Int32 100", kTime)));
    node->publish("spBv1.0/G/DBIRTH/N/other", spb(fmt::format("seq 2; time {}; t #3 Int32 7", kTime)));
    node->publish("spBv1.0/G/DDATA/N/D", spb(fmt::format("seq 3; #2 101 @{}; #2 null", kTime + 5)));
    world.run();
    EXPECT_EQ(stored(world),
              "plant/gw.Node.up=5; plant/gw.gone=1; plant/lathe.speed=100; G/N/other.t=7; plant/lathe.speed=101; "
              "plant/lathe.speed=0 bad:sensor; ");
    EXPECT_EQ(buried(world), "");
    const auto seen = world.broker->sparkplug(kTenant);
    ASSERT_EQ(seen.size(), 1u);
    ASSERT_EQ(seen[0].units.size(), 3u);
    EXPECT_EQ(seen[0].units[0].state, SparkplugState::online);
    EXPECT_EQ(seen[0].units[0].path, "plant/gw");
    EXPECT_EQ(seen[0].units[0].metrics, 3u);
    ASSERT_EQ(seen[0].units[0].skipped.size(), 1u);
    EXPECT_EQ(seen[0].units[0].skipped[0].metric, "skip");
    // A birth without a metric of before ends it.
    node->publish("spBv1.0/G/NBIRTH/N", spb(fmt::format("seq 0; time {}; Node/up #1 Int32 6", kTime + 10)));
    world.run();
    EXPECT_EQ(stored(world), "plant/gw.gone=0 bad:disconnected; plant/gw.Node.up=6; ");
    node->publish("spBv1.0/G/DBIRTH/N/D", spb(fmt::format("seq 1; time {}; speed #2 Int32 102", kTime + 11)));
    node->publish("spBv1.0/G/DDEATH/N/D", spb("seq 2"));
    world.run();
    EXPECT_EQ(stored(world), "plant/lathe.speed=102; plant/lathe.speed=0 bad:disconnected; ");
    node->publish("spBv1.0/G/NDEATH/N", spb("bdSeq UInt64 0"));
    world.run();
    EXPECT_EQ(stored(world), "plant/gw.Node.up=0 bad:disconnected; G/N/other.t=0 bad:disconnected; ");
    EXPECT_EQ(world.broker->sparkplug(kTenant)[0].units[0].state, SparkplugState::offline);
}

TEST(Sparkplug, AGapLiesBehindTheNewestReading) {
    World world;
    auto node = world.join(Version::v5, "user:engineer", "bridge");
    const std::int64_t ahead = world.sim.clock().now() / kMillisecond + 60'000;
    node->publish("spBv1.0/G/NBIRTH/N", spb(fmt::format("seq 0; m Int32 1 @{}", ahead)));
    world.run();
    node->vanish();  // no will: the broker itself knows
    world.run();
    ASSERT_EQ(world.sink.readings.size(), 2u);
    EXPECT_EQ(world.sink.readings[1].time, (ahead + 1) * kMillisecond);
    EXPECT_EQ(to_string(world.sink.readings[1].quality), "bad:disconnected");
    EXPECT_EQ(world.broker->sparkplug(kTenant)[0].units[0].why, "its connection ended without NDEATH");
    // The value has not changed since: it is there again as of the birth.
    node = world.join(Version::v5, "user:engineer", "bridge");
    node->publish("spBv1.0/G/NBIRTH/N", spb(fmt::format("seq 0; time {}; m Int32 1 @{}", ahead + 100, ahead)));
    world.run();
    ASSERT_EQ(world.sink.readings.size(), 3u);
    EXPECT_EQ(world.sink.readings[2].time, (ahead + 100) * kMillisecond);
    EXPECT_TRUE(world.sink.readings[2].quality.good());
}

TEST(Sparkplug, AsksForARebirthWhenMessagesAreMissing) {
    World world;
    auto node = world.join(Version::v311, "device:G/N", "n");
    node->subscribe("spBv1.0/G/NCMD/N/#");
    world.run();
    EXPECT_EQ(node->take(), "SUBACK 1 00");
    node->publish("spBv1.0/G/NBIRTH/N", spb("seq 0; m #1 Int32 1"));
    node->publish("spBv1.0/G/NDATA/N", spb("seq 2; #1 3"));
    world.run();
    EXPECT_EQ(stored(world), "G/N.m=1; G/N.m=3; ");
    EXPECT_EQ(node->publishes, 1u);
    EXPECT_NE(node->take().find("spBv1.0/G/NCMD/N"), std::string::npos);
    EXPECT_EQ(world.broker->sparkplug(kTenant)[0].lost, 1u);
    EXPECT_EQ(world.broker->sparkplug(kTenant)[0].rebirth_why, "seq is 2 after 0");
    node->publish("spBv1.0/G/NDATA/N", spb("seq 3; #9 3"));
    node->publish("spBv1.0/G/DDATA/N/D", spb("seq 4; #1 3"));
    node->publish("spBv1.0/G/DDATA/N/D", "{\"t\":1}");
    world.run();
    EXPECT_EQ(stored(world), "");
    EXPECT_EQ(
        buried(world),
        "metric 1 (alias 9): no metric of the birth has this alias; DDATA of D came before DBIRTH, so that nothing "
        "is known of its metrics; byte 1: a field is cut off or of no known kind; ");
    EXPECT_EQ(node->publishes, 1u);
}

TEST(Sparkplug, EachSpeaksForItself) {
    World world;
    auto node = world.join(Version::v5, "device:G/N", "n");
    for (const char* topic : {"spBv1.0/G/NBIRTH/M", "spBv1.0/G/DBIRTH/M/N", "spBv1.0/G/NCMD/N", "spBv1.0/STATE/gongshu",
                              "spBv1.0/G/NBIRTH", "spBv1.0/G/NBIRTH/N/x"}) {
        node->publish(topic, spb("seq 0; m Int32 1"), 1, 3);
        world.run();
        EXPECT_EQ(node->take(), "PUBACK 3 87") << topic;
    }
    for (const auto& [filter, code] : std::map<std::string, std::string>{{"spBv1.0/G/NCMD/N", "00"},
                                                                         {"spBv1.0/G/DCMD/N/+", "00"},
                                                                         {"spBv1.0/G/DCMD/N/d", "00"},
                                                                         {"spBv1.0/G/NCMD/M/#", "87"},
                                                                         {"spBv1.0/G/NCMD/+", "87"},
                                                                         {"spBv1.0/+/NCMD/N", "87"},
                                                                         {"spBv1.0/G/NDATA/N", "87"},
                                                                         {"spBv1.0/#", "87"}}) {
        node->subscribe(filter);
        world.run();
        EXPECT_EQ(node->take(), "SUBACK 1 " + code) << filter;
    }
    EXPECT_EQ(stored(world), "");
    world.sink.events.clear();
    auto person = world.join(Version::v5, "user:engineer", "p");
    person->publish("spBv1.0/G/XYZ/M", "", 1, 4);
    person->publish("spBv1.0/STATE/gongshu", "{}", 1, 5);
    world.run();
    EXPECT_EQ(person->take(), "PUBACK 4 90; PUBACK 5 87");
    EXPECT_EQ(buried(world),
              "topic spBv1.0/G/XYZ/M: the third level is \\\"XYZ\\\"; expected NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, "
              "DDEATH, NCMD or DCMD; spBv1.0/STATE/gongshu is the state of this platform itself: give the other host "
              "another ID, or this one by the option --sparkplug-host; ");
}

TEST(Sparkplug, ADeviceOfItsOwnIsReachedByItsIdAlone) {
    World world;
    world.external_ids = {{"G/N", "hall/gw"}, {"G/N/named", "hall/lathe"}, {"G/N/self", "G/N/self"}};
    for (const char* path : {"hall/gw", "hall/lathe", "G/N", "G/N/oven", "G/N/self", "X/Y", "X/Y/beneath"})
        world.uids[path] = fmt::format("uid of {}", path);
    auto node = world.join(Version::v5, "device:hall/gw", "n");
    const auto f = [&](testing::Client& client, const char* topic, std::string_view code, std::string_view kept) {
        client.publish(topic, spb("seq 0; m Int32 1"), 1, 3);
        world.run();
        EXPECT_EQ(client.take(), code.empty() ? "PUBACK 3" : fmt::format("PUBACK 3 {}", code)) << topic;
        EXPECT_EQ(stored(world), kept) << topic;
    };
    f(*node, "spBv1.0/G/NBIRTH/N", "", "hall/gw.m=1; ");
    f(*node, "spBv1.0/G/DBIRTH/N/named", "", "hall/lathe.m=1; ");
    f(*node, "spBv1.0/G/DBIRTH/N/self", "", "G/N/self.m=1; ");
    f(*node, "spBv1.0/G/DBIRTH/N/nobody", "", "G/N/nobody.m=1; ");
    EXPECT_EQ(buried(world), "");
    f(*node, "spBv1.0/G/DBIRTH/N/oven", "87", "");
    f(*node, "spBv1.0/G/DDATA/N/oven", "87", "");
    EXPECT_EQ(buried(world).substr(0, 138),
              "topic spBv1.0/G/DBIRTH/N/oven: G/N/oven is a device of its own; give it the external_id G/N/oven to let "
              "this edge node speak for it; topic");
    // Registered since.
    world.uids["G/N/nobody"] = "uid of nobody";
    world.broker->devices_changed(kTenant);
    world.run();
    f(*node, "spBv1.0/G/DDATA/N/nobody", "87", "");
    // By their paths: what lies beneath the edge node's device.
    auto other = world.join(Version::v5, "device:X/Y", "y");
    f(*other, "spBv1.0/X/NBIRTH/Y", "", "X/Y.m=1; ");
    f(*other, "spBv1.0/X/DBIRTH/Y/beneath", "", "X/Y/beneath.m=1; ");
    // Who may write everywhere says so by the topic.
    auto person = world.join(Version::v5, "user:engineer", "p");
    f(*person, "spBv1.0/G/DBIRTH/N/oven", "", "G/N/oven.m=1; ");
}

TEST(Sparkplug, TellsItsStateAndKeepsNothingElse) {
    World world;
    const std::int64_t started = world.sim.clock().now() / kMillisecond;
    auto node = world.join(Version::v311, "device:G/N", "n");
    node->publish("spBv1.0/G/NBIRTH/N", spb("seq 0; m Int32 1"), 0, 0, true);
    world.run();
    auto person = world.join(Version::v311, "user:engineer", "p");
    person->subscribe("#", 1);
    world.run();
    EXPECT_EQ(person->take(), "SUBACK 1 01");
    node->subscribe("spBv1.0/STATE/gongshu", 1);
    world.run();
    const std::string got = node->take();
    EXPECT_TRUE(got.starts_with("SUBACK 1 01; PUBLISH spBv1.0/STATE/gongshu q1")) << got;
    EXPECT_NE(got.find("{\"online\":true,\"timestamp\":"), std::string::npos) << got;
    EXPECT_GE(world.sim.clock().now() / kMillisecond, started);
    person->subscribe("spBv1.0/G/#", 0, 2);
    world.run();
    EXPECT_EQ(person->take(), "SUBACK 2 00");
}

// The state of an edge node and its devices: "stale seq is 2 after 0; D online".
std::string states(World& world) {
    std::string text;
    const auto seen = world.broker->sparkplug(kTenant);
    for (const SparkplugSeen::Unit& unit : seen.at(0).units) {
        if (!unit.device.empty()) text += "; " + unit.device + " ";
        text += name_of(unit.state);
        if (!unit.why.empty()) text += " " + unit.why;
    }
    return text;
}

TEST(Sparkplug, IsStaleUntilTheRebirthThatWasAskedFor) {
    World world;
    auto node = world.join(Version::v311, "device:G/N", "n");
    const auto f = [&](const char* topic, std::string_view payload, std::string_view want) {
        node->publish(topic, spb(payload));
        world.run();
        EXPECT_EQ(states(world), want) << topic << " " << payload;
    };
    f("spBv1.0/G/NDATA/N", "seq 7; #1 3", "offline");
    f("spBv1.0/G/NBIRTH/N", "seq 0; m #1 Int32 1", "online");
    f("spBv1.0/G/DBIRTH/N/D", "seq 1; m #2 Int32 1", "online; D online");
    f("spBv1.0/G/NDATA/N", "seq 3; #1 3", "stale seq is 3 after 1; D online");
    f("spBv1.0/G/DDATA/N/D", "seq 4; #2 3", "stale seq is 3 after 1; D online");
    f("spBv1.0/G/NBIRTH/N", "seq 0; m #1 Int32 1", "online; D stale its edge node was born anew, and it was not yet");
    f("spBv1.0/G/DBIRTH/N/D", "seq 1; m #2 Int32 1", "online; D online");
    f("spBv1.0/G/DDATA/N/D", "seq 2; #9 3", "stale metric 1 (alias 9): no metric of the birth has this alias; D online");
    f("spBv1.0/G/NDEATH/N", "bdSeq UInt64 0", "offline NDEATH; D offline NDEATH");
}

TEST(Sparkplug, TakesAsManyEdgeNodesAndMetricsAsItMay) {
    World world{1, {.sparkplug_nodes_max = 2, .sparkplug_metrics_max = 5}};
    auto node = world.join(Version::v311, "user:engineer", "bridge");
    const auto f = [&](const char* topic, std::string_view payload, std::string_view kept, std::string_view refused) {
        node->publish(topic, spb(payload));
        world.run();
        EXPECT_EQ(stored(world), kept) << topic;
        EXPECT_EQ(buried(world), refused) << topic;
    };
    const char* const full = "the births of all edge nodes have more than 5 metrics; ";
    f("spBv1.0/G/NBIRTH/A", "seq 0; a Int32 1; b Int32 1", "G/A.a=1; G/A.b=1; ", "");
    f("spBv1.0/G/NBIRTH/B", "seq 0; a Int32 1; b Int32 1", "G/B.a=1; G/B.b=1; ", "");
    f("spBv1.0/G/NBIRTH/C", "seq 0; a Int32 1", "", "there are more than 2 edge nodes; ");
    f("spBv1.0/G/DBIRTH/A/D", "seq 1; a Int32 1; b Int32 1", "", full);
    f("spBv1.0/G/DBIRTH/B/D", "seq 1; a Int32 1", "G/B/D.a=1; ", "");
    // Who is born anew gives back what it had; who is born too large loses what it was.
    f("spBv1.0/G/NBIRTH/A", "seq 0; a Int32 2; b Int32 2", "G/A.a=2; G/A.b=2; ", "");
    f("spBv1.0/G/NBIRTH/A", "seq 0; a Int32 3; b Int32 3; c Int32 3",
      "G/A.a=0 bad:disconnected; G/A.b=0 bad:disconnected; ", full);
    f("spBv1.0/G/NBIRTH/A", "seq 0; a Int32 4", "G/A.a=4; ", "");
    f("spBv1.0/G/DBIRTH/A/D", "seq 1; a Int32 1", "G/A/D.a=1; ", "");
}

TEST(Sparkplug, WhoIsGoneForTheLongestTimeMakesRoom) {
    World world{1, {.sparkplug_nodes_max = 3, .sparkplug_metrics_max = 5}};
    auto node = world.join(Version::v311, "user:engineer", "bridge");
    const auto f = [&](const char* topic, std::string_view payload, std::string_view refused) {
        node->publish(topic, spb(payload));
        world.run();
        EXPECT_EQ(buried(world), refused) << topic;
    };
    const auto names = [&] {
        std::string text;
        for (const SparkplugSeen& one : world.broker->sparkplug(kTenant)) text += one.node;
        return text;
    };
    for (const char* topic : {"spBv1.0/G/NBIRTH/A", "spBv1.0/G/NBIRTH/B", "spBv1.0/G/NBIRTH/C"})
        f(topic, "seq 0; m Int32 1", "");
    f("spBv1.0/G/NBIRTH/D", "seq 0; m Int32 1", "there are more than 3 edge nodes; ");
    f("spBv1.0/G/NDEATH/B", "bdSeq UInt64 0", "");
    f("spBv1.0/G/NDEATH/A", "bdSeq UInt64 0", "");
    EXPECT_EQ(names(), "ABC");
    f("spBv1.0/G/NBIRTH/D", "seq 0; m Int32 1; n Int32 1", "");
    EXPECT_EQ(names(), "ACD");
    f("spBv1.0/G/NBIRTH/E", "seq 0; m Int32 1; n Int32 1", "");  // five metrics, for A's are given back
    EXPECT_EQ(names(), "CDE");
    f("spBv1.0/G/NBIRTH/A", "seq 0; m Int32 1", "there are more than 3 edge nodes; ");
    EXPECT_EQ(names(), "CDE");
}

TEST(Sparkplug, TellsItsEndToWhoAskedForItsState) {
    World world;
    auto node = world.join(Version::v311, "device:G/N", "n");
    node->subscribe("spBv1.0/STATE/gongshu", 1);
    auto fresh = world.join(Version::v5, "device:G/M", "m");
    fresh->subscribe("spBv1.0/STATE/+");
    auto person = world.join(Version::v311, "user:engineer", "p");
    person->subscribe("#", 1);
    world.run();
    node->take();
    fresh->take();
    person->take();
    world.loop->post([&] { world.broker->stop(); });
    world.run();
    for (const std::string& got : {node->take(), fresh->take()}) {
        EXPECT_TRUE(got.starts_with("PUBLISH spBv1.0/STATE/gongshu q")) << got;
        EXPECT_NE(got.find("{\"online\":false,\"timestamp\":"), std::string::npos) << got;
    }
    EXPECT_EQ(person->take().find("PUBLISH"), std::string::npos);
}

TEST(Sparkplug, WhatHasNotChangedIsThereAgainAfterARestart) {
    World world;
    const std::int64_t now = world.sim.clock().now() / kMillisecond;
    const std::string old = fmt::format("still Int32 7 @{}; moved Int32 1 @{}", now - 60'000, now - 60'000);
    {
        auto node = world.join(Version::v311, "device:G/N", "n");
        node->publish("spBv1.0/G/NBIRTH/N", spb(fmt::format("seq 0; time {}; {}", now, old)));
        world.run();
        EXPECT_EQ(stored(world), "G/N.still=7; G/N.moved=1; ");
        world.loop->post([&] { world.broker->stop(); });
        world.run();
        EXPECT_EQ(stored(world), "G/N.still=0 bad:disconnected; G/N.moved=0 bad:disconnected; ");
    }
    world.restart();
    world.run(kSecond);
    const std::int64_t birth = world.sim.clock().now() / kMillisecond;
    auto node = world.join(Version::v311, "device:G/N", "n");
    node->publish("spBv1.0/G/NBIRTH/N", spb(fmt::format("seq 0; time {}; still Int32 7 @{}; moved Int32 2 @{}", birth,
                                                        now - 60'000, birth - 10)));
    world.run();
    ASSERT_EQ(world.sink.readings.size(), 2u);
    EXPECT_EQ(world.sink.readings[0].time, birth * kMillisecond);
    EXPECT_EQ(world.sink.readings[1].time, (birth - 10) * kMillisecond);
    for (const auto& [tag, last] : world.sink.newest) EXPECT_TRUE(last.quality.good()) << tag;
}

TEST(Sparkplug, AGapWaitsUntilTheStoreTakesIt) {
    World world;
    for (const bool says : {false, true}) {
        auto node = world.join(Version::v5, "user:engineer", "bridge");
        node->publish("spBv1.0/G/NBIRTH/N", spb("seq 0; m Int32 1"));
        world.run();
        EXPECT_EQ(stored(world), "G/N.m=1; ");
        world.sink.read_only = true;
        const TimeNs ended = world.sim.clock().now();
        if (says) node->publish("spBv1.0/G/NDEATH/N", spb("bdSeq UInt64 0"), 1, 3);
        if (!says) node->vanish();
        world.run(20 * kSecond);
        EXPECT_EQ(stored(world), "");
        world.sink.read_only = false;
        world.run(6 * kSecond);
        ASSERT_EQ(world.sink.readings.size(), 1u) << says;
        EXPECT_LT(world.sink.readings[0].time, ended + kSecond) << "when it ended, not when it could be stored";
        EXPECT_EQ(stored(world), "G/N.m=0 bad:disconnected; ");
        world.run(kMinute);
        EXPECT_EQ(stored(world), "");
    }
}

TEST(Sparkplug, AtAnotherDeviceTheOldTagsEndAndTheNewOnesBegin) {
    World world;
    const auto move_to = [&](const char* path) {
        world.external_ids = {{"G/N", path}};
        world.broker->devices_changed(kTenant);
        world.run();
    };
    auto node = world.join(Version::v5, "user:engineer", "bridge");
    const auto f = [&](const char* topic, std::string_view payload, std::string_view want) {
        node->publish(topic, spb(payload));
        world.run();
        EXPECT_EQ(stored(world), want) << topic << " " << payload;
    };
    const auto rebirths = [&] { return world.broker->sparkplug(kTenant).at(0).rebirths; };
    move_to("hall/a");
    f("spBv1.0/G/NBIRTH/N", "seq 0; m Int32 1; still Int32 2", "hall/a.m=1; hall/a.still=2; ");
    move_to("hall/a");  // some device changed, this one is where it was
    f("spBv1.0/G/NDATA/N", "seq 1; m Int32 2", "hall/a.m=2; ");
    EXPECT_EQ(rebirths(), 0u);
    move_to("hall/b");
    f("spBv1.0/G/NDATA/N", "seq 2; m Int32 3", "hall/a.m=0 bad:disconnected; hall/b.m=3; ");
    EXPECT_EQ(rebirths(), 1u);
    EXPECT_EQ(states(world), "stale its device is another one now");
    f("spBv1.0/G/NBIRTH/N", "seq 0; m Int32 3; still Int32 2",
      "hall/a.still=0 bad:disconnected; hall/b.m=3; hall/b.still=2; ");
    EXPECT_EQ(states(world), "online");
    move_to("hall/c");
    f("spBv1.0/G/NBIRTH/N", "seq 0; m Int32 4; still Int32 2",
      "hall/b.m=0 bad:disconnected; hall/b.still=0 bad:disconnected; hall/c.m=4; hall/c.still=2; ");
    EXPECT_EQ(states(world), "online");
    // It dies before it was born again.
    move_to("hall/d");
    f("spBv1.0/G/NDATA/N", "seq 1; m Int32 5", "hall/c.m=0 bad:disconnected; hall/d.m=5; ");
    f("spBv1.0/G/NDEATH/N", "bdSeq UInt64 0", "hall/d.m=0 bad:disconnected; hall/c.still=0 bad:disconnected; ");
}

TEST(Sparkplug, DeadLettersAreNotTriedAgain) {
    World world;
    std::string said;
    world.broker->process({.tenant = kTenant,
                           .topic = "spBv1.0/G/NDATA/N",
                           .payload = {},
                           .time = 1,
                           .device = {},
                           .device_uid = {},
                           .by = "user:li",
                           .paths = {}},
                          [&](Result<std::uint64_t> done) { said = done ? "stored" : done.error().text(); });
    world.run();
    EXPECT_EQ(said,
              "topic spBv1.0/G/NDATA/N: a message of Sparkplug cannot be taken again, because what it means depends on "
              "the births before it; the edge node sends its values anew at its next birth");
}

}  // namespace
}  // namespace gongshu::broker
