#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "wire/json_door.h"
#include "wire/mqtt.h"

namespace gongshu::wire {
namespace {

// Whether the fast parser can hold it. Short ones without exponent fit always; too small a number is 0.
bool is_oversized(std::string_view number) {
    const bool whole = number.find_first_of(".eE") == std::string_view::npos;
    if (whole && number.size() <= 19) return false;
    const char* const end = number.data() + number.size();
    if (whole) {
        std::uint64_t positive = 0;
        std::int64_t any = 0;
        return std::from_chars(number.data(), end, positive).ec != std::errc{} &&
               std::from_chars(number.data(), end, any).ec != std::errc{};
    }
    double read = 0;
    if (std::from_chars(number.data(), end, read).ec == std::errc{}) return false;
    return std::isinf(std::strtod(std::string{number}.c_str(), nullptr));
}

// A plain reader of RFC 8259 that only knows where it is. Runs when the fast parser said no, to tell the sender where.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::optional<std::string> run() {
        if (text_.starts_with("\xEF\xBB\xBF")) {
            fail("a byte order mark; JSON goes without");
        } else {
            skip_blanks();
            value(1);
            skip_blanks();
            if (!fault_ && at_ < text_.size()) fail("expected the end, found " + found());
        }
        return std::move(fault_);
    }

    std::vector<TextRange> oversized() && { return std::move(oversized_); }

private:
    static constexpr int kDepthMax = 64;

    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    bool is_digit() const { return peek() >= '0' && peek() <= '9'; }

    std::string found() const {
        if (at_end()) return "the end";
        const auto byte = static_cast<unsigned char>(text_[at_]);
        if (byte >= 0x21 && byte < 0x7F) return fmt::format("'{}'", text_[at_]);
        return fmt::format("byte 0x{:02X}", byte);
    }

    void fail(std::string_view problem) {
        if (!fault_) fault_ = fmt::format("byte {}: {}", at_, problem);
    }

    void expect(char c, std::string_view what) {
        if (!at_end() && peek() == c) {
            ++at_;
        } else {
            fail(fmt::format("expected {}, found {}", what, found()));
        }
    }

    void skip_blanks() {
        while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
    }

    void value(int depth) {
        if (fault_) return;
        if (depth > kDepthMax) return fail(fmt::format("nested deeper than {}", kDepthMax));
        if (at_end()) return fail("expected a value, found the end");
        switch (peek()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }

    void object(int depth) {
        ++at_;
        skip_blanks();
        if (peek() == '}' && !at_end()) {
            ++at_;
            return;
        }
        while (!fault_) {
            skip_blanks();
            if (at_end() || peek() != '"') return fail("expected a name in quotes, found " + found());
            string();
            skip_blanks();
            if (!fault_) expect(':', "':' after the name");
            skip_blanks();
            value(depth + 1);
            skip_blanks();
            if (fault_ || at_end() || peek() != ',') break;
            ++at_;
        }
        if (!fault_) expect('}', "',' or '}'");
    }

    void array(int depth) {
        ++at_;
        skip_blanks();
        if (!at_end() && peek() == ']') {
            ++at_;
            return;
        }
        while (!fault_) {
            skip_blanks();
            value(depth + 1);
            skip_blanks();
            if (fault_ || at_end() || peek() != ',') break;
            ++at_;
        }
        if (!fault_) expect(']', "',' or ']'");
    }

    void word(std::string_view want) {
        if (text_.substr(at_, want.size()) != want)
            return fail(fmt::format("expected a value, found {}; text needs quotes", found()));
        at_ += want.size();
    }

    void digits() {
        if (!is_digit()) return fail("expected a digit, found " + found());
        while (is_digit()) ++at_;
    }

    void number() {
        const std::size_t begin = at_;
        number_text();
        if (!fault_ && is_oversized(text_.substr(begin, at_ - begin))) oversized_.push_back({begin, at_ - begin});
    }

    void number_text() {
        if (peek() == '-') ++at_;
        if (!is_digit()) return fail("expected a value, found " + found());
        if (peek() == '0') {
            ++at_;
            if (is_digit()) return fail("a number may not begin with 0");
        } else {
            digits();
        }
        if (peek() == '.' && !at_end()) {
            ++at_;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (peek() == '+' || peek() == '-') ++at_;
            digits();
        }
    }

    // Four hexadecimal digits of a \u escape.
    unsigned hex() {
        unsigned unit = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = static_cast<char>(peek() | 0x20);
            if (is_digit()) {
                unit = unit * 16 + static_cast<unsigned>(c - '0');
            } else if (c >= 'a' && c <= 'f') {
                unit = unit * 16 + static_cast<unsigned>(c - 'a' + 10);
            } else {
                fail("expected four hexadecimal digits after \\u, found " + found());
                return 0;
            }
        }
        return unit;
    }

    void escape() {
        ++at_;
        const char c = peek();
        if (!at_end() && std::string_view{"\"\\/bfnrt"}.find(c) != std::string_view::npos) {
            ++at_;
            return;
        }
        if (c != 'u') return fail("unknown escape: " + found());
        ++at_;
        const unsigned unit = hex();
        if (fault_ || unit < 0xD800 || unit > 0xDFFF) return;
        if (unit >= 0xDC00 || text_.substr(at_, 2) != "\\u") return fail("half of a surrogate pair");
        at_ += 2;
        const unsigned low = hex();
        if (!fault_ && (low < 0xDC00 || low > 0xDFFF)) fail("half of a surrogate pair");
    }

    void string() {
        const std::size_t start = ++at_;
        while (!fault_) {
            if (at_end()) return fail("the text that begins before is not closed");
            if (peek() == '"') break;
            if (static_cast<unsigned char>(peek()) < 0x20)
                return fail("a control character within a text; write it as an escape");
            if (peek() == '\\') {
                escape();
            } else {
                ++at_;
            }
        }
        if (fault_) return;
        if (!mqtt::valid_utf8(text_.substr(start, at_ - start))) {
            at_ = start;
            return fail("the text that begins here is not UTF-8");
        }
        ++at_;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
    std::optional<std::string> fault_;
    std::vector<TextRange> oversized_;
};

}  // namespace

std::optional<std::string> json_fault(std::string_view text) { return Scanner{text}.run(); }

std::vector<TextRange> oversized_numbers(std::string_view text) {
    Scanner scanner{text};
    (void)scanner.run();
    return std::move(scanner).oversized();
}

}  // namespace gongshu::wire
