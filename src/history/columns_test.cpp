// Readings that come as columns are stored as the same readings are that come alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "data/stage.h"
#include "history/log.h"
#include "history/segment.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // where SimClock begins

// How readings come past the log.
class Ways final : public Stage {
public:
    void on_rows(ShardId, const Rows& rows) override { alone += rows.size(); }
    void on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) override {
        for (std::size_t k = begin; k < end; ++k) {
            EXPECT_EQ(columns.block(k).shape->shard(), shard);
            in_blocks += columns.block(k).readings();
        }
    }
    std::size_t alone = 0, in_blocks = 0;
};

// Two stores. What one of them gets as columns the other gets as single readings, and that is all they differ in.
class Twins {
public:
    Twins() {
        open(columns_);
        open(rows_);
    }

    TagId tag(const std::string& source, const std::string& property, ValueType type = ValueType::number) {
        const TagId tag = columns_.tag(source, property, type);
        EXPECT_EQ(rows_.tag(source, property, type), tag);
        return tags_.emplace_back(tag);
    }
    // How many of them were there.
    std::uint64_t put(const Columns& columns) {
        const auto one = columns_.append(columns);
        const auto other = rows_.append(columns.rows());
        EXPECT_TRUE(one && other) << (one ? other : one).error().text();
        if (!one || !other) return 0;
        EXPECT_EQ(one->rows, other->rows);
        EXPECT_EQ(one->duplicates, other->duplicates);
        check();
        return one->duplicates;
    }
    std::uint64_t put(ColumnBlock block) {
        Columns columns;
        columns.add(std::move(block));
        return put(columns);
    }
    // With times that Columns::add() would not take.
    std::uint64_t put_with_times(ColumnBlock block, const std::vector<TimeNs>& times) {
        Columns columns;
        columns.add(std::move(block));
        columns.block(0).times = times;
        return put(columns);
    }
    void put(const Rows& rows) {
        EXPECT_TRUE(columns_.append(rows));
        EXPECT_TRUE(rows_.append(rows));
        check();
    }
    void compact() {
        EXPECT_TRUE(columns_->compact());
        EXPECT_TRUE(rows_->compact());
        check();
    }
    void crash() {
        for (TestStore* store : {&columns_, &rows_}) {
            store->crash();
            open(*store);
        }
        check();
    }
    void advance(DurationNs by) {
        columns_.clock().advance(by);
        rows_.clock().advance(by);
    }
    TimeNs now() { return columns_.clock().now(); }
    // "seconds after kStart=value quality" of each.
    std::string text(TagId tag) {
        std::string text;
        for (const Reading& one : columns_.raw(tag, kAllTime))
            text += fmt::format("{}={}{} ", (one.time - kStart) / kSecond, to_string(one.value),
                                one.quality == kGood ? "" : " " + to_string(one.quality));
        return text;
    }
    Ways ways;  // of the columns

private:
    static HistoryOptions options() {
        HistoryOptions options;
        options.retention_days = 30;
        // A seal of its own might come to one of them a step before the other.
        options.seal_bytes = std::uint64_t{1} << 40;
        options.seal_age = 1000 * kDay;
        return options;
    }
    void open(TestStore& store) {
        const auto opened = store.open();
        ASSERT_TRUE(opened) << opened.error().text();
        if (&store == &columns_) store->set_stage(&ways);
    }
    void check() {
        for (const TagId tag : tags_) {
            const auto one = columns_.raw(tag, kAllTime), other = rows_.raw(tag, kAllTime);
            const auto same = [](const Reading& a, const Reading& b) {
                return a.time == b.time && a.value == b.value && a.quality == b.quality;
            };
            EXPECT_TRUE(std::ranges::equal(one, other, same)) << "tag " << tag.value;
            const auto last = columns_->last(tag), want = rows_->last(tag);
            ASSERT_EQ(last.has_value(), want.has_value());
            EXPECT_TRUE(!last || same(*last, *want)) << "tag " << tag.value;
        }
        for (const char* name : {"late", "wrong_clock", "wrong_type", "duplicates"}) {
            const std::string counter = fmt::format("gongshu_history_{}_total", name);
            EXPECT_EQ(columns_.metrics().counter(counter, "").value(), rows_.metrics().counter(counter, "").value())
                << name;
        }
    }

    TestStore columns_{1, options()}, rows_{1, options()};
    std::vector<TagId> tags_;
};

