#include "wire/modbus.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace gongshu::wire::modbus {
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

Buffer pdu_of(const Buffer& frame) { return {frame.begin() + kMbapBytes, frame.end()}; }

Request read(Function function, std::uint16_t address, std::uint16_t count) {
    return {function, address, count, {}, {}};
}

// Bits of the bytes in the standard's examples, least significant first.
std::vector<std::uint8_t> bits(std::string_view bytes, std::size_t count) {
    const Buffer packed = hex(bytes);
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(packed[i / 8] >> (i % 8) & 1);
    return out;
}

// The examples of the Modbus Application Protocol Specification V1.1b3, sections 6.1 to 6.12.
TEST(Modbus, ExamplesOfTheStandard) {
    auto f = [](const Request& request, std::string_view asked, std::string_view answered, const Reply& want) {
        const auto frame = encode_request(0x1501, 0xff, request);
        ASSERT_TRUE(frame) << frame.error().text();
        EXPECT_EQ(to_hex(pdu_of(*frame)), to_hex(hex(asked)));
        EXPECT_EQ(decode_request(hex(asked)).value(), request) << asked;
        const auto reply = decode_reply(request, hex(answered));
        ASSERT_TRUE(reply) << reply.error().text();
        EXPECT_EQ(*reply, want) << answered;
        Reply sent = want;
        if (!is_read(request.function)) sent.bits = request.bits, sent.registers = request.registers;
        EXPECT_EQ(to_hex(pdu_of(encode_reply(0x1501, 0xff, sent))), to_hex(hex(answered)));
    };
    using enum Function;
    f(read(read_coils, 0x13, 19), "01 0013 0013", "01 03 CD6B05", {read_coils, {}, 0, 19, bits("CD6B05", 19), {}});
    f(read(read_discrete_inputs, 0xc4, 22), "02 00C4 0016", "02 03 ACDB35",
      {read_discrete_inputs, {}, 0, 22, bits("ACDB35", 22), {}});
    f(read(read_holding_registers, 0x6b, 3), "03 006B 0003", "03 06 022B 0000 0064",
      {read_holding_registers, {}, 0, 3, {}, {0x22b, 0, 0x64}});
    f(read(read_input_registers, 8, 1), "04 0008 0001", "04 02 000A", {read_input_registers, {}, 0, 1, {}, {10}});
    f({write_coil, 0xac, 1, {1}, {}}, "05 00AC FF00", "05 00AC FF00", {write_coil, {}, 0xac, 1, {}, {}});
    f({write_register, 1, 1, {}, {3}}, "06 0001 0003", "06 0001 0003", {write_register, {}, 1, 1, {}, {}});
    f({write_coils, 0x13, 10, bits("CD01", 10), {}}, "0F 0013 000A 02 CD01", "0F 0013 000A",
      {write_coils, {}, 0x13, 10, {}, {}});
    f({write_registers, 1, 2, {}, {10, 0x102}}, "10 0001 0002 04 000A 0102", "10 0001 0002",
      {write_registers, {}, 1, 2, {}, {}});
}

TEST(Modbus, ExceptionOfTheStandardIsAValue) {
    const auto reply = decode_reply(read(Function::read_coils, 0x4a1, 1), hex("81 02"));
    ASSERT_TRUE(reply);
    ASSERT_TRUE(reply->exception);
    EXPECT_EQ(to_string(*reply->exception), "exception 2 (illegal data address)");
    EXPECT_EQ(to_hex(pdu_of(encode_reply(1, 1, refusal(Function::read_coils, Exception::illegal_address)))), "8102");
    EXPECT_EQ(to_string(static_cast<Exception>(77)), "exception 77 (not in the standard)");
}

TEST(Modbus, FrameHasTransactionLengthAndUnit) {
    const auto frame = encode_request(0x1501, 0x11, read(Function::read_holding_registers, 0x6b, 3));
    ASSERT_TRUE(frame);
    EXPECT_EQ(to_hex(*frame), "1501000000061103006b0003");
}

