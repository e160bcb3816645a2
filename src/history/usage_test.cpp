#include "history/usage.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "history/segment.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // where SimClock begins
constexpr Day kToday = day_of(kStart);

// One tag of each of two tenants, on two days; the first has a second one.
struct Kept {
    Kept() {
        EXPECT_TRUE(store.open());
        mine = store.tag("d:1");
        busy = store.tag("d:2");
        other = store.tag("d:3", "x", ValueType::number, TenantId{2});
        for (const int day : {1, 0}) {
            Rows rows;
            for (int i = 0; i < 1000; ++i) {
                const TimeNs time = kStart - day * kDay - i * kSecond;
                if (i < 10) rows.add_number(mine, time, i);
                rows.add_number(busy, time, i * 0.37);
                if (day == 0 && i < 5) rows.add_number(other, time, 1);
            }
            EXPECT_TRUE(store->import(rows));
            EXPECT_TRUE(store->compact());
        }
    }
    Usage usage(const TagDays& which = {}) {
        auto found = storage_of(*store).usage(which);
        EXPECT_TRUE(found) << (found ? "" : found.error().text());
        return found ? *found : Usage{};
    }
    TestStore store;
    TagId mine, busy, other;
};

TEST(Usage, TellsTagsAndDaysByTenant) {
    Kept kept;
    const Usage all = kept.usage();
    ASSERT_EQ(all.tags.size(), 3u);
    const auto of = [&](TagId tag) { return *std::ranges::find(all.tags, tag, &TagUse::tag); };
    EXPECT_EQ(of(kept.mine).rows, 20u);
    EXPECT_EQ(of(kept.busy).rows, 2000u);
    EXPECT_EQ(of(kept.busy).first, kToday - 1);
    EXPECT_EQ(of(kept.busy).last, kToday);
    EXPECT_EQ(of(kept.other).tenant, TenantId{2});
    ASSERT_EQ(all.days.at(TenantId{1}).size(), 2u);
    EXPECT_EQ(all.days.at(TenantId{1})[0].rows, 1010u);
    EXPECT_EQ(all.days.at(TenantId{2})[0].rows, 5u);
    std::uint64_t bytes = 0;
    for (const TagUse& use : all.tags) bytes += use.bytes;
    EXPECT_EQ(bytes, kept.store->stats().segment_bytes) << "the bytes add up to those of the files";
}

TEST(Usage, AnswersForSomeDaysAndOneTag) {
    Kept kept;
    EXPECT_EQ(kept.usage({.first = kToday}).days.at(TenantId{1}).size(), 1u);
    EXPECT_EQ(kept.usage({.last = kToday - 1}).days.count(TenantId{2}), 0u);
    EXPECT_TRUE(kept.usage({.first = kToday + 1}).tags.empty());
    const Usage one = kept.usage({.tag = kept.busy});
    ASSERT_EQ(one.tags.size(), 1u);
    EXPECT_EQ(one.tags[0].rows, 2000u);
    EXPECT_EQ(one.days.at(TenantId{1})[0].rows, 1000u);
}

TEST(Usage, StatsTellWhatIsNotFiledYet) {
    Kept kept;
    const Storage& storage = storage_of(*kept.store);
    EXPECT_EQ(storage.storage_stats().memory_bytes, 0u);
    EXPECT_EQ(storage.storage_stats().unmerged_segments, 0u);
    const std::uint64_t before = storage.storage_stats().rows_appended;
    Rows rows;
    rows.add_number(kept.mine, kStart + kSecond, 1);
    ASSERT_TRUE(kept.store.append(std::move(rows)));
    kept.store.world().run_for(5 * kSecond);
    const StorageStats stats = storage.storage_stats();
    EXPECT_EQ(stats.rows_appended, before + 1);
    EXPECT_EQ(kept.store->stats().rows_in_memory, 1u);
    EXPECT_GT(stats.memory_bytes, 0u);
    EXPECT_GE(stats.memory_age, 5 * kSecond);
    EXPECT_EQ(stats.log_unsynced_bytes, 0u) << "it was acknowledged";
    EXPECT_EQ(stats.log_waiting, 0u);
    EXPECT_EQ(stats.work, FileWork::none);
}

