#include "registry/kinds/point.h"

#include <gtest/gtest.h>

#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

constexpr const char* kScale = R"({"protocol":"frames_tcp","host":"h","port":4001,)"
                               R"("layout":"frame: {by: end, end: '\\r\\n'}\npattern: '(?P<w>[0-9.]+) kg'\n)"
                               R"(fields:\n  - {name: weight, group: w}\n"})";

class Points : public testing::Test {
protected:
    Points() {
        EXPECT_TRUE(world.open());
        put("connection", "modbus", R"({"protocol":"modbus_tcp","host":"h"})");
        put("connection", "h5u", R"({"protocol":"modbus_tcp","host":"h","dialect":"inovance"})");
        put("connection", "hmi", R"({"protocol":"modbus_rtu_tcp","host":"h","dialect":"generic"})");
        put("connection", "s7", R"({"protocol":"s7","host":"h"})");
        put("connection", "q", R"({"protocol":"mc","host":"h"})");
        put("connection", "fx3", R"({"protocol":"mc","host":"h","family":"fx3"})");
        put("connection", "port", R"({"protocol":"fx_serial","serial_port":"/dev/ttyS0"})");
        put("connection", "meters", R"({"protocol":"dlt645_serial","serial_port":"/dev/ttyS1"})");
        put("connection", "old_meters", R"({"protocol":"dlt645_tcp","host":"h","port":1,"meter_standard":1997})");
        put("connection", "ovens", R"({"protocol":"aibus_tcp","host":"h","port":1})");
        put("connection", "omron", R"({"protocol":"fins","host":"h"})");
        put("connection", "scale", kScale);
        put("connection", "lathe", R"({"protocol":"shdr","host":"h"})");
        put("connection", "agent", R"({"protocol":"mtconnect","host":"h"})");
        put("connection", "web", R"({"protocol":"http_json","host":"h","http_path":"/status"})");
        put("connection", "rtu", R"({"protocol":"iec104","host":"h"})");
        put("connection", "ua", R"({"protocol":"opcua","endpoint":"opc.tcp://h"})");
        put("connection", "self", R"({"protocol":"mqtt_device"})");
    }
    void put(const char* kind, const char* name, const std::string& spec) {
        const auto change = world.put(kind, name, spec.c_str());
        ASSERT_TRUE(change) << change.error().text() << " in " << spec;
    }
    // What is said of a device of one property; "" = fine.
    std::string said(const std::string& connection, const std::string& property) {
        const std::string name = "t" + std::to_string(++types_);
        put("device_type", name.c_str(), R"({"properties":[{"name":"p",)" + property + "}]}");
        return device(R"({"type":")" + name + R"(","connection":")" + connection + "\"}");
    }
    std::string device(const std::string& spec) {
        const auto change = world.put("device", "a/b", spec.c_str());
        return change ? "" : change.error().text();
    }
    World world;
    int types_ = 0;
};

}  // namespace

