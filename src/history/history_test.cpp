#include "history/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "history/segment.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // where SimClock begins

// Where a virtual tag is, nobody else's readings come; what moves is its whole path.
TEST(History, KeepsThePlacesOfVirtualTags) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const auto made = store->resolve({TenantId{1}, "v:1@2", "value"}, "d/x.power", ValueType::number, "W");
    ASSERT_TRUE(made);
    EXPECT_EQ(store->find(TenantId{1}, "d/x.power")->id, *made);
    const auto refused = store->resolve({TenantId{1}, "d:2", "power"}, "d/x.power", ValueType::number, "");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::invalid);
    EXPECT_NE(refused.error().text().find("d/x.power is a virtual tag"), std::string::npos) << refused.error().text();
    // Its device has the place to itself but for it.
    ASSERT_TRUE(store->move_source(TenantId{1}, "d:2", "d/x"));
    EXPECT_EQ(store->find(TenantId{1}, "d/x.power")->path, "d/x.power");
    const auto beside = store->resolve({TenantId{1}, "d:2", "y"}, "d/x.y", ValueType::number, "");
    ASSERT_TRUE(beside);
    const auto taken = store->move_source(TenantId{1}, "v:1@2", "d/x.y");
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Code::exists);
    ASSERT_TRUE(store->move_source(TenantId{1}, "v:1@2", "d/x.power.deleted-2"));
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(store->find(TenantId{1}, "d/x.power")->path, "d/x.power.deleted-2")
            << "its old path still leads to it";
        EXPECT_EQ(store->find(TenantId{1}, "d/x.power")->id, *made);
        store.reopen();
    }
    const auto after = store->resolve({TenantId{1}, "d:2", "power"}, "d/x.power", ValueType::number, "");
    ASSERT_TRUE(after);
    EXPECT_EQ(store->find(TenantId{1}, "d/x.power")->id, *after);
}

TEST(History, GivesBackWhatItWasGiven) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId number = store.tag("d:1", "n");
    const TagId integer = store.tag("d:1", "i", ValueType::integer);
    const TagId boolean = store.tag("d:2", "b", ValueType::boolean);
    const TagId text = store.tag("d:3", "t", ValueType::text);
    Rows rows;
    rows.add_number(number, kStart, 1.5);
    rows.add_number(number, kStart + 1, NAN, bad(Reason::timeout));
    rows.add_integer(integer, kStart, std::int64_t{1} << 60, uncertain(Reason::sensor));
    rows.add_boolean(boolean, kStart, true);
    rows.add_text(text, kStart, "步骤 1");
    const auto check = [&] {
        const auto numbers = store.raw(number, kAllTime);
        ASSERT_EQ(numbers.size(), 2u);
        EXPECT_EQ(std::get<double>(numbers[0].value), 1.5);
        EXPECT_EQ(numbers[0].quality, kGood);
        EXPECT_EQ(numbers[1].quality, bad(Reason::timeout));
        const auto integers = store.raw(integer, kAllTime);
        ASSERT_EQ(integers.size(), 1u);
        EXPECT_EQ(integers[0].value, Value{std::int64_t{1} << 60});
        EXPECT_EQ(integers[0].quality, uncertain(Reason::sensor));
        EXPECT_EQ(store.raw(boolean, kAllTime).at(0).value, Value{true});
        EXPECT_EQ(store.raw(text, kAllTime).at(0).value, Value{std::string("步骤 1")});
        EXPECT_EQ(store->last(text)->value, Value{std::string("步骤 1")});
        EXPECT_EQ(store->last(number)->time, kStart + 1);
        EXPECT_FALSE(store->last(TagId{1u << 20}).has_value());
    };
    const auto appended = store.append(rows);
    ASSERT_TRUE(appended) << appended.error().text();
    EXPECT_EQ(appended->rows, 5u);
    EXPECT_EQ(appended->duplicates, 0u);
    check();
    store.reopen();
    check();
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store->stats().rows_in_memory, 0u);
    EXPECT_GT(store->stats().segments, 0u);
    check();
    store.reopen();
    check();
    const auto report = store->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
}

