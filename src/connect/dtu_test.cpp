// Gateways that dial in: known by what they say first, replaced when they dial in again, bounded while nobody knows
// them.
#include <gtest/gtest.h>

#include "connect/connections.h"
#include "connect/dtu_door.h"
#include "connect/sim_store.h"
#include "io/sim.h"
#include "registry/json.h"
#include "registry/registry.h"
#include "wire/modbus_rtu.h"

namespace gongshu::connect {
namespace {

constexpr const char* kType = R"({"properties":[
    {"name":"power","type":"integer","unit":"kW","writable":true,"address":{"kind":"holding","address":0}}]})";

// A DTU with machines behind it: dials in, says its packet, answers what is asked in its framing.
class SimDtu {
public:
    SimDtu(io::Loop& loop, io::Address server, std::string packet, Framing framing = Framing::rtu)
        : loop_(loop), server_(std::move(server)), packet_(std::move(packet)), framing_(framing) {
        dial();
    }

    void dial() {
        loop_.connect(server_, {}, [this](Result<std::unique_ptr<io::Stream>> stream) {
            ASSERT_TRUE(stream) << stream.error().text();
            ++dialled;
            if (stream_) half_open_.push_back(std::move(stream_));
            stream_ = std::move(*stream);
            io::Stream::Events events;
            events.on_data = [this](Bytes bytes) { on_data(bytes); };
            events.on_closed = [this](const Error& error) { closed = error.text(); };
            stream_->start(std::move(events));
            say(packet_);
        });
    }
    void hang_up() { stream_.reset(); }
    void say(std::string_view text) {
        if (stream_) stream_->send(as_bytes(text));
    }
    std::uint16_t value = 1;
    bool answers = true;
    bool by_address = false;  // a register's value is its address
    bool keeps = false;       // the next answer about address 500, until another one goes out
    std::string before, behind;  // heartbeats around each answer
    int dialled = 0;
    std::string closed;

private:
    void on_data(Bytes bytes) {
        if (framing_ == Framing::rtu) {
            rtu_.feed(bytes, [this](const wire::modbus::RtuFrame& frame) {
                answer(0, frame.unit, frame.pdu);
                return true;
            });
            return;
        }
        ASSERT_TRUE(mbap_.feed(bytes, [this](const wire::modbus::Frame& frame) {
            answer(frame.transaction, frame.unit, frame.pdu);
            return true;
        }));
    }
    void answer(std::uint16_t transaction, std::uint8_t unit, Bytes pdu) {
        const auto request = wire::modbus::decode_request(pdu);
        if (!request || !answers) return;
        wire::modbus::Reply reply;
        reply.function = request->function;
        reply.address = request->address;
        reply.count = request->count;
        if (is_read(request->function))
            reply.registers.assign(request->count, by_address ? request->address : value);
        else
            value = request->registers.at(0), reply.registers = request->registers;
        say(before);
        const Buffer frame =
            framing_ == Framing::rtu ? encode_rtu_reply(unit, reply) : encode_reply(transaction, unit, reply);
        if (keeps && request->address == 500) {
            keeps = false;
            kept_ = frame;
            return;
        }
        stream_->send(std::exchange(kept_, {}));
        stream_->send(frame);
        say(behind);
    }

    io::Loop& loop_;
    const io::Address server_;
    const std::string packet_;
    const Framing framing_;
    std::unique_ptr<io::Stream> stream_;
    std::vector<std::unique_ptr<io::Stream>> half_open_;  // the network lost them: nobody says so
    Buffer kept_;
    wire::modbus::RtuRequestDecoder rtu_;
    wire::modbus::FrameDecoder mbap_;
};

class DtuTest : public testing::Test {
protected:
    explicit DtuTest() {
        registry = registry::Registry::create(files, sim.clock(), {.folder = "/r", .key_folder = "/k"}).value();
        EXPECT_TRUE(registry->load());
        actor = {registry->tenant_id("default").value(), "default", "user:test", registry::Role::admin, ""};
        connections =
            Connections::create(
                {*registry, store, store, metrics, {loop.get(), other_loop.get()}, make_target_policy({}), &store})
                .value();
        server = connections->listen_for_dtus({"10.0.0.1", 9001}, "default").value();
        put("site", "s", R"({"time_zone":"Asia/Shanghai"})");
        put("device_type", "meter", kType);
        connections->start();
    }
    ~DtuTest() override {
        connections->stop();
        sim.run_for(kSecond);
    }

