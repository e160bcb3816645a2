// The log as somebody reads it who sends it on: every acknowledged reading once, in order, over seals, cuts and bounds.
#include <gtest/gtest.h>

#include "history/kept_logs.h"
#include "history/log.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

using Pairs = std::vector<std::pair<TimeNs, double>>;
constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// Reads the log and remembers what it saw of each tag.
struct Follower {
    std::map<std::uint64_t, Pairs> seen;  // by tag
    LogPosition at;
    std::uint64_t lost_groups = 0;

    // One piece; false if there was nothing.
    bool step(TestStore& store, std::uint64_t bytes = 1 << 20) {
        const auto piece = store->read_log(at, bytes);
        EXPECT_TRUE(piece) << (piece ? "" : piece.error().text());
        if (!piece) return false;
        if (at.group != 0 && piece->begin > at.group) lost_groups += piece->begin - at.group;
        bool any = false;
        for (const Rows& rows : piece->rows) {
            for (std::size_t i = 0; i < rows.size(); ++i)
                seen[rows.tag(i).value].emplace_back(rows.time(i), std::get<double>(rows.value(i)));
            any = any || !rows.empty();
        }
        EXPECT_TRUE(piece->next.group > at.group || piece->rows.empty());
        at = piece->next;
        return any;
    }
    void drain(TestStore& store) {
        while (step(store)) {
        }
    }
    // What a program that was started again knows.
    void forget_place() { at.file = at.offset = 0; }
};

HistoryOptions keeping(std::uint64_t bytes) {
    HistoryOptions options;
    options.log_kept_bytes = bytes;
    options.seal_age = kDay;
    return options;
}

std::size_t files_in(TestStore& store, const std::string& folder) {
    const auto names = store.files().list("/store/" + folder);
    return names ? names->size() : 0;
}

TEST(ReadLog, GivesEveryReadingOnceWhateverHappens) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    TestStore store{seed, keeping(1 << 30)};
    ASSERT_TRUE(store.open());
    std::map<std::uint64_t, Pairs> model;
    Follower follower, saved;  // `saved`: what it would know after a cut
    TimeNs time = store.clock().now();
    for (int step = 0; step < 400; ++step) {
        switch (rng.below(10)) {
            case 0:
                ASSERT_TRUE(store->compact());
                break;
            case 1:
                store.crash(&rng);
                ASSERT_TRUE(store.open());
                follower = saved;
                follower.forget_place();
                break;
            case 2:
                store.reopen();
                follower.forget_place();
                break;
            case 3:
                saved = follower;
                store->release_log(follower.at.group);
                break;
            case 4:
            case 5:
                follower.step(store, 1 + rng.below(2000));
                break;
            default: {
                Rows rows;
                Tuples tuples;
                const TagId a = store.tag("a" + std::to_string(rng.below(20))), b = store.tag("b", "x"),
                            c = store.tag("b", "y");
                const bool together = rng.below(2) == 0;
                for (std::uint64_t i = 0; i <= rng.below(20); ++i) {
                    time += kMillisecond;
                    const double value = static_cast<double>(rng.below(1000));
                    if (together) {
                        add_tuple(tuples, shape_of({b, c}), time, {value, value + 1});
                        model[b.value].emplace_back(time, value);
                        model[c.value].emplace_back(time, value + 1);
                    } else {
                        rows.add_number(a, time, value);
                        model[a.value].emplace_back(time, value);
                    }
                }
                ASSERT_TRUE(together ? store.append(std::move(tuples)) : store.append(std::move(rows)));
                time = std::max(time, store.clock().now());
            }
        }
    }
    follower.drain(store);
    EXPECT_EQ(follower.lost_groups, 0U);
    ASSERT_EQ(follower.seen.size(), model.size());
    for (const auto& [tag, pairs] : model) {
        EXPECT_EQ(follower.seen[tag].size(), pairs.size()) << tag;
        EXPECT_TRUE(follower.seen[tag] == pairs) << tag;
    }
    store->release_log(follower.at.group);
    EXPECT_LE(files_in(store, "kept"), 1U);
    EXPECT_EQ(store->take_log_loss().readings, 0U);
    const auto report = store->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
}

TEST(ReadLog, KeepsNothingUnlessAskedTo) {
    TestStore store;
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart, 1)));
    ASSERT_TRUE(store->compact());
    ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart + 1, 2)));
    Follower follower;
    follower.drain(store);
    EXPECT_EQ(follower.seen[store.tag("a").value], (Pairs{{kStart + 1, 2}}));
    EXPECT_EQ(files_in(store, "kept"), 0U);
}

