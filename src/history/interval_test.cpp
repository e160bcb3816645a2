// Intervals: what is kept, what is found, and that no revision is ever lost. Random operations are held against a map.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "history/interval_file.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;
constexpr TenantId kTenant{1};

Interval make(std::string kind, TimeNs from, std::optional<TimeNs> to, std::string subject = "d:1") {
    Interval interval;
    interval.tenant = kTenant;
    interval.subject = std::move(subject);
    interval.path = "hall/one";
    interval.kind = std::move(kind);
    interval.from = from;
    interval.to = to;
    interval.by = interval.source_name = "user:li";
    return interval;
}

// A store whose intervals are asked one after another.
class Kept {
public:
    explicit Kept(HistoryOptions options = {}) : store(1, std::move(options)) {}

    Result<Interval> add(Interval interval) {
        std::optional<Result<Interval>> answer;
        store->add_interval(std::move(interval), Durability::sync,
                            [&](Result<Interval> one) { answer = std::move(one); });
        return wait(answer);
    }
    Result<Interval> revise(Interval next, IntervalAction action) {
        next.action = action;
        std::optional<Result<Interval>> answer;
        store->revise_interval(std::move(next), Durability::sync,
                               [&](Result<Interval> one) { answer = std::move(one); });
        return wait(answer);
    }
    std::vector<Interval> find(const IntervalQuery& query, TenantId tenant = kTenant) {
        auto page = store->find_intervals(tenant, query);
        EXPECT_TRUE(page) << (page ? "" : page.error().text());
        return page ? std::move(page->intervals) : std::vector<Interval>{};
    }
    std::vector<Interval> revisions(IntervalId id) {
        auto found = store->interval_revisions(kTenant, id);
        EXPECT_TRUE(found) << (found ? "" : found.error().text());
        return found ? std::move(*found) : std::vector<Interval>{};
    }

    TestStore store;

private:
    Result<Interval> wait(std::optional<Result<Interval>>& answer) {
        EXPECT_FALSE(answer.has_value()) << "answered from inside";
        EXPECT_TRUE(store.world().run_until([&] { return answer.has_value(); }, kMinute));
        return answer ? *answer : Error{Code::timeout, "no answer"};
    }
};

TEST(HistoryIntervals, KeepsEveryRevisionThroughSealsAndRestarts) {
    Kept kept;
    ASSERT_TRUE(kept.store.open());
    Interval first = make("downtime", kStart, std::nullopt);
    first.attributes = {{"reason", std::string("卡料")}, {"parts", std::int64_t{3}}, {"ok", true}, {"speed", 1.5}};
    const auto opened = kept.add(first);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(opened->revision, 1u);
    EXPECT_TRUE(opened->open());
    ASSERT_TRUE(kept.store->compact());
    kept.store.reopen();
    Interval next = *opened;
    next.to = kStart + kHour;
    const auto closed = kept.revise(next, IntervalAction::closed);
    ASSERT_TRUE(closed) << closed.error().text();
    ASSERT_TRUE(kept.store->compact());
    next = *closed;
    next.from -= kMinute;
    next.reason = "began before it was seen";
    next.by = "user:wang";
    const auto corrected = kept.revise(next, IntervalAction::corrected);
    ASSERT_TRUE(corrected) << corrected.error().text();
    for (int round = 0; round < 3; ++round) {
        SCOPED_TRACE(round);
        const auto found = kept.find({});
        ASSERT_EQ(found.size(), 1u);
        EXPECT_EQ(found[0], *corrected);
        const auto all = kept.revisions(opened->id);
        ASSERT_EQ(all.size(), 3u);
        EXPECT_EQ(all[0], *opened);
        EXPECT_EQ(all[1], *closed);
        EXPECT_EQ(all[2], *corrected);
        EXPECT_EQ(kept.store->interval_kinds(kTenant), std::vector<std::string>{"downtime"});
        if (round == 0) kept.store.reopen();
        if (round == 1) {
            ASSERT_TRUE(kept.store->compact());
        }
    }
    const auto withdrawn = kept.revise(*corrected, IntervalAction::withdrawn);
    ASSERT_TRUE(withdrawn);
    EXPECT_TRUE(kept.find({}).empty());
    EXPECT_EQ(kept.find({.with_withdrawn = true}).size(), 1u);
    const auto after = kept.revise(*withdrawn, IntervalAction::corrected);
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code(), Code::conflict);
    const auto report = kept.store->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
    // A correction that is in the log alone counts no interval twice.
    EXPECT_EQ(report->intervals, 1u);
}

