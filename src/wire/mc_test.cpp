#include "wire/mc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>

#include "base/rng.h"

namespace gongshu::wire::mc {
namespace {

using melsec::DeviceCode;
using enum Command;

Buffer hex(std::string_view text) {
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

// Text of an ASCII message; the spaces of the list are not in it, '_' stands for one that is.
Buffer text(std::string_view text) {
    Buffer bytes;
    for (const char c : text)
        if (c != ' ') bytes.push_back(static_cast<std::uint8_t>(c == '_' ? ' ' : c));
    return bytes;
}

Link link(Frame frame, Coding coding, Family family = Family::q_l) { return {frame, coding, family, {}, 16}; }
Link one_e(Coding coding, Family family = Family::fx3) { return {Frame::e1, coding, family, {}, 10}; }

Request read(Command command, std::vector<Span> spans) { return {command, std::move(spans), {}, {}}; }
Reply words(std::vector<std::uint16_t> values) { return {0, 0, std::move(values), {}, "", 0}; }
Reply bits(std::vector<std::uint8_t> values) { return {0, 0, {}, std::move(values), "", 0}; }

// The only message in the bytes.
Result<std::pair<Message, Buffer>> only(const Link& link, FrameDecoder::Side side, Bytes bytes, const Request& asked) {
    FrameDecoder decoder{link, side};
    decoder.expect(asked);
    std::vector<std::pair<Message, Buffer>> found;
    TRY(decoder.feed(bytes, [&](const Message& message) {
        found.emplace_back(message, Buffer{message.body.begin(), message.body.end()});
        return true;
    }));
    if (found.size() != 1 || decoder.buffered_bytes() != 0)
        return Error{Code::malformed, "{} messages and {} bytes left", found.size(), decoder.buffered_bytes()};
    return found[0];
}

// What follows the monitoring timer in a request and the end code in a reply.
Buffer after(const Link& link, const Buffer& body) {
    return {body.begin() + (link.coding == Coding::binary ? 2 : 4), body.end()};
}

// The request data and response data that the manual prints, in both codings and with every frame around them.
void example(Family family, const Request& request, const Reply& reply, std::string_view asked_binary,
             std::string_view told_binary, std::string_view asked_ascii, std::string_view told_ascii) {
    for (const Frame frame : {Frame::e3, Frame::e4})
        for (const Coding coding : {Coding::binary, Coding::ascii}) {
            const Link here = link(frame, coding, family);
            const auto convert = [&](std::string_view b, std::string_view a) {
                return coding == Coding::binary ? hex(b) : text(a);
            };
            const auto frame_out = encode_request(here, 0x1234, request);
            ASSERT_TRUE(frame_out) << frame_out.error().text();
            const auto asked = only(here, FrameDecoder::Side::server, *frame_out, request);
            ASSERT_TRUE(asked) << asked.error().text();
            EXPECT_EQ(asked->first.serial, frame == Frame::e4 ? 0x1234 : 0);
            EXPECT_EQ(asked->first.route, Route{});
            EXPECT_EQ(to_hex(after(here, asked->second)), to_hex(convert(asked_binary, asked_ascii)));
            EXPECT_EQ(decode_request(here, asked->second).value(), request);

            const auto told =
                only(here, FrameDecoder::Side::client, encode_reply(here, 0x1234, request, reply), request);
            ASSERT_TRUE(told) << told.error().text();
            EXPECT_EQ(to_hex(after(here, told->second)), to_hex(convert(told_binary, told_ascii)));
            const auto back = decode_reply(here, request, told->second);
            ASSERT_TRUE(back) << back.error().text();
            EXPECT_EQ(*back, reply);
        }
}

// SH-080008, pages 92, 94, 104 and 181; FX5 User's Manual (SLMP), page 49; MELSEC iQ-R CC-Link IE manual, page 1643.
TEST(Mc, ExamplesOfTheManuals) {
    example(Family::q_l, read(read_words, {{{DeviceCode::M, 100}, 2}}), words({0x1234, 0x0002}),
            "0104 0000 640000 90 0200", "3412 0200", "0401 0000 M*000100 0002", "1234 0002");
    example(Family::q_l, read(read_words, {{{DeviceCode::D, 100}, 3}}), words({1, 2, 3}), "0104 0000 640000 A8 0300",
            "0100 0200 0300", "0401 0000 D*000100 0003", "0001 0002 0003");
    example(Family::q_l, read(read_bits, {{{DeviceCode::M, 100}, 8}}), bits({0, 0, 0, 1, 0, 0, 1, 1}),
            "0104 0100 640000 90 0800", "00010011", "0401 0001 M*000100 0008", "00010011");
    example(Family::q_l,
            read(read_random, {{{DeviceCode::D, 0}, 1},
                               {{DeviceCode::TN, 0}, 1},
                               {{DeviceCode::M, 100}, 1},
                               {{DeviceCode::X, 0x20}, 1},
                               {{DeviceCode::D, 1500}, 2},
                               {{DeviceCode::Y, 0x160}, 2},
                               {{DeviceCode::M, 1111}, 2}}),
            words({0x1995, 0x1202, 0x2030, 0x4849, 0x4f4e, 0x4c54, 0xb9af, 0xc3de, 0xbcb7, 0xbadd}),
            "0304 0000 04 03 000000A8 000000C2 64000090 2000009C DC0500A8 6001009D 57040090",
            "9519 0212 3020 4948 4E4F544C AFB9DEC3 B7BCDDBA",
            "0403 0000 04 03 D*000000 TN000000 M*000100 X*000020 D*001500 Y*000160 M*001111",
            "1995 1202 2030 4849 4C544F4E C3DEB9AF BADDBCB7");
    Reply model;
    model.model = "Q02UCPU";
    model.model_code = 0x0263;
    example(Family::q_l, read(read_model, {}), model, "0101 0000", "51303255435055202020202020202020 6302", "0101 0000",
            "Q02UCPU_________ 0263");
}

// The same in iQ-R's form, whose device codes and numbers SH-080008 page 72 lists, and several blocks (page 114).
TEST(Mc, FormsThatTheManualsDescribe) {
    example(
        Family::iq_r, read(read_words, {{{DeviceCode::D, 1234}, 55}}), words(std::vector<std::uint16_t>(55, 0x4142)),
        "0104 0200 D2040000 A800 3700",
        [] {
            std::string all;
            for (int i = 0; i < 55; ++i) all += "4241";
            return all;
        }(),
        "0401 0002 D***00001234 0037",
        [] {
            std::string all;
            for (int i = 0; i < 55; ++i) all += "4142";
            return all;
        }());
    example(Family::iq_r, read(read_bits, {{{DeviceCode::STS, 5}, 3}}), bits({1, 0, 1}), "0104 0300 05000000 C700 0300",
            "1010", "0401 0003 STS*00000005 0003", "101");
    example(Family::q_l,
            read(read_blocks, {{{DeviceCode::D, 0}, 2}, {{DeviceCode::W, 0x100}, 1}, {{DeviceCode::M, 0}, 1}}),
            words({8, 0x1030, 0x2041, 0x4849}), "0604 0000 02 01 000000A8 0200 000100B4 0100 00000090 0100",
            "0800 3010 4120 4948", "0406 0000 02 01 D*000000 0002 W*000100 0001 M*000000 0001", "0008 1030 2041 4849");
    Request write{write_words, {{{DeviceCode::D, 100}, 3}}, {0x1995, 0x1202, 0x1130}, {}};
    example(Family::q_l, write, {}, "0114 0000 640000 A8 0300 9519 0212 3011", "",
            "1401 0000 D*000100 0003 1995 1202 1130", "");
    write = {write_bits, {{{DeviceCode::M, 100}, 5}}, {}, {1, 1, 0, 0, 1}};
    example(Family::q_l, write, {}, "0114 0100 640000 90 0500 110010", "", "1401 0001 M*000100 0005 11001", "");
}

TEST(Mc, OctalNumbersOfFx5StandAsThePlcIsSet) {
    auto f = [](Coding coding, const char* want) {
        const Link here = link(Frame::e3, coding, Family::iq_f);
        const Request request = read(read_words, {{{DeviceCode::X, 16}, 1}});
        const Buffer frame = encode_request(here, 0, request).value();
        EXPECT_NE(as_text(frame).find(want), std::string::npos) << as_text(frame);
        EXPECT_EQ(decode_request(here, only(here, FrameDecoder::Side::server, frame, request)->second).value(),
                  request);
    };
    f(Coding::ascii, "X*000010");
    f(Coding::ascii_octal, "X*000020");
}

TEST(Mc, WholeFrames) {
    auto f = [](const Link& here, const Request& request, const Reply& reply, const Buffer& asked, const Buffer& told) {
        EXPECT_EQ(to_hex(encode_request(here, 0x1234, request).value()), to_hex(asked));
        EXPECT_EQ(to_hex(encode_reply(here, 0x1234, request, reply)), to_hex(told));
    };
    const Request request = read(read_words, {{{DeviceCode::M, 100}, 2}});
    const Reply reply = words({0x1234, 2});
    f(link(Frame::e3, Coding::binary), request, reply, hex("5000 00 FF FF03 00 0C00 1000 0104 0000 640000 90 0200"),
      hex("D000 00 FF FF03 00 0600 0000 3412 0200"));
    f(link(Frame::e3, Coding::ascii), request, reply, text("5000 00 FF 03FF 00 0018 0010 0401 0000 M*000100 0002"),
      text("D000 00 FF 03FF 00 000C 0000 1234 0002"));
    f(link(Frame::e4, Coding::binary), request, reply,
      hex("5400 3412 0000 00 FF FF03 00 0C00 1000 0104 0000 640000 90 0200"),
      hex("D400 3412 0000 00 FF FF03 00 0600 0000 3412 0200"));
    f(link(Frame::e4, Coding::ascii), request, reply,
      text("5400 1234 0000 00 FF 03FF 00 0018 0010 0401 0000 M*000100 0002"),
      text("D400 1234 0000 00 FF 03FF 00 000C 0000 1234 0002"));
    Link routed = link(Frame::e3, Coding::binary);
    routed.route = {1, 2, 0x03e1, 3};
    f(routed, request, reply, hex("5000 01 02 E103 03 0C00 1000 0104 0000 640000 90 0200"),
      hex("D000 01 02 E103 03 0600 0000 3412 0200"));
    Reply refused;
    refused.end_code = 0xc051;
    f(link(Frame::e3, Coding::binary), request, refused, hex("5000 00 FF FF03 00 0C00 1000 0104 0000 640000 90 0200"),
      hex("D000 00 FF FF03 00 0B00 51C0 00 FF FF03 00 0104 0000"));
    f(link(Frame::e3, Coding::ascii), request, refused, text("5000 00 FF 03FF 00 0018 0010 0401 0000 M*000100 0002"),
      text("D000 00 FF 03FF 00 0016 C051 00 FF 03FF 00 0401 0000"));
}

// FX3U-ENET User's Manual, sections 9.1.2 and 9.3; FX3U-ENET-ADP User's Manual, section 7.6.3; SH-080008, page 411.
TEST(Mc, OneEExamplesOfTheManuals) {
    auto f = [](const Link& here, const Request& request, const Reply& reply, const Buffer& asked, const Buffer& told) {
        EXPECT_EQ(to_hex(encode_request(here, 0, request).value()), to_hex(asked));
        EXPECT_EQ(to_hex(encode_reply(here, 0, request, reply)), to_hex(told));
        const auto came = only(here, FrameDecoder::Side::server, asked, request);
        ASSERT_TRUE(came) << came.error().text();
        EXPECT_EQ(decode_request(here, came->second).value(), request);
        const auto back = only(here, FrameDecoder::Side::client, told, request);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(decode_reply(here, request, back->second).value(), reply);
    };
    const Link binary = one_e(Coding::binary), ascii = one_e(Coding::ascii);
    const Request m100 = read(read_bits, {{{DeviceCode::M, 100}, 8}});
    const Reply m100_is = bits({1, 0, 1, 0, 0, 1, 1, 0});
    f(binary, m100, m100_is, hex("00 FF 0A00 64000000 204D 08 00"), hex("80 00 10 10 01 10"));
    EXPECT_EQ(decode_request(ascii, text("00 ff 000a 4d20 00000064 08 00")).value(), m100);
    f(ascii, m100, m100_is, text("00 FF 000A 4D20 00000064 08 00"), text("80 00 10100110"));
    f(binary, read(read_bits, {{{DeviceCode::M, 100}, 12}}), bits({1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}),
      hex("00 FF 0A00 64000000 204D 0C 00"), hex("80 00 10 10 10 10 10 10"));
    const Request y100 = read(read_words, {{{DeviceCode::Y, 0100}, 2}});
    f(binary, y100, words({0x829d, 0x553e}), hex("01 FF 0A00 40000000 2059 02 00"), hex("81 00 9D82 3E55"));
    f(ascii, y100, words({0x829d, 0x553e}), text("01 FF 000A 5920 00000040 02 00"), text("81 00 829D 553E"));
    const Request cn220 = read(read_words, {{{DeviceCode::CN, 220}, 64}});
    std::vector<std::uint16_t> counters(64);
    counters[0] = 0x614e, counters[1] = 0x00bc;
    f(binary, cn220, words(counters), hex("01 FF 0A00 DC000000 4E43 40 00"),
      hex("81 00 4E61 BC00" + std::string(248, '0')));
    const Request m50{write_bits, {{{DeviceCode::M, 50}, 12}}, {}, {0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1}};
    f(binary, m50, {}, hex("02 FF 0A00 32000000 204D 0C 00 01 11 01 00 00 01"), hex("82 00"));
    f(ascii, m50, {}, text("02 FF 000A 4D20 00000032 0C 00 011101000001"), text("82 00"));
    const Request d100{write_words, {{{DeviceCode::D, 100}, 3}}, {0x1234, 0x9876, 0x0109}, {}};
    f(binary, d100, {}, hex("03 FF 0A00 64000000 2044 03 00 3412 7698 0901"), hex("83 00"));
    f(ascii, d100, {}, text("03 FF 000A 4420 00000064 03 00 1234 9876 0109"), text("83 00"));
    Reply model;
    model.model = "FX3U/FX3UC";
    model.model_code = 0xf3;
    f(binary, read(read_model, {}), model, hex("15 FF 0A00"), hex("95 00 F3 00"));
    f(ascii, read(read_model, {}), model, text("15 FF 000A"), text("95 00 F3 00"));
    Reply refused;
    refused.end_code = 0x5b, refused.abnormal = 0x10;
    f(binary, d100, refused, hex("03 FF 0A00 64000000 2044 03 00 3412 7698 0901"), hex("83 5B 10 00"));
    // X017 is octal: the sixteenth input.
    f(binary, read(read_bits, {{{DeviceCode::X, 017}, 1}}), bits({1}), hex("00 FF 0A00 0F000000 2058 01 00"),
      hex("80 00 10"));
    // With an odd number of points a dummy 0 ends the data in ASCII.
    f(ascii, {write_bits, {{{DeviceCode::M, 50}, 3}}, {}, {1, 0, 1}}, {}, text("02 FF 000A 4D20 00000032 03 00 1010"),
      text("82 00"));
    f(ascii, read(read_bits, {{{DeviceCode::M, 50}, 3}}), bits({1, 0, 1}), text("00 FF 000A 4D20 00000032 03 00"),
      text("80 00 1010"));
    f(one_e(Coding::binary, Family::q_l), read(read_words, {{{DeviceCode::D, 0}, 256}}),
      words(std::vector<std::uint16_t>(256)), hex("01 FF 0A00 00000000 2044 00 00"),
      hex("81 00" + std::string(1024, '0')));
}

TEST(Mc, RequestsOutsideTheLimitsAreNotEncoded) {
    auto f = [](const Link& here, const Request& request, const char* want, Code code = Code::invalid) {
        const auto frame = encode_request(here, 1, request);
        ASSERT_FALSE(frame) << want;
        EXPECT_EQ(frame.error().code(), code);
        EXPECT_NE(frame.error().text().find(want), std::string::npos) << frame.error().text();
    };
    const Link q = link(Frame::e3, Coding::binary), r = link(Frame::e3, Coding::binary, Family::iq_r);
    const auto span = [](DeviceCode code, std::uint32_t number, std::uint16_t points) {
        return Span{{code, number}, points};
    };
    f(q, read(read_words, {}), "at least one point");
    f(q, read(read_words, {span(DeviceCode::D, 0, 0)}), "at least one point");
    f(q, read(read_words, {span(DeviceCode::D, 0, 961)}), "961 points are too many for one 3E request");
    f(q, read(read_words, {span(DeviceCode::D, 0, 1), span(DeviceCode::D, 9, 1)}), "2 spans");
    f(link(Frame::e3, Coding::ascii, Family::iq_f), read(read_words, {span(DeviceCode::D, 0, 481)}), "too many");
    f(q, read(read_bits, {span(DeviceCode::M, 0, 7169)}), "too many");
    f(link(Frame::e3, Coding::ascii), read(read_bits, {span(DeviceCode::M, 0, 3585)}), "too many");
    f(q, read(read_bits, {span(DeviceCode::D, 0, 1)}), "a word device has no bit units");
    f(q, read(read_words, {span(DeviceCode::D, 0xffffff, 2)}), "pass the last number");
    f(link(Frame::e3, Coding::ascii), read(read_words, {span(DeviceCode::ZR, 999999, 2)}), "pass the last number");
    f(q, read(read_random, std::vector<Span>(193, span(DeviceCode::D, 0, 1))), "193 spans");
    f(r, read(read_random, std::vector<Span>(97, span(DeviceCode::D, 0, 1))), "97 spans");
    f(q, read(read_random, {span(DeviceCode::D, 0, 3)}), "too many");
    f(q, read(read_random, {span(DeviceCode::D, 0, 2), span(DeviceCode::D, 0, 1)}), "the ones of one word stand first");
    f(q, read(read_blocks, {span(DeviceCode::M, 0, 2), span(DeviceCode::D, 0, 1)}),
      "the ones of word devices stand first");
    f(q, read(read_blocks, std::vector<Span>(121, span(DeviceCode::D, 0, 1))), "121 spans");
    f(q, read(read_blocks, {span(DeviceCode::D, 0, 900), span(DeviceCode::M, 0, 61)}), "961 points");
    f(q, {write_words, {span(DeviceCode::D, 0, 2)}, {1}, {}}, "2 points have 1 values");
    f(q, read(read_model, {span(DeviceCode::D, 0, 1)}), "too many");
    const Link fx = one_e(Coding::binary);
    f(fx, read(read_words, {span(DeviceCode::D, 0, 65)}), "65 points are too many for one 1E request");
    f(fx, read(read_words, {span(DeviceCode::M, 0, 33)}), "too many");
    f(fx, read(read_words, {span(DeviceCode::M, 8, 1)}), "words of relays begin at a multiple of 16");
    f(fx, read(read_words, {span(DeviceCode::D, 7999, 2)}), "pass the last number");
    f(fx, read(read_words, {span(DeviceCode::CN, 200, 3)}), "counters of 32 bits take two words each, not 3 words");
    f(fx, {write_bits, {span(DeviceCode::M, 0, 161)}, {}, std::vector<std::uint8_t>(161)}, "too many");
    f(fx, read(read_random, {span(DeviceCode::D, 0, 1)}), "the 1E frame reads one span at a time", Code::unsupported);
    f(one_e(Coding::binary, Family::q_l), read(read_words, {span(DeviceCode::SD, 0, 1)}),
      "SD0 cannot be reached by the 1E frame", Code::unsupported);
}

TEST(Mc, ServerAnswersBadRequestsWithTheRightEndCode) {
    auto f = [](const Link& here, const Buffer& body, std::uint16_t want) {
        const auto request = decode_request(here, body);
        ASSERT_FALSE(request) << to_hex(body);
        EXPECT_EQ(request.error(), want) << to_hex(body);
    };
    const Link q = link(Frame::e3, Coding::binary);
    f(q, {}, 0xc061);
    f(q, hex("1000 0104"), 0xc061);
    f(q, hex("1000 0119 0000"), 0xc059);
    f(q, hex("1000 0104 0400 640000 A8 0300"), 0xc059);
    f(q, hex("1000 0304 0100 01 00 640000 A8"), 0xc059);
    f(q, hex("1000 0104 0000 640000 00 0300"), 0xc05b);
    f(q, hex("1000 0104 0000 640000 A8 0000"), 0xc051);
    f(q, hex("1000 0104 0000 640000 A8 C103"), 0xc051);
    f(q, hex("1000 0104 0100 640000 90 011C"), 0xc052);
    f(q, hex("1000 0104 0100 640000 A8 0100"), 0xc05c);
    f(q, hex("1000 0104 0000 FFFFFF A8 0200"), 0xc056);
    f(q, hex("1000 0104 0000 640000 A8 0100 00"), 0xc061);
    f(q, hex("1000 0114 0000 640000 A8 0200 0100"), 0xc061);
    f(q, hex("1000 0114 0100 640000 90 0200 21"), 0xc060);
    f(link(Frame::e3, Coding::ascii), text("0010 0401 0000 Q*000100 0002"), 0xc05b);
    f(link(Frame::e3, Coding::ascii), text("0010 0401 0000 D*00A100 0002"), 0xc061);
    const Link fx = one_e(Coding::binary);
    f(fx, hex("04 FF 0A00 64000000 204D 01 00 01"), 0x50);
    f(fx, hex("01 FF 0A00 64000000 2051 01 00"), 0x56);
    f(fx, hex("01 FF 0A00 64000000 2044 41 00"), 0x57);
    f(fx, hex("00 FF 0A00 64000000 2044 01 00"), 0x58);
    f(fx, hex("01 FF 0A00 08000000 204D 01 00"), 0x58);
    f(fx, hex("01 FF 0A00 28230000 2044 01 00"), 0x57);
    f(fx, hex("03 FF 0A00 64000000 2044 02 00 0100"), 0x57);
    EXPECT_EQ(to_hex(encode_refusal(q, 0, hex("1000 0119 0000"), 0xc059)),
              to_hex(hex("D000 00 FF FF03 00 0B00 59C0 00 FF FF03 00 0119 0000")));
    EXPECT_EQ(to_hex(encode_refusal(fx, 0, hex("04 FF 0A00"), 0x50)), to_hex(hex("84 50")));
}

TEST(Mc, RepliesThatDoNotMatchAreRefused) {
    auto f = [](const Link& here, const Request& asked, const Buffer& body, const char* want) {
        const auto reply = decode_reply(here, asked, body);
        ASSERT_FALSE(reply) << to_hex(body);
        EXPECT_EQ(reply.error().code(), Code::malformed);
        EXPECT_NE(reply.error().text().find(want), std::string::npos) << reply.error().text();
    };
    const Request two = read(read_words, {{{DeviceCode::D, 0}, 2}});
    const Link q = link(Frame::e3, Coding::binary), a = link(Frame::e3, Coding::ascii);
    f(q, two, hex("00"), "ends before its end code (1 bytes)");
    f(q, two, hex("0000 0100"), "of 4 bytes does not have the 2 points that were asked for");
    f(q, two, hex("0000 0100 0200 00"), "of 7 bytes does not have the 2 points");
    f(a, two, text("0000 0001 000X"), "does not have the 2 points");
    f(q, read(read_bits, {{{DeviceCode::M, 0}, 2}}), hex("0000 12"), "2 points");
    f(one_e(Coding::binary), two, hex("80 00 0100 0200"), "to command 0x80, expected 0x81");
    f(one_e(Coding::binary), two, hex("81 00 0100"), "2 points");
}

TEST(Mc, EndCodesAreSaidInWordsWithTheFix) {
    auto f = [](const Link& here, std::uint16_t code, Code kind, std::initializer_list<const char*> want,
                std::uint8_t abnormal = 0) {
        Reply reply;
        reply.end_code = code, reply.abnormal = abnormal;
        const Error error = refusal(here, read(read_words, {{{DeviceCode::X, 15}, 2}}), reply);
        EXPECT_EQ(error.code(), kind);
        for (const char* part : want) EXPECT_NE(error.text().find(part), std::string::npos) << error.text();
    };
    const Link q = link(Frame::e3, Coding::binary);
    f(q, 0xc059, Code::denied,
      {"the PLC refuses XF: end code 0xC059, the PLC does not know this command; check the family"});
    f(q, 0xc051, Code::denied, {"the number of points is not allowed; ask for fewer"});
    f(q, 0xc054, Code::denied, {"the number of points is not allowed"});
    f(q, 0x4031, Code::denied,
      {"0x4031, the address is outside of what the PLC has; check the address against the device ranges"});
    f(q, 0x4a00, Code::unavailable, {"the CPU itself reports an error"});
    f(q, 0x0055, Code::denied, {"does not allow writing while it runs; enable online change"});
    f(q, 0xc050, Code::denied, {"expects ASCII", "same communication data code"});
    f(q, 0xc201, Code::denied, {"a remote password locks the port; unlock"});
    f(q, 0xabcd, Code::denied, {"0xABCD, which the manuals do not list; look the code up"});
    f(one_e(Coding::binary), 0x56, Code::denied, {"refuses X17: end code 0x56, the PLC has no such PLC device"});
    f(one_e(Coding::binary), 0x5b, Code::unavailable,
      {"end code 0x5B with abnormal code 0x10, the module cannot talk to its CPU; check the PC number"}, 0x10);
    EXPECT_NE(no_answer(one_e(Coding::ascii)).text().find("with the frame 1E in ASCII"), std::string::npos);
}

TEST(Mc, AnotherCodingOrFrameIsRecognisedByItsLook) {
    auto f = [](const Link& here, FrameDecoder::Side side, const Buffer& bytes, const char* want) {
        FrameDecoder decoder{here, side};
        const auto result = decoder.feed(bytes, [](const Message&) { return true; });
        ASSERT_FALSE(result) << to_hex(bytes);
        EXPECT_EQ(result.error().code(), Code::malformed);
        EXPECT_NE(result.error().text().find(want), std::string::npos) << result.error().text();
        EXPECT_FALSE(decoder.feed(hex("D000"), [](const Message&) { return true; })) << "stays broken";
        decoder.reset();
        EXPECT_EQ(decoder.buffered_bytes(), 0u);
    };
    const auto client = FrameDecoder::Side::client, server = FrameDecoder::Side::server;
    const Link q = link(Frame::e3, Coding::binary), a = link(Frame::e3, Coding::ascii);
    f(q, client, text("D00000FF"), "the PLC answers in ASCII, expected binary: set the same communication data code");
    f(a, client, hex("D000 00FF"), "the PLC answers in binary, expected ASCII");
    f(q, client, hex("D400"), "the PLC answers with a 4E frame, expected 3E");
    f(link(Frame::e4, Coding::binary), client, hex("D000"), "with a 3E frame, expected 4E");
    f(q, client, hex("8100"), "with a 1E frame, expected 3E");
    f(one_e(Coding::binary), client, text("8100"), "in ASCII, expected binary");
    f(q, client, text("HTTP"), "(0x4854…) is no frame of the MC protocol");
    f(q, server, text("5000"), "the client asks in ASCII, expected binary");
    f(one_e(Coding::binary), server, hex("5000"), "the client asks with a 3E frame, expected 1E");
    f(q, client, hex("D000 00 FF FF03 00 0100 00"), "has the length 1, expected 2 to 8192");
    f(q, client, hex("D000 00 FF FF03 00 FFFF 00"), "has the length 65535");
    f(a, client, text("D000 00 FF 03FF 00 00X0"), "has the length 0, expected 4 to 8192");
}

TEST(Mc, DecoderTakesAnySplit) {
    for (const Link& here : {link(Frame::e3, Coding::binary), link(Frame::e4, Coding::ascii), one_e(Coding::binary),
                             one_e(Coding::ascii)}) {
        Buffer stream;
        std::vector<Request> want;
        for (std::uint16_t i = 1; i <= 60; ++i) {
            Request request{write_words, {{{DeviceCode::D, i}, i}}, std::vector<std::uint16_t>(i, i), {}};
            if (i % 3 == 0) request = {write_bits, {{{DeviceCode::M, i}, i}}, {}, std::vector<std::uint8_t>(i, 1)};
            if (i % 7 == 0) request = read(read_model, {});
            const Buffer frame = encode_request(here, i, request).value();
            stream.insert(stream.end(), frame.begin(), frame.end());
            want.push_back(std::move(request));
        }
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            Rng rng{seed};
            FrameDecoder decoder{here, FrameDecoder::Side::server};
            std::vector<Request> got;
            for (std::size_t at = 0; at < stream.size();) {
                const std::size_t bytes = std::min<std::size_t>(1 + rng.below(200), stream.size() - at);
                ASSERT_TRUE(decoder.feed(Bytes(stream).subspan(at, bytes), [&](const Message& message) {
                    got.push_back(decode_request(here, message.body).value());
                    return true;
                }));
                at += bytes;
            }
            EXPECT_EQ(got, want) << "seed " << seed;
        }
    }
}

TEST(Mc, FramesHaveNames) {
    for (const Frame frame : {Frame::e1, Frame::e3, Frame::e4}) EXPECT_EQ(parse_frame(to_string(frame)), frame);
    EXPECT_FALSE(parse_frame("3C"));
}

}  // namespace
}  // namespace gongshu::wire::mc
