#include "connect/modbus_driver.h"

#include <gtest/gtest.h>

#include <set>

#include "connect/driver_talk.h"
#include "registry/kinds/point.h"

// Modbus by the names of a PLC's maker; what is the same for numbers is tried in poll_session_test and rtu_session_test.
namespace gongshu::connect {
namespace {

using namespace wire::modbus;

struct Named {
    std::string at, as;
    ValueType type = ValueType::number;
    double scale = 1;
};

// A driver and the memory of a PLC, with nothing between them but bytes.
struct World {
    World(registry::ModbusDialect dialect, const std::vector<Named>& list, std::uint16_t registers_max = 100) {
        registry::ConnectionSpec connection;
        connection.dialect = dialect;
        LinkConfig config;
        config.dialect = connection.modbus_dialect();
        config.registers_per_request_max = registers_max;
        DeviceConfig& device = config.devices.emplace_back();
        for (const Named& named : list) {
            PropertyConfig& property = device.properties.emplace_back();
            property.name = "p" + std::to_string(device.properties.size());
            property.type = named.type;
            property.writable = true;
            property.place = {named.at, named.as, named.scale, 0};
            const auto point = registry::modbus_point(connection, {named.at, named.as, named.scale, 0},
                                                      named.type == ValueType::boolean);
            if (!point) {
                property.fault = point.error().text();
                continue;
            }
            property.table = point->place.table;
            property.address = point->place.address;
            property.area_first = point->place.area_first;
            property.area_end = point->place.address + point->place.room;
            property.read_only = !point->place.writable;
            property.codec = point->layout.codec;
            property.codec.scale = named.scale;
        }
        set = point_set(std::move(config));
        driver = make_modbus_driver(*set->config);
        plan = driver->plan(set);
        driver->begin_link();
    }
    const PropertyConfig& property(std::size_t i) const { return set->config->devices[0].properties[i]; }

