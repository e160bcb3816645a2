#include "wire/modbus_dialect.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "base/assert.h"

namespace gongshu::wire::modbus {

namespace {

constexpr std::string_view kNames[] = {"inovance", "delta_dvp", "delta_as", "xinje_xc",
                                       "xinje_xd", "haiwell",   "generic"};
static_assert(std::size(kNames) == kDialects);

constexpr std::size_t kTextMax = 20;
constexpr std::uint32_t kNumberMax = 9'999'999;
constexpr std::uint16_t kCharactersMax = 246;

// How numbers are written.
enum class Count : std::uint8_t {
    decimal,
    octal,
    of_word,  // the word, a point and its bit: X0.15
};

// Places that lie together and are called alike. A line of a manual's table.
struct Area {
    std::string_view name;
    Table table;
    Width width;
    Count count;
    std::uint32_t first, last;  // numbers; of Count::of_word 16 to a word
    std::uint16_t address;      // of the first one
    bool writable = true;

    std::uint32_t each() const { return width == Width::dword ? 2 : 1; }
    std::uint32_t size() const { return (last - first + 1) * each(); }
    bool holds(Table of, std::uint32_t at) const { return table == of && at >= address && at < address + size(); }
};

constexpr auto kCoil = Table::coils, kInput = Table::discrete_inputs, kHolding = Table::holding_registers,
               kInputs = Table::input_registers;
constexpr auto kBit = Width::bit, kWord = Width::word, kDword = Width::dword;
constexpr auto kDec = Count::decimal, kOct = Count::octal;

constexpr Area kInovance[] = {
    {"M", kCoil, kBit, kDec, 0, 7999, 0x0000},
    {"M", kCoil, kBit, kDec, 8000, 8511, 0x1f40},
    {"SM", kCoil, kBit, kDec, 0, 1023, 0x2400},
    {"B", kCoil, kBit, kDec, 0, 32767, 0x3000},
    {"S", kCoil, kBit, kDec, 0, 4095, 0xe000},
    {"T", kCoil, kBit, kDec, 0, 511, 0xf000},
    {"C", kCoil, kBit, kDec, 0, 255, 0xf400},
    {"X", kCoil, kBit, kOct, 0, 01777, 0xf800, false},
    {"Y", kCoil, kBit, kOct, 0, 01777, 0xfc00},
    {"D", kHolding, kWord, kDec, 0, 7999, 0x0000},
    {"D", kHolding, kWord, kDec, 8000, 8511, 0x1f40},
    {"SD", kHolding, kWord, kDec, 0, 1023, 0x2400},
    {"R", kHolding, kWord, kDec, 0, 32767, 0x3000},
    {"T", kHolding, kWord, kDec, 0, 511, 0xf000},
    {"C", kHolding, kWord, kDec, 0, 199, 0xf400},
    {"C", kHolding, kDword, kDec, 200, 255, 0xf700},
};

constexpr Area kDeltaDvp[] = {
    {"S", kCoil, kBit, kDec, 0, 1023, 0x0000},
    {"X", kInput, kBit, kOct, 0, 0377, 0x0400, false},
    {"Y", kCoil, kBit, kOct, 0, 0377, 0x0500},
    {"T", kCoil, kBit, kDec, 0, 255, 0x0600},
    {"M", kCoil, kBit, kDec, 0, 1535, 0x0800},
    {"M", kCoil, kBit, kDec, 1536, 4095, 0xb000},
    {"C", kCoil, kBit, kDec, 0, 255, 0x0e00},
    {"T", kHolding, kWord, kDec, 0, 255, 0x0600},
    {"C", kHolding, kWord, kDec, 0, 199, 0x0e00},
    {"C", kHolding, kDword, kDec, 200, 255, 0x0700},
    {"D", kHolding, kWord, kDec, 0, 4095, 0x1000},
    {"D", kHolding, kWord, kDec, 4096, 9999, 0x9000},
};

constexpr Area kDeltaAs[] = {
    {"M", kCoil, kBit, kDec, 0, 8191, 0x0000},
    {"SM", kCoil, kBit, kDec, 0, 4095, 0x4000},
    {"S", kCoil, kBit, kDec, 0, 2047, 0x5000},
    {"X", kInput, kBit, Count::of_word, 0, 1023, 0x6000, false},
    {"Y", kCoil, kBit, Count::of_word, 0, 1023, 0xa000},
    {"T", kCoil, kBit, kDec, 0, 511, 0xe000},
    {"C", kCoil, kBit, kDec, 0, 511, 0xf000},
    {"HC", kCoil, kBit, kDec, 0, 255, 0xfc00},
    {"D", kHolding, kWord, kDec, 0, 29999, 0x0000},
    {"X", kInputs, kWord, kDec, 0, 63, 0x8000, false},
    {"Y", kHolding, kWord, kDec, 0, 63, 0xa000},
    {"SR", kHolding, kWord, kDec, 0, 2047, 0xc000},
    {"T", kHolding, kWord, kDec, 0, 511, 0xe000},
    {"C", kHolding, kWord, kDec, 0, 511, 0xf000},
    {"E", kHolding, kWord, kDec, 0, 9, 0xfe00},
};

constexpr Area kXinjeXc[] = {
    {"M", kCoil, kBit, kDec, 0, 7999, 0x0000},
    {"X", kCoil, kBit, kOct, 0, 01037, 0x4000, false},
    {"Y", kCoil, kBit, kOct, 0, 01037, 0x4800},
    {"S", kCoil, kBit, kDec, 0, 1023, 0x5000},
    {"M", kCoil, kBit, kDec, 8000, 8511, 0x6000},
    {"T", kCoil, kBit, kDec, 0, 618, 0x6400},
    {"C", kCoil, kBit, kDec, 0, 634, 0x6c00},
    {"D", kHolding, kWord, kDec, 0, 7999, 0x0000},
    {"TD", kHolding, kWord, kDec, 0, 618, 0x3000},
    {"CD", kHolding, kWord, kDec, 0, 634, 0x3800},
    {"D", kHolding, kWord, kDec, 8000, 8511, 0x4000},
    {"FD", kHolding, kWord, kDec, 0, 5000, 0x4800},
    {"FD", kHolding, kWord, kDec, 8000, 8511, 0x6800},
    {"ED", kHolding, kWord, kDec, 0, 36863, 0x7000},
};

constexpr Area kXinjeXd[] = {
    {"M", kCoil, kBit, kDec, 0, 20479, 0x0000},
    {"X", kCoil, kBit, kOct, 0, 077, 0x5000, false},
    {"X", kCoil, kBit, kOct, 010000, 011777, 0x5100, false},
    {"X", kCoil, kBit, kOct, 020000, 020177, 0x58d0, false},
    {"X", kCoil, kBit, kOct, 030000, 030077, 0x5bf0, false},
    {"Y", kCoil, kBit, kOct, 0, 077, 0x6000},
    {"Y", kCoil, kBit, kOct, 010000, 011777, 0x6100},
    {"Y", kCoil, kBit, kOct, 020000, 020177, 0x68d0},
    {"Y", kCoil, kBit, kOct, 030000, 030077, 0x6bf0},
    {"S", kCoil, kBit, kDec, 0, 7999, 0x7000},
    {"SM", kCoil, kBit, kDec, 0, 4095, 0x9000},
    {"T", kCoil, kBit, kDec, 0, 4095, 0xa000},
    {"C", kCoil, kBit, kDec, 0, 4095, 0xb000},
    {"ET", kCoil, kBit, kDec, 0, 39, 0xc000},
    {"SEM", kCoil, kBit, kDec, 0, 127, 0xc080},
    {"HM", kCoil, kBit, kDec, 0, 6143, 0xc100},
    {"HS", kCoil, kBit, kDec, 0, 999, 0xd900},
    {"HT", kCoil, kBit, kDec, 0, 1023, 0xe100},
    {"HC", kCoil, kBit, kDec, 0, 1023, 0xe500},
    {"HSC", kCoil, kBit, kDec, 0, 39, 0xe900},
    {"D", kHolding, kWord, kDec, 0, 20479, 0x0000},
    {"ID", kHolding, kWord, kDec, 0, 99, 0x5000, false},
    {"ID", kHolding, kWord, kDec, 10000, 11599, 0x5100, false},
    {"ID", kHolding, kWord, kDec, 20000, 20199, 0x58d0, false},
    {"ID", kHolding, kWord, kDec, 30000, 30099, 0x5bf0, false},
    {"QD", kHolding, kWord, kDec, 0, 99, 0x6000},
    {"QD", kHolding, kWord, kDec, 10000, 11599, 0x6100},
    {"QD", kHolding, kWord, kDec, 20000, 20199, 0x68d0},
    {"QD", kHolding, kWord, kDec, 30000, 30099, 0x6bf0},
    {"SD", kHolding, kWord, kDec, 0, 4095, 0x7000},
    {"TD", kHolding, kWord, kDec, 0, 4095, 0x8000},
    {"CD", kHolding, kWord, kDec, 0, 4095, 0x9000},
    {"ETD", kHolding, kWord, kDec, 0, 39, 0xa000},
    {"HD", kHolding, kWord, kDec, 0, 6143, 0xa080},
    {"HSD", kHolding, kWord, kDec, 0, 1023, 0xb880},
    {"HTD", kHolding, kWord, kDec, 0, 1023, 0xbc80},
    {"HCD", kHolding, kWord, kDec, 0, 1023, 0xc080},
    {"HSCD", kHolding, kWord, kDec, 0, 39, 0xc480},
    {"FD", kHolding, kWord, kDec, 0, 8191, 0xc4c0},
    {"SFD", kHolding, kWord, kDec, 0, 4095, 0xe4c0},
    {"FS", kHolding, kWord, kDec, 0, 255, 0xf4c0},
};

constexpr Area kHaiwell[] = {
    {"X", kCoil, kBit, kDec, 0, 1023, 0x0000, false},
    {"Y", kCoil, kBit, kDec, 0, 1023, 0x0600},
    {"M", kCoil, kBit, kDec, 0, 12287, 0x0c00},
    {"T", kCoil, kBit, kDec, 0, 1023, 0x3c00},
    {"C", kCoil, kBit, kDec, 0, 255, 0x4000},
    {"SM", kCoil, kBit, kDec, 0, 215, 0x4200},
    {"S", kCoil, kBit, kDec, 0, 2047, 0x7000},
    {"AI", kHolding, kWord, kDec, 0, 255, 0x0000, false},
    {"AQ", kHolding, kWord, kDec, 0, 255, 0x0100},
    {"V", kHolding, kWord, kDec, 0, 14847, 0x0200},
    {"TV", kHolding, kWord, kDec, 0, 1023, 0x3c00},
    {"CV", kHolding, kWord, kDec, 0, 47, 0x4000},
    {"CV", kHolding, kWord, kDec, 80, 255, 0x4050},
    {"SV", kHolding, kWord, kDec, 0, 900, 0x4400},
};

std::span<const Area> areas_of(Dialect dialect) {
    switch (dialect) {
        case Dialect::inovance:
            return kInovance;
        case Dialect::delta_dvp:
            return kDeltaDvp;
        case Dialect::delta_as:
            return kDeltaAs;
        case Dialect::xinje_xc:
            return kXinjeXc;
        case Dialect::xinje_xd:
            return kXinjeXd;
        case Dialect::haiwell:
            return kHaiwell;
        case Dialect::generic:
            break;
    }
    return {};
}

std::string_view example_of(Dialect dialect) {
    return dialect == Dialect::generic ? "40001" : dialect == Dialect::haiwell ? "V100" : "D100";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool is_bits(Table table) { return table == Table::coils || table == Table::discrete_inputs; }

std::string print(const Area& area, std::uint32_t number) {
    if (area.count == Count::of_word) return fmt::format("{}{}.{}", area.name, number / 16, number % 16);
    if (area.count == Count::octal) return fmt::format("{}{:o}", area.name, number);
    return fmt::format("{}{}", area.name, number);
}

// "D0 to D7999, D8000 to D8511"
std::string print_ranges(const std::vector<const Area*>& areas) {
    std::string all;
    for (const Area* area : areas)
        all += fmt::format("{}{} to {}", all.empty() ? "" : ", ", print(*area, area->first), print(*area, area->last));
    return all;
}

// ---- what was typed ----

// Characters of a full-width input method (U+FF01 … U+FF5E, the ideographic space and stop) as those of the keyboard.
struct HalfWidth {
    std::string text;
    std::string first;  // the first that was full-width; "" = none
};

HalfWidth half_width(std::string_view text) {
    HalfWidth out;
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) -> unsigned {
            return i + at < text.size() ? static_cast<std::uint8_t>(text[i + at]) : 0;
        };
        const bool three = (byte(0) & 0xf0) == 0xe0 && i + 2 < text.size();
        const unsigned code = three ? (byte(0) & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63) : 0;
        const bool full = code >= 0xff01 && code <= 0xff5e;
        if (!full && code != 0x3000 && code != 0x3002) {
            out.text += text[i++];
            continue;
        }
        if (out.first.empty()) out.first = text.substr(i, 3);
        if (code != 0x3000) out.text += full ? static_cast<char>(code - 0xff01 + '!') : '.';
        i += 3;
    }
    return out;
}

Error not_a_digit(std::string_view text, const Area& area, char digit) {
    if (area.count != Count::octal || !is_digit(digit))
        return Error{Code::invalid, "{}: {} is no {} digit", text, digit,
                     area.count == Count::octal ? "octal" : "decimal"};
    return Error{Code::invalid, "{}: {} is counted in octal, without 8 and 9: after {} comes {}", text, area.name,
                 print(area, 7), print(area, 8)};
}

Result<std::uint32_t> parse_number(std::string_view text, std::string_view digits, const Area& area) {
    const std::uint32_t radix = area.count == Count::octal ? 8 : 10;
    std::uint32_t number = 0;
    for (const char c : digits) {
        if (!is_digit(c) || static_cast<std::uint32_t>(c - '0') >= radix) return not_a_digit(text, area, c);
        number = std::min(number * radix + static_cast<std::uint32_t>(c - '0'), kNumberMax);
    }
    return number;
}

Result<std::uint8_t> parse_bit(std::string_view text, std::string_view digits) {
    if (digits.size() == 1 && digits[0] >= 'A' && digits[0] <= 'F')
        return static_cast<std::uint8_t>(digits[0] - 'A' + 10);
    unsigned bit = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bit);
    const bool all_read = failed == std::errc{} && end == digits.data() + digits.size();
    const bool whole = !digits.empty() && digits.size() <= 2 && all_read;
    if (!whole || bit > 15)
        return Error{Code::invalid, "{}: behind the point stands one of the bits 0 to 15, found \"{}\"", text, digits};
    return static_cast<std::uint8_t>(bit);
}