TEST(HistoryIntervals, RefusesWhatItCannotKeep) {
    Kept kept;
    ASSERT_TRUE(kept.store.open());
    const auto f = [&](const std::function<void(Interval&)>& change, std::string_view words) {
        Interval interval = make("downtime", kStart, kStart + 1);
        change(interval);
        const auto added = kept.add(interval);
        ASSERT_FALSE(added) << words;
        EXPECT_EQ(added.error().code(), Code::invalid);
        EXPECT_NE(added.error().text().find(words), std::string::npos) << added.error().text();
    };
    f([](Interval& one) { one.kind = "Downtime"; }, "kind: ");
    f([](Interval& one) { one.kind.clear(); }, "kind: ");
    f([](Interval& one) { one.subject.clear(); }, "subject: ");
    f([](Interval& one) { one.to = one.from; }, "to: must be after from");
    f([](Interval& one) { one.confidence = 1.1; }, "confidence: ");
    f([](Interval& one) { one.confidence = std::nan(""); }, "confidence: ");
    f([](Interval& one) { one.from = INT64_MIN; }, "from: ");
    f([](Interval& one) { one.attributes["Bad name"] = true; }, "attributes: ");
    f([](Interval& one) { one.attributes["x"] = std::nan(""); }, "attributes.x: ");
    f([](Interval& one) { one.attributes["x"] = "\xff"; }, "attributes.x: ");
    f([](Interval& one) { one.attributes["x"] = std::string(9000, 'x'); }, "attributes.x: ");
    f([](Interval& one) { one.reason = std::string(2001, 'x'); }, "reason: ");
    f(
        [](Interval& one) {
            for (int i = 0; i < 33; ++i) one.attributes["a" + std::to_string(i)] = true;
        },
        "attributes: 33, at most 32");
    const auto one = kept.add(make("downtime", kStart, std::nullopt));
    ASSERT_TRUE(one);
    Interval next = *one;
    next.to = kStart + 5;
    ASSERT_TRUE(kept.revise(next, IntervalAction::closed));
    const auto twice = kept.revise(next, IntervalAction::closed);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code(), Code::conflict);
    next.id.value = 77;
    EXPECT_EQ(kept.revise(next, IntervalAction::corrected).error().code(), Code::not_found);
    next.id = one->id;
    next.tenant = TenantId{2};
    EXPECT_EQ(kept.revise(next, IntervalAction::corrected).error().code(), Code::not_found);
    EXPECT_FALSE(kept.store->interval_revisions(TenantId{2}, one->id));
    EXPECT_TRUE(kept.find({}, TenantId{2}).empty());
}

TEST(HistoryIntervals, HasLimitsOfOpenOnesAndOfKinds) {
    set_log_level(LogLevel::warning);
    Kept kept;
    ASSERT_TRUE(kept.store.open());
    std::size_t answers = 0;
    std::optional<Error> last;
    for (std::size_t i = 0; i <= Interval::kOpenMax; ++i)
        kept.store->add_interval(make("downtime", kStart, std::nullopt), Durability::none,
                                 [&](const Result<Interval>& one) {
                                     ++answers;
                                     if (!one) last = one.error();
                                 });
    ASSERT_TRUE(kept.store.world().run_until([&] { return answers > Interval::kOpenMax; }, kMinute));
    ASSERT_TRUE(last);
    EXPECT_EQ(last->code(), Code::limit);
    EXPECT_TRUE(kept.add(make("downtime", kStart, kStart + 1))) << "a closed one is no matter";
    for (std::size_t i = 1; i < Interval::kKindsMax; ++i)
        ASSERT_TRUE(kept.add(make("k" + std::to_string(i), kStart, kStart + 1)));
    const auto more = kept.add(make("one_more", kStart, kStart + 1));
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code(), Code::limit);
    set_log_level(LogLevel::info);
}