    // What is asked for: "read unit 1 …" line by line.
    std::string asked() const {
        std::string all;
        for (const Poll& poll : plan.polls) all += driver->describe(poll.id) + "\n";
        return all;
    }
    Buffer answer(Bytes frame) {
        FrameDecoder decoder;
        Buffer out;
        (void)decoder.feed(frame, [&](const Frame& got) {
            const auto request = decode_request(got.pdu);
            requests.push_back(request.value());
            out = encode_reply(got.transaction, got.unit, reply_to(*request));
            return true;
        });
        return out;
    }
    Reply reply_to(const Request& request) {
        Reply reply{request.function, {}, request.address, request.count, {}, {}};
        const bool bits = is_bits(request.function), input = request.function == Function::read_discrete_inputs;
        for (std::uint32_t at = request.address; at < request.address + std::uint32_t{request.count}; ++at) {
            if (illegal.contains(static_cast<std::uint16_t>(at)))
                return refusal(request.function, Exception::illegal_address);
            const std::size_t i = at - request.address;
            if (is_read(request.function) && bits) reply.bits.push_back((input ? inputs : coils)[at]);
            if (is_read(request.function) && !bits) reply.registers.push_back(registers[at]);
            if (!is_read(request.function) && bits) coils[at] = request.bits[i];
            if (!is_read(request.function) && !bits) registers[at] = request.registers[i];
        }
        if (!is_read(request.function)) reply.bits = request.bits, reply.registers = request.registers;
        return reply;
    }
    std::string read(std::size_t poll = 0) {
        return talk(*driver, *set, driver->read(plan.polls.at(poll).id), [&](Bytes b) { return answer(b); }, 3);
    }
    std::string write(std::size_t i, const Value& value) {
        const DeviceConfig& device = set->config->devices[0];
        if (const auto fits = driver->check_write(device, property(i), value); !fits) return fits.error().text();
        const std::string wrote =
            talk(*driver, *set, driver->write(device, property(i), value), [&](Bytes b) { return answer(b); }, 3);
        if (!wrote.empty()) return wrote;
        return talk(*driver, *set, driver->read_back(device, property(i)), [&](Bytes b) { return answer(b); }, 3);
    }

    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;
    std::vector<std::uint16_t> registers = std::vector<std::uint16_t>(0x10000);
    std::vector<std::uint8_t> coils = std::vector<std::uint8_t>(0x10000), inputs = std::vector<std::uint8_t>(0x10000);
    std::set<std::uint16_t> illegal;
    std::vector<Request> requests;
};

using enum registry::ModbusDialect;

TEST(ModbusByNames, AreReadAsThePlcHasThem) {
    World world{inovance,
                {{"D100", "f32"},
                 {"D102", "i32"},
                 {"D104", "", ValueType::integer},
                 {"D105", "text[4]", ValueType::text},
                 {"D107.9", "", ValueType::boolean},
                 {"D108", "u16", ValueType::number, 0.1}}};
    EXPECT_EQ(world.asked(), "read unit 1 holding registers 100 to 108 (D100 to D108)\n");
    world.registers[100] = 0x0000, world.registers[101] = 0x41c8;  // low word first
    world.registers[102] = 0xfffe, world.registers[103] = 0xffff;
    world.registers[104] = 0xffff;
    world.registers[105] = 0x4241, world.registers[106] = 0x4443;
    world.registers[107] = 1u << 9;
    world.registers[108] = 215;
    EXPECT_EQ(world.read(), "p1=25; p2=-2; p3=-1; p4=ABCD; p5=true; p6=21.5");
}

// M1535 and M1536 of a DVP are neighbours for people and 0x0dff and 0xb000 on the wire; X lies in a table of its own.
TEST(ModbusByNames, AreNotReadBeyondTheEndOfTheirArea) {
    World world{delta_dvp,
                {{"M1534", "", ValueType::boolean},
                 {"M1535", "", ValueType::boolean},
                 {"M1536", "", ValueType::boolean},
                 {"C0", "", ValueType::boolean},
                 {"X17", "", ValueType::boolean},
                 {"Y0", "", ValueType::boolean},
                 {"D4095", ""},
                 {"D4096", ""},
                 {"C199", ""},
                 {"C200", ""},
                 {"C255", ""}}};
    EXPECT_EQ(world.asked(),
              "read unit 1 coils 1280 to 1280 (Y0)\n"
              "read unit 1 coils 3582 to 3583 (M1534 to M1535)\n"
              "read unit 1 coils 3584 to 3584 (C0)\n"
              "read unit 1 coils 45056 to 45056 (M1536)\n"
              "read unit 1 discrete inputs 1039 to 1039 (X17)\n"
              "read unit 1 holding registers 1792 to 1793 (C200)\n"
              "read unit 1 holding registers 1902 to 1903 (C255)\n"
              "read unit 1 holding registers 3783 to 3783 (C199)\n"
              "read unit 1 holding registers 8191 to 8191 (D4095)\n"
              "read unit 1 holding registers 36864 to 36864 (D4096)\n");
    world.inputs[0x40f] = 1;
    EXPECT_EQ(world.read(4), "p5=true");
    world.registers[0x700] = 0x5678, world.registers[0x701] = 0x1234;
    EXPECT_EQ(world.read(5), "p10=305419896");
    // Those of one area are read together, up to what a request may hold.
    std::vector<Named> many;
    for (const char* at : {"M0", "M100", "M200", "M300"}) many.push_back({at, "", ValueType::boolean});
    EXPECT_EQ(World(delta_dvp, many).asked(),
              "read unit 1 coils 2048 to 2248 (M0 to M200)\nread unit 1 coils 2348 to 2348 (M300)\n");
}

TEST(ModbusByNames, AreWrittenAndReadBack) {
    World world{xinje_xd,
                {{"M20", "", ValueType::boolean},
                 {"HD0", "f32"},
                 {"D10", ""},
                 {"D11.3", "", ValueType::boolean},
                 {"X17", "", ValueType::boolean},
                 {"D20", "i32 ABCD"}}};
    // What is read back is the only point of its set, whichever it is.
    EXPECT_EQ(world.write(0, true), "p1=true");
    EXPECT_EQ(world.coils[20], 1);
    EXPECT_EQ(world.write(1, 25.0), "p1=25");
    EXPECT_EQ(world.registers[41088], 0);
    EXPECT_EQ(world.registers[41089], 0x41c8);
    EXPECT_EQ(world.write(2, -3.0), "p1=-3");
    world.registers[11] = 0xff00;
    EXPECT_EQ(world.write(3, true), "p1=true");
    EXPECT_EQ(world.registers[11], 0xff08);  // the other bits stay
    EXPECT_EQ(world.write(5, 65'538.0), "p1=65538");
    EXPECT_EQ(world.registers[20], 1);
    const std::size_t before = world.requests.size();
    EXPECT_EQ(world.write(4, true), "p5 is X17, an input of the PLC, which can only be read");
    EXPECT_EQ(world.write(2, 40'000.0).substr(0, 9), "p3: D10: ");
    EXPECT_EQ(world.requests.size(), before);
}

TEST(ModbusByNames, AreCalledSoInWhatIsSaid) {
    World world{inovance, {{"D100", ""}, {"D103", ""}, {"HD0", ""}, {"D7999", "f32"}}};
    EXPECT_EQ(shown(*world.set, world.plan.faults),
              "p3! point.at: HD0: inovance has no place that begins so, but M SM B S T C X Y D SD R; did you mean D0?; "
              "p4! point.as: D7999: f32 takes 2 registers, and D7999 is the last one");
    world.illegal.insert(103);
    EXPECT_EQ(world.read(),
              "p1! D100: unit 1 answers exception 2 (illegal data address) to function 3 at addresses 100 to 103; "
              "p2! D103: unit 1 answers exception 2 (illegal data address) to function 3 at addresses 100 to 103 "
              "[may split]");
    EXPECT_EQ(world.write(1, 5.0), "! D103: exception 2 (illegal data address)");
    ASSERT_TRUE(world.driver->read(world.plan.polls[0].id));
    EXPECT_EQ(world.driver->no_answer(500).text(),
              "no answer from unit 1 to function 3 at address 100 (D100 to D103) within 500 ms");
    world.driver->abandon();
    EXPECT_EQ(world.write(2, 5.0).substr(0, 13), "p3: point.at:");
}

}  // namespace
}  // namespace gongshu::connect
