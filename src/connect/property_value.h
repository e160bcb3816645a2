#pragma once

#include "connect/link_config.h"
#include "data/quality.h"

namespace gongshu::connect {

// What one property reads as. `error` says why the quality is bad, "" otherwise.
struct PropertyReading {
    Value value;
    Quality quality;
    std::string error;
};

// What stands in a bad reading: nothing that could be taken for a measurement (NaN, 0, false, "").
Value nothing(ValueType type);

// Takes the property out of a reply, `at` registers or bits from its beginning. What does not fit its type is bad:type,
// NaN bad:sensor, what is outside min … max uncertain:range.
PropertyReading read_property(const PropertyConfig& property, const wire::modbus::Reply& reply, std::size_t at);

// The request that writes `value`. For a bit of a register `before` is the register as it is now. Code::invalid or
// Code::limit when the registers cannot hold the value.
Result<wire::modbus::Request> write_request(const PropertyConfig& property, const Value& value, std::uint16_t before);

// `value` as the property's type if it may be written: Code::invalid names the limits or the type otherwise.
Result<Value> check_write(const PropertyConfig& property, const Value& value);

}  // namespace gongshu::connect
