// Values in the bytes of an S7 CPU.
#include "wire/s7_value.h"

#include <bit>
#include <charconv>
#include <chrono>
#include <limits>

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/raw_number.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::uint32_t kNsPerMs = 1'000'000;
constexpr std::uint32_t kNsPerSecond = 1'000'000'000;

std::uint64_t get(Bytes bytes) {
    std::uint64_t bits = 0;
    for (const std::uint8_t byte : bytes) bits = bits << 8 | byte;
    return bits;
}

void put(Buffer& out, std::uint64_t bits, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(bits >> (i * 8)));
}

Scaling scaling_of(const ValueCodec& codec) { return {codec.scale, codec.offset}; }

// The raw limits of the types that are whole numbers; nullopt for others.
std::optional<WholeRange> range_of(Type type) {
    const std::string_view name = to_string(type);
    switch (type) {
        case Type::byte:
        case Type::usint:
            return WholeRange{name, 0, 0xff};
        case Type::sint:
            return WholeRange{name, -0x80, 0x7f};
        case Type::word:
        case Type::uint:
            return WholeRange{name, 0, 0xffff};
        case Type::integer:
            return WholeRange{name, -0x8000, 0x7fff};
        case Type::dword:
        case Type::udint:
            return WholeRange{name, 0, 0xffffffff};
        case Type::dint:
        case Type::time:
            return WholeRange{name, std::numeric_limits<std::int32_t>::min(), 0x7fffffff};
        case Type::lint:
            return WholeRange{name, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
        case Type::ulint:
            return WholeRange{name, 0, std::numeric_limits<std::uint64_t>::max()};
        case Type::s5time:
            return WholeRange{name, 0, 9'990'000};
        case Type::counter:
            return WholeRange{name, 0, 999};
        default:
            return std::nullopt;
    }
}

// ---- S5TIME ----

constexpr std::uint32_t kS5Steps[] = {10, 100, 1000, 10'000};  // ms

Result<std::uint64_t> from_s5time(std::uint64_t bits) {
    const std::uint64_t digits = TRY(from_bcd(bits & 0xfff, 3));
    return digits * kS5Steps[bits >> 12 & 3];
}

// The finest step in which the time has three digits; it must have no rest there.
Result<std::uint64_t> to_s5time(const ValueCodec& codec, std::uint64_t ms) {
    std::uint64_t base = 0;
    while (ms / kS5Steps[base] > 999) ++base;
    const std::uint64_t step = kS5Steps[base], below = ms / step * step;
    const auto back = [&](std::uint64_t raw) { return scaled(static_cast<double>(raw), scaling_of(codec)); };
    if (below != ms) return inexact(back(ms), "s5time", back(below), back(below + step));
    return base << 12 | to_bcd(ms / step);
}

// ---- dates ----

struct Moment {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::uint32_t ns = 0;
};

bool exists(const Moment& moment) {
    const std::chrono::year_month_day date{std::chrono::year{moment.year}, std::chrono::month{moment.month},
                                           std::chrono::day{moment.day}};
    return date.ok() && moment.hour < 24 && moment.minute < 60 && moment.second < 60 && moment.ns < kNsPerSecond;
}

// 1 = Sunday, as Siemens counts.
unsigned weekday(const Moment& moment) {
    const std::chrono::year_month_day date{std::chrono::year{moment.year}, std::chrono::month{moment.month},
                                           std::chrono::day{moment.day}};
    return std::chrono::weekday(std::chrono::sys_days(date)).c_encoding() + 1;
}

std::string text_of(const Moment& moment) {
    std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", moment.year, moment.month, moment.day,
                                   moment.hour, moment.minute, moment.second);
    if (moment.ns == 0) return text;
    text += fmt::format(".{:09}", moment.ns);
    text.resize(text.find_last_not_of('0') + 1);
    return text;
}

bool take_digits(std::string_view& text, std::size_t digits, unsigned& value) {
    if (text.size() < digits) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc() || end != text.data() + digits) return false;
    text.remove_prefix(digits);
    return true;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
    if (text.empty() || characters.find(text[0]) == characters.npos) return false;
    text.remove_prefix(1);
    return true;
}

