#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/utf8.h"
#include "wire/dlt645.h"

namespace gongshu::wire::dlt645 {
namespace {

using Kind = Format::Kind;

constexpr std::uint8_t kSign = 0x80;
constexpr std::size_t kNumberBytesMax = 8;

// The meter's clock: which two digits stand where, and how people write them.
struct ClockMask {
    std::string_view mask;
    std::string_view written;  // Y M D h m s: the next digit of that field; others stand as they are
};
constexpr ClockMask kClocks[] = {
    {"YYMMDDWW", "20YY-MM-DD"},
    {"YYMMDDWWhhmmss", "20YY-MM-DD hh:mm:ss"},
    {"YYMMDDhhmmss", "20YY-MM-DD hh:mm:ss"},
    {"YYMMDDhhmm", "20YY-MM-DD hh:mm"},
    {"MMDDhhmm", "MM-DD hh:mm"},
    {"hhmmss", "hh:mm:ss"},
    {"hhmm", "hh:mm"},
    {"DDhh", "DD hh"},
};

const ClockMask* find_clock(std::string_view mask) {
    for (const ClockMask& clock : kClocks)
        if (clock.mask == mask) return &clock;
    return nullptr;
}

// The digits with the highest first; Code::malformed when one is over 9.
Result<std::string> bcd_digits(Bytes bytes) {
    std::string digits;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        for (const int digit : {bytes[i] >> 4, bytes[i] & 0xf}) {
            if (digit > 9) return Error{Code::malformed, "0x{} is no BCD number: a digit is over 9", to_hex(bytes)};
            digits += static_cast<char>('0' + digit);
        }
    }
    return digits;
}

Buffer bcd_bytes(std::string_view digits) {
    Buffer bytes;
    for (std::size_t i = digits.size(); i >= 2; i -= 2)
        bytes.push_back(static_cast<std::uint8_t>((digits[i - 2] - '0') << 4 | (digits[i - 1] - '0')));
    return bytes;
}

Result<Value> decode_number(const Format& format, Bytes bytes) {
    Buffer plain{bytes.begin(), bytes.end()};
    const bool negative = format.is_signed && (plain.back() & kSign) != 0;
    if (negative) plain.back() &= static_cast<std::uint8_t>(~kSign);
    std::int64_t number = 0;
    for (const char digit : TRY(bcd_digits(plain))) number = number * 10 + (digit - '0');
    if (negative) number = -number;
    if (format.decimals == 0) return Value{number};
    // Dividing gives the number that people would write: 2307 / 10 is 230.7.
    return Value{static_cast<double>(number) / std::pow(10.0, format.decimals)};
}

Result<Buffer> encode_number(const Format& format, const Value& value) {
    const auto number = as_number(value);
    if (!number)
        return Error{Code::invalid, "cannot write {} as a number of a meter", gongshu::to_string(type_of(value))};
    const double raw = std::round(std::abs(*number) * std::pow(10.0, format.decimals));
    const double end = std::pow(10.0, 2 * format.bytes) * (format.is_signed ? 0.8 : 1);
    if (!(raw < end) || (*number < 0 && raw != 0 && !format.is_signed))
        return Error{Code::limit,     "{} does not fit {} digits of which {} are decimals{}",
                     *number,         2 * format.bytes,
                     format.decimals, format.is_signed ? "" : " and no sign"};
    Buffer bytes = bcd_bytes(fmt::format("{:0{}}", static_cast<std::uint64_t>(raw), 2 * format.bytes));
    if (*number < 0 && raw != 0) bytes.back() |= kSign;
    return bytes;
}

Result<Value> decode_text(Bytes bytes) {
    std::string text{bytes.rbegin(), bytes.rend()};
    text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
    text.resize(text.find_last_not_of(' ') + 1);
    if (find_broken_utf8(text) != std::string_view::npos)
        return Error{Code::malformed, "0x{} is no text", to_hex(bytes)};
    return Value{std::move(text)};
}

// Where the n-th digit (from 1) of a field stands in the mask.
std::size_t place_of(std::string_view mask, char field, std::size_t n) {
    std::size_t at = 0;
    while (mask[at] != field || --n > 0) ++at;
    return at;
}

bool is_field(char c) { return std::string_view("YMDhms").find(c) != std::string_view::npos; }

Result<Value> decode_clock(const Format& format, Bytes bytes) {
    const std::string digits = TRY(bcd_digits(bytes));
    const ClockMask* clock = find_clock(format.mask);
    ASSERT(clock != nullptr && digits.size() == format.mask.size());
    std::string text{clock->written};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = clock->written[i];
        if (!is_field(c)) continue;
        const auto n = std::count(clock->written.begin(), clock->written.begin() + i + 1, c);
        text[i] = digits[place_of(format.mask, c, static_cast<std::size_t>(n))];
    }
    return Value{std::move(text)};
}

Result<Buffer> encode_clock(const Format& format, const std::string& text) {
    const ClockMask* clock = find_clock(format.mask);
    ASSERT(clock != nullptr);
    std::string digits(format.mask.size(), '0');
    bool fits = text.size() == clock->written.size();
    for (std::size_t i = 0; fits && i < text.size(); ++i) {
        const char c = clock->written[i];
        fits = is_field(c) ? text[i] >= '0' && text[i] <= '9' : text[i] == c;
        if (!fits || !is_field(c)) continue;
        const auto n = std::count(clock->written.begin(), clock->written.begin() + i + 1, c);
        digits[place_of(format.mask, c, static_cast<std::size_t>(n))] = text[i];
    }
    if (!fits) return Error{Code::invalid, "\"{}\" is no time as \"{}\"", text.substr(0, 40), clock->written};
    return bcd_bytes(digits);
}

