#pragma once

#include <string>

#include "base/result.h"
#include "registry/json.h"

namespace gongshu::app {

// An answer of POST /api/v1/query as a table for people: columns aligned, numbers to the right, times as RFC 3339.
Result<std::string> query_table(const Json& answer);

}  // namespace gongshu::app
