// Cases: what people decide on in turns, whatever kind it is.
#include <algorithm>
#include <charconv>

#include "api/handlers.h"
#include "api/sight.h"
#include "case/cases.h"

namespace gongshu::api {
namespace {

constexpr std::size_t kScanMax = 2'000;  // open cases looked at to find those that wait for the caller
constexpr std::string_view kChange = "change_approval";

Result<cases::Cases*> cases_of(Core& core) {
    if (core.deps.cases == nullptr) return Error{Code::unsupported, "this server keeps no cases"};
    return core.deps.cases;
}

cases::Doer doer_of(const Ask& ask) { return {ask.who.actor, !ask.who.is_token}; }

Result<cases::Case> seen_case(Core& core, const Ask& ask) {
    cases::Case one = TRY(TRY(cases_of(core))->get(ask.tenant(), ask.names.at(0)));
    if (!sees_case(ask, one)) return Error{Code::not_found, "there is no case {}", ask.names.at(0).substr(0, 60)};
    return one;
}

std::string text_of(const JsonObject& fields, std::string_view name) {
    const Json* const value = fields.if_contains(name);
    return value == nullptr || !value->is_string() ? std::string{} : std::string(std::string_view(value->get_string()));
}

// What a change approval would change is seen and may be changed by the caller, too.
Result<void> check_reach(Core& core, const Ask& ask, const JsonObject& fields) {
    if (ask.who.paths.empty()) return {};
    const registry::Kind* kind = core.deps.registry.kind(text_of(fields, "kind"));
    if (kind == nullptr) return {};  // refused by the kind of case itself
    Sight sight{core, ask.who};
    const std::string name = text_of(fields, "name");
    TRY(sight.check_stored(*kind, name));
    const Json* const spec = fields.if_contains("spec");
    if (spec == nullptr) return {};
    return sight.check_wish(*kind, name, TRY(kind->normalize(*spec)));
}

// What somebody may do that moves the case on: then it waits for them.
bool waits_for(const std::vector<cases::Offer>& offers) {
    return std::ranges::any_of(offers, [](const cases::Offer& offer) {
        return !offer.why_not && !offer.action->to.empty() && offer.action->name != "withdraw";
    });
}

void write_titles(JsonWriter& out, std::string_view name, std::string_view zh, std::string_view en) {
    out.key("name").text(name).key("title_zh").text(zh).key("title_en").text(en);
}

void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
    out.key(key).begin_array();
    for (const std::string& text : texts) out.text(text);
    out.end_array();
}

void write_fields(JsonWriter& out, const cases::Case& one, bool with_json) {
    out.key("fields").begin_object();
    for (const auto& item : one.fields) {
        const cases::Field* field = one.kind->field(item.key());
        if (field != nullptr && field->type == cases::FieldType::json && !with_json) continue;
        out.key(item.key()).raw(registry::to_text(item.value()));
    }
    out.end_object();
}

// The members of a case, within an object.
void write_case(JsonWriter& out, const cases::Case& one, Units units, bool with_json) {
    out.key("id").text(one.id).key("kind").text(one.kind->name).key("state").text(one.state);
    out.key("closed").boolean(one.is_closed()).key("revision").integer(static_cast<std::int64_t>(one.revision));
    out.key("subject").text(one.subject).key("place").text(one.place).key("opener").text(one.opener);
    write_texts(out, "assigned", one.assigned);
    out.key("opened").integer(units.time(one.opened)).key("since").integer(units.time(one.since));
    out.key("changed").integer(units.time(one.changed)).key("due");
    one.due ? out.integer(units.time(*one.due)) : out.null();
    write_fields(out, one, with_json);
}

void write_kind(JsonWriter& out, const cases::CaseKind& kind) {
    static constexpr std::string_view kTypes[] = {"text", "number", "integer", "boolean", "choice", "time", "json", "files"};
    static constexpr std::string_view kTones[] = {"waiting", "urgent", "good", "bad", "calm"};
    static constexpr std::string_view kParties[] = {"anyone", "assigned", "opener"};
    out.begin_object();
    write_titles(out, kind.name, kind.title_zh, kind.title_en);
    out.key("plural").text(kind.plural).key("prefix").text(kind.prefix);
    out.key("about_zh").text(kind.about_zh).key("about_en").text(kind.about_en).key("start").text(kind.start);
    out.key("fields").begin_array();
    for (const cases::Field& field : kind.fields) {
        out.begin_object();
        write_titles(out, field.name, field.title_zh, field.title_en);
        out.key("type").text(kTypes[static_cast<std::size_t>(field.type)]);
        out.key("choices").begin_array();
        for (const cases::Choice& choice : field.choices) {
            out.begin_object();
            write_titles(out, choice.name, choice.title_zh, choice.title_en);
            out.end_object();
        }
        out.end_array().key("min");
        field.min ? out.number(*field.min) : out.null();
        out.key("max");
        field.max ? out.number(*field.max) : out.null();
        out.end_object();
    }
    out.end_array().key("states").begin_array();
    for (const cases::State& state : kind.states) {
        out.begin_object();
        write_titles(out, state.name, state.title_zh, state.title_en);
        out.key("final")
            .boolean(state.final)
            .key("tone")
            .text(kTones[static_cast<std::size_t>(state.tone)])
            .end_object();
    }
    out.end_array().key("parties").begin_array();
    for (const cases::Party& party : kind.parties) {
        out.begin_object();
        write_titles(out, party.name, party.title_zh, party.title_en);
        out.key("is")
            .text(kParties[static_cast<std::size_t>(party.is)])
            .key("role")
            .text(to_string(party.role))
            .end_object();
    }
    out.end_array().key("actions").begin_array();
    for (const cases::Action& action : kind.actions) {
        out.begin_object();
        write_titles(out, action.name, action.title_zh, action.title_en);
        write_texts(out, "from", action.from);
        out.key("to").text(action.to);
        write_texts(out, "by", action.by);
        write_texts(out, "takes", action.takes);
        write_texts(out, "needs", action.needs);
        out.key("needs_note").boolean(action.needs_note).key("assigns").boolean(action.assigns);
        write_texts(out, "unlike", action.unlike);
        out.key("guard").text(action.guard).key("guard_zh").text(action.guard_zh).key("guard_en").text(action.guard_en);
        out.end_object();
    }
    out.end_array().key("deadlines").begin_array();
    for (const cases::Deadline& deadline : kind.deadlines) {
        out.begin_object().key("state").text(deadline.state).key("after_s").integer(deadline.after / kSecond);
        out.key("after_field").text(deadline.after_field).key("working_time").boolean(deadline.working_time);
        out.key("action").text(deadline.action).end_object();
    }
    out.end_array().end_object();
}

void write_steps(JsonWriter& out, const std::vector<cases::Step>& steps, Units units) {
    out.key("steps").begin_array();
    for (const cases::Step& step : steps) {
        out.begin_object().key("number").integer(static_cast<std::int64_t>(step.number));
        out.key("time").integer(units.time(step.time)).key("who").text(step.who).key("action").text(step.action);
        out.key("from").text(step.from).key("to").text(step.to).key("note").text(step.note);
        out.key("changed").raw(registry::to_text(Json(step.changed)));
        if (step.assigned) write_texts(out, "assigned", *step.assigned);
        out.end_object();
    }
    out.end_array();
}

// Of a change approval: what the resource was at the revision that it is a change of.
void write_before(Core& core, JsonWriter& out, const Ask& ask, const cases::Case& one) {
    out.key("before");
    const Json* const base = one.fields.if_contains("base");
    if (one.kind->name == kChange && base != nullptr && base->is_int64() && base->get_int64() > 0) {
        const auto past =
            core.deps.registry.revisions(ask.who.actor, text_of(one.fields, "kind"), text_of(one.fields, "name"));
        if (past)
            for (const registry::Revision& revision : *past)
                if (static_cast<std::int64_t>(revision.revision) == base->get_int64()) {
                    out.raw(registry::to_text(revision.spec));
                    return;
                }
    }
    out.null();
}

// The whole of a case, with what the caller may do.
Result<Answer> render(Core& core, const Ask& ask, const cases::Case& one, int status) {
    const Units units = TRY(parse_units(ask));
    const cases::Cases& all = *TRY(cases_of(core));
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    write_case(out, one, units, true);
    write_before(core, out, ask, one);
    write_steps(out, TRY(all.steps(one.tenant, one.id)), units);
    out.key("actions").begin_array();
    const auto offers = TRY(all.offers(doer_of(ask), one));
    for (const cases::Offer& offer : offers) {
        out.begin_object().key("name").text(offer.action->name).key("may").boolean(!offer.why_not).key("why_not");
        offer.why_not ? out.text(told(ask, offer.why_not->text())) : out.null();
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body), status);
}

