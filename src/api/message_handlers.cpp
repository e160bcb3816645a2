// Whom the steps of cases are told, and how that goes.
#include "api/handlers.h"
#include "notify/messages.h"

namespace gongshu::api {
namespace {

Result<notify::Messages*> messages_of(Core& core, const Ask& ask) {
    if (core.deps.messages == nullptr) return Error{Code::unsupported, "this server sends no messages"};
    if (!ask.who.paths.empty())
        return Error{Code::denied, "message hooks are of all places: only who has no limits of place may look at them"};
    return core.deps.messages;
}

}  // namespace

Result<Answer> get_message_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const auto hooks = TRY(TRY(messages_of(core, ask))->status(ask.tenant()));
    const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    std::string body;
    JsonWriter out{body};
    const auto time = [&](const char* key, TimeNs at) {
        out.key(key);
        at == 0 ? out.null() : out.integer(units.time(at));
    };
    out.begin_object().key("items").begin_array();
    for (const notify::HookStatus& one : hooks) {
        out.begin_object().key("name").text(one.name).key("state").text(to_string(one.state));
        out.key("target").text(one.target).key("waiting").safe_integer(number(one.waiting));
        out.key("sent").safe_integer(number(one.sent)).key("given_up").safe_integer(number(one.given_up));
        time("sent_at", one.sent_at);
        out.key("sent_what").text(one.sent_what).key("problem").text(told(ask, one.problem));
        time("problem_at", one.problem_at);
        time("failing_since", one.failing_since);
        time("next_try", one.next_try);
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

void test_message_hook(Core& core, const AskPtr& ask, Done done) {
    auto messages = messages_of(core, *ask);
    if (!messages) return done(std::move(messages).error());
    // The name is looked for before, so that 404 is not taken for what the receiver said.
    if (auto hook = core.deps.registry.get(ask->tenant(), "message_hook", ask->names.at(0)); !hook)
        return done(std::move(hook).error());
    (*messages)->test(ask->tenant(), ask->names.at(0), [done, ask](Result<notify::Delivered> result) {
        if (!result && result.error().code() == Code::limit) return done(std::move(result).error());
        std::string body;
        JsonWriter out{body};
        out.begin_object().key("ok").boolean(result.has_value());
        out.key("answer").text(result ? result->answer : "");
        out.key("problem").text(result ? told(*ask, result->warning) : told(*ask, result.error().text()));
        out.end_object();
        done(json_answer(std::move(body)));
    });
}

}  // namespace gongshu::api