bool take_fraction(std::string_view& text, std::uint32_t& ns) {
    const std::size_t digits = text.size();
    unsigned value = 0;
    if (digits < 1 || digits > 9 || !take_digits(text, digits, value)) return false;
    for (std::size_t i = digits; i < 9; ++i) value *= 10;
    ns = value;
    return true;
}

Result<Moment> parse_moment(std::string_view whole, Type type) {
    std::string_view text = whole;
    Moment moment;
    unsigned year = 0;
    bool fine = take_digits(text, 4, year) && take_one_of(text, "-") && take_digits(text, 2, moment.month) &&
                take_one_of(text, "-") && take_digits(text, 2, moment.day) && take_one_of(text, "T ") &&
                take_digits(text, 2, moment.hour) && take_one_of(text, ":") && take_digits(text, 2, moment.minute) &&
                take_one_of(text, ":") && take_digits(text, 2, moment.second);
    moment.year = static_cast<int>(year);
    if (fine && take_one_of(text, ".")) fine = take_fraction(text, moment.ns);
    if (!fine || !text.empty() || !exists(moment))
        return Error{Code::invalid, "\"{}\" is no {}: expected a date such as 2026-03-01T08:00:00.123, without a zone",
                     whole, to_string(type)};
    const int first = type == Type::dtl ? 1970 : 1990, last = type == Type::dtl ? 2262 : 2089;
    if (moment.year < first || moment.year > last)
        return Error{
            Code::limit, "\"{}\" does not fit {}: expected a year from {} to {}", whole, to_string(type), first, last};
    if (type == Type::date_and_time && moment.ns % kNsPerMs != 0)
        return Error{Code::limit,
                     "\"{}\" does not fit {}, which has milliseconds: write at most three digits behind "
                     "the point",
                     whole, to_string(type)};
    return moment;
}