TEST(ReadLog, DropsTheOldestPastTheBoundAndSaysHowMany) {
    TestStore store{1, keeping(4000)};
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("a");
    Follower follower;
    TimeNs time = kStart;
    std::uint64_t lost = 0;
    for (int file = 0; file < 10; ++file) {
        Rows rows;
        for (int i = 0; i < 100; ++i) rows.add_number(tag, ++time, i);
        ASSERT_TRUE(store.append(std::move(rows)));
        if (file == 1) follower.drain(store);
        ASSERT_TRUE(store->compact());
        lost += store->take_log_loss().readings;
    }
    EXPECT_GT(lost, 0U);
    follower.drain(store);
    EXPECT_GT(follower.lost_groups, 0U);
    // The two files that were read count as lost, for nobody had said so.
    EXPECT_EQ(follower.seen[tag.value].size() - 200 + lost, 1000U);
    EXPECT_EQ(follower.seen[tag.value].back().first, time);
}

TEST(ReadLog, TellsItsLogFromAnotherOne) {
    TestStore store{1, keeping(1 << 20)}, other{2, keeping(1 << 20)};
    for (TestStore* one : {&store, &other}) {
        ASSERT_TRUE(one->open());
        for (int i = 0; i < 5; ++i) ASSERT_TRUE(one->append(one_row(one->tag("a"), kStart + i, one == &store ? 1 : 2)));
    }
    Follower follower;
    follower.step(store, 1);
    follower.step(store, 1);
    follower.forget_place();
    const auto wrong = other->read_log(follower.at, 1000);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), Code::conflict);
    const auto ahead = store->read_log({.group = 1000}, 1000);
    ASSERT_FALSE(ahead);
    EXPECT_EQ(ahead.error().code(), Code::conflict);
}

TEST(ReadLog, TurnedOffItGivesTheRoomBack) {
    io::SimFiles files;
    {
        TestStore store{1, keeping(1 << 20), "/store", &files};
        ASSERT_TRUE(store.open());
        ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart, 1)));
        ASSERT_TRUE(store->compact());
        EXPECT_EQ(files_in(store, "kept"), 1U);
        store.close();
    }
    TestStore store{1, {}, "/store", &files};
    ASSERT_TRUE(store.open());
    EXPECT_EQ(files_in(store, "kept"), 0U);
    EXPECT_EQ(store.raw(store.tag("a"), kAllTime).size(), 1U);
}

TEST(ReadLog, DamageAndMissingFilesHoldUpNothingBehindThem) {
    for (const bool missing : {false, true}) {
        SCOPED_TRACE(missing);
        TestStore store{1, keeping(1 << 20)};
        ASSERT_TRUE(store.open());
        const TagId tag = store.tag("a");
        for (int file = 0; file < 4; ++file) {
            for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.append(one_row(tag, kStart + 10 * file + i, 10 * file + i)));
            ASSERT_TRUE(store->compact());
        }
        const auto names = store.files().list("/store/kept");
        ASSERT_TRUE(names && names->size() == 4);
        const std::string path = "/store/kept/" + names->at(1);
        if (missing) {
            store.close();
            ASSERT_TRUE(store.files().remove(path));
            ASSERT_TRUE(store.open());
        } else {
            const auto file = store.files().open(path, io::Open::read_write);
            ASSERT_TRUE(file);
            ASSERT_TRUE((*file)->write_at(kLogHeaderBytes + kLogGroupHeaderBytes + 2, Buffer{0xff}));
        }
        Follower follower;
        follower.drain(store);
        follower.drain(store);  // what stood before the damage comes first
        std::vector<double> values;
        for (const auto& [time, value] : follower.seen[tag.value]) values.push_back(value);
        EXPECT_EQ(values, (std::vector<double>{0, 1, 2, 20, 21, 22, 30, 31, 32}));
    }
}

TEST(ReadLog, AFileWithoutAHeaderIsLeftAside) {
    TestStore store{1, keeping(1 << 20)};
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart, 1)));
    ASSERT_TRUE(store->compact());
    const auto names = store.files().list("/store/kept");
    ASSERT_TRUE(names);
    store.close();
    {
        const auto file = store.files().open("/store/kept/" + names->at(0), io::Open::read_write);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(0, Buffer{0xff}));
    }
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store->take_log_loss().files, 1U);
    EXPECT_TRUE(store.files().exists("/store/kept/" + names->at(0) + ".damaged").value());
    ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart + 1, 2)));
    Follower follower;
    follower.drain(store);
    EXPECT_EQ(follower.seen[store.tag("a").value], (Pairs{{kStart + 1, 2}}));
    EXPECT_EQ(store.raw(store.tag("a"), kAllTime).size(), 2U);
}

TEST(ReadLog, DamageIsTold) {
    TestStore store{1, keeping(1 << 20)};
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.append(one_row(store.tag("a"), kStart, 1)));
    ASSERT_TRUE(store->compact());
    const auto names = store.files().list("/store/kept");
    ASSERT_TRUE(names);
    const auto file = store.files().open("/store/kept/" + names->at(0), io::Open::read_write);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(kLogHeaderBytes + kLogGroupHeaderBytes + 2, Buffer{0xff}));
    const auto piece = store->read_log({}, 1000);
    ASSERT_FALSE(piece);
    EXPECT_EQ(piece.error().code(), Code::corrupt);
    EXPECT_NE(piece.error().text().find(names->at(0)), std::string::npos) << piece.error().text();
}

}  // namespace
}  // namespace gongshu::history
