#include "broker/mapping.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/mapping_propose.h"
#include "broker/testing/world.h"

namespace gongshu::broker {
namespace {

using testing::World;
using wire::mqtt::Version;

Json normalized(std::string_view spec) {
    static const registry::Kind kind = mapping_kind();
    const auto json = registry::parse_json(spec);
    EXPECT_TRUE(json) << spec;
    auto canonical = kind.normalize(*json);
    EXPECT_TRUE(canonical) << spec << ": " << (canonical ? "" : canonical.error().text());
    return canonical ? *canonical : Json{};
}

std::shared_ptr<Mapping> make(std::string name, std::string_view spec) {
    const auto typed = mapping_spec(normalized(spec));
    auto made = Mapping::create(std::move(name), *typed);
    EXPECT_TRUE(made) << spec << ": " << (made ? "" : made.error().text());
    return made ? *made : nullptr;
}

void use(World& world, std::vector<std::shared_ptr<Mapping>> mappings) {
    sort_mappings(mappings);
    world.mappings = std::move(mappings);
    world.broker->devices_changed(TenantId{1});
    world.run();
}

std::string tags_of(const World& world) {
    std::string text;
    if (world.sink.readings.empty() && !world.sink.events.empty()) return world.sink.events[0].body;
    for (const Reading& reading : world.sink.readings) {
        text += fmt::format("{}{}={}", text.empty() ? "" : "; ", world.tags.info(reading.tag)->path,
                            to_string(reading.value));
        if (reading.time == 1'700'000'000 * kSecond) text += " @";
        if (!reading.quality.good()) text += " " + to_string(reading.quality);
    }
    return text;
}

TEST(MappingKind, RefusesWhatCannotBeAndSaysWhere) {
    const registry::Kind kind = mapping_kind();
    auto f = [&](const char* spec, const char* want) {
        const auto made = kind.normalize(*registry::parse_json(spec));
        EXPECT_EQ(made ? std::string("stored") : made.error().text().substr(0, std::string_view(want).size()), want)
            << spec;
    };
    f(R"({"topic":"a/{b}","take":[{"value":"$.x","tag":"s/{b}.x"}]})", "stored");
    f(R"({"take":[{"value":"$.x","tag":"t"}]})", "topic: expected a value");
    f(R"({"topic":"a/#/b","take":[{"value":"$.x","tag":"t"}]})", "topic: \"a/#/b\" is no topic filter");
    f(R"({"topic":"gongshu/v1/#","take":[{"value":"$.x","tag":"t"}]})",
      "topic: gongshu/v1/# and v1/devices/me/telemetry have");
    f(R"({"topic":"a"})", "take: expected a value");
    f(R"({"topic":"a","take":[]})", "take: expected at least one thing to take");
    f(R"({"topic":"a","take":[{"value":"x","tag":"t"}]})", "take[0].value: column 1: expected $");
    f(R"({"topic":"a","take":[{"value":"$.x","tag":"{b}"}]})", "take[0].tag: {b}: not known");
    f(R"({"topic":"a","take":[{"value":"$.x","tag":"t","unit":"furlongx"}]})", "take[0].unit: ");
    f(R"({"topic":"a","take":[{"value":"$.x","tag":"t","expr":"value +"}]})", "take[0].expr: ");
    f(R"({"topic":"a","take":[{"value":"$.x","tag":"t","expr":"valve * 2"}]})", "take[0].expr: ");
    f(R"x({"topic":"a","take":[{"value":"$.x","tag":"t","expr":"avg(value, 5m)"}]})x",
      "take[0].expr: windows, holds, lags and times are for rules");
    f(R"({"topic":"a","zone":"Mars/Base","take":[{"value":"$.x","tag":"t"}]})", "zone: ");
    f(R"({"topic":"a","zone":"Asia/Shanghai","time":"$.ts","take":[{"value":"$.x","tag":"t"}]})", "stored");
    f(R"({"topic":"a","takes":[]})", "takes: there is no such field; did you mean \"take\"?");
}

TEST(Mapping, TakesMessagesOfAnyTopic) {
    World world;
    auto person = world.join(Version::v5, "user:engineer", "p");
    person->subscribe("#");
    use(world, {make("lines", R"({"topic":"factory/{line}/+/data","time":"$.ts","take":[
        {"value":"$.data[*].v","tag":"site/{line}/{$.data[*].dev}.temp","unit":"degC"},
        {"value":"$.power","tag":"site/{line}.power","expr":"value / 1000","type":"number"}]})")});
    person->publish("factory/l1/gw/data",
                    R"({"ts":1700000000000,"data":[{"dev":"a","v":21.5},{"dev":"b","v":7}],"power":1500})", 1, 1);
    world.run();
    EXPECT_EQ(tags_of(world), "site/l1/a.temp=21.5 @; site/l1/b.temp=7 @; site/l1.power=1.5 @");
    ASSERT_EQ(world.tags.tags.size(), 3u);
    EXPECT_EQ(world.tags.tags[0].unit, "degC");
    EXPECT_EQ(world.tags.tags[0].key.source, "p:site/l1/a");
    EXPECT_NE(person->take().find("PUBACK 1"), std::string::npos);
    const auto devices = world.broker->devices(TenantId{1});
    ASSERT_EQ(devices.size(), 3u);
    EXPECT_EQ(devices[1].device, "site/l1/a");
    EXPECT_EQ(devices[1].readings, 1u);
    // Beside it everything is as before.
    person->publish("factory/l1/data", "free", 1, 2);
    world.run();
    EXPECT_EQ(person->take(), "PUBLISH factory/l1/data q0 free; PUBACK 2");
    EXPECT_TRUE(world.sink.events.empty());
}

TEST(Mapping, WhatItCannotUseIsADeadLetterThatSaysWhy) {
    auto f = [](const char* take, std::string_view payload, const char* want, const char* reason,
                std::size_t readings) {
        World world;
        auto person = world.join(Version::v5, "user:engineer", "p");
        use(world, {make("m", fmt::format(R"({{"topic":"a","take":[{}]}})", take))});
        person->publish("a", payload, 1, 1);
        world.run();
        EXPECT_EQ(person->take(), want) << payload;
        ASSERT_EQ(world.sink.events.size(), 1u) << payload;
        EXPECT_NE(world.sink.events[0].body.find(reason), std::string::npos) << world.sink.events[0].body;
        EXPECT_EQ(world.sink.readings.size(), readings);
    };
    const char* all = R"({"value":"$.*","tag":"s/m.{key}"})";
    f(all, "{\"a\":", "PUBACK 1 99", "mapping m: byte 5: expected a value, found the end", 0);
    f(all, "7", "PUBACK 1 99", "mapping m: $: expected an object or an array, found a number", 0);
    f(all, R"({"a":[1]})", "PUBACK 1 99", "$.a: expected a number, text or boolean, found an array", 0);
    f(all, R"({"a":[1],"b":2})", "PUBACK 1", "$.a: expected a number, text or boolean", 1);
    f(all, R"({"*":1,"b":2})", "PUBACK 1", "* and ? are for questions", 1);
    f(R"({"value":"$.a","tag":"s/m.a","expr":"1 / value"})", R"({"a":0})", "PUBACK 1 99",
      "mapping m: take[0].expr: 1 / value", 0);
    f(R"({"value":"$.a","tag":"{device}.a"})", R"({"a":0})", "PUBACK 1 99", "the sender is none", 0);
}

TEST(Mapping, ExpressionsTakeOneValueAndGiveOne) {
    wire::JsonMapper mapper;
    auto f = [&](const char* expr, const char* type, std::string_view value, const char* want) {
        const auto mapping =
            make("m", fmt::format(R"({{"topic":"a","take":[{{"value":"$","tag":"t","expr":"{}"{}}}]}})", expr,
                                  *type ? fmt::format(R"(,"type":"{}")", type) : ""));
        ASSERT_TRUE(mapping);
        for (int again = 0; again < 2; ++again) {
            const auto body = mapping->run(mapper, as_bytes(value), {});
            ASSERT_TRUE(body) << expr << ": " << body.error().text();
            const std::string found = body->rows.empty() ? body->faults.at(0)
                                                         : fmt::format("{} {}", to_string(body->rows[0].value),
                                                                       to_string(type_of(body->rows[0].value)));
            EXPECT_EQ(found, want) << expr << " of " << value;
        }
    };
    f("value", "", "7", "7 integer");
    f("value", "", "7.5", "7.5 number");
    f("value", "", "true", "true boolean");
    f("value", "", "\"x\"", "x text");
    f("value * 2 + 1", "", "7", "15 number");
    f("value * 0.5", "", "7", "3.5 number");
    f("value > 3", "", "7", "true boolean");
    f("1 + 1", "", "7", "2 number");
    f("value * 2", "number", "7", "14 number");
    f("value * 0.5", "integer", "7", "take[0].expr: value * 0.5 is 3.5, which is no integer");
    f("value * 2", "", "\"x\"", "take[0].expr: value * 2 has no answer for x");
}

TEST(Mapping, ADeviceWritesToItselfAndBeneathAlone) {
    World world;
    auto device = world.join(Version::v5, "device:site/m1", "m1");
    auto person = world.join(Version::v5, "user:admin", "p");
    person->subscribe("#");
    const char* closed = R"({"topic":"raw/{dev}/up","take":[{"value":"$.*","tag":"site/{dev}.{key}"}]})";
    const char* open = R"({"topic":"raw/{dev}/up","devices":true,"take":[{"value":"$.*","tag":"site/{dev}.{key}"}]})";
    use(world, {make("closed", closed)});
    device->publish("raw/m1/up", R"({"t":1})", 1, 1);
    world.run();
    EXPECT_EQ(device->take(), "PUBACK 1 87");
    use(world, {make("open", open)});
    device->publish("raw/m1/up", R"({"t":1})", 1, 2);
    device->publish("raw/m2/up", R"({"t":1})", 1, 3);
    device->publish("raw/m1/up", "{}", 1, 4);      // no readings: nobody hears of it
    device->publish("raw/m1/up", "", 1, 5, true);  // and nothing retained is cleared
    device->publish("elsewhere", R"({"t":1})", 1, 6);
    world.run();
    EXPECT_EQ(device->take(), "PUBACK 2; PUBACK 3 87; PUBACK 4; PUBACK 5 99; PUBACK 6 87");
    EXPECT_EQ(tags_of(world), "site/m1.t=1");
    EXPECT_EQ(world.tags.tags[0].key.source, "d:uid-site/m1");
    world.run();
    EXPECT_EQ(person->take(), "SUBACK 1 00; PUBLISH raw/m1/up q0 {\"t\":1}");
    // By its own path, whatever the topic says.
    use(world, {make("own", R"({"topic":"raw/#","devices":true,"take":[{"value":"$.*","tag":"{device}.{key}"},
        {"value":"$.child.*","tag":"{device}/child.{key}","only_if":"$.child"}]})")});
    device->publish("raw/m2/up", R"({"u":2})", 1, 7);
    world.run();
    EXPECT_EQ(tags_of(world), "site/m1.t=1; site/m1.u=2");
}

TEST(Mapping, PlacesHoldForPeople) {
    World world;
    world.authenticator.paths = {"inside"};
    auto person = world.join(Version::v5, "user:engineer", "p");
    auto viewer = world.join(Version::v5, "user:viewer", "v");
    use(world, {make("m", R"({"topic":"raw/{dev}","take":[{"value":"$.*","tag":"{dev}/m.{key}"}]})")});
    person->publish("raw/inside", R"({"t":1})", 1, 1);
    person->publish("raw/outside", R"({"t":1})", 1, 2);
    person->publish("raw/inside", "{}", 1, 3);
    viewer->publish("raw/inside", R"({"t":1})", 1, 4);
    world.run();
    EXPECT_EQ(person->take(), "PUBACK 1; PUBACK 2 87; PUBACK 3");
    EXPECT_EQ(viewer->take(), "PUBACK 4 87");
    EXPECT_EQ(tags_of(world), "inside/m.t=1");
}

TEST(Mapping, TheFirstThatFitsHasTheMessage) {
    World world;
    auto person = world.join(Version::v5, "user:engineer", "p");
    const auto of = [](const char* name, const char* topic, const char* more) {
        return make(name,
                    fmt::format(R"({{"topic":"{}","take":[{{"value":"$.v","tag":"{}"}}]{}}})", topic, name, more));
    };
    use(world, {of("all", "#", ""), of("near", "a/{b}", ""), of("exact", "a/b", R"(,"only_if":"$.kind == 1")"),
                of("urgent", "a/+", R"(,"priority":5,"only_if":"$.kind == 2")")});
    person->publish("a/b", R"({"v":1,"kind":1})", 1, 1);
    person->publish("a/b", R"({"v":2,"kind":2})", 1, 2);
    person->publish("a/b", R"({"v":3})", 1, 3);
    person->publish("b", R"({"v":4})", 1, 4);
    person->publish("gongshu/v1/site/m", R"({"v":5})", 1, 5);
    world.run();
    EXPECT_EQ(tags_of(world), "exact.value=1; urgent.value=2; near.value=3; all.value=4; site/m.v=5");
    // Changed while clients are connected.
    use(world, {of("other", "a/b", "")});
    person->publish("a/b", R"({"v":6})", 1, 6);
    world.run();
    EXPECT_TRUE(tags_of(world).ends_with("other.value=6"));
    use(world, {});
    person->publish("a/b", R"({"v":7})", 1, 7);
    world.run();
    EXPECT_TRUE(tags_of(world).ends_with("other.value=6"));
}

TEST(Mapping, KeepsTheNewestMessageOfEachTopic) {
    World world;
    auto person = world.join(Version::v5, "user:engineer", "p");
    auto device = world.join(Version::v5, "device:site/m", "m");
    person->publish("b/1", "old", 0);
    person->publish("gongshu/v1/site/m", R"({"v":5})", 0);
    world.run(2 * kSecond);
    device->publish("free/topic", "refused", 0);
    person->publish("b/1", std::string(20'000, 'x'), 0);
    world.run();
    person->publish("b/1", "passed over", 0);
    world.run();
    const auto samples = world.broker->samples(TenantId{1});
    ASSERT_EQ(samples.size(), 2u);
    const Sample& b = samples[0].topic == "b/1" ? samples[0] : samples[1];
    EXPECT_EQ(b.payload, std::string(16 << 10, 'x'));
    EXPECT_EQ(b.bytes, 20'000u);
    const Sample& refused = samples[0].topic == "b/1" ? samples[1] : samples[0];
    EXPECT_EQ(refused.device, "site/m");
    EXPECT_TRUE(world.broker->samples(TenantId{2}).empty());
    for (int i = 0; i < 300; ++i) person->publish(fmt::format("many/{}", i), "x", 0);
    world.run(kSecond);
    EXPECT_EQ(world.broker->samples(TenantId{1}).size(), 200u);
}

// What is proposed can be stored and takes the message that it was proposed for.
TEST(Mapping, ProposalsTakeTheirOwnMessage) {
    auto f = [](const char* topic, std::string_view payload, const char* want) {
        const MappingSpec spec = propose_mapping(topic, payload);
        const auto kind = mapping_kind();
        const auto stored = kind.normalize(to_json(spec));
        ASSERT_TRUE(stored) << topic << ": " << stored.error().text();
        auto mapping = Mapping::create("p", spec);
        ASSERT_TRUE(mapping);
        wire::MapInput input;
        ASSERT_TRUE((*mapping)->pattern().matches(topic, input.captures)) << spec.topic << " " << topic;
        wire::JsonMapper mapper;
        const auto body = (*mapping)->run(mapper, as_bytes(payload), input);
        ASSERT_TRUE(body) << payload << ": " << body.error().text();
        std::string text;
        for (const wire::MapRow& row : body->rows) {
            text +=
                fmt::format("{}{}={}{}", text.empty() ? "" : "; ", row.tag, to_string(row.value), row.time ? " @" : "");
        }
        EXPECT_TRUE(body->faults.empty()) << payload << body->faults[0];
        EXPECT_EQ(text, want) << payload;
    };
    f("factory/l1/m7/data", R"({"temp":21.5,"on":true,"ts":1700000000000})",
      "factory/l1/m7.temp=21.5 @; factory/l1/m7.on=true @");
    f("t/x", R"({"motor":{"temp":3},"phases":[1,2]})", "t/x.motor.temp=3; t/x.phases.0=1; t/x.phases.1=2");
    f("up", R"({"time":"2026-03-01 08:00:00","items":[{"name":"a","value":1},{"name":"b","value":2}]})",
      "up.a=1 @; up.b=2 @");
    f("up", R"([{"timestamp":1700000000,"dev":"m1","t":1},{"timestamp":1700000001,"dev":"m2","t":2}])",
      "up/m1.t=1 @; up/m2.t=2 @");
    f("up", R"([{"ts":1700000000000,"values":{"a":1}}])", "up.a=1 @");
    f("up", R"({"tag":"temp","v":3,"q":192})", "up.temp=3");
    f("up", "21.5", "up.value=21.5");
    f("up", "on", "up.value=on");
    f("up", "[1,2]", "up.p0=1; up.p1=2");
    f("/lead/x", "[]", "");
    f("up", "{}", "");
}

TEST(Mapping, ProposalsForDevicesAreOfThemselves) {
    const MappingSpec spec = propose_device_mapping("meters/7/up", R"({"ts":1700000000,"power":{"a":1}})");
    EXPECT_TRUE(spec.devices);
    ASSERT_EQ(spec.take.size(), 1u);
    EXPECT_EQ(spec.take[0].tag, "{device}.{key}");
    EXPECT_TRUE(mapping_kind().normalize(to_json(spec)));
    EXPECT_EQ(propose_device_mapping("a", R"([{"dev":"x","t":1}])").take[0].tag, "{device}/{$[*].dev}.{key}");
}

TEST(Mapping, AnyTopicAndPayloadGetAProposalThatCanBeStored) {
    Rng rng(7);
    const registry::Kind kind = mapping_kind();
    static constexpr const char* kPieces[] = {"{",           "}",       "[",          "]",
                                              "\"a\":",      "\"ts\":", "1700000000", "\"x\"",
                                              ",",           "null",    "\"*\":1",    "\"name\":\"k'\\\"\"",
                                              "\"value\":2", "true",    "\"a b\":3"};
    static constexpr const char* kLevels[] = {"a", "", "{x}", "b*", "key", "c d", "1", "$", "+x"};
    for (int i = 0; i < 3000; ++i) {
        std::string payload, topic;
        for (std::uint64_t n = rng.below(12); n > 0; --n) payload += kPieces[rng.below(std::size(kPieces))];
        for (std::uint64_t n = 1 + rng.below(4); n > 0; --n)
            topic += std::string(topic.empty() ? "" : "/") + kLevels[rng.below(std::size(kLevels))];
        const MappingSpec spec = propose_mapping(topic, payload);
        const auto stored = kind.normalize(to_json(spec));
        ASSERT_TRUE(stored) << "round " << i << ": " << topic << " " << payload << ": " << stored.error().text();
    }
}

}  // namespace
}  // namespace gongshu::broker
