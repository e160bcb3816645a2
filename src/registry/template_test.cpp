#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/rng.h"
#include "registry/bulk.h"
#include "registry/template_parts.h"
#include "registry/test_world.h"
#include "registry/three_way.h"

namespace gongshu::registry::test {

namespace {

class Templates : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(world.put("device_type", "mill",
                              R"({"properties":[{"name":"x","type":"number"},{"name":"y","type":"number"}]})"));
    }
    World world;
};

constexpr const char* kParameters =
    R"([{"name":"number","type":"integer","min":1,"max":247},{"name":"line","type":"text"},)"
    R"({"name":"limit","type":"number","required":false},{"name":"on","type":"boolean","preset":true},)"
    R"({"name":"order","type":"choice","choices":["ABCD","CDAB"],"preset":"ABCD"}])";

std::string spec_text(std::string_view device, std::string_view rest = "") {
    return fmt::format(R"({{"parameters":{},"device":{}{}}})", kParameters, device, rest);
}

}  // namespace

TEST_F(Templates, AreCheckedWhenStored) {
    auto f = [&](const std::string& spec, const std::string& want) {
        const auto put = world.registry->put(world.admin, "device_template", "t", json(spec), {.dry_run = true});
        const std::string got = put ? "" : put.error().text();
        EXPECT_TRUE(want.empty() ? got.empty() : got.starts_with(want)) << spec << "\n" << got;
    };
    f(spec_text(R"({"name":"a/${line}/m${number}","spec":{"type":"mill","unit_id":"${number}"}})"), "");
    f(spec_text(R"({"name":"a/m","spec":{"type":"mill"}})"), "device.name: expected at least one placeholder");
    f(spec_text(R"({"name":"a/m${nummer}","spec":{"type":"mill"}})"),
      "device.name: ${nummer} names no parameter of this template; did you mean ${number}?");
    f(spec_text(R"({"name":"a/${device}","spec":{"type":"mill"}})"), "device.name: ${device} names no parameter");
    f(spec_text(R"({"name":"a/m${number","spec":{"type":"mill"}})"), "device.name: expected a placeholder such as");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","unit_id":"${line}"}})"),
      "device.spec.unit_id: expected a parameter of type integer, found ${line}, which is of type text");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","unit_id":"${limit}"}})"),
      "device.spec.unit_id: expected a parameter of type integer, found ${limit}");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","enabled":"${number}"}})"),
      "device.spec.enabled: expected a parameter of type boolean");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","enabled":"${on}","title":"${number}"}})"), "");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","unit_ids":3}})"),
      "device.spec.unit_ids: there is no such field; did you mean \"unit_id\"?");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","unit_id":999}})"), "device.spec.unit_id: expected");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mil"}})"), "device.spec.type: there is no device_type \"mil\"");
    f(spec_text(R"({"name":"m${line*2}","spec":{"type":"mill"}})"),
      "device.name: ${line} is calculated with, expected a parameter of type integer");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","from_template":{"name":"t"}}})"),
      "device.spec.from_template: is filled in by itself");
    for (const char* number : {"-9223372036854775808", "9223372036854775807", "1000000001"}) {
        f(spec_text(fmt::format(R"({{"name":"m${{number*{}}}","spec":{{"type":"mill"}}}})", number)),
          "device.name: expected a placeholder such as");
        f(spec_text(fmt::format(R"({{"name":"m${{number+{}}}","spec":{{"type":"mill"}}}})", number)),
          "device.name: expected a placeholder such as");
    }
    const std::string address =
        R"({{"name":"m${{number}}","spec":{{"type":"mill","properties":[{{"name":"x","address":{{"kind":"holding",)"
        R"("address":"{}","word_order":"{}"}}}}]}}}})";
    f(spec_text(fmt::format(fmt::runtime(address), "${number*4+100}", "${order}")), "");
    f(spec_text(fmt::format(fmt::runtime(address), "${number+}", "${order}")),
      "device.spec.properties[0].address.address: expected a placeholder");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","connection":"${connection}"}})",
                R"(,"connection":{"name":"plc${line}","spec":{"protocol":"modbus_tcp","host":"10.0.0.${number}"}})"),
      "");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill","connection":"${connection}"}})"),
      "device.spec.connection: ${connection} names no parameter");
    f(spec_text(R"({"name":"m${number}","spec":{"type":"mill"}})",
                R"(,"connection":{"name":"plc${line}","spec":{"protocol":"modbus_tpc","host":"h"}})"),
      "connection.spec.protocol: ");
    f(R"({"parameters":[{"name":"n"},{"name":"n"}],"device":{"name":"${n}","spec":{"type":"mill"}}})",
      "parameters[1].name: \"n\" is there already");
    f(R"({"parameters":[{"name":"device"}],"device":{"name":"${device}","spec":{"type":"mill"}}})",
      "parameters[0].name: \"device\" stands for");
    f(R"({"parameters":[{"name":"n","type":"choice"}],"device":{"name":"${n}","spec":{"type":"mill"}}})",
      "parameters[0].choices: expected at least one");
    f(R"({"parameters":[{"name":"n","type":"integer","preset":"x"}],"device":{"name":"${n}","spec":{"type":"mill"}}})",
      "parameters[0].preset: expected a whole number, found \"x\"");
}

