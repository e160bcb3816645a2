#include <gtest/gtest.h>

#include "connect/link_config_from_registry.h"
#include "io/sim.h"
#include "wire/free_frame.h"

namespace gongshu::connect {

namespace {

struct World {
    World() {
        registry = registry::Registry::create(files, clock, {.folder = "/r", .key_folder = "/k"}).value();
        EXPECT_TRUE(registry->load());
        actor = {registry->tenant_id("default").value(), "default", "user:test", registry::Role::admin, ""};
        put("device_type", "plc",
            R"({"properties":[{"name":"speed","type":"number","unit":"rpm","period_ms":250,)"
            R"("point":{"at":"DB10.DBD4","as":"real","scale":0.1,"offset":2}},)"
            R"({"name":"sent","type":"number"}]})");
        put("device_type", "relay", R"({"properties":[{"name":"words","type":"number","point":{"at":"D100"}}]})");
        put("device_type", "meter", R"({"properties":[{"name":"energy","type":"number","point":{"at":"00010000"}}]})");
        put("device_type", "oven", R"({"properties":[{"name":"temperature","type":"number","point":{"at":"PV"}}]})");
        put("device_type", "scale", R"({"properties":[{"name":"weight","type":"number","point":{"at":"w"}}]})");
        put("device_type", "fan",
            R"({"properties":[{"name":"speed","type":"number","address":)"
            R"({"kind":"input","address":7,"encoding":"i16","scale":0.1}}]})");
    }
    void put(std::string_view kind, std::string_view name, std::string_view spec) {
        const auto change = registry->put(actor, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(change) << change.error().text();
    }
    // The only connection, with one device of `type`.
    LinkConfig link(std::string_view connection, std::string_view type, std::string_view more = "") {
        put("connection", "c", connection);
        put("device", "s/d", R"({"connection":"c","type":")" + std::string(type) + '"' + std::string(more) + "}");
        auto configs = link_configs(*registry, actor.tenant);
        EXPECT_EQ(configs.size(), 1u);
        EXPECT_TRUE(registry->remove(actor, "device", "s/d"));
        return configs.at(0);
    }

    io::SimFiles files;
    SimClock clock;
    std::unique_ptr<registry::Registry> registry;
    registry::Actor actor;
};

}  // namespace

// Both forms of an address may stand in one type; a name is made into what it is on the wire.
TEST(LinkConfigs, OfModbusByADialect) {
    World world;
    world.put("device_type", "press",
              R"({"properties":[{"name":"limit","type":"number","point":{"at":"D4096","as":"f32","scale":0.5}},)"
              R"({"name":"start","type":"boolean","point":{"at":"X17"}},)"
              R"({"name":"raw","type":"number","address":{"kind":"input","address":7}},)"
              R"({"name":"sent","type":"number"}]})");
    const LinkConfig link =
        world.link(R"({"protocol":"modbus_rtu_tcp","host":"10.0.0.1","dialect":"delta_dvp"})", "press");
    EXPECT_EQ(link.dialect, wire::modbus::Dialect::delta_dvp);
    ASSERT_EQ(link.devices.at(0).properties.size(), 3u);
    const PropertyConfig& limit = link.devices[0].properties[0];
    EXPECT_EQ(limit.table, Table::holding_registers);
    EXPECT_EQ(limit.address, 0x9000);
    EXPECT_EQ(limit.codec.encoding, wire::modbus::Encoding::f32);
    EXPECT_EQ(limit.codec.order, wire::modbus::WordOrder::cdab);
    EXPECT_EQ(limit.codec.scale, 0.5);
    EXPECT_EQ(limit.area_first, 0x9000u);
    EXPECT_EQ(limit.area_end, 0x9000u + 5904);
    EXPECT_EQ(limit.place.at, "D4096");
    EXPECT_FALSE(limit.read_only);
    EXPECT_EQ(limit.fault, "");
    const PropertyConfig& start = link.devices[0].properties[1];
    EXPECT_EQ(start.table, Table::discrete_inputs);
    EXPECT_EQ(start.address, 0x40f);
    EXPECT_TRUE(start.read_only);
    EXPECT_EQ(link.devices[0].properties[2].table, Table::input_registers);
    EXPECT_EQ(link.devices[0].properties[2].area_end, 0x10000u);
    const LinkConfig other = world.link(
        R"({"protocol":"modbus_tcp","host":"10.0.0.1","dialect":"delta_dvp","point_order":"ABCD"})", "press");
    EXPECT_EQ(other.devices.at(0).properties.at(0).codec.order, wire::modbus::WordOrder::abcd);
}

TEST(LinkConfigs, OfOpcUa) {
    World world;
    world.put("device_type", "press",
              R"({"properties":[{"name":"speed","type":"number","period_ms":250,"point":{"at":"ns=2;s=a","dead_band":2}},)"
              R"({"name":"force","type":"number","point":{"at":"ns=2;s=b","as":"[1]"}}]})");
    const std::string digits(64, 'a');
    const LinkConfig link = world.link(
        R"({"protocol":"opcua","endpoint":"opc.tcp://10.0.0.1:4841/x","security_mode":"Sign","user":"li","password":"p",)"
        R"("security_policy":"Aes128_Sha256_RsaOaep","publishing_interval_ms":300,"queue_size":3,"dead_band":0.5,)"
        R"("writes_enabled":true,"server_fingerprint":")" + digits + "\"}",
        "press");
    EXPECT_EQ(link.language, Language::opcua);
    EXPECT_EQ(link.host, "10.0.0.1");
    EXPECT_EQ(link.port, 4841);
    EXPECT_EQ(link.timeout, 5 * kSecond);
    EXPECT_TRUE(link.writes_enabled);
    EXPECT_EQ(link.opcua.mode, UaMode::sign);
    EXPECT_EQ(link.opcua.policy, UaPolicy::aes128_sha256_rsaoaep);
    EXPECT_EQ(link.opcua.fingerprint, digits);
    EXPECT_EQ(link.opcua.user, "li");
    EXPECT_EQ(link.opcua.password, "") << "it does not stand in the resource";
    EXPECT_EQ(link.opcua.publishing, 300 * kMillisecond);
    EXPECT_EQ(link.opcua.queue, 3u);
    const auto& properties = link.devices.at(0).properties;
    EXPECT_EQ(properties[0].place, (NamedPlace{"ns=2;s=a", "", 1, 0, "", 2}));
    EXPECT_EQ(properties[0].period, 250 * kMillisecond);
    EXPECT_EQ(properties[1].place, (NamedPlace{"ns=2;s=b", "[1]", 1, 0, "", 0.5}));
    const LinkConfig plain = world.link(R"({"protocol":"opcua","endpoint":"opc.tcp://h"})", "press");
    EXPECT_EQ(plain.port, 4840);
    EXPECT_EQ(plain.opcua.mode, UaMode::none);
    EXPECT_EQ(plain.opcua.policy, UaPolicy::none);
}

TEST(LinkConfigs, OfS7) {
    World world;
    const LinkConfig link =
        world.link(R"({"protocol":"s7","host":"10.0.0.1","plc":"s7_300","writes_enabled":true})", "plc");
    EXPECT_EQ(link.language, Language::s7);
    EXPECT_EQ(link.way, Way::tcp);
    EXPECT_EQ(link.protocol, "s7");
    EXPECT_EQ(link.host, "10.0.0.1");
    EXPECT_EQ(link.port, 102);
    EXPECT_TRUE(link.writes_enabled);
    EXPECT_EQ(link.s7, (S7Settings{{0x0100, 0x0302}, wire::s7::Plc::s7_300}));
    ASSERT_EQ(link.devices.size(), 1u);
    ASSERT_EQ(link.devices[0].properties.size(), 1u) << "what has no point is sent by the device itself";
    const PropertyConfig& speed = link.devices[0].properties[0];
    EXPECT_EQ(speed.place, (NamedPlace{"DB10.DBD4", "real", 0.1, 2}));
    EXPECT_EQ(speed.unit, "rpm");
    EXPECT_EQ(speed.period, 250 * kMillisecond);
}

TEST(LinkConfigs, OfMelsec) {
    World world;
    LinkConfig link = world.link(
        R"({"protocol":"mc","host":"h","family":"iq_r","frame":"4E","coding":"ascii","network":2,"station_no":3,"pc":4})",
        "relay");
    EXPECT_EQ(link.language, Language::mc);
    EXPECT_EQ(link.port, 5007);
    EXPECT_EQ(link.melsec, (MelsecSettings{wire::mc::Frame::e4,
                                           wire::mc::Coding::ascii,
                                           wire::melsec::Family::iq_r,
                                           {.network = 2, .pc = 4, .io = 0x3ff, .station = 3}}));
    link = world.link(R"({"protocol":"fx_serial","serial_port":"/dev/ttyS0"})", "relay");
    EXPECT_EQ(link.language, Language::fx_port);
    EXPECT_EQ(link.way, Way::serial);
    EXPECT_EQ(io::to_string(link.serial), "/dev/ttyS0 9600 7E1");
    EXPECT_EQ(link.melsec.family, wire::melsec::Family::fx3);
    link = world.link(R"({"protocol":"fx_tcp","host":"h","port":4001,"family":"fx"})", "relay");
    EXPECT_EQ(link.way, Way::tcp);
    EXPECT_EQ(link.port, 4001);
    EXPECT_EQ(link.melsec.family, wire::melsec::Family::fx);
}

TEST(LinkConfigs, OfFins) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"fins","host":"h","own_node":12,"writes_enabled":true})", "relay");
    EXPECT_EQ(link.language, Language::fins);
    EXPECT_EQ(link.port, 9600);
    EXPECT_EQ(link.fins.own_node, 12);
    EXPECT_TRUE(link.writes_enabled);
    EXPECT_FALSE(link.same_link(world.link(R"({"protocol":"fins","host":"h"})", "relay")));
}

