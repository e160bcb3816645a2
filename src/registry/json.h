#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

namespace registry {

// Code::malformed with line and column; depth at most 32, no duplicate keys.
Result<Json> parse_json(std::string_view text);
std::string to_text(const Json& json);

}  // namespace registry
}  // namespace gongshu
