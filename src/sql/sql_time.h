#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "calendar/zone.h"

namespace gongshu::sql {

// A time as SQL writes it: "2026-11-01", "2026-11-01 08:00", "2026-11-01T08:00:00.5+08:00", "… UTC", "-infinity",
// "infinity", "epoch". What says no offset is a reading of that zone's clocks; of one that comes twice the earlier is
// meant. Code::invalid when it is none, or outside of the years 1678 to 2262. Any thread.
Result<TimeNs> read_sql_time(std::string_view text, const calendar::Zone& zone);
// That it is none, and how to write one.
Error unreadable_time(std::string_view text);

}  // namespace gongshu::sql
