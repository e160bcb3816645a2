#include "modbus/map.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/rng.h"

namespace gongshu::modbus {
namespace {

using registry::Encoding;
using registry::MapGaps;
using registry::RegisterKind;
using registry::ServedEntry;
using registry::WhenBad;
using registry::WordOrder;
using wire::modbus::Exception;
using wire::modbus::Function;
using wire::modbus::Request;

MapEntry entry(ServedEntry spec) {
    MapEntry made;
    made.unit = spec.unit.value_or(1);
    made.when_bad = spec.when_bad.value_or(WhenBad::exception);
    made.tag = TagId{1};
    made.spec = std::move(spec);
    return made;
}

Seen usable(Value value) { return {.usable = true, .value = value, .last = value}; }

ServedMap::Look all(const Value& value) {
    return [value](std::size_t) { return usable(value); };
}

template <class T>
std::string fault_of(const ServedMap::Answer<T>& answer) {
    return fmt::format("exception {}", static_cast<int>(answer.error()));
}

// "04d2 0000" of registers, "10" of bits.
std::string text_of(const ServedMap::Answer<wire::modbus::Reply>& answer) {
    if (!answer) return fault_of(answer);
    std::string text;
    for (const std::uint16_t word : answer->registers) text += fmt::format("{}{:04x}", text.empty() ? "" : " ", word);
    for (const std::uint8_t bit : answer->bits) text += bit != 0 ? '1' : '0';
    return text;
}

// "0=50 1=true", and "!" behind what has a fault.
std::string text_of(const ServedMap::Answer<std::vector<MapWrite>>& answer) {
    if (!answer) return fault_of(answer);
    std::string text;
    for (const MapWrite& write : *answer)
        text += fmt::format("{}{}={}{}", text.empty() ? "" : " ", write.entry, to_string(write.value), write.fault.empty() ? "" : "!");
    return text;
}

std::string read(const ServedMap& map, Function function, std::uint16_t address, std::uint16_t count, const ServedMap::Look& look,
                 std::uint8_t unit = 1) {
    return text_of(map.read(unit, {function, address, count, {}, {}}, look));
}

std::string write(const ServedMap& map, std::uint16_t address, std::vector<std::uint16_t> words) {
    const auto count = static_cast<std::uint16_t>(words.size());
    return text_of(map.plan_write(1, {Function::write_registers, address, count, {}, std::move(words)}));
}

TEST(ServedMap, EachTableAnswersItsOwnFunction) {
    std::vector<MapEntry> entries;
    for (const auto kind : {RegisterKind::coil, RegisterKind::discrete, RegisterKind::holding, RegisterKind::input})
        entries.push_back(entry({.kind = kind, .address = 5}));
    const ServedMap map{std::move(entries), MapGaps::exception};
    const Value values[] = {true, false, 7.0, 8.0};
    const auto look = [&](std::size_t i) { return usable(values[i]); };
    EXPECT_EQ(read(map, Function::read_coils, 5, 1, look), "1");
    EXPECT_EQ(read(map, Function::read_discrete_inputs, 5, 1, look), "0");
    EXPECT_EQ(read(map, Function::read_holding_registers, 5, 1, look), "0007");
    EXPECT_EQ(read(map, Function::read_input_registers, 5, 1, look), "0008");
    EXPECT_EQ(read(map, Function::read_coils, 5, 1, look, 2), "exception 2") << "another unit";
}

TEST(ServedMap, ValuesLieAsTheirEntriesSay) {
    const auto f = [](ServedEntry spec, const Value& value, std::string_view want) {
        const auto count = spec.places();
        const ServedMap map{{entry(spec)}, MapGaps::exception};
        EXPECT_EQ(read(map, Function::read_holding_registers, 0, count, all(value)), want)
            << to_string(value) << " as " << static_cast<int>(spec.encoding);
    };
    const std::int64_t large = 1ll << 40;
    f({.encoding = Encoding::u16}, 1234.0, "04d2");
    f({.encoding = Encoding::u16, .word_order = WordOrder::BADC}, 1234.0, "d204");
    f({.encoding = Encoding::i16}, -2.0, "fffe");
    f({.encoding = Encoding::u32}, 70000.0, "0001 1170");
    f({.encoding = Encoding::u32, .word_order = WordOrder::BADC}, 70000.0, "0100 7011");
    f({.encoding = Encoding::u32, .word_order = WordOrder::CDAB}, 70000.0, "1170 0001");
    f({.encoding = Encoding::u32, .word_order = WordOrder::DCBA}, 70000.0, "7011 0100");
    f({.encoding = Encoding::i32}, std::int64_t{-1}, "ffff ffff");
    f({.encoding = Encoding::u64}, large, "0000 0100 0000 0000");
    f({.encoding = Encoding::i64, .word_order = WordOrder::CDAB}, large, "0000 0000 0100 0000");
    f({.encoding = Encoding::f32}, 123.46, "42f6 eb85");
    f({.encoding = Encoding::f64}, 1.5, "3ff8 0000 0000 0000");
    f({.encoding = Encoding::bcd16}, 1234.0, "1234");
    f({.encoding = Encoding::bcd32, .word_order = WordOrder::CDAB}, 12345678.0, "5678 1234");
    f({.encoding = Encoding::text, .length = 3}, std::string("AB1"), "4142 3100 0000");
    f({.encoding = Encoding::text, .word_order = WordOrder::BADC, .length = 2}, std::string("AB1"), "4241 0031");
    f({.encoding = Encoding::u16, .scale = 0.1}, 23.47, "00eb");
    f({.encoding = Encoding::u16, .offset = 10}, 15.0, "0005");
    f({.encoding = Encoding::u16}, 80.5, "0051");
    f({.encoding = Encoding::u16}, true, "0001");
    f({.bit = 3}, true, "0008");
    f({.bit = 3}, false, "0000");
    // What cannot lie there is as bad as none.
    f({.encoding = Encoding::u16}, 65536.0, "exception 4");
    f({.encoding = Encoding::u16}, -1.0, "exception 4");
    f({.encoding = Encoding::u16}, std::numeric_limits<double>::quiet_NaN(), "exception 4");
    f({.encoding = Encoding::u16}, std::string("7"), "exception 4");
    f({.encoding = Encoding::text, .length = 1}, std::string("ABC"), "exception 4");
    f({.bit = 3}, 0.5, "exception 4");
}

TEST(ServedMap, CoilsAreOnOrOff) {
    const auto f = [](const Value& value, std::string_view want) {
        const ServedMap map{{entry({.kind = RegisterKind::coil})}, MapGaps::exception};
        EXPECT_EQ(read(map, Function::read_coils, 0, 1, all(value)), want) << to_string(value);
    };
    f(true, "1");
    f(false, "0");
    f(1.0, "1");
    f(std::int64_t{0}, "0");
    f(0.5, "exception 4");
    f(std::string("on"), "exception 4");
}

TEST(ServedMap, BitsOfOneRegisterLieTogether) {
    const ServedMap map{{entry({.address = 4, .bit = 0}), entry({.address = 4, .bit = 3}), entry({.address = 4, .bit = 15})},
                        MapGaps::exception};
    const bool on[] = {true, false, true};
    const auto look = [&](std::size_t i) { return usable(on[i]); };
    EXPECT_EQ(read(map, Function::read_holding_registers, 4, 1, look), "8001");
    EXPECT_EQ(read(map, Function::read_holding_registers, 4, 1, all(true)), "8009");
}

TEST(ServedMap, WhatCannotBeUsedIsToldAsItsEntryWants) {
    const Value seven = 7.0;
    const auto f = [](ServedEntry spec, const Seen& seen, std::string_view want) {
        const auto count = spec.places();
        const ServedMap map{{entry(spec)}, MapGaps::zero};
        const auto function = spec.kind == RegisterKind::coil ? Function::read_coils : Function::read_holding_registers;
        EXPECT_EQ(read(map, function, 0, count, [&](std::size_t) { return seen; }), want);
    };
    const Seen none{.why = Exception::gateway_target}, broken{.why = Exception::device_failure};
    const Seen before{.value = 9.0, .last = seven, .why = Exception::device_failure};
    const Seen too_large{.usable = true, .value = 70000.0, .last = seven};
    f({}, none, "exception 11");
    f({}, broken, "exception 4");
    f({}, before, "exception 4");
    f({.when_bad = WhenBad::last}, before, "0007");
    f({.when_bad = WhenBad::last}, none, "exception 11");  // there was none yet
    f({.when_bad = WhenBad::last}, too_large, "0007");
    f({.when_bad = WhenBad::fill}, before, "0000");
    f({.when_bad = WhenBad::fill, .fill = 5}, none, "0005");
    f({.when_bad = WhenBad::fill, .fill = 5}, too_large, "0005");
    f({.scale = 0.1, .when_bad = WhenBad::fill, .fill = 5}, none, "0032");
    f({.encoding = Encoding::i16, .when_bad = WhenBad::fill, .fill = -1}, none, "ffff");
    f({.encoding = Encoding::text, .length = 2, .when_bad = WhenBad::fill}, none, "0000 0000");
    f({.bit = 2, .when_bad = WhenBad::fill, .fill = 1}, none, "0004");
    f({.kind = RegisterKind::coil, .when_bad = WhenBad::fill, .fill = 1}, none, "1");
    f({.kind = RegisterKind::coil, .when_bad = WhenBad::fill}, none, "0");
    f({.kind = RegisterKind::coil}, none, "exception 11");
}

TEST(ServedMap, AStatusTellsAndIsNeverAnException) {
    std::vector<MapEntry> entries{entry({.address = 0, .status = 100}), entry({.address = 1, .status = 101}),
                                  entry({.address = 2, .status = 102})};
    entries[2].refusal = "may not leave";
    const ServedMap map{std::move(entries), MapGaps::exception};
    const auto look = [](std::size_t i) { return i == 1 ? Seen{} : usable(5.0); };
    EXPECT_EQ(read(map, Function::read_discrete_inputs, 100, 3, look), "100");
    EXPECT_EQ(read(map, Function::read_holding_registers, 0, 1, look), "0005");
    EXPECT_EQ(read(map, Function::read_holding_registers, 0, 2, look), "exception 11");
    EXPECT_EQ(read(map, Function::read_holding_registers, 2, 1, look), "exception 4") << "what may not leave";
}

TEST(ServedMap, AStatusIsOffWhereTheValueCannotLie) {
    const ServedMap map{{entry({.address = 0, .status = 100, .when_bad = WhenBad::fill, .fill = 3}),
                         entry({.kind = RegisterKind::coil, .address = 1, .status = 101, .when_bad = WhenBad::fill}),
                         entry({.address = 2, .encoding = Encoding::u32, .status = 102})},
                        MapGaps::exception};
    EXPECT_EQ(read(map, Function::read_holding_registers, 0, 1, all(70000.0)), "0003");
    EXPECT_EQ(read(map, Function::read_coils, 1, 1, all(70000.0)), "0");
    EXPECT_EQ(read(map, Function::read_discrete_inputs, 100, 3, all(70000.0)), "001");
    EXPECT_EQ(read(map, Function::read_discrete_inputs, 100, 3, all(1.0)), "111");
}

TEST(ServedMap, GapsAreExceptionsOrZeros) {
    const auto f = [](std::uint16_t address, std::uint16_t count, std::string_view exception, std::string_view zero) {
        for (const auto gaps : {MapGaps::exception, MapGaps::zero}) {
            const ServedMap map{{entry({.address = 10}), entry({.address = 11, .encoding = Encoding::u32}),
                                 entry({.address = 20}), entry({.address = 65535})},
                                gaps};
            EXPECT_EQ(read(map, Function::read_holding_registers, address, count, all(7.0)),
                      gaps == MapGaps::zero ? zero : exception)
                << address << "+" << count;
        }
    };
    f(10, 3, "0007 0000 0007", "0007 0000 0007");
    f(12, 1, "0007", "0007");  // half of a value
    f(11, 1, "0000", "0000");
    f(12, 2, "exception 2", "0007 0000");
    f(9, 2, "exception 2", "0000 0007");
    f(12, 9, "exception 2", "0007 0000 0000 0000 0000 0000 0000 0000 0007");
    f(13, 7, "exception 2", "exception 2");  // nothing at all
    f(0, 1, "exception 2", "exception 2");
    f(65535, 1, "0007", "0007");
    f(65534, 2, "exception 2", "0000 0007");
}

TEST(ServedMap, UnitsAreApart) {
    const ServedMap map{{entry({.address = 0}), entry({.address = 0, .unit = 9})}, MapGaps::exception};
    const auto look = [](std::size_t i) { return usable(static_cast<double>(i)); };
    EXPECT_EQ(read(map, Function::read_holding_registers, 0, 1, look, 1), "0000");
    EXPECT_EQ(read(map, Function::read_holding_registers, 0, 1, look, 9), "0001");
    EXPECT_TRUE(map.has_unit(9));
    EXPECT_FALSE(map.has_unit(8));
}

TEST(ServedMap, WritesAreWholeValuesOfWritableEntries) {
    const auto writable = [](ServedEntry spec, ValueType type) {
        spec.writable = true;
        MapEntry made = entry(std::move(spec));
        made.type = type;
        return made;
    };
    std::vector<MapEntry> entries{
        writable({.address = 0}, ValueType::number),
        writable({.address = 1, .encoding = Encoding::u32, .word_order = WordOrder::CDAB}, ValueType::integer),
        writable({.address = 3, .scale = 0.5}, ValueType::integer),
        writable({.address = 4, .encoding = Encoding::bcd16}, ValueType::number),
        writable({.address = 5, .encoding = Encoding::text, .length = 2}, ValueType::text),
        entry({.address = 7}),
        writable({.address = 8, .min = 10, .max = 20}, ValueType::number),
        writable({.address = 9, .encoding = Encoding::f32, .max = 20}, ValueType::number),
        writable({.address = 11}, ValueType::boolean),
        writable({.address = 12}, ValueType::number),
    };
    entries[9].refusal = "may not leave";
    const ServedMap map{std::move(entries), MapGaps::zero};
    EXPECT_EQ(write(map, 0, {321}), "0=321");
    EXPECT_EQ(write(map, 0, {321, 0x1170, 1}), "0=321 1=70000");
    EXPECT_EQ(write(map, 1, {1}), "exception 3") << "half of a value";
    EXPECT_EQ(write(map, 2, {1}), "exception 3") << "the other half";
    EXPECT_EQ(write(map, 0, {1, 1}), "exception 3");
    EXPECT_EQ(write(map, 3, {4}), "2=2");
    EXPECT_EQ(write(map, 3, {5}), "exception 3") << "2.5 is no integer";
    EXPECT_EQ(write(map, 4, {0x1234}), "3=1234");
    EXPECT_EQ(write(map, 4, {0x12ab}), "exception 3") << "no decimal digits";
    EXPECT_EQ(write(map, 5, {0x4142, 0x3100}), "4=AB1");
    EXPECT_EQ(write(map, 5, {0xff42, 0x3100}), "exception 3") << "no text";
    EXPECT_EQ(write(map, 7, {1}), "exception 2") << "read only";
    EXPECT_EQ(write(map, 6, {1}), "exception 3");
    EXPECT_EQ(write(map, 13, {1}), "exception 2") << "nothing there";
    EXPECT_EQ(write(map, 8, {10}), "6=10");
    EXPECT_EQ(write(map, 8, {9}), "6=9!");
    EXPECT_EQ(write(map, 8, {21}), "6=21!");
    EXPECT_EQ(write(map, 9, {0x41a0, 0}), "7=20");
    EXPECT_EQ(write(map, 9, {0x7fc0, 0}), "7=nan!");
    EXPECT_EQ(write(map, 11, {1}), "8=true");
    EXPECT_EQ(write(map, 11, {2}), "exception 3");
    EXPECT_EQ(write(map, 12, {1}), "exception 2") << "what may not leave is not written either";
    const auto refused = map.plan_write(1, {Function::write_register, 8, 1, {}, {21}});
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->at(0).fault, " may be 10 to 20, not 21");
    EXPECT_EQ(text_of(map.plan_write(2, {Function::write_register, 0, 1, {}, {1}})), "exception 2") << "another unit";
}

TEST(ServedMap, CoilsAreWrittenAsTheTagsType) {
    const auto f = [](ValueType type, std::string_view want) {
        MapEntry made = entry({.kind = RegisterKind::coil, .writable = true});
        made.type = type;
        const ServedMap map{{made}, MapGaps::exception};
        EXPECT_EQ(text_of(map.plan_write(1, {Function::write_coil, 0, 1, {1}, {}})), want);
    };
    f(ValueType::boolean, "0=true");
    f(ValueType::integer, "0=1");
    f(ValueType::number, "0=1");
    f(ValueType::text, "exception 3");
}

TEST(ServedMap, OneRequestChangesAFewEntriesOnly) {
    std::vector<MapEntry> entries;
    for (std::uint16_t i = 0; i < 40; ++i) entries.push_back(entry({.address = i, .writable = true}));
    const ServedMap map{std::move(entries), MapGaps::exception};
    EXPECT_EQ(write(map, 0, std::vector<std::uint16_t>(33)), "exception 3");
    const auto most = map.plan_write(1, {Function::write_registers, 8, 32, {}, std::vector<std::uint16_t>(32)});
    ASSERT_TRUE(most);
    EXPECT_EQ(most->size(), ServedMap::kWritesMax);
}

TEST(ServedMap, AMaskChangesSomeBitsOfWhatIsThere) {
    const ServedMap map{{entry({.address = 4, .writable = true}), entry({.address = 5}),
                         entry({.address = 6, .encoding = Encoding::u32, .writable = true})},
                        MapGaps::exception};
    const auto f = [&](std::uint16_t address, const Seen& now, std::uint16_t all_of, std::uint16_t some_of, std::string_view want) {
        EXPECT_EQ(text_of(map.plan_mask(1, {address, all_of, some_of}, [&](std::size_t) { return now; })), want);
    };
    f(4, usable(double{0x12}), 0xf2, 0x25, "0=23");  // the standard's example
    f(4, usable(double{0x12}), 0xffff, 0, "0=18");
    f(4, usable(double{0x12}), 0, 0xabcd, "0=43981");
    f(4, Seen{}, 0xf2, 0x25, "exception 11");
    f(4, usable(70000.0), 0xf2, 0x25, "exception 4");
    f(5, usable(double{0x12}), 0xf2, 0x25, "exception 2");
    f(6, usable(double{0x12}), 0xf2, 0x25, "exception 3");
    f(9, usable(double{0x12}), 0xf2, 0x25, "exception 2");
}

TEST(ServedMap, AMaskWantsTheValueItself) {
    const auto f = [](WhenBad when_bad, const Seen& now, std::string_view want) {
        MapEntry one = entry({.address = 4, .writable = true, .fill = 7});
        one.when_bad = when_bad;
        const ServedMap map{{one}, MapGaps::exception};
        EXPECT_EQ(text_of(map.plan_mask(1, {4, 0xf2, 0x25}, [&](std::size_t) { return now; })), want);
    };
    const Seen before{.usable = false, .value = {}, .last = Value{18.0}};
    f(WhenBad::fill, usable(18.0), "0=23");
    f(WhenBad::last, usable(18.0), "0=23");
    f(WhenBad::fill, before, "exception 4");
    f(WhenBad::last, before, "exception 4");
    f(WhenBad::exception, before, "exception 11");
    f(WhenBad::fill, usable(70000.0), "exception 4");
}

// The dullest model: words and bits with an owner each. Whatever is written is read again as the same words.
class Model {
public:
    explicit Model(Rng& rng) {
        for (const auto kind : {RegisterKind::coil, RegisterKind::holding}) {
            for (std::uint16_t at = 0; at < 150;) {
                at = static_cast<std::uint16_t>(at + (rng.chance(0.3) ? rng.below(4) : 0));
                constexpr Encoding kWhole[] = {Encoding::u16, Encoding::i16, Encoding::u32, Encoding::i32, Encoding::i64};
                ServedEntry spec{.kind = kind, .address = at, .encoding = kWhole[rng.below(5)],
                                 .word_order = static_cast<WordOrder>(rng.below(4)), .writable = rng.chance(0.8)};
                MapEntry made = entry(spec);
                made.type = ValueType::integer;
                for (std::uint16_t i = 0; i < spec.places(); ++i) owner[{kind, at + i}] = {entries.size(), at};
                at = static_cast<std::uint16_t>(at + spec.places());
                entries.push_back(std::move(made));
                is_bad.push_back(false);
                values.push_back(std::int64_t{0});
            }
        }
        gaps = rng.chance(0.5) ? MapGaps::zero : MapGaps::exception;
    }

