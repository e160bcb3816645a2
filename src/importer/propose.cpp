#include "importer/propose.h"

#include <algorithm>
#include <set>
#include <span>

#include "expr/units.h"
#include "importer/header.h"
#include "importer/loose.h"
#include "importer/table.h"

namespace gongshu::importer {
namespace {

constexpr std::size_t kRecordsMax = 2000;
constexpr int kHeaderRowsMax = 4;

using Rows = std::vector<std::vector<std::string>>;

// What the records say of one column.
struct Column {
    std::string name, unit_row;
    std::size_t filled = 0, numbers = 0, comma_numbers = 0, whole = 0, booleans = 0;
    std::size_t either_numbers = 0;  // 1,250: thousands or a decimal comma
    bool percent = false;
    bool beyond_double = false;  // whole numbers past 2^53
    std::set<std::string> distinct;
    std::string time_format;  // "" = no time
};

// What was found out of the file as a whole.
struct Finding {
    std::uint64_t skip = 0;
    int header_rows = 0;
    bool transposed = false;
    bool joined = false;  // the header's rows are one name together
    std::size_t left_out = 0;
    char decimal = '.';
    std::vector<Column> columns;
    std::vector<std::size_t> time_columns;
    std::string time_format, time_comment;
    int unit_column = -1, cycle_column = -1;
    int device_column = -1, name_column = -1, value_column = -1;
};

bool is_value(std::string_view text) {
    return parse_number(text) || parse_number(text, {.decimal = ','}) || parse_loose_number(text, {});
}

bool is_word_of(std::string_view text, std::initializer_list<std::string_view> words) {
    std::string lower;
    for (const char c : text) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    return std::ranges::find(words, lower) != words.end();
}

bool all_read(const std::vector<std::string>& texts, const std::string& format) {
    auto reader = TimeReader::create({format}, "UTC");
    if (!reader || texts.empty()) return false;
    return std::ranges::all_of(texts, [&](const std::string& text) { return reader->read(text).has_value(); });
}

// The format that nearly all are of, where a few lines are broken; "" if there is none.
std::string format_of_most(const std::vector<std::string>& texts, std::span<const char* const> formats) {
    constexpr std::size_t kLooked = 20;
    if (texts.size() < kLooked) return "";
    for (const char* format : formats) {
        auto reader = TimeReader::create({format}, "UTC");
        const std::size_t unread_max = texts.size() / kLooked;
        std::size_t unread = 0;
        for (std::size_t i = 0; i < texts.size() && reader && unread <= unread_max; ++i)
            unread += !reader->read(texts[i]).has_value();
        if (reader && unread <= unread_max) return format;
    }
    return "";
}

// The format of a column's times; "" if they are none.
std::string time_format_of(const std::vector<std::string>& texts, std::string_view name, std::string& comment) {
    static const char* const kFormats[] = {"iso",
                                           "%d/%m/%Y %H:%M:%S",
                                           "%m/%d/%Y %H:%M:%S",
                                           "%d/%m/%Y %H:%M",
                                           "%m/%d/%Y %H:%M",
                                           "%d/%m/%Y",
                                           "%m/%d/%Y",
                                           "%d.%m.%Y %H:%M:%S",
                                           "%d.%m.%Y %H:%M",
                                           "%d.%m.%Y",
                                           "%d-%m-%Y %H:%M:%S",
                                           "%d-%m-%Y %H:%M",
                                           "%m/%d/%Y %I:%M:%S %p",
                                           "%d/%m/%Y %I:%M:%S %p",
                                           "%d-%b-%Y %H:%M:%S",
                                           "%d-%b-%y %H:%M:%S",
                                           "%b %d, %Y %H:%M:%S",
                                           "%Y年%m月%d日 %H时%M分%S秒",
                                           "%Y年%m月%d日 %H时%M分",
                                           "%Y年%m月%d日 %H:%M:%S",
                                           "%Y年%m月%d日 %H:%M",
                                           "%Y年%m月%d日",
                                           "zh"};
    const bool all_numbers =
        std::ranges::all_of(texts, [](const std::string& text) { return parse_number(text).has_value(); });
    if (!all_numbers) {
        std::vector<std::string> fitting;
        for (const char* format : kFormats)
            if (all_read(texts, format)) fitting.emplace_back(format);
        if (fitting.empty()) return format_of_most(texts, kFormats);
        const bool day_or_month = fitting.size() > 1 && fitting[0].starts_with("%d/") && fitting[1].starts_with("%m/");
        if (day_or_month) comment = "both day/month and month/day fit: check";
        return fitting[0];
    }
    // Plain numbers are times only where the name says so.
    std::string lower(name);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool says_time = lower.find("time") != std::string::npos || lower.find("date") != std::string::npos ||
                           lower == "ts" || lower == "t" || lower.find("时") != std::string::npos ||
                           lower.find("日期") != std::string::npos;
    if (!says_time || texts.empty()) return "";
    double least = *parse_number(texts[0]), most = least;
    for (const std::string& text : texts) {
        least = std::min(least, *parse_number(text));
        most = std::max(most, *parse_number(text));
    }
    if (least >= 20'000 && most <= 80'000) return "excel";
    if (least >= 1e8 && most < 1e11) return "s";
    if (least >= 1e11 && most < 1e14) return "ms";
    if (least >= 1e14 && most < 1e17) return "us";
    return least >= 1e17 ? "ns" : texts[0].size() == 8 && all_read(texts, "iso") ? "iso" : "";
}

// The format of times of day; "" if they are none.
std::string clock_format_of(const std::vector<std::string>& texts) {
    static const char* const kFormats[] = {"%H:%M:%S", "%H:%M"};
    for (const char* format : kFormats)
        if (all_read(texts, format)) return format;
    return format_of_most(texts, kFormats);
}

std::vector<std::string> values_of(const Rows& rows, std::size_t from, std::size_t column) {
    std::vector<std::string> values;
    for (std::size_t i = from; i < rows.size() && values.size() < kRecordsMax; ++i)
        if (column < rows[i].size() && !rows[i][column].empty()) values.push_back(rows[i][column]);
    return values;
}

// A row is a heading if it has words where the rows below have values.
bool is_heading(const Rows& rows, std::size_t row) {
    if (row + 1 >= rows.size()) return false;
    std::string unused;
    for (std::size_t column = 0; column < rows[row].size(); ++column) {
        const std::string& text = rows[row][column];
        const auto below = values_of(rows, row + 1, column);
        if (text.empty() || is_value(text) || below.empty()) continue;
        if (is_usual_missing(text)) continue;
        const auto values = static_cast<std::size_t>(std::ranges::count_if(below, is_value));
        const auto absent = static_cast<std::size_t>(std::ranges::count_if(below, is_usual_missing));
        // Two more heading rows may stand below.
        if (values + absent + 2 >= below.size() && values * 2 >= below.size()) return true;
        if (!time_format_of({text}, text, unused).empty()) continue;
        // Merged cells of the heading stand in each of its rows.
        auto from = below.begin() + (below.size() > 1);
        while (from != below.end() && *from == text) ++from;
        const std::vector<std::string> rest(from, below.end());
        if (!rest.empty() && !time_format_of(rest, text, unused).empty()) return true;
    }
    return false;
}

// A further row of the heading has no value anywhere.
bool is_more_heading(const Rows& rows, std::size_t row) {
    if (!is_heading(rows, row)) return false;
    std::string unused;
    return std::ranges::none_of(rows[row], [&](const std::string& text) {
        return !text.empty() && (is_value(text) || !time_format_of({text}, "", unused).empty());
    });
}

void look_at_column(const Rows& rows, std::size_t from, std::size_t index, Column& column) {
    for (std::size_t i = from; i < rows.size(); ++i) {
        if (index >= rows[i].size() || rows[i][index].empty()) continue;
        const std::string& text = rows[i][index];
        const auto loose = parse_loose_number(text, {});
        if (!loose && is_usual_missing(text)) continue;
        ++column.filled;
        const bool number = parse_number(text).has_value();
        const bool comma = !number && parse_number(text, {.decimal = ','}).has_value();
        column.numbers += number || (loose && !comma);
        column.comma_numbers += comma && !loose;
        column.either_numbers += comma && loose;
        column.percent = column.percent || (loose && loose->share == LooseNumber::Share::percent);
        const auto whole = parse_integer(text);
        column.whole += whole.has_value();
        column.beyond_double = column.beyond_double || (whole && std::abs(*whole) > (1ll << 53));
        column.booleans += !number && parse_boolean(text).has_value();
        if (column.distinct.size() < 200) column.distinct.insert(text);
    }
}

// A whole number that counts on by one and begins anew at the first value, while the column before changes.
bool is_cycle(const Rows& rows, std::size_t from, std::size_t unit, std::size_t cycle) {
    std::size_t restarts = 0;
    for (std::size_t i = from + 1; i < rows.size(); ++i) {
        if (cycle >= rows[i].size() || cycle >= rows[i - 1].size()) return false;
        const auto now = parse_integer(rows[i][cycle]), before = parse_integer(rows[i - 1][cycle]);
        if (!now || !before) return false;
        const bool same_unit = rows[i][unit] == rows[i - 1][unit];
        if (same_unit && *now != *before + 1) return false;
        if (!same_unit && *now > 1) return false;
        restarts += !same_unit;
    }
    return restarts > 0;
}

void find_time(const Rows& rows, std::size_t from, Finding& found) {
    for (std::size_t i = 0; i < found.columns.size(); ++i) {
        const auto texts = values_of(rows, from, i);
        if (texts.empty()) continue;
        std::string comment;
        const std::string format = time_format_of(texts, found.columns[i].name, comment);
        found.columns[i].time_format = format;
        if (format.empty() || !found.time_columns.empty()) continue;
        found.time_columns = {i};
        found.time_format = format;
        found.time_comment = comment;
        // A date beside a time of day: joined.
        const bool date_only =
            format == "%d/%m/%Y" || format == "%m/%d/%Y" || format == "%d.%m.%Y" || format == "%Y年%m月%d日" ||
            ((format == "iso" || format == "zh") && std::ranges::all_of(texts, [](const std::string& t) {
                 return std::ranges::none_of(std::initializer_list<std::string_view>{":", "：", "时", "点"},
                                             [&](std::string_view mark) { return t.find(mark) != t.npos; });
             }));
        auto clocks = values_of(rows, from, i + 1);
        if (!date_only || i + 1 >= found.columns.size()) continue;
        const std::string clock_format = clock_format_of(clocks);
        for (std::string& clock : clocks) clock = "2026-01-05 " + clock;
        const bool chinese = format == "zh" || clock_format.empty();
        if (chinese && !all_read(clocks, "zh")) continue;
        found.time_columns.push_back(i + 1);
        if (chinese)
            found.time_format = "zh";
        else if (format != "iso")
            found.time_format += " " + clock_format;
    }
}

void find_keys(const Rows& rows, std::size_t from, Finding& found) {
    for (std::size_t i = 0; i < found.columns.size(); ++i) {
        const Column& column = found.columns[i];
        if (is_word_of(column.name,
                       {"device", "machine", "asset", "equipment", "设备", "设备名称", "设备编号", "机台"}))
            found.device_column = static_cast<int>(i);
        if (is_word_of(column.name, {"name", "tag", "tagname", "point", "property", "parameter", "variable", "signal",
                                     "点位", "测点", "点名", "参数", "变量"}))
            found.name_column = static_cast<int>(i);
        if (is_word_of(column.name, {"value", "val", "reading", "值", "数值", "读数"}) && column.numbers > 0)
            found.value_column = static_cast<int>(i);
    }
    if (found.name_column < 0 || found.value_column < 0) found.name_column = -1;
    if (!found.time_columns.empty()) return;
    for (std::size_t i = 0; i + 1 < found.columns.size() && i < 3; ++i) {
        if (!is_cycle(rows, from, i, i + 1)) continue;
        found.unit_column = static_cast<int>(i);
        found.cycle_column = static_cast<int>(i + 1);
        return;
    }
}

std::size_t usual_width(const Rows& rows) {
    std::map<std::size_t, std::size_t> widths;
    for (const auto& row : rows) ++widths[row.size()];
    return std::ranges::max_element(widths, {}, [](const auto& entry) { return entry.second; })->first;
}

// A title or a note that a spreadsheet filled up with empty fields; "班组：甲班" beside "日期：…" is one too.
bool is_padded_note(const std::vector<std::string>& row) {
    const auto empty = static_cast<std::size_t>(std::ranges::count(row, std::string{}));
    if (row.size() > 2 && empty + 1 >= row.size()) return row[0].empty() || !is_value(row[0]);
    if (row.size() < 4 || (row.size() - empty) * 2 >= row.size()) return false;
    std::string unused;
    bool labelled = false;
    for (const std::string& text : row) {
        if (text.empty()) continue;
        if (is_value(text)) return false;
        labelled = labelled || text.find("：") != text.npos ||
                   (text.find(':') != text.npos && text.find_first_of("0123456789") != 0);
    }
    return labelled;
}

// Two rows are one heading if a name in the first stands over several columns, or there are more than two.
bool is_joined(const Rows& rows, int header_rows) {
    if (header_rows > 2) return true;
    if (header_rows < 2) return false;
    for (std::size_t i = 1; i < rows[0].size() && i < rows[1].size(); ++i) {
        const bool over = rows[0][i].empty() || rows[0][i] == rows[0][i - 1];
        if (over && !rows[1][i].empty() && rows[1][i] != rows[1][i - 1] && !rows[0][i - 1].empty() &&
            !is_unit_cell(rows[1][i]))
            return true;
    }
    return std::ranges::any_of(rows[1], [](const std::string& text) {
        return !text.empty() && !is_unit_cell(text) && read_heading(text).unit != "";
    });
}

Finding look_at(Rows& rows, std::vector<std::uint64_t>& lines, std::uint64_t skipped) {
    Finding found;
    const std::size_t width = usual_width(rows);
    // What stands before the first row of the usual width is a preamble.
    auto first =
        std::ranges::find_if(rows, [&](const auto& row) { return row.size() == width && !is_padded_note(row); });
    if (first == rows.end()) first = std::ranges::find_if(rows, [&](const auto& row) { return row.size() == width; });
    found.skip = lines[static_cast<std::size_t>(first - rows.begin())] - 1;
    if (first == rows.begin()) found.skip = skipped;
    lines.erase(lines.begin(), lines.begin() + (first - rows.begin()));
    rows.erase(rows.begin(), first);
    if (is_heading(rows, 0)) found.header_rows = 1;
    while (found.header_rows > 0 && found.header_rows < kHeaderRowsMax &&
           is_more_heading(rows, static_cast<std::size_t>(found.header_rows)))
        ++found.header_rows;
    const auto from = static_cast<std::size_t>(found.header_rows);
    found.joined = is_joined(rows, found.header_rows);
    std::vector<std::string> joined;
    if (found.joined) {
        std::vector<std::vector<std::string>> header(rows.begin(), rows.begin() + found.header_rows);
        for (auto& row : header)
            for (std::string& text : row) text = heading_text(text);
        joined = join_header(header);
    }
    found.columns.resize(width);
    for (std::size_t i = 0; i < width; ++i) {
        if (from > 0 && i < rows[0].size()) found.columns[i].name = heading_text(rows[0][i]);
        if (from > 1 && i < rows[1].size()) found.columns[i].unit_row = heading_text(rows[1][i]);
        if (found.joined) {
            found.columns[i].name = i < joined.size() ? joined[i] : "";
            found.columns[i].unit_row.clear();
        }
        look_at_column(rows, from, i, found.columns[i]);
    }
    std::size_t commas = 0, points = 0;
    for (const Column& column : found.columns) {
        commas += column.comma_numbers;
        points += column.numbers - std::min(column.numbers, column.whole);
    }
    if (commas > points) found.decimal = ',';
    for (Column& column : found.columns) column.numbers += column.either_numbers;
    find_time(rows, from, found);
    find_keys(rows, from, found);
    return found;
}

// As YAML: quoted unless it is a plain word.
std::string quoted(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const bool is_word = !text.empty() && std::ranges::all_of(text, plain) &&
                         !is_word_of(text, {"y", "n", "yes", "no", "on", "off", "true", "false", "null"});
    if (is_word) return std::string(text);
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        if (static_cast<unsigned char>(c) >= 0x20) out.push_back(c);
    }
    return out + "\"";
}

// Fit for a comment: nothing of a file may begin a line of its own.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x20) out.push_back(c);
    return out;
}

