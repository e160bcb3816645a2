#include "wire/aibus.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::aibus {
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

// Worked by hand from the formulas of the protocol paper.
TEST(Aibus, Requests) {
    const auto f = [](const Request& request, std::string_view want) {
        const Buffer bytes = encode_request(request);
        EXPECT_EQ(to_hex(bytes), want);
        EXPECT_EQ(decode_request(bytes).value(), request) << want;
    };
    f({1, false, 0x00, 0}, "8181520000005300");
    f({1, false, 0x0c, 0}, "8181520c0000530c");
    f({10, false, 0x16, 0}, "8a8a521600005c16");
    f({1, true, 0x00, 300}, "818143002c017001");
    f({80, true, 0x01, -10}, "d0d04301f6ff8901");  // the sum passes 65536
    f({0, false, 0xff, 0}, "808052ff000052ff");
}

TEST(Aibus, BrokenRequests) {
    const auto f = [](std::string_view bytes, std::string_view want) {
        const auto request = decode_request(hex(bytes));
        ASSERT_FALSE(request) << bytes;
        EXPECT_EQ(request.error().text(), want);
    };
    f("8181520000005400", "the sum of a request of AIBUS is 0x0054, expected 0x0053");
    f("81815200000053", "a request of AIBUS has 7 bytes, expected 8");
    f("8182520000005300", "0x8182520000005300 is no request of AIBUS");
    f("8181440000004500", "0x8181440000004500 is no request of AIBUS");
    f("8181520001005400", "0x8181520001005400 is no request of AIBUS");
    f("ffff52000000d100", "0xffff52000000d100 is no request of AIBUS");
}

// The first two are frames that src/wire/free_frame_test.cpp has from the protocol paper.
TEST(Aibus, Answers) {
    const auto f = [](std::string_view text, std::uint8_t address, const Answer& want) {
        const Buffer bytes = hex(text);
        const auto answer = decode_answer(address, bytes);
        ASSERT_TRUE(answer) << answer.error().text();
        EXPECT_EQ(*answer, want) << text;
        EXPECT_EQ(encode_answer(address, want), bytes) << text;
    };
    f("FA00 2C01 32 60 2C01 8563", 1, {250, 300, 50, 0x60, 300});
    f("F6FF 2C01 9C 61 2C01 EB63", 1, {-10, 300, -100, 0x61, 300});
    f("E803 1027 00 70 7F7F 781A", 1, {1000, 10000, 0, 0x70, 0x7f7f});
    const auto other = decode_answer(2, hex("FA00 2C01 32 60 2C01 8563"));
    EXPECT_EQ(other.error().text(), "the sum of the answer is 0x6385, of instrument 2 it would be 0x6386");
    EXPECT_EQ(decode_answer(1, hex("FA00")).error().text(), "an answer of AIBUS has 2 bytes, expected 10");
    EXPECT_TRUE(is_missing(0x7f7f) && is_missing(0x7fff));
    EXPECT_FALSE(is_missing(32000) || is_missing(-1));
}

TEST(Aibus, TheAnswerIsFoundAmongEchoAndNoise) {
    const Request asked{1, false, 0, 0};
    const auto f = [&](std::string_view bytes, bool found, std::uint64_t skipped, bool echo) {
        for (const std::size_t piece : {1u, 3u, 100u}) {
            AnswerDecoder decoder;
            decoder.expect(asked);
            const Buffer all = hex(bytes);
            std::optional<Answer> answer;
            for (std::size_t at = 0; at < all.size(); at += piece)
                if (auto one = decoder.feed(Bytes(all).subspan(at, std::min(piece, all.size() - at)))) answer = one;
            EXPECT_EQ(answer.has_value(), found) << bytes << " in " << piece;
            EXPECT_EQ(answer ? answer->pv : 250, 250);
            EXPECT_EQ(decoder.skipped_bytes(), skipped) << bytes << " in " << piece;
            EXPECT_EQ(decoder.has_echo(), echo) << bytes;
        }
    };
    const std::string answer = "FA00 2C01 32 60 2C01 8563", echo = "8181520000005300";
    f(answer, true, 0, false);
    f(echo + answer, true, 0, true);
    f("00" + answer, true, 1, false);
    f("ff00" + echo + "00" + answer, true, 3, true);
    f(echo, false, 0, true);
    f("FA00 2C01 32 60 2C01 8564", false, 1, false);
    f("00000000000000000000000000", false, 4, false);
    f(answer.substr(0, 20), false, 0, false);
}