TEST(Columns, WhatIsUnusualGoesAsSingleReadings) {
    Twins twins;
    const TagId a = twins.tag("d:1", "a"), b = twins.tag("d:1", "b");
    const auto shape = shape_of({a, b});
    std::size_t in_blocks = 0, alone = 0;
    const auto expect_ways = [&](std::size_t more_in_blocks, std::size_t more_alone, const char* what) {
        EXPECT_EQ(twins.ways.in_blocks, in_blocks += more_in_blocks) << what;
        EXPECT_EQ(twins.ways.alone, alone += more_alone) << what;
    };
    const auto block = [&](TimeNs from, DurationNs step) {
        return block_of(shape, {from, from + step, from + 2 * step}, {1, 2, 3, 4, 5, 6});
    };
    twins.put(block(kStart - kMinute, kSecond));
    expect_ways(6, 0, "nothing unusual");
    twins.put(block(kStart - 30 * kDay + kMinute, kDay));
    expect_ways(6, 0, "old, but kept");
    twins.put(block(kStart - 30 * kDay - kMinute, kHour));
    expect_ways(0, 6, "the first is older than what is kept");
    twins.put(block(kStart, kHour));
    expect_ways(0, 6, "the last is ahead of the clock");
    const TimeNs t = kStart - kMinute;
    for (const std::vector<TimeNs>& times : std::vector<std::vector<TimeNs>>{{t + 2, t + 1, t},
                                                                             {t, t, t},
                                                                             {t, t + 1, t + 1},
                                                                             {t, t - 1, t + 1},
                                                                             {t, t + kDay, t + 1},
                                                                             {t, t - 100 * kDay, t + 1}}) {
        twins.put_with_times(block(t, 1), times);
        expect_ways(0, 6, "times that do not grow");
    }
    // Those of another shard go on as they are.
    Columns both;
    both.add(block(t, 1));
    both.block(0).times = {t, t, t};
    TagId far = twins.tag("d:2", "far");
    for (int i = 3; shard_of(far) == shard_of(a); ++i) far = twins.tag("d:" + std::to_string(i), "far");
    both.add(block_of(shape_of({far}), {t, t + 1}, {7, 8}));
    twins.put(both);
    expect_ways(2, 6, "one of two shards");
    twins.crash();
    twins.compact();
    twins.put(block(kStart, kSecond));
    expect_ways(6, 0, "nothing unusual again");
}

TEST(Columns, OfOtherTypesThanTheirTagsAreMended) {
    for (const ValueType held : {ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text})
        for (const ValueType sent : {ValueType::number, ValueType::integer, ValueType::boolean}) {
            SCOPED_TRACE(fmt::format("{} for {}", to_string(sent), to_string(held)));
            Twins twins;
            const TagId a = twins.tag("d:1", "a", held), b = twins.tag("d:1", "b");
            ColumnBlock block{.shape = shape_of({a, b}, {sent, ValueType::number}),
                              .times = {kStart, kStart + 1, kStart + 2},
                              .bits = {},
                              .qualities = {}};
            const auto half = std::bit_cast<std::uint64_t>(0.5), one = std::bit_cast<std::uint64_t>(1.0);
            block.bits = sent == ValueType::number ? std::vector<std::uint64_t>{half, one, 0}
                                                   : std::vector<std::uint64_t>{0, 1, sent == ValueType::boolean};
            block.bits.insert(block.bits.end(), {half, half, one});
            twins.put(block);
            EXPECT_EQ(twins.ways.in_blocks, sent == held ? 6u : 0u);
            block.spell_qualities();
            block.qualities[0] = pack(bad(Reason::sensor));
            twins.put(block);
            twins.crash();
            twins.compact();
        }
}

