#include "registry/kinds/modbus_server.h"

#include <gtest/gtest.h>

#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

// Tags that somebody sent, at the paths that are named.
class SentTags final : public Tags {
public:
    explicit SentTags(std::map<std::string, ValueType, std::less<>> types) : types_(std::move(types)) {}
    Result<TagId> resolve(const TagKey&, std::string_view, ValueType, std::string_view) override { return TagId{1}; }
    std::optional<TagInfo> info(TagId) const override { return std::nullopt; }
    std::optional<TagInfo> find(TenantId tenant, std::string_view path) const override {
        const auto found = types_.find(path);
        if (found == types_.end()) return std::nullopt;
        return TagInfo{TagId{1}, {tenant, "p:" + found->first, found->first}, found->first, found->second, ""};
    }
    std::vector<TagInfo> match(TenantId, std::string_view, std::size_t) const override { return {}; }
    Result<void> move_source(TenantId, std::string_view, std::string_view) override { return {}; }
    Result<void> set_unit(TagId, std::string_view) override { return {}; }

private:
    std::map<std::string, ValueType, std::less<>> types_;
};

constexpr const char* kMasters = R"("masters":["10.0.0.5"])";

std::string entries(const std::string& inside, const std::string& more = "") {
    return R"({"entries":[)" + inside + "]" + (more.empty() ? "" : "," + more) + "}";
}

TEST(ModbusServerKind, WhatCannotBeIsToldWithItsPlace) {
    World world;
    ASSERT_TRUE(world.open());
    const auto f = [&](const std::string& spec, std::string_view want) {
        const auto got = world.registry->kind("modbus_server")->normalize(json(spec));
        EXPECT_EQ(got ? "" : got.error().text(), want) << spec;
    };
    f("{}", "");
    f(R"({"host":"10.0.0.2","masters":["10.0.0.5","fd00::/16"]})", "");
    f(R"({"host":"10.0.0.2"})",
      "masters: expected at least one address, found none: Modbus knows no sign-in, so that 10.0.0.2 is opened only to masters "
      "that are named");
    f(R"({"masters":["0.0.0.0/0"]})",
      "masters[0]: 0.0.0.0/0 lets nearly everybody ask, and Modbus knows no sign-in; name the masters' own addresses or networks");
    f(R"({"masters":["10.0.0.5","10.0.0.0/7"]})",
      "masters[1]: 10.0.0.0/7 lets nearly everybody ask, and Modbus knows no sign-in; name the masters' own addresses or networks");
    f(R"({"masters":["scada"]})", "masters[0]: expected an address such as 10.0.0.5 or a network such as 10.0.0.0/24, found \"scada\"");
    f(R"({"host":"scada.lan"})", "host: expected an IP address of this machine, found \"scada.lan\"");
    f(R"({"host":"10.0.0.0/24",)" + std::string(kMasters) + "}", "host: expected an IP address of this machine, found \"10.0.0.0/24\"");

    f(entries(R"({"tag":"a","kind":"holding","address":0,"encoding":"f32"},{"tag":"b","kind":"holding","address":2})"), "");
    f(entries(R"({"tag":"a","kind":"holding","address":0,"encoding":"f32"},{"tag":"b","kind":"holding","address":1})"),
      "entries[1].address: holding 1 is taken by entries[0] already (a); choose another address");
    f(entries(R"({"tag":"a","kind":"holding","address":5},{"tag":"b","kind":"holding","address":4,"encoding":"u32"})"),
      "entries[1].address: holding 5 is taken by entries[0] already (a); choose another address");
    f(entries(R"({"tag":"a","kind":"holding","address":5},{"tag":"b","address":5,"kind":"input"},)"
              R"({"tag":"c","kind":"holding","address":5,"unit":2})"),
      "");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"bit":0},{"tag":"b","kind":"holding","address":5,"bit":1})"), "");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"bit":1},{"tag":"b","kind":"holding","address":5,"bit":1})"),
      "entries[1].address: holding 5 is taken by entries[0] already (a); choose another address");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"bit":1},{"tag":"b","kind":"holding","address":5})"),
      "entries[1].address: holding 5 is taken by entries[0] already (a); choose another address");
    f(entries(R"({"tag":"a","kind":"discrete","address":7},{"tag":"b","kind":"holding","address":5,"status":7})"),
      "entries[1].status: discrete 7 is taken by entries[0] already (a); choose another address");
    f(entries(R"({"tag":"a","kind":"holding","address":65535,"encoding":"u32"})"),
      "entries[0].address: 2 registers from 65535 reach beyond 65535");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"scale":0})"), "entries[0].scale: expected a number other than 0");

    f(entries(R"({"tag":"a","kind":"holding","address":5,"min":1})"),
      "entries[0].min: limits are for writes; set writable, or leave it out");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"writable":true})"),
      "entries[0].writable: writes are off for this server; set writes_enabled, or leave it out");
    const std::string writes = R"("writes_enabled":true)";
    f(entries(R"({"tag":"a","kind":"holding","address":5,"writable":true,"min":1,"max":1})", writes), "");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"writable":true,"min":2,"max":1})", writes),
      "entries[0].max: expected at least min (2), found 1");
    f(entries(R"({"tag":"a","kind":"input","address":5,"writable":true})", writes),
      "entries[0].writable: masters can write coils and holding registers, not input");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"bit":0,"writable":true})", writes),
      "entries[0].writable: a bit of a register is only read; show the tag as a coil to have it written");

    f(entries(R"({"tag":"a","kind":"holding","address":5,"fill":7})"), "entries[0].fill: it is for when_bad fill, and this is exception");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"when_bad":"last","fill":7})"),
      "entries[0].fill: it is for when_bad fill, and this is last");
    f(entries(R"({"tag":"a","kind":"holding","address":5,"fill":7})", R"("when_bad":"fill")"), "");
    f(entries(R"({"tag":"a","kind":"coil","address":5,"when_bad":"fill","fill":7})"), "entries[0].fill: a bit is 0 or 1, found 7");
}

