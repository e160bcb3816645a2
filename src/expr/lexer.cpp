#include "expr/lexer.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "expr/expr.h"
#include "expr/messages.h"
#include "expr/suggest.h"
#include "expr/units.h"

namespace gongshu::expr {
namespace {

constexpr std::string_view kKeywords[] = {"and", "or", "not", "for", "true", "false"};
// Words that mean something only where an operator can stand; anywhere else they are names.
constexpr std::string_view kWords[] = {"between", "then", "else"};

// The longer ones first: 大于等于 begins with 大于.
constexpr OtherWord kOtherWords[] = {
    {"大于等于", ">="}, {"大于或等于", ">="}, {"小于等于", "<="}, {"小于或等于", "<="}, {"不等于", "!="},
    {"大于", ">"},      {"小于", "<"},        {"等于", "=="},     {"并且", "and"},      {"而且", "and"},
    {"以及", "and"},    {"且", "and"},        {"和", "and"},      {"与", "and"},        {"或者", "or"},
    {"或是", "or"},     {"或", "or"},         {"不是", "not"},    {"不", "not"},        {"非", "not"},
    {"持续", "for"},    {"AND", "and"},       {"And", "and"},     {"OR", "or"},         {"Or", "or"},
    {"NOT", "not"},     {"Not", "not"},       {"FOR", "for"},
};

struct TimeUnit {
    std::string_view name;
    double seconds;
};
constexpr TimeUnit kTimeUnits[] = {
    {"ms", 0.001},   {"millisecond", 0.001}, {"s", 1},        {"sec", 1},       {"second", 1}, {"seconds", 1},
    {"min", 60},     {"minute", 60},         {"minutes", 60}, {"h", 3600},      {"hr", 3600},  {"hour", 3600},
    {"hours", 3600}, {"d", 86'400},          {"day", 86'400}, {"days", 86'400},
};

struct Character {
    char32_t code = 0;
    std::uint32_t byte = 0;  // where it begins
};

// One character of UTF-8 at `at`; 0 bytes = not UTF-8.
std::pair<char32_t, std::uint32_t> decode(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(at);
    if (first < 0x80) return {first, 1};
    const std::uint32_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (bytes == 0 || first > 0xf4 || at + bytes > text.size()) return {0, 0};
    char32_t code = first & (0xff >> (bytes + 1));
    for (std::uint32_t i = 1; i < bytes; ++i) {
        if ((byte(at + i) & 0xc0) != 0x80) return {0, 0};
        code = code << 6 | (byte(at + i) & 0x3f);
    }
    const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && (code < 0x10000 || code > 0x10ffff));
    if (overlong || (code >= 0xd800 && code <= 0xdfff)) return {0, 0};
    return {code, bytes};
}

char32_t narrow(char32_t code) {
    if (code == 0x3000) return ' ';                                    // ideographic space
    if (code >= 0xff01 && code <= 0xff5e) return code - 0xff01 + '!';  // full-width forms
    if (code == 0xd7) return '*';
    if (code == 0xf7) return '/';
    if (code == 0x3001) return ',';
    if (code == 0x2212) return '-';
    return code;
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_space(char32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
// Letters of any script; signs of units (℃ ° % µ Ω ²) are told apart by where they stand.
bool is_letter(char32_t c) {
    if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return c >= 0xaa && c != 0xd7 && c != 0xf7 && c != 0x2264 && c != 0x2265 && c != 0x2260 &&
           !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x3000 && c <= 0x303f) && c < 0xe000 + 0x1900;
}
bool is_name(char32_t c) { return is_letter(c) || is_digit(c); }

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Checked<std::vector<Token>> run() {
        if (auto error = read_characters()) return *error;
        std::vector<Token> tokens;
        while (true) {
            while (is_space(at(0))) ++pos_;
            start_ = pos_;
            if (pos_ >= characters_.size()) break;
            Token token = EXPR_TRY(next());
            finish(token);
            tokens.push_back(std::move(token));
        }
        Token end;
        start_ = pos_ = characters_.size();
        finish(end);
        tokens.push_back(std::move(end));
        return tokens;
    }

private:
    char32_t at(std::size_t ahead) const {
        return pos_ + ahead < characters_.size() ? characters_[pos_ + ahead].code : 0;
    }

    std::string_view slice(std::size_t from, std::size_t to) const {
        const auto byte = [&](std::size_t i) { return i < characters_.size() ? characters_[i].byte : text_.size(); };
        return text_.substr(byte(from), byte(to) - byte(from));
    }

    void finish(Token& token) const {
        token.column = static_cast<std::uint32_t>(start_ + 1);
        token.length = static_cast<std::uint32_t>(pos_ - start_);
        token.written = slice(start_, pos_);
    }

    ExprError error(std::string_view code, std::size_t from, std::size_t to, std::vector<ErrorParam> params = {},
                    std::vector<std::string> suggest = {}) const {
        return make_error(
            code,
            {static_cast<std::uint32_t>(from + 1), static_cast<std::uint32_t>(to - from), std::string(slice(from, to))},
            std::move(params), std::move(suggest));
    }

    std::optional<ExprError> read_characters() {
        if (text_.size() > kTextBytesMax)
            return make_error("too_long", {1, 0, ""},
                              {{"bytes", fmt::to_string(text_.size())}, {"most", fmt::to_string(kTextBytesMax)}});
        for (std::size_t byte = 0; byte < text_.size();) {
            const auto [code, bytes] = decode(text_, byte);
            if (bytes == 0 || (code < ' ' && !is_space(code)) || code == 0x7f) {
                return make_error("not_text", {static_cast<std::uint32_t>(characters_.size() + 1), 1, ""});
            }
            characters_.push_back({narrow(code), static_cast<std::uint32_t>(byte)});
            byte += bytes;
        }
        return std::nullopt;
    }

    Checked<Token> next() {
        const char32_t c = at(0);
        if (c == '\'' || c == '"') return quoted(c);
        if (c == '`') return backticks();
        if (is_digit(c) || (c == '.' && is_digit(at(1)))) {
            if (const std::size_t length = path_length(true)) return name(length);
            return number();
        }
        if (is_letter(c)) return name(path_length(false));
        return sign();
    }

    Checked<Token> quoted(char32_t quote) {
        std::size_t end = pos_ + 1;
        while (end < characters_.size() && characters_[end].code != quote) ++end;
        if (end >= characters_.size())
            return error("open_quote", pos_, characters_.size(), {{"quote", std::string(1, static_cast<char>(quote))}});
        Token token{.kind = TokenKind::text, .text = std::string(slice(pos_ + 1, end))};
        pos_ = end + 1;
        return token;
    }

    Checked<Token> backticks() {
        std::size_t end = pos_ + 1;
        while (end < characters_.size() && characters_[end].code != '`') ++end;
        if (end >= characters_.size()) return error("open_backtick", pos_, characters_.size());
        if (end == pos_ + 1) return error("empty_backticks", pos_, end + 1);
        Token token{.kind = TokenKind::name, .text = std::string(slice(pos_ + 1, end)), .quoted = true};
        pos_ = end + 1;
        return token;
    }

    // Characters of the name or path at pos_. A path is a/b-c/d.property: "/" and "-" belong to it only if a "." and a
    // letter follow before its end; so `a/b` is a quotient and `a/b.c` a path. `from_digit`: only a path counts
    // (1号车间/cnc1.温度), else 0, because 5m and 80bar are numbers.
    std::size_t path_length(bool from_digit) const {
        std::size_t i = 0, plain = 0;
        bool dot = false, letter = false, plain_done = false;
        while (true) {
            const char32_t c = at(i);
            if (is_name(c)) {
                letter = letter || is_letter(c);
                ++i;
                if (!plain_done) plain = i;
                continue;
            }
            const bool joins = i > 0 && is_name(at(i - 1)) && is_name(at(i + 1));
            if (!joins) break;
            if (c == '.' && is_letter(at(i + 1)) && letter) {
                if (!dot) plain_done = true;
                dot = true;
                ++i;
            } else if ((c == '/' || c == '-') && !dot) {
                plain_done = true;
                ++i;
            } else {
                break;
            }
        }
        if (dot) return i;
        return from_digit ? 0 : plain;
    }

    Checked<Token> name(std::size_t length) {
        const std::string text{slice(pos_, pos_ + length)};
        pos_ += length;
        for (const std::string_view keyword : kKeywords)
            if (keyword == text) return Token{.kind = TokenKind::op, .text = text};
        return Token{.kind = TokenKind::name, .text = text};
    }

    // Digits, one point, an exponent; as few bytes as make a number.
    std::size_t digits_length() const {
        std::size_t i = 0;
        while (is_digit(at(i))) ++i;
        if (at(i) == '.' && is_digit(at(i + 1)))
            for (++i; is_digit(at(i));) ++i;
        if (at(i) == 'e' || at(i) == 'E') {
            std::size_t e = i + 1;
            if (at(e) == '+' || at(e) == '-') ++e;
            if (is_digit(at(e))) {
                while (is_digit(at(e))) ++e;
                if (!is_letter(at(e))) i = e;
            }
        }
        return i;
    }

    Checked<Token> number() {
        const std::size_t begin = pos_;
        if (auto duration = EXPR_TRY(try_duration()); duration.kind == TokenKind::duration) return duration;
        Token token{.kind = TokenKind::number};
        const std::size_t length = digits_length();
        std::string digits;
        for (std::size_t i = 0; i < length; ++i) digits += static_cast<char>(at(i));
        if (digits.front() == '.') digits.insert(digits.begin(), '0');
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), token.number);
        pos_ += length;
        token.digits = digits;
        if (failed != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(token.number))
            return error("number_range", begin, pos_);
        std::int64_t whole = 0;
        const auto [whole_end, not_whole] = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
        if (not_whole == std::errc{} && whole_end == digits.data() + digits.size()) token.integer = whole;
        if (auto wrong = unit_of(token)) return *wrong;
        return token;
    }

