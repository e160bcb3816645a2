#include <algorithm>
#include <map>

#include "api/handlers.h"
#include "api/sight.h"
#include "flow/virtual_tags.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

constexpr std::uint64_t kRowsMax = 5'000;

// The resource of that name, if the caller sees it.
Result<std::shared_ptr<const registry::Resource>> seen_resource(Core& core, const Ask& ask, const std::string& name) {
    auto resource = core.deps.registry.find(ask.tenant(), "virtual_tag", name);
    Sight sight{core, ask.who};
    if (resource && sight.sees(*resource)) return resource;
    return Error{Code::not_found, "there is no virtual tag \"{}\"", name.substr(0, 200)};
}

void write_backfill(JsonWriter& out, const Ask& ask, const flow::VirtualBackfill& job, Units units) {
    out.begin_object().key("id").text(job.id).key("name").text(job.name);
    out.key("from").integer(units.time(job.window.from)).key("to").integer(units.time(job.window.to));
    out.key("state").text(to_string(job.state)).key("progress").number(job.progress);
    out.key("readings").integer(static_cast<std::int64_t>(job.readings));
    out.key("rows").integer(static_cast<std::int64_t>(job.rows));
    out.key("removed").integer(static_cast<std::int64_t>(job.removed)).key("left_before");
    write_time_or_null(out, job.left_before, units);
    out.key("places").integer(static_cast<std::int64_t>(job.places));
    out.key("places_done").integer(static_cast<std::int64_t>(job.places_done));
    out.key("error").text(told(ask, job.error)).key("by").text(job.by);
    out.key("started").integer(units.time(job.started)).key("finished");
    write_time_or_null(out, job.finished, units);
    out.end_object();
}

// What is wrong with a spec before it may even be tried: of the grammar of its expression with its place.
flow::VirtualPreview refused(const Json& spec, const Error& error) {
    flow::VirtualPreview answer;
    answer.problem_en = error.text();
    answer.problem_zh = told("zh", error.text());
    const Json* const text = spec.is_object() ? spec.get_object().if_contains("expr") : nullptr;
    if (text == nullptr || !text->is_string()) return answer;
    answer.error = flow::grammar_error({text->get_string().data(), text->get_string().size()});
    if (answer.error) answer.problem_zh = answer.error->text_in("zh");
    return answer;
}

void write_preview(JsonWriter& out, Core& core, const Ask& ask, const flow::VirtualPreview& answer, Units units) {
    const bool ok = answer.problem_en.empty();
    out.begin_object().key("ok").boolean(ok);
    if (!ok) {
        out.key("problem").text(answer.problem_en).key("problem_zh").text(answer.problem_zh);
        if (answer.error) write_expr_error(out.key("error"), *answer.error);
        out.end_object();
        return;
    }
    out.key("path").text(answer.path).key("unit").text(answer.unit).key("type");
    if (answer.type)
        out.text(to_string(*answer.type));
    else
        out.null();
    out.key("inputs").begin_array();
    for (const auto& input : answer.inputs) {
        const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), input.path);
        out.begin_object().key("path").text(input.path).key("unit").text(info ? info->unit : "");
        out.key("there").boolean(input.there).key("last");
        if (input.last)
            write_reading(out, *input.last, units);
        else
            out.null();
        out.end_object();
    }
    out.end_array().key("count").integer(static_cast<std::int64_t>(answer.count));
    out.key("readings").integer(static_cast<std::int64_t>(answer.readings));
    out.key("complete").boolean(answer.complete).key("until").integer(units.time(answer.until));
    out.key("columns").begin_array().text("ts").text("value").text("quality").end_array().key("rows").begin_array();
    for (std::size_t i = 0; i < answer.rows.size(); ++i) write_reading(out, answer.rows.reading(i), units);
    out.end_array().end_object();
}

}  // namespace

