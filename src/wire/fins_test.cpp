#include "wire/fins.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::fins {
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

Address address(std::string_view text) { return parse_address(text).value(); }

Request read(std::string_view text, std::uint16_t count = 1, std::optional<std::uint8_t> bit = std::nullopt) {
    return {false, address(text).place, bit, count, {}, {}};
}

// ---- addresses ----

TEST(Fins, Addresses) {
    const auto f = [](std::string_view text, const Address& want, std::string_view shown) {
        const auto found = parse_address(text);
        ASSERT_TRUE(found) << text << ": " << found.error().text();
        EXPECT_EQ(*found, want) << text;
        EXPECT_EQ(to_string(*found), shown);
    };
    f("D100", {{Area::d, 0, 100}, {}}, "D100");
    f("d00100", {{Area::d, 0, 100}, {}}, "D100");
    f("D100.5", {{Area::d, 0, 100}, 5}, "D100.05");
    f("CIO10.05", {{Area::cio, 0, 10}, 5}, "CIO10.05");
    f("10.05", {{Area::cio, 0, 10}, 5}, "CIO10.05");
    f("6143", {{Area::cio, 0, 6143}, {}}, "CIO6143");
    f("W3.15", {{Area::w, 0, 3}, 15}, "W3.15");
    f("H0", {{Area::h, 0, 0}, {}}, "H0");
    f("A448", {{Area::a, 0, 448}, {}}, "A448");
    f("E0_100", {{Area::e, 0, 100}, {}}, "E0_100");
    f("EA_100.11", {{Area::e, 10, 100}, 11}, "EA_100.11");
    f("E18_32767", {{Area::e, 0x18, 32767}, {}}, "E18_32767");
    f("E100", {{Area::e, kCurrentBank, 100}, {}}, "E100");
    f("T5", {{Area::t, 0, 5}, {}}, "T5");
    f("C4095", {{Area::c, 0, 4095}, {}}, "C4095");
}

TEST(Fins, WrongAddresses) {
    const auto f = [](std::string_view text, std::string_view why) {
        const auto found = parse_address(text);
        ASSERT_FALSE(found) << text;
        EXPECT_EQ(found.error().text(),
                  fmt::format("\"{}\" is no address of an Omron PLC: {}; expected one such as D100, CIO10.05, W3.15, H0, A448, "
                              "E0_100, T5 or C5", text, why));
    };
    f("", "behind the area stands a decimal number");
    f("D", "behind the area stands a decimal number");
    f("X0", "the area is not known");
    f("DB10.DBD4", "the area is not known");
    f("D32768", "the last one is D32767");
    f("W512", "the last one is W511");
    f("D100.16", "behind the point stands a bit, 00 to 15");
    f("D100.", "behind the point stands a bit, 00 to 15");
    f("T5.1", "timers and counters have no bits: as bool they are their completion flag");
    f("E19_0", "before _ stands the bank of E, E0 to E18 in hexadecimal");
    f("D0_1", "before _ stands the bank of E, E0 to E18 in hexadecimal");
    f("D1A", "behind the area stands a decimal number");
    f("D99999999999", "behind the area stands a decimal number");
}

TEST(Fins, Layouts) {
    const auto f = [](std::string_view at, std::string_view as, bool boolean, std::string_view want) {
        const auto layout = layout_of(address(at), modbus::parse_form(as).value(), boolean);
        const std::string got = !layout ? layout.error().text()
                                        : fmt::format("{} {} {}{}", modbus::to_string(layout->codec.encoding), layout->words,
                                                      modbus::to_string(layout->codec.order), layout->is_flag ? " flag" : "");
        EXPECT_EQ(got, want) << at << " " << as;
    };
    f("D100", "", false, "i16 1 ABCD");
    f("D100", "f32", false, "f32 2 CDAB");
    f("D100", "u32 ABCD", false, "u32 2 ABCD");
    f("D100", "f64", false, "f64 4 CDAB");
    f("D100", "bcd16", false, "bcd16 1 ABCD");
    f("D100", "text[9]", false, "text 5 ABCD");
    f("W3.15", "", true, "bit 1 ABCD");
    f("W3.15", "bool", false, "bit 1 ABCD");
    f("T5", "", false, "i16 1 ABCD");
    f("T5", "", true, "bit 1 ABCD flag");
    f("C5", "bool", false, "bit 1 ABCD flag");
    f("T5", "bcd16", true, "bcd16 1 ABCD");
    f("W3.15", "u16", false, "W3.15 is one bit: choose bool, not u16");
    f("D100", "bool", true, "D100 is a word: write D100.00 to D100.15 for one of its bits, or choose u16 or i16");
    f("D100", "text[0]", false, "D100: a text has 1 to 500 characters, not 0");
    f("D32767", "f32", false, "D32767: f32 takes 2 words, and D32767 is the last one");
    f("W511", "f64", false, "W511: f64 takes 4 words, and W511 is the last one");
}

