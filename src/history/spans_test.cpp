// States, aggregates and overlaps against models that look at every instant.
#include "history/spans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

std::vector<Reading> random_readings(Rng& rng, TimeNs from, TimeNs to) {
    std::vector<Reading> readings;
    for (TimeNs time = from; time < to; ++time) {
        if (!rng.chance(0.15)) continue;
        Reading reading{TagId{16}, time, Value{static_cast<std::int64_t>(rng.below(3))}, kGood};
        if (rng.chance(0.2)) reading.quality = bad(Reason::timeout);
        if (rng.chance(0.1)) reading.quality = uncertain(Reason::sensor);
        readings.push_back(reading);
    }
    return readings;
}

TEST(Spans, StatesAgreeWithLookingAtEveryInstant) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    for (int round = 0; round < 2000; ++round) {
        SCOPED_TRACE(round);
        const Window window{20, 20 + 1 + static_cast<TimeNs>(rng.below(60))};
        const DurationNs stale = rng.chance(0.5) ? 0 : static_cast<DurationNs>(1 + rng.below(10));
        auto readings = random_readings(rng, 0, 90);
        // Of those before the window only the newest counts; with staleness it may be too old.
        const auto inside = std::ranges::lower_bound(readings, window.from, {}, &Reading::time);
        if (inside - readings.begin() > 1) readings.erase(readings.begin(), inside - 1);
        const auto spans = states_of_readings(readings, window, stale);
        std::vector<StateSpan> want;
        for (TimeNs at = window.from; at < window.to; ++at) {
            std::optional<std::string> state;
            for (const Reading& reading : readings)
                if (reading.time <= at) {
                    state.reset();
                    if (reading.quality.usable() && (stale == 0 || at < reading.time + stale))
                        state = to_string(reading.value);
                }
            if (want.empty() || want.back().state != state) want.push_back({at, at, state});
            want.back().to = at + 1;
        }
        ASSERT_EQ(spans, want);
        DurationNs whole = 0;
        for (const auto& [state, length] : time_in_state(spans)) whole += length;
        EXPECT_EQ(whole, window.to - window.from);
    }
}

TEST(Spans, AggregatesAgreeWithLookingAtEveryInstant) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    for (int round = 0; round < 2000; ++round) {
        SCOPED_TRACE(round);
        const Window window{20, 20 + 1 + static_cast<TimeNs>(rng.below(60))};
        const auto all = random_readings(rng, 0, 90);
        std::optional<Reading> before;
        std::vector<Reading> readings;
        for (const Reading& reading : all) {
            if (reading.time < window.from) before = reading;
            if (window.contains(reading.time)) readings.push_back(reading);
        }
        const SpanAggregates got = aggregate(readings, before, window);
        double sum = 0, low = 1e9, high = -1e9, first = NAN, last = NAN, start = NAN, area = 0;
        std::uint64_t count = 0, known = 0;
        std::optional<double> held;
        if (before && before->quality.usable()) held = start = *as_number(before->value);
        for (TimeNs at = window.from; at < window.to; ++at) {
            for (const Reading& reading : readings) {
                if (reading.time != at) continue;
                held.reset();
                if (!reading.quality.usable()) continue;
                held = *as_number(reading.value);
                if (count++ == 0) first = *held;
                if (std::isnan(start)) start = *held;
                last = *held;
                sum += *held;
                low = std::min(low, *held);
                high = std::max(high, *held);
            }
            if (held) {
                area += *held;
                ++known;
            }
        }
        const auto same = [](double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) < 1e-9; };
        EXPECT_EQ(got.count, count);
        EXPECT_TRUE(same(got.sum, count > 0 ? sum : NAN)) << got.sum;
        EXPECT_TRUE(same(got.avg, count > 0 ? sum / static_cast<double>(count) : NAN));
        EXPECT_TRUE(same(got.min, count > 0 ? low : NAN));
        EXPECT_TRUE(same(got.max, count > 0 ? high : NAN));
        EXPECT_TRUE(same(got.first, first));
        EXPECT_TRUE(same(got.last, last));
        EXPECT_TRUE(same(got.delta, count > 0 ? last - start : NAN));
        EXPECT_TRUE(same(got.twa, known > 0 ? area / static_cast<double>(known) : NAN)) << got.twa;
        EXPECT_TRUE(same(got.covered, static_cast<double>(known) / static_cast<double>(window.to - window.from)));
    }
}

