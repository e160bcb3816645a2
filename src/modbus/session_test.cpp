// One master at a time: what it asks, in whatever pieces, and what it is answered.
#include "modbus/testing/servers_test.h"

namespace gongshu::modbus {
namespace {

using SessionTest = ModbusServersTest;

TEST_F(SessionTest, AnswersWhatIsAsked) {
    serve(std::string(kPower) + "," + kRunning);
    auto one = master();
    const auto f = [&](std::string_view pdu, std::string_view want, std::uint8_t unit = 1) {
        EXPECT_EQ(one.ask(pdu, unit), want) << pdu << " of unit " << int{unit};
    };
    f("03 0000 0001", "03020032");
    f("01 0003 0001", "010101");
    f("03 0000 0001", "03020032", 0);    // meant for whoever is there
    f("03 0000 0001", "03020032", 255);  // as libmodbus asks
    f("03 0000 0001", "830b", 2);        // there is no such unit
    f("03 0001 0001", "8302");
    f("04 0000 0001", "8402");
    f("03 0000 0000", "8303");
    f("06 0000 0001", "8601");  // writes are off
    f("0f 0003 0001 01 00", "8f01");
    f("16 0000 00f2 0025", "9601");
    f("17 0000 0001 0000 0001 02 0001", "9701");
    f("07", "8701");
    f("2b 0e 04 00", "2b0e0482000001" "0007" "476f6e67736875");
    f("2b 0e 04 05", "2b0e0482000001" "0505" "7363616461");
    f("2b 0e 04 09", "ab02");
    set("power", 0.0, bad(Reason::sensor));
    f("03 0000 0001", "8304");
    set("power", 0.0, bad(Reason::timeout));
    f("03 0000 0001", "830b");
    set("power", 51.0);
    f("03 0000 0001", "03020033");
    const auto told = status();
    EXPECT_EQ(told.requests, 19u);
    EXPECT_EQ(told.exceptions, 12u);
    EXPECT_EQ(told.last_master, "127.0.0.1");
    EXPECT_EQ(told.last_error, "function 3 of 127.0.0.1: exception 11 (gateway target device failed to respond)");
    ASSERT_EQ(told.masters.size(), 1u);
    EXPECT_EQ(told.masters[0].requests, 19u);
    EXPECT_EQ(egress.rows, 5u);
    EXPECT_GT(egress.bytes, 19u * 9);
    EXPECT_NE(metrics.render().find("gongshu_modbus_exceptions_total"), std::string::npos);
}

TEST_F(SessionTest, BytesMayComeInAnyPieces) {
    serve(kPower);
    auto one = master();
    Buffer bytes;
    for (std::uint16_t i = 0; i < 40; ++i) {
        const Buffer frame = wire::modbus::encode_frame(i, 1, from_hex(i % 2 == 0 ? "03 0000 0001" : "03 0001 0001"));
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    // All at once, which the simulated network takes to pieces, then byte by byte.
    one.send_bytes(bytes);
    ASSERT_TRUE(one.wait_for(40));
    for (const std::uint8_t byte : bytes) {
        one.send_bytes(Bytes(&byte, 1));
        sim.run_for(kMillisecond);
    }
    ASSERT_TRUE(one.wait_for(80));
    for (std::size_t i = 0; i < 80; ++i) {
        EXPECT_EQ(one.replies[i].transaction, i % 40);
        EXPECT_EQ(one.replies[i].pdu, i % 2 == 0 ? "03020032" : "8302");
    }
}

// Others have their turn in between; what is more than can wait is told so.
TEST_F(SessionTest, AFloodIsAnsweredBitByBit) {
    serve(kPower);
    sim.set_split(false);
    auto one = master();
    Buffer bytes;
    for (std::uint16_t i = 0; i < 200; ++i) {
        const Buffer frame = wire::modbus::encode_frame(i, 1, from_hex("03 0000 0001"));
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    one.send_bytes(bytes);
    ASSERT_TRUE(one.wait_for(200));
    std::vector<std::uint16_t> right;
    for (const auto& got : one.replies) {
        if (got.pdu == "03020032") right.push_back(got.transaction);
        EXPECT_TRUE(got.pdu == "03020032" || got.pdu == "8306") << got.pdu;
    }
    EXPECT_EQ(right.size(), 16u + 32u);
    EXPECT_TRUE(std::ranges::is_sorted(right));
    EXPECT_EQ(one.ask("03 0000 0001"), "03020032");
}

TEST_F(SessionTest, WhatIsNoModbusIsCutOff) {
    serve(kPower);
    auto one = master(), other = master();
    one.send_bytes(as_bytes("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_TRUE(sim.run_until([&] { return !one.is_connected(); }, kMinute));
    EXPECT_NE(status().last_error.find("modbus header has protocol"), std::string::npos) << status().last_error;
    EXPECT_EQ(other.ask("03 0000 0001"), "03020032");
    EXPECT_EQ(status().masters.size(), 1u);
}

TEST_F(SessionTest, AWriteGoesToTheMachine) {
    serve(kLimits, kWrites);
    auto one = master();
    EXPECT_EQ(one.ask("06 0064 0141"), "0600640141");
    EXPECT_EQ(oven.holding(1, 5), 321);
    EXPECT_EQ(one.ask("10 0064 0002 04 0190 0007"), "1000640002");
    EXPECT_EQ(oven.holding(1, 5), 400);
    EXPECT_EQ(oven.holding(1, 6), 7);
    EXPECT_EQ(one.ask("06 0064 0258"), "8603") << "beyond the entry's limit";
    EXPECT_EQ(oven.holding(1, 5), 400);
    EXPECT_EQ(status().writes, 3u);
    const std::string done = "modbus_server:scada write hall/oven allowed", refused = "modbus_server:scada write hall/oven refused";
    const std::string asked = "modbus_server:scada write_asked hall/oven allowed";
    EXPECT_EQ(records(), (std::vector<std::string>{done, done, done, refused, asked, asked, asked}));
}

TEST_F(SessionTest, WhatTheMachineOrItsLimitsRefuseIsAnException) {
    serve(R"({"tag":"hall/oven.limit","kind":"holding","address":100,"writable":true})", kWrites);
    auto one = master();
    EXPECT_EQ(one.ask("06 0064 03e8"), "8603") << "beyond the device type's limit";
    EXPECT_NE(status().last_error.find("900"), std::string::npos) << status().last_error;
    oven.illegal.insert({1, 5});
    EXPECT_EQ(one.ask("06 0064 0001"), "8604");
    oven.illegal.clear();
    oven.power_off();
    sim.run_for(5 * kSecond);
    EXPECT_EQ(one.ask("06 0064 0001"), "860b") << "nobody there";
    put("connection", "plc", R"({"protocol":"modbus_tcp","host":"10.0.0.2","timeout_ms":400})");
    EXPECT_EQ(one.ask("06 0064 0001"), "8602") << "its connection allows no writes";
    EXPECT_EQ(oven.holding(1, 5), 0);
}

TEST_F(SessionTest, AMaskAndReadingAfterAWrite) {
    oven.holding(1, 5) = 0x12;
    sim.run_for(3 * kSecond);
    serve(kLimits, kWrites);
    auto one = master();
    EXPECT_EQ(one.ask("16 0064 00f2 0025"), "16006400f20025");
    EXPECT_EQ(oven.holding(1, 5), 0x17);
    EXPECT_EQ(one.ask("16 0063 00f2 0025"), "9602");
    EXPECT_EQ(one.ask("17 0064 0001 0064 0001 02 0021"), "17020021");
    EXPECT_EQ(oven.holding(1, 5), 0x21);
    EXPECT_EQ(one.ask("17 0063 0001 0064 0001 02 0030"), "9702") << "nothing to read there";
    EXPECT_EQ(oven.holding(1, 5), 0x21) << "then nothing is written";
    EXPECT_EQ(one.ask("17 0064 0001 0064 0001 02 0258"), "9703");
    sim.run_for(3 * kSecond);
    EXPECT_EQ(one.ask("03 0064 0001"), "03020021");
}

TEST_F(SessionTest, WhatWasWrittenIsThereBeforeItIsPolled) {
    oven.holding(1, 5) = 0x10;
    sim.run_for(3 * kSecond);
    serve(kLimits, kWrites);
    auto one = master(), other = master();
    EXPECT_EQ(one.ask("16 0064 fffe 0001"), "160064fffe0001");
    EXPECT_EQ(other.ask("16 0064 fffd 0002"), "160064fffd0002");
    EXPECT_EQ(oven.holding(1, 5), 0x13) << "the bit of the first one stays";
    EXPECT_EQ(one.ask("17 0064 0001 0064 0001 02 0021"), "17020021");
    EXPECT_EQ(other.ask("03 0064 0001"), "03020021");
    oven.holding(1, 5) = 0x33;
    sim.run_for(3 * kSecond);
    EXPECT_EQ(one.ask("03 0064 0001"), "03020033") << "what the machine says since";
}

TEST_F(SessionTest, WhileAWriteIsUnderWayTheOthersWaitAndAreNotTooMany) {
    serve(std::string(kLimits) + "," + kPower, kWrites);
    auto one = master(), other = master();
    oven.delay = 300 * kMillisecond;
    one.send("06 0064 0001", 1);
    sim.run_for(50 * kMillisecond);
    for (std::uint16_t i = 2; i < 42; ++i) one.send("03 0000 0001", i);
    EXPECT_EQ(other.ask("03 0000 0001"), "03020032") << "another master does not wait for it";
    ASSERT_TRUE(one.wait_for(41));
    std::size_t refused = 0;
    std::vector<std::uint16_t> in_order;
    for (const auto& got : one.replies) {
        if (got.pdu == "8306")
            ++refused;
        else
            in_order.push_back(got.transaction);
    }
    EXPECT_EQ(refused, 8u) << "32 wait";
    EXPECT_EQ(in_order.front(), 1u);
    EXPECT_TRUE(std::ranges::is_sorted(in_order));
    EXPECT_EQ(in_order.size(), 33u);
}

TEST_F(SessionTest, AWriteThatWaitedTooLongIsNotDone) {
    put("connection", "plc", R"({"protocol":"modbus_tcp","host":"10.0.0.2","timeout_ms":4000,"writes_enabled":true})");
    sim.run_for(3 * kSecond);
    serve(kLimits, kWrites);
    auto one = master();
    oven.delay = 1500 * kMillisecond;  // of the write and of reading it back
    for (std::uint16_t i = 1; i <= 5; ++i) one.send(fmt::format("06 0064 {:04x}", i), i);
    ASSERT_TRUE(one.wait_for(5, kMinute));
    EXPECT_EQ(one.replies[0].pdu, "0600640001");
    EXPECT_EQ(one.replies[3].pdu, "860b");
    EXPECT_EQ(one.replies[4].pdu, "860b");
    sim.run_for(kMinute);
    EXPECT_NE(oven.holding(1, 5), 4);
    EXPECT_NE(oven.holding(1, 5), 5);
    EXPECT_NE(status().last_error.find("expired"), std::string::npos) << status().last_error;
    oven.delay = 0;
    sim.run_for(10 * kSecond);
    EXPECT_EQ(one.ask("06 0064 0009"), "0600640009");
}

// The second of two values that are written goes where the first was meant to lie, or nowhere.
TEST_F(SessionTest, AMapThatChangesDuringAWriteDoesNotMislead) {
    serve(kLimits, kWrites);
    auto one = master();
    oven.delay = 300 * kMillisecond;
    one.send("10 0064 0002 04 0190 0007");
    sim.run_for(100 * kMillisecond);
    serve(R"({"tag":"hall/oven.mode","kind":"holding","address":100,"writable":true},)"
          R"({"tag":"hall/oven.limit","kind":"holding","address":101,"writable":true})",
          kWrites);
    ASSERT_TRUE(one.wait_for(1));
    EXPECT_EQ(one.replies[0].pdu, "1000640002");
    EXPECT_EQ(oven.holding(1, 5), 400);
    EXPECT_EQ(oven.holding(1, 6), 7);
    one.replies.clear();
    one.send("10 0064 0002 04 0008 0191");
    sim.run_for(100 * kMillisecond);
    serve(kPower);  // writes are off now
    ASSERT_TRUE(one.wait_for(1));
    EXPECT_EQ(one.replies[0].pdu, "9001");
    EXPECT_EQ(oven.holding(1, 6), 8) << "it was under way";
    EXPECT_EQ(oven.holding(1, 5), 400);
}

}  // namespace
}  // namespace gongshu::modbus
