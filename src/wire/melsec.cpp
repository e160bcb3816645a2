#include "wire/melsec.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace gongshu::wire::melsec {

namespace {

constexpr std::uint8_t kFx = 1, kFx3 = 2, kIqF = 4, kQL = 8, kIqR = 16;
constexpr std::uint8_t kBig = kQL | kIqR, kNew = kIqF | kBig, kAll = kFx | kFx3 | kNew;
constexpr auto kDec = Radix::decimal, kHex = Radix::hexadecimal;
constexpr std::string_view kFamilies[] = {"fx", "fx3", "iq_f", "q_l", "iq_r"};

constexpr DeviceInfo kDevices[] = {
    {DeviceCode::D, "D", "D", 0xa8, 0x4420, false, kDec, kAll},
    {DeviceCode::SD, "SD", "SD", 0xa9, 0, false, kDec, kNew},
    {DeviceCode::W, "W", "W", 0xb4, 0x5720, false, kHex, kNew},
    {DeviceCode::SW, "SW", "SW", 0xb5, 0, false, kHex, kNew},
    {DeviceCode::R, "R", "R", 0xaf, 0x5220, false, kDec, kFx3 | kNew},
    {DeviceCode::ZR, "ZR", "ZR", 0xb0, 0, false, kDec, kBig},
    {DeviceCode::TN, "TN", "TN", 0xc2, 0x544e, false, kDec, kAll},
    {DeviceCode::STN, "STN", "SN", 0xc8, 0, false, kDec, kNew},
    {DeviceCode::CN, "CN", "CN", 0xc5, 0x434e, false, kDec, kAll},
    {DeviceCode::Z, "Z", "Z", 0xcc, 0, false, kDec, kNew},
    {DeviceCode::X, "X", "X", 0x9c, 0x5820, true, kHex, kAll},
    {DeviceCode::Y, "Y", "Y", 0x9d, 0x5920, true, kHex, kAll},
    {DeviceCode::M, "M", "M", 0x90, 0x4d20, true, kDec, kAll},
    {DeviceCode::L, "L", "L", 0x92, 0, true, kDec, kNew},
    {DeviceCode::F, "F", "F", 0x93, 0x4620, true, kDec, kNew},
    {DeviceCode::V, "V", "V", 0x94, 0, true, kDec, kBig},
    {DeviceCode::B, "B", "B", 0xa0, 0x4220, true, kHex, kNew},
    {DeviceCode::S, "S", "S", 0x98, 0x5320, true, kDec, kAll},
    {DeviceCode::SM, "SM", "SM", 0x91, 0, true, kDec, kNew},
    {DeviceCode::SB, "SB", "SB", 0xa1, 0, true, kHex, kNew},
    {DeviceCode::DX, "DX", "DX", 0xa2, 0, true, kHex, kBig},
    {DeviceCode::DY, "DY", "DY", 0xa3, 0, true, kHex, kBig},
    {DeviceCode::TS, "TS", "TS", 0xc1, 0x5453, true, kDec, kAll},
    {DeviceCode::TC, "TC", "TC", 0xc0, 0x5443, true, kDec, kAll},
    {DeviceCode::STS, "STS", "SS", 0xc7, 0, true, kDec, kNew},
    {DeviceCode::STC, "STC", "SC", 0xc6, 0, true, kDec, kNew},
    {DeviceCode::CS, "CS", "CS", 0xc4, 0x4353, true, kDec, kAll},
    {DeviceCode::CC, "CC", "CC", 0xc3, 0x4343, true, kDec, kAll},
};

// What an FX has; the others are told by their parameters, which only they know.
struct FxRange {
    std::uint8_t families;
    DeviceCode code;
    std::uint32_t first, last;
    std::uint8_t words;
};
constexpr FxRange kFxRanges[] = {
    {kFx | kFx3, DeviceCode::D, 0, 7999, 1}, {kFx, DeviceCode::D, 8000, 8255, 1},
    {kFx3, DeviceCode::D, 8000, 8511, 1},    {kFx3, DeviceCode::R, 0, 32767, 1},
    {kFx, DeviceCode::TN, 0, 255, 1},        {kFx3, DeviceCode::TN, 0, 511, 1},
    {kFx | kFx3, DeviceCode::CN, 0, 199, 1}, {kFx | kFx3, DeviceCode::CN, 200, 255, 2},
    {kFx | kFx3, DeviceCode::X, 0, 0377, 1}, {kFx | kFx3, DeviceCode::Y, 0, 0377, 1},
    {kFx, DeviceCode::M, 0, 1535, 1},        {kFx3, DeviceCode::M, 0, 7679, 1},
    {kFx, DeviceCode::M, 8000, 8255, 1},     {kFx3, DeviceCode::M, 8000, 8511, 1},
    {kFx, DeviceCode::S, 0, 1023, 1},        {kFx3, DeviceCode::S, 0, 4095, 1},
    {kFx, DeviceCode::TS, 0, 255, 1},        {kFx3, DeviceCode::TS, 0, 511, 1},
    {kFx, DeviceCode::TC, 0, 255, 1},        {kFx3, DeviceCode::TC, 0, 511, 1},
    {kFx | kFx3, DeviceCode::CS, 0, 255, 1}, {kFx | kFx3, DeviceCode::CC, 0, 255, 1},
};

std::uint8_t mask_of(Family family) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(family)); }
bool is_fx(Family family) { return family == Family::fx || family == Family::fx3; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string_view name_of(Radix radix) {
    return radix == Radix::octal ? "octal" : radix == Radix::hexadecimal ? "hexadecimal" : "decimal";
}

std::string print(std::uint32_t number, Radix radix) {
    return radix == Radix::octal         ? fmt::format("{:o}", number)
           : radix == Radix::hexadecimal ? fmt::format("{:X}", number)
                                         : fmt::format("{}", number);
}

// "D0 to D7999, D8000 to D8511"
std::string print_ranges(DeviceCode code, Family family) {
    std::string all;
    for (const FxRange& range : kFxRanges) {
        if (range.code != code || (range.families & mask_of(family)) == 0) continue;
        if (!all.empty()) all += ", ";
        all += fmt::format("{} to {}", to_string(Place{code, range.first}, family),
                           to_string(Place{code, range.last}, family));
    }
    return all;
}

// The longest name that the text begins with and that is followed by its number.
const DeviceInfo* leading_name(std::string_view text, Radix (*radix)(DeviceCode, Family), Family family) {
    const DeviceInfo* best = nullptr;
    for (const DeviceInfo& info : kDevices) {
        if (!text.starts_with(info.name) || text.size() == info.name.size()) continue;
        const int digit = digit_of(text[info.name.size()]);
        if (digit < 0 || (digit > 9 && radix(info.code, family) != Radix::hexadecimal)) continue;
        if (best == nullptr || info.name.size() > best->name.size()) best = &info;
    }
    return best;
}

Error unknown_name(std::string_view text, Family family) {
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const std::string_view name = text.substr(0, letters);
    if (name == "T" || name == "C" || name == "ST")
        return Error{Code::invalid,
                     "{}: write {}N{} for the current value, {}S{} for the contact or {}C{} for the coil",
                     text,
                     name,
                     text.substr(letters),
                     name,
                     text.substr(letters),
                     name,
                     text.substr(letters)};
    if (find_by_name(name) != nullptr)
        return Error{Code::invalid, "{}: a number must follow {}, such as {}100", text, name, name};
    std::string known;
    for (const DeviceInfo& info : kDevices)
        if ((info.families & mask_of(family)) != 0) known += (known.empty() ? "" : " ") + std::string{info.name};
    return Error{Code::invalid, "{}: no PLC device begins so; {} has {}", text, to_string(family), known};
}

Result<std::uint32_t> parse_number(std::string_view text, std::string_view digits, Radix radix) {
    std::uint64_t number = 0;
    for (const char c : digits) {
        const int digit = digit_of(c);
        if (digit < 0 || digit >= static_cast<int>(radix))
            return Error{Code::invalid, "{}: {} is no {} digit", text, c, name_of(radix)};
        number = number * static_cast<unsigned>(radix) + static_cast<unsigned>(digit);
        if (number > kNumberMax)
            return Error{Code::invalid, "{}: the number is over {}", text, print(kNumberMax, radix)};
    }
    return static_cast<std::uint32_t>(number);
}

Result<std::uint8_t> parse_bit(std::string_view text, const DeviceInfo& info, std::string_view digits) {
    if (info.bits)
        return Error{Code::invalid, "{}: {} is one bit already, leave out the point and what follows", text, info.name};
    const int digit = digits.size() == 1 ? digit_of(digits[0]) : -1;
    if (digit < 0)
        return Error{Code::invalid, "{}: after the point stands one digit, 0 to F, the bit (A is bit 10)", text};
    return static_cast<std::uint8_t>(digit);
}

Result<void> check_family(std::string_view text, const DeviceInfo& info, Family family) {
    if ((info.families & mask_of(family)) != 0) return {};
    if (is_fx(family) && (info.code == DeviceCode::SD || info.code == DeviceCode::SM))
        return Error{Code::invalid, "{}: an FX has its special ones from {}8000 on", text,
                     info.code == DeviceCode::SD ? "D" : "M"};
    return Error{Code::invalid, "{}: the family {} has no {}", text, to_string(family), info.name};
}

}  // namespace

