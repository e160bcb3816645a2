#include "wire/modbus_server.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

// The examples of the Modbus Application Protocol Specification V1.1b3, sections 6.16, 6.17 and 6.21.
TEST(ModbusServer, ExamplesOfTheStandard) {
    const auto f = [](std::string_view bytes, const Asked& want) {
        const auto asked = decode_asked(hex(bytes));
        ASSERT_TRUE(asked) << bytes;
        EXPECT_TRUE(*asked == want) << bytes;
        EXPECT_EQ(to_hex(encode_asked_pdu(want)), to_hex(hex(bytes)));
    };
    f("16 0004 00F2 0025", MaskWrite{4, 0xf2, 0x25});
    EXPECT_EQ(to_hex(encode_reply_pdu(MaskWrite{4, 0xf2, 0x25})), to_hex(hex("16 0004 00F2 0025")));
    ReadWrite both;
    both.read = {Function::read_holding_registers, 3, 6, {}, {}};
    both.write = {Function::write_registers, 0x0e, 3, {}, {0xff, 0xff, 0xff}};
    f("17 0003 0006 000E 0003 06 00FF 00FF 00FF", both);
    EXPECT_EQ(to_hex(encode_read_write_reply_pdu({0xfe, 0xacd, 1, 3, 0xd, 0xff})),
              to_hex(hex("17 0C 00FE 0ACD 0001 0003 000D 00FF")));
    f("2B 0E 01 00", AskIdentity{IdentityCode::basic, 0});
    f("03 006B 0003", Request{Function::read_holding_registers, 0x6b, 3, {}, {}});
}

TEST(ModbusServer, WhatIsWrongGetsItsException) {
    const auto f = [](std::string_view bytes, Exception want) {
        const auto asked = decode_asked(hex(bytes));
        ASSERT_FALSE(asked) << bytes;
        EXPECT_EQ(static_cast<int>(asked.error()), static_cast<int>(want)) << bytes;
    };
    f("", Exception::illegal_function);
    f("07", Exception::illegal_function);
    f("83 0000 0001", Exception::illegal_function);
    f("2B 0D 00", Exception::illegal_function);
    f("2B", Exception::illegal_function);
    f("2B 0E 05 00", Exception::illegal_value);
    f("2B 0E 00 00", Exception::illegal_value);
    f("2B 0E 01", Exception::illegal_value);
    f("16 0004 00F2", Exception::illegal_value);
    f("17 0003 0000 000E 0001 02 00FF", Exception::illegal_value);
    f("17 0003 007E 000E 0001 02 00FF", Exception::illegal_value);
    f("17 0003 0001 000E 007A F4 00FF", Exception::illegal_value);
    f("17 0003 0001 000E 0001 04 00FF", Exception::illegal_value);
    f("17 FFFF 0002 000E 0001 02 00FF", Exception::illegal_address);
    f("17 0003 0001 FFFF 0002 04 00FF 00FF", Exception::illegal_address);
    f("03 FFFF 0002", Exception::illegal_address);
    f("03 0000 007E", Exception::illegal_value);
    EXPECT_EQ(to_hex(encode_refusal_pdu(hex("2B 0D"), Exception::illegal_function)), "ab01");
}

TEST(ModbusServer, TellsWhoItIs) {
    const Identity identity{{0, "Gongshu"}, {1, "gs"}, {2, "1.0"}, {4, "platform"}, {5, "line1"}};
    const auto f = [&](IdentityCode code, std::uint8_t object, std::string_view want) {
        const auto told = encode_identity_pdu(identity, {code, object});
        ASSERT_TRUE(told) << want;
        EXPECT_EQ(to_hex(*told), to_hex(hex(want)));
    };
    const std::string basic = "00 07 476F6E67736875 01 02 6773 02 03 312E30";
    const std::string rest = "04 08 706C6174666F726D 05 05 6C696E6531";
    f(IdentityCode::basic, 0, "2B 0E 01 82 00 00 03" + basic);
    f(IdentityCode::basic, 2, "2B 0E 01 82 00 00 01 02 03 312E30");
    f(IdentityCode::regular, 0, "2B 0E 02 82 00 00 05" + basic + rest);
    f(IdentityCode::extended, 4, "2B 0E 03 82 00 00 02" + rest);
    f(IdentityCode::regular, 99, "2B 0E 02 82 00 00 05" + basic + rest);
    f(IdentityCode::one, 1, "2B 0E 04 82 00 00 01 01 02 6773");
    const auto none = encode_identity_pdu(identity, {IdentityCode::one, 3});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error(), Exception::illegal_address);
    // Cut between characters, so that it stays text.
    const auto cut = encode_identity_pdu({{0, std::string(31, 'a') + "枢"}}, {IdentityCode::one, 0});
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->size(), 7u + 2 + 31);
}

// To show a value it is enough to be near it; what is shown is never off by more than half a step.
TEST(ModbusNearest, RoundsWhatIsShownAlone) {
    const auto f = [](Encoding encoding, double scale, const Value& value, std::string_view want) {
        ValueCodec codec;
        codec.encoding = encoding;
        codec.scale = scale;
        const auto registers = encode_nearest(codec, value);
        std::string got;
        if (registers) {
            for (const std::uint16_t word : *registers) got += fmt::format("{:04x}", word);
        } else {
            got = to_string(registers.error().code());
        }
        EXPECT_EQ(got, want) << to_string(encoding) << " " << gongshu::to_string(value);
    };
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = HUGE_VAL;
    f(Encoding::u16, 1, 80.5, "0051");
    f(Encoding::u16, 1, 80.4, "0050");
    f(Encoding::u16, 0.1, 23.47, "00eb");
    f(Encoding::i16, 0.1, -23.47, "ff15");
    f(Encoding::u16, 1, 65535.4, "ffff");
    f(Encoding::u16, 1, 65535.5, "limit");
    f(Encoding::u16, 1, -0.4, "0000");
    f(Encoding::u16, 1, -0.6, "limit");
    f(Encoding::u16, 1, nan, "limit");
    f(Encoding::u16, 1, infinite, "limit");
    f(Encoding::u16, 1, true, "0001");
    f(Encoding::u16, 1, std::string("7"), "invalid");
    f(Encoding::u32, 1, std::int64_t{70'000}, "00011170");
    f(Encoding::i64, 1, 1.5, "0000000000000002");
    f(Encoding::i64, 1, 1e300, "limit");
    f(Encoding::bcd16, 1, 12.6, "0013");
    f(Encoding::bcd16, 1, 9999.6, "limit");
    f(Encoding::f32, 1, 16777217.0, "4b800000");  // no f32 is that one; encode_value() refuses
    f(Encoding::f32, 1, 1e300, "limit");
    f(Encoding::f32, 1, infinite, "7f800000");
    f(Encoding::f64, 1, 1e300, "7e37e43c8800759c");
    f(Encoding::bit, 1, true, "0001");
    f(Encoding::bit, 1, 0.5, "limit");
}

}  // namespace
}  // namespace gongshu::wire::modbus
