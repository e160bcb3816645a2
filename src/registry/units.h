#pragma once

#include <string_view>

#include "base/result.h"

namespace gongshu::registry {

// Whether a unit's text can be understood; Code::invalid says what is wrong.
Result<void> check_unit_text(std::string_view unit);

}  // namespace gongshu::registry
