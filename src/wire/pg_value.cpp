#include "wire/pg_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/utf8.h"

namespace gongshu::wire {

namespace {

constexpr std::int64_t kDays2000 = 10'957;  // from 1970-01-01 to 2000-01-01, where PostgreSQL's clock begins
constexpr std::int64_t kMicroseconds2000 = kDays2000 * 86'400'000'000;
constexpr std::uint16_t kNumericNegative = 0x4000, kNumericNan = 0xC000, kNumericInfinity = 0xD000,
                        kNumericMinus = 0xF000;
constexpr int kNumericBase = 10'000, kGroupDigits = 4;

void put_big(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

std::uint64_t read_big(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
}

void put_digits(std::string& out, std::int64_t value, std::size_t width) {
    const std::string digits = std::to_string(value);
    out.append(width > digits.size() ? width - digits.size() : 0, '0');
    out += digits;
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

// The Gregorian day, also of years past what std::chrono's take: counted in years that begin in March.
struct Day {
    std::int64_t year;
    std::int64_t month, day;
};
Day day_of(std::int64_t days) {
    const std::int64_t from = days + 719'468;  // since 0000-03-01
    const std::int64_t era = floor_divide(from, 146'097), in_era = from - era * 146'097;
    const std::int64_t year = (in_era - in_era / 1'460 + in_era / 36'524 - in_era / 146'096) / 365;
    const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    const std::int64_t month = (5 * in_year + 2) / 153;
    const bool next = month >= 10;
    return {year + era * 400 + (next ? 1 : 0), next ? month - 9 : month + 3, in_year - (153 * month + 2) / 5 + 1};
}

// "2026-11-22"; whether the year is one before Christ, which is told at the end of the whole text.
bool put_day(std::string& out, std::int64_t days) {
    const Day day = day_of(days);
    put_digits(out, day.year > 0 ? day.year : 1 - day.year, 4);
    out += '-';
    put_digits(out, day.month, 2);
    out += '-';
    put_digits(out, day.day, 2);
    return day.year <= 0;
}

void put_offset(std::string& out, std::int32_t seconds) {
    out += seconds < 0 ? '-' : '+';
    const std::int32_t size = std::abs(seconds);
    put_digits(out, size / 3600, 2);
    if (size % 3600 == 0) return;
    out += ':';
    put_digits(out, size / 60 % 60, 2);
    if (size % 60 == 0) return;
    out += ':';
    put_digits(out, size % 60, 2);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [-+]digits[.digits], or what is behind a sign is not a number at all.
struct Decimal {
    bool negative = false;
    std::string_view whole, fraction;
};
bool read_decimal(std::string_view text, Decimal& out) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        out.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    const std::size_t point = std::min(text.find('.'), text.size());
    out.whole = text.substr(0, point);
    out.fraction = text.substr(std::min(point + 1, text.size()));
    return out.whole.size() + out.fraction.size() > 0 && std::ranges::all_of(out.whole, is_digit) &&
           std::ranges::all_of(out.fraction, is_digit);
}

void put_numeric_head(std::string& out, std::size_t groups, std::int64_t weight, std::uint16_t sign,
                      std::size_t scale) {
    put_big(out, groups, 2);
    put_big(out, static_cast<std::uint64_t>(weight), 2);
    put_big(out, sign, 2);
    put_big(out, scale, 2);
}

std::uint64_t group_of(std::string_view digits) {
    std::uint64_t value = 0;
    for (int i = 0; i < kGroupDigits; ++i)
        value = value * 10 +
                (static_cast<std::size_t>(i) < digits.size() ? static_cast<std::uint64_t>(digits[i] - '0') : 0);
    return value;
}

void put_numeric(std::string& out, std::string_view text) {
    Decimal decimal;
    if (!read_decimal(text, decimal)) {
        const bool nan = text == "NaN";
        return put_numeric_head(out, 0, 0, nan ? kNumericNan : 0, 0);
    }
    // Whole groups of four on both sides of the point.
    std::string digits((kGroupDigits - decimal.whole.size() % kGroupDigits) % kGroupDigits, '0');
    digits += decimal.whole;
    std::int64_t weight = static_cast<std::int64_t>(digits.size()) / kGroupDigits - 1;
    digits += decimal.fraction;
    std::vector<std::uint64_t> groups;
    for (std::size_t at = 0; at < digits.size(); at += kGroupDigits)
        groups.push_back(group_of(std::string_view(digits).substr(at, kGroupDigits)));
    const auto first = std::ranges::find_if(groups, [](std::uint64_t group) { return group != 0; });
    weight -= first - groups.begin();
    groups.erase(groups.begin(), first);
    while (!groups.empty() && groups.back() == 0) groups.pop_back();
    if (groups.empty()) weight = 0;
    const bool negative = decimal.negative && !groups.empty();
    put_numeric_head(out, groups.size(), weight, negative ? kNumericNegative : 0, decimal.fraction.size());
    for (const std::uint64_t group : groups) put_big(out, group, 2);
}

Error wrong_bytes(std::string_view what, std::size_t bytes) {
    return Error{Code::malformed, "a value of type {} has {} bytes that are none", what, bytes};
}

Result<PgValue> read_numeric(std::string_view bytes) {
    if (bytes.size() < 8) return wrong_bytes("numeric", bytes.size());
    const auto field = [&](std::size_t i) { return static_cast<std::uint16_t>(read_big(bytes.substr(2 * i, 2))); };
    const std::size_t groups = field(0), scale = field(3) & 0x3FFF;
    const int weight = static_cast<std::int16_t>(field(1));
    const std::uint16_t sign = field(2);
    if (sign == kNumericNan) return PgValue{PgNumeric{"NaN"}};
    if (sign == kNumericInfinity || sign == kNumericMinus)
        return Error{Code::unsupported, "an infinite value of type numeric is not taken"};
    // A fixed number of digits keeps what one value can cost small.
    if (bytes.size() != 8 + 2 * groups || (sign != 0 && sign != kNumericNegative) || std::abs(weight) > 100 ||
        scale > 400 || groups > 200)
        return wrong_bytes("numeric", bytes.size());
    const auto group = [&](int place) -> std::string {  // of 10000^place
        const int index = weight - place;
        const unsigned value =
            index >= 0 && index < static_cast<int>(groups) ? field(4 + static_cast<std::size_t>(index)) : 0;
        std::string out;
        put_digits(out, value % kNumericBase, kGroupDigits);
        return out;
    };
    std::string whole, fraction;
    for (int place = weight; place >= 0; --place) whole += group(place);
    for (int place = -1; fraction.size() < scale; --place) fraction += group(place);
    fraction.resize(scale);
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
    const bool zero = (whole + fraction).find_first_not_of('0') == std::string::npos;
    std::string out = sign == kNumericNegative && !zero ? "-" : "";
    out += whole.empty() ? "0" : whole;
    if (!fraction.empty()) out += "." + fraction;
    return PgValue{PgNumeric{std::move(out)}};
}

Result<PgValue> read_boolean_text(std::string_view text) {
    for (const std::string_view yes : {"t", "true", "1", "on", "yes", "y", "TRUE"})
        if (text == yes) return PgValue{true};
    for (const std::string_view no : {"f", "false", "0", "off", "no", "n", "FALSE"})
        if (text == no) return PgValue{false};
    return Error{Code::malformed, "\"{}\" is neither true nor false", text.substr(0, 40)};
}

template <class Number>
Result<PgValue> read_number_text(std::string_view text, std::string_view what) {
    if (text.starts_with('+')) text.remove_prefix(1);
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return Error{Code::malformed, "\"{}\" is no value of type {}", text.substr(0, 40), what};
    return PgValue{value};
}

Result<PgValue> read_text(std::string_view bytes) {
    if (find_broken_utf8(bytes) != std::string_view::npos || bytes.find('\0') != bytes.npos)
        return Error{Code::malformed, "a value of type text is not UTF-8"};
    return PgValue{std::string(bytes)};
}

Result<PgValue> read_from_text(PgType type, std::string_view text) {
    switch (type) {
        case PgType::boolean:
            return read_boolean_text(text);
        case PgType::int2:
        case PgType::int4:
        case PgType::int8:
        case PgType::oid:
            return read_number_text<std::int64_t>(text, "bigint");
        case PgType::float4:
        case PgType::float8:
            return read_number_text<double>(text, "double precision");
        case PgType::numeric: {
            Decimal decimal;
            if (read_decimal(text, decimal)) return PgValue{PgNumeric{std::string(text)}};
            return read_text(text);  // 1e3, NaN: SQL reads them
        }
        default:
            return read_text(text);
    }
}

template <class Narrow>
Result<PgValue> read_integer(std::string_view bytes) {
    if (bytes.size() != sizeof(Narrow)) return wrong_bytes("integer", bytes.size());
    return PgValue{static_cast<std::int64_t>(static_cast<Narrow>(read_big(bytes)))};
}

Result<PgValue> read_time(std::string_view bytes, bool is_clock) {
    if (bytes.size() != 8) return wrong_bytes("timestamptz", bytes.size());
    const auto microseconds = static_cast<std::int64_t>(read_big(bytes));
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kMicrosecond;
    if (microseconds > kMost - kMicroseconds2000 || microseconds < -kMost - kMicroseconds2000)
        return Error{Code::malformed, "a time lies outside of the years 1677 to 2262"};
    return PgValue{PgTime{(microseconds + kMicroseconds2000) * kMicrosecond, is_clock}};
}

Result<PgValue> read_float(PgType type, std::string_view bytes) {
    if (bytes.size() != (type == PgType::float4 ? 4u : 8u)) return wrong_bytes("double precision", bytes.size());
    if (type == PgType::float4)
        return PgValue{static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(read_big(bytes))))};
    return PgValue{std::bit_cast<double>(read_big(bytes))};
}

Result<PgValue> read_date(std::string_view bytes) {
    if (bytes.size() != 4) return wrong_bytes("date", bytes.size());
    const std::int64_t days = static_cast<std::int32_t>(read_big(bytes)) + kDays2000;
    if (days > std::numeric_limits<std::int32_t>::max()) return wrong_bytes("date", bytes.size());
    return PgValue{PgDate{static_cast<std::int32_t>(days)}};
}

Result<PgValue> read_uuid(std::string_view bytes) {
    if (bytes.size() != 16) return wrong_bytes("uuid", bytes.size());
    std::string out = to_hex(as_bytes(bytes));
    for (const std::size_t at : {8u, 13u, 18u, 23u}) out.insert(at, 1, '-');
    return PgValue{std::move(out)};
}

}  // namespace

void append_pg_boolean(std::string& out, PgFormat format, bool value) {
    if (format == PgFormat::binary)
        out += static_cast<char>(value ? 1 : 0);
    else
        out += value ? 't' : 'f';
}

void append_pg_integer(std::string& out, PgType type, PgFormat format, std::int64_t value) {
    if (format == PgFormat::text) {
        out += std::to_string(value);
        return;
    }
    put_big(out, static_cast<std::uint64_t>(value), type == PgType::int8 ? 8 : type == PgType::int2 ? 2 : 4);
}

void append_pg_number(std::string& out, PgFormat format, double value) {
    if (format == PgFormat::binary) return put_big(out, std::bit_cast<std::uint64_t>(value), 8);
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value < 0 ? "-Infinity" : "Infinity";
    } else {
        char text[32];
        const auto written =
            std::to_chars(text, text + sizeof text, value);  // the shortest that reads back as the same
        out.append(text, written.ptr);
    }
}

namespace {

// What a clock shows, in microseconds as if it were UTC.
void put_clock(std::string& out, std::int64_t wall) {
    constexpr std::int64_t kDayUs = 86'400'000'000;
    const std::int64_t day = floor_divide(wall, kDayUs);
    const std::int64_t in_day = wall - day * kDayUs;
    put_day(out, day);
    out += ' ';
    put_digits(out, in_day / 3'600'000'000, 2);
    out += ':';
    put_digits(out, in_day / 60'000'000 % 60, 2);
    out += ':';
    put_digits(out, in_day / 1'000'000 % 60, 2);
    if (const std::int64_t fraction = in_day % 1'000'000; fraction != 0) {
        out += '.';
        put_digits(out, fraction, 6);
        out.resize(out.find_last_not_of('0') + 1);
    }
}

}  // namespace

void append_pg_time(std::string& out, PgFormat format, TimeNs time, std::int32_t offset_seconds) {
    const std::int64_t microseconds = floor_divide(time, kMicrosecond);
    if (format == PgFormat::binary)
        return put_big(out, static_cast<std::uint64_t>(microseconds - kMicroseconds2000), 8);
    put_clock(out, microseconds + std::int64_t{offset_seconds} * 1'000'000);
    put_offset(out, offset_seconds);
}

void append_pg_clock(std::string& out, PgFormat format, TimeNs time) {
    if (format == PgFormat::binary) return append_pg_time(out, format, time, 0);
    put_clock(out, floor_divide(time, kMicrosecond));
}

void append_pg_date(std::string& out, PgFormat format, std::int32_t days) {
    if (format == PgFormat::binary) return put_big(out, static_cast<std::uint64_t>(days - kDays2000), 4);
    if (put_day(out, days)) out += " BC";
}

void append_pg_numeric(std::string& out, PgFormat format, std::string_view digits) {
    if (format == PgFormat::text)
        out += digits;
    else
        put_numeric(out, digits);
}

Result<PgValue> read_pg_value(PgType type, PgFormat format, std::string_view bytes) {
    if (format == PgFormat::text) return read_from_text(type, bytes);
    switch (type) {
        case PgType::boolean:
            if (bytes.size() != 1) return wrong_bytes("boolean", bytes.size());
            return PgValue{bytes[0] != 0};
        case PgType::int2:
            return read_integer<std::int16_t>(bytes);
        case PgType::int4:
            return read_integer<std::int32_t>(bytes);
        case PgType::oid:
            return read_integer<std::uint32_t>(bytes);
        case PgType::int8:
            return read_integer<std::int64_t>(bytes);
        case PgType::float4:
        case PgType::float8:
            return read_float(type, bytes);
        case PgType::timestamp:
        case PgType::timestamptz:
            return read_time(bytes, type == PgType::timestamp);
        case PgType::date:
            return read_date(bytes);
        case PgType::numeric:
            return read_numeric(bytes);
        case PgType::uuid:
            return read_uuid(bytes);
        case PgType::bytea:
            return PgValue{"\\x" + to_hex(as_bytes(bytes))};
        case PgType::jsonb:
            if (!bytes.starts_with('\1')) return wrong_bytes("jsonb", bytes.size());
            return read_text(bytes.substr(1));
        case PgType::unspecified:
        case PgType::unknown:
        case PgType::text:
        case PgType::varchar:
        case PgType::name:
        case PgType::json:
            return read_text(bytes);
    }
    return Error{Code::unsupported, "a parameter of type {} cannot be read in binary: send it as text",
                 static_cast<std::uint32_t>(type)};
}

}  // namespace gongshu::wire