// A pool that keeps its jobs until they are run by hand.
struct LatePool final : io::Pool {
    bool submit(std::function<void()> job) override { return jobs.push_back(std::move(job)), true; }
    std::vector<std::function<void()>> jobs;
};

TEST(StorageCheck, TellsWhatItFoundAndHowFarItIs) {
    Kept kept;
    Storage& storage = storage_of(*kept.store);
    LatePool pool;
    ASSERT_TRUE(storage.start_check(pool));
    EXPECT_TRUE(storage.check_state().running);
    EXPECT_EQ(storage.start_check(pool).error().code(), Code::conflict);
    pool.jobs.at(0)();
    const CheckState done = storage.check_state();
    EXPECT_FALSE(done.running);
    EXPECT_EQ(done.error, "");
    EXPECT_EQ(done.problem_count, 0u);
    EXPECT_EQ(done.rows, kept.store->verify()->rows);
    EXPECT_GT(done.ended, 0);
}

TEST(StorageCheck, TellsDamageByFile) {
    Kept kept;
    const auto days = kept.store.files().list("/store/seg");
    ASSERT_TRUE(days);
    for (const std::string& day : *days) {
        const auto names = kept.store.files().list("/store/seg/" + day);
        ASSERT_TRUE(names);
        for (const std::string& name : *names) kept.store.files().corrupt("/store/seg/" + day + "/" + name, 20);
    }
    LatePool pool;
    ASSERT_TRUE(storage_of(*kept.store).start_check(pool));
    pool.jobs.at(0)();
    const CheckState done = storage_of(*kept.store).check_state();
    EXPECT_GT(done.problem_count, 0u);
    ASSERT_FALSE(done.problems.empty());
    EXPECT_NE(done.problems[0].find("/store/seg/"), std::string::npos) << done.problems[0];
}

TEST(StorageCheck, CanBeStoppedAndClosed) {
    Kept kept;
    Storage& storage = storage_of(*kept.store);
    LatePool pool;
    ASSERT_TRUE(storage.start_check(pool));
    storage.cancel_check();
    pool.jobs.at(0)();
    EXPECT_EQ(storage.check_state().error, "stopped because somebody asked for it");
    ASSERT_TRUE(storage.start_check(pool));
    kept.store.drop();  // the job outlives the store's handle
    pool.jobs.at(1)();
    kept.store.reopen();
    storage_of(*kept.store).close_checks();
    EXPECT_EQ(storage_of(*kept.store).start_check(pool).error().code(), Code::unavailable);
}

TEST(RateLog, TellsNowAndTheDay) {
    RateLog rates;
    EXPECT_EQ(rates.now_per_s(), 0);
    EXPECT_FALSE(rates.mean_per_s());
    const TimeNs start = 1'700'000'000 * kSecond;
    std::uint64_t count = 1000;  // what was there before the first sample is not of this day
    DurationNs at = 0;
    for (; at <= 10 * kMinute; at += 5 * kSecond, count += 50) rates.sample(count, at, start + at);
    EXPECT_DOUBLE_EQ(rates.now_per_s(), 10);
    EXPECT_DOUBLE_EQ(*rates.mean_per_s(), 10);
    ASSERT_EQ(rates.steps().size(), 2u);
    EXPECT_EQ(rates.steps()[0].end, start + 5 * kMinute);
    EXPECT_DOUBLE_EQ(rates.steps()[1].per_s, 10);
    for (const DurationNs until = at + kMinute; at <= until; at += 5 * kSecond) rates.sample(count, at, start + at);
    EXPECT_DOUBLE_EQ(rates.now_per_s(), 0);
    EXPECT_GT(*rates.mean_per_s(), 9);
    for (const DurationNs until = at + 2 * kDay; at <= until; at += kMinute) rates.sample(count, at, start + at);
    EXPECT_EQ(rates.steps().size(), RateLog::kStepsMax);
    EXPECT_DOUBLE_EQ(*rates.mean_per_s(), 0);
    EXPECT_LE(rates.span(), kDay + 2 * RateLog::kStep);
    rates.sample(0, at, start + at);
    EXPECT_TRUE(rates.steps().empty()) << "a count that went back is another count";
}

}  // namespace
}  // namespace gongshu::history