// {"fields":{…},"note":"…","revision":3,"assigned":["user:li"]}: what an action is given.
Result<cases::Turn> turn_of(Fields& given) {
    cases::Turn turn;
    turn.note = TRY(given.text_or("note", ""));
    if (const Json* const fields = given.find("fields"); fields != nullptr) {
        if (!fields->is_object()) return Error{Code::invalid, "fields: expected an object"};
        turn.fields = fields->get_object();
    }
    if (given.find("revision") != nullptr) turn.revision = TRY(given.number("revision"));
    if (const Json* const assigned = given.find("assigned"); assigned != nullptr) {
        if (!assigned->is_array()) return Error{Code::invalid, "assigned: expected a list of texts"};
        turn.assigned.emplace();
        for (const Json& who : assigned->get_array()) {
            if (!who.is_string()) return Error{Code::invalid, "assigned: expected a list of texts"};
            turn.assigned->emplace_back(std::string_view(who.get_string()));
        }
    }
    return turn;
}

// "1700000000000000000:CA-7", as "next" of the page before said.
Result<std::optional<std::pair<TimeNs, std::string>>> parse_after(const Ask& ask) {
    const std::string_view text = ask.value("after");
    std::optional<std::pair<TimeNs, std::string>> after;
    if (text.empty()) return after;
    TimeNs changed = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), changed);
    if (failed != std::errc{} || end == text.data() + text.size() || *end != ':')
        return Error{Code::invalid, "after: expected the \"next\" of the page before, found \"{}\"",
                     text.substr(0, 60)};
    after.emplace(changed, std::string(end + 1, text.data() + text.size()));
    return after;
}

