// Listeners, who may ask, and what a change of the registry does to masters.
#include "modbus/testing/servers_test.h"

#include "modbus/build.h"

namespace gongshu::modbus {
namespace {

using ServersTest = ModbusServersTest;

TEST(MayAsk, ThisMachineAndWhoIsNamed) {
    const auto f = [](std::vector<std::string> masters, std::string_view host, bool want) {
        BuiltServer server;
        for (const std::string& one : masters) server.masters.push_back(io::parse_network(one).value());
        EXPECT_EQ(may_ask(server, host), want) << host;
    };
    f({}, "127.0.0.1", true);
    f({}, "::1", true);
    f({}, "10.0.0.5", false);
    f({"10.0.0.5"}, "10.0.0.5", true);
    f({"10.0.0.5"}, "::ffff:10.0.0.5", true);
    f({"10.0.0.5"}, "10.0.0.6", false);
    f({"10.0.0.5", "192.168.0.0/16"}, "192.168.7.1", true);
    f({"10.0.0.5"}, "127.0.0.1", true);
    f({"fd00::/16"}, "fd00::7", true);
    f({"fd00::/16"}, "fe80::7", false);
}

TEST_F(ServersTest, ListensAsTheRegistrySays) {
    EXPECT_TRUE(servers->status(actor.tenant).empty());
    EXPECT_FALSE(master().is_connected());
    serve(kPower);
    EXPECT_EQ(status().state, ServerState::listening);
    EXPECT_EQ(status().address, "127.0.0.1:1502");
    EXPECT_EQ(status().entries, 1u);
    auto one = master();
    EXPECT_EQ(one.ask("03 0000 0001"), "03020032");
    EXPECT_TRUE(servers->status(TenantId{99}).empty());
    serve(kPower, R"("enabled":false)");
    EXPECT_EQ(status().state, ServerState::off);
    EXPECT_FALSE(one.is_connected());
    EXPECT_FALSE(master().is_connected());
    serve(kPower);
    EXPECT_TRUE(master().is_connected());
    ASSERT_TRUE(registry->remove(actor, "modbus_server", "scada"));
    sim.run_for(kSecond);
    EXPECT_TRUE(servers->status(actor.tenant).empty());
    EXPECT_FALSE(master().is_connected());
}

TEST_F(ServersTest, AChangeOfTheMapCutsNobody) {
    serve(kPower);
    auto one = master();
    EXPECT_EQ(one.ask("03 0000 0002"), "8302");
    serve(kPower, R"("gaps":"zero")");
    EXPECT_EQ(one.ask("03 0000 0002"), "030400320000");
    serve(R"({"tag":"hall/press.power","kind":"holding","address":1,"encoding":"f32","unit":4})", R"("gaps":"zero")");
    EXPECT_EQ(one.ask("03 0000 0003", 4), "0306000042480000");
    EXPECT_TRUE(one.is_connected());
    put("modbus_server", "scada", R"({"port":1503,"entries":[]})");
    EXPECT_TRUE(sim.run_until([&] { return !one.is_connected(); }, kMinute)) << "the port is another one";
}

TEST_F(ServersTest, APortThatIsTakenIsTriedAgain) {
    auto taken = masters_loop->listen(kServer, {}, [](std::unique_ptr<io::Stream>) {}).value();
    serve(kPower);
    EXPECT_EQ(status().state, ServerState::failed);
    EXPECT_NE(status().problem.find("cannot listen on 127.0.0.1:1502"), std::string::npos) << status().problem;
    taken.reset();
    EXPECT_TRUE(sim.run_until([&] { return servers->status(actor.tenant).at(0).state == ServerState::listening; }, 15 * kSecond));
    EXPECT_EQ(status().problem, "");
    EXPECT_EQ(master().ask("03 0000 0001"), "03020032");
}

TEST_F(ServersTest, TooManyMastersAreTurnedAway) {
    serve(kPower, R"("masters_max":2)");
    auto one = master();
    {
        auto two = master(), three = master();
        sim.run_for(kSecond);
        EXPECT_TRUE(one.is_connected() && two.is_connected());
        EXPECT_FALSE(three.is_connected());
        EXPECT_EQ(status().masters.size(), 2u);
        EXPECT_EQ(status().turned_away, 1u);
        EXPECT_EQ(status().last_error, "127.0.0.1 was turned away: there are 2 masters already");
    }
    sim.run_for(kSecond);
    EXPECT_EQ(master().ask("03 0000 0001"), "03020032") << "one has gone";
}

TEST_F(ServersTest, WhoAsksNothingIsCutOff) {
    serve(kPower, R"("idle_timeout_s":5)");
    auto one = master(), silent = master();
    for (int i = 0; i < 4; ++i) {
        sim.run_for(3 * kSecond);
        EXPECT_EQ(one.ask("03 0000 0001"), "03020032");
    }
    EXPECT_FALSE(silent.is_connected());
    sim.clock().jump(kDay);  // somebody sets the clock
    EXPECT_EQ(one.ask("03 0000 0001"), "03020032");
    sim.run_for(3 * kSecond);
    EXPECT_TRUE(one.is_connected());
    sim.run_for(7 * kSecond);
    EXPECT_FALSE(one.is_connected());
}

TEST_F(ServersTest, EgressIsAskedOnceForEachTag) {
    egress.refused = "hall/press.power";
    serve(std::string(kPower) + R"(,{"tag":"hall/press.power","kind":"input","address":0,"status":0},)" + kRunning + "," + kLimits,
          kWrites);
    serve(std::string(kPower) + R"(,{"tag":"hall/press.power","kind":"input","address":0,"status":0},)" + kRunning + "," + kLimits,
          std::string(kWrites) + R"(,"gaps":"zero")");
    EXPECT_EQ(std::ranges::count(egress.asked, "modbus_server:scada modbus hall/press.running 1"), 1);
    EXPECT_EQ(std::ranges::count(egress.asked, "modbus_server:scada modbus hall/oven.limit 3"), 1) << "with the level of its type";
    auto one = master();
    EXPECT_EQ(one.ask("03 0000 0001"), "8304");
    EXPECT_EQ(one.ask("02 0000 0001"), "020100");
    EXPECT_EQ(one.ask("01 0003 0001"), "010101");
    const auto told = status();
    ASSERT_EQ(told.faults.size(), 2u);
    EXPECT_EQ(told.faults[0].tag, "hall/press.power");
    EXPECT_EQ(told.faults[0].why, "hall/press.power may not leave");
    EXPECT_EQ(told.bad, 2u);
    egress.refused.clear();  // asked again while it says no
    serve(kPower);
    EXPECT_EQ(one.ask("03 0000 0001"), "03020032");
    EXPECT_TRUE(status().faults.empty());
}

TEST_F(ServersTest, ATagMayComeLater) {
    serve(R"({"tag":"hall/press.speed","kind":"holding","address":0,"status":0})");
    auto one = master();
    EXPECT_EQ(one.ask("03 0000 0001"), "830b");
    EXPECT_EQ(one.ask("02 0000 0001"), "020100");
    ASSERT_EQ(status().faults.size(), 1u);
    EXPECT_EQ(status().faults[0].why, "there is no reading of it yet");
    set("speed", 8.0);
    sim.run_for(4 * kSecond);
    EXPECT_EQ(one.ask("03 0000 0001"), "03020008");
    EXPECT_EQ(one.ask("02 0000 0001"), "020101");
    EXPECT_TRUE(status().faults.empty());
}

TEST_F(ServersTest, OldValuesAndLastUsableOnes) {
    serve(R"({"tag":"hall/press.power","kind":"holding","address":0,"stale_after_s":30},)"
          R"({"tag":"hall/press.power","kind":"holding","address":1,"when_bad":"last"},)"
          R"({"tag":"hall/press.power","kind":"holding","address":2,"stale_after_s":30,"when_bad":"fill","fill":9})");
    auto one = master();
    set("power", 60.0);
    sim.run_for(20 * kSecond);
    EXPECT_EQ(one.ask("03 0000 0003"), "0306003c003c003c");
    sim.run_for(15 * kSecond);
    EXPECT_EQ(one.ask("03 0000 0001"), "830b");
    EXPECT_EQ(one.ask("03 0001 0002"), "0304003c0009");
    set("power", 61.0);
    sim.run_for(2 * kSecond);
    set("power", 0.0, bad(Reason::timeout));
    EXPECT_EQ(one.ask("03 0001 0002"), "0304003d0009");
    EXPECT_EQ(status().bad, 3u);
}

}  // namespace
}  // namespace gongshu::modbus