TEST(Columns, AreLateWhenNewerOnesAreThere) {
    Twins twins;
    const TagId a = twins.tag("d:1", "a"), b = twins.tag("d:1", "b");
    const auto both = shape_of({a, b}), one = shape_of({a});
    const auto at = [](std::initializer_list<int> seconds) {
        std::vector<TimeNs> times;
        for (const int second : seconds) times.push_back(kStart + second * kSecond);
        return times;
    };
    // Nothing is late that is the newest, however old it is.
    twins.put(block_of(both, at({-100, -90}), {1, 2, 3, 4}));
    EXPECT_EQ(twins.text(a), "-100=1 -90=2 ");
    // Before the newest, and older than ten seconds; what is both is late, also in one block with what is not.
    twins.put(block_of(both, at({-95, -90, -50}), {5, 6, 7, 8, 9, 10}));
    EXPECT_EQ(twins.text(a), "-100=1 -95=5 good+late -90=6 -50=7 ");
    twins.put(block_of(both, at({-5}), {11, 12}));
    twins.put(block_of(both, at({-11, -9, -6, -1}), {1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(twins.text(b).substr(twins.text(b).find("-11=")), "-11=5 good+late -9=6 -6=7 -5=12 -1=8 ");
    // Of two tags one may have newer readings than the other.
    twins.put(block_of(one, at({0}), {13}));
    twins.advance(kMinute);
    twins.put(block_of(both, at({-2, 0, 1}), {1, 2, 3, 4, 5, 6}));
    // What a sender says of it stays.
    ColumnBlock worse = block_of(both, at({-80, -70}), {1, 2, 3, 4});
    worse.spell_qualities();
    worse.qualities[1] = pack(bad(Reason::timeout));
    twins.put(worse);
    EXPECT_NE(twins.text(a).find("-80=1 good+late -70=2 bad:timeout+late "), std::string::npos) << twins.text(a);
    twins.compact();
    // After a seal they know by the last one what is late.
    twins.put(block_of(both, at({-79, 0}), {1, 2, 3, 4}));
    twins.crash();
}

TEST(Columns, AreCountedWhenTheyWereThere) {
    Twins twins;
    const TagId a = twins.tag("d:1", "a"), b = twins.tag("d:1", "b"), c = twins.tag("d:1", "c");
    const auto all = shape_of({a, b, c}), two = shape_of({b, a});
    const auto put = [&](const TupleShapePtr& shape, std::initializer_list<int> seconds) {
        std::vector<TimeNs> times;
        for (const int second : seconds) times.push_back(kStart + second * kSecond);
        return twins.put(block_of(shape, times, std::vector<double>(times.size() * shape->width(), 1)));
    };
    EXPECT_EQ(put(all, {1, 3, 5}), 0u);
    EXPECT_EQ(put(all, {2, 3, 4, 5, 6}), 6u);
    EXPECT_EQ(put(all, {6}), 3u);
    EXPECT_EQ(put(two, {0, 6, 7}), 2u) << "now each by itself";
    EXPECT_EQ(put(all, {7, 8}), 2u);
    twins.compact();
    // Of what was sealed only the newest is known.
    EXPECT_EQ(put(all, {3, 8}), 3u);
    twins.compact();
    EXPECT_EQ(put(all, {8, 9}), 3u);
    EXPECT_EQ(put(all, {4, 8, 9}), 6u);
    twins.crash();
    EXPECT_EQ(put(all, {4, 8, 9}), 9u);
    // Twice in one batch.
    Columns twice;
    for (int i = 0; i < 2; ++i) twice.add(block_of(two, {kStart + kMinute}, {1, 2}));
    EXPECT_EQ(twins.put(twice), 2u);
    // A group that goes on after its rows were sealed knows the newest of them, too.
    twins.compact();
    EXPECT_EQ(put(all, {100, 101}), 0u);
    twins.compact();
    EXPECT_EQ(put(all, {101, 102}), 3u);
    EXPECT_EQ(put(all, {100, 101, 102}), 6u);
}

// Many rows of one tag are worth a group, few are not; nobody sees which it is.
TEST(Columns, OfOneTagAreOneByOneOrNot) {
    for (const int rows : {1, 7, 8, 9, 100}) {
        SCOPED_TRACE(rows);
        Twins twins;
        const TagId a = twins.tag("d:1", "a"), b = twins.tag("d:1", "b");
        const auto put = [&](TimeNs from, int count) {
            std::vector<TimeNs> times;
            std::vector<double> values;
            for (int i = 0; i < count; ++i) {
                times.push_back(from + i * kSecond);
                values.push_back(i);
            }
            return twins.put(block_of(shape_of({a}), times, values));
        };
        EXPECT_EQ(put(kStart - kHour, rows), 0u);
        EXPECT_EQ(put(kStart - kHour + 1, rows), 0u) << "between them";
        EXPECT_EQ(put(kStart - kHour, 2), rows > 1 ? 2u : 1u);
        twins.put(block_of(shape_of({a, b}), {kStart - kMinute}, {1, 2}));
        twins.put(one_row(a, kStart - 2 * kMinute, 3));
        EXPECT_EQ(put(kStart - kMinute, 9), 1u);
        twins.crash();
        twins.compact();
        EXPECT_EQ(put(kStart, 9), 0u);
    }
}

TEST(Columns, AgreeWithSingleReadings) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Rng rng{seed};
    Twins twins;
    const std::vector<TagId> tags{twins.tag("d:1", "a"), twins.tag("d:1", "b"), twins.tag("d:1", "c"),
                                  twins.tag("d:2", "a")};
    twins.put(one_row(tags[0], twins.now() - kHour, 0));  // a crash before anything is kept would forget the tags
    const auto random_block = [&] {
        const std::size_t first = rng.below(4), width = first == 3 ? 1 : 1 + rng.below(3 - first);
        const auto begin = tags.begin() + static_cast<std::ptrdiff_t>(first);
        std::vector<TagId> some(begin, begin + static_cast<std::ptrdiff_t>(width));
        if (rng.chance(0.1)) std::ranges::reverse(some);
        std::vector<TimeNs> times;
        TimeNs time = twins.now() / kSecond * kSecond - static_cast<TimeNs>(rng.below(120)) * kSecond;
        for (std::uint64_t left = 1 + rng.below(30); left > 0; --left) {
            times.push_back(time);
            time += static_cast<TimeNs>(1 + rng.below(5)) * kSecond;
        }
        std::vector<double> values;
        for (std::size_t i = 0; i < times.size() * width; ++i) values.push_back(static_cast<double>(rng.below(1000)));
        ColumnBlock block = block_of(shape_of(some), times, values);
        if (rng.chance(0.2)) {
            block.spell_qualities();
            for (std::uint16_t& one : block.qualities)
                if (rng.chance(0.1)) one = pack(uncertain(Reason::sensor));
        }
        return block;
    };
    for (int step = 0; step < 200 && !::testing::Test::HasFailure(); ++step) {
        if (rng.chance(0.05)) twins.compact();
        if (rng.chance(0.05)) twins.crash();
        twins.advance(static_cast<DurationNs>(rng.below(20)) * kSecond);
        if (rng.chance(0.1)) {
            twins.put(one_row(tags[rng.below(4)], twins.now() - static_cast<TimeNs>(rng.below(60)) * kSecond, step));
            continue;
        }
        Columns columns;
        for (std::uint64_t left = 1 + rng.below(4); left > 0; --left) {
            columns.add(random_block());
            std::vector<TimeNs>& times = columns.block(columns.size() - 1).times;
            if (rng.chance(0.05)) std::ranges::reverse(times);
            if (rng.chance(0.05)) times.back() = times.front();
            if (rng.chance(0.02)) times[times.size() / 2] += kDay;
        }
        twins.put(columns);
    }
}

// Nothing but what append_columns() logs is taken from the log.
TEST(Columns, ReplayRefusesWhatIsNone) {
    struct Case {
        const char* what;
        bool good = false;
        std::uint64_t sequence = 1;
        std::uint64_t tag_more = 0;
        ValueType type = ValueType::number;
        std::vector<TimeNs> times = {kStart, kStart + 1};
    };
    const TimeNs first = day_start(-kDayMax), end = day_start(kDayMax);
    const std::vector<Case> cases = {{.what = "what follows", .good = true},
                                     {.what = "what may just be", .good = true, .times = {first, end - 1}},
                                     {.what = "a number that was there", .sequence = 0},
                                     {.what = "a number past the next", .sequence = 2},
                                     {.what = "a tag that is none", .tag_more = 1},
                                     {.what = "another type", .type = ValueType::integer},
                                     {.what = "too early", .times = {first - 1, kStart}},
                                     {.what = "too late", .times = {kStart, end}}};
    for (const Case& one : cases) {
        SCOPED_TRACE(one.what);
        TestStore store;
        ASSERT_TRUE(store.open());
        const TagId tag = store.tag("d:1");
        ASSERT_TRUE(store.append(one_row(tag, kStart - 1, 1)));
        store.drop();
        const auto found = replay_log(store.files(), "/store/log", 1, [](const Record&) -> Result<void> { return {}; });
        ASSERT_TRUE(found && found->last_file) << (found ? "no file" : found.error().text());
        {
            const auto pool = store.world().make_pool();
            Metrics metrics;
            const auto log = std::make_shared<Log>(store.files(), "/store/log", *pool, metrics);
            ASSERT_TRUE(log->start(*found->last_file + 1, found->next_group));
            Columns columns;
            columns.add({.shape = shape_of({TagId{tag.value + one.tag_more * 16}}, {one.type}),
                         .times = one.times,
                         .bits = {1, 2},
                         .qualities = {}});
            Buffer payload;
            encode_columns(shard_of(tag), one.sequence, columns, 0, 1, payload);
            ASSERT_TRUE(log->append(RecordKind::columns, payload));
            ASSERT_TRUE(log->flush());
        }
        const auto opened = store.open();
        EXPECT_EQ(static_cast<bool>(opened), one.good) << (opened ? "opened" : opened.error().text());
        if (opened)
            EXPECT_EQ(store->last(tag)->time, one.times.back());
        else
            EXPECT_EQ(opened.error().code(), Code::corrupt);
    }
}

// What would not be read back is never handed on.
TEST(ColumnsDeathTest, TimesThatDoNotGrowAreOurOwnBug) {
    const auto shape = shape_of({TagId{16}});
    for (const std::vector<TimeNs>& times : std::vector<std::vector<TimeNs>>{{2, 1}, {1, 1}, {}})
        EXPECT_DEATH(
            {
                Columns columns;
                columns.add(block_of(shape, times, std::vector<double>(times.size())));
            },
            "");
}

}  // namespace
}  // namespace gongshu::history
