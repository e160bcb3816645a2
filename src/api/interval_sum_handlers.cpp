// What follows from intervals: time in state, aggregates within, overlaps.
#include <algorithm>
#include <cmath>
#include <set>

#include "api/handlers.h"
#include "api/interval_handlers.h"
#include "api/interval_place.h"
#include "history/spans.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kStatesMax = 100;       // a tag with more different values is no state
constexpr std::size_t kSpansMax = 20'000;     // of one answer
constexpr std::size_t kIntervalsMax = 1'000;  // whose aggregates are asked for at once
constexpr std::size_t kJoinedMax = 5'000;     // of each side
constexpr std::size_t kOverlapsMax = 50'000;

std::optional<TagInfo> seen_tag(Core& core, const Ask& ask, std::string_view path) {
    auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), path);
    if (!info || !sees(ask.who, info->path)) return std::nullopt;
    return info;
}

Error no_tag(std::string_view path) { return {Code::not_found, "there is no tag \"{}\"", path.substr(0, 300)}; }

Result<std::vector<TagInfo>> tags_asked(Core& core, const Ask& ask) {
    std::vector<TagInfo> tags;
    for (const std::string& path : ask.all("tag")) {
        if (is_glob(path)) {
            for (TagInfo& info : core.deps.tags.match(ask.tenant(), path, 1'000))
                if (sees(ask.who, info.path)) tags.push_back(std::move(info));
        } else if (auto info = seen_tag(core, ask, path)) {
            tags.push_back(std::move(*info));
        } else {
            return no_tag(path);
        }
        if (tags.size() > kTagsMax)
            return Error{Code::limit, "more than {} tags in one question: ask for fewer", kTagsMax};
    }
    if (tags.empty() && ask.all("tag").empty())
        return Error{Code::invalid, "tag: is missing; give the path of a tag or a glob, more than once if you like"};
    return tags;
}

double seconds(DurationNs length) { return static_cast<double>(length) / kSecond; }

// Adds up to the window: what is unknown is a part of its own.
void write_states(JsonWriter& out, const std::vector<history::StateSpan>& spans, Window window) {
    const double whole = static_cast<double>(window.to - window.from);
    DurationNs unknown = 0;
    out.key("states").begin_array();
    for (const auto& [state, length] : history::time_in_state(spans)) {
        if (!state) {
            unknown = length;
            continue;
        }
        out.begin_object().key("state").text(*state).key("duration_s").number(seconds(length));
        out.key("share").number(static_cast<double>(length) / whole).end_object();
    }
    out.end_array().key("unknown_s").number(seconds(unknown));
    out.key("unknown_share").number(static_cast<double>(unknown) / whole);
}

std::size_t different_states(const std::vector<history::StateSpan>& spans) {
    std::set<std::string_view> different;
    for (const history::StateSpan& span : spans)
        if (span.state) different.insert(*span.state);
    return different.size();
}

struct CsvRow {
    explicit CsvRow(std::string& to) : out(to) {}
    void add(std::string_view text) {
        if (!first) out.push_back(',');
        first = false;
        if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
            out.append(text);
            return;
        }
        out.push_back('"');
        for (const char c : text) out.append(c == '"' ? 2 : 1, c);
        out.push_back('"');
    }
    void number(double value) { add(std::isfinite(value) ? fmt::format("{}", value) : ""); }
    void end() {
        out.append("\r\n");
        first = true;
    }
    std::string& out;
    bool first = true;
};

Result<bool> wants_csv(const Ask& ask) {
    const std::string_view format = ask.value("format");
    if (format.empty() || format == "json") return false;
    if (format == "csv") return true;
    return Error{Code::invalid, "format: \"{}\" is neither json nor csv", format.substr(0, 40)};
}

Answer csv_answer(std::string body, std::string_view name) {
    Answer answer;
    answer.media_type = "text/csv; charset=utf-8";
    answer.body = std::move(body);
    answer.door = "csv";
    answer.headers.push_back({"content-disposition", fmt::format("attachment; filename=\"{}.csv\"", name)});
    return answer;
}

void add_interval(CsvRow& row, IntervalPlaces& places, const Interval& one) {
    row.add(interval_id_text(one));
    row.add(places.asset(one));
    row.add(one.kind);
    row.add(format_time(one.from));
    row.add(one.to ? format_time(*one.to) : "");
}

// One interval and the tags that are asked for within it; no id where its asset has no such tag.
struct Wanted {
    std::vector<std::pair<std::string, std::optional<TagInfo>>> tags;
};

Result<Wanted> tags_within(Core& core, const Ask& ask, IntervalPlaces& places, const Interval& one,
                           const std::vector<std::string>& names) {
    Wanted wanted;
    for (const std::string& name : names) {
        const bool own = name.starts_with('.');  // of whatever asset the interval is about
        const std::string path = own ? places.asset(one) + name : name;
        auto info = seen_tag(core, ask, path);
        if (!info && !own) return no_tag(name);
        wanted.tags.emplace_back(path, std::move(info));
    }
    return wanted;
}

struct AggregatesAsked {
    std::vector<std::string> tags, names;
};

Result<AggregatesAsked> parse_aggregates(const Ask& ask) {
    AggregatesAsked asked{ask.all("tag"), {}};
    if (asked.tags.empty())
        return Error{Code::invalid,
                     "tag: is missing; give the path of a tag, or .name for that tag of each interval's own asset"};
    if (asked.tags.size() > 10) return Error{Code::limit, "more than {} tags in one question: ask for fewer", 10};
    std::string_view text = ask.value("agg");
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string_view name = text.substr(0, end);
        if (std::ranges::find(history::kSpanAggregates, name) == std::end(history::kSpanAggregates))
            return Error{Code::invalid, "agg: \"{}\" is none of avg, min, max, sum, count, first, last, delta, twa",
                         name.substr(0, 40)};
        asked.names.emplace_back(name);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (asked.names.empty()) asked.names = {"avg", "min", "max"};
    return asked;
}

// One interval's values: [tag][name].
using Values = std::vector<std::vector<double>>;

Result<Values> values_within(Core& core, const Interval& one, const Wanted& wanted, const AggregatesAsked& asked,
                             TimeNs now, const ReadPatience& patience, std::uint64_t& rows_left) {
    history::AggregatesQuestion question;
    question.patience = patience;
    question.windows = {{one.from, std::min(one.to.value_or(now), now)}};
    question.rows_max = rows_left;
    for (const auto& [path, info] : wanted.tags)
        if (info) question.tags.push_back(info->id);
    const auto sums = TRY(history::aggregate_spans(core.deps.reader, question));
    Values values;
    std::size_t next = 0;
    for (const auto& [path, info] : wanted.tags) {
        values.emplace_back();
        for (const std::string& name : asked.names)
            values.back().push_back(info ? history::of(sums[0][next], name) : std::nan(""));
        if (!info) continue;
        rows_left -= std::min(rows_left, sums[0][next].count);
        ++next;
    }
    return values;
}

}  // namespace

