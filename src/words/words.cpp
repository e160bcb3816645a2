#include "words/words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "expr/error.h"
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr int kDepthMax = 24;
constexpr int kTriedMax = 8;               // sentences that fit a text and are compared, of each list
constexpr std::size_t kTextWork = 256;     // what each text costs at least
constexpr std::size_t kWorkMax = 4 << 20;  // bytes looked at for one text

// A part of a sentence, as English has it.
struct Part {
    std::string name;       // "" for {}
    bool verbatim = false;  // stays as it is
    bool place = false;     // stands before a colon: "device: …" names a field, not a device
};

// A format taken apart: literals[0] part literals[1] part … literals[n].
struct Shape {
    std::vector<std::string> literals{1};
    std::vector<Part> parts;
};

// Takes "{}", "{:.1f}", "{name}", "{0=}" and the doubled braces of fmt.
Shape shape_of(std::string_view format) {
    Shape shape;
    for (std::size_t i = 0; i < format.size(); ++i) {
        const char c = format[i];
        if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
            shape.literals.back().push_back(c);
            ++i;
        } else if (const std::size_t close = c == '{' ? format.find('}', i) : std::string_view::npos;
                   close != std::string_view::npos) {
            std::string_view inside = format.substr(i + 1, close - i - 1);
            Part part;
            part.verbatim = inside.ends_with('=');
            if (part.verbatim) inside.remove_suffix(1);
            part.name = inside.substr(0, inside.find(':'));
            shape.parts.push_back(std::move(part));
            shape.literals.emplace_back();
            i = close;
        } else {
            shape.literals.back().push_back(c);
        }
    }
    return shape;
}

struct Pattern {
    std::vector<std::string> literals;  // of the English
    std::vector<Part> parts;            // of the English
    std::vector<std::string> say;       // say[0] part order[0] say[1] …
    std::vector<std::size_t> order;     // numbers of parts
    std::size_t weight = 0;             // characters in literals
};

bool is_quote(char c) { return c == '"' || c == '\''; }

Pattern pattern_of(const Sentence& sentence) {
    Shape english = shape_of(sentence.english);
    Shape chinese = shape_of(sentence.chinese);
    Pattern pattern;
    for (std::size_t i = 0; i < english.parts.size(); ++i) {
        Part& part = english.parts[i];
        const std::string &before = english.literals[i], &after = english.literals[i + 1];
        part.verbatim = !before.empty() && !after.empty() && is_quote(before.back()) && before.back() == after.front();
        part.place = i == 0 && before.empty() && after.starts_with(':');
    }
    for (const Part& said : chinese.parts) {
        std::size_t number = 0;
        if (!said.name.empty() && said.name[0] >= '0' && said.name[0] <= '9') {
            number = static_cast<std::size_t>(std::stoul(said.name));
        } else {
            const auto named = std::ranges::find(english.parts, said.name, &Part::name);
            number = static_cast<std::size_t>(named - english.parts.begin());
        }
        ASSERT(number < english.parts.size());
        if (said.verbatim) english.parts[number].verbatim = true;
        pattern.order.push_back(number);
    }
    for (const std::string& literal : english.literals) pattern.weight += literal.size();
    pattern.literals = std::move(english.literals);
    pattern.parts = std::move(english.parts);
    pattern.say = std::move(chinese.literals);
    return pattern;
}

// "clear_condition: give …" without its place, which may come to stand as "spec.clear_condition"; empty if it has none.
struct Bare {
    std::string english, chinese;
};
Bare without_place(const Sentence& sentence) {
    const std::size_t end = sentence.english.find(": "), said_end = sentence.chinese.find(": ");
    if (end == std::string_view::npos || said_end == std::string_view::npos) return {};
    const std::string_view place = sentence.english.substr(0, end);
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '[' || c == ']' || c == '{' || c == '}' || c == '-';
    };
    if (place.find_first_not_of("{}") == std::string_view::npos || !std::ranges::all_of(place, fits)) return {};
    const std::size_t parts = shape_of(place).parts.size();
    if (shape_of(sentence.chinese.substr(0, said_end)).parts.size() != parts) return {};
    Bare bare{std::string(sentence.english.substr(end + 2)), {}};
    // The numbers of the parts count from where the place ends.
    const std::string_view chinese = sentence.chinese.substr(said_end + 2);
    for (std::size_t i = 0; i < chinese.size(); ++i) {
        bare.chinese.push_back(chinese[i]);
        const bool digit = i + 1 < chinese.size() && chinese[i + 1] >= '0' && chinese[i + 1] <= '9';
        if (chinese[i] != '{' || !digit) continue;
        const std::size_t after = chinese.find_first_not_of("0123456789", i + 1);
        bare.chinese += std::to_string(std::stoul(std::string(chinese.substr(i + 1, after - i - 1))) - parts);
        i = after - 1;
    }
    return bare;
}

// All sentences, those with most fixed characters first; apart by the first byte, 0 for those that begin with a part.
struct Book {
    std::array<std::vector<Pattern>, 256> by_first;
    std::unordered_map<std::string_view, std::string_view> terms;
};

