#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// How long and how much is kept of the readings of some tags. Where several fit a tag, the one whose glob has most
// characters beside its wildcards decides, of equals the one that keeps longer.
struct RetentionSpec {
    std::vector<std::string> tags = {"**"};    // globs of paths
    std::optional<std::string> keep;           // "400d"; absent = for ever
    std::optional<std::string> keep_bytes;     // "50GB" on disk of all these tags together; absent = any
    std::optional<std::string> keep_at_least;  // keep_bytes never removes what is newer; absent = 30d
    std::string note;
};
Kind retention_kind();

// A stretch of time of some tags that no retention removes, such as what an accident left.
struct HoldSpec {
    std::vector<std::string> tags;    // globs of paths
    std::optional<std::string> from;  // RFC 3339; absent = from the beginning
    std::optional<std::string> to;    // absent = without end
    std::string reason;
};
Kind hold_kind();

extern template Result<RetentionSpec> spec_of<RetentionSpec>(const Resource&);
extern template Result<HoldSpec> spec_of<HoldSpec>(const Resource&);

}  // namespace gongshu::registry
