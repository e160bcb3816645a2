#include "importer/mapper.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/options.h"
#include "data/tag.h"
#include "importer/loose.h"

namespace gongshu::importer {
namespace {

std::string_view base_name(std::string_view file) {
    if (const std::size_t slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
    return file;
}
std::string_view stem(std::string_view file) {
    file = base_name(file);
    const std::size_t dot = file.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? file : file.substr(0, dot);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What would be read as part of a path's grammar becomes %XX.
void put_encoded(std::string& out, std::string_view value) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    for (const char c : value) {
        if (std::string_view("%/.*?").find(c) == std::string_view::npos && !is_control(c)) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
            out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
        }
    }
}

std::string shown(std::string_view text) {
    return text.size() <= 60 ? std::string(text) : std::string(text.substr(0, 57)) + "...";
}

}  // namespace

Mapper::Mapper(const Map& map, std::string file, MapperLimits limits)
    : map_(map), file_(std::move(file)), limits_(limits) {
    report_.file = file_;
}

Result<std::unique_ptr<Mapper>> Mapper::create(const Map& map, const std::string& file,
                                               const std::vector<std::string>& names, MapperLimits limits) {
    std::unique_ptr<Mapper> made(new Mapper(map, file, limits));
    TRY(made->bind(names));
    return made;
}

Result<int> Mapper::find_column(std::string_view name, const std::vector<std::string>& names, std::string_view place) {
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) {
        if (std::ranges::find(found + 1, names.end(), name) != names.end())
            return Error{Code::invalid, "{}: the header has '{}' more than once: give the column's number, from 1",
                         place, name};
        return static_cast<int>(found - names.begin());
    }
    const auto number = parse_integer(name);
    const auto columns = static_cast<long long>(names.empty() ? kColumnsMax : names.size());
    if (number && *number >= 1 && *number <= columns) return static_cast<int>(*number - 1);
    if (names.empty())
        return Error{Code::invalid, "{}: '{}' is no column's number: the file has no header, so columns are 1, 2, 3 …",
                     place, name};
    const std::string near = options::nearest(std::string(name), names);
    return Error{Code::invalid,
                 "{}: there is no column '{}'{}; the header has {} columns, the first is '{}'",
                 place,
                 name,
                 near.empty() ? "" : ": did you mean '" + near + "'?",
                 names.size(),
                 shown(names.front())};
}