TEST(Fins, PlansJoinNeighbours) {
    using Wanted = std::vector<std::pair<std::string_view, std::uint16_t>>;
    const auto f = [](const Wanted& wanted, const PlanLimits& limits, std::string_view want) {
        std::vector<PlanItem> items;
        for (const auto& [at, count] : wanted) {
            const bool is_flag = at.ends_with('!');
            items.push_back({address(at.substr(0, at.size() - (is_flag ? 1 : 0))).place, count, is_flag, items.size()});
        }
        std::string got;
        for (const Block& block : plan_blocks(std::move(items), limits)) {
            got += fmt::format("{}{}{}x{}:", got.empty() ? "" : " ", to_string(block.head), block.is_flag ? "!" : "", block.count);
            for (const PlanItem& item : block.items) got += fmt::format(" {}", item.index);
        }
        EXPECT_EQ(got, want);
    };
    f({{"D110", 1}, {"D100", 2}, {"D101", 1}}, {}, "D100x11: 1 2 0");
    f({{"D100", 1}, {"D117", 1}, {"D135", 1}}, {}, "D100x18: 0 1 D135x1: 2");
    f({{"D0", 10}, {"D10", 10}}, {.words_max = 15, .gap_max = 16}, "D0x10: 0 D10x10: 1");
    f({{"D0", 1}, {"W0", 1}, {"E0_0", 1}, {"E1_0", 1}, {"E0", 1}}, {}, "W0x1: 1 D0x1: 0 E0_0x1: 2 E1_0x1: 3 E0x1: 4");
    f({{"T5!", 1}, {"T5", 1}, {"T7!", 1}, {"C5!", 1}}, {}, "T5x1: 1 T5!x3: 0 2 C5!x1: 3");
    f({{"D0", 300}}, {}, "D0x300: 0");
}

// ---- frames ----

// Area codes and numbers as chapter 5-2-2 of W342 has them.
TEST(Fins, Requests) {
    const Header header{.icf = 0x80, .da1 = 1, .sa1 = 0x0b, .sid = 0x2a};
    const auto f = [&](const Request& request, std::string_view want) {
        const auto frame = encode_request(header, request);
        ASSERT_TRUE(frame) << frame.error().text();
        EXPECT_EQ(to_hex(*frame), "800002000100000b002a" + std::string(want));
        EXPECT_EQ(decode_header(*frame).value(), header);
        const auto again = decode_request(*frame);
        ASSERT_TRUE(again) << again.error();
        EXPECT_EQ(*again, request) << want;
    };
    f(read("D100", 10), "010182006400000a");
    f(read("CIO10"), "0101b0000a000001");
    f(read("W3"), "0101b10003000001");
    f(read("H0"), "0101b20000000001");
    f(read("A448"), "0101b301c0000001");
    f(read("E0_100"), "0101a00064000001");
    f(read("EC_100"), "0101ac0064000001");
    f(read("E10_100"), "0101600064000001");
    f(read("E100"), "0101980064000001");
    f(read("T5", 2), "0101890005000002");
    f(read("C5", 2), "0101898005000002");
    f(read("T5", 2, 0), "0101090005000002");
    f(read("C5", 1, 0), "0101098005000001");
    f(read("W3", 3, 15), "01013100030f0003");
    f(read("E0_100", 1, 2), "0101200064020001");
    f({true, address("D100").place, {}, 2, {0x1234, 0xabcd}, {}}, "01028200640000021234abcd");
    f({true, address("CIO10").place, 5, 1, {}, {1}}, "010230000a05000101");
    EXPECT_EQ(encode_request(header, read("D0", 0)).error().text(), "a request of FINS has 1 to 999 items, not 0");
    EXPECT_EQ(encode_request(header, read("D0", 1000)).error().text(), "a request of FINS has 1 to 999 items, not 1000");
    EXPECT_EQ(encode_request(header, {true, address("D0").place, {}, 2, {1}, {}}).error().text(),
              "a request of FINS has 2 items and 1 values");
}

TEST(Fins, WrongRequests) {
    const auto f = [](std::string_view data, std::uint16_t want) {
        const auto request = decode_request(hex("800002000100000b002a" + std::string(data)));
        ASSERT_FALSE(request) << data;
        EXPECT_EQ(request.error(), want) << data;
    };
    f("", 0x1002);
    f("0101", 0x1002);
    f("0701", 0x0401);
    f("01018200640000", 0x1002);
    f("010177006400000a", 0x1101);
    f("0101b1020000000a", 0x1101);
    f("010182006405000a", 0x1102);
    f("0101310003100001", 0x1102);
    f("0101820064000000", 0x1003);
    f("01018200640003e8", 0x1003);
    f("0101827fff000002", 0x1104);
    f("01013101ff0f0002", 0x1104);
    f("01028200640000021234", 0x1003);
    f("010282006400000112345678", 0x1001);
}

