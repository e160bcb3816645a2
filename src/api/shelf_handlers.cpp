#include "api/handlers.h"
#include "api/sight.h"
#include "base/log.h"
#include "flow/rule.h"

namespace gongshu::api {

namespace {

using flow::Shelf;
using flow::ShelfKind;

void write_shelf(JsonWriter& out, const Shelf& shelf, Units units) {
    out.begin_object().key("kind").text(to_string(shelf.kind)).key("rule").text(shelf.rule);
    out.key("device").text(shelf.device).key("since").integer(units.time(shelf.since)).key("until");
    write_time_or_null(out, shelf.until.value_or(0), units);
    out.key("by").text(shelf.by).key("reason").text(shelf.reason).end_object();
}

// One device lies where it says; the whole of a rule is for who might change the rule.
Result<void> check_place(Core& core, const Ask& ask, const std::string& rule, const std::string& device) {
    Sight sight{core, ask.who};
    const registry::Kind& kind = *core.deps.registry.kind("rule");
    if (device.empty()) return sight.check_stored(kind, rule);
    TRY(sight.check_seen(kind, rule));
    if (sees(ask.who, device)) return {};
    return Error{Code::not_found, "device: there is no device \"{}\"", device.substr(0, 200)};
}

struct Wish {
    Shelf shelf;
    std::string text;  // reason or comment
};

Result<Wish> parse_wish(Core& core, const Ask& ask, ShelfKind kind, bool begins) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string rule = TRY(fields.text("rule")), device = TRY(fields.text_or("device", ""));
    Wish wish;
    wish.text = TRY(begins ? fields.text("reason") : fields.text_or("comment", ""));
    std::optional<TimeNs> until;
    if (begins && kind == ShelfKind::shelved) {
        const std::string length = TRY(fields.text("for"));
        until = core.clock().now() + TRY(flow::parse_duration(length).context("for"));
    }
    TRY(fields.done());
    TRY(check_place(core, ask, rule, device));
    wish.shelf = TRY(flow::shelf_of(core.deps.registry, ask.tenant(), rule, device));
    wish.shelf.kind = kind;
    wish.shelf.until = until;
    wish.shelf.by = ask.who.actor.who;
    wish.shelf.reason = begins ? wish.text : "";
    return wish;
}

// The plant's record of who set what aside, beside the events of the alarms.
void audit(Core& core, const Ask& ask, std::string_view action, const Shelf& shelf, std::string_view text) {
    std::string detail;
    JsonWriter out{detail};
    out.begin_object();
    if (!shelf.device.empty()) out.key("device").text(shelf.device);
    if (!text.empty()) out.key("reason").text(text);
    out.end_object();
    core.deps.registry.audit(ask.who.actor, action, "rule", shelf.rule, detail, true);
}

void change_shelf(Core& core, const AskPtr& ask, Done done, ShelfKind kind, bool begins) {
    auto wish = parse_wish(core, *ask, kind, begins);
    if (!wish) return done(wish.error());
    const auto units = parse_units(*ask);
    if (!units) return done(units.error());
    const auto answer = [shared = core.shared_from_this(), ask, done, begins, text = wish->text,
                         units = *units](Result<Shelf> changed) {
        if (!changed) return done(std::move(changed).error());
        std::string body;
        JsonWriter out{body};
        write_shelf(out, *changed, units);
        if (changed->kind == ShelfKind::shelved) return done(json_answer(std::move(body)));
        // The registry writes to its disk: not on the lane that logged the event.
        const bool taken = shared->deps.pool.submit([shared, ask, done, begins, text, shelf = *changed, body] {
            audit(*shared, *ask, begins ? "out_of_service" : "in_service", shelf, text);
            done(json_answer(body));
        });
        if (taken) return;
        log_error("api", "that rule {} went {} service is not in the audit: too much to do", changed->rule,
                  begins ? "out of" : "into");
        done(json_answer(std::move(body)));
    };
    flow::Alarms& alarms = core.deps.flow.alarms();
    if (begins)
        alarms.shelve(std::move(wish->shelf), answer);
    else
        alarms.unshelve(wish->shelf, ask->who.actor.who, wish->text, answer);
}

}  // namespace

std::vector<Shelf> seen_shelves(Core& core, const registry::Principal& who) {
    Sight sight{core, who};
    std::vector<Shelf> list = core.deps.flow.alarms().shelves(who.actor.tenant);
    std::erase_if(list, [&](const Shelf& shelf) {
        if (!shelf.device.empty()) return !sees(who, shelf.device);
        const auto rule = core.deps.registry.find(who.actor.tenant, "rule", shelf.rule);
        return !rule || !sight.sees(*rule);
    });
    return list;
}

Result<Answer> get_shelves(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("shelves").begin_array();
    for (const Shelf& shelf : seen_shelves(core, ask.who)) write_shelf(out, shelf, units);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

void shelve_alarm(Core& core, const AskPtr& ask, Done done) {
    change_shelf(core, ask, std::move(done), ShelfKind::shelved, true);
}

void unshelve_alarm(Core& core, const AskPtr& ask, Done done) {
    change_shelf(core, ask, std::move(done), ShelfKind::shelved, false);
}

void take_out_of_service(Core& core, const AskPtr& ask, Done done) {
    change_shelf(core, ask, std::move(done), ShelfKind::out_of_service, true);
}

void put_in_service(Core& core, const AskPtr& ask, Done done) {
    change_shelf(core, ask, std::move(done), ShelfKind::out_of_service, false);
}

}  // namespace gongshu::api
