#include "wire/s7.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::s7 {
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

Item bytes_of(std::uint16_t block, std::uint32_t start, std::uint16_t count) {
    return {Area::data_block, Transport::byte, block, start, 0, count};
}
Item bit_of(Area area, std::uint16_t block, std::uint32_t start, std::uint8_t bit) {
    return {area, Transport::bit, block, start, bit, 1};
}

// What arrives of `bytes`, one line each.
std::string told(const Arrival& arrival) {
    if (const auto* connect = std::get_if<Connect>(&arrival))
        return fmt::format("{} {} {} {} {} {}", connect->confirm ? "confirm" : "connect", connect->destination,
                           connect->source, connect->tpdu_bytes_max, to_hex(connect->calling), to_hex(connect->called));
    if (const auto* disconnect = std::get_if<Disconnect>(&arrival))
        return fmt::format("disconnect {} {} {}", disconnect->destination, disconnect->source, disconnect->reason);
    if (const auto* rejection = std::get_if<Rejection>(&arrival))
        return fmt::format("rejection {} {}", rejection->destination, rejection->cause);
    return to_hex(std::get<Packet>(arrival).pdu);
}

std::vector<std::string> arrivals(Bytes bytes, Result<void>* result = nullptr) {
    FrameDecoder decoder;
    std::vector<std::string> lines;
    const auto fed = decoder.feed(bytes, [&](const Arrival& arrival) {
        lines.push_back(told(arrival));
        return true;
    });
    if (result != nullptr) *result = fed;
    return lines;
}

TEST(S7, ConnectionsAsTheyStandInCaptures) {
    EXPECT_EQ(to_hex(encode_connect(connect_request({0x0100, 0x0102}))),
              "0300001611e00000000100c0010ac1020100c2020102");
    const auto lines =
        arrivals(hex("0300001611e00000000100c1020100c2020102c0010a"
                     "0300001611d00001000300c0010ac1020100c2020102"
                     "0300000b0680000100030302f080"));
    EXPECT_EQ(lines, (std::vector<std::string>{"connect 0 1 1024 0100 0102", "confirm 1 3 1024 0100 0102",
                                               "disconnect 1 3 3"}));
    EXPECT_EQ(to_hex(encode_disconnect({1, 3, 128})), "0300000b06800001000380");
    EXPECT_EQ(arrivals(encode_disconnect({1, 3, 128})), (std::vector<std::string>{"disconnect 1 3 128"}));
    EXPECT_EQ(arrivals(hex("03000009047000 01 02")), (std::vector<std::string>{"rejection 1 2"}));
}

TEST(S7, AConfirmationAgreesOnTheSmallerSize) {
    auto f = [](std::uint16_t asked, std::uint16_t ours, std::uint16_t want) {
        Connect request = connect_request({0x0100, 0x0301}, 9);
        request.tpdu_bytes_max = asked;
        const Connect confirm = connect_confirm(request, 5, ours);
        EXPECT_TRUE(confirm.confirm);
        EXPECT_EQ(confirm.destination, 9);
        EXPECT_EQ(confirm.tpdu_bytes_max, want);
        EXPECT_EQ(arrivals(encode_connect(confirm)), (std::vector<std::string>{told(confirm)}));
    };
    f(1024, 512, 512);
    f(512, 1024, 512);
    f(0, 512, 0);
    f(8192, 1024, 1024);
}

