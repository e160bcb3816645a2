#include "registry/kinds/dashboard.h"

#include <gtest/gtest.h>

#include "registry/test_world.h"

namespace gongshu::registry::test {

TEST(Dashboard, SaysWhatIsWrongAndWhere) {
    World world;
    ASSERT_TRUE(world.open());
    auto f = [&](const char* spec, const char* want) {
        const auto got = world.registry->kind("dashboard")->normalize(json(spec));
        ASSERT_FALSE(got) << spec;
        EXPECT_EQ(got.error().text(), want) << spec;
    };
    f(R"({"widgets":[{"kind":"dial"}]})",
      "widgets[0].kind: expected one of chart, tile, table, alarms, text, states, found \"dial\"");
    f(R"({"widgets":[{"kind":"tile","tags":["a"]},{"kind":"tile","x":6}]})",
      "widgets[1].tags: expected at least one tag, found none");
    f(R"({"widgets":[{"kind":"tile","tags":["a","b"]}]})",
      "widgets[0].tags: a tile shows one tag, found 2; a table shows many");
    f(R"({"widgets":[{"kind":"tile","tags":["a/**"]}]})",
      "widgets[0].tags[0]: a tile shows one tag, found the glob \"a/**\"; a table shows many");
    f(R"({"widgets":[{"kind":"chart","tags":["a",""]}]})", "widgets[0].tags[1]: expected a tag or a glob, found \"\"");
    f(R"({"widgets":[{"kind":"chart","tags":[" a"]}]})",
      "widgets[0].tags[0]: expected a tag or a glob without blanks around it, found \" a\"");
    f(R"({"widgets":[{"kind":"chart","tags":["${site}/a"]}]})",
      "widgets[0].tags[0]: the only thing that can stand in braces is ${device}, found \"${site}/a\"");
    f(R"({"widgets":[{"kind":"chart","tags":["${device}.a"]}]})",
      "widgets[0].tags[0]: ${device} needs the dashboard's device_type");
    f(R"({"widgets":[{"kind":"alarms","place":"${device}"}]})",
      "widgets[0].place: ${device} needs the dashboard's device_type");
    f(R"({"widgets":[{"kind":"alarms","tags":["a"]}]})",
      "widgets[0].tags: a widget of the kind alarms has none; choose by place, group and severity");
    f(R"({"widgets":[{"kind":"text"}]})", "widgets[0].text: expected what it shall say, found \"\"");
    f(R"({"widgets":[{"kind":"tile","tags":["a"],"text":"x"}]})",
      "widgets[0].text: a widget of the kind tile has none; texts have widgets of their own");
    f(R"({"widgets":[{"kind":"table","tags":["a"],"y_max":1}]})",
      "widgets[0].y_max: a widget of the kind table has none; only charts have an axis");
    f(R"({"widgets":[{"kind":"chart","tags":["a"],"y_min":2,"y_max":1}]})",
      "widgets[0].y_min: expected less than y_max (1), found 2");
    f(R"({"widgets":[{"kind":"chart","tags":["a"],"target":2}]})",
      "widgets[0].target: a widget of the kind chart has none; only tiles have a target");
    f(R"({"widgets":[{"kind":"chart","tags":["a"],"range":"1 hour"}]})",
      "widgets[0].range: expected a range such as 15m, 1h, 24h or 7d, found \"1 hour\"");
    f(R"({"widgets":[{"kind":"tile","tags":["a"],"x":20}]})",
      "widgets[0].w: x + w reach 26 of 24 columns; make it narrower or move it to the left");
    f(R"({"widgets":[{"kind":"tile","tags":["a"],"w":0}]})",
      "widgets[0].w: expected a whole number from 1 to 24, found 0");
    f(R"({"widgets":[{"kind":"tile","tags":["a"],"y":2},{"kind":"tile","tags":["b"],"x":5,"y":5}]})",
      "widgets[1].y: lies over widgets[0]; move it to row 6 or below");
    f(R"({"range":"0h"})", "range: expected a range such as 15m, 1h, 24h or 7d, found \"0h\"");
    f(R"({"device":"a/b"})", "device: stands for ${device} of a dashboard with a device_type, and this one has none");
}

TEST(Dashboard, NamesItsTypeAndItsDevice) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "pump", R"({"properties":[]})"));
    ASSERT_TRUE(world.put("device_type", "fan", R"({"properties":[]})"));
    ASSERT_TRUE(world.put("device", "a/pump1", R"({"type":"pump"})"));
    auto f = [&](const char* spec, const char* want) {
        const auto got = world.put("dashboard", "machine", spec);
        ASSERT_FALSE(got) << spec;
        EXPECT_EQ(got.error().text(), want) << spec;
    };
    f(R"({"device_type":"pumpe"})", "device_type: there is no device_type \"pumpe\"; did you mean \"pump\"?");
    f(R"({"device_type":"fan","device":"a/pump1"})", "device: \"a/pump1\" is not of the type \"fan\"");
    ASSERT_TRUE(world.put("dashboard", "machine", R"({"device_type":"pump","device":"a/pump1"})"));
    // A renamed device takes its dashboards with it, and one that is named stays.
    ASSERT_TRUE(world.registry->rename(world.admin, "device", "a/pump1", "a/pump2"));
    const auto spec = spec_of<DashboardSpec>(*world.registry->find(TenantId{1}, "dashboard", "machine"));
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->device, "a/pump2");
    EXPECT_FALSE(world.registry->remove(world.admin, "device", "a/pump2"));
}

TEST(Dashboard, TellsWhatItIsAbout) {
    auto f = [&](const char* widgets, std::vector<std::string> want) {
        World world;
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(world.put("device_type", "pump", R"({"properties":[]})"));
        const std::string spec = std::string(R"({"device_type":"pump","widgets":)") + widgets + "}";
        ASSERT_TRUE(world.put("dashboard", "d", spec.c_str())) << spec;
        const auto typed = spec_of<DashboardSpec>(*world.registry->find(TenantId{1}, "dashboard", "d"));
        ASSERT_TRUE(typed);
        const auto places = places_of_dashboard(*typed);
        EXPECT_EQ(places.paths, want) << widgets;
        EXPECT_EQ(places.device_type, "pump");
    };
    f("[]", {});
    f(R"([{"kind":"text","text":"a"},{"kind":"alarms","y":4}])", {});
    f(R"([{"kind":"chart","tags":["a/**","${device}.x"]},{"kind":"alarms","y":4,"place":"b"}])", {"a/**", "b"});
}

TEST(SavedView, SaysWhatIsWrongAndWhere) {
    World world;
    ASSERT_TRUE(world.open());
    auto f = [&](const char* spec, const char* want) {
        const auto got = world.registry->kind("saved_view")->normalize(json(spec));
        ASSERT_FALSE(got) << spec;
        EXPECT_EQ(got.error().text(), want) << spec;
    };
    f(R"({"title":"a","page":"alarms"})", "owner: expected a value, found none");
    f(R"({"title":"a","page":"alarms","owner":"li"})",
      "owner: expected who it belongs to, such as user:li, found \"li\"");
    f(R"({"title":"","page":"alarms","owner":"user:li"})", "title: expected a text, found an empty one");
    f(R"({"title":"a","page":"alarms","owner":"user:li","query":{"state":"x"}})",
      "query.state: expected a list, found \"x\"");
}

}  // namespace gongshu::registry::test