TEST_F(Templates, FillTheirPlaceholders) {
    Resource resource;
    resource.spec = json(spec_text(
        R"({"name":"a/${line}/m${number}","spec":{"type":"mill","unit_id":"${number}","title":"$${x} ${number*2-1}",)"
        R"("title_en":"${number}","enabled":"${on}","connection":"${connection}","properties":[{"name":"x","max":)"
        R"("${limit}","address":{"kind":"holding","address":"${number*4+100}","word_order":"${order}"}}]}})",
        R"(,"connection":{"name":"plc-${line}","spec":{"protocol":"modbus_tcp","host":"10.0.0.${number}","title_en":)"
        R"("for ${device}"}})"));
    resource.spec = *world.registry->kind("device_template")->normalize(resource.spec);
    const auto of = *spec_of<DeviceTemplateSpec>(resource);
    const Parameters parameters = {{"number", 7}, {"line", "L1"}, {"on", false}, {"order", "CDAB"}};
    const auto parts = make_parts(*world.registry, of, parameters);
    ASSERT_TRUE(parts) << parts.error().text();
    ASSERT_EQ(parts->size(), 2u);
    EXPECT_EQ((*parts)[0].name, "plc-L1");
    EXPECT_EQ((*parts)[0].spec.at("host"), "10.0.0.7");
    EXPECT_EQ((*parts)[0].spec.at("title_en"), "for a/L1/m7");
    const Json& device = (*parts)[1].spec;
    EXPECT_EQ((*parts)[1].name, "a/L1/m7");
    EXPECT_EQ(device.at("unit_id"), 7);
    EXPECT_EQ(device.at("title"), "${x} 13");
    EXPECT_EQ(device.at("title_en"), "7");
    EXPECT_EQ(device.at("enabled"), false);
    EXPECT_EQ(device.at("connection"), "plc-L1");
    const Json& property = device.at("properties").at(0);
    EXPECT_FALSE(property.as_object().contains("max"));  // the parameter has no value
    EXPECT_EQ(property.at("address").at("address"), 128);
    EXPECT_EQ(property.at("address").at("word_order"), "CDAB");
    EXPECT_EQ(parameter_at(resource.spec, "device.spec.properties[0].address.address"), "number");
    EXPECT_EQ(parameter_at(resource.spec, "device.spec.properties[0].address.kind"), "");
    EXPECT_EQ(parameter_at(resource.spec, "device.spec.type"), "");

    const auto far = make_parts(*world.registry, of, {{"number", 300}, {"line", "L1"}});
    ASSERT_FALSE(far);
    EXPECT_TRUE(far.error().text().starts_with("device.spec.unit_id: ")) << far.error().text();
    const auto wrong = make_parts(*world.registry, of, {{"number", 3}, {"line", "L 1"}});
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().text().starts_with("connection.name: ")) << wrong.error().text();
}