Result<Moment> decode_date_and_time(Bytes bytes) {
    const std::uint64_t digits = TRY(from_bcd(get(bytes) >> 4, 15));  // the last one is the day of the week
    const auto part = [&](std::uint64_t divisor, std::uint64_t size) {
        return static_cast<unsigned>(digits / divisor % size);
    };
    Moment moment;
    moment.year = static_cast<int>(part(10'000'000'000'000, 100));
    moment.year += moment.year < 90 ? 2000 : 1900;
    moment.month = part(100'000'000'000, 100);
    moment.day = part(1'000'000'000, 100);
    moment.hour = part(10'000'000, 100);
    moment.minute = part(100'000, 100);
    moment.second = part(1000, 100);
    moment.ns = part(1, 1000) * kNsPerMs;
    return moment;
}

Buffer encode_date_and_time(const Moment& moment) {
    std::uint64_t digits = static_cast<unsigned>(moment.year % 100);
    for (const unsigned part : {moment.month, moment.day, moment.hour, moment.minute, moment.second})
        digits = digits * 100 + part;
    Buffer out;
    put(out, to_bcd(digits * 1000 + moment.ns / kNsPerMs) << 4 | weekday(moment), 8);
    return out;
}

Moment decode_dtl(Bytes bytes) {
    return {static_cast<int>(get(bytes.first(2))),         bytes[2], bytes[3], bytes[5], bytes[6], bytes[7],
            static_cast<std::uint32_t>(get(bytes.last(4)))};
}

Buffer encode_dtl(const Moment& moment) {
    Buffer out;
    put(out, static_cast<unsigned>(moment.year), 2);
    for (const unsigned part : {moment.month, moment.day, weekday(moment), moment.hour, moment.minute, moment.second})
        out.push_back(static_cast<std::uint8_t>(part));
    put(out, moment.ns, 4);
    return out;
}

Result<Value> decode_moment(Type type, Bytes bytes) {
    const Moment moment = type == Type::dtl ? decode_dtl(bytes) : TRY(decode_date_and_time(bytes));
    if (!exists(moment))
        return Error{Code::malformed, "there is no such date in the PLC's {} (0x{})", to_string(type), to_hex(bytes)};
    return Value{text_of(moment)};
}

// ---- texts ----

void put_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
        return;
    }
    const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    constexpr std::uint8_t kLeads[] = {0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(kLeads[more] | point >> (6 * more));
    for (int i = more; i-- > 0;) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
}

// The next character of well-formed UTF-8.
std::uint32_t take_utf8(std::string_view& text) {
    const auto lead = static_cast<std::uint8_t>(text[0]);
    const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t point = bytes == 1 ? lead : lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) point = point << 6 | (static_cast<std::uint8_t>(text[i]) & 0x3f);
    text.remove_prefix(bytes);
    return point;
}

Result<std::string> from_charset(const ValueCodec& codec, Bytes bytes) {
    std::string text;
    if (codec.charset == Charset::latin_1) {
        for (const std::uint8_t byte : bytes) put_utf8(text, byte);
        return text;
    }
    text = as_text(bytes);
    if (find_broken_utf8(text) != text.npos)
        return Error{Code::malformed, "the PLC's {} is not UTF-8 (0x{}): is its charset latin-1?", type_text(codec),
                     to_hex(bytes)};
    return text;
}

Result<Buffer> to_charset(const ValueCodec& codec, std::string_view text) {
    if (codec.charset == Charset::utf_8) return Buffer(text.begin(), text.end());
    Buffer out;
    while (!text.empty()) {
        const std::string_view rest = text;
        const std::uint32_t point = take_utf8(text);
        if (point > 0xff)
            return Error{Code::limit, "\"{}\" is no character of latin-1", rest.substr(0, rest.size() - text.size())};
        out.push_back(static_cast<std::uint8_t>(point));
    }
    return out;
}

Error too_long(const ValueCodec& codec, std::size_t length) {
    return Error{Code::limit, "the text takes {} of {} characters that fit {}", length, codec.length, type_text(codec)};
}

// The length that the CPU says. Its own longest length tells whether we know the right type: else a text that is
// written could run over what lies behind.
Result<std::size_t> checked_length(const ValueCodec& codec, std::size_t length, std::size_t longest) {
    const bool too_short = longest != 0 && longest < codec.length;  // 0: never written
    if (length <= longest && (too_short || length > codec.length))
        return Error{Code::malformed, "the PLC's string takes {} characters: its type is {}[{}], not {}",
                     longest,         to_string(codec.type),
                     longest,         type_text(codec)};
    if (length > longest)
        return Error{Code::malformed, "there is no {} here: it would have {} of at most {} characters",
                     type_text(codec), length, longest};
    return length;
}

Result<std::string> decode_text(const ValueCodec& codec, Bytes bytes) {
    if (codec.type == Type::character) {
        std::string_view text = as_text(bytes);
        text = text.substr(0, text.find('\0'));
        text = text.substr(0, text.find_last_not_of(' ') + 1);
        return from_charset(codec, as_bytes(text));
    }
    const std::size_t before = codec.short_string ? 0 : 1;
    const std::size_t longest = codec.short_string ? codec.length : bytes[0];
    const std::size_t length = TRY(checked_length(codec, bytes[before], longest));
    return from_charset(codec, bytes.subspan(before + 1, length));
}

Result<std::string> decode_wide(const ValueCodec& codec, Bytes bytes) {
    const std::size_t length = TRY(checked_length(codec, get(bytes.subspan(2, 2)), get(bytes.first(2))));
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        auto point = static_cast<std::uint32_t>(get(bytes.subspan(4 + i * 2, 2)));
        if (point >= 0xd800 && point < 0xe000) {
            const auto low =
                i + 1 < length ? static_cast<std::uint32_t>(get(bytes.subspan(6 + i * 2, 2))) : std::uint32_t{0};
            if (point >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
                return Error{Code::malformed, "the PLC's {} is not UTF-16: half of a character stands alone",
                             type_text(codec)};
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
            ++i;
        }
        put_utf8(text, point);
    }
    return text;
}

Result<Buffer> encode_wide(const ValueCodec& codec, std::string_view text) {
    Buffer units;
    while (!text.empty()) {
        const std::uint32_t point = take_utf8(text);
        if (point >= 0x10000) put(units, 0xd800 + ((point - 0x10000) >> 10), 2);
        put(units, point >= 0x10000 ? 0xdc00 + (point & 0x3ff) : point, 2);
    }
    if (units.size() / 2 > codec.length) return too_long(codec, units.size() / 2);
    Buffer out;
    put(out, units.size() / 2, 2);
    out.insert(out.end(), units.begin(), units.end());
    return out;
}

Result<Buffer> encode_text(const ValueCodec& codec, const std::string& text) {
    if (find_broken_utf8(text) != text.npos) return Error{Code::invalid, "the text is not UTF-8"};
    if (codec.type == Type::wstring) return encode_wide(codec, text);
    Buffer bytes = TRY(to_charset(codec, text));
    if (bytes.size() > codec.length) return too_long(codec, bytes.size());
    if (codec.type == Type::character)
        bytes.resize(codec.length);
    else
        bytes.insert(bytes.begin(), static_cast<std::uint8_t>(bytes.size()));
    return bytes;
}

// ---- the rest ----

bool is_text(Type type) { return type == Type::character || type == Type::string || type == Type::wstring; }
bool is_moment(Type type) { return type == Type::date_and_time || type == Type::dtl; }

Value whole(std::uint64_t bits) {
    if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return Value{static_cast<double>(bits)};
    return Value{static_cast<std::int64_t>(bits)};
}

// The raw value, exact as an integer where the type is one.
Result<Value> decode_raw(const Variable& variable, Bytes bytes) {
    const ValueCodec& codec = variable.codec;
    const std::uint64_t bits = bytes.size() <= 8 ? get(bytes) : 0;
    switch (codec.type) {
        case Type::boolean:
            return Value{(bits >> variable.bit & 1) != 0};
        case Type::sint:
            return Value{std::int64_t{static_cast<std::int8_t>(bits)}};
        case Type::integer:
            return Value{std::int64_t{static_cast<std::int16_t>(bits)}};
        case Type::dint:
        case Type::time:
            return Value{std::int64_t{static_cast<std::int32_t>(bits)}};
        case Type::lint:
            return Value{static_cast<std::int64_t>(bits)};
        case Type::real:
            return Value{shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))};
        case Type::lreal:
            return Value{std::bit_cast<double>(bits)};
        case Type::s5time:
            return whole(TRY(from_s5time(bits)));
        case Type::counter:
            return whole(TRY(from_bcd(bits & 0xfff, 3)));
        case Type::character:
        case Type::string:
            return Value(TRY(decode_text(codec, bytes)));
        case Type::wstring:
            return Value(TRY(decode_wide(codec, bytes)));
        case Type::date_and_time:
        case Type::dtl:
            return decode_moment(codec.type, bytes);
        default:
            return whole(bits);
    }
}

