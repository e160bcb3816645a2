#pragma once

#include <open62541/types.h>
#include <open62541/types_generated.h>

#include <string>
#include <string_view>

#include "connect/link_config.h"
#include "connect/property_value.h"

namespace gongshu::connect {

// Between what OPC UA says and what we keep.

inline UA_String ua_string(std::string_view text) {  // of bytes that stay where they are
    return {text.size(), reinterpret_cast<UA_Byte*>(const_cast<char*>(text.data()))};
}
inline std::string text_of(const UA_String& text) {
    return {reinterpret_cast<const char*>(text.data), text.length};
}

TimeNs time_of(UA_DateTime time);  // 0 = none, or before 1970
UA_DateTime ua_time(TimeNs time);

// "BadNodeIdUnknown".
std::string name_of(UA_StatusCode status);
// The same and, where there is more to say, what it means and what to do.
std::string explain(UA_StatusCode status);
// Grade and reason: part 8, §7.3 and part 4, §7.39.
Quality quality_of(UA_StatusCode status);

// The value of a property, judged: what its status and its type say.
PropertyReading reading_of(const PropertyConfig& property, const UA_DataValue& value);

// `value` as the server holds it, which is of `type`. `out` has to be cleared. Code::invalid or Code::limit when that
// cannot hold it.
Result<void> to_variant(const PropertyConfig& property, const Value& value, const UA_DataType& type, UA_Variant& out);
// Whether the machine holds the same for both.
bool same_value(const PropertyConfig& property, const Value& a, const Value& b);

}  // namespace gongshu::connect
