#include "wire/http_challenge.h"

#include <algorithm>
#include <optional>

namespace gongshu::wire {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// tchar of RFC 9110 §5.6.2.
bool is_token(char c) {
    const char s = small(c);
    return (s >= 'a' && s <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string small_letters(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), small);
    return out;
}

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool ended() const { return rest_.empty(); }
    void skip_blanks() { skip([](char c) { return is_blank(c); }); }
    void skip_commas() { skip([](char c) { return is_blank(c) || c == ','; }); }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view token() {
        const auto end = std::ranges::find_if_not(rest_, is_token);
        const std::string_view found = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(found.size());
        return found;
    }
    // A token, or a text in quotes without them.
    std::optional<std::string> value() {
        if (!take('"')) {
            const std::string_view found = token();
            if (found.empty()) return std::nullopt;
            return std::string(found);
        }
        std::string out;
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return out;
            if (c == '\\') {
                if (rest_.empty()) break;
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            out += c;
        }
        return std::nullopt;
    }

private:
    template <class Of>
    void skip(Of of) {
        const auto end = std::ranges::find_if_not(rest_, of);
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
    }

    std::string_view rest_;
};

}  // namespace

std::string_view HttpChallenge::value(std::string_view name) const {
    const auto found = std::ranges::find(values, name, &std::pair<std::string, std::string>::first);
    return found == values.end() ? std::string_view() : std::string_view(found->second);
}

// A word with a = behind it is a value of the scheme before it; else it is the next scheme.
std::vector<HttpChallenge> parse_challenges(std::string_view header) {
    std::vector<HttpChallenge> found;
    Reader reader(header);
    for (reader.skip_commas(); !reader.ended(); reader.skip_commas()) {
        const std::string_view word = reader.token();
        if (word.empty()) return found;
        reader.skip_blanks();
        if (!reader.take('=')) {
            if (found.size() == kHttpChallengesMax) return found;
            found.push_back({small_letters(word), {}});
            continue;
        }
        reader.skip_blanks();
        auto value = reader.value();
        if (!value || found.empty() || found.back().values.size() == kHttpChallengeValuesMax) return found;
        found.back().values.emplace_back(small_letters(word), std::move(*value));
    }
    return found;
}

bool names_word(std::string_view list, std::string_view word) {
    Reader reader(list);
    for (reader.skip_commas(); !reader.ended(); reader.skip_commas()) {
        const std::string_view found = reader.token();
        if (found.empty()) return false;
        if (small_letters(found) == word) return true;
    }
    return false;
}

}  // namespace gongshu::wire
