#include "api/interval_handlers.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "api/handlers.h"
#include "api/interval_place.h"
#include "base/log.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kAtOnce = 200;
constexpr std::size_t kAtOnceMax = 5'000;

// A time of a body: RFC 3339, "now-1h", or a whole number in the unit of ?precision.
Result<TimeNs> time_of(const Json& json, std::string_view name, TimeNs now, Units units) {
    if (json.is_string()) return parse_time(std::string_view{json.get_string()}, now).context("{}", name);
    TimeNs time = 0;
    if (json.is_int64() && !__builtin_mul_overflow(json.get_int64(), units.unit_ns, &time)) return time;
    return Error{Code::invalid, "{}: expected a time as text, or as a whole number", name};
}

Result<std::map<std::string, Value>> attributes_of(const Json& json) {
    if (!json.is_object()) return Error{Code::invalid, "attributes: expected a JSON object of names and values"};
    std::map<std::string, Value> attributes;
    for (const auto& [name, value] : json.get_object()) {
        Value& kept = attributes[std::string{name}];
        if (value.is_string())
            kept = std::string{std::string_view{value.get_string()}};
        else if (value.is_bool())
            kept = value.get_bool();
        else if (value.is_int64())
            kept = value.get_int64();
        else if (value.is_uint64())
            kept = static_cast<double>(value.get_uint64());
        else if (value.is_double())
            kept = value.get_double();
        else
            return Error{Code::invalid, "attributes.{}: expected a text, a number, true or false",
                         std::string_view{name}.substr(0, 100)};
    }
    return attributes;
}

Result<double> confidence_of(const Json& json) {
    if (json.is_double()) return json.get_double();
    if (json.is_int64()) return static_cast<double>(json.get_int64());
    return Error{Code::invalid, "confidence: expected a number of 0 to 1"};
}

Result<void> check_kind(std::string_view kind) {
    if (kind != "alarm") return {};
    return Error{Code::invalid, "kind: intervals of alarms come from rules; choose another kind"};
}

// The newest revision, if the caller may see it.
Result<Interval> newest_of(Core& core, const Ask& ask, IntervalPlaces& places) {
    const std::string& text = ask.names.at(0);
    IntervalId id;
    const auto nothing = [&] { return Error{Code::not_found, "there is no interval \"{}\"", text.substr(0, 60)}; };
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
    if (error != std::errc{} || end != text.data() + text.size()) return nothing();
    auto revisions = core.deps.history.interval_revisions(ask.tenant(), id);
    if (!revisions) return revisions.error().code() == Code::not_found ? nothing() : revisions.error();
    if (!places.sees(revisions->back())) return nothing();
    return std::move(revisions->back());
}

Result<Interval> parse_new(Core& core, const Ask& ask, Units units) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const TimeNs now = core.clock().now();
    IntervalPlaces places{core, ask.who};
    Interval one;
    one.tenant = ask.tenant();
    const auto named = TRY(places.named(TRY(fields.text("asset"))));
    one.subject = named.subject;
    one.tag = named.tag;
    one.path = named.path;
    one.kind = TRY(fields.text("kind"));
    TRY(check_kind(one.kind));
    const Json* from = fields.find("from");
    one.from = from ? TRY(time_of(*from, "from", now, units)) : now;
    if (const Json* to = fields.find("to"); to && !to->is_null()) one.to = TRY(time_of(*to, "to", now, units));
    if (const Json* attributes = fields.find("attributes")) one.attributes = TRY(attributes_of(*attributes));
    if (const Json* confidence = fields.find("confidence")) one.confidence = TRY(confidence_of(*confidence));
    const std::string source = TRY(fields.text_or("source", "hand"));
    if (source != "hand" && source != "scan" && source != "import")
        return Error{Code::invalid, "source: \"{}\" is none of hand, scan, import", source.substr(0, 40)};
    one.source = *parse_interval_source(source);
    one.source_name = one.by = ask.who.actor.who;
    one.reason = TRY(fields.text_or("reason", ""));
    TRY(fields.done());
    return one;
}

Result<void> check_revision(Fields& fields, const Interval& one) {
    if (!fields.find("revision")) return {};
    const std::uint64_t revision = TRY(fields.number("revision"));
    if (revision == one.revision) return {};
    return Error{Code::conflict, "interval {} is at revision {}, not {}: somebody changed it; look at it again",
                 one.id.value, one.revision, revision};
}

Result<std::string> needed_reason(Fields& fields) {
    std::string reason = TRY(fields.text("reason"));
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
        return Error{Code::invalid, "reason: is empty; say why, others will read it"};
    return reason;
}

Result<Interval> parse_close(Core& core, const Ask& ask, Units units) {
    IntervalPlaces places{core, ask.who};
    Interval one = TRY(newest_of(core, ask, places));
    auto fields = TRY(Fields::parse(ask.http.body.empty() ? "{}" : std::string_view{ask.http.body}));
    TRY(check_revision(fields, one));
    const TimeNs now = core.clock().now();
    const Json* to = fields.find("to");
    if (one.to) {
        return Error{Code::conflict, "interval {} is closed already; correct it if that is wrong", one.id.value};
    }
    one.to = to && !to->is_null() ? TRY(time_of(*to, "to", now, units)) : now;
    if (const Json* attributes = fields.find("attributes"))
        for (auto& [name, value] : TRY(attributes_of(*attributes))) one.attributes[name] = value;
    one.reason = TRY(fields.text_or("reason", ""));
    TRY(fields.done());
    one.action = IntervalAction::closed;
    return one;
}

