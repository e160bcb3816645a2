// What a plant's old PC does to a store: a disk that hangs while readings pour in, a clock that jumps.
#include <gtest/gtest.h>

#include <deque>

#include "history/store_test.h"
#include "history/usage.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// Jobs that stand until the disk goes on.
class HangingPool : public io::Pool {
public:
    bool submit(std::function<void()> job) override {
        jobs_.push_back(std::move(job));
        return true;
    }
    void go_on() {
        for (; !jobs_.empty(); jobs_.pop_front()) jobs_.front()();
    }

private:
    std::deque<std::function<void()>> jobs_;
};

// `rows` of ten tags, together or each alone.
struct Burst {
    bool together;
    std::uint64_t taken = 0, refused = 0, acknowledged = 0;
    TimeNs time = kStart;

    void send(History& history, const std::vector<TagId>& tags, std::size_t rows) {
        const auto shape = shape_of(tags);
        Tuples tuples;
        Rows alone;
        for (std::size_t i = 0; i < rows; ++i, time += kMillisecond) {
            if (together) add_tuple(tuples, shape, time, std::vector<double>(tags.size(), 1));
            for (std::size_t k = 0; !together && k < tags.size(); ++k) alone.add_number(tags[k], time, 1);
        }
        const std::uint64_t count = rows * tags.size();
        taken += count;
        const auto answer = [this, count](Result<Appended> result) {
            if (result) {
                acknowledged += count;
                return;
            }
            EXPECT_EQ(result.error().code(), Code::limit) << result.error().text();
            refused += count;
            taken -= count;
        };
        if (together)
            history.append_tuples(std::move(tuples), Durability::sync, answer);
        else
            history.append(std::move(alone), Durability::sync, answer);
    }
};

