#pragma once

#include "base/id.h"

namespace gongshu {

using TenantId =
    Id<struct TenantIdName, std::uint32_t>;             // given by registry, never reused; nothing is keyed without it
using TagId = Id<struct TagIdName, std::uint64_t>;      // given by history's catalogue alone, never reused
using ShardId = Id<struct ShardIdName, std::uint16_t>;  // 0 … kShardCount-1; the only Id for which 0 is not "none"
using EventId = Id<struct EventIdName, std::uint64_t>;  // given by history when an event is logged

// Devices belong to this many shards, for ever: it is written in the store's manifest.
inline constexpr std::uint16_t kShardCount = 16;

}  // namespace gongshu