TEST(History, TheLastRowOfATimeWinsAndIsCounted) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    ASSERT_TRUE(store.append(one_row(tag, kStart, 1)));
    const auto again = store.append(one_row(tag, kStart, 2));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->duplicates, 1u);
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store.append(one_row(tag, kStart, 3))->duplicates, 1u);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 1u);
    EXPECT_EQ(store.raw(tag, kAllTime).at(0).value, Value{3.0});
    EXPECT_EQ(store->last(tag)->value, Value{3.0});
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store.raw(tag, kAllTime).at(0).value, Value{3.0});
}

TEST(History, AnAcknowledgedRowSurvivesACrashAtThatMoment) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    ASSERT_TRUE(store.append(one_row(tag, kStart, 7)));
    store.crash();
    ASSERT_TRUE(store.open());
    ASSERT_EQ(store.raw(tag, kAllTime).size(), 1u);
    EXPECT_EQ(store->last(tag)->value, Value{7.0});
    EXPECT_EQ(store->find(TenantId{1}, "d:1.x")->id, tag);
}

TEST(History, IntervalRowsAreAnsweredAtOnceAndSyncedWithinTheInterval) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    const TimeNs before = store.clock().now();
    ASSERT_TRUE(store.append(one_row(tag, kStart, 1), Durability::interval));
    EXPECT_EQ(store.clock().now(), before);
    store.world().run_for(60 * kMillisecond);
    store.crash();
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 1u);
}

TEST(History, IsReadOnlyAfterAFailedSyncUntilRestart) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    ASSERT_TRUE(store.append(one_row(tag, kStart, 1)));
    store.files().fail_nth(2);  // the write, then the sync
    const auto failed = store.append(one_row(tag, kStart + 1, 2));
    ASSERT_FALSE(failed);
    EXPECT_TRUE(store.files().fault_fired());
    for (int i = 0; i < 2; ++i) {
        const auto refused = store.append(one_row(tag, kStart + 2, 3), Durability::interval);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), Code::unavailable);
        EXPECT_TRUE(refused.error().text().starts_with("store is read-only")) << refused.error().text();
    }
    EXPECT_FALSE(store->resolve({TenantId{1}, "d:2", "x"}, "d2.x", ValueType::number, ""));
    EXPECT_TRUE(store->stats().read_only);
    store.crash();
    ASSERT_TRUE(store.open());
    EXPECT_FALSE(store->stats().read_only);
    EXPECT_GE(store.raw(tag, kAllTime).size(), 1u);
    EXPECT_TRUE(store.append(one_row(tag, kStart + 3, 4)));
}

TEST(History, TimesThatCannotBeAreReplacedByServerTime) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    Rows rows;
    rows.add_number(tag, kStart + kHour, 1);        // an hour ahead
    rows.add_number(tag, 5, 2);                     // 1970
    rows.add_number(tag, kStart + 5 * kMinute, 3);  // within what is allowed
    ASSERT_TRUE(store.append(rows));
    const auto readings = store.raw(tag, kAllTime);
    ASSERT_EQ(readings.size(), 3u);
    EXPECT_EQ(readings[0].quality, uncertain(Reason::clock));
    EXPECT_EQ(readings[1].quality, uncertain(Reason::clock));
    EXPECT_LE(readings[1].time, store.clock().now() + 1);
    EXPECT_EQ(readings[2].quality, kGood);
    const auto events = store->read_events(TenantId{1}, kAllTime, "clock", 10);
    ASSERT_TRUE(events);
    ASSERT_EQ(events->size(), 1u);  // one a tag and minute
    EXPECT_EQ(events->at(0).subject, "d:1.x");
    EXPECT_EQ(events->at(0).body.find("{\"sent\":"), 0u);
    // Imports carry the times of the past.
    Rows old;
    old.add_number(tag, 5, 2);
    ASSERT_TRUE(store->import(old));
    EXPECT_EQ(store.raw(tag, {0, 10}).size(), 1u);
    EXPECT_EQ(store.raw(tag, {0, 10}).at(0).quality, kGood);
}