Result<Buffer> encode_number(const ValueCodec& codec, const Value& value) {
    const Scaling scaling = scaling_of(codec);
    const double number = *as_number(value);
    Buffer out;
    if (codec.type == Type::lreal) {
        put(out, std::bit_cast<std::uint64_t>((number - scaling.offset) / scaling.scale), 8);
        return out;
    }
    if (codec.type == Type::real) {
        put(out, TRY(encode_f32("real", scaling, number)), 4);
        return out;
    }
    std::uint64_t raw = TRY(encode_whole(*range_of(codec.type), scaling, value));
    if (codec.type == Type::s5time) raw = TRY(to_s5time(codec, raw));
    if (codec.type == Type::counter) raw = to_bcd(raw);
    put(out, raw, byte_count(codec));
    return out;
}

Result<Buffer> encode_bytes(const Variable& variable, const Value& value) {
    const ValueCodec& codec = variable.codec;
    const std::string* text = std::get_if<std::string>(&value);
    if (is_text(codec.type) || is_moment(codec.type)) {
        if (text == nullptr)
            return Error{Code::invalid, "{} takes a text, not {}", type_text(codec), gongshu::to_string(value)};
        if (is_text(codec.type)) return encode_text(codec, *text);
        const Moment moment = TRY(parse_moment(*text, codec.type));
        return codec.type == Type::dtl ? encode_dtl(moment) : encode_date_and_time(moment);
    }
    if (text != nullptr) return Error{Code::invalid, "{} takes a number, not a text", type_text(codec)};
    if (codec.type != Type::boolean) return encode_number(codec, value);
    const double number = *as_number(value);
    if (number != 0 && number != 1) return Error{Code::limit, "a bit is 0 or 1, not {}", number};
    return Buffer{static_cast<std::uint8_t>(number)};
}

}  // namespace