TEST(LinkConfigs, OfMeters) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"dlt645_serial","serial_port":"/dev/ttyS0","writes_enabled":true})",
                                 "meter", R"(,"station":"000012345678")");
    EXPECT_EQ(link.language, Language::dlt645);
    EXPECT_EQ(io::to_string(link.serial), "/dev/ttyS0 2400 8E1");
    EXPECT_EQ(link.dlt645.standard, wire::dlt645::Standard::of_2007);
    EXPECT_EQ(link.devices.at(0).station, "000012345678");
    EXPECT_FALSE(link.writes_enabled) << "meters are only read";
    link =
        world.link(R"({"protocol":"dlt645_dtu","registration":"A1","heartbeat":"FE","heartbeat_form":"hex"})", "meter");
    EXPECT_EQ(link.way, Way::dialled_in);
    EXPECT_EQ(link.dtu.registration, (Buffer{'A', '1'}));
    EXPECT_EQ(link.dtu.heartbeat, (Buffer{0xfe}));
    EXPECT_EQ(link.devices.at(0).station, "");
}

TEST(LinkConfigs, OfInstruments) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"aibus_serial","serial_port":"/dev/ttyS0","writes_enabled":true})", "oven",
                                 R"(,"station":"12")");
    EXPECT_EQ(link.language, Language::aibus);
    EXPECT_EQ(io::to_string(link.serial), "/dev/ttyS0 9600 8N1");
    EXPECT_EQ(link.devices.at(0).station, "12");
    EXPECT_TRUE(link.writes_enabled);
    link = world.link(R"({"protocol":"aibus_tcp","host":"h","port":4001})", "oven");
    EXPECT_EQ(link.way, Way::tcp);
    EXPECT_EQ(link.port, 4001);
}

