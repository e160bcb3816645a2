#include "connect/iec104_driver.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "connect/iec104_talk_test.h"

namespace gongshu::connect {
namespace {

TEST(Iec104Driver, ListensForAll) {
    LinkConfig config = link({property("breaker", "M_DP 1", kBoolean), property("power", "2/0x4001"), property("a", "x"),
                              property("b", "M_ME_NC 5", kBoolean), property("c", "5", ValueType::text)});
    config.devices[0].station = "7";
    Talk talk{std::move(config)};
    EXPECT_TRUE(talk.plan.polls.empty());
    EXPECT_EQ(talk.plan.heard, (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(shown(*talk.set, talk.plan.faults),
              "a! point.at: \"x\", character 1: the object address is x: expected 1 to 16777215, in hexadecimal as 0x4001 "
              "or 4001H; b! point.as: M_ME_NC_1 cannot be held by a property of type boolean; "
              "c! point.as: what an outstation tells cannot be held by a property of type text");
    EXPECT_TRUE(talk.driver->says_once());
    EXPECT_TRUE(talk.driver->keeps_time());
    EXPECT_FALSE(talk.driver->late());
}

TEST(Iec104Driver, InterrogatesAndTellsValuesWithQualities) {
    auto scaled = property("percent", "12");
    scaled.place.scale = 100;
    auto limited = property("limited", "13");
    limited.max = 10;
    Talk talk{link({property("single", "1", kBoolean), property("twofold", "2", kBoolean), property("raw", "2", kInteger),
                    property("tap", "3", kInteger), property("bits", "4", kInteger), property("real", "11"), scaled, limited,
                    property("whole", "14", kInteger)})};
    talk.tell(Type::m_sp_na_1, at(1, 1));
    talk.tell(Type::m_dp_na_1, at(2, 2));
    talk.tell(Type::m_st_na_1, at(3, -5));
    talk.tell(Type::m_bo_na_1, at(4, 4'000'000'000));
    talk.tell(Type::m_me_nc_1, at(11, 0, 0, 7.71F));
    talk.tell(Type::m_me_na_1, at(12, 16'384));
    talk.tell(Type::m_me_nb_1, at(13, 11));
    talk.tell(Type::m_me_nc_1, at(14, 0, 0, 3));
    EXPECT_EQ(talk.open(),
              "done; single=true; twofold=true; raw=2; tap=-5; bits=4000000000; percent=50; limited=11 uncertain:range; "
              "real=7.71; whole=3");
    EXPECT_EQ(talk.asked(), "C_IC_NA_1 1/0");
    const auto f = [&](Type type, const Object& object, std::string_view want) {
        EXPECT_EQ(talk.hear(type, {object}), want);
    };
    f(Type::m_sp_na_1, at(1, 0), "single=false");
    f(Type::m_sp_na_1, at(1, 1, iec104::kInvalid), "single=- bad:sensor (the outstation marks it as invalid (IV))");
    f(Type::m_sp_na_1, at(1, 1, iec104::kNotTopical), "single=true uncertain:silent");
    f(Type::m_sp_na_1, at(1, 1, iec104::kBlocked), "single=true uncertain:stopped");
    f(Type::m_sp_na_1, at(1, 1, iec104::kSubstituted), "single=true uncertain:manual");
    f(Type::m_dp_na_1, at(2, 1), "twofold=false; raw=1");
    f(Type::m_dp_na_1, at(2, 0), "twofold=false uncertain:unstable; raw=0 uncertain:unstable");
    f(Type::m_dp_na_1, at(2, 3),
      "twofold=- bad:sensor (both contacts of the double point are closed, or it is faulty); "
      "raw=- bad:sensor (both contacts of the double point are closed, or it is faulty)");
    f(Type::m_me_nc_1, at(11, 0, iec104::kOverflow, 9),
      "real=- bad:range (the outstation marks it as an overflow (OV))");
    f(Type::m_me_nc_1, at(11, 0, 0, std::nanf("")), "real=- bad:sensor (the device says NaN)");
    f(Type::m_me_nc_1, at(14, 0, 0, 3.5F), "whole=- bad:type (whole is 3.5, which is not exactly integer)");
    f(Type::m_me_nb_1, at(1, 7), "single=- bad:type (the outstation tells M_ME_NB_1, which a property of type boolean "
                                 "cannot hold)");
    f(Type::m_sp_na_1, at(999, 1), "");
}

TEST(Iec104Driver, Stamps) {
    Iec104Settings settings;
    settings.zone = iec104::parse_zone("+08:00").value();
    for (const bool local : {false, true}) {
        Talk talk{link({property("single", "M_SP 1", kBoolean)}, local ? settings : Iec104Settings{})};
        talk.open();
        EXPECT_EQ(talk.hear(Type::m_sp_tb_1, {stamped(at(1, 1))}),
                  local ? "single=true @2026-11-26T04:34:45.678Z" : "single=true @2026-11-26T12:34:45.678Z");
        Object wrong = stamped(at(1, 1));
        wrong.time->invalid = true;
        EXPECT_EQ(talk.hear(Type::m_sp_tb_1, {wrong}), "single=true uncertain:clock");
        auto asdu = talk.station.message(Type::m_sp_na_1, Cause::spontaneous, {at(1, 1)});
        asdu.test = true;
        EXPECT_EQ(talk.hear(talk.station.tell(asdu)), "") << "a test changes nothing";
        EXPECT_EQ(talk.hear(Type::m_dp_na_1, {at(1, 1)}),
                  "single=- bad:type (M_SP_NA_1 is expected, but the outstation tells M_DP_NA_1)");
    }
}

TEST(Iec104Driver, WhatIsNotToldIsMissed) {
    LinkConfig config = link({property("known", "1", kBoolean), property("typo", "2", kBoolean), property("far", "9/1"),
                              property("total", "M_IT 5", kInteger)});
    Talk talk{config};
    talk.tell(Type::m_sp_na_1, at(1, 1));
    EXPECT_EQ(talk.open(),
              "done; known=true; typo=- bad:silent (the outstation does not tell 1/2 when it is interrogated: is the object "
              "address right?); far=- bad:refused (the outstation refuses C_IC_NA_1 at 9/0: no outstation has this common "
              "address) [0: the outstation refuses C_IC_NA_1 at 9/0: no outstation has this common address]");
    EXPECT_EQ(talk.hear(talk.station.tell(talk.station.message(Type::m_ei_na_1, Cause::initialised, {at(0)}))),
              "known=true") << "missed once";
    EXPECT_EQ(talk.driver->no_answer(8000).text(), "within 8000 ms not all came that is asked for");
    talk.hear(Type::m_sp_na_1, {at(77)});
    EXPECT_EQ(talk.driver->no_answer(8000).text(),
              "nothing that is asked for came within 8000 ms, but object addresses that no property names: 1/77");
    EXPECT_EQ(talk.hear(Type::m_sp_na_1, {at(2, 1)}), "typo=true");
    talk.asked();
    talk.say(kMinute);
    EXPECT_EQ(talk.asked(), "C_IC_NA_1 9/0") << "it may come up later";
}

TEST(Iec104Driver, AsksFromTimeToTime) {
    Iec104Settings settings;
    settings.interrogation = 10 * kMinute;
    settings.counters = kHour;
    settings.clock = 30 * kMinute;
    Talk talk{link({property("a", "1", kBoolean), property("total", "M_IT 5", kInteger)}, settings)};
    talk.tell(Type::m_sp_na_1, at(1, 1));
    talk.tell(Type::m_it_na_1, at(5, 1234));
    talk.open();
    std::string heard;
    std::map<std::string, int> asked;
    for (const DurationNs end = talk.now + 2 * kHour - kMinute; talk.now < end;) {
        heard = talk.say(talk.driver->say_every());
        ASSERT_FALSE(heard.starts_with("!!")) << heard;
        for (const auto& asdu : std::exchange(talk.station.asked, {})) ++asked[to_string(asdu.type)];
    }
    EXPECT_EQ(asked, (std::map<std::string, int>{{"C_CI_NA_1", 2}, {"C_CS_NA_1", 4}, {"C_IC_NA_1", 12}}));
    EXPECT_EQ(talk.station.clock, iec104::to_time(kWall));
    EXPECT_GT(std::ranges::count(talk.station.controls, iec104::Function::test_act), 100) << "the link is idle between";

    settings = {};
    settings.interrogation = 0;
    Talk once{link({property("a", "1", kBoolean)}, settings)};
    once.open();
    for (int i = 0; i < 500; ++i) once.say(once.driver->say_every());
    EXPECT_EQ(once.asked(), "C_IC_NA_1 1/0");
}

TEST(Iec104Driver, NewPointsAreAskedFor) {
    const LinkConfig config = link({property("a", "1", kBoolean)});
    Talk talk{config};
    talk.tell(Type::m_sp_na_1, at(1, 1));
    talk.tell(Type::m_sp_na_1, at(2, 1));
    talk.open();
    talk.say(kSecond);
    talk.asked();
    talk.replan(config);
    talk.say(kSecond);
    EXPECT_EQ(talk.asked(), "") << "nothing is new";
    talk.replan(link({property("a", "1", kBoolean), property("b", "2", kBoolean)}));
    EXPECT_LE(talk.driver->say_every(), kMillisecond);
    EXPECT_EQ(talk.say(kSecond), "a=true; b=true");
    EXPECT_EQ(talk.asked(), "C_IC_NA_1 1/0");
}

TEST(Iec104Driver, Faults) {
    Talk talk{link({property("a", "1", kBoolean)})};
    talk.station.mood = Mood::silent;
    EXPECT_EQ(talk.open(), "!! the outstation did not answer STARTDT act within 15000 ms");
    talk.station.mood = Mood::right;
    talk.open();
    EXPECT_EQ(talk.hear(Buffer{'G', 'E', 'T', ' ', '/', ' '}),
              "!! this is not IEC 60870-5-104: a frame begins with 0x47, expected 0x68");
    talk.open();
    talk.say(kSecond);
    talk.station.mood = Mood::silent;
    std::string said;
    for (int i = 0; i < 10 && said.empty(); ++i) said = talk.say(talk.driver->say_every());
    EXPECT_EQ(said, "!! the outstation did not answer TESTFR act within 15000 ms");
    talk.station.mood = Mood::right;
    talk.open();
    talk.station.mood = Mood::skips_number;
    EXPECT_TRUE(talk.hear(Type::m_sp_na_1, {at(1)}).starts_with("!! I frame "));
    talk.station.mood = Mood::right;
    talk.open();
    const Buffer unknown = {38, 1, 3, 0, 1, 0, 1, 0, 0, 0};
    EXPECT_EQ(talk.hear(talk.station.tell(Bytes(unknown))), " [0: IEC 104 type 38 is not known here]");
    EXPECT_EQ(talk.hear(talk.station.tell(Bytes(unknown))), "") << "said once";
}

TEST(Iec104Driver, BrokenBytesHarmNothing) {
    Rng rng{7};
    Talk talk{link({property("a", "1", kBoolean, "6001"), property("b", "2"), property("c", "M_ME_NC 3")})};
    talk.tell(Type::m_sp_na_1, at(1, 1));
    for (int i = 0; i < 2000; ++i) {
        talk.open();
        Buffer came = talk.station.tell(talk.station.message(Type::m_me_nc_1, Cause::spontaneous, {at(3), at(2)}));
        for (std::size_t n = rng.below(6); n > 0; --n) came[rng.below(came.size())] = static_cast<std::uint8_t>(rng.below(256));
        if (rng.below(2) == 0) talk.write(0, true);
        talk.hear(came);
        talk.driver->abandon();
    }
}

}  // namespace
}  // namespace gongshu::connect