Result<Answer> get_states(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const TimeNs now = core.clock().now();
    history::StatesQuestion question;
    question.window = TRY(parse_window(ask, now, kDay));
    question.window.to = std::min(question.window.to, now);
    if (question.window.empty()) return Error{Code::invalid, "from: lies in the future; states are of the past"};
    if (const std::string* stale = ask.find("stale"))
        question.stale_after = TRY(parse_duration(*stale).context("stale"));
    question.patience = TRY(parse_patience(core, ask));
    const auto tags = TRY(tags_asked(core, ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("from").integer(units.time(question.window.from));
    out.key("to").integer(units.time(question.window.to)).key("tags").begin_array();
    std::size_t left = kSpansMax;
    for (const TagInfo& info : tags) {
        question.tag = info.id;
        auto read = history::states_of(core.deps.reader, question);
        if (!read && read.error().code() != Code::limit) return std::move(read).error();
        const std::vector<history::StateSpan> spans = read ? std::move(*read) : std::vector<history::StateSpan>{};
        // One among others that is no state does not hinder them.
        const bool too_many = !read || different_states(spans) > kStatesMax;
        out.begin_object().key("tag").text(info.path).key("too_many").boolean(too_many);
        if (too_many) {
            out.key("states").begin_array().end_array().key("spans").begin_array().end_array().end_object();
            continue;
        }
        write_states(out, spans, question.window);
        const bool whole = spans.size() <= left;
        out.key("complete").boolean(whole).key("spans").begin_array();
        for (const history::StateSpan& span : spans) {
            if (left == 0) break;
            --left;
            out.begin_array().integer(units.time(span.from)).integer(units.time(span.to));
            if (span.state)
                out.text(*span.state);
            else
                out.null();
            out.end_array();
        }
        out.end_array().end_object();
    }
    TRY(let_out(core, ask, "rest", ask.value("tag"), kSpansMax - left));
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_interval_aggregates(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const bool csv = TRY(wants_csv(ask));
    const AggregatesAsked asked = TRY(parse_aggregates(ask));
    const ReadPatience patience = TRY(parse_patience(core, ask));
    IntervalPlaces places{core, ask.who};
    const IntervalQuery query = TRY(parse_interval_query(core, ask, places, 200, kIntervalsMax));
    const IntervalPage page = TRY(find_intervals(core, ask, places, query));
    const TimeNs now = core.clock().now();
    std::uint64_t rows_left = 5'000'000;
    std::string body;
    JsonWriter out{body};
    CsvRow row{body};
    if (csv) {
        for (const std::string_view name : {"id", "asset", "kind", "from", "to"}) row.add(name);
        for (const std::string& tag : asked.tags)
            for (const std::string& name : asked.names) row.add(fmt::format("{} {}", name, tag));
        row.end();
    } else {
        out.begin_object().key("columns").begin_array();
        for (const std::string& name : asked.names) out.text(name);
        out.end_array().key("rows").begin_array();
    }
    for (const Interval& one : page.intervals) {
        const Wanted wanted = TRY(tags_within(core, ask, places, one, asked.tags));
        const Values values = TRY(values_within(core, one, wanted, asked, now, patience, rows_left));
        if (csv) {
            add_interval(row, places, one);
            for (const auto& of_tag : values)
                for (const double value : of_tag) row.number(value);
            row.end();
            continue;
        }
        out.begin_object().key("interval");
        write_interval(out, ask, places, one, units);
        out.key("tags").begin_array();
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto& [path, info] = wanted.tags[i];
            out.begin_object().key("tag").text(info ? info->path : path).key("unit").text(info ? info->unit : "");
            out.key("values").begin_array();
            for (const double value : values[i]) out.number(value);
            out.end_array().end_object();
        }
        out.end_array().end_object();
    }
    TRY(let_out(core, ask, csv ? "csv" : "rest", asked.tags.front(), page.intervals.size()));
    if (csv) return csv_answer(std::move(body), "aggregates");
    out.end_array().key("next");
    if (page.more)
        out.text(fmt::format("{}.{}", page.intervals.back().from, page.intervals.back().id.value));
    else
        out.null();
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_interval_overlaps(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const bool csv = TRY(wants_csv(ask));
    const Window window = TRY(parse_window(ask, core.clock().now(), kDay));
    IntervalPlaces places{core, ask.who};
    std::vector<Interval> sides[2];
    for (const int side : {0, 1}) {
        const std::string_view prefix = side == 0 ? "" : "with_";
        IntervalQuery query = TRY(parse_interval_query(core, ask, places, kJoinedMax, kJoinedMax, prefix));
        query.window = window;
        query.before = {};
        query.open_only = query.with_withdrawn = false;
        IntervalPage page = TRY(find_intervals(core, ask, places, query));
        if (page.more)
            return Error{Code::limit, "{}kind: more than {} intervals: ask for less time, another kind or asset",
                         prefix, query.intervals_max};
        sides[side] = std::move(page.intervals);
    }
    // An interval is not joined with itself.
    const bool same_asset = parse_flag(ask, "same_asset");
    const auto together = [&](const Interval& left, const Interval& right) {
        if (left.id == right.id && left.kind == right.kind) return false;
        return !same_asset || places.asset(left) == places.asset(right);
    };
    const auto found = TRY(history::overlaps_of(sides[0], sides[1], window, kOverlapsMax, together));
    TRY(let_out(core, ask, csv ? "csv" : "rest", ask.value("path"), found.size()));
    std::string body;
    CsvRow row{body};
    if (csv) {
        for (const std::string_view name :
             {"from", "to", "duration_s", "id", "asset", "kind", "interval_from", "interval_to", "with_id",
              "with_asset", "with_kind", "with_from", "with_to"})
            row.add(name);
        row.end();
        for (const history::Overlap& one : found) {
            row.add(format_time(one.window.from));
            row.add(format_time(one.window.to));
            row.number(seconds(one.window.to - one.window.from));
            add_interval(row, places, sides[0][one.left]);
            add_interval(row, places, sides[1][one.right]);
            row.end();
        }
        return csv_answer(std::move(body), "overlaps");
    }
    JsonWriter out{body};
    out.begin_object().key("overlaps").begin_array();
    for (const history::Overlap& one : found) {
        out.begin_object()
            .key("from")
            .integer(units.time(one.window.from))
            .key("to")
            .integer(units.time(one.window.to));
        out.key("duration_s").number(seconds(one.window.to - one.window.from)).key("interval");
        write_interval(out, ask, places, sides[0][one.left], units);
        out.key("with");
        write_interval(out, ask, places, sides[1][one.right], units);
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
