#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "api/calendars.h"
#include "api/csv.h"
#include "api/read.h"
#include "api/sight.h"
#include "broker/auth.h"
#include "flow/virtual_tag.h"
#include "history/aggregates.h"
#include "history/tag_finder.h"
#include "io/brief.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

using history::TagList;
using history::TagPtr;

constexpr std::size_t kBriefTagsMax = 8, kBriefAggregatesMax = 4;
constexpr DurationNs kBriefWindowMax = 32 * kDay;
// What one value of a bucket takes until it is written out, and the writing of a row.
constexpr std::uint64_t kBriefBytesBucket = 64, kBriefBytesWritten = 48;

// Fine if none of them has texts: those may be long.
Result<void> refuse_texts(const TagList& tags) {
    const bool has_texts = std::ranges::any_of(tags, [](const TagPtr& info) { return info->type == ValueType::text; });
    return has_texts ? io::Brief::refuse() : Result<void>{};
}

// About how many buckets there are in a window of any length.
std::uint64_t count_of(Window window, DurationNs every) {
    const double count =
        (static_cast<double>(window.to) - static_cast<double>(window.from)) / static_cast<double>(every);
    return static_cast<std::uint64_t>(std::clamp(count, 0.0, 1e12));
}

// Refuses what cannot be short, as far as the question tells.
Result<void> refuse_long(const ReadRequest& request, const TagList& tags) {
    TRY(refuse_texts(tags));
    const std::size_t aggregates = std::max<std::size_t>(request.aggregates.size(), 1);
    const bool is_wide = request.window.from < request.window.to - kBriefWindowMax;
    if (aggregates > kBriefAggregatesMax || is_wide) TRY(io::Brief::refuse());
    if (request.every == 0) return {};
    return io::Brief::spend(count_of(request.window, request.every) * tags.size() * aggregates * kBriefBytesBucket);
}

}  // namespace

Result<TagList> find_shared_tags(Core& core, const Ask& ask) {
    const auto wanted = ask.all("tag");
    if (wanted.empty())
        return Error{Code::invalid, "tag: is missing; give the path of a tag or a glob, more than once if you like"};
    if (wanted.size() > kBriefTagsMax) TRY(io::Brief::refuse());
    TagList tags;
    std::unordered_set<std::uint64_t> seen;
    const auto add = [&](const TagPtr& info) {
        // One glob names no tag twice.
        if (wanted.size() == 1 || seen.insert(info->id.value).second) tags.push_back(info);
    };
    for (const std::string& path : wanted) {
        if (is_glob(path)) {
            TRY(io::Brief::refuse());
            const auto matches = history::match_shared(core.deps.tags, ask.tenant(), path, kTagsAskedMax + 1);
            for (const TagPtr& info : *matches)
                if (sees(ask.who, info->path)) add(info);
        } else if (auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), path);
                   info && sees(ask.who, info->path)) {
            add(std::make_shared<const TagInfo>(std::move(*info)));
        } else {
            return Error{Code::not_found, "there is no tag \"{}\"", path.substr(0, 300)};
        }
        if (tags.size() > kTagsAskedMax)
            return Error{Code::limit, "more than {} tags in one question: ask for fewer", kTagsAskedMax};
    }
    return tags;
}

Result<std::vector<TagInfo>> find_tags(Core& core, const Ask& ask) {
    const TagList found = TRY(find_shared_tags(core, ask));
    std::vector<TagInfo> tags;
    for (const TagPtr& tag : found) tags.push_back(*tag);
    return tags;
}

std::string asked_tags(const Ask& ask) {
    std::string tags;
    for (const std::string& tag : ask.all("tag"))
        if (tags.size() < CountingEgress::kTextMax) tags += (tags.empty() ? "" : ", ") + tag;
    return tags;
}

Result<Answer> answer_in_pieces(std::shared_ptr<Pieces> pieces, std::string_view media_type) {
    Answer answer;
    answer.media_type = media_type;
    if (TRY(pieces->next(answer.body))) answer.pieces = std::move(pieces);
    return answer;
}

