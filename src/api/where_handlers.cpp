// Read with where=: of each device the times at which conditions on the values of its properties hold, and what the
// tags that are asked for said then, side by side.
#include <fmt/compile.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/csv.h"
#include "api/read.h"
#include "history/select.h"
#include "history/where.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

using history::split_path;
using history::TagList;
using history::TagPtr;
using Device = history::DeviceTags;

constexpr std::size_t kCsvColumnsMax = 1'000;

Result<SelectRequest> parse_select(Core& core, const Ask& ask) {
    for (const std::string_view name : {"every", "agg", "fill", "gap", "zone", "points", "sample", "calendar", "place"})
        if (ask.find(name) != nullptr)
            return Error{Code::invalid, "{}: goes not with where=, which gives rows as they are", name};
    SelectRequest request;
    request.window = TRY(parse_window(ask, core.clock().now(), kHour));
    TRY(parse_quality_filter(ask, request.quality));
    const std::uint64_t limit = TRY(parse_number(ask, "limit", kReadRowsMax, 1, kReadRowsMax));
    request.newest_first = TRY(parse_falling(ask));
    if (ask.value("order").empty())
        request.rows_max = limit;
    else if (ask.find("limit") != nullptr)
        request.rows_wanted = limit;
    request.patience = TRY(parse_patience(core, ask));
    return request;
}

// What an answer holds: devices that have rows.
struct WhereAnswer {
    std::vector<Device> devices;
    std::vector<SelectedRows> rows;  // of them

    Units units;
};

bool is_there(const SelectedColumn& column, std::size_t row) {
    return column.qualities.empty() || column.qualities[row] != kNoReading;
}

// The quality of a reading that is not simply good.
std::optional<Quality> other_quality(const SelectedColumn& column, std::size_t row) {
    static const std::uint16_t good = pack(kGood);
    if (column.qualities.empty() || column.qualities[row] == good || column.qualities[row] == kNoReading)
        return std::nullopt;
    return unpack_quality(column.qualities[row]);
}

void write_cell(JsonWriter& out, const SelectedColumn& column, std::size_t row) {
    if (!is_there(column, row)) {
        out.null();
        return;
    }
    const std::uint64_t bits = column.bits[row];
    switch (column.type) {
        case ValueType::number:
            out.number(std::bit_cast<double>(bits));
            return;
        case ValueType::integer:
            out.safe_integer(static_cast<std::int64_t>(bits));
            return;
        case ValueType::boolean:
            out.boolean(bits != 0);
            return;
        case ValueType::text:
            out.text(column.text_at(row));
            return;
    }
}

// As JsonWriter writes them, where there is room for kNumberRoom bytes; a row of numbers is most of what an answer is.
constexpr std::size_t kNumberRoom = 32;
char* put(char* at, std::string_view text) { return std::copy(text.begin(), text.end(), at); }
char* put_integer(char* at, std::int64_t value) { return std::to_chars(at, at + kNumberRoom, value).ptr; }
char* put_safe_integer(char* at, std::int64_t value) {
    constexpr std::int64_t kSafe = std::int64_t{1} << 53;
    if (value >= -kSafe && value <= kSafe) return put_integer(at, value);
    *at++ = '"';
    at = put_integer(at, value);
    *at++ = '"';
    return at;
}
char* put_number(char* at, double value) {
    if (!std::isfinite(value)) return put(at, "null");
    if (std::abs(value) < 1e15 && value == std::trunc(value) && !(value == 0 && std::signbit(value)))
        return put_integer(at, static_cast<std::int64_t>(value));
    return fmt::format_to(at, FMT_COMPILE("{}"), value);
}
char* put_cell(char* at, ValueType type, std::uint64_t bits) {
    if (type == ValueType::number) return put_number(at, std::bit_cast<double>(bits));
    if (type == ValueType::boolean) return put(at, bits != 0 ? "true" : "false");
    return put_safe_integer(at, static_cast<std::int64_t>(bits));
}

class WhereJson final : public Pieces {
public:
    explicit WhereJson(WhereAnswer answer) : answer_(std::move(answer)) {}

    Result<bool> next(std::string& out) override {
        out.reserve(std::min(bytes_left(), kReadPieceBytes + (8 << 10)));
        if (!std::exchange(begun_, true)) out.append("{\"devices\":[");
        for (; device_ < answer_.devices.size(); ++device_, row_ = 0) {
            if (row_ == 0 && out.size() >= kReadPieceBytes) return true;
            if (row_ == 0) begin_device(out);
            for (const std::size_t rows = answer_.rows[device_].times.size(); row_ < rows; ++row_) {
                if (row_ > 0 && out.size() >= kReadPieceBytes) return true;
                if (row_ > 0) out.push_back(',');
                if (is_plain_)
                    write_plain_row(out);
                else
                    write_row(out);
            }
            out.append("]}");
        }
        out.append("]}");
        return false;
    }

private:
    // Roughly.
    std::size_t bytes_left() const {
        std::size_t bytes = 16;
        for (std::size_t i = device_; i < answer_.devices.size(); ++i)
            bytes += 200 + (answer_.rows[i].times.size() + 2) * (24 + 8 * answer_.rows[i].columns.size());
        return bytes;
    }

