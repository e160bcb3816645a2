#include "case/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "registry/json.h"
#include "registry/names.h"

namespace gongshu::cases {
namespace {

constexpr std::size_t kSubjectBytesMax = 200;
constexpr std::size_t kNoteBytesMax = 2'000;
constexpr std::size_t kAssignedMax = 50;
constexpr std::size_t kVerifyRows = 500;

const registry::Actor& system_of(registry::Actor& actor, TenantId tenant) {
    actor = {tenant, "", "system", Role::admin, ""};
    return actor;
}

JsonArray to_json(const std::vector<std::string>& texts) {
    JsonArray out;
    for (const std::string& text : texts) out.emplace_back(text);
    return out;
}

std::vector<std::string> texts_of(const Json& json) {
    std::vector<std::string> out;
    for (const Json& one : json.as_array()) out.emplace_back(std::string_view(one.as_string()));
    return out;
}

// What takes `before` to `after`.
Fields difference(const Fields& before, const Fields& after) {
    Fields out;
    for (const auto& item : before)
        if (!after.contains(item.key())) out[item.key()] = nullptr;
    for (const auto& item : after) {
        const Json* old = before.if_contains(item.key());
        if (old == nullptr || *old != item.value()) out[item.key()] = item.value();
    }
    return out;
}

void apply(Fields& fields, const Fields& changed) {
    for (const auto& item : changed)
        if (item.value().is_null())
            fields.erase(item.key());
        else
            fields[item.key()] = item.value();
}

registry::CaseRow to_row(const Case& one) {
    JsonObject body;
    body["fields"] = one.fields;
    if (!one.assigned.empty()) body["assigned"] = to_json(one.assigned);
    if (one.passed > 0) body["passed"] = one.passed;
    return {.tenant = one.tenant,
            .kind = one.kind->name,
            .id = one.id,
            .number = one.number,
            .revision = one.revision,
            .state = one.state,
            .closed = one.is_closed(),
            .opened = one.opened,
            .since = one.since,
            .changed = one.changed,
            .due = one.due,
            .opener = one.opener,
            .place = one.place,
            .subject = one.subject,
            .body = registry::to_text(Json(body))};
}

registry::CaseStep to_stored(const Step& step, const Case& next) {
    JsonObject detail;
    if (!step.changed.empty()) detail["fields"] = step.changed;
    if (!step.note.empty()) detail["note"] = step.note;
    if (step.assigned) detail["assigned"] = to_json(*step.assigned);
    if (step.number == 1) {
        detail["subject"] = next.subject;
        detail["place"] = next.place;
    }
    return {.number = step.number,
            .time = step.time,
            .who = step.who,
            .action = step.action,
            .from = step.from,
            .to = step.to,
            .detail = registry::to_text(Json(detail))};
}

Result<Step> from_stored(const registry::CaseStep& stored, std::string* subject = nullptr,
                         std::string* place = nullptr) {
    const Json detail = TRY(registry::parse_json(stored.detail));
    if (!detail.is_object()) return Error{Code::corrupt, "step {}: expected an object", stored.number};
    Step step{.number = stored.number,
              .time = stored.time,
              .who = stored.who,
              .action = stored.action,
              .from = stored.from,
              .to = stored.to};
    const JsonObject& object = detail.as_object();
    if (const Json* note = object.if_contains("note")) step.note = std::string_view(note->as_string());
    if (const Json* fields = object.if_contains("fields")) step.changed = fields->as_object();
    if (const Json* assigned = object.if_contains("assigned")) step.assigned = texts_of(*assigned);
    if (const Json* text = object.if_contains("subject"); text != nullptr && subject != nullptr)
        *subject = std::string_view(text->as_string());
    if (const Json* text = object.if_contains("place"); text != nullptr && place != nullptr)
        *place = std::string_view(text->as_string());
    return step;
}

Result<void> check_turn(const Action& action, const Turn& turn) {
    if (turn.note.size() > kNoteBytesMax)
        return Error{Code::invalid, "note: {} bytes, at most {} are taken", turn.note.size(), kNoteBytesMax};
    if (action.needs_note && turn.note.find_first_not_of(" \t\n") == std::string::npos)
        return Error{Code::invalid, "note: expected why, with {}", action.name};
    if (!turn.assigned) return {};
    if (!action.assigns) return Error{Code::invalid, "assigned: is not given with {}", action.name};
    if (turn.assigned->size() > kAssignedMax)
        return Error{Code::invalid, "assigned: {} people, at most {} are taken", turn.assigned->size(), kAssignedMax};
    for (const std::string& who : *turn.assigned)
        if (!who.starts_with("user:") || who.size() > 210)
            return Error{Code::invalid, "assigned: expected user:name, found \"{}\"", who.substr(0, 60)};
    return {};
}

bool is_program(const Doer& doer) { return doer.actor.who == "system"; }

bool belongs(const Party& party, const Doer& doer, const Case& one) {
    if (doer.actor.role < party.role) return false;
    switch (party.is) {
        case Party::Is::anyone:
            return true;
        case Party::Is::opener:
            return one.opener == doer.actor.who;
        case Party::Is::assigned:
            return one.assigned.empty() || std::ranges::count(one.assigned, doer.actor.who) > 0;
    }
    return false;
}

// What is wrong between a case and its steps, or "".
std::string against_steps(const Case& one, const std::vector<registry::CaseStep>& stored) {
    Fields fields;
    std::vector<std::string> assigned;
    std::string state, subject, place;
    TimeNs since = 0;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        const auto step = from_stored(stored[i], &subject, &place);
        if (!step) return step.error().text();
        if (step->number != i + 1) return fmt::format("step {} is missing", i + 1);
        if (step->from != state)
            return fmt::format("step {} goes from {}, but the case was {}", i + 1, step->from, state);
        const Action* action = one.kind->action(step->action);
        if (action == nullptr) return fmt::format("step {}: {} has no action {}", i + 1, one.kind->name, step->action);
        const std::string& goal = action->to.empty() ? state : action->to;
        if (step->to != goal || (i > 0 && std::ranges::count(action->from, state) == 0))
            return fmt::format("step {}: {} does not lead from {} to {}", i + 1, step->action, state, step->to);
        if (step->to != state) since = step->time;
        state = step->to;
        apply(fields, step->changed);
        if (step->assigned) assigned = *step->assigned;
    }
    if (stored.size() != one.revision)
        return fmt::format("{} steps, but it is at revision {}", stored.size(), one.revision);
    if (state != one.state) return fmt::format("its steps lead to {}, but it is {}", state, one.state);
    if (fields != one.fields) return "its steps lead to other fields";
    if (assigned != one.assigned) return "its steps lead to other people";
    if (subject != one.subject || place != one.place) return "it was opened about something else";
    if (since != one.since) return "its state began at another time";
    return "";
}

// `found`: its kind, or null.
Result<Case> read_case(const CaseKind* found, registry::CaseRow row) {
    if (found == nullptr || found->state(row.state) == nullptr)
        return Error{Code::corrupt, "case {}: there is no kind {} with a state {}", row.id, row.kind, row.state};
    const Json body = TRY(registry::parse_json(row.body).context("case {}", row.id));
    const JsonObject* object = body.if_object();
    const Json* fields = object == nullptr ? nullptr : object->if_contains("fields");
    if (fields == nullptr || !fields->is_object()) return Error{Code::corrupt, "case {}: expected its fields", row.id};
    Case one{.tenant = row.tenant,
             .kind = found,
             .id = std::move(row.id),
             .number = row.number,
             .revision = row.revision,
             .state = std::move(row.state),
             .opened = row.opened,
             .since = row.since,
             .changed = row.changed,
             .due = row.due,
             .opener = std::move(row.opener),
             .place = std::move(row.place),
             .subject = std::move(row.subject),
             .fields = fields->as_object()};
    if (const Json* assigned = object->if_contains("assigned")) one.assigned = texts_of(*assigned);
    if (const Json* passed = object->if_contains("passed")) one.passed = passed->to_number<std::uint64_t>();
    return one;
}

// Adds one to the report.
void check_case(CasesReport& report, const CaseKind* kind, registry::CaseRow row,
                const std::vector<registry::CaseStep>& steps) {
    const std::string id = row.id;
    ++report.cases;
    report.steps += steps.size();
    const auto one = read_case(kind, std::move(row));
    const std::string problem = one ? against_steps(*one, steps) : one.error().text();
    if (!problem.empty()) report.problems.push_back(fmt::format("case {}: {}", id, problem));
}

}  // namespace

