#include <algorithm>

#include "api/handlers.h"
#include "api/sight.h"
#include "expr/error.h"
#include "expr/expr.h"
#include "expr/units.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kAlarmsMax = 10'000;

bool sees_alarm(const Ask& ask, const flow::Alarm& alarm) {
    return sees(ask.who, alarm.device.empty() ? alarm.tag : alarm.device);
}

Result<Answer> render(const Ask& ask, const flow::Alarm& alarm) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    write_alarm(out, seen_part(ask.who, alarm), units, language_of(ask), true);
    return json_answer(std::move(body));
}

Result<flow::AlarmQuery> parse_alarm_query(Core& core, const Ask& ask) {
    flow::AlarmQuery query;
    const TimeNs now = core.clock().now();
    if (const std::string* state = ask.find("state")) {
        const auto parsed = flow::parse_state_filter(*state);
        if (!parsed)
            return Error{
                Code::invalid,
                "state: \"{}\" is none of active, raised, acknowledged, latched, shelved, suppressed, cleared, all",
                state->substr(0, 40)};
        query.state = *parsed;
    }
    if (const std::string* severity = ask.find("severity")) {
        query.severity = flow::parse_severity(*severity);
        if (!query.severity)
            return Error{Code::invalid, "severity: \"{}\" is none of critical, major, minor, warning",
                         severity->substr(0, 40)};
    }
    if (const std::string* group = ask.find("group")) query.group = *group;
    if (const std::string* from = ask.find("from")) query.from = TRY(parse_time(*from, now).context("from"));
    if (const std::string* to = ask.find("to")) query.to = TRY(parse_time(*to, now).context("to"));
    query.alarms_max = TRY(parse_number(ask, "limit", 1000, 1, kAlarmsMax));
    return query;
}

using Change = void (flow::Alarms::*)(TenantId, std::string_view, std::string_view, std::string_view,
                                      flow::Alarms::Done);

void change_alarm(Core& core, const AskPtr& ask, Done done, Change change) {
    std::string comment;
    if (!ask->http.body.empty()) {
        auto fields = Fields::parse(ask->http.body);
        if (!fields) return done(fields.error());
        auto text = fields->text_or("comment", "");
        if (!text) return done(text.error());
        if (auto whole = fields->done(); !whole) return done(whole.error());
        comment = std::move(*text);
    }
    flow::Alarms& alarms = core.deps.flow.alarms();
    const auto alarm = alarms.get(ask->tenant(), ask->names.at(0));
    if (!alarm) return done(alarm.error());
    if (!sees_alarm(*ask, *alarm))
        return done(Error{Code::not_found, "there is no alarm \"{}\"", ask->names[0].substr(0, 40)});
    (alarms.*change)(ask->tenant(), ask->names[0], ask->who.actor.who, comment,
                     [ask, done](Result<flow::Alarm> changed) {
                         if (!changed) return done(std::move(changed).error());
                         done(render(*ask, *changed));
                     });
}

void write_why(JsonWriter& out, const flow::Why& why, Units units) {
    out.begin_object()
        .key("condition")
        .text(why.condition)
        .key("text_zh")
        .text(why.text_zh)
        .key("text_en")
        .text(why.text_en);
    out.key("values").begin_array();
    for (const flow::WhyValue& value : why.values) {
        out.begin_object()
            .key("tag")
            .text(value.tag)
            .key("expression")
            .text(value.expression)
            .key("ts")
            .integer(units.time(value.ts));
        out.key("value");
        if (value.value)
            write_value(out, *value.value);
        else
            out.null();
        out.key("unit").text(value.unit).key("quality").text(to_string(value.quality)).end_object();
    }
    out.end_array().end_object();
}

}  // namespace

flow::Alarm seen_part(const registry::Principal& who, flow::Alarm alarm) {
    const auto hidden = std::erase_if(alarm.why.values, [&](const auto& value) { return !sees(who, value.tag); });
    if (hidden > 0) alarm.why.text_zh = alarm.why.text_en = alarm.why.condition;
    return alarm;
}

