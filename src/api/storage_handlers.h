#pragma once

#include "api/core.h"

// The handlers of what storage takes, of the table in routes.cpp.
namespace gongshu::api {

// storage_handlers.cpp
Result<Answer> get_storage(Core& core, const Ask& ask);
Result<Answer> get_storage_tags(Core& core, const Ask& ask);
Result<Answer> get_storage_tag_days(Core& core, const Ask& ask);
Result<Answer> check_storage(Core& core, const Ask& ask);
Result<Answer> cancel_storage_check(Core& core, const Ask& ask);

}  // namespace gongshu::api
