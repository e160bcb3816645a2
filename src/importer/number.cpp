#include "importer/number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace gongshu::importer {
namespace {

constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Plain digits with a point: a whole number below 2^53 divided by an exact power of ten is the nearest double
// (Clinger).
std::optional<double> parse_plain(std::string_view text) {
    const bool negative = text.front() == '-';
    std::uint64_t digits = 0;
    std::size_t count = 0, after = 0;
    bool point = false;
    for (std::size_t i = negative; i < text.size(); ++i) {
        const char c = text[i];
        if (c >= '0' && c <= '9') {
            digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
            ++count;
            after += point;
        } else if (c == '.' && !point) {
            point = true;
        } else {
            return std::nullopt;
        }
    }
    if (count == 0 || count > 18 || digits > (std::uint64_t{1} << 53)) return std::nullopt;
    const double value = static_cast<double>(digits) / kPowers[after];
    return negative ? -value : value;
}

// The text as std::from_chars wants it; false if a separator stands where none can.
bool normalise(std::string_view text, NumberStyle style, std::string& out) {
    out.clear();
    bool point = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool no_break = style.thousands == ' ' && text.substr(i).starts_with("\xc2\xa0");
        if (c == style.decimal) {
            if (point) return false;
            point = true;
            out.push_back('.');
        } else if (style.thousands != '\0' && (c == style.thousands || no_break)) {
            if (point || out.empty()) return false;
            i += no_break;
        } else if (c == '.' && style.decimal != '.') {
            return false;
        } else {
            out.push_back(c);
        }
    }
    return true;
}

}  // namespace

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

std::optional<double> parse_number(std::string_view text, NumberStyle style) {
    text = trim(text);
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
        if (!text.empty() && text.front() == '-') return std::nullopt;
    }
    if (text.empty()) return std::nullopt;
    thread_local std::string normal;
    if (style.decimal != '.' || style.thousands != '\0') {
        if (!normalise(text, style, normal)) return std::nullopt;
        text = normal;
        if (text.empty()) return std::nullopt;
    }
    if (const auto plain = parse_plain(text)) return plain;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<long long> parse_integer(std::string_view text, NumberStyle style) {
    text = trim(text);
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
        if (!text.empty() && text.front() == '-') return std::nullopt;
    }
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && !text.empty()) return value;
    // "12.0", "1e3", "1,234": whole numbers all the same.
    const auto number = parse_number(text, style);
    if (!number || std::abs(*number) > 9e15 || *number != std::floor(*number)) return std::nullopt;
    return static_cast<long long>(*number);
}

std::optional<bool> parse_boolean(std::string_view text) {
    text = trim(text);
    std::string lower(text.substr(0, 8));
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const char* word : {"1", "true", "t", "yes", "y", "on", "是", "开", "真"})
        if (lower == word && text.size() == lower.size()) return true;
    for (const char* word : {"0", "false", "f", "no", "n", "off", "否", "关", "假"})
        if (lower == word && text.size() == lower.size()) return false;
    return std::nullopt;
}

}  // namespace gongshu::importer