void write_alarm(JsonWriter& out, const flow::Alarm& alarm, Units units, std::string_view language, bool with_journal) {
    out.begin_object();
    out.key("id")
        .text(alarm.id)
        .key("rule")
        .text(alarm.rule)
        .key("device")
        .text(alarm.device)
        .key("tag")
        .text(alarm.tag)
        .key("group")
        .text(alarm.group);
    out.key("state").text(to_string(alarm.state())).key("severity").text(to_string(alarm.severity));
    out.key("title_zh").text(alarm.title_zh).key("title_en").text(alarm.title_en);
    const std::string& other = language == "zh" ? alarm.message_en : alarm.message_zh;
    const std::string& message = language == "zh" ? alarm.message_zh : alarm.message_en;
    out.key("message").text(message.empty() ? other : message);
    out.key("message_zh").text(alarm.message_zh).key("message_en").text(alarm.message_en);
    out.key("raised").integer(units.time(alarm.raised));
    out.key("cleared");
    write_time_or_null(out, alarm.cleared.value_or(0), units);
    out.key("cleared_reason").text(alarm.cleared_reason);
    out.key("latched");
    write_time_or_null(out, alarm.latched.value_or(0), units);
    out.key("suppressed");
    write_time_or_null(out, alarm.suppressed.value_or(0), units);
    out.key("shelved");
    if (alarm.shelf) {
        out.begin_object().key("since").integer(units.time(alarm.shelf->since)).key("until");
        write_time_or_null(out, alarm.shelf->until.value_or(0), units);
        out.key("by").text(alarm.shelf->by).key("reason").text(alarm.shelf->reason).end_object();
    } else {
        out.null();
    }
    out.key("acknowledged");
    write_time_or_null(out, alarm.acknowledged.value_or(0), units);
    out.key("acknowledged_by");
    if (alarm.acknowledged_by.empty())
        out.null();
    else
        out.text(alarm.acknowledged_by);
    out.key("why");
    write_why(out, alarm.why, units);
    if (with_journal) {
        out.key("journal").begin_array();
        for (const flow::JournalEntry& entry : alarm.journal) {
            out.begin_object().key("time").integer(units.time(entry.time)).key("what").text(entry.what);
            out.key("who").text(entry.who).key("comment").text(entry.comment).end_object();
        }
        out.end_array();
    }
    out.end_object();
}

flow::AlarmCounts alarm_counts(Core& core, const registry::Principal& who) {
    const flow::Alarms& alarms = core.deps.flow.alarms();
    if (who.paths.empty()) return alarms.counts(who.actor.tenant);
    flow::AlarmCounts counts{};
    for (const flow::Alarm& alarm : alarms.list(who.actor.tenant, {.alarms_max = kAlarmsMax})) {
        if (sees(who, alarm.device.empty() ? alarm.tag : alarm.device))
            ++counts[static_cast<std::size_t>(alarm.severity)];
    }
    return counts;
}

namespace {

std::map<std::string, flow::AlarmCounts> counts_by_group(Core& core, const registry::Principal& who) {
    const flow::Alarms& alarms = core.deps.flow.alarms();
    if (who.paths.empty()) return alarms.counts_by_group(who.actor.tenant);
    std::map<std::string, flow::AlarmCounts> counts;
    for (const flow::Alarm& alarm : alarms.list(who.actor.tenant, {.alarms_max = kAlarmsMax})) {
        if (sees(who, alarm.device.empty() ? alarm.tag : alarm.device))
            ++counts[alarm.group][static_cast<std::size_t>(alarm.severity)];
    }
    return counts;
}

void write_counts(JsonWriter& out, const flow::AlarmCounts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i)
        out.key(to_string(static_cast<flow::Severity>(i))).integer(static_cast<std::int64_t>(counts[i]));
}

}  // namespace

