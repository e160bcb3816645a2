#include "importer/map.h"

#include <algorithm>
#include <functional>

#include "base/options.h"
#include "expr/units.h"
#include "registry/json.h"
#include "registry/yaml.h"
#include "wire/json_door.h"

namespace gongshu::importer {
namespace {

using registry::describe;

std::string text_of(const Json& json) {
    return json.is_string() ? std::string(std::string_view(json.get_string())) : registry::to_text(json);
}

Result<std::string> read_text(const Json& json, std::string_view place) {
    if (json.is_string() || json.is_number()) return text_of(json);
    return Error{Code::invalid, "{}: expected a text, found {}", place, describe(json)};
}

// One text or a list of texts.
Result<std::vector<std::string>> read_texts(const Json& json, std::string_view place) {
    std::vector<std::string> texts;
    if (!json.is_array()) {
        texts.push_back(json.is_null() ? std::string{} : TRY(read_text(json, place)));
        return texts;
    }
    for (const Json& one : json.get_array())
        texts.push_back(one.is_null() ? std::string{} : TRY(read_text(one, place)));
    return texts;
}

Result<double> read_number(const Json& json, std::string_view place) {
    if (json.is_number()) return json.to_number<double>();
    return Error{Code::invalid, "{}: expected a number, found {}", place, describe(json)};
}

// Calls the reader of each key; an unknown one is told with the nearest known.
using Reader = std::function<Result<void>(const Json&, const std::string& place)>;
Result<void> read_object(const Json& json, const std::string& place, const std::map<std::string, Reader>& readers) {
    if (!json.is_object())
        return Error{Code::invalid, "{}expected names with values, found {}", place.empty() ? "" : place + ": ",
                     describe(json)};
    for (const auto& [key, value] : json.get_object()) {
        const std::string name(key);
        const std::string where = place.empty() ? name : place + "." + name;
        const auto reader = readers.find(name);
        if (reader == readers.end()) {
            std::vector<std::string> known;
            for (const auto& [one, unused] : readers) known.push_back(one);
            const std::string near = options::nearest(name, known);
            return Error{Code::invalid, "{}: not known here{}", where,
                         near.empty() ? "" : ": did you mean " + near + "?"};
        }
        TRY(reader->second(value, where));
    }
    return {};
}

Result<char> read_char(const Json& json, const std::string& place, std::string_view allowed) {
    const std::string text = TRY(read_text(json, place));
    if (text == "none") return '\0';
    if (text.size() == 1 && allowed.find(text[0]) != std::string_view::npos) return text[0];
    return Error{Code::invalid, "{}: '{}' is none of none, {}", place, text, allowed};
}

Result<void> read_delimiter(const Json& json, const std::string& place, Layout& layout) {
    const std::string text = TRY(read_text(json, place));
    if (text == "auto") return {};
    Dialect dialect;
    if (text == "spaces")
        dialect.spaces = true;
    else if (text == "tab" || text == "\t")
        dialect.delimiter = '\t';
    else if (text == "comma")
        dialect.delimiter = ',';
    else if (text == "semicolon")
        dialect.delimiter = ';';
    else if (text.size() == 1 && std::string_view("\"\n\r").find(text[0]) == std::string_view::npos)
        dialect.delimiter = text[0];
    else
        return Error{Code::invalid, "{}: '{}' is none of auto, tab, spaces, or one character such as \",\"", place,
                     text};
    layout.dialect = dialect;
    return {};
}

Result<std::int64_t> read_whole(const Json& json, const std::string& place, std::int64_t min, std::int64_t max) {
    const double number = TRY(read_number(json, place));
    if (number < static_cast<double>(min) || number > static_cast<double>(max) ||
        number != static_cast<double>(static_cast<std::int64_t>(number)))
        return Error{Code::invalid, "{}: {} is no whole number in {} … {}", place, describe(json), min, max};
    return static_cast<std::int64_t>(number);
}

Result<bool> read_switch(const Json& json, const std::string& place) {
    if (json.is_bool()) return json.get_bool();
    return Error{Code::invalid, "{}: expected true or false, found {}", place, describe(json)};
}

Result<void> read_layout(const Json& json, const std::string& place, Layout& layout) {
    TRY(read_object(
        json, place,
        {{"encoding",
          [&](const Json& value, const std::string& at) -> Result<void> {
              const std::string name = TRY(read_text(value, at));
              if (name == "auto") return {};
              layout.encoding = parse_encoding(name);
              if (layout.encoding) return {};
              return Error{Code::invalid, "{}: '{}' is none of auto, utf-8, utf-16le, utf-16be, gb18030, latin-1", at,
                           name};
          }},
         {"delimiter", [&](const Json& value, const std::string& at) { return read_delimiter(value, at, layout); }},
         {"quote",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.quote = TRY(read_char(value, at, "\"'"));
              return {};
          }},
         {"comment",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.comment = TRY(read_text(value, at));
              return {};
          }},
         {"skip",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.skip = static_cast<std::uint64_t>(TRY(read_whole(value, at, 0, 1'000'000)));
              return {};
          }},
         {"header",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.header_rows = static_cast<int>(TRY(read_whole(value, at, 0, 4)));
              return {};
          }},
         {"sheet",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.sheet = TRY(read_text(value, at));
              return {};
          }},
         {"join_header",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.joined = TRY(read_switch(value, at));
              return {};
          }},
         {"notes",
          [&](const Json& value, const std::string& at) -> Result<void> {
              const std::string word = TRY(read_text(value, at));
              if (word != "leave_out" && word != "take")
                  return Error{Code::invalid, "{}: '{}' is neither leave_out nor take", at, word};
              layout.leave_out = word == "leave_out";
              return {};
          }},
         {"transposed",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.transposed = TRY(read_switch(value, at));
              return {};
          }},
         {"ragged",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.ragged = TRY(read_switch(value, at));
              return {};
          }},
         {"decimal",
          [&](const Json& value, const std::string& at) -> Result<void> {
              layout.numbers.decimal = TRY(read_char(value, at, ".,"));
              if (layout.numbers.decimal == '\0') return Error{Code::invalid, "{}: must be \".\" or \",\"", at};
              return {};
          }},
         {"thousands", [&](const Json& value, const std::string& at) -> Result<void> {
              layout.numbers.thousands = TRY(read_char(value, at, ",.' "));
              return {};
          }}}));
    if (layout.header_rows > 2 && !layout.joined)
        return Error{Code::invalid, "{}: a header of {} rows goes with join_header: true", place, layout.header_rows};
    if (layout.numbers.thousands == layout.numbers.decimal)
        return Error{Code::invalid, "{}: decimal and thousands cannot be the same character", place};
    return {};
}