TEST(LinkConfigs, OfFreeFrames) {
    World world;
    const LinkConfig link =
        world.link(R"({"protocol":"frames_tcp","host":"h","port":4001,"layout":"frame: {by: end, end: '\\n'}\n)"
                   R"(fields: [{name: w, item: 1, split: ','}]"})",
                   "scale");
    EXPECT_EQ(link.language, Language::free_frame);
    EXPECT_EQ(link.free_frame.layout,
              R"({"frame":{"by":"end","end":"\\n"},"fields":[{"name":"w","item":1,"split":","}]})");
    EXPECT_TRUE(wire::free_frame::Template::create(link.free_frame.layout));
    EXPECT_EQ(link.devices.at(0).properties.at(0).place.at, "w");
}

TEST(LinkConfigs, OfHttp) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"http_json","host":"10.0.0.9","writes_enabled":true})", "relay");
    EXPECT_EQ(link.language, Language::http);
    EXPECT_EQ(link.port, 80);
    EXPECT_EQ(link.http.path, "/");
    EXPECT_FALSE(link.writes_enabled);
    EXPECT_EQ(world.link(R"({"protocol":"http_json","host":"h","http_path":"/status"})", "relay").http.path, "/status");
    const HttpSettings locked = world.link(R"({"protocol":"mtconnect","host":"h","https":true,"user":"li","password":"p",)"
                                           R"("server_fingerprint":")" +
                                               std::string(64, 'a') + "\"}",
                                           "relay")
                                    .http;
    EXPECT_TRUE(locked.secure);
    EXPECT_EQ(locked.fingerprint, std::string(64, 'a'));
    EXPECT_EQ(locked.user, "li");
    EXPECT_EQ(locked.password, "") << "it does not stand in the resource";
}

