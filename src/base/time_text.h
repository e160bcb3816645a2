#pragma once

#include <string>

#include "base/clock.h"

namespace gongshu {

// "2026-11-21T07:15:00Z", with as many digits of the second as it has (RFC 3339, UTC).
std::string format_time(TimeNs time);

}  // namespace gongshu
