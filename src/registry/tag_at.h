#pragma once

#include <optional>
#include <string_view>

#include "data/tag.h"
#include "registry/registry.h"

namespace gongshu::registry {

// The tag that `path` means, by its path, one of before, or an alias that people gave it (kind tag_alias). Where a
// device of the registry is, its properties are its own tags only: not those of a device that was there before, nor
// what was written there before it came. Any thread.
std::optional<TagInfo> tag_at(const ResourceReader& resources, const Tags& tags, TenantId tenant,
                              std::string_view path);

}  // namespace gongshu::registry