CasesReport verify_cases(io::Files& files, const registry::RegistryOptions& options,
                         const std::vector<CaseKind>& kinds) {
    CasesReport report;
    const auto read = registry::each_case(
        files, options, [&](registry::CaseRow row, const std::vector<registry::CaseStep>& steps) {
            const auto kind = std::ranges::find(kinds, row.kind, &CaseKind::name);
            check_case(report, kind == kinds.end() ? nullptr : &*kind, std::move(row), steps);
        });
    if (!read) report.problems.push_back(read.error().text());
    return report;
}

Cases::Cases(registry::Registry& registry, const Clock& clock, CasesOptions options)
    : clock_(clock), options_(std::move(options)), table_(registry) {}

Result<void> Cases::add_kind(CaseKind kind, Hooks hooks) {
    TRY(check_kind(kind));
    for (const auto& [name, other] : kinds_)
        if (name == kind.name || other.kind.plural == kind.plural || other.kind.prefix == kind.prefix)
            return Error{Code::exists, "case kind {}: {} has its name, plural or prefix", kind.name, name};
    std::string name = kind.name;
    kinds_.emplace(std::move(name), Known{std::move(kind), std::move(hooks)});
    return {};
}

const CaseKind* Cases::kind(std::string_view name) const {
    if (const auto found = kinds_.find(name); found != kinds_.end()) return &found->second.kind;
    for (const auto& [_, known] : kinds_)
        if (known.kind.plural == name) return &known.kind;
    return nullptr;
}

