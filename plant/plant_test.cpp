#include "plant/plant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "io/sim.h"
#include "plant/catalogue.h"
#include "wire/modbus.h"
#include "wire/mqtt.h"

namespace gongshu::plant {
namespace {

using wire::modbus::Function;

PlantOptions options() {
    PlantOptions out;
    out.modbus = {"127.0.0.1", 15020};
    out.control = {"127.0.0.1", 15029};
    out.faults = "none";
    return out;
}

class PlantTest : public testing::Test {
protected:
    void start(const PlantOptions& how) { plant = Plant::create(*plant_loop, how).value(); }

    // One request on a link of its own; nothing when there is no answer within two seconds.
    std::optional<wire::modbus::Reply> ask(const std::string& server, std::uint8_t unit,
                                           const wire::modbus::Request& request) {
        std::optional<wire::modbus::Reply> reply;
        std::unique_ptr<io::Stream> stream;
        wire::modbus::FrameDecoder decoder;
        loop->connect(plant->modbus_addresses().at(server), {}, [&](Result<std::unique_ptr<io::Stream>> opened) {
            if (!opened) return;
            stream = std::move(*opened);
            io::Stream::Events events;
            events.on_data = [&](Bytes bytes) {
                (void)decoder.feed(bytes, [&](const wire::modbus::Frame& frame) {
                    reply = decode_reply(request, frame.pdu).value();
                    return true;
                });
            };
            stream->start(std::move(events));
            stream->send(encode_request(9, unit, request).value());
        });
        sim.run_until([&] { return reply.has_value(); }, 2 * kSecond);
        return reply;
    }
    static wire::modbus::Request read(Function function, std::uint16_t address, std::uint16_t count) {
        return {function, address, count, {}, {}};
    }