TEST(History, LateRowsAreMarked) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    store.clock().advance(kHour);
    const TimeNs now = store.clock().now();
    ASSERT_TRUE(store.append(one_row(tag, now, 1)));
    ASSERT_TRUE(store.append(one_row(tag, now - kSecond, 2)));  // out of order, but fresh
    ASSERT_TRUE(store.append(one_row(tag, now - kMinute, 3)));  // late
    const auto readings = store.raw(tag, kAllTime);
    ASSERT_EQ(readings.size(), 3u);
    EXPECT_TRUE(readings[0].quality.late);
    EXPECT_FALSE(readings[1].quality.late);
    EXPECT_FALSE(readings[2].quality.late);
    EXPECT_EQ(store->last(tag)->value, Value{1.0});
}

TEST(History, ValuesOfOtherTypesConvertExactlyOrAreBad) {
    HistoryOptions options;
    options.text_bytes_max = 4;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    const TagId integer = store.tag("d:1", "i", ValueType::integer);
    const TagId text = store.tag("d:1", "t", ValueType::text);
    Rows rows;
    rows.add_number(integer, kStart, 3.0);
    rows.add_number(integer, kStart + 1, 3.5);
    rows.add_text(integer, kStart + 2, "three");
    rows.add_number(integer, kStart + 3, NAN, bad(Reason::timeout));
    rows.add_text(text, kStart, "abc枢");
    ASSERT_TRUE(store.append(rows));
    const auto integers = store.raw(integer, kAllTime);
    ASSERT_EQ(integers.size(), 4u);
    EXPECT_EQ(integers[0].value, Value{std::int64_t{3}});
    EXPECT_EQ(integers[0].quality, kGood);
    EXPECT_EQ(integers[1].value, Value{std::int64_t{0}});
    EXPECT_EQ(integers[1].quality, bad(Reason::type));
    EXPECT_EQ(integers[2].quality, bad(Reason::type));
    EXPECT_EQ(integers[3].quality, bad(Reason::timeout));
    EXPECT_EQ(store.raw(text, kAllTime).at(0).value, Value{std::string("abc")});
    EXPECT_EQ(store.raw(text, kAllTime).at(0).quality, bad(Reason::range));
}

TEST(History, TenantsSeeNothingOfEachOther) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId one = store.tag("d:1", "x", ValueType::number, TenantId{1});
    const TagId two = store.tag("d:1", "x", ValueType::number, TenantId{2});
    ASSERT_NE(one, two);
    ASSERT_TRUE(store.append(one_row(one, kStart, 1)));
    EXPECT_TRUE(store.raw(two, kAllTime).empty());
    EXPECT_FALSE(store->last(two).has_value());
    EXPECT_EQ(store->find(TenantId{1}, "d:1.x")->id, one);
    EXPECT_EQ(store->find(TenantId{2}, "d:1.x")->id, two);
    EXPECT_EQ(store->match(TenantId{2}, "**", 10).size(), 1u);
    EXPECT_TRUE(store->match(TenantId{3}, "**", 10).empty());
    ASSERT_TRUE(store.append_event({{}, TenantId{1}, kStart, "command", "s", "{}"}));
    EXPECT_EQ(store->read_events(TenantId{1}, kAllTime, "", 10)->size(), 1u);
    EXPECT_TRUE(store->read_events(TenantId{2}, kAllTime, "", 10)->empty());
    ASSERT_TRUE(store->move_source(TenantId{1}, "d:1", "hall/new"));
    EXPECT_EQ(store->info(two)->path, "d:1.x");
    EXPECT_FALSE(store->find(TenantId{2}, "hall/new.x").has_value());
}

TEST(History, KeepsEventsInOrderWithGrowingIds) {
    TestStore store;
    ASSERT_TRUE(store.open());
    std::uint64_t before = 0;
    for (int i = 0; i < 30; ++i) {
        const auto id =
            store.append_event({{}, TenantId{1}, kStart + (i * 7 % 30), i % 2 ? "alarm.raised" : "command", "s", "{}"});
        ASSERT_TRUE(id);
        EXPECT_GT(id->value, before);
        before = id->value;
        if (i % 10 == 4) {
            ASSERT_TRUE(store->compact());
        }
        if (i % 10 == 9) {
            store.crash();
            ASSERT_TRUE(store.open());
        }
    }
    const auto alarms = store->read_events(TenantId{1}, kAllTime, "alarm.", 100);
    ASSERT_TRUE(alarms);
    ASSERT_EQ(alarms->size(), 15u);
    for (std::size_t i = 1; i < alarms->size(); ++i) EXPECT_LT(alarms->at(i - 1).time, alarms->at(i).time);
    const auto newest = store->read_events(TenantId{1}, kAllTime, "", 3);
    ASSERT_EQ(newest->size(), 3u);
    EXPECT_EQ(newest->back().time, kStart + 29);
    EXPECT_EQ(store->read_events(TenantId{1}, {kStart, kStart + 10}, "", 100)->size(), 10u);
}