TEST_F(Points, AreReadByTheRulesOfTheConnection) {
    const auto f = [&](const std::string& connection, const std::string& property, const std::string& want) {
        const std::string got = said(connection, property);
        EXPECT_TRUE(want.empty() ? got.empty() : got.find(want) != got.npos)
            << connection << " " << property << "\n  got  " << got << "\n  want " << want;
    };
    const std::string number = R"("type":"number",)", text = R"("type":"text",)", boolean = R"("type":"boolean",)";
    const auto at = [](const std::string& at, const std::string& as = "") {
        return R"("point":{"at":")" + at + R"(","as":")" + as + "\"}";
    };
    f("s7", number + at("DB10.DBD4", "real"), "");
    f("s7", boolean + at("M0.1"), "");
    f("s7", text + at("DB1.DBB0", "string[20]"), "");
    f("s7", number + at("DB1.DBB0", "string[20]"), "point.as: string[20] cannot be held by a property of type number");
    f("s7", boolean + at("DB10.DBD4", "real"), "point.as: real cannot be held by a property of type boolean");
    f("s7", number + at("D100"), "connection: property \"p\" of the device type \"");
    f("s7", number + at("DB10.DBD4", "int"), "point.at: ");
    f("ua", number + at("ns=2;s=Machine/Speed"), "");
    f("ua", number + at("nsu=urn:maker;i=7", "[2]"), "");
    f("ua", number + R"("point":{"at":"i=1","dead_band":0.5})", "");
    f("ua", number + at("DB10.DBD4"), "point.at: \"DB10.DBD4\" is no node id");
    f("ua", number + at("i=1", "real"), "point.as: expected nothing, or the place of an element");
    f("ua", number + R"("writable":true,)" + at("i=1", "[2]"), "writable: an element of an array is only read");
    f("s7", number + R"("point":{"at":"DB10.DBD4","as":"real","dead_band":0.5})",
      "point.dead_band: s7 reads every value");
    f("q", number + at("D100", "i16"), "");
    f("q", number + at("D100", "f32"), "");
    f("q", number + at("D100"), "");
    f("q", boolean + at("X1F"), "");
    f("q", boolean + at("D100.A"), "");
    f("q", text + at("D100", "text[20]"), "");
    f("q", text + at("D100", "text[0]"), "point.as: D100: a text has 1 to 246 characters, not 0");
    f("q", number + at("D100", "i32 ABCD"), "");
    f("q", text + at("D100", "text[20] ABCD"), "");
    f("q", number + at("D100", "i32 ACBD"), "point.as: expected bool, u16, ");
    f("q", text + at("D100", "text"), "point.as: expected bool, u16, ");
    f("q", number + at("D100", "int16"), "point.as: expected bool, u16, ");
    f("q", text + at("D100"), "point.as: i16 cannot be held by a property of type text");
    f("q", boolean + at("D100", "f32"), "point.as: f32 cannot be held by a property of type boolean");
    f("q", number + at("DB10.DBD4"), "point.at: ");
    f("q", number + at("M20", "u16"), "point.as: M20 is one bit");
    f("fx3", number + at("D100"), "");
    f("fx3", number + at("SD100"), "point.at: ");
    f("port", boolean + at("X17"), "");
    f("port", boolean + at("X18"), "point.at: ");
    f("meters", number + at("00010000"), "");
    f("meters", number + at("forward_active_total"), "");
    f("meters", number + at("028000FE", "XX.XX"), "");
    f("meters", number + at("0001FF00"), "point.at: 0001FF00 is a block; choose one of its values, as in 0001FF00.1");
    f("meters", text + at("0001FF00"), "");
    f("meters", number + at("9010"), "point.at: ");
    f("meters", number + R"("writable":true,)" + at("00010000"), "writable: meters are only read");
    f("old_meters", number + at("9010"), "");
    f("omron", number + at("D100"), "");
    f("omron", number + at("D100", "f32 ABCD"), "");
    f("omron", boolean + at("CIO10.05"), "");
    f("omron", boolean + R"("writable":true,)" + at("10.05"), "");
    f("omron", boolean + at("T5"), "");
    f("omron", number + at("T5", "bcd16"), "");
    f("omron", text + at("E0_100", "text[20]"), "");
    f("omron", number + at("X17"), "point.at: \"X17\" is no address of an Omron PLC: the area is not known");
    f("omron", number + at("D100", "real"), "point.as: expected bool, u16, ");
    f("omron", boolean + at("D100", "bool"), "point.as: D100 is a word: write D100.00 to D100.15");
    f("omron", boolean + at("D100", "f32"), "point.as: f32 cannot be held by a property of type boolean");
    f("omron", text + at("D100"), "point.as: i16 cannot be held by a property of type text");
    f("omron", boolean + R"("writable":true,)" + at("T5"), "writable: T5 is a completion flag");
    f("omron", number + R"("writable":true,)" + at("A0"), "writable: A0 is only read");
    f("ovens", number + at("PV"), "");
    f("ovens", boolean + at("alarm.HIAL"), "");
    f("ovens", number + at("1BH"), "");
    f("ovens", number + R"("writable":true,)" + at("SV"), "");
    f("ovens", number + R"("writable":true,)" + at("HIAL"), "");
    f("ovens", number + R"("writable":true,)" + at("PV"), "writable: PV is told by the instrument; write SV or a parameter");
    f("ovens", number + at("D100"), "point.at: \"D100\" is nothing that an instrument of AIBUS tells");
    f("ovens", number + at("PV", "f32"), "point.as: an instrument of AIBUS has whole numbers alone");
    f("ovens", text + at("PV"), "point.as: i16 cannot be held by a property of type text");
    f("scale", number + at("weight"), "");
    f("scale", number + at("tare"), "point.at: the template has no field \"tare\", but weight");
    f("scale", number + at("weight", "f32"), "point.as: the template says how a field lies");
    f("lathe", number + at("Sload"), "");
    f("lathe", number + at("cnc1:amps", "series"), "");
    f("lathe", boolean + at("door"), "");
    f("lathe", text + at("execution, estop", "run_state"), "");
    f("lathe", number + at("execution", "run_state"),
      "point.as: run_state cannot be held by a property of type number");
    f("lathe", number + at("Sload", "real"), "point.as: expected nothing (the value itself), run_state, ");
    f("lathe", number + at("a|b"), "point.at: expected a key of the adapter such as execution or cnc1:execution");
    f("lathe", number + R"("writable":true,)" + at("Sload"), "writable: an adapter of MTConnect is only listened to");
    f("agent", text + at("cnc1:exec, estop", "run_state"), "");
    f("agent", number + at("Sload", "real"), "point.as: expected nothing (the value itself), run_state, ");
    f("web", number + at("emeters[0].power"), "");
    f("web", text + at("/rpc/Status?id=0 ssid"), "");
    f("web", number + at("power", "f32"), "point.as: JSON says itself what a value is");
    f("web", number + at("/status"), "point.at: expected a blank and the place in the answer behind /status");
    f("web", number + at("a[*]"), "point.at: a[*] stands for many values");
    f("web", number + R"("writable":true,)" + at("a"), "writable: what is had by HTTP is only read");
    const auto order = [](const std::string& at, const std::string& write) {
        return R"("writable":true,"point":{"at":")" + at + R"(","write":")" + write + "\"}";
    };
    f("rtu", number + at("1/0x4001", "M_ME_NC"), "");
    f("rtu", boolean + at("0.64.1"), "");
    f("rtu", boolean + order("M_DP 1", "6001 select"), "");
    f("rtu", number + order("4001", "C_SE_NB 6201"), "");
    f("rtu", boolean + at("4001", "M_ME_NC"), "point.as: M_ME_NC_1 cannot be held by a property of type boolean");
    f("rtu", text + at("4001"), "type: an outstation tells no texts: expected number, integer or boolean");
    f("rtu", number + at("DB10"), "point.at: \"DB10\", character 1: the object address is DB10: ");
    f("rtu", number + at("4001", "real"), "point.as: expected nothing, or the type that is told: M_SP (single point), ");
    f("rtu", number + order("4001", ""), "point.write: it does not say which command: ");
    f("rtu", number + order("4001", "6201"), "point.write: it does not say which command: ");
    f("rtu", number + R"("point":{"at":"4001","write":"C_SE_NC"})",
      "point.write: the property is not writable: set writable, or leave it out");
    f("s7", number + order("MD4", "C_SC 1"), "point.write: only IEC 104 has commands of their own; s7 writes where it reads");
    // What belongs to another protocol.
    const std::string address = R"("address":{"kind":"holding","address":0})";
    f("modbus", number + address, "");
    f("modbus", number + at("D100"), "point: for D100 the connection needs a dialect");
    f("h5u", number + at("D100"), "");
    f("h5u", number + at("D100", "f32 ABCD"), "");
    f("h5u", text + at("D100", "text[20]"), "");
    f("h5u", boolean + at("X17"), "");
    f("h5u", boolean + R"("writable":true,)" + at("M20"), "");
    f("h5u", boolean + at("T5"), "");
    f("h5u", number + at("T5"), "");
    f("h5u", boolean + at("D100.3"), "");
    f("h5u", number + address, "");  // both forms may stand in one type
    f("h5u", boolean + at("X18"), "point.at: X18: X is counted in octal, without 8 and 9: after X7 comes X10");
    f("h5u", number + at("HD0"), "point.at: HD0: inovance has no place that begins so");
    f("h5u", boolean + at("D100"), "point.as: D100 is a word: write D100.0 to D100.15 for one of its bits");
    f("h5u", number + at("M20"), "point.as: bool cannot be held by a property of type number");
    f("h5u", number + at("M20", "u16"), "point.as: M20 is one bit: choose bool, not u16");
    f("h5u", number + at("D7999", "f32"), "point.as: D7999: f32 takes 2 registers, and D7999 is the last one");
    f("h5u", text + at("D100"), "point.as: i16 cannot be held by a property of type text");
    f("h5u", number + at("D100", "real"), "point.as: expected bool, u16, ");
    f("h5u", boolean + R"("writable":true,)" + at("X17"), "writable: X17 is an input of the PLC");
    f("hmi", number + at("40001"), "");
    f("hmi", number + at("4x101", "f32"), "");
    f("hmi", number + R"("writable":true,)" + at("30001"), "writable: 30001 is an input of the PLC");
    f("hmi", number + at("D100"), "point.at: D100: the dialect generic has numbers alone");
    f("s7", number + address, "address: it is one of Modbus; s7 wants a point (at, as) instead");
    f("self", number + address, "");
    f("self", number + at("anything"), "");
    f("s7", R"("type":"number")", "");
}

