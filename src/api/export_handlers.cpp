// Readings of a time range however long, as a file that goes out while it is read: memory holds one part of it.
#include <algorithm>
#include <memory>

#include "api/csv.h"
#include "api/handlers.h"
#include "wire/line.h"

namespace gongshu::api {

namespace {

constexpr std::uint64_t kSliceRows = 20'000;  // read at once
constexpr std::size_t kPieceBytes = 128 << 10;
constexpr std::size_t kColumnsMax = 1'000;  // of a wide table
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Reads a range part by part, in order, with as long a part as holds few enough rows: what is dense comes in short
// parts, and years without any in one.
class Slices {
public:
    Slices(const Reader& reader, std::vector<TagId> tags, Window window)
        : reader_(reader), tags_(std::move(tags)), at_(window.from), to_(window.to), length_(left()) {}

    // The next part that holds any rows, a series for each tag; false when there is none any more.
    Result<bool> next(std::vector<Series>& out) {
        while (at_ < to_) {
            length_ = std::min(length_, left());
            const TimeNs end = at_ + static_cast<DurationNs>(length_);
            auto read = reader_.read({.tags = tags_, .window = {at_, end}, .rows_max = kSliceRows});
            if (!read) {
                if (read.error().code() != Code::limit || length_ <= 1) return std::move(read).error();
                length_ = std::max<std::uint64_t>(length_ / 4, 1);
                continue;
            }
            at_ = end;
            std::uint64_t rows = 0;
            for (const Series& series : *read) rows += series.rows.size();
            if (rows < kSliceRows / 4) length_ *= 2;
            if (rows == 0) continue;
            out = std::move(*read);
            return true;
        }
        return false;
    }

private:
    // At most 2^63 - 1, so that it can be doubled; the years 1678 to 2262 are less than twice that.
    std::uint64_t left() const {
        return std::min<std::uint64_t>(static_cast<std::uint64_t>(to_) - static_cast<std::uint64_t>(at_), INT64_MAX);
    }

    const Reader& reader_;
    const std::vector<TagId> tags_;
    TimeNs at_;
    const TimeNs to_;
    std::uint64_t length_;
};

// How readings are written down.
class Format {
public:
    virtual ~Format() = default;
    virtual void begin(std::string& /*out*/) {}
    virtual void begin_tag(std::string& /*out*/, const TagInfo& /*tag*/) {}
    virtual void row(std::string& out, const TagInfo& tag, const Rows& rows, std::size_t i) = 0;
};

// A spreadsheet would take such a text for a formula.
bool is_formula(std::string_view text) {
    return !text.empty() && std::string_view{"=+-@\t\r"}.find(text.front()) != std::string_view::npos;
}

struct CsvStyle {
    Units units;
    bool for_excel = false;  // a byte order mark in front, and no text that would become a formula
};

void write_cell(std::string& out, const CsvStyle& style, std::string_view text) {
    write_csv_text(out, style.for_excel && is_formula(text) ? fmt::format("'{}", text) : std::string{text});
}

// Nothing for a bad reading: what it holds is no value.
void write_value_cell(std::string& out, const CsvStyle& style, const Rows& rows, std::size_t i) {
    if (!rows.quality(i).usable()) return;
    if (rows.type(i) == ValueType::text)
        write_cell(out, style, rows.text(i));
    else
        write_csv_value(out, rows.value(i));
}

std::size_t property_begin(std::string_view path) {
    const std::size_t dot = path.find('.', path.rfind('/') == path.npos ? 0 : path.rfind('/'));
    return dot == path.npos ? path.size() : dot;
}

class LongCsv final : public Format {
public:
    explicit LongCsv(CsvStyle style) : style_(style) {}
    void begin(std::string& out) override { out.append("tag,device,property,ts,time,value,quality\r\n"); }
    void begin_tag(std::string&, const TagInfo& tag) override {
        const std::string_view path = tag.path;
        const std::size_t dot = property_begin(path);
        names_.clear();
        for (const std::string_view name : {path, path.substr(0, dot), path.substr(std::min(dot + 1, path.size()))}) {
            write_cell(names_, style_, name);
            names_.push_back(',');
        }
    }
    void row(std::string& out, const TagInfo&, const Rows& rows, std::size_t i) override {
        out.append(names_);
        out.append(fmt::format("{},{},", style_.units.time(rows.time(i)), format_time(rows.time(i))));
        write_value_cell(out, style_, rows, i);
        out.append(",").append(to_string(rows.quality(i))).append("\r\n");
    }

private:
    const CsvStyle style_;
    std::string names_;
};

// A line is what POST /api/v1/write/json takes as one entry.
class JsonLines final : public Format {
public:
    explicit JsonLines(Units units) : units_(units) {}
    void row(std::string& out, const TagInfo& tag, const Rows& rows, std::size_t i) override {
        JsonWriter json{out};
        json.begin_object().key("tag").text(tag.path).key("ts").integer(units_.time(rows.time(i))).key("value");
        const Value value = rows.value(i);
        if (const auto* whole = std::get_if<std::int64_t>(&value))
            json.integer(*whole);  // all of its digits: who reads it again loses none
        else
            write_value(json, value);
        json.key("quality").text(to_string(rows.quality(i))).end_object();
        out.push_back('\n');
    }

private:
    const Units units_;
};

// Lines have no quality: bad readings are left out, uncertain ones go as they are.
class Lines final : public Format {
public:
    explicit Lines(Units units) : units_(units) {}
    void begin_tag(std::string&, const TagInfo& tag) override {
        prefix_ = wire::line_of_identity(tag.key.source, tag.key.property);
        if (!prefix_) prefix_ = wire::line_of_path(tag.path);
        told_ = false;
    }
    void row(std::string& out, const TagInfo& tag, const Rows& rows, std::size_t i) override {
        if (!rows.quality(i).usable()) return;
        if (!prefix_) {
            if (!std::exchange(told_, true))
                out.append(fmt::format("# left out, lines cannot name it: {}\n", tag.path));
            return;
        }
        out.append(*prefix_).push_back('=');
        wire::append_line_value(out, rows.value(i));
        out.append(fmt::format(" {}\n", units_.time(rows.time(i))));
    }

private:
    const Units units_;
    std::optional<std::string> prefix_;
    bool told_ = false;  // that it is left out
};

// Tag after tag, each in order of time.
class TagByTag final : public Pieces {
public:
    TagByTag(std::shared_ptr<Core> core, TenantId tenant, std::vector<TagInfo> tags, Window window,
             std::unique_ptr<Format> format)
        : core_(std::move(core)),
          tenant_(tenant),
          tags_(std::move(tags)),
          window_(window),
          format_(std::move(format)) {}

