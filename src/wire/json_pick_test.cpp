#include "wire/json_pick.h"

#include <gtest/gtest.h>

namespace gongshu::wire {
namespace {

constexpr std::string_view kAnswer =
    R"({"relays":[{"ison":true}],"emeters":[{"power":12.5,"pf":"0.98"},{"power":0,"n":18446744073709551616}],
        "wifi":{"ssid":"Halle 3","ip":null},"温度":21,"a b":{"c":-9223372036854775808}})";

TEST(JsonPick, OnePlaceOneValue) {
    JsonPicker picker{4096};
    const auto f = [&](std::string_view place, const std::string& want) {
        const auto path = parse_json_place(place);
        ASSERT_TRUE(path) << place << ": " << path.error().text();
        const auto values = picker.pick(as_bytes(kAnswer), std::vector{*path});
        ASSERT_TRUE(values) << values.error().text();
        const Result<Value>& value = values->at(0);
        EXPECT_EQ(value ? to_string(*value) : "! " + value.error().text(), want) << place;
    };
    f("emeters[0].power", "12.5");
    f("$.emeters[0].power", "12.5");
    f("$.emeters[1].power", "0");
    f("emeters[0].pf", "0.98");
    f("relays[0].ison", "true");
    f("wifi.ssid", "Halle 3");
    f("温度", "21");
    f("$['a b'].c", "-9223372036854775808");
    f("wifi.ip", "! $.wifi.ip is null");
    f("wifi.rssi", "! $.wifi has no member \"rssi\"");
    f("wifi", "! $.wifi is an object: choose one of its values");
    f("emeters", "! $.emeters is an array: choose one of its values");
    f("emeters[2].power", "! $.emeters has no element 2");
    f("emeters.power", "! $.emeters is an array, which has no member \"power\"");
    f("温度[0]", "! $.温度 is a number, which has no element 0");
    EXPECT_FALSE(picker.pick(as_bytes(kAnswer), std::vector{*parse_json_place("emeters[1].n")})->at(0));
}

TEST(JsonPick, PlacesThatAreNone) {
    const auto f = [](std::string_view place, std::string_view want) {
        const auto path = parse_json_place(place);
        ASSERT_FALSE(path) << place;
        EXPECT_NE(path.error().text().find(want), std::string::npos) << path.error().text();
    };
    f("", "column 3");
    f("a b", "column 4");
    f("a[*].b", "stands for many values");
    f("$.**", "stands for many values");
    f("a[", "column");
}

TEST(JsonPick, TextsThatAreNone) {
    JsonPicker picker{64};
    const std::vector place{*parse_json_place("a")};
    const auto f = [&](std::string_view text, Code want) {
        const auto values = picker.pick(as_bytes(text), place);
        ASSERT_FALSE(values) << text;
        EXPECT_EQ(values.error().code(), want) << values.error().text();
    };
    f("", Code::malformed);
    f("<html>", Code::malformed);
    f(R"({"a":1)", Code::malformed);
    f(std::string(65, ' '), Code::limit);
    EXPECT_EQ(to_string(*picker.pick(as_bytes(R"({"a":1})"), place)->at(0)), "1") << "goes on after them";
}

}  // namespace
}  // namespace gongshu::wire
