// Questions of all kinds over random rows, against an answer that is worked out row by row and minute by minute.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "history/buckets.h"
#include "history/scan.h"
#include "history/store_test.h"
#include "io/brief.h"

namespace gongshu::history {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Local midnight of 2023-10-28 in Berlin; the next day has 25 hours.
constexpr TimeNs kFirst = 1'698'444'000 * kSecond;
constexpr DurationNs kSpan = 75 * kHour;
constexpr Window kBerlin[] = {{kFirst - 24 * kHour, kFirst},
                              {kFirst, kFirst + 24 * kHour},
                              {kFirst + 24 * kHour, kFirst + 49 * kHour},
                              {kFirst + 49 * kHour, kFirst + 73 * kHour},
                              {kFirst + 73 * kHour, kFirst + 97 * kHour}};

const std::vector<std::string> kNumbers = {"avg",       "min",   "max",  "range", "sum",      "count",  "count_good",
                                           "count_bad", "first", "last", "delta", "increase", "stddev", "variance",
                                           "median",    "mode",  "p0",   "p12.5", "p99.9",    "p100"};
const std::vector<std::string> kOverTime = {"twa",     "twa_linear",     "integral", "integral_linear",
                                            "covered", "covered_linear", "on_time",  "on_fraction"};

struct Cell {
    double value;  // NaN of text
    Quality quality;
};
using Cells = std::map<TimeNs, Cell>;

// What a question should say, without a thought for speed.
class Dull {
public:
    Dull(const Cells& cells, const ReadRequest& request, TimeNs as_of)
        : cells_(cells), request_(request), as_of_(as_of), gap_(request.gap == 0 ? kDay : request.gap) {
        climb();
    }

    bool counted(const Cell& cell) const {
        if (request_.quality == QualityFilter::all) return true;
        return request_.quality == QualityFilter::good ? cell.quality.good() : cell.quality.usable();
    }
    std::vector<Cell> rows(Window bucket) const {
        std::vector<Cell> found;
        const TimeNs from = std::max(bucket.from, request_.window.from), to = std::min(bucket.to, request_.window.to);
        for (auto at = cells_.lower_bound(from); at != cells_.end() && at->first < to; ++at)
            found.push_back(at->second);
        return found;
    }

    double of(const std::string& name, Window bucket) const {
        std::vector<double> values, sorted;
        double good = 0, bad = 0;
        for (const Cell& cell : rows(bucket)) {
            good += cell.quality.good() ? 1 : 0;
            bad += cell.quality.usable() ? 0 : 1;
            if (!counted(cell)) continue;
            values.push_back(cell.value);
            if (!std::isnan(cell.value)) sorted.push_back(cell.value);
        }
        std::ranges::sort(sorted);
        if (name == "count") return static_cast<double>(values.size());
        if (name == "count_good") return good;
        if (name == "count_bad") return bad;
        if (name == "increase") return increase(bucket);
        if (std::ranges::find(kOverTime, name) != kOverTime.end()) return over_time(name, bucket);
        double sum = 0;
        for (const double value : values) sum += value;
        if (values.empty()) return kNaN;
        if (name == "sum") return sum;
        if (name == "avg") return sum / static_cast<double>(values.size());
        if (name == "first") return values.front();
        if (name == "last") return values.back();
        if (name == "delta") return values.back() - values.front();
        if (name == "stddev" || name == "variance") return spread(values, name == "stddev");
        if (sorted.empty()) return kNaN;
        if (name == "min") return sorted.front();
        if (name == "max") return sorted.back();
        if (name == "range") return sorted.back() - sorted.front();
        if (name == "mode") return mode(sorted);
        return rank(sorted, name == "median" ? 50 : std::stod(name.substr(1)));
    }

private:
    static double spread(const std::vector<double>& values, bool root) {
        if (values.size() < 2) return kNaN;
        long double mean = 0, squares = 0;
        for (const double value : values) mean += value;
        mean /= static_cast<long double>(values.size());
        for (const double value : values) squares += (value - mean) * (value - mean);
        squares /= static_cast<long double>(values.size() - 1);
        return static_cast<double>(root ? std::sqrt(squares) : squares);
    }
    static double rank(const std::vector<double>& sorted, double percent) {
        const double at = static_cast<double>(sorted.size() - 1) * percent / 100;
        const auto low = static_cast<std::size_t>(std::floor(at)), high = std::min(low + 1, sorted.size() - 1);
        return sorted[low] + (sorted[high] - sorted[low]) * (at - std::floor(at));
    }
    static double mode(const std::vector<double>& sorted) {
        std::map<double, int> times;
        for (const double value : sorted) ++times[value];
        return std::ranges::max_element(times, [](const auto& a, const auto& b) { return a.second < b.second; })->first;
    }