    void begin_device(std::string& out) {
        const Device& device = answer_.devices[device_];
        if (device_ > 0) out.push_back(',');
        JsonWriter json{out};
        json.begin_object().key("device").text(device.path).key("columns").begin_array().text("ts");
        names_.clear();
        for (const TagPtr& tag : device.tags) json.text(names_.emplace_back(split_path(tag->path).second));
        json.text("quality").end_array().key("units").begin_array().null();
        for (const TagPtr& tag : device.tags) tag->unit.empty() ? json.null() : json.text(tag->unit);
        json.null().end_array();
        if (answer_.rows[device_].more) json.key("more").boolean(true);
        json.key("rows").begin_array();
        is_plain_ = std::ranges::all_of(answer_.rows[device_].columns, [](const SelectedColumn& column) {
            return column.type != ValueType::text && column.qualities.empty();
        });
    }

    void write_plain_row(std::string& out) const {
        const SelectedRows& rows = answer_.rows[device_];
        const std::size_t begin = out.size();
        out.resize_and_overwrite(begin + kNumberRoom * (rows.columns.size() + 2), [&](char* all, std::size_t) {
            char* at = all + begin;
            *at++ = '[';
            at = put_integer(at, answer_.units.time(rows.times[row_]));
            for (const SelectedColumn& column : rows.columns) {
                *at++ = ',';
                at = put_cell(at, column.type, column.bits[row_]);
            }
            return static_cast<std::size_t>(put(at, ",null]") - all);
        });
    }

    void write_row(std::string& out) const {
        const SelectedRows& rows = answer_.rows[device_];
        JsonWriter json{out};
        json.begin_array().integer(answer_.units.time(rows.times[row_]));
        bool good = true;
        for (const SelectedColumn& column : rows.columns) {
            write_cell(json, column, row_);
            good = good && !other_quality(column, row_);
        }
        if (good)
            json.null();
        else
            write_qualities(json, rows);
        json.end_array();
    }
    void write_qualities(JsonWriter& json, const SelectedRows& rows) const {
        json.begin_object();
        for (std::size_t i = 0; i < rows.columns.size(); ++i)
            if (const auto quality = other_quality(rows.columns[i], row_))
                json.key(names_[i]).text(to_string(*quality));
        json.end_object();
    }

    const WhereAnswer answer_;
    std::size_t device_ = 0, row_ = 0;
    bool begun_ = false;
    std::vector<std::string_view> names_;  // of the device's columns
    bool is_plain_ = false;                // its rows are of numbers and booleans alone, and all good
};

// device,ts,time, a column for each property of any of the devices, quality.
class WhereCsv final : public Pieces {
public:
    WhereCsv(WhereAnswer answer, std::vector<std::string_view> properties)
        : answer_(std::move(answer)), properties_(std::move(properties)) {}

    Result<bool> next(std::string& out) override {
        if (!std::exchange(begun_, true)) write_head(out);
        for (; device_ < answer_.devices.size(); ++device_, row_ = 0) {
            if (row_ == 0 && out.size() >= kReadPieceBytes) return true;
            if (row_ == 0) set_places();
            for (const std::size_t rows = answer_.rows[device_].times.size(); row_ < rows; ++row_) {
                if (row_ > 0 && out.size() >= kReadPieceBytes) return true;
                write_row(out);
            }
        }
        return false;
    }

private:
    void write_head(std::string& out) const {
        out.append("device,ts,time");
        for (const std::string_view property : properties_) {
            out.push_back(',');
            write_csv_text(out, property);
        }
        out.append(",quality\r\n");
    }
    void set_places() {
        places_.assign(properties_.size(), std::nullopt);
        const TagList& tags = answer_.devices[device_].tags;
        for (std::size_t i = 0; i < tags.size(); ++i) {
            const auto found = std::ranges::find(properties_, split_path(tags[i]->path).second);
            places_[static_cast<std::size_t>(found - properties_.begin())] = i;
        }
    }
    void write_row(std::string& out) const {
        const SelectedRows& rows = answer_.rows[device_];
        const TimeNs time = rows.times[row_];
        write_csv_text(out, answer_.devices[device_].path);
        out.append(fmt::format(",{},{}", answer_.units.time(time), format_time(time)));
        std::string qualities;
        for (std::size_t i = 0; i < properties_.size(); ++i) {
            out.push_back(',');
            if (!places_[i]) continue;
            const SelectedColumn& column = rows.columns[*places_[i]];
            if (is_there(column, row_)) write_csv_value(out, value_of(column));
            if (const auto quality = other_quality(column, row_))
                qualities.append(qualities.empty() ? "" : " ")
                    .append(properties_[i])
                    .append("=")
                    .append(to_string(*quality));
        }
        out.push_back(',');
        if (!qualities.empty()) write_csv_text(out, qualities);
        out.append("\r\n");
    }
    Value value_of(const SelectedColumn& column) const {
        const std::uint64_t bits = column.bits[row_];
        switch (column.type) {
            case ValueType::number:
                return std::bit_cast<double>(bits);
            case ValueType::integer:
                return static_cast<std::int64_t>(bits);
            case ValueType::boolean:
                return bits != 0;
            case ValueType::text:
                return std::string(column.text_at(row_));
        }
        return 0.0;
    }

