#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/api.h"
#include "sql/sql.h"

namespace gongshu::api {

// Who asks in SQL by a door beside the server, with what they may see; any thread.
using SqlAskers = std::function<sql::Asker(const registry::Principal& who, std::string purpose)>;
// `door` is its name for egress, a literal. `server` is one that create() made; what it works with outlives the answer.
SqlAskers sql_askers(Server& server, std::string_view door);

}  // namespace gongshu::api