Error unknown_name(Dialect dialect, std::string_view text, std::string_view letters) {
    if (letters.empty() && !text.empty() && is_digit(text[0]))
        return Error{Code::invalid,
                     "{}: {} calls its places by letters, such as {}; numbers such as 40001 are of the dialect generic",
                     text, to_string(dialect), example_of(dialect)};
    std::string known;
    std::string_view near;
    for (const Area& area : areas_of(dialect)) {
        if (const std::string word = " " + std::string(area.name) + " "; (" " + known + " ").find(word) == known.npos)
            known += (known.empty() ? "" : " ") + std::string(area.name);
        const bool alike = !letters.empty() && (letters.starts_with(area.name) || letters.ends_with(area.name));
        if (alike && area.name.size() > near.size()) near = area.name;
    }
    if (near.empty())
        return Error{Code::invalid, "{}: {} has no place that begins so, but {}", text, to_string(dialect), known};
    return Error{Code::invalid, "{}: {} has no place that begins so, but {}; did you mean {}?", text,
                 to_string(dialect), known, std::string(near) + std::string(text.substr(letters.size()))};
}

Place place_in(const Area& area, std::uint32_t number) {
    const std::uint32_t at = (number - area.first) * area.each();
    Place place;
    place.table = area.table;
    place.address = static_cast<std::uint16_t>(area.address + at);
    place.width = area.width;
    place.writable = area.writable;
    place.area_first = area.address;
    place.room = area.size() - at;
    return place;
}

