#pragma once

#include "case/cases.h"
#include "case/kind.h"

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
// The case lies where its machine lies.
Hooks downtime_reason_hooks();

}  // namespace gongshu::cases
