#pragma once

#include <vector>

#include "connect/link_config.h"
#include "registry/registry.h"

namespace gongshu::connect {

// Every connection of a tenant that is polled with what hangs on it, in order of name. A resource that cannot be read is left
// out and logged.
std::vector<LinkConfig> link_configs(const registry::ResourceReader& registry, TenantId tenant);

}  // namespace gongshu::connect
