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

inline constexpr std::size_t kJsonDepthMax = 32;

// Code::malformed with line and column; depth at most kJsonDepthMax, no duplicate keys.
Result<Json> parse_json(std::string_view text);
// Compact; numbers as short as they read back the same.
std::string to_text(const Json& json);
// Indented by two, for people.
std::string to_pretty_text(const Json& json);

// "a list", "the number 7", "the text \"x\"": what a message says was found. Long texts are cut.
std::string describe(const Json& json);

}  // namespace registry
}  // namespace gongshu