std::vector<const CaseKind*> Cases::kinds() const {
    std::vector<const CaseKind*> out;
    for (const auto& [_, known] : kinds_) out.push_back(&known.kind);
    return out;
}

Result<const Cases::Known*> Cases::known(std::string_view name) const {
    const CaseKind* found = kind(name);
    if (found != nullptr) return &kinds_.find(found->name)->second;
    std::string names;
    for (const auto& [one, _] : kinds_) names += (names.empty() ? "" : ", ") + one;
    return Error{Code::not_found, "there is no kind of case \"{}\"; there are {}", name.substr(0, 60), names};
}

Result<Case> Cases::open(const Doer& doer, Opening opening) {
    const Known& about = *TRY(known(opening.kind));
    const std::lock_guard lock{changer_};
    if (about.hooks.prepare) TRY(about.hooks.prepare(doer, opening));
    if (opening.subject.empty() || opening.subject.size() > kSubjectBytesMax)
        return Error{Code::invalid, "subject: expected 1 to {} bytes, found {}", kSubjectBytesMax,
                     opening.subject.size()};
    if (opening.place.size() > registry::kNameBytesMax)
        return Error{Code::invalid, "place: at most {} bytes are taken", registry::kNameBytesMax};
    if (TRY(open_count(doer.actor.tenant)) >= options_.open_max)
        return Error{Code::limit, "{} cases are open, more are not taken: close some first", options_.open_max};
    Case next{.tenant = doer.actor.tenant, .kind = &about.kind};
    next.number = TRY(table_.next_number(next.tenant, about.kind.name));
    next.id = fmt::format("{}-{}", about.kind.prefix, next.number);
    next.opener = doer.actor.who;
    next.subject = std::move(opening.subject);
    next.place = std::move(opening.place);
    next.opened = clock_.now();
    const Action& action = *about.kind.action("open");
    TRY(may(doer, next, action, {}));
    return move(doer, about, std::nullopt, std::move(next), action, opening.turn, clock_.now());
}

Result<Case> Cases::act(const Doer& doer, std::string_view id, std::string_view name, const Turn& turn) {
    const std::lock_guard lock{changer_};
    const Case before = TRY(get(doer.actor.tenant, id));
    const Known& about = *TRY(known(before.kind->name));
    const Action* action = about.kind.action(name);
    if (action == nullptr || name == "open") {
        std::string names;
        for (const Action& one : about.kind.actions)
            if (one.name != "open" && !one.by.empty()) names += (names.empty() ? "" : ", ") + one.name;
        return Error{Code::not_found, "{} has no action \"{}\"; it has {}", about.kind.name, name.substr(0, 60), names};
    }
    if (turn.revision && *turn.revision != before.revision)
        return Error{Code::conflict, "{} was changed meanwhile: it is at revision {}; look at it again", before.id,
                     before.revision};
    const std::vector<Step> done = TRY(steps(before.tenant, id));
    TRY(may(doer, before, *action, done));
    if (!is_program(doer) && done.size() >= options_.steps_max &&
        (action->to.empty() || !about.kind.state(action->to)->final))
        return Error{Code::limit, "{} has {} steps, more are not taken: it can only be closed", before.id, done.size()};
    return move(doer, about, before, before, *action, turn, clock_.now());
}