std::optional<Family> parse_family(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kFamilies); ++i)
        if (kFamilies[i] == name) return static_cast<Family>(i);
    return std::nullopt;
}

std::string_view to_string(Family family) { return kFamilies[static_cast<std::size_t>(family)]; }

const DeviceInfo& info_of(DeviceCode code) {
    const DeviceInfo& info = kDevices[static_cast<std::size_t>(code)];
    ASSERT(info.code == code);
    return info;
}

const DeviceInfo* find_by_name(std::string_view name) {
    const auto found = std::ranges::find(kDevices, name, &DeviceInfo::name);
    return found == std::end(kDevices) ? nullptr : found;
}

const DeviceInfo* find_by_ascii(std::string_view ascii) {
    const auto found = std::ranges::find(kDevices, ascii, &DeviceInfo::ascii);
    return found == std::end(kDevices) ? nullptr : found;
}

const DeviceInfo* find_by_binary(std::uint16_t binary) {
    const auto found =
        std::ranges::find(kDevices, binary, [](const DeviceInfo& info) { return std::uint16_t{info.binary}; });
    return found == std::end(kDevices) ? nullptr : found;
}

const DeviceInfo* find_by_one_e(std::uint16_t code) {
    const auto found = std::ranges::find(kDevices, code, &DeviceInfo::one_e);
    return code == 0 || found == std::end(kDevices) ? nullptr : found;
}

