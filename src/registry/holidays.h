#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "calendar/holidays.h"

namespace gongshu::registry {

// Statutory holidays as library/holidays/*.yaml writes them; Code::malformed or Code::corrupt says where it is wrong.
Result<calendar::Holidays> read_holidays(std::string_view yaml);

// Those of mainland China that the program carries inside, read once.
Result<std::shared_ptr<const calendar::Holidays>> holidays_of_china();

}  // namespace gongshu::registry