TEST(TemplateParameters, TakeWhatSheetsHold) {
    auto f = [](const char* parameter, const char* given, const char* want, const char* expected = "") {
        Resource resource;
        resource.spec =
            json(fmt::format(R"({{"parameters":[{}],"device":{{"name":"x","spec":null}},"rules":[]}})", parameter));
        resource.spec = *device_template_kind().normalize(resource.spec);
        const auto spec = *spec_of<DeviceTemplateSpec>(resource);
        Json value;
        const auto wrong = take_value(spec.parameters.at(0), json(given), value);
        EXPECT_EQ(to_text(value), want) << parameter << " " << given;
        EXPECT_EQ(wrong ? wrong->expected_en : "", expected) << parameter << " " << given;
    };
    f(R"({"name":"n","type":"integer"})", R"("12")", "12");
    f(R"({"name":"n","type":"integer"})", R"("12.0")", "12");
    f(R"({"name":"n","type":"integer"})", R"(12)", "12");
    f(R"({"name":"n","type":"integer"})", R"("12.5")", "null", "a whole number");
    f(R"({"name":"n","type":"integer","min":1,"max":9})", R"("12")", "null", "a whole number from 1 to 9");
    f(R"({"name":"n","type":"number"})", R"("1e-3")", "0.001");
    f(R"({"name":"n","type":"number"})", R"("nan")", "null", "a number");
    f(R"({"name":"n","type":"number","min":0})", R"("-1")", "null", "a number from 0 to …");
    f(R"({"name":"n"})", R"("")", "null", "a value");
    f(R"({"name":"n","required":false})", R"("")", "null");
    f(R"({"name":"n","preset":"p"})", R"("")", R"("p")");
    f(R"({"name":"n"})", R"(12)", R"("12")");
    f(R"({"name":"n","type":"boolean"})", R"("是")", "true");
    f(R"({"name":"n","type":"boolean"})", R"("FALSE")", "false");
    f(R"({"name":"n","type":"boolean"})", R"("2")", "null", "yes or no");
    f(R"({"name":"n","type":"choice","choices":["a","b"]})", R"("b")", R"("b")");
    f(R"({"name":"n","type":"choice","choices":["a","b"]})", R"("c")", "null", "one of a, b");
}

TEST(ThreeWay, KeepsWhatHandsDid) {
    auto f = [](const char* base, const char* current, const char* next, const char* want, const char* kept) {
        const auto merged = merge_three(json(base), json(current), json(next));
        EXPECT_EQ(merged.spec, json(want)) << base << current << next << " gave " << to_text(merged.spec);
        std::string paths;
        for (const Difference& one : merged.kept) paths += (paths.empty() ? "" : " ") + one.path;
        EXPECT_EQ(paths, kept) << base << current << next;
    };
    f(R"({"a":1})", R"({"a":1})", R"({"a":2})", R"({"a":2})", "");
    f(R"({"a":1})", R"({"a":3})", R"({"a":2})", R"({"a":3})", "a");
    f(R"({"a":1})", R"({"a":3})", R"({"a":1})", R"({"a":3})", "a");
    f(R"({"a":1})", R"({"a":2})", R"({"a":2})", R"({"a":2})", "");
    f(R"({"a":1})", R"({"a":1,"b":7})", R"({"a":2})", R"({"a":2,"b":7})", "b");
    f(R"({"a":1,"b":2})", R"({"a":1})", R"({"a":2,"b":2})", R"({"a":2})", "b");
    f(R"({"a":1,"b":2})", R"({"a":1,"b":2})", R"({"a":1})", R"({"a":1})", "");
    f(R"({"a":{"x":1,"y":1}})", R"({"a":{"x":5,"y":1}})", R"({"a":{"x":1,"y":2}})", R"({"a":{"x":5,"y":2}})", "a.x");
    f(R"({"p":[{"name":"x","max":1}]})", R"({"p":[{"name":"x","max":1},{"name":"z","max":9}]})",
      R"({"p":[{"name":"x","max":2},{"name":"y","max":3}]})",
      R"({"p":[{"name":"x","max":2},{"name":"z","max":9},{"name":"y","max":3}]})", "p[z]");
    f(R"({"p":[{"name":"x","max":1},{"name":"y","max":1}]})", R"({"p":[{"name":"x","max":1},{"name":"y","max":1}]})",
      R"({"p":[{"name":"x","max":1}]})", R"({"p":[{"name":"x","max":1}]})", "");
    f("null", R"({"a":1})", R"({"a":2,"b":3})", R"({"a":1,"b":3})", "a");
}