Result<Value> decode_present(const Format& format, Bytes bytes) {
    switch (format.kind) {
        case Kind::number:
            return decode_number(format, bytes);
        case Kind::digits: {
            std::string digits = TRY(bcd_digits(bytes));
            return Value(std::move(digits));
        }
        case Kind::text:
            return decode_text(bytes);
        case Kind::clock:
            return decode_clock(format, bytes);
        case Kind::bits:
            break;
    }
    std::uint64_t bits = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | bytes[i];
    return Value{static_cast<std::int64_t>(bits)};
}

std::optional<std::uint8_t> small_number(std::string_view text, unsigned most) {
    unsigned number = 0;
    if (text.empty() || text.size() > 3) return std::nullopt;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number >= 1 && number <= most ? std::optional{static_cast<std::uint8_t>(number)} : std::nullopt;
}

// XXXXXX.XX with or without - in front.
std::optional<Format> number_format(std::string_view text) {
    Format format;
    format.is_signed = text.starts_with('-');
    if (format.is_signed) text.remove_prefix(1);
    std::size_t digits = 0;
    std::optional<std::size_t> point;
    for (const char c : text) {
        if (c == '.' && !point)
            point = digits;
        else if (c == 'X' || c == 'N')
            ++digits;
        else
            return std::nullopt;
    }
    if (digits == 0 || digits % 2 != 0 || digits > 2 * kNumberBytesMax || point == digits) return std::nullopt;
    format.bytes = static_cast<std::uint8_t>(digits / 2);
    format.decimals = static_cast<std::uint8_t>(point ? digits - *point : 0);
    return format;
}

std::optional<Format> other_format(std::string_view text) {
    Format format;
    if (const ClockMask* clock = find_clock(text)) {
        format.kind = Kind::clock;
        format.bytes = static_cast<std::uint8_t>(text.size() / 2);
        format.mask = clock->mask;
        return format;
    }
    struct Named {
        std::string_view prefix;
        Kind kind;
        unsigned most, divisor;
    };
    static constexpr Named kNamed[] = {
        {"text", Kind::text, 200, 1}, {"bits", Kind::bits, 8, 1}, {"N", Kind::digits, 64, 2}};
    for (const Named& named : kNamed) {
        if (!text.starts_with(named.prefix)) continue;
        const auto number = small_number(text.substr(named.prefix.size()), named.most);
        if (!number || *number % named.divisor != 0) return std::nullopt;
        format.kind = named.kind;
        format.bytes = static_cast<std::uint8_t>(*number / named.divisor);
        return format;
    }
    return std::nullopt;
}

}  // namespace

Result<Format> parse_format(std::string_view text) {
    if (const auto number = number_format(text)) return *number;
    if (auto other = other_format(text)) return std::move(*other);
    return Error{Code::invalid,
                 "\"{}\" is no format of a meter's value; expected one such as XXXXXX.XX, -XX.XXXX (with a sign), N12 "
                 "(digits), text16, bits2 (bytes) or YYMMDDhhmm, with two digits a byte",
                 text.substr(0, 40)};
}

Result<std::optional<Value>> decode_value(const Format& format, Bytes bytes) {
    ASSERT(bytes.size() == format.bytes);
    const bool absent = std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0xff; });
    if (absent && format.kind != Kind::bits) return std::optional<Value>{};
    auto value = decode_present(format, bytes);
    if (!value) return std::move(value).error();
    return std::optional<Value>(std::move(*value));
}

Result<Buffer> encode_value(const Format& format, const std::optional<Value>& value) {
    if (!value) return Buffer(format.bytes, 0xff);
    if (format.kind == Kind::number) return encode_number(format, *value);
    if (format.kind == Kind::bits) {
        const auto* whole = std::get_if<std::int64_t>(&*value);
        if (whole == nullptr) return Error{Code::invalid, "a status word is written as an integer"};
        Buffer bytes;
        for (unsigned i = 0; i < format.bytes; ++i)
            bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(*whole) >> (8 * i)));
        return bytes;
    }
    const auto* text = std::get_if<std::string>(&*value);
    if (text == nullptr)
        return Error{Code::invalid, "cannot write {} as a text of a meter", gongshu::to_string(type_of(*value))};
    if (format.kind == Kind::clock) return encode_clock(format, *text);
    const std::size_t most = format.kind == Kind::digits ? 2u * format.bytes : format.bytes;
    if (text->size() > most) return Error{Code::limit, "\"{}\" is longer than {}", text->substr(0, 40), most};
    if (format.kind == Kind::text) {
        std::string padded = *text + std::string(most - text->size(), ' ');
        return Buffer{padded.rbegin(), padded.rend()};
    }
    if (!std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; }))
        return Error{Code::invalid, "\"{}\" are not digits", text->substr(0, 40)};
    return bcd_bytes(std::string(most - text->size(), '0') + *text);
}

}  // namespace gongshu::wire::dlt645
