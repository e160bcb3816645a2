#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace gongshu {

// "2026-11-21T07:15:00Z", with as many digits of the second as it has (RFC 3339, UTC).
std::string format_time(TimeNs time);
// Days since 1970-01-01 as "2026-11-21"; years before 1 as "0044-03-15 (BC)", INT32_MAX and -INT32_MAX as "infinity"
// and
// "-infinity", all as DuckDB reads and writes dates.
std::string format_date(std::int32_t days);
// "20261121T071500Z", for names in the order of time; fractions of a second fall away.
std::string format_stamp(TimeNs time);
// nullopt for anything else than what format_stamp() makes of 1970 to 2261.
std::optional<TimeNs> parse_stamp(std::string_view text);

}  // namespace gongshu
