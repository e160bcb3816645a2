#pragma once

#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// `kept`: what somebody changed by hand and stays: `before` is theirs, `after` what `next` has in its place.
struct Merged {
    Json spec;
    std::vector<Difference> kept;
};

// `current` was made from `base` and perhaps changed by hand; now it shall follow `next`. What nobody touched becomes
// next's, what was touched stays and is told. Objects go member by member, lists of
// objects with names by these, other lists as a whole. All three are canonical specs of one kind.
Merged merge_three(const Json& base, const Json& current, const Json& next);

}  // namespace gongshu::registry
