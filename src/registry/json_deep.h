#pragma once

#include "registry/json.h"

namespace gongshu::registry {

// As parse_json(), for what a program wrote that nests deeper than people do.
Result<Json> parse_deep_json(std::string_view text, std::size_t depth_max);

}  // namespace gongshu::registry
