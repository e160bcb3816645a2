#include "wire/iec104_client.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "wire/sim_iec104.h"

namespace gongshu::wire::iec104 {
namespace {

using Lines = std::vector<std::string>;
using Mood = SimOutstation::Mood;

std::string told(const Asdu& asdu) {
    std::string text = fmt::format("{} {}", to_string(asdu.type), to_string(asdu.cause));
    for (const Object& object : asdu.objects)
        text += fmt::format(" {}={}", object.address, number_of(asdu.type, object));
    return text;
}

std::string told(const Event& event) {
    if (std::holds_alternative<Up>(event)) return "up";
    if (const auto* down = std::get_if<Down>(&event)) return "down: " + down->reason.text();
    if (const auto* point = std::get_if<Told>(&event)) return told(point->asdu);
    const auto& progress = std::get<Progress>(event);
    constexpr std::string_view kStages[] = {"selected", "confirmed", "ended", "failed"};
    const std::string text = fmt::format("{} {}", progress.request, kStages[static_cast<std::size_t>(progress.stage)]);
    return progress.error ? text + ": " + progress.error->text() : text;
}

// Frames as the client sent them.
Lines frames(Bytes bytes) {
    FrameDecoder decoder;
    Lines lines;
    const auto fed = decoder.feed(bytes, [&](const Frame& frame) {
        if (const auto* i = std::get_if<Information>(&frame))
            lines.push_back(fmt::format("I {} {} {}", i->send, i->receive, told(decode_asdu(i->asdu).value())));
        else if (const auto* s = std::get_if<Supervisory>(&frame))
            lines.push_back(fmt::format("S {}", s->receive));
        else
            lines.emplace_back(to_string(std::get<Unnumbered>(frame).function));
        return true;
    });
    EXPECT_TRUE(fed);
    return lines;
}

Object at(std::uint32_t address, std::int64_t number = 0) {
    Object object;
    object.address = address;
    object.number = number;
    return object;
}

// Client and station with an ideal line between them.
struct Talk {
    explicit Talk(const ClientOptions& options = {}) : client(options) {
        station.orders_known = {0x6001, 0x6002, 0x6201};
    }

    // What happened until nobody has anything to say.
    Lines run(Turn turn) {
        Lines lines;
        for (;;) {
            for (const Event& event : turn.events) lines.push_back(told(event));
            if (turn.send.empty()) return lines;
            for (const std::string& line : frames(turn.send)) sent.push_back(line);
            turn = client.feed(station.feed(turn.send), now);
            Turn more = client.tick(now);
            turn.send.insert(turn.send.end(), more.send.begin(), more.send.end());
            for (Event& event : more.events) turn.events.push_back(std::move(event));
        }
    }
    Lines begin() {
        station.begin();
        return run(client.begin(now));
    }
    Lines tick(DurationNs later = 0) {
        now += later;
        return run(client.tick(now));
    }
    Lines feed(Bytes bytes) { return run(client.feed(bytes, now)); }
    Lines tell(Type type, std::vector<Object> objects) {
        return feed(station.tell(station.message(type, Cause::spontaneous, std::move(objects))));
    }
    Lines take_sent() { return std::exchange(sent, {}); }