    const WhereAnswer answer_;
    const std::vector<std::string_view> properties_;
    std::size_t device_ = 0, row_ = 0;
    bool begun_ = false;
    std::vector<std::optional<std::size_t>> places_;  // of the properties in the device's columns
};

Result<std::vector<std::string_view>> csv_columns(const WhereAnswer& answer) {
    std::vector<std::string_view> properties;
    for (const Device& device : answer.devices)
        for (const TagPtr& tag : device.tags) {
            const std::string_view property = split_path(tag->path).second;
            if (std::ranges::find(properties, property) == properties.end()) properties.push_back(property);
            if (properties.size() > kCsvColumnsMax)
                return Error{Code::limit,
                             "a table has at most {} columns; these devices have more properties: ask for "
                             "fewer, or for format=json",
                             kCsvColumnsMax};
        }
    return properties;
}

// Those without any are left out; how many readings the others have.
std::uint64_t leave_those_with_rows(WhereAnswer& answer) {
    std::uint64_t readings = 0;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < answer.devices.size(); ++i) {
        if (answer.rows[i].times.empty()) continue;
        for (const SelectedColumn& column : answer.rows[i].columns)
            readings += answer.rows[i].times.size() -
                        static_cast<std::uint64_t>(std::ranges::count(column.qualities, kNoReading));
        if (kept != i) {
            answer.devices[kept] = std::move(answer.devices[i]);
            answer.rows[kept] = std::move(answer.rows[i]);
        }
        ++kept;
    }
    answer.devices.resize(kept);
    answer.rows.resize(kept);
    return readings;
}

}  // namespace

Result<Answer> read_where(Core& core, const Ask& ask) {
    const bool as_csv = ask.value("format") == "csv";
    WhereAnswer answer;
    answer.units = TRY(parse_units(ask));
    const std::vector<std::string> texts = ask.all("where");
    const auto where = TRY(history::parse_conditions(texts).context("where"));
    SelectRequest request = TRY(parse_select(core, ask));
    answer.devices = history::devices_of(TRY(find_shared_tags(core, ask)));
    const auto find = [&](const std::string& path) -> TagPtr {
        if (!sees(ask.who, path)) return nullptr;
        auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), path);
        return info && sees(ask.who, info->path) ? std::make_shared<const TagInfo>(std::move(*info)) : nullptr;
    };
    TRY(history::set_conditions(where, find, answer.devices).context("where"));
    for (Device& device : answer.devices) request.objects.push_back(std::move(device.object));
    answer.rows = TRY(history::select(core.deps.reader, request));
    const std::uint64_t readings = leave_those_with_rows(answer);
    std::vector<std::string_view> columns;  // within the paths of the tags, which stay where they are
    if (as_csv) columns = TRY(csv_columns(answer));
    std::string what = asked_tags(ask);
    for (std::size_t i = 0; i < texts.size() && what.size() < CountingEgress::kTextMax; ++i)
        what += (i == 0 ? " where " : ", ") + texts[i];
    TRY(let_out(core, ask, as_csv ? "csv" : "rest", what, readings));
    if (!as_csv) return answer_in_pieces(std::make_shared<WhereJson>(std::move(answer)), "application/json");
    Answer csv = TRY(
        answer_in_pieces(std::make_shared<WhereCsv>(std::move(answer), std::move(columns)), "text/csv; charset=utf-8"));
    csv.headers.push_back({"content-disposition", "attachment; filename=\"rows.csv\""});
    csv.door = "csv";
    return csv;
}

}  // namespace gongshu::api
