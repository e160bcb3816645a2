#include "wire/json_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "wire/mqtt.h"

namespace gongshu::wire {
namespace {

using Step = JsonPath::Step;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// What a member may be called without quotes.
bool is_plain(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '@' ||
           c == ':' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

// Reads one path from the begin of `text`.
class PathReader {
public:
    explicit PathReader(std::string_view text) : text_(text) {}

    // Stops behind the path, which may be followed by anything that is none of a path.
    Result<JsonPath> read() {
        if (peek() != '$') return fault("expected $, the whole message");
        ++at_;
        JsonPath path;
        while (at_ < text_.size() && (peek() == '.' || peek() == '[')) {
            if (!path.steps.empty() && path.steps.back().kind == Step::Kind::leaves)
                return fault(".** takes all beneath, so that nothing may follow it");
            if (path.steps.size() >= kJsonPathStepsMax)
                return fault(fmt::format("more than {} steps", kJsonPathStepsMax));
            path.steps.push_back(TRY(peek() == '.' ? read_dot() : read_bracket()));
        }
        path.text = text_.substr(0, at_);
        return path;
    }
    std::size_t at() const { return at_; }

    Error fault(std::string_view what) const {
        return Error{Code::invalid, "column {}: {}, found {}", at_ + 1, what,
                     at_ < text_.size() ? fmt::format("\"{}\"", text_.substr(at_, 20)) : "the end"};
    }

private:
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    Result<Step> read_dot() {
        ++at_;
        if (text_.substr(at_).starts_with("**")) {
            at_ += 2;
            return Step{Step::Kind::leaves, "", 0};
        }
        if (peek() == '*') {
            ++at_;
            return Step{Step::Kind::members, "", 0};
        }
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
        if (at_ == begin) return fault("expected the name of a member after the dot, * or **");
        return Step{Step::Kind::member, std::string(text_.substr(begin, at_ - begin)), 0};
    }

    Result<Step> read_bracket() {
        ++at_;
        Step step;
        if (peek() == '*') {
            step.kind = Step::Kind::elements;
            ++at_;
        } else if (is_digit(peek())) {
            step.kind = Step::Kind::element;
            const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), step.index);
            if (error != std::errc{} || step.index > 1'000'000) return fault("expected at most 1000000");
            at_ = static_cast<std::size_t>(end - text_.data());
        } else if (peek() == '\'' || peek() == '"') {
            const char quote = text_[at_];
            const std::size_t end = text_.find(quote, at_ + 1);
            if (end == std::string_view::npos) return fault("the quote is not closed");
            step.name = text_.substr(at_ + 1, end - at_ - 1);
            if (step.name.empty()) return fault("expected a name between the quotes");
            at_ = end + 1;
        } else {
            return fault("expected a number, * or a name in quotes after [");
        }
        if (peek() != ']') return fault("expected ]");
        ++at_;
        return step;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
};

std::size_t skip_blanks(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    return at;
}

// Tests joined by "and".
class TestReader {
public:
    explicit TestReader(std::string_view text) : text_(text) {}

    Result<std::vector<JsonTest>> read() {
        std::vector<JsonTest> tests;
        while (true) {
            tests.push_back(TRY(read_one()));
            at_ = skip_blanks(text_, at_);
            if (at_ == text_.size()) return tests;
            if (!text_.substr(at_).starts_with("and ")) return fault("expected \"and\", == != < <= > >= or the end");
            if (tests.size() >= kTestsMax) return fault(fmt::format("more than {} tests", kTestsMax));
            at_ += 4;
        }
    }

private:
    static constexpr std::size_t kTestsMax = 16;

    Error fault(std::string_view what) const {
        return Error{Code::invalid, "column {}: {}, found {}", at_ + 1, what,
                     at_ < text_.size() ? fmt::format("\"{}\"", text_.substr(at_, 20)) : "the end"};
    }

    Result<JsonTest> read_one() {
        at_ = skip_blanks(text_, at_);
        PathReader path{text_.substr(at_)};
        auto read = path.read();
        if (!read) {
            at_ += path.at();
            return fault("expected a place such as $.type");
        }
        if (read->wildcards() > 0) return fault("expected a place without wildcards");
        at_ = skip_blanks(text_, at_ + path.at());
        JsonTest test{.path = std::move(*read)};
        using Op = JsonTest::Op;
        static constexpr std::pair<std::string_view, Op> kOps[] = {{"==", Op::equal},      {"!=", Op::not_equal},
                                                                   {"<=", Op::less_equal}, {">=", Op::greater_equal},
                                                                   {"<", Op::less},        {">", Op::greater}};
        for (const auto& [word, op] : kOps) {
            if (!text_.substr(at_).starts_with(word)) continue;
            test.op = op;
            at_ = skip_blanks(text_, at_ + word.size());
            TRY(read_literal(test));
            break;
        }
        return test;
    }