Result<void> parse_quality_filter(const Ask& ask, QualityFilter& filter) {
    const std::string_view quality = ask.value("quality");
    if (quality.empty()) return {};
    if (quality == "good")
        filter = QualityFilter::good;
    else if (quality == "usable")
        filter = QualityFilter::usable;
    else if (quality == "all")
        filter = QualityFilter::all;
    else
        return Error{Code::invalid, "quality: \"{}\" is none of good, usable, all", quality.substr(0, 40)};
    return {};
}

Result<bool> parse_falling(const Ask& ask) {
    const std::string_view order = ask.value("order");
    if (order.empty() || order == "asc" || order == "desc") return order == "desc";
    return Error{Code::invalid, "order: \"{}\" is neither asc nor desc", order.substr(0, 40)};
}

namespace {

constexpr std::size_t kPieceBytes = kReadPieceBytes;
constexpr std::size_t kPieceRoom = kPieceBytes + (4 << 10);  // of most pieces, with the row that ends it
constexpr std::size_t kPeriodsMax = 100'000;                 // shifts, days or months of one question

// What the calendar of some series cuts the time into.
struct Cut {
    calendar::Every every;
    registry::NamedCalendar named;
    std::vector<calendar::Period> periods;
};

std::vector<std::string_view> columns_of(calendar::Every every) {
    if (every == calendar::Every::shift) return {"to", "production_day", "shift", "team"};
    if (every == calendar::Every::month) return {"to", "month"};
    return {"to", "production_day"};
}

// The period that begins there, in the order of columns_of(): its end, then texts; "" where there is none.
std::pair<TimeNs, std::vector<std::string>> cells_of(const Cut& cut, TimeNs from) {
    const auto found = std::ranges::lower_bound(cut.periods, from, {}, [](const auto& one) { return one.window.from; });
    const std::string day = calendar::day_text(found->production_day);
    if (cut.every == calendar::Every::production_day) return {found->window.to, {day}};
    if (cut.every == calendar::Every::month) return {found->window.to, {day.substr(0, 7)}};
    const calendar::Plan& plan = cut.named.calendar->plan();
    return {found->window.to,
            {day, plan.shifts[static_cast<std::size_t>(found->shift)].name,
             found->team < 0 ? "" : plan.teams[static_cast<std::size_t>(found->team)].name}};
}

// What an answer to read holds; rendered series by series, row by row.
struct ReadAnswer {
    std::vector<Series> series;
    TagList tags;  // of the series, in the same order
    Units units;
    std::vector<std::shared_ptr<const Cut>> cuts;  // of the series; empty when no calendar cuts them
    bool filled = false;                           // there is a column that says which rows are

    std::size_t rows_of(std::size_t i) const {
        return series[i].columns.empty() ? series[i].rows.size() : series[i].buckets.size();
    }
};

// A cell that is a time; nullopt for any other and where there is none.
std::optional<TimeNs> time_in(const Series& series, std::size_t column, std::size_t row) {
    if (series.times.empty() || series.times[column].empty() || std::isnan(series.values[column][row]))
        return std::nullopt;
    return series.times[column][row];
}

class JsonPieces final : public Pieces {
public:
    explicit JsonPieces(ReadAnswer answer) : answer_(std::move(answer)) {}