// How a column is named in the map: by its heading, or by number where there is none or it is not the only one.
std::string reference(const Finding& found, std::size_t index) {
    const std::string& name = found.columns[index].name;
    const auto same = std::ranges::count(found.columns, name, &Column::name);
    const bool odd = name.size() > 200 || std::ranges::any_of(name, [](char c) {
                         return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                     });
    return name.empty() || odd || same > 1 ? std::to_string(index + 1) : name;
}

std::string time_part(const Finding& found) {
    if (found.cycle_column >= 0)
        return fmt::format(
            "time:\n  start: \"2020-01-01T00:00:00Z\"  # the file has cycles, no times: choose\n  step: 1h\n  cycle: "
            "{}\n",
            quoted(reference(found, static_cast<std::size_t>(found.cycle_column))));
    if (found.time_columns.empty())
        return "time:\n  # no column of times was found: each row is one step after the row before\n"
               "  start: \"2020-01-01T00:00:00Z\"\n  step: 1s\n";
    std::string names;
    for (const std::size_t column : found.time_columns)
        names += (names.empty() ? "" : ", ") + quoted(reference(found, column));
    std::string text =
        found.time_columns.size() == 1 ? "time:\n  column: " + names + "\n" : "time:\n  columns: [" + names + "]\n";
    text += fmt::format("  format: {}{}\n", quoted(found.time_format),
                        found.time_comment.empty() ? "" : "  # " + found.time_comment);
    if (!is_epoch_format(found.time_format))
        text += "  zone: UTC  # where did the clock stand? For example Asia/Shanghai\n";
    return text;
}

