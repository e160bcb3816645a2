#pragma once

#include <optional>
#include <string>

#include "data/value.h"

namespace gongshu::broker {

// What a device type says of one value that its devices send.
struct DeclaredProperty {
    ValueType type = ValueType::number;
    std::string unit;
    std::optional<double> min, max;  // outside: uncertain:range
};

}  // namespace gongshu::broker