TEST(Modbus, RequestsOutsideTheLimitsAreNotEncoded) {
    auto f = [](const Request& request, std::string_view want) {
        const auto frame = encode_request(1, 1, request);
        ASSERT_FALSE(frame);
        EXPECT_NE(frame.error().text().find(want), std::string::npos) << frame.error().text();
    };
    using enum Function;
    f(read(read_coils, 0, 0), "1 to 2000 values, not 0");
    f(read(read_coils, 0, 2001), "1 to 2000 values, not 2001");
    f(read(read_holding_registers, 0, 126), "1 to 125 values, not 126");
    f(read(read_holding_registers, 65535, 2), "65535 + 2 pass 65535");
    f({write_registers, 0, 2, {}, {1}}, "has 1 values for 2");
    f({write_register, 0, 1, {}, {}}, "has 0 values for 1");
    f({write_coils, 0, 1969, std::vector<std::uint8_t>(1969), {}}, "1 to 1968");
}

TEST(Modbus, ServerAnswersBadRequestsWithTheRightException) {
    auto f = [](std::string_view pdu, Exception want) {
        const auto request = decode_request(hex(pdu));
        ASSERT_FALSE(request) << pdu;
        EXPECT_EQ(request.error(), want) << pdu;
    };
    f("", Exception::illegal_function);
    f("2B 0E 01 00", Exception::illegal_function);
    f("83 0000 0001", Exception::illegal_function);
    f("03 0000", Exception::illegal_value);
    f("03 0000 0001 00", Exception::illegal_value);
    f("03 0000 0000", Exception::illegal_value);
    f("03 0000 007E", Exception::illegal_value);
    f("01 0000 07D1", Exception::illegal_value);
    f("03 FFFF 0002", Exception::illegal_address);
    f("05 0000 1234", Exception::illegal_value);
    f("10 0000 0002 04 0001", Exception::illegal_value);
    f("10 0000 0001 04 0001 0002", Exception::illegal_value);
    f("0F 0000 0009 01 FF", Exception::illegal_value);
}

TEST(Modbus, RepliesThatDoNotMatchAreRefused) {
    auto f = [](const Request& asked, std::string_view pdu, std::string_view want) {
        const auto reply = decode_reply(asked, hex(pdu));
        ASSERT_FALSE(reply) << pdu;
        EXPECT_NE(reply.error().text().find(want), std::string::npos) << reply.error().text();
    };
    const Request two = read(Function::read_holding_registers, 0, 2);
    f(two, "", "total bytes 0");
    f(two, "03", "total bytes 1");
    f(two, "04 04 00010002", "function code 4, expected 3");
    f(two, "03 02 0001", "byte count of 2, expected 4");
    f(two, "03 04 0001", "total bytes 4, expected 6");
    f(two, "03 04 00010002 00", "total bytes 7, expected 6");
    f(two, "83", "exception of total bytes 1");
    f(two, "83 02 00", "exception of total bytes 3");
    f({Function::write_register, 1, 1, {}, {3}}, "06 0001 0004", "echoed value of 4, expected 3");
    f({Function::write_register, 1, 1, {}, {3}}, "06 0002 0003", "echoed address of 2, expected 1");
    f({Function::write_registers, 1, 2, {}, {3, 4}}, "10 0001 0001", "echoed count of 1, expected 2");
}

