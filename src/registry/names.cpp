#include "registry/names.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gongshu::registry {

namespace {

// The code point at `i`, which is moved behind it; nullopt if these bytes are not UTF-8.
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& i) {
    const auto byte = static_cast<unsigned char>(text[i++]);
    if (byte < 0x80) return byte;
    const int more = byte >= 0xC2 && byte < 0xE0 ? 1 : (byte & 0xF0) == 0xE0 ? 2 : byte >= 0xF0 && byte < 0xF5 ? 3 : 0;
    if (more == 0) return std::nullopt;
    char32_t point = byte & (0x3F >> more);
    for (int k = 0; k < more; ++k) {
        if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return std::nullopt;
        point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3F);
    }
    return point;
}

// Letters by blocks: Latin, Greek, Cyrillic, Kana, CJK and Hangul. Marks, symbols, spaces and full-width forms are not.
bool is_letter(char32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) ||
           (c >= 0x370 && c <= 0x3FF && c != 0x37E && c != 0x387) || (c >= 0x400 && c <= 0x481) ||
           (c >= 0x48A && c <= 0x52F) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) ||
           (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF);
}

Result<void> check_segments(std::string_view name, bool slashes, bool dots) {
    auto refuse = [&](std::string_view why) {
        return Error{Code::invalid, "the name \"{}\" cannot be used: {}", name.substr(0, kNameBytesMax), why};
    };
    if (name.empty()) return Error{Code::invalid, "the name is empty"};
    if (name.size() > kNameBytesMax) return refuse("it is longer than 200 bytes");
    std::size_t segment = 0;
    for (std::size_t i = 0; i <= name.size();) {
        if (i == name.size() || name[i] == '/') {
            const std::string_view word = name.substr(segment, i - segment);
            if (word.empty()) return refuse("a part between slashes is empty");
            if (word == "." || word == "..") return refuse("a part is only dots");
            if (i == name.size()) break;
            if (!slashes) return refuse("it holds a \"/\"");
            segment = ++i;
            continue;
        }
        const auto point = next_code_point(name, i);
        if (!point) return Error{Code::invalid, "the name is not UTF-8"};
        const bool fine = is_letter(*point) || (*point >= '0' && *point <= '9') || *point == '_' || *point == '-' ||
                          (dots && *point == '.');
        if (!fine)
            return refuse(dots ? "only letters, digits, \"_\", \"-\" and \".\" are allowed"
                               : "only letters, digits, \"_\" and \"-\" are allowed");
    }
    return {};
}

}  // namespace

Result<void> check_name(std::string_view name, bool path) { return check_segments(name, path, true); }

Result<void> check_word(std::string_view word) { return check_segments(word, false, false); }

Result<TimeNs> parse_rfc3339(std::string_view text) {
    const Error refused{Code::invalid, "expected a time such as 2026-03-01T08:00:00+08:00, found \"{}\"",
                        text.substr(0, 60)};
    std::size_t i = 0;
    auto digits = [&](int count) -> int {
        int value = 0;
        for (int k = 0; k < count; ++k, ++i) {
            if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
            value = value * 10 + (text[i] - '0');
        }
        return value;
    };
    auto literal = [&](char c) { return i < text.size() && text[i] == c && ++i; };
    const int year = digits(4);
    if (year < 1678 || year > 2261 || !literal('-')) return refused;
    const int month = digits(2);
    if (month < 1 || !literal('-')) return refused;
    const int day = digits(2);
    if (day < 1 || !(literal('T') || literal('t') || literal(' '))) return refused;
    const int hour = digits(2);
    if (hour < 0 || hour > 23 || !literal(':')) return refused;
    const int minute = digits(2);
    if (minute < 0 || minute > 59 || !literal(':')) return refused;
    const int second = digits(2);
    if (second < 0 || second > 59) return refused;
    TimeNs nanos = 0;
    if (literal('.')) {
        int count = 0;
        for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && count < 9; ++i, ++count)
            nanos = nanos * 10 + (text[i] - '0');
        if (count == 0) return refused;
        for (; count < 9; ++count) nanos *= 10;
    }
    DurationNs offset = 0;
    if (!literal('Z') && !literal('z')) {
        const bool west = i < text.size() && text[i] == '-';
        if (!literal('+') && !literal('-')) return refused;
        const int hours = digits(2);
        if (hours < 0 || hours > 23 || !literal(':')) return refused;
        const int minutes = digits(2);
        if (minutes < 0 || minutes > 59) return refused;
        offset = (hours * kHour + minutes * kMinute) * (west ? -1 : 1);
    }
    if (i != text.size()) return refused;
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return refused;
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return days * kDay + hour * kHour + minute * kMinute + second * kSecond + nanos - offset;
}

}  // namespace gongshu::registry
