#include "wire/modbus_dialect.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::modbus {
namespace {

constexpr Dialect kAll[] = {Dialect::inovance, Dialect::delta_dvp, Dialect::delta_as, Dialect::xinje_xc,
                            Dialect::xinje_xd, Dialect::haiwell,   Dialect::generic};
using enum Dialect;
constexpr auto kCoil = Table::coils, kInput = Table::discrete_inputs, kHolding = Table::holding_registers,
               kInputs = Table::input_registers;

// The lines of the manuals' tables: where each area begins and ends.
TEST(ModbusDialect, PlacesLieWhereTheManualsSay) {
    auto f = [](Dialect dialect, const char* text, Table table, int address, Width width, std::uint32_t room,
                Wanted wanted = Wanted::value) {
        const auto place = parse_place(dialect, text, wanted);
        ASSERT_TRUE(place) << text << ": " << place.error().text();
        EXPECT_EQ(place->table, table) << to_string(dialect) << " " << text;
        EXPECT_EQ(int{place->address}, address) << to_string(dialect) << " " << text;
        EXPECT_EQ(place->width, width) << to_string(dialect) << " " << text;
        EXPECT_EQ(place->room, room) << to_string(dialect) << " " << text;
        EXPECT_EQ(to_text(dialect, *place), text);
        EXPECT_EQ(name_at(dialect, table, place->address), text);
    };
    constexpr auto bit = Width::bit, word = Width::word, dword = Width::dword;
    f(inovance, "M0", kCoil, 0, bit, 8000);
    f(inovance, "M7999", kCoil, 0x1f3f, bit, 1);
    f(inovance, "M8000", kCoil, 8000, bit, 512);
    f(inovance, "SM0", kCoil, 0x2400, bit, 1024);
    f(inovance, "B0", kCoil, 0x3000, bit, 32768);
    f(inovance, "B32767", kCoil, 0xafff, bit, 1);
    f(inovance, "S4095", kCoil, 0xefff, bit, 1);
    f(inovance, "X0", kCoil, 0xf800, bit, 1024);
    f(inovance, "X17", kCoil, 0xf80f, bit, 1009);
    f(inovance, "X1777", kCoil, 0xfbff, bit, 1);
    f(inovance, "Y1777", kCoil, 0xffff, bit, 1);
    f(inovance, "D100", kHolding, 100, word, 7900);
    f(inovance, "D8511", kHolding, 8511, word, 1);
    f(inovance, "R32767", kHolding, 0xafff, word, 1);
    f(inovance, "T5", kHolding, 0xf005, word, 507);
    f(inovance, "T5", kCoil, 0xf005, bit, 507, Wanted::bit);
    f(inovance, "C199", kHolding, 0xf4c7, word, 1);
    f(inovance, "C200", kHolding, 0xf700, dword, 112);
    f(inovance, "C255", kHolding, 0xf76e, dword, 2);
    f(delta_dvp, "S1023", kCoil, 0x3ff, bit, 1);
    f(delta_dvp, "X0", kInput, 0x400, bit, 256);
    f(delta_dvp, "X377", kInput, 0x4ff, bit, 1);
    f(delta_dvp, "Y20", kCoil, 0x510, bit, 240);
    f(delta_dvp, "T20", kHolding, 0x614, word, 236);
    f(delta_dvp, "T20", kCoil, 0x614, bit, 236, Wanted::bit);
    f(delta_dvp, "M1535", kCoil, 0xdff, bit, 1);
    f(delta_dvp, "M1536", kCoil, 0xb000, bit, 2560);
    f(delta_dvp, "M4095", kCoil, 0xb9ff, bit, 1);
    f(delta_dvp, "C199", kHolding, 0xec7, word, 1);
    f(delta_dvp, "C200", kCoil, 0xec8, bit, 56, Wanted::bit);
    f(delta_dvp, "C255", kHolding, 0x76e, dword, 2);
    f(delta_dvp, "D0", kHolding, 0x1000, word, 4096);
    f(delta_dvp, "D4095", kHolding, 0x1fff, word, 1);
    f(delta_dvp, "D4096", kHolding, 0x9000, word, 5904);
    f(delta_as, "M8191", kCoil, 0x1fff, bit, 1);
    f(delta_as, "SM0", kCoil, 0x4000, bit, 4096);
    f(delta_as, "S2047", kCoil, 0x57ff, bit, 1);
    f(delta_as, "X0.15", kInput, 0x600f, bit, 1009);
    f(delta_as, "X63.15", kInput, 0x63ff, bit, 1);
    f(delta_as, "X3", kInputs, 0x8003, word, 61);
    f(delta_as, "Y1.0", kCoil, 0xa010, bit, 1008);
    f(delta_as, "Y63", kHolding, 0xa03f, word, 1);
    f(delta_as, "D29999", kHolding, 29999, word, 1);
    f(delta_as, "SR2047", kHolding, 0xc7ff, word, 1);
    f(delta_as, "HC0", kCoil, 0xfc00, bit, 256);
    f(delta_as, "E9", kHolding, 0xfe09, word, 1);
    f(xinje_xc, "X1037", kCoil, 0x421f, bit, 1);
    f(xinje_xc, "Y10", kCoil, 0x4808, bit, 536);
    f(xinje_xc, "M8000", kCoil, 0x6000, bit, 512);
    f(xinje_xc, "T618", kCoil, 0x666a, bit, 1);
    f(xinje_xc, "C634", kCoil, 0x6e7a, bit, 1);
    f(xinje_xc, "TD618", kHolding, 0x326a, word, 1);
    f(xinje_xc, "D8511", kHolding, 0x41ff, word, 1);
    f(xinje_xc, "FD5000", kHolding, 0x5b88, word, 1);
    f(xinje_xc, "ED36863", kHolding, 0xffff, word, 1);
    f(xinje_xd, "X77", kCoil, 0x503f, bit, 1);
    f(xinje_xd, "X10000", kCoil, 0x5100, bit, 1024);
    f(xinje_xd, "Y20", kCoil, 0x6010, bit, 48);
    f(xinje_xd, "Y30077", kCoil, 0x6c2f, bit, 1);
    f(xinje_xd, "HM0", kCoil, 49408, bit, 6144);
    f(xinje_xd, "HSC39", kCoil, 0xe927, bit, 1);
    f(xinje_xd, "D20479", kHolding, 0x4fff, word, 1);
    f(xinje_xd, "QD11400", kHolding, 0x6678, word, 200);
    f(xinje_xd, "HD0", kHolding, 41088, word, 6144);
    f(xinje_xd, "HD6143", kHolding, 47231, word, 1);
    f(xinje_xd, "SFD4095", kHolding, 0xf4bf, word, 1);
    f(haiwell, "X1023", kCoil, 0x3ff, bit, 1);
    f(haiwell, "Y8", kCoil, 0x608, bit, 1016);
    f(haiwell, "M0", kCoil, 3072, bit, 12288);
    f(haiwell, "S0", kCoil, 0x7000, bit, 2048);
    f(haiwell, "AI15", kHolding, 15, word, 241);
    f(haiwell, "V0", kHolding, 512, word, 14848);
    f(haiwell, "V14847", kHolding, 0x3bff, word, 1);
    f(haiwell, "CV80", kHolding, 0x4050, word, 176);
    f(haiwell, "SV900", kHolding, 18308, word, 1);
    f(generic, "00001", kCoil, 0, bit, 65536);
    f(generic, "10017", kInput, 16, bit, 65520);
    f(generic, "30001", kInputs, 0, word, 65536);
    f(generic, "40001", kHolding, 0, word, 65536);
    f(generic, "49999", kHolding, 9998, word, 55538);
    f(generic, "410000", kHolding, 9999, word, 55537);
    f(generic, "465536", kHolding, 65535, word, 1);
}

TEST(ModbusDialect, IsReadAsPeopleTypeIt) {
    auto f = [](Dialect dialect, const char* text, const char* printed, int bit = -1) {
        const auto place = parse_place(dialect, text);
        ASSERT_TRUE(place) << text << ": " << place.error().text();
        EXPECT_EQ(to_text(dialect, *place), printed);
        EXPECT_EQ(place->bit ? int{*place->bit} : -1, bit) << text;
    };
    f(inovance, "d100", "D100");
    f(inovance, "D0100", "D100");
    f(inovance, "x17", "X17");
    f(inovance, "D100.3", "D100.3", 3);
    f(inovance, "D100.15", "D100.15", 15);
    f(inovance, "D100.f", "D100.15", 15);
    f(xinje_xd, "hd0", "HD0");
    f(delta_as, "x0.5", "X0.5");
    f(delta_as, "D7.0", "D7.0", 0);
    f(generic, "400001", "40001");
    f(generic, "4x1", "40001");
    f(generic, "4X0101", "40101");
    f(generic, "0x17", "00017");
    f(generic, "1x5", "10005");
    f(generic, "4x100.03", "40100.3", 3);
    f(generic, "4x65536", "465536");
}

TEST(ModbusDialect, KnowsWhatIsOnlyRead) {
    auto f = [](Dialect dialect, const char* text, bool want) {
        EXPECT_EQ(parse_place(dialect, text).value().writable, want) << text;
    };
    for (const Dialect dialect : kAll) {
        if (dialect == generic) continue;
        f(dialect, dialect == delta_as ? "X0.0" : "X0", false);
        f(dialect, dialect == delta_as ? "Y0.0" : "Y0", true);
        f(dialect, dialect == haiwell ? "V0" : "D0", true);
    }
    f(haiwell, "AI0", false);
    f(xinje_xd, "ID0", false);
    f(generic, "30001", false);
    f(generic, "10001", false);
    f(generic, "00001", true);
    f(generic, "40001", true);
}

TEST(ModbusDialect, SaysWhatIsWrongAndWhatToWrite) {
    auto f = [](Dialect dialect, const char* text, const char* want) {
        const auto place = parse_place(dialect, text);
        ASSERT_FALSE(place) << text;
        EXPECT_EQ(place.error().code(), Code::invalid);
        EXPECT_EQ(place.error().text(), want);
    };
    f(inovance, "", "a place has 1 to 20 characters, such as D100, not 0");
    f(generic, "400000000000000000001", "a place has 1 to 20 characters, such as 40001, not 21");
    f(inovance, "Q1", "Q1: inovance has no place that begins so, but M SM B S T C X Y D SD R");
    f(inovance, "DD1", "DD1: inovance has no place that begins so, but M SM B S T C X Y D SD R; did you mean D1?");
    f(inovance, "HD0", "HD0: inovance has no place that begins so, but M SM B S T C X Y D SD R; did you mean D0?");
    f(inovance, "40001",
      "40001: inovance calls its places by letters, such as D100; numbers such as 40001 are of the dialect generic");
    f(inovance, "D", "D: a number must follow D, such as D0");
    f(delta_as, "X", "X: a number must follow X, such as X0");
    f(inovance, "X18", "X18: X is counted in octal, without 8 and 9: after X7 comes X10");
    f(inovance, "X1A", "X1A: A is no octal digit");
    f(inovance, "D-1", "D-1: - is no decimal digit");
    f(inovance, "D 1", "D 1:   is no decimal digit");
    f(inovance, "D9000", "D9000: inovance has only D0 to D7999, D8000 to D8511");
    f(inovance, "D99999999999999999", "D99999999999999999: inovance has only D0 to D7999, D8000 to D8511");
    f(xinje_xd, "X100", "X100: xinje_xd has only X0 to X77, X10000 to X11777, X20000 to X20177, X30000 to X30077");
    f(haiwell, "CV50", "CV50: haiwell has only CV0 to CV47, CV80 to CV255");
    f(inovance, "M20.1", "M20.1: M is one bit already, leave out the point and what follows");
    f(inovance, "D100.16", "D100.16: behind the point stands one of the bits 0 to 15, found \"16\"");
    f(inovance, "D100.", "D100.: behind the point stands one of the bits 0 to 15, found \"\"");
    f(inovance, "C200.1", "C200.1: C200 has 32 bits, of which none can be had alone");
    f(inovance, "Ｄ１００",
      "Ｄ１００: Ｄ is a full-width character; switch the input method to half-width and write D100");
    f(delta_as, "X0。5", "X0。5: 。 is a full-width character; switch the input method to half-width and write X0.5");
    f(generic, "D100",
      "D100: the dialect generic has numbers alone, such as 40001, 400001 or 4x1; for names choose the dialect of the "
      "PLC's maker");
    f(generic, "100",
      "100: expected 0, 1, 3 or 4 with four or five digits behind it, such as 40001 or 400001, or 4x1 as HMIs write it");
    f(generic, "20001",
      "20001: expected 0, 1, 3 or 4 with four or five digits behind it, such as 40001 or 400001, or 4x1 as HMIs write "
      "it");
    f(generic, "40000", "40000: the first one is 40001 and the last one 465536");
    f(generic, "400000", "400000: the first one is 400001 and the last one 465536");
    f(generic, "465537", "465537: the first one is 400001 and the last one 465536");
    f(generic, "4x0", "4X0: the first one is 4x1 and the last one 4x65536");
    f(generic, "00001.1", "00001.1: 00001 is one bit already, leave out the point and what follows");
}

TEST(ModbusDialect, HasNames) {
    for (const Dialect dialect : kAll) EXPECT_EQ(parse_dialect(to_string(dialect)), dialect);
    EXPECT_FALSE(parse_dialect("omron"));
}

// Each address of each table: what has a name is found by it, areas do not overlap, and their ends are ends.
TEST(ModbusDialect, EveryNameIsReadBack) {
    Rng rng{11};
    for (const Dialect dialect : kAll) {
        for (const Table table : {kCoil, kInput, kHolding, kInputs}) {
            for (int round = 0; round < 5'000; ++round) {
                const auto address = static_cast<std::uint16_t>(rng.below(0x10000));
                const std::string name = name_at(dialect, table, address);
                if (name.empty()) continue;
                const bool bits = table == kCoil || table == kInput;
                const auto place = parse_place(dialect, name, bits ? Wanted::bit : Wanted::value);
                ASSERT_TRUE(place) << name << ": " << place.error().text();
                ASSERT_EQ(place->table, table) << name;
                ASSERT_TRUE(place->address == address || (place->width == Width::dword && place->address + 1 == address));
                ASSERT_EQ(to_text(dialect, *place), name);
                const std::uint32_t end = place->address + place->room;
                ASSERT_LE(end, 0x10000u);
                const std::string last = name_at(dialect, table, static_cast<std::uint16_t>(end - 1));
                const auto last_place = parse_place(dialect, last, bits ? Wanted::bit : Wanted::value);
                ASSERT_TRUE(last_place) << last;
                ASSERT_EQ(last_place->room, place->width == Width::dword ? 2u : 1u) << last;
                ASSERT_EQ(last_place->area_first, place->area_first) << name << " " << last;
            }
        }
    }
}

TEST(ModbusDialect, ValuesLieAsThePlcHasThem) {
    auto f = [](Dialect dialect, const char* at, const char* as, std::uint16_t count, Encoding encoding,
                WordOrder order = WordOrder::abcd, bool boolean = false) {
        const auto place = parse_place(dialect, at, boolean ? Wanted::bit : Wanted::value);
        ASSERT_TRUE(place) << at;
        const auto form = parse_form(as);
        ASSERT_TRUE(form) << as;
        const auto layout = layout_of(dialect, *place, *form, usual_order(dialect), boolean);
        ASSERT_TRUE(layout) << at << " " << as << ": " << layout.error().text();
        EXPECT_EQ(layout->count, count) << at;
        EXPECT_EQ(layout->codec.encoding, encoding) << at;
        EXPECT_EQ(layout->codec.order, order) << at << " " << as;
    };
    using enum Encoding;
    using enum WordOrder;
    f(inovance, "D100", "", 1, i16);
    f(generic, "40001", "", 1, u16);
    f(inovance, "D100", "f32", 2, f32, cdab);
    f(generic, "40001", "f32", 2, f32, abcd);
    f(inovance, "D100", "f32 ABCD", 2, f32, abcd);
    f(inovance, "D100", "f64", 4, f64, cdab);
    f(inovance, "D100", "u16 BADC", 1, u16, badc);
    f(inovance, "D100", "text[5]", 3, text, badc);
    f(generic, "40001", "text[6]", 3, text, abcd);
    f(inovance, "C200", "", 2, i32, cdab);
    f(inovance, "D100.3", "", 1, bit);
    f(inovance, "M20", "bool", 1, bit);
    f(inovance, "T5", "", 1, bit, abcd, true);
    f(inovance, "T5", "u16", 1, u16);
    f(inovance, "D7998", "f32", 2, f32, cdab);
    const auto layout = layout_of(delta_dvp, parse_place(delta_dvp, "D0").value(), parse_form("i32").value(),
                                  WordOrder::abcd, false);
    EXPECT_EQ(layout->codec.order, abcd);  // as the connection says
}

TEST(ModbusDialect, SaysWhatDoesNotSuit) {
    auto f = [](Dialect dialect, const char* at, const char* as, const char* want, bool boolean = false) {
        const auto place = parse_place(dialect, at, boolean ? Wanted::bit : Wanted::value);
        ASSERT_TRUE(place) << at;
        const auto form = parse_form(as);
        ASSERT_TRUE(form) << as;
        const auto layout = layout_of(dialect, *place, *form, usual_order(dialect), boolean);
        ASSERT_FALSE(layout) << at << " " << as;
        EXPECT_EQ(layout.error().text(), want);
    };
    f(inovance, "M20", "u16", "M20 is one bit: choose bool, not u16");
    f(inovance, "D100.3", "i16", "D100.3 is one bit: choose bool, not i16");
    f(inovance, "D100", "bool", "D100 is a word: write D100.0 to D100.15 for one of its bits, or choose u16 or i16");
    f(inovance, "D100", "", "D100 is a word: write D100.0 to D100.15 for one of its bits, or choose u16 or i16", true);
    f(inovance, "C200", "u16", "C200 has 32 bits: choose u32, i32 or f32, not u16");
    f(inovance, "D7999", "f32", "D7999: f32 takes 2 registers, and D7999 is the last one");
    f(delta_dvp, "D4094", "u64", "D4094: u64 takes 4 registers, and D4095 is the last one");
    f(inovance, "D0", "text[0]", "D0: a text has 1 to 246 characters, not 0");
    f(inovance, "D0", "text[247]", "D0: a text has 1 to 246 characters, not 247");
    for (const char* as : {"int16", "text", "text[]", "f32 ACBD", "f32 ", "bool ABCD", "text[x]", "text[99999999]"})
        EXPECT_FALSE(parse_form(as)) << as;
}

}  // namespace
}  // namespace gongshu::wire::modbus
