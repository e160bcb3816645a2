#pragma once

#include "case/cases.h"
#include "case/kind.h"
#include "data/interval.h"

// The kinds of case of the platform itself; the wings declare theirs.
namespace gongshu::cases {

// A change of a resource that an approval policy is about: asked for by one person, let through by another. Fields:
// kind (plural), name, what (put or delete), base (revision it is a change of, 0 = new), spec.
CaseKind change_approval_kind();
// Checks the change as if it were made, and makes it when it is approved. `registry` outlives it.
Hooks change_approval_hooks(registry::Registry& registry);

// Somebody has to say why a machine stood. Fields: interval (id), asset, from, to, category, reason,
// remind_minutes, escalate_minutes.
CaseKind downtime_reason_kind();
// Where intervals are, for a kind that is about one. Both block; any thread but a lane.
struct IntervalDoor {
    std::function<Result<Interval>(TenantId, IntervalId)> find;  // the newest revision; Code::not_found
    std::function<Result<void>(Interval next)> correct;  // as Intervals::revise_interval(); durable when it returns
};
// The case lies where its machine lies. Of an interval that it names, asset, from and to are the case's when they are
// not given, and an answer is kept in it as a correction: attributes category, reason and case.
Hooks downtime_reason_hooks(IntervalDoor intervals = {});

// All of them.
std::vector<CaseKind> own_kinds();

}  // namespace gongshu::cases