TEST(History, SealsByAgeAndBySizeAndMergesByItself) {
    HistoryOptions options;
    options.seal_bytes = 4096;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    TimeNs time = kStart;
    for (int batch = 0; batch < 60; ++batch) {
        Rows rows;
        for (int i = 0; i < 100; ++i) rows.add_number(tag, time++, batch + i);
        auto appended = store.append(rows);
        for (int tries = 0; !appended && appended.error().code() == Code::limit && tries < 5; ++tries) {
            store.world().run_for(2 * kSecond);
            appended = store.append(rows);
        }
        ASSERT_TRUE(appended) << appended.error().text();
    }
    store.world().run_for(15 * kMinute);
    EXPECT_EQ(store->stats().rows_in_memory, 0u);
    EXPECT_LT(store->stats().segments, 9u);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 6000u);
    EXPECT_LT(store->stats().log_bytes, 1000u);  // what is sealed is not kept in the log
}

// However often memory is sealed a byte is rewritten a few times only, and a day that has ended becomes one small file.
TEST(History, ADayIsMergedByStepsAndWrittenSmallWhenItHasEnded) {
    HistoryOptions options;
    options.seal_age = kMinute;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    const auto write = [&](int rows, double step) {
        Rows batch;
        for (int i = 0; i < rows; ++i) batch.add_number(tag, store.clock().now() + i, std::round(i * step));
        ASSERT_TRUE(store.append(batch));
        store.world().run_for(2 * kMinute);
    };
    const auto segments = [&](Day day) {
        std::vector<std::shared_ptr<const OpenSegment>> open;
        const std::string folder = "/store/seg/" + day_name(day);
        const auto names = store.files().list(folder);
        for (const std::string& name : names ? *names : std::vector<std::string>{})
            open.push_back(*OpenSegment::open(store.files(), folder + "/" + name));
        return open;
    };
    const Day day = day_of(store.clock().now());
    store.world().clock().advance(day_start(day + 1) - store.clock().now());  // all of it within one day
    std::size_t most = 0;
    for (int round = 0; round < 100; ++round) {
        write(200, 0.3 * round);
        most = std::max(most, segments(day + 1).size());
    }
    EXPECT_GT(most, 5u);
    EXPECT_LT(most, 20u);
    for (const auto& segment : segments(day + 1)) EXPECT_EQ(segment->tier(), Tier::hot);
    store.world().clock().advance(kDay);
    for (int round = 0; round < 3; ++round) write(10, 1);
    ASSERT_EQ(segments(day + 1).size(), 1u);
    EXPECT_EQ(segments(day + 1).front()->tier(), Tier::cold);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 20'030u);
}

TEST(History, RemovesWholeDaysPastRetention) {
    HistoryOptions options;
    options.retention_days = 10;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    Rows rows;
    for (int day = 0; day < 30; ++day) rows.add_number(tag, kStart - day * kDay, day);
    ASSERT_TRUE(store->import(rows));
    ASSERT_TRUE(store->compact());
    const auto removed = store->apply_retention();
    ASSERT_TRUE(removed);
    EXPECT_EQ(*removed, 19u);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 11u);
    store.reopen();
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 11u);
    EXPECT_EQ(*store->apply_retention(), 0u);
}