TEST(Fins, Replies) {
    const Request asked = read("D100", 2);
    const Buffer request = encode_request({.da1 = 1, .sa1 = 0x0b, .sid = 0x2a}, asked).value();
    const Buffer answer = encode_reply(request, {0, {0x1234, 0xffff}, {}});
    EXPECT_EQ(to_hex(answer), "c00002000b000001002a010100001234ffff");
    const Header header = decode_header(answer).value();
    EXPECT_TRUE(header.is_answer());
    EXPECT_EQ(header.da1, 0x0b);
    EXPECT_EQ(header.sid, 0x2a);
    EXPECT_EQ(decode_reply(asked, answer).value(), (Reply{0, {0x1234, 0xffff}, {}}));
    const Request bits = read("W3", 2, 15);
    const Reply both{0x0040, {}, {1, 0}};
    EXPECT_EQ(decode_reply(bits, encode_reply(encode_request({}, bits).value(), both)).value(), both);
    const auto f = [&](std::string_view data, std::string_view want) {
        const auto reply = decode_reply(asked, hex("c00002000b000001002a" + std::string(data)));
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().text(), want);
    };
    f("0101", "the PLC's answer has 12 bytes, expected at least 14");
    f("01020000", "the PLC's answer is to command 0102, expected 0101");
    f("010100001234", "the PLC's answer to D100 has 2 bytes of data, expected 4");
    f("01010000123456789abc", "the PLC's answer to D100 has 6 bytes of data, expected 4");
    EXPECT_EQ(decode_reply(asked, hex("c00002000b000001002a01011103")).value(), (Reply{0x1103, {}, {}}));
    EXPECT_EQ(decode_header(hex("c0")).error().text(), "a frame of FINS has 1 bytes, expected at least 12");
}

// Bits 6 and 7 of the low byte say that the CPU has an error of its own: the data is there all the same.
TEST(Fins, EndCodes) {
    for (const unsigned code : {0x0000, 0x0040, 0x0080, 0x00c0, 0x8000}) EXPECT_TRUE(is_done(static_cast<std::uint16_t>(code))) << code;
    for (const unsigned code : {0x0001, 0x0101, 0x1103, 0x1143, 0x8205}) EXPECT_FALSE(is_done(static_cast<std::uint16_t>(code))) << code;
    const auto f = [](std::string_view at, std::uint16_t code, Code kind, std::string_view want) {
        const Error error = refusal(read(at), code);
        EXPECT_EQ(error.text(), want);
        EXPECT_EQ(error.code(), kind);
    };
    f("D100", 0x1103, Code::denied,
      "the PLC refuses D100: end code 1103, the address is outside of the area; check the address, and whether this PLC has it");
    f("E0_1", 0x1141, Code::denied,
      "the PLC refuses E0_1: end code 1101, it has no such memory area; check the address, and whether this PLC has it");
    f("A0", 0x2101, Code::denied,
      "the PLC refuses A0: end code 2101, this memory is read only; choose another address; of A the first 448 words are only read");
    f("T5", 0x2203, Code::unavailable,
      "the PLC refuses T5: end code 2203, it cannot be done in the mode that the PLC is in; switch it to MONITOR or RUN");
    f("D1", 0x0205, Code::unavailable, "the PLC refuses D1: end code 0205, the node is busy or does not answer; ask less often");
    f("D1", 0x7f3f, Code::denied, "the PLC refuses D1: end code 7F3F, which the manuals do not list; see the manual W342 for it");
    EXPECT_EQ(refusal(read("W3", 1, 5), 0x2102).text().substr(0, 39), "the PLC refuses W3.05: end code 2102, w");
    EXPECT_TRUE(is_of_address(0x1104) && is_of_address(0x2101) && is_of_address(0x9104));
    EXPECT_FALSE(is_of_address(0x0205) || is_of_address(0x1001) || is_of_address(0x2201));
}