// Whether the doer may do it now, whatever is given with it.
Result<void> Cases::may(const Doer& doer, const Case& one, const Action& action, const std::vector<Step>& done) const {
    if (!one.state.empty() && std::ranges::count(action.from, one.state) == 0)
        return Error{Code::conflict, "{} is {}: {} is not possible then", one.id, one.kind->state(one.state)->title_en,
                     action.name};
    if (is_program(doer)) return {};
    if (action.by.empty()) return Error{Code::denied, "{}: the program alone does this", action.name};
    const bool belongs_to_one = std::ranges::any_of(
        action.by, [&](const std::string& name) { return belongs(*one.kind->party(name), doer, one); });
    if (!belongs_to_one) {
        std::string names;
        for (const std::string& name : action.by)
            names += (names.empty() ? "" : ", ") + one.kind->party(name)->title_en;
        return Error{Code::denied, "{}: for {} alone", action.name, names};
    }
    if (action.unlike.empty()) return {};
    if (!doer.is_person) return Error{Code::denied, "{}: a second person is asked for; a token is nobody", action.name};
    for (const Step& step : done)
        if (step.who == doer.actor.who && std::ranges::count(action.unlike, step.action) > 0)
            return Error{Code::denied, "{}: a second person is asked for; {} did {}", action.name, step.who,
                         step.action};
    return {};
}

Result<Case> Cases::move(const Doer& doer, const Known& about, const std::optional<Case>& before, Case next,
                         const Action& action, const Turn& turn, TimeNs now) {
    TRY(check_turn(action, turn));
    const Fields given = TRY(with_evidence(next, action, turn.fields));
    next.fields = TRY(merge_fields(about.kind, action, next.fields, given));
    if (turn.assigned) next.assigned = *turn.assigned;
    TRY(check_guard(about.kind, action, next.fields, now));
    Step step{.number = next.revision + 1,
              .time = now,
              .who = doer.actor.who,
              .action = action.name,
              .from = next.state,
              .to = action.to.empty() ? next.state : action.to,
              .note = turn.note};
    if (turn.assigned) step.assigned = next.assigned;
    if (step.to != next.state) {
        next.state = step.to;
        next.since = now;
        next.passed = 0;
    }
    next.revision = step.number;
    next.changed = now;
    next.due = next.is_closed() ? std::nullopt : due_of(next);
    if (about.hooks.effect) TRY(about.hooks.effect(doer, before ? *before : next, next, step));
    step.changed = difference(before ? before->fields : Fields{}, next.fields);
    TRY(table_.store(doer.actor, to_row(next), to_stored(step, next)));
    auto& open = open_[next.tenant];
    if (!before) ++open;
    if (next.is_closed() && open > 0) --open;
    for (const auto& on_step : subscribers_) on_step(next, step);
    return next;
}

// Ids of files become what is cited of them: with their hashes, so that the step's entry in the ledger holds them.
Result<Fields> Cases::with_evidence(const Case& one, const Action& action, Fields given) const {
    for (auto& item : given) {
        const Field* field = one.kind->field(item.key());
        if (field == nullptr || field->type != FieldType::files || item.value().is_null()) continue;
        if (std::ranges::count(action.takes, field->name) == 0) continue;  // merge_fields() refuses it
        if (!item.value().is_array())
            return Error{Code::invalid, "{}: expected a list of files, found {}", field->name,
                         registry::describe(item.value())};
        const JsonArray& ids = item.value().as_array();
        const auto files_max = std::min(static_cast<std::size_t>(field->max.value_or(kFilesMax)), kFilesMax);
        if (ids.size() > files_max)
            return Error{Code::invalid, "{}: {} files, at most {} are taken", field->name, ids.size(), files_max};
        JsonArray cited;
        std::set<std::string> seen;
        for (const Json& id : ids) {
            if (!id.is_string()) return Error{Code::invalid, "{}: expected the ids of files", field->name};
            std::string name{std::string_view(id.as_string())};
            if (!seen.insert(name).second) continue;
            if (!options_.evidence) return Error{Code::unsupported, "{}: no files are kept here", field->name};
            cited.push_back(TRY(options_.evidence(one.tenant, one.id, name).context("{}", field->name)));
        }
        item.value() = cited.empty() ? Json(nullptr) : Json(std::move(cited));
    }
    return given;
}

// When the deadline that comes next is; those before it were kept.
std::optional<TimeNs> Cases::due_of(const Case& one) const {
    std::vector<TimeNs> times;
    for (const Deadline* deadline : one.kind->deadlines_of(one.state)) {
        DurationNs after = deadline->after;
        if (!deadline->after_field.empty())
            if (const Json* minutes = one.fields.if_contains(deadline->after_field))
                after = minutes->as_int64() * kMinute;
        times.push_back(deadline->working_time && options_.working_time
                            ? options_.working_time(one.tenant, one.place, one.since, after)
                            : one.since + after);
    }
    // In the order of the declaration; none comes before the one before it.
    for (std::size_t i = 1; i < times.size(); ++i) times[i] = std::max(times[i], times[i - 1]);
    if (one.passed >= times.size()) return std::nullopt;
    return times[one.passed];
}