// Those of one name that can be meant: with a point the bits that are written so, else words; without one as wanted.
std::vector<const Area*> meant(std::span<const Area> areas, std::string_view name, bool point, Wanted wanted) {
    std::vector<const Area*> of_words, bits, words;
    for (const Area& area : areas) {
        if (area.name != name) continue;
        (area.count == Count::of_word ? of_words : area.width == Width::bit ? bits : words).push_back(&area);
    }
    if (point) return !of_words.empty() ? of_words : !words.empty() ? words : bits;
    if (words.empty() || (wanted == Wanted::bit && !bits.empty())) return bits;
    return words;
}

Result<Place> parse_named(Dialect dialect, std::string_view text, Wanted wanted) {
    const auto letters_end = std::ranges::find_if_not(text, is_letter);
    const std::string_view name = text.substr(0, static_cast<std::size_t>(letters_end - text.begin()));
    const std::size_t point = text.find('.');
    const auto areas = meant(areas_of(dialect), name, point != text.npos, wanted);
    if (areas.empty()) return unknown_name(dialect, text, name);
    const Area& any = *areas.front();
    const std::string_view digits = text.substr(name.size(), point == text.npos ? point : point - name.size());
    if (digits.empty())
        return Error{Code::invalid, "{}: a number must follow {}, such as {}", text, name, print(any, any.first)};
    std::uint32_t number = TRY(parse_number(text, digits, any));
    std::optional<std::uint8_t> bit;
    if (point != text.npos) {
        if (any.width == Width::bit && any.count != Count::of_word)
            return Error{Code::invalid, "{}: {} is one bit already, leave out the point and what follows", text, name};
        bit = TRY(parse_bit(text, text.substr(point + 1)));
    }
    if (any.count == Count::of_word) number = number * 16 + *bit;
    for (const Area* area : areas) {
        if (number < area->first || number > area->last) continue;
        Place place = place_in(*area, number);
        if (area->count != Count::of_word) place.bit = bit;
        if (bit && area->width == Width::dword)
            return Error{Code::invalid, "{}: {} has 32 bits, of which none can be had alone", text,
                         print(*area, number)};
        return place;
    }
    return Error{Code::invalid, "{}: {} has only {}", text, to_string(dialect), print_ranges(areas)};
}

