#include "connect/sim_s7.h"

#include <gtest/gtest.h>

#include "connect/s7_talk.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

using namespace wire::s7;

const io::Address kCpu{"10.0.0.7", 102};

// The bytes of DB1 count up from 0; M is 1, 2, 4, 8 …
struct World {
    explicit World(std::uint64_t seed = 1) : sim(seed), cpu(*cpu_loop, kCpu) {
        for (int i = 0; i < 600; ++i) cpu.blocks[1].push_back(static_cast<std::uint8_t>(i));
        cpu.blocks[2].resize(4);
        cpu.optimised = {2};
        for (int i = 0; i < 8; ++i) cpu.memory[i] = static_cast<std::uint8_t>(1 << i);
    }

    // "" when there is a connection, else why not.
    std::string connect(const Tsaps& tsaps = {}) {
        std::optional<std::string> told;
        talk = std::make_unique<S7Talk>(*loop, kCpu, tsaps,
                                        [&](Result<Reply> reply) { told = reply ? "" : reply.error().text(); });
        sim.run_until([&] { return told.has_value(); }, 10 * kSecond);
        return told.value_or("no answer");
    }
    // Each as text, or why not.
    std::vector<std::string> read(const std::vector<std::pair<std::string_view, std::string_view>>& asked) {
        std::vector<Variable> variables;
        std::vector<PlanValue> values;
        for (const auto& [address, type] : asked) {
            variables.push_back(parse_variable(address, type).value());
            values.push_back({read_item(variables.back()), values.size()});
        }
        std::optional<std::vector<Result<Buffer>>> got;
        talk->read(values, [&](std::vector<Result<Buffer>> all) { got = std::move(all); });
        sim.run_until([&] { return got.has_value(); }, 10 * kSecond);
        std::vector<std::string> out;
        for (std::size_t i = 0; got && i < got->size(); ++i)
            out.push_back(!(*got)[i] ? (*got)[i].error().text() : text_of(variables[i], *(*got)[i]));
        return out;
    }
    static std::string text_of(const Variable& variable, Bytes bytes) {
        const Type type = variable.codec.type;
        const ValueType kind = type == Type::boolean       ? ValueType::boolean
                               : variable.codec.length > 0 ? ValueType::text
                                                           : ValueType::number;
        return gongshu::to_string(decode_value(variable, bytes, kind).value());
    }
    std::string write(std::string_view address, std::string_view type, const Value& value) {
        const auto requests = plan_writes({encode_value(parse_variable(address, type).value(), value).value()}, {});
        std::optional<std::string> told;
        talk->ask(requests.at(0), [&](Result<Reply> reply) {
            const ReturnCode code = std::get<ItemCodes>(reply.value()).items.at(0);
            told = code == ReturnCode::success ? "" : explain(requests[0].items[0], code).text();
        });
        sim.run_until([&] { return told.has_value(); }, 10 * kSecond);
        return told.value_or("no answer");
    }

    io::SimWorld sim;
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> cpu_loop = sim.make_loop();
    SimS7 cpu;
    std::unique_ptr<S7Talk> talk;
};

TEST(SimS7, ReadsManyValuesWithFewRequests) {
    World world;
    ASSERT_EQ(world.connect(usual_tsaps(Plc::s7_300)), "");
    EXPECT_EQ(world.talk->pdu_bytes(), 240);
    EXPECT_EQ(to_hex(world.cpu.connects.at(0).called), "0302");
    world.cpu.requests.clear();
    EXPECT_EQ(world.read({{"DB1.DBB7", ""}, {"DB1.DBW2", "int"}, {"DB1.DBX3.1", ""}, {"M2.2", ""}, {"M2.3", ""}}),
              (std::vector<std::string>{"7", "515", "true", "true", "false"}));
    EXPECT_EQ(world.cpu.requests.size(), 1u);
    std::ranges::fill(world.cpu.blocks[1], std::uint8_t{'x'});
    EXPECT_EQ(world.read({{"DB1.DBB0", "char[500]"}, {"DB1.DBB599", ""}}),
              (std::vector<std::string>{std::string(500, 'x'), "120"}));
    EXPECT_EQ(world.cpu.requests.size(), 4u) << "222 bytes fit an answer of 240";
}

