#include "wire/s7_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

std::string string_of(const char* text) { return text; }

TEST(S7Address, ReadsWhatEngineersWrite) {
    auto f = [](std::string_view address, std::string_view type, std::string_view want, Area area, std::uint16_t block,
                std::uint32_t start, std::uint8_t bit) {
        const auto variable = parse_variable(address, type);
        ASSERT_TRUE(variable) << variable.error().text();
        EXPECT_EQ(address_text(*variable) + " " + type_text(variable->codec), want) << address;
        EXPECT_EQ(variable->area, area) << address;
        EXPECT_EQ(variable->block, block) << address;
        EXPECT_EQ(variable->start, start) << address;
        EXPECT_EQ(variable->bit, bit) << address;
    };
    using enum Area;
    f("DB10.DBD4", "real", "DB10.DBD4 real", data_block, 10, 4, 0);
    f("DB10.DBX4.1", "", "DB10.DBX4.1 bool", data_block, 10, 4, 1);
    f("DB10.DBW2", "int", "DB10.DBW2 int", data_block, 10, 2, 0);
    f("DB10.DBB0", "", "DB10.DBB0 byte", data_block, 10, 0, 0);
    f("db10.dbd4", "REAL", "DB10.DBD4 real", data_block, 10, 4, 0);
    f(" %DB10.DBD 4 ", " Real ", "DB10.DBD4 real", data_block, 10, 4, 0);
    f("M0.1", "", "M0.1 bool", memory, 0, 0, 1);
    f("M 100.7", "bool", "M100.7 bool", memory, 0, 100, 7);
    f("%MX0.1", "", "M0.1 bool", memory, 0, 0, 1);
    f("MW10", "", "MW10 word", memory, 0, 10, 0);
    f("MD20", "dint", "MD20 dint", memory, 0, 20, 0);
    f("MB1", "sint", "MB1 sint", memory, 0, 1, 0);
    f("I0.0", "", "I0.0 bool", inputs, 0, 0, 0);
    f("E0.0", "", "I0.0 bool", inputs, 0, 0, 0);
    f("Q0.0", "", "Q0.0 bool", outputs, 0, 0, 0);
    f("A0.0", "", "Q0.0 bool", outputs, 0, 0, 0);
    f("AW2", "", "QW2 word", outputs, 0, 2, 0);
    f("IW64", "int", "IW64 int", inputs, 0, 64, 0);
    f("EB 3", "", "IB3 byte", inputs, 0, 3, 0);
    f("VW100", "", "DB1.DBW100 word", data_block, 1, 100, 0);
    f("VD4", "real", "DB1.DBD4 real", data_block, 1, 4, 0);
    f("V10.3", "", "DB1.DBX10.3 bool", data_block, 1, 10, 3);
    f("T5", "", "T5 s5time", timers, 0, 5, 0);
    f("C3", "", "C3 counter", counters, 0, 3, 0);
    f("Z3", "counter", "C3 counter", counters, 0, 3, 0);
    f("T5", "word", "T5 word", timers, 0, 5, 0);
    f("DB1.DBB20", "string[20]", "DB1.DBB20 string[20]", data_block, 1, 20, 0);
    f("DB1.DBX20.0", "STRING [20]", "DB1.DBB20 string[20]", data_block, 1, 20, 0);
    f("DB1.DBD8", "lreal", "DB1.DBB8 lreal", data_block, 1, 8, 0);
    f("DB1.DBW8", "dtl", "DB1.DBB8 dtl", data_block, 1, 8, 0);
    f("MB0", "char", "MB0 char[1]", memory, 0, 0, 0);
    f("DB65535.DBB65535", "", "DB65535.DBB65535 byte", data_block, 65535, 65535, 0);
    EXPECT_TRUE(parse_variable("VB0", "string[20]")->codec.short_string);
    EXPECT_FALSE(parse_variable("DB1.DBB0", "string[20]")->codec.short_string);
}