    Result<bool> next(std::string& out) override {
        if (!begun_) begin(out);
        begun_ = true;
        while (series_ < answer_.series.size()) {
            if (row_ == 0) begin_series(out);
            const std::size_t rows = answer_.rows_of(series_);
            for (; row_ < rows; ++row_) {
                if (out.size() >= kPieceBytes) return true;
                if (row_ > 0) out.push_back(',');
                write_row(out);
            }
            out.append("]}");
            ++series_;
            row_ = 0;
        }
        out.append("]}");
        return false;
    }

private:
    void begin(std::string& out) const {
        std::size_t bytes = 16;
        for (std::size_t i = 0; i < answer_.series.size() && bytes < kPieceRoom; ++i)
            bytes +=
                120 + answer_.tags[i]->path.size() + answer_.rows_of(i) * (24 + 8 * answer_.series[i].columns.size());
        out.reserve(std::min(bytes, kPieceRoom));
        out.append("{\"series\":[");
    }
    void begin_series(std::string& out) {
        if (written_ == series_ + 1) return;  // the piece before ended right after this head
        written_ = series_ + 1;
        const Series& series = answer_.series[series_];
        if (series_ > 0) out.push_back(',');
        JsonWriter json{out};
        json.begin_object().key("tag").text(answer_.tags[series_]->path).key("unit").text(answer_.tags[series_]->unit);
        if (columns_.empty()) columns_ = columns_text();
        json.key("columns").raw(columns_);
        if (!answer_.cuts.empty()) json.key("calendar").text(answer_.cuts[series_]->named.name);
        if (series.sampled) json.key("sampled").boolean(true);
        if (series.more) json.key("more").boolean(true);
        json.key("rows").begin_array();
    }

    // They are the same for all series of an answer.
    std::string columns_text() const {
        const Series& series = answer_.series[series_];
        std::string text;
        JsonWriter json{text};
        json.begin_array().text("ts");
        if (series.columns.empty()) json.text("value").text("quality");
        for (const std::string& column : series.columns) json.text(column);
        if (answer_.filled) json.text("filled");
        if (!answer_.cuts.empty())
            for (const std::string_view column : columns_of(answer_.cuts[series_]->every)) json.text(column);
        json.end_array();
        return text;
    }

    void write_row(std::string& out) const {
        const Series& series = answer_.series[series_];
        JsonWriter json{out};
        if (series.columns.empty()) return write_reading(json, series.rows.reading(row_), answer_.units);
        json.begin_array().integer(answer_.units.time(series.buckets[row_]));
        for (std::size_t i = 0; i < series.values.size(); ++i) {
            if (const auto time = time_in(series, i, row_))
                json.integer(answer_.units.time(*time));
            else
                json.number(series.values[i][row_]);
        }
        if (answer_.filled) json.boolean(series.filled[row_] != 0);
        if (!answer_.cuts.empty()) {
            const auto [to, texts] = cells_of(*answer_.cuts[series_], series.buckets[row_]);
            json.integer(answer_.units.time(to));
            for (const std::string& text : texts) text.empty() ? json.null() : json.text(text);
        }
        json.end_array();
    }

    const ReadAnswer answer_;
    std::size_t series_ = 0, row_ = 0, written_ = 0;
    bool begun_ = false;
    std::string columns_;
};

// The newest reading of each tag: a series of one row, or of none.
class LastPieces final : public Pieces {
public:
    LastPieces(TagList tags, std::vector<std::optional<Reading>> readings, Units units)
        : tags_(std::move(tags)), readings_(std::move(readings)), units_(units) {}

    Result<bool> next(std::string& out) override {
        if (at_ == 0) begin(out);
        for (; at_ < tags_.size(); ++at_) {
            if (out.size() >= kPieceBytes) return true;
            out.append(at_ > 0 ? R"(,{"tag":)" : R"({"tag":)");
            JsonWriter{out}.text(tags_[at_]->path);
            out.append(R"(,"unit":)");
            JsonWriter{out}.text(tags_[at_]->unit);
            out.append(R"(,"columns":["ts","value","quality"],"rows":[)");
            if (readings_[at_]) {
                JsonWriter row{out};
                write_reading(row, *readings_[at_], units_);
            }
            out.append("]}");
        }
        out.append("]}");
        return false;
    }

private:
    void begin(std::string& out) const {
        std::size_t bytes = 16;
        for (std::size_t i = 0; i < tags_.size() && bytes < kPieceRoom; ++i) bytes += 120 + tags_[i]->path.size();
        out.reserve(std::min(bytes, kPieceRoom));
        out.append("{\"series\":[");
    }

