#include "wire/sql_text.h"

#include <algorithm>
#include <utility>

namespace gongshu::wire {

namespace {

constexpr std::size_t kShapeBytesMax = 64 << 10;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Letters of all alphabets: every byte of a UTF-8 character past ASCII.
bool begins_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool goes_on(char c) { return begins_name(c) || is_digit(c) || c == '$'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool next(SqlWord& word) {
        skip();
        if (at_ >= text_.size()) return false;
        const std::size_t start = at_;
        word.kind = take();
        word.source = text_.substr(start, at_ - start);
        word.at = start;
        return true;
    }

private:
    char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

    void skip() {
        while (at_ < text_.size()) {
            if (is_space(text_[at_])) {
                ++at_;
            } else if (peek() == '-' && peek(1) == '-') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (peek() == '/' && peek(1) == '*') {
                skip_comment();
            } else {
                return;
            }
        }
    }

    // Comments of this kind may lie in each other.
    void skip_comment() {
        std::size_t depth = 0;
        do {
            if (peek() == '/' && peek(1) == '*') {
                ++depth;
                at_ += 2;
            } else if (peek() == '*' && peek(1) == '/') {
                --depth;
                at_ += 2;
            } else {
                ++at_;
            }
        } while (depth > 0 && at_ < text_.size());
        at_ = std::min(at_, text_.size());
    }

    SqlWord::Kind take() {
        const char c = text_[at_];
        if ((c == 'E' || c == 'e') && peek(1) == '\'') {
            ++at_;
            take_quoted('\'', true);
            return SqlWord::Kind::text;
        }
        if (begins_name(c)) {
            while (at_ < text_.size() && goes_on(text_[at_])) ++at_;
            return SqlWord::Kind::name;
        }
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return take_number();
        if (c == '\'') {
            take_quoted('\'', false);
            return SqlWord::Kind::text;
        }
        if (c == '"') {
            take_quoted('"', false);
            return SqlWord::Kind::quoted;
        }
        if (c == '$') return take_dollar();
        ++at_;
        return SqlWord::Kind::sign;
    }

    SqlWord::Kind take_number() {
        bool exponent = false;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            const bool sign = (c == '+' || c == '-') && exponent && lower(text_[at_ - 1]) == 'e';
            if (!is_digit(c) && c != '.' && lower(c) != 'e' && !sign) break;
            exponent = exponent || lower(c) == 'e';
            ++at_;
        }
        return SqlWord::Kind::number;
    }

    void take_quoted(char quote, bool escapes) {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (escapes && c == '\\' && at_ < text_.size()) {
                ++at_;
            } else if (c == quote) {
                if (peek() != quote) return;
                ++at_;
            }
        }
    }

