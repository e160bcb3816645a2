#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/rows.h"

namespace gongshu::edge {

// Readings as one body of POST /api/v1/write/batch.
struct ForwardBody {
    std::string bytes;
    std::uint64_t readings = 0;
    TimeNs newest = 0;  // the newest time in it
};

// The path under which a tag is told, "" = it is not.
using PathOf = std::function<std::string(TagId)>;

// Puts readings into bodies of at most `readings_max` readings, in their order: of two with the same tag and time the
// later one stands behind the other, in the same body or a later one. Pure; any thread.
std::vector<ForwardBody> forward_bodies(const std::vector<Rows>& rows, const PathOf& path_of,
                                        std::uint64_t readings_max);

}  // namespace gongshu::edge
