#include "connect/fins_driver.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "connect/driver_talk.h"
#include "connect/sim_fins.h"

namespace gongshu::connect {
namespace {

using wire::fins::Area;

PropertyConfig property(std::string at, ValueType type = ValueType::number, std::string as = "") {
    PropertyConfig config;
    config.name = at + (as.empty() ? "" : " " + as);
    config.type = type;
    config.writable = true;
    config.place = {std::move(at), std::move(as), 1, 0};
    return config;
}

constexpr auto kInteger = ValueType::integer, kBoolean = ValueType::boolean, kText = ValueType::text;

// A driver with its plan, and the PLC at its other end.
struct Planned {
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;
    SimFinsCpu cpu;
    SimFinsTalk plc{cpu};

    explicit Planned(std::vector<PropertyConfig> properties, std::uint8_t own_node = 0) {
        LinkConfig config;
        config.language = Language::fins;
        config.fins.own_node = own_node;
        DeviceConfig device;
        device.path = "press";
        device.properties = std::move(properties);
        config.devices = {std::move(device)};
        set = point_set(config);
        driver = make_driver(config);
        plan = driver->plan(set);
        driver->begin_link();
    }
    std::string talk_with(Result<Buffer> first, std::size_t piece = 1) {
        return talk(*driver, *set, std::move(first), [this](Bytes sent) { return plc.answer(sent); }, piece);
    }
    std::string greet() { return talk_with(driver->greet()); }
    std::string ask_all(std::size_t piece = 1) {
        std::string out;
        for (const Poll& poll : plan.polls) out += (out.empty() ? "" : " | ") + talk_with(driver->read(poll.id), piece);
        return out;
    }
    std::string polls() const {
        std::string out;
        for (const Poll& poll : plan.polls) {
            out += (out.empty() ? "" : "; ") + driver->describe(poll.id) + ":";
            for (const std::size_t point : poll.points) out += " " + name_of(*set, point);
        }
        return out;
    }
    const DeviceConfig& device() const { return set->config->devices[0]; }
    const PropertyConfig& at(std::size_t i) const { return device().properties[i]; }
};

TEST(FinsDriver, Greets) {
    Planned planned{{property("D100")}};
    const Buffer first = planned.driver->greet();
    EXPECT_EQ(to_hex(first), "46494e530000000c000000000000000000000000");
    EXPECT_EQ(planned.talk_with(first), "");
    // The nodes that it told are those of the frames.
    const Buffer question = planned.driver->read(planned.plan.polls[0].id).value();
    EXPECT_EQ(to_hex(Bytes(question).subspan(16, 10)), "8000020001000" "0ef0001");
    Planned own{{property("D100")}, 12};
    EXPECT_EQ(to_hex(own.driver->greet()), "46494e530000000c00000000000000000000000c");
    EXPECT_EQ(own.greet(), "");

    Planned full{{property("D100")}};
    full.plc.greeting_error = 0x21;
    EXPECT_EQ(full.greet(),
              "! the PLC lets nobody in: error 21, this node number is connected already; leave own_node out, so that "
              "the PLC gives a free one");
    Planned silent{{property("D100")}};
    silent.plc.silent = true;
    EXPECT_EQ(silent.greet(), "the PLC does not greet within 1000 ms: is it the FINS/TCP port (usually 9600), and is "
                              "FINS/TCP switched on?");
    EXPECT_EQ(silent.driver->closed_while_greeting(Error{Code::unavailable, "closed"}).text(),
              "closed: it closed the link instead of giving a node number: are all its FINS connections in use, or is "
              "this address not let in?");
    EXPECT_TRUE(silent.driver->feed(Buffer{'F', 'I', 'N', 'S'}));
    silent.driver->begin_link();
    EXPECT_EQ(silent.driver->feed(Buffer{'H', 'T', 'T', 'P'}).error().text(),
              "this is not FINS/TCP: it begins with 0x48545450; is it the right port, usually 9600?");
}

TEST(FinsDriver, WhatLiesTogetherIsReadTogether) {
    auto slow = property("D101");
    slow.period = kMinute;
    Planned planned{{property("D100"), property("D110", ValueType::number, "f32"), property("W3.15", kBoolean), property("W5"),
                     property("T5"), property("T5", kBoolean), property("T9", kBoolean), slow, property("E0_100"), property("E1_100")}};
    EXPECT_EQ(planned.polls(),
              "read W3 (3 words): W3.15 W5; read D100 (12 words): D100 D110 f32; read T5 (1 words): T5; read E0_100 (1 words): E0_100; "
              "read E1_100 (1 words): E1_100; read T5 (5 flags): T5 T9; read D101 (1 words): D101");
    planned.cpu.word("D100") = 300;
    planned.cpu.word("D110") = 0, planned.cpu.word("D111") = 0x41cc;
    planned.cpu.word("W3") = 0x8000, planned.cpu.word("W5") = 0xffff;
    planned.cpu.word("T5") = 50;
    planned.cpu.flags = {SimFinsCpu::place("T9")};
    planned.cpu.word("E1_100") = 7;
    EXPECT_EQ(planned.greet(), "");
    const std::string want = "W3.15=true; W5=-1 | D100=300; D110 f32=25.5 | T5=50 | E0_100=0 | E1_100=7 | T5=false; T9=true | D101=0";
    EXPECT_EQ(planned.ask_all(), want);
    EXPECT_EQ(planned.ask_all(1000), want);
    // A battery that is low spoils no answer.
    planned.cpu.always = 0x0040;
    EXPECT_EQ(planned.ask_all(), want);
    EXPECT_EQ(planned.driver->take_malformed(), 0u);
}

TEST(FinsDriver, ValuesLieAsOmronHasThem) {
    const auto f = [](PropertyConfig property, std::vector<std::uint16_t> words, std::string_view want) {
        const auto at = wire::fins::parse_address(property.place.at).value().place;
        Planned planned{{std::move(property)}};
        for (std::size_t i = 0; i < words.size(); ++i)
            planned.cpu.words[{at.area, at.bank, static_cast<std::uint16_t>(at.number + i)}] = words[i];
        EXPECT_EQ(planned.greet(), "");
        EXPECT_EQ(planned.ask_all(), want);
    };
    f(property("D0", kInteger), {0xfffe}, "D0=-2");
    f(property("D0", kInteger, "u16"), {0xfffe}, "D0 u16=65534");
    f(property("D0", kInteger, "u32"), {0x5678, 0x1234}, "D0 u32=305419896");
    f(property("D0", kInteger, "u32 ABCD"), {0x1234, 0x5678}, "D0 u32 ABCD=305419896");
    f(property("D0", kInteger, "bcd16"), {0x1234}, "D0 bcd16=1234");
    f(property("D0", kInteger, "bcd16"), {0x12a4}, "D0 bcd16=- bad:type (0x12a4 is no BCD number: a digit is over 9)");
    f(property("D0", kText, "text[5]"), {0x4142, 0x4344, 0x4500}, "D0 text[5]=ABCDE");
    f(property("CIO10.05", kBoolean), {0x0020}, "CIO10.05=true");
    f(property("10.05", kInteger), {0x0020}, "10.05=1");
    auto scaled = property("D0");
    scaled.place.scale = 0.1;
    scaled.place.offset = -10;
    f(scaled, {250}, "D0=15");
    scaled.max = 10;
    f(scaled, {250}, "D0=15 uncertain:range");
}

TEST(FinsDriver, FaultsNameThePlaceAndTheFix) {
    Planned planned{{property("X5"), property("D100", kBoolean, "bool"), property("D0", ValueType::number, "real"),
                     property("D0", kText), property("D1")}};
    ASSERT_EQ(planned.plan.faults.size(), 4u);
    EXPECT_EQ(planned.plan.faults[0].error.text(),
              "property X5: \"X5\" is no address of an Omron PLC: the area is not known; expected one such as D100, "
              "CIO10.05, W3.15, H0, A448, "
              "E0_100, T5 or C5");
    EXPECT_EQ(planned.plan.faults[1].error.text(), "property D100 bool: D100 is a word: write D100.00 to D100.15 for one of its bits, "
              "or choose u16 or i16");
    EXPECT_TRUE(planned.plan.faults[2].error.text().starts_with("property D0 real: ")) << planned.plan.faults[2].error.text();
    EXPECT_EQ(planned.plan.faults[3].error.text(), "property D0 is text, which cannot hold the i16 at D0");
    EXPECT_EQ(planned.polls(), "read D1 (1 words): D1");
}

TEST(FinsDriver, RefusedBlocksAreAskedApart) {
    Planned planned{{property("D100"), property("D102"), property("D103")}};
    planned.cpu.missing = {SimFinsCpu::place("D102")};
    EXPECT_EQ(planned.greet(), "");
    const std::string refusal =
        "! the PLC refuses D100: end code 1103, the address is outside of the area; check the address, and whether this PLC has it";
    EXPECT_EQ(planned.ask_all(), "D100" + refusal + "; D102" + refusal + "; D103" + refusal + " [may split]");
    const std::uint32_t whole = planned.plan.polls[0].id;
    planned.plan.polls = planned.driver->split(whole);
    EXPECT_EQ(planned.polls(), "read D100 (1 words): D100; read D102 (2 words): D102 D103");
    std::vector<Poll> alone = planned.driver->split(planned.plan.polls[1].id);
    ASSERT_EQ(alone.size(), 2u);
    planned.plan.polls.pop_back();
    planned.plan.polls.insert(planned.plan.polls.end(), alone.begin(), alone.end());
    EXPECT_EQ(planned.ask_all(),
              "D100=0 | D102! the PLC refuses D102: end code 1103, the address is outside of the area; check the "
              "address, and whether this "
              "PLC has it | D103=0");
    EXPECT_TRUE(planned.driver->split(whole).empty());
    EXPECT_EQ(planned.driver->describe(whole), "");
    EXPECT_EQ(planned.talk_with(planned.driver->read(whole)), "!! what is polled was changed meanwhile: nothing was asked");
}

TEST(FinsDriver, WritesAreReadBack) {
    Planned planned{{property("D100"), property("D110", ValueType::number, "f32"), property("CIO10.05", kBoolean),
                     property("D200", kText, "text[4]"),
                     property("T5", kBoolean), property("A5"), property("T6")}};
    EXPECT_EQ(planned.greet(), "");
    planned.cpu.word("CIO10") = 0x8000;
    const auto write = [&](std::size_t i, const Value& value) {
        if (const auto checked = planned.driver->check_write(planned.device(), planned.at(i), value); !checked)
            return "check: " + checked.error().text();
        const std::string done = planned.talk_with(planned.driver->write(planned.device(), planned.at(i), value));
        EXPECT_TRUE(planned.driver->may_have_written());
        return done + "|" + planned.talk_with(planned.driver->read_back(planned.device(), planned.at(i)));
    };
    EXPECT_EQ(write(0, 1234.0), "|D100=1234");
    EXPECT_FALSE(planned.driver->may_have_written());
    EXPECT_EQ(write(1, -2.5), "|D100=-2.5") << "the set of a reading back has one point, named here as the first";
    EXPECT_EQ(write(2, true), "|D100=true");
    EXPECT_EQ(planned.cpu.word("CIO10"), 0x8020) << "the other bits stay, and nobody read them before";
    EXPECT_EQ(planned.cpu.requests.at(4).bits, (std::vector<std::uint8_t>{1}));
    EXPECT_EQ(write(3, std::string("OK")), "|D100=OK");
    EXPECT_EQ(write(4, true), "check: property T5: T5 is a completion flag, which the PLC sets itself: it cannot be written");
    EXPECT_EQ(write(5, 1.0), "check: property A5: A5 is only read: of A the words from 448 on can be written");
    EXPECT_EQ(write(6, 20.0), "|D100=20");
    EXPECT_EQ(write(0, 70'000.0), "check: 70000 does not fit i16: with scale 1 and offset 0 its raw value must be -32768 to 32767");
    planned.cpu.allows_writing = false;
    EXPECT_EQ(write(0, 1.0),
              "! the PLC refuses D100: end code 2102, writing is protected; take the protection off in CX-Programmer, "
              "or the write protection from "
              "FINS in the PLC setup|D100=1234");
    EXPECT_TRUE(planned.driver->same(planned.at(0), 5.0, Value{std::int64_t{5}}));
    EXPECT_FALSE(planned.driver->same(planned.at(0), 5.0, 6.0));
    EXPECT_TRUE(planned.driver->same(planned.at(1), 0.1, 0.10000000149011612));
    EXPECT_TRUE(planned.driver->check_writes());
    planned.cpu.missing = {SimFinsCpu::place("D100")};
    EXPECT_TRUE(planned.talk_with(planned.driver->read_back(planned.device(), planned.at(0))).starts_with("! the PLC "
                                                                                                          "refuses D100: end code 1103"));
}

TEST(FinsDriver, AnswersNameTheirQuestion) {
    Planned planned{{property("D100")}};
    EXPECT_FALSE(planned.driver->late());
    EXPECT_EQ(planned.greet(), "");
    const std::string none = "the PLC does not answer within 1000 ms: is it overloaded, or does it take no more FINS connections?";
    planned.plc.wrong_sid = true;
    EXPECT_EQ(planned.ask_all(), none);
    EXPECT_EQ(planned.driver->take_malformed(), 1u);
    planned.plc.wrong_sid = false;
    // What comes too late is nobody's.
    const Buffer late = planned.plc.answer(planned.driver->read(planned.plan.polls[0].id).value());
    planned.driver->abandon();
    EXPECT_EQ(planned.driver->hear(late).value().malformed, 1u);
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(late).value()));
    EXPECT_EQ(planned.driver->take_malformed(), 1u);
    EXPECT_EQ(planned.ask_all(), "D100=0");
    // The PLC asks whether the link lives; one that has enough of us says so.
    EXPECT_EQ(planned.driver->hear(encode_tcp(wire::fins::TcpCommand::confirm, 0, {})).value().malformed, 0u);
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    const auto step = planned.driver->feed(encode_tcp(wire::fins::TcpCommand::error, 2, {})).value();
    EXPECT_EQ(std::get<Done>(step).outcome.error().text(), "the PLC lets nobody in: error 02, a message was too long; "
                                                           "ask for less at once");
}

TEST(FinsDriver, BrokenBytesHarmNothing) {
    Planned planned{{property("D100"), property("D101")}};
    EXPECT_EQ(planned.greet(), "");
    const std::string right = planned.ask_all();
    Rng rng{9};
    std::size_t fine = 0;
    for (int i = 0; i < 400; ++i) {
        const auto machine = [&](Bytes sent) {
            Buffer bytes = planned.plc.answer(sent);
            if (rng.chance(0.3) && !bytes.empty()) bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
            return bytes;
        };
        const auto first = planned.driver->read(planned.plan.polls[0].id);
        fine += talk(*planned.driver, *planned.set, first, machine, 1 + rng.below(40)) == right;
        planned.driver->begin_link();
        EXPECT_EQ(planned.greet(), "");
    }
    EXPECT_GT(fine, 200u);
}

}  // namespace
}  // namespace gongshu::connect
