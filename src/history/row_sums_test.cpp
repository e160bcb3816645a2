#include "history/row_sums.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/rng.h"
#include "history/fan_out.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

// Sums are told once more one after another; quarters add up exactly in any order.
TEST(RowSums, AgreeWithOneRowAfterAnother) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Rng rng{seed};
    for (int round = 0; round < 300; ++round) {
        history::Run run;
        run.type = static_cast<ValueType>(1 + rng.below(3));
        const std::size_t size = 1 + rng.below(60);
        for (std::size_t i = 0; i < size; ++i) {
            const auto whole = static_cast<std::int64_t>(rng.below(400)) - 200;
            std::uint64_t bits = static_cast<std::uint64_t>(whole);
            if (run.type == ValueType::number)
                bits = std::bit_cast<std::uint64_t>(rng.chance(0.02) ? NAN : static_cast<double>(whole) / 4);
            if (run.type == ValueType::boolean) bits = bits & 1;
            run.push(static_cast<TimeNs>(3 * i + rng.below(3)), bits, rng.chance(0.1) ? 0 : 2);
        }
        const std::size_t begin = rng.below(size), end = begin + 1 + rng.below(size - begin);
        NumberSums want;
        double squares = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const double value = run.number_at(i);
            want.sum += value;
            if (value < want.min) want.min = value;
            if (value > want.max) want.max = value;
        }
        const NumberSums have = sums_of(run, begin, end);
        ASSERT_TRUE(have.sum == want.sum || (std::isnan(have.sum) && std::isnan(want.sum)));
        ASSERT_EQ(have.min, want.min);
        ASSERT_EQ(have.max, want.max);
        const std::size_t middle = begin + (end - begin) / 2;
        Moments moments = moments_of(run, begin, end, have.sum);
        if (middle > begin) {
            moments = moments_of(run, begin, middle, sums_of(run, begin, middle).sum);
            moments.add(moments_of(run, middle, end, sums_of(run, middle, end).sum));
        }
        for (std::size_t i = begin; i < end; ++i)
            squares += std::pow(run.number_at(i) - want.sum / static_cast<double>(end - begin), 2);
        ASSERT_EQ(moments.count, end - begin);
        if (std::isnan(squares))
            ASSERT_TRUE(std::isnan(moments.squares));
        else
            ASSERT_NEAR(moments.squares, squares, 1e-9 * std::max(1.0, squares));
        std::size_t stop = begin;
        while (stop < end && run.qualities[stop] == run.qualities[begin]) ++stop;
        ASSERT_EQ(end_of_quality(run, begin, end), stop);
        const auto time = static_cast<TimeNs>(rng.below(200));
        const std::size_t first = std::min(std::max(run.lower_bound(time), begin), end);
        ASSERT_EQ(gallop(run, begin, end, time), first);
    }
}

// A pool that never has a thread free.
class BusyPool final : public io::Pool {
public:
    bool submit(std::function<void()> job) override {
        if (jobs.size() >= 2) return false;
        jobs.push_back(std::move(job));
        return true;
    }
    std::vector<std::function<void()>> jobs;
};

TEST(FanOut, EndsThoughNobodyIsFreeAndLateHelpersFindNothing) {
    BusyPool pool;
    {
        std::vector<int> done(10);
        fan_out(&pool, 4, done.size(), [&](std::size_t i) { ++done[i]; });
        EXPECT_EQ(done, std::vector<int>(10, 1));
    }
    ASSERT_EQ(pool.jobs.size(), 2u);
    for (const auto& job : pool.jobs) job();
}

TEST(FanOut, AsksForHelpOnlyWhenTheWorkLasts) {
    BusyPool pool;
    SimClock clock;
    const auto run = [&](DurationNs each, std::size_t asked) {
        std::vector<int> done(10);
        const auto work = [&](std::size_t i) {
            clock.advance(each);
            ++done[i];
        };
        fan_out(&pool, 4, done.size(), work, &clock);
        EXPECT_EQ(done, std::vector<int>(10, 1));
        EXPECT_EQ(pool.jobs.size(), asked);
    };
    run(kMicrosecond, 0);
    run(kMillisecond, 2);
    for (const auto& job : pool.jobs) job();
}

TEST(FanOut, JobsOfThePoolMayAskForHelpOfThePool) {
    std::atomic<int> sum = 0;
    {
        std::atomic<int> left = 8;
        std::atomic<bool> over = false;
        const auto pool = io::make_thread_pool(2, 1000);
        for (int job = 0; job < 8; ++job)
            ASSERT_TRUE(pool->submit([&] {
                fan_out(pool.get(), 3, 50, [&](std::size_t i) { sum += static_cast<int>(i); });
                if (--left == 0) {
                    over = true;
                    over.notify_all();
                }
            }));
        over.wait(false);
    }
    EXPECT_EQ(sum, 8 * 50 * 49 / 2);
}

}  // namespace
}  // namespace gongshu::history