// ---- the numbers of Modicon ----

std::optional<Table> table_of(char digit) {
    if (digit == '0') return Table::coils;
    if (digit == '1') return Table::discrete_inputs;
    if (digit == '3') return Table::input_registers;
    if (digit == '4') return Table::holding_registers;
    return std::nullopt;
}

char digit_of(Table table) {
    constexpr char kDigits[] = {'0', '1', '4', '3'};
    return kDigits[static_cast<std::size_t>(table)];
}

Error no_modicon(std::string_view text) {
    if (!text.empty() && is_letter(text[0]))
        return Error{Code::invalid,
                     "{}: the dialect generic has numbers alone, such as 40001, 400001 or 4x1; for names choose the "
                     "dialect of the PLC's maker",
                     text};
    return Error{Code::invalid,
                 "{}: expected 0, 1, 3 or 4 with four or five digits behind it, such as 40001 or 400001, or 4x1 as "
                 "HMIs write it",
                 text};
}

Result<Place> parse_modicon(std::string_view text) {
    const std::size_t point = text.find('.');
    std::string_view digits = text.substr(0, point);
    const auto table = digits.empty() ? std::nullopt : table_of(digits[0]);
    if (!table) return no_modicon(text);
    const bool of_hmi = digits.size() > 1 && digits[1] == 'X';
    const std::string_view kind = digits.substr(0, of_hmi ? 2 : 1);
    digits.remove_prefix(kind.size());
    const bool fits = of_hmi ? !digits.empty() && digits.size() <= 6 : digits.size() == 4 || digits.size() == 5;
    if (!fits || !std::ranges::all_of(digits, is_digit)) return no_modicon(text);
    std::uint32_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (number < 1 || number > 0x10000) {
        const std::string prefix = of_hmi ? fmt::format("{}x", kind[0]) : std::string(kind);
        const std::string first = fmt::format("{}{:0{}}", prefix, 1, of_hmi ? 1 : digits.size());
        const std::string last = prefix + "65536";
        return Error{Code::invalid, "{}: the first one is {} and the last one {}", text, first, last};
    }
    Place place;
    place.table = *table;
    place.address = static_cast<std::uint16_t>(number - 1);
    place.width = is_bits(*table) ? Width::bit : Width::word;
    place.writable = *table == Table::coils || *table == Table::holding_registers;
    place.room = 0x10000 - place.address;
    if (point == text.npos) return place;
    if (place.width == Width::bit)
        return Error{Code::invalid, "{}: {} is one bit already, leave out the point and what follows", text,
                     text.substr(0, point)};
    place.bit = TRY(parse_bit(text, text.substr(point + 1)));
    return place;
}