bool is_bits(DeviceCode code) { return info_of(code).bits; }

Radix radix_of(DeviceCode code, Family family) {
    const bool io = code == DeviceCode::X || code == DeviceCode::Y;
    return io && (is_fx(family) || family == Family::iq_f) ? Radix::octal : info_of(code).radix;
}

NumberRange range_of(const Place& place, Family family) {
    if (!is_fx(family)) return place.number <= kNumberMax ? NumberRange{0, kNumberMax, 1} : NumberRange{};
    for (const FxRange& range : kFxRanges)
        if (range.code == place.code && (range.families & mask_of(family)) != 0 && place.number >= range.first &&
            place.number <= range.last)
            return {range.first, range.last, range.words};
    return {};
}

Result<Address> parse_address(std::string_view text, Family family) {
    if (text.empty() || text.size() > 16)
        return Error{Code::invalid, "an address has 1 to 16 characters, such as D100, not {}", text.size()};
    std::string upper_text;
    std::ranges::transform(text, std::back_inserter(upper_text), upper);
    const std::string_view whole = upper_text;
    const DeviceInfo* info = leading_name(whole, radix_of, family);
    if (info == nullptr) return unknown_name(whole, family);
    TRY(check_family(whole, *info, family));
    const std::size_t point = whole.find('.');
    const std::string_view digits =
        whole.substr(info->name.size(), point == whole.npos ? point : point - info->name.size());
    Address address;
    address.place = {info->code, TRY(parse_number(whole, digits, radix_of(info->code, family)))};
    if (point != whole.npos) address.bit = TRY(parse_bit(whole, *info, whole.substr(point + 1)));
    if (const NumberRange range = range_of(address.place, family); range.first > range.last)
        return Error{Code::invalid, "{}: {} has only {}", whole, to_string(family), print_ranges(info->code, family)};
    return address;
}

