#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/window.h"
#include "flow/alarms.h"
#include "flow/flow.h"

namespace gongshu::flow {

// What a rule would have done over readings that are stored already, so that it can be tried before it is saved.
// Blocks: on the pool. Stops at limits of time and memory and says how far it came.
Result<RehearseAnswer> rehearse(const FlowParts& parts, const RehearseQuestion& question);

}  // namespace gongshu::flow