    Client client;
    SimOutstation station{1};
    DurationNs now = 1000 * kSecond;
    Lines sent;
};

TEST(Iec104Client, StartsAndStops) {
    Talk talk;
    EXPECT_FALSE(talk.client.due());
    EXPECT_EQ(talk.client.interrogate(1).error().code(), Code::unavailable);
    EXPECT_EQ(talk.begin(), Lines{"up"});
    EXPECT_TRUE(talk.client.is_up());
    EXPECT_EQ(talk.tell(Type::m_sp_na_1, {at(1, 1)}), Lines{"M_SP_NA_1 spontaneous 1=1"});
    ASSERT_TRUE(talk.client.interrogate(1));
    EXPECT_EQ(talk.run(talk.client.stop(talk.now)),
              (Lines{"1 failed: data transfer was stopped", "down: data transfer was stopped"}));
    EXPECT_EQ(talk.take_sent(), (Lines{"STARTDT act", "S 1", "STOPDT act"}));
    EXPECT_FALSE(talk.client.due());
    EXPECT_TRUE(talk.feed(SimOutstation::control(Function::test_act)).empty());
    EXPECT_EQ(talk.begin(), Lines{"up"});
    EXPECT_EQ(talk.run(talk.client.lose(Error{Code::io, "the cable is cut"})), Lines{"down: the cable is cut"});
    EXPECT_TRUE(talk.run(talk.client.lose(Error{Code::io, "again"})).empty());
}

TEST(Iec104Client, InterrogationTellsAllPointsBetweenConfirmationAndEnd) {
    Talk talk;
    talk.begin();
    talk.station.points[{Type::m_sp_na_1, 1}] = at(1, 1);
    talk.station.points[{Type::m_sp_na_1, 2}] = at(2);
    talk.station.points[{Type::m_me_nb_1, 0x4001}] = at(0x4001, -7);
    talk.station.points[{Type::m_it_na_1, 0x6401}] = at(0x6401, 99);
    EXPECT_EQ(talk.client.interrogate(1).value(), 1u);
    EXPECT_EQ(talk.client.interrogate(1).error().code(), Code::conflict);
    ASSERT_TRUE(talk.client.interrogate(1, 21));
    EXPECT_EQ(talk.tick(), (Lines{"1 confirmed", "M_SP_NA_1 interrogated by station 1=1 2=0",
                                  "M_ME_NB_1 interrogated by station 16385=-7", "1 ended", "2 confirmed",
                                  "M_SP_NA_1 interrogated by group 1 1=1 2=0",
                                  "M_ME_NB_1 interrogated by group 1 16385=-7", "2 ended"}));
    ASSERT_TRUE(talk.client.interrogate_counters(1));
    EXPECT_EQ(talk.tick(), (Lines{"3 confirmed", "M_IT_NA_1 general counter interrogation 25601=99", "3 ended"}));
    EXPECT_EQ(talk.client.counts(), Counts{});

    EXPECT_EQ(talk.client.interrogate(1, 19).error().code(), Code::invalid);
    EXPECT_EQ(talk.client.interrogate_counters(1, 6).error().code(), Code::invalid);
    EXPECT_EQ(talk.client.interrogate(0).error().text(), "common address 0: expected 1 to 65534");
    EXPECT_EQ(talk.client.interrogate(kBroadcast).error().code(), Code::invalid);
    ASSERT_TRUE(talk.client.interrogate(2));
    EXPECT_EQ(talk.tick(),
              Lines{"4 failed: the outstation refuses C_IC_NA_1 at 2/0: no outstation has this common address"});
    talk.station.mood = Mood::never_ends;
    ASSERT_TRUE(talk.client.interrogate(1));
    talk.tick();
    EXPECT_EQ(talk.tick(60 * kSecond),
              Lines{"5 failed: the outstation confirmed C_IC_NA_1 at 1/0, but told no end of it within 60000 ms"});
}

TEST(Iec104Client, ReadsSetsClocksAndTests) {
    Talk talk;
    talk.begin();
    talk.station.points[{Type::m_me_nb_1, 0x4001}] = at(0x4001, 5);
    ASSERT_TRUE(talk.client.read(1, 0x4001));
    EXPECT_EQ(talk.tick(), (Lines{"M_ME_NB_1 requested 16385=5", "1 ended"}));
    ASSERT_TRUE(talk.client.read(1, 0x4002));
    EXPECT_EQ(
        talk.tick(),
        Lines{"2 failed: the outstation refuses C_RD_NA_1 at 1/16386: the outstation has no such object address"});
    const Time time = to_time(1'700'000'000 * kSecond).value();
    ASSERT_TRUE(talk.client.set_clock(1, time));
    EXPECT_EQ(talk.tick(), (Lines{"3 confirmed", "3 ended"}));
    EXPECT_EQ(talk.station.clock, time);
    ASSERT_TRUE(talk.client.set_clock(kBroadcast, time));
    EXPECT_EQ(talk.tick(), (Lines{"4 confirmed", "4 ended"}));
    ASSERT_TRUE(talk.client.test(1, 0x55aa, time));
    EXPECT_EQ(talk.tick(), (Lines{"5 confirmed", "5 ended"}));
}

TEST(Iec104Client, CommandsAreSelectedExecutedAndEnded) {
    Talk talk;
    talk.begin();
    talk.take_sent();
    Command command{.type = Type::c_sc_na_1, .object = at(0x6001, 1), .select_first = true};
    command.object.qualifier = 1;
    ASSERT_TRUE(talk.client.command(command));
    EXPECT_EQ(talk.client.command(command).error().text(),
              "C_SC_NA_1 at 1/24577 is under way already: wait for its end");
    EXPECT_EQ(talk.tick(), (Lines{"1 selected", "1 confirmed", "1 ended"}));
    EXPECT_EQ(talk.take_sent(), (Lines{"I 0 0 C_SC_NA_1 activation 24577=1", "I 1 1 C_SC_NA_1 activation 24577=1"}));
    ASSERT_EQ(talk.station.asked.size(), 2u);
    EXPECT_TRUE(talk.station.asked[0].objects[0].select);
    EXPECT_FALSE(talk.station.orders.at(0).objects[0].select);
    EXPECT_EQ(talk.station.orders.at(0).objects[0].qualifier, 1);

    Command set{.type = Type::c_se_nc_1, .object = at(0x6201)};
    set.object.real = 21.5f;
    ASSERT_TRUE(talk.client.command(set));
    EXPECT_EQ(talk.tick(), (Lines{"2 confirmed", "2 ended"}));
    EXPECT_EQ(talk.station.orders.at(1).objects[0].real, 21.5f);

    talk.station.mood = Mood::never_ends;
    set.awaits_end = false;
    ASSERT_TRUE(talk.client.command(set));
    EXPECT_EQ(talk.tick(), (Lines{"3 confirmed", "3 ended"}));

    Command timed{.type = Type::c_dc_ta_1, .object = at(0x6002, 2), .awaits_end = false};
    EXPECT_EQ(talk.client.command(timed).error().code(), Code::invalid);
    timed.object.time = to_time(1'700'000'000 * kSecond);
    ASSERT_TRUE(talk.client.command(timed));
    EXPECT_EQ(talk.tick(), (Lines{"4 confirmed", "4 ended"}));
    EXPECT_EQ(talk.client.command({.type = Type::m_sp_na_1}).error().code(), Code::invalid);
    EXPECT_EQ(talk.client.command({.type = Type::c_bo_na_1, .object = at(1), .select_first = true}).error().text(),
              "C_BO_NA_1 cannot be selected: send it directly");
    EXPECT_EQ(talk.client.command({.type = Type::c_sc_na_1, .object = at(1, 2)}).error().text(),
              "C_SC_NA_1 is written 2: expected 0 to 1");
}

TEST(Iec104Client, CommandsThatFail) {
    auto f = [](Mood mood, bool select_first, const Lines& want, std::size_t executed) {
        Talk talk;
        talk.begin();
        talk.station.mood = mood;
        Command command{.type = Type::c_sc_na_1, .object = at(0x6001, 1), .select_first = select_first};
        command.finish_timeout = 5 * kSecond;
        ASSERT_TRUE(talk.client.command(command));
        Lines lines = talk.tick();
        if (lines.empty() || !lines.back().starts_with("1 failed")) {
            talk.station.mood = Mood::right;
            for (const std::string& line : talk.tick(10 * kSecond)) lines.push_back(line);
        }
        EXPECT_EQ(lines, want);
        EXPECT_EQ(talk.station.orders.size(), executed);
    };
    const std::string refused =
        "1 failed: the outstation refuses C_SC_NA_1 at 1/24577: it is not allowed now: is the outstation switched to "
        "local, "
        "interlocked, or busy with another?";
    f(Mood::refuses_orders, false, {refused}, 0);
    f(Mood::refuses_orders, true, {refused}, 0);
    f(Mood::never_ends, true,
      {"1 selected", "1 confirmed",
       "1 failed: the outstation confirmed C_SC_NA_1 at 1/24577, but told no end of it within 5000 ms"},
      1);
    f(Mood::silent, false,
      {"1 failed: the outstation did not confirm C_SC_NA_1 at 1/24577 within 10000 ms: it may have been carried out"},
      0);
    f(Mood::silent, true,
      {"1 failed: the outstation did not confirm the selection of C_SC_NA_1 at 1/24577 within 10000 ms: it was not "
       "carried "
       "out"},
      0);
    f(Mood::other_value, true,
      {"1 failed: the outstation confirms C_SC_NA_1 at 1/24577 with another value than it was given"}, 0);
}

TEST(Iec104Client, ASelectionIsTakenBack) {
    Talk talk;
    talk.begin();
    talk.station.mood = Mood::silent;
    const auto id = talk.client.command({.type = Type::c_sc_na_1, .object = at(0x6001, 1), .select_first = true});
    ASSERT_TRUE(id);
    talk.tick();
    talk.take_sent();
    talk.client.cancel(*id);
    EXPECT_TRUE(talk.tick().empty());
    EXPECT_EQ(talk.take_sent(), Lines{"I 1 0 C_SC_NA_1 deactivation 24577=1"});
    talk.client.cancel(*id);
    // What was not sent yet is not sent.
    const auto next = talk.client.command({.type = Type::c_sc_na_1, .object = at(0x6002, 1)});
    talk.client.cancel(next.value());
    EXPECT_TRUE(talk.tick().empty());
    EXPECT_TRUE(talk.take_sent().empty());
}

TEST(Iec104Client, ASelectionThatFailsIsTakenBack) {
    for (const Mood mood : {Mood::silent, Mood::other_value}) {
        Talk talk;
        talk.begin();
        talk.station.mood = mood;
        ASSERT_TRUE(talk.client.command({.type = Type::c_sc_na_1, .object = at(0x6001, 1), .select_first = true}));
        talk.tick();
        talk.tick(10 * kSecond);
        EXPECT_EQ(talk.sent.at(2).substr(0, 3), "I 1");
        EXPECT_NE(talk.sent.at(2).find("C_SC_NA_1 deactivation 24577=1"), std::string::npos) << talk.sent.at(2);
        EXPECT_TRUE(talk.station.orders.empty());
    }
}

TEST(Iec104Client, AnExecutionWaitsForItsTurn) {
    Talk talk({.k = 1, .w = 1});
    talk.begin();
    talk.station.mood = Mood::deaf;
    ASSERT_TRUE(talk.client.command({.type = Type::c_sc_na_1, .object = at(0x6001, 1), .select_first = true}));
    ASSERT_TRUE(talk.client.read(1, 1));
    EXPECT_EQ(talk.tick(), Lines{"1 selected"});
    EXPECT_TRUE(talk.tick(12 * kSecond).empty());  // its time runs only once it was sent
    EXPECT_TRUE(talk.station.orders.empty());
    talk.station.mood = Mood::right;
    EXPECT_EQ(talk.feed(encode_frame(Supervisory{1})),
              (Lines{"1 confirmed", "1 ended",
                     "2 failed: the outstation refuses C_RD_NA_1 at 1/1: the outstation has no such object address"}));
    EXPECT_EQ(talk.station.orders.size(), 1u);
}

TEST(Iec104Client, AcknowledgesAfterWOrT2) {
    Talk talk;
    talk.begin();
    talk.take_sent();
    for (int i = 0; i < 7; ++i) talk.tell(Type::m_sp_na_1, {at(1, 1)});
    EXPECT_TRUE(talk.take_sent().empty());
    talk.tell(Type::m_sp_na_1, {at(1, 1)});
    EXPECT_EQ(talk.take_sent(), Lines{"S 8"});
    talk.tell(Type::m_sp_na_1, {at(1, 1)});
    EXPECT_EQ(talk.client.due(), talk.now + 10 * kSecond);
    EXPECT_TRUE(talk.tick(10 * kSecond - 1).empty());
    EXPECT_TRUE(talk.take_sent().empty());
    talk.tick(1);
    EXPECT_EQ(talk.take_sent(), Lines{"S 9"});
    // Counted from the oldest that waits.
    talk.tell(Type::m_sp_na_1, {at(1, 1)});
    talk.tick(6 * kSecond);
    talk.tell(Type::m_sp_na_1, {at(1, 1)});
    talk.tick(4 * kSecond);
    EXPECT_EQ(talk.take_sent(), Lines{"S 11"});
    // An I frame of ours acknowledges too.
    talk.tell(Type::m_sp_na_1, {at(1, 1)});
    talk.station.mood = Mood::silent;
    ASSERT_TRUE(talk.client.read(1, 1));
    talk.tick();
    talk.tick(10 * kSecond);
    EXPECT_EQ(talk.take_sent(), (Lines{"I 0 12 C_RD_NA_1 requested 1=0"}));
}

TEST(Iec104Client, AtMostKWait) {
    Talk talk({.k = 3, .w = 2});
    talk.begin();
    talk.take_sent();
    talk.station.mood = Mood::silent;
    for (std::uint32_t i = 1; i <= 5; ++i) ASSERT_TRUE(talk.client.read(1, i));
    talk.tick();
    EXPECT_EQ(talk.take_sent().size(), 3u);
    EXPECT_EQ(talk.client.due(), talk.now + 10 * kSecond);
    talk.feed(encode_frame(Supervisory{1}));
    EXPECT_EQ(talk.take_sent(), Lines{"I 3 0 C_RD_NA_1 requested 4=0"});
    talk.feed(encode_frame(Supervisory{4}));
    EXPECT_EQ(talk.take_sent(), Lines{"I 4 0 C_RD_NA_1 requested 5=0"});
    EXPECT_EQ(talk.tick(15 * kSecond), (Lines{"1 failed: the outstation did not acknowledge I frame 4 within 15000 ms",
                                              "2 failed: the outstation did not acknowledge I frame 4 within 15000 ms",
                                              "3 failed: the outstation did not acknowledge I frame 4 within 15000 ms",
                                              "4 failed: the outstation did not acknowledge I frame 4 within 15000 ms",
                                              "5 failed: the outstation did not acknowledge I frame 4 within 15000 ms",
                                              "down: the outstation did not acknowledge I frame 4 within 15000 ms"}));
}

TEST(Iec104Client, RequestsAreBounded) {
    Talk talk({.requests_max = 2});
    talk.begin();
    ASSERT_TRUE(talk.client.read(1, 1));
    ASSERT_TRUE(talk.client.read(1, 2));
    EXPECT_EQ(talk.client.read(1, 3).error().text(), "2 requests to the outstation wait already");
}

TEST(Iec104Client, TestsASilentLink) {
    Talk talk;
    talk.begin();
    talk.take_sent();
    EXPECT_EQ(talk.client.due(), talk.now + 20 * kSecond);
    EXPECT_TRUE(talk.tick(20 * kSecond).empty());
    EXPECT_EQ(talk.take_sent(), Lines{"TESTFR act"});
    EXPECT_EQ(talk.client.due(), talk.now + 20 * kSecond);
    talk.feed(SimOutstation::control(Function::test_act));
    EXPECT_EQ(talk.take_sent(), Lines{"TESTFR con"});
    talk.station.mood = Mood::silent;
    talk.tick(20 * kSecond);
    EXPECT_EQ(talk.tick(15 * kSecond), Lines{"down: the outstation did not answer TESTFR act within 15000 ms"});
}

TEST(Iec104Client, WhatEndsALink) {
    auto f = [](auto act, std::string_view want) {
        Talk talk;
        talk.begin();
        EXPECT_EQ(act(talk), Lines{fmt::format("down: {}", want)});
        EXPECT_FALSE(talk.client.is_up());
        EXPECT_TRUE(talk.tell(Type::m_sp_na_1, {at(1, 1)}).empty());
        EXPECT_EQ(talk.begin().size(), 1u);
    };
    f(
        [](Talk& talk) {
            talk.station.mood = Mood::skips_number;
            auto lines = talk.tell(Type::m_sp_na_1, {at(1, 1)});
            talk.station.mood = Mood::right;
            return lines;
        },
        "I frame 1 came where 0 was expected: frames were lost or repeated");
    f(
        [](Talk& talk) {
            talk.station.mood = Mood::acknowledges_too_much;
            auto lines = talk.tell(Type::m_sp_na_1, {at(1, 1)});
            talk.station.mood = Mood::right;
            return lines;
        },
        "the outstation says that it expects I frame 5 next: expected 0 to 0");
    f([](Talk& talk) { return talk.feed(encode_frame(Supervisory{32'767})); },
      "the outstation says that it expects I frame 32767 next: expected 0 to 0");
    f([](Talk& talk) { return talk.feed(encode_frame(Supervisory{1})); },
      "the outstation says that it expects I frame 1 next: expected 0 to 0");
    f([](Talk& talk) { return talk.feed(as_bytes("HTTP/1.1")); },
      "this is not IEC 60870-5-104: a frame begins with 0x48, expected 0x68");
    f(
        [](Talk& talk) {
            talk.client.lose(Error{Code::io, "-"});
            talk.station.mood = Mood::silent;
            talk.begin();
            auto lines = talk.tick(15 * kSecond);
            talk.station.mood = Mood::right;
            return lines;
        },
        "the outstation did not answer STARTDT act within 15000 ms");
}

TEST(Iec104Client, WhatIsSkipped) {
    Talk talk;
    talk.begin();
    const std::uint8_t unknown[] = {20, 1, 3, 0, 1, 0, 1, 0, 0, 0xff};
    EXPECT_TRUE(talk.feed(talk.station.tell(unknown)).empty());
    EXPECT_EQ(talk.client.last_fault()->text(), "IEC 104 type 20 is not known here");
    const std::uint8_t cut[] = {1, 2, 3, 0, 1, 0, 1, 0, 0, 1};
    EXPECT_TRUE(talk.feed(talk.station.tell(cut)).empty());
    EXPECT_TRUE(
        talk.feed(talk.station.tell(talk.station.message(Type::c_sc_na_1, Cause::activation_con, {at(1)}))).empty());
    EXPECT_TRUE(talk.feed(SimOutstation::control(Function::start_act)).empty());
    const Asdu taken_back = talk.station.message(Type::c_sc_na_1, Cause::deactivation_con, {at(1)});
    EXPECT_TRUE(talk.feed(talk.station.tell(taken_back)).empty());
    EXPECT_EQ(talk.client.counts(), (Counts{.unknown_types = 1, .malformed = 1, .unexpected = 2}));
    EXPECT_EQ(talk.tell(Type::m_sp_na_1, {at(1, 1)}), Lines{"M_SP_NA_1 spontaneous 1=1"});
}

TEST(Iec104Client, NumbersGoRound) {
    Talk talk;
    talk.begin();
    talk.station.points[{Type::m_sp_na_1, 1}] = at(1, 1);
    std::size_t told_points = 0;
    for (int i = 0; i < kSequenceCount + 100; ++i) {
        ASSERT_TRUE(talk.client.read(1, 1));
        const Turn asked = talk.client.tick(talk.now);
        told_points += talk.client.feed(talk.station.feed(asked.send), talk.now).events.size() / 2;
    }
    EXPECT_EQ(told_points, kSequenceCount + 100u);
    EXPECT_TRUE(talk.client.is_up());
    ASSERT_TRUE(talk.client.read(1, 2));
    EXPECT_EQ(talk.tick().size(), 1u);
    EXPECT_EQ(talk.sent.back(), "I 100 100 C_RD_NA_1 requested 2=0");
}

TEST(Iec104Client, OptionsThatContradict) {
    auto f = [](const ClientOptions& options, std::string_view want) {
        const auto checked = Client::check(options);
        EXPECT_EQ(checked ? "fine" : checked.error().text(), want);
    };
    f({}, "fine");
    f({.k = 0}, "k is 0 and w is 8: expected 1 to 32767");
    f({.w = 32'768}, "k is 12 and w is 32768: expected 1 to 32767");
    f({.t2 = 15 * kSecond}, "t2 is 15000 ms and t1 15000 ms: t2 must be less");
    f({.t3 = 0}, "t1, t2 and t3 of IEC 104 must be longer than 0");
    f({.requests_max = 0}, "time-outs and the number of requests of IEC 104 must be more than 0");
}

// Whatever is done in whatever order: each request ends once, and the outstation never gets more than k at once.
TEST(Iec104Client, EveryRequestEndsOnce) {
    const std::uint64_t seed = 20261123;
    for (std::uint64_t round = 0; round < 30; ++round) {
        SCOPED_TRACE(seed + round);
        Rng rng{seed + round};
        Talk talk({.k = 4, .w = 2, .requests_max = 8});
        talk.station.points[{Type::m_sp_na_1, 1}] = at(1, 1);
        std::map<RequestId, int> ends;
        auto count = [&](const Lines& lines) {
            for (const std::string& line : lines)
                if (line.find(" ended") != std::string::npos || line.find(" failed") != std::string::npos)
                    ++ends[static_cast<RequestId>(std::stoul(line))];
        };
        count(talk.begin());
        std::size_t taken = 0;
        for (int step = 0; step < 400; ++step) {
            const auto target = static_cast<std::uint32_t>(0x6000 + rng.below(4));
            Result<RequestId> id = Error{Code::unavailable, "none"};
            switch (rng.below(8)) {
                case 0:
                    id = talk.client.read(1, static_cast<std::uint32_t>(1 + rng.below(3)));
                    break;
                case 1:
                    id = talk.client.interrogate(1, static_cast<std::uint8_t>(20 + rng.below(3)));
                    break;
                case 2:
                case 3:
                    id = talk.client.command({.type = Type::c_dc_na_1,
                                              .object = at(target, static_cast<std::int64_t>(rng.below(4))),
                                              .select_first = rng.chance(0.5)});
                    break;
                case 4:
                    talk.station.mood = static_cast<Mood>(rng.below(8));
                    if (rng.chance(0.5)) talk.station.mood = Mood::right;
                    break;
                case 5:
                    count(talk.tick(static_cast<DurationNs>(rng.below(12)) * kSecond));
                    break;
                case 6:
                    count(talk.tell(Type::m_sp_na_1, {at(1, 1)}));
                    break;
                default:
                    count(talk.tick());
            }
            if (id) ++taken;
            if (!talk.client.due()) {
                talk.station.mood = Mood::right;
                count(talk.begin());
            }
        }
        count(talk.run(talk.client.lose(Error{Code::io, "over"})));
        EXPECT_EQ(ends.size(), taken);
        for (const auto& [id, times] : ends) EXPECT_EQ(times, 1) << id;
    }
}

}  // namespace
}  // namespace gongshu::wire::iec104
