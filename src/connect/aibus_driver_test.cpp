#include "connect/aibus_driver.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "connect/driver_talk.h"
#include "wire/aibus.h"

namespace gongshu::connect {
namespace {

namespace aibus = wire::aibus;
using aibus::Answer;
using aibus::Request;

// An instrument as its protocol paper has it.
struct Instrument {
    std::uint8_t address = 1;
    std::int16_t pv = 250;
    std::int8_t mv = 50;
    std::uint8_t status = 0x60;
    std::map<std::uint8_t, std::int16_t> parameters{{0, 300}, {1, 500}, {2, -100}, {0x0c, 1}};
    bool is_locked = false;  // keeps its parameters

    Buffer answer(const Request& request) {
        const auto found = parameters.find(request.parameter);
        if (request.writes && found != parameters.end() && !is_locked) found->second = request.value;
        return aibus::encode_answer(address, {pv, parameters.at(0), mv, status,
                                       found == parameters.end() ? std::int16_t{0x7f7f} : found->second});
    }
};

// All that hangs on one line, and what else is to be heard there.
struct Line {
    std::vector<Instrument> instruments{Instrument{}};
    bool echoes = false;
    Buffer before;
    std::vector<std::string> asked;

    Buffer operator()(Bytes sent) {
        asked.push_back(to_hex(sent));
        Buffer out = before;
        if (echoes) out.insert(out.end(), sent.begin(), sent.end());
        const auto request = aibus::decode_request(sent);
        for (Instrument& one : instruments) {
            if (!request || request->address != one.address) continue;
            const Buffer answer = one.answer(*request);
            out.insert(out.end(), answer.begin(), answer.end());
        }
        return out;
    }
};

PropertyConfig property(std::string at, ValueType type = ValueType::number, double scale = 0.1, double offset = 0) {
    PropertyConfig config;
    config.name = at;
    config.type = type;
    config.writable = true;
    config.place = {std::move(at), "", type == ValueType::number ? scale : 1, offset};
    return config;
}

DeviceConfig device(std::string path, std::string station, std::vector<PropertyConfig> properties) {
    DeviceConfig config;
    config.path = std::move(path);
    config.station = std::move(station);
    config.properties = std::move(properties);
    return config;
}

struct Planned {
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;