    Result<bool> next(std::string& out) override {
        if (!begun_) format_->begin(out);
        begun_ = true;
        std::uint64_t rows = 0;
        const bool more = TRY(fill(out, rows));
        if (rows > 0) core_->deps.egress.left(tenant_, "export", rows, 0);
        return more;
    }

private:
    Result<bool> fill(std::string& out, std::uint64_t& rows) {
        while (tag_ < tags_.size()) {
            if (!slices_) {
                slices_.emplace(core_->deps.reader, std::vector{tags_[tag_].id}, window_);
                format_->begin_tag(out, tags_[tag_]);
            }
            for (; !part_.empty() && row_ < part_[0].rows.size(); ++row_, ++rows) {
                if (out.size() >= kPieceBytes) return true;
                format_->row(out, tags_[tag_], part_[0].rows, row_);
            }
            row_ = 0;
            part_.clear();
            if (TRY(slices_->next(part_))) continue;
            slices_.reset();
            ++tag_;
            if (out.size() >= kPieceBytes) return tag_ < tags_.size();
        }
        return false;
    }

    const std::shared_ptr<Core> core_;
    const TenantId tenant_;
    const std::vector<TagInfo> tags_;
    const Window window_;
    const std::unique_ptr<Format> format_;
    bool begun_ = false;
    std::size_t tag_ = 0, row_ = 0;
    std::optional<Slices> slices_;
    std::vector<Series> part_;
};

// A line for each time, a column for each tag.
class WideCsv final : public Pieces {
public:
    WideCsv(std::shared_ptr<Core> core, TenantId tenant, std::vector<TagInfo> tags, Window window, CsvStyle style,
            bool qualities)
        : core_(std::move(core)),
          tenant_(tenant),
          tags_(std::move(tags)),
          style_(style),
          qualities_(qualities),
          slices_(core_->deps.reader, ids(tags_), window) {}

    Result<bool> next(std::string& out) override {
        if (!begun_) write_head(out);
        begun_ = true;
        std::uint64_t rows = 0;
        const bool more = TRY(fill(out, rows));
        if (rows > 0) core_->deps.egress.left(tenant_, "export", rows, 0);
        return more;
    }

private:
    struct Cell {
        TimeNs time;
        std::size_t column, row;
    };

    static std::vector<TagId> ids(const std::vector<TagInfo>& tags) {
        std::vector<TagId> ids;
        for (const TagInfo& tag : tags) ids.push_back(tag.id);
        return ids;
    }

    void write_head(std::string& out) const {
        out.append("ts,time");
        for (const TagInfo& tag : tags_) {
            out.push_back(',');
            write_cell(out, style_, tag.path);
            if (!qualities_) continue;
            out.push_back(',');
            write_cell(out, style_, tag.path + " quality");
        }
        out.append("\r\n");
    }

    Result<bool> fill(std::string& out, std::uint64_t& rows) {
        if (tags_.empty()) return false;
        for (;;) {
            while (cell_ < cells_.size()) {
                if (out.size() >= kPieceBytes) return true;
                rows += write_line(out);
            }
            if (!TRY(slices_.next(part_))) return false;
            cell_ = 0;
            cells_.clear();
            for (std::size_t column = 0; column < part_.size(); ++column)
                for (std::size_t row = 0; row < part_[column].rows.size(); ++row)
                    cells_.push_back({part_[column].rows.time(row), column, row});
            std::ranges::sort(cells_, {}, [](const Cell& cell) { return std::pair{cell.time, cell.column}; });
        }
    }

