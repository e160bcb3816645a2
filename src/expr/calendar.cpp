#include "expr/calendar.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <chrono>
#include <exception>

namespace gongshu::expr {
namespace {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Seconds to add to UTC, and until when.
struct Offset {
    std::int64_t seconds = 0;
    std::int64_t end = INT64_MAX;  // in seconds of UTC
};

Offset offset_at(const void* zone, std::int64_t utc_seconds) {
    if (!zone) return {};
    const date::sys_info info =
        static_cast<const date::time_zone*>(zone)->get_info(date::sys_seconds{std::chrono::seconds{utc_seconds}});
    return {info.offset.count(), info.end.time_since_epoch().count()};
}

std::int64_t field_of(CalendarField field, std::int64_t local) {
    const std::int64_t day = floor_div(local, 86'400), second = local - day * 86'400;
    if (field == CalendarField::minute) return second / 60 % 60;
    if (field == CalendarField::hour) return second / 3600;
    if (field == CalendarField::date) return day;
    const date::sys_days days{date::days{day}};
    if (field == CalendarField::weekday) return date::weekday{days}.iso_encoding();
    const date::year_month_day ymd{days};
    if (field == CalendarField::day) return static_cast<unsigned>(ymd.day());
    if (field == CalendarField::month) return static_cast<unsigned>(ymd.month());
    return static_cast<int>(ymd.year());
}

// `count` digits at the front, taken away; nullopt if they are not there.
std::optional<int> digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> zone_seconds(std::string_view text) {
    if (text == "Z" || text == "z") return 0;
    const bool minus = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = digits(text, 2);
    if (!hours || !take(text, ":")) return std::nullopt;
    const auto minutes = digits(text, 2);
    if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
    return (minus ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<Calendar> Calendar::create(CalendarField field, const std::string& zone) {
    if (zone.empty() || zone == "UTC") return Calendar{field, nullptr};
    try {
        return Calendar{field, date::locate_zone(zone)};
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::int64_t Calendar::at(TimeNs time) const {
    const std::int64_t utc = floor_div(time, kSecond);
    return field_of(field_, utc + offset_at(zone_, utc).seconds);
}

TimeNs Calendar::next(TimeNs time) const {
    const std::int64_t utc = floor_div(time, kSecond);
    const Offset offset = offset_at(zone_, utc);
    const std::int64_t step = field_ == CalendarField::minute ? 60 : field_ == CalendarField::hour ? 3600 : 86'400;
    const std::int64_t local = utc + offset.seconds;
    const std::int64_t turn = (floor_div(local, step) + 1) * step - offset.seconds;
    const std::int64_t seconds = std::min(turn, offset.end);
    TimeNs next = 0;
    if (__builtin_mul_overflow(seconds, kSecond, &next)) return INT64_MAX;
    return next;
}

std::vector<std::string> zone_names() {
    std::vector<std::string> names;
    try {
        for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
    } catch (const std::exception&) {
        return {};
    }
    return names;
}

std::int64_t Calendar::at_date(std::int64_t day) const { return field_of(field_, day * 86'400); }

namespace {

date::year_month_day civil(std::int64_t day) { return date::sys_days{date::days{day}}; }
std::int64_t day_of(date::year_month_day ymd) { return date::sys_days{ymd}.time_since_epoch().count(); }
date::year_month_day last_of(date::year_month month) { return month / date::last; }

}  // namespace

std::optional<std::int64_t> read_date(std::string_view text) {
    const auto year = digits(text, 4);
    if (!year || *year == 0 || !take(text, "-")) return std::nullopt;
    const auto month = digits(text, 2);
    if (!month || !take(text, "-")) return std::nullopt;
    const auto day = digits(text, 2);
    if (!day || !text.empty()) return std::nullopt;
    const date::year_month_day ymd{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                   date::day{static_cast<unsigned>(*day)}};
    return ymd.ok() ? std::optional{day_of(ymd)} : std::nullopt;
}

std::string date_text(std::int64_t date) {
    const date::year_month_day ymd = civil(date);
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                       static_cast<unsigned>(ymd.day()));
}

std::int64_t start_of_month(std::int64_t date) {
    const date::year_month_day ymd = civil(date);
    return day_of(ymd.year() / ymd.month() / 1);
}

std::int64_t end_of_month(std::int64_t date) {
    const date::year_month_day ymd = civil(date);
    return day_of(last_of(ymd.year() / ymd.month()));
}

std::optional<std::int64_t> add_months(std::int64_t date, std::int64_t months) {
    if (std::abs(months) > 12 * 10'000) return std::nullopt;
    const date::year_month_day ymd = civil(date);
    const std::int64_t all = static_cast<int>(ymd.year()) * 12 + static_cast<unsigned>(ymd.month()) - 1 + months;
    const std::int64_t year = floor_div(all, 12);
    if (year < 1 || year > 9999) return std::nullopt;
    const date::year_month month =
        date::year{static_cast<int>(year)} / date::month{static_cast<unsigned>(all - year * 12 + 1)};
    return std::min(day_of(last_of(month)), day_of(month / 1) + static_cast<unsigned>(ymd.day()) - 1);
}

std::optional<TimeNs> read_time(std::string_view text) {
    const auto year = digits(text, 4);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = digits(text, 2);
    if (!month || !take(text, "-")) return std::nullopt;
    const auto day = digits(text, 2);
    if (!day || !take(text, "Tt ")) return std::nullopt;
    const auto hour = digits(text, 2);
    if (!hour || !take(text, ":")) return std::nullopt;
    const auto minute = digits(text, 2);
    if (!minute || !take(text, ":")) return std::nullopt;
    const auto second = digits(text, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    std::int64_t fraction = 0;
    if (take(text, ".")) {
        std::int64_t weight = kSecond / 10;
        if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
        for (auto digit = digits(text, 1); digit; digit = digits(text, 1), weight /= 10) fraction += *digit * weight;
    }
    const auto zone = zone_seconds(text);
    const date::year_month_day date{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                    date::day{static_cast<unsigned>(*day)}};
    if (!zone || !date.ok()) return std::nullopt;
    const std::int64_t days = date::sys_days{date}.time_since_epoch().count();
    const std::int64_t seconds = days * 86'400 + *hour * 3600 + *minute * 60 + *second - *zone;
    TimeNs time = 0;
    if (__builtin_mul_overflow(seconds, kSecond, &time) || __builtin_add_overflow(time, fraction, &time))
        return std::nullopt;
    return time;
}

std::string time_text(TimeNs time) {
    const std::int64_t seconds = floor_div(time, kSecond), day = floor_div(seconds, 86'400);
    const std::int64_t of_day = seconds - day * 86'400, fraction = time - seconds * kSecond;
    const date::year_month_day ymd{date::sys_days{date::days{day}}};
    std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(ymd.year()),
                                   static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), of_day / 3600,
                                   of_day / 60 % 60, of_day % 60);
    if (fraction != 0) {
        text += fmt::format(".{:09}", fraction);
        while (text.ends_with('0')) text.pop_back();
    }
    return text + "Z";
}

}  // namespace gongshu::expr
