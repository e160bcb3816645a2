#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/testing/world.h"

// Devices that speak JetLinks' topics: /{product}/{device}/…
namespace gongshu::broker {
namespace {

using namespace wire::mqtt;
using testing::World;

constexpr TenantId kTenant{1};

TEST(JetLinks, TakesItsTopics) {
    World world;
    world.ids = {{"cnc/m1", "site/m1"}, {"cnc/gw", "site/gw"}, {"cnc/m9", "other/m9"}, {"cnc/c2", "site/gw/second"}};
    auto device = world.join(Version::v311, "device:site/m1", "m1");
    auto gateway = world.join(Version::v5, "device:site/gw", "gw");
    auto person = world.join(Version::v5, "user:engineer", "p");
    device->subscribe("/cnc/m1/#", 0);
    gateway->subscribe("/cnc/m1/#", 0);
    world.run();
    EXPECT_EQ(device->take(), "SUBACK 1 00");
    EXPECT_EQ(gateway->take(), "SUBACK 1 87");
    person->publish("/cnc/m1/properties/write", R"({"messageId":"7","properties":{"on":true}})", 0);
    world.run();
    EXPECT_EQ(device->take(), "PUBLISH /cnc/m1/properties/write q0 {\"messageId\":\"7\",\"properties\":{\"on\":true}}");
    device->publish("/cnc/m1/properties/report", R"({"timestamp":1700000000000,"properties":{"t":21.5}})", 1, 1);
    device->publish("/cnc/m1/event/hot", R"({"timestamp":1700000000000,"data":{"level":3}})", 1, 2);
    device->publish("/cnc/m1/function/invoke/reply", R"({"messageId":"1"})", 1, 3);
    world.run();
    gateway->publish("/cnc/gw/child/c1/properties/report", R"({"properties":{"t":1}})", 1, 4);
    gateway->publish("/cnc/gw/child/c2/online", "", 1, 5);
    gateway->publish("/cnc/gw/child/m9/properties/report", R"({"properties":{"t":9}})", 1, 6);
    world.run();
    person->publish("/cnc/m9/offline", "{}", 1, 7);
    world.run();
    std::string tags;
    for (const TagInfo& tag : world.tags.tags) tags += fmt::format("{} {}; ", tag.key.source, tag.path);
    EXPECT_EQ(tags,
              "d:uid-site/m1 site/m1.t; d:uid-site/m1 site/m1.event.hot.level; p:site/gw/c1 site/gw/c1.t; "
              "p:site/gw/second site/gw/second.online; p:site/gw/m9 site/gw/m9.t; p:other/m9 other/m9.online; ");
    ASSERT_EQ(world.sink.readings.size(), 6u);
    EXPECT_EQ(world.sink.readings[0].time, 1'700'000'000 * kSecond);
    EXPECT_TRUE(world.sink.events.empty());
    // What is not its own, though well formed.
    (void)device->take();
    (void)gateway->take();
    for (const char* topic : {"/cnc/m9/properties/report", "/cnc/gw/child/m1/properties/report",
                              "/cnc/m9/function/invoke/reply", "/cnc/unknown/properties/report"}) {
        gateway->publish(topic, R"({"properties":{"t":1}})", 1, 8);
        device->publish(topic, R"({"properties":{"t":1}})", 1, 8);
    }
    world.run();
    person->publish("/cnc/unknown/properties/report", R"({"properties":{"t":1}})", 1, 9);
    world.run();
    EXPECT_EQ(gateway->take(), "PUBACK 8 87; PUBACK 8; PUBACK 8 87; PUBACK 8 87");  // its own child, whatever its name
    EXPECT_EQ(world.tags.tags.back().path, "site/gw/m1.t");
    ASSERT_EQ(world.sink.events.size(), 8u);
    EXPECT_NE(world.sink.events.back().body.find("no device has the ID unknown"), std::string::npos);
}

TEST(JetLinks, PlacesHold) {
    World world;
    world.ids = {{"p/a", "inside/a"}, {"p/b", "outside/b"}};
    world.authenticator.paths = {"inside"};
    auto person = world.join(Version::v5, "user:engineer", "p");
    auto viewer = world.join(Version::v5, "user:viewer", "v");
    person->publish("/p/a/properties/report", R"({"properties":{"t":1}})", 1, 1);
    person->publish("/p/b/properties/report", R"({"properties":{"t":1}})", 1, 2);
    person->publish("/p/a/properties/write", "{}", 1, 3);
    viewer->publish("/p/a/properties/report", R"({"properties":{"t":1}})", 1, 4);
    world.run();
    EXPECT_EQ(person->take(), "PUBACK 1; PUBACK 2 87; PUBACK 3 87");
    EXPECT_EQ(viewer->take(), "PUBACK 4 87");
    ASSERT_EQ(world.tags.tags.size(), 1u);
    EXPECT_EQ(world.tags.tags[0].path, "inside/a.t");
}

// A device whose name is another's ID speaks of itself: nobody else hears it, and tried again it is still its own.
TEST(JetLinks, ADeviceCalledByAnothersIdIsItself) {
    World world;
    world.ids = {{"cnc/m1", "other/m1"}};
    auto device = world.join(Version::v5, "device:site/m1", "m1");
    auto other = world.join(Version::v5, "device:other/m1", "o");
    other->subscribe("/cnc/m1/#", 0);
    device->publish("/cnc/m1/properties/report", R"({"properties":{"t":1}})", 1, 1);
    device->publish("/cnc/m1/properties/report", R"({"properties":{"t":2,"u":1e400}})", 1, 2);
    world.run();
    EXPECT_EQ(device->take(), "PUBACK 1; PUBACK 2");
    EXPECT_EQ(other->take(), "SUBACK 1 00");
    ASSERT_EQ(world.sink.events.size(), 1u);
    Letter letter{.tenant = kTenant,
                  .topic = "/cnc/m1/properties/report",
                  .payload = {},
                  .time = kSecond,
                  .device = "site/m1",
                  .device_uid = "uid-site/m1",
                  .by = "user:li",
                  .paths = {}};
    const auto again = [&](std::string_view payload) {
        letter.payload = {payload.begin(), payload.end()};
        std::string said = "nothing";
        world.broker->process(letter, [&](Result<std::size_t> readings) {
            said = readings ? std::to_string(*readings) : readings.error().text();
        });
        world.run();
        return said;
    };
    EXPECT_EQ(again(R"({"properties":{"t":3}})"), "1");
    letter.paths = {"other"};
    EXPECT_NE(again(R"({"properties":{"t":4}})").find("lie outside of the places"), std::string::npos);
    letter.paths = {};
    letter.device = letter.device_uid = "";  // a person's: then the ID says whose it is
    EXPECT_EQ(again(R"({"properties":{"t":5}})"), "1");
    std::string got;
    for (const Reading& reading : world.sink.readings)
        got += fmt::format("{} {}; ", world.tags.info(reading.tag)->path, to_string(reading.value));
    EXPECT_EQ(got, "site/m1.t 1; site/m1.t 2; site/m1.t 3; other/m1.t 5; ");
    EXPECT_EQ(other->take(), "");
}

TEST(JetLinks, AMovedIdIsNoLongerHeard) {
    World world;
    world.ids = {{"cnc/m1", "site/m1"}};
    auto device = world.join(Version::v5, "device:site/m1", "m1");
    auto person = world.join(Version::v5, "user:engineer", "p");
    device->subscribe("/cnc/m1/properties/write", 0);
    person->publish("/cnc/m1/properties/write", "1", 0);
    world.run();
    EXPECT_EQ(device->take(), "SUBACK 1 00; PUBLISH /cnc/m1/properties/write q0 1");
    world.ids = {{"cnc/m1", "site/new"}};
    world.broker->devices_changed(kTenant);
    world.run();
    person->publish("/cnc/m1/properties/write", "2", 0);
    world.run();
    EXPECT_EQ(device->take(), "");
}

}  // namespace
}  // namespace gongshu::broker
