// Prometheus' remote write and remote read. A series is the same one that a line `name,key=value… value=1` has: its
// measurement is __name__, its labels are the line's tags, its field is "value".
#include <algorithm>
#include <cmath>
#include <set>

#include "api/intake.h"
#include "wire/pattern.h"
#include "wire/prom.h"
#include "wire/snappy.h"

namespace gongshu::api {

namespace {

constexpr std::string_view kField = "value";
constexpr std::int64_t kMs = kMillisecond;

// Both ways the body is one snappy block, whatever the head says of it.
Result<std::string> open_body(Core& core, const Ask& ask) {
    const std::string encoding = wire::media_type(ask.http.header("content-encoding"));
    if (!encoding.empty() && encoding != "snappy")
        return Error{Code::unsupported, "Content-Encoding \"{}\" is not known here: send snappy",
                     encoding.substr(0, 40)};
    return wire::snappy_decode(as_bytes(ask.http.body), core.options.write_bytes_max);
}

wire::LineField number_field(double number) {
    wire::LineField field;
    field.name = kField;
    field.number = number;
    return field;
}

// The readings of one message.
class PromIntake {
public:
    PromIntake(Core& core, const Ask& ask) : core_(core), ask_(ask) {
        intake_.language = language_of(ask);
        // Prometheus throws away what is answered with 429, unless it is told otherwise; 503 it sends again.
        intake_.put_off_status = 503;
    }

    void take(const wire::PromSeries& series) {
        if (series.histograms > 0) fault(series.index, "native histograms are not kept here: send classic ones");
        point_.measurement = series.name;
        point_.labels.assign(series.labels.begin(), series.labels.end());
        // No line holds a line break there, so that nothing else is remembered under this text.
        text_.assign(1, '\n').append(wire::line_identity(point_));
        point_.series_text = text_;
        const auto to = target_of_line(core_, ask_, point_, number_field(0), key_);
        if (!to) return intake_.refuse(to.error(), [&](std::string_view text) { fault(series.index, text); });
        for (const wire::PromSample& sample : series.samples) add(series.index, *to, sample);
    }
    void fault(std::size_t index, std::string_view text) {
        intake_.fault(fmt::format("series {}", index), fmt::format("\"series\":{}", index), text);
    }
    Intake finish() { return std::move(intake_); }

private:
    void add(std::size_t index, const Target& to, const wire::PromSample& sample) {
        TimeNs time = 0;
        if (intake_.rows.full())
            return fault(index, fmt::format("more than {} readings in one request: send it in parts", Rows::kRowsMax));
        if (__builtin_mul_overflow(sample.time_ms, kMs, &time))
            return fault(index, fmt::format("{} is outside of the years 1678 to 2262", sample.time_ms));
        if (wire::is_prom_stale(sample.value))
            intake_.rows.add_number(to.tag, time, 0, bad(Reason::silent));  // the series has ended there
        else if (!std::isfinite(sample.value))
            intake_.rows.add_number(to.tag, time, 0, bad(Reason::type));
        else
            intake_.rows.add_number(to.tag, time, sample.value, limited(to, kGood, sample.value));
    }