// Which sheet is taken and why.
std::string sheet_part(const SheetRecords& records) {
    const SheetSeen& chosen = records.sheets()[records.chosen()];
    std::string others;
    for (const SheetSeen& sheet : records.sheets()) {
        if (&sheet == &chosen || others.size() > 300) continue;
        others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", one_line(sheet.name),
                              sheet.hidden ? "hidden" : fmt::format("{} rows", sheet.rows));
    }
    if (others.empty()) return fmt::format("  sheet: {}\n", quoted(chosen.name));
    return fmt::format("  sheet: {}  # {} rows, {} numbers and dates; not read: {}\n", quoted(chosen.name), chosen.rows,
                       chosen.values, others);
}

std::string file_part(const Table& table, const Finding& found) {
    std::string text = "file:\n";
    if (table.sheet() != nullptr)
        text += sheet_part(*table.sheet());
    else
        text += fmt::format("  encoding: {}\n  delimiter: {}\n", to_string(table.encoding()),
                            quoted(delimiter_name(table.dialect())));
    text += fmt::format("  header: {}\n", found.header_rows);
    if (found.joined) text += "  join_header: true  # the rows of the header are one name together\n";
    if (found.left_out > 0)
        text +=
            fmt::format("  notes: leave_out  # {} lines of sums, notes or signatures are not read\n", found.left_out);
    if (found.skip > 0) text += fmt::format("  skip: {}\n", found.skip);
    if (found.decimal == ',') text += "  decimal: \",\"\n";
    if (found.transposed) text += "  transposed: true  # one tag a line: the file is turned\n";
    return text;
}

