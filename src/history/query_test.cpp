// Questions one by one: what each aggregate says of a few rows, edges, limits, orders.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "history/aggregates.h"
#include "history/scan.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'699'999'200 * kSecond;  // a whole hour, shortly before SimClock begins
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// "10@0 20@30 bad@40 5?@50": value at so many seconds after kStart; ? is uncertain.
Rows rows_of(TagId tag, std::string_view text) {
    Rows rows;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t at = word.find('@');
        std::string value{word.substr(0, at)};
        const TimeNs time = kStart + static_cast<TimeNs>(std::stod(std::string{word.substr(at + 1)}) * 1e9);
        Quality quality = kGood;
        if (value == "bad") quality = bad(Reason::timeout);
        if (value.ends_with('?')) quality = uncertain(Reason::sensor);
        rows.add_number(tag, time, value == "bad" ? 99 : std::stod(value), quality);
    }
    return rows;
}

struct Fixture {
    TestStore store;
    TagId tag;
    explicit Fixture(std::string_view rows = "") {
        EXPECT_TRUE(store.open());
        tag = store.tag("d:1");
        if (!rows.empty()) {
            EXPECT_TRUE(store->import(rows_of(tag, rows)));
        }
    }
    ReadRequest request(DurationNs from, DurationNs to, DurationNs every = 0) const {
        ReadRequest asked;
        asked.tags = {tag};
        asked.window = {kStart + from, kStart + to};
        asked.every = every;
        return asked;
    }
    std::uint64_t chunks_read() { return store.metrics().counter("gongshu_history_chunks_read_total", "").value(); }
};

// One bucket of a minute from kStart on, as if it were over.
double one(std::string_view rows, const std::string& aggregate, DurationNs gap = 0,
           QualityFilter quality = QualityFilter::automatic) {
    Fixture fixture{rows};
    ReadRequest request = fixture.request(0, kMinute, kMinute);
    request.aggregates = {aggregate};
    request.gap = gap;
    request.quality = quality;
    request.fill = Fill::null;
    const auto series = fixture.store->read(request);
    EXPECT_TRUE(series) << series.error().text();
    return series ? series->at(0).values.at(0).at(0) : -1;
}

TEST(Aggregates, SayWhatTheirFormulaSays) {
    const auto f = [](std::string_view rows, const std::string& name, double want) {
        const double have = one(rows, name);
        if (std::isnan(want))
            EXPECT_TRUE(std::isnan(have)) << name << " of " << rows << " is " << have;
        else
            EXPECT_DOUBLE_EQ(have, want) << name << " of " << rows;
    };
    f("2@0 4@1 9@2", "avg", 5);
    f("2@0 bad@1 9@2", "range", 7);
    f("2@0 bad@1 9?@2", "count", 2);
    f("2@0 bad@1 9?@2", "count_good", 1);
    f("2@0 bad@1 9?@2", "count_bad", 1);
    f("2@0 9@1 5@2", "delta", 3);
    f("bad@0", "delta", kNaN);
    f("2@0 4@1 6@2", "stddev", 2);
    f("2@0 4@1 6@2", "variance", 4);
    f("2@0", "stddev", kNaN);
    f("1@0 100@1 3@2", "median", 3);
    f("1@0 2@1", "median", 1.5);
    f("1@0 2@1 3@2", "p75", 2.5);
    f("1@0 2@1 3@2", "p0", 1);
    f("1@0 2@1 3@2", "p100", 3);
    f("bad@0", "p50", kNaN);
    f("3@0 1@1 3@2 1@3 2@4", "mode", 1);
    // 10 for 30 s, 20 for 30 s.
    f("10@0 20@30", "twa", 15);
    f("10@0 20@30", "integral", 900);
    f("10@0 20@30", "twa_linear", 15);
    f("10@0 20@30", "covered", 1);
    f("10@0 20@30", "covered_linear", 0.5);
    f("10@0 20@40 20@60", "integral_linear", 600 + 400);
    f("10@0 bad@20 20@40", "integral", 200 + 400);
    f("10@0 bad@20 20@40", "twa", 15);
    f("10@0 bad@20 20@40", "covered", 2.0 / 3);
    f("10@0 bad@20 20@40", "twa_linear", kNaN);
    f("bad@0", "twa", kNaN);
    f("bad@0", "covered", 0);
    f("", "integral", kNaN);
    // A line that crosses the edge of the bucket on both sides.
    f("0@-60 120@60", "integral_linear", 60 * 90);
    f("0@-60 120@60", "twa_linear", 90);
    f("1@0 0@15 1@45", "on_time", 30);
    f("1@0 0@15 bad@30", "on_fraction", 0.5);
    f("1@-10 0@15", "on_time", 15);
    f("100@-5 110@0 4@30 5@40", "increase", 15);
    f("110@0", "increase", kNaN);
    f("110@0 110@1", "increase", 0);
}

