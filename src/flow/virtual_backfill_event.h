#pragma once

#include <string_view>

#include "data/event.h"
#include "flow/virtual_tags.h"

// The making of past values as events, told when it begins and when it ends: how it is known after a restart.
namespace gongshu::flow {

inline constexpr std::string_view kVirtualPast = "virtual.past";

Event backfill_event(const VirtualBackfill& job);
Result<VirtualBackfill> read_backfill(const Event& event);

}  // namespace gongshu::flow