    // The cells of one time, which lie beside each other in order of their columns; how many readings these are.
    std::uint64_t write_line(std::string& out) {
        const TimeNs time = cells_[cell_].time;
        const std::size_t first = cell_;
        out.append(fmt::format("{},{}", style_.units.time(time), format_time(time)));
        for (std::size_t column = 0; column < part_.size(); ++column) {
            out.push_back(',');
            const bool here = cell_ < cells_.size() && cells_[cell_].time == time && cells_[cell_].column == column;
            const Rows& rows = part_[column].rows;
            if (here) write_value_cell(out, style_, rows, cells_[cell_].row);
            if (qualities_) out.push_back(',');
            if (qualities_ && here) out.append(to_string(rows.quality(cells_[cell_].row)));
            cell_ += here;
        }
        out.append("\r\n");
        return cell_ - first;
    }

    const std::shared_ptr<Core> core_;
    const TenantId tenant_;
    const std::vector<TagInfo> tags_;
    const CsvStyle style_;
    const bool qualities_;
    Slices slices_;
    bool begun_ = false;
    std::vector<Series> part_;
    std::vector<Cell> cells_;
    std::size_t cell_ = 0;
};

struct FormatName {
    std::string_view name, media_type;
};
constexpr FormatName kFormats[] = {
    {"csv", "text/csv; charset=utf-8"}, {"jsonl", "application/x-ndjson"}, {"line", "text/plain; charset=utf-8"}};

Result<std::shared_ptr<Pieces>> make_pieces(Core& core, const Ask& ask, std::string_view format,
                                            std::vector<TagInfo> tags, Window window) {
    const Units units = TRY(parse_units(ask));
    const CsvStyle style{units, parse_flag(ask, "bom")};
    const std::string_view shape = ask.find("shape") == nullptr ? "long" : ask.value("shape");
    if (shape != "long" && shape != "wide")
        return Error{Code::invalid, "shape: \"{}\" is neither long nor wide", shape.substr(0, 40)};
    if (format != "csv" && (shape == "wide" || style.for_excel || parse_flag(ask, "quality")))
        return Error{Code::invalid, "shape, bom and quality belong to format=csv"};
    if (shape == "wide") {
        if (tags.size() > kColumnsMax)
            return Error{Code::limit,
                         "a wide table has at most {} columns; these are {} tags: ask for fewer, or for shape=long",
                         kColumnsMax, tags.size()};
        return std::make_shared<WideCsv>(core.shared_from_this(), ask.tenant(), std::move(tags), window, style,
                                         parse_flag(ask, "quality"));
    }
    std::unique_ptr<Format> long_format;
    if (format == "csv")
        long_format = std::make_unique<LongCsv>(style);
    else if (format == "jsonl")
        long_format = std::make_unique<JsonLines>(units);
    else
        long_format = std::make_unique<Lines>(units);
    return std::make_shared<TagByTag>(core.shared_from_this(), ask.tenant(), std::move(tags), window,
                                      std::move(long_format));
}

// Everything that was asked for, so that the list of what left says it.
std::string asked_tags(const Ask& ask) {
    std::string text;
    for (const std::string& tag : ask.all("tag")) text.append(text.empty() ? "" : " ").append(tag);
    return text;
}

}  // namespace

Result<Answer> export_readings(Core& core, const Ask& ask) {
    const std::string_view name = ask.find("format") == nullptr ? "csv" : ask.value("format");
    const auto format = std::ranges::find(kFormats, name, &FormatName::name);
    if (name == "parquet")
        return Error{Code::invalid, "format: a Parquet file is what POST /api/v1/query?format=parquet gives"};
    if (format == std::end(kFormats))
        return Error{Code::invalid, "format: \"{}\" is none of csv, jsonl, line", name.substr(0, 40)};
    if (ask.find("from") == nullptr)
        return Error{Code::invalid,
                     "from: is missing; an export says where it begins, as in from=2026-03-01T00:00:00Z"};
    const Window window = TRY(parse_window(ask, core.clock().now(), kHour));
    std::vector<TagInfo> tags = TRY(find_tags(core, ask));
    std::ranges::sort(tags, {}, &TagInfo::path);
    auto pieces = TRY(make_pieces(core, ask, name, std::move(tags), window));
    TRY(let_out(core, ask, "export", asked_tags(ask), 0));
    Answer answer;
    answer.media_type = format->media_type;
    answer.door = "export";
    answer.headers.push_back(
        {"content-disposition", fmt::format("attachment; filename=\"readings.{}\"", name == "line" ? "lp" : name)});
    if (parse_flag(ask, "bom")) answer.body = kByteOrderMark;
    if (TRY(pieces->next(answer.body))) answer.pieces = std::move(pieces);
    return answer;
}

}  // namespace gongshu::api
