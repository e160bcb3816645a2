#pragma once

#include <cstddef>

#include "data/tag.h"
#include "registry/registry.h"

// What device types declare, and the tags that were made by it before it was changed.
namespace gongshu::registry {

// Gives the tags of one device the units that its type declares; how many changed. Where the type says none, a tag
// keeps what it has. Readings are not converted: what is set right is what they are called. Any thread; no lane.
Result<std::size_t> follow_units(const ResourceReader& resources, Tags& tags, const Resource& device);
// The same after `change`, of a device or of a device type: then for all devices of it, and a unit that was taken away
// is taken from their tags as well.
Result<std::size_t> follow_units(const ResourceReader& resources, Tags& tags, const Change& change);

// A tag keeps the value type that it was made with. Code::invalid if `next`, a device or a device type before it is
// stored, would newly declare another type than a tag has that is there. Any thread.
Result<void> check_value_types(const ResourceReader& resources, const Tags& tags, const Resource& next);

}  // namespace gongshu::registry