// A copier in whose way the store does all it can.
class BusyCopier final : public Copier {
public:
    explicit BusyCopier(TestStore& store) : store_(store) {}
    Result<void> expect(std::uint64_t, std::uint64_t) override { return {}; }
    Result<void> take(const std::string& name, const std::string& path, std::uint64_t bytes) override {
        const TagId tag = store_.tag("d:1");
        EXPECT_TRUE(store_.append(one_row(tag, store_.clock().now(), 7)));
        store_.clock().advance(kSecond);
        // While the log is taken a seal would wait for this very call.
        if (name.starts_with("seg/")) {
            EXPECT_TRUE(store_->compact());
        }
        Buffer content = TRY(io::read_whole(store_.files(), path, 1 << 30));
        content.resize(bytes);
        return put(name, content);
    }
    Result<void> put(const std::string& name, Bytes content) override {
        const std::string to = "/copy/" + name;
        TRY(store_.files().make_folder(to.substr(0, to.rfind('/')), 0750));
        return io::write_whole(store_.files(), to, content);
    }

private:
    TestStore& store_;
};

TEST(History, IsCopiedWhileItGoesOn) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    for (int day = 0; day < 3; ++day) {
        ASSERT_TRUE(store.append(one_row(tag, store.clock().now() - day * kDay, day)));
        ASSERT_TRUE(store->compact());
    }
    ASSERT_TRUE(store.append(one_row(tag, store.clock().now() + 1, 5)));
    const auto before = store.raw(tag, kAllTime);
    ASSERT_TRUE(store.append_event({.tenant = TenantId{1}, .time = 5, .kind = "a.b", .subject = "s", .body = "{}"}));
    BusyCopier copier(store);
    const auto copied = store->copy_to(copier);
    ASSERT_TRUE(copied) << copied.error().text();
    store.close();
    TestStore copy(1, {}, "/copy", &store.files());
    ASSERT_TRUE(copy.open());
    const auto after = copy.raw(tag, kAllTime);
    ASSERT_EQ(after.size(), before.size());  // what came with the first file came after the log had ended
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].value, before[i].value);
    EXPECT_EQ(copy->read_events(TenantId{1}, kAllTime, "", 10)->size(), 1u);
    EXPECT_TRUE(copy->verify()->problems.empty());
    EXPECT_TRUE(copy.append(one_row(copy.tag("d:2"), 9, 1)));
}

TEST(History, RefusesWhatItCannotTake) {
    HistoryOptions options;
    options.new_tags_per_minute = 3;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    const auto unknown = store.append(one_row(TagId{1 << 4}, kStart, 1));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), Code::not_found);
    for (int i = 0; i < 3; ++i) store.tag("d:" + std::to_string(i));
    const auto fourth = store->resolve({TenantId{1}, "d:9", "x"}, "d:9.x", ValueType::number, "");
    ASSERT_FALSE(fourth);
    EXPECT_EQ(fourth.error().code(), Code::limit);
    EXPECT_TRUE(store->resolve({TenantId{2}, "d:9", "x"}, "d:9.x", ValueType::number, ""));
    EXPECT_TRUE(store->resolve_declared({TenantId{1}, "d:8", "x"}, "d:8.x", ValueType::number, ""));
    store.clock().advance(kMinute);
    EXPECT_TRUE(store->resolve({TenantId{1}, "d:9", "x"}, "d:9.x", ValueType::number, ""));
    store->stop();
    const auto stopped = store.append(one_row(TagId{1 << 4}, kStart, 1));
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code(), Code::unavailable);
}

// Copies to /copy, and lets the store seal, merge and clear away before each file.
class RestlessCopier final : public Copier {
public:
    explicit RestlessCopier(TestStore& store) : store_(store) {}
    Result<void> expect(std::uint64_t files, std::uint64_t) override {
        expected_ = files;
        return {};
    }
    Result<void> take(const std::string& name, const std::string& path, std::uint64_t bytes) override {
        TRY(store_->compact());
        Buffer content = TRY(io::read_whole(store_.files(), path, 1 << 30));
        content.resize(bytes);
        return put(name, content);
    }
    Result<void> put(const std::string& name, Bytes content) override {
        --expected_;
        const std::string to = "/copy/" + name;
        TRY(store_.files().make_folder(to.substr(0, to.rfind('/')), 0750));
        return io::write_whole(store_.files(), to, content);
    }
    std::uint64_t expected_ = 0;

private:
    TestStore& store_;
};

