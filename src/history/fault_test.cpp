// Every operation on files fails once, and the power goes off before every one of them: what was acknowledged is there.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// Without the program's log of what recovery found, hundreds of times.
class Faults : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::off); }
    void TearDown() override { set_log_level(LogLevel::info); }
};

// What was promised: rows and events with answers, and rows that may or may not have been kept.
struct Promised {
    std::map<std::pair<TagId, TimeNs>, double> rows;
    std::map<std::pair<TagId, TimeNs>, double> maybe;
    std::map<std::uint64_t, std::string> events;
    std::map<std::string, TagId> paths;
};

// Opens, appends, seals, merges, moves and opens again; goes on as well as it can when something fails.
class Workload {
public:
    Workload(TestStore& store, Promised& promised) : store_(store), promised_(promised) {}

    void run() {
        if (!open()) return;
        for (int round = 0; round < 2; ++round) {
            append(round);
            event(round);
            if (round == 0) move();
            if (store_.is_open()) (void)store_->compact();
            append(round + 10);
            if (round == 0) {
                store_.close();
                if (!open()) return;
            }
        }
        event(9);
        if (store_.is_open()) (void)store_->apply_retention();
        if (store_.is_open()) (void)store_->verify();
    }

private:
    bool open() {
        for (int tries = 0; tries < 2; ++tries)
            if (store_.open()) return true;
        return false;
    }
    void append(int round) {
        Rows rows;
        for (int device = 0; device < 2; ++device) {
            const std::string source = "d:" + std::to_string(device);
            const auto tag = store_->resolve({TenantId{1}, source, "x"}, source + ".x", ValueType::number, "");
            if (!tag) return;
            for (int i = 0; i < 4; ++i)
                rows.add_number(*tag, kStart - (device * 20 + i) * kHour + round, round * 100 + device * 10 + i);
        }
        note(rows, store_.append(rows));
        if (round % 10 == 0) append_together(round);
    }
    void append_together(int round) {
        std::vector<TagId> tags;
        for (const char* name : {"y", "z"}) {
            const auto tag =
                store_->resolve({TenantId{1}, "d:2", name}, "d:2." + std::string(name), ValueType::number, "");
            if (!tag) return;
            tags.push_back(*tag);
        }
        Tuples tuples;
        const auto shape = shape_of(tags);
        for (int i = 0; i < 4; ++i) add_tuple(tuples, shape, kStart - kDay + i * kHour + round, {1.0 * i, 2.0 * i});
        const Rows rows = tuples.rows();
        note(rows, store_.append(std::move(tuples)));
        Columns columns;
        const TimeNs from = kStart - 2 * kDay + round;
        columns.add(block_of(shape, {from, from + kHour, from + 2 * kHour}, {1.0 * round, 2, 3, 4, 5, 6}));
        const Rows column_rows = columns.rows();
        note(column_rows, store_.append(std::move(columns)));
    }
    void note(const Rows& rows, const Result<Appended>& appended) {
        auto& where = appended ? promised_.rows : promised_.maybe;
        for (std::size_t i = 0; i < rows.size(); ++i)
            where[{rows.tag(i), rows.time(i)}] = std::get<double>(rows.value(i));
    }
    void event(int round) {
        const std::string body = std::to_string(round);
        const auto id = store_.append_event({{}, TenantId{1}, kStart + round, "command", "s", body});
        if (id) promised_.events[id->value] = body;
    }
    void move() {
        if (store_->move_source(TenantId{1}, "d:1", "hall/one"))
            if (const auto tag = store_->find(TenantId{1}, "hall/one.x")) promised_.paths["hall/one.x"] = tag->id;
    }

    TestStore& store_;
    Promised& promised_;
};

