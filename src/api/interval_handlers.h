#pragma once

#include "api/core.h"

// The handlers of intervals, of the table in routes.cpp.
namespace gongshu::api {

// interval_handlers.cpp
Result<Answer> get_intervals(Core& core, const Ask& ask);
Result<Answer> get_interval(Core& core, const Ask& ask);
void post_interval(Core& core, const AskPtr& ask, Done done);
void close_interval(Core& core, const AskPtr& ask, Done done);
void correct_interval(Core& core, const AskPtr& ask, Done done);
void withdraw_interval(Core& core, const AskPtr& ask, Done done);

// interval_sum_handlers.cpp
Result<Answer> get_states(Core& core, const Ask& ask);
Result<Answer> get_interval_aggregates(Core& core, const Ask& ask);
Result<Answer> get_interval_overlaps(Core& core, const Ask& ask);

}  // namespace gongshu::api