    void put(std::string_view kind, std::string_view name, std::string_view spec) {
        const auto change = registry->put(actor, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(change) << change.error().text();
        sim.run_for(kMillisecond);
    }
    void put_dtu(const std::string& name, const std::string& more) {
        put("connection", name, R"({"protocol":"modbus_dtu","timeout_ms":500,"writes_enabled":true,)" + more + "}");
        put("device", "s/" + name, R"({"type":"meter","connection":")" + name + "\"}");
    }
    ConnectionStatus status(const std::string& name) {
        for (const auto& status : connections->connection_status(actor.tenant))
            if (status.name == name) return status;
        return {};
    }
    std::string state(const std::string& name) { return std::string(to_string(status(name).state)); }
    std::string last(const std::string& name) {
        const auto& readings = store.of("s/" + name + ".power");
        if (readings.empty()) return "";
        const Reading& reading = readings.back();
        return reading.quality.good() ? gongshu::to_string(reading.value) : to_string(reading.quality);
    }
    bool until(const std::function<bool()>& done, DurationNs limit = 30 * kSecond) {
        return sim.run_until(done, limit);
    }
    TestReport test(const std::string& name) {
        std::optional<Result<TestReport>> got;
        connections->test(actor.tenant, name, [&](Result<TestReport> report) { got = std::move(report); });
        EXPECT_TRUE(until([&] { return got.has_value(); }, kMinute));
        return **got;
    }

    io::SimWorld sim{9};
    io::SimFiles files;
    std::unique_ptr<io::Loop> loop = sim.make_loop(), other_loop = sim.make_loop(), field = sim.make_loop();
    SimStore store{*loop};
    Metrics metrics;
    std::unique_ptr<registry::Registry> registry;
    registry::Actor actor;
    std::unique_ptr<Connections> connections;
    io::Address server;
};

TEST_F(DtuTest, WaitsIsDialledAndPolls) {
    put_dtu("pump", R"("registration":"DTU-0001","listen_port":9001)");
    sim.run_for(2 * kSecond);
    EXPECT_EQ(state("pump"), "waiting");
    EXPECT_EQ(last("pump"), "");
    sim.run_for(kMinute);
    EXPECT_EQ(last("pump"), "bad:disconnected") << "a gap that is told once";
    SimDtu dtu(*field, server, "DTU-0001");
    dtu.value = 42;
    EXPECT_TRUE(until([&] { return last("pump") == "42"; }));
    EXPECT_EQ(state("pump"), "up");
    EXPECT_EQ(status("pump").protocol, "modbus_dtu");
    EXPECT_EQ(connections->dtu_status().dialled, 1u);
    EXPECT_EQ(connections->dtu_status().waiting, 0u);

    std::optional<Result<CommandResult>> written;
    connections->write({"1", actor.tenant, "s/pump", "power", std::int64_t{7}, "user:li", "", sim.clock().now(),
                        sim.clock().now() + 5 * kSecond},
                       [&](Result<CommandResult> result) { written = std::move(result); });
    EXPECT_TRUE(until([&] { return written.has_value(); }));
    EXPECT_TRUE((*written)->done);
    EXPECT_EQ(dtu.value, 7);
}

