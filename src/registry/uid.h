#pragma once

#include <string>

#include "base/clock.h"

namespace gongshu::registry {

// 26 characters of Crockford's base 32: 48 bits of milliseconds, 80 of chance; later ones sort after earlier ones.
std::string make_uid(TimeNs now);

}  // namespace gongshu::registry