TEST(Aggregates, AGapEndsWhatIsKnown) {
    const auto f = [](std::string_view rows, const std::string& name, DurationNs gap, double want) {
        EXPECT_DOUBLE_EQ(one(rows, name, gap), want) << name << " of " << rows;
    };
    f("10@0 20@30", "integral", 10 * kSecond, 10 * 10 + 20 * 10);
    f("10@0 20@30", "covered", 10 * kSecond, 1.0 / 3);
    f("10@0 20@5 30@30 40@40", "integral_linear", 10 * kSecond, 75 + 350);
    f("7@-20 10@50", "integral", 30 * kSecond, 70 + 100);  // reaches 10 s into the bucket
    f("7@-40 10@50", "integral", 30 * kSecond, 100);       // too old
    f("7@-40 bad@-1 10@50", "integral", 0, 100);           // a bad row between
    f("7@-90000 10@50", "integral", 0, 100);               // a day is the default
    f("7@-80000 10@50", "integral", 0, 350 + 100);
    EXPECT_TRUE(std::isnan(one("10@0 20@30", "twa_linear", 10 * kSecond)));
}

TEST(Aggregates, CountWhatTheQualityFilterLetsThrough) {
    const auto f = [](const std::string& name, QualityFilter quality, double want) {
        EXPECT_DOUBLE_EQ(one("2@0 4?@20 bad@40", name, 0, quality), want) << name;
    };
    f("count", QualityFilter::good, 1);
    f("count", QualityFilter::usable, 2);
    f("count", QualityFilter::all, 3);
    f("max", QualityFilter::all, 99);
    f("max", QualityFilter::good, 2);
    f("count_bad", QualityFilter::good, 1);
    f("integral", QualityFilter::good, 40);
    f("integral", QualityFilter::automatic, 40 + 80);
}

TEST(Aggregates, NamesThatAreNoneAreTold) {
    for (const char* name : {"", "p", "p101", "p-1", "p1e1", "pp", "p5x", "AVG", "p1.23456789"})
        EXPECT_FALSE(parse_aggregate(name)) << name;
    for (const char* name : {"p0", "p5", "p99.99", "p100", "median", "twa_step", "on_fraction"})
        EXPECT_TRUE(parse_aggregate(name)) << name;
    EXPECT_NE(parse_aggregate("mean").error().text().find("\"mean\" is no aggregate; there are avg, min"),
              std::string::npos);
}

TEST(Aggregates, SpreadIsRightWhereTheMeanIsLarge) {
    EXPECT_NEAR(one("1000000000.1@0 1000000000.2@1 1000000000.3@2", "stddev"), 0.1, 1e-7);
    EXPECT_EQ(one("100000000.1@0 100000000.1@1 100000000.1@2", "variance"), 0);
}