TEST(S7, WhomToConnect) {
    auto slot = [](int rack, int place, Resource resource, std::string_view want) {
        EXPECT_EQ(tsap_text(tsaps_of_slot(rack, place, resource).value().remote), want);
    };
    slot(0, 2, Resource::pg, "01.02");
    slot(0, 1, Resource::basic, "03.01");
    slot(1, 4, Resource::op, "02.24");
    slot(7, 31, Resource::basic, "03.FF");
    EXPECT_FALSE(tsaps_of_slot(8, 0));
    EXPECT_FALSE(tsaps_of_slot(0, 32));
    EXPECT_FALSE(tsaps_of_slot(-1, 0));

    auto tsap = [](std::string_view text, std::optional<std::uint16_t> want) {
        const auto got = parse_tsap(text);
        EXPECT_EQ(got ? std::optional(*got) : std::nullopt, want) << text;
    };
    tsap("03.01", 0x0301);
    tsap("4d57", 0x4d57);
    tsap("0x1000", 0x1000);
    tsap("16#02A0", 0x02a0);
    for (const auto* wrong : {"", "3.1", "03,01", "030", "03.0g", "03.011", "0301 ", "+3.01", "03.-1"}) tsap(wrong, {});

    for (int i = 0; i <= static_cast<int>(Plc::logo); ++i)
        EXPECT_EQ(parse_plc(to_string(static_cast<Plc>(i))), static_cast<Plc>(i));
    EXPECT_FALSE(parse_plc("s7-500"));
    EXPECT_EQ(usual_tsaps(Plc::s7_300), tsaps_of_slot(0, 2).value());
    EXPECT_EQ(usual_tsaps(Plc::s7_1500), tsaps_of_slot(0, 1).value());
    EXPECT_EQ(tsap_text(usual_tsaps(Plc::s7_200_smart).local), "10.00");
}

TEST(S7, FragmentsAreJoinedAndMade) {
    Buffer pdu;
    for (int i = 0; i < 960; ++i) pdu.push_back(static_cast<std::uint8_t>(i * 7));
    for (const std::uint16_t size : std::initializer_list<std::uint16_t>{0, 128, 256, 512, 1024}) {
        const Buffer frames = encode_packet(pdu, size);
        EXPECT_EQ(frames.size(), 960u + 7u * (size == 0 ? 1u : (960u + size - 4u) / (size - 3u))) << size;
        EXPECT_EQ(arrivals(frames), (std::vector<std::string>{to_hex(pdu)})) << size;
    }
    // Empty fragments, with and without the mark of the end, are what some peers send to be heard.
    EXPECT_EQ(arrivals(hex("0300000702f000 0300000702f080 0300000802f00032 0300000802f08001")),
              (std::vector<std::string>{"3201"}));
    Buffer endless;
    for (int i = 0; i < 2; ++i) {
        const Buffer part = encode_packet(pdu);
        endless.insert(endless.end(), part.begin(), part.end());
        endless[endless.size() - 961] = 0;  // not the end
    }
    Result<void> result;
    EXPECT_TRUE(arrivals(endless, &result).empty());
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().text().find("a PDU of bytes 1920, expected 960"), std::string::npos);
}

TEST(S7, DecoderTakesAnySplit) {
    Buffer stream;
    std::vector<std::string> want;
    Rng make{7};
    for (int i = 0; i < 40; ++i) {
        Buffer pdu(1 + make.below(960));
        for (auto& byte : pdu) byte = static_cast<std::uint8_t>(make.next());
        const Buffer frames = encode_packet(pdu, i % 2 == 0 ? 0 : 128);
        stream.insert(stream.end(), frames.begin(), frames.end());
        want.push_back(to_hex(pdu));
    }
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Rng rng{seed};
        FrameDecoder decoder;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t bytes = std::min<std::size_t>(1 + rng.below(400), stream.size() - at);
            ASSERT_TRUE(decoder.feed(Bytes(stream).subspan(at, bytes), [&](const Arrival& arrival) {
                got.push_back(told(arrival));
                return true;
            }));
            at += bytes;
            EXPECT_LE(decoder.buffered_bytes(), kFrameBytesMax + kPduBytesMax);
        }
        EXPECT_EQ(got, want) << "seed " << seed;
    }
}

TEST(S7, DecoderRefusesWhatCannotBeAFrame) {
    auto f = [](std::string_view bytes, std::string_view want) {
        FrameDecoder decoder;
        const auto result = decoder.feed(hex(bytes), [](const Arrival&) { return true; });
        ASSERT_FALSE(result) << bytes;
        EXPECT_EQ(result.error().code(), Code::malformed);
        EXPECT_NE(result.error().text().find(want), std::string::npos) << result.error().text();
        EXPECT_FALSE(decoder.feed(hex("0300000802f08001"), [](const Arrival&) { return true; })) << "stays broken";
        decoder.reset();
        EXPECT_TRUE(decoder.feed(hex("0300000802f08001"), [](const Arrival&) { return true; }));
    };
    f("48545450", "version 72, expected 3");
    f("03000006", "a frame of bytes 6");
    f("030003c8", "a frame of bytes 968, expected 967");
    f("0300000701f080", "a header of bytes 1");
    f("0300000703f080", "a header of bytes 3, expected 2");
    f("0300000803f08001", "a data header of bytes 3");
    f("03000007021080", "a message of kind 16");
    f("0300000906e000000000", "a header of bytes 6, expected 4");
    f("0300000a05e00000000100", "a connection header of bytes 5");
    f("0300000b06d00001000240", "transport class 4");
    f("0300000d08e000000001 00c103", "a parameter that is cut off");
    f("0300000a0580000100030300", "a disconnection of bytes 5");
    f("03000008037000 01", "a rejection of bytes 3");
}

