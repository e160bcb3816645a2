#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connect/connections.h"
#include "connect/sim_device.h"
#include "connect/sim_store.h"
#include "io/sim.h"
#include "modbus/servers.h"
#include "registry/json.h"
#include "registry/registry.h"
#include "wire/modbus.h"

namespace gongshu::modbus {

inline Buffer from_hex(std::string_view text) {
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

// Allows all but the tags that are named, and counts what it is asked.
class PickyEgress final : public Egress {
public:
    Result<void> decide(const Leaving& leaving) override {
        asked.push_back(fmt::format("{} {} {} {}", leaving.who, leaving.door, leaving.what, leaving.level));
        if (leaving.what == refused) return Error{Code::denied, "{} may not leave", leaving.what};
        return {};
    }
    void left(TenantId, std::string_view, std::uint64_t some_rows, std::uint64_t some_bytes) override {
        rows += some_rows, bytes += some_bytes;
    }
    std::string refused;
    std::vector<std::string> asked;
    std::uint64_t rows = 0, bytes = 0;
};

// A master that sends what it is told and keeps what comes back.
class SimMaster {
public:
    SimMaster(io::SimWorld& sim, io::Loop& loop, const io::Address& server) : sim_(sim) {
        loop.connect(server, {}, [this](Result<std::unique_ptr<io::Stream>> made) {
            tried_ = true;
            if (!made) return;
            stream_ = std::move(*made);
            io::Stream::Events events;
            events.on_data = [this](Bytes bytes) {
                const auto fed = decoder_.feed(bytes, [this](const wire::modbus::Frame& frame) {
                    replies.push_back({frame.transaction, frame.unit, to_hex(frame.pdu)});
                    return true;
                });
                EXPECT_TRUE(fed);
            };
            events.on_closed = [this](const Error&) { cut_ = true; };
            stream_->start(std::move(events));
        });
        EXPECT_TRUE(sim_.run_until([this] { return tried_; }, kMinute));
    }

    struct Got {
        std::uint16_t transaction = 0;
        std::uint8_t unit = 0;
        std::string pdu;
    };
    std::deque<Got> replies;

    bool is_connected() const { return stream_ != nullptr && !cut_; }
    void send_bytes(Bytes bytes) { stream_->send(bytes); }
    void send(std::string_view pdu, std::uint16_t transaction = 1, std::uint8_t unit = 1) {
        stream_->send(wire::modbus::encode_frame(transaction, unit, from_hex(pdu)));
    }
    bool wait_for(std::size_t count, DurationNs limit = 20 * kSecond) {
        return sim_.run_until([&] { return replies.size() >= count; }, limit);
    }
    // The PDU of the answer, or "" when there is none.
    std::string ask(std::string_view pdu, std::uint8_t unit = 1) {
        replies.clear();
        send(pdu, ++transaction_, unit);
        if (!wait_for(1)) return "";
        EXPECT_EQ(replies[0].transaction, transaction_);
        EXPECT_EQ(replies[0].unit, unit);
        return replies[0].pdu;
    }

private:
    io::SimWorld& sim_;
    std::unique_ptr<io::Stream> stream_;
    wire::modbus::FrameDecoder decoder_;
    bool tried_ = false, cut_ = false;
    std::uint16_t transaction_ = 100;
};

// A platform with tags of a press that somebody sends, and an oven whose limits (holding 5 and 6) can be written.
class ModbusServersTest : public testing::Test {
protected:
    static inline const io::Address kServer{"127.0.0.1", 1502}, kOven{"10.0.0.2", 502};

    ModbusServersTest() {
        registry = registry::Registry::create(files, sim.clock(), {.folder = "/r", .key_folder = "/k"}).value();
        EXPECT_TRUE(registry->load());
        actor = {registry->tenant_id("default").value(), "default", "user:test", registry::Role::admin, ""};
        put("device_type", "oven", R"({"properties":[
            {"name":"limit","type":"number","writable":true,"min":0,"max":900,"level":3,"address":{"kind":"holding","address":5}},
            {"name":"mode","type":"integer","writable":true,"address":{"kind":"holding","address":6}}]})");
        put("connection", "plc", R"({"protocol":"modbus_tcp","host":"10.0.0.2","timeout_ms":400,"writes_enabled":true})");
        put("device", "hall/oven", R"({"type":"oven","connection":"plc"})");
        connections = connect::Connections::create(
                          {*registry, store, store, metrics, {loop.get()}, connect::make_target_policy({}), &store})
                          .value();
        connections->start();
        servers = Servers::create({*registry, store, store, *connections, egress, metrics, *loop, *pool, "1.2"});
        servers->start();
        set("power", 50.0);
        set("running", true);
        sim.run_for(3 * kSecond);
    }
    ~ModbusServersTest() override {
        servers->stop();
        connections->stop();
        sim.run_for(kSecond);
    }

    void put(std::string_view kind, std::string_view name, std::string_view spec) {
        const auto change = registry->put(actor, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(change) << change.error().text();
        sim.run_for(10 * kMillisecond);
    }
    void serve(const std::string& entries, const std::string& more = "") {
        put("modbus_server", "scada", R"({"port":1502,"entries":[)" + entries + "]" + (more.empty() ? "" : "," + more) + "}");
    }
    // hall/press.NAME, as if somebody had sent it.
    void set(const std::string& name, const Value& value, Quality quality = kGood) {
        const std::string path = "hall/press." + name;
        const auto tag = store.resolve({actor.tenant, "p:" + path, name}, path, type_of(value), "").value();
        Rows rows;
        rows.add({tag, sim.clock().now(), value, quality});
        store.append(std::move(rows), Durability::none, [](const Result<Appended>&) {});
        sim.run_for(kMillisecond);
    }
    ServerStatus status() {
        sim.run_for(2 * kSecond);  // masters are told of once a second
        const auto all = servers->status(actor.tenant);
        return all.empty() ? ServerStatus{} : all.at(0);
    }
    SimMaster master() { return SimMaster{sim, *masters_loop, kServer}; }
    std::vector<std::string> records() {
        std::vector<std::string> told;
        const auto all = registry->audit_records(actor.tenant, 0, sim.clock().now() + kDay, 1000).value();
        for (const auto& one : all)
            if (one.who.starts_with("modbus_server:"))
                told.push_back(fmt::format("{} {} {} {}", one.who, one.action, one.name, one.allowed ? "allowed" : "refused"));
        std::ranges::sort(told);
        return told;
    }

    io::SimWorld sim{7};
    io::SimFiles files;
    std::unique_ptr<io::Loop> loop = sim.make_loop(), plant_loop = sim.make_loop(), masters_loop = sim.make_loop();
    std::unique_ptr<io::Pool> pool = sim.make_pool();
    connect::SimStore store{*loop};
    Metrics metrics;
    PickyEgress egress;
    connect::SimDevice oven{*plant_loop, kOven};
    std::unique_ptr<registry::Registry> registry;
    registry::Actor actor;
    std::unique_ptr<connect::Connections> connections;
    std::shared_ptr<Servers> servers;

    static constexpr const char* kPower = R"({"tag":"hall/press.power","kind":"holding","address":0})";
    static constexpr const char* kRunning = R"({"tag":"hall/press.running","kind":"coil","address":3})";
    static constexpr const char* kLimits =
        R"({"tag":"hall/oven.limit","kind":"holding","address":100,"writable":true,"max":500},)"
        R"({"tag":"hall/oven.mode","kind":"holding","address":101,"writable":true})";
    static constexpr const char* kWrites = R"("writes_enabled":true)";
};

}  // namespace gongshu::modbus
