#include "history/local_time.h"

#include <date/tz.h>

#include <chrono>
#include <exception>
#include <limits>
#include <optional>

namespace gongshu::history {
namespace {

// No zone was ever moved by more; a time this far from a change of offset comes exactly once.
constexpr std::int64_t kMargin = 2 * 86'400;

// "+08:00", "+0800", "-03" in seconds.
std::optional<std::int64_t> fixed_offset(std::string_view text) {
    if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    std::string digits;
    for (const char c : text.substr(1))
        if (c != ':' || digits.size() != 2) digits.push_back(c);
    if (digits.size() == 2) digits += "00";
    if (digits.size() != 4 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    const int hours = (digits[0] - '0') * 10 + digits[1] - '0', minutes = (digits[2] - '0') * 10 + digits[3] - '0';
    if (hours > 18 || minutes > 59) return std::nullopt;
    return (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

Result<LocalTime> LocalTime::create(const std::string& zone) {
    LocalTime made;
    const auto offset = zone == "UTC" || zone == "Z" ? std::optional<std::int64_t>{0} : fixed_offset(zone);
    if (offset) {
        made.offset_ = *offset;
        made.from_ = std::numeric_limits<std::int64_t>::min();
        made.to_ = std::numeric_limits<std::int64_t>::max();
        return made;
    }
    try {
        made.zone_ = date::locate_zone(zone);
    } catch (const std::exception&) {
        return Error{Code::invalid,
                     "there is no time zone '{}': give an IANA name such as Asia/Shanghai, or an offset such as +08:00",
                     zone};
    }
    return made;
}

Instants LocalTime::at(std::int64_t local_seconds) {
    if (local_seconds >= from_ && local_seconds < to_) return {1, local_seconds - offset_, 0};
    return ask(local_seconds);
}

Instants LocalTime::ask(std::int64_t local_seconds) {
    const auto info =
        static_cast<const date::time_zone*>(zone_)->get_info(date::local_seconds{std::chrono::seconds{local_seconds}});
    if (info.result == date::local_info::nonexistent) return {};
    const std::int64_t earlier = local_seconds - info.first.offset.count();
    if (info.result == date::local_info::ambiguous) return {2, earlier, local_seconds - info.second.offset.count()};
    offset_ = info.first.offset.count();
    from_ = info.first.begin.time_since_epoch().count() + offset_ + kMargin;
    to_ = info.first.end.time_since_epoch().count() + offset_ - kMargin;
    return {1, earlier, 0};
}

}  // namespace gongshu::history