// The bytes of a file, so that one of today is read by a program of tomorrow.
// clang-format off
TEST(HistoryIntervals, WritesTheDocumentedFormat) {
    Interval one = make("downtime", 1000, 3000);
    one.id.value = 7;
    one.revision = 1;
    one.at = 5;
    one.attributes = {{"n", std::int64_t{-1}}};
    const auto entry = std::make_shared<const IntervalEntry>(IntervalEntry{{one}, true});
    IntervalFileInfo info;
    const Buffer bytes = encode_interval_file({entry}, info);
    EXPECT_EQ(to_hex(bytes),
              "677369766c30300a"  // magic
              // One block with one interval of one revision: id 7, revision 1, tenant 1, "d:1", no tag, "hall/one",
              "01" "07" "01" "01" "03643a31" "00" "0868616c6c2f6f6e65"
              // "downtime", from 1000, has an end, 2000 later, one attribute n = -1,
              "08646f776e74696d65" "d00f" "01" "d00f" "01" "016e" "02" "01"
              // by hand, "user:li", confidence 1, opened, by "user:li", at 5, no reason.
              "01" "07757365723a6c69" "000000000000f03f" "01" "07757365723a6c69" "0a" "00"
              // Directory: one block of tenant 1, "d:1" to "d:1", from 1000 to 1000, ends to 3000, one interval, 65 bytes;
              "01" "01" "03643a31" "03643a31" "d00f" "d00f" "f02e" "01" "41" "df8ad535"
              "01" "07"  // one that replaces an older state: 7.
              "01" "07" "00"  // Ids: one, 7 in block 0.
              "4900000000000000" "18000000" "65cbe86b" "6100000000000000" "03000000" "41f848bf" "bddc8d3b"
              "677369766c30300a");
    EXPECT_EQ(info.max_to, 3000);
}
// clang-format on

// Random operations.
struct Model {
    std::map<std::uint64_t, std::vector<Interval>> all;

    std::vector<Interval> find(const IntervalQuery& query) const {
        std::vector<Interval> found;
        for (const auto& [id, revisions] : all) {
            const Interval& one = revisions.back();
            const bool about =
                (query.subjects.empty() && query.beginnings.empty()) ||
                std::ranges::count(query.subjects, one.subject) > 0 ||
                std::ranges::any_of(query.beginnings, [&](const auto& b) { return one.subject.starts_with(b); });
            const bool of_kind = query.kinds.empty() || std::ranges::count(query.kinds, one.kind) > 0;
            const bool before = std::pair{one.from, one.id} < std::pair{query.before.from, query.before.id};
            if (about && of_kind && before && one.overlaps(query.window) && (!query.open_only || one.open()) &&
                (!one.withdrawn || query.with_withdrawn))
                found.push_back(one);
        }
        std::ranges::sort(found, std::greater{}, [](const Interval& one) { return std::pair{one.from, one.id}; });
        return found;
    }
};