TEST(Aggregates, TimesAreExact) {
    Fixture fixture{"1@0.000000001 bad@1 3@2.5 bad@3"};
    ReadRequest request = fixture.request(0, kHour, kHour);
    request.aggregates = {"first_time", "count", "last_time"};
    for (const bool compacted : {false, true}) {
        if (compacted) {
            ASSERT_TRUE(fixture.store->compact());
        }
        const auto series = fixture.store->read(request);
        ASSERT_TRUE(series);
        ASSERT_EQ(series->at(0).times.size(), 4u);
        EXPECT_EQ(series->at(0).times[0], std::vector<TimeNs>{kStart + 1});
        EXPECT_TRUE(series->at(0).times[1].empty());
        EXPECT_EQ(series->at(0).times[2], std::vector<TimeNs>{kStart + 2'500'000'000});
    }
}

TEST(Aggregates, TooManyRowsForExactPercentilesAreALimit) {
    ReadRequest request;
    request.window = kAllTime;
    request.every = 10'000 * kDay;
    request.aggregates = {"p99"};
    RowBudget budget{10};
    const auto builder = make_bucket_builder(TagId{16}, request, kStart, budget);
    ASSERT_TRUE(builder);
    history::Run run;
    for (int i = 0; i < 20'000; ++i) run.push(i, 0, 0x02);
    Result<void> taken;
    for (std::size_t rows = 0; taken && rows <= kRankedMax; rows += run.size()) {
        taken = (*builder)->take_rows(run, 0, run.size());
        for (TimeNs& time : run.times) time += 20'000;
    }
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Code::limit);
    EXPECT_NE(taken.error().text().find("more than 4000000 rows"), std::string::npos) << taken.error().text();
}

// "bucket+seconds=value*": * is filled, - is NaN.
std::string told(const Series& series) {
    std::string text;
    for (std::size_t b = 0; b < series.buckets.size(); ++b) {
        const double value = series.values[0][b];
        text += fmt::format("{}{}={}{}", b > 0 ? " " : "", (series.buckets[b] - kStart) / kSecond,
                            std::isnan(value) ? "-" : fmt::format("{}", value),
                            !series.filled.empty() && series.filled[b] != 0 ? "*" : "");
    }
    return text;
}

TEST(Fill, EmptyBucketsAreFilledAndMarked) {
    Fixture fixture{"10@65 30@305 bad@365 40@485"};
    const auto f = [&](const std::string& name, Fill fill, const std::string& want) {
        ReadRequest request = fixture.request(30 * kSecond, 550 * kSecond, kMinute);
        request.aggregates = {name};
        request.fill = fill;
        request.fill_value = 7;
        request.gap = 90 * kSecond;
        const auto series = fixture.store->read(request);
        ASSERT_TRUE(series) << series.error().text();
        EXPECT_EQ(told(series->at(0)), want) << name;
    };
    f("avg", Fill::none, "60=10 300=30 360=- 480=40");
    f("avg", Fill::null, "0=-* 60=10 120=-* 180=-* 240=-* 300=30 360=- 420=-* 480=40 540=-*");
    f("avg", Fill::previous, "0=-* 60=10 120=10* 180=10* 240=10* 300=30 360=- 420=-* 480=40 540=40*");
    f("avg", Fill::linear, "0=-* 60=10 120=15* 180=20* 240=25* 300=30 360=- 420=-* 480=40 540=-*");
    f("avg", Fill::value, "0=7* 60=10 120=7* 180=7* 240=7* 300=30 360=- 420=7* 480=40 540=7*");
    f("count", Fill::value, "0=0* 60=1 120=0* 180=0* 240=0* 300=1 360=0 420=0* 480=1 540=0*");
    // A value that holds is known, not filled in; so is how much of a bucket is.
    f("integral", Fill::null, "0=-* 60=550 120=350* 180=-* 240=-* 300=1650 360=150 420=-* 480=2200 540=400*");
    f("covered", Fill::previous,
      "0=0* 60=0.9166666666666666 120=0.5833333333333334* 180=0* 240=0* 300=0.9166666666666666 "
      "360=0.08333333333333333 420=0* 480=0.9166666666666666 540=1*");
}

TEST(Fill, NothingIsFilledInTheFuture) {
    Fixture fixture{"10@5"};
    ReadRequest request = fixture.request(0, 10 * kMinute, kMinute);
    request.aggregates = {"last"};
    request.fill = Fill::previous;
    request.as_of = kStart + 150 * kSecond;
    EXPECT_EQ(told(fixture.store->read(request)->at(0)), "0=10 60=10* 120=10*");
    request.aggregates = {"integral"};
    EXPECT_EQ(told(fixture.store->read(request)->at(0)), "0=550 60=600* 120=300*");
    request.aggregates = {"covered"};
    EXPECT_EQ(told(fixture.store->read(request)->at(0)), "0=0.9166666666666666 60=1* 120=1*");
}

TEST(Fill, TooManyBucketsAreALimit) {
    Fixture fixture{"10@5"};
    ReadRequest request = fixture.request(0, kHour, 1);
    request.aggregates = {"last"};
    request.fill = Fill::null;
    for (const DurationNs every : {DurationNs{1}, kMillisecond}) {
        request.every = every;
        const auto series = fixture.store->read(request);
        ASSERT_FALSE(series);
        EXPECT_EQ(series.error().code(), Code::limit);
        EXPECT_NE(series.error().text().find("more than the 1000000 rows"), std::string::npos);
    }
    request.every = kSecond;
    request.as_of = kStart + kHour;
    EXPECT_EQ(fixture.store->read(request)->at(0).buckets.size(), 3600u);
    request.window = {kStart, kStart};
    EXPECT_EQ(fixture.store->read(request)->at(0).buckets.size(), 0u);
}

TEST(RawRows, TheNewestComeFirstAndFewChunksAreRead) {
    Fixture fixture;
    Rows rows;
    for (int day = 0; day < 20; ++day)
        for (int i = 0; i < 3000; ++i) rows.add_number(fixture.tag, kStart - day * kDay - i * kSecond, day);
    ASSERT_TRUE(fixture.store->import(rows));
    ASSERT_TRUE(fixture.store->compact());
    ReadRequest request = fixture.request(-30 * kDay, kHour);
    const std::uint64_t before = fixture.chunks_read();
    ASSERT_EQ(fixture.store->read(request)->at(0).rows.size(), 60'000u);
    EXPECT_GE(fixture.chunks_read() - before, 20u);
    for (const bool newest_first : {true, false}) {
        request.newest_first = newest_first;
        request.rows_wanted = 5;
        const std::uint64_t at = fixture.chunks_read();
        const auto series = fixture.store->read(request);
        ASSERT_TRUE(series);
        const Rows& found = series->at(0).rows;
        ASSERT_EQ(found.size(), 5u);
        EXPECT_TRUE(series->at(0).more);
        EXPECT_EQ(found.reading(0).time, newest_first ? kStart : kStart - 19 * kDay - 2999 * kSecond);
        EXPECT_EQ(found.reading(4).time - found.reading(0).time, (newest_first ? -4 : 4) * kSecond);
        EXPECT_EQ(fixture.chunks_read() - at, 1u);
    }
    request.newest_first = true;
    request.rows_wanted = 60'000;
    EXPECT_FALSE(fixture.store->read(request)->at(0).more);
}

TEST(RawRows, AQuestionEndsWhenNobodyWaitsOrItsTimeIsUp) {
    Fixture fixture{"1@0 2@1"};
    ASSERT_TRUE(fixture.store->compact());
    ReadRequest request = fixture.request(0, kHour);
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    request.patience.cancelled = cancelled;
    EXPECT_TRUE(fixture.store->read(request));
    *cancelled = true;
    const auto gone = fixture.store->read(request);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code(), Code::unavailable);
    request.patience.cancelled = nullptr;
    request.patience.deadline = fixture.store.clock().monotonic() + kSecond;
    EXPECT_TRUE(fixture.store->read(request));
    fixture.store.clock().advance(2 * kSecond);
    const auto late = fixture.store->read(request);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::timeout);
    EXPECT_NE(late.error().text().find("longer than it may"), std::string::npos);
}

TEST(Thin, KeepsTheShapeTheEdgesOfGapsAndBadStretches) {
    Fixture fixture;
    Rows rows;
    // A wave with one peak, an hour without rows, a bad stretch.
    for (int i = 0; i < 7200; ++i) {
        const Quality quality = i >= 5000 && i < 5100 ? bad(Reason::timeout) : kGood;
        const int second = i < 3600 ? i : i + 3600;
        rows.add_number(fixture.tag, kStart + second * kSecond, i == 1000 ? 50 : std::sin(i / 300.0), quality);
    }
    ASSERT_TRUE(fixture.store->import(rows));
    ASSERT_TRUE(fixture.store->compact());
    ReadRequest request = fixture.request(0, 4 * kHour);
    request.points_max = 300;
    for (const Sampling sampling : {Sampling::min_max, Sampling::largest_triangles}) {
        request.sampling = sampling;
        const auto series = fixture.store->read(request);
        ASSERT_TRUE(series) << series.error().text();
        const Rows& kept = series->at(0).rows;
        EXPECT_TRUE(series->at(0).sampled);
        EXPECT_LE(kept.size(), 300u);
        EXPECT_GE(kept.size(), 90u);
        bool peak = false, bad = false;
        std::vector<TimeNs> times;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            times.push_back(kept.time(i));
            peak = peak || kept.value(i) == Value{50.0};
            bad = bad || !kept.quality(i).usable();
        }
        EXPECT_TRUE(peak);
        EXPECT_TRUE(bad);
        EXPECT_TRUE(std::ranges::is_sorted(times));
        EXPECT_EQ(std::ranges::adjacent_find(times), times.end());
        if (sampling == Sampling::min_max) continue;
        for (const int second : {0, 3599, 7200, 7199 + 3600})
            EXPECT_TRUE(std::ranges::binary_search(times, kStart + second * kSecond)) << second;
    }
}