// An agreement, a read and a write as they are printed in descriptions of the protocol.
TEST(S7, MessagesAsTheyStandInCaptures) {
    auto f = [](std::uint16_t reference, const Request& request, std::string_view asked, std::string_view answered,
                const Reply& want) {
        const auto pdu = encode_request(reference, request);
        ASSERT_TRUE(pdu) << pdu.error().text();
        EXPECT_EQ(to_hex(*pdu), to_hex(hex(asked)));
        EXPECT_EQ(decode_request(decode_message(hex(asked)).value()).value(), request) << asked;
        const auto reply = decode_reply(reference, request, hex(answered));
        ASSERT_TRUE(reply) << reply.error().text();
        EXPECT_EQ(*reply, want) << answered;
        EXPECT_EQ(to_hex(encode_reply(reference, request, want)), to_hex(hex(answered)));
    };
    f(0x400, Agreement{1, 1, 480}, "32010000 0400 0008 0000 f0 00 0001 0001 01e0",
      "32030000 0400 0008 0000 0000 f0 00 0001 0001 00f0", Agreement{1, 1, 240});
    f(0x500, ReadItems{{bytes_of(10, 4, 4), bit_of(Area::memory, 0, 3, 5)}},
      "32010000 0500 001a 0000 04 02 120a1002 0004 000a 84 000020 120a1001 0001 0000 83 00001d",
      "32030000 0500 0002 000d 0000 04 02 ff04 0020 41c80000 ff03 0001 01",
      ItemValues{{{ReturnCode::success, hex("41c80000")}, {ReturnCode::success, hex("01")}}});
    // Data of odd length is filled up, but not the last.
    f(1, ReadItems{{bytes_of(1, 0, 1), bytes_of(1, 2, 3), bytes_of(1, 9, 1)}},
      "32010000 0001 0026 0000 04 03 120a1002 0001 0001 84 000000 120a1002 0003 0001 84 000010"
      " 120a1002 0001 0001 84 000048",
      "32030000 0001 0002 0013 0000 04 03 ff04 0008 aa00 ff04 0018 01020300 ff04 0008 bb",
      ItemValues{
          {{ReturnCode::success, hex("aa")}, {ReturnCode::success, hex("010203")}, {ReturnCode::success, hex("bb")}}});
    f(2, ReadItems{{bytes_of(99, 0, 2), bytes_of(1, 0, 2)}},
      "32010000 0002 001a 0000 04 02 120a1002 0002 0063 84 000000 120a1002 0002 0001 84 000000",
      "32030000 0002 0002 000a 0000 04 02 0a00 0000 ff04 0010 1234",
      ItemValues{{{ReturnCode::object_missing, {}}, {ReturnCode::success, hex("1234")}}});
    f(3, ReadItems{{{Area::timers, Transport::timer, 0, 5, 0, 1}, {Area::counters, Transport::counter, 0, 3, 0, 2}}},
      "32010000 0003 001a 0000 04 02 120a101d 0001 0000 1d 000005 120a101c 0002 0000 1c 000003",
      "32030000 0003 0002 000e 0000 04 02 ff09 0002 2123 ff09 0004 00000999",
      ItemValues{{{ReturnCode::success, hex("2123")}, {ReturnCode::success, hex("00000999")}}});
    f(4, WriteItems{{bit_of(Area::outputs, 0, 0, 7), bytes_of(10, 2, 2)}, {hex("01"), hex("1234")}},
      "32010000 0004 001a 000c 05 02 120a1001 0001 0000 82 000007 120a1002 0002 000a 84 000010"
      " 0003 0001 0100 0004 0010 1234",
      "32030000 0004 0002 0002 0000 05 02 ff05", ItemCodes{{ReturnCode::success, ReturnCode::address_out_of_range}});
    f(5, ReadItems{{bytes_of(1, 0, 2)}}, "32010000 0005 000e 0000 04 01 120a1002 0002 0001 84 000000",
      "32020000 0005 0000 0000 8104", Refusal{HeaderError::function_unavailable});
    f(6, ReadSzl{0x11, 0, 0}, "32070000 0006 0008 0008 000112 04 11 44 01 00 ff09 0004 0011 0000",
      "32070000 0006 000c 0006 000112 08 12 84 01 07 00 01 0000 ff09 0002 abcd",
      SzlPart{ReturnCode::success, HeaderError::none, 7, true, hex("abcd")});
    f(7, ReadSzl{0, 0, 7}, "32070000 0007 000c 0004 000112 08 12 44 01 07 00 00 0000 0a00 0000",
      "32070000 0007 000c 0004 000112 08 12 84 01 00 00 00 d401 0a00 0000",
      SzlPart{ReturnCode::object_missing, static_cast<HeaderError>(0xd401), 0, false, {}});
}