    // $1, or $tag$ … $tag$.
    SqlWord::Kind take_dollar() {
        const std::size_t start = at_++;
        if (is_digit(peek())) {
            while (is_digit(peek())) ++at_;
            return SqlWord::Kind::parameter;
        }
        std::size_t end = at_;
        while (end < text_.size() && (begins_name(text_[end]) || is_digit(text_[end]))) ++end;
        if (end >= text_.size() || text_[end] != '$') return SqlWord::Kind::sign;
        const std::string_view tag = text_.substr(start, end + 1 - start);
        const std::size_t closing = text_.find(tag, end + 1);
        at_ = closing == text_.npos ? text_.size() : closing + tag.size();
        return SqlWord::Kind::text;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::string unescaped(std::string_view inner) {
    std::string out;
    for (std::size_t i = 0; i < inner.size(); ++i) {
        if (inner[i] != '\\' || i + 1 >= inner.size()) {
            if (inner[i] == '\'' && i + 1 < inner.size() && inner[i + 1] == '\'') ++i;
            out += inner[i];
            continue;
        }
        const char c = inner[++i];
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
    }
    return out;
}

constexpr std::pair<std::string_view, SqlVerb> kVerbs[] = {
    {"begin", SqlVerb::begin},       {"start", SqlVerb::begin},         {"commit", SqlVerb::commit},
    {"end", SqlVerb::commit},        {"rollback", SqlVerb::rollback},   {"abort", SqlVerb::rollback},
    {"set", SqlVerb::set},           {"reset", SqlVerb::reset},         {"show", SqlVerb::show},
    {"discard", SqlVerb::discard},   {"savepoint", SqlVerb::savepoint}, {"deallocate", SqlVerb::deallocate},
    {"release", SqlVerb::savepoint}, {"listen", SqlVerb::listen},       {"unlisten", SqlVerb::listen},
    {"notify", SqlVerb::listen},     {"close", SqlVerb::close},         {"copy", SqlVerb::copy},
    {"insert", SqlVerb::write},      {"update", SqlVerb::write},        {"delete", SqlVerb::write},
    {"create", SqlVerb::write},      {"drop", SqlVerb::write},          {"alter", SqlVerb::write},
    {"truncate", SqlVerb::write},    {"merge", SqlVerb::write},         {"grant", SqlVerb::write},
    {"revoke", SqlVerb::write},      {"vacuum", SqlVerb::write},        {"lock", SqlVerb::write},
    {"declare", SqlVerb::declare},   {"fetch", SqlVerb::fetch},         {"move", SqlVerb::fetch},
    {"comment", SqlVerb::write},     {"reindex", SqlVerb::write},       {"refresh", SqlVerb::write},
};

}  // namespace

std::vector<SqlWord> sql_words(std::string_view text, std::size_t words_max) {
    std::vector<SqlWord> out;
    Scanner scanner(text);
    for (SqlWord word; out.size() < words_max && scanner.next(word);) out.push_back(word);
    return out;
}

bool is_sql_word(const SqlWord& word, std::string_view lower_case) {
    if (word.kind != SqlWord::Kind::name && word.kind != SqlWord::Kind::sign) return false;
    return std::ranges::equal(word.source, lower_case, [](char a, char b) { return lower(a) == b; });
}

std::string sql_unquoted(const SqlWord& word) {
    std::string_view source = word.source;
    if (word.kind == SqlWord::Kind::name) {
        std::string out(source);
        std::ranges::transform(out, out.begin(), lower);
        return out;
    }
    if (word.kind != SqlWord::Kind::text && word.kind != SqlWord::Kind::quoted) return std::string(source);
    if (source.starts_with('$')) {
        const std::size_t tag = source.find('$', 1) + 1;
        const bool closed = source.size() >= 2 * tag && source.ends_with(source.substr(0, tag));
        return std::string(source.substr(tag, source.size() - tag - (closed ? tag : 0)));
    }
    const bool escapes = lower(source[0]) == 'e';
    source.remove_prefix(escapes ? 2 : 1);
    const char quote = word.kind == SqlWord::Kind::quoted ? '"' : '\'';
    if (source.ends_with(quote)) source.remove_suffix(1);
    if (escapes) return unescaped(source);
    std::string out;
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] == quote && i + 1 < source.size() && source[i + 1] == quote) ++i;
        out += source[i];
    }
    return out;
}

std::vector<std::string_view> sql_statements(std::string_view text) {
    std::vector<std::string_view> out;
    Scanner scanner(text);
    std::size_t start = std::string_view::npos, end = 0;
    const auto finish = [&] {
        if (start != std::string_view::npos) out.push_back(text.substr(start, end - start));
        start = std::string_view::npos;
    };
    for (SqlWord word; scanner.next(word);) {
        if (word.kind == SqlWord::Kind::sign && word.source == ";") {
            finish();
            continue;
        }
        if (start == std::string_view::npos) start = word.at;
        end = word.at + word.source.size();
    }
    finish();
    return out;
}

std::string sql_shape(std::string_view text) {
    std::string out;
    Scanner scanner(text);
    std::string last;
    for (SqlWord word; out.size() < kShapeBytesMax && scanner.next(word);) {
        const bool name = word.kind == SqlWord::Kind::name;
        if (word.kind == SqlWord::Kind::sign && word.source == "." && last == "pg_catalog") {
            out.resize(out.size() - last.size());  // with the space behind what stood before it
            if (!out.empty()) out.pop_back();
            last.clear();
            continue;
        }
        if (!out.empty()) out += ' ';
        last = name ? sql_unquoted(word) : std::string(word.source);
        out += last;
    }
    return out;
}

SqlVerb sql_verb(std::string_view statement) {
    const std::vector<SqlWord> words = sql_words(statement, 4);
    if (words.empty() || words[0].kind != SqlWord::Kind::name) return SqlVerb::other;
    const std::string first = sql_unquoted(words[0]);
    const auto found = std::ranges::find(kVerbs, std::string_view(first), &std::pair<std::string_view, SqlVerb>::first);
    if (found == std::end(kVerbs)) return SqlVerb::other;
    const bool back_to = found->second == SqlVerb::rollback &&
                         std::ranges::any_of(words, [](const SqlWord& word) { return is_sql_word(word, "to"); });
    return back_to ? SqlVerb::savepoint : found->second;
}

}  // namespace gongshu::wire