Result<std::size_t> Cases::open_count(TenantId tenant) {
    if (const auto found = open_.find(tenant); found != open_.end()) return found->second;
    std::size_t cases = 0;
    for (const auto& count : TRY(table_.counts(tenant))) cases += count.cases;
    return open_[tenant] = cases;
}

Result<Case> Cases::get(TenantId tenant, std::string_view id) const { return from_row(TRY(table_.get(tenant, id))); }

Result<std::vector<Step>> Cases::steps(TenantId tenant, std::string_view id) const {
    std::vector<Step> out;
    const auto stored = TRY(table_.steps(tenant, id));
    for (const auto& one : stored) out.push_back(TRY(from_stored(one).context("case {}", id)));
    return out;
}

Result<bool> Cases::cites(TenantId tenant, std::string_view id, std::string_view file) const {
    // As a JSON text of its own: within a note the quotes would be escaped.
    const std::string quoted = fmt::format("\"{}\"", file);
    const auto done = TRY(table_.steps(tenant, id));
    return std::ranges::any_of(done, [&](const auto& step) { return step.detail.find(quoted) != std::string::npos; });
}

Result<std::vector<Case>> Cases::list(const registry::CaseQuery& query) const {
    std::vector<Case> out;
    auto rows = TRY(table_.list(query));
    for (auto& row : rows) out.push_back(TRY(from_row(std::move(row))));
    return out;
}

Result<std::optional<Case>> Cases::open_about(TenantId tenant, std::string_view kind, std::string_view subject) const {
    auto row = TRY(table_.open_about(tenant, kind, subject));
    if (!row) return std::optional<Case>{};
    Case one = TRY(from_row(std::move(*row)));
    return std::optional<Case>(std::move(one));
}

Result<Case> Cases::from_row(registry::CaseRow row) const {
    const CaseKind* const found = kind(row.kind);
    return read_case(found, std::move(row));
}

Result<std::vector<Offer>> Cases::offers(const Doer& doer, const Case& one) const {
    std::vector<Offer> out;
    const std::vector<Step> done = TRY(steps(one.tenant, one.id));
    for (const Action& action : one.kind->actions) {
        if (action.by.empty() || std::ranges::count(action.from, one.state) == 0) continue;
        Offer offer{.action = &action};
        if (auto allowed = may(doer, one, action, done); !allowed) offer.why_not = allowed.error();
        // A guard over what is not given yet is told only when something is given.
        if (!offer.why_not && action.takes.empty())
            if (auto met = check_guard(*one.kind, action, one.fields, clock_.now()); !met) offer.why_not = met.error();
        out.push_back(std::move(offer));
    }
    return out;
}

Result<std::size_t> Cases::tick(TimeNs as_of, std::size_t steps_max) {
    std::size_t done = 0;
    for (registry::CaseRow& row : TRY(table_.due(as_of, steps_max))) {
        const std::lock_guard lock{changer_};
        const TenantId tenant = row.tenant;
        const Case before = TRY(get(tenant, row.id));
        if (!before.due || *before.due > as_of || before.is_closed()) continue;  // somebody was quicker
        const auto deadlines = before.kind->deadlines_of(before.state);
        if (before.passed >= deadlines.size()) continue;
        const Known& about = *TRY(known(before.kind->name));
        const Action& action = *about.kind.action(deadlines[before.passed]->action);
        Case next = before;
        ++next.passed;
        Doer program{.is_person = false};
        system_of(program.actor, tenant);
        auto moved = move(program, about, before, next, action, {}, as_of);
        if (!moved) {
            // It stays due and is tried again with the next tick; others go on.
            log_error("case", "{}: {} could not be done: {}", before.id, action.name, moved.error().text());
            continue;
        }
        ++done;
    }
    return done;
}

void Cases::subscribe(std::function<void(const Case&, const Step&)> on_step) {
    subscribers_.push_back(std::move(on_step));
}

Result<CasesReport> Cases::verify(TenantId tenant) const {
    CasesReport report;
    registry::CaseQuery query{.tenant = tenant, .rows_max = kVerifyRows};
    for (auto rows = TRY(table_.list(query)); !rows.empty(); rows = TRY(table_.list(query))) {
        for (registry::CaseRow& row : rows) {
            query.after = {row.changed, row.id};
            const auto stored = TRY(table_.steps(tenant, row.id));
            const CaseKind* const found = kind(row.kind);
            check_case(report, found, std::move(row), stored);
        }
    }
    return report;
}

}  // namespace gongshu::cases