    io::SimWorld sim{3};
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop(), loop = sim.make_loop();
    std::unique_ptr<Plant> plant;
};

TEST_F(PlantTest, ServesItsRegisterMap) {
    start(options());
    sim.run_for(10 * kSecond);
    const auto reply = ask("cooling", 1, read(Function::read_input_registers, 0, 10));
    ASSERT_TRUE(reply);
    ASSERT_FALSE(reply->exception);
    const TypeRow& pump = *devices()[*find_device("pump1")].type;
    for (const char* name : {"current", "vibration", "discharge_pressure", "speed", "power"}) {
        const PropertyRow& row = pump.properties[*find_property(pump, name)];
        const auto codec = codec_of(row);
        const auto value = decode_value(codec, std::span(reply->registers).subspan(row.address, register_count(codec)),
                                        ValueType::number);
        ASSERT_TRUE(value);
        const double truth = plant->truth("pump1", name).value();
        EXPECT_NEAR(std::get<double>(*value), truth, 0.05 * std::abs(truth) + 0.3) << name;
    }
    EXPECT_EQ(ask("cooling", 1, read(Function::read_discrete_inputs, 0, 1))->bits.at(0), 1);
    EXPECT_EQ(*ask("cooling", 1, read(Function::read_input_registers, 9, 2))->exception,
              wire::modbus::Exception::illegal_address);
    EXPECT_EQ(*ask("cooling", 1, read(Function::read_coils, 0, 1))->exception,
              wire::modbus::Exception::illegal_address);
    EXPECT_EQ(*ask("cooling", 77, read(Function::read_input_registers, 0, 1))->exception,
              wire::modbus::Exception::gateway_target);
    const auto program = ask("cnc1", 1, read(Function::read_input_registers, 14, 4));
    EXPECT_EQ(program->registers.at(0) >> 8, 'O');
}

TEST_F(PlantTest, SetPointsAreWrittenWithinLimits) {
    start(options());
    EXPECT_FALSE(ask("cooling", 1, {Function::write_register, 0, 1, {}, {450}})->exception);
    EXPECT_EQ(plant->truth("pump1", "frequency_setpoint").value(), 45);
    EXPECT_EQ(*ask("cooling", 1, {Function::write_register, 0, 1, {}, {600}})->exception,
              wire::modbus::Exception::illegal_value);
    EXPECT_EQ(*ask("cooling", 3, {Function::write_register, 0, 1, {}, {1}})->exception,
              wire::modbus::Exception::illegal_address);
    sim.run_for(20 * kSecond);
    EXPECT_NEAR(plant->truth("pump1", "speed").value(), 2950 * 0.9, 10);
}

TEST_F(PlantTest, AMachineWithoutPowerIsGoneFromTheNetAndComesBack) {
    start(options());
    EXPECT_EQ(plant->command("power cnc2 off"), "ok\n");
    EXPECT_FALSE(ask("cnc2", 1, read(Function::read_input_registers, 0, 1)));
    EXPECT_TRUE(ask("cnc1", 1, read(Function::read_input_registers, 0, 1)));
    EXPECT_EQ(plant->command("power meter1 off"), "ok\n");
    EXPECT_FALSE(ask("meters", 1, read(Function::read_input_registers, 0, 1)));
    EXPECT_TRUE(ask("meters", 2, read(Function::read_input_registers, 0, 1)));
    plant->command("power cnc2 on");
    plant->command("power meter1 on");
    sim.run_for(kSecond);
    EXPECT_TRUE(ask("cnc2", 1, read(Function::read_input_registers, 0, 1)));
    EXPECT_TRUE(ask("meters", 1, read(Function::read_input_registers, 0, 1)));
}

TEST_F(PlantTest, UnderstandsItsControlLine) {
    start(options());
    auto f = [&](const char* line, const char* want) {
        EXPECT_NE(plant->command(line).find(want), std::string::npos) << plant->command(line);
    };
    f("list", "pump1 on bearing_wear=off cavitation=off");
    f("fault pump1 cavitation on", "ok");
    f("list", "cavitation=on");
    f("fault pump1 cavitation off", "ok");
    f("fault cnc1 drift on vibration", "ok");
    f("speed 100", "ok");
    f("help", "power DEVICE on|off");
    f("", "ok");
    f("speed 0", "error: expected a speed");
    f("speed fast", "error: expected a speed");
    f("fault cnc1 cavitation on", "error: cnc1 cannot have cavitation");
    f("fault cnc9 drift on", "error: there is no device cnc9");
    f("fault cnc1 rust on", "error: there is no fault rust");
    f("power cnc1 maybe", "error: expected on or off");
    f("explode", "error: expected list");

    std::string heard;
    std::unique_ptr<io::Stream> stream;
    loop->connect(plant->control_address(), {}, [&](Result<std::unique_ptr<io::Stream>> opened) {
        stream = std::move(opened.value());
        io::Stream::Events events;
        events.on_data = [&](Bytes bytes) { heard += as_text(bytes); };
        stream->start(std::move(events));
        stream->send(as_bytes("fault loop clogged_filter on\r\n" + std::string(5000, 'x') + "\nlist\n"));
    });
    sim.run_until([&] { return heard.ends_with("ok\n") && heard.size() > 100; }, 5 * kSecond);
    EXPECT_TRUE(heard.starts_with("ok\nerror: a line has at most")) << heard;
    EXPECT_NE(heard.find("clogged_filter=on"), std::string::npos);
}

TEST_F(PlantTest, TheScheduleBeginsAtTwentySecondsWhateverTheSpeed) {
    auto how = options();
    how.faults = "demo";
    how.speed = 10;
    start(how);
    sim.run_for(1800 * kMillisecond);
    EXPECT_NE(plant->command("list").find("pump1 on bearing_wear=off cavitation=off"), std::string::npos);
    sim.run_for(500 * kMillisecond);
    EXPECT_NE(plant->command("list").find("pump1 on bearing_wear=off cavitation=on"), std::string::npos);
    sim.run_for(20 * kSecond);
    EXPECT_NE(plant->command("list").find("pump1 on bearing_wear=off cavitation=off"), std::string::npos);
    sim.run_for(220 * kSecond);  // the second round
    EXPECT_NE(plant->command("list").find("pump1 on bearing_wear=off cavitation=on"), std::string::npos);
}

TEST_F(PlantTest, RefusesOptionsThatCannotBe) {
    auto f = [&](auto change, const char* want) {
        auto how = options();
        change(how);
        const auto refused = Plant::create(*plant_loop, how);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().text().find(want), std::string::npos) << refused.error().text();
    };
    f([](PlantOptions& o) { o.speed = 0; }, "speed must be");
    f([](PlantOptions& o) { o.faults = "some"; }, "faults must be demo or none");
    f([](PlantOptions& o) { o.control.host = "192.168.1.1"; }, "control must be on loopback");
}

// A broker that takes everything, and forgets a link when told to.
struct Broker {
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::mqtt::Decoder decoder{wire::mqtt::End::server, 1 << 16};
    };
    explicit Broker(io::Loop& loop) {
        listener = loop.listen({"127.0.0.1", 1883}, {},
                               [this](std::unique_ptr<io::Stream> stream) {
                                   auto link = std::make_shared<Link>();
                                   link->stream = std::move(stream);
                                   links.push_back(link);
                                   io::Stream::Events events;
                                   events.on_data = [this, weak = std::weak_ptr(link)](Bytes bytes) {
                                       if (const auto self = weak.lock())
                                           (void)self->decoder.feed(bytes, [&](const wire::mqtt::Packet& packet) {
                                               return on_packet(*self, packet);
                                           });
                                   };
                                   link->stream->start(std::move(events));
                               })
                       .value();
    }
    bool on_packet(Link& link, const wire::mqtt::Packet& packet) {
        Buffer answer;
        if (const auto* hello = std::get_if<wire::mqtt::Connect>(&packet)) {
            users.push_back(hello->username.value_or("") + ":" + hello->password.value_or(""));
            encode(wire::mqtt::Packet{wire::mqtt::Connack{}}, wire::mqtt::Version::v311, answer);
        }
        if (const auto* publish = std::get_if<wire::mqtt::Publish>(&packet)) {
            published[std::string(publish->topic)].emplace_back(as_text(publish->payload));
            wire::mqtt::Ack ack;
            ack.packet_id = publish->packet_id;
            encode(wire::mqtt::Packet{ack}, wire::mqtt::Version::v311, answer);
        }
        link.stream->send(answer);
        return true;
    }
    std::unique_ptr<io::Listener> listener;
    std::vector<std::shared_ptr<Link>> links;
    std::vector<std::string> users;
    std::map<std::string, std::vector<std::string>> published;
};