TEST(S7, RequestsOutsideTheLimitsAreNotEncoded) {
    auto f = [](const Request& request, std::uint16_t pdu_bytes, Code code, std::string_view want) {
        const auto pdu = encode_request(1, request, pdu_bytes);
        ASSERT_FALSE(pdu) << want;
        EXPECT_EQ(pdu.error().code(), code);
        EXPECT_NE(pdu.error().text().find(want), std::string::npos) << pdu.error().text();
    };
    f(ReadItems{}, 240, Code::invalid, "has 0 items: expected 1 to 255");
    f(ReadItems{std::vector<Item>(256, bytes_of(1, 0, 1))}, 960, Code::invalid, "has 256 items");
    f(ReadItems{{bytes_of(1, 0, 0)}}, 240, Code::invalid, "0 elements");
    f(ReadItems{{bytes_of(1, 1u << 21, 1)}}, 240, Code::invalid, "S7 address 2097152: expected 0 to 2097151");
    f(ReadItems{{{Area::memory, Transport::bit, 0, 0, 0, 2}}}, 240, Code::invalid, "of bits only 1");
    f(ReadItems{{bit_of(Area::memory, 0, 0, 8)}}, 240, Code::invalid, "S7 bit 8");
    f(ReadItems{{bytes_of(1, 0, 223)}}, 240, Code::limit, "has 241 bytes: 240 were agreed");
    f(ReadItems{std::vector<Item>(20, bytes_of(1, 0, 1))}, 240, Code::limit, "has 252 bytes");
    f(WriteItems{{bytes_of(1, 0, 213)}, {Buffer(213)}}, 240, Code::limit, "has 241 bytes");
    f(WriteItems{{bytes_of(1, 0, 2)}, {Buffer(1)}}, 240, Code::invalid, "an S7 item of 2 bytes is written with 1");
    f(WriteItems{{bytes_of(1, 0, 2)}, {}}, 240, Code::invalid, "written with 0");
    EXPECT_TRUE(encode_request(1, ReadItems{{bytes_of(1, 0, 222)}}, 240));
    EXPECT_TRUE(encode_request(1, ReadItems{std::vector<Item>(19, bytes_of(1, 0, 1))}, 240));
    EXPECT_TRUE(encode_request(1, WriteItems{{bytes_of(1, 0, 212)}, {Buffer(212)}}, 240));
}

TEST(S7, TheLengthsOfMessagesAreKnownBefore) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Rng rng{seed};
        ReadItems read;
        WriteItems write;
        ItemValues values;
        for (std::uint64_t n = 1 + rng.below(6); n > 0; --n) {
            const Item item = rng.chance(0.3) ? bit_of(Area::memory, 0, 1, 2)
                                              : bytes_of(1, 0, static_cast<std::uint16_t>(1 + rng.below(30)));
            read.items.push_back(item);
            write.items.push_back(item);
            write.data.emplace_back(byte_count(item));
            values.items.push_back({ReturnCode::success, Buffer(byte_count(item))});
        }
        EXPECT_EQ(encode_request(1, read).value().size(), request_bytes(read)) << seed;
        EXPECT_EQ(encode_request(1, write).value().size(), request_bytes(write)) << seed;
        EXPECT_EQ(encode_reply(1, read, values).size(), reply_bytes(read)) << seed;
    }
}