std::string modicon(Table table, std::uint16_t address) {
    const unsigned number = address + 1u;
    return number <= 9999 ? fmt::format("{}{:04}", digit_of(table), number)
                          : fmt::format("{}{:05}", digit_of(table), number);
}

}  // namespace

std::optional<Dialect> parse_dialect(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kNames); ++i)
        if (kNames[i] == name) return static_cast<Dialect>(i);
    return std::nullopt;
}

std::string_view to_string(Dialect dialect) { return kNames[static_cast<std::size_t>(dialect)]; }

Result<Place> parse_place(Dialect dialect, std::string_view text, Wanted wanted) {
    if (text.empty() || text.size() > kTextMax * 3)
        return Error{Code::invalid, "a place has 1 to {} characters, such as {}, not {}", kTextMax, example_of(dialect),
                     text.size()};
    HalfWidth half = half_width(text);
    std::ranges::transform(half.text, half.text.begin(), upper);
    if (!half.first.empty())
        return Error{Code::invalid,
                     "{}: {} is a full-width character; switch the input method to half-width and write {}", text,
                     half.first, half.text};
    if (half.text.size() > kTextMax)
        return Error{Code::invalid, "a place has 1 to {} characters, such as {}, not {}", kTextMax, example_of(dialect),
                     half.text.size()};
    return dialect == Dialect::generic ? parse_modicon(half.text) : parse_named(dialect, half.text, wanted);
}

