#pragma once

#include <string_view>

#include "broker/mapping.h"

namespace gongshu::broker {

// The same as propose_mapping() for a message that a device sent by itself: it may publish there, and its values are
// its own, whatever the topic says.
MappingSpec propose_device_mapping(std::string_view topic, std::string_view payload);

}  // namespace gongshu::broker
