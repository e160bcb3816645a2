// Real loops and threads: lanes append while others read, seal and make tags. Worth most under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <latch>
#include <thread>

#include "base/log.h"
#include "history/history.h"
#include "io/sim.h"

namespace gongshu::history {
namespace {

constexpr int kLanes = 2;
constexpr int kBatches = 150;
constexpr int kRows = 40;

// What a reading of that time holds: one that is torn or of another time shows.
double value_at(TimeNs time) { return static_cast<double>(time % 1'000'000'007); }

TEST(Threads, AppendReadSealAndResolveAtOnce) {
    set_log_level(LogLevel::warning);
    io::SimFiles files;
    const auto clock = io::make_system_clock();
    std::vector<std::unique_ptr<io::Loop>> loops;
    std::vector<io::Loop*> lanes;
    for (int i = 0; i < kLanes; ++i) lanes.push_back(loops.emplace_back(io::make_epoll_loop(*clock)).get());
    auto pool = io::make_thread_pool(2, 100);
    Metrics metrics;
    HistoryOptions options;
    options.folder = "/store";
    auto made = History::create(files, *clock, metrics, lanes, *pool, options);
    ASSERT_TRUE(made) << made.error().text();
    History& history = **made;
    history.set_readers(pool.get(), 2);
    std::vector<TagId> tags;
    for (int i = 0; i < 8; ++i)
        tags.push_back(*history.resolve({TenantId{1}, "d:" + std::to_string(i / 2), "x" + std::to_string(i % 2)},
                                        std::to_string(i), ValueType::number, ""));
    std::vector<TupleShapePtr> shapes;
    for (std::size_t i = 0; i < 8; i += 2)
        shapes.push_back(std::make_shared<const TupleShape>(std::vector<TagId>{tags[i], tags[i + 1]},
                                                            std::vector<ValueType>(2, ValueType::number)));
    std::vector<std::jthread> threads;
    for (io::Loop* lane : lanes) threads.emplace_back([lane] { lane->run(); });

    const TimeNs start = clock->now() - kMinute;
    std::latch appended{kLanes * kBatches};
    std::atomic<std::uint64_t> acknowledged = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
        for (int batch = 0; batch < kBatches; ++batch) {
            lanes[static_cast<std::size_t>(lane)]->post([&, lane, batch] {
                const Durability durability = batch % 2 ? Durability::sync : Durability::interval;
                const auto done = [&, lane](const Result<Appended>& result) {
                    EXPECT_TRUE(lanes[static_cast<std::size_t>(lane)]->in_loop());
                    if (result) acknowledged += result->rows;
                    appended.count_down();
                };
                const auto time = [&](int i) { return start + (batch * kRows + i) * kMicrosecond + lane; };
                if (batch % 16 != 0 && batch % 3 == 0) {
                    Columns columns;
                    for (int k = 0; k < 4; ++k) {
                        ColumnBlock block{
                            .shape = shapes[static_cast<std::size_t>(k)], .times = {}, .bits = {}, .qualities = {}};
                        for (int i = k; i < kRows / 2; i += 4) block.times.push_back(time(i));
                        for (std::size_t i = 0; i < block.width(); ++i)
                            for (const TimeNs one : block.times)
                                block.bits.push_back(std::bit_cast<std::uint64_t>(value_at(one)));
                        columns.add(std::move(block));
                    }
                    return history.append_columns(std::move(columns), durability, done);
                }
                if (batch % 16 != 0) {  // seldom alone, so that tags are together most of the time
                    Tuples tuples;
                    for (int i = 0; i < kRows / 2; ++i)
                        std::ranges::fill(tuples.add(shapes[static_cast<std::size_t>(i) % 4], time(i)),
                                          std::bit_cast<std::uint64_t>(value_at(time(i))));
                    return history.append_tuples(std::move(tuples), durability, done);
                }
                Rows rows;  // over all shards, so over both lanes
                for (int i = 0; i < kRows; ++i)
                    rows.add_number(tags[static_cast<std::size_t>(i) % tags.size()], time(i), value_at(time(i)));
                history.append(std::move(rows), durability, done);
            });
        }
    }
    std::atomic<bool> over = false;
    const auto count = [&] {
        ReadRequest request;
        request.tags = tags;
        request.window = {0, start + kDay};
        const auto series = history.read(request);
        EXPECT_TRUE(series) << (series ? "" : series.error().text());
        std::uint64_t rows = 0;
        if (series)
            for (const Series& one : *series) {
                rows += one.rows.size();
                for (std::size_t i = 0; i < one.rows.size(); ++i)
                    EXPECT_EQ(std::get<double>(one.rows.value(i)), value_at(one.rows.time(i)));
            }
        return rows;
    };
    threads.emplace_back([&] {
        while (!over) {
            const std::uint64_t before = acknowledged;
            EXPECT_GE(count(), before);  // an answer sees what was acknowledged before
            for (const TagId tag : tags) (void)history.last(tag);
            (void)history.stats();
        }
    });
    // The same glob by two: what one of them found is kept for the other until another tag comes.
    for (int asker = 0; asker < 2; ++asker)
        threads.emplace_back([&] {
            while (!over) {
                for (const TagInfo& tag : history.match(TenantId{3}, "*", 1000)) EXPECT_EQ(tag.key.property, "x");
            }
        });
    threads.emplace_back([&] {
        for (int i = 0; !over && i < 2000; ++i)
            EXPECT_TRUE(history.resolve({TenantId{3}, "d:" + std::to_string(i), "x"}, std::to_string(i),
                                        ValueType::number, ""));
    });
    threads.emplace_back([&] {
        for (int i = 0; !over; ++i) {
            EXPECT_TRUE(history.compact());
            EXPECT_TRUE(history.resolve({TenantId{2}, "d:" + std::to_string(i % 50), "x"}, std::to_string(i),
                                        ValueType::number, ""));
            EXPECT_TRUE(history.verify());
        }
    });
    appended.wait();
    over = true;
    for (io::Loop* lane : lanes) lane->stop();
    threads.clear();
    EXPECT_EQ(acknowledged, static_cast<std::uint64_t>(kLanes * kBatches * kRows));
    EXPECT_EQ(count(), acknowledged);
    history.stop();
    made->reset();
    set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace gongshu::history