std::string name_at(Dialect dialect, Table table, std::uint16_t address) {
    if (dialect == Dialect::generic) return modicon(table, address);
    for (const Area& area : areas_of(dialect))
        if (area.holds(table, address)) return print(area, area.first + (address - area.address) / area.each());
    return {};
}

std::string to_text(Dialect dialect, const Place& place) {
    std::string text = name_at(dialect, place.table, place.address);
    ASSERT(!text.empty());
    if (place.bit) text += fmt::format(".{}", *place.bit);
    return text;
}

WordOrder usual_order(Dialect dialect) { return dialect == Dialect::generic ? WordOrder::abcd : WordOrder::cdab; }

// ---- how it lies there ----

namespace {

Error bad_form(std::string_view as) {
    return Error{Code::invalid,
                 "expected bool, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32 or text[20], and behind it ABCD, "
                 "BADC, CDAB or DCBA where the order is not the usual one, found \"{}\"",
                 as.substr(0, 60)};
}

std::optional<std::uint16_t> length_of(std::string_view name) {
    if (!name.starts_with("text[") || !name.ends_with(']')) return std::nullopt;
    const std::string_view digits = name.substr(5, name.size() - 6);
    std::uint16_t length = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return length;
}

Encoding usual_encoding(Dialect dialect, const Place& place, bool boolean) {
    if (place.bit || place.width == Width::bit || boolean) return Encoding::bit;
    if (place.width == Width::dword) return Encoding::i32;
    return dialect == Dialect::generic ? Encoding::u16 : Encoding::i16;
}

WordOrder order_of(Dialect dialect, const Form& form, Encoding encoding, std::uint16_t registers, WordOrder order) {
    if (form.order) return *form.order;
    if (encoding == Encoding::text) return dialect == Dialect::generic ? WordOrder::abcd : WordOrder::badc;
    return registers > 1 ? order : WordOrder::abcd;
}

}  // namespace

