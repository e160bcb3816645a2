#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pg/settings.h"

// PostgreSQL's own catalogue, as far as its clients ask for it: what psql's commands, drivers and Grafana's editor send
// is answered from the engine's catalogue of tables.
namespace gongshu::pg {

// What the engine is to run instead of `statement`; nullopt = the statement as it is.
std::optional<std::string> translate(std::string_view statement, const Settings& settings);

}  // namespace gongshu::pg
