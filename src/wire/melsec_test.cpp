#include "wire/melsec.h"

#include <gtest/gtest.h>

namespace gongshu::wire::melsec {
namespace {

using modbus::Encoding;

TEST(MelsecAddress, IsReadAsTheManualsPrintIt) {
    auto f = [](const char* text, Family family, DeviceCode code, std::uint32_t number, int bit = -1) {
        const auto address = parse_address(text, family);
        ASSERT_TRUE(address) << text << ": " << address.error().text();
        EXPECT_EQ(address->place.code, code) << text;
        EXPECT_EQ(address->place.number, number) << text;
        EXPECT_EQ(address->bit ? int{*address->bit} : -1, bit) << text;
        EXPECT_EQ(parse_address(to_string(*address, family), family).value(), *address) << text;
    };
    using enum DeviceCode;
    f("D100", Family::q_l, D, 100);
    f("d100.3", Family::q_l, D, 100, 3);
    f("D100.A", Family::q_l, D, 100, 10);
    f("D8013", Family::fx3, D, 8013);
    f("D8511", Family::fx3, D, 8511);
    f("M20", Family::q_l, M, 20);
    f("M8000", Family::fx, M, 8000);
    f("X17", Family::fx3, X, 15);
    f("X17", Family::iq_f, X, 15);
    f("X17", Family::q_l, X, 23);
    f("X377", Family::fx3, X, 255);
    f("X1F", Family::iq_r, X, 31);
    f("XA", Family::q_l, X, 10);
    f("Y17", Family::fx, Y, 15);
    f("W1A", Family::q_l, W, 26);
    f("WFF.F", Family::q_l, W, 255, 15);
    f("R0", Family::fx3, R, 0);
    f("ZR100", Family::q_l, ZR, 100);
    f("B1F", Family::q_l, B, 31);
    f("L5", Family::q_l, L, 5);
    f("S10", Family::fx3, S, 10);
    f("TN5", Family::fx3, TN, 5);
    f("TS5", Family::q_l, TS, 5);
    f("TC5", Family::q_l, TC, 5);
    f("STN5", Family::q_l, STN, 5);
    f("STS5", Family::iq_r, STS, 5);
    f("CN200", Family::fx3, CN, 200);
    f("CC5", Family::q_l, CC, 5);
    f("SD210", Family::q_l, SD, 210);
    f("SM400", Family::iq_f, SM, 400);
    f("SB1F", Family::q_l, SB, 31);
    f("SW1F", Family::q_l, SW, 31);
    f("DX10", Family::q_l, DX, 16);
    f("BA", Family::q_l, B, 10);
    f("Z3", Family::q_l, Z, 3);
}

TEST(MelsecAddress, SaysWhatIsWrongAndWhatToWrite) {
    auto f = [](const char* text, Family family, const char* want) {
        const auto address = parse_address(text, family);
        ASSERT_FALSE(address) << text;
        EXPECT_EQ(address.error().code(), Code::invalid);
        EXPECT_NE(address.error().text().find(want), std::string::npos) << address.error().text();
    };
    f("", Family::q_l, "1 to 16 characters, such as D100, not 0");
    f("D00000000000000100", Family::q_l, "not 18");
    f("Q1", Family::q_l, "Q1: no PLC device begins so; q_l has D SD W");
    f("100", Family::q_l, "no PLC device begins so");
    f("D", Family::q_l, "D: a number must follow D, such as D100");
    f("T5", Family::fx3, "T5: write TN5 for the current value, TS5 for the contact or TC5 for the coil");
    f("C200", Family::fx3, "write CN200");
    f("X8", Family::fx3, "X8: 8 is no octal digit");
    f("X1A", Family::fx3, "A is no octal digit");
    f("D1A", Family::q_l, "D1A: A is no decimal digit");
    f("W1G", Family::q_l, "G is no hexadecimal digit");
    f("D100.G", Family::q_l, "after the point stands one digit, 0 to F");
    f("D100.10", Family::q_l, "A is bit 10");
    f("D100.", Family::q_l, "after the point stands one digit");
    f("M20.1", Family::q_l, "M20.1: M is one bit already");
    f("D16777216", Family::q_l, "over 16777215");
    f("D9000", Family::fx3, "D9000: fx3 has only D0 to D7999, D8000 to D8511");
    f("D8300", Family::fx, "D8000 to D8255");
    f("M1536", Family::fx, "M0 to M1535");
    f("X400", Family::fx3, "X0 to X377");
    f("R5", Family::fx, "the family fx has no R");
    f("ZR5", Family::iq_f, "the family iq_f has no ZR");
    f("SD210", Family::fx3, "an FX has its special ones from D8000 on");
    f("SM400", Family::fx, "from M8000 on");
}

TEST(MelsecAddress, FamiliesHaveNames) {
    for (const Family family : {Family::fx, Family::fx3, Family::iq_f, Family::q_l, Family::iq_r})
        EXPECT_EQ(parse_family(to_string(family)), family);
    EXPECT_FALSE(parse_family("fx2"));
}

TEST(MelsecLayout, ValuesLieAsTheManualsSay) {
    auto f = [](const char* text, Family family, Encoding encoding, std::uint16_t points,
                std::vector<std::uint16_t> words, ValueType type, const Value& want, std::uint16_t characters = 0) {
        const auto layout = layout_of(parse_address(text, family).value(), family, encoding, characters);
        ASSERT_TRUE(layout) << text << ": " << layout.error().text();
        EXPECT_EQ(layout->points, points) << text;
        const auto value = modbus::decode_value(layout->codec, words, type);
        ASSERT_TRUE(value) << text << ": " << value.error().text();
        EXPECT_EQ(*value, want) << text;
        EXPECT_EQ(modbus::encode_value(layout->codec, *value, words[0]).value(), words) << text;
    };
    f("D0", Family::q_l, Encoding::u16, 1, {65535}, ValueType::integer, std::int64_t{65535});
    f("D0", Family::q_l, Encoding::i16, 1, {65535}, ValueType::integer, std::int64_t{-1});
    f("D0", Family::q_l, Encoding::u32, 2, {0x614e, 0x00bc}, ValueType::integer, std::int64_t{12345678});
    f("W1A", Family::q_l, Encoding::i32, 2, {0xfffe, 0xffff}, ValueType::integer, std::int64_t{-2});
    f("R0", Family::fx3, Encoding::f32, 2, {0x0000, 0x41c8}, ValueType::number, 25.0);
    f("D0", Family::q_l, Encoding::f64, 4, {0, 0, 0, 0x4039}, ValueType::number, 25.0);
    f("D0", Family::q_l, Encoding::text, 3, {0x4241, 0x4443, 0x0045}, ValueType::text, std::string{"ABCDE"}, 5);
    f("D100.A", Family::q_l, Encoding::bit, 1, {0x0400}, ValueType::boolean, true);
    f("CN199", Family::fx3, Encoding::i16, 1, {7}, ValueType::integer, std::int64_t{7});
    f("CN200", Family::fx3, Encoding::i32, 1, {0x614e, 0x00bc}, ValueType::integer, std::int64_t{12345678});
    f("CN200", Family::q_l, Encoding::i16, 1, {7}, ValueType::integer, std::int64_t{7});
    f("M16", Family::q_l, Encoding::u16, 16, {0x8001}, ValueType::integer, std::int64_t{0x8001});
    f("X20", Family::fx3, Encoding::u32, 32, {1, 2}, ValueType::integer, std::int64_t{0x20001});
    f("M5", Family::q_l, Encoding::bit, 1, {1}, ValueType::boolean, true);
}

TEST(MelsecLayout, SaysWhatDoesNotSuit) {
    auto f = [](const char* text, Family family, Encoding encoding, const char* want, std::uint16_t characters = 0) {
        const auto layout = layout_of(parse_address(text, family).value(), family, encoding, characters);
        ASSERT_FALSE(layout) << text;
        EXPECT_NE(layout.error().text().find(want), std::string::npos) << layout.error().text();
    };
    f("D100", Family::q_l, Encoding::bit, "D100 is a word: write D100.0 to D100.F for one of its bits, or choose u16");
    f("D100.3", Family::q_l, Encoding::u16, "D100.3 is one bit: choose bit, not u16");
    f("M20", Family::q_l, Encoding::u16, "begin a number at a multiple of 16, such as M16");
    f("X17", Family::fx3, Encoding::u16, "such as X0");
    f("CN200", Family::fx3, Encoding::i16, "CN200 is a counter of 32 bits: choose u32 or i32, not i16");
    f("D7999", Family::fx3, Encoding::i32, "D7999: 1 more follow it for i32, and D7999 is the last one");
    f("D8511", Family::fx3, Encoding::f64, "D8511 is the last one");
    f("CN199", Family::fx3, Encoding::i32, "CN199 is the last one");
    f("D0", Family::q_l, Encoding::text, "1 to 246 characters, not 0");
    f("D0", Family::q_l, Encoding::text, "not 247", 247);
}

TEST(MelsecDevices, ListsFindEachOther) {
    for (int i = 0; i <= static_cast<int>(DeviceCode::CC); ++i) {
        const DeviceInfo& info = info_of(static_cast<DeviceCode>(i));
        EXPECT_EQ(find_by_name(info.name), &info);
        EXPECT_EQ(find_by_ascii(info.ascii), &info);
        EXPECT_EQ(find_by_binary(info.binary), &info);
        EXPECT_EQ(find_by_one_e(info.one_e), info.one_e == 0 ? nullptr : &info);
        EXPECT_EQ(is_bits(info.code), i >= static_cast<int>(DeviceCode::X));
    }
    EXPECT_EQ(find_by_name("Q"), nullptr);
    EXPECT_EQ(find_by_binary(0), nullptr);
}

}  // namespace
}  // namespace gongshu::wire::melsec
