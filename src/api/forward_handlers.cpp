// What is sent on to another platform.
#include "api/handlers.h"
#include "base/json_writer.h"
#include "edge/forwarder.h"

namespace gongshu::api {

Result<Answer> get_forwarding(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty())
        return Error{Code::denied,
                     "the readings of the tenant default are sent on: only its administrators without limits of place "
                     "may see how"};
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("platform");
    if (core.deps.forwarder == nullptr) {
        out.null().end_object();
        return json_answer(std::move(body));
    }
    const edge::ForwardStatus status = core.deps.forwarder->status();
    const auto number = [&](const char* key, std::uint64_t value) {
        out.key(key).safe_integer(static_cast<std::int64_t>(value));
    };
    const auto time = [&](const char* key, TimeNs at) {
        out.key(key);
        at == 0 ? out.null() : out.integer(units.time(at));
    };
    out.text(status.platform).key("under").text(status.under).key("state").text(to_string(status.state));
    time("since", status.since);
    out.key("problem").text(told(ask, status.problem));
    time("next_try", status.next_try);
    number("sent", status.sent);
    number("refused", status.refused);
    out.key("refusal").text(told(ask, status.refusal));
    number("lost", status.lost);
    number("behind_bytes", status.behind_bytes);
    time("sent_at", status.sent_at);
    time("newest", status.newest);
    out.key("round_trip_ms");
    status.round_trip == 0 ? out.null() : out.number(static_cast<double>(status.round_trip) / 1e6);
    out.end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
