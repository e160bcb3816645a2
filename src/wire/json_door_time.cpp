#include <chrono>
#include <cstdlib>

#include "wire/json_door.h"
#include "wire/json_map.h"

namespace gongshu::wire {
namespace {

// The next `digits` digits of `rest` as a number, cut off; nullopt if they are not there.
std::optional<int> take_number(std::string_view& rest, std::size_t digits) {
    if (rest.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
        value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return value;
}

bool take_char(std::string_view& rest, std::string_view one_of) {
    if (rest.empty() || one_of.find(rest[0]) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_fraction(std::string_view& rest) {
    if (!take_char(rest, ".,")) return 0;
    std::int64_t ns = 0;
    std::int64_t unit = 100'000'000;
    std::size_t digits = 0;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits, unit /= 10) {
        ns += (rest[digits] - '0') * unit;
    }
    if (digits == 0) return std::nullopt;
    rest.remove_prefix(digits);
    return ns;
}

// Seconds east of UTC.
std::optional<std::int64_t> take_zone(std::string_view& rest) {
    if (take_char(rest, "Zz")) return 0;
    if (rest.empty() || (rest[0] != '+' && rest[0] != '-')) return std::nullopt;
    const std::int64_t sign = rest[0] == '-' ? -1 : 1;
    rest.remove_prefix(1);
    const auto hours = take_number(rest, 2);
    if (!hours || !take_char(rest, ":")) return std::nullopt;
    const auto minutes = take_number(rest, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 3600 + *minutes * 60);
}

Error bad_time(std::string_view text) {
    return {Code::malformed, "\"{}\" is no time; expected RFC 3339 with a zone, as in 2026-03-01T08:00:00+08:00",
            text.substr(0, 60)};
}

}  // namespace

std::optional<TimeUnit> parse_time_unit(std::string_view name) {
    if (name == "s") return TimeUnit::s;
    if (name == "ms") return TimeUnit::ms;
    if (name == "us") return TimeUnit::us;
    if (name == "ns") return TimeUnit::ns;
    return std::nullopt;
}

Result<TimeNs> time_from_number(std::int64_t number, TimeUnit unit) {
    if (unit == TimeUnit::by_magnitude) {
        const std::uint64_t size =
            number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
        unit = size < 100'000'000'000ull           ? TimeUnit::s
               : size < 100'000'000'000'000ull     ? TimeUnit::ms
               : size < 100'000'000'000'000'000ull ? TimeUnit::us
                                                   : TimeUnit::ns;
    }
    const std::int64_t scale = unit == TimeUnit::s    ? kSecond
                               : unit == TimeUnit::ms ? kMillisecond
                               : unit == TimeUnit::us ? kMicrosecond
                                                      : 1;
    TimeNs time = 0;
    if (__builtin_mul_overflow(number, scale, &time)) {
        const std::string_view name = scale == kSecond        ? "seconds"
                                      : scale == kMillisecond ? "milliseconds"
                                                              : "microseconds";
        return Error{Code::limit, "{} {} since 1970 is outside of the years 1678 to 2262", number, name};
    }
    return time;
}

std::optional<LocalStamp> parse_local_stamp(std::string_view text) {
    std::string_view rest = text;
    const auto year = take_number(rest, 4);
    const bool date_mark = take_char(rest, "-/");
    const auto month = take_number(rest, 2);
    const bool date_mark_again = take_char(rest, "-/");
    const auto day = take_number(rest, 2);
    const bool t = take_char(rest, "Tt ");
    const auto hour = take_number(rest, 2);
    const bool colon = take_char(rest, ":");
    const auto minute = take_number(rest, 2);
    if (!(year && date_mark && month && date_mark_again && day && t && hour && colon && minute)) return std::nullopt;
    const auto second = take_char(rest, ":") ? take_number(rest, 2) : std::optional{0};
    const auto fraction = take_fraction(rest);
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!second || !fraction || !rest.empty() || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
        return std::nullopt;
    if (*year < 1678 || *year > 2261) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return LocalStamp{days * 86'400 + *hour * 3600 + *minute * 60 + (*second == 60 ? 59 : *second), *fraction};
}

Result<TimeNs> parse_rfc3339(std::string_view text) {
    std::string_view rest = text;
    const auto year = take_number(rest, 4);
    const bool dash = take_char(rest, "-");
    const auto month = take_number(rest, 2);
    const bool dash_again = take_char(rest, "-");
    const auto day = take_number(rest, 2);
    const bool t = take_char(rest, "Tt ");
    const auto hour = take_number(rest, 2);
    const bool colon = take_char(rest, ":");
    const auto minute = take_number(rest, 2);
    const bool colon_again = take_char(rest, ":");
    const auto second = take_number(rest, 2);
    if (!(year && dash && month && dash_again && day && t && hour && colon && minute && colon_again && second)) {
        return bad_time(text);
    }
    const auto fraction = take_fraction(rest);
    const auto zone = take_zone(rest);
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!fraction || !zone || !rest.empty() || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
        return bad_time(text);
    if (*year < 1678 || *year > 2261)
        return Error{Code::limit, "{} is outside of the years 1678 to 2261", text.substr(0, 60)};
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    const std::int64_t leap = *second == 60 ? 59 : *second;  // a leap second has no place in UTC as computers count it
    return (days * 86'400 + *hour * 3600 + *minute * 60 + leap - *zone) * kSecond + *fraction;
}

}  // namespace gongshu::wire
