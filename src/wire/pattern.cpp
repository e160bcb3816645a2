#include "wire/pattern.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace gongshu::wire {

namespace {

// One character of UTF-8; a byte that begins none stands for itself, out of reach of every real one.
char32_t next_character(std::string_view text, std::size_t& at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    if (more == 0 || at + more >= text.size()) {
        ++at;
        return first < 0x80 ? first : 0x110000u + first;
    }
    char32_t character = first & (0x3Fu >> more);
    for (std::size_t i = 1; i <= more; ++i) character = character << 6 | (byte(at + i) & 0x3Fu);
    at += more + 1;
    return character;
}

}  // namespace

// One part of a pattern, before it becomes states.
struct PatternNode {
    enum class Kind : std::uint8_t { set, row, choice, repeat, group, begin, end };
    Kind kind;
    std::uint32_t set = 0;              // of group: its number
    std::uint32_t least = 0, most = 0;  // of repeat; most = kEndless
    bool is_lazy = false;               // of repeat
    std::vector<PatternNode> parts;
};

class PatternParser {
public:
    PatternParser(std::string_view text, const PatternLimits& limits) : text_(text), limits_(limits) {}

    Result<Pattern> compile() {
        if (text_.size() > limits_.bytes_max)
            return Error{Code::limit, "the pattern is longer than {} bytes", limits_.bytes_max};
        if (text_.starts_with("(?i)")) {
            at_ = 4;
            any_case_ = true;
        }
        const PatternNode whole = TRY(parse_choice(0));
        if (at_ != text_.size()) return wrong("a ) without its (");
        const std::uint32_t done = TRY(add({Pattern::Step::done}));
        pattern_.first_ = TRY(emit(whole, done));
        return std::move(pattern_);
    }

private:
    static constexpr std::uint32_t kEndless = UINT32_MAX;
    static constexpr std::uint32_t kRepeatMax = 1000;  // as RE2
    using Kind = PatternNode::Kind;