class RandomIntervals {
public:
    explicit RandomIntervals(std::uint64_t seed) : rng_(seed), kept_({.seal_bytes = 60'000}) {}

    void run(int steps) {
        ASSERT_TRUE(kept_.store.open());
        for (int step = 0; step < steps; ++step) {
            SCOPED_TRACE(step);
            const std::uint64_t dice = rng_.below(100);
            if (dice < 50) {
                add();
            } else if (dice < 80) {
                revise();
            } else if (dice < 90) {
                ask();
            } else if (dice < 94) {
                kept_.store.world().run_for(2 * kSecond);
            } else if (dice < 96) {
                ASSERT_TRUE(kept_.store->compact());
            } else if (dice < 98) {
                kept_.store.reopen();
            } else {
                kept_.store.crash(rng_.chance(0.5) ? &rng_ : nullptr);
                ASSERT_TRUE(kept_.store.open());
            }
            if (::testing::Test::HasFatalFailure()) return;
        }
        ask();
        for (const auto& [id, revisions] : model_.all) EXPECT_EQ(kept_.revisions(IntervalId{id}), revisions);
        const auto report = kept_.store->verify();
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
    }

private:
    void add() {
        static constexpr const char* kKinds[] = {"downtime", "batch", "shift"};
        const TimeNs from = kStart + static_cast<TimeNs>(rng_.below(500)) * kMinute;
        Interval one = make(kKinds[rng_.below(3)], from, std::nullopt,
                            (rng_.chance(0.5) ? "d:" : "p:a/") + std::to_string(rng_.below(12)));
        if (rng_.chance(0.6)) one.to = from + static_cast<TimeNs>(1 + rng_.below(100)) * kMinute;
        if (rng_.chance(0.5)) one.attributes["note"] = std::string(rng_.below(200), 'n');
        const auto added = kept_.add(one);
        ASSERT_TRUE(added) << added.error().text();
        ASSERT_FALSE(model_.all.contains(added->id.value)) << "an id came twice";
        model_.all[added->id.value] = {*added};
    }
    void revise() {
        if (model_.all.empty()) return;
        auto at = model_.all.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(model_.all.size())));
        Interval next = at->second.back();
        const auto action = static_cast<IntervalAction>(2 + rng_.below(3));
        const bool possible = !next.withdrawn && !(action == IntervalAction::closed && next.to);
        if (action == IntervalAction::closed) next.to = next.from + kMinute;
        if (action == IntervalAction::corrected) {
            next.from += static_cast<TimeNs>(rng_.below(100)) * kMinute;
            next.to = rng_.chance(0.2) ? std::nullopt
                                       : std::optional{next.from + static_cast<TimeNs>(1 + rng_.below(90)) * kMinute};
            next.reason = "so it was";
        }
        const auto revised = kept_.revise(next, action);
        ASSERT_EQ(revised.has_value(), possible) << (revised ? "" : revised.error().text());
        if (revised) at->second.push_back(*revised);
    }
    void ask() {
        IntervalQuery query;
        if (rng_.chance(0.5)) {
            for (int i = 0; i < 12; ++i)
                if (rng_.chance(0.3)) query.subjects.push_back("d:" + std::to_string(i));
            std::ranges::sort(query.subjects);
            if (rng_.chance(0.3)) query.beginnings = {"p:a/1"};
        }
        if (rng_.chance(0.5)) query.kinds = {"batch"};
        if (rng_.chance(0.7)) {
            query.window.from = kStart + static_cast<TimeNs>(rng_.below(600)) * kMinute;
            query.window.to = query.window.from + static_cast<TimeNs>(1 + rng_.below(120)) * kMinute;
        }
        query.open_only = rng_.chance(0.2);
        query.with_withdrawn = rng_.chance(0.3);
        query.intervals_max = 1 + rng_.below(40);
        auto want = model_.find(query);
        std::vector<Interval> got;
        for (;;) {
            const auto page = kept_.store->find_intervals(kTenant, query);
            ASSERT_TRUE(page) << page.error().text();
            got.insert(got.end(), page->intervals.begin(), page->intervals.end());
            if (!page->more) break;
            ASSERT_EQ(page->intervals.size(), query.intervals_max);
            query.before = {page->intervals.back().from, page->intervals.back().id};
        }
        ASSERT_EQ(got.size(), want.size());
        EXPECT_EQ(got, want);
        EXPECT_TRUE(kept_.find({}, TenantId{2}).empty());
    }

    Rng rng_;
    Kept kept_;
    Model model_;
};

TEST(HistoryIntervals, RandomOperationsAgreeWithAMap) {
    set_log_level(LogLevel::error);
    const std::uint64_t seed = test_seed();
    for (std::uint64_t round = 0; round < 3; ++round) {
        SCOPED_TRACE(seed + round);
        RandomIntervals{seed + round}.run(500);
        if (::testing::Test::HasFatalFailure()) break;
    }
    set_log_level(LogLevel::info);
}

