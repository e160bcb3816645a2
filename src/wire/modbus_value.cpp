#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "wire/modbus.h"

namespace gongshu::wire::modbus {

namespace {

struct EncodingInfo {
    Encoding encoding;
    std::string_view name;
    std::uint8_t registers;  // 0 = as the codec says
    bool is_float;
    std::int64_t min;  // raw limits of the integers
    std::uint64_t max;
};
constexpr EncodingInfo kEncodings[] = {
    {Encoding::u16, "u16", 1, false, 0, 0xffff},
    {Encoding::i16, "i16", 1, false, -0x8000, 0x7fff},
    {Encoding::u32, "u32", 2, false, 0, 0xffffffff},
    {Encoding::i32, "i32", 2, false, std::numeric_limits<std::int32_t>::min(), 0x7fffffff},
    {Encoding::u64, "u64", 4, false, 0, std::numeric_limits<std::uint64_t>::max()},
    {Encoding::i64, "i64", 4, false, std::numeric_limits<std::int64_t>::min(),
     std::numeric_limits<std::int64_t>::max()},
    {Encoding::f32, "f32", 2, true, 0, 0},
    {Encoding::f64, "f64", 4, true, 0, 0},
    {Encoding::bcd16, "bcd16", 1, false, 0, 9999},
    {Encoding::bcd32, "bcd32", 2, false, 0, 99999999},
    {Encoding::bit, "bit", 1, false, 0, 1},
    {Encoding::text, "text", 0, false, 0, 0},
};
constexpr double kFloatEnd = 0x1.ffffffp127;  // from here on the nearest f32 is infinite
constexpr std::string_view kOrders[] = {"ABCD", "BADC", "CDAB", "DCBA"};

const EncodingInfo& info_of(Encoding encoding) {
    const EncodingInfo& info = kEncodings[static_cast<std::size_t>(encoding)];
    ASSERT(info.encoding == encoding);
    return info;
}

std::uint16_t swap_bytes(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
bool swaps_bytes(WordOrder order) { return order == WordOrder::badc || order == WordOrder::dcba; }
bool swaps_words(WordOrder order) { return order == WordOrder::cdab || order == WordOrder::dcba; }

std::uint64_t join(const ValueCodec& codec, std::span<const std::uint16_t> registers) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < registers.size(); ++i) {
        const std::uint16_t word = registers[swaps_words(codec.order) ? registers.size() - 1 - i : i];
        bits = bits << 16 | (swaps_bytes(codec.order) ? swap_bytes(word) : word);
    }
    return bits;
}

std::vector<std::uint16_t> split(const ValueCodec& codec, std::uint64_t bits) {
    std::vector<std::uint16_t> registers(register_count(codec));
    for (std::size_t i = registers.size(); i-- > 0; bits >>= 16) {
        const auto word = static_cast<std::uint16_t>(bits);
        registers[swaps_words(codec.order) ? registers.size() - 1 - i : i] =
            swaps_bytes(codec.order) ? swap_bytes(word) : word;
    }
    return registers;
}

Result<std::uint64_t> from_bcd(std::uint64_t bits, std::size_t digits) {
    std::uint64_t value = 0;
    for (std::size_t i = digits; i-- > 0;) {
        const std::uint64_t digit = bits >> (i * 4) & 0xf;
        if (digit > 9) return Error{Code::malformed, "0x{:x} is no BCD number: a digit is over 9", bits};
        value = value * 10 + digit;
    }
    return value;
}

std::uint64_t to_bcd(std::uint64_t value) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; value > 0; shift += 4, value /= 10) bits |= (value % 10) << shift;
    return bits;
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<std::uint8_t>(text[i]);
        const std::size_t bytes = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
        if (bytes == 0 || lead == 0xc0 || lead == 0xc1 || lead > 0xf4 || i + bytes > text.size()) return false;
        for (std::size_t k = 1; k < bytes; ++k)
            if ((static_cast<std::uint8_t>(text[i + k]) & 0xc0) != 0x80) return false;
        i += bytes;
    }
    return true;
}

Result<Value> decode_text(const ValueCodec& codec, std::span<const std::uint16_t> registers) {
    std::string text;
    for (std::uint16_t word : registers) {
        if (swaps_bytes(codec.order)) word = swap_bytes(word);
        text += static_cast<char>(word >> 8);
        text += static_cast<char>(word & 0xff);
    }
    text.resize(std::min(text.find('\0'), text.size()));
    text.resize(text.find_last_not_of(' ') + 1);
    if (!is_utf8(text)) return Error{Code::malformed, "text in registers is not UTF-8 (0x{})", to_hex(as_bytes(text))};
    return Value{std::move(text)};
}