TEST_F(Points, AnOverrideTakesTheAddressOfItsTypeAway) {
    put("device_type", "t",
        R"({"properties":[{"name":"p","type":"number","address":{"kind":"holding","address":0}}]})");
    EXPECT_EQ(device(R"({"type":"t","connection":"s7","properties":[{"name":"p","point":{"at":"MD4","as":"real"}}]})"),
              "");
    EXPECT_EQ(device(R"({"type":"t","connection":"s7","properties":[{"name":"p","point":{"at":"MD4","as":"reel"}}]})")
                  .substr(0, 14),
              "properties[0]:");
    const auto property = declared_property(*world.registry, TenantId{1}, "a/b", "p");
    ASSERT_TRUE(property);
    EXPECT_FALSE(property->address);
    EXPECT_EQ(property->point->at, "MD4");
    EXPECT_EQ(device(R"({"type":"t","connection":"s7","properties":[{"name":"p","enabled":false}]})"), "");
}

TEST_F(Points, OfATypeAreLookedAtForTheDevicesOfIt) {
    put("device_type", "t", R"({"properties":[{"name":"p","type":"number","point":{"at":"MD4","as":"real"}}]})");
    EXPECT_EQ(device(R"({"type":"t","connection":"s7"})"), "");
    const auto refused =
        world.put("device_type", "t", R"({"properties":[{"name":"p","type":"number","point":{"at":"D100"}}]})");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().text().starts_with("properties[0].point.at: "));
    EXPECT_TRUE(refused.error().text().ends_with("(devices of this type are read by s7)")) << refused.error().text();
    // What nobody could read any more: an address for S7, and a point for Modbus without a dialect.
    constexpr const char* kAddress =
        R"({"properties":[{"name":"p","type":"number","address":{"kind":"holding","address":1}}]})";
    const auto address = world.put("device_type", "t", kAddress);
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().text(),
              "properties[0].address: it is one of Modbus; s7 wants a point (at, as) instead (devices of this type are "
              "read by s7)");
    put("device_type", "words", kAddress);
    EXPECT_TRUE(world.put("device", "a/c", R"({"type":"words","connection":"modbus"})"));
    const auto point =
        world.put("device_type", "words", R"({"properties":[{"name":"p","type":"number","point":{"at":"D1"}}]})");
    ASSERT_FALSE(point);
    EXPECT_TRUE(point.error().text().starts_with("properties[0].point: for D1 the connection needs a dialect"));
    // An override has an address of its own.
    EXPECT_TRUE(world.put("device", "a/c",
                          R"({"type":"words","connection":"modbus","properties":[)"
                          R"({"name":"p","address":{"kind":"holding","address":2}}]})"));
    EXPECT_TRUE(world.put("device_type", "words",
                          R"({"properties":[{"name":"p","type":"number","point":{"at":"D1"}}]})"));
}