Result<TimeNs> read_start(const Json& json, const std::string& place) {
    const std::string text = TRY(read_text(json, place));
    const auto time = wire::parse_rfc3339(text);
    if (time) return *time;
    return Error{Code::invalid, "{}: {}; write it as 2011-01-01T00:00:00+08:00", place, time.error().text()};
}

Result<void> read_repeated(const Json& value, const std::string& at, TimeSource& time) {
    const std::string text = TRY(read_text(value, at));
    constexpr std::pair<std::string_view, Repeated> kWords[] = {{"order", Repeated::order},
                                                                {"earlier", Repeated::earlier},
                                                                {"later", Repeated::later},
                                                                {"refuse", Repeated::refuse}};
    for (const auto& [word, meaning] : kWords) {
        if (word != text) continue;
        time.repeated = meaning;
        return {};
    }
    return Error{Code::invalid, "{}: '{}' is none of order, earlier, later, refuse", at, text};
}

Result<void> check_time(const TimeSource& time, const std::string& place) {
    const bool counted = time.start || !time.start_of_file.empty();
    if (counted == !time.columns.empty())
        return Error{Code::invalid, "{}: give either column (with format and zone) or start and step", place};
    if (counted) {
        if (time.step <= 0) return Error{Code::invalid, "{}.step: is missing; for example 1h, 180s, 500ms", place};
        if (!time.formats.empty() || !time.zone.empty())
            return Error{Code::invalid, "{}: format and zone go with column, not with start", place};
        return {};
    }
    if (time.step != 0 || !time.cycle.empty())
        return Error{Code::invalid, "{}: step and cycle go with start, not with column", place};
    if (time.formats.empty())
        return Error{Code::invalid, "{}.format: is missing: iso, zh, excel, s, ms, us, ns or a pattern", place};
    const bool needs_zone = !std::ranges::all_of(time.formats, is_epoch_format);
    if (needs_zone && time.zone.empty())
        return Error{Code::invalid,
                     "{}.zone: is missing: where did the clock stand? For example Asia/Shanghai, UTC, \"+08:00\"",
                     place};
    TRY(TimeReader::create(time.formats, time.zone.empty() ? "UTC" : time.zone).context("{}", place));
    return {};
}

Result<void> read_time(const Json& json, const std::string& place, TimeSource& time) {
    const auto columns = [&](const Json& value, const std::string& at) -> Result<void> {
        time.columns = TRY(read_texts(value, at));
        return {};
    };
    TRY(read_object(
        json, place,
        {{"column", columns},
         {"columns", columns},
         {"format",
          [&](const Json& value, const std::string& at) -> Result<void> {
              time.formats = TRY(read_texts(value, at));
              return {};
          }},
         {"zone",
          [&](const Json& value, const std::string& at) -> Result<void> {
              time.zone = TRY(read_text(value, at));
              return {};
          }},
         {"repeated", [&](const Json& value, const std::string& at) { return read_repeated(value, at, time); }},
         {"start",
          [&](const Json& value, const std::string& at) -> Result<void> {
              if (!value.is_object()) {
                  time.start = TRY(read_start(value, at));
                  return {};
              }
              for (const auto& [file, start] : value.get_object())
                  time.start_of_file[std::string(file)] = TRY(read_start(start, at + "." + std::string(file)));
              return {};
          }},
         {"step",
          [&](const Json& value, const std::string& at) -> Result<void> {
              time.step = TRY(options::parse_duration(TRY(read_text(value, at))).context("{}", at));
              return {};
          }},
         {"cycle", [&](const Json& value, const std::string& at) -> Result<void> {
              time.cycle = TRY(read_text(value, at));
              return {};
          }}}));
    return check_time(time, place);
}

