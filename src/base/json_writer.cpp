#include "base/json_writer.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <iterator>

namespace gongshu {
namespace {

// Bytes of the UTF-8 sequence that starts at `at`, or 0 if it is not well formed (RFC 3629, table of §4).
std::size_t sequence_bytes(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(at);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(at + 1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned second = byte(at + 1);
        if (first == 0xe0 && second < 0xa0) return 0;
        if (first == 0xed && second > 0x9f) return 0;
        return tail(at + 1) && tail(at + 2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned second = byte(at + 1);
        if (first == 0xf0 && second < 0x90) return 0;
        if (first == 0xf4 && second > 0x8f) return 0;
        return tail(at + 1) && tail(at + 2) && tail(at + 3) ? 4 : 0;
    }
    return 0;
}

// How many bytes from `at` on stand for themselves: ASCII without controls, quotes and backslashes.
std::size_t plain_bytes(std::string_view text, std::size_t at) {
    const std::size_t begin = at;
    constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        const std::uint64_t quote = word ^ kOnes * '"', backslash = word ^ kOnes * '\\';
        // A top bit is set where the byte has one, is below 0x20, or is one of the two (then its difference is 0).
        if (((word | (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes)) & kTops) != 0) break;
    }
    for (; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
    }
    return at - begin;
}

void append_escaped(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        if (const std::size_t plain = plain_bytes(text, i); plain > 0) {
            out.append(text, i, plain);
            i += plain;
            continue;
        }
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
            ++i;
        } else if (byte < 0x20) {
            switch (c) {
                case '\n':
                    out += "\\n";
                    break;
                case '\r':
                    out += "\\r";
                    break;
                case '\t':
                    out += "\\t";
                    break;
                default:
                    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(byte));
            }
            ++i;
        } else if (const std::size_t bytes = sequence_bytes(text, i); bytes > 0) {
            out.append(text, i, bytes);
            i += bytes;
        } else {
            out += "\xef\xbf\xbd";
            ++i;
        }
    }
}

}  // namespace

void JsonWriter::separate() {
    if (need_comma_) out_.push_back(',');
    need_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    separate();
    out_.push_back('{');
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    out_.push_back('}');
    need_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    separate();
    out_.push_back('[');
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    out_.push_back(']');
    need_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    text(name);
    out_.push_back(':');
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
    separate();
    const std::size_t plain = plain_bytes(value, 0), begin = out_.size(), end = begin + plain + 2;
    // The size that the library of GCC 12 hands over may be the capacity.
    out_.resize_and_overwrite(end, [&](char* all, std::size_t) {
        all[begin] = '"';
        value.copy(all + begin + 1, plain);
        all[end - 1] = '"';
        return end;
    });
    if (plain == value.size()) return *this;
    out_.pop_back();
    append_escaped(out_, value.substr(plain));
    out_.push_back('"');
    return *this;
}

JsonWriter& JsonWriter::number(double value) {
    if (!std::isfinite(value)) return null();
    // Whole numbers have the same digits as integers.
    if (std::abs(value) < 1e15 && value == std::trunc(value) && !(value == 0 && std::signbit(value)))
        return integer(static_cast<std::int64_t>(value));
    separate();
    std::array<char, 32> digits;  // 17 digits, a sign, a point and an exponent at most
    char* const end = fmt::format_to(digits.data(), FMT_COMPILE("{}"), value);
    out_.append(digits.data(), end);
    return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
    const fmt::format_int digits{value};
    const std::size_t begin = out_.size() + (need_comma_ ? 1 : 0), end = begin + digits.size();
    out_.resize_and_overwrite(end, [&](char* all, std::size_t) {
        if (need_comma_) all[begin - 1] = ',';
        std::memcpy(all + begin, digits.data(), digits.size());
        return end;
    });
    need_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::safe_integer(std::int64_t value) {
    constexpr std::int64_t kSafe = std::int64_t{1} << 53;
    if (value >= -kSafe && value <= kSafe) return integer(value);
    separate();
    fmt::format_to(std::back_inserter(out_), "\"{}\"", value);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null() {
    separate();
    out_ += "null";
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

}  // namespace gongshu
