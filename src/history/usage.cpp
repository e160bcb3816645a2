#include "history/usage.h"

#include <algorithm>
#include <unordered_map>

#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr Day kGrowthDays = 7;
constexpr double kGrowthDaysMax = 365'00;

}  // namespace

Result<Usage> survey_usage(const Store& store, const TagDays& which) {
    Usage usage;
    std::unordered_map<std::uint64_t, std::size_t> places;  // by id, in usage.tags
    std::map<TenantId, std::map<Day, DayUse>> days;
    const auto place_of = [&](const TagDayUse& use) {
        const auto [found, is_new] = places.emplace(use.tag.value, usage.tags.size());
        if (is_new) {
            const auto info = store.catalogue().info(use.tag);
            usage.tags.push_back({use.tag, info ? info->key.tenant : TenantId{}, 0, 0, use.day, use.day});
        }
        return found->second;
    };
    TRY(store.visit_tag_days(
        [&](const TagDayUse& use) {
            TagUse& tag = usage.tags[place_of(use)];
            tag.rows += use.rows;
            tag.bytes += use.bytes;
            tag.first = std::min(tag.first, use.day);
            tag.last = std::max(tag.last, use.day);
            DayUse& day = days[tag.tenant][use.day];
            day.day = use.day;
            day.rows += use.rows;
            day.bytes += use.bytes;
        },
        which));
    std::ranges::sort(usage.tags, {}, &TagUse::tag);
    for (const auto& [tenant, list] : days)
        for (const auto& [day, use] : list) usage.days[tenant].push_back(use);
    return usage;
}

Growth growth_of(const std::vector<DayUse>& days, const HistoryStats& stats, TimeNs now) {
    const Day today = day_of(now);
    std::uint64_t grown = 0;
    Day first = today;
    for (const DayUse& day : days) {
        if (day.day >= today || day.day < today - kGrowthDays) continue;
        grown += day.bytes;
        first = std::min(first, day.day);
    }
    Growth growth;
    if (first < today) growth.bytes_a_day = static_cast<double>(grown) / (today - first);
    if (!growth.bytes_a_day || *growth.bytes_a_day <= 0 || stats.disk_total_bytes == 0) return growth;
    const double days_left = static_cast<double>(stats.disk_free_bytes) / *growth.bytes_a_day;
    if (days_left < kGrowthDaysMax)
        growth.full_at = now + static_cast<DurationNs>(days_left * static_cast<double>(kDay));
    return growth;
}

double RateLog::per_s(const Sample& from, const Sample& to) {
    if (to.at <= from.at) return 0;
    return static_cast<double>(to.count - from.count) * static_cast<double>(kSecond) /
           static_cast<double>(to.at - from.at);
}

void RateLog::sample(std::uint64_t count, DurationNs monotonic, TimeNs now) {
    const Sample sample{monotonic, count};
    if (!lately_.empty() && count < lately_.back().count) {
        lately_.clear();
        begins_.clear();
        steps_.clear();
    }
    lately_.push_back(sample);
    while (lately_.size() > 2 && lately_[1].at <= monotonic - kLately) lately_.pop_front();
    if (begins_.empty()) return begins_.push_back(sample);
    if (monotonic - begins_.back().at < kStep) return;
    steps_.push_back({now, per_s(begins_.back(), sample)});
    begins_.push_back(sample);
    if (steps_.size() <= kStepsMax) return;
    steps_.pop_front();
    begins_.pop_front();
}

double RateLog::now_per_s() const { return lately_.empty() ? 0 : per_s(lately_.front(), lately_.back()); }

std::optional<double> RateLog::mean_per_s() const {
    if (span() <= 0) return std::nullopt;
    return per_s(begins_.front(), lately_.back());
}

DurationNs RateLog::span() const { return begins_.empty() ? 0 : lately_.back().at - begins_.front().at; }

}  // namespace gongshu::history
