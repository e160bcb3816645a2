// How the servers get on that show tags to Modbus masters.
#include "api/handlers.h"
#include "modbus/servers.h"

namespace gongshu::api {

Result<Answer> get_modbus_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    if (!ask.who.paths.empty())
        return Error{Code::denied, "Modbus servers show tags of all places: only who has no limits of place may look at them"};
    const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
    std::string body;
    JsonWriter out{body};
    const auto time = [&](const char* key, TimeNs at) {
        out.key(key);
        at == 0 ? out.null() : out.integer(units.time(at));
    };
    out.begin_object().key("items").begin_array();
    const auto servers = core.deps.modbus == nullptr ? std::vector<modbus::ServerStatus>{}
                                                     : core.deps.modbus->status(ask.tenant());
    for (const modbus::ServerStatus& one : servers) {
        out.begin_object().key("name").text(one.name).key("state").text(to_string(one.state));
        out.key("address").text(one.address).key("problem").text(told(ask, one.problem));
        time("since", one.since);
        out.key("entries").integer(number(one.entries)).key("bad").integer(number(one.bad));
        out.key("requests").safe_integer(number(one.requests)).key("exceptions").safe_integer(number(one.exceptions));
        out.key("writes").safe_integer(number(one.writes)).key("turned_away").safe_integer(number(one.turned_away));
        out.key("last_master").text(one.last_master);
        time("last_master_at", one.last_master_at);
        out.key("last_error").text(told(ask, one.last_error));
        time("last_error_at", one.last_error_at);
        out.key("masters").begin_array();
        for (const modbus::MasterStatus& master : one.masters) {
            out.begin_object().key("address").text(master.address);
            time("since", master.since);
            time("last_request", master.last_request);
            out.key("requests").safe_integer(number(master.requests)).key("exceptions").safe_integer(number(master.exceptions));
            out.end_object();
        }
        out.end_array().key("faults").begin_array();
        for (const modbus::EntryFault& fault : one.faults) {
            out.begin_object().key("entry").integer(number(fault.entry)).key("tag").text(fault.tag);
            out.key("why").text(told(ask, fault.why)).end_object();
        }
        out.end_array().end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