TEST(History, ACopyIsWholeAlthoughTheStoreSealsAndMergesMeanwhile) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1", "n");
    const auto add = [&](int from) {
        Rows rows;
        for (int i = from; i < from + 100; ++i) rows.add_number(tag, kStart + i * kSecond, i);
        ASSERT_TRUE(store.append(rows));
    };
    add(0);
    ASSERT_TRUE(store->compact());
    add(100);
    RestlessCopier copier(store);
    const auto copied = store->copy_to(copier);
    ASSERT_TRUE(copied) << copied.error().text();
    EXPECT_EQ(copier.expected_, 0u);
    add(200);
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 300u);
    // What nobody needs any more is gone now.
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store.files().list("/store/log")->size(), 1u);
    EXPECT_EQ(store.files().list("/store/cat")->size(), 1u);

    TestStore copy(1, {}, "/copy", &store.files());
    const auto opened = copy.open();
    ASSERT_TRUE(opened) << opened.error().text();
    const auto rows = copy.raw(copy->find(TenantId{1}, "d:1.n")->id, kAllTime);
    ASSERT_EQ(rows.size(), 200u);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(std::get<double>(rows[i].value), static_cast<double>(i));
}

TEST(History, OneStoreHoldsTheFolder) {
    TestStore store;
    ASSERT_TRUE(store.open());
    auto pool = store.world().make_pool();
    auto lane = store.world().make_loop();
    Metrics metrics;
    HistoryOptions options;
    options.folder = "/store";
    const auto second = History::create(store.files(), store.clock(), metrics, {lane.get()}, *pool, options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::unavailable);
}

class Recorder : public Stage {
public:
    void on_rows(ShardId shard, const Rows& rows) override {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(shard_of(rows.tag(i)), shard);
            seen.push_back(rows.reading(i));
        }
    }
    std::vector<Reading> seen;
};

TEST(History, TheStageMeetsWhatIsStored) {
    TestStore store;
    ASSERT_TRUE(store.open());
    Recorder recorder;
    store->set_stage(&recorder);
    const TagId a = store.tag("d:1", "i", ValueType::integer);
    Rows rows;
    for (int i = 0; i < 40; ++i) rows.add_number(store.tag("d:" + std::to_string(i)), kStart, i);
    rows.add_number(a, kStart + kHour, 2);
    ASSERT_TRUE(store.append(rows));
    ASSERT_EQ(recorder.seen.size(), 41u);
    const auto& converted = *std::ranges::find(recorder.seen, a, &Reading::tag);
    EXPECT_EQ(converted.value, Value{std::int64_t{2}});
    EXPECT_EQ(converted.quality, uncertain(Reason::clock));
    ASSERT_TRUE(store->import(rows));
    EXPECT_EQ(recorder.seen.size(), 41u);
}

TEST(History, ReadingsThatComeTogetherAreReadLikeOthers) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId a = store.tag("d:1", "a"), b = store.tag("d:1", "b"), c = store.tag("d:1", "c");
    const auto all = shape_of({a, b, c}), two = shape_of({b, a});
    const auto values = [&](TagId tag) {
        std::string text;
        for (const Reading& reading : store.raw(tag, kAllTime))
            text += fmt::format("{}:{}{} ", (reading.time - kStart) / kSecond, std::get<double>(reading.value),
                                reading.quality.good() ? "" : "!");
        return text;
    };
    const auto put = [&](const TupleShapePtr& shape, int second, const std::vector<double>& numbers) {
        Tuples tuples;
        add_tuple(tuples, shape, kStart + second * kSecond, numbers);
        const auto appended = store.append(std::move(tuples));
        EXPECT_TRUE(appended);
        return appended ? appended->duplicates : 99;
    };
    EXPECT_EQ(put(all, 1, {1, 2, 3}), 0u);
    EXPECT_EQ(put(all, 5, {11, 12, 13}), 0u);
    EXPECT_EQ(put(all, 3, {21, 22, 23}), 0u);  // out of order
    EXPECT_EQ(put(all, 3, {31, 32, 33}), 3u);
    EXPECT_EQ(put(all, 5, {41, 42, 43}), 3u);
    EXPECT_EQ(values(a), "1:1 3:31 5:41 ");
    EXPECT_EQ(store->last(c)->value, Value{43.0});
    EXPECT_EQ(put(two, 3, {52, 51}), 2u);  // from now on each by itself
    EXPECT_EQ(values(a), "1:1 3:51 5:41 ");
    EXPECT_EQ(values(b), "1:2 3:52 5:42 ");
    EXPECT_EQ(values(c), "1:3 3:33 5:43 ");
    EXPECT_EQ(store->last(a)->value, Value{41.0});
    EXPECT_EQ(put(all, 5, {61, 62, 63}), 3u);
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(put(all, 6, {71, 72, 73}), 0u);  // together again
    EXPECT_TRUE(store.append(one_row(c, kStart + 2 * kSecond, 82)));
    EXPECT_EQ(put(all, 7, {91, 92, 93}), 0u);
    const auto check = [&] {
        EXPECT_EQ(values(a), "1:1 3:51 5:61 6:71 7:91 ");
        EXPECT_EQ(values(c), "1:3 2:82 3:33 5:63 6:73 7:93 ");
        EXPECT_EQ(store->last(b)->value, Value{92.0});
    };
    check();
    store.crash();
    ASSERT_TRUE(store.open());
    check();
    store.reopen();
    ASSERT_TRUE(store->compact());
    check();
    EXPECT_EQ(store->stats().rows_in_memory, 0u);
}