std::string to_string(const Place& place, Family family) {
    return std::string{info_of(place.code).name} + print(place.number, radix_of(place.code, family));
}

std::string to_string(const Address& address, Family family) {
    return to_string(address.place, family) + (address.bit ? fmt::format(".{:X}", *address.bit) : "");
}

namespace {

using modbus::Encoding;

Error needs_bit(const Address& address, Family family) {
    const std::string text = to_string(address.place, family);
    return Error{Code::invalid, "{} is a word: write {}.0 to {}.F for one of its bits, or choose u16 or i16", text,
                 text, text};
}

Result<std::uint16_t> points_of(const Address& address, Family family, const modbus::ValueCodec& codec) {
    const std::string text = to_string(address, family);
    const NumberRange range = range_of(address.place, family);
    const std::uint16_t words = modbus::register_count(codec);
    const bool bits = is_bits(address.place.code);
    if (range.words == 2 && words != 2)
        return Error{Code::invalid, "{} is a counter of 32 bits: choose u32 or i32, not {}", text,
                     to_string(codec.encoding)};
    if (bits && codec.encoding != Encoding::bit && address.place.number % 16 != 0)
        return Error{Code::invalid, "{} is one bit: choose bit, or begin a number at a multiple of 16, such as {}",
                     text, to_string(Place{address.place.code, address.place.number / 16 * 16}, family)};
    const unsigned points = !bits ? words / range.words : codec.encoding == Encoding::bit ? 1u : words * 16u;
    if (address.place.number + points - 1 > range.last)
        return Error{Code::invalid,
                     "{}: {} more follow it for {}, and {} is the last one",
                     text,
                     points - 1,
                     to_string(codec.encoding),
                     to_string(Place{address.place.code, range.last}, family)};
    return static_cast<std::uint16_t>(points);
}

}  // namespace

Result<Layout> layout_of(const Address& address, Family family, Encoding encoding, std::uint16_t characters) {
    Layout layout;
    layout.codec.encoding = encoding;
    layout.codec.order = encoding == Encoding::text ? modbus::WordOrder::badc : modbus::WordOrder::cdab;
    layout.codec.bit = address.bit.value_or(0);
    if (encoding == Encoding::text && (characters < 1 || characters > 246))
        return Error{Code::invalid, "{}: a text has 1 to 246 characters, not {}", to_string(address, family),
                     characters};
    layout.codec.text_registers = static_cast<std::uint16_t>((characters + 1) / 2);
    if (encoding == Encoding::bit) layout.codec.order = modbus::WordOrder::abcd;
    if (address.bit && encoding != Encoding::bit)
        return Error{Code::invalid, "{} is one bit: choose bit, not {}", to_string(address, family),
                     to_string(encoding)};
    if (encoding == Encoding::bit && !address.bit && !is_bits(address.place.code)) return needs_bit(address, family);
    layout.points = TRY(points_of(address, family, layout.codec));
    return layout;
}

}  // namespace gongshu::wire::melsec