TEST_F(PlantTest, MqttMachinesSignInAndSendOnceASecond) {
    auto broker_loop = sim.make_loop();
    Broker broker{*broker_loop};
    auto how = options();
    how.mqtt = "127.0.0.1:1883";
    how.mqtt_logins["cnc3"] = {"u3", "p3"};
    start(how);
    sim.run_for(10500 * kMillisecond);
    ASSERT_EQ(broker.published.size(), 4u);
    EXPECT_NE(std::ranges::find(broker.users, "u3:p3"), broker.users.end());
    const auto& cnc3 = broker.published["gongshu/v1/demo/machining/line1/cnc3"];
    EXPECT_NEAR(static_cast<double>(cnc3.size()), 10, 1.1);
    EXPECT_TRUE(cnc3.back().starts_with("{\"ts\":")) << cnc3.back();
    for (const char* key : {"\"spindle_speed\":", "\"program\":\"O", "\"door_open\":", "\"part_count\":"})
        EXPECT_NE(cnc3.back().find(key), std::string::npos) << cnc3.back();

    broker.links.clear();
    sim.run_for(12 * kSecond);
    EXPECT_EQ(broker.users.size(), 8u) << "each came back";
    plant->command("power cnc3 off");
    sim.run_for(2 * kSecond);
    const std::size_t sent = cnc3.size();
    sim.run_for(10 * kSecond);
    EXPECT_EQ(cnc3.size(), sent);
    plant->command("power cnc3 on");
    sim.run_for(15 * kSecond);
    EXPECT_GT(cnc3.size(), sent + 3);
}

}  // namespace
}  // namespace gongshu::plant
