#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "flow/alarms.h"
#include "registry/registry.h"

namespace gongshu::flow {

// What an alarm does while its condition cannot be told because readings are bad.
enum class WhenBad : std::uint8_t { hold, raise, clear };

// A condition over tags that raises an alarm.
struct RuleSpec {
    std::string title_zh, title_en;
    std::optional<std::string> device;       // short names are properties of this device …
    std::optional<std::string> device_type;  // … or of each device of this type: one alarm per device
    std::string condition;
    Severity severity = Severity::major;
    std::string on_delay = "0s";      // true for so long before it is raised
    std::string off_delay = "0s";     // false for so long before it is cleared
    std::optional<double> dead_band;  // clears only below threshold - dead_band (above threshold + dead_band)
    std::optional<std::string> clear_condition;  // clears only when this is true
    WhenBad when_bad = WhenBad::hold;
    std::optional<std::string> suppress_when;  // while this is true the alarm does not count
    bool latched = false;                      // stays until somebody acknowledged it
    std::string group;                         // a name that several rules share, "" = none
    std::string message_zh, message_en;        // {temperature} {value} {device} {rule} are filled in
    bool enabled = true;
};

// "500ms", "30s", "5m", "2h", "1d", "1h30m"; Code::invalid otherwise. At most 31 days.
Result<DurationNs> parse_duration(std::string_view text);
// The shortest of such texts; "" for 0.
std::string duration_text(DurationNs duration);

}  // namespace gongshu::flow