TEST_F(DtuTest, RegistrationPacketsAsDtusSendThem) {
    put_dtu("text", R"("registration":"DTU-1")");
    put_dtu("longer", R"("registration":"DTU-12")");
    put_dtu("hex", R"("registration":"FF 00 0d","registration_form":"hex")");
    put_dtu("prefix", R"("registration":"IMEI:","registration_match":"prefix")");
    put_dtu("beat", R"("registration":"beater","heartbeat":"@@")");
    auto f = [&](const std::string& packet, const std::string& want) {
        SCOPED_TRACE(to_hex(as_bytes(packet)));
        const auto before = connections->dtu_status();
        SimDtu dtu(*field, server, packet);
        EXPECT_TRUE(until([&] {
            const auto now = connections->dtu_status();
            return now.dialled + now.unknown > before.dialled + before.unknown;
        }));
        for (const char* name : {"text", "longer", "hex", "prefix", "beat"})
            EXPECT_EQ(state(name), name == want ? "up" : "waiting") << name;
        dtu.hang_up();
        EXPECT_TRUE(until([&] { return want.empty() || state(want) == "waiting"; }));
    };
    f("DTU-1", "text");
    f("DTU-1\r\n", "text");
    f("DTU-12", "longer");
    f("DTU-123", "");
    f("xDTU-1", "");
    f(std::string("\xff\0\x0d", 3), "hex");
    f("IMEI:861234567890123", "prefix");
    f("beater@@@@", "beat");
    f("@@beater", "beat");
    f("beater!", "");
    f("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "");
    const auto unknown = connections->dtu_status();
    ASSERT_EQ(unknown.packets.size(), 4u);
    EXPECT_EQ(as_text(unknown.packets[0].packet), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(unknown.packets[0].port, 9001);
}

TEST_F(DtuTest, HeartbeatsAreLeftOutInBothFramings) {
    for (const Framing framing : {Framing::rtu, Framing::mbap}) {
        for (const std::string& beat :
             {std::string("ping"), std::string("\0", 1), std::string("\xaa\x55\x01", 3), std::string("beats")}) {
            SCOPED_TRACE(to_hex(as_bytes(beat)));
            put_dtu("pump",
                    fmt::format(R"("registration":"beats","framing":"{}","heartbeat_form":"hex","heartbeat":"{}")",
                                framing == Framing::rtu ? "rtu" : "tcp", to_hex(as_bytes(beat))));
            SimDtu dtu(*field, server, "beats", framing);
            dtu.before = beat;
            dtu.behind = beat + beat;
            dtu.value = static_cast<std::uint16_t>(100 + beat.size());
            ASSERT_TRUE(until([&] { return last("pump") == std::to_string(dtu.value); }));
            const auto good = store.count("s/pump.power", "good");
            for (int i = 0; i < 40; ++i) {
                sim.run_for(500 * kMillisecond);
                dtu.say(beat);
            }
            EXPECT_GE(store.count("s/pump.power", "good"), good + 19);
            EXPECT_EQ(status("pump").counters.timeouts, 0u);
            EXPECT_EQ(dtu.dialled, 1);
            EXPECT_EQ(dtu.closed, "") << status("pump").last_error;
            dtu.hang_up();
            put("connection", "pump", R"({"protocol":"modbus_dtu","registration":"other"})");
            sim.run_for(kSecond);
        }
    }
}

TEST_F(DtuTest, DiallingInAgainReplacesTheOlderLink) {
    put_dtu("pump", R"("registration":"DTU-1")");
    SimDtu dtu(*field, server, "DTU-1");
    dtu.value = 1;
    EXPECT_TRUE(until([&] { return last("pump") == "1"; }));
    SimDtu again(*field, server, "DTU-1");
    again.value = 2;
    EXPECT_TRUE(until([&] { return last("pump") == "2"; }));
    EXPECT_TRUE(until([&] { return !dtu.closed.empty(); }));
    EXPECT_NE(status("pump").last_error.find("the DTU dialled in again, from 127.0.0.1:"), std::string::npos);
    EXPECT_EQ(store.count("s/pump.power", "bad:disconnected"), 0u) << "nothing was missed";
    // Two that say the same take the link from each other; whoever dialled in last has it.
    for (int i = 0; i < 5; ++i) {
        dtu.dial();
        sim.run_for(2 * kSecond);
        EXPECT_EQ(last("pump"), "1");
        again.dial();
        sim.run_for(2 * kSecond);
        EXPECT_EQ(last("pump"), "2");
    }
    EXPECT_GE(status("pump").counters.reconnects, 11u);
}

// A DTU that keeps what its machine said while it had no link, and sends it over the next one.
TEST_F(DtuTest, WhatWasAskedOverTheOlderLinkIsNotTakenForAnAnswerOverTheNew) {
    put("device_type", "meter", R"({"properties":[
        {"name":"power","type":"integer","address":{"kind":"holding","address":0}},
        {"name":"level","type":"integer","address":{"kind":"holding","address":500}}]})");
    put_dtu("pump", R"("registration":"DTU-1","period_ms":100)");
    SimDtu dtu(*field, server, "DTU-1");
    dtu.by_address = true;
    EXPECT_TRUE(until([&] { return store.count("s/pump.level", "good") > 2; }));
    for (int i = 0; i < 50; ++i) {
        dtu.keeps = true;  // the next answer
        sim.run_for(static_cast<DurationNs>(40 + 17 * i) * kMillisecond);
        dtu.dial();
        sim.run_for(3 * kSecond);
    }
    for (const auto& [path, want] : {std::pair("s/pump.power", 0), std::pair("s/pump.level", 500)}) {
        for (const Reading& reading : store.of(path)) {
            if (!reading.quality.good()) continue;
            ASSERT_EQ(std::get<std::int64_t>(reading.value), want) << path;
        }
    }
}