    Result<void> read_literal(JsonTest& test) {
        const std::string_view rest = text_.substr(at_);
        if (rest.starts_with('"') || rest.starts_with('\'')) {
            const std::size_t end = rest.find(rest[0], 1);
            if (end == std::string_view::npos) return fault("the quote is not closed");
            test.value = std::string(rest.substr(1, end - 1));
            at_ += end + 1;
            return {};
        }
        const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
        const std::string_view word = rest.substr(0, end);
        double number = 0;
        const auto [read, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        if (word == "true" || word == "false") {
            test.value = word == "true";
        } else if (word == "null") {
            test.is_null = true;
        } else if (!word.empty() && error == std::errc{} && read == word.data() + word.size()) {
            test.value = number;
        } else {
            return fault("expected a number, true, false, null or a text in quotes");
        }
        at_ += end;
        return {};
    }

    const std::string_view text_;
    std::size_t at_ = 0;
};

bool is_name(std::string_view name) {
    return !name.empty() && !is_digit(name[0]) && std::ranges::all_of(name, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    });
}

// {key}, {key1}, …: which wildcard; nullopt if it is none of these.
std::optional<std::size_t> key_number(std::string_view name, std::size_t wildcards) {
    if (!name.starts_with("key")) return std::nullopt;
    if (name == "key") return wildcards == 0 ? 0 : wildcards - 1;
    const std::string_view digits = name.substr(3);
    if (digits.size() != 1 || digits[0] < '1' || digits[0] > '9') return std::nullopt;
    return static_cast<std::size_t>(digits[0] - '1');
}

bool is_reserved(std::string_view name) { return name == "device" || key_number(name, 0).has_value(); }

Result<TopicPattern::Level> read_level(std::string_view level, TopicPattern& pattern) {
    using Kind = TopicPattern::Level::Kind;
    if (level == "+") return TopicPattern::Level{Kind::any, ""};
    if (level == "#") return TopicPattern::Level{Kind::rest, ""};
    if (level.find_first_of("{}") == std::string_view::npos)
        return TopicPattern::Level{Kind::literal, std::string(level)};
    if (level.size() < 3 || level.front() != '{' || level.back() != '}')
        return Error{Code::invalid, "level \"{}\": a name in braces stands for a whole level, as in a/{{line}}/b",
                     level};
    const std::string name{level.substr(1, level.size() - 2)};
    if (!is_name(name))
        return Error{Code::invalid, "level \"{}\": a name is letters, digits and _, and begins with no digit", level};
    if (is_reserved(name))
        return Error{Code::invalid, "level \"{}\": {{{}}} has a meaning of its own in tags; choose another name", level,
                     name};
    if (std::ranges::find(pattern.names, name) != pattern.names.end())
        return Error{Code::invalid, "level \"{}\": the name is there already", level};
    pattern.names.push_back(name);
    return TopicPattern::Level{Kind::any, name};
}

Result<TagTemplate::Part> read_part(std::string_view name, const std::vector<std::string>& captures,
                                    std::size_t wildcards) {
    using Kind = TagTemplate::Part::Kind;
    TagTemplate::Part part;
    part.text = name;
    if (name.starts_with('$')) {
        part.kind = Kind::path;
        part.path = TRY(parse_json_path(name).context("{{{}}}", name));
        return part;
    }
    if (const auto capture = std::ranges::find(captures, name); capture != captures.end()) {
        part.kind = Kind::capture;
        part.index = static_cast<std::size_t>(capture - captures.begin());
        return part;
    }
    if (name == "device") {
        part.kind = Kind::device;
        return part;
    }
    if (const auto key = key_number(name, wildcards)) {
        if (*key >= wildcards)
            return Error{Code::invalid,
                         "{{{}}}: the path of the value has {} wildcards; end it with .* or .** or use [*]", name,
                         wildcards};
        part.kind = Kind::key;
        part.index = *key;
        return part;
    }
    return Error{Code::invalid, "{{{}}}: not known; expected {}{{key}}, {{device}} or a place such as {{$.dev}}", name,
                 captures.empty() ? "" : fmt::format("{{{}}}, ", fmt::join(captures, "}, {"))};
}

}  // namespace

std::size_t JsonPath::wildcards() const {
    return static_cast<std::size_t>(std::ranges::count_if(steps, [](const Step& step) { return step.is_wildcard(); }));
}

std::size_t JsonPath::shared_steps() const {
    std::size_t shared = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].is_wildcard()) shared = i + 1;
    }
    return shared;
}