TEST_F(Points, OfAConnectionAreLookedAtForTheDevicesOnIt) {
    put("device_type", "t", R"({"properties":[{"name":"p","type":"number","point":{"at":"D100"}}]})");
    EXPECT_EQ(device(R"({"type":"t","connection":"h5u"})"), "");
    const auto f = [&](const char* spec, const char* want) {
        const auto change = world.put("connection", "h5u", spec);
        const std::string got = change ? "" : change.error().text();
        EXPECT_TRUE(*want == 0 ? got.empty() : got.starts_with(want)) << got;
    };
    f(R"({"protocol":"modbus_tcp","host":"h"})",
      "protocol: property \"p\" of the device type \"t\", of which devices are read by this connection: point: for "
      "D100 the connection needs a dialect");
    f(R"({"protocol":"modbus_tcp","host":"h","dialect":"haiwell"})",
      "dialect: property \"p\" of the device type \"t\", of which devices are read by this connection: point.at: D100: "
      "haiwell has no place that begins so");
    f(R"({"protocol":"s7","host":"h"})", "protocol: property \"p\" of the device type \"t\"");
    f(R"({"protocol":"modbus_tcp","host":"h2","dialect":"xinje_xd","point_order":"ABCD"})", "");
}

// All that changes together is looked at when it is all there, in whatever order it was named.
TEST_F(Points, MayMoveToAnotherProtocolTogetherWithTheirDevices) {
    put("device_type", "t", R"({"properties":[{"name":"p","type":"number","point":{"at":"MD4","as":"real"}}]})");
    EXPECT_EQ(device(R"({"type":"t","connection":"s7"})"), "");
    const auto wishes = [](const char* connection) {
        return std::vector<Wanted>{
            {"device_type", "t",
             parse_json(R"({"properties":[{"name":"p","type":"number","address":{"kind":"holding","address":1}}]})")
                 .value()},
            {"device", "a/b",
             parse_json(R"({"type":"t","connection":")" + std::string(connection) + "\"}").value()}};
    };
    EXPECT_EQ(device(R"({"type":"t","connection":"modbus"})").substr(0, 11), "connection:");
    for (const auto& applied : world.registry->apply(world.admin, wishes("modbus"), {.all_or_nothing = true}))
        EXPECT_TRUE(applied.change && applied.stored) << applied.name;
    // And back by the connection alone: refused where it is said, and nothing is stored.
    std::vector<Wanted> alone{{"connection", "modbus", parse_json(R"({"protocol":"s7","host":"h"})").value()},
                              {"connection", "new", parse_json(R"({"protocol":"s7","host":"h"})").value()}};
    const auto refused = world.registry->apply(world.admin, alone, {.all_or_nothing = true});
    ASSERT_FALSE(refused[0].change);
    EXPECT_TRUE(refused[0].change.error().text().starts_with("protocol: property \"p\""));
    EXPECT_FALSE(refused[1].stored);
    EXPECT_FALSE(world.registry->find(TenantId{1}, "connection", "new"));
}

