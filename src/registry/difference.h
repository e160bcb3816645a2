#pragma once

#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// Field by field, lists by position; at most 1000, the last then says so by its path "…".
std::vector<Difference> differences(const Json& before, const Json& after);

// RFC 7396.
Json merge_patch(const Json& target, const Json& patch);

Json to_json(const Difference& difference);
Json to_json(const std::vector<Difference>& differences);

}  // namespace gongshu::registry