TEST(Burst, MemoryIsBoundedWhileTheDiskHangsAndNothingTakenIsLost) {
    constexpr std::uint64_t kSealBytes = 1 << 20;
    for (const bool together : {false, true}) {
        SCOPED_TRACE(together);
        io::SimFiles files;
        io::SimWorld world{1};
        const auto lane = world.make_loop();
        HangingPool pool;
        Metrics metrics;
        HistoryOptions options{.folder = "/store", .seal_bytes = kSealBytes};
        auto made = History::create(files, world.clock(), metrics, {lane.get()}, pool, options);
        ASSERT_TRUE(made) << made.error().text();
        History& history = **made;
        std::vector<TagId> tags;
        for (const char* property : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"})
            tags.push_back(*history.resolve({TenantId{1}, "d:1", property}, property, ValueType::number, ""));
        Burst burst{together};
        std::uint64_t most = 0;
        for (int i = 0; i < 500; ++i) {  // some 45 to 90 MB
            burst.send(history, tags, 1000);
            world.run_for(0);
            most = std::max(most, storage_of(history).storage_stats().memory_bytes);
        }
        EXPECT_EQ(burst.acknowledged, 0u) << "nothing is on the disk yet";
        EXPECT_GT(burst.refused, burst.taken) << "it was far more than fits";
        EXPECT_LE(most, 5 * kSealBytes);
        // The disk goes on: what was taken is acknowledged, and more is taken again.
        pool.go_on();
        world.run_for(kSecond);
        pool.go_on();
        world.run_for(0);
        EXPECT_EQ(burst.acknowledged, burst.taken);
        const std::uint64_t refused = burst.refused;
        burst.send(history, tags, 10);
        world.run_for(kSecond);
        pool.go_on();
        world.run_for(0);
        EXPECT_EQ(burst.refused, refused);
        EXPECT_EQ(burst.acknowledged, burst.taken);
        ReadRequest request;
        request.tags = tags;
        request.window = kAllTime;
        request.rows_max = 10'000'000;
        const auto series = history.read(request);
        ASSERT_TRUE(series) << series.error().text();
        std::uint64_t rows = 0;
        for (const Series& one : *series) rows += one.rows.size();
        EXPECT_EQ(rows, burst.acknowledged);
        history.stop();
        made->reset();
    }
}

// An edge that gets no answers sends the same again and again: it replaces itself in memory, but not in the log.
TEST(Burst, WhatReplacesItselfIsSealedBeforeTheLogIsLong) {
    constexpr std::uint64_t kSealBytes = 64 << 10;
    enum class How : std::uint8_t { alone, together, columns };
    for (const How how : {How::alone, How::together, How::columns}) {
        SCOPED_TRACE(static_cast<int>(how));
        TestStore store{1, {.seal_bytes = kSealBytes}};
        ASSERT_TRUE(store.open());
        const auto shape = shape_of({store.tag("d:1", "a"), store.tag("d:1", "b")});
        std::uint64_t longest = 0, sent = 0;
        for (int again = 0; again < 60; ++again) {
            Rows alone;
            Tuples together;
            Columns columns;
            std::vector<TimeNs> times;
            for (int row = 0; row < 500; ++row) times.push_back(kStart - kHour + row * kSecond);
            for (const TimeNs time : times) {
                if (how == How::together) add_tuple(together, shape, time, {0.1, 0.2});
                if (how == How::alone) alone.add_number(shape->tags()[0], time, 0.1);
            }
            if (how == How::columns) columns.add(block_of(shape, times, std::vector<double>(2 * times.size(), 0.1)));
            const auto answer = how == How::alone      ? store.append(std::move(alone))
                                : how == How::together ? store.append(std::move(together))
                                                       : store.append(std::move(columns));
            ASSERT_TRUE(answer) << answer.error().text();
            store.world().run_for(kSecond);
            longest = std::max(longest, store->stats().log_bytes);
            sent += 500 * 8;
        }
        EXPECT_GT(sent, 3 * kSealBytes) << "this would show nothing";
        EXPECT_LE(longest, 2 * kSealBytes);
        EXPECT_EQ(store.raw(shape->tags()[0], kAllTime).size(), 500u);
    }
}

// The same when what is long was there before the start.
TEST(Burst, WhatWasReplayedIsSealedToo) {
    TestStore store{1, {.seal_bytes = 64 << 10, .seal_age = 1000 * kDay}};
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    Rows rows;
    for (int row = 0; row < 2000; ++row) rows.add_number(tag, kStart - kHour + row * kSecond, 0.1);
    for (int again = 0; again < 4; ++again) ASSERT_TRUE(store.append(rows));
    store.crash();
    ASSERT_TRUE(store.open());
    store.world().run_for(kMinute);
    EXPECT_LT(store->stats().log_bytes, 1000u);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 2000u);
}

TEST(Burst, AClockThatJumpsTakesNothing) {
    for (const DurationNs jump : {-400 * kDay, -kHour, kHour, 400 * kDay}) {
        SCOPED_TRACE(jump / kHour);
        TestStore store;
        ASSERT_TRUE(store.open());
        const TagId tag = store.tag("d:1");
        std::size_t kept = 0;
        TimeNs newest = 0;
        const auto keep = [&](TimeNs time) {
            ASSERT_TRUE(store.append(one_row(tag, time, static_cast<double>(++kept))));
            newest = std::max(newest, time);
        };
        keep(store.clock().now());
        store.clock().jump(jump);
        keep(store.clock().now());
        store.world().run_for(20 * kMinute);  // sealed by age, whatever the clock says
        EXPECT_EQ(store->stats().rows_in_memory, 0u);
        keep(store.clock().now());
        store.reopen();
        store.clock().jump(-jump);
        keep(store.clock().now());
        ASSERT_TRUE(store->compact());
        store.crash();
        ASSERT_TRUE(store.open());
        EXPECT_EQ(store.raw(tag, kAllTime).size(), kept);
        EXPECT_EQ(store->last(tag)->time, newest);
        EXPECT_TRUE(store->verify()->problems.empty());
    }
}

}  // namespace
}  // namespace gongshu::history