Result<Answer> get_alarms(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    flow::AlarmQuery query = TRY(parse_alarm_query(core, ask));
    const flow::Alarms& alarms = core.deps.flow.alarms();
    const std::string_view language = language_of(ask);
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("alarms").begin_array();
    const std::size_t wanted = query.alarms_max;
    if (!ask.who.paths.empty()) query.alarms_max = kAlarmsMax;  // the newest ones may all be hidden
    std::size_t shown = 0;
    for (flow::Alarm& alarm : alarms.list(ask.tenant(), query)) {
        if (shown == wanted) break;
        if (!sees_alarm(ask, alarm)) continue;
        ++shown;
        write_alarm(out, seen_part(ask.who, std::move(alarm)), units, language, false);
    }
    out.end_array().key("counts").begin_object();
    write_counts(out, alarm_counts(core, ask.who));
    out.end_object().key("groups").begin_array();
    for (const auto& [group, counts] : counts_by_group(core, ask.who)) {
        out.begin_object().key("group").text(group);
        write_counts(out, counts);
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_alarm(Core& core, const Ask& ask) {
    const auto alarm = TRY(core.deps.flow.alarms().get(ask.tenant(), ask.names.at(0)));
    if (!sees_alarm(ask, alarm)) return Error{Code::not_found, "there is no alarm \"{}\"", ask.names[0].substr(0, 40)};
    return render(ask, alarm);
}

void acknowledge_alarm(Core& core, const AskPtr& ask, Done done) {
    change_alarm(core, ask, std::move(done), &flow::Alarms::acknowledge);
}

void comment_alarm(Core& core, const AskPtr& ask, Done done) {
    change_alarm(core, ask, std::move(done), &flow::Alarms::comment);
}

void write_expr_error(JsonWriter& out, const expr::ExprError& error) {
    out.begin_object().key("text").text(error.text).key("column").integer(error.column);
    out.key("length").integer(error.length).key("code").text(error.code);
    out.key("text_zh").text(error.text_in("zh")).key("expected_zh").text(error.expected_in("zh"));
    out.key("found").text(error.found).key("expected").text(error.expected).key("suggest").begin_array();
    for (const std::string& text : error.suggest) out.text(text);
    out.end_array();
    for (const std::string_view language : {"en", "zh"}) {
        out.key(language == "zh" ? "params_zh" : "params").begin_object();
        for (const expr::ErrorParam& param : error.params)
            out.key(param.name).text(expr::ExprError::param_in(language, param));
        out.end_object();
    }
    out.end_object();
}

namespace {

std::string render_check(Core& core, const Ask& ask, const flow::CheckAnswer& answer, Units units) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("ok").boolean(!answer.error);
    if (answer.error) {
        write_expr_error(out.key("error"), *answer.error);
        out.end_object();
        return body;
    }
    out.key("value");
    if (answer.value)
        out.boolean(*answer.value);
    else
        out.null();
    out.key("tags").begin_array();
    for (const flow::CheckTag& tag : answer.tags) {
        out.begin_object().key("path").text(tag.path).key("value");
        if (tag.last)
            write_value(out, tag.last->value);
        else
            out.null();
        out.key("quality");
        if (tag.last)
            out.text(to_string(tag.last->quality));
        else
            out.null();
        const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), tag.path);
        out.key("unit").text(info ? info->unit : "").key("ts");
        write_time_or_null(out, tag.last ? tag.last->time : 0, units);
        out.end_object();
    }
    out.end_array().key("uses").begin_array();
    for (const std::string& use : answer.uses) out.text(use);
    out.end_array().key("window").text(answer.window).end_object();
    return body;
}

Result<flow::CheckQuestion> parse_check(const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    flow::CheckQuestion question;
    question.tenant = ask.tenant();
    question.condition = TRY(fields.text("condition"));
    question.device = TRY(fields.text_or("device", ""));
    question.device_type = TRY(fields.text_or("device_type", ""));
    TRY(fields.done());
    if (!ask.who.paths.empty()) question.sees = [who = ask.who](std::string_view path) { return sees(who, path); };
    if (question.condition.size() > 10'000) return Error{Code::limit, "condition: longer than 10000 bytes"};
    if (!question.device.empty() && !sees(ask.who, question.device)) {
        return Error{Code::not_found, "device: there is no device \"{}\"", question.device.substr(0, 200)};
    }
    return question;
}

}  // namespace