TEST_F(DtuTest, APacketThatMayGoOnIsWaitedFor) {
    put_dtu("text", R"("registration":"DTU-1")");
    put_dtu("longer", R"("registration":"DTU-12")");
    SimDtu dtu(*field, server, "DTU-1");
    sim.run_for(kSecond);
    EXPECT_EQ(state("text"), "waiting");
    dtu.say("2");
    EXPECT_TRUE(until([&] { return state("longer") == "up"; }));
    EXPECT_EQ(state("text"), "waiting");
    SimDtu other(*field, server, "DTU-1");
    EXPECT_TRUE(until([&] { return state("text") == "up"; }));
}

TEST_F(DtuTest, ATenantHasItsOwnPort) {
    registry::Actor other = actor;
    ASSERT_TRUE(registry->put(actor, "tenant", "acme", registry::parse_json("{}").value()));
    other.tenant = registry->tenant_id("acme").value();
    other.tenant_name = "acme";
    const auto put_other = [&](std::string_view spec) {
        ASSERT_TRUE(registry->put(other, "connection", "theirs", registry::parse_json(spec).value()));
        sim.run_for(kSecond);
    };
    const auto their_error = [&] { return connections->connection_status(other.tenant).at(0).last_error; };
    put_other(R"({"protocol":"modbus_dtu","registration":"DTU","registration_match":"prefix"})");
    EXPECT_NE(their_error().find("this server listens for no DTU"), std::string::npos) << their_error();
    EXPECT_NE(their_error().find("--dtu acme=ADDR:PORT"), std::string::npos) << their_error();
    put_other(R"({"protocol":"modbus_dtu","listen_port":9001,"registration":"DTU","registration_match":"prefix"})");
    EXPECT_NE(their_error().find("port 9001 is not listened on"), std::string::npos) << their_error();
    SimDtu dtu(*field, server, "DTU-1");
    sim.run_for(5 * kSecond);
    EXPECT_EQ(connections->dtu_status().dialled, 0u);
    put_dtu("pump", R"("registration":"DTU-1")");
    EXPECT_TRUE(until([&] { return state("pump") == "up"; }));
}

TEST_F(DtuTest, AHeartbeatMayEndWithALinesEnd) {
    for (const char* framing : {"rtu", "tcp"}) {
        SCOPED_TRACE(framing);
        put_dtu("pump", fmt::format(R"("registration":"beats","framing":"{}","heartbeat":"ping")", framing));
        SimDtu dtu(*field, server, "beats\r\n", framing == std::string("rtu") ? Framing::rtu : Framing::mbap);
        dtu.value = framing == std::string("rtu") ? 11 : 12;
        ASSERT_TRUE(until([&] { return last("pump") == std::to_string(dtu.value); }));
        for (int i = 0; i < 20; ++i) {
            sim.run_for(500 * kMillisecond);
            dtu.say("ping\r\n");
        }
        EXPECT_EQ(dtu.closed, "") << status("pump").last_error;
        EXPECT_EQ(dtu.dialled, 1);
        EXPECT_EQ(status("pump").counters.timeouts, 0u);
        dtu.hang_up();
        put("connection", "pump", R"({"protocol":"modbus_dtu","registration":"other"})");
        sim.run_for(kSecond);
    }
}