std::optional<Charset> parse_charset(std::string_view name) {
    if (name == "utf-8") return Charset::utf_8;
    if (name == "latin-1") return Charset::latin_1;
    return std::nullopt;
}

std::string_view to_string(Charset charset) { return charset == Charset::utf_8 ? "utf-8" : "latin-1"; }

Item read_item(const Variable& variable) {
    Item item;
    item.area = variable.area;
    item.block = variable.area == Area::data_block ? variable.block : std::uint16_t{0};
    item.start = variable.start;
    item.count = static_cast<std::uint16_t>(byte_count(variable.codec));
    if (variable.area == Area::timers || variable.area == Area::counters) {
        item.transport = variable.area == Area::timers ? Transport::timer : Transport::counter;
        item.count = 1;
    }
    return item;
}

Result<Value> decode_value(const Variable& variable, Bytes bytes, ValueType type) {
    const ValueCodec& codec = variable.codec;
    ASSERT(bytes.size() == byte_count(codec));
    ASSERT(codec.scale != 0 && variable.bit < 8);
    Value value = TRY(decode_raw(variable, bytes));
    const Scaling scaling = scaling_of(codec);
    if (!scaling.is_none() && (type_of(value) == ValueType::number || type_of(value) == ValueType::integer))
        value = scaled(*as_number(value), scaling);
    // A number takes any integer, as a measured value: 2^53 and more lose digits there by choice of the type.
    if (type == ValueType::number && type_of(value) == ValueType::integer) return Value{*as_number(value)};
    if (auto converted = convert_exactly(value, type)) return std::move(*converted);
    return Error{Code::limit, "{} ({}) is not exactly a {}", gongshu::to_string(value), type_text(codec),
                 gongshu::to_string(type)};
}

Result<Write> encode_value(const Variable& variable, const Value& value) {
    ASSERT(variable.codec.scale != 0 && variable.bit < 8);
    Write write{read_item(variable), {}};
    write.data = TRY(encode_bytes(variable, value));
    if (variable.codec.type == Type::boolean) {
        write.item.transport = Transport::bit;
        write.item.bit = variable.bit;
        return write;
    }
    // What stands before length and characters of a string is the CPU's own.
    write.item.start += static_cast<std::uint32_t>(
        variable.codec.type == Type::wstring ? 2 : variable.codec.type == Type::string && !variable.codec.short_string);
    if (write.item.transport == Transport::byte) write.item.count = static_cast<std::uint16_t>(write.data.size());
    return write;
}

}  // namespace gongshu::wire::s7