std::string path_part(const Finding& found) {
    std::string path = "import/{file}";
    if (found.device_column >= 0)
        path = "import/{" + reference(found, static_cast<std::size_t>(found.device_column)) + "}";
    if (found.unit_column >= 0)
        path = "import/{file}/unit{" + reference(found, static_cast<std::size_t>(found.unit_column)) + "}";
    return fmt::format("path: {}  # where the tags shall be: site/line/device\n", quoted(path));
}

bool is_key(const Finding& found, std::size_t index) {
    const int column = static_cast<int>(index);
    return column == found.device_column || column == found.unit_column || column == found.cycle_column ||
           (found.name_column >= 0 && column == found.name_column) ||
           std::ranges::find(found.time_columns, index) != found.time_columns.end();
}

std::string column_part(const Finding& found, std::size_t index, std::set<std::string>& taken) {
    const Column& column = found.columns[index];
    Heading heading = read_heading(column.name);
    if (heading.property.empty()) heading.property = fmt::format("c{}", index + 1);
    if (heading.unit.empty() && heading.unknown.empty() && column.percent) heading.unit = "%";
    if (!column.unit_row.empty()) {
        const Heading below = read_heading("x (" + column.unit_row + ")");
        heading.unit = below.unit;
        heading.unknown = below.unknown;
    }
    if (found.name_column >= 0)
        heading.property = "{" + reference(found, static_cast<std::size_t>(found.name_column)) + "}";
    std::string property = heading.property;
    for (int n = 2; !taken.insert(property).second; ++n) property = fmt::format("{}_{}", heading.property, n);
    const std::size_t numbers = column.numbers + (found.decimal == ',' ? column.comma_numbers : 0);
    std::string type;
    if (column.beyond_double)
        type = "integer";
    else if (numbers * 2 < column.filled)
        type = column.booleans == column.filled ? "boolean" : "text";
    std::string text = fmt::format("  {}: {{property: {}", quoted(reference(found, index)), quoted(property));
    if (!type.empty()) text += ", type: " + type;
    if (!heading.unit.empty() && type.empty()) text += ", unit: " + quoted(heading.unit);
    text += "}";
    if (!heading.unknown.empty()) text += fmt::format("  # unit '{}' is not known here", one_line(heading.unknown));
    if (column.filled == 0) text += "  # empty in the first rows";
    if (column.distinct.size() == 1 && column.filled > 100)
        text += "  # always " + quoted(*column.distinct.begin()) + " in the first rows";
    return text + "\n";
}