Book make_book() {
    Book book;
    const auto add = [&](const Sentence& sentence) {
        Pattern pattern = pattern_of(sentence);
        const auto first = pattern.literals[0].empty() ? 0 : static_cast<std::uint8_t>(pattern.literals[0][0]);
        if (pattern.weight > 0) book.by_first[first].push_back(std::move(pattern));
    };
    for (const auto& list : sentences())
        for (const Sentence& sentence : list) add(sentence);
    for (const expr::ErrorInfo& info : expr::errors()) add({info.text_en, info.text_zh});
    for (const auto& list : sentences()) {
        for (const Sentence& sentence : list) {
            const Bare bare = without_place(sentence);
            if (!bare.english.empty()) add({bare.english, bare.chinese});
        }
    }
    for (auto& list : book.by_first) std::ranges::stable_sort(list, std::greater{}, &Pattern::weight);
    for (const Term& term : terms()) book.terms.emplace(term.english, term.chinese);
    return book;
}

const Book& book() {
    static const Book made = make_book();
    return made;
}

// The bytes of each part if the pattern covers the whole text; each part as short as it can be, from the left.
bool match(const Pattern& pattern, std::string_view text, std::vector<std::string_view>& parts, std::size_t& work) {
    const std::string &first = pattern.literals.front(), &last = pattern.literals.back();
    if (text.size() < pattern.weight || !text.starts_with(first) || !text.ends_with(last)) return false;
    parts.clear();
    if (pattern.parts.empty()) return text.size() == first.size();
    text.remove_prefix(first.size());
    text.remove_suffix(last.size());
    for (std::size_t i = 1; i + 1 < pattern.literals.size(); ++i) {
        const std::string& next = pattern.literals[i];
        const std::size_t at = next.empty() ? 0 : text.find(next);
        work += at == std::string_view::npos ? text.size() : at;
        if (at == std::string_view::npos) return false;
        parts.push_back(text.substr(0, at));
        text.remove_prefix(at + next.size());
    }
    parts.push_back(text);
    return true;
}

