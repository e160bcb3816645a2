#include "history/aggregates.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace gongshu::history {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSecondNs = 1e9;

double ratio(double part, double whole) { return whole > 0 ? part / whole : kNaN; }
double ratio(DurationNs part, DurationNs whole) { return ratio(static_cast<double>(part), static_cast<double>(whole)); }

double percentile(BucketSums& sums, double percent) {
    auto& values = sums.ranked;
    if (values.empty()) return kNaN;
    const double rank = static_cast<double>(values.size() - 1) * percent / 100;
    const auto below = std::min(static_cast<std::size_t>(rank), values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
    std::nth_element(values.begin(), at, values.end());
    const double part = rank - static_cast<double>(below);
    if (part == 0 || below + 1 == values.size()) return *at;
    return *at * (1 - part) + *std::min_element(at + 1, values.end()) * part;
}

double mode(BucketSums& sums, double) {
    std::ranges::sort(sums.ranked);
    double best = kNaN;
    std::ptrdiff_t longest = 0;
    for (auto at = sums.ranked.begin(); at != sums.ranked.end();) {
        const auto end = std::upper_bound(at, sums.ranked.end(), *at);
        if (end - at > longest) {
            longest = end - at;
            best = *at;
        }
        at = end;
    }
    return best;
}

double variance(const BucketSums& sums) {
    const Moments& moments = sums.moments;
    return moments.count < 2 ? kNaN : moments.squares / static_cast<double>(moments.count - 1);
}

double part_of(DurationNs part, DurationNs whole) {
    return whole > 0 ? std::min(1.0, static_cast<double>(part) / static_cast<double>(whole)) : 0;
}
double range(const Statistics& s) { return s.usable && s.min <= s.max ? s.max - s.min : kNaN; }
double steps(const TimeSums& time) { return time.step_ns > 0 ? time.step_area / kSecondNs : kNaN; }
double lines(const TimeSums& time) { return time.line_ns > 0 ? time.line_area / kSecondNs : kNaN; }
double seconds(DurationNs ns) { return static_cast<double>(ns) / kSecondNs; }

using Sums = BucketSums;
using Kind = AggregateKind;
struct Named {
    std::string_view name;
    double (*of)(BucketSums&, double);
    unsigned needs = 0;
    Kind kind = Kind::value;
};
// For text counted rows have no numbers: sum is NaN and so are the others but the counts and times.
constexpr Named kAggregates[] = {
    {"avg",
     [](Sums& s, double) {
         return s.statistics.usable ? s.statistics.sum / static_cast<double>(s.statistics.usable) : kNaN;
     },
     kNeedSum},
    {"min",
     [](Sums& s, double) {
         return s.statistics.usable && s.statistics.min <= s.statistics.max ? s.statistics.min : kNaN;
     }},
    {"max",
     [](Sums& s, double) {
         return s.statistics.usable && s.statistics.min <= s.statistics.max ? s.statistics.max : kNaN;
     }},
    {"range", [](Sums& s, double) { return range(s.statistics); }},
    {"sum", [](Sums& s, double) { return s.statistics.usable ? s.statistics.sum : kNaN; }, kNeedSum},
    {"count", [](Sums& s, double) { return static_cast<double>(s.statistics.usable); }, 0, Kind::count},
    {"count_good", [](Sums& s, double) { return static_cast<double>(s.statistics.good); }, 0, Kind::count},
    {"count_bad", [](Sums& s, double) { return static_cast<double>(s.bad); }, 0, Kind::count},
    {"first", [](Sums& s, double) { return s.statistics.usable ? s.statistics.first : kNaN; }},
    {"last", [](Sums& s, double) { return s.statistics.usable ? s.statistics.last : kNaN; }},
    {"first_time", [](Sums& s, double) { return s.statistics.usable ? 0 : kNaN; }, kNeedTimes, Kind::time},
    {"last_time", [](Sums& s, double) { return s.statistics.usable ? 0 : kNaN; }, kNeedTimes, Kind::time},
    {"delta", [](Sums& s, double) { return s.statistics.usable ? s.statistics.last - s.statistics.first : kNaN; }},
    {"increase", [](Sums& s, double) { return s.increased ? s.increase : kNaN; }, kNeedIncrease},
    {"stddev", [](Sums& s, double) { return std::sqrt(variance(s)); }, kNeedMoments},
    {"variance", [](Sums& s, double) { return variance(s); }, kNeedMoments},
    {"median", [](Sums& s, double) { return percentile(s, 50); }, kNeedRanked},
    {"mode", mode, kNeedRanked},
    {"twa", [](Sums& s, double) { return ratio(s.time.step_area, static_cast<double>(s.time.step_ns)); }, kNeedSteps},
    {"twa_step", [](Sums& s, double) { return ratio(s.time.step_area, static_cast<double>(s.time.step_ns)); },
     kNeedSteps},
    {"twa_linear", [](Sums& s, double) { return ratio(s.time.line_area, static_cast<double>(s.time.line_ns)); },
     kNeedLines},
    {"integral", [](Sums& s, double) { return steps(s.time); }, kNeedSteps},
    {"integral_step", [](Sums& s, double) { return steps(s.time); }, kNeedSteps},
    {"integral_linear", [](Sums& s, double) { return lines(s.time); }, kNeedLines},
    {"covered", [](Sums& s, double) { return part_of(s.time.step_ns, s.length_ns); }, kNeedSteps, Kind::known},
    {"covered_linear", [](Sums& s, double) { return part_of(s.time.line_ns, s.length_ns); }, kNeedLines, Kind::known},
    {"on_time", [](Sums& s, double) { return s.time.step_ns > 0 ? seconds(s.time.on_ns) : kNaN; }, kNeedSteps},
    {"on_fraction", [](Sums& s, double) { return ratio(s.time.on_ns, s.time.step_ns); }, kNeedSteps},
};

// p0 … p100, p99.9.
std::optional<double> percent_of(std::string_view name) {
    if (name.size() < 2 || name.size() > 9 || name[0] != 'p' || name[1] < '0' || name[1] > '9') return std::nullopt;
    double percent = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 1, end, percent, std::chars_format::fixed);
    if (error != std::errc{} || stop != end || percent > 100) return std::nullopt;
    return percent;
}

}  // namespace

Result<Aggregate> parse_aggregate(std::string_view name) {
    const auto* found = std::ranges::find(kAggregates, name, &Named::name);
    if (found != std::end(kAggregates)) return Aggregate{std::string{name}, found->of, 0, found->needs, found->kind};
    if (const auto percent = percent_of(name))
        return Aggregate{std::string{name}, percentile, *percent, kNeedRanked, Kind::value};
    return Error{
        Code::invalid,
        "\"{}\" is no aggregate; there are avg, min, max, range, sum, count, count_good, count_bad, first, last, "
        "first_time, last_time, delta, increase, stddev, variance, median, mode, percentiles such as p95 and "
        "p99.9, twa, twa_linear, integral, integral_linear, covered, covered_linear, on_time, on_fraction",
        name.substr(0, 40)};
}

}  // namespace gongshu::history