Result<std::string> render(const Table& table, const Finding& found, const std::string& path, std::size_t looked_at) {
    std::string text = fmt::format(
        "# A proposal from the first {} rows of {}: check it, then\n#   gongshu import FILE --map THIS --dry-run\n",
        looked_at, one_line(path));
    text += file_part(table, found) + time_part(found) + path_part(found) + "columns:\n";
    std::set<std::string> taken, references;
    for (std::size_t i = 0; i < found.columns.size(); ++i) {
        // Headings that are numbers may collide with those of columns that have none.
        if (!references.insert(reference(found, i)).second) continue;
        if (is_key(found, i) || (found.name_column >= 0 && static_cast<int>(i) != found.value_column)) continue;
        text += column_part(found, i, taken);
    }
    if (taken.empty()) return Error{Code::invalid, "{}: no column of values was found beside the times", path};
    text += "# missing: [\"\", NA, NaN, \"--\", \"-999\"]  # words for a value that is not there\n";
    text += "# wrong: bad  # keep what cannot be read as a bad reading; else it is left out\n";
    return text;
}

}  // namespace

Heading read_heading(std::string_view text) {
    text = trim(text);
    static constexpr std::pair<std::string_view, std::string_view> kBrackets[] = {
        {"[", "]"}, {"(", ")"}, {"（", "）"}, {"【", "】"}, {"<", ">"}};
    Heading heading;
    std::string_view name = text;
    for (const auto& [open, close] : kBrackets) {
        const std::size_t at = text.rfind(open);
        if (at == std::string_view::npos || !text.ends_with(close) || at + open.size() + close.size() > text.size())
            continue;
        const std::string_view inside =
            trim(text.substr(at + open.size(), text.size() - at - open.size() - close.size()));
        name = trim(text.substr(0, at));
        if (inside.empty() || inside == "-") break;
        if (const auto unit = expr::check_unit(inside))
            heading.unit = inside;
        else
            heading.unknown = inside;
        break;
    }
    // "Usage_kWh": a unit behind the last line or slash, if it is written as units are and not as a word.
    if (heading.unit.empty() && heading.unknown.empty()) {
        const std::size_t at = name.find_last_of("_/ ");
        static constexpr std::string_view kUnits[] = {"kWh", "kvarh", "kVarh", "kW",  "degC", "degF", "℃",
                                                      "°C",  "bar",   "mbar",  "kPa", "MPa",  "rpm",  "Hz",
                                                      "mA",  "mm",    "kg",    "m3",  "Nm",   "%"};
        if (at != std::string_view::npos && at > 0)
            for (const std::string_view unit : kUnits)
                if (name.substr(at + 1) == unit && expr::check_unit(unit)) {
                    heading.unit = unit;
                    name = name.substr(0, at);
                    break;
                }
    }
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
        if (letter)
            heading.property.push_back(c);
        else if (c >= 'A' && c <= 'Z')
            heading.property.push_back(static_cast<char>(c - 'A' + 'a'));
        else if (!heading.property.empty() && heading.property.back() != '_')
            heading.property.push_back('_');
    }
    while (heading.property.ends_with('_')) heading.property.pop_back();
    return heading;
}