TEST(Fins, WhateverGoesOutComesBack) {
    Rng rng{3};
    for (int i = 0; i < 2'000; ++i) {
        Request request;
        request.head.area = static_cast<Area>(rng.below(8));
        if (request.head.area == Area::e)
            request.head.bank = rng.chance(0.2) ? kCurrentBank : static_cast<std::uint8_t>(rng.below(kBankMax + 1));
        request.count = static_cast<std::uint16_t>(1 + rng.below(30));
        request.head.number = static_cast<std::uint16_t>(rng.below(end_of(request.head.area) - 30));
        if (rng.chance(0.4)) request.bit = is_timer(request.head.area) ? std::uint8_t{0} : static_cast<std::uint8_t>(rng.below(16));
        request.writes = rng.chance(0.5);
        for (std::uint16_t n = 0; request.writes && n < request.count; ++n) {
            if (request.bit)
                request.bits.push_back(static_cast<std::uint8_t>(rng.below(2)));
            else
                request.words.push_back(static_cast<std::uint16_t>(rng.below(65'536)));
        }
        const auto frame = encode_request({.sid = 7}, request);
        ASSERT_TRUE(frame);
        const auto again = decode_request(*frame);
        ASSERT_TRUE(again) << again.error() << " " << to_string(request.head);
        EXPECT_EQ(*again, request);
    }
}

// ---- FINS/TCP ----

// As section 7-4 of W421 has them.
TEST(Fins, TcpMessages) {
    EXPECT_EQ(to_hex(encode_nodes(TcpCommand::client_node, 0, 0, 0)), "46494e530000000c000000000000000000000000");
    EXPECT_EQ(to_hex(encode_nodes(TcpCommand::server_node, 0, 239, 1)), "46494e53000000100000000100000000000000ef00000001");
    EXPECT_EQ(to_hex(encode_tcp(TcpCommand::frame, 0, hex("8000"))), "46494e530000000a00000002000000008000");
    const auto nodes = [](const Buffer& bytes) {
        TcpDecoder decoder;
        std::string got;
        EXPECT_TRUE(decoder.feed(bytes, [&](const TcpMessage& message) {
            const auto both = decode_nodes(message);
            got = both ? fmt::format("{} {}", both->first, both->second) : both.error().text();
            return true;
        }));
        return got;
    };
    EXPECT_EQ(nodes(encode_nodes(TcpCommand::server_node, 0, 239, 1)), "239 1");
    EXPECT_EQ(nodes(encode_nodes(TcpCommand::server_node, 0x20, 0, 0)),
              "the PLC lets nobody in: error 20, all its connections are in use; close one of another program; most "
              "units have 16, some 2 or 3");
    EXPECT_EQ(nodes(encode_nodes(TcpCommand::server_node, 0x77, 0, 0)), "the PLC lets nobody in: error 77, which the "
                                                                        "manuals do not list");
    EXPECT_EQ(nodes(encode_nodes(TcpCommand::server_node, 0, 0, 1)), "the PLC gives the node numbers 0 and 1, expected 1 to 254");
    EXPECT_EQ(nodes(encode_tcp(TcpCommand::frame, 0, hex("00"))), "the PLC greets with command 2 and 1 bytes, expected its node number");
}

TEST(Fins, TcpComesInPieces) {
    Buffer stream;
    std::vector<std::string> want;
    for (std::size_t i = 0; i < 5; ++i) {
        const Buffer data(i * 7, static_cast<std::uint8_t>(i));
        const Buffer message = encode_tcp(TcpCommand::frame, 0, data);
        stream.insert(stream.end(), message.begin(), message.end());
        want.push_back(to_hex(data));
    }
    for (const std::size_t piece : {1u, 3u, 16u, 17u, 10'000u}) {
        TcpDecoder decoder;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            EXPECT_TRUE(decoder.feed(Bytes(stream).subspan(at, std::min(piece, stream.size() - at)), [&](const TcpMessage& message) {
                got.push_back(to_hex(message.data));
                return true;
            }));
        EXPECT_EQ(got, want) << piece;
        EXPECT_EQ(decoder.buffered_bytes(), 0u);
    }
    const auto broken = [](std::string_view bytes) {
        TcpDecoder decoder;
        const auto fed = decoder.feed(hex(bytes), [](const TcpMessage&) { return true; });
        return fed ? std::string() : fed.error().text();
    };
    EXPECT_EQ(broken("485454"), "this is not FINS/TCP: it begins with 0x485454; is it the right port, usually 9600?");
    EXPECT_EQ(broken("46494e5300000007"), "a message of FINS/TCP says that it has 7 bytes, expected 8 to 2020");
    EXPECT_EQ(broken("46494e5300001000"), "a message of FINS/TCP says that it has 4096 bytes, expected 8 to 2020");
    EXPECT_EQ(broken("4649"), "");
    TcpDecoder decoder;
    int messages = 0;
    EXPECT_TRUE(decoder.feed(stream, [&](const TcpMessage&) { return ++messages < 2; }));
    EXPECT_EQ(messages, 2);
    EXPECT_EQ(decoder.buffered_bytes(), 0u) << "who stops wants no more";
}

}  // namespace
}  // namespace gongshu::wire::fins