Result<ColumnMap> read_column(std::string name, const Json& json, const std::string& place) {
    ColumnMap column{.column = std::move(name)};
    if (json.is_string()) {
        column.property = text_of(json);
    } else {
        TRY(read_object(json, place,
                        {{"property",
                          [&](const Json& value, const std::string& at) -> Result<void> {
                              column.property = TRY(read_text(value, at));
                              return {};
                          }},
                         {"unit",
                          [&](const Json& value, const std::string& at) -> Result<void> {
                              column.unit = TRY(read_text(value, at));
                              if (!column.unit.empty()) TRY(expr::check_unit(column.unit).context("{}", at));
                              return {};
                          }},
                         {"type",
                          [&](const Json& value, const std::string& at) -> Result<void> {
                              const auto type = parse_value_type(TRY(read_text(value, at)));
                              if (!type)
                                  return Error{Code::invalid, "{}: {} is none of number, integer, boolean, text", at,
                                               describe(value)};
                              column.type = *type;
                              return {};
                          }},
                         {"scale",
                          [&](const Json& value, const std::string& at) -> Result<void> {
                              column.scale = TRY(read_number(value, at));
                              if (column.scale == 0) return Error{Code::invalid, "{}: cannot be 0", at};
                              return {};
                          }},
                         {"offset",
                          [&](const Json& value, const std::string& at) -> Result<void> {
                              column.offset = TRY(read_number(value, at));
                              return {};
                          }},
                         {"missing", [&](const Json& value, const std::string& at) -> Result<void> {
                              column.missing = TRY(read_texts(value, at));
                              return {};
                          }}}));
    }
    if (column.property.empty())
        return Error{Code::invalid, "{}.property: is missing: the last part of the tag's path", place};
    if ((column.scale != 1 || column.offset != 0) && column.type != ValueType::number)
        return Error{Code::invalid, "{}: scale and offset go with type number only", place};
    return column;
}

Result<Map> read_map(const Json& json) {
    Map map;
    TRY(read_object(
        json, "",
        {{"file", [&](const Json& value, const std::string& at) { return read_layout(value, at, map.layout); }},
         {"time", [&](const Json& value, const std::string& at) { return read_time(value, at, map.time); }},
         {"path",
          [&](const Json& value, const std::string& at) -> Result<void> {
              map.path = TRY(read_text(value, at));
              return {};
          }},
         {"columns",
          [&](const Json& value, const std::string& at) -> Result<void> {
              if (!value.is_object())
                  return Error{Code::invalid, "{}: expected columns with what they become, found {}", at,
                               describe(value)};
              for (const auto& [name, column] : value.get_object())
                  map.columns.push_back(TRY(read_column(std::string(name), column, at + "." + std::string(name))));
              return {};
          }},
         {"missing",
          [&](const Json& value, const std::string& at) -> Result<void> {
              map.missing = TRY(read_texts(value, at));
              return {};
          }},
         {"wrong", [&](const Json& value, const std::string& at) -> Result<void> {
              const std::string word = TRY(read_text(value, at));
              if (word != "skip" && word != "bad")
                  return Error{Code::invalid, "{}: '{}' is neither skip nor bad", at, word};
              map.wrong = word == "bad" ? Wrong::bad : Wrong::skip;
              return {};
          }}}));
    if (json.get_object().if_contains("time") == nullptr)
        return Error{Code::invalid, "time: is missing: which column holds the time, or start and step"};
    if (map.path.empty())
        return Error{Code::invalid, "path: is missing: where the tags shall be, for example site/line/device"};
    if (map.columns.empty()) return Error{Code::invalid, "columns: is missing: which columns become tags"};
    return map;
}

}  // namespace

Result<Map> parse_map(std::string_view yaml) {
    return read_map(TRY(registry::parse_yaml(yaml, {.bytes_max = 4 << 20})));
}

Result<Layout> parse_layout(std::string_view yaml) {
    const Json json = TRY(registry::parse_yaml(yaml, {.bytes_max = 4 << 20}));
    Layout layout;
    if (!json.is_object()) return Error{Code::invalid, "expected names with values, found {}", describe(json)};
    if (const Json* file = json.get_object().if_contains("file")) TRY(read_layout(*file, "file", layout));
    return layout;
}

}  // namespace gongshu::importer