TEST_F(Points, MetersHaveNumbers) {
    put("device_type", "meter", R"({"properties":[]})");
    const auto f = [&](const std::string& connection, const std::string& station, const std::string& want) {
        const std::string got =
            device(R"({"type":"meter","connection":")" + connection + R"(","station":")" + station + "\"}");
        EXPECT_EQ(got.substr(0, want.empty() ? got.npos : want.size()), want) << station;
    };
    f("meters", "000012345678", "");
    f("meters", "12345678", "");
    f("meters", "AAAAAAAAAAAA", "");
    f("meters", "0000123456789", "station: ");
    f("meters", "no 1", "station: ");
    f("meters", "999999999999", "station: 999999999999 is heard by all meters and answered by none");
    f("ovens", "80", "");
    f("ovens", "101", "station: \"101\" is no address of an instrument of AIBUS");
    f("s7", "press 1", "");
}

TEST_F(Points, ALineHasOneMasterAndAPacketOneDtuWhateverTheySpeak) {
    const auto f = [&](const char* spec, const char* want) {
        const auto change = world.put("connection", "new", spec);
        ASSERT_FALSE(change) << spec;
        EXPECT_NE(change.error().text().find(want), std::string::npos) << change.error().text();
    };
    f(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0"})", "is the port of connection port already");
    f(R"({"protocol":"fx_serial","serial_port":"/dev/ttyS1"})", "is the port of connection meters already");
    put("connection", "dtu", R"({"protocol":"dlt645_dtu","registration":"A1"})");
    f(R"({"protocol":"modbus_dtu","registration":"4131","registration_form":"hex"})", "connection dtu has the same");
    put("connection", "other", R"({"protocol":"modbus_dtu","registration":"A2"})");
}