TEST(Modbus, DecoderTakesAnySplit) {
    Buffer stream;
    std::vector<std::string> want;
    for (std::uint16_t i = 0; i < 50; ++i) {
        Request request{Function::write_registers, i, static_cast<std::uint16_t>(1 + i % 123), {}, {}};
        request.registers.assign(request.count, i);
        const Buffer frame = encode_request(i, static_cast<std::uint8_t>(i), request).value();
        stream.insert(stream.end(), frame.begin(), frame.end());
        want.push_back(to_hex(pdu_of(frame)));
    }
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Rng rng{seed};
        FrameDecoder decoder;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t bytes = std::min<std::size_t>(1 + rng.below(300), stream.size() - at);
            ASSERT_TRUE(decoder.feed(Bytes(stream).subspan(at, bytes), [&](const Frame& frame) {
                EXPECT_EQ(frame.transaction, got.size());
                EXPECT_EQ(frame.unit, got.size());
                got.push_back(to_hex(frame.pdu));
                return true;
            }));
            at += bytes;
            EXPECT_LE(decoder.buffered_bytes(), 260u);
        }
        EXPECT_EQ(got, want) << "seed " << seed;
    }
}

TEST(Modbus, DecoderRefusesHeadersThatCannotBe) {
    auto f = [](std::string_view bytes, bool fine) {
        FrameDecoder decoder;
        const auto result = decoder.feed(hex(bytes), [](const Frame&) { return true; });
        EXPECT_EQ(result.has_value(), fine) << bytes;
        if (fine) return;
        EXPECT_EQ(result.error().code(), Code::malformed);
        EXPECT_FALSE(decoder.feed(hex("0001 0000 0002 01 03"), [](const Frame&) { return true; })) << "stays broken";
        decoder.reset();
        EXPECT_TRUE(decoder.feed(hex("0001 0000 0002 01 03"), [](const Frame&) { return true; }));
    };
    f("0001 0000 0003 01 83 02", true);
    f("0001 0000 00", true);
    f("0001 0001 0003", false);
    f("0001 0000 0001", false);
    f("0001 0000 0000", false);
    f("0001 0000 00FF", false);
    f("0001 0000 00FE", true);
    f("4854 5450 2f31", false);
}

TEST(ModbusValue, DecodesEveryEncoding) {
    auto f = [](ValueCodec codec, std::vector<std::uint16_t> registers, ValueType type, const Value& want) {
        const auto value = decode_value(codec, registers, type);
        ASSERT_TRUE(value) << value.error().text();
        EXPECT_EQ(gongshu::to_string(*value), gongshu::to_string(want)) << to_string(codec.encoding);
        EXPECT_EQ(value->index(), want.index());
        const auto back =
            encode_value(codec, *value, codec.encoding == Encoding::bit ? registers[0] : std::uint16_t{0});
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, registers) << to_string(codec.encoding);
    };
    using enum Encoding;
    using enum WordOrder;
    constexpr auto number = ValueType::number, integer = ValueType::integer, boolean = ValueType::boolean,
                   words = ValueType::text;
    f({.encoding = u16}, {65535}, integer, std::int64_t{65535});
    f({.encoding = i16}, {65535}, integer, std::int64_t{-1});
    f({.encoding = u16, .order = badc}, {0x3412}, integer, std::int64_t{0x1234});
    f({.encoding = u32}, {0x1234, 0x5678}, integer, std::int64_t{0x12345678});
    f({.encoding = u32, .order = badc}, {0x3412, 0x7856}, integer, std::int64_t{0x12345678});
    f({.encoding = u32, .order = cdab}, {0x5678, 0x1234}, integer, std::int64_t{0x12345678});
    f({.encoding = u32, .order = dcba}, {0x7856, 0x3412}, integer, std::int64_t{0x12345678});
    f({.encoding = i32}, {0xffff, 0xfffe}, integer, std::int64_t{-2});
    f({.encoding = u64}, {0, 0, 0x1234, 0x5678}, integer, std::int64_t{0x12345678});
    f({.encoding = u64, .order = cdab}, {0x5678, 0x1234, 0, 0}, integer, std::int64_t{0x12345678});
    f({.encoding = u64, .order = dcba}, {0x7856, 0x3412, 0, 0}, integer, std::int64_t{0x12345678});
    f({.encoding = u64}, {0x8000, 0, 0, 0}, number, 0x1p63);
    f({.encoding = i64}, {0x8000, 0, 0, 0}, integer, std::numeric_limits<std::int64_t>::min());
    f({.encoding = i64}, {0xffff, 0xffff, 0xffff, 0xffff}, integer, std::int64_t{-1});
    f({.encoding = f32}, {0x41c8, 0x0000}, number, 25.0);
    f({.encoding = f32, .order = cdab}, {0x0000, 0x41c8}, number, 25.0);
    f({.encoding = f32}, {0x40f6, 0xb852}, number, 7.71);
    f({.encoding = f32}, {0x0000, 0x0001}, number, 1e-45);
    f({.encoding = f32}, {0x7f7f, 0xffff}, number, 3.4028235e38);
    f({.encoding = f64}, {0x4039, 0, 0, 0}, number, 25.0);
    f({.encoding = bcd16}, {0x1234}, integer, std::int64_t{1234});
    f({.encoding = bcd32}, {0x1234, 0x5678}, integer, std::int64_t{12345678});
    f({.encoding = bcd32, .order = cdab}, {0x5678, 0x1234}, integer, std::int64_t{12345678});
    f({.encoding = bit, .bit = 0}, {0x0001}, boolean, true);
    f({.encoding = bit, .bit = 15}, {0x7fff}, boolean, false);
    f({.encoding = bit, .order = badc, .bit = 0}, {0x0100}, boolean, true);
    f({.encoding = text, .text_registers = 3}, {0x4f31, 0x3032, 0}, words, std::string("O102"));
    f({.encoding = text, .order = badc, .text_registers = 2}, {0x314f, 0x3230}, words, std::string("O102"));
    f({.encoding = u16, .scale = 0.1}, {3}, number, 0.3);
    f({.encoding = i16, .scale = 0.1, .offset = -40}, {static_cast<std::uint16_t>(-235)}, number, -63.5);
    f({.encoding = u16, .scale = 10}, {250}, integer, std::int64_t{2500});
    f({.encoding = f32, .scale = 1000}, {0x3f80, 0}, number, 1000.0);
    f({.encoding = u16}, {1}, boolean, true);
}