    Error wrong(std::string_view what) const {
        return Error{Code::invalid, "pattern \"{}\": {} at character {}", text_.substr(0, 100), what, at_ + 1};
    }
    Error unknown(std::string_view what) const {
        return Error{Code::unsupported, "pattern \"{}\": {} is not known here", text_.substr(0, 100), what};
    }
    Error too_large() const {
        return Error{Code::limit, "pattern \"{}\": it takes more than {} steps", text_.substr(0, 100),
                     limits_.states_max};
    }
    bool more() const { return at_ < text_.size(); }
    bool take(char c) {
        if (!more() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    std::uint32_t add_set(Pattern::Set set) {
        if (any_case_) add_other_case(set);
        pattern_.sets_.push_back(std::move(set));
        return static_cast<std::uint32_t>(pattern_.sets_.size() - 1);
    }
    static void add_other_case(Pattern::Set& set) {
        for (std::size_t i = 0, count = set.ranges.size(); i < count; ++i) {
            const auto [from, to] = set.ranges[i];
            for (const auto& [low, shift] : {std::pair{U'a', -32}, std::pair{U'A', 32}}) {
                const char32_t begin = std::max(from, low), end = std::min(to, static_cast<char32_t>(low + 25));
                if (begin <= end)
                    set.ranges.emplace_back(static_cast<char32_t>(static_cast<std::int32_t>(begin) + shift),
                                            static_cast<char32_t>(static_cast<std::int32_t>(end) + shift));
            }
        }
    }

    Result<PatternNode> parse_choice(std::size_t depth) {
        if (depth > limits_.depth_max) return wrong("too many groups in one another");
        PatternNode choice{Kind::choice};
        do choice.parts.push_back(TRY(parse_row(depth)));
        while (take('|'));
        return choice;
    }

    Result<PatternNode> parse_row(std::size_t depth) {
        PatternNode row{Kind::row};
        while (more() && text_[at_] != '|' && text_[at_] != ')') {
            PatternNode atom = TRY(parse_atom(depth));
            row.parts.push_back(TRY(parse_repeats(std::move(atom))));
        }
        return row;
    }

    Result<PatternNode> parse_atom(std::size_t depth) {
        if (take('(')) return parse_group(depth);
        if (take('[')) return parse_class();
        if (take('.')) return PatternNode{Kind::set, add_set({{{U'\n', U'\n'}}, true})};
        if (take('^')) return PatternNode{Kind::begin};
        if (take('$')) return PatternNode{Kind::end};
        if (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '?') return wrong("nothing to repeat");
        Pattern::Set set;
        if (take('\\'))
            TRY(parse_escape(set));
        else
            add_character(set, next_character(text_, at_));
        return PatternNode{Kind::set, add_set(std::move(set))};
    }

    static void add_character(Pattern::Set& set, char32_t c) { set.ranges.emplace_back(c, c); }

    Result<PatternNode> parse_group(std::size_t depth) {
        std::optional<std::uint32_t> named;
        if (take('?')) {
            if (text_.substr(at_).starts_with("P<")) {
                named = TRY(parse_name());
            } else if (!take(':')) {
                return unknown("what begins with (?");
            }
        }
        PatternNode inside = TRY(parse_choice(depth + 1));
        if (!take(')')) return wrong("a ( without its )");
        if (!named) return inside;
        PatternNode group{Kind::group, *named};
        group.parts.push_back(std::move(inside));
        return group;
    }

    // "P<name>": the number of the group.
    Result<std::uint32_t> parse_name() {
        const std::size_t end = text_.find('>', at_);
        if (end == text_.npos) return wrong("a name without its >");
        std::string name{text_.substr(at_ + 2, end - at_ - 2)};
        const auto is_part = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        };
        if (name.empty() || !std::ranges::all_of(name, is_part)) return wrong("a name that is none");
        if (std::ranges::find(pattern_.groups_, name) != pattern_.groups_.end()) return wrong("a name that is taken");
        at_ = end + 1;
        pattern_.groups_.push_back(std::move(name));
        return static_cast<std::uint32_t>(pattern_.groups_.size() - 1);
    }

    // What follows a backslash.
    Result<void> parse_escape(Pattern::Set& set) {
        if (!more()) return wrong("a \\ at the end");
        const char c = text_[at_];
        static constexpr std::string_view kClasses = "dDwWsS";
        if (kClasses.find(c) != kClasses.npos) {
            ++at_;
            Pattern::Set named = named_set(c);
            if (c >= 'A' && c <= 'Z') named.ranges = outside(std::move(named.ranges));
            set.ranges.insert(set.ranges.end(), named.ranges.begin(), named.ranges.end());
            return {};
        }
        static constexpr std::string_view kNames = "tnrfv", kMeant = "\t\n\r\f\v";
        if (const std::size_t found = kNames.find(c); found != kNames.npos) {
            ++at_;
            add_character(set, static_cast<unsigned char>(kMeant[found]));
            return {};
        }
        if (c == 'x') return parse_hex(set);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            return unknown(fmt::format("\\{}", c));
        add_character(set, next_character(text_, at_));
        return {};
    }

    // x02, a character below 80: what lies above is no byte of its own in UTF-8.
    Result<void> parse_hex(Pattern::Set& set) {
        const auto digit = [this](std::size_t at) {
            const char c = at < text_.size() ? text_[at] : ' ';
            if (c >= '0' && c <= '9') return c - '0';
            const char low = static_cast<char>(c | 0x20);
            return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        };
        const int high = digit(at_ + 1), low = digit(at_ + 2);
        if (high < 0 || high > 7 || low < 0) return wrong("a \\x without two digits from 00 to 7F");
        at_ += 3;
        add_character(set, static_cast<char32_t>(high * 16 + low));
        return {};
    }

    static Pattern::Set named_set(char c) {
        if (c == 'd' || c == 'D') return {{{U'0', U'9'}}};
        if (c == 'w' || c == 'W') return {{{U'0', U'9'}, {U'A', U'Z'}, {U'_', U'_'}, {U'a', U'z'}}};
        return {{{U'\t', U'\n'}, {U'\f', U'\r'}, {U' ', U' '}}};
    }
    // What lies between ranges that are in order.
    static std::vector<Pattern::Range> outside(std::vector<Pattern::Range> ranges) {
        std::vector<Pattern::Range> others;
        char32_t from = 0;
        for (const auto& [begin, end] : ranges) {
            if (begin > from) others.emplace_back(from, begin - 1);
            from = end + 1;
        }
        others.emplace_back(from, 0x1100FF);
        return others;
    }

    Result<PatternNode> parse_class() {
        Pattern::Set set;
        set.negated = take('^');
        for (bool first = true; first || !more() || text_[at_] != ']'; first = false) {
            if (!more()) return wrong("a [ without its ]");
            if (text_.substr(at_).starts_with("[:")) return unknown("what begins with [:");
            if (take('\\')) {
                TRY(parse_escape(set));
            } else {
                add_character(set, next_character(text_, at_));
            }
            TRY(parse_range(set));
        }
        ++at_;
        return PatternNode{Kind::set, add_set(std::move(set))};
    }

    // "-z" behind the character that was added last.
    Result<void> parse_range(Pattern::Set& set) {
        if (at_ + 1 >= text_.size() || text_[at_] != '-' || text_[at_ + 1] == ']') return {};
        ++at_;
        Pattern::Set last;
        if (take('\\'))
            TRY(parse_escape(last));
        else
            add_character(last, next_character(text_, at_));
        Pattern::Range& range = set.ranges.back();
        if (last.ranges.size() != 1 || last.ranges[0].first != last.ranges[0].second || range.first != range.second ||
            range.first > last.ranges[0].first)
            return wrong("a range that is none");
        range.second = last.ranges[0].first;
        return {};
    }

    Result<PatternNode> parse_repeats(PatternNode atom) {
        while (more()) {
            std::uint32_t least = 0, most = kEndless;
            if (take('+'))
                least = 1;
            else if (take('?'))
                most = 1;
            else if (const auto counts = parse_counts())
                std::tie(least, most) = *counts;
            else if (!take('*'))
                break;
            if (least > most || (most != kEndless ? most : least) > kRepeatMax) return wrong("a count that is none");
            PatternNode repeat{Kind::repeat};
            repeat.is_lazy = take('?');  // the same when the whole must match
            repeat.least = least;
            repeat.most = most;
            repeat.parts.push_back(std::move(atom));
            atom = std::move(repeat);
        }
        return atom;
    }

    // {n}, {n,} or {n,m}; a brace that begins none of these is a character.
    std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_counts() {
        const std::size_t end = more() && text_[at_] == '{' ? text_.find('}', at_) : text_.npos;
        if (end == text_.npos) return std::nullopt;
        const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
        const std::size_t comma = inside.find(',');
        const auto least = number(inside.substr(0, comma));
        if (!least) return std::nullopt;
        std::uint32_t most = *least;
        if (comma != inside.npos && comma + 1 == inside.size()) {
            most = kEndless;
        } else if (comma != inside.npos) {
            const auto told = number(inside.substr(comma + 1));
            if (!told) return std::nullopt;
            most = *told;
        }
        at_ = end + 1;
        return std::pair{*least, most};
    }
    static std::optional<std::uint32_t> number(std::string_view text) {
        std::uint32_t number = 0;
        if (text.empty() || text.size() > 6) return std::nullopt;
        for (const char c : text) {
            if (c < '0' || c > '9') return std::nullopt;
            number = number * 10 + static_cast<std::uint32_t>(c - '0');
        }
        return number;
    }

    // ---- states, from the end to the beginning ----

    Result<std::uint32_t> add(Pattern::State state) {
        if (pattern_.states_.size() >= limits_.states_max) return too_large();
        pattern_.states_.push_back(state);
        return static_cast<std::uint32_t>(pattern_.states_.size() - 1);
    }

    // What leads through `node` to `next`. Repeating what is empty makes no states, but is counted all the same.
    Result<std::uint32_t> emit(const PatternNode& node, std::uint32_t next) {
        if (++emitted_ > 10 * limits_.states_max) return too_large();
        switch (node.kind) {
            case Kind::set:
                return add({Pattern::Step::take, node.set, next});
            case Kind::begin:
                return add({Pattern::Step::begin, 0, next});
            case Kind::end:
                return add({Pattern::Step::end, 0, next});
            case Kind::row:
                for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part) next = TRY(emit(*part, next));
                return next;
            case Kind::choice: {
                std::uint32_t first = TRY(emit(node.parts.back(), next));
                for (std::size_t i = node.parts.size() - 1; i-- > 0;) {
                    const std::uint32_t one = TRY(emit(node.parts[i], next));
                    first = TRY(add({Pattern::Step::fork, 0, one, first}));
                }
                return first;
            }
            case Kind::repeat:
                return emit_repeat(node, next);
            case Kind::group:
                next = TRY(add({Pattern::Step::mark, 2 * node.set + 1, next}));
                next = TRY(emit(node.parts[0], next));
                return add({Pattern::Step::mark, 2 * node.set, next});
        }
        return next;
    }

