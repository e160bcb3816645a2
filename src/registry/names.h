#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::registry {

inline constexpr std::size_t kNameBytesMax = 200;

// Names of resources: 1 to 200 bytes; segments of letters (Chinese too), digits, _ - and dot; no segment is "." or
// "..". `path` allows several segments joined by "/".
Result<void> check_name(std::string_view name, bool path);
// The name of a property or one segment of a path: as above, without dots.
Result<void> check_word(std::string_view word);

// "2026-03-01T08:00:00+08:00", seconds with up to nine decimals, Z or an offset. Years 1678 to 2261.
Result<TimeNs> parse_rfc3339(std::string_view text);

}  // namespace gongshu::registry