TEST(S7, RepliesThatDoNotMatchAreRefused) {
    auto f = [](const Request& asked, std::string_view pdu, std::string_view want) {
        const auto reply = decode_reply(5, asked, hex(pdu));
        ASSERT_FALSE(reply) << pdu;
        EXPECT_EQ(reply.error().code(), Code::malformed);
        EXPECT_NE(reply.error().text().find(want), std::string::npos) << reply.error().text();
    };
    const Request two = ReadItems{{bytes_of(1, 0, 2)}};
    f(two, "", "begins with 0x, expected 0x32");
    f(two, "72010000000000000000", "begins with 0x72010000");
    f(two, "32030000 0005 0002 0006 0000 0401 ff04 0010 12", "has a header of 12, 2 of parameters and 6 of data");
    f(two, "32030000 0005 0000 0000 00", "has a header of 12");
    f(two, "32030000 0006 0002 0006 0000 0401 ff04 0010 1234", "reference 6, expected 5");
    f(two, "32010000 0005 0002 0006 0401 ff04 0010 1234", "message of kind 1, expected 3");
    f(two, "32030000 0005 0002 0006 0000 0501 ff04 0010 1234", "function 5, expected 4");
    f(two, "32030000 0005 0001 0006 0000 04 ff04 0010 1234", "parameters of bytes 1, expected 2");
    f(two, "32030000 0005 0002 0006 0000 0402 ff04 0010 1234", "a count of items 2, expected 1");
    f(two, "32030000 0005 0002 0005 0000 0401 ff04 0010 12", "whole items 0, expected 1");
    f(two, "32030000 0005 0002 0005 0000 0401 ff04 0008 12", "an item of bytes 1, expected 2");
    f(two, "32030000 0005 0002 0008 0000 0401 ff04 0010 12345678", "bytes behind the last item 2");
    const Request write = WriteItems{{bytes_of(1, 0, 2), bytes_of(1, 2, 2)}, {Buffer(2), Buffer(2)}};
    f(write, "32030000 0005 0002 0001 0000 0502 ff", "codes of items 1, expected 2");
    f(Agreement{}, "32030000 0005 0008 0000 0000 f000 0001 0001 0020", "PDUs of bytes 32, expected 64");
    f(Agreement{}, "32030000 0005 0007 0000 0000 f000 0001 0001 00", "parameters of bytes 7");
    f(ReadSzl{0x11, 0, 0}, "32070000 0005 0008 0000 0001120811840100", "parameters of bytes 8");
    // A length is counted in bits or in bytes by its kind; a real says bytes.
    EXPECT_TRUE(decode_reply(5, two, hex("32030000 0005 0002 0006 0000 0401 ff07 0002 1234")));
    // A refused item may say a length without having data, and the last one may be filled up too.
    EXPECT_TRUE(decode_reply(5, two, hex("32030000 0005 0002 0004 0000 0401 0504 0010")));
    EXPECT_TRUE(
        decode_reply(5, ReadItems{{bytes_of(1, 0, 1)}}, hex("32030000 0005 0002 0006 0000 0401 ff04 0008 1200")));
    EXPECT_EQ(
        std::get<Agreement>(
            decode_reply(5, Agreement{1, 1, 240}, hex("32030000 0005 0008 0000 0000 f000 0001 0001 03c0")).value())
            .pdu_bytes,
        240);
}

TEST(S7, ServerRefusesWhatItDoesNotKnow) {
    auto f = [](std::string_view pdu) {
        const auto request = decode_request(decode_message(hex(pdu)).value());
        ASSERT_FALSE(request) << pdu;
        EXPECT_EQ(request.error(), HeaderError::function_unavailable) << pdu;
    };
    f("32010000 0001 0000 0000");
    f("32010000 0001 0002 0000 2800");
    f("32010000 0001 0002 0000 0400");
    f("32010000 0001 000d 0000 0401 120a1002 0001 0001 84 0000");
    f("32010000 0001 000e 0000 0401 120ab202 0001 0001 84 000000");  // another syntax
    f("32030000 0001 0002 0000 0000 0401");
    f("32070000 0001 0008 0000 000112 04 11 43 01 00");
    f("32070000 0001 0008 0000 000112 04 11 44 01 00");
    const auto cut = decode_request(
        decode_message(hex("32010000 0001 000e 0005 0501 120a1002 0002 0001 84 000000 0004 0010 12")).value());
    EXPECT_EQ(cut.error(), HeaderError::pdu_too_long);
}

