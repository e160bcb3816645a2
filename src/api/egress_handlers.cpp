// What left the platform, by which door and to whom.
#include "api/handlers.h"

namespace gongshu::api {

Result<Answer> get_egress(Core& core, const Ask& ask) {
    if (!ask.who.paths.empty())
        return Error{Code::denied, "what left is of all places: only who has no limits of place may read it"};
    const Units units = TRY(parse_units(ask));
    const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("since").integer(units.time(core.started)).key("doors").begin_array();
    for (const DoorCounts& one : core.deps.egress.doors(ask.tenant())) {
        out.begin_object().key("door").text(one.door);
        out.key("allowed").safe_integer(number(one.allowed)).key("refused").safe_integer(number(one.refused));
        out.key("rows").safe_integer(number(one.rows)).key("bytes").safe_integer(number(one.bytes)).end_object();
    }
    out.end_array().key("taken").begin_array();
    for (const Taken& one : core.deps.egress.taken(ask.tenant())) {
        out.begin_object().key("who").text(one.who).key("door").text(one.door).key("what").text(one.what);
        out.key("purpose").text(one.purpose).key("level").integer(one.level);
        out.key("allowed").safe_integer(number(one.allowed)).key("refused").safe_integer(number(one.refused));
        out.key("rows").safe_integer(number(one.rows)).key("first").integer(units.time(one.first));
        out.key("last").integer(units.time(one.last)).key("refusal");
        if (one.refusal.empty())
            out.null();
        else
            out.text(told(ask, one.refusal));
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