    Core& core_;
    const Ask& ask_;
    Intake intake_;
    wire::LinePoint point_;
    std::string text_, key_;
};

}  // namespace

void post_prom_write(Core& core, const AskPtr& ask, Done done) {
    const auto body = open_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    PromIntake intake{core, *ask};
    const auto decoded = wire::decode_prom_write(
        as_bytes(*body), {}, [&](const wire::PromSeries& series) { intake.take(series); },
        [&](wire::PromFault fault) { intake.fault(fault.index, fault.text); });
    if (!decoded) return done(decoded.error());
    store(core.shared_from_this(), ask, intake.finish(), std::move(done));
}

// ---- reading --------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kTagsLookedAtMax = 100'000;  // of one query
constexpr std::uint64_t kRowsReadMax = 1'000'000;  // of one request
constexpr std::string_view kName = "__name__", kTag = "tag";

using Labels = std::vector<std::pair<std::string, std::string>>;  // in order of their names

// By which labels Prometheus knows a tag. One that came with labels keeps these; another has its property as its name,
// its device and its path as labels.
Labels labels_of(const TagInfo& info) {
    Labels labels;
    const std::string_view source = info.key.source;
    if (source.starts_with("l:")) {
        const std::string measurement = wire::line_measurement(source);
        const bool plain = info.key.property == kField;
        labels.emplace_back(kName, wire::prom_name(plain ? measurement : measurement + "_" + info.key.property));
        if (!plain) labels.emplace_back("field", info.key.property);
        for (const auto& [key, value] : gongshu::labels_of(source))
            labels.emplace_back(wire::prom_name(key, true), value);
    } else {
        const std::string_view path = info.path;
        const std::size_t dot = path.find('.', path.rfind('/') == path.npos ? 0 : path.rfind('/'));
        const std::string_view property = dot == path.npos ? path : path.substr(dot + 1);
        labels.emplace_back(kName, wire::prom_name(property));
        labels.emplace_back("device", path.substr(0, dot));
        labels.emplace_back(kTag, path);
    }
    std::ranges::sort(labels);
    // Two that became alike by their names: the first stays.
    const auto rest = std::ranges::unique(labels, {}, [](const auto& label) { return label.first; });
    labels.erase(rest.begin(), rest.end());
    return labels;
}

class Matchers {
public:
    static Result<Matchers> make(const std::vector<wire::PromMatcher>& wanted) {
        Matchers matchers;
        for (const wire::PromMatcher& one : wanted) {
            const bool like = one.match == wire::PromMatch::like || one.match == wire::PromMatch::not_like;
            matchers.all_.push_back({one, like ? std::optional{TRY(wire::Pattern::compile(one.value))} : std::nullopt});
        }
        return matchers;
    }
    // A label that is not there is an empty one.
    bool match(const Labels& labels) const {
        return std::ranges::all_of(all_, [&](const One& one) {
            const auto found =
                std::ranges::find(labels, one.matcher.name, [](const auto& label) { return label.first; });
            const std::string_view value = found == labels.end() ? std::string_view{} : std::string_view{found->second};
            const bool same = one.pattern ? one.pattern->matches(value) : value == one.matcher.value;
            const bool wanted =
                one.matcher.match == wire::PromMatch::equal || one.matcher.match == wire::PromMatch::like;
            return same == wanted;
        });
    }

private:
    struct One {
        wire::PromMatcher matcher;
        std::optional<wire::Pattern> pattern;
    };
    std::vector<One> all_;
};

// Globs that hold every tag that Prometheus may know by `name`: each '_' may be some other character, or several.
std::vector<std::string> globs_of_name(std::string_view name) {
    static constexpr std::string_view kFitting = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";
    if (name.empty() || name.find_first_not_of(kFitting) != name.npos) return {};  // no tag is called so
    std::string any;
    for (const char c : name) any.push_back(c == '_' ? '*' : c);
    std::vector<std::string> globs{any + "/**", any + ".*", "**." + any + "*"};
    for (std::size_t at = name.find('_'); at != name.npos; at = name.find('_', at + 1)) {
        globs.push_back(fmt::format("{}/**.{}*", any.substr(0, at), any.substr(at + 1)));
        globs.push_back(fmt::format("{}.{}*", any.substr(0, at), any.substr(at + 1)));
    }
    return globs;
}

std::vector<std::string> globs_of(const std::vector<wire::PromMatcher>& matchers) {
    for (const wire::PromMatcher& one : matchers) {
        if (one.match != wire::PromMatch::equal) continue;
        if (one.name == kTag && !one.value.empty()) return {one.value};
        if (one.name == kName) return globs_of_name(one.value);
    }
    return {"**"};
}

struct Found {
    TagInfo info;
    Labels labels;
};

Result<std::vector<Found>> find_series(Core& core, const Ask& ask, const wire::PromQuery& query) {
    const Matchers matchers = TRY(Matchers::make(query.matchers));
    std::vector<Found> found;
    std::set<std::uint64_t> seen;
    for (const std::string& glob : globs_of(query.matchers)) {
        auto candidates = core.deps.tags.match(ask.tenant(), glob, kTagsLookedAtMax + 1);
        if (candidates.size() > kTagsLookedAtMax)
            return Error{Code::limit, "more than {} tags to look at: name a metric with {{__name__=\"…\"}}",
                         kTagsLookedAtMax};
        for (TagInfo& info : candidates) {
            if (info.type == ValueType::text || !sees(ask.who, info.path) || !seen.insert(info.id.value).second)
                continue;
            Labels labels = labels_of(info);
            if (matchers.match(labels)) found.push_back({std::move(info), std::move(labels)});
        }
    }
    return found;
}

// One a millisecond, the newest of it; a reading that is bad is a gap, as a stale marker is.
std::vector<wire::PromSample> samples_of(const Rows& rows) {
    std::vector<wire::PromSample> samples;
    samples.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t time_ms = Units{kMs}.time(rows.time(i));
        const auto number = rows.quality(i).usable() ? as_number(rows.value(i)) : std::nullopt;
        if (!samples.empty() && samples.back().time_ms == time_ms) samples.pop_back();
        samples.push_back({number.value_or(wire::prom_stale()), time_ms});
    }
    return samples;
}