TEST(LinkConfigs, OfMtconnect) {
    World world;
    const LinkConfig link = world.link(R"({"protocol":"mtconnect","host":"h","agent_device":"VMC"})", "relay");
    EXPECT_EQ(link.language, Language::mtconnect);
    EXPECT_EQ(link.port, 5000);
    EXPECT_EQ(link.mtconnect.device, "VMC");
    EXPECT_EQ(world.link(R"({"protocol":"mtconnect","host":"h"})", "relay").mtconnect.device, "");
}

TEST(LinkConfigs, OfShdr) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"shdr","host":"10.0.0.9","writes_enabled":true})", "relay");
    EXPECT_EQ(link.language, Language::shdr);
    EXPECT_EQ(link.way, Way::tcp);
    EXPECT_EQ(link.protocol, "shdr");
    EXPECT_EQ(link.port, 7878);
    EXPECT_FALSE(link.writes_enabled);
    EXPECT_EQ(world.link(R"({"protocol":"shdr","host":"h","port":7879})", "relay").port, 7879);
}

TEST(LinkConfigs, OfOutstations) {
    World world;
    world.put("device_type", "bay",
              R"({"properties":[{"name":"breaker","type":"boolean","writable":true,)"
              R"("point":{"at":"M_DP 1","write":"C_DC 6001 select"}}]})");
    LinkConfig link = world.link(R"({"protocol":"iec104","host":"h","writes_enabled":true})", "bay");
    EXPECT_EQ(link.language, Language::iec104);
    EXPECT_EQ(link.way, Way::tcp);
    EXPECT_EQ(link.port, 2404);
    EXPECT_EQ(link.timeout, 15 * kSecond);
    EXPECT_TRUE(link.writes_enabled);
    EXPECT_EQ(link.iec104, Iec104Settings{});
    EXPECT_EQ(link.devices.at(0).properties.at(0).place.write, "C_DC 6001 select");
    link = world.link(R"({"protocol":"iec104","host":"h","port":2405,"t1_s":5,"t2_s":2,"t3_s":30,"k":4,"w":2,)"
                      R"("originator":9,"common_address":3,"stamp_zone":"+08:00","interrogation_minutes":0,)"
                      R"("counters_minutes":15,"clock_minutes":60,"select_first":true})",
                      "bay", R"(,"station":"7")");
    Iec104Settings want;
    want.client.t1 = 5 * kSecond, want.client.t2 = 2 * kSecond, want.client.t3 = 30 * kSecond;
    want.client.k = 4, want.client.w = 2, want.client.originator = 9;
    want.common_address = 3;
    want.zone.offset_minutes = 480;
    want.interrogation = 0, want.counters = 15 * kMinute, want.clock = kHour;
    want.select_first = true;
    EXPECT_EQ(link.iec104, want);
    EXPECT_EQ(link.devices.at(0).station, "7");
}

TEST(LinkConfigs, OfModbusStayAsTheyWere) {
    World world;
    LinkConfig link = world.link(R"({"protocol":"modbus_tcp","host":"h"})", "fan");
    EXPECT_EQ(link.language, Language::modbus);
    EXPECT_EQ(link.framing, Framing::mbap);
    EXPECT_EQ(link.port, 502);
    const PropertyConfig& speed = link.devices.at(0).properties.at(0);
    EXPECT_EQ(speed.table, Table::input_registers);
    EXPECT_EQ(speed.address, 7);
    EXPECT_EQ(speed.codec.scale, 0.1);
    EXPECT_EQ(world.link(R"({"protocol":"modbus_dtu","registration":"A"})", "fan").framing, Framing::rtu);
    EXPECT_EQ(world.link(R"({"protocol":"modbus_dtu","registration":"A","framing":"tcp"})", "fan").framing,
              Framing::mbap);
    EXPECT_EQ(world.link(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0"})", "fan").framing, Framing::rtu);
}

TEST(LinkConfigs, WhatAnotherProtocolLeftBehindIsNoNewLink) {
    World world;
    const LinkConfig one = world.link(R"({"protocol":"modbus_tcp","host":"h"})", "fan");
    const LinkConfig other = world.link(
        R"({"protocol":"modbus_tcp","host":"h","plc":"s7_300","family":"fx3","layout":"x","serial_port":"/dev/ttyS0"})",
        "fan");
    EXPECT_TRUE(one.same_link(other));
}

}  // namespace gongshu::connect