bool is_wide(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// "spec.properties[3].address", "line", a path: what may stand before a colon and name a place.
bool is_one_word(std::string_view text) { return text.find(' ') == std::string_view::npos; }

// How well something is said: two for each fixed character of a sentence, one for each of a word that stands alone,
// less for a part that swallows what looks like the next sentence. What is said best is taken.
constexpr int kSentenceWorth = 2, kMarkWorth = 4, kSwallowed = 60;

struct Said {
    bool known = false;  // else the text is to stay as it is
    int worth = 0;
    std::string text = {};
};

class Speaker {
public:
    explicit Speaker(std::string_view whole) : begin_(whole.data()) {}

    const Said& say(std::string_view text, int depth, bool place) {
        static const Said kUnknown;
        if (text.empty() || depth == 0 || work_ > kWorkMax) return kUnknown;
        const auto offset = static_cast<std::uint64_t>(text.data() - begin_);
        const std::uint64_t key = offset << 32 | text.size() << 1 | (place ? 1 : 0);
        if (const auto said = said_.find(key); said != said_.end()) return said->second;
        return said_.emplace(key, say_anew(text, depth, place)).first->second;
    }

private:
    Said say_anew(std::string_view text, int depth, bool place) {
        if (!place) {
            if (const auto term = book().terms.find(text); term != book().terms.end())
                return {true, static_cast<int>(text.size()), std::string(term->second)};
        }
        if (is_one_word(text) || is_quoted(text)) return {};
        work_ += kTextWork + text.size();
        Said best;
        by_sentence(text, depth, best);
        by_names(text, best);
        for (const std::string_view mark : {"\n", "; ", ": "}) apart(text, mark, depth, best);
        return best;
    }

    static bool is_quoted(std::string_view text) {
        return text.size() > 1 && is_quote(text.front()) && text.find(text.front(), 1) == text.size() - 1;
    }

    static void keep_better(Said& best, Said found) {
        if (!best.known || found.worth > best.worth) best = std::move(found);
    }

    void by_sentence(std::string_view text, int depth, Said& best) {
        std::vector<std::string_view> parts;
        for (const auto* list : {&book().by_first[static_cast<std::uint8_t>(text[0])], &book().by_first[0]}) {
            int tried = 0;
            for (const Pattern& pattern : *list) {
                if (work_ > kWorkMax || tried == kTriedMax) break;
                if (!match(pattern, text, parts, work_)) continue;
                ++tried;
                keep_better(best, fill(pattern, parts, depth));
            }
        }
    }

    // `device "a/p1", rule "b" and 3 more`: kinds of resources with their names, which stay.
    static void by_names(std::string_view text, Said& best) {
        Said out{true, kMarkWorth};
        while (true) {
            const std::size_t open = text.find(" \""), close = open == text.npos ? text.npos : text.find('"', open + 2);
            if (close == text.npos) return;
            const auto kind = book().terms.find(text.substr(0, open));
            if (kind == book().terms.end()) return;
            out.text.append(kind->second).append("“").append(text.substr(open + 2, close - open - 2)).append("”");
            out.worth += kSentenceWorth * static_cast<int>(open);
            text.remove_prefix(close + 1);
            if (!text.starts_with(", ")) break;
            out.text.append("、");
            text.remove_prefix(2);
        }
        constexpr std::string_view kAnd = " and ", kMore = " more";
        if (text.starts_with(kAnd) && text.ends_with(kMore) && text.size() > kAnd.size() + kMore.size()) {
            text.remove_prefix(kAnd.size());
            text.remove_suffix(kMore.size());
            out.text.append("等，另有 ").append(text).append(" 个");
            text = {};
        }
        if (text.empty()) keep_better(best, std::move(out));
    }

    // A part that holds the mark between two sentences, where only a name or a value is expected.
    static bool swallows(const Pattern& pattern, std::size_t i, std::string_view text) {
        if (text.find(": ") == std::string_view::npos && text.find("; ") == std::string_view::npos) return false;
        const std::string &before = pattern.literals[i], &after = pattern.literals[i + 1];
        if (is_quote(text.front()) || before.ends_with(": ") || before.ends_with("; ") || before.ends_with('('))
            return false;
        return !(i == 0 && before.empty() && after.starts_with(':')) &&
               !(text.starts_with("; ") || text.starts_with(": "));
    }

    Said fill(const Pattern& pattern, const std::vector<std::string_view>& parts, int depth) {
        Said out{true, kSentenceWorth * static_cast<int>(pattern.weight)};
        bool said_before = false;  // the part before this literal was turned into Chinese
        for (std::size_t i = 0; i < pattern.say.size(); ++i) {
            std::string_view literal = pattern.say[i];
            if (said_before && literal.size() > 1 && literal[0] == ' ' && is_wide(literal[1])) literal.remove_prefix(1);
            out.text.append(literal);
            if (i == pattern.order.size()) break;
            const std::size_t number = pattern.order[i];
            const Part& part = pattern.parts[number];
            static const Said kAsItIs;
            const Said& said = part.verbatim ? kAsItIs : say(parts[number], depth - 1, part.place);
            said_before = said.known;
            out.worth += said.worth;
            const bool quoted = is_quote_beside(pattern, number);
            if (!quoted && swallows(pattern, number, parts[number])) out.worth -= kSwallowed;
            if (said_before && out.text.size() > 1 && out.text.back() == ' ' &&
                is_wide(out.text[out.text.size() - 2]) && is_wide(said.text[0]))
                out.text.pop_back();
            out.text.append(said_before ? std::string_view{said.text} : parts[number]);
        }
        return out;
    }

    static bool is_quote_beside(const Pattern& pattern, std::size_t i) {
        const std::string &before = pattern.literals[i], &after = pattern.literals[i + 1];
        return !before.empty() && !after.empty() && is_quote(before.back()) && before.back() == after.front();
    }

    // Both sides of the first `mark`, each by itself.
    void apart(std::string_view text, std::string_view mark, int depth, Said& best) {
        const std::size_t at = text.find(mark);
        if (at == std::string_view::npos) return;
        const bool colon = mark == ": ";
        const std::string_view head = text.substr(0, at), tail = text.substr(at + mark.size());
        const Said& before = say(head, depth - 1, colon);
        const Said& after = say(tail, depth - 1, false);
        if (!before.known && !after.known) return;
        Said out{true, kMarkWorth + before.worth + after.worth};
        out.text.append(before.known ? std::string_view{before.text} : head);
        out.text.append(colon && before.known ? "：" : mark == "; " && after.known ? "；" : mark);
        out.text.append(after.known ? std::string_view{after.text} : tail);
        keep_better(best, std::move(out));
    }

    const char* const begin_;
    std::unordered_map<std::uint64_t, Said> said_;
    std::size_t work_ = 0;
};

}  // namespace

std::string in_chinese(std::string_view english) {
    if (english.size() > kTextBytesMax) return std::string(english);
    Speaker speaker{english};
    const Said& said = speaker.say(english, kDepthMax, false);
    return said.known ? said.text : std::string(english);
}

std::span<const std::span<const Sentence>> sentences() {
    static const std::array<std::span<const Sentence>, 30> all = {
        sentences_of_api(),      sentences_of_registry(), sentences_of_importer(),  sentences_of_flow(),
        sentences_of_doors(),    sentences_of_sheets(),   sentences_of_wire(),      sentences_of_history(),
        sentences_of_workbook(), sentences_of_calendar(), sentences_of_intervals(), sentences_of_ledger(),
        sentences_of_case(),     sentences_of_package(),  sentences_of_money(),     sentences_of_blob(),
        sentences_of_notify(),   sentences_of_modbus(),   sentences_of_sql(),       sentences_of_system(),
        sentences_of_meters(),   sentences_of_s7(),       sentences_of_melsec(),    sentences_of_iec104(),
        sentences_of_shdr(),     sentences_of_http(),     sentences_of_opcua(),     sentences_of_sparkplug(),
        sentences_of_aibus(),
        sentences_of_fins()};
    return all;
}

}  // namespace gongshu::words