// Whatever the three are: without hands the result is next, with no new template it is current.
TEST(ThreeWay, RandomSpecsFollowOrStay) {
    Rng rng{20'261'121};
    const auto random = [&] {
        JsonObject object;
        for (const char* name : {"a", "b", "c"})
            if (rng.below(3) > 0) object[name] = static_cast<std::int64_t>(rng.below(3));
        JsonArray list;
        for (const char* name : {"x", "y", "z"})
            if (rng.below(2) > 0) list.push_back(Json{{"name", name}, {"v", static_cast<std::int64_t>(rng.below(3))}});
        object["list"] = list;
        return Json(object);
    };
    for (int i = 0; i < 2'000; ++i) {
        const Json base = random(), current = random(), next = random();
        EXPECT_EQ(merge_three(base, base, next).spec, next);
        EXPECT_TRUE(merge_three(base, base, next).kept.empty());
        EXPECT_EQ(merge_three(base, current, base).spec, current);
        EXPECT_EQ(merge_three(base, next, next).spec, next);
        const auto once = merge_three(base, current, next);
        EXPECT_EQ(merge_three(next, once.spec, next).spec, once.spec);  // again changes nothing
    }
}

TEST_F(Templates, StayWhileDevicesNameThem) {
    ASSERT_TRUE(world.put("device_template", "t",
                          R"({"parameters":[{"name":"n"}],"device":{"name":"m${n}","spec":{"type":"mill"}}})"));
    ASSERT_TRUE(world.put("device", "m1",
                          R"({"type":"mill","from_template":{"name":"t","revision":1,"parameters":{"n":"1"}}})"));
    const auto removed = world.registry->remove(world.admin, "device_template", "t");
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code(), Code::conflict);
    EXPECT_NE(removed.error().text().find("device \"m1\""), std::string::npos);
    // Names follow.
    ASSERT_TRUE(world.registry->rename(world.admin, "device_template", "t", "u"));
    EXPECT_EQ(world.registry->get(TenantId{1}, "device", "m1")->spec.at("from_template").at("name"), "u");
    ASSERT_TRUE(world.registry->rename(world.admin, "device_type", "mill", "press"));
    EXPECT_EQ(world.registry->get(TenantId{1}, "device_template", "u")->spec.at("device").at("spec").at("type"),
              "press");
}

TEST_F(Templates, BulkChangesAreAllOrNothing) {
    ASSERT_TRUE(world.put("device", "a", R"({"type":"mill"})"));
    ASSERT_TRUE(world.put("device", "b", R"({"type":"mill"})"));
    using What = BulkWish::What;
    const std::vector<BulkWish> wishes = {
        {.what = What::remove, .kind = "device", .name = "a", .if_match = 1},
        {.what = What::rename, .kind = "device", .name = "b", .new_name = "a", .if_match = 1},
        {.kind = "device", .name = "c", .spec = json(R"({"type":"mill"})"), .if_match = 0},
    };
    auto names = [&] {
        std::string all;
        for (const auto& device : world.registry->list(TenantId{1}, "device")) all += device.name;
        return all;
    };
    for (const Applied& one : change_all(*world.registry, world.admin, wishes, true)) EXPECT_TRUE(one.change);
    EXPECT_EQ(names(), "ab");
    auto refused = wishes;
    refused[2].if_match = 4;
    const auto no = change_all(*world.registry, world.admin, refused, false);
    EXPECT_TRUE(no[0].change && no[1].change && !no[2].change);
    EXPECT_FALSE(no[0].stored);
    EXPECT_EQ(names(), "ab");
    refused = wishes;
    refused[1].if_match = 2;
    EXPECT_FALSE(change_all(*world.registry, world.admin, refused, false)[1].change);
    for (const Applied& one : change_all(*world.registry, world.admin, wishes, false)) EXPECT_TRUE(one.stored);
    EXPECT_EQ(names(), "ac");
}

}  // namespace gongshu::registry::test