TEST(S7, ReasonsAreWords) {
    auto f = [](const Error& error, std::string_view want) { EXPECT_EQ(error.text(), want); };
    f(explain(bytes_of(10, 4, 8), ReturnCode::address_out_of_range),
      "DB10, byte 4 (8 bytes): code 0x05 (the address is out of range: the area or data block is shorter than that, or "
      "the data block is optimised)");
    f(explain(bytes_of(10, 4, 8), ReturnCode::object_missing),
      "DB10, byte 4 (8 bytes): code 0x0a (there is no such data block, or it is optimised or PUT/GET is off: in TIA "
      "Portal switch off \"Optimized block access\" of the block, and allow PUT/GET communication in the protection "
      "settings of the CPU)");
    f(explain({Area::timers, Transport::timer, 0, 5, 0, 1}, ReturnCode::object_missing),
      "T5: code 0x0a (the object does not exist: the CPU has no such data block or area)");
    f(explain({Area::counters, Transport::counter, 0, 5, 0, 3}, static_cast<ReturnCode>(0x77)),
      "C5-C7: code 0x77 (not in the list of known codes)");
    f(explain(bit_of(Area::outputs, 0, 1, 7), ReturnCode::access_denied),
      "Q1.7: code 0x03 (access denied: allow PUT/GET communication in the protection settings of the CPU)");
    EXPECT_EQ(to_string(bit_of(Area::data_block, 3, 1, 7)), "DB3.DBX1.7");
    EXPECT_EQ(to_string(Item{Area::inputs, Transport::word, 0, 64, 0, 2}), "I, byte 64 (4 bytes)");
    f(explain(HeaderError::function_unavailable),
      "the PLC answers with error 0x8104 (the CPU does not offer this, or PUT/GET is off: allow it in the protection "
      "settings of the CPU)");
    f(explain(static_cast<HeaderError>(0x8599)), "the PLC answers with error 0x8599 (fault of the message)");
    f(explain(static_cast<HeaderError>(0x1234)), "the PLC answers with error 0x1234 (not in the list of known codes)");
    f(explain(Disconnect{1, 2, 3}),
      "the PLC refuses the connection: reason 3 (the CPU does not know this TSAP: are rack and slot right?)");
    f(explain(Rejection{1, 2}), "the PLC rejects what was sent: cause 2 (a message has a wrong kind)");
}

TEST(S7, ACpuSaysWhoItIs) {
    const Identity all{"6ES7 315-2EH14-0AB0", "V3.2.6",          "SIMATIC 300",
                       "CPU of line 1",       "CPU 315-2 PN/DP", "S C-X4U421"};
    Identity got;
    ASSERT_TRUE(add_identity(got, encode_identity(all, kSzlModule)));
    EXPECT_EQ(got, (Identity{all.order_number, all.firmware, {}, {}, {}, {}}));
    ASSERT_TRUE(add_identity(got, encode_identity(all, kSzlComponent)));
    EXPECT_EQ(got, all);

    Buffer list = encode_identity(all, kSzlModule);
    EXPECT_FALSE(add_identity(got, Bytes(list).first(7)));
    Identity cut;
    EXPECT_TRUE(add_identity(cut, Bytes(list).first(list.size() - 1)));
    EXPECT_EQ(cut, (Identity{all.order_number, {}, {}, {}, {}, {}}));
    list[5] = 27;  // shorter records than there are
    EXPECT_FALSE(add_identity(got, list));
    list = encode_identity(all, kSzlModule);
    list[1] = 0x12;
    EXPECT_FALSE(add_identity(got, list));
    list = encode_identity(all, kSzlModule);
    list[12] = 0x07;  // no printable character
    ASSERT_TRUE(add_identity(got, list));
    EXPECT_EQ(got.order_number, "6E?7 315-2EH14-0AB0");
}

}  // namespace
}  // namespace gongshu::wire::s7
