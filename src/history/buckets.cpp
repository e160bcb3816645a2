#include "history/buckets.h"

#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>

namespace gongshu::history {
namespace {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

TimeNs saturated(__int128 time) {
    constexpr auto kMin = std::numeric_limits<TimeNs>::min();
    constexpr auto kMax = std::numeric_limits<TimeNs>::max();
    return time < kMin ? kMin : time > kMax ? kMax : static_cast<TimeNs>(time);
}

// The first instant of a local day.
TimeNs start_of_day(const date::time_zone& zone, std::int64_t day) {
    const date::local_seconds midnight{std::chrono::seconds{day * 86'400}};
    const date::local_info info = zone.get_info(midnight);
    const std::int64_t seconds = info.result == date::local_info::nonexistent
                                     ? info.first.end.time_since_epoch().count()
                                     : midnight.time_since_epoch().count() - info.first.offset.count();
    return saturated(static_cast<__int128>(seconds) * kSecond);
}

}  // namespace

Result<Buckets> Buckets::create(DurationNs every, const std::string& zone) {
    if (every <= 0) return Error{Code::invalid, "every={} ns: buckets must be longer than nothing", every};
    if (zone.empty() || every % kDay != 0) {
        if (!zone.empty()) {
            // Even where it makes no difference a wrong name is told.
            auto checked = create(kDay, zone);
            if (!checked) return checked;
        }
        return Buckets{every, nullptr};
    }
    try {
        return Buckets{every, date::locate_zone(zone)};
    } catch (const std::exception&) {
        return Error{Code::invalid, "zone={}: no such time zone; give an IANA name such as Asia/Shanghai", zone};
    }
}

Result<Buckets> Buckets::create(std::shared_ptr<const std::vector<Window>> periods) {
    for (std::size_t i = 0; i < periods->size(); ++i)
        if ((*periods)[i].empty() || (i > 0 && (*periods)[i].from < (*periods)[i - 1].to))
            return Error{Code::invalid, "periods[{}]: expected one that is not empty and begins after the one before",
                         i};
    Buckets made{kDay, nullptr};
    made.periods_ = std::move(periods);
    return made;
}

Window Buckets::period_at(TimeNs time) {
    const auto next = std::ranges::upper_bound(*periods_, time, {}, &Window::from);
    const bool after_one = next != periods_->begin();
    in_gap_ = !after_one || !std::prev(next)->contains(time);
    if (!in_gap_) return *std::prev(next);
    return {after_one ? std::prev(next)->to : std::numeric_limits<TimeNs>::min(),
            next != periods_->end() ? next->from : std::numeric_limits<TimeNs>::max()};
}

Window Buckets::at(TimeNs time) {
    if (last_.contains(time)) return last_;
    if (periods_) {
        last_ = period_at(time);
    } else if (zone_) {
        last_ = days_at(time);
    } else {
        const __int128 start = static_cast<__int128>(floor_div(time, every_)) * every_;
        last_ = {saturated(start), saturated(start + every_)};
    }
    return last_;
}

Window Buckets::days_at(TimeNs time) const {
    const auto& zone = *static_cast<const date::time_zone*>(zone_);
    const std::int64_t seconds = floor_div(time, kSecond);
    const auto info = zone.get_info(date::sys_seconds{std::chrono::seconds{seconds}});
    const std::int64_t day = floor_div(seconds + info.offset.count(), 86'400);
    const std::int64_t days = every_ / kDay;
    const std::int64_t first = floor_div(day, days) * days;
    return {start_of_day(zone, first), start_of_day(zone, first + days)};
}

}  // namespace gongshu::history