TEST_F(DtuTest, TwentyTimesCutItComesBackAtOnce) {
    put_dtu("pump", R"("registration":"DTU-1")");
    SimDtu dtu(*field, server, "DTU-1");
    for (int cycle = 0; cycle < 20; ++cycle) {
        const auto good = store.count("s/pump.power", "good");
        ASSERT_TRUE(until([&] { return store.count("s/pump.power", "good") >= good + 2; }, 3 * kSecond)) << cycle;
        dtu.hang_up();
        sim.run_for(3 * kSecond);
        EXPECT_EQ(state("pump"), "waiting");
        EXPECT_EQ(last("pump"), "bad:disconnected");
        dtu.dial();
    }
    EXPECT_EQ(store.count("s/pump.power", "bad:disconnected"), 20u);
    EXPECT_TRUE(until([&] { return state("pump") == "up"; }));
}

TEST_F(DtuTest, ASilentMachineDoesNotCostTheLinkASilentDtuDoes) {
    put_dtu("pump", R"("registration":"DTU-1","heartbeat":"@@")");
    SimDtu dtu(*field, server, "DTU-1");
    EXPECT_TRUE(until([&] { return last("pump") == "1"; }));
    dtu.answers = false;
    for (int i = 0; i < 20; ++i) {
        sim.run_for(30 * kSecond);
        dtu.say("@@");
    }
    EXPECT_EQ(state("pump"), "up");
    EXPECT_EQ(last("pump"), "bad:timeout");
    sim.run_for(7 * kMinute);
    EXPECT_EQ(state("pump"), "waiting");
    EXPECT_NE(dtu.closed, "");
}

TEST_F(DtuTest, WhoSaysNothingKnownIsBounded) {
    put_dtu("pump", R"("registration":"DTU-1")");
    std::vector<std::unique_ptr<SimDtu>> crowd;
    for (std::size_t i = 0; i < DtuDoor::kPendingOfHostMax + 20; ++i)
        crowd.push_back(std::make_unique<SimDtu>(*field, server, fmt::format("stranger {}", i)));
    sim.run_for(5 * kSecond);
    auto status = connections->dtu_status();
    EXPECT_EQ(status.waiting, DtuDoor::kPendingOfHostMax);
    EXPECT_EQ(status.refused, 20u);
    EXPECT_EQ(status.packets.size(), DtuDoor::kUnknownMax);
    SimDtu among(*field, server, "DTU-1");
    EXPECT_TRUE(until([&] { return state("pump") == "up"; })) << "strangers do not keep it out";
    among.hang_up();
    sim.run_for(DtuDoor::kPendingTime);
    EXPECT_EQ(connections->dtu_status().waiting, 0u) << "each has its time, however it spends it";

    SimDtu much(*field, server, std::string(5000, 'x'));
    sim.run_for(2 * kSecond);
    EXPECT_NE(much.closed, "");
    EXPECT_EQ(connections->dtu_status().packets[0].packet.size(), DtuDoor::kPacketMax);
    // A byte at a time, never silent: ended by its bytes, or by its time.
    SimDtu slow(*field, server, "D");
    for (int i = 0; i < 400 && slow.closed.empty(); ++i) {
        sim.run_for(200 * kMillisecond);
        slow.say("D");
    }
    EXPECT_NE(slow.closed, "");
    EXPECT_EQ(connections->dtu_status().waiting, 0u);
    SimDtu known(*field, server, "DTU-1");
    EXPECT_TRUE(until([&] { return state("pump") == "up"; }));
}

TEST_F(DtuTest, AnUnknownOneIsAdoptedWhileItWaits) {
    SimDtu dtu(*field, server, "NEW-7");
    sim.run_for(5 * kSecond);
    ASSERT_EQ(connections->dtu_status().packets.size(), 1u);
    EXPECT_EQ(as_text(connections->dtu_status().packets[0].packet), "NEW-7");
    put_dtu("pump", R"("registration":"NEW-7")");
    EXPECT_TRUE(until([&] { return last("pump") == "1"; }, 3 * kSecond));
    EXPECT_EQ(dtu.dialled, 1);
}