    std::string read(RegisterKind kind, unsigned address, unsigned count) const {
        std::string text;
        bool some = false, every = true, bad = false;
        for (unsigned at = address; at < address + count; ++at) {
            const auto found = owner.find({kind, at});
            if (found == owner.end()) every = false;
            if (found != owner.end()) some = true, bad |= is_bad[found->second.first];
            const auto word = words.find({kind, at});
            const unsigned value = word == words.end() ? 0 : word->second;
            text += kind == RegisterKind::coil ? fmt::format("{}", value) : fmt::format("{}{:04x}", text.empty() ? "" : " ", value);
        }
        if (bad) return "exception 11";
        return !some || (!every && gaps == MapGaps::exception) ? "exception 2" : text;
    }
    // The exception, or "" and the words are there.
    std::string write(RegisterKind kind, unsigned address, const std::vector<std::uint16_t>& written) {
        const unsigned end = address + static_cast<unsigned>(written.size());
        std::size_t changed = 0;
        for (unsigned at = address; at < end;) {
            const auto found = owner.find({kind, at});
            if (found == owner.end()) return "exception 2";
            const auto& [index, begin] = found->second;
            if (begin != at) return "exception 3";
            if (!entries[index].spec.writable) return "exception 2";
            at += entries[index].spec.places();
            if (at > end || ++changed > ServedMap::kWritesMax) return "exception 3";
        }
        for (unsigned i = 0; i < written.size(); ++i) words[{kind, address + i}] = written[i];
        return "";
    }

