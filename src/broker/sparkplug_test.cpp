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
    EXPECT_TRUE(seen[0].online);
    ASSERT_EQ(seen[0].units.size(), 3u);
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
    EXPECT_FALSE(world.broker->sparkplug(kTenant)[0].online);
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
    EXPECT_EQ(world.broker->sparkplug(kTenant)[0].why, "its connection ended without NDEATH");
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