TEST(SimS7, OneRefusedItemLeavesTheOthers) {
    World world;
    ASSERT_EQ(world.connect(), "");
    const auto got = world.read({{"DB1.DBB7", ""}, {"DB2.DBB0", ""}, {"DB1.DBW599", ""}, {"T15", "word"}, {"T16", ""}});
    ASSERT_EQ(got.size(), 5u);
    EXPECT_EQ(got[0], "7");
    EXPECT_NE(got[1].find("DB2, byte 0 (1 bytes): code 0x0a (there is no such data block, or it is optimised"),
              std::string::npos)
        << got[1];
    EXPECT_NE(got[2].find("DB1, byte 599 (2 bytes): code 0x05"), std::string::npos) << got[2];
    EXPECT_NE(got[4].find("code 0x05"), std::string::npos) << got[4];
}

TEST(SimS7, WritesWhatWasMeantAndNothingElse) {
    World world;
    ASSERT_EQ(world.connect(), "");
    EXPECT_EQ(world.write("M0.7", "", true), "");
    EXPECT_EQ(world.write("M0.0", "", false), "");
    EXPECT_EQ(world.cpu.memory[0], 0x80);
    EXPECT_EQ(world.write("DB1.DBD4", "real", 25.0), "");
    EXPECT_EQ(world.write("DB1.DBB20", "string[4]", std::string("ab")), "");
    EXPECT_EQ(to_hex(Bytes(world.cpu.blocks[1]).first(10)), "0001020341c800000809");
    EXPECT_EQ(to_hex(Bytes(world.cpu.blocks[1]).subspan(20, 6)), "140261621819") << "only length and characters";
    EXPECT_NE(world.write("DB9.DBB0", "", std::int64_t{1}).find("code 0x0a"), std::string::npos);
}

TEST(SimS7, SaysWhoItIsInAsManyPartsAsItTakes) {
    World world;
    world.cpu.pdu_bytes_max = 64;
    ASSERT_EQ(world.connect(), "");
    std::optional<Identity> identity;
    world.talk->identify([&](Result<Identity> who) { identity = who.value(); });
    world.sim.run_until([&] { return identity.has_value(); }, 10 * kSecond);
    EXPECT_EQ(identity, world.cpu.identity);
    EXPECT_GT(world.cpu.requests.size(), 5u);
}

TEST(SimS7, SmallTpdusAreFragmentsOfThePdu) {
    World world;
    world.cpu.pdu_bytes_max = 960;
    world.cpu.tpdu_bytes_max = 128;
    ASSERT_EQ(world.connect(), "");
    EXPECT_EQ(world.talk->pdu_bytes(), 960);
    std::ranges::fill(world.cpu.blocks[1], std::uint8_t{'x'});
    EXPECT_EQ(world.read({{"DB1.DBB0", "char[600]"}}).at(0).size(), 600u);
}

TEST(SimS7, WhatGoesWrongIsSaid) {
    auto f = [](SimS7::Mood mood, std::string_view want) {
        World world;
        world.cpu.mood = mood;
        std::string told = world.connect();
        if (told.empty()) told = world.read({{"DB1.DBB7", ""}}).at(0);
        EXPECT_NE(told.find(want), std::string::npos) << told;
    };
    f(SimS7::Mood::refuses_connection, "the CPU does not know this TSAP: are rack and slot right?");
    f(SimS7::Mood::refuses_messages, "PUT/GET is off");
    f(SimS7::Mood::wrong_reference, "reference 2, expected 1");
    f(SimS7::Mood::too_short, "has a header of 12, 8 of parameters and 0 of data");
    f(SimS7::Mood::closes, "closed by peer");
    f(SimS7::Mood::silent, "no answer");
}

}  // namespace
}  // namespace gongshu::connect