    // How much each row adds to the counter, from the one before it on.
    void climb() {
        double before = kNaN;
        for (const auto& [time, cell] : cells_) {
            if (time < request_.window.from - gap_ || time >= request_.window.to || !counted(cell)) continue;
            const bool within = time >= request_.window.from;
            if (!within) before = kNaN;
            if (!std::isfinite(cell.value)) continue;
            if (within && !std::isnan(before)) climbs_[time] = cell.value >= before ? cell.value - before : cell.value;
            before = cell.value;
        }
    }
    double increase(Window bucket) const {
        const auto begin = climbs_.lower_bound(bucket.from), end = climbs_.lower_bound(bucket.to);
        double sum = 0;
        for (auto at = begin; at != end; ++at) sum += at->second;
        return begin == end ? kNaN : sum;
    }

    // All times are whole minutes, so that each minute is of one kind.
    double over_time(const std::string& name, Window bucket) const {
        const TimeNs from = std::max(bucket.from, request_.window.from);
        const TimeNs to = std::min(bucket.to, request_.window.to);
        double step_area = 0, line_area = 0, step = 0, line = 0, on = 0;
        auto next = cells_.upper_bound(from);
        for (TimeNs minute = from; minute < to; minute += kMinute) {
            while (next != cells_.end() && next->first <= minute) ++next;
            if (next == cells_.begin()) continue;
            const auto& [time, cell] = *std::prev(next);
            if (!counted(cell) || !std::isfinite(cell.value)) continue;
            const bool last = next == cells_.end() || next->first >= request_.window.to;
            if (minute - time < gap_ && (!last || minute < as_of_)) {
                step_area += cell.value * 60;
                step += 60;
                on += cell.value != 0 ? 60 : 0;
            }
            if (next == cells_.end() || next->first - time > gap_) continue;
            if (!counted(next->second) || !std::isfinite(next->second.value)) continue;
            const double part = (static_cast<double>(minute - time) + 30e9) / static_cast<double>(next->first - time);
            line_area += (cell.value + (next->second.value - cell.value) * part) * 60;
            line += 60;
        }
        const double length = static_cast<double>(std::max<DurationNs>(0, std::min(to, as_of_) - from)) / 1e9;
        if (name == "covered") return length > 0 ? std::min(1.0, step / length) : 0;
        if (name == "covered_linear") return length > 0 ? std::min(1.0, line / length) : 0;
        if (name == "twa_linear") return line > 0 ? line_area / line : kNaN;
        if (name == "integral_linear") return line > 0 ? line_area : kNaN;
        if (step == 0) return kNaN;
        if (name == "twa") return step_area / step;
        if (name == "integral") return step_area;
        return name == "on_time" ? on : on / step;
    }