    // 30s 5m 2h 1d 500ms and such in a row (1h30m), nothing between number and letters, nothing glued on after.
    Checked<Token> try_duration() {
        struct Part {
            std::string_view name;
            double seconds;
        };
        static constexpr Part kParts[] = {{"ms", 0.001}, {"min", 60}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
        const std::size_t begin = pos_;
        double seconds = 0;
        bool any = false;
        while (is_digit(at(0))) {
            const std::size_t length = digits_length();
            std::size_t letters = 0;
            while (is_letter(at(length + letters))) ++letters;
            const std::string_view name = slice(pos_ + length, pos_ + length + letters);
            const Part* found = nullptr;
            for (const Part& part : kParts)
                if (part.name == name) found = &part;
            if (!found) break;
            double count = 0;
            const std::string digits{slice(pos_, pos_ + length)};
            std::from_chars(digits.data(), digits.data() + digits.size(), count);
            seconds += count * found->seconds;
            pos_ += length + letters;
            any = true;
        }
        const char32_t c = at(0);
        const bool glued = is_name(c) || ((c == '/' || c == '.' || c == '^' || c == 0xb7) && is_name(at(1)));
        if (!any || glued) {
            pos_ = begin;
            return Token{};
        }
        if (seconds * 1e9 > static_cast<double>(kWindowMax)) return error("duration_range", begin, pos_);
        return Token{.kind = TokenKind::duration, .number = seconds, .unit = "s", .has_unit = true};
    }

    bool word_at(std::size_t from, std::string_view word) const {
        for (std::size_t i = 0; i < word.size(); ++i)
            if (at(from + i) != static_cast<char32_t>(word[i])) return false;
        return !is_name(at(from + word.size()));
    }

    // `5 in (…)` asks for a list; `5 in` alone is five inches.
    bool list_follows(std::size_t from) const {
        if (!word_at(from, "in")) return false;
        for (from += 2; is_space(at(from));) ++from;
        return at(from) == '(';
    }

    bool operand_follows(std::size_t from) const {
        while (is_space(at(from))) ++from;
        const char32_t c = at(from);
        if (is_letter(c)) {
            for (const std::string_view keyword : {"and", "or", "for", "between", "then", "else", "in", "not"})
                if (word_at(from, keyword)) return false;
            return true;
        }
        return is_digit(c) || c == '(' || c == '`' || c == '\'' || c == '.';
    }

    bool sign_follows(std::size_t from) const {
        while (is_space(at(from))) ++from;
        return at(from) == '-' || at(from) == '+';
    }

    // Characters of a unit at `from` (ahead of pos_): letters and signs, then / . ^ · and digits without spaces.
    std::size_t unit_length(std::size_t from) const {
        const auto part = [](char32_t c) { return is_name(c) || c == 0xb0 || c == '%'; };
        std::size_t i = from;
        if (!is_letter(at(i)) && at(i) != 0xb0 && at(i) != '%') return 0;
        while (part(at(i)) || ((at(i) == '/' || at(i) == '.' || at(i) == '^' || at(i) == 0xb7) && part(at(i + 1)))) ++i;
        return i - from;
    }

    std::optional<ExprError> unit_of(Token& token) {
        std::size_t from = 0;
        while (at(from) == ' ') ++from;
        if (at(from) == '%') {
            // 7 % 3 is a remainder, 80% and 80 % a unit: no operand after it. 7 % -3 is a remainder, 7% - 3 a unit.
            if (operand_follows(from + 1) || (from > 0 && sign_follows(from + 1))) return std::nullopt;
            token.unit = "%";
            token.has_unit = true;
            pos_ += from + 1;
            return std::nullopt;
        }
        const std::size_t longest = unit_length(from);
        if (longest == 0) return std::nullopt;
        std::size_t word = 0;  // the first word alone, in case that what follows is a division
        while (is_name(at(from + word)) || at(from + word) == 0xb0) ++word;
        if (word == 0) word = longest;
        const std::string_view first = slice(pos_ + from, pos_ + from + word);
        for (const std::string_view keyword : kKeywords)
            if (first == keyword) return std::nullopt;
        for (const std::string_view keyword : kWords)
            if (first == keyword) return std::nullopt;
        if (from > 0 && list_follows(from)) return std::nullopt;
        for (const std::size_t length : {longest, word}) {
            const auto unit = check_unit(slice(pos_ + from, pos_ + from + length));
            if (!unit) continue;
            token.unit = *unit;
            token.has_unit = true;
            pos_ += from + length;
            return std::nullopt;
        }
        if (const OtherWord* const other = other_word(slice(pos_ + from, pos_ + from + longest))) {
            std::size_t length = 0;
            for (const char byte : other->written) length += (byte & 0xc0) != 0x80;
            return write_operator(other->meant, {static_cast<std::uint32_t>(pos_ + from + 1),
                                                 static_cast<std::uint32_t>(length), std::string(other->written)});
        }
        return error("not_a_unit", pos_ + from, pos_ + from + longest, {},
                     nearest(slice(pos_ + from, pos_ + from + longest), usual_units()));
    }

    Checked<Token> sign() {
        static constexpr std::string_view kTwo[] = {"<=", ">=", "==", "!="};
        const auto op = [&](std::string_view text, std::size_t characters) {
            pos_ += characters;
            return Token{.kind = TokenKind::op, .text = std::string(text)};
        };
        const char32_t c = at(0);
        if (c == 0x2264) return op("<=", 1);
        if (c == 0x2265) return op(">=", 1);
        if (c == 0x2260) return op("!=", 1);
        for (const std::string_view two : kTwo)
            if (c == static_cast<char32_t>(two[0]) && at(1) == static_cast<char32_t>(two[1])) return op(two, 2);
        const std::size_t twice = at(1) == c ? 2 : 1;
        if (c == '?' && twice == 2) return op("??", 2);
        if (c == '<' && at(1) == '>') return error("write_this", pos_, pos_ + 2, {{"write", "!="}}, {"!="});
        if (c == '*' && at(1) == '*') return error("write_this", pos_, pos_ + 2, {{"write", "^"}}, {"^"});
        if (c == '&') return error("write_and", pos_, pos_ + twice, {}, {"and"});
        if (c == '|') return error("write_or", pos_, pos_ + twice, {}, {"or"});
        if (c == '=') return error("write_equal", pos_, pos_ + 1, {}, {"=="});
        if (c == '!') return error("write_this", pos_, pos_ + 1, {{"write", "not"}}, {"not"});
        if (c < 0x80 && std::strchr("+-*/%^()<>,.@", static_cast<int>(c))) {
            const char text = static_cast<char>(c);
            return op({&text, 1}, 1);
        }
        return error("no_meaning", pos_, pos_ + 1);
    }

    const std::string_view text_;
    std::vector<Character> characters_;
    std::size_t pos_ = 0;
    std::size_t start_ = 0;
};

}  // namespace