void check(TestStore& store, const Promised& promised) {
    const auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().text();
    std::map<std::pair<TagId, TimeNs>, double> found;
    for (const TagInfo& tag : store->match(TenantId{1}, "**", 100))
        for (const Reading& reading : store.raw(tag.id, kAllTime))
            found[{tag.id, reading.time}] = std::get<double>(reading.value);
    for (const auto& [key, value] : promised.rows) {
        const auto row = found.find(key);
        ASSERT_TRUE(row != found.end()) << "tag " << key.first.value << " at " << key.second << " is lost";
        EXPECT_EQ(row->second, value);
        found.erase(row);
    }
    for (const auto& [key, value] : found) {
        const auto maybe = promised.maybe.find(key);
        ASSERT_TRUE(maybe != promised.maybe.end())
            << "tag " << key.first.value << " at " << key.second << " was invented";
        EXPECT_EQ(maybe->second, value);
    }
    const auto events = store->read_events(TenantId{1}, kAllTime, "", 1000);
    ASSERT_TRUE(events) << events.error().text();
    std::map<std::uint64_t, std::string> bodies;
    for (const Event& event : *events) bodies[event.id.value] = event.body;
    for (const auto& [id, body] : promised.events) EXPECT_EQ(bodies[id], body) << "event " << id;
    for (const auto& [path, tag] : promised.paths) EXPECT_EQ(store->find(TenantId{1}, path)->id, tag);
    const auto report = store->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
    // And it goes on.
    const TagId tag = store.tag("d:new");
    EXPECT_TRUE(store.append(one_row(tag, kStart, 1)));
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store.raw(tag, kAllTime).size(), 1u);
}

// A sync fails, the program is started again over files that the system still has in memory, goes on, and then the
// power goes off: what was acknowledged after the restart is there.
TEST_F(Faults, ASyncThatFailedTakesNothingWithItLater) {
    for (int nth = 1; nth <= 12; ++nth) {
        SCOPED_TRACE(fmt::format("operation {} fails", nth));
        TestStore store;
        ASSERT_TRUE(store.open());
        const TagId tag = store.tag("d:1");
        ASSERT_TRUE(store.append(one_row(tag, kStart, 1)));
        store.files().fail_nth(nth);
        const bool second = store.append(one_row(tag, kStart + 1, 2)).has_value();
        store.drop();
        ASSERT_TRUE(store.open() || store.open());
        const TagId again = store.tag("d:1");
        const bool third = store.append(one_row(again, kStart + 2, 3)).has_value();
        const bool event =
            store.append_event({.tenant = TenantId{1}, .time = kStart, .kind = "alarm.raised", .body = "{}"})
                .has_value();
        store.crash();
        const auto opened = store.open();
        ASSERT_TRUE(opened) << opened.error().text();
        std::set<TimeNs> times;
        for (const Reading& reading : store.raw(store.tag("d:1"), kAllTime)) times.insert(reading.time);
        EXPECT_TRUE(times.contains(kStart));
        EXPECT_TRUE(!second || times.contains(kStart + 1));
        EXPECT_TRUE(!third || times.contains(kStart + 2));
        EXPECT_TRUE(!event || store->read_events(TenantId{1}, kAllTime, "", 10)->size() == 1);
    }
}

// Two tags of one shard over three days, in segments.
std::map<std::pair<TagId, TimeNs>, double> fill_days(TestStore& store) {
    std::map<std::pair<TagId, TimeNs>, double> rows;
    const TagId tags[] = {store.tag("d:1", "a"), store.tag("d:1", "b")};
    for (int round = 0; round < 2; ++round) {
        Rows batch;
        for (int day = 0; day < 3; ++day)
            for (const TagId tag : tags) {
                const TimeNs time = kStart - day * kDay + round;
                batch.add_number(tag, time, day + round);
                rows[{tag, time}] = day + round;
            }
        EXPECT_TRUE(store->import(batch));
    }
    EXPECT_TRUE(store->compact());
    return rows;
}

// The oldest day goes whole, of the one before the newest one tag.
Removal removal_of(TagId tag) {
    const auto today = static_cast<std::int32_t>(kStart / kDay);
    return {.all_before = today - 1, .some_before = today, .expired = [tag](TagId one, std::int32_t) {
                return one == tag;
            }};
}

// All of it went, or nothing did; no file is left that is not part of the store.
void check_removal(TestStore& store, const std::map<std::pair<TagId, TimeNs>, double>& before, bool must_be_gone) {
    const auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().text();
    const TagId removed = store.tag("d:1", "a");
    const TimeNs yesterday = kStart / kDay * kDay - kDay;
    std::map<std::pair<TagId, TimeNs>, double> after, found;
    for (const auto& row : before)
        if (row.first.second >= yesterday + (row.first.first == removed ? kDay : 0)) after.insert(row);
    for (const auto& [key, value] : before)
        for (const Reading& reading : store.raw(key.first, kAllTime))
            found[{key.first, reading.time}] = std::get<double>(reading.value);
    EXPECT_TRUE(found == after || (!must_be_gone && found == before)) << found.size() << " rows";
    std::uint64_t files = 0, named = 0;
    const auto days = store.files().list("/store/seg").value();
    for (const std::string& day : days) {
        const auto names = store.files().list("/store/seg/" + day).value();
        EXPECT_FALSE(names.empty()) << day;
        files += names.size();
    }
    for (const DayUse& use : store->days()) named += use.segments;
    EXPECT_EQ(files, named);
    const auto report = store->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
}