Result<Answer> get_virtual_tag_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    std::map<std::string, bool> seen;  // by name
    for (const flow::VirtualState& state : core.deps.flow.virtual_tags().states(ask.tenant())) {
        if (!sees(ask.who, state.path)) continue;
        const auto [resource, is_new] = seen.try_emplace(state.name);
        if (is_new) resource->second = seen_resource(core, ask, state.name).has_value();
        if (!resource->second) continue;
        const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), state.path);
        out.begin_object().key("name").text(state.name).key("device").text(state.device).key("path").text(state.path);
        out.key("state").text(state.runs ? "running" : state.waits ? "waiting" : "stopped");
        out.key("why").text(state.why_en).key("why_zh").text(state.why_zh == state.why_en ? told("zh", state.why_en) : state.why_zh);
        out.key("since").integer(units.time(state.since)).key("unit").text(info ? info->unit : "").key("type");
        if (info)
            out.text(to_string(info->type));
        else
            out.null();
        out.key("rows").integer(static_cast<std::int64_t>(state.rows));
        out.key("late").integer(static_cast<std::int64_t>(state.late)).key("last");
        const auto last = info ? core.deps.reader.last(info->id) : std::nullopt;
        if (last)
            write_reading(out, *last, units);
        else
            out.null();
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> preview_virtual_tag(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const TimeNs now = core.clock().now();
    flow::VirtualPreviewQuestion question;
    question.window = TRY(parse_window(ask, now, kHour));
    question.window.to = std::min(question.window.to, now);
    if (question.window.empty()) return Error{Code::invalid, "from: the past to try it on lies in the future"};
    question.rows_max = TRY(parse_number(ask, "limit", 500, 1, kRowsMax));
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string name = TRY(fields.text_or("name", ""));
    question.device = TRY(fields.text_or("device", ""));
    const Json* spec = fields.find("spec");
    if (spec == nullptr) return Error{Code::invalid, "spec: expected the virtual tag as it would be saved"};
    TRY(fields.done());
    const registry::Kind& kind = *core.deps.registry.kind("virtual_tag");
    Sight sight{core, ask.who};
    if (!name.empty()) TRY(sight.check_seen(kind, name));
    if (!ask.who.paths.empty()) question.sees = [who = ask.who](std::string_view path) { return sees(who, path); };
    flow::VirtualPreview answer;
    if (auto canonical = kind.normalize(*spec); !canonical) {
        answer = refused(*spec, canonical.error());
    } else {
        if (sight.limited()) TRY(sight.check_wish(kind, name, *canonical));
        question.tag = {.tenant = ask.tenant(), .kind = "virtual_tag", .name = name, .spec = std::move(*canonical)};
        if (const auto stored = core.deps.registry.find(ask.tenant(), "virtual_tag", name))
            question.tag.uid = stored->uid;
        answer = TRY(core.deps.flow.virtual_tags().preview(question));
        // What speaks against storing it: names that are taken, a circle.
        if (answer.problem_en.empty() && !name.empty()) {
            const auto change = core.deps.registry.put(ask.who.actor, "virtual_tag", name, *spec, {.dry_run = true});
            if (!change) {
                answer.problem_en = change.error().text();
                answer.problem_zh = told("zh", change.error().text());
            }
        }
    }
    TRY(let_out(core, ask, "rest", answer.path, answer.rows.size()));
    std::string body;
    JsonWriter out{body};
    write_preview(out, core, ask, answer, units);
    return json_answer(std::move(body));
}

Result<Answer> backfill_virtual_tag(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const std::string& name = ask.names.at(0);
    const auto resource = TRY(seen_resource(core, ask, name));
    const registry::Kind& kind = *core.deps.registry.kind("virtual_tag");
    TRY(Sight(core, ask.who).check_stored(kind, name));
    auto fields = TRY(Fields::parse(ask.http.body));
    const TimeNs now = core.clock().now();
    Window window;
    window.from = TRY(parse_time(TRY(fields.text("from")), now).context("from"));
    window.to = TRY(parse_time(TRY(fields.text_or("to", "now")), now).context("to"));
    TRY(fields.done());
    const auto job = TRY(core.deps.flow.virtual_tags().backfill(ask.tenant(), name, window, ask.who.actor.who));
    core.deps.registry.audit(
        ask.who.actor, "backfill", "virtual_tag", name,
        fmt::format(R"({{"from":"{}","to":"{}"}})", format_time(job.window.from), format_time(job.window.to)), true);
    std::string body;
    JsonWriter out{body};
    write_backfill(out, ask, job, units);
    return json_answer(std::move(body), 202);
}

Result<Answer> get_backfills(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const flow::VirtualBackfill& job : core.deps.flow.virtual_tags().backfills(ask.tenant()))
        if (ask.who.paths.empty() || seen_resource(core, ask, job.name)) write_backfill(out, ask, job, units);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> cancel_backfill(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const std::string& id = ask.names.at(0);
    const auto jobs = core.deps.flow.virtual_tags().backfills(ask.tenant());
    const auto job = std::ranges::find(jobs, id, &flow::VirtualBackfill::id);
    const bool seen = job != jobs.end() && (ask.who.paths.empty() || seen_resource(core, ask, job->name).has_value());
    if (!seen) return Error{Code::not_found, "there is no making of past values \"{}\"", id.substr(0, 40)};
    if (!ask.who.paths.empty())
        TRY(Sight(core, ask.who).check_stored(*core.deps.registry.kind("virtual_tag"), job->name));
    core.deps.registry.audit(ask.who.actor, "backfill_cancelled", "virtual_tag", job->name, "", true);
    std::string body;
    JsonWriter out{body};
    write_backfill(out, ask, TRY(core.deps.flow.virtual_tags().cancel_backfill(ask.tenant(), id)), units);
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