Result<std::vector<std::uint16_t>> encode_text(const ValueCodec& codec, const Value& value) {
    const std::string* text = std::get_if<std::string>(&value);
    if (text == nullptr)
        return Error{Code::invalid, "cannot write a {} into registers of text", gongshu::to_string(type_of(value))};
    if (text->size() > codec.text_registers * 2u)
        return Error{Code::limit, "text has {} bytes, the registers hold {}", text->size(), codec.text_registers * 2};
    std::vector<std::uint16_t> registers(codec.text_registers);
    for (std::size_t i = 0; i < text->size(); ++i) {
        const auto byte = static_cast<std::uint8_t>((*text)[i]);
        registers[i / 2] |= static_cast<std::uint16_t>(i % 2 == 0 ? byte << 8 : byte);
    }
    if (swaps_bytes(codec.order)) std::ranges::transform(registers, registers.begin(), swap_bytes);
    return registers;
}

// With 0.1 and the like the division by 10 gives the number that a person would write; multiplying does not (3 * 0.1).
double scaled(double raw, const ValueCodec& codec) {
    const double inverse = 1 / codec.scale;
    const double whole = std::round(inverse);
    const bool is_tenth = std::abs(codec.scale) < 1 && std::abs(inverse - whole) <= 1e-12 * std::abs(inverse);
    return (is_tenth ? raw / whole : raw * codec.scale) + codec.offset;
}

// The number that the float was meant to be: 7.71 and not 7.710000038146973. The nearest float of it is the same one.
double shortest(float value) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    double number = value;
    if (std::isfinite(value)) std::from_chars(text, written.ptr, number);
    return number;
}

bool is_scaled(const ValueCodec& codec) { return codec.scale != 1 || codec.offset != 0; }

// The raw number, exact as an integer where the encoding is one.
Result<Value> decode_raw(const ValueCodec& codec, std::uint64_t bits) {
    switch (codec.encoding) {
        case Encoding::i16:
            return Value{std::int64_t{static_cast<std::int16_t>(bits)}};
        case Encoding::i32:
            return Value{std::int64_t{static_cast<std::int32_t>(bits)}};
        case Encoding::f32:
            return Value{shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))};
        case Encoding::f64:
            return Value{std::bit_cast<double>(bits)};
        case Encoding::bcd16:
            return Value{static_cast<std::int64_t>(TRY(from_bcd(bits, 4)))};
        case Encoding::bcd32:
            return Value{static_cast<std::int64_t>(TRY(from_bcd(bits, 8)))};
        case Encoding::bit:
            return Value{(bits >> codec.bit & 1) != 0};
        case Encoding::u64:
            if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                return Value{static_cast<double>(bits)};
            return Value{static_cast<std::int64_t>(bits)};
        default:
            return Value{static_cast<std::int64_t>(bits)};
    }
}

Error inexact(double value, std::string_view encoding, double one, double other) {
    return Error{Code::limit, "{} cannot be written exactly: the nearest values that {} can hold are {} and {}",
                 value,       encoding,
                 one,         other};
}

Result<std::uint64_t> encode_float(const ValueCodec& codec, double raw) {
    if (codec.encoding == Encoding::f64) return std::bit_cast<std::uint64_t>(raw);
    if (std::isfinite(raw) && std::abs(raw) >= kFloatEnd)
        return Error{Code::limit, "{} does not fit an f32", raw};
    // A fraction is as near as an f32 comes; a whole number (a count, an order) is meant to the last digit.
    const float near = static_cast<float>(raw);
    if (!is_scaled(codec) && std::isfinite(raw) && std::trunc(raw) == raw && shortest(near) != raw) {
        const float beyond = std::nextafter(near, static_cast<double>(near) < raw ? HUGE_VALF : -HUGE_VALF);
        return inexact(raw, "f32", shortest(std::min(near, beyond)), shortest(std::max(near, beyond)));
    }
    return std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(raw))};
}