TEST(Spans, OverlapsAgreeWithEveryPair) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    const auto random_set = [&] {
        std::vector<Interval> set(rng.below(20));
        for (Interval& one : set) {
            one.from = static_cast<TimeNs>(rng.below(100));
            if (rng.chance(0.8)) one.to = one.from + 1 + static_cast<TimeNs>(rng.below(30));
            one.subject = rng.chance(0.5) ? "d:1" : "d:2";
        }
        return set;
    };
    for (int round = 0; round < 2000; ++round) {
        SCOPED_TRACE(round);
        const auto left = random_set(), right = random_set();
        const Window window{static_cast<TimeNs>(rng.below(50)), 60 + static_cast<TimeNs>(rng.below(60))};
        const bool alike = rng.chance(0.5);
        const auto together = [&](const Interval& a, const Interval& b) { return !alike || a.subject == b.subject; };
        const auto got = overlaps_of(left, right, window, 10'000, together);
        ASSERT_TRUE(got);
        std::vector<Overlap> want;
        for (std::size_t i = 0; i < left.size(); ++i)
            for (std::size_t j = 0; j < right.size(); ++j) {
                const Window both{
                    std::max({left[i].from, right[j].from, window.from}),
                    std::min({left[i].to.value_or(window.to), right[j].to.value_or(window.to), window.to})};
                if (!both.empty() && together(left[i], right[j])) want.push_back({i, j, both});
            }
        std::ranges::sort(want, {}, [](const Overlap& one) {
            return std::tuple{one.window.from, one.left, one.right};
        });
        ASSERT_EQ(*got, want);
        if (want.size() > 1) {
            const auto few = overlaps_of(left, right, window, want.size() - 1, together);
            ASSERT_FALSE(few);
            EXPECT_EQ(few.error().code(), Code::limit);
        }
    }
}

TEST(Spans, ReadWhatIsStored) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1", "state", ValueType::text);
    Rows rows;
    rows.add_text(tag, kStart - 9 * kDay, "idle");
    rows.add_text(tag, kStart + 10 * kSecond, "run");
    rows.add_text(tag, kStart + 20 * kSecond, "", bad(Reason::timeout));
    rows.add_text(tag, kStart + 30 * kSecond, "run");
    ASSERT_TRUE(store->import(rows));
    const Reader& reader = *store;
    const auto before = reading_before(reader, tag, kStart, 31 * kDay);
    ASSERT_TRUE(before);
    ASSERT_TRUE(*before);
    EXPECT_EQ((*before)->time, kStart - 9 * kDay);
    EXPECT_FALSE(*reading_before(reader, tag, kStart, 8 * kDay));
    EXPECT_EQ((*reading_before(reader, tag, kStart + 10 * kSecond, kDay))->time, kStart + 10 * kSecond);
    const auto spans = states_of(reader, {.tag = tag, .window = {kStart, kStart + 40 * kSecond}});
    ASSERT_TRUE(spans);
    const std::vector<StateSpan> want = {{kStart, kStart + 10 * kSecond, "idle"},
                                         {kStart + 10 * kSecond, kStart + 20 * kSecond, "run"},
                                         {kStart + 20 * kSecond, kStart + 30 * kSecond, std::nullopt},
                                         {kStart + 30 * kSecond, kStart + 40 * kSecond, "run"}};
    EXPECT_EQ(*spans, want);
    const TagId number = store.tag("d:1", "power");
    Rows numbers;
    for (int i = 0; i < 100; ++i) numbers.add_number(number, kStart + i * kSecond, i);
    ASSERT_TRUE(store->import(numbers));
    const auto sums = aggregate_spans(
        reader, {.tags = {number, tag}, .windows = {{kStart + 10 * kSecond, kStart + 20 * kSecond}, {0, 0}}});
    ASSERT_TRUE(sums);
    EXPECT_EQ((*sums)[0][0].avg, 14.5);
    EXPECT_EQ((*sums)[0][0].twa, 14.5);
    EXPECT_EQ((*sums)[0][0].delta, 10);
    EXPECT_EQ((*sums)[0][1].count, 0u) << "texts are no numbers";
    EXPECT_TRUE(std::isnan((*sums)[1][0].avg));
    const auto few = aggregate_spans(reader, {.tags = {number}, .windows = {{kStart, kStart + kHour}}, .rows_max = 50});
    ASSERT_FALSE(few);
    EXPECT_EQ(few.error().code(), Code::limit);
}

}  // namespace
}  // namespace gongshu::history