Result<Mapper::Template> Mapper::parse_template(std::string_view text, const std::vector<std::string>& names,
                                                std::string_view place) {
    Template pieces;
    while (!text.empty()) {
        const std::size_t open = std::min(text.find('{'), text.size());
        if (open > 0) pieces.push_back({.text = std::string(text.substr(0, open))});
        text.remove_prefix(open);
        if (text.empty()) break;
        const std::size_t close = text.find('}');
        if (close == std::string_view::npos) return Error{Code::invalid, "{}: '{{' is not closed", place};
        std::string_view name = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        Piece piece;
        if (name.ends_with(":raw")) {
            piece.raw = true;
            name.remove_suffix(4);
        }
        if (name == "file" && std::ranges::find(names, name) == names.end()) {
            if (piece.raw)
                piece.text = stem(file_);
            else
                put_encoded(piece.text, stem(file_));
        } else {
            piece.column = TRY(find_column(name, names, place));
            const auto column = static_cast<std::size_t>(piece.column);
            if (std::ranges::find(key_columns_, column) == key_columns_.end()) key_columns_.push_back(column);
        }
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

Result<void> Mapper::bind(const std::vector<std::string>& names) {
    width_ = names.size();
    names_ = names;
    path_ = TRY(parse_template(map_.path, names, "path"));
    for (const ColumnMap& one : map_.columns) {
        const std::string place = "columns." + one.column;
        Column column{.name = one.column, .type = one.type, .unit = one.unit, .scale = one.scale, .offset = one.offset};
        column.scaled = one.scale != 1 || one.offset != 0;
        column.index = static_cast<std::size_t>(TRY(find_column(one.column, names, place)));
        column.property = TRY(parse_template(one.property, names, place));
        if (one.property.find('/') != std::string::npos)
            return Error{Code::invalid, "{}.property: '{}' holds a slash: what stands before it belongs into path",
                         place, one.property};
        column.missing =
            map_.missing.value_or(one.type == ValueType::text ? std::vector<std::string>{""} : usual_missing_words());
        column.missing.insert(column.missing.end(), one.missing.begin(), one.missing.end());
        for (const std::string& word : column.missing)
            if (const auto number = parse_number(word, map_.layout.numbers)) column.missing_numbers.push_back(*number);
        columns_.push_back(std::move(column));
    }
    for (const std::string& name : map_.time.columns)
        time_columns_.push_back(static_cast<std::size_t>(TRY(find_column(name, names, "time.column"))));
    if (!map_.time.columns.empty()) {
        time_reader_ = TRY(
            TimeReader::create(map_.time.formats, map_.time.zone.empty() ? "UTC" : map_.time.zone, map_.time.repeated));
        return {};
    }
    if (!map_.time.cycle.empty())
        cycle_column_ = static_cast<std::size_t>(TRY(find_column(map_.time.cycle, names, "time.cycle")));
    const auto of_file = map_.time.start_of_file.find(std::string(base_name(file_)));
    if (of_file != map_.time.start_of_file.end())
        start_ = of_file->second;
    else if (map_.time.start)
        start_ = *map_.time.start;
    else
        return Error{Code::invalid, "time.start: has no time for the file '{}'", base_name(file_)};
    return {};
}

void Mapper::take_fault(std::uint64_t line, std::string text) {
    ++report_.bad_rows;
    ++record_number_;
    report_.fault(line, "", std::move(text));
}

// What stands around a table: notes, sums, signatures, and its header again on each printed page.
bool Mapper::leave_out(const Record& record) {
    if (!map_.layout.leave_out || record.fields.empty()) return false;
    std::string_view why = leftover_of(record.fields);
    const auto is_name = [](std::string_view field, const std::string& name) { return trim(field) == name; };
    if (why.empty() && !names_.empty() && !names_[0].empty() && is_name(record.fields[0], names_[0]) &&
        std::ranges::equal(record.fields, names_, is_name))
        why = "the header again";
    if (why.empty()) return false;
    std::string whole;
    for (const std::string_view field : record.fields)
        if (!trim(field).empty() && whole.size() < 60) whole += (whole.empty() ? "" : " ") + std::string(trim(field));
    report_.leave_out(record.line, fmt::format("left out, {}: '{}'", why, shown(whole)));
    ++record_number_;
    return true;
}

Result<void> Mapper::check_width(const Record& record) {
    if (width_ == 0) width_ = record.fields.size();
    const std::size_t found = record.fields.size();
    if (found == width_) [[likely]]
        return {};
    if (found < width_) {
        if (map_.layout.ragged) return {};
        return Error{Code::malformed, "the line has {} fields, {} were expected: is it cut?", found, width_};
    }
    for (std::size_t i = width_; i < found; ++i)
        if (!trim(record.fields[i]).empty())
            return Error{Code::malformed, "the line has {} fields, {} were expected: is a delimiter within a value?",
                         found, width_};
    return {};
}

Result<TimeNs> Mapper::time_of(const Record& record, const Group& group) {
    if (!time_reader_) {
        long long count = static_cast<long long>(record_number_);
        if (!map_.time.cycle.empty()) {
            const std::string_view text =
                cycle_column_ < record.fields.size() ? record.fields[cycle_column_] : std::string_view{};
            const auto number = parse_integer(text, map_.layout.numbers);
            if (!number) return Error{Code::malformed, "'{}' is no whole number", shown(text)};
            count = *number;
        }
        const __int128 time = start_ + static_cast<__int128>(count) * map_.time.step;
        if (time < std::numeric_limits<TimeNs>::min() / 1001 * 1000 ||
            time > std::numeric_limits<TimeNs>::max() / 1001 * 1000)
            return Error{Code::limit, "start + {} × step lies outside of 1678 … 2261", count};
        return static_cast<TimeNs>(time);
    }
    if (time_columns_.size() == 1 && time_columns_[0] < record.fields.size())
        return time_reader_->read(record.fields[time_columns_[0]], group.before);
    joined_.clear();
    for (const std::size_t column : time_columns_) {
        if (column >= record.fields.size()) return Error{Code::malformed, "the line ends before the time's column"};
        if (!joined_.empty()) joined_.push_back(' ');
        joined_ += trim(record.fields[column]);
    }
    return time_reader_->read(joined_, group.before);
}

Result<Mapper::Group*> Mapper::group_of(const Record& record) {
    key_.clear();
    for (const std::size_t column : key_columns_) {
        if (column >= record.fields.size()) return Error{Code::malformed, "the line ends before column {}", column + 1};
        const std::string_view value = trim(record.fields[column]);
        if (value.empty())
            return Error{Code::malformed, "column {} is empty, but stands in the tag's path", column + 1};
        key_.append(value).push_back('\n');
    }
    if (last_group_ != nullptr && key_ == last_key_) return last_group_;
    auto found = groups_.find(key_);
    if (found == groups_.end()) {
        if (groups_.size() >= limits_.series_max)
            return Error{Code::limit, "more than {} different paths in one file", limits_.series_max};
        found = groups_.emplace(key_, std::make_unique<Group>()).first;
        found->second->tags.resize(columns_.size());
    }
    last_key_ = key_;
    return last_group_ = found->second.get();
}

void Mapper::note_time(const Record& record, Group& group, TimeNs time) {
    const std::size_t bytes = group.seen.bytes();
    const std::uint64_t out_of_order = group.seen.out_of_order();
    const SeenTimes::Answer answer = group.seen.add(time);
    report_.out_of_order += group.seen.out_of_order() - out_of_order;
    if (answer == SeenTimes::Answer::seen) {
        ++report_.duplicates;
        if (report_.first_duplicates.size() < Report::kToldMax) report_.first_duplicates.push_back({record.line, time});
    } else {
        ++report_.times;
        if (answer == SeenTimes::Answer::unknown) report_.duplicates_complete = false;
    }
    if (forgetting_) return;
    seen_bytes_ += group.seen.bytes() - bytes;
    if (seen_bytes_ <= limits_.seen_bytes_max) return;
    forgetting_ = true;
    for (auto& [key, one] : groups_) one->seen.forget_past();
}

void Mapper::take(const Record& record, Rows& rows) {
    const auto refuse = [&](const Error& error, const std::string& column = {}) {
        ++report_.bad_rows;
        ++record_number_;
        report_.fault(record.line, column, error.text());
    };
    if (leave_out(record)) return;
    if (auto fits = check_width(record); !fits) return refuse(fits.error());
    const auto group = group_of(record);
    if (!group) return refuse(group.error());
    const auto time = time_of(record, **group);
    if (!time) return refuse(time.error(), map_.time.columns.empty() ? map_.time.cycle : map_.time.columns.front());
    ++record_number_;
    ++report_.rows;
    report_.last_line = record.line;
    if (forgetting_) (*group)->seen.forget_past();
    note_time(record, **group, *time);
    (*group)->before = *time;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        Column& column = columns_[i];
        const std::string_view text =
            column.index < record.fields.size() ? trim(record.fields[column.index]) : std::string_view{};
        take_value(record, column, text, **group, *time, i, rows);
    }
}

bool Mapper::is_missing(const Column& column, std::string_view text) const {
    return std::ranges::find(column.missing, text) != column.missing.end();
}

void Mapper::note_value(TagId tag, TimeNs time, std::uint64_t bits) {
    Series& series = report_.series[tag.value - 1];
    std::uint8_t bytes[16];
    std::memcpy(bytes, &time, 8);
    std::memcpy(bytes + 8, &bits, 8);
    series.checksum = crc32c(bytes, series.checksum);
    if (series.values++ == 0) series.first = series.last = time;
    series.first = std::min(series.first, time);
    series.last = std::max(series.last, time);
    ++report_.values;
}

void Mapper::note_missing(std::string_view text) {
    ++report_.missing;
    if (text.empty()) return;
    const auto found = report_.missing_words.find(std::string(text));
    if (found != report_.missing_words.end())
        ++found->second;
    else if (report_.missing_words.size() < Report::kWordsMax)
        report_.missing_words.emplace(text, 1);
}

// A number as people write it: 1,250 or 1.2万 or 95.3%. A share counts by the column's unit: %, ‰, 1 or none.
Result<double> Mapper::read_loosely(const Record& record, Column& column, std::string_view text) {
    const auto loose = parse_loose_number(text, map_.layout.numbers, column.unit);
    if (!loose) return Error{Code::malformed, "'{}' is no {}", shown(text), to_string(column.type)};
    const auto doubt = [&](std::string what) { report_.doubt(record.line, column.name, std::move(what)); };
    if (loose->is_doubtful)
        doubt(fmt::format("'{}' is taken as {}; where the comma stands for a point say file.decimal", shown(text),
                          loose->value));
    if (loose->share == LooseNumber::Share::none) return loose->value;
    const bool permille = loose->share == LooseNumber::Share::permille;
    if (!column.seen_share && column.seen_plain)
        doubt(fmt::format("'{}' is a share, but values before it have no sign", shown(text)));
    column.seen_share = true;
    if (column.unit.empty() || column.unit == (permille ? "‰" : "%")) return loose->value;
    if (column.unit == "1") return loose->value / (permille ? 1000 : 100);
    if (column.unit == "%" || column.unit == "‰") return permille ? loose->value / 10 : loose->value * 10;
    return Error{Code::malformed, "'{}' is a share, but the column's unit is {}", shown(text), column.unit};
}

void Mapper::take_value(const Record& record, Column& column, std::string_view text, Group& group, TimeNs time,
                        std::size_t number, Rows& rows) {
    std::optional<double> value;
    std::optional<long long> whole;
    std::optional<bool> boolean;
    bool read = false;
    switch (column.type) {
        case ValueType::number:
            read = (value = parse_number(text, map_.layout.numbers)).has_value();
            break;
        case ValueType::integer:
            read = (whole = parse_integer(text, map_.layout.numbers)).has_value();
            if (read) value = static_cast<double>(*whole);
            break;
        case ValueType::boolean:
            read = (boolean = parse_boolean(text)).has_value();
            break;
        case ValueType::text:
            read = text.size() <= limits_.text_bytes_max;
            break;
    }
    // Words are looked at only where no number was found, or where a number may stand for a missing one.
    const bool absent = value ? std::ranges::find(column.missing_numbers, *value) != column.missing_numbers.end()
                              : (!boolean && is_missing(column, text));
    if (absent || (text.empty() && column.type != ValueType::text)) {
        return note_missing(text);
    }
    std::string wrong;
    if (!read) wrong = fmt::format("'{}' is no {}", shown(text), to_string(column.type));
    if (!read && (column.type == ValueType::number || column.type == ValueType::integer)) {
        const auto loose = read_loosely(record, column, text);
        if (!loose) wrong = loose.error().text();
        read = loose && (column.type == ValueType::number || (*loose == std::floor(*loose) && std::abs(*loose) < 9e15));
        if (read) value = *loose;
        if (read && column.type == ValueType::integer) whole = static_cast<long long>(*loose);
    } else if (value) {
        if (column.seen_share && !column.seen_plain)
            report_.doubt(record.line, column.name,
                          fmt::format("'{}' has no sign, but values before it are shares", shown(text)));
        column.seen_plain = true;
    }
    const auto tag = tag_of(record, column, group, number);
    if (!tag) {
        ++report_.wrong_values;
        return report_.fault(record.line, column.name, tag.error().text());
    }
    if (!read) return wrong_value(record, column, std::move(wrong), *tag, time, rows);
    switch (column.type) {
        case ValueType::number: {
            const double stored = column.scaled ? *value * column.scale + column.offset : *value;
            rows.add_number(*tag, time, stored);
            return note_value(*tag, time, std::bit_cast<std::uint64_t>(stored));
        }
        case ValueType::integer:
            rows.add_integer(*tag, time, *whole);
            return note_value(*tag, time, static_cast<std::uint64_t>(*whole));
        case ValueType::boolean:
            rows.add_boolean(*tag, time, *boolean);
            return note_value(*tag, time, *boolean);
        case ValueType::text:
            rows.add_text(*tag, time, text);
            return note_value(*tag, time, crc32c(as_bytes(text)));
    }
}

void Mapper::wrong_value(const Record& record, const Column& column, std::string text, TagId tag, TimeNs time,
                         Rows& rows) {
    ++report_.wrong_values;
    report_.fault(record.line, column.name, std::move(text));
    if (map_.wrong == Wrong::skip) return;
    const Quality quality = bad(Reason::type);
    switch (column.type) {
        case ValueType::number:
            rows.add_number(tag, time, std::numeric_limits<double>::quiet_NaN(), quality);
            return note_value(tag, time, std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN()));
        case ValueType::integer:
            rows.add_integer(tag, time, 0, quality);
            break;
        case ValueType::boolean:
            rows.add_boolean(tag, time, false, quality);
            break;
        case ValueType::text:
            rows.add_text(tag, time, "", quality);
            break;
    }
    note_value(tag, time, 0);
}

