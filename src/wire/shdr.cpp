#include "wire/shdr.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/time_text.h"
#include "base/utf8.h"
#include "wire/json_door.h"
#include "wire/json_map.h"

namespace gongshu::wire::shdr {

namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr std::string_view kMultiline = "--multiline--";
constexpr std::size_t kShownMax = 60;  // of what is wrong, in a text for people

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string in_capitals(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), upper);
    return out;
}

std::string_view shown(std::string_view text) { return cut_utf8(text, kShownMax); }

std::optional<double> number_of(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
    return number;
}

// ---- fields ----

// The value of a field that begins with a quote, and how much of `text` it takes; nullopt when the quote does not end
// before a bar: then it is part of the value.
std::optional<std::pair<std::string, std::size_t>> quoted(std::string_view text) {
    std::string value;
    for (std::size_t i = 1; i < text.size() && text[i] != '|'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            value += text[++i];
        } else if (text[i] != '"') {
            value += text[i];
        } else {
            const std::size_t next = std::min(text.find_first_not_of(kSpace, i + 1), text.size());
            if (next < text.size() && text[next] != '|') return std::nullopt;
            return std::pair(std::move(value), next);
        }
    }
    return std::nullopt;
}

// One field off the beginning of `rest`, and the bar behind it; false after the last one.
bool take_field(std::string_view& rest, std::string& field) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
    std::size_t taken = std::min(rest.find('|'), rest.size());
    auto in_quotes = rest.starts_with('"') ? quoted(rest) : std::nullopt;
    if (in_quotes) taken = in_quotes->second;
    field = in_quotes ? std::move(in_quotes->first) : std::string(trimmed(rest.substr(0, taken)));
    const bool more = taken < rest.size();
    rest.remove_prefix(more ? taken + 1 : taken);
    return more;
}

// ---- the time ----

// "2009-06-15T00:00:00.000000" is UTC, as the protocol says; with a zone it is what it says.
Result<TimeNs> time_of(std::string_view text) {
    if (const auto local = parse_local_stamp(text)) return local->seconds * kSecond + local->ns;
    auto time = parse_rfc3339(text);
    if (time) return *time;
    return Error{Code::malformed,
                 "\"{}\" is no time: a line begins with one such as 2026-11-23T08:00:00Z, or with a bar", shown(text)};
}

Result<void> set_time(Line& line, std::string_view text) {
    const std::size_t at = text.find('@');
    if (at != text.npos) {
        line.duration_s = number_of(trimmed(text.substr(at + 1)));
        if (!line.duration_s || *line.duration_s < 0)
            return Error{Code::malformed, "\"{}\" is no duration in seconds", shown(text.substr(at + 1))};
        text = trimmed(text.substr(0, at));
    }
    if (text.empty() || number_of(text)) return {};  // an adapter's own count of ms means nothing here
    line.time = TRY(time_of(text));
    return {};
}

// ---- commands ----

Line command_of(std::string_view text) {
    Line line;
    line.kind = Line::Kind::command;
    text = trimmed(text);
    const std::string_view word = text.substr(0, text.find(' '));
    const bool is_beat = word == "PING" || word == "PONG";
    const std::size_t mark = std::min(text.find(is_beat ? ' ' : ':'), text.size());
    line.name = trimmed(text.substr(0, mark));
    if (!is_beat) std::ranges::transform(line.name, line.name.begin(), lower);
    line.value = trimmed(text.substr(std::min(mark + 1, text.size())));
    return line;
}

// What is not what a text can hold is somebody else's protocol, or another one's character set.
Result<void> check_text(std::string_view line) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; };
    if (std::ranges::any_of(line, is_control))
        return Error{Code::malformed, "there are control characters in it: is this an adapter that speaks SHDR?"};
    if (find_broken_utf8(line) != line.npos)
        return Error{Code::malformed, "it is not UTF-8: choose UTF-8 in the adapter, or texts of ASCII"};
    return {};
}

}  // namespace

// ---- lines ----

Result<Line> parse_line(std::string_view text) {
    text = trimmed(text);
    TRY(check_text(text));
    if (text.starts_with('*')) return command_of(text.substr(1));
    Line line;
    std::string field;
    bool more = take_field(text, field);
    TRY(set_time(line, field));
    if (!more) return Error{Code::malformed, "there is neither key nor value in it"};
    while (more) {
        more = take_field(text, field);
        if (line.fields.size() >= kFieldsMax)
            return Error{Code::limit, "it has more than {} keys and values", kFieldsMax};
        line.fields.push_back(std::move(field));
    }
    if (line.fields[0].starts_with('@')) line.kind = Line::Kind::asset;
    if (line.fields[0].empty()) return Error{Code::malformed, "its first key is empty"};
    if (line.fields.size() < 2) return Error{Code::malformed, "key \"{}\" has no value", shown(line.fields[0])};
    return line;
}