TEST_F(Faults, EveryOperationOfARemovalFailsOnce) {
    for (const bool power : {false, true}) {
        int n = 1;
        for (;; ++n) {
            SCOPED_TRACE(fmt::format("{} {}", power ? "power off before" : "failure of", n));
            TestStore store;
            ASSERT_TRUE(store.open());
            const auto rows = fill_days(store);
            if (power)
                store.power().arm(n, nullptr);
            else
                store.files().fail_nth(n);
            const bool removed = store->remove(removal_of(store.tag("d:1", "a"))).has_value();
            const bool hit = power ? store.power().is_off() : store.files().fault_fired();
            if (!power || !hit) store.files().crash();
            store.drop();
            store.power().on();
            store.files().fail_nth(1 << 30);
            check_removal(store, rows, removed);
            if (!hit || HasFatalFailure()) break;
        }
        EXPECT_GT(n, 8);
    }
}

// All of the window went, or nothing of it, and what last() tells is stored; a part of the rows is in memory.
TEST_F(Faults, EveryOperationOfACutFailsOnce) {
    for (const bool power : {false, true}) {
        int n = 1;
        for (;; ++n) {
            SCOPED_TRACE(fmt::format("{} {}", power ? "power off before" : "failure of", n));
            TestStore store;
            ASSERT_TRUE(store.open());
            auto rows = fill_days(store);
            const TagId tag = store.tag("d:1", "a");
            ASSERT_TRUE(store.append(one_row(tag, kStart + kMinute, 7)));
            rows[{tag, kStart + kMinute}] = 7;
            if (power)
                store.power().arm(n, nullptr);
            else
                store.files().fail_nth(n);
            const bool cut = store->cut({.windows = {{tag, {kStart - kDay + 1, kStart + kHour}}}}).has_value();
            const bool hit = power ? store.power().is_off() : store.files().fault_fired();
            if (!power || !hit) store.files().crash();
            store.drop();
            store.power().on();
            store.files().fail_nth(1 << 30);
            ASSERT_TRUE(store.open());
            auto after = rows;
            std::erase_if(after,
                          [&](const auto& row) { return row.first.first == tag && row.first.second > kStart - kDay; });
            std::map<std::pair<TagId, TimeNs>, double> found;
            for (const TagId one : {tag, store.tag("d:1", "b")})
                for (const Reading& reading : store.raw(one, kAllTime))
                    found[{one, reading.time}] = std::get<double>(reading.value);
            EXPECT_TRUE(found == after || (!cut && found == rows)) << found.size() << " rows";
            if (cut) {
                EXPECT_EQ(store->last(tag)->time, kStart - kDay);
            }
            const auto report = store->verify();
            ASSERT_TRUE(report);
            EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
            if (!hit || HasFatalFailure()) break;
        }
        EXPECT_GT(n, 12);
    }
}

TEST_F(Faults, ARemovalThatFailedIsDoneLater) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const auto rows = fill_days(store);
    store.files().fail_nth(3);
    const Removal removal = removal_of(store.tag("d:1", "a"));
    ASSERT_FALSE(store->remove(removal));
    const auto again = store->remove(removal);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->rows, 6u);
    store.close();
    check_removal(store, rows, true);
}

// Reads what it is given only at the end, when the store has removed it all.
class SlowCopier final : public Copier {
public:
    SlowCopier(TestStore& store, Removal removal) : store_(store), removal_(std::move(removal)) {}
    Result<void> expect(std::uint64_t, std::uint64_t) override {
        removed_ = TRY(store_->remove(removal_)).rows;
        return {};
    }
    Result<void> take(const std::string& name, const std::string& path, std::uint64_t bytes) override {
        const auto file = TRY(store_.files().open(path, io::Open::read));
        Buffer content(bytes);
        TRY(file->read_at(0, content));
        return put(name, content);
    }
    Result<void> put(const std::string& name, Bytes content) override {
        TRY(store_.files().make_folder(("/copy/" + name).substr(0, ("/copy/" + name).rfind('/')), 0750));
        return io::write_whole(store_.files(), "/copy/" + name, content);
    }
    std::uint64_t removed_ = 0;

private:
    TestStore& store_;
    const Removal removal_;
};

