#pragma once

#include "flow/flow.h"
#include "flow/virtual_tags.h"

namespace gongshu::flow {

// What a virtual tag would give over a window of the past; nothing is stored. Blocks: on the pool. Stops at limits of
// time and readings and says how far it came.
Result<VirtualPreview> preview_virtual_tag(const FlowParts& parts, const VirtualPreviewQuestion& question);

}  // namespace gongshu::flow