TEST(ModbusServerKind, TwoDoNotListenAtOnePlace) {
    World world;
    ASSERT_TRUE(world.open());
    const auto f = [&](const char* name, const char* spec, std::string_view want) {
        const auto got = world.put("modbus_server", name, spec);
        EXPECT_EQ(got ? "" : got.error().text(), want) << spec;
    };
    f("one", R"({"port":1502})", "");
    f("two", R"({"port":1502,"unit":2})", "port: 1502 is that of the Modbus server \"one\"; choose another one");
    f("two", R"({"port":1502,"unit":2,"enabled":false})", "");
    f("two", R"({"port":1503,"unit":2})", "");
    f("three", R"({"port":1502,"host":"10.0.0.2","masters":["10.0.0.5"]})", "");
    f("four", R"({"port":1502,"host":"0.0.0.0","masters":["10.0.0.5"]})",
      "port: 1502 is that of the Modbus server \"one\"; choose another one");
    f("one", R"({"port":1502,"unit":3})", "");
}

TEST(ModbusServerKind, OnlyTheTenantDefaultOpensPorts) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("tenant", "plant2", "{}"));
    const auto actor = world.actor(world.registry->tenant_id("plant2").value(), Role::admin);
    const auto got = world.registry->put(actor, "modbus_server", "mine", json("{}"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Code::denied);
}

TEST(ModbusServerKind, TagsAreThereAndLieAsTheySay) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("device_type", "oven", R"({"properties":[{"name":"limit","type":"number","min":0,"max":900,"writable":true},
        {"name":"heat","type":"number"},{"name":"on","type":"boolean"},{"name":"recipe","type":"text"}]})"));
    ASSERT_TRUE(world.put("device", "hall/oven", R"({"type":"oven"})"));
    const SentTags tags{{{"sent.number", ValueType::number}, {"sent.text", ValueType::text}, {"sent.on", ValueType::boolean}}};
    const auto f = [&](const std::string& entry, std::string_view want) {
        Resource next;
        next.kind = "modbus_server";
        next.tenant = world.admin.tenant;
        auto spec = world.registry->kind("modbus_server")->normalize(json(entries(entry, R"("writes_enabled":true)")));
        ASSERT_TRUE(spec) << spec.error().text();
        next.spec = *spec;
        const auto got = check_modbus_server(*world.registry, tags, next);
        EXPECT_EQ(got ? "" : got.error().text(), want) << entry;
    };
    f(R"({"tag":"sent.number","kind":"holding","address":0,"encoding":"f32"})", "");
    f(R"({"tag":"sent.nothing","kind":"holding","address":0})", "entries[0].tag: there is no tag \"sent.nothing\"");
    f(R"({"tag":"hall/oven.nothing","kind":"holding","address":0})", "entries[0].tag: there is no tag \"hall/oven.nothing\"");
    f(R"({"tag":"hall/oven.heat","kind":"holding","address":0,"encoding":"f32"})", "");  // declared, no reading yet
    f(R"({"tag":"sent.text","kind":"holding","address":0})",
      "entries[0].encoding: sent.text is a text, which a number cannot hold; choose text");
    f(R"({"tag":"sent.text","kind":"holding","address":0,"encoding":"text","length":4})", "");
    f(R"({"tag":"sent.number","kind":"holding","address":0,"encoding":"text","length":4})",
      "entries[0].encoding: sent.number is a number, which text cannot hold; choose a number such as f32");
    f(R"({"tag":"sent.on","kind":"coil","address":0})", "");
    f(R"({"tag":"sent.on","kind":"holding","address":0})", "");
    f(R"({"tag":"sent.text","kind":"coil","address":0})",
      "entries[0].kind: a coil is on or off, and sent.text is a text; choose holding or input");
    f(R"({"tag":"hall/oven.heat","kind":"holding","address":0,"bit":3})",
      "entries[0].kind: a bit is on or off, and hall/oven.heat is a number; choose holding or input");
    f(R"({"tag":"hall/oven.limit","kind":"holding","address":0,"scale":0.1})", "");
    f(R"({"tag":"hall/oven.limit","kind":"holding","address":0,"scale":0.01})",
      "entries[0].encoding: hall/oven.limit may be 900, and 900 does not fit u16: with scale 0.01 and offset 0 its raw value must be "
      "0 to 65535; choose another encoding or a scale");
    f(R"({"tag":"hall/oven.limit","kind":"holding","address":0,"writable":true})", "");
    f(R"({"tag":"hall/oven.heat","kind":"holding","address":0,"encoding":"f32","writable":true})",
      "entries[0].writable: hall/oven.heat is no property that its device type calls writable");
    f(R"({"tag":"sent.number","kind":"holding","address":0,"encoding":"f32","writable":true})",
      "entries[0].writable: sent.number is no property that its device type calls writable");
}

}  // namespace

}  // namespace gongshu::registry::test
