#pragma once

#include "base/result.h"
#include "registry/json.h"

namespace gongshu::sql {

// What DuckDB told of a failure (errors_as_json): as a sentence of ours where it is one of the common ones, which is
// then said in other languages too; else in its words, without its advice to set what nobody sets here. Pure.
Error reason_of(const JsonObject& told, Code code);

}  // namespace gongshu::sql