    const TagList tags_;
    const std::vector<std::optional<Reading>> readings_;  // of the tags, in the same order
    const Units units_;
    std::size_t at_ = 0;
};

// tag,ts,time,… where time is RFC 3339, so that a spreadsheet can read it.
class CsvPieces final : public Pieces {
public:
    explicit CsvPieces(ReadAnswer answer) : answer_(std::move(answer)) {}

    Result<bool> next(std::string& out) override {
        if (!begun_) write_columns(out);
        begun_ = true;
        for (; series_ < answer_.series.size(); ++series_, row_ = 0) {
            for (const std::size_t rows = answer_.rows_of(series_); row_ < rows; ++row_) {
                if (out.size() >= kPieceBytes) return true;
                write_row(out);
            }
        }
        return false;
    }

private:
    void write_columns(std::string& out) const {
        out.append("tag,ts,time");
        if (answer_.series.empty() || answer_.series[0].columns.empty())
            out.append(",value,quality");
        else
            for (const std::string& column : answer_.series[0].columns) out.append(",").append(column);
        if (answer_.filled) out.append(",filled");
        if (!answer_.cuts.empty())
            for (const std::string_view column : columns_of(answer_.cuts[0]->every)) out.append(",").append(column);
        out.append("\r\n");
    }

    void write_row(std::string& out) const {
        const Series& series = answer_.series[series_];
        const bool raw = series.columns.empty();
        const TimeNs time = raw ? series.rows.time(row_) : series.buckets[row_];
        write_csv_text(out, answer_.tags[series_]->path);
        out.append(fmt::format(",{},{},", answer_.units.time(time), format_time(time)));
        if (raw) {
            write_csv_value(out, series.rows.value(row_));
            out.append(",").append(to_string(series.rows.quality(row_)));
        } else {
            for (std::size_t i = 0; i < series.values.size(); ++i) {
                if (i > 0) out.push_back(',');
                if (const auto time = time_in(series, i, row_))
                    out.append(fmt::format("{}", answer_.units.time(*time)));
                else
                    write_csv_number(out, series.values[i][row_]);
            }
            if (answer_.filled) out.append(series.filled[row_] != 0 ? ",true" : ",false");
        }
        if (!answer_.cuts.empty()) {
            const auto [to, texts] = cells_of(*answer_.cuts[series_], time);
            out.append(fmt::format(",{}", answer_.units.time(to)));
            for (const std::string& text : texts) {
                out.push_back(',');
                if (!text.empty()) write_csv_text(out, text);
            }
        }
        out.append("\r\n");
    }

