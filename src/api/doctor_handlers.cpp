// The checks of `gongshu doctor` over the server that answers.
#include "api/handlers.h"
#include "backup/backups.h"
#include "connect/connections.h"
#include "doctor/gather.h"

namespace gongshu::api {

Result<Answer> get_doctor(Core& core, const Ask& ask) {
    if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty())
        return Error{Code::denied,
                     "the checks tell of the whole machine: they are for administrators of the tenant default "
                     "without limits of place"};
    if (core.deps.doctor == nullptr) return Error{Code::unsupported, "this server has no data folder to look at"};
    doctor::Facts facts = doctor::gather(core.deps.doctor->files, core.clock(), core.deps.doctor->places);
    facts.links.emplace();
    for (const auto& [tenant, name] : core.deps.registry.tenants())
        for (const auto& link : core.deps.connections.connection_status(tenant))
            facts.links->push_back({tenant == ask.tenant() ? link.name : name + ": " + link.name,
                                    std::string(to_string(link.state)), link.last_error});
    if (core.deps.backups != nullptr) {
        if (const auto target = core.deps.backups->target()) {
            facts.backup_target = core.deps.backups->options().target.name();
            facts.target_problem = target->problem;
        }
    }
    return json_answer(doctor::to_json(facts, doctor::check(facts)), 200);
}

}  // namespace gongshu::api