// Of each pixel the row with the largest triangle, worked out by hand: A before, C the mean of the next.
TEST(Thin, TakesTheLargestTriangles) {
    Fixture fixture;
    Rows rows;
    // Four pixels of four seconds.
    const double values[] = {0, 0, 0, 0, 0, 3, 1, 0, 9, 0, -9, 0, 5, 6, 7, 8};
    for (int i = 0; i < 16; ++i) rows.add_number(fixture.tag, kStart + i * kSecond, values[i]);
    ASSERT_TRUE(fixture.store->import(rows));
    ReadRequest request = fixture.request(0, 16 * kSecond);
    request.points_max = 8;
    request.sampling = Sampling::largest_triangles;
    const auto series = fixture.store->read(request);
    ASSERT_TRUE(series);
    std::string kept;
    for (std::size_t i = 0; i < series->at(0).rows.size(); ++i)
        kept += fmt::format("{}@{} ", to_string(series->at(0).rows.value(i)),
                            (series->at(0).rows.time(i) - kStart) / kSecond);
    EXPECT_EQ(kept, "0@0 3@5 -9@10 8@15 ");
}

TEST(Thin, OfTextTheFirstOfEachPixelStays) {
    Fixture fixture;
    const TagId text = fixture.store.tag("d:1", "t", ValueType::text);
    Rows rows;
    for (int i = 0; i < 100; ++i) rows.add_text(text, kStart + i * kSecond, "step " + std::to_string(i));
    ASSERT_TRUE(fixture.store->import(rows));
    ReadRequest request = fixture.request(0, kHour);
    request.tags = {text};
    request.points_max = 20;
    for (const Sampling sampling : {Sampling::min_max, Sampling::largest_triangles}) {
        request.sampling = sampling;
        const auto series = fixture.store->read(request);
        ASSERT_TRUE(series);
        EXPECT_GE(series->at(0).rows.size(), 6u);
        EXPECT_LE(series->at(0).rows.size(), 20u);
        EXPECT_EQ(series->at(0).rows.value(0), Value{std::string("step 0")});
    }
}

}  // namespace
}  // namespace gongshu::history
