#include "connect/iec104_talk_test.h"

namespace gongshu::connect {
namespace {

constexpr std::string_view kDone = "done";

LinkConfig commands(bool select_first = false) {
    Iec104Settings settings;
    settings.select_first = select_first;
    auto percent = property("percent", "M_ME_NA 11", kNumber, "C_SE_NA 6201");
    percent.place.scale = 100;
    return link({property("single", "1", kBoolean, "6001"), property("twofold", "M_DP 2", kBoolean, "6002"),
                 property("tap", "M_ST 3", kInteger, "6001"), percent, property("whole", "M_ME_NB 12", kNumber, "6201"),
                 property("real", "M_ME_NC 13", kNumber, "C_SE_TC 6201 direct"),
                 property("elsewhere", "1", kBoolean, "77"), property("far", "1", kBoolean, "9/6001")},
                settings);
}

struct Commands : Talk {
    explicit Commands(bool select_first = false) : Talk(commands(select_first)) {
        tell(Type::m_sp_na_1, at(1, 0));
        tell(Type::m_dp_na_1, at(2, 1));
        tell(Type::m_st_na_1, at(3, 5));
        tell(Type::m_me_na_1, at(11, 0));
        tell(Type::m_me_nb_1, at(12, 0));
        tell(Type::m_me_nc_1, at(13, 0));
        open();
        asked();
    }
};

TEST(Iec104Commands, OfEachKind) {
    Commands talk;
    const auto f = [&](std::size_t point, const Value& value, std::string_view want) {
        EXPECT_EQ(talk.write(point, value), kDone) << point;
        EXPECT_TRUE(talk.driver->may_have_written());
        EXPECT_EQ(talk.asked(), want);
    };
    f(0, true, "C_SC_NA_1 1/6001=1");
    f(0, false, "C_SC_NA_1 1/6001=0");
    f(1, true, "C_DC_NA_1 1/6002=2");
    f(1, false, "C_DC_NA_1 1/6002=1");
    f(2, std::int64_t{6}, "C_RC_NA_1 1/6001=2");
    f(2, std::int64_t{4}, "C_RC_NA_1 1/6001=1");
    f(3, 50.0, "C_SE_NA_1 1/6201=0.5");
    f(4, -300.0, "C_SE_NB_1 1/6201=-300");
    f(5, 25.5, "C_SE_TC_1 1/6201=25.5");
    EXPECT_EQ(talk.station.orders.back().objects[0].time, iec104::to_time(kWall));
    EXPECT_EQ(talk.write(2, std::int64_t{9}), "!! C_RC_NA_1 goes one step at a time: from 5 to 4 or 6, not to 9");
    EXPECT_EQ(talk.write(3, 101.0), "? C_SE_NA_1 takes -100 to 99.9969482421875, not 101");
    EXPECT_EQ(talk.asked(), "");
    talk.hear(Type::m_st_na_1, {at(3, 5, iec104::kInvalid)});
    EXPECT_EQ(talk.write(2, std::int64_t{6}), "!! the position of tap is not known: a step cannot be ordered");
}

TEST(Iec104Commands, SelectBeforeExecute) {
    Commands talk{true};
    EXPECT_EQ(talk.write(0, true), kDone);
    EXPECT_EQ(talk.asked(), "C_SC_NA_1 1/6001=1 select; C_SC_NA_1 1/6001=1");
    EXPECT_EQ(talk.write(5, 1.5), kDone);
    EXPECT_EQ(talk.asked(), "C_SE_TC_1 1/6201=1.5") << "it says otherwise";
    talk.station.mood = Mood::refuses_orders;
    EXPECT_EQ(talk.write(0, true),
              "done ! the outstation refuses C_SC_NA_1 at 1/6001: it is not allowed now: is the outstation switched to "
              "local, interlocked, or busy with another?");
    EXPECT_FALSE(talk.driver->may_have_written()) << "it was only selected";
    EXPECT_EQ(talk.station.orders.size(), 2u);
}

TEST(Iec104Commands, RefusalsAndSilence) {
    Commands talk;
    EXPECT_EQ(talk.write(6, true),
              "done ! the outstation refuses C_SC_NA_1 at 1/77: the outstation has no such object address");
    EXPECT_EQ(talk.write(7, true),
              "done ! the outstation refuses C_SC_NA_1 at 9/6001: no outstation has this common address");
    talk.station.mood = Mood::refuses_orders;
    EXPECT_EQ(talk.write(0, true),
              "done ! the outstation refuses C_SC_NA_1 at 1/6001: it is not allowed now: is the outstation switched to "
              "local, interlocked, or busy with another?");
    talk.station.mood = Mood::other_value;
    EXPECT_EQ(talk.write(0, true),
              "done ! the outstation confirms C_SC_NA_1 at 1/6001 with another value than it was given");
    talk.station.mood = Mood::never_ends;
    EXPECT_EQ(talk.write(0, true), kDone) << "it has confirmed; what is told of the point decides";
    talk.station.mood = Mood::silent;
    EXPECT_EQ(talk.write(0, true), "!! the outstation did not acknowledge I frame 6 within 15000 ms");
}

TEST(Iec104Commands, AreReadBackWhereTheyAreTold) {
    Commands talk;
    ASSERT_EQ(talk.write(0, true), kDone);
    std::string five;
    for (int i = 0; i < 5; ++i) five += "single=false; elsewhere=false; far=false; ";
    EXPECT_EQ(talk.read_back(0), five + "done single=false") << "asked for each second, for 5 s";
    EXPECT_EQ(talk.asked().substr(0, 40), "C_SC_NA_1 1/6001=1; C_RD_NA_1 1/1; C_RD_");
    ASSERT_EQ(talk.write(0, true), kDone);
    talk.tell(Type::m_sp_na_1, at(1, 1));
    EXPECT_EQ(talk.read_back(0), "single=true; elsewhere=true; far=true; done single=true");
    // It has told it by itself, before it was asked for.
    ASSERT_EQ(talk.write(0, false), kDone);
    talk.hear(Type::m_sp_na_1, {at(1, 0)}, Cause::return_remote);
    talk.asked();
    EXPECT_EQ(talk.read_back(0), "done single=false");
    EXPECT_EQ(talk.asked(), "");
    // One that cannot be read: what it told last counts.
    talk.station.points.clear();
    ASSERT_EQ(talk.write(0, false), kDone);
    EXPECT_EQ(talk.read_back(0), "done single=false");
    ASSERT_EQ(talk.write(0, true), kDone);
    EXPECT_EQ(talk.read_back(0), "done single=false") << "and after 5 s it is not so";
    ASSERT_EQ(talk.write(3, 50.0), kDone);
    talk.hear(Type::m_me_na_1, {at(11, 16'383)});
    EXPECT_EQ(talk.read_back(3), "done single=49.9969482421875") << "as near as it can be told";
    const PropertyConfig& percent = *talk.set->points[3].property;
    EXPECT_TRUE(talk.driver->same(percent, 49.9969482421875, 50.0));
    EXPECT_FALSE(talk.driver->same(percent, 49.9, 50.0));
}

TEST(Iec104Commands, WhatComesMeanwhileIsHeard) {
    Commands talk;
    const auto& [device, property] = talk.set->points[0];
    talk.tell_time();
    Buffer sent = talk.driver->write(*device, *property, true).value();
    Buffer came = talk.station.tell(talk.station.message(Type::m_me_nc_1, Cause::spontaneous, {at(13, 0, 0, 4.5F)}));
    const Buffer answer = talk.station.feed(sent);
    came.insert(came.end(), answer.begin(), answer.end());
    const auto step = talk.driver->feed(came);
    EXPECT_TRUE(std::holds_alternative<Done>(*step));
    EXPECT_EQ(shown(*talk.set, talk.driver->take_heard().readings), "real=4.5");
}

}  // namespace
}  // namespace gongshu::connect
