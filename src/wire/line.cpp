#include "wire/line.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace gongshu::wire {

// Where the parser stands in the text. A parse function that fails has put place and sentence into `error_at` and
// `error`, and returns false.
struct LineParser::Cursor {
    const char* at;
    const char* end;  // of what this line may use
    const char* line_begin;
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

// A measurement, key or value up to one of `stops`, a space, a comma or the end of the line; `\` before one of these
// means the character itself, elsewhere it is a character like others.
std::string_view LineParser::parse_name(Cursor& cursor, std::string_view stops) {
    const char* const begin = cursor.at;
    while (!cursor.ends() && *cursor.at != '\\' && !has(stops, *cursor.at)) ++cursor.at;
    if (cursor.at == cursor.end || *cursor.at != '\\') return {begin, static_cast<std::size_t>(cursor.at - begin)};
    const std::size_t from = unescaped_.size();
    unescaped_.append(begin, cursor.at);
    while (!cursor.ends() && !has(stops, *cursor.at)) {
        if (*cursor.at == '\\' && cursor.at + 1 != cursor.end && has(stops, cursor.at[1])) ++cursor.at;
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
    point_.measurement = parse_name(cursor, ", ");
    if (point_.measurement.empty())
        return cursor.fail(begin, fmt::format("expected a measurement, found {}", cursor.found()));
    while (!cursor.ends() && *cursor.at == ',') {
        const char* const key_begin = ++cursor.at;
        const std::string_view key = parse_name(cursor, ",= ");
        if (key.empty())
            return cursor.fail(key_begin, fmt::format("expected the key of a tag, found {}", cursor.found()));
        if (cursor.ends() || *cursor.at != '=') {
            return cursor.fail(cursor.at,
                               fmt::format("expected '=' after the tag's key \"{}\", found {}", key, cursor.found()));
        }
        const char* const value_begin = ++cursor.at;
        const std::string_view value = parse_name(cursor, ",= ");
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
        cursor.at = at + 1;
        return true;
    }
    const std::size_t from = unescaped_.size();
    unescaped_.append(begin, at);
    for (; at != cursor.end && *at != '"'; ++at) {
        if (*at == '\\' && at + 1 != cursor.end && (at[1] == '"' || at[1] == '\\')) ++at;
        unescaped_.push_back(*at);
    }
    if (at == cursor.end) return cursor.fail(begin - 1, "the text that begins here has no closing quote");
    field.text = std::string_view{unescaped_}.substr(from);
    cursor.at = at + 1;
    return true;
}

bool LineParser::parse_number_value(Cursor& cursor, LineField& field) {
    const char* const begin = cursor.at;
    while (!cursor.ends() && *cursor.at != ',' && *cursor.at != ' ') ++cursor.at;
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
        LineField field;
        field.name = parse_name(cursor, ",= ");
        if (field.name.empty())
            return cursor.fail(begin, fmt::format("expected the name of a field, found {}", cursor.found()));
        if (cursor.ends() || *cursor.at != '=') {
            return cursor.fail(
                cursor.at, fmt::format("expected '=' after the field \"{}\", found {}", field.name, cursor.found()));
        }
        ++cursor.at;
        if (!parse_value(cursor, field)) return false;
        if (point_.fields.size() >= limits_.fields_max) {
            return cursor.fail(begin, fmt::format("more than {} fields", limits_.fields_max));
        }
        point_.fields.push_back(field);
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
    unescaped_.clear();
    if (!parse_series(cursor)) return false;
    if (cursor.ends())
        return cursor.fail(cursor.at, "expected a space and at least one field, found the end of the line");
    while (!cursor.ends() && *cursor.at == ' ') ++cursor.at;
    return parse_fields(cursor);
}

void LineParser::parse(std::string_view text, std::int64_t unit_ns,
                       const std::function<void(const LinePoint&)>& on_point,
                       const std::function<void(LineError)>& on_error) {
    unescaped_.reserve(std::min(text.size(), limits_.line_bytes_max));
    const char* at = text.data();
    const char* const end = at + text.size();
    std::size_t line = 1;
    while (at != end) {
        while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
        if (at == end) return;
        if (*at == '\n' || *at == '#') {
            at = std::find(at, end, '\n');
            if (at != end) ++at, ++line;
            continue;
        }
        const auto room = static_cast<std::size_t>(end - at);
        Cursor cursor{at, at + std::min(room, limits_.line_bytes_max), at, nullptr, {}};
        point_.line = line;
        bool good = parse_line(cursor) && parse_time(cursor, unit_ns);
        const bool cut = cursor.end != end && *cursor.end != '\n' && *cursor.end != '\r';
        const bool one_line = std::find(at, cursor.end, '\n') == cursor.end;
        if (cut && ((good && cursor.at == cursor.end) || (!good && one_line))) {
            good = cursor.fail(at, fmt::format("the line is longer than {} bytes", limits_.line_bytes_max));
        }
        const char* const begin = at;
        const bool whole = good;  // its end is known, whatever its bytes are
        const std::string_view text_of_line{begin, static_cast<std::size_t>(cursor.at - begin)};
        if (const std::size_t broken = good ? find_broken_utf8(text_of_line) : text_of_line.npos;
            broken != text_of_line.npos) {
            good = cursor.fail(begin + broken, fmt::format("byte 0x{:02x} is not UTF-8 text",
                                                           static_cast<unsigned char>(text_of_line[broken])));
        }
        at = whole ? cursor.at : end_of_bad_line(cursor.error_at, begin, end);
        if (good)
            on_point(point_);
        else
            on_error({line, static_cast<std::size_t>(cursor.error_at - begin) + 1, std::move(cursor.error)});
        while (at != end && *at != '\n') ++at;  // the CR of a CR LF
        line += static_cast<std::size_t>(std::count(begin, at, '\n'));
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

}  // namespace gongshu::wire