Result<Form> parse_form(std::string_view as) {
    Form form;
    const std::size_t space = as.find(' ');
    const std::string_view name = as.substr(0, space);
    if (space != as.npos) {
        form.order = parse_word_order(as.substr(space + 1));
        if (!form.order) return bad_form(as);
    }
    if (as.empty()) return form;
    if (const auto length = length_of(name)) {
        form.encoding = Encoding::text;
        form.characters = *length;
        return form;
    }
    form.encoding = parse_encoding(name == "bool" ? "bit" : name);
    if (!form.encoding || *form.encoding == Encoding::text || (form.order && *form.encoding == Encoding::bit))
        return bad_form(as);
    return form;
}

Result<Layout> layout_of(Dialect dialect, const Place& place, const Form& form, WordOrder order, bool boolean) {
    const std::string text = to_text(dialect, place);
    const Encoding encoding = form.encoding.value_or(usual_encoding(dialect, place, boolean));
    const bool one_bit = place.bit || place.width == Width::bit;
    if (one_bit && encoding != Encoding::bit)
        return Error{Code::invalid, "{} is one bit: choose bool, not {}", text, to_string(encoding)};
    if (place.width == Width::dword && (encoding == Encoding::bit || register_count({.encoding = encoding}) != 2))
        return Error{Code::invalid, "{} has 32 bits: choose u32, i32 or f32, not {}", text,
                     encoding == Encoding::bit ? "bool" : to_string(encoding)};
    if (encoding == Encoding::bit && !one_bit)
        return Error{Code::invalid, "{} is a word: write {}.0 to {}.15 for one of its bits, or choose u16 or i16", text,
                     text, text};
    if (encoding == Encoding::text && (form.characters < 1 || form.characters > kCharactersMax))
        return Error{Code::invalid, "{}: a text has 1 to {} characters, not {}", text, kCharactersMax, form.characters};
    Layout layout;
    layout.codec.encoding = encoding;
    layout.codec.bit = place.bit.value_or(0);
    layout.codec.text_registers = static_cast<std::uint16_t>((form.characters + 1) / 2);
    layout.count = place.width == Width::bit ? std::uint16_t{1} : register_count(layout.codec);
    layout.codec.order = order_of(dialect, form, encoding, layout.count, order);
    if (layout.count <= place.room) return layout;
    const auto last = static_cast<std::uint16_t>(place.address + place.room - 1);
    return Error{Code::invalid, "{}: {} takes {} registers, and {} is the last one", text, to_string(encoding),
                 layout.count, name_at(dialect, place.table, last)};
}

}  // namespace gongshu::wire::modbus