TEST(ModbusValue, SaysWhatDoesNotFit) {
    auto decode = [](ValueCodec codec, std::vector<std::uint16_t> registers, ValueType type, std::string_view want) {
        const auto value = decode_value(codec, registers, type);
        ASSERT_FALSE(value);
        EXPECT_NE(value.error().text().find(want), std::string::npos) << value.error().text();
    };
    decode({.encoding = Encoding::bcd16}, {0x12a4}, ValueType::integer, "digit is over 9");
    decode({.encoding = Encoding::u64}, {0x8000, 0, 0, 0}, ValueType::integer, "not exactly a integer");
    decode({.encoding = Encoding::u16, .scale = 0.1}, {3}, ValueType::integer, "0.3");
    decode({.encoding = Encoding::text, .text_registers = 1}, {0xff41}, ValueType::text, "not UTF-8");
    decode({.encoding = Encoding::u16}, {2}, ValueType::boolean, "not exactly a boolean");
    decode({.encoding = Encoding::f32}, {0x7fc0, 0}, ValueType::integer, "not exactly");

    auto encode = [](ValueCodec codec, const Value& value, Code code) {
        const auto registers = encode_value(codec, value);
        ASSERT_FALSE(registers) << gongshu::to_string(value);
        EXPECT_EQ(registers.error().code(), code) << registers.error().text();
    };
    encode({.encoding = Encoding::u16}, std::int64_t{65536}, Code::limit);
    encode({.encoding = Encoding::u16}, std::int64_t{-1}, Code::limit);
    encode({.encoding = Encoding::u16, .scale = 0.1}, 6553.6, Code::limit);
    encode({.encoding = Encoding::i16}, 32768.0, Code::limit);
    encode({.encoding = Encoding::i16}, std::numeric_limits<double>::quiet_NaN(), Code::limit);
    encode({.encoding = Encoding::i64}, 0x1p63, Code::limit);
    encode({.encoding = Encoding::u64}, 0x1p64, Code::limit);
    encode({.encoding = Encoding::bcd16}, std::int64_t{10000}, Code::limit);
    encode({.encoding = Encoding::f32}, 1e39, Code::limit);
    auto between = [](ValueCodec codec, const Value& value, std::string_view want) {
        const auto registers = encode_value(codec, value);
        ASSERT_FALSE(registers) << gongshu::to_string(value);
        EXPECT_NE(registers.error().text().find(want), std::string::npos) << registers.error().text();
    };
    between({.encoding = Encoding::u16}, 80.5,
            "80.5 cannot be written exactly: the nearest values that u16 can hold are 80 and 81");
    between({.encoding = Encoding::i16, .scale = 0.1}, -3.14, "-3.2 and -3.1");
    between({.encoding = Encoding::u16, .scale = 10}, std::int64_t{2505}, "2500 and 2510");
    between({.encoding = Encoding::i16, .scale = -2, .offset = 1}, 2.0, "1 and 3");
    between({.encoding = Encoding::f32}, std::int64_t{16777217}, "16777216 and 16777218");
    auto fits = [](ValueCodec codec, double value) { EXPECT_TRUE(encode_value(codec, value)) << value; };
    fits({.encoding = Encoding::u16, .scale = 0.1}, 80.1);
    fits({.encoding = Encoding::i32, .scale = 0.001, .offset = -273.15}, 21.85);
    fits({.encoding = Encoding::i32, .scale = 1e-6, .offset = 1e6}, 1e6 + 0.123456);
    fits({.encoding = Encoding::f32}, 80.1);
    encode({.encoding = Encoding::bit}, std::int64_t{2}, Code::limit);
    encode({.encoding = Encoding::text, .text_registers = 1}, std::string("abc"), Code::limit);
    encode({.encoding = Encoding::text}, 1.0, Code::invalid);
    encode({.encoding = Encoding::u16}, std::string("1"), Code::invalid);
}

