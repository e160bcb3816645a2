#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/interval.h"
#include "registry/registry.h"

namespace gongshu::registry {

// The name of a hold over some of `window` of the tag at `path`: its readings must stay as they are. Holds are whole
// UTC days; one that cannot be read holds everything.
std::optional<std::string> hold_over(const ResourceReader& registry, TenantId tenant, std::string_view path,
                                     Window window);

}  // namespace gongshu::registry
