#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "registry/bulk.h"
#include "registry/device_ids.h"
#include "registry/kinds/device.h"
#include "registry/openapi.h"
#include "registry/test_world.h"
#include "registry/yaml.h"

namespace gongshu::registry::test {

namespace {

// Two right specs of each kind; the second differs from the first.
struct Sample {
    const char* name;
    const char* first;
    const char* second;
};

Sample sample_of(const std::string& kind) {
    static const std::map<std::string, Sample> samples = {
        {"tenant", {"plant2", R"({"title":"二厂"})", R"({"title":"二厂","disabled":true})"}},
        {"role", {"line_lead", R"({"base":"operator","paths":["plant1/**"]})", R"({"base":"viewer"})"}},
        {"user",
         {"李雷", R"({"title":"Li Lei","role":"engineer","email":"li@example.com"})",
          R"({"role":"viewer","disabled":true})"}},
        {"token",
         {"grafana", R"({"role":"viewer","note":"charts"})",
          R"({"role":"viewer","expires":"2030-01-01T00:00:00+08:00"})"}},
        {"site",
         {"plant1", R"({"title_zh":"一厂","time_zone":"Asia/Shanghai","places":{"a/line1":{"title_zh":"一线"}}})",
          R"({"time_zone":"Europe/Berlin"})"}},
        {"connection",
         {"plc1", R"({"title_zh":"网关","title_en":"Gateway","protocol":"modbus_tcp","host":"10.0.0.5"})",
          R"({"protocol":"modbus_tcp","host":"10.0.0.5","port":1502})"}},
        {"device_type",
         {"pump",
          R"({"title_en":"Pump","properties":[{"name":"speed","type":"number","unit":"rpm","address":)"
          R"({"kind":"holding","address":10,"encoding":"f32","word_order":"CDAB","scale":0.1}},)"
          R"({"name":"run","type":"boolean","writable":true,"address":{"kind":"coil","address":3}}]})",
          R"({"properties":[{"name":"speed","type":"number","unit":"rpm","point":{"at":"DB1.DBD4","as":"real"}}]})"}},
        {"device_template",
         {"pumps",
          R"({"title_zh":"泵","parameters":[{"name":"number","type":"integer","min":1},)"
          R"({"name":"hall","type":"choice","choices":["a","b"],"preset":"a"}],)"
          R"("device":{"name":"plant1/${hall}/pump${number}","spec":{"type":"base_pump","unit_id":"${number}"}}})",
          R"({"parameters":[{"name":"number","type":"integer"}],"device":{"name":"p${number}","spec":{"type":"base_pump"}}})"}},
        {"calendar",
         {"four_teams",
          R"({"day_start":"08:00","shifts":[{"name":"day","from":"08:00","to":"20:00"},{"name":"night","from":"20:00",)"
          R"("to":"08:00"}],"teams":[{"name":"A"},{"name":"B"}],"exceptions":[{"from":"2026-10-09","title":"检修"}],"tariffs":[{"periods":[)"
          R"({"from":"08:00","to":"22:00","tariff":"peak"},{"from":"22:00","to":"08:00","tariff":"valley"}]}]})",
          R"({"time_zone":"Europe/Berlin","holidays":"none","shifts_on":"working_days"})"}},
        {"modbus_server",
         {"scada",
          R"({"title_zh":"给 SCADA","host":"127.0.0.1","port":1502,"entries":)"
          R"([{"tag":"plant1/x.t","kind":"input","address":0,"encoding":"f32"}]})",
          R"({"host":"10.0.0.1","port":502,"masters":["10.0.0.5"]})"}},
        {"tag_alias",
         {"drawing/TI-101", R"({"target":"plant1/x.t","title_zh":"出口温度"})", R"({"target":"plant1/x.u"})"}},
        {"device",
         {"plant1/a/line1/pump1",
          R"({"title_zh":"1 号泵","title_en":"Pump 1","type":"base_pump","connection":"base_plc","unit_id":3,"station":"000012345678"})",
          R"({"type":"base_pump","title":"P1"})"}},
        {"dashboard",
         {"pumps",
          R"({"title_zh":"水泵","device_type":"base_pump","widgets":[{"kind":"tile","tags":["${device}.speed"]},)"
          R"({"kind":"chart","y":4,"tags":["a/**"],"thresholds":[{"value":3,"severity":"major"}],"y_min":0}]})",
          R"({"range":"24h","widgets":[{"kind":"text","text":"# Head"}]})"}},
        {"saved_view",
         {"alarms-1",
          R"({"title":"我的搁置","page":"alarms","owner":"user:li","query":{"state":["shelved"],"tag":["a","b"]}})",
          R"({"title":"Shelved","page":"alarms","owner":"user:li","shared":true})"}},
        {"retention",
         {"all", R"({"tags":["**"],"keep":"400d","keep_bytes":"50GB"})", R"({"tags":["plant1/**"],"keep":"30d"})"}},
        {"hold",
         {"fire", R"({"tags":["plant1/**"],"from":"2026-03-01T00:00:00Z","reason":"accident"})",
          R"({"tags":["plant1/a/**"],"reason":"accident"})"}},
        {"approval_policy",
         {"careful", R"({"kinds":["holds"],"names":["nobody"],"note":"x"})",
          R"({"kinds":["holds","users"],"names":["nobody"],"approver":"engineer"})"}},
        {"webhook", {"alarm", R"({"url":"https://a","password":"correct horse"})", R"({"url":"https://b"})"}},
    };
    const auto found = samples.find(kind);
    if (found == samples.end()) throw std::runtime_error("the kind " + kind + " has no sample in this test");
    return found->second;
}

class AllKinds : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(world.put("connection", "base_plc", R"({"protocol":"modbus_tcp","host":"h"})"));
        ASSERT_TRUE(world.put("device_type", "base_pump", R"({"properties":[]})"));
    }
    World world;
};

void expect_titles(const Json& schema, const std::string& path) {
    if (const Json* properties = schema.as_object().if_contains("properties")) {
        for (const auto& item : properties->as_object()) {
            const std::string place = path + "." + std::string(item.key());
            const JsonObject& field = item.value().as_object();
            for (const char* key : {"x-title-zh", "x-title-en", "x-level", "x-order"})
                EXPECT_TRUE(field.contains(key)) << place << " " << key;
            expect_titles(item.value(), place);
        }
        EXPECT_EQ(schema.as_object().at("additionalProperties"), Json(false)) << path;
    } else if (const Json* more = schema.as_object().if_contains("additionalProperties"); more && more->is_object()) {
        expect_titles(*more, path + ".*");
    }
    if (const Json* items = schema.as_object().if_contains("items")) expect_titles(*items, path + "[]");
}

}  // namespace

TEST_F(AllKinds, SchemasNameEveryFieldInBothLanguages) {
    for (const Kind* kind : world.registry->kinds()) {
        expect_titles(kind->schema, kind->name);
        for (const auto& text : {kind->title_zh, kind->title_en, kind->about_zh, kind->about_en})
            EXPECT_FALSE(text.empty()) << kind->name;
    }
}

TEST_F(AllKinds, CanonicalFormIsStableAndUnknownFieldsAreRefused) {
    for (const Kind* kind : world.registry->kinds()) {
        for (const char* text : {sample_of(kind->name).first, sample_of(kind->name).second}) {
            const auto once = kind->normalize(json(text));
            ASSERT_TRUE(once) << kind->name << ": " << once.error().text();
            const auto twice = kind->normalize(*once);
            ASSERT_TRUE(twice) << kind->name << ": " << twice.error().text();
            EXPECT_EQ(*once, *twice) << kind->name;
            EXPECT_EQ(json(to_text(*once)), *once) << kind->name;
            Json wrong = *once;
            wrong.as_object()["no_such_field"] = 1;
            const auto refused = kind->normalize(wrong);
            ASSERT_FALSE(refused) << kind->name;
            EXPECT_EQ(refused.error().code(), Code::invalid);
            EXPECT_TRUE(refused.error().text().starts_with("no_such_field: there is no such field"))
                << refused.error().text();
        }
        EXPECT_FALSE(kind->normalize(Json(JsonArray{}))) << kind->name;
    }
}

TEST_F(AllKinds, LifeOfAResource) {
    for (std::size_t i = 0; i < world.registry->kinds().size(); ++i) {
        Registry& registry = *world.registry;
        const Kind copy = *registry.kinds()[i];
        const Kind* kind = &copy;
        SCOPED_TRACE(kind->name);
        const Sample sample = sample_of(kind->name);
        const Json first = json(sample.first), second = json(sample.second);
        int told = 0;
        const auto subscription = registry.subscribe([&](const Change&) { ++told; });

        const auto dry = registry.put(world.admin, kind->name, sample.name, first, {.dry_run = true});
        ASSERT_TRUE(dry) << dry.error().text();
        EXPECT_EQ(dry->what, Change::What::created);
        EXPECT_FALSE(registry.get(TenantId{1}, kind->name, sample.name));
        EXPECT_EQ(told, 0);

        const auto created = registry.put(world.admin, kind->plural, sample.name, first, {.if_match = 0});
        ASSERT_TRUE(created) << created.error().text();
        EXPECT_EQ(created->resource.revision, 1u);
        EXPECT_EQ(created->resource.uid.size(), 26u);
        EXPECT_GE(told, 1);
        const auto got = registry.get(TenantId{1}, kind->name, sample.name);
        ASSERT_TRUE(got);
        EXPECT_EQ(got->spec, created->resource.spec);

        const auto same = registry.put(world.admin, kind->name, sample.name, got->spec, {});
        ASSERT_TRUE(same) << same.error().text();
        EXPECT_EQ(same->what, Change::What::unchanged);
        EXPECT_EQ(registry.put(world.admin, kind->name, sample.name, second, {.if_match = 0}).error().code(),
                  Code::conflict);
        EXPECT_EQ(registry.put(world.admin, kind->name, sample.name, second, {.if_match = 7}).error().code(),
                  Code::conflict);

        const auto updated = registry.put(world.admin, kind->name, sample.name, second, {.if_match = 1});
        ASSERT_TRUE(updated) << updated.error().text();
        EXPECT_EQ(updated->what, Change::What::updated);
        EXPECT_EQ(updated->resource.uid, created->resource.uid);
        EXPECT_FALSE(updated->differences.empty());

        const auto back = registry.rollback(world.admin, kind->name, sample.name, 1);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(back->resource.revision, 3u);
        if (kind->secret_fields.empty()) {
            EXPECT_EQ(back->resource.spec, created->resource.spec);
        }

        const auto patched =
            registry.patch(world.admin, kind->name, sample.name, updated->resource.spec, {.if_match = 3});
        ASSERT_TRUE(patched) << patched.error().text();
        EXPECT_EQ(patched->resource.revision, 4u);

        // YAML says the same.
        const auto documents = parse_resources(to_yaml(patched->resource));
        ASSERT_TRUE(documents) << documents.error().text() << "\n" << to_yaml(patched->resource);
        ASSERT_EQ(documents->size(), 1u);
        EXPECT_EQ(documents->front().wanted.name, sample.name);
        EXPECT_EQ(documents->front().wanted.spec, patched->resource.spec) << to_yaml(patched->resource);

        const std::string uid = patched->resource.uid;
        const std::string other = std::string(sample.name) + "x";
        ASSERT_TRUE(registry.rename(world.admin, kind->name, sample.name, other));
        EXPECT_FALSE(registry.find(TenantId{1}, kind->name, sample.name));
        ASSERT_TRUE(registry.find(TenantId{1}, kind->name, other));
        EXPECT_EQ(registry.find(TenantId{1}, kind->name, other)->uid, uid);

        registry.unsubscribe(subscription);
        ASSERT_TRUE(world.open());
        Registry& again = *world.registry;
        ASSERT_TRUE(again.find(TenantId{1}, kind->name, other));
        EXPECT_EQ(again.find(TenantId{1}, kind->name, other)->revision, 5u);
        const auto revisions = again.revisions(world.admin, kind->name, other);
        ASSERT_TRUE(revisions);
        ASSERT_EQ(revisions->size(), 5u);
        EXPECT_EQ(revisions->at(0).what, "renamed");
        EXPECT_EQ(revisions->at(2).what, "rolled_back");

        ASSERT_TRUE(again.remove(world.admin, kind->name, other, {.if_match = 5}));
        EXPECT_EQ(again.get(TenantId{1}, kind->name, other).error().code(), Code::not_found);
        const auto revived = again.rollback(world.admin, kind->name, other, 4);
        if (kind->of_system) {
            EXPECT_EQ(revived.error().code(), Code::unsupported);
            continue;
        }
        ASSERT_TRUE(revived) << revived.error().text();
        EXPECT_EQ(revived->resource.uid, uid);
        EXPECT_EQ(revived->resource.revision, 7u);
        ASSERT_TRUE(again.remove(world.admin, kind->name, other, {}));
    }
}

TEST(Shape, SaysWhatIsWrongAndWhere) {
    World world;
    ASSERT_TRUE(world.open());
    auto f = [&](const char* kind, const char* spec, const char* want) {
        const auto got = world.registry->kind(kind)->normalize(json(spec));
        ASSERT_FALSE(got) << spec;
        EXPECT_EQ(got.error().text(), want);
    };
    f("device_type",
      R"({"properties":[{"name":"a","type":"number"},{"name":"b","type":"number","address":{"kind":"holding","address":-1}}]})",
      "properties[1].address.address: expected a whole number from 0 to 65535, found -1");
    f("device_type", R"({"propertys":[]})", "propertys: there is no such field; did you mean \"properties\"?");
    f("device_type", R"({"properties":{}})", "properties: expected a list, found an object");
    f("device_type", R"({"properties":[{"name":"a","type":"numbr"}]})",
      "properties[0].type: expected one of number, integer, boolean, text, found \"numbr\"; did you mean \"number\"?");
    f("device_type", R"({"properties":[{"type":"number"}]})", "properties[0].name: expected a value, found none");
    f("device_type", R"({"properties":[{"name":"a","type":"number"},{"name":"a","type":"number"}]})",
      "properties[1].name: \"a\" is there already");
    f("device_type", R"({"properties":[{"name":"a","type":"number","min":3,"max":2}]})",
      "properties[0].min: expected at most max (2), found 3");
    f("device_type", R"({"properties":[{"name":"a","type":"number","level":5}]})",
      "properties[0].level: expected a whole number from 1 to 4, found 5");
    f("device_type",
      R"({"properties":[{"name":"a","type":"number","address":{"kind":"holding","address":0,"bit":3}}]})",
      "properties[0].type: expected boolean, because the address is a single bit");
    f("connection", R"({"protocol":"modbus_tcp"})",
      "host: expected a host name or an IP address, found none (protocol modbus_tcp needs it)");
    f("connection", R"({"protocol":"modbus_rtu_tcp"})",
      "host: expected a host name or an IP address, found none (protocol modbus_rtu_tcp needs it)");
    f("connection", R"({"protocol":"modbus_tcp","host":"h","port":1.5})",
      "port: expected a whole number from 1 to 65535, found 1.5");
    f("connection", R"({"protocol":"modbus_tcp","host":"h","port":70000})",
      "port: expected a whole number from 1 to 65535, found 70000");
    f("connection", R"({"protocol":"s7"})",
      "host: expected a host name or an IP address, found none (protocol s7 needs it)");
    f("connection", R"({"protocol":"shdr"})",
      "host: expected a host name or an IP address, found none (protocol shdr needs it)");
    f("connection", R"({"protocol":"http_json","host":"h","http_path":"status"})",
      "http_path: expected what stands behind the host in the address, beginning with /, found \"status\"");
    f("connection", R"({"protocol":"iec104"})",
      "host: expected a host name or an IP address, found none (protocol iec104 needs it)");
    f("connection", R"({"protocol":"http_json","host":"h","https":true})",
      "port: expected the port of HTTPS, found none: mostly it is 443");
    f("connection", R"({"protocol":"mtconnect","host":"h","server_fingerprint":")"
                    R"(0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})",
      "server_fingerprint: only machines that are asked by https have a certificate");
    f("connection", R"({"protocol":"http_json","host":"h","user":"a:b","password":"c"})",
      "user: a user name of HTTP has no colon");
    f("connection", R"({"protocol":"iec104","host":"h","t1_s":10,"t2_s":10})",
      "t2_s: expected less than t1_s, which is 10 s, found 10 s");
    f("connection", R"({"protocol":"iec104","host":"h","stamp_zone":"Asia/Shanghai"})",
      "stamp_zone: expected UTC, or how far local time is from it, such as +08:00, found \"Asia/Shanghai\"");
    f("connection", R"({"protocol":"iec104","host":"h","common_address":65535})",
      "common_address: expected a whole number from 1 to 65534, found 65535");
    f("connection", R"({"protocol":"opcua"})",
      "endpoint: expected an address such as opc.tcp://10.0.0.5:4840, found none (protocol opcua needs it)");
    f("connection", R"({"protocol":"opcua","endpoint":"http://h"})",
      "endpoint: expected an address such as opc.tcp://10.0.0.5:4840, found \"http://h\"");
    f("connection", R"({"protocol":"opcua","endpoint":"opc.tcp://h","server_fingerprint":"AA:BB"})",
      "server_fingerprint: expected the 64 hexadecimal digits of a SHA-256, found \"AA:BB\"");
    f("connection", R"({"protocol":"dlt645_tcp","host":"h"})",
      "port: expected the port of the machine or serial server, found none (protocol dlt645_tcp has no usual one)");
    f("connection", R"({"protocol":"s7","host":"h","plc":"logo","slot":1})",
      "slot: logo has neither rack nor slot: leave rack, slot and connection_type out, and write local_tsap and "
      "remote_tsap where the usual ones do not suit");
    f("connection", R"({"protocol":"s7","host":"h","remote_tsap":"3.1"})",
      "remote_tsap: \"3.1\" is no TSAP: expected two bytes in hexadecimal such as 03.01");
    f("connection", R"({"protocol":"mc","host":"h","family":"fx3","frame":"3E"})",
      "frame: fx3 does not speak 3E: expected 1E");
    f("connection", R"({"protocol":"mc","host":"h","family":"iq_r","frame":"1E"})",
      "frame: iq_r does not speak 1E: expected 3E or 4E");
    f("connection", R"({"protocol":"mc","host":"h","coding":"ascii_octal"})",
      "coding: ascii_octal is of iq_f alone: choose ascii");
    f("connection", R"({"protocol":"mc","host":"h","family":"fx"})",
      "family: fx speaks by its programming port alone: choose protocol fx_serial or fx_tcp");
    f("connection", R"({"protocol":"fx_serial","serial_port":"/dev/ttyS0","family":"q_l"})",
      "family: q_l has no programming port of FX: choose protocol mc");
    f("connection", R"({"protocol":"fx_serial"})",
      "serial_port: expected a port such as /dev/ttyUSB0, found none (protocol fx_serial needs it)");
    f("connection", R"({"protocol":"aibus_tcp","host":"h"})",
      "port: expected the port of the machine or serial server, found none (protocol aibus_tcp has no usual one)");
    f("connection", R"({"protocol":"dlt645_dtu"})",
      "registration: expected the packet that the DTU sends first, found none (protocol dlt645_dtu needs it)");
    f("connection", R"({"protocol":"dlt645_serial","serial_port":"/dev/ttyS0","meter_standard":2006})",
      "meter_standard: expected one of 2007, 1997, found 2006");
    f("connection", R"({"protocol":"frames_tcp","host":"h","port":1})",
      "layout: expected the template of its frames, found none (protocol frames_tcp needs it)");
    f("connection", R"({"protocol":"frames_tcp","host":"h","port":1,"layout":"frame: [\n"})",
      "layout: line 2, column 1: end of sequence flow not found");
    f("connection",
      R"({"protocol":"frames_tcp","host":"h","port":1,"layout":"frame: {by: end, end: '\\n'}\nfields: [{name: w}]"})",
      "layout: fields[0]: expected one of group, pattern, item, after and before, or at; found 0 of them");
    f("device_type",
      R"({"properties":[{"name":"a","type":"number","point":{"at":"D1"},"address":{"kind":"holding","address":0}}]})",
      "properties[0].point: a property has either an address, for Modbus, or a point");
    f("device_type", R"({"properties":[{"name":"a","type":"number","point":{"at":"D1","scale":0}}]})",
      "properties[0].point.scale: expected a number other than 0");
    f("device", R"({"type":"t","properties":[{"name":"a","point":{"at":"D1","scale":0}}]})",
      "properties[0].point.scale: expected a number other than 0");
    f("connection", R"({"protocol":"modbus_tcp","host":"h","enabled":"yes"})",
      "enabled: expected true or false, found \"yes\"");
    f("user", R"({"role":"viewer","email":"nobody"})",
      "email: expected an address such as li@example.com, found \"nobody\"");
    f("token", R"({"role":"viewer","expires":"tomorrow"})",
      "expires: expected a time such as 2026-03-01T08:00:00+08:00, found \"tomorrow\"");
    f("user", R"({"role":""})", "role: expected a text, found an empty one");
    f("user", "[]", "spec: expected an object, found a list");
}

TEST(Shape, UnitsAreChecked) {
    World world;
    ASSERT_TRUE(world.open());
    auto f = [&](const char* unit, bool want) {
        Json spec = json(R"({"properties":[{"name":"a","type":"number"}]})");
        spec.as_object()["properties"].as_array()[0].as_object()["unit"] = unit;
        EXPECT_EQ(world.registry->kind("device_type")->normalize(spec).has_value(), want) << unit;
    };
    f("degC", true);
    f("mm/s", true);
    f("kW", true);
    f("℃", true);
    f("blurbs", false);
}

TEST(Shape, FillsDefaults) {
    World world;
    ASSERT_TRUE(world.open());
    const auto got =
        world.registry->kind("connection")->normalize(json(R"({"protocol":"modbus_tcp","host":"h","period_ms":null})"));
    ASSERT_TRUE(got);
    EXPECT_EQ(to_text(*got),
              R"({"title_zh":"","title_en":"","protocol":"modbus_tcp","enabled":true,"host":"h",)"
              R"("period_ms":1000,"timeout_ms":1000,"retries":1,"unit":1,)"
              R"("registers_per_request_max":100,"gap_max":8,"min_request_gap_ms":0,"writes_enabled":false})");
}

TEST(Shape, SpecsAreTyped) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "pump", sample_of("device_type").first));
    ASSERT_TRUE(world.put(
        "device", "a/b",
        R"({"type":"pump","properties":[{"name":"speed","period_ms":500,"max":9},{"name":"run","enabled":false}]})"));
    const auto type = spec_of<DeviceTypeSpec>(*world.registry->find(TenantId{1}, "device_type", "pump"));
    const auto device = spec_of<DeviceSpec>(*world.registry->find(TenantId{1}, "device", "a/b"));
    ASSERT_TRUE(type && device);
    const auto properties = effective_properties(*type, *device);
    ASSERT_EQ(properties.size(), 1u);
    EXPECT_EQ(properties[0].name, "speed");
    EXPECT_EQ(properties[0].period_ms, 500u);
    EXPECT_EQ(properties[0].max, 9.0);
    ASSERT_TRUE(properties[0].address);
    EXPECT_EQ(properties[0].address->word_order, WordOrder::CDAB);
    EXPECT_EQ(properties[0].address->scale, 0.1);
    EXPECT_FALSE(properties[0].address->bit);
    const auto wrong = world.put("device", "a/c", R"({"type":"pump","properties":[{"name":"sped"}]})");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().text(),
              "properties[0].name: the device type \"pump\" has no property \"sped\"; did you mean \"speed\"?");
}

TEST(DeviceIds, FindDevicesByWhatOthersCallThem) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "t", "{}"));
    DeviceIds ids{*world.registry};
    const auto put = [&](const char* name, const char* id) {
        const std::string spec =
            *id == '\0' ? R"({"type":"t"})" : fmt::format(R"({{"type":"t","external_id":"{}"}})", id);
        const auto made = world.put("device", name, spec.c_str());
        ids.forget(TenantId{1});
        return made ? std::string("stored") : made.error().text();
    };
    auto f = [&](const char* product, const char* device, const char* want) {
        const auto found = ids.path_of(TenantId{1}, product, device);
        EXPECT_EQ(found ? *found : std::string(to_string(found.error().code())), want) << product << "/" << device;
    };
    EXPECT_EQ(put("a/m1", ""), "stored");
    EXPECT_EQ(put("a/m2", "1790"), "stored");
    EXPECT_EQ(put("a/m3", "cnc/m3"), "stored");
    f("any", "m1", "a/m1");
    f("any", "1790", "a/m2");
    f("any", "m2", "not found");
    f("cnc", "m3", "a/m3");
    f("oven", "m3", "not found");
    EXPECT_EQ(put("b/m1", ""), "stored");
    f("any", "m1", "conflict");
    EXPECT_EQ(put("b/m1", "m1"), "stored");
    f("any", "m1", "b/m1");
    EXPECT_EQ(put("b/m4", "1790"), "external_id: \"1790\" is the ID of another device already");
    EXPECT_EQ(put("b/m5", "oven/m1"),
              "external_id: another device is called \"m1\" by its name; give that one an ID first");
    for (const char* wrong : {"/a", "a/", "a/b/c/d", "a//b", "+", "a/#"})
        EXPECT_NE(put("b/m6", wrong).find("external_id: expected \"device\", \"product/device\" or"), std::string::npos)
            << wrong;
}

// One that is renamed is still itself; what a change set frees or takes counts for what comes after it.
TEST(DeviceIds, AreUniqueWithinAChangeSetToo) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "t", "{}"));
    using What = BulkWish::What;
    const auto with_id = [](std::string name, std::string_view id) {
        return BulkWish{.kind = "device",
                        .name = std::move(name),
                        .spec = json(fmt::format(R"({{"type":"t","external_id":"{}"}})", id))};
    };
    const auto rename = [](std::string name, std::string to) {
        return BulkWish{.what = What::rename, .kind = "device", .name = std::move(name), .new_name = std::move(to)};
    };
    const auto f = [&](const std::vector<BulkWish>& wishes, const std::string& want) {
        std::string refused = "stored";
        for (const Applied& one : change_all(*world.registry, world.admin, wishes, false))
            if (!one.change && refused == "stored" && one.change.error().code() == Code::invalid)
                refused = one.change.error().text();
        EXPECT_NE(refused.find(want), std::string::npos) << refused;
    };
    f({with_id("a/m1", "1"), with_id("a/m2", "1")}, "is the ID of another device already");
    f({with_id("a/m1", "1"), with_id("a/m2", "2")}, "stored");
    f({rename("a/m1", "b/m1")}, "stored");
    f({with_id("a/m3", "1")}, "is the ID of another device already");
    f({rename("b/m1", "c/m1"), with_id("a/m3", "1")}, "is the ID of another device already");
    f({BulkWish{.what = What::remove, .kind = "device", .name = "a/m2"}, with_id("a/m3", "2")}, "stored");
    f({with_id("b/m1", "3"), with_id("a/m4", "1")}, "stored");
    f({with_id("a/m4", "5"), with_id("a/m5", "5")}, "is the ID of another device already");
    f({BulkWish{.kind = "device", .name = "a/plain", .spec = json(R"({"type":"t"})")}, with_id("a/m6", "oven/plain")},
      "another device is called \"plain\"");
    ASSERT_TRUE(world.open());
    f({with_id("a/m7", "5")}, "stored");
    f({with_id("a/m8", "1")}, "is the ID of another device already");
}

TEST(DeviceIds, OfThousandsInOneChangeSet) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "t", "{}"));
    std::vector<BulkWish> wishes;
    for (int i = 0; i < 2'000; ++i)
        wishes.push_back({.kind = "device",
                          .name = fmt::format("a/m{}", i),
                          .spec = json(fmt::format(R"({{"type":"t","external_id":"id{}"}})", i))});
    for (const Applied& one : change_all(*world.registry, world.admin, wishes, false)) ASSERT_TRUE(one.change);
}

TEST(Names, AreChecked) {
    World world;
    ASSERT_TRUE(world.open());
    auto f = [&](const char* kind, std::string name, bool want) {
        const char* spec =
            std::string_view(kind) == "site" ? R"({"time_zone":"UTC"})" : R"({"protocol":"mqtt_device"})";
        const auto got = world.registry->put(world.admin, kind, name, json(spec), {});
        EXPECT_EQ(got.has_value(), want) << name << (got ? "" : got.error().text());
    };
    f("connection", "plc_1-a.b", true);
    f("connection", "一号机", true);
    f("connection", "", false);
    f("connection", "a b", false);
    f("connection", "a/b", false);
    f("connection", "..", false);
    f("connection", "a@b", false);
    f("connection", "a\xff", false);
    f("connection", "１", false);
    f("connection", std::string(200, 'a'), true);
    f("connection", std::string(201, 'a'), false);
    f("site", "一厂/东区", true);
    f("site", "/a", false);
    f("site", "a//b", false);
    f("site", "a/../b", false);
}

TEST(OpenApi, HoldsEveryKindAndFixedPath) {
    World world;
    ASSERT_TRUE(world.open());
    const Json document = openapi(world.registry->kinds(),
                                  {{.method = "get",
                                    .path = "/api/v1/read",
                                    .area = "data",
                                    .about = "Read",
                                    .parameters = {{"tag", "query", "string", "Tag", true}}},
                                   {.method = "post",
                                    .path = "/api/v1/connections/{name}:test",
                                    .area = "state",
                                    .about = "Test",
                                    .request_type = "application/json"}},
                                  "0.1.0");
    const Json again = json(to_text(document));
    EXPECT_EQ(again, document);
    const JsonObject& paths = document.as_object().at("paths").as_object();
    for (const Kind* kind : world.registry->kinds()) {
        EXPECT_TRUE(paths.contains("/api/v1/" + kind->plural)) << kind->name;
        EXPECT_TRUE(paths.at("/api/v1/" + kind->plural + "/{name}").as_object().contains("patch"));
    }
    EXPECT_TRUE(paths.at("/api/v1/read").as_object().contains("get"));
    // Every $ref leads somewhere.
    const std::string text = to_text(document);
    const JsonObject& schemas = document.as_object().at("components").as_object().at("schemas").as_object();
    const std::string_view mark = "\"#/components/schemas/";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
        const auto begin = at + mark.size();
        EXPECT_TRUE(schemas.contains(text.substr(begin, text.find('"', begin) - begin)));
    }
}

TEST_F(AllKinds, ASiteKeepsToAZoneThatThereIs) {
    const auto f = [&](std::string_view zone, std::string_view want) {
        const auto put = world.put("site", "z", fmt::format(R"({{"time_zone":"{}"}})", zone).c_str());
        const std::string text = put ? "" : put.error().text();
        EXPECT_EQ(bool(put), want.empty()) << zone << " " << text;
        EXPECT_NE(text.find(want), std::string::npos) << text;
    };
    f("Asia/Shanghai", "");
    f("UTC", "");
    f("Asia/Bejing", "did you mean \"Asia/Shanghai\"?");
    f("Asia/Beijing", "did you mean \"Asia/Shanghai\"?");
    f("UTC+8", "did you mean \"Asia/Shanghai\"?");
    f("Europe/Berln", "did you mean \"Europe/Berlin\"?");
    f("Nowhere/AtAllThatIsKnown", "there is no time zone \"Nowhere/AtAllThatIsKnown\"; expected");
    f("/Asia", "expected a time zone such as");
}

}  // namespace gongshu::registry::test
