#include "backup/schedule.h"

#include <fmt/format.h>

#include <charconv>

namespace gongshu::backup {
namespace {

std::optional<int> two_digits(std::string_view text, int most) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.size() != 2 || error != std::errc{} || end != text.data() + text.size() || number < 0 || number > most)
        return std::nullopt;
    return number;
}

// The last such time at or before `now`.
TimeNs last_before(const TimeOfDay& at, TimeNs now) {
    constexpr std::int64_t kDaySeconds = 86'400;
    const std::int64_t local = at.zone.local_seconds(now);
    std::int64_t day = local / kDaySeconds - (local % kDaySeconds < 0) + 1;
    for (;; --day) {
        const TimeNs time = at.zone.instant(static_cast<calendar::Day>(day), at.minute);
        if (time <= now) return time;
    }
}

}  // namespace

Result<TimeOfDay> parse_time_of_day(std::string_view text, const std::string& zone) {
    const auto blank = text.find(' ');
    const auto clock = text.substr(0, blank);
    const auto hour = two_digits(clock.substr(0, 2), 23);
    const auto minute = clock.size() == 5 && clock[2] == ':' ? two_digits(clock.substr(3), 59) : std::nullopt;
    if (!hour || !minute)
        return Error{Code::invalid,
                     "expected a time of the day such as 02:30, or \"02:30 Asia/Shanghai\", found \"{}\"",
                     text.substr(0, 100)};
    const std::string name = blank == std::string_view::npos ? zone : std::string(text.substr(blank + 1));
    auto known = TRY(calendar::Zone::create(name));
    return TimeOfDay{*hour * 60 + *minute, std::move(known)};
}

std::string to_string(const TimeOfDay& at) {
    const std::string& zone = at.zone.name();
    return fmt::format("{:02}:{:02} {}", at.minute / 60, at.minute % 60, zone.empty() ? "UTC" : zone);
}

bool is_due(const TimeOfDay& at, int days, std::optional<TimeNs> newest, TimeNs now) {
    if (!newest) return true;
    const TimeNs time = last_before(at, now);
    // Of several days, the newest may have been made a little before or after the time.
    if (*newest >= time || (days > 1 && time - *newest < (days - 1) * kDay + kLate)) return false;
    return now - time < kOnTime || now - *newest > days * kDay + kLate;
}

}  // namespace gongshu::backup