    std::vector<MapEntry> entries;
    std::vector<Value> values;  // as the tags have them
    std::vector<bool> is_bad;
    MapGaps gaps;
    std::map<std::pair<RegisterKind, unsigned>, std::pair<std::size_t, unsigned>> owner;  // entry, where it begins
    std::map<std::pair<RegisterKind, unsigned>, unsigned> words;
};

TEST(ServedMap, AgreesWithWordsAndBits) {
    const auto seed = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
    for (std::uint64_t round = 0; round < 20; ++round) {
        SCOPED_TRACE(fmt::format("--gtest_random_seed={} round {}", seed, round));
        Rng rng{seed * 1000 + round};
        Model model{rng};
        const ServedMap map{model.entries, model.gaps};
        const auto look = [&](std::size_t i) { return model.is_bad[i] ? Seen{} : usable(model.values[i]); };
        for (int step = 0; step < 400; ++step) {
            const bool coils = rng.chance(0.3);
            const auto kind = coils ? RegisterKind::coil : RegisterKind::holding;
            const auto address = static_cast<std::uint16_t>(rng.below(160));
            const auto count = static_cast<std::uint16_t>(rng.chance(0.1) ? 1 + rng.below(120) : 1 + rng.below(8));
            if (rng.chance(0.02)) {
                const auto i = rng.below(model.is_bad.size());
                model.is_bad[i] = !model.is_bad[i];
            }
            if (rng.chance(0.5)) {
                const auto function = coils ? Function::read_coils : Function::read_holding_registers;
                ASSERT_EQ(read(map, function, address, count, look), model.read(kind, address, count)) << address << "+" << count;
                continue;
            }
            std::vector<std::uint16_t> words;
            for (int i = 0; i < count; ++i) words.push_back(static_cast<std::uint16_t>(rng.below(coils ? 2 : 65536)));
            Request request{coils ? Function::write_coils : Function::write_registers, address, count, {}, {}};
            if (coils)
                request.bits.assign(words.begin(), words.end());
            else
                request.registers = words;
            const auto plan = map.plan_write(1, request);
            ASSERT_EQ(plan ? "" : fault_of(plan), model.write(kind, address, words)) << address << "+" << count;
            if (!plan) continue;
            for (const MapWrite& one : *plan) model.values[one.entry] = one.value;
        }
    }
}

}  // namespace
}  // namespace gongshu::modbus