    // Into the repeated, or past it: what a search tries first.
    static Pattern::State fork(const PatternNode& repeat, std::uint32_t inside, std::uint32_t past) {
        if (repeat.is_lazy) std::swap(inside, past);
        return {Pattern::Step::fork, 0, inside, past};
    }

    Result<std::uint32_t> emit_repeat(const PatternNode& node, std::uint32_t next) {
        std::uint32_t first = next;
        if (node.most == kEndless) {
            first = TRY(add(fork(node, 0, next)));
            const std::uint32_t inside = TRY(emit(node.parts[0], first));
            pattern_.states_[first] = fork(node, inside, next);
        } else {
            for (std::uint32_t i = node.least; i < node.most; ++i) {
                const std::uint32_t inside = TRY(emit(node.parts[0], first));
                first = TRY(add(fork(node, inside, next)));
            }
        }
        for (std::uint32_t i = 0; i < node.least; ++i) first = TRY(emit(node.parts[0], first));
        return first;
    }

    const std::string_view text_;
    const PatternLimits limits_;
    std::size_t at_ = 0;
    bool any_case_ = false;
    std::size_t emitted_ = 0;
    Pattern pattern_;
};

Result<Pattern> Pattern::compile(std::string_view pattern, const PatternLimits& limits) {
    return PatternParser{pattern, limits}.compile();
}

