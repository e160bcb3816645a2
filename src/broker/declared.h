#pragma once

#include <optional>
#include <string>

#include "data/ids.h"
#include "data/quality.h"
#include "data/value.h"

namespace gongshu::broker {

// What a device type says of one value that its devices send.
struct DeclaredProperty {
    ValueType type = ValueType::number;
    std::string unit;
    std::optional<double> min, max;  // outside: uncertain:range
};

// Where the values of one name of one device go.
struct TagTarget {
    TagId tag;
    std::optional<double> min, max;  // outside: uncertain:range
};

inline Quality checked(Quality quality, const Value& value, const TagTarget& target) {
    const auto number = as_number(value);
    if (!quality.good() || !number) return quality;
    const bool outside = (target.min && *number < *target.min) || (target.max && *number > *target.max);
    return outside ? uncertain(Reason::range) : quality;
}

}  // namespace gongshu::broker