TEST(History, TuplesAreMendedAsRowsAre) {
    HistoryOptions options;
    options.text_bytes_max = 8;
    TestStore store{1, options};
    ASSERT_TRUE(store.open());
    Recorder recorder;
    store->set_stage(&recorder);
    const TagId a = store.tag("d:1", "a"), t = store.tag("d:1", "t", ValueType::text);
    const auto shape = shape_of({a, t}, {ValueType::number, ValueType::text});
    const auto put = [&](TimeNs time, const char* text, const TupleShapePtr& as) {
        Tuples tuples;
        tuples.add(as, time)[1] = tuples.keep_text(text);
        return store.append(std::move(tuples));
    };
    ASSERT_TRUE(put(kStart - kMinute, "on", shape));
    ASSERT_TRUE(put(kStart - 2 * kMinute, "late", shape));
    EXPECT_TRUE(recorder.seen.back().quality.late);
    ASSERT_TRUE(put(kStart + kHour, "ahead", shape));
    EXPECT_EQ(recorder.seen.back().quality, uncertain(Reason::clock));
    EXPECT_EQ(store->read_events(TenantId{1}, kAllTime, "clock", 10)->size(), 2u);
    ASSERT_TRUE(put(kStart + kMinute, "much too long", shape));
    EXPECT_EQ(recorder.seen.back().value, Value{std::string("much too")});
    EXPECT_EQ(recorder.seen.size(), 8u);
    ASSERT_TRUE(put(kStart + 2 * kMinute, "7", shape_of({t, a}, {ValueType::number, ValueType::text})));
    EXPECT_EQ(recorder.seen.back().quality, bad(Reason::type));
    EXPECT_FALSE(put(kStart, "x", shape_of({a, TagId{a.value + 160}})));  // there is none
}

TEST(History, TuplesOfOtherTypesThanTheirGroupAreMended) {
    for (const auto& [types, quality] : {std::pair{std::vector{ValueType::text, ValueType::text}, bad(Reason::type)},
                                         std::pair{std::vector{ValueType::integer, ValueType::text}, kGood},
                                         std::pair{std::vector{ValueType::number, ValueType::number}, kGood}}) {
        TestStore store;
        ASSERT_TRUE(store.open());
        const std::vector<TagId> tags{store.tag("d:1", "a"), store.tag("d:1", "t", ValueType::text)};
        Tuples fitting, others;
        fitting.add(shape_of(tags, {ValueType::number, ValueType::text}), kStart)[1] = fitting.keep_text("on");
        ASSERT_TRUE(store.append(std::move(fitting)));
        (void)others.add(shape_of(tags, types), kStart + kSecond);
        ASSERT_TRUE(store.append(std::move(others)));
        EXPECT_EQ(store->last(tags[0])->quality, quality);
        EXPECT_EQ(store->last(tags[0])->time, kStart + kSecond);
        store.drop();
        ASSERT_TRUE(store.open()) << "what was logged is read as what it is";
        EXPECT_EQ(store->last(tags[0])->quality, quality);
    }
}

}  // namespace
}  // namespace gongshu::history
