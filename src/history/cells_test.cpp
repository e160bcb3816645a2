#include "history/cells.h"

#include <gtest/gtest.h>

#include <limits>
#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "history/cell_bits.h"
#include "history/segment.h"
#include "history/store_test.h"
#include "io/files.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kDayStart = 19'000 * kDay;

// Rows of a day: stretches of some step, some of them a little late, some bad.
history::Run random_rows(Rng& rng, ValueType type) {
    history::Run run;
    run.type = type;
    const std::uint64_t form = rng.below(4);
    double walk = static_cast<double>(rng.below(1000));
    for (TimeNs time = kDayStart + static_cast<TimeNs>(rng.below(3'600)) * kSecond; time < kDayStart + kDay;) {
        const auto step = std::vector<DurationNs>{kSecond, 10 * kSecond, kMinute}[rng.below(3)];
        const bool jitter = rng.chance(0.3);
        const std::uint16_t quality = rng.chance(0.2) ? static_cast<std::uint16_t>(rng.below(3)) : 2;
        for (std::uint64_t left = rng.below(4'000); left > 0 && time < kDayStart + kDay; --left, time += step) {
            walk += static_cast<double>(rng.below(21)) - 10;
            std::uint64_t bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(walk));
            if (type == ValueType::boolean) bits &= 1;
            if (type == ValueType::integer && form == 1) bits <<= 45;
            if (type == ValueType::number) {
                const double value = form == 0 ? walk : form == 1 ? walk / 10 : walk * 1.1 / 7;
                bits = std::bit_cast<std::uint64_t>(rng.chance(1e-4) ? NAN : value);
            }
            run.push(time + (jitter ? static_cast<TimeNs>(rng.below(900)) * kMillisecond : 0), bits, quality);
        }
        time += static_cast<TimeNs>(rng.below(5'000)) * kSecond + kSecond;
    }
    return run;
}

history::Run part(const history::Run& run, std::size_t begin, std::size_t end) {
    history::Run rows;
    rows.type = run.type;
    for (std::size_t i = begin; i < end; ++i) rows.push_row(run, i);
    return rows;
}

// The rows of one hour or minute, one after another.
void expect_cell(const history::Run& run, const Cell& cell, DurationNs length) {
    Statistics want;
    __int128 whole = 0;
    long double sum = 0;
    for (std::size_t i = run.lower_bound(cell.from); i < run.lower_bound(cell.from + length); ++i) {
        want.add(run, i);
        if (!unpack_quality(run.qualities[i]).usable()) continue;
        if (run.type != ValueType::number) whole += static_cast<std::int64_t>(run.bits[i]);
        if (run.type == ValueType::number) sum += run.number_at(i);
    }
    const Statistics& have = cell.statistics;
    EXPECT_EQ(have.rows, want.rows);
    EXPECT_EQ(have.usable, want.usable);
    EXPECT_EQ(have.good, want.good);
    EXPECT_EQ(have.min, want.min);
    EXPECT_EQ(have.max, want.max);
    if (!std::isnan(want.first)) {
        EXPECT_EQ(have.first, want.first);
    }
    if (!std::isnan(want.last)) {
        EXPECT_EQ(have.last, want.last);
    }
    EXPECT_TRUE(whole == cell.whole);
    if (std::isnan(want.sum) && run.type == ValueType::number)
        EXPECT_TRUE(std::isnan(have.sum));
    else
        EXPECT_NEAR(have.sum, static_cast<double>(sum), 1e-9 * std::max(1.0, std::abs(static_cast<double>(sum))));
}

// Cells are those of their rows, come back from their bytes, and do not depend on where a run ends.
TEST(Cells, TellOfTheirRows) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Rng rng{seed};
    for (int round = 0; round < 12; ++round) {
        const auto type = static_cast<ValueType>(1 + rng.below(3));
        const history::Run run = random_rows(rng, type);
        CellMaker whole, parts;
        whole.add(run);
        for (std::size_t i = 0; i < run.size();) {
            const std::size_t end = std::min<std::size_t>(run.size(), i + 1 + rng.below(8'192));
            parts.add(part(run, i, end));
            i = end;
        }
        for (const SectionType length : {SectionType::hours, SectionType::minutes}) {
            const auto cells = whole.take(length);
            const auto others = parts.take(length);
            if (length == SectionType::hours) {
                EXPECT_EQ(cells, others);
            }
            for (const Cell& cell : cells) expect_cell(run, cell, cell_length(length));
            for (const Cell& cell : others) expect_cell(run, cell, cell_length(length));
            if (cells.empty()) continue;
            Buffer bytes;
            encode_cells(length, type, cells, bytes);
            const auto again = decode_cells(length, type, kDayStart, bytes);
            ASSERT_TRUE(again) << again.error().text();
            EXPECT_EQ(*again, cells);
            Buffer bits;
            const bool as_bits = encode_cell_bits(cell_length(length), type, cells, bits);
            EXPECT_EQ(as_bits, !bits.empty());
            if (as_bits) {
                const auto of_bits = decode_cell_bits(cell_length(length), type, kDayStart, bits);
                ASSERT_TRUE(of_bits) << of_bits.error().text();
                EXPECT_EQ(*of_bits, cells);
            }
            const auto changed = [&](Buffer damaged) {
                damaged[rng.below(damaged.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
                return damaged;
            };
            const auto cut = [&](Buffer damaged) {
                damaged.resize(rng.below(damaged.size()));
                return damaged;
            };
            for (int i = 0; i < 50; ++i) {  // whatever the bytes are, it ends and says so or not
                (void)decode_cells(length, type, kDayStart, changed(bytes));
                (void)decode_cells(length, type, kDayStart, cut(changed(bytes)));
                EXPECT_FALSE(decode_cells(length, type, kDayStart, cut(bytes)));
                if (!as_bits) continue;
                (void)decode_cell_bits(cell_length(length), type, kDayStart, changed(bits));
                (void)decode_cell_bits(cell_length(length), type, kDayStart, cut(changed(bits)));
                EXPECT_FALSE(decode_cell_bits(cell_length(length), type, kDayStart, cut(bits)));
            }
        }
    }
}

// What a day of one value every ten seconds costs.
TEST(Cells, AreSmall) {
    Rng rng{3};
    history::Run run;
    run.type = ValueType::integer;
    double walk = 50;
    for (std::size_t i = 0; i < 8'640; ++i) {
        run.push(kDayStart + static_cast<TimeNs>(i) * 10 * kSecond,
                 static_cast<std::uint64_t>(static_cast<std::int64_t>(walk)), 2);
        walk = std::clamp(walk + static_cast<double>(rng.below(5)) - 2, 0.0, 100.0);
    }
    CellMaker maker;
    maker.add(run);
    Buffer sections;
    maker.encode(sections);
    EXPECT_LE(static_cast<double>(sections.size()) / 8'640, 0.0135);
    RecordProperty("bytes", static_cast<int>(sections.size()));
}

// Two stores hold the same rows, one of them merged with cells, the other in memory alone: they answer the same, to the
// last bit.
class Rollups : public ::testing::Test {
protected:
    static constexpr TimeNs kFirst = kDayStart;
    static constexpr DurationNs kSpan = 3 * kDay;

    void start(std::uint64_t seed) {
        rng_ = std::make_unique<Rng>(seed);
        for (TestStore* store : {&merged_, &plain_}) {
            store->clock().advance(kFirst + kSpan + kDay - store->clock().now());
            ASSERT_TRUE(store->open());
        }
        for (const ValueType type :
             {ValueType::number, ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text}) {
            const std::string name = "t" + std::to_string(tags_.size());
            tags_.emplace_back(merged_.tag(name, "x", type), type);
            ASSERT_EQ(plain_.tag(name, "x", type), tags_.back().first);
        }
    }

    TimeNs random_time(DurationNs grain = kSecond) {
        return kFirst + static_cast<TimeNs>(rng_->below(static_cast<std::uint64_t>(kSpan / grain))) * grain;
    }

    void import(const Rows& rows) {
        if (rows.empty()) return;
        ASSERT_TRUE(merged_->import(rows));
        ASSERT_TRUE(plain_->import(rows));
    }

    void add(Rows& rows, std::size_t tag, TimeNs time, Quality quality) {
        const auto [id, type] = tags_[tag];
        const double value = static_cast<double>(rng_->below(10'000)) / (tag == 0 ? 10 : 7) - 300;
        if (type == ValueType::number) rows.add_number(id, time, rng_->chance(1e-4) ? NAN : value, quality);
        if (type == ValueType::integer)
            rows.add_integer(id, time, static_cast<std::int64_t>(value) << (rng_->chance(1e-3) ? 50 : 0), quality);
        if (type == ValueType::boolean) rows.add_boolean(id, time, value > 0, quality);
        if (type == ValueType::text) rows.add_text(id, time, "some", quality);
    }

    // Long stretches, late and repeated rows, now and then a cut or a merge.
    void change() {
        Rows rows;
        for (std::size_t tag = 0; tag < tags_.size(); ++tag) {
            const auto step = std::vector<DurationNs>{kSecond, 10 * kSecond, 20 * kSecond}[rng_->below(3)];
            const Quality quality = unpack_quality(rng_->chance(0.2) ? static_cast<std::uint16_t>(rng_->below(3)) : 2);
            TimeNs time = random_time(kMinute);
            for (std::uint64_t left = rng_->below(6'000); left > 0 && time < kFirst + kSpan; --left, time += step)
                add(rows, tag, time, quality);
            for (std::uint64_t left = rng_->below(3); left > 0; --left) add(rows, tag, random_time(), kGood);
        }
        import(rows);
        if (rng_->chance(0.15)) {
            Cut cut;
            const TimeNs from = random_time();
            cut.windows[tags_[rng_->below(tags_.size())].first] = {from, from + 2 * kHour};
            ASSERT_TRUE(merged_->cut(cut));
            ASSERT_TRUE(plain_->cut(cut));
        }
        if (rng_->chance(0.5)) {
            ASSERT_TRUE(merged_->compact());
        }
        if (rng_->chance(0.1)) merged_.reopen();
    }

    ReadRequest random_request() {
        ReadRequest request;
        for (const auto& [tag, type] : tags_) request.tags.push_back(tag);
        const DurationNs grain = std::vector<DurationNs>{kSecond, kMinute, kHour}[rng_->below(3)];
        request.window = {random_time(grain), random_time(grain)};
        if (rng_->chance(0.3)) request.window = {kFirst - kHour, kFirst + kSpan + kHour};
        if (request.window.empty()) std::swap(request.window.from, request.window.to);
        request.quality = static_cast<QualityFilter>(rng_->below(4));
        request.as_of = kFirst + kSpan;
        if (rng_->chance(0.3)) request.fill = static_cast<Fill>(rng_->below(5));
        static const std::vector<std::string> kNames{"count",     "sum",        "avg",      "min",   "max",
                                                     "first",     "last",       "range",    "delta", "first_time",
                                                     "last_time", "count_good", "count_bad"};
        for (int i = 0; i < 4; ++i) request.aggregates.push_back(kNames[rng_->below(kNames.size())]);
        if (rng_->chance(0.05)) request.aggregates.push_back("twa");
        if (rng_->chance(0.05)) request.aggregates.push_back("increase");
        choose_buckets(request);
        return request;
    }

    void choose_buckets(ReadRequest& request) {
        if (rng_->chance(0.2)) {
            request.every = kDay;
            request.zone = rng_->chance(0.5) ? "Asia/Kolkata" : "Europe/Berlin";
        } else if (rng_->chance(0.3)) {
            const DurationNs grain = std::vector<DurationNs>{kSecond, kMinute, kHour}[rng_->below(3)];
            std::set<TimeNs> edges;
            for (int i = 0; i < 12; ++i) edges.insert(random_time(grain));
            auto periods = std::make_shared<std::vector<Window>>();
            for (auto edge = edges.begin(); std::next(edge) != edges.end(); ++edge)
                if (rng_->chance(0.7)) periods->push_back({*edge, *std::next(edge)});
            request.periods = std::move(periods);
        } else {
            request.every = std::vector<DurationNs>{30 * kSecond, kMinute,   5 * kMinute, 7 * kMinute,
                                                    kHour,        8 * kHour, kDay}[rng_->below(7)];
        }
    }

    void expect_same(const Series& have, const Series& want) {
        ASSERT_EQ(have.buckets, want.buckets);
        ASSERT_EQ(have.filled, want.filled);
        ASSERT_EQ(have.times, want.times);
        for (std::size_t column = 0; column < want.values.size(); ++column) {
            ASSERT_EQ(have.values[column].size(), want.values[column].size());
            for (std::size_t i = 0; i < want.values[column].size(); ++i) {
                const double a = have.values[column][i], b = want.values[column][i];
                ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b)))
                    << "tag " << want.tag.value << " " << want.columns[column] << " at " << want.buckets[i] << ": " << a
                    << ", by rows " << b;
            }
        }
    }

    void check() {
        const ReadRequest request = random_request();
        const auto have = merged_->read(request), want = plain_->read(request);
        ASSERT_TRUE(have) << have.error().text();
        ASSERT_TRUE(want) << want.error().text();
        for (std::size_t i = 0; i < want->size(); ++i) expect_same((*have)[i], (*want)[i]);
        ReadRequest backwards = request;
        backwards.newest_first = true;
        backwards.rows_wanted = rng_->below(6);
        const auto newest = merged_->read(backwards);
        ASSERT_TRUE(newest) << newest.error().text();
        for (std::size_t i = 0; i < want->size(); ++i) expect_newest((*newest)[i], (*want)[i], backwards.rows_wanted);
    }
    void expect_newest(const Series& have, Series want, std::uint64_t wanted) {
        const std::size_t count = want.buckets.size();
        const auto turn = [&](auto& column) {
            if (column.size() != count) return;
            std::ranges::reverse(column);
            if (wanted > 0 && count > wanted) column.resize(wanted);
        };
        turn(want.filled);
        for (auto& column : want.values) turn(column);
        for (auto& column : want.times) turn(column);
        turn(want.buckets);
        ASSERT_EQ(have.columns, want.columns);
        ASSERT_EQ(have.more, wanted > 0 && count > wanted);
        expect_same(have, want);
    }

    // Thinned to the width of a page; by the way of min_max worked out row by row.
    void check_thin() {
        ReadRequest request;
        request.tags = {tags_[rng_->below(tags_.size())].first};
        request.window = {random_time(), random_time()};
        if (rng_->chance(0.5)) request.window = {kFirst - kHour, kFirst + kSpan + kHour};
        if (request.window.empty()) std::swap(request.window.from, request.window.to);
        request.quality = static_cast<QualityFilter>(rng_->below(4));
        const auto raw = plain_->read(request);
        ASSERT_TRUE(raw);
        const auto points = static_cast<std::uint32_t>(2 + rng_->below(rng_->chance(0.5) ? 40 : 3'000));
        request.points_max = points;
        if (rng_->chance(0.2)) request.sampling = Sampling::largest_triangles;
        const auto have = merged_->read(request), want = plain_->read(request);
        ASSERT_TRUE(have && want);
        expect_same_rows(have->at(0).rows, want->at(0).rows);
        ASSERT_EQ(have->at(0).sampled, want->at(0).sampled);
        if (!want->at(0).sampled) return expect_same_rows(want->at(0).rows, raw->at(0).rows);
        if (request.sampling != Sampling::min_max) return;
        request.points_max = 0;
        request.quality = QualityFilter::all;
        const auto every_row = plain_->read(request);
        ASSERT_TRUE(every_row);
        const Rows& rows = every_row->at(0).rows;
        const TimeNs from = rows.reading(0).time, to = rows.reading(rows.size() - 1).time + 1;
        expect_same_rows(have->at(0).rows, thinned(raw->at(0).rows, {from, to}, points));
    }
    // Of each pixel the first of the lowest and of the highest usable rows and the first bad one.
    static Rows thinned(const Rows& rows, Window extent, std::uint32_t points) {
        Rows kept;
        const TimeNs width = (extent.to - extent.from) / std::max<TimeNs>(1, points / 3) + 1;
        const auto number = [&](std::size_t i) { return as_number(rows.value(i)).value_or(NAN); };
        for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
            const TimeNs pixel = (rows.time(begin) - extent.from) / width;
            std::optional<std::size_t> low, high, bad;
            for (end = begin; end < rows.size() && (rows.time(end) - extent.from) / width == pixel; ++end) {
                auto& first_bad = bad;
                if (!rows.quality(end).usable()) {
                    if (!first_bad) first_bad = end;
                    continue;
                }
                if (!low || number(end) < number(*low) || (std::isnan(number(*low)) && !std::isnan(number(end))))
                    low = end;
                if (!std::isnan(number(end)) && (!high || number(end) > number(*high))) high = end;
            }
            std::set<std::size_t> of_pixel;
            for (const auto& one : {low, high, bad})
                if (one) of_pixel.insert(*one);
            for (const std::size_t i : of_pixel)
                if (kept.size() < points) kept.add_row(rows, i);
        }
        return kept;
    }
    std::string text_of(const Rows& rows, std::size_t i) {
        const Value value = rows.value(i);
        const auto* number = std::get_if<double>(&value);
        return fmt::format(
            "{} {} {}", rows.time(i),
            number != nullptr ? fmt::format("{:x}", std::bit_cast<std::uint64_t>(*number)) : to_string(value),
            pack(rows.quality(i)));
    }
    void expect_same_rows(const Rows& have, const Rows& want) {
        ASSERT_EQ(have.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) ASSERT_EQ(text_of(have, i), text_of(want, i));
    }

    std::unique_ptr<Rng> rng_;
    TestStore merged_, plain_{1, {.seal_bytes = std::uint64_t{1} << 40, .seal_age = 1000 * kDay}};
    std::vector<std::pair<TagId, ValueType>> tags_;
};

TEST_F(Rollups, AnswerAsRowsDo) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    const char* const longer = std::getenv("ROLLUP_ROUNDS");
    const auto rounds = longer != nullptr ? std::strtoull(longer, nullptr, 10) : 6;
    start(seed);
    for (std::uint64_t round = 0; round < rounds && !HasFatalFailure(); ++round) {
        change();
        if (round + 1 == rounds) {
            ASSERT_TRUE(merged_->compact());
        }
        for (int i = 0; i < 12 && !HasFatalFailure(); ++i) {
            check();
            if (!HasFatalFailure()) check_thin();
        }
        if (!HasFatalFailure()) {
            const auto report = merged_->verify();
            ASSERT_TRUE(report);
            ASSERT_TRUE(report->problems.empty()) << report->problems.front();
        }
    }
}

// Whole hours are told without a single chunk; a damaged section costs chunks and nothing else.
TEST_F(Rollups, ReadNoChunk) {
    start(1);
    Rows rows;
    for (TimeNs time = kFirst; time < kFirst + kDay; time += 10 * kSecond) {
        rows.add_number(tags_[0].first, time, static_cast<double>(time % 977) / 10);
        if (time < kFirst + 4 * kHour)
            for (TimeNs second = 0; second < 10; ++second)
                rows.add_integer(tags_[2].first, time + second * kSecond, second);
    }
    import(rows);
    ASSERT_TRUE(merged_->compact());
    Counter& chunks =
        merged_.metrics().counter("gongshu_history_chunks_read_total", "Chunks of segments decoded for questions");
    ReadRequest request;
    request.tags = {tags_[0].first};
    request.window = {kFirst + kHour, kFirst + 20 * kHour};
    request.every = kHour;
    request.aggregates = {"avg", "max", "last"};
    const auto read = [&](std::uint64_t chunks_read) {
        const std::uint64_t before = chunks.value();
        const auto have = merged_->read(request), want = plain_->read(request);
        ASSERT_TRUE(have && want);
        expect_same(have->at(0), want->at(0));
        EXPECT_EQ(chunks.value() - before, chunks_read);
    };
    read(0);
    request.tags = {tags_[2].first};
    request.window = {kFirst + 30 * kMinute, kFirst + 3 * kHour + kMinute};
    request.every = kMinute;
    read(0);
    request.every = 5 * kMinute;
    read(0);
    request.window.to -= kSecond;  // the last minute is read row by row
    read(1);
}

// Any byte of what cells lie in: it is found and named, and answers come from the rows instead.
TEST_F(Rollups, ADamagedSectionOfCellsIsNamedAndCostsTimeOnly) {
    start(2);
    Rows rows;
    for (TimeNs time = kFirst; time < kFirst + kDay; time += 10 * kSecond)
        rows.add_number(tags_[0].first, time, static_cast<double>(time / kSecond % 977) / 10);
    import(rows);
    ASSERT_TRUE(merged_->compact());
    const std::string folder = "/store/seg/" + day_name(day_of(kFirst));
    const auto names = merged_.files().list(folder);
    ASSERT_TRUE(names && names->size() == 1);
    const std::string path = folder + "/" + names->front();
    const ChunkInfo last = (*OpenSegment::open(merged_.files(), path))->chunks().back();
    ASSERT_GT(last.sections_bytes, 50u);
    Counter& chunks =
        merged_.metrics().counter("gongshu_history_chunks_read_total", "Chunks of segments decoded for questions");
    ReadRequest request;
    request.tags = {tags_[0].first};
    request.window = {kFirst + kHour, kFirst + 20 * kHour};
    request.every = kHour;
    request.aggregates = {"avg", "max", "last"};
    const auto want = plain_->read(request);
    for (std::uint64_t at = last.offset + last.bytes; at < last.offset + last.bytes + last.sections_bytes; at += 7) {
        merged_.files().corrupt(path, at);
        const std::uint64_t before = chunks.value();
        const auto have = merged_->read(request);
        ASSERT_TRUE(have && want);
        expect_same(have->at(0), want->at(0));
        EXPECT_EQ(chunks.value() - before, 1u) << at;
        const auto report = merged_->verify();
        ASSERT_TRUE(report);
        ASSERT_FALSE(report->problems.empty()) << at;
        EXPECT_NE(report->problems.front().find(path), std::string::npos) << report->problems.front();
        merged_.files().corrupt(path, at);
    }
    const std::uint64_t before = chunks.value();
    ASSERT_TRUE(merged_->read(request));
    EXPECT_EQ(chunks.value(), before);
}

// The newest buckets of many days are told by the last day alone.
TEST_F(Rollups, TheNewestBucketsReadNoFurther) {
    start(4);
    Rows rows;
    for (TimeNs time = kFirst; time < kFirst + kSpan; time += 10 * kSecond)
        rows.add_number(tags_[0].first, time, static_cast<double>(time / kSecond % 977) / 10);
    import(rows);
    ASSERT_TRUE(merged_->compact());
    Counter& chunks =
        merged_.metrics().counter("gongshu_history_chunks_read_total", "Chunks of segments decoded for questions");
    ReadRequest request;
    request.tags = {tags_[0].first};
    request.window = {kFirst - 900 * kDay, kFirst + kSpan + 30 * kDay};  // days without a row are passed over
    request.every = kMinute;
    request.aggregates = {"max", "count"};
    const auto every = plain_->read(request);
    request.newest_first = true;
    request.rows_wanted = 5;
    const std::uint64_t before = chunks.value();
    const auto newest = merged_->read(request);
    ASSERT_TRUE(every && newest);
    expect_newest(newest->at(0), every->at(0), 5);
    EXPECT_LE(chunks.value() - before, 3u);
    request.window = {std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()};
    const auto of_all_time = merged_->read(request);
    ASSERT_TRUE(of_all_time) << of_all_time.error().text();
    expect_newest(of_all_time->at(0), every->at(0), 5);
    ReadRequest thinned;
    thinned.tags = request.tags;
    thinned.window = request.window;
    thinned.points_max = 100;
    EXPECT_TRUE(merged_->read(thinned));
}

// A pixel that holds many chunks is told by those whose rows stay; the others are not read.
TEST_F(Rollups, WhatNoPixelKeepsIsNotRead) {
    start(3);
    Rows rows;
    for (TimeNs time = kFirst; time < kFirst + kDay; time += kSecond)
        rows.add_number(tags_[0].first, time, static_cast<double>(time / kSecond * 7919 % 100'003) / 10);
    import(rows);
    ASSERT_TRUE(merged_->compact());
    Counter& chunks =
        merged_.metrics().counter("gongshu_history_chunks_read_total", "Chunks of segments decoded for questions");
    ReadRequest request;
    request.tags = {tags_[0].first};
    request.window = {kFirst, kFirst + kDay};
    request.points_max = 3;
    const std::uint64_t before = chunks.value();
    const auto have = merged_->read(request), want = plain_->read(request);
    ASSERT_TRUE(have && want);
    expect_same_rows(have->at(0).rows, want->at(0).rows);
    EXPECT_LE(chunks.value() - before, 4u);  // of ten: those with the first, the last, the lowest and the highest row
}

}  // namespace
}  // namespace gongshu::history
