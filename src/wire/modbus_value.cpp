#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/modbus.h"
#include "wire/raw_number.h"

namespace gongshu::wire::modbus {

namespace {

struct EncodingInfo {
    Encoding encoding;
    std::string_view name;
    std::uint8_t registers;  // 0 = as the codec says
    std::int64_t min;        // raw limits of the integers
    std::uint64_t max;
};
constexpr EncodingInfo kEncodings[] = {
    {Encoding::u16, "u16", 1, 0, 0xffff},
    {Encoding::i16, "i16", 1, -0x8000, 0x7fff},
    {Encoding::u32, "u32", 2, 0, 0xffffffff},
    {Encoding::i32, "i32", 2, std::numeric_limits<std::int32_t>::min(), 0x7fffffff},
    {Encoding::u64, "u64", 4, 0, std::numeric_limits<std::uint64_t>::max()},
    {Encoding::i64, "i64", 4, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()},
    {Encoding::f32, "f32", 2, 0, 0},
    {Encoding::f64, "f64", 4, 0, 0},
    {Encoding::bcd16, "bcd16", 1, 0, 9999},
    {Encoding::bcd32, "bcd32", 2, 0, 99999999},
    {Encoding::bit, "bit", 1, 0, 1},
    {Encoding::text, "text", 0, 0, 0},
};
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

Result<Value> decode_text(const ValueCodec& codec, std::span<const std::uint16_t> registers) {
    std::string text;
    for (std::uint16_t word : registers) {
        if (swaps_bytes(codec.order)) word = swap_bytes(word);
        text += static_cast<char>(word >> 8);
        text += static_cast<char>(word & 0xff);
    }
    text.resize(std::min(text.find('\0'), text.size()));
    text.resize(text.find_last_not_of(' ') + 1);
    if (find_broken_utf8(text) != std::string_view::npos)
        return Error{Code::malformed, "text in registers is not UTF-8 (0x{})", to_hex(as_bytes(text))};
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

Scaling scaling_of(const ValueCodec& codec) { return {codec.scale, codec.offset}; }

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

Result<std::uint64_t> encode_number(const ValueCodec& codec, const Value& value) {
    const EncodingInfo& info = info_of(codec.encoding);
    const Scaling scaling = scaling_of(codec);
    const double number = *as_number(value);
    if (codec.encoding == Encoding::f64) return std::bit_cast<std::uint64_t>((number - scaling.offset) / scaling.scale);
    if (codec.encoding == Encoding::f32) return std::uint64_t{TRY(encode_f32(info.name, scaling, number))};
    const std::uint64_t raw = TRY(encode_whole({info.name, info.min, info.max}, scaling, value));
    return codec.encoding == Encoding::bcd16 || codec.encoding == Encoding::bcd32 ? to_bcd(raw) : raw;
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
    const Scaling scaling = scaling_of(codec);
    if (!scaling.is_none() && (type_of(value) == ValueType::number || type_of(value) == ValueType::integer))
        value = scaled(*as_number(value), scaling);
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
    return split(codec, TRY(encode_number(codec, value)));
}

Result<std::vector<std::uint16_t>> encode_nearest(const ValueCodec& codec, const Value& value, std::uint16_t before) {
    const auto number = as_number(value);
    const bool is_whole = codec.encoding != Encoding::text && codec.encoding != Encoding::bit &&
                          codec.encoding != Encoding::f32 && codec.encoding != Encoding::f64;
    if (codec.encoding == Encoding::f32 && number) {
        const double raw = (*number - codec.offset) / codec.scale;
        const float near = static_cast<float>(raw);
        if (std::isfinite(raw) && !std::isfinite(near))
            return Error{Code::limit, "{} is beyond what {} can hold", raw, to_string(codec.encoding)};
        return split(codec, std::bit_cast<std::uint32_t>(near));
    }
    auto exact = encode_value(codec, value, before);
    if (exact || !is_whole || !number || !std::isfinite(*number)) return exact;
    const double raw = std::round((*number - codec.offset) / codec.scale);
    if (std::abs(raw) >= 0x1p63) return exact;
    ValueCodec unscaled = codec;
    unscaled.scale = 1;
    unscaled.offset = 0;
    auto near = encode_value(unscaled, Value{static_cast<std::int64_t>(raw)});
    return near ? near : exact;
}

}  // namespace gongshu::wire::modbus