Result<Interval> parse_correct(Core& core, const Ask& ask, Units units) {
    IntervalPlaces places{core, ask.who};
    Interval one = TRY(newest_of(core, ask, places));
    auto fields = TRY(Fields::parse(ask.http.body));
    TRY(check_revision(fields, one));
    const TimeNs now = core.clock().now();
    one.kind = TRY(fields.text_or("kind", one.kind));
    TRY(check_kind(one.kind));
    if (const Json* from = fields.find("from")) one.from = TRY(time_of(*from, "from", now, units));
    if (const Json* to = fields.find("to")) {
        one.to.reset();
        if (!to->is_null()) one.to = TRY(time_of(*to, "to", now, units));
    }
    if (const Json* attributes = fields.find("attributes")) one.attributes = TRY(attributes_of(*attributes));
    if (const Json* confidence = fields.find("confidence")) one.confidence = TRY(confidence_of(*confidence));
    one.reason = TRY(needed_reason(fields));
    TRY(fields.done());
    one.action = IntervalAction::corrected;
    return one;
}

Result<Interval> parse_withdraw(Core& core, const Ask& ask, Units) {
    IntervalPlaces places{core, ask.who};
    Interval one = TRY(newest_of(core, ask, places));
    auto fields = TRY(Fields::parse(ask.http.body));
    TRY(check_revision(fields, one));
    one.reason = TRY(needed_reason(fields));
    TRY(fields.done());
    one.action = IntervalAction::withdrawn;
    return one;
}

void audit(Core& core, const Ask& ask, const Interval& one, const std::string& asset) {
    std::string detail;
    JsonWriter out{detail};
    out.begin_object().key("id").text(interval_id_text(one)).key("revision").integer(one.revision);
    out.key("kind").text(one.kind).key("from").text(format_time(one.from));
    if (one.to) out.key("to").text(format_time(*one.to));
    if (!one.reason.empty()) out.key("reason").text(one.reason);
    out.end_object();
    core.deps.registry.audit(ask.who.actor, fmt::format("interval_{}", to_string(one.action)), "interval", asset,
                             detail, true);
}

// For choosing from: of who sees only some places, those of what he sees here.
std::set<std::string> kinds_seen(Core& core, const Ask& ask, const IntervalPage& page) {
    std::set<std::string> kinds;
    if (ask.who.paths.empty())
        for (std::string& kind : core.deps.history.interval_kinds(ask.tenant())) kinds.insert(std::move(kind));
    for (const Interval& one : page.intervals) kinds.insert(one.kind);
    return kinds;
}

using Parse = Result<Interval> (*)(Core& core, const Ask& ask, Units units);

void change(Core& core, const AskPtr& ask, Done done, Parse parse, bool is_new) {
    const auto units = parse_units(*ask);
    if (!units) return done(units.error());
    auto wish = parse(core, *ask, *units);
    if (!wish) return done(std::move(wish).error());
    wish->by = ask->who.actor.who;
    const auto answer = [shared = core.shared_from_this(), ask, done, is_new,
                         units = *units](Result<Interval> changed) {
        if (!changed) return done(std::move(changed).error());
        // The registry writes to its disk: not on the lane that logged it.
        const auto tell = [shared, ask, done, is_new, units, one = std::move(*changed)](bool with_audit) {
            IntervalPlaces places{*shared, ask->who};
            const std::string asset = places.asset(one);
            if (with_audit) audit(*shared, *ask, one, asset);
            std::string body;
            JsonWriter out{body};
            write_interval(out, *ask, places, one, units);
            done(json_answer(std::move(body), is_new ? 201 : 200));
        };
        if (shared->deps.pool.submit([tell] { tell(true); })) return;
        log_error("api", "a change of an interval is not in the audit: too much to do");
        tell(false);
    };
    if (is_new)
        core.deps.history.add_interval(std::move(*wish), Durability::sync, answer);
    else
        core.deps.history.revise_interval(std::move(*wish), Durability::sync, answer);
}

}  // namespace

Result<Answer> get_intervals(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    IntervalPlaces places{core, ask.who};
    const IntervalQuery query = TRY(parse_interval_query(core, ask, places, kAtOnce, kAtOnceMax));
    const IntervalPage page = TRY(find_intervals(core, ask, places, query));
    TRY(let_out(core, ask, "rest", ask.value("path"), page.intervals.size()));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("intervals").begin_array();
    for (const Interval& one : page.intervals) write_interval(out, ask, places, one, units);
    out.end_array().key("next");
    if (page.more)
        out.text(fmt::format("{}.{}", page.intervals.back().from, page.intervals.back().id.value));
    else
        out.null();
    out.key("kinds").begin_array();
    for (const std::string& kind : kinds_seen(core, ask, page)) out.text(kind);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_interval(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    IntervalPlaces places{core, ask.who};
    const Interval newest = TRY(newest_of(core, ask, places));
    const auto revisions = TRY(core.deps.history.interval_revisions(ask.tenant(), newest.id));
    TRY(let_out(core, ask, "rest", places.asset(newest), revisions.size()));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("interval");
    write_interval(out, ask, places, revisions.back(), units);
    out.key("revisions").begin_array();
    for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision)
        write_interval(out, ask, places, *revision, units);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

void post_interval(Core& core, const AskPtr& ask, Done done) { change(core, ask, std::move(done), parse_new, true); }
void close_interval(Core& core, const AskPtr& ask, Done done) {
    change(core, ask, std::move(done), parse_close, false);
}
void correct_interval(Core& core, const AskPtr& ask, Done done) {
    change(core, ask, std::move(done), parse_correct, false);
}
void withdraw_interval(Core& core, const AskPtr& ask, Done done) {
    change(core, ask, std::move(done), parse_withdraw, false);
}

}  // namespace gongshu::api
