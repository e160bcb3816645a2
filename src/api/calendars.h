#pragma once

#include "api/answer.h"
#include "registry/calendar_of.h"

namespace gongshu::api {

// The calendar that a question is about: ?calendar=NAME, that of ?place=PATH, or the tenant's default. Code::not_found
// for one that is not there and for a place that the caller does not see.
Result<registry::NamedCalendar> asked_calendar(Core& core, const Ask& ask);

}  // namespace gongshu::api