TEST_F(Faults, ARemovalTakesNothingFromABackupThatRuns) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const auto rows = fill_days(store);
    SlowCopier copier(store, {.all_before = static_cast<std::int32_t>(kStart / kDay) + 1});
    const auto copied = store->copy_to(copier);
    ASSERT_TRUE(copied) << copied.error().text();
    EXPECT_EQ(copier.removed_, rows.size());
    EXPECT_TRUE(store->days().empty());
    TestStore copy(1, {}, "/copy", &store.files());
    ASSERT_TRUE(copy.open());
    EXPECT_EQ(copy.raw(copy.tag("d:1", "a"), kAllTime).size() + copy.raw(copy.tag("d:1", "b"), kAllTime).size(),
              rows.size());
}

TEST_F(Faults, EveryOperationFailsOnce) {
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        TestStore store;
        Promised promised;
        store.files().fail_nth(n);
        Workload(store, promised).run();
        const bool fired = store.files().fault_fired();
        if (!fired) break;  // n is past the last operation: each has failed once
        store.crash();
        check(store, promised);
        if (::testing::Test::HasFatalFailure()) break;
    }
    EXPECT_GT(n, 100);
}

void sweep_power(bool torn) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        TestStore store;
        Promised promised;
        store.power().arm(n, torn ? &rng : nullptr);
        Workload(store, promised).run();
        const bool off = store.power().is_off();
        if (!off) store.files().crash(torn ? &rng : nullptr);
        store.power().on();
        store.drop();
        check(store, promised);
        if (::testing::Test::HasFatalFailure() || !off) break;
    }
    EXPECT_GT(n, 100);
}

TEST_F(Faults, ThePowerGoesOffBeforeEveryOperation) { sweep_power(false); }
TEST_F(Faults, ThePowerGoesOffBeforeEveryOperationAndTailsAreTorn) { sweep_power(true); }

TEST_F(Faults, AnotherCrashDuringRecovery) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        TestStore store;
        Promised promised;
        // Before the last sync of the log: the tail is torn in many ways over the runs.
        store.power().arm(60 + n % 90, &rng);
        Workload(store, promised).run();
        store.power().on();
        store.drop();
        store.power().arm(n, &rng);
        if (store.open()) store.drop();
        const bool off = store.power().is_off();
        store.power().on();
        check(store, promised);
        if (::testing::Test::HasFatalFailure() || (!off && n > 150)) break;
    }
}

TEST_F(Faults, CorruptionInTheMiddleOfTheLogIsRefusedByName) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.append(one_row(tag, kStart + i, i)));
    store.close();
    store.files().corrupt("/store/log/0000000000000001.log", 60);
    const auto opened = store.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::corrupt);
    EXPECT_NE(opened.error().text().find("/store/log/0000000000000001.log"), std::string::npos)
        << opened.error().text();
}

TEST_F(Faults, VerifyAndReadNameACorruptSegment) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    ASSERT_TRUE(store.append(one_row(tag, kStart, 1)));
    ASSERT_TRUE(store->compact());
    const auto days = store.files().list("/store/seg");
    ASSERT_EQ(days->size(), 1u);
    const std::string folder = "/store/seg/" + days->at(0);
    const std::string path = folder + "/" + store.files().list(folder)->at(0);
    store.files().corrupt(path, 9);
    const auto report = store->verify();
    ASSERT_TRUE(report);
    ASSERT_EQ(report->problems.size(), 1u);
    EXPECT_NE(report->problems[0].find(path), std::string::npos) << report->problems[0];
    ReadRequest request;
    request.tags = {tag};
    request.window = kAllTime;
    const auto series = store->read(request);
    ASSERT_FALSE(series);
    EXPECT_EQ(series.error().code(), Code::corrupt);
}

TEST_F(Faults, AFullDiskRefusesAndKeeps) {
    TestStore store;
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    ASSERT_TRUE(store.append(one_row(tag, kStart, 1)));
    store.files().set_free_bytes(100);
    int kept = 1;
    for (; kept < 100; ++kept)
        if (!store.append(one_row(tag, kStart + kept, kept))) break;
    EXPECT_LT(kept, 10);
    // Half of the last group was written and taken back: nothing is damaged.
    const VerifyReport report = verify_folder(store.files(), store.clock(), "/store", {});
    EXPECT_TRUE(report.problems.empty()) << report.problems.at(0);
    store.crash();
    store.files().set_free_bytes(1 << 30);
    ASSERT_TRUE(store.open());
    EXPECT_GE(store.raw(tag, kAllTime).size(), static_cast<std::size_t>(kept));
}

}  // namespace
}  // namespace gongshu::history