bool Pattern::Set::contains(char32_t c) const {
    const bool inside = std::ranges::any_of(ranges, [c](Range range) { return c >= range.first && c <= range.second; });
    return inside != negated;
}

// All states that are reached from `state` without a character.
void Pattern::follow(std::uint32_t state, bool at_begin, bool at_end, std::vector<std::uint32_t>& reached,
                     std::vector<bool>& there) const {
    std::vector<std::uint32_t> open{state};
    while (!open.empty()) {
        const std::uint32_t one = open.back();
        open.pop_back();
        if (there[one]) continue;
        there[one] = true;
        const State& at = states_[one];
        if (at.step == Step::fork) {
            open.push_back(at.other);
            open.push_back(at.next);
        } else if (at.step == Step::mark || (at.step == Step::begin && at_begin) || (at.step == Step::end && at_end)) {
            open.push_back(at.next);
        } else if (at.step == Step::take || at.step == Step::done) {
            reached.push_back(one);
        }
    }
}

bool Pattern::matches(std::string_view text) const {
    std::vector<std::uint32_t> now, then;
    std::vector<bool> there(states_.size());
    follow(first_, true, text.empty(), now, there);
    for (std::size_t at = 0; at < text.size() && !now.empty();) {
        const char32_t c = next_character(text, at);
        then.clear();
        there.assign(states_.size(), false);
        for (const std::uint32_t one : now) {
            const State& state = states_[one];
            if (state.step == Step::take && sets_[state.set].contains(c))
                follow(state.next, false, at == text.size(), then, there);
        }
        std::swap(now, then);
    }
    return std::ranges::any_of(now, [this](std::uint32_t one) { return states_[one].step == Step::done; });
}