TEST(ConnectionSpec, FillsInWhatSuitsTheProtocol) {
    World world;
    ASSERT_TRUE(world.open());
    const auto spec_of_text = [&](const char* text) {
        const auto normal = world.registry->kind("connection")->normalize(json(text));
        EXPECT_TRUE(normal) << (normal ? "" : normal.error().text());
        Resource resource{.kind = "connection", .name = "c", .spec = normal ? *normal : Json(JsonObject{})};
        return spec_of<ConnectionSpec>(resource).value();
    };
    const auto line = [&](const char* text) { return io::to_string(spec_of_text(text).serial()); };
    EXPECT_EQ(line(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0"})"), "/dev/ttyS0 9600 8N1");
    EXPECT_EQ(line(R"({"protocol":"fx_serial","serial_port":"/dev/ttyS0"})"), "/dev/ttyS0 9600 7E1");
    EXPECT_EQ(line(R"({"protocol":"dlt645_serial","serial_port":"/dev/ttyS0"})"), "/dev/ttyS0 2400 8E1");
    EXPECT_EQ(line(R"({"protocol":"aibus_serial","serial_port":"/dev/ttyS0"})"), "/dev/ttyS0 9600 8N1");
    EXPECT_EQ(line(R"({"protocol":"dlt645_serial","serial_port":"/dev/ttyS0","parity":"none"})"),
              "/dev/ttyS0 2400 8N1");
    EXPECT_EQ(spec_of_text(R"({"protocol":"modbus_tcp","host":"h"})").tcp_port(), 502);
    EXPECT_EQ(spec_of_text(R"({"protocol":"s7","host":"h"})").tcp_port(), 102);
    EXPECT_EQ(spec_of_text(R"({"protocol":"mc","host":"h"})").tcp_port(), 5007);
    EXPECT_EQ(spec_of_text(R"({"protocol":"fins","host":"h"})").tcp_port(), 9600);
    EXPECT_EQ(spec_of_text(R"({"protocol":"s7","host":"h","port":502})").tcp_port(), 502);
    EXPECT_EQ(spec_of_text(R"({"protocol":"shdr","host":"h"})").tcp_port(), 7878);
    const auto remote = [&](const char* text) { return wire::s7::tsap_text(spec_of_text(text).tsaps()->remote); };
    EXPECT_EQ(remote(R"({"protocol":"s7","host":"h"})"), "03.01");
    EXPECT_EQ(remote(R"({"protocol":"s7","host":"h","plc":"s7_300"})"), "03.02");
    EXPECT_EQ(remote(R"({"protocol":"s7","host":"h","plc":"s7_400","rack":1})"), "03.23");
    EXPECT_EQ(remote(R"({"protocol":"s7","host":"h","slot":0,"connection_type":"op"})"), "02.00");
    EXPECT_EQ(remote(R"({"protocol":"s7","host":"h","plc":"logo","remote_tsap":"02.00"})"), "02.00");
    EXPECT_EQ(spec_of_text(R"({"protocol":"mc","host":"h"})").mc_link().frame, wire::mc::Frame::e3);
    EXPECT_EQ(spec_of_text(R"({"protocol":"mc","host":"h","family":"fx3"})").mc_link().frame, wire::mc::Frame::e1);
    EXPECT_EQ(spec_of_text(R"({"protocol":"dlt645_dtu","registration":"A","meter_standard":1997})").standard(),
              wire::dlt645::Standard::of_1997);
}

TEST(ConnectionSpec, TemplatesAreYamlOrJson) {
    EXPECT_EQ(layout_json("frame: {by: end, end: '\\r\\n'}\n").value(), R"({"frame":{"by":"end","end":"\\r\\n"}})");
    EXPECT_EQ(layout_json(R"( {"a":"\/\u0041"})").value(), R"({"a":"/A"})");
    EXPECT_EQ(layout_json("{a: 1}").value(), R"({"a":1})");
    EXPECT_FALSE(layout_json("a: 1\na: 2\n"));
    EXPECT_FALSE(layout_json(std::string(70'000, 'x')));
}

TEST(Shape, TellsWhatAbsenceMeansByAChoice) {
    World world;
    ASSERT_TRUE(world.open());
    const Json& properties = world.registry->kind("connection")->schema.at("properties");
    EXPECT_EQ(
        to_text(properties.at("port").at("x-absent")),
        R"({"field":"protocol","values":{"modbus_tcp":502,"modbus_rtu_tcp":502,"s7":102,"mc":5007,"fins":9600,"shdr":7878,)"
        R"("http_json":80,"mtconnect":5000,)"
        R"("iec104":2404}})");
    EXPECT_FALSE(properties.at("port").as_object().contains("default"));
    EXPECT_EQ(to_text(properties.at("frame").at("enum")), R"(["3E","4E","1E"])");
}

}  // namespace gongshu::registry::test