Layout layout_for_proposal() { return {.header_rows = 0}; }

Result<std::string> propose_map(io::Files& files, const std::string& path) {
    return propose_map(TRY(Table::open(files, path, layout_for_proposal())));
}

Result<std::string> propose_map(Table table, std::uint64_t skipped) {
    const std::string& path = table.name();
    Rows rows;
    std::vector<std::uint64_t> lines;
    Record record;
    std::string first_fault;
    std::size_t left_out = 0;
    while (rows.size() < kRecordsMax) {
        const auto next = TRY(table.next(record));
        if (next == Table::Next::end) break;
        if (next == Table::Next::fault) {
            if (first_fault.empty()) first_fault = fmt::format("line {}: {}", record.line, table.fault());
            continue;
        }
        if (!leftover_of(record.fields).empty()) {
            ++left_out;
            continue;
        }
        auto& row = rows.emplace_back();
        for (const std::string_view field : record.fields) row.emplace_back(trim(field));
        lines.push_back(record.line);
    }
    if (rows.empty() && !first_fault.empty())
        return Error{Code::invalid, "{} holds no row that can be used; {}", path, first_fault};
    if (rows.empty()) return Error{Code::invalid, "{} holds no rows", path};
    // Far more columns than rows, all numbers: the table lies on its side.
    const bool all_numbers =
        std::ranges::all_of(rows, [](const auto& row) { return std::ranges::all_of(row, is_value); });
    const bool transposed =
        all_numbers && rows.size() > 1 && rows.front().size() >= 100 && rows.front().size() > rows.size() * 4;
    if (transposed) {
        Rows turned(rows.front().size());
        for (const auto& row : rows)
            for (std::size_t i = 0; i < turned.size(); ++i) turned[i].push_back(i < row.size() ? row[i] : "");
        rows = std::move(turned);
        lines.assign(rows.size(), 1);
    }
    Finding found = look_at(rows, lines, skipped);
    found.transposed = transposed;
    found.left_out = left_out;
    return render(table, found, path, rows.size());
}

}  // namespace gongshu::importer