// One search: goes one way after another, as a person would, but never twice through the same state at the same place,
// which is what keeps it from taking longer than states × characters.
struct Pattern::Search {
    struct Job {
        std::uint32_t state, at;  // or, with state = kRestore, the mark `at` is put back to `before`
        std::uint32_t before = 0;
    };
    static constexpr std::uint32_t kRestore = UINT32_MAX, kUnset = UINT32_MAX;

    const Pattern& pattern;
    const std::string_view text;
    std::vector<bool> been;
    std::vector<std::uint32_t> marks;
    std::vector<Job> jobs;

    Search(const Pattern& pattern_, std::string_view text_)
        : pattern(pattern_),
          text(text_),
          been(pattern_.states_.size() * (text_.size() + 1)),
          marks(2 * pattern_.groups_.size(), kUnset) {}

    // Whether the pattern fits from `begin` on; `marks` are set then.
    bool run(std::uint32_t begin) {
        jobs.assign(1, {pattern.first_, begin});
        while (!jobs.empty()) {
            const Job job = jobs.back();
            jobs.pop_back();
            if (job.state == kRestore)
                marks[job.at] = job.before;
            else if (follow(job.state, job.at))
                return true;
        }
        return false;
    }

    // One way, up to its end; the others are left in `jobs`.
    bool follow(std::uint32_t one, std::uint32_t at) {
        while (true) {
            const std::size_t here = one * (text.size() + 1) + at;
            if (been[here]) return false;
            been[here] = true;
            const State& state = pattern.states_[one];
            switch (state.step) {
                case Step::done:
                    return true;
                case Step::take: {
                    if (at == text.size()) return false;
                    std::size_t next = at;
                    if (!pattern.sets_[state.set].contains(next_character(text, next))) return false;
                    at = static_cast<std::uint32_t>(next);
                    break;
                }
                case Step::fork:
                    jobs.push_back({state.other, at});
                    break;
                case Step::begin:
                    if (at != 0) return false;
                    break;
                case Step::end:
                    if (at != text.size()) return false;
                    break;
                case Step::mark:
                    jobs.push_back({kRestore, state.set, marks[state.set]});
                    marks[state.set] = at;
                    break;
            }
            one = state.next;
        }
    }
};

Result<std::optional<Pattern::Found>> Pattern::find(std::string_view text) const {
    if (text.size() > kFindBytesMax)
        return Error{Code::limit, "a pattern is looked for in {} bytes, at most {} are searched", text.size(),
                     kFindBytesMax};
    Search search{*this, text};
    for (std::size_t begin = 0; begin <= text.size();) {
        if (search.run(static_cast<std::uint32_t>(begin))) {
            Found found(groups_.size());
            for (std::size_t i = 0; i < found.size(); ++i) {
                const std::uint32_t from = search.marks[2 * i], to = search.marks[2 * i + 1];
                if (from != Search::kUnset && to != Search::kUnset) found[i] = text.substr(from, to - from);
            }
            return std::optional{std::move(found)};
        }
        if (begin == text.size()) break;
        (void)next_character(text, begin);
    }
    return std::optional<Found>{};
}

}  // namespace gongshu::wire