// What was said to be kept, by what a fault left.
class FaultyIntervals {
public:
    FaultyIntervals() { promised_.reserve(100); }

    void work() {
        if (!kept.store.open() && !kept.store.open()) return;
        for (int round = 0; round < 2; ++round) {
            for (int i = 0; i < 3; ++i)
                note(kept.add(make("downtime", kStart + i, i == 0 ? std::nullopt : std::optional{kStart + 10})));
            if (kept.store.is_open()) (void)kept.store->compact();
            if (!promised_.empty()) {
                Interval next = promised_.back();
                next.to = kStart + 20 + round;
                note(kept.revise(next, IntervalAction::corrected));
            }
            if (round == 0) {
                kept.store.close();
                if (!kept.store.open() && !kept.store.open()) return;
            }
        }
        if (kept.store.is_open()) (void)kept.store->compact();
    }
    void check() {
        const auto opened = kept.store.open();
        ASSERT_TRUE(opened) << opened.error().text();
        for (const Interval& one : promised_) {
            const auto revisions = kept.revisions(one.id);
            ASSERT_GE(revisions.size(), one.revision) << "interval " << one.id.value << " is lost";
            EXPECT_EQ(revisions[one.revision - 1], one);
        }
        const auto report = kept.store->verify();
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
        EXPECT_TRUE(kept.add(make("batch", kStart, kStart + 1)));
        ASSERT_TRUE(kept.store->compact());
        EXPECT_EQ(kept.find({.kinds = {"batch"}}).size(), 1u);
        const auto names = kept.store.files().list("/store/ival");
        ASSERT_TRUE(names);
        EXPECT_LE(names->size(), 3u) << "files that nobody needs";
    }

    Kept kept;

private:
    void note(const Result<Interval>& one) {
        if (one) promised_.push_back(*one);
    }
    std::vector<Interval> promised_;
};

TEST(HistoryIntervals, EveryOperationFailsOnce) {
    set_log_level(LogLevel::off);
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        FaultyIntervals faulty;
        faulty.kept.store.files().fail_nth(n);
        faulty.work();
        if (!faulty.kept.store.files().fault_fired()) break;
        faulty.kept.store.crash();
        faulty.check();
        if (::testing::Test::HasFatalFailure()) break;
    }
    EXPECT_GT(n, 60);
    set_log_level(LogLevel::info);
}

TEST(HistoryIntervals, ThePowerGoesOffBeforeEveryOperationAndTailsAreTorn) {
    set_log_level(LogLevel::off);
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        FaultyIntervals faulty;
        faulty.kept.store.power().arm(n, &rng);
        faulty.work();
        const bool off = faulty.kept.store.power().is_off();
        if (!off) faulty.kept.store.files().crash(&rng);
        faulty.kept.store.power().on();
        faulty.kept.store.drop();
        faulty.check();
        if (::testing::Test::HasFatalFailure() || !off) break;
    }
    set_log_level(LogLevel::info);
}

TEST(HistoryIntervals, ADamagedFileIsNamedAndOthersGoOn) {
    Kept kept;
    ASSERT_TRUE(kept.store.open());
    ASSERT_TRUE(kept.add(make("downtime", kStart, kStart + 1)));
    ASSERT_TRUE(kept.store->compact());
    const auto names = kept.store.files().list("/store/ival");
    ASSERT_TRUE(names);
    const auto name = std::ranges::find_if(*names, [](const std::string& one) { return one.ends_with(".iv"); });
    ASSERT_NE(name, names->end());
    kept.store.files().corrupt("/store/ival/" + *name, 12);
    kept.store.reopen();
    const auto page = kept.store->find_intervals(kTenant, {});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code(), Code::corrupt);
    EXPECT_NE(page.error().text().find(*name), std::string::npos) << page.error().text();
    const auto report = kept.store->verify();
    ASSERT_TRUE(report);
    ASSERT_EQ(report->problems.size(), 1u);
    EXPECT_NE(report->problems[0].find(*name), std::string::npos);
    EXPECT_TRUE(kept.add(make("downtime", kStart, kStart + 1)));
}

}  // namespace
}  // namespace gongshu::history