    const ReadAnswer answer_;
    std::size_t series_ = 0, row_ = 0;
    bool begun_ = false;
};

// Mostly they are already.
TagList in_order_of(const std::vector<Series>& series, TagList tags) {
    const auto same = [](const Series& one, const TagPtr& tag) { return one.tag == tag->id; };
    if (std::ranges::equal(series, tags, same)) return tags;
    std::unordered_map<std::uint64_t, TagPtr> by_id;
    for (TagPtr& info : tags) by_id.emplace(info->id.value, std::move(info));
    TagList ordered;
    for (const Series& one : series) ordered.push_back(by_id.at(one.tag.value));
    return ordered;
}

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// every=shift|production_day|month; nullopt for a length of time.
std::optional<calendar::Every> every_of(const Ask& ask) {
    const std::string_view every = ask.value("every");
    if (every == "shift") return calendar::Every::shift;
    if (every == "production_day") return calendar::Every::production_day;
    if (every == "month") return calendar::Every::month;
    return std::nullopt;
}

Result<void> parse_fill(const Ask& ask, ReadRequest& request) {
    const std::string_view fill = ask.value("fill");
    static constexpr std::pair<std::string_view, Fill> kFills[] = {{"", Fill::none},
                                                                   {"none", Fill::none},
                                                                   {"null", Fill::null},
                                                                   {"previous", Fill::previous},
                                                                   {"linear", Fill::linear}};
    for (const auto& [name, kind] : kFills) {
        if (fill != name) continue;
        request.fill = kind;
        return {};
    }
    request.fill = Fill::value;
    const auto [end, error] = std::from_chars(fill.data(), fill.data() + fill.size(), request.fill_value);
    if (error == std::errc{} && end == fill.data() + fill.size() && std::isfinite(request.fill_value)) return {};
    return Error{Code::invalid, "fill: \"{}\" is none of none, null, previous, linear, and no number",
                 fill.substr(0, 40)};
}

// What goes with buckets and with nothing else.
Result<void> parse_buckets(const Ask& ask, bool by_calendar, ReadRequest& request) {
    request.aggregates = split_commas(ask.value("agg"));
    for (const std::string& aggregate : request.aggregates) TRY(history::parse_aggregate(aggregate).context("agg"));
    TRY(parse_fill(ask, request));
    if (const std::string* gap = ask.find("gap")) {
        request.gap = TRY(parse_duration(*gap).context("gap"));
        if (request.gap > history::kGapMax)
            return Error{Code::invalid, "gap: \"{}\" is more than {} days", gap->substr(0, 40),
                         history::kGapMax / kDay};
    }
    if (request.every > 0 || by_calendar) {
        if (request.aggregates.empty()) request.aggregates = {"avg"};
        return {};
    }
    if (!request.aggregates.empty())
        return Error{Code::invalid, "every: is missing; aggregates need buckets, as in every=1m"};
    for (const std::string_view name : {"fill", "gap"})
        if (ask.find(name) != nullptr)
            return Error{Code::invalid, "{}: is about buckets; give every= as well, as in every=1m", name};
    return {};
}

// How many rows, and in which order.
Result<void> parse_raw(const Ask& ask, bool by_calendar, ReadRequest& request) {
    request.points_max = static_cast<std::uint32_t>(TRY(parse_number(ask, "points", 0, 2, 100'000)));
    const std::string_view sample = ask.value("sample"), order = ask.value("order");
    if (!sample.empty() && sample != "minmax" && sample != "lttb")
        return Error{Code::invalid, "sample: \"{}\" is neither minmax nor lttb", sample.substr(0, 40)};
    if (!sample.empty() && request.points_max == 0)
        return Error{Code::invalid, "sample: says how rows are thinned; give points= as well, as in points=800"};
    if (sample == "lttb") request.sampling = Sampling::largest_triangles;
    const std::uint64_t limit = TRY(parse_number(ask, "limit", kReadRowsMax, 1, kReadRowsMax));
    request.newest_first = TRY(parse_falling(ask));
    if (order.empty()) {
        request.rows_max = limit;
        return {};
    }
    if (request.points_max > 0 || by_calendar)
        return Error{Code::invalid, "order: goes neither with points= nor with shifts, production days and months"};
    if (ask.find("limit") != nullptr) request.rows_wanted = limit;
    return {};
}

Result<ReadRequest> parse_read(Core& core, const Ask& ask) {
    ReadRequest request;
    request.window = TRY(parse_window(ask, core.clock().now(), kHour));
    const bool by_calendar = every_of(ask).has_value();
    if (const std::string* every = ask.find("every"); every && !by_calendar)
        request.every = TRY(parse_duration(*every).context("every"));
    request.zone = ask.value("zone");
    TRY(parse_quality_filter(ask, request.quality));
    TRY(parse_buckets(ask, by_calendar, request));
    TRY(parse_raw(ask, by_calendar, request));
    request.patience = TRY(parse_patience(core, ask));
    return request;
}

// The tags of one calendar.
struct CutTags {
    std::shared_ptr<const Cut> cut;
    std::vector<TagId> tags;
};

Result<std::shared_ptr<const Cut>> make_cut(calendar::Every every, registry::NamedCalendar named, Window window) {
    auto periods = TRY(named.calendar->periods(every, window, kPeriodsMax));
    return std::make_shared<const Cut>(Cut{every, std::move(named), std::move(periods)});
}

// By the calendar that is asked for, else by that of each tag's site.
Result<std::vector<CutTags>> cut_tags(Core& core, const Ask& ask, calendar::Every every, const ReadAnswer& read,
                                      Window window) {
    std::vector<CutTags> cuts;
    if (ask.find("calendar") != nullptr || ask.find("place") != nullptr) {
        cuts.push_back({TRY(make_cut(every, TRY(asked_calendar(core, ask)), window)), {}});
        for (const TagPtr& info : read.tags) cuts.front().tags.push_back(info->id);
        return cuts;
    }
    // Tags of one device are asked for once: what lies beneath one folder has one site.
    std::map<std::string, std::size_t, std::less<>> of_folder;
    std::map<std::string, std::size_t, std::less<>> of_name;
    for (const TagPtr& info : read.tags) {
        const std::string_view path = info->path;
        const std::string folder{path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/'))};
        auto found = of_folder.find(folder);
        if (found == of_folder.end()) {
            auto named = TRY(registry::calendar_at(core.deps.registry, ask.tenant(), folder));
            const std::string key = named.name.empty() ? "/" + named.calendar->plan().zone.name() : named.name;
            auto same = of_name.find(key);
            if (same == of_name.end()) {
                same = of_name.emplace(key, cuts.size()).first;
                cuts.push_back({TRY(make_cut(every, std::move(named), window)), {}});
            }
            found = of_folder.emplace(folder, same->second).first;
        }
        cuts[found->second].tags.push_back(info->id);
    }
    return cuts;
}

Result<void> read_by_calendar(Core& core, const Ask& ask, calendar::Every every, ReadRequest request,
                              ReadAnswer& read) {
    std::unordered_map<std::uint64_t, std::pair<Series, std::shared_ptr<const Cut>>> by_tag;
    for (CutTags& part : TRY(cut_tags(core, ask, every, read, request.window))) {
        auto windows = std::make_shared<std::vector<Window>>();
        for (const calendar::Period& period : part.cut->periods) windows->push_back(period.window);
        request.periods = std::move(windows);
        request.tags = std::move(part.tags);
        for (Series& series : TRY(core.deps.reader.read(request))) {
            request.rows_max -= std::min<std::uint64_t>(request.rows_max, series.buckets.size());
            by_tag.emplace(series.tag.value, std::pair{std::move(series), part.cut});
        }
    }
    for (const TagPtr& info : read.tags) {
        auto& [series, cut] = by_tag.at(info->id.value);
        read.series.push_back(std::move(series));
        read.cuts.push_back(std::move(cut));
    }
    return {};
}

// The virtual tags that make some of `tags`, as far as the caller sees them.
class VirtualTagsSeen {
public:
    VirtualTagsSeen(Core& core, const Ask& ask, const std::vector<TagInfo>& tags) {
        const auto computed = [](const TagInfo& info) { return info.key.source.starts_with("v:"); };
        if (std::none_of(tags.begin(), tags.end(), computed)) return;
        Sight sight{core, ask.who};
        for (const auto& one : core.deps.registry.list_shared(ask.tenant(), "virtual_tag"))
            if (sight.sees(*one)) by_uid_.emplace(one->uid, one);
    }

    // Of one that was deleted only that it was one.
    void write(JsonWriter& out, const TagInfo& info) const {
        const std::string_view source = std::string_view{info.key.source}.substr(2);
        const auto found = by_uid_.find(source.substr(0, source.find('@')));
        out.key("virtual_tag").text(found == by_uid_.end() ? "" : found->second->name);
        if (found == by_uid_.end()) return;
        const auto spec = registry::spec_of<flow::VirtualTagSpec>(*found->second);
        if (spec) out.key("expr").text(spec->expr);
    }

private:
    std::map<std::string, std::shared_ptr<const registry::Resource>, std::less<>> by_uid_;
};

}  // namespace

Result<Answer> get_tags(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const auto limit = TRY(parse_number(ask, "limit", 1000, 1, kTagsAskedMax));
    const std::string glob = ask.find("glob") == nullptr ? "**" : *ask.find("glob");
    // With limited paths the first ones may all be hidden: then look at more of them.
    const std::size_t looked_at = ask.who.paths.empty() ? limit + 1 : 1'000'000;
    std::vector<TagInfo> tags = core.deps.tags.match(ask.tenant(), glob, looked_at);
    std::erase_if(tags, [&](const TagInfo& info) { return !sees(ask.who, info.path); });
    const bool more = tags.size() > limit;
    if (more) tags.resize(limit);
    TRY(let_out(core, ask, "rest", glob, tags.size()));
    std::string body;
    JsonWriter out{body};
    const VirtualTagsSeen virtual_tags{core, ask, tags};
    out.begin_object().key("tags").begin_array();
    for (const TagInfo& info : tags) {
        const std::size_t dot =
            info.path.find('.', info.path.rfind('/') == std::string::npos ? 0 : info.path.rfind('/'));
        const bool computed = info.key.source.starts_with("v:");
        out.begin_object().key("id").text(fmt::format("{}", info.id.value)).key("path").text(info.path);
        out.key("device").text(std::string_view{info.path}.substr(0, dot)).key("property");
        out.text(computed && dot != std::string::npos ? std::string_view{info.path}.substr(dot + 1)
                                                      : std::string_view{info.key.property});
        if (computed) virtual_tags.write(out, info);
        out.key("type").text(to_string(info.type)).key("unit").text(info.unit).key("labels").begin_object();
        for (const auto& [key, value] : labels_of(info.key.source)) out.key(key).text(value);
        out.end_object().key("last");
        if (const auto last = core.deps.reader.last(info.id))
            write_reading(out, *last, units);
        else
            out.null();
        out.end_object();
    }
    out.end_array().key("more").boolean(more).end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_last(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    TagList tags = TRY(find_shared_tags(core, ask));
    std::vector<std::optional<Reading>> readings;
    readings.reserve(tags.size());
    TRY(refuse_texts(tags));
    for (const TagPtr& info : tags) readings.push_back(core.deps.reader.last(info->id));
    TRY(io::Brief::check());
    TRY(let_out(core, ask, "rest", asked_tags(ask), tags.size()));
    return answer_in_pieces(std::make_shared<LastPieces>(std::move(tags), std::move(readings), units),
                            "application/json");
}

Result<Answer> get_read(Core& core, const Ask& ask) {
    ReadAnswer read;
    read.units = TRY(parse_units(ask));
    const std::string format = ask.find("format") == nullptr ? "json" : *ask.find("format");
    if (format != "json" && format != "csv")
        return Error{Code::invalid, "format: \"{}\" is neither json nor csv", format.substr(0, 40)};
    if (ask.find("where") != nullptr) {
        TRY(io::Brief::refuse());
        return read_where(core, ask);
    }
    ReadRequest request = TRY(parse_read(core, ask));
    read.filled = request.fill != Fill::none;
    read.tags = TRY(find_shared_tags(core, ask));
    for (const TagPtr& info : read.tags) request.tags.push_back(info->id);
    TRY(refuse_long(request, read.tags));
    const auto every = every_of(ask);
    if (every) TRY(io::Brief::refuse());
    if (every)
        TRY(read_by_calendar(core, ask, *every, request, read));
    else if (!request.tags.empty())
        read.series = TRY(core.deps.reader.read(request));
    read.tags = in_order_of(read.series, std::move(read.tags));
    std::uint64_t rows = 0;
    for (std::size_t i = 0; i < read.series.size(); ++i) rows += read.rows_of(i);
    TRY(io::Brief::spend(rows * kBriefBytesWritten));
    TRY(let_out(core, ask, format == "csv" ? "csv" : "rest", asked_tags(ask), rows));
    if (format == "json") return answer_in_pieces(std::make_shared<JsonPieces>(std::move(read)), "application/json");
    Answer answer = TRY(answer_in_pieces(std::make_shared<CsvPieces>(std::move(read)), "text/csv; charset=utf-8"));
    answer.headers.push_back({"content-disposition", "attachment; filename=\"readings.csv\""});
    answer.door = "csv";
    return answer;
}

}  // namespace gongshu::api