Result<JsonPath> parse_json_path(std::string_view text) {
    if (text.size() > kJsonPathBytesMax)
        return Error{Code::invalid, "has {} bytes, at most {} are taken", text.size(), kJsonPathBytesMax};
    PathReader reader{text};
    JsonPath path = TRY(reader.read());
    if (reader.at() < text.size()) return reader.fault("expected . or [ or the end");
    return path;
}

Result<std::vector<JsonTest>> parse_json_tests(std::string_view text) {
    if (text.size() > kJsonPathBytesMax)
        return Error{Code::invalid, "has {} bytes, at most {} are taken", text.size(), kJsonPathBytesMax};
    return TestReader{text}.read();
}

bool TopicPattern::matches(std::string_view topic, std::vector<std::string_view>& captures) const {
    captures.clear();
    if (topic.starts_with('$') && levels.front().kind != Level::Kind::literal) return false;
    bool more = true;
    for (const Level& level : levels) {
        if (level.kind == Level::Kind::rest) return true;  // "a/#" is "a" as well [4.7.1]
        if (!more) return false;
        const std::size_t slash = topic.find('/');
        const std::string_view found = topic.substr(0, slash);
        more = slash != std::string_view::npos;
        topic = more ? topic.substr(slash + 1) : std::string_view{};
        if (level.kind == Level::Kind::literal ? found != level.text : false) return false;
        if (level.kind == Level::Kind::any && !level.text.empty()) captures.push_back(found);
    }
    return !more;
}

std::size_t TopicPattern::precision() const {
    // Levels from the left weigh more, as in reading an address.
    std::size_t value = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        const bool there = i < levels.size();
        const std::size_t weight = !there || levels[i].kind == Level::Kind::rest ? 0
                                   : levels[i].kind == Level::Kind::literal      ? 2
                                                                                 : 1;
        value = value * 3 + weight;
    }
    return value;
}

Result<TopicPattern> parse_topic_pattern(std::string_view text) {
    TopicPattern pattern;
    pattern.text = text;
    std::string_view rest = text;
    for (bool more = true; more;) {
        const std::size_t slash = rest.find('/');
        const std::string_view level = rest.substr(0, slash);
        more = slash != std::string_view::npos;
        rest = more ? rest.substr(slash + 1) : std::string_view{};
        pattern.levels.push_back(TRY(read_level(level, pattern)));
        const bool any = pattern.levels.back().kind == TopicPattern::Level::Kind::any;
        pattern.filter.append(any ? "+" : level).append(more ? "/" : "");
    }
    if (pattern.levels.size() > 64) return Error{Code::invalid, "has more than 64 levels"};
    if (pattern.filter.starts_with("$") || !mqtt::valid_filter(pattern.filter))
        return Error{Code::invalid,
                     "\"{}\" is no topic filter: + # and {{name}} stand for whole levels, # only at the end, "
                     "and it may not begin with $",
                     text};
    return pattern;
}

Result<TagTemplate> parse_tag_template(std::string_view text, const std::vector<std::string>& captures,
                                       std::size_t wildcards) {
    TagTemplate made;
    while (!text.empty()) {
        const std::size_t brace = text.find_first_of("{}");
        if (brace != 0)
            made.parts.push_back({TagTemplate::Part::Kind::text, std::string(text.substr(0, brace)), 0, {}});
        if (brace == std::string_view::npos) break;
        const std::size_t end = text.find('}', brace + 1);
        if (text[brace] == '}' || end == std::string_view::npos)
            return Error{Code::invalid, "\"{}\": a brace without its other one", text.substr(brace, 40)};
        made.parts.push_back(TRY(read_part(text.substr(brace + 1, end - brace - 1), captures, wildcards)));
        text.remove_prefix(end + 1);
    }
    if (made.parts.empty()) return Error{Code::invalid, "expected the path of a tag, found nothing"};
    return made;
}

}  // namespace gongshu::wire