    explicit Planned(std::vector<DeviceConfig> devices) {
        LinkConfig config;
        config.language = Language::aibus;
        config.devices = std::move(devices);
        set = point_set(config);
        driver = make_driver(config);
        plan = driver->plan(set);
        driver->begin_link();
    }
    std::string talk_with(Result<Buffer> first, Line& line, std::size_t piece) {
        return talk(*driver, *set, std::move(first), [&line](Bytes sent) { return line(sent); }, piece);
    }
    std::string ask_all(Line line) {
        std::string each[2];
        for (const std::size_t piece : {1u, 100u})
            for (const Poll& poll : plan.polls) {
                std::string& out = each[piece == 1 ? 0 : 1];
                out += (out.empty() ? "" : " | ") + talk_with(driver->read(poll.id), line, piece);
            }
        EXPECT_EQ(each[0], each[1]);
        return each[0];
    }
    std::string polls() const {
        std::string out;
        for (const Poll& poll : plan.polls) {
            out += (out.empty() ? "" : "; ") + driver->describe(poll.id) + ":";
            for (const std::size_t point : poll.points) out += " " + name_of(*set, point);
        }
        return out;
    }
};

std::vector<PropertyConfig> usual() {
    return {property("PV"), property("SV"), property("MV", ValueType::integer), property("alarm.HIAL", ValueType::boolean),
            property("status", ValueType::integer)};
}

TEST(AibusDriver, OneQuestionTellsWhatEachAnswerHas) {
    Planned planned{{device("oven", "", usual())}};
    EXPECT_EQ(planned.polls(), "read 00H of instrument 1: PV SV MV alarm.HIAL status");
    EXPECT_EQ(planned.ask_all({}), "PV=25; SV=30; MV=50; alarm.HIAL=false; status=96");
    Line line{.instruments = {{.pv = -15, .mv = -100, .status = 0x61}}};
    EXPECT_EQ(planned.ask_all(line), "PV=-1.5; SV=30; MV=-100; alarm.HIAL=true; status=97");
}

TEST(AibusDriver, ParametersCarryTheRest) {
    auto slow = property("dPt", ValueType::integer);
    slow.period = kMinute;
    Planned planned{{device("oven", "1", {property("LoAL"), property("PV"), property("HIAL"), property("01H"), slow})}};
    EXPECT_EQ(planned.polls(),
              "read HIAL of instrument 1: PV HIAL 01H; read LoAL of instrument 1: LoAL; read dPt of instrument 1: dPt");
    EXPECT_EQ(planned.ask_all({}), "PV=25; HIAL=50; 01H=50 | LoAL=-10 | dPt=1");
}

TEST(AibusDriver, SeveralInstrumentsOnOneLine) {
    Planned planned{{device("a", "1", {property("PV")}), device("b", "80", {property("PV"), property("HIAL")}),
                     device("c", "12", {property("PV")})}};
    EXPECT_EQ(planned.polls(), "read 00H of instrument 1: a.PV; read 00H of instrument 12: c.PV; read HIAL of instrument 80: b.PV b.HIAL");
    Line line{.instruments = {{.address = 80, .pv = 800}, {.address = 12, .pv = 120}, {.address = 1}}};
    EXPECT_EQ(planned.ask_all(line), "a.PV=25 | c.PV=12 | b.PV=80; b.HIAL=50");
    EXPECT_EQ(planned.plan.polls[2].unit, 80u);
    EXPECT_EQ(planned.driver->unit_of(planned.set->config->devices[1]), 80u);
}

TEST(AibusDriver, FaultsAndRefusals) {
    Planned planned{{device("a", "101", {property("PV")}), device("b", "2", {property("PB"), property("1BH"), property("PV")})}};
    ASSERT_EQ(planned.plan.faults.size(), 2u);
    EXPECT_EQ(planned.plan.faults[0].error.text(),
              "\"101\" is no address of an instrument of AIBUS: expected its parameter Addr, a number from 0 to 100");
    EXPECT_TRUE(planned.plan.faults[1].error.text().starts_with("property PB: \"PB\" is nothing that an instrument of AIBUS tells"));
    Line line{.instruments = {{.address = 2}}};
    EXPECT_EQ(planned.ask_all(line),
              "b.PV=25b.1BH! instrument 2 has no parameter 1BH: it answers 7F7FH in its place");
    EXPECT_EQ(planned.driver->describe(99), "");
    EXPECT_EQ(planned.driver->read(99).error().code(), Code::conflict);
}

TEST(AibusDriver, AnInputOutOfRangeIsNoMeasurement) {
    Planned planned{{device("oven", "1", {property("PV"), property("SV")})}};
    EXPECT_EQ(planned.ask_all({.instruments = {{.pv = 13000, .status = 0x70}}}), "PV=1300 uncertain:sensor; SV=30");
}

TEST(AibusDriver, WritesAreReadBack) {
    Planned planned{{device("oven", "3", {property("SV"), property("HIAL"), property("PV"), property("30H")})}};
    const DeviceConfig& oven = planned.set->config->devices[0];
    Line line{.instruments = {{.address = 3}}};
    const auto write = [&](std::size_t i, double value) {
        const PropertyConfig& one = oven.properties[i];
        if (const auto checked = planned.driver->check_write(oven, one, value); !checked) return "check: " + checked.error().text();
        const std::string written = planned.talk_with(planned.driver->write(oven, one, value), line, 1);
        EXPECT_TRUE(planned.driver->may_have_written());
        return written + "|" + planned.talk_with(planned.driver->read_back(oven, one), line, 100);
    };
    EXPECT_EQ(write(0, 35.5), "|SV=35.5");
    EXPECT_FALSE(planned.driver->may_have_written());
    EXPECT_EQ(line.asked, (std::vector<std::string>{"838343006301a901", "8383520000005500"}));
    EXPECT_EQ(write(1, -12), "|SV=-12") << "the set of a reading back has one point, named here as the first";
    EXPECT_EQ(write(2, 1), "check: property PV: PV is told by the instrument, it cannot be written");
    EXPECT_EQ(write(3, 1),
              "! instrument 3 has no parameter 30H: it answers 7F7FH in its place|! instrument 3 has no parameter 30H: it "
              "answers 7F7FH in its place");
    EXPECT_EQ(write(0, 35.55), "check: 35.55 cannot be written exactly: the nearest values that i16 can hold are 35.5 and 35.6");
    EXPECT_EQ(write(0, 4000), "check: 4000 does not fit i16: with scale 0.1 and offset 0 its raw value must be -32768 to 32767");
    line.instruments[0].is_locked = true;
    EXPECT_EQ(write(0, 10), "|SV=35.5");
    EXPECT_TRUE(planned.driver->same(oven.properties[0], 35.5, 35.5));
    EXPECT_TRUE(planned.driver->same(oven.properties[0], Value{std::int64_t{35}}, 35.0));
    EXPECT_FALSE(planned.driver->same(oven.properties[0], 35.5, 35.4));
    EXPECT_TRUE(planned.driver->check_writes());
}

TEST(AibusDriver, EchoesAndNoise) {
    Planned planned{{device("oven", "1", {property("PV")})}};
    EXPECT_EQ(planned.ask_all({.echoes = true}), "PV=25");
    EXPECT_EQ(planned.driver->take_malformed(), 0u);
    EXPECT_EQ(planned.ask_all({.echoes = true, .before = {0xff, 0x00}}), "PV=25");
    EXPECT_EQ(planned.driver->take_malformed(), 2u);
    const std::string none = "no answer from instrument 1 within 1000 ms: ";
    const auto f = [&](Line line, const std::string& why) {
        EXPECT_EQ(planned.talk_with(planned.driver->read(planned.plan.polls[0].id), line, 1), none + why);
    };
    f({.instruments = {}},
      "nothing came; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and the polarity of A and B");
    f({.instruments = {}, .echoes = true},
      "only the request itself came back; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and the "
      "polarity of A and B");
    f({.instruments = {}, .before = {1, 3, 2}},
      "what came is no answer of it; check whether it is set to AIBUS and not to Modbus, the serial settings, and whether two "
      "instruments have the same Addr");
    // Another one's answer has another sum.
    f({.instruments = {}, .before = aibus::encode_answer(2, {250, 300, 50, 0x60, 300})},
      "what came is no answer of it; check whether it is set to AIBUS and not to Modbus, the serial settings, and whether two "
      "instruments have the same Addr");
}

TEST(AibusDriver, LateAnswersEndTheExchangeThatTheyAreOf) {
    Planned planned{{device("oven", "1", {property("PV"), property("HIAL")})}};
    ASSERT_TRUE(planned.driver->late());
    Line line;
    const Buffer late = line(planned.driver->read(planned.plan.polls[0].id).value());
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(Bytes(late).first(7)).value()));
    EXPECT_TRUE(std::holds_alternative<Done>(planned.driver->feed(Bytes(late).subspan(7)).value()));
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(late).value()));
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    planned.driver->abandon();
    EXPECT_EQ(planned.driver->no_answer(1000).text(), "no answer within 1 s");
    EXPECT_EQ(planned.driver->hear(late).value().malformed, 1u);
    EXPECT_EQ(planned.driver->answer_bytes(), 18u);
}

TEST(AibusDriver, BrokenBytesHarmNothing) {
    Planned planned{{device("oven", "1", usual())}};
    const std::string right = planned.ask_all({});
    Rng rng{5};
    std::size_t fine = 0;
    for (int i = 0; i < 500; ++i) {
        Line line{.echoes = rng.chance(0.5)};
        const auto machine = [&](Bytes sent) {
            Buffer bytes = line(sent);
            if (rng.chance(0.3)) bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
            return bytes;
        };
        const auto first = planned.driver->read(planned.plan.polls[0].id);
        const std::string got = talk(*planned.driver, *planned.set, first, machine, 1 + rng.below(20));
        fine += got == right;
        EXPECT_TRUE(got == right || got.starts_with("no answer")) << got;
    }
    EXPECT_GT(fine, 300u);
}

}  // namespace
}  // namespace gongshu::connect