TEST(S7Address, SaysWhereAMistakeIsAndHowItShouldRead) {
    auto f = [](std::string_view address, std::string_view type, std::string_view want) {
        const auto variable = parse_variable(address, type);
        ASSERT_FALSE(variable) << address;
        EXPECT_EQ(variable.error().code(), Code::invalid);
        EXPECT_EQ(variable.error().text(), want);
    };
    f("DB10.DBX4", "",
      "\"DB10.DBX4\", character 10: a bit is missing: write DB10.DBX4.0 for the bit, DB10.DBB4 for the byte");
    f("DB10.DBW2.1", "",
      "\"DB10.DBW2.1\", character 11: only a bit has a number behind the point: write DB10.DBW2 or DB10.DBX2.0");
    f("DB10.DBX4.8", "", "\"DB10.DBX4.8\", character 11: the number of the bit is 8: expected 0 to 7");
    f("DB10.DBX4.", "", "\"DB10.DBX4.\", character 11: the number of the bit is missing: expected 0 to 7");
    f("DB0.DBW0", "", "\"DB0.DBW0\", character 3: the number of the data block is 0: expected 1 to 65535");
    f("DB.DBW0", "", "\"DB.DBW0\", character 3: the number of the data block is missing: expected 1 to 65535");
    f("DB99999999999.DBW0", "",
      "\"DB99999999999.DBW0\", character 3: the number of the data block is 99999999999: expected 1 to 65535");
    f("DB1.100", "",
      "\"DB1.100\", character 5: what of DB1 is missing: write DB1.DBX0.0, DB1.DBB0, DB1.DBW0 or DB1.DBD0");
    f("DB1,REAL4", "",
      "\"DB1,REAL4\", character 4: what of DB1 is missing: write DB1.DBX0.0, DB1.DBB0, DB1.DBW0 or DB1.DBD0");
    f("DB1.DBL4", "",
      "\"DB1.DBL4\", character 8: what of DB1 is missing: write DB1.DBX0.0, DB1.DBB0, DB1.DBW0 or DB1.DBD0");
    f("DB1.DBD", "", "\"DB1.DBD\", character 8: the number of the byte is missing: expected 0 to 65535");
    f("DB1.DBD65536", "", "\"DB1.DBD65536\", character 8: the number of the byte is 65536: expected 0 to 65535");
    f("DB1.DBD65534", "", "\"DB1.DBD65534\", character 13: dword ends behind byte 65535");
    f("M10", "", "\"M10\", character 4: a bit is missing: write M10.0 for the bit, MB10 for the byte");
    f("V10", "", "\"V10\", character 4: a bit is missing: write V10.0 for the bit, VB10 for the byte");
    f("MW10 20", "", "\"MW10 20\", character 6: the address should end here: MW10");
    f("T5.1", "", "\"T5.1\", character 3: the address should end here: T5");
    f("T2048", "", "\"T2048\", character 2: the number of the counter or timer is 2048: expected 0 to 2047");
    const std::string no_area =
        ": this is no area: an address begins with DB and a number, or with M, I (E), Q (A), V, T or C (Z)";
    f("", "", "\"\", character 1" + no_area);
    f("40001", "", "\"40001\", character 1" + no_area);
    f("PIW256", "", "\"PIW256\", character 4" + no_area);
    f("TW5", "", "\"TW5\", character 3" + no_area);
    f("MQ5", "", "\"MQ5\", character 3" + no_area);
    f("DB10.DBW2", "real", "\"DB10.DBW2\", character 10: real takes 4 bytes: write DB10.DBD2");
    f("DB10.DBD2", "int", "\"DB10.DBD2\", character 10: int takes 2 bytes: write DB10.DBW2");
    f("VX0.0", "word", "\"VX0.0\", character 6: word takes 2 bytes: write VW0");
    f("MB3", "bool", "\"MB3\", character 4: a bool is a bit: write M3.0");
    f("DB1.DBX20.1", "string[20]", "\"DB1.DBX20.1\", character 12: string[20] begins at a whole byte: write DB1.DBB20");
    f("T5", "counter", "\"T5\", character 3: counter is no type of T5: write s5time or word");
    f("C5", "int", "\"C5\", character 3: int is no type of C5: write counter or word");
    f("MW0", "float",
      "type \"float\" is none of an S7: expected bool, byte, word, dword, sint, usint, int, uint, dint, udint, lint, "
      "ulint, real, lreal, char, string, wstring, s5time, time, date_and_time, dtl, counter");
    f("MB0", "string", "type \"string\": expected its length, string[1] to string[254]");
    f("MB0", "string[255]", "type \"string[255]\": expected its length, string[1] to string[254]");
    f("MB0", "string[0]", "type \"string[0]\": expected its length, string[1] to string[254]");
    f("MB0", "string[]", "type \"string[]\": expected its length, string[1] to string[254]");
    f("MB0", "string[", "type \"string[\": expected its length, string[1] to string[254]");
    f("MB0", "char[9x]", "type \"char[9x]\": expected its length, char[1] to char[1024]");
    f("MW0", "int[3]", "type \"int[3]\": int has no length");
}