    const Cells& cells_;
    const ReadRequest& request_;
    const TimeNs as_of_;
    const DurationNs gap_;
    std::map<TimeNs, double> climbs_;
};

class ReadModel : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::warning); }
    void TearDown() override { set_log_level(LogLevel::info); }

    void start(std::uint64_t seed) {
        rng_ = std::make_unique<Rng>(seed);
        store_ = std::make_unique<TestStore>(seed);
        ASSERT_TRUE(store_->open());
        for (int i = 1; i <= 4; ++i) {
            const auto type = static_cast<ValueType>(i);
            const TagId tag = store_->tag("d:1", "p" + std::to_string(i), type);
            types_[tag] = type;
            cells_[tag];
        }
    }

    TimeNs random_time() { return kFirst + static_cast<DurationNs>(rng_->below(kSpan / kMinute)) * kMinute; }

    void add(Rows& rows, TagId tag, TimeNs time) {
        Quality quality = kGood;
        if (rng_->chance(0.15)) quality = bad(Reason::timeout);
        if (rng_->chance(0.15)) quality = uncertain(Reason::sensor);
        double value = static_cast<double>(rng_->below(40)) / 4;
        switch (types_[tag]) {
            case ValueType::number:
                if (rng_->chance(nan_share_)) value = kNaN;
                rows.add_number(tag, time, value, quality);
                break;
            case ValueType::integer:
                value = std::floor(value) - 3;
                rows.add_integer(tag, time, static_cast<std::int64_t>(value), quality);
                break;
            case ValueType::boolean:
                value = value > 5 ? 1 : 0;
                rows.add_boolean(tag, time, value != 0, quality);
                break;
            case ValueType::text:
                rows.add_text(tag, time, "step " + std::to_string(value), quality);
                value = kNaN;
        }
        cells_[tag][time] = {value, quality};
    }

    // Bursts, single rows, hours without any; some later than others.
    void fill() {
        for (int batch = 0; batch < 6; ++batch) {
            Rows rows;
            for (const auto& [tag, type] : types_) {
                for (int i = 0; i < 6; ++i) {
                    TimeNs time = random_time();
                    const auto step = static_cast<DurationNs>(1 + rng_->below(15)) * kMinute;
                    for (std::uint64_t left = rng_->below(40); left > 0 && time < kFirst + kSpan; --left, time += step)
                        add(rows, tag, time);
                }
            }
            ASSERT_TRUE((*store_)->import(rows));
            if (rng_->chance(0.5)) {
                ASSERT_TRUE((*store_)->compact());
            }
        }
        Cut cut;
        const auto tag = std::next(types_.begin(), static_cast<std::ptrdiff_t>(rng_->below(4)))->first;
        const TimeNs from = random_time();
        cut.windows[tag] = {from, from + 5 * kHour};
        ASSERT_TRUE((*store_)->cut(cut));
        std::erase_if(cells_[tag], [&](const auto& cell) { return cut.windows[tag].contains(cell.first); });
    }

    // The buckets that a question cuts its window into.
    std::vector<Window> choose_buckets(ReadRequest& request) {
        std::vector<Window> buckets;
        const auto by_length = [&](DurationNs every) {
            request.every = every;
            for (TimeNs at = request.window.from / every * every; at < request.window.to; at += every)
                buckets.push_back({at, at + every});
        };
        switch (rng_->below(3)) {
            case 0:
                by_length(std::vector<DurationNs>{7 * kMinute, kHour, 11 * kHour, kDay}[rng_->below(4)]);
                break;
            case 1:
                request.every = kDay;
                request.zone = "Europe/Berlin";
                for (const Window day : kBerlin)
                    if (day.overlaps(request.window)) buckets.push_back(day);
                break;
            default: {
                std::set<TimeNs> edges;
                for (int i = 0; i < 10; ++i) edges.insert(random_time());
                auto periods = std::make_shared<std::vector<Window>>();
                for (auto edge = edges.begin(); std::next(edge) != edges.end(); ++edge)
                    if (rng_->chance(0.7)) periods->push_back({*edge, *std::next(edge)});
                for (const Window period : *periods)
                    if (period.overlaps(request.window)) buckets.push_back(period);
                request.periods = std::move(periods);
            }
        }
        return buckets;
    }

    ReadRequest random_request() {
        ReadRequest request;
        request.window = {random_time(), random_time()};
        if (request.window.empty()) std::swap(request.window.from, request.window.to);
        if (rng_->chance(0.3)) request.window = {kFirst - kHour, kFirst + kSpan + kHour};
        request.quality = static_cast<QualityFilter>(rng_->below(4));
        request.fill = static_cast<Fill>(rng_->below(5));
        request.fill_value = -7;
        if (rng_->chance(0.7)) request.gap = static_cast<DurationNs>(1 + rng_->below(340)) * kMinute;
        if (rng_->chance(0.5)) request.as_of = random_time();
        for (int i = 0; i < 6; ++i) request.aggregates.push_back(kNumbers[rng_->below(kNumbers.size())]);
        if (rng_->chance(0.3)) request.aggregates = {"count", "sum", "min", "max", "first", "last", "avg"};
        if (rng_->chance(0.7))
            for (int i = 0; i < 3; ++i) request.aggregates.push_back(kOverTime[rng_->below(kOverTime.size())]);
        return request;
    }

    void check() {
        ReadRequest request = random_request();
        const std::vector<Window> buckets = choose_buckets(request);
        for (const auto& [tag, cells] : cells_) request.tags.push_back(tag);
        const auto answer = (*store_)->read(request);
        ASSERT_TRUE(answer) << answer.error().text();
        const TimeNs as_of = request.as_of.value_or(store_->clock().now());
        for (const Series& series : *answer) check_series(series, request, buckets, as_of);
        for (const Series& series : at_once(request)) check_series(series, request, buckets, as_of);
    }
    // What comes of it while it must not take long: all or nothing.
    std::vector<Series> at_once(const ReadRequest& request) {
        const io::Brief brief{rng_->below(1 << 20)};
        auto answer = (*store_)->read(request);
        EXPECT_EQ(answer.has_value(), !brief.is_over());
        ++(answer ? at_once_ : refused_);
        return answer ? std::move(*answer) : std::vector<Series>{};
    }

    void check_series(const Series& series, const ReadRequest& request, const std::vector<Window>& buckets,
                      TimeNs as_of) {
        const Dull dull{cells_[series.tag], request, as_of};
        std::vector<Window> want;
        std::vector<bool> empty;
        for (const Window bucket : buckets) {
            const bool none = dull.rows(bucket).empty();
            const bool past = std::max(bucket.from, request.window.from) <= as_of;
            if (none && (request.fill == Fill::none || !past)) continue;
            want.push_back(bucket);
            empty.push_back(none);
        }
        ASSERT_EQ(series.buckets.size(), want.size());
        for (std::size_t b = 0; b < want.size(); ++b) {
            ASSERT_EQ(series.buckets[b], want[b].from);
            if (request.fill != Fill::none) {
                ASSERT_EQ(series.filled[b], empty[b] ? 1 : 0);
            }
        }
        for (std::size_t c = 0; c < request.aggregates.size(); ++c) {
            std::vector<double> values;
            for (const Window bucket : want) values.push_back(dull.of(request.aggregates[c], bucket));
            fill_in(request, request.aggregates[c], want, empty, values);
            for (std::size_t b = 0; b < want.size(); ++b) expect(series, request.aggregates[c], c, b, values[b]);
        }
    }

    static void fill_in(const ReadRequest& request, const std::string& name, const std::vector<Window>& buckets,
                        const std::vector<bool>& empty, std::vector<double>& values) {
        if (request.fill == Fill::none || name.starts_with("count") || name.starts_with("covered")) return;
        const std::vector<double> own = values;
        for (std::size_t b = 0; b < values.size(); ++b) {
            if (!empty[b] || !std::isnan(own[b])) continue;
            std::size_t before = b, after = b;
            while (before > 0 && empty[before]) --before;
            while (after + 1 < own.size() && empty[after]) ++after;
            if (request.fill == Fill::value) values[b] = request.fill_value;
            if (request.fill == Fill::previous && !empty[before]) values[b] = own[before];
            if (request.fill == Fill::linear && !empty[before] && !empty[after])
                values[b] = own[before] + (own[after] - own[before]) *
                                              static_cast<double>(buckets[b].from - buckets[before].from) /
                                              static_cast<double>(buckets[after].from - buckets[before].from);
        }
    }

    static void expect(const Series& series, const std::string& name, std::size_t column, std::size_t b, double want) {
        const double have = series.values[column][b];
        if (std::isnan(want)) {
            ASSERT_TRUE(std::isnan(have)) << name << " bucket " << b << ": " << have << " for none";
            return;
        }
        ASSERT_NEAR(have, want, 1e-9 * std::max(1.0, std::abs(want))) << name << " bucket " << b;
    }

    // Raw rows: filter, both orders, so many of them.
    void check_raw() {
        ReadRequest request;
        request.window = {random_time(), random_time()};
        request.quality = static_cast<QualityFilter>(rng_->below(4));
        request.newest_first = rng_->chance(0.5);
        if (rng_->chance(0.6)) request.rows_wanted = 1 + rng_->below(60);
        for (const auto& [tag, cells] : cells_) {
            request.tags = {tag};
            const auto answer = (*store_)->read(request);
            ASSERT_TRUE(answer) << answer.error().text();
            const auto filter = request.quality == QualityFilter::automatic ? QualityFilter::all : request.quality;
            std::vector<TimeNs> want;
            for (const auto& [time, cell] : cells)
                if (request.window.contains(time) && counts(filter, pack(cell.quality))) want.push_back(time);
            if (request.newest_first) std::ranges::reverse(want);
            const bool more = request.rows_wanted > 0 && want.size() > request.rows_wanted;
            if (more) want.resize(request.rows_wanted);
            std::vector<TimeNs> have;
            for (std::size_t i = 0; i < answer->at(0).rows.size(); ++i) have.push_back(answer->at(0).rows.time(i));
            ASSERT_EQ(have, want);
            ASSERT_EQ(answer->at(0).more, more);
            for (const Series& series : at_once(request)) {
                ASSERT_EQ(series.rows.size(), want.size());
                for (std::size_t i = 0; i < want.size(); ++i) ASSERT_EQ(series.rows.time(i), want[i]);
                ASSERT_EQ(series.more, more);
            }
        }
    }

    std::unique_ptr<Rng> rng_;
    std::unique_ptr<TestStore> store_;
    std::map<TagId, ValueType> types_;
    std::map<TagId, Cells> cells_;
    double nan_share_ = 0.02;
    std::size_t at_once_ = 0, refused_ = 0;
};

TEST_F(ReadModel, AgreesWithADullAnswer) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    start(seed);
    for (int round = 0; round < 3 && !HasFatalFailure(); ++round) {
        nan_share_ = round == 0 ? 0 : 0.02;
        fill();
        for (int i = 0; i < 12 && !HasFatalFailure(); ++i) {
            check();
            check_raw();
        }
    }
    EXPECT_GT(at_once_, 0u) << "nothing was short enough";
    EXPECT_GT(refused_, 0u) << "nothing was too long";
}

}  // namespace
}  // namespace gongshu::history