Result<std::string> Mapper::render(const Template& pieces, const Record& record) const {
    std::string text;
    for (const Piece& piece : pieces) {
        if (piece.column < 0) {
            text += piece.text;
            continue;
        }
        const std::string_view value = trim(record.fields[static_cast<std::size_t>(piece.column)]);
        if (piece.raw)
            text += value;
        else
            put_encoded(text, value);
    }
    return text;
}

Result<TagId> Mapper::tag_of(const Record& record, const Column& column, Group& group, std::size_t number) {
    TagId& tag = group.tags[number];
    if (tag) [[likely]]
        return tag;
    if (report_.series.size() >= limits_.series_max)
        return Error{Code::limit, "more than {} tags in one file", limits_.series_max};
    const std::string path = TRY(render(path_, record)), property = TRY(render(column.property, record));
    if (property.find('/') != std::string::npos || property.empty())
        return Error{Code::invalid, "'{}' cannot be the last part of a tag's path", shown(property)};
    const std::string whole = path + "." + property;
    if (const auto fault = tag_path_fault(whole)) return Error{Code::invalid, "'{}': {}", shown(whole), *fault};
    if (std::ranges::any_of(whole, is_control))
        return Error{Code::invalid, "'{}' cannot be a tag's path", shown(whole)};
    const auto [known, is_new] = tags_.try_emplace(whole, TagId{report_.series.size() + 1});
    if (!is_new) {
        if (report_.series[known->second.value - 1].type != column.type)
            return Error{Code::invalid, "the tag {} is fed by two columns of different types", whole};
        return tag = known->second;
    }
    report_.series.push_back({.path = whole, .type = column.type, .unit = column.unit});
    return tag = TagId{report_.series.size()};
}

}  // namespace gongshu::importer