TEST(S7Address, WhatItPrintsItReads) {
    Rng rng{3};
    int read = 0;
    for (int i = 0; i < 2000; ++i) {
        static constexpr std::string_view kBegins[] = {"DB7.DB", "%DB 7.DB", "M", "I", "E", "Q",
                                                       "A",      "V",        "T", "C", "Z"};
        static constexpr std::string_view kWidths[] = {"", "X", "B", "W", "D"};
        static constexpr std::string_view kEnds[] = {"", "", ".0", ".5", ".", " ", "x"};
        static constexpr std::string_view kNames[] = {"",          "",    "real", "int",  "bool",
                                                      "string[9]", "dtl", "word", "usint"};
        const std::string address =
            fmt::format("{}{}{}{}", kBegins[rng.below(std::size(kBegins))], kWidths[rng.below(std::size(kWidths))],
                        rng.below(70'000), kEnds[rng.below(std::size(kEnds))]);
        auto variable = parse_variable(address, kNames[rng.below(std::size(kNames))]);
        if (!variable) continue;
        ++read;
        variable->codec.short_string = false;  // V is printed as data block 1
        EXPECT_EQ(parse_variable(address_text(*variable), type_text(variable->codec)).value(), *variable) << address;
    }
    EXPECT_GT(read, 100);
}

Variable variable_of(std::string_view address, std::string_view type, double scale = 1, double offset = 0) {
    Variable variable = parse_variable(address, type).value();
    variable.codec.scale = scale;
    variable.codec.offset = offset;
    return variable;
}

constexpr auto kNumber = ValueType::number, kInteger = ValueType::integer, kBoolean = ValueType::boolean,
               kText = ValueType::text;

TEST(S7Value, DecodesEveryType) {
    auto f = [](const Variable& variable, std::string_view bytes, ValueType type, const Value& want) {
        const auto value = decode_value(variable, hex(bytes), type);
        ASSERT_TRUE(value) << value.error().text();
        EXPECT_EQ(gongshu::to_string(*value), gongshu::to_string(want)) << type_text(variable.codec);
        EXPECT_EQ(value->index(), want.index());
        const auto back = encode_value(variable, *value);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(to_hex(back->data), to_hex(hex(bytes))) << type_text(variable.codec);
        EXPECT_EQ(back->item, read_item(variable));
    };
    f(variable_of("MB0", "byte"), "ff", kInteger, std::int64_t{255});
    f(variable_of("MB0", "usint"), "80", kInteger, std::int64_t{128});
    f(variable_of("MB0", "sint"), "80", kInteger, std::int64_t{-128});
    f(variable_of("MW0", "word"), "1234", kInteger, std::int64_t{0x1234});
    f(variable_of("MW0", "uint"), "ffff", kInteger, std::int64_t{65535});
    f(variable_of("MW0", "int"), "ffff", kInteger, std::int64_t{-1});
    f(variable_of("MD0", "dword"), "ffffffff", kInteger, std::int64_t{0xffffffff});
    f(variable_of("MD0", "udint"), "80000000", kInteger, std::int64_t{0x80000000});
    f(variable_of("MD0", "dint"), "80000000", kInteger, std::int64_t{-0x80000000ll});
    f(variable_of("MB0", "lint"), "8000000000000000", kInteger, std::numeric_limits<std::int64_t>::min());
    f(variable_of("MB0", "ulint"), "7fffffffffffffff", kInteger, std::numeric_limits<std::int64_t>::max());
    f(variable_of("MB0", "ulint"), "8000000000000000", kNumber, 0x1p63);
    f(variable_of("MD0", "real"), "41c80000", kNumber, 25.0);
    f(variable_of("MD0", "real"), "40f6b852", kNumber, 7.71);
    f(variable_of("MD0", "real"), "7f800000", kNumber, HUGE_VAL);
    f(variable_of("MB0", "lreal"), "4039000000000000", kNumber, 25.0);
    f(variable_of("MW0", "s5time"), "2127", kInteger, std::int64_t{127'000});
    f(variable_of("MW0", "s5time"), "0001", kInteger, std::int64_t{10});
    f(variable_of("MW0", "s5time"), "3999", kInteger, std::int64_t{9'990'000});
    f(variable_of("T1", ""), "1100", kInteger, std::int64_t{10'000});
    f(variable_of("T1", "", 0.001), "2127", kNumber, 127.0);
    f(variable_of("C1", ""), "0999", kInteger, std::int64_t{999});
    f(variable_of("MD0", "time"), "ffffffff", kInteger, std::int64_t{-1});
    f(variable_of("MD0", "time", 0.001), "000005dc", kNumber, 1.5);
    f(variable_of("MB0", "date_and_time"), "2603011530591231", kText, string_of("2026-03-01T15:30:59.123"));
    f(variable_of("MB0", "date_and_time"), "9001010000000002", kText, string_of("1990-01-01T00:00:00"));
    f(variable_of("MB0", "date_and_time"), "8912312359599997", kText, string_of("2089-12-31T23:59:59.999"));
    f(variable_of("MB0", "dtl"), "07ea 03 01 01 0f1e3b 075bcd15", kText, string_of("2026-03-01T15:30:59.123456789"));
    f(variable_of("MB0", "dtl"), "07b2 01 01 05 000000 00000000", kText, string_of("1970-01-01T00:00:00"));
    f(variable_of("MB0", "char[4]"), "4f313032", kText, string_of("O102"));
    f(variable_of("MB0", "char[4]"), "4f310000", kText, string_of("O1"));
    f(variable_of("MW0", "int", 0.1), "ff15", kNumber, -23.5);
    f(variable_of("MW0", "uint", 0.1), "0003", kNumber, 0.3);
    f(variable_of("MB0", "usint"), "01", kBoolean, true);
}

TEST(S7Value, ABitIsTakenOutOfItsByteAndWrittenAlone) {
    auto f = [](std::string_view address, std::string_view byte, bool want, std::string_view item) {
        const Variable variable = variable_of(address, "bool");
        EXPECT_EQ(decode_value(variable, hex(byte), kBoolean).value(), Value{want}) << address;
        EXPECT_EQ(decode_value(variable, hex(byte), kInteger).value(), Value{std::int64_t{want}}) << address;
        const Write write = encode_value(variable, Value{want}).value();
        EXPECT_EQ(to_string(write.item), item);
        EXPECT_EQ(to_hex(write.data), want ? "01" : "00");
        EXPECT_EQ(read_item(variable).transport, Transport::byte);
    };
    f("M0.0", "01", true, "M0.0");
    f("M3.7", "7f", false, "M3.7");
    f("DB5.DBX2.4", "10", true, "DB5.DBX2.4");
    f("V2.4", "ef", false, "DB1.DBX2.4");
}

TEST(S7Value, OfAStringOnlyLengthAndCharactersAreWritten) {
    auto f = [](const Variable& variable, std::string_view bytes, const char* text, std::uint32_t start,
                std::string_view written) {
        const auto value = decode_value(variable, hex(bytes), kText);
        ASSERT_TRUE(value) << value.error().text();
        EXPECT_EQ(*value, Value{string_of(text)});
        const auto write = encode_value(variable, *value);
        ASSERT_TRUE(write) << write.error().text();
        EXPECT_EQ(write->item.start, start);
        EXPECT_EQ(to_hex(write->data), to_hex(hex(written)));
        EXPECT_EQ(byte_count(write->item), write->data.size());
    };
    f(variable_of("DB1.DBB10", "string[4]"), "0402 4f31 ffff", "O1", 11, "02 4f31");
    f(variable_of("DB1.DBB10", "string[4]"), "0404 c3a46f6f", "\u00e4oo", 11, "04 c3a46f6f");
    f(variable_of("DB1.DBB10", "string[4]"), "0000 00000000", "", 11, "00");
    f(variable_of("DB1.DBB10", "string[2]"), "fe02 4f31", "O1", 11, "02 4f31");  // longer than we were told
    f(variable_of("VB10", "string[4]"), "02 4f31ffff", "O1", 10, "02 4f31");
    f(variable_of("DB1.DBB10", "wstring[4]"), "0004 0002 6e29 5ea6 ffff ffff", "温度", 12, "0002 6e29 5ea6");
    f(variable_of("DB1.DBB10", "wstring[2]"), "0002 0002 d83d de00", "\U0001F600", 12, "0002 d83d de00");
    Variable german = variable_of("DB1.DBB0", "string[4]");
    german.codec.charset = Charset::latin_1;
    f(german, "0403 d6 6c fc 00", "Ölü", 1, "03 d66cfc");
    Variable fixed = variable_of("DB1.DBB0", "char[2]");
    fixed.codec.charset = Charset::latin_1;
    f(fixed, "d6fc", "Öü", 0, "d6fc");
}

TEST(S7Value, SaysWhatDoesNotFit) {
    auto decode = [](const Variable& variable, std::string_view bytes, ValueType type, std::string_view want) {
        const auto value = decode_value(variable, hex(bytes), type);
        ASSERT_FALSE(value);
        EXPECT_NE(value.error().text().find(want), std::string::npos) << value.error().text();
    };
    decode(variable_of("MW0", "s5time"), "0a00", kInteger, "a digit is over 9");
    decode(variable_of("C0", ""), "00a0", kInteger, "a digit is over 9");
    decode(variable_of("MB0", "ulint"), "8000000000000000", kInteger, "(ulint) is not exactly a integer");
    decode(variable_of("MW0", "uint", 0.1), "0003", kInteger, "0.3 (uint) is not exactly");
    decode(variable_of("MW0", "uint"), "0002", kBoolean, "not exactly a boolean");
    decode(variable_of("MD0", "real"), "7fc00000", kInteger, "not exactly");
    decode(variable_of("MB0", "char[1]"), "e4", kText, "is not UTF-8 (0xe4): is its charset latin-1?");
    decode(variable_of("MB0", "string[4]"), "02024f31ffff", kText,
           "the PLC's string takes 2 characters: its type is string[2], not string[4]");
    decode(variable_of("MB0", "string[2]"), "0503 4f31", kText, "its type is string[5], not string[2]");
    decode(variable_of("MB0", "string[2]"), "0203 4f31", kText,
           "there is no string[2] here: it would have 3 of at most 2");
    decode(variable_of("VB0", "string[2]"), "03 4f31", kText, "it would have 3 of at most 2 characters");
    decode(variable_of("MB0", "wstring[2]"), "0002 0003 00410042", kText, "there is no wstring[2] here");
    decode(variable_of("MB0", "wstring[2]"), "0002 0002 d83d0042", kText, "not UTF-16");
    decode(variable_of("MB0", "wstring[2]"), "0002 0001 d83dde00", kText, "not UTF-16");
    decode(variable_of("MB0", "wstring[2]"), "0002 0001 de000000", kText, "not UTF-16");
    decode(variable_of("MB0", "date_and_time"), "0000000000000000", kText, "there is no such date");
    decode(variable_of("MB0", "date_and_time"), "26022915305912 31", kText, "there is no such date");
    decode(variable_of("MB0", "date_and_time"), "2603012430591231", kText, "there is no such date");
    decode(variable_of("MB0", "date_and_time"), "26030115305f1231", kText, "a digit is over 9");
    decode(variable_of("MB0", "dtl"), "07ea 0d 01 01 000000 00000000", kText, "there is no such date");
    decode(variable_of("MB0", "dtl"), "07ea 03 01 01 000000 3b9aca00", kText, "there is no such date");

    auto encode = [](const Variable& variable, const Value& value, Code code, std::string_view want) {
        const auto write = encode_value(variable, value);
        ASSERT_FALSE(write) << want;
        EXPECT_EQ(write.error().code(), code) << write.error().text();
        EXPECT_NE(write.error().text().find(want), std::string::npos) << write.error().text();
    };
    encode(variable_of("MW0", "uint"), std::int64_t{65536}, Code::limit, "65536 does not fit uint");
    encode(variable_of("MB0", "sint"), std::int64_t{-129}, Code::limit, "raw value must be -128 to 127");
    encode(variable_of("MB0", "usint"), std::int64_t{-1}, Code::limit, "0 to 255");
    encode(variable_of("MW0", "int"), std::numeric_limits<double>::quiet_NaN(), Code::limit, "does not fit int");
    encode(variable_of("MB0", "lint"), 0x1p63, Code::limit, "does not fit lint");
    encode(variable_of("MB0", "ulint"), 0x1p64, Code::limit, "does not fit ulint");
    encode(variable_of("MD0", "real"), 1e39, Code::limit, "is beyond what real can hold");
    encode(variable_of("MD0", "real"), std::int64_t{16777217}, Code::limit, "16777216 and 16777218");
    encode(variable_of("MW0", "uint"), 80.5, Code::limit, "the nearest values that uint can hold are 80 and 81");
    encode(variable_of("MW0", "int", 0.1), -3.14, Code::limit, "-3.2 and -3.1");
    encode(variable_of("MW0", "s5time"), std::int64_t{9'990'001}, Code::limit, "raw value must be 0 to 9990000");
    encode(variable_of("MW0", "s5time"), std::int64_t{15}, Code::limit, "that s5time can hold are 10 and 20");
    encode(variable_of("MW0", "s5time", 0.001), 9.995, Code::limit, "9.99 and 10");
    encode(variable_of("C0", ""), std::int64_t{1000}, Code::limit, "0 to 999");
    encode(variable_of("M0.0", ""), std::int64_t{2}, Code::limit, "a bit is 0 or 1, not 2");
    encode(variable_of("MB0", "char[2]"), string_of("abc"), Code::limit, "takes 3 of 2 characters that fit char[2]");
    encode(variable_of("MB0", "string[2]"), string_of("\u00e4b"), Code::limit, "takes 3 of 2 characters");
    encode(variable_of("MB0", "wstring[1]"), string_of("\U0001F600"), Code::limit, "takes 2 of 1 characters");
    encode(variable_of("MB0", "string[9]"), string_of("\xff"), Code::invalid, "the text is not UTF-8");
    encode(variable_of("MB0", "string[9]"), 1.5, Code::invalid, "string[9] takes a text, not 1.5");
    encode(variable_of("MW0", "uint"), string_of("1"), Code::invalid, "uint takes a number, not a text");
    Variable german = variable_of("MB0", "string[9]");
    german.codec.charset = Charset::latin_1;
    encode(german, string_of("a度"), Code::limit, "\"度\" is no character of latin-1");
    for (const auto* wrong : {"", "2026-03-01", "2026-03-01T08:00:00Z", "2026-02-29T08:00:00", "2026-03-01T24:00:00",
                              "2026-03-01T08:00:60", "2026-03-01T08:00:00.", "2026-03-01T08:00:00.1234567890",
                              "26-03-01T08:00:00", "2026-3-01T08:00:00", "2026-03-01X08:00:00"})
        encode(variable_of("MB0", "dtl"), string_of(wrong), Code::invalid, "is no dtl: expected a date such as");
    encode(variable_of("MB0", "date_and_time"), string_of("1989-12-31T00:00:00"), Code::limit, "from 1990 to 2089");
    encode(variable_of("MB0", "dtl"), string_of("2263-01-01T00:00:00"), Code::limit, "from 1970 to 2262");
    encode(variable_of("MB0", "date_and_time"), string_of("2026-03-01T08:00:00.1234"), Code::limit, "milliseconds");
    EXPECT_TRUE(encode_value(variable_of("MB0", "date_and_time"), string_of("2026-03-01 08:00:00.120")));
    EXPECT_TRUE(encode_value(variable_of("MW0", "uint", 0.1), 80.1));
    EXPECT_TRUE(encode_value(variable_of("MD0", "real"), 80.1));
    EXPECT_EQ(to_hex(encode_value(variable_of("MW0", "s5time"), std::int64_t{10'000})->data), "1100");
}

TEST(S7Value, EveryWholeNumberComesBack) {
    static constexpr std::string_view kNames[] = {"MB0 byte",  "MB0 sint", "MB0 usint", "MW0 word",
                                                  "MW0 int",   "MW0 uint", "MD0 dword", "MD0 dint",
                                                  "MD0 udint", "MB0 lint", "MB0 ulint", "MD0 time"};
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        Rng rng{seed};
        const std::string_view name = kNames[rng.below(std::size(kNames))];
        const Variable variable = variable_of(name.substr(0, 3), name.substr(4));
        Buffer bytes(byte_count(variable.codec));
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
        const auto value = decode_value(variable, bytes, kInteger);
        if (!value) continue;  // ulint over 2^63
        EXPECT_EQ(encode_value(variable, *value)->data, bytes) << "seed " << seed;
    }
    // A time has up to four ways to be written; what we write is one of them.
    const Variable variable = variable_of("MW0", "s5time");
    for (std::uint16_t digits = 0; digits < 4000; digits = static_cast<std::uint16_t>(digits + 7)) {
        const std::string word = fmt::format("{}{:03}", digits / 1000, digits % 1000);
        const Value value = decode_value(variable, hex(word), kInteger).value();
        EXPECT_EQ(decode_value(variable, encode_value(variable, value)->data, kInteger).value(), value) << word;
    }
}

TEST(S7Value, NamesRoundTrip) {
    for (const Charset charset : {Charset::utf_8, Charset::latin_1})
        EXPECT_EQ(parse_charset(to_string(charset)), charset);
    EXPECT_FALSE(parse_charset("gbk"));
}

}  // namespace
}  // namespace gongshu::wire::s7