namespace {

void write_field(std::string& out, const std::string& field) {
    out += '|';
    const bool is_plain = field.find_first_of("|\"") == field.npos && trimmed(field) == field;
    if (is_plain) {
        out += field;
        return;
    }
    out += '"';
    for (const char c : field) {
        if (c == '|' || c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

}  // namespace

std::string write_line(const Line& line) {
    if (line.kind == Line::Kind::command) {
        const bool is_beat = line.name == "PING" || line.name == "PONG";
        std::string out = "* " + line.name + (is_beat ? "" : ":");
        if (!line.value.empty()) out += " " + line.value;
        return out;
    }
    std::string out = line.time == 0 ? "" : format_time(line.time);
    if (line.duration_s) out += fmt::format("@{}", *line.duration_s);
    for (const std::string& field : line.fields) write_field(out, field);
    return out;
}

Key split_key(std::string_view key) {
    const std::size_t mark = key.find(':');
    if (mark == key.npos) return {"", key};
    return {key.substr(0, mark), key.substr(mark + 1)};
}

std::optional<DurationNs> heartbeat_of(const Line& command) {
    if (command.kind != Line::Kind::command || command.name != "PONG") return std::nullopt;
    const auto ms = number_of(command.value);
    if (!ms || *ms < kHeartbeatMin / kMillisecond || *ms > kHeartbeatMax / kMillisecond) return std::nullopt;
    return static_cast<DurationNs>(*ms * kMillisecond);
}

// ---- values ----

bool is_unavailable(std::string_view field) {
    return std::ranges::equal(field, std::string_view("UNAVAILABLE"), {}, upper);
}

bool is_level(std::string_view field) {
    const std::string word = in_capitals(field.substr(0, 20));
    return word == "NORMAL" || word == "WARNING" || word == "FAULT" || word == "UNAVAILABLE";
}

Result<double> parse_number(std::string_view field) {
    const auto number = number_of(trimmed(field.substr(0, field.find(':'))));
    if (!number) return Error{Code::malformed, "\"{}\" is no number", shown(field)};
    return *number;
}

Result<std::int64_t> parse_integer(std::string_view field) {
    std::string_view digits = trimmed(field.substr(0, field.find(':')));
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::int64_t whole = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
    if (failed == std::errc{} && end == digits.data() + digits.size()) return whole;
    const double number = TRY(parse_number(field));
    const auto exact = convert_exactly(Value{number}, ValueType::integer);
    if (!exact) return Error{Code::malformed, "\"{}\" is no whole number", shown(field)};
    return std::get<std::int64_t>(*exact);
}

Result<std::vector<double>> parse_numbers(std::string_view field) {
    std::vector<double> numbers;
    for (std::string_view rest = trimmed(field); !rest.empty();) {
        const std::size_t end = std::min(rest.find_first_of(kSpace), rest.size());
        if (numbers.size() >= kSamplesMax) return Error{Code::limit, "it has more than {} values", kSamplesMax};
        numbers.push_back(TRY(parse_number(rest.substr(0, end))));
        rest = trimmed(rest.substr(end));
    }
    return numbers;
}

std::string_view to_string(RunState state) {
    constexpr std::array<std::string_view, 4> kWords{"run", "idle", "alarm", "off"};
    return kWords[static_cast<std::size_t>(state)];
}

std::optional<RunWord> run_word(std::string_view word) {
    constexpr std::array<std::string_view, 9> kIdle{
        "READY",           "STOPPED",           "INTERRUPTED",           "FEED_HOLD", "OPTIONAL_STOP",
        "PROGRAM_STOPPED", "PROGRAM_COMPLETED", "PROGRAM_OPTIONAL_STOP", "WAIT"};
    constexpr std::array<std::string_view, 4> kEnd{"NORMAL", "WARNING", "ARMED", "AVAILABLE"};
    const std::string said = in_capitals(word.substr(0, kShownMax));
    if (said == "ACTIVE") return RunWord{RunState::run};
    if (said == "FAULT" || said == "TRIGGERED") return RunWord{RunState::alarm};
    if (said == "UNAVAILABLE") return RunWord{RunState::off};
    if (std::ranges::find(kIdle, said) != kIdle.end()) return RunWord{RunState::idle};
    if (std::ranges::find(kEnd, said) != kEnd.end())
        return RunWord{RunState::idle, true, said == "WARNING", said == "AVAILABLE"};
    return std::nullopt;
}

bool is_condition_level(std::string_view field) { return is_level(field) && !is_unavailable(field); }

bool looks_like_condition(std::span<const std::string> after_key) {
    if (after_key.size() < 5 || !is_level(after_key[0])) return false;
    return after_key[1].empty() || (after_key.size() == 5 && !is_unavailable(after_key[0]));
}

// ---- what is taken of a key ----

namespace {

struct Taking {
    std::string_view word;
    std::size_t fields;
    bool is_number, is_text;
};
constexpr std::array<Taking, 13> kTakings{{{"", 1, true, true},
                                           {"run_state", 1, false, true},
                                           {"level", 5, false, true},
                                           {"code", 5, false, true},
                                           {"severity", 5, false, true},
                                           {"qualifier", 5, false, true},
                                           {"text", 5, false, true},
                                           {"message", 2, false, true},
                                           {"message_code", 2, false, true},
                                           {"series", 3, true, false},
                                           {"x", 1, true, false},
                                           {"y", 1, true, false},
                                           {"z", 1, true, false}}};

const Taking& taking(As as) { return kTakings[static_cast<std::size_t>(as)]; }

}  // namespace

Result<As> parse_as(std::string_view text) {
    const auto found = std::ranges::find(kTakings, text, &Taking::word);
    if (found != kTakings.end()) return static_cast<As>(found - kTakings.begin());
    return Error{Code::invalid,
                 "expected nothing (the value itself), run_state, level, code, severity, qualifier, text, message, "
                 "message_code, series, x, y or z, found \"{}\"",
                 shown(text)};
}

std::string_view to_string(As as) { return taking(as).word; }
std::size_t fields_of(As as) { return taking(as).fields; }

bool holds(ValueType type, As as) {
    if (type == ValueType::text) return taking(as).is_text;
    return type == ValueType::boolean ? as == As::value : taking(as).is_number;
}

Result<std::vector<std::string>> parse_keys(std::string_view at, As as) {
    std::vector<std::string> keys;
    for (bool more = true; more;) {
        const std::size_t end = as == As::run_state ? at.find(',') : at.npos;
        const std::string_view key = trimmed(at.substr(0, end));
        more = end != at.npos;
        if (more) at.remove_prefix(end + 1);
        const bool fine = !key.empty() && !key.starts_with('@') && key.find_first_of("|\"\r\n") == key.npos;
        if (!fine)
            return Error{Code::invalid,
                         "expected a key of the adapter such as execution or cnc1:execution, found \"{}\"", shown(key)};
        keys.emplace_back(key);
    }
    if (keys.size() > kKeysMax)
        return Error{Code::invalid, "expected at most {} keys, found {}", kKeysMax, keys.size()};
    return keys;
}

// ---- bytes ----

void Cutter::fault(std::string why) {
    ++broken_;
    last_fault_ = std::move(why);
}

void Cutter::add(std::string_view piece) {
    if (is_overlong_) return;
    buffer_ += piece.substr(0, kLineBytesMax + 1 - buffer_.size());
    if (buffer_.size() <= kLineBytesMax) return;
    is_overlong_ = true;
    buffer_.clear();
    if (asset_end_.empty()) fault(fmt::format("a line of more than {} bytes", kLineBytesMax));
}

// Ends the asset by its last line, or when it is longer than one can be.
bool Cutter::is_in_asset(std::string_view line) {
    if (asset_end_.empty()) return false;
    if (line == asset_end_) {
        asset_end_.clear();
    } else if (asset_bytes_ > kAssetBytesMax) {
        fault(fmt::format("an asset of more than {} bytes, or its last line is missing: {}", kAssetBytesMax,
                          shown(asset_end_)));
        asset_end_.clear();
    }
    return true;
}

void Cutter::end_line(const OnLine& on_line) {
    const std::string line = std::string(trimmed(buffer_));
    buffer_.clear();
    const bool was_overlong = std::exchange(is_overlong_, false);
    if (is_in_asset(was_overlong ? std::string_view() : line) || was_overlong || line.empty()) return;
    const std::size_t mark = line.starts_with('*') ? line.npos : line.find(kMultiline);
    if (mark != line.npos) {
        asset_end_ = line.substr(mark);
        asset_bytes_ = 0;
    }
    on_line(line);
}

void Cutter::feed(Bytes received, const OnLine& on_line) {
    std::string_view rest = as_text(received);
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::size_t taken = std::min(end, rest.size());
        if (!asset_end_.empty()) asset_bytes_ += std::min(taken + 1, rest.size());
        add(rest.substr(0, taken));
        if (end == rest.npos) return;
        end_line(on_line);
        rest.remove_prefix(end + 1);
    }
}

}  // namespace gongshu::wire::shdr