std::optional<double> seconds_of(const Token& token) {
    if (token.kind == TokenKind::duration) return token.number;
    if (token.kind != TokenKind::number || !token.has_unit) return std::nullopt;
    for (const TimeUnit& unit : kTimeUnits)
        if (unit.name == token.unit) return token.number * unit.seconds;
    return std::nullopt;
}

const OtherWord* other_word(std::string_view text) {
    for (const OtherWord& word : kOtherWords)
        if (word.written.front() & 0x80 ? text.starts_with(word.written) : text == word.written) return &word;
    return nullptr;
}

ExprError write_operator(std::string_view meant, Place place) {
    const std::vector<std::string> suggest{std::string(meant)};
    if (meant == "and") return make_error("write_and", std::move(place), {}, suggest);
    if (meant == "or") return make_error("write_or", std::move(place), {}, suggest);
    return make_error("write_this", std::move(place), {{"write", std::string(meant)}}, suggest);
}

std::span<const std::string_view> words() {
    static constexpr std::string_view kAll[] = {"and", "or",      "not", "for",  "true", "false",
                                                "in",  "between", "if",  "then", "else", "unknown"};
    return kAll;
}

Checked<std::vector<Token>> split(std::string_view text) { return Lexer{text}.run(); }

}  // namespace gongshu::expr
