#include "wire/line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "wire/line_forms.h"

namespace gongshu::wire {

namespace {

// What a byte may mean, as bits, so that one look at a table tells whether a name goes on.
enum Meaning : std::uint8_t { kBreak = 1, kBackslash = 2, kComma = 4, kEquals = 8, kSpace = 16 };
constexpr std::uint8_t kNameEnds = kComma | kEquals | kSpace;
constexpr std::uint8_t kMeasurementEnds = kComma | kSpace;

constexpr std::array<std::uint8_t, 256> kMeanings = [] {
    std::array<std::uint8_t, 256> meanings{};
    meanings['\n'] = meanings['\r'] = kBreak;
    meanings['\\'] = kBackslash;
    meanings[','] = kComma;
    meanings['='] = kEquals;
    meanings[' '] = kSpace;
    return meanings;
}();

bool means(char c, std::uint8_t what) { return (kMeanings[static_cast<unsigned char>(c)] & what) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

// Where the parser stands in the text. A parse function that fails has put place and sentence into `error_at` and
// `error`, and returns false.
struct LineParser::Cursor {
    const char* at;
    const char* end;  // of what this line may use
    const char* line_begin;
    bool holds_break = false;  // within a text
    const char* error_at = nullptr;
    std::string error;

    bool ends() const { return at == end || *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n')); }
    bool fail(const char* where, std::string text) {
        error_at = where;
        error = std::move(text);
        return false;
    }
    // What stands here, for a message.
    std::string found() const {
        if (ends()) return "the end of the line";
        const auto c = static_cast<unsigned char>(*at);
        return c > ' ' && c < 0x7F ? fmt::format("'{}'", *at)
               : c == ' '          ? std::string{"a space"}
                                   : fmt::format("byte 0x{:02x}", c);
    }
};

namespace {

bool has(std::string_view stops, char c) { return stops.find(c) != std::string_view::npos; }

constexpr std::string_view kTrue[] = {"t", "T", "true", "True", "TRUE"};
constexpr std::string_view kFalse[] = {"f", "F", "false", "False", "FALSE"};

// After a bad line: the end of it. Only a quote after '=' opens a text, and only if it is closed again; a line break
// inside of such a text belongs to the line.
const char* end_of_bad_line(const char* at, const char* line_begin, const char* end) {
    const char* const plain = std::find(at, end, '\n');
    bool in_text = false;
    for (; at != end; ++at) {
        if (in_text && *at == '\\' && at + 1 != end)
            ++at;
        else if (*at == '"' && (in_text || (at != line_begin && at[-1] == '=')))
            in_text = !in_text;
        else if (*at == '\n' && !in_text)
            return at;
    }
    return in_text ? plain : end;
}

bool is_ascii(std::string_view text) {
    std::uint64_t all = 0, word = 0;
    std::size_t at = 0;
    for (; at + sizeof word <= text.size(); at += sizeof word) {
        std::memcpy(&word, text.data() + at, sizeof word);
        all |= word;
    }
    for (; at < text.size(); ++at) all |= static_cast<unsigned char>(text[at]);
    return (all & 0x8080808080808080) == 0;
}

void append_encoded(std::string& out, std::string_view text, std::string_view encode) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || has(encode, c))
            out.append(fmt::format("%{:02X}", byte));
        else
            out.push_back(c);
    }
}

constexpr std::string_view kIdentityEncoded = "%,=";
constexpr std::string_view kPathEncoded = "%/.*?";

}  // namespace

std::optional<std::int64_t> line_precision(std::string_view name) {
    struct Unit {
        std::string_view name;
        std::int64_t ns;
    };
    static constexpr Unit kUnits[] = {{"ns", 1},
                                      {"n", 1},
                                      {"us", 1'000},
                                      {"u", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}};
    for (const Unit& unit : kUnits) {
        if (unit.name == name) return unit.ns;
    }
    return std::nullopt;
}

// A measurement, key or value up to one of `ends`, a space, a comma or the end of the line; `\` before one of these
// means the character itself, elsewhere it is a character like others.
std::string_view LineParser::parse_name(Cursor& cursor, std::uint8_t ends) {
    const char* const begin = cursor.at;
    const char* at = begin;
    while (at != cursor.end && !means(*at, ends | kBreak | kBackslash)) ++at;
    cursor.at = at;
    if (at == cursor.end || !means(*at, kBackslash | kBreak) || *at == '\n')
        return {begin, static_cast<std::size_t>(at - begin)};
    return parse_escaped_name(cursor, begin, ends);
}

// The same of one that holds a backslash, or a CR that ends no line, at `cursor`.
std::string_view LineParser::parse_escaped_name(Cursor& cursor, const char* begin, std::uint8_t ends) {
    const std::size_t from = unescaped_.size();
    unescaped_.append(begin, cursor.at);
    while (!cursor.ends() && !means(*cursor.at, ends)) {
        if (*cursor.at == '\\' && cursor.at + 1 != cursor.end && means(cursor.at[1], ends)) ++cursor.at;
        unescaped_.push_back(*cursor.at++);
    }
    return std::string_view{unescaped_}.substr(from);
}

bool LineParser::sort_labels(Cursor& cursor) {
    auto& labels = point_.labels;
    if (!std::is_sorted(labels.begin(), labels.end())) std::sort(labels.begin(), labels.end());
    for (std::size_t i = 1; i < labels.size(); ++i) {
        if (labels[i - 1].first == labels[i].first) {
            return cursor.fail(cursor.line_begin, fmt::format("the tag \"{}\" is there twice", labels[i].first));
        }
    }
    return true;
}

bool LineParser::parse_series(Cursor& cursor) {
    const char* const begin = cursor.at;
    point_.measurement = parse_name(cursor, kMeasurementEnds);
    if (point_.measurement.empty())
        return cursor.fail(begin, fmt::format("expected a measurement, found {}", cursor.found()));
    while (!cursor.ends() && *cursor.at == ',') {
        const char* const key_begin = ++cursor.at;
        const std::string_view key = parse_name(cursor, kNameEnds);
        if (key.empty())
            return cursor.fail(key_begin, fmt::format("expected the key of a tag, found {}", cursor.found()));
        if (cursor.ends() || *cursor.at != '=') {
            return cursor.fail(cursor.at,
                               fmt::format("expected '=' after the tag's key \"{}\", found {}", key, cursor.found()));
        }
        const char* const value_begin = ++cursor.at;
        const std::string_view value = parse_name(cursor, kNameEnds);
        if (value.empty()) return cursor.fail(value_begin, fmt::format("the tag \"{}\" has no value", key));
        if (!cursor.ends() && *cursor.at == '=') {
            return cursor.fail(cursor.at,
                               fmt::format("an '=' inside of the value of the tag \"{}\" must be written \\=", key));
        }
        if (point_.labels.size() >= limits_.labels_max) {
            return cursor.fail(key_begin, fmt::format("more than {} tags", limits_.labels_max));
        }
        point_.labels.emplace_back(key, value);
    }
    point_.series_text = {begin, static_cast<std::size_t>(cursor.at - begin)};
    return sort_labels(cursor);
}

bool LineParser::parse_text_value(Cursor& cursor, LineField& field) {
    field.type = ValueType::text;
    const char* const begin = ++cursor.at;
    const char* at = begin;
    while (at != cursor.end && *at != '"' && *at != '\\') ++at;
    if (at != cursor.end && *at == '"') {
        field.text = {begin, static_cast<std::size_t>(at - begin)};
    } else {
        const std::size_t from = unescaped_.size();
        unescaped_.append(begin, at);
        for (; at != cursor.end && *at != '"'; ++at) {
            if (*at == '\\' && at + 1 != cursor.end && (at[1] == '"' || at[1] == '\\')) ++at;
            unescaped_.push_back(*at);
        }
        if (at == cursor.end) return cursor.fail(begin - 1, "the text that begins here has no closing quote");
        field.text = std::string_view{unescaped_}.substr(from);
    }
    cursor.at = at + 1;
    cursor.holds_break |= field.text.find('\n') != std::string_view::npos;
    return true;
}

namespace {

// 10^0 … 10^22: what a double holds exactly.
constexpr double kTens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;

// The usual number, -12.75 or 42i with up to 18 digits, which ends where a value may end. Both the digits as a whole
// number and the power of ten are exact as doubles, so that one division rounds as reading the text would. False, with
// nothing moved, for whatever is not so: parse_number_value() knows them all and says what is wrong.
bool quick_number(const char*& at, const char* end, LineField& field) {
    constexpr int kDigitsMax = 18;
    const char* next = at;
    const bool minus = next != end && *next == '-';
    next += minus;
    const char* const digits = next;
    std::uint64_t whole = 0;
    for (; next != end && is_digit(*next); ++next) whole = whole * 10 + static_cast<std::uint64_t>(*next - '0');
    auto count = next - digits;
    if (count == 0 || count > kDigitsMax || next == end) return false;
    if (*next == 'i') {
        if (++next == end || !means(*next, kComma | kSpace)) return false;
        field.type = ValueType::integer;
        field.integer = minus ? -static_cast<std::int64_t>(whole) : static_cast<std::int64_t>(whole);
        at = next;
        return true;
    }
    std::ptrdiff_t places = 0;
    if (*next == '.') {
        const char* const point = next++;
        for (; next != end && is_digit(*next); ++next) whole = whole * 10 + static_cast<std::uint64_t>(*next - '0');
        places = next - point - 1;
        count += places;
    }
    if (count > kDigitsMax || next == end || !means(*next, kComma | kSpace) || whole > kExactMax) return false;
    const double number = static_cast<double>(whole) / kTens[places];
    field.type = ValueType::number;
    field.number = minus ? -number : number;
    at = next;
    return true;
}

}  // namespace

bool LineParser::parse_number_value(Cursor& cursor, LineField& field) {
    if (quick_number(cursor.at, cursor.end, field)) return true;
    const char* const begin = cursor.at;
    while (!cursor.ends() && !means(*cursor.at, kComma | kSpace)) ++cursor.at;
    const std::string_view token{begin, static_cast<std::size_t>(cursor.at - begin)};
    if (token.empty()) return cursor.fail(begin, fmt::format("the field \"{}\" has no value", field.name));
    const char* first = begin + (token.front() == '+' ? 1 : 0);
    const char* last = cursor.at;
    const char suffix = token.back();
    if (suffix == 'i' || suffix == 'u') {
        field.type = ValueType::integer;
        const auto [end, error] = std::from_chars(first, --last, field.integer);
        if (error == std::errc::result_out_of_range) {
            return cursor.fail(begin, fmt::format("{} does not fit 64 bits with a sign", token.substr(0, 40)));
        }
        if (error == std::errc{} && end == last && (suffix == 'i' || field.integer >= 0)) return true;
    } else if (first != last && (*first == '-' || *first == '.' || (*first >= '0' && *first <= '9'))) {
        field.type = ValueType::number;
        const auto [end, error] = std::from_chars(first, last, field.number);
        if (error == std::errc::result_out_of_range) {
            return cursor.fail(begin, fmt::format("{} does not fit a double", token.substr(0, 40)));
        }
        if (error == std::errc{} && end == last && std::isfinite(field.number)) return true;
    }
    field.type = ValueType::boolean;
    for (const std::string_view name : kTrue) {
        if (token == name) return field.boolean = true;
    }
    for (const std::string_view name : kFalse) {
        if (token == name) return field.boolean = false, true;
    }
    return cursor.fail(
        begin, fmt::format("\"{}\" is no value: expected 1.5, 3i, true, false or \"text\"", token.substr(0, 40)));
}

bool LineParser::parse_value(Cursor& cursor, LineField& field) {
    if (!cursor.ends() && *cursor.at == '"') return parse_text_value(cursor, field);
    return parse_number_value(cursor, field);
}

bool LineParser::parse_fields(Cursor& cursor) {
    for (;;) {
        const char* const begin = cursor.at;
        if (point_.fields.size() >= limits_.fields_max)
            return cursor.fail(begin, fmt::format("more than {} fields", limits_.fields_max));
        LineField& field = point_.fields.emplace_back();
        const std::size_t unescaped = unescaped_.size();
        field.name = parse_name(cursor, kNameEnds);
        point_.plain_names = point_.plain_names && unescaped_.size() == unescaped;
        if (field.name.empty())
            return cursor.fail(begin, fmt::format("expected the name of a field, found {}", cursor.found()));
        if (cursor.at == cursor.end || *cursor.at != '=') {
            return cursor.fail(
                cursor.at, fmt::format("expected '=' after the field \"{}\", found {}", field.name, cursor.found()));
        }
        ++cursor.at;
        if (!parse_value(cursor, field)) return false;
        if (cursor.ends() || *cursor.at == ' ') return true;
        if (*cursor.at != ',')
            return cursor.fail(cursor.at,
                               fmt::format("expected ',' or a space after a field, found {}", cursor.found()));
        ++cursor.at;
    }
}

bool LineParser::parse_time(Cursor& cursor, std::int64_t unit_ns) {
    while (!cursor.ends() && *cursor.at == ' ') ++cursor.at;
    if (cursor.ends()) return true;
    const char* const begin = cursor.at;
    std::int64_t time = 0;
    const auto [end, error] = std::from_chars(cursor.at, cursor.end, time);
    std::int64_t ns = 0;
    if (error == std::errc::result_out_of_range ||
        (error == std::errc{} && __builtin_mul_overflow(time, unit_ns, &ns))) {
        return cursor.fail(begin,
                           "the time is outside of the years 1678 to 2262: is the precision of the request right?");
    }
    if (error == std::errc{}) cursor.at = end;
    while (error == std::errc{} && !cursor.ends() && *cursor.at == ' ') ++cursor.at;
    if (error != std::errc{} || !cursor.ends()) {
        return cursor.fail(cursor.at, fmt::format("expected a time as a whole number, found {}", cursor.found()));
    }
    point_.time_ns = ns;
    return true;
}

bool LineParser::parse_line(Cursor& cursor) {
    point_.labels.clear();
    point_.fields.clear();
    point_.time_ns.reset();
    point_.plain_names = true;
    unescaped_.clear();
    if (!parse_series(cursor)) return false;
    if (cursor.ends())
        return cursor.fail(cursor.at, "expected a space and at least one field, found the end of the line");
    while (!cursor.ends() && *cursor.at == ' ') ++cursor.at;
    return parse_fields(cursor);
}

// Was the limit of a line what ended it?
bool LineParser::is_cut(const Cursor& cursor, bool good, const char* end) {
    if (cursor.end == end || means(*cursor.end, kBreak)) return false;
    return good ? cursor.at == cursor.end : std::find(cursor.line_begin, cursor.end, '\n') == cursor.end;
}

bool LineParser::check_utf8(Cursor& cursor) {
    const std::string_view line{cursor.line_begin, static_cast<std::size_t>(cursor.at - cursor.line_begin)};
    const std::size_t broken = find_broken_utf8(line);
    if (broken == line.npos) return true;
    return cursor.fail(cursor.line_begin + broken,
                       fmt::format("byte 0x{:02x} is not UTF-8 text", static_cast<unsigned char>(line[broken])));
}

void LineParser::parse(std::string_view text, std::int64_t unit_ns,
                       const std::function<void(const LinePoint&)>& on_point,
                       const std::function<void(LineError)>& on_error) {
    parse(text, unit_ns, nullptr, {}, on_point, on_error);
}

void LineParser::parse(std::string_view text, std::int64_t unit_ns, LineForms* forms, const OnKnown& on_known,
                       const std::function<void(const LinePoint&)>& on_point,
                       const std::function<void(LineError)>& on_error) {
    const char* at = text.data();
    const char* const end = at + text.size();
    std::optional<bool> plain;  // looked at once a line has to be parsed
    std::size_t line = 1;
    LineForms::Known known;
    while (at != end) {
        if (forms != nullptr) {
            const char* const after = forms->take(at, end, unit_ns, known);
            if (after != nullptr && on_known(known.form, known.values, known.time_ns)) {
                at = std::find(after, end, '\n');  // the CR of a CR LF
                if (at != end) ++at, ++line;
                continue;
            }
        }
        while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
        if (at == end) return;
        if (*at == '\n' || *at == '#') {
            at = std::find(at, end, '\n');
            if (at != end) ++at, ++line;
            continue;
        }
        if (!plain) {
            unescaped_.reserve(std::min(text.size(), limits_.line_bytes_max));
            plain = is_ascii(text);
        }
        const char* const begin = at;
        const auto room = static_cast<std::size_t>(end - at);
        Cursor cursor{begin, begin + std::min(room, limits_.line_bytes_max), begin, false, nullptr, {}};
        point_.line = line;
        bool good = parse_line(cursor) && parse_time(cursor, unit_ns);
        if (is_cut(cursor, good, end))
            good = cursor.fail(begin, fmt::format("the line is longer than {} bytes", limits_.line_bytes_max));
        const bool whole = good;  // its end is known, whatever its bytes are
        good = good && (*plain || check_utf8(cursor));
        at = whole ? cursor.at : end_of_bad_line(cursor.error_at, begin, end);
        if (good)
            on_point(point_);
        else
            on_error({line, static_cast<std::size_t>(cursor.error_at - begin) + 1, std::move(cursor.error)});
        while (at != end && *at != '\n') ++at;  // the CR of a CR LF
        if (cursor.holds_break || !whole) line += static_cast<std::size_t>(std::count(begin, at, '\n'));
        if (at != end) ++at, ++line;
    }
}

std::string line_identity(const LinePoint& point) {
    std::string identity = "l:";
    append_encoded(identity, point.measurement, kIdentityEncoded);
    for (const auto& [key, value] : point.labels) {
        identity.push_back(',');
        append_encoded(identity, key, kIdentityEncoded);
        identity.push_back('=');
        append_encoded(identity, value, kIdentityEncoded);
    }
    return identity;
}

std::string line_source_path(const LinePoint& point) {
    std::string path;
    append_encoded(path, point.measurement, kPathEncoded);
    for (const auto& [key, value] : point.labels) {
        path.push_back('/');
        append_encoded(path, value, kPathEncoded);
    }
    return path;
}

std::string line_property_path(std::string_view field) {
    std::string path;
    append_encoded(path, field, kPathEncoded);
    return path;
}

// ---- lines of what is stored ----------------------------------------------------------------------------------------

namespace {

void append_escaped(std::string& out, std::string_view text, std::uint8_t escape) {
    for (const char c : text) {
        if (means(c, escape)) out.push_back('\\');
        out.push_back(c);
    }
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// As append_encoded() wrote it.
std::string decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = i + 2 < text.size() && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        plain.push_back(low >= 0 ? static_cast<char>(high * 16 + low) : text[i]);
        if (low >= 0) i += 2;
    }
    return plain;
}

// Lines cannot say a name with a line break, nor one that ends with a backslash or escapes what is no mark.
bool can_be_named(std::string_view name) {
    if (name.empty()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (means(name[i], kBreak)) return false;
        if (name[i] == '\\' && (i + 1 == name.size() || means(name[i + 1], kNameEnds | kBackslash))) return false;
    }
    return true;
}

// "#" in front would make a comment of the line.
bool can_be_measured(std::string_view name) {
    return can_be_named(name) && name.front() != '#' && name.front() != ' ' && name.front() != '\t';
}

struct Labels {
    std::string measurement;
    std::vector<std::pair<std::string, std::string>> tags;
};

std::optional<std::string> line_of(const Labels& labels, std::string_view field) {
    if (!can_be_measured(labels.measurement) || !can_be_named(field)) return std::nullopt;
    std::string line;
    append_escaped(line, labels.measurement, kMeasurementEnds);
    for (const auto& [key, value] : labels.tags) {
        if (!can_be_named(key) || !can_be_named(value)) return std::nullopt;
        line.push_back(',');
        append_escaped(line, key, kNameEnds);
        line.push_back('=');
        append_escaped(line, value, kNameEnds);
    }
    line.push_back(' ');
    append_escaped(line, field, kNameEnds);
    return line;
}

std::string_view take_until(std::string_view& text, char end) {
    const std::size_t at = std::min(text.find(end), text.size());
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return part;
}

}  // namespace

std::string line_measurement(std::string_view identity) {
    identity.remove_prefix(std::min<std::size_t>(identity.size(), 2));
    return decoded(take_until(identity, ','));
}

std::optional<std::string> line_of_identity(std::string_view identity, std::string_view field) {
    if (!identity.starts_with("l:")) return std::nullopt;
    identity.remove_prefix(2);
    Labels labels{decoded(take_until(identity, ',')), {}};
    while (!identity.empty()) {
        std::string_view one = take_until(identity, ',');
        std::string key = decoded(take_until(one, '='));
        labels.tags.emplace_back(std::move(key), decoded(one));
    }
    return line_of(labels, field);
}

std::optional<std::string> line_of_path(std::string_view path) {
    const std::size_t level = path.rfind('/') == path.npos ? 0 : path.rfind('/');
    const std::size_t dot = path.find('.', level);
    if (dot == path.npos) return std::nullopt;
    const std::string field = decoded(path.substr(dot + 1));
    std::string_view levels = path.substr(0, dot);
    Labels labels{decoded(take_until(levels, '/')), {}};
    LinePoint point;
    while (!levels.empty())
        labels.tags.emplace_back(fmt::format("l{:02}", labels.tags.size() + 1), decoded(take_until(levels, '/')));
    if (labels.tags.size() > 99) return std::nullopt;  // l100 would come before l11
    point.measurement = labels.measurement;
    for (const auto& [key, value] : labels.tags) point.labels.emplace_back(key, value);
    if (fmt::format("{}.{}", line_source_path(point), line_property_path(field)) != path) return std::nullopt;
    return line_of(labels, field);
}

void append_line_value(std::string& out, const Value& value) {
    if (type_of(value) != ValueType::text) {
        out.append(to_string(value));
        if (type_of(value) == ValueType::integer) out.push_back('i');
        return;
    }
    out.push_back('"');
    for (const char c : std::get<std::string>(value)) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    out.push_back('"');
}

}  // namespace gongshu::wire