// Raw integer within the encoding's limits, as two's complement bits.
Result<std::uint64_t> encode_integer(const ValueCodec& codec, const Value& value) {
    const EncodingInfo& info = info_of(codec.encoding);
    const auto refuse = [&] {
        return Error{Code::limit,
                     "{} does not fit {}: with scale {} and offset {} its raw value must be {} to {}",
                     gongshu::to_string(value),
                     info.name,
                     codec.scale,
                     codec.offset,
                     info.min,
                     info.max};
    };
    if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && !is_scaled(codec)) {
        if (*whole < info.min || (*whole > 0 && static_cast<std::uint64_t>(*whole) > info.max)) return refuse();
        return static_cast<std::uint64_t>(*whole);
    }
    const double wanted = *as_number(value);
    const double exact = (wanted - codec.offset) / codec.scale;
    const double raw = std::round(exact);
    // The upper limit of 64 bits is not a double: compare with the next power of two, which is.
    const double end = info.encoding == Encoding::u64   ? 0x1p64
                       : info.encoding == Encoding::i64 ? 0x1p63
                                                        : static_cast<double>(info.max) + 1;
    if (!(raw >= static_cast<double>(info.min) && raw < end)) return refuse();
    // What the arithmetic itself may be off by: 80.1 / 0.1 is not quite 801.
    const double slack = 1e-9 + 8 * std::numeric_limits<double>::epsilon() *
                                    (std::abs(wanted) + std::abs(codec.offset)) / std::abs(codec.scale);
    if (std::abs(exact - raw) > slack) {
        const double one = scaled(std::floor(exact), codec), other = scaled(std::ceil(exact), codec);
        return inexact(wanted, info.name, std::min(one, other), std::max(one, other));
    }
    return raw < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(raw)) : static_cast<std::uint64_t>(raw);
}

}  // namespace

std::optional<Encoding> parse_encoding(std::string_view name) {
    for (const EncodingInfo& info : kEncodings)
        if (info.name == name) return info.encoding;
    return std::nullopt;
}

std::string_view to_string(Encoding encoding) { return info_of(encoding).name; }

std::optional<WordOrder> parse_word_order(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kOrders); ++i)
        if (kOrders[i] == name) return static_cast<WordOrder>(i);
    return std::nullopt;
}

std::string_view to_string(WordOrder order) { return kOrders[static_cast<std::size_t>(order)]; }

std::uint16_t register_count(const ValueCodec& codec) {
    const std::uint8_t registers = info_of(codec.encoding).registers;
    return registers != 0 ? registers : codec.text_registers;
}

Result<Value> decode_value(const ValueCodec& codec, std::span<const std::uint16_t> registers, ValueType type) {
    ASSERT(registers.size() == register_count(codec));
    ASSERT(codec.scale != 0 && codec.bit < 16);
    Value value = codec.encoding == Encoding::text ? TRY(decode_text(codec, registers))
                                                   : TRY(decode_raw(codec, join(codec, registers)));
    if (is_scaled(codec) && (type_of(value) == ValueType::number || type_of(value) == ValueType::integer))
        value = scaled(*as_number(value), codec);
    // A number takes any integer, as a measured value: 2^53 and more lose digits there by choice of the type.
    if (type == ValueType::number && type_of(value) == ValueType::integer) return Value{*as_number(value)};
    // 1e300 in an integer is refused by convert_exactly() as well.
    if (auto converted = convert_exactly(value, type)) return std::move(*converted);
    return Error{Code::limit, "{} ({}) is not exactly a {}", gongshu::to_string(value), to_string(codec.encoding),
                 gongshu::to_string(type)};
}

Result<std::vector<std::uint16_t>> encode_value(const ValueCodec& codec, const Value& value, std::uint16_t before) {
    ASSERT(codec.scale != 0 && codec.bit < 16);
    if (codec.encoding == Encoding::text) return encode_text(codec, value);
    const auto number = as_number(value);
    if (!number) return Error{Code::invalid, "cannot write text into a register of {}", to_string(codec.encoding)};
    if (codec.encoding == Encoding::bit) {
        if (*number != 0 && *number != 1) return Error{Code::limit, "a bit is 0 or 1, not {}", *number};
        const auto own = static_cast<std::uint16_t>(join(codec, std::span{&before, 1}));
        const auto mask = static_cast<std::uint16_t>(1u << codec.bit);
        return split(codec, *number != 0 ? own | mask : own & ~mask);
    }
    if (info_of(codec.encoding).is_float)
        return split(codec, TRY(encode_float(codec, (*number - codec.offset) / codec.scale)));
    const std::uint64_t raw = TRY(encode_integer(codec, value));
    const bool is_bcd = codec.encoding == Encoding::bcd16 || codec.encoding == Encoding::bcd32;
    return split(codec, is_bcd ? to_bcd(raw) : raw);
}

}  // namespace gongshu::wire::modbus
