#pragma once

#include <cstdint>
#include <string_view>

#include "workbook/sheet.h"

namespace gongshu::workbook {

// What a number means by the format that it is shown in: yyyy"年"m"月"d"日" and h:mm AM/PM are dates and times,
// [h]:mm a duration, 0.0% a share; all else is a number. Only the first section counts, what is quoted does not.
CellKind kind_of_format(std::string_view code);
// The same of the formats that every program knows by number, also those that a Chinese or Japanese Excel writes
// without their text (27 … 36, 50 … 58).
CellKind kind_of_builtin_format(std::uint32_t id);

}  // namespace gongshu::workbook