Result<std::optional<bool>> parse_open(const Ask& ask) {
    const std::string_view text = ask.value("open");
    std::optional<bool> open;
    if (text == "1" || text == "true") open = true;
    if (text == "0" || text == "false") open = false;
    if (!text.empty() && !open) return Error{Code::invalid, "open: expected 1 or 0, found \"{}\"", text.substr(0, 40)};
    return open;
}

}  // namespace

bool sees_case(const Ask& ask, const cases::Case& one) {
    if (ask.who.paths.empty() || one.opener == ask.who.actor.who) return true;
    return !one.place.empty() && sees(ask.who, one.place);
}

Result<Answer> get_case_kinds(Core& core, const Ask&) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const cases::CaseKind* kind : TRY(cases_of(core))->kinds()) write_kind(out, *kind);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_cases(Core& core, const Ask& ask) {
    const cases::Cases& all = *TRY(cases_of(core));
    const Units units = TRY(parse_units(ask));
    const std::size_t limit = TRY(parse_number(ask, "limit", 100, 1, 500));
    const bool mine = parse_flag(ask, "mine");
    const auto open = TRY(parse_open(ask));
    registry::CaseQuery query{.tenant = ask.tenant(),
                              .kind = std::string(ask.value("kind")),
                              .state = std::string(ask.value("state")),
                              .place = std::string(ask.value("place")),
                              .rows_max = 200,
                              .after = TRY(parse_after(ask))};
    if (open) query.closed = !*open;
    if (mine) query.closed = false;
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    std::size_t shown = 0, looked = 0;
    std::string next;
    for (bool more = true; more && next.empty();) {
        const auto page = TRY(all.list(query));
        more = page.size() == query.rows_max;
        for (const cases::Case& one : page) {
            if (shown == limit || looked == kScanMax) {
                next = fmt::format("{}:{}", query.after->first, query.after->second);
                break;
            }
            query.after.emplace(one.changed, one.id);
            ++looked;
            if (!sees_case(ask, one)) continue;
            if (mine && !waits_for(TRY(all.offers(doer_of(ask), one)))) continue;
            out.begin_object();
            write_case(out, one, units, false);
            out.end_object();
            ++shown;
        }
    }
    out.end_array().key("next");
    next.empty() ? out.null() : out.text(next);
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_case_counts(Core& core, const Ask& ask) {
    const cases::Cases& all = *TRY(cases_of(core));
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
    std::uint64_t mine = 0;
    registry::CaseQuery query{.tenant = ask.tenant(), .closed = false, .rows_max = 200};
    std::size_t looked = 0;
    for (bool more = true; more && looked < kScanMax;) {
        const auto page = TRY(all.list(query));
        more = page.size() == query.rows_max;
        for (const cases::Case& one : page) {
            query.after.emplace(one.changed, one.id);
            ++looked;
            if (!sees_case(ask, one)) continue;
            ++counts[{one.kind->name, one.state}];
            if (waits_for(TRY(all.offers(doer_of(ask), one)))) ++mine;
        }
    }
    if (ask.who.paths.empty() && looked >= kScanMax) {
        counts.clear();
        for (const auto& count : TRY(all.counts(ask.tenant()))) counts[{count.kind, count.state}] = count.cases;
    }
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("mine").integer(static_cast<std::int64_t>(mine)).key("items").begin_array();
    for (const auto& [key, count] : counts)
        out.begin_object()
            .key("kind")
            .text(key.first)
            .key("state")
            .text(key.second)
            .key("cases")
            .integer(static_cast<std::int64_t>(count))
            .end_object();
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> open_case(Core& core, const Ask& ask) {
    auto given = TRY(Fields::parse(ask.http.body));
    cases::Opening opening;
    opening.kind = TRY(given.text("kind"));
    opening.subject = TRY(given.text_or("subject", ""));
    opening.place = TRY(given.text_or("place", ""));
    opening.turn = TRY(turn_of(given));
    TRY(given.done());
    cases::Cases& all = *TRY(cases_of(core));
    const cases::CaseKind* kind = all.kind(opening.kind);
    if (kind != nullptr && kind->name == kChange) {
        TRY(check_reach(core, ask, opening.turn.fields));
    } else if (!ask.who.paths.empty()) {
        const std::string asset = text_of(opening.turn.fields, "asset");
        const std::string& place = asset.empty() ? opening.place : asset;
        if (place.empty() || !sees(ask.who, place))
            return Error{Code::denied, "place: expected one within {}", fmt::join(ask.who.paths, ", ")};
    }
    const cases::Case one = TRY(all.open(doer_of(ask), std::move(opening)));
    Answer answer = TRY(render(core, ask, one, 201));
    answer.headers.push_back({"location", "/api/v1/cases/" + one.id});
    return answer;
}

Result<Answer> get_case(Core& core, const Ask& ask) { return render(core, ask, TRY(seen_case(core, ask)), 200); }

Result<Answer> act_on_case(Core& core, const Ask& ask) {
    auto given = TRY(Fields::parse(ask.http.body.empty() ? std::string_view{"{}"} : std::string_view{ask.http.body}));
    const cases::Turn turn = TRY(turn_of(given));
    TRY(given.done());
    const cases::Case before = TRY(seen_case(core, ask));
    if (before.kind->name == kChange) {
        JsonObject fields = before.fields;
        if (const Json* const spec = turn.fields.if_contains("spec")) fields["spec"] = *spec;
        TRY(check_reach(core, ask, fields));
    }
    const cases::Case one = TRY(TRY(cases_of(core))->act(doer_of(ask), before.id, ask.names.at(1), turn));
    return render(core, ask, one, 200);
}

}  // namespace gongshu::api
