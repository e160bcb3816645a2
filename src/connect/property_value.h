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

// `value`, or why there is none, as a reading. What does not fit the property's type is bad:type, NaN bad:sensor, what
// is outside min … max uncertain:range.
PropertyReading judge(const PropertyConfig& property, Result<Value> value);

// Code::denied.
Error not_writable(const PropertyConfig& property);
// `value` as the property's type if it may be written: Code::denied when it is not writable, Code::invalid names the
// limits or the type otherwise. Whether the machine can hold it is Driver::check_write()'s.
Result<Value> check_value(const PropertyConfig& property, const Value& value);

// ---- Modbus ----

// Takes the property out of a reply, `at` registers or bits from its beginning.
PropertyReading read_property(const PropertyConfig& property, const wire::modbus::Reply& reply, std::size_t at);

// The request that writes `value`. For a bit of a register `before` is the register as it is now. Code::invalid or
// Code::limit when the registers cannot hold the value.
Result<wire::modbus::Request> write_request(const PropertyConfig& property, const Value& value, std::uint16_t before);

}  // namespace gongshu::connect
