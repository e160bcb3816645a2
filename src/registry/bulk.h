#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

// Many changes of several sorts at once, all or nothing: what sheets and device templates need beyond apply().
namespace gongshu::registry {

struct BulkWish {
    enum class What : std::uint8_t { put, remove, rename } what = What::put;
    std::string kind, name;
    Json spec = {};                              // of a put
    std::string new_name = {};                   // of a rename
    std::optional<std::uint64_t> if_match = {};  // as PutOptions::if_match; 0 = must not exist yet
};

// Carries them out in this order, in one transaction and with one disk sync; each sees those before it. One that is
// refused keeps all from being stored. With `dry_run` nothing is stored and nothing is audited but refusals. Answers
// are in the order of the wishes. Blocks for a disk sync: not from a lane. Any other thread.
std::vector<Applied> change_all(Registry& registry, const Actor& actor, const std::vector<BulkWish>& wishes,
                                bool dry_run);

}  // namespace gongshu::registry