TEST_F(DtuTest, ATestUsesTheLinkThatIsThere) {
    put_dtu("pump", R"("registration":"DTU-1")");
    TestReport report = test("pump");
    EXPECT_FALSE(report.ok);
    ASSERT_EQ(report.steps.size(), 1u);
    EXPECT_EQ(report.steps[0].detail, "not yet: it is waited for");
    SimDtu dtu(*field, server, "DTU-1");
    dtu.value = 5;
    EXPECT_TRUE(until([&] { return last("pump") == "5"; }));
    report = test("pump");
    EXPECT_TRUE(report.ok);
    ASSERT_EQ(report.values.size(), 1u);
    EXPECT_EQ(gongshu::to_string(report.values[0].value), "5");
    EXPECT_EQ(dtu.dialled, 1);
    dtu.value = 6;
    EXPECT_TRUE(until([&] { return last("pump") == "6"; })) << "and polling goes on";
    dtu.answers = false;
    EXPECT_FALSE(test("pump").ok);
    dtu.answers = true;
    dtu.value = 8;
    EXPECT_TRUE(until([&] { return last("pump") == "8"; }));
    EXPECT_EQ(dtu.dialled, 1);
}

TEST_F(DtuTest, WhatCannotBeIsTold) {
    put("connection", "elsewhere", R"({"protocol":"modbus_dtu","registration":"A","listen_port":9002})");
    sim.run_for(kSecond);
    EXPECT_EQ(status("elsewhere").last_error,
              "port 9002 is not listened on for DTUs: an administrator opens it with --dtu ADDR:9002");
    auto f = [&](const char* spec, std::string_view want) {
        const auto change = registry->put(actor, "connection", "x", registry::parse_json(spec).value());
        ASSERT_FALSE(change) << spec;
        EXPECT_NE(change.error().text().find(want), std::string::npos) << change.error().text();
    };
    f(R"({"protocol":"modbus_dtu"})", "registration: expected the packet that the DTU sends first");
    f(R"({"protocol":"modbus_dtu","registration":"zz","registration_form":"hex"})",
      "expected hexadecimal such as AA 55");
    f(R"({"protocol":"modbus_dtu","registration":"A"})", "connection elsewhere has the same");
    f(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyUSB1","data_bits":7})", "data_bits: expected 8, found 7");
    f(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyUSB1","unit":0})", "unit: expected 1 to 247, found 0");
    f(R"({"protocol":"modbus_dtu","registration":" ","registration_form":"hex"})", "registration: expected the packet");
    f(R"({"protocol":"modbus_rtu"})", "serial_port: expected a port such as /dev/ttyUSB0");
    f(R"({"protocol":"modbus_rtu","serial_port":"/etc/passwd"})", "serial_port: expected a serial port such as");
    f(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0","baud":9601})", "baud: expected 1200, 2400");
    put("connection", "line", R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0"})");
    f(R"({"protocol":"modbus_rtu","serial_port":"/dev/ttyS0"})", "is the port of connection line already");
}

TEST_F(DtuTest, AConnectionMayBecomeOneAndStopBeingOne) {
    put_dtu("pump", R"("registration":"DTU-1")");
    SimDtu dtu(*field, server, "DTU-1");
    EXPECT_TRUE(until([&] { return state("pump") == "up"; }));
    put("connection", "pump", R"({"protocol":"modbus_tcp","host":"10.9.9.9"})");
    EXPECT_TRUE(until([&] { return !dtu.closed.empty() && state("pump") == "backing_off"; }));
    put("connection", "pump", R"({"protocol":"modbus_dtu","registration":"DTU-1"})");
    dtu.dial();
    EXPECT_TRUE(until([&] { return state("pump") == "up"; }));
    put("connection", "pump", R"({"protocol":"modbus_dtu","registration":"DTU-1","enabled":false})");
    sim.run_for(kSecond);
    EXPECT_EQ(state("pump"), "off");
    dtu.dial();
    sim.run_for(2 * kSecond);
    EXPECT_EQ(state("pump"), "off");
    EXPECT_GE(connections->dtu_status().unknown, 1u);
}

}  // namespace
}  // namespace gongshu::connect
