#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "data/sink.h"
#include "flow/alarm_event.h"
#include "flow/flow.h"
#include "flow/plan.h"

// What flow reads back: events at the start, readings for windows and holds, values for the rule editor. All of it
// blocks: on the pool, never on a lane.
namespace gongshu::flow {

struct EventLimits {
    std::size_t at_once = 100'000;
    std::size_t all = 1'000'000;
};
// Events of alarms from the beginning, in order: about the newest `limits.all`, and whatever is older of rules that
// went out of service and came back.
Result<std::vector<Event>> read_alarm_events(const Reader& reader, TenantId tenant, const EventLimits& limits = {});
// The newest beginning of a hold of each rule and device.
Result<std::vector<Pending>> read_pendings(const Reader& reader, TenantId tenant);

struct Past {
    TimeNs from = 0;
    std::vector<std::pair<std::size_t, Reading>> readings;  // index of the plan's tag; by time
};
// Readings as far back as the plan's windows, holds and delays reach, and the newest of each tag whatever its age. If
// the store cannot be read, only those.
Past read_past(const Reader& reader, const RulePlan& plan, std::optional<TimeNs> pending_since, TimeNs now);

// Names and uids of the devices of a type.
std::vector<std::pair<std::string, std::string>> devices_of_type(const registry::ResourceReader& registry,
                                                                 TenantId tenant, std::string_view type);

CheckAnswer answer_check(const FlowParts& parts, const CheckQuestion& question);

}  // namespace gongshu::flow