TEST(ModbusValue, ABitLeavesItsNeighboursAlone) {
    EXPECT_EQ(encode_value({.encoding = Encoding::bit, .bit = 3}, true, 0xf0f0).value().at(0), 0xf0f8);
    EXPECT_EQ(encode_value({.encoding = Encoding::bit, .bit = 4}, false, 0xf0f0).value().at(0), 0xf0e0);
    EXPECT_EQ(encode_value({.encoding = Encoding::bit, .order = WordOrder::badc, .bit = 0}, true, 0x0000).value().at(0),
              0x0100);
}

TEST(ModbusValue, EveryIntegerEncodingComesBack) {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        Rng rng{seed};
        ValueCodec codec;
        codec.encoding = static_cast<Encoding>(rng.below(6));
        codec.order = static_cast<WordOrder>(rng.below(4));
        std::vector<std::uint16_t> registers(register_count(codec));
        for (auto& word : registers) word = static_cast<std::uint16_t>(rng.next());
        const auto value = decode_value(codec, registers, ValueType::integer);
        if (!value) continue;  // u64 over 2^63
        EXPECT_EQ(encode_value(codec, *value).value(), registers) << "seed " << seed;
    }
}

TEST(ModbusValue, NamesRoundTrip) {
    for (int i = 0; i <= static_cast<int>(Encoding::text); ++i)
        EXPECT_EQ(parse_encoding(to_string(static_cast<Encoding>(i))), static_cast<Encoding>(i));
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(parse_word_order(to_string(static_cast<WordOrder>(i))), static_cast<WordOrder>(i));
    EXPECT_FALSE(parse_encoding("u17"));
    EXPECT_FALSE(parse_word_order("ACBD"));
}

}  // namespace
}  // namespace gongshu::wire::modbus
