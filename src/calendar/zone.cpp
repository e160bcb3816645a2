#include "calendar/zone.h"

#include <date/tz.h>

#include <chrono>
#include <exception>
#include <limits>

namespace gongshu::calendar {
namespace {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

TimeNs saturated(std::int64_t seconds) {
    constexpr auto kMin = std::numeric_limits<TimeNs>::min(), kMax = std::numeric_limits<TimeNs>::max();
    if (seconds <= kMin / kSecond) return kMin;
    if (seconds >= kMax / kSecond) return kMax;
    return seconds * kSecond;
}

}  // namespace

Result<Zone> Zone::create(const std::string& name) {
    if (name.empty() || name == "UTC" || name == "Z") return Zone{"UTC", nullptr};
    try {
        return Zone{name, date::locate_zone(name)};
    } catch (const std::exception&) {
        return Error{Code::invalid, "there is no time zone \"{}\"; expected an IANA name such as Asia/Shanghai", name};
    }
}

std::int64_t Zone::local_seconds(TimeNs time) const {
    const std::int64_t seconds = floor_div(time, kSecond);
    if (!zone_) return seconds;
    const date::sys_seconds at{std::chrono::seconds{seconds}};
    return seconds + static_cast<const date::time_zone*>(zone_)->get_info(at).offset.count();
}

TimeNs Zone::instant(Day day, int minute) const {
    const std::int64_t local = std::int64_t{day} * 86'400 + std::int64_t{minute} * 60;
    if (!zone_) return saturated(local);
    const auto info =
        static_cast<const date::time_zone*>(zone_)->get_info(date::local_seconds{std::chrono::seconds{local}});
    // Of a time that comes twice `first` is the earlier.
    const bool never = info.result == date::local_info::nonexistent;
    return saturated(never ? info.first.end.time_since_epoch().count() : local - info.first.offset.count());
}

}  // namespace gongshu::calendar
