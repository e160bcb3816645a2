// Windows against dull models that keep everything and compute it anew.
#include "expr/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/rng.h"
#include "expr/step_window.h"

namespace gongshu::expr {
namespace {

TEST(ExactSum, LosesNothing) {
    const auto f = [](std::initializer_list<double> values, double want) {
        ExactSum sum;
        for (const double value : values) sum.add(value);
        EXPECT_EQ(sum.value(), want);
        for (const double value : values) sum.subtract(value);
        EXPECT_EQ(sum.value(), 0);
    };
    const double least = std::numeric_limits<double>::denorm_min(), most = std::numeric_limits<double>::max();
    f({}, 0);
    f({0.1, 0.2, 0.3}, 0.6);
    f({1e308, 1, -1e308}, 1);
    f({1e16, 1, 1, -1e16}, 2);
    f({most, -most, least}, least);
    f({-1, -2, 1e-300}, -3);
    f({most, most}, std::numeric_limits<double>::infinity());
    f({0x1p53, 1, 0x1p-60}, 0x1p53 + 2);  // just above the half goes up
    f({0x1p53, 1}, 0x1p53);               // the half itself to even
    f({-0x1p53, -1, -0x1p-60}, -0x1p53 - 2);
}

TEST(ExactSum, DoesNotDependOnOrder) {
    Rng rng{7};
    for (int round = 0; round < 200; ++round) {
        std::vector<double> values;
        for (int i = 0; i < 50; ++i)
            values.push_back(std::ldexp(static_cast<double>(rng.below(1u << 30)) - (1 << 29),
                                        static_cast<int>(rng.below(400)) - 200));
        ExactSum one, other;
        for (const double value : values) one.add(value);
        std::ranges::sort(values);
        for (const double value : values) other.add_product(value, 1);
        one.add(0.1);
        one.subtract(0.1);
        EXPECT_EQ(one.value(), other.value());
        const ExactSum::Double twice = one.twice();
        EXPECT_EQ(twice.head, one.value());
        EXPECT_LE(std::abs(twice.tail), std::abs(twice.head) * 0x1p-52);
    }
}

struct Reading {
    double value;
    Grade grade;
};

// Usable values of the model in order of time.
std::vector<double> usable(const std::map<TimeNs, Reading>& model) {
    std::vector<double> list;
    for (const auto& [time, reading] : model)
        if (reading.grade != Grade::bad) list.push_back(reading.value);
    return list;
}

double dull(Aggregate aggregate, std::vector<double> in, double parameter) {
    const auto n = static_cast<double>(in.size());
    double sum = 0, square = 0, up = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
        sum += in[i];
        if (i > 0) up += in[i] >= in[i - 1] ? in[i] - in[i - 1] : parameter > 0 ? in[i] - in[i - 1] + parameter : in[i];
    }
    for (const double value : in) square += (value - sum / n) * (value - sum / n);
    if (aggregate == Aggregate::increase) return up;
    if (aggregate == Aggregate::avg) return sum / n;
    if (aggregate == Aggregate::sum) return sum;
    if (aggregate == Aggregate::stddev) return std::sqrt(square / (n - 1));
    if (aggregate == Aggregate::delta) return in.back() - in.front();
    std::ranges::sort(in);
    if (aggregate == Aggregate::min) return in.front();
    if (aggregate == Aggregate::max) return in.back();
    const double rank = (n - 1) * (aggregate == Aggregate::median ? 0.5 : parameter / 100);
    const auto below = static_cast<std::size_t>(rank);
    return in[below] + (rank - std::floor(rank)) * (in[std::min(below + 1, in.size() - 1)] - in[below]);
}

void run_points(std::uint64_t seed) {
    static constexpr Aggregate kAll[] = {Aggregate::avg,        Aggregate::sum,      Aggregate::stddev,
                                         Aggregate::min,        Aggregate::max,      Aggregate::median,
                                         Aggregate::percentile, Aggregate::increase, Aggregate::delta};
    Rng rng{seed};
    const Aggregate aggregate = kAll[rng.below(std::size(kAll))];
    const DurationNs length = static_cast<DurationNs>(1 + rng.below(40));
    const double parameter = rng.chance(0.5) ? 0 : static_cast<double>(rng.below(100));
    WindowPoints window{aggregate, length, parameter};
    std::map<TimeNs, Reading> model;
    TimeNs now = 1000;
    for (int step = 0; step < 200; ++step) {
        now += static_cast<TimeNs>(rng.below(4));
        const TimeNs time = now - (rng.chance(0.3) ? static_cast<TimeNs>(rng.below(30)) : 0);
        const Reading reading{static_cast<double>(rng.below(50)) + 1e6,
                              static_cast<Grade>(rng.chance(0.2) ? rng.below(2) : 2)};
        window.add(now, time, reading.value, reading.grade);
        if (time > now - length) model[time] = reading;
        window.expire(now);
        std::erase_if(model, [&](const auto& one) { return one.first <= now - length; });
        const auto in = usable(model);
        const auto got = window.value();
        const std::size_t needed = aggregate == Aggregate::stddev ? 2 : 1;
        ASSERT_EQ(got.has_value(), in.size() >= needed) << "seed " << seed;
        if (got) {
            ASSERT_NEAR(*got, dull(aggregate, in, parameter), 1e-6) << "seed " << seed << " step " << step;
        }
        const bool clean = std::ranges::all_of(model, [](const auto& one) { return one.second.grade == Grade::good; });
        ASSERT_EQ(window.grade() == Grade::good, clean) << "seed " << seed;
        ASSERT_EQ(window.size(), model.size());
    }
}

TEST(WindowPoints, IsAsOneThatKeepsEverything) {
    for (std::uint64_t seed = 1; seed <= 400 && !HasFatalFailure(); ++seed) run_points(seed);
}

// The value at each nanosecond, added up.
std::optional<double> dull_steps(Aggregate aggregate, const std::map<TimeNs, Reading>& model, TimeNs from, TimeNs to) {
    double sum = 0, lasted = 0;
    for (TimeNs t = from; t < to; ++t) {
        auto after = model.upper_bound(t);
        if (after == model.begin()) continue;
        const Reading& reading = std::prev(after)->second;
        if (reading.grade == Grade::bad) continue;
        lasted += 1;
        sum += aggregate == Aggregate::twa ? reading.value : reading.value != 0 ? 1 : 0;
    }
    if (aggregate == Aggregate::duration_true) return sum / 1e9;
    return lasted > 0 ? std::optional(sum / lasted) : std::nullopt;
}

void run_steps(std::uint64_t seed) {
    Rng rng{seed};
    const Aggregate aggregate = rng.chance(0.5) ? Aggregate::twa : Aggregate::duration_true;
    const DurationNs length = static_cast<DurationNs>(1 + rng.below(60));
    StepWindow window{aggregate, length};
    std::map<TimeNs, Reading> model;
    TimeNs now = 1000;
    for (int step = 0; step < 150; ++step) {
        now += static_cast<TimeNs>(rng.below(6));
        const TimeNs time = now - (rng.chance(0.2) ? static_cast<TimeNs>(rng.below(20)) : 0);
        const Reading reading{static_cast<double>(rng.below(3)),
                              static_cast<Grade>(rng.chance(0.2) ? rng.below(2) : 2)};
        // What is older than the value that the window begins with is long past.
        auto begins = model.upper_bound(now - length);
        if (begins != model.begin() && time < std::prev(begins)->first) continue;
        window.add(now, time, reading.value, reading.grade);
        model[time] = reading;
        window.advance(now);
        const auto want = dull_steps(aggregate, model, now - length, now);
        const auto got = window.value();
        if (want && got) {
            ASSERT_NEAR(*got, *want, 1e-9) << "seed " << seed << " step " << step;
        } else if (aggregate == Aggregate::twa && want.has_value() != got.has_value()) {
            // Only a value that came this very moment has lasted no time and yet is the average.
            ASSERT_TRUE(got && model.rbegin()->first == now) << "seed " << seed << " step " << step;
        }
    }
}

TEST(StepWindow, IsAsOneThatCountsEachMoment) {
    for (std::uint64_t seed = 1; seed <= 300 && !HasFatalFailure(); ++seed) run_steps(seed);
}

TEST(StepWindow, ForgetsTheOldestAtItsLimit) {
    StepWindow window{Aggregate::twa, kDay};
    for (std::size_t i = 0; i <= kWindowPointsMax; ++i)
        window.add(static_cast<TimeNs>(i), static_cast<TimeNs>(i), static_cast<double>(i % 2), Grade::good);
    window.advance(static_cast<TimeNs>(kWindowPointsMax));
    EXPECT_TRUE(window.limited(static_cast<TimeNs>(kWindowPointsMax)));
    EXPECT_FALSE(window.limited(2 * kDay));
    EXPECT_NEAR(*window.value(), 0.5, 1e-4);
}

TEST(LagBuffer, ForgetsTheOldestAtItsLimit) {
    LagBuffer lag{kDay};
    for (std::size_t i = 0; i <= kWindowPointsMax; ++i)
        lag.add(static_cast<TimeNs>(i), static_cast<TimeNs>(i), number_cell(1, kGood));
    lag.expire(kDay);
    EXPECT_FALSE(lag.at(kDay).known);
    lag.expire(kDay + 1);
    EXPECT_TRUE(lag.at(kDay + 1).known);
    LagBuffer texts{kDay};
    const std::string text(kLagTextBytesMax / 4, 'x');
    for (TimeNs time = 0; time < 6; ++time) texts.add(time, time, {.kind = Kind::text, .known = true, .text = text});
    texts.expire(kDay + 1);
    EXPECT_FALSE(texts.at(kDay + 1).known);
    texts.expire(kDay + 2);
    EXPECT_EQ(texts.at(kDay + 2).text, text);
}

}  // namespace
}  // namespace gongshu::expr