TEST(Aibus, AHeldLineIsNoInstrument) {
    AnswerDecoder decoder;
    decoder.expect({0, false, 0, 0});
    EXPECT_FALSE(decoder.feed(Buffer(40, 0)));
    EXPECT_TRUE(decoder.feed(encode_answer(0, {1, 0, 0, 0, 0})));
}

TEST(Aibus, WhateverGoesOutComesBack) {
    Rng rng{11};
    for (int i = 0; i < 2'000; ++i) {
        const auto word = [&rng] { return static_cast<std::int16_t>(rng.below(0x10000)); };
        const Request request{static_cast<std::uint8_t>(rng.below(kAddressMax + 1)), rng.chance(0.5),
                              static_cast<std::uint8_t>(rng.below(256)), 0};
        Request sent = request;
        if (sent.writes) sent.value = word();
        EXPECT_EQ(decode_request(encode_request(sent)).value(), sent);
        const Answer answer{word(), word(), static_cast<std::int8_t>(rng.below(256)),
                            static_cast<std::uint8_t>(rng.below(256)), word()};
        EXPECT_EQ(decode_answer(sent.address, encode_answer(sent.address, answer)).value(), answer);
    }
}

TEST(Aibus, Places) {
    const auto f = [](std::string_view text, const Place& want, std::string_view shown) {
        const auto place = parse_place(text);
        ASSERT_TRUE(place) << place.error().text();
        EXPECT_EQ(*place, want) << text;
        EXPECT_EQ(to_string(*place), shown);
        EXPECT_EQ(parse_place(shown).value(), want) << shown;
    };
    f("PV", {Field::pv, 0, {}}, "PV");
    f("pv", {Field::pv, 0, {}}, "PV");
    f("SV", {Field::sv, 0, {}}, "SV");
    f("MV", {Field::mv, 0, {}}, "MV");
    f("status", {Field::status, 0, {}}, "status");
    f("status.5", {Field::status, 0, 5}, "status.5");
    f("alarm.HIAL", {Field::status, 0, 0}, "status.0");
    f("alarm.LdAL", {Field::status, 0, 3}, "status.3");
    f("alarm.orAL", {Field::status, 0, 4}, "status.4");
    f("HIAL", {Field::parameter, 1, {}}, "HIAL");
    f("loal", {Field::parameter, 2, {}}, "LoAL");
    f("HdAL", {Field::parameter, 3, {}}, "dHAL");
    f("d", {Field::parameter, 9, {}}, "d");
    f("dPt", {Field::parameter, 0x0c, {}}, "dPt");
    f("00H", {Field::parameter, 0, {}}, "00H");
    f("1bh", {Field::parameter, 0x1b, {}}, "1BH");
    f("0x40", {Field::parameter, 0x40, {}}, "40H");
    f("01H", {Field::parameter, 1, {}}, "HIAL");
    for (const std::string_view wrong :
         {"", "27", "H", "100H", "0x", "0x1BH", "status.8", "status.", "alarm", "alarm.AL1", "PV.1", "HIALL", "-1H", "D100"}) {
        const auto place = parse_place(wrong);
        ASSERT_FALSE(place) << wrong;
        EXPECT_TRUE(place.error().text().starts_with(fmt::format("\"{}\" is nothing that an instrument of AIBUS tells: "
                                                                 "expected PV, SV, MV, status, ", wrong)))
            << place.error().text();
    }
    EXPECT_EQ(known_names(), "SV, HIAL, LoAL, dHAL, dLAL, AHYS, CtrL, P, I, d, CtI, InP, dPt, ScL, ScH, ALP, Sc, oP1, Addr");
}

TEST(Aibus, Stations) {
    EXPECT_EQ(parse_station("1").value(), 1);
    EXPECT_EQ(parse_station("0").value(), 0);
    EXPECT_EQ(parse_station("100").value(), 100);
    for (const std::string_view wrong : {"", "101", "1 ", "-1", "A", "256", "000012345678"})
        EXPECT_EQ(parse_station(wrong).error().text(),
                  fmt::format("\"{}\" is no address of an instrument of AIBUS: expected its parameter Addr, a number from 0 "
                              "to 100", wrong));
}

}  // namespace
}  // namespace gongshu::wire::aibus
