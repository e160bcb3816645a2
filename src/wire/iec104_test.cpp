#include "wire/iec104.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/time_text.h"

namespace gongshu::wire::iec104 {
namespace {

Buffer hex(std::string_view text) {
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

std::string told(const Frame& frame) {
    if (const auto* i = std::get_if<Information>(&frame))
        return fmt::format("I {} {} {}", i->send, i->receive, to_hex(i->asdu));
    if (const auto* s = std::get_if<Supervisory>(&frame)) return fmt::format("S {}", s->receive);
    return std::string(to_string(std::get<Unnumbered>(frame).function));
}

std::vector<std::string> frames(Bytes bytes, Result<void>* result = nullptr) {
    FrameDecoder decoder;
    std::vector<std::string> lines;
    const auto fed = decoder.feed(bytes, [&](const Frame& frame) {
        lines.push_back(told(frame));
        return true;
    });
    if (result != nullptr) *result = fed;
    return lines;
}

Object at(std::uint32_t address, std::int64_t number = 0, std::uint8_t flags = 0) {
    Object object;
    object.address = address;
    object.number = number;
    object.flags = flags;
    return object;
}
Object order(std::uint32_t address, std::int64_t number, std::uint8_t qualifier, bool select) {
    Object object = at(address, number);
    object.qualifier = qualifier;
    object.select = select;
    return object;
}
Object real(std::uint32_t address, float value, std::uint8_t flags = 0) {
    Object object = at(address, 0, flags);
    object.real = value;
    return object;
}
Object timed(Object object) {
    object.time =
        Time{.milliseconds = 45'678, .minute = 34, .hour = 12, .day = 26, .weekday = 5, .month = 11, .year = 26};
    return object;
}
Asdu make(Type type, Cause cause, std::vector<Object> objects, bool sequence = false) {
    Asdu asdu;
    asdu.type = type;
    asdu.cause = cause;
    asdu.sequence = sequence;
    asdu.objects = std::move(objects);
    return asdu;
}

TEST(Iec104, FramesAsTheStandardHasThem) {
    auto f = [](const Frame& frame, std::string_view bytes, std::string_view text) {
        EXPECT_EQ(to_hex(encode_frame(frame)), bytes);
        EXPECT_EQ(frames(hex(bytes)), (std::vector<std::string>{std::string(text)}));
    };
    f(Unnumbered{Function::start_act}, "680407000000", "STARTDT act");
    f(Unnumbered{Function::start_con}, "68040b000000", "STARTDT con");
    f(Unnumbered{Function::stop_act}, "680413000000", "STOPDT act");
    f(Unnumbered{Function::stop_con}, "680423000000", "STOPDT con");
    f(Unnumbered{Function::test_act}, "680443000000", "TESTFR act");
    f(Unnumbered{Function::test_con}, "680483000000", "TESTFR con");
    f(Supervisory{0}, "680401000000", "S 0");
    f(Supervisory{32'767}, "68040100feff", "S 32767");
    const Buffer asdu = hex("640106000100 000000 14");
    f(Information{1, 3, asdu}, "680e0200060064010600010000000014", "I 1 3 64010600010000000014");
    f(Information{128, 32'767, asdu}, "680e0001feff64010600010000000014", "I 128 32767 64010600010000000014");
}

TEST(Iec104, WhatCanBeNoFrame) {
    auto f = [](std::string_view bytes, std::string_view reason) {
        Result<void> result;
        frames(hex(bytes), &result);
        ASSERT_FALSE(result) << bytes;
        EXPECT_EQ(result.error().code(), Code::malformed);
        EXPECT_NE(result.error().text().find(reason), std::string::npos) << result.error().text();
    };
    f("16", "begins with 0x16, expected 0x68");
    f("6803", "length of 3, expected 4 to 253");
    f("68fe", "length of 254, expected 4 to 253");
    f("680400000000", "an I frame of IEC 104 carries nothing");
    f("680501000000 00", "has a length of 5: expected 4");
    f("680403000000", "function 0x03");
    f("6804 0f000000", "function 0x0f");

    FrameDecoder decoder;
    const auto ignore = [](const Frame&) { return true; };
    EXPECT_FALSE(decoder.feed(hex("00"), ignore));
    EXPECT_FALSE(decoder.feed(hex("680443000000"), ignore));
    decoder.reset();
    EXPECT_TRUE(decoder.feed(hex("680443000000"), ignore));
}

TEST(Iec104, FramesInAnySplit) {
    Buffer stream;
    std::vector<std::string> want;
    Rng make_rng{7};
    for (int i = 0; i < 60; ++i) {
        Buffer asdu(1 + make_rng.below(kAsduBytesMax));
        for (auto& byte : asdu) byte = static_cast<std::uint8_t>(make_rng.next());
        const auto send = static_cast<std::uint16_t>(make_rng.below(kSequenceCount));
        const Frame frame = i % 3 == 0 ? Frame{Supervisory{send}} : Frame{Information{send, 5, asdu}};
        const Buffer bytes = encode_frame(frame);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
        want.push_back(told(frame));
    }
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Rng rng{seed};
        FrameDecoder decoder;
        std::vector<std::string> got;
        for (std::size_t from = 0; from < stream.size();) {
            const std::size_t bytes = std::min<std::size_t>(1 + rng.below(300), stream.size() - from);
            ASSERT_TRUE(decoder.feed(Bytes(stream).subspan(from, bytes), [&](const Frame& frame) {
                got.push_back(told(frame));
                return true;
            }));
            EXPECT_LT(decoder.buffered_bytes(), kFrameBytesMax);
            from += bytes;
        }
        EXPECT_EQ(got, want);
    }
}

TEST(Iec104, EveryTypeInItsBytes) {
    auto f = [](const Asdu& asdu, std::string_view bytes) {
        const auto encoded = encode_asdu(asdu);
        ASSERT_TRUE(encoded) << encoded.error().text();
        EXPECT_EQ(to_hex(*encoded), to_hex(hex(bytes))) << to_string(asdu.type);
        const auto decoded = decode_asdu(hex(bytes));
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(*decoded, asdu) << to_string(asdu.type);
    };
    const auto spontaneous = Cause::spontaneous;
    const auto act = Cause::activation;
    const std::string_view time = "6eb2 22 0c ba 0b 1a";
    auto with_time = [&](std::string_view head) { return fmt::format("{} {}", head, time); };

    f(make(Type::m_sp_na_1, spontaneous, {at(1, 1), at(2, 0, kInvalid | kNotTopical)}),
      "01 02 03 00 0100  010000 01  020000 c0");
    f(make(Type::m_sp_na_1, Cause::interrogated_station, {at(256, 1, kBlocked), at(257, 1, kSubstituted)}, true),
      "01 82 14 00 0100  000100 11 21");
    f(make(Type::m_dp_na_1, spontaneous, {at(3, 2), at(4, 3, kInvalid)}), "03 02 03 00 0100  030000 02  040000 83");
    Object step = at(5, -64, kOverflow);
    step.transient = true;
    f(make(Type::m_st_na_1, spontaneous, {step, at(6, 63), at(7, -1)}),
      "05 03 03 00 0100  050000 c0 01  060000 3f 00  070000 7f 00");
    f(make(Type::m_bo_na_1, spontaneous, {at(8, 0xdeadbeef)}), "07 01 03 00 0100  080000 efbeadde 00");
    f(make(Type::m_me_na_1, spontaneous, {at(9, -32768), at(10, 32767, kOverflow)}),
      "09 02 03 00 0100  090000 0080 00  0a0000 ff7f 01");
    f(make(Type::m_me_nb_1, Cause::periodic, {at(11, -2)}), "0b 01 01 00 0100  0b0000 feff 00");
    f(make(Type::m_me_nc_1, spontaneous, {real(0x4001, 25.5f, kNotTopical)}), "0d 01 03 00 0100  014000 0000cc41 40");
    Object total = at(0x6401, -2, kInvalid);
    total.sequence = 7;
    total.carry = true;
    total.adjusted = true;
    f(make(Type::m_it_na_1, Cause::counters_general, {total}), "0f 01 25 00 0100  016400 feffffff e7");
    f(make(Type::m_me_nd_1, Cause::background, {at(12, 16384), at(13, -16384)}, true),
      "15 82 02 00 0100  0c0000 0040 00c0");

    f(make(Type::m_sp_tb_1, spontaneous, {timed(at(1, 1))}), with_time("1e 01 03 00 0100  010000 01"));
    f(make(Type::m_dp_tb_1, spontaneous, {timed(at(1, 1))}), with_time("1f 01 03 00 0100  010000 01"));
    f(make(Type::m_st_tb_1, spontaneous, {timed(at(1, 1))}), with_time("20 01 03 00 0100  010000 01 00"));
    f(make(Type::m_bo_tb_1, spontaneous, {timed(at(1, 1))}), with_time("21 01 03 00 0100  010000 01000000 00"));
    f(make(Type::m_me_td_1, spontaneous, {timed(at(1, 1))}), with_time("22 01 03 00 0100  010000 0100 00"));
    f(make(Type::m_me_te_1, spontaneous, {timed(at(1, 1))}), with_time("23 01 03 00 0100  010000 0100 00"));
    f(make(Type::m_me_tf_1, spontaneous, {timed(real(1, 1))}), with_time("24 01 03 00 0100  010000 0000803f 00"));
    f(make(Type::m_it_tb_1, spontaneous, {timed(at(1, 1))}), with_time("25 01 03 00 0100  010000 01000000 00"));

    f(make(Type::c_sc_na_1, act, {order(0x6001, 1, 0, true)}), "2d 01 06 00 0100  016000 81");
    f(make(Type::c_dc_na_1, act, {order(0x6001, 2, 3, false)}), "2e 01 06 00 0100  016000 0e");
    f(make(Type::c_rc_na_1, act, {order(0x6001, 1, 31, true)}), "2f 01 06 00 0100  016000 fd");
    f(make(Type::c_se_na_1, act, {order(0x6201, -1, 0, true)}), "30 01 06 00 0100  016200 ffff 80");
    f(make(Type::c_se_nb_1, act, {order(0x6201, 1234, 5, false)}), "31 01 06 00 0100  016200 d204 05");
    Object set = real(0x6201, -1.5f);
    set.select = true;
    f(make(Type::c_se_nc_1, act, {set}), "32 01 06 00 0100  016200 0000c0bf 80");
    f(make(Type::c_bo_na_1, act, {at(0x6201, 5)}), "33 01 06 00 0100  016200 05000000");
    f(make(Type::c_sc_ta_1, act, {timed(order(1, 1, 1, false))}), with_time("3a 01 06 00 0100  010000 05"));
    f(make(Type::c_dc_ta_1, act, {timed(order(1, 1, 0, true))}), with_time("3b 01 06 00 0100  010000 81"));
    f(make(Type::c_rc_ta_1, act, {timed(order(1, 2, 0, false))}), with_time("3c 01 06 00 0100  010000 02"));
    f(make(Type::c_se_ta_1, act, {timed(order(1, 2, 0, false))}), with_time("3d 01 06 00 0100  010000 0200 00"));
    f(make(Type::c_se_tb_1, act, {timed(order(1, 2, 0, true))}), with_time("3e 01 06 00 0100  010000 0200 80"));
    f(make(Type::c_se_tc_1, act, {timed(real(1, 1))}), with_time("3f 01 06 00 0100  010000 0000803f 00"));
    f(make(Type::c_bo_ta_1, act, {timed(at(1, 1))}), with_time("40 01 06 00 0100  010000 01000000"));

    f(make(Type::m_ei_na_1, Cause::initialised, {order(0, 0, 0x82, false)}), "46 01 04 00 0100  000000 82");
    f(make(Type::c_ic_na_1, act, {order(0, 0, 20, false)}), "64 01 06 00 0100  000000 14");
    f(make(Type::c_ci_na_1, act, {order(0, 0, 0x45, false)}), "65 01 06 00 0100  000000 45");
    f(make(Type::c_rd_na_1, Cause::requested, {at(0x4001)}), "66 01 05 00 0100  014000");
    f(make(Type::c_cs_na_1, act, {timed(at(0))}), with_time("67 01 06 00 0100  000000"));
    f(make(Type::c_ts_na_1, act, {at(0)}), "68 01 06 00 0100  000000 aa55");
    f(make(Type::c_ts_ta_1, act, {timed(at(0, 65535))}), with_time("6b 01 06 00 0100  000000 ffff"));

    Asdu refused = make(Type::c_sc_na_1, Cause::activation_con, {order(1, 1, 0, false)});
    refused.negative = true;
    refused.test = true;
    refused.originator = 9;
    refused.common_address = 0xabcd;
    f(refused, "2d 01 c7 09 cdab  010000 01");
}

TEST(Iec104, WhatDoesNotFit) {
    auto f = [](const Asdu& asdu, Code code, std::string_view reason) {
        const auto encoded = encode_asdu(asdu);
        ASSERT_FALSE(encoded) << reason;
        EXPECT_EQ(encoded.error().code(), code);
        EXPECT_EQ(encoded.error().text(), reason);
    };
    const auto cause = Cause::spontaneous;
    f(make(Type::m_sp_na_1, cause, {}), Code::limit, "a message of M_SP_NA_1 has 0 objects: expected 1 to 60");
    f(make(Type::m_sp_na_1, cause, std::vector<Object>(128), true), Code::limit,
      "a message of M_SP_NA_1 has 128 objects: expected 1 to 127");
    f(make(Type::m_sp_na_1, cause, {at(kAddressMax + 1)}), Code::invalid,
      "object address 16777216: expected 0 to 16777215");
    f(make(Type::m_sp_na_1, cause, {at(1, 2)}), Code::invalid, "M_SP_NA_1 is written 2: expected 0 to 1");
    f(make(Type::c_se_nb_1, cause, {at(1, 32768)}), Code::invalid,
      "C_SE_NB_1 is written 32768: expected -32768 to 32767");
    f(make(Type::c_sc_na_1, cause, {order(1, 0, 32, false)}), Code::invalid,
      "C_SC_NA_1 has the qualifier 32: expected 0 to 31");
    f(make(Type::m_sp_na_1, cause, {at(1), at(3)}, true), Code::invalid,
      "object address 3 does not follow 1 objects from 1 on");
    f(make(static_cast<Type>(20), cause, {at(1)}), Code::unsupported, "IEC 104 type 20 is not known here");

    auto g = [](std::string_view bytes, Code code, std::string_view reason) {
        const auto decoded = decode_asdu(hex(bytes));
        ASSERT_FALSE(decoded) << bytes;
        EXPECT_EQ(decoded.error().code(), code);
        EXPECT_EQ(decoded.error().text(), reason);
    };
    g("01 01 03 00 01", Code::malformed, "a message of IEC 104 has 5 bytes: expected 6 to 249");
    g("01 01 03 00 0100 010000", Code::malformed,
      "a message of M_SP_NA_1 with 1 objects has 3 bytes of them: expected 4");
    g("01 00 03 00 0100", Code::malformed, "a message of M_SP_NA_1 with 0 objects has 0 bytes of them: expected 0");
    g("01 01 03 00 0100 010000 00 00", Code::malformed,
      "a message of M_SP_NA_1 with 1 objects has 5 bytes of them: expected 4");
    g("01 82 03 00 0100 ffffff 00 00", Code::malformed,
      "a message of M_SP_NA_1 goes on behind the last object address");
    g("14 01 03 00 0100 010000 00", Code::unsupported, "IEC 104 type 20 is not known here");
    EXPECT_EQ(decode_header(hex("14 85 43 07 0200")).value().common_address, 2);
}

TEST(Iec104, EveryTypeFillsItsMessage) {
    for (const Type type : types())
        for (const bool sequence : {false, true}) {
            Asdu asdu = make(type, Cause::spontaneous, {}, sequence);
            for (std::uint32_t i = 0; i < objects_max(type, sequence); ++i)
                asdu.objects.push_back(has_time(type) ? timed(at(100 + i)) : at(100 + i));
            const auto bytes = encode_asdu(asdu);
            ASSERT_TRUE(bytes) << bytes.error().text();
            EXPECT_LE(bytes->size(), kAsduBytesMax);
            EXPECT_EQ(decode_asdu(*bytes).value(), asdu) << to_string(type);
        }
    EXPECT_EQ(objects_max(Type::m_me_nc_1), 30u);
    EXPECT_EQ(objects_max(Type::m_me_nc_1, true), 48u);
    EXPECT_EQ(objects_max(static_cast<Type>(20)), 0u);
}

TEST(Iec104, TimesOfStations) {
    auto f = [](const Time& time, const Zone& zone, std::string_view want) {
        const auto got = time_of(time, zone);
        EXPECT_EQ(got ? format_time(*got) : "none", want);
    };
    const Time time{.milliseconds = 45'678, .minute = 34, .hour = 12, .day = 26, .weekday = 4, .month = 11, .year = 26};
    f(time, {}, "2026-11-26T12:34:45.678Z");
    f(time, {480, true}, "2026-11-26T04:34:45.678Z");
    f(time, {-330, true}, "2026-11-26T18:04:45.678Z");
    auto other = [&](auto change) {
        Time changed = time;
        change(changed);
        return changed;
    };
    f(other([](Time& t) { t.summer = true; }), {60, true}, "2026-11-26T10:34:45.678Z");
    f(other([](Time& t) { t.summer = true; }), {60, false}, "2026-11-26T11:34:45.678Z");
    f(other([](Time& t) { t.invalid = true; }), {}, "none");
    f(other([](Time& t) { t.substituted = true; }), {}, "2026-11-26T12:34:45.678Z");
    f(other([](Time& t) { t.milliseconds = 60'000; }), {}, "none");
    f(other([](Time& t) { t.minute = 60; }), {}, "none");
    f(other([](Time& t) { t.hour = 24; }), {}, "none");
    f(other([](Time& t) { t.day = 31; }), {}, "none");
    f(other([](Time& t) { t.day = 0; }), {}, "none");
    f(other([](Time& t) { t.month = 13; }), {}, "none");
    f(other([](Time& t) { t.year = 100; }), {}, "none");
    f(other([](Time& t) { t.year = 70; }), {}, "1970-11-26T12:34:45.678Z");
    f({.day = 29, .month = 2, .year = 24}, {}, "2024-02-29T00:00:00Z");
    f({.day = 29, .month = 2, .year = 26}, {}, "none");

    for (const Zone& zone : {Zone{}, Zone{480, true}, Zone{-720, true}})
        for (TimeNs t = kDay; t < 3'155'000'000 * kSecond; t += 97 * kDay + 12'345'678 * kMillisecond)
            EXPECT_EQ(time_of(to_time(t, zone).value(), zone), t);
    EXPECT_EQ(to_time(time_of(time).value()), time);
    EXPECT_FALSE(to_time(-1));
    EXPECT_FALSE(to_time(3'155'760'000 * kSecond));
    EXPECT_FALSE(to_time(0, {-60, true}));
}

TEST(Iec104, QualityHasAReason) {
    auto f = [](Type type, const Object& object, std::string_view want) {
        EXPECT_EQ(to_string(quality_of(type, object)), want) << to_string(type);
    };
    f(Type::m_sp_na_1, at(1, 1), "good");
    f(Type::m_sp_na_1, at(1, 1, kInvalid | kNotTopical), "bad:sensor");
    f(Type::m_me_nc_1, at(1, 1, kOverflow | kSubstituted), "bad:range");
    f(Type::m_me_nc_1, at(1, 1, kNotTopical | kBlocked), "uncertain:silent");
    f(Type::m_me_nc_1, at(1, 1, kBlocked | kSubstituted), "uncertain:stopped");
    f(Type::m_me_nc_1, at(1, 1, kSubstituted), "uncertain:manual");
    f(Type::m_dp_na_1, at(1, 0), "uncertain:unstable");
    f(Type::m_dp_na_1, at(1, 1), "good");
    f(Type::m_dp_na_1, at(1, 3), "bad:sensor");
    f(Type::m_me_nb_1, at(1, 3), "good");
    Object moving = at(1, 5);
    moving.transient = true;
    f(Type::m_st_na_1, moving, "uncertain:unstable");
    Object total = at(1, 5);
    total.carry = total.adjusted = true;
    f(Type::m_it_na_1, total, "good");
    f(Type::m_sp_tb_1, timed(at(1, 1)), "good");
    Object unsure = timed(at(1, 1));
    unsure.time->invalid = true;
    f(Type::m_sp_tb_1, unsure, "uncertain:clock");

    EXPECT_EQ(number_of(Type::m_me_na_1, at(1, -16384)), -0.5);
    EXPECT_EQ(number_of(Type::m_me_nd_1, at(1, 32767)), 32767.0 / 32768);
    EXPECT_EQ(number_of(Type::m_me_nc_1, real(1, 25.5f)), 25.5);
    EXPECT_EQ(number_of(Type::m_bo_na_1, at(1, 0xffffffff)), 4294967295.0);
}

TEST(Iec104, Words) {
    for (const Type type : types()) {
        EXPECT_EQ(parse_type(to_string(type)), type);
        EXPECT_EQ(parse_type(fmt::to_string(static_cast<unsigned>(type))), type);
    }
    EXPECT_EQ(to_string(static_cast<Type>(20)), "type 20");
    EXPECT_EQ(to_string(static_cast<Cause>(22)), "interrogated by group 2");
    EXPECT_EQ(to_string(static_cast<Cause>(41)), "counter interrogation of group 4");
    EXPECT_EQ(to_string(static_cast<Cause>(63)), "cause 63");
    Asdu asdu = make(Type::c_sc_na_1, Cause::unknown_address, {at(0x6001)});
    EXPECT_EQ(refusal(asdu).text(),
              "the outstation refuses C_SC_NA_1 at 1/24577: the outstation has no such object address");
    asdu.cause = Cause::activation_con;
    EXPECT_EQ(
        refusal(asdu).text(),
        "the outstation refuses C_SC_NA_1 at 1/24577: it is not allowed now: is the outstation switched to local, "
        "interlocked, or busy with another?");
}

TEST(Iec104, AddressesAsPeopleWriteThem) {
    auto f = [](std::string_view text, const Address& want, std::string_view written) {
        const auto got = parse_address(text);
        ASSERT_TRUE(got) << got.error().text();
        EXPECT_EQ(*got, want) << text;
        EXPECT_EQ(to_string(*got), written);
        EXPECT_EQ(parse_address(written).value(), want);
    };
    f("4001", {{}, {}, 4001}, "4001");
    f("16777215", {{}, {}, kAddressMax}, "16777215");
    f("4001H", {{}, {}, 0x4001}, "16385");
    f("0x640a", {{}, {}, 0x640a}, "25610");
    f("FFh", {{}, {}, 255}, "255");
    f("1/4001", {{}, 1, 4001}, "1/4001");
    f("  65534 / 0x4001 ", {{}, 65'534, 0x4001}, "65534/16385");
    f("13:4001", {Type::m_me_nc_1, {}, 4001}, "M_ME_NC_1 4001");
    f("M_ME_NC_1 4001", {Type::m_me_nc_1, {}, 4001}, "M_ME_NC_1 4001");
    f("c_sc_na_1 : 2/6001H", {Type::c_sc_na_1, 2, 0x6001}, "C_SC_NA_1 2/24577");
    f("45:1/6001", {Type::c_sc_na_1, 1, 6001}, "C_SC_NA_1 1/6001");
    f("m_me_nc 4001", {Type::m_me_nc_1, {}, 4001}, "M_ME_NC_1 4001");
    f("0.64.1", {{}, {}, 0x4001}, "16385");
    f("1/255.255.255", {{}, 1, kAddressMax}, "1/16777215");

    auto g = [](std::string_view text, std::string_view reason) {
        const auto got = parse_address(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().text(), fmt::format("\"{}\", character {}", text, reason));
    };
    const std::string_view hex_hint = "in hexadecimal as 0x4001 or 4001H";
    g("", "1: the object address is missing: expected 1 to 16777215");
    g("1/", "3: the object address is missing: expected 1 to 16777215");
    g("/5", "1: the common address is missing: expected 1 to 65534");
    g("0", fmt::format("1: the object address is 0: expected 1 to 16777215, {}", hex_hint));
    g("16777216", fmt::format("1: the object address is 16777216: expected 1 to 16777215, {}", hex_hint));
    g("65535/1", fmt::format("1: the common address is 65535: expected 1 to 65534, {}", hex_hint));
    g("1/40A1", fmt::format("3: the object address is 40A1: expected 1 to 16777215, {}", hex_hint));
    g("0x", fmt::format("1: the object address is 0x: expected 1 to 16777215, {}", hex_hint));
    g("20:4001", "1: 20 is no type that is known here: write its name or number, such as C_SC_NA_1 or 45");
    g("M_XX_NA_1 4001",
      "1: M_XX_NA_1 is no type that is known here: write its name or number, such as C_SC_NA_1 or 45");
    g("45:1/6001/2", "10: the address should end here, as in 4001, 1/4001 or C_SC_NA_1 1/6001");
    for (const std::string_view dotted : {"4001.1", "0.64", "0.64.1.", "0.256.1", "1.2.3.4", "1..2", ".1.2.3"})
        g(dotted, fmt::format("1: the object address is {}: expected 1 to 16777215, {}", dotted, hex_hint));
}

}  // namespace
}  // namespace gongshu::wire::iec104