Window window_of(const wire::PromQuery& query) {
    constexpr std::int64_t kEnd = INT64_MAX / kMs - 1;
    const std::int64_t from = std::clamp(query.from_ms, -kEnd, kEnd), to = std::clamp(query.to_ms, -kEnd, kEnd);
    return {from * kMs, (to + 1) * kMs};
}

// What was asked for, for people: {__name__="up",job=~"a.*"}
std::string text_of(const wire::PromQuery& query) {
    static constexpr std::string_view kSigns[] = {"=", "!=", "=~", "!~"};
    std::string text = "{";
    for (const wire::PromMatcher& one : query.matchers)
        text += fmt::format("{}{}{}\"{}\"", text.size() > 1 ? "," : "", one.name,
                            kSigns[static_cast<std::size_t>(one.match)], one.value);
    return text + "}";
}

}  // namespace

Result<Answer> post_prom_read(Core& core, const Ask& ask) {
    const std::string body = TRY(open_body(core, ask));
    wire::PromReadWriter out;
    std::uint64_t rows_left = kRowsReadMax;
    const auto queries = TRY(wire::decode_prom_read(as_bytes(body)));
    for (const wire::PromQuery& query : queries) {
        out.begin_query();
        const auto found = TRY(find_series(core, ask, query));
        ReadRequest request{.window = window_of(query), .rows_max = rows_left};
        for (const Found& one : found) request.tags.push_back(one.info.id);
        std::vector<Series> series;
        if (!request.tags.empty() && !request.window.empty()) series = TRY(core.deps.reader.read(request));
        std::uint64_t rows = 0;
        for (const Series& one : series) rows += one.rows.size();
        TRY(let_out(core, ask, "prometheus", text_of(query), rows));
        rows_left -= rows;
        for (std::size_t i = 0; i < series.size(); ++i)
            if (!series[i].rows.empty()) out.add_series(found[i].labels, samples_of(series[i].rows));
    }
    Answer answer;
    answer.media_type = "application/x-protobuf";
    answer.body = wire::snappy_encode(out.finish());
    answer.headers.push_back({"content-encoding", "snappy"});
    answer.as_it_is = true;
    answer.door = "prometheus";
    return answer;
}

}  // namespace gongshu::api