Result<Answer> get_functions(Core&, const Ask&) {
    static constexpr std::string_view kGroups[] = {"choose", "math", "least_most", "text", "bits",
                                                   "window", "time", "date",       "money"};
    std::string body;
    JsonWriter out{body};
    const auto list = [&out](std::string_view key, std::span<const std::string_view> words) {
        out.key(key).begin_array();
        for (const std::string_view word : words) out.text(word);
        out.end_array();
    };
    out.begin_object().key("functions").begin_array();
    for (const expr::FunctionInfo& function : expr::functions()) {
        out.begin_object().key("name").text(function.name).key("signature").text(function.signature);
        out.key("group").text(kGroups[static_cast<std::size_t>(function.group)]);
        out.key("help").begin_object().key("zh").text(function.help_zh).key("en").text(function.help_en).end_object();
        out.key("example").text(function.example).key("given").text(function.given);
        out.key("result").text(function.result).end_object();
    }
    out.end_array();
    list("words", expr::words());
    out.key("units").begin_array();
    for (const std::string& unit : expr::usual_units()) out.text(unit);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

void check_rule(Core& core, const AskPtr& ask, Done done) {
    auto question = parse_check(*ask);
    if (!question) return done(question.error());
    const auto units = parse_units(*ask);
    if (!units) return done(units.error());
    core.deps.flow.check(std::move(*question), [&core, ask, done, units = *units](const flow::CheckAnswer& answer) {
        done(json_answer(render_check(core, *ask, answer, units)));
    });
}

Result<Answer> rehearse_rule(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const TimeNs now = core.clock().now();
    flow::RehearseQuestion question;
    question.window = TRY(parse_window(ask, now, 7 * kDay));
    question.window.to = std::min(question.window.to, now);
    if (question.window.empty()) return Error{Code::invalid, "from: the past to try the rule on lies in the future"};
    question.alarms_max = TRY(parse_number(ask, "limit", 1000, 1, kAlarmsMax));
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string name = TRY(fields.text_or("name", "rehearsal"));
    const Json* spec = fields.find("spec");
    if (spec == nullptr) return Error{Code::invalid, "spec: expected the rule as it would be saved"};
    TRY(fields.done());
    const registry::Kind& kind = *core.deps.registry.kind("rule");
    Sight sight{core, ask.who};
    TRY(sight.check_seen(kind, name));
    if (auto canonical = kind.normalize(*spec); canonical && sight.limited())
        TRY(sight.check_wish(kind, name, *canonical));
    question.rule = TRY(core.deps.registry.put(ask.who.actor, "rule", name, *spec, {.dry_run = true})).resource;
    const flow::RehearseAnswer answer = TRY(core.deps.flow.rehearse(question));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("count").integer(static_cast<std::int64_t>(answer.count));
    out.key("suppressed").integer(static_cast<std::int64_t>(answer.suppressed));
    out.key("active_s").number(static_cast<double>(answer.active) / kSecond);
    out.key("from").integer(units.time(question.window.from)).key("to").integer(units.time(question.window.to));
    out.key("until").integer(units.time(answer.until)).key("complete").boolean(answer.complete);
    out.key("readings").integer(static_cast<std::int64_t>(answer.readings));
    out.key("devices").integer(static_cast<std::int64_t>(answer.devices));
    out.key("devices_left").integer(static_cast<std::int64_t>(answer.devices_left)).key("missing").begin_array();
    for (const std::string& path : answer.missing) out.text(path);
    out.end_array().key("alarms").begin_array();
    for (const flow::Alarm& alarm : answer.alarms)
        write_alarm(out, seen_part(ask.who, alarm), units, language_of(ask), false);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
