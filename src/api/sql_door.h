#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/core.h"
#include "sql/sql.h"

// What every door of SQL (POST /api/v1/query, the PostgreSQL wire) needs.
namespace gongshu::api {

// Who asks, with what they may see (Sight) and Egress's decision under this door, a literal. `core` may go before it.
sql::Asker sql_asker(const std::shared_ptr<Core>& core, const registry::Principal& who, std::string_view door,
                     std::string purpose);

// Tables of what lies above the engine: intervals, alarms. Once, before the first statement.
void add_sql_tables(const std::shared_ptr<Core>& core);

}  // namespace gongshu::api
