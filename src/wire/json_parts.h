#pragma once

// How the doors read JSON that devices send: what json_door.cpp and json_map.cpp share. Only for these, because of the
// parser's header.

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "data/quality.h"
#include "data/value.h"
#include "wire/json_door.h"

namespace gongshu::wire::json_parts {

using simdjson::dom::element;
using simdjson::dom::element_type;

// "an array", "a number"
std::string_view kind_name(element_type type);
bool is_scalar(element_type type);

// Code::malformed names the byte. A number that 64 bits do not hold stands in the tree as a text that oversized()
// knows, so that it does not cost the payload its other values.
Result<element> parse(simdjson::dom::parser& parser, Bytes payload, std::size_t bytes_max);
// The number as it was written, if `from` stands for one that does not fit.
std::optional<Error> oversized(element from);

// A text, number or boolean as a Value; nullopt for null, arrays and objects.
std::optional<Value> scalar(element from);
Result<TimeNs> read_time(element from, TimeUnit unit);
Result<Quality> read_quality(element from);

}  // namespace gongshu::wire::json_parts
