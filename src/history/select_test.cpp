// Rows by conditions on values, against what reading all rows of each tag and looking at them one by one gives.
#include "history/select.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/selection.h"
#include "history/chunk.h"
#include "history/scan.h"
#include "history/store_test.h"
#include "history/value_filter.h"

namespace gongshu::history {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Comparison kComparisons[] = {Comparison::less,    Comparison::less_or_equal,    Comparison::equal,
                                       Comparison::unequal, Comparison::greater_or_equal, Comparison::greater};

template <class T>
bool holds(const T& value, Comparison comparison, const T& bound) {
    switch (comparison) {
        case Comparison::less:
            return value < bound;
        case Comparison::less_or_equal:
            return value <= bound;
        case Comparison::equal:
            return value == bound;
        case Comparison::unequal:
            return value != bound;
        case Comparison::greater_or_equal:
            return value >= bound;
        case Comparison::greater:
            return value > bound;
    }
    return false;
}

// Every double and every 64-bit whole number is a long double.
long double exactly(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1 : 0;
    return static_cast<long double>(std::get<std::int64_t>(value));
}

bool holds_dully(const Value& value, Comparison comparison, const Value& bound) {
    if (const auto* text = std::get_if<std::string>(&value))
        return holds(*text, comparison, std::get<std::string>(bound));
    if (std::isnan(exactly(value))) return false;
    return holds(exactly(value), comparison, exactly(bound));
}

std::uint64_t bits_of(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return std::bit_cast<std::uint64_t>(*number);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(exactly(value)));
}

TEST(ValueFilter, HoldsValuesAgainstABoundExactly) {
    constexpr std::int64_t kFar = std::int64_t{1} << 53;
    const std::vector<Value> wholes{
        std::int64_t{0}, std::int64_t{-1}, std::int64_t{90}, std::int64_t{91}, kFar,
        kFar + 1,        -kFar - 1,        INT64_MAX,        INT64_MIN,        INT64_MAX - 1};
    const std::vector<Value> numbers{0.0,
                                     -0.0,
                                     90.0,
                                     90.5,
                                     91.0,
                                     -1.0,
                                     0.1,
                                     0x1p53,
                                     0x1p63,
                                     -0x1p63,
                                     1e300,
                                     -1e300,
                                     std::numeric_limits<double>::denorm_min(),
                                     std::numeric_limits<double>::max()};
    std::vector<Value> bounds = wholes;
    bounds.insert(bounds.end(), numbers.begin(), numbers.end());
    std::vector<Value> odd = numbers;
    for (const double value : {kNaN, kInfinity, -kInfinity}) odd.emplace_back(value);
    const auto check = [&](ValueType type, const std::vector<Value>& values, const Value& bound) {
        history::Run all;
        all.type = type;
        for (const Value& value : values) all.push(static_cast<TimeNs>(all.size()), bits_of(value), pack(kGood));
        for (const Comparison comparison : kComparisons) {
            if (type == ValueType::boolean && comparison != Comparison::equal && comparison != Comparison::unequal)
                continue;
            const auto filter = ValueFilter::create(type, comparison, bound);
            ASSERT_TRUE(filter) << filter.error().text();
            std::vector<std::uint8_t> marks(values.size(), 9);
            filter->mark(all.bits, "", marks.data());
            for (std::size_t i = 0; i < values.size(); ++i) {
                const bool want = holds_dully(values[i], comparison, bound);
                EXPECT_EQ(marks[i], want ? 1 : 0)
                    << to_string(values[i]) << " " << to_string(comparison) << " " << to_string(bound);
                for (std::size_t end = i + 1; end <= values.size(); ++end) {
                    Statistics statistics;
                    statistics.add(all, i, end);
                    EXPECT_TRUE(!want || filter->may_hold(statistics, false));
                }
            }
        }
    };
    for (const Value& bound : bounds) {
        check(ValueType::number, odd, bound);
        check(ValueType::integer, wholes, bound);
    }
    for (const bool bound : {false, true}) check(ValueType::boolean, {false, true}, bound);
}

TEST(ValueFilter, StatisticsRuleOut) {
    const auto may = [](ValueType type, std::vector<Value> values, Comparison comparison, const Value& bound) {
        history::Run run;
        run.type = type;
        for (const Value& value : values) run.push(static_cast<TimeNs>(run.size()), bits_of(value), pack(kGood));
        Statistics statistics;
        statistics.add(run, 0, run.size());
        return ValueFilter::create(type, comparison, bound)->may_hold(statistics, false);
    };
    EXPECT_FALSE(may(ValueType::number, {10.0, 90.0}, Comparison::greater, 90.0));
    EXPECT_TRUE(may(ValueType::number, {10.0, 90.0}, Comparison::greater_or_equal, 90.0));
    EXPECT_FALSE(may(ValueType::number, {kNaN, kNaN}, Comparison::unequal, 90.0));
    EXPECT_FALSE(may(ValueType::number, {7.0, 7.0}, Comparison::unequal, 7.0));
    EXPECT_FALSE(may(ValueType::integer, {std::int64_t{7}}, Comparison::unequal, std::int64_t{7}));
    EXPECT_FALSE(may(ValueType::integer, {std::int64_t{1}, std::int64_t{90}}, Comparison::greater, 90.5));
    EXPECT_FALSE(may(ValueType::integer, {std::int64_t{1}}, Comparison::equal, 0.5));
    EXPECT_FALSE(may(ValueType::boolean, {false, false}, Comparison::equal, true));
}

TEST(ValueFilter, SaysWhatWouldDo) {
    const auto f = [](ValueType type, Comparison comparison, const Value& bound, const char* want) {
        const auto filter = ValueFilter::create(type, comparison, bound);
        ASSERT_FALSE(filter) << want;
        EXPECT_EQ(filter.error().code(), Code::invalid);
        EXPECT_NE(filter.error().text().find(want), std::string::npos) << filter.error().text();
    };
    f(ValueType::number, Comparison::greater, std::string("90"), "give a number");
    f(ValueType::number, Comparison::greater, kNaN, "give a number");
    f(ValueType::number, Comparison::equal, true, "give a number");
    f(ValueType::integer, Comparison::equal, true, "give a number");
    f(ValueType::boolean, Comparison::greater, true, "by = and != alone");
    f(ValueType::boolean, Comparison::equal, 2.0, "as in = true");
    f(ValueType::text, Comparison::less, std::string("RUN"), "by = and != alone");
    f(ValueType::text, Comparison::equal, 5.0, "in quotes");
}

TEST(Chunk, PickedRowsAreThoseThatAreRead) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Rng rng{seed};
    for (int round = 0; round < 40; ++round) {
        history::Run run;
        run.type = static_cast<ValueType>(1 + rng.below(4));
        const std::size_t rows = 1 + rng.below(round % 4 == 0 ? kChunkRows : 1500);
        for (std::size_t i = 0; i < rows; ++i) {
            const Quality quality = round % 2 && rng.chance(0.1) ? bad(Reason::timeout) : kGood;
            const auto time = static_cast<TimeNs>(i * 1000 + rng.below(2));
            if (run.type == ValueType::text)
                run.push_text(time, "step " + std::to_string(rng.below(20)), pack(quality));
            else if (run.type == ValueType::number)
                run.push(time, std::bit_cast<std::uint64_t>(static_cast<double>(rng.below(1000)) / 10), pack(quality));
            else
                run.push(time, rng.below(run.type == ValueType::boolean ? 2 : 100), pack(quality));
        }
        const Tier tier = rng.chance(0.5) ? Tier::cold : Tier::hot;
        Buffer values, qualities;
        encode_values(run, 0, rows, tier, values);
        if (!all_good(run)) encode_qualities(run, qualities);
        ChunkInfo info;
        info.type = run.type;
        info.statistics.add(run, 0, rows);
        std::vector<std::uint32_t> numbers;
        const double share = rng.chance(0.5) ? 0.01 : 0.7;
        for (std::uint32_t i = 0; i < rows; ++i)
            if (rng.chance(share)) numbers.push_back(i);
        Picked picked{.type = run.type, .bits = {}, .qualities = {}, .text = {}};
        for (const std::size_t half : {numbers.size() / 2, numbers.size()}) {
            const std::size_t begin = picked.bits.size();
            ASSERT_TRUE(pick_rows(info, {{}, qualities, values, false}, std::span(numbers).subspan(begin, half - begin),
                                  picked));
        }
        ASSERT_EQ(picked.bits.size(), numbers.size());
        ASSERT_EQ(picked.qualities.size(), numbers.size());
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            ASSERT_EQ(picked.qualities[i], run.qualities[numbers[i]]);
            if (run.type != ValueType::text)
                ASSERT_EQ(picked.bits[i], run.bits[numbers[i]]);
            else
                ASSERT_EQ(std::string_view(picked.text).substr(picked.bits[i] >> 32, picked.bits[i] & 0xffffffff),
                          run.text_at(numbers[i]));
        }
        // A damaged byte is found in what is read of it, and makes no other values.
        if (numbers.empty()) continue;
        values[rng.below(values.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
        Picked damaged{.type = run.type, .bits = {}, .qualities = {}, .text = {}};
        if (pick_rows(info, {{}, qualities, values, false}, numbers, damaged)) {
            EXPECT_EQ(damaged.bits, picked.bits);
        }
    }
}

using OfTag = std::map<TimeNs, Reading>;

class SelectModel : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::warning); }
    void TearDown() override {
        if (store_ && store_->is_open()) (*store_)->set_readers(nullptr, 0);
        set_log_level(LogLevel::info);
    }

    void start(std::uint64_t seed) {
        rng_ = std::make_unique<Rng>(seed);
        store_ = std::make_unique<TestStore>(seed);
        ASSERT_TRUE(store_->open());
        first_ = store_->clock().now() / kDay * kDay - 2 * kDay;
        for (int object = 0; object < 3; ++object) {
            std::vector<TagId>& tags = objects_.emplace_back();
            for (int i = 0; i < 6; ++i) {
                const auto type = static_cast<ValueType>(1 + i % 4);
                tags.push_back(store_->tag("d:" + std::to_string(object), "p" + std::to_string(i), type));
                types_[tags.back()] = type;
            }
        }
    }

    Value random_value(ValueType type) {
        switch (type) {
            case ValueType::number:
                return static_cast<double>(rng_->below(60)) / 2;
            case ValueType::integer:
                return static_cast<std::int64_t>(rng_->below(20)) - 10;
            case ValueType::boolean:
                return rng_->chance(0.3);
            case ValueType::text:
                return "step " + std::to_string(rng_->below(5));
        }
        return 0.0;
    }
    Quality random_quality() {
        if (rng_->chance(0.03)) return bad(Reason::timeout);
        return rng_->chance(0.03) ? uncertain(Reason::sensor) : kGood;
    }
    void add(Rows& rows, TagId tag, TimeNs time) {
        Reading reading{tag, time, random_value(types_[tag]), random_quality()};
        if (types_[tag] == ValueType::number && rng_->chance(0.01)) reading.value = kNaN;
        rows.add(reading);
    }

    // As a machine sends them: all tags of an object at the same times, sometimes one of them not.
    void add_together(const std::vector<TagId>& tags) {
        Rows rows;
        const bool even = rng_->chance(0.5);
        const double lost = rng_->chance(0.5) ? 0 : 0.02;
        TimeNs time = first_ + static_cast<DurationNs>(rng_->below(2 * kDay));
        for (std::size_t left = rng_->below(3000); left > 0; --left) {
            for (const TagId tag : tags)
                if (!rng_->chance(lost)) add(rows, tag, time);
            time += even ? 10 * kSecond : static_cast<DurationNs>(1 + rng_->below(20)) * kSecond;
        }
        ASSERT_TRUE((*store_)->import(rows));
    }
    // Late ones, repeated ones, each tag by itself.
    void add_alone(TagId tag) {
        Rows rows;
        const auto& known = times_[tag];
        for (std::size_t left = rng_->below(60); left > 0; --left) {
            TimeNs time = first_ + static_cast<DurationNs>(rng_->below(2 * kDay));
            if (!known.empty() && rng_->chance(0.7)) time = known[rng_->below(known.size())];
            add(rows, tag, time);
        }
        ASSERT_TRUE((*store_)->import(rows));
    }
    // What is in memory as tuples.
    void add_tuples(const std::vector<TagId>& tags) {
        std::vector<ValueType> types;
        for (const TagId tag : tags) types.push_back(types_[tag]);
        const auto shape = shape_of(tags, types);
        Tuples tuples;
        const TimeNs now = store_->clock().now();
        for (int i = 0; i < 300; ++i) {
            const auto cells = tuples.add(shape, now - static_cast<DurationNs>(rng_->below(3600)) * kSecond);
            for (std::size_t k = 0; k < tags.size(); ++k) {
                const Value value = random_value(types[k]);
                const auto* text = std::get_if<std::string>(&value);
                cells[k] = text != nullptr ? tuples.keep_text(*text) : bits_of(value);
                if (rng_->chance(0.02)) tuples.set_value_quality(k, bad(Reason::range));
            }
        }
        ASSERT_TRUE(store_->append(std::move(tuples)));
    }

    void fill() {
        for (const auto& tags : objects_) {
            for (int i = 0; i < 3; ++i) add_together(tags);
            if (rng_->chance(0.6)) {
                ASSERT_TRUE((*store_)->compact());
            }
            learn();
            for (const TagId tag : tags)
                if (rng_->chance(0.3)) add_alone(tag);
            if (rng_->chance(0.5)) add_tuples(tags);
            if (rng_->chance(0.3)) {
                Cut cut;
                const TimeNs from = first_ + static_cast<DurationNs>(rng_->below(2 * kDay));
                cut.windows[tags[rng_->below(tags.size())]] = {from, from + 2 * kHour};
                ASSERT_TRUE((*store_)->cut(cut));
            }
        }
        if (rng_->chance(0.3)) {
            ASSERT_TRUE((*store_)->compact());
        }
        learn();
    }

    // What reading tells of each tag by itself, which other tests hold against what was written.
    void learn() {
        for (const auto& tags : objects_)
            for (const TagId tag : tags) {
                readings_[tag].clear();
                times_[tag].clear();
                for (const Reading& reading : store_->raw(tag, kAllTime)) {
                    readings_[tag].emplace(reading.time, reading);
                    times_[tag].push_back(reading.time);
                }
            }
    }

    SelectRequest random_request() {
        SelectRequest request;
        const auto time = [&] { return first_ + static_cast<DurationNs>(rng_->below(5 * kDay / 2)); };
        request.window = {time(), time()};
        if (request.window.empty()) std::swap(request.window.from, request.window.to);
        if (rng_->chance(0.3)) request.window = kAllTime;
        request.quality = static_cast<QualityFilter>(rng_->below(4));
        request.newest_first = rng_->chance(0.5);
        if (rng_->chance(0.5)) request.rows_wanted = 1 + rng_->below(50);
        const std::size_t first = rng_->below(objects_.size());
        for (std::size_t i = first; i < objects_.size(); ++i) {
            if (i > first && rng_->chance(0.5)) continue;
            SelectRequest::Object object;
            for (const TagId tag : objects_[i])
                if (rng_->chance(0.6)) object.tags.push_back(tag);
            for (std::size_t left = 1 + rng_->below(3); left > 0; --left) {
                const TagId tag = objects_[i][rng_->below(objects_[i].size())];
                const bool ordered = types_[tag] == ValueType::number || types_[tag] == ValueType::integer;
                const Comparison comparison = ordered && rng_->chance(0.8)
                                                  ? kComparisons[rng_->below(6)]
                                                  : (rng_->chance(0.5) ? Comparison::equal : Comparison::unequal);
                Value bound = random_value(types_[tag]);
                if (types_[tag] == ValueType::number && rng_->chance(0.2)) bound = 200.0;  // beyond all
                if (types_[tag] == ValueType::integer && rng_->chance(0.3)) bound = 3.5;
                object.where.push_back({tag, comparison, bound});
            }
            request.objects.push_back(std::move(object));
        }
        return request;
    }

    bool holds_at(const SelectRequest& request, const ValueCondition& condition, TimeNs time) {
        const auto found = readings_[condition.tag].find(time);
        if (found == readings_[condition.tag].end()) return false;
        const auto filter = request.quality == QualityFilter::automatic ? QualityFilter::usable : request.quality;
        return counts(filter, pack(found->second.quality)) &&
               holds_dully(found->second.value, condition.comparison, condition.bound);
    }

    void check(const SelectRequest& request) {
        const auto answer = select(**store_, request);
        ASSERT_TRUE(answer) << answer.error().text();
        ASSERT_EQ(answer->size(), request.objects.size());
        for (std::size_t i = 0; i < answer->size(); ++i) check_object(request, request.objects[i], (*answer)[i]);
    }
    void check_object(const SelectRequest& request, const SelectRequest::Object& object, const SelectedRows& rows) {
        std::vector<TimeNs> want;
        for (const auto& [time, reading] : readings_[object.where[0].tag])
            if (request.window.contains(time) &&
                std::ranges::all_of(
                    object.where, [&](const ValueCondition& condition) { return holds_at(request, condition, time); }))
                want.push_back(time);
        found_ += want.size();
        if (request.newest_first) std::ranges::reverse(want);
        const bool more = request.rows_wanted > 0 && want.size() > request.rows_wanted;
        if (more) want.resize(request.rows_wanted);
        ASSERT_EQ(rows.times, want);
        ASSERT_EQ(rows.more, more);
        ASSERT_EQ(rows.columns.size(), object.tags.size());
        for (std::size_t c = 0; c < rows.columns.size(); ++c) check_column(request, object.tags[c], rows, c);
    }
    void check_column(const SelectRequest& request, TagId tag, const SelectedRows& rows, std::size_t c) {
        const SelectedColumn& column = rows.columns[c];
        ASSERT_EQ(column.type, types_[tag]);
        ASSERT_EQ(column.bits.size(), rows.times.size());
        ASSERT_TRUE(column.qualities.empty() || column.qualities.size() == rows.times.size());
        const auto filter = request.quality == QualityFilter::automatic ? QualityFilter::all : request.quality;
        for (std::size_t i = 0; i < rows.times.size(); ++i) {
            const auto found = readings_[tag].find(rows.times[i]);
            const bool comes = found != readings_[tag].end() && counts(filter, pack(found->second.quality));
            const std::uint16_t quality = column.qualities.empty() ? pack(kGood) : column.qualities[i];
            ASSERT_EQ(quality, comes ? pack(found->second.quality) : kNoReading) << "column " << c << " row " << i;
            if (!comes) continue;
            if (column.type == ValueType::text)
                ASSERT_EQ(column.text_at(i), std::get<std::string>(found->second.value));
            else
                ASSERT_EQ(column.bits[i], bits_of(found->second.value));
        }
    }

    std::unique_ptr<Rng> rng_;
    std::unique_ptr<TestStore> store_;
    TimeNs first_ = 0;
    std::vector<std::vector<TagId>> objects_;
    std::map<TagId, ValueType> types_;
    std::map<TagId, OfTag> readings_;
    std::map<TagId, std::vector<TimeNs>> times_;
    std::size_t found_ = 0;
};

TEST_F(SelectModel, AgreesWithRowsReadOneByOne) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    start(seed);
    const auto pool = io::make_thread_pool(2, 16);
    for (int round = 0; round < 2 && !HasFatalFailure(); ++round) {
        fill();
        for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
            (*store_)->set_readers(i % 2 ? pool.get() : nullptr, 2);
            check(random_request());
        }
    }
    EXPECT_GT(found_, 0u);
}

// Ten fields of a machine, a day of them in segments; only the first is ever above 90, for some minutes of the evening.
class SelectDay : public ::testing::Test {
protected:
    void SetUp() override {
        set_log_level(LogLevel::warning);
        ASSERT_TRUE(store_.open());
        first_ = store_.clock().now() / kDay * kDay - 2 * kDay;
        for (int i = 0; i < 10; ++i) tags_.push_back(store_.tag("d:1", "f" + std::to_string(i), ValueType::integer));
        Rows rows;
        for (int i = 0; i < 8640; ++i)
            for (const TagId tag : tags_)
                rows.add_integer(tag, first_ + i * 10 * kSecond,
                                 tag == tags_[0] && i >= 8000 && i < 8040 ? 95 : i % 80);
        ASSERT_TRUE(store_->import(rows));
        ASSERT_TRUE(store_->compact());
    }
    void TearDown() override { set_log_level(LogLevel::info); }

    SelectRequest above(std::size_t field, double bound) {
        SelectRequest request;
        request.window = {first_, first_ + kDay};
        request.objects.push_back({tags_, {{tags_[field], Comparison::greater, bound}}});
        return request;
    }
    std::uint64_t chunks_read() { return store_.metrics().counter("gongshu_history_chunks_read_total", "").value(); }

    TestStore store_;
    TimeNs first_ = 0;
    std::vector<TagId> tags_;
};

TEST_F(SelectDay, StatisticsSaveReading) {
    const std::uint64_t before = chunks_read();
    auto answer = select(*store_, above(1, 90));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_TRUE(answer->at(0).times.empty());
    EXPECT_EQ(answer->at(0).columns.size(), 10u);
    EXPECT_EQ(chunks_read(), before);
    answer = select(*store_, above(0, 90));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->at(0).times.size(), 40u);
    EXPECT_EQ(answer->at(0).columns[9].bits[39], 8039 % 80);
    EXPECT_TRUE(answer->at(0).columns[9].qualities.empty());
    EXPECT_EQ(chunks_read(), before + 10);
    // Two conditions, of which statistics rule out the second: not even the first is read.
    SelectRequest both = above(0, 90);
    both.objects[0].where.push_back({tags_[2], Comparison::equal, std::int64_t{99}});
    EXPECT_TRUE(select(*store_, both)->at(0).times.empty());
    EXPECT_EQ(chunks_read(), before + 10);
}

TEST_F(SelectDay, TheNewestRowsComeWithoutTheRest) {
    SelectRequest request = above(0, 90);
    request.newest_first = true;
    request.rows_wanted = 3;
    const auto answer = select(*store_, request);
    ASSERT_TRUE(answer) << answer.error().text();
    const TimeNs last = first_ + 8039 * 10 * kSecond;
    EXPECT_EQ(answer->at(0).times, (std::vector<TimeNs>{last, last - 10 * kSecond, last - 20 * kSecond}));
    EXPECT_TRUE(answer->at(0).more);
    request.rows_wanted = 40;
    EXPECT_FALSE(select(*store_, request)->at(0).more);
}

TEST_F(SelectDay, HasLimits) {
    SelectRequest request = above(0, 90);
    request.rows_max = 39;
    EXPECT_EQ(select(*store_, request).error().code(), Code::limit);
    request.rows_max = 40;
    EXPECT_TRUE(select(*store_, request));
    request.bytes_max = 40 * 107;
    EXPECT_EQ(select(*store_, request).error().code(), Code::limit);
    request.bytes_max = 40 * 108;
    EXPECT_TRUE(select(*store_, request));
    request.patience.deadline = store_.clock().monotonic() + kSecond;
    store_.clock().advance(2 * kSecond);
    EXPECT_EQ(select(*store_, request).error().code(), Code::timeout);
    request.patience = {.cancelled = std::make_shared<std::atomic<bool>>(true)};
    EXPECT_EQ(select(*store_, request).error().code(), Code::unavailable);
}

// Only the texts of rows that are answered count, in whichever order the conditions stand.
TEST_F(SelectDay, TextsOfRowsThatFallAwayTakeNoRoom) {
    const TagId text = store_.tag("d:1", "step", ValueType::text);
    Rows rows;
    for (int i = 0; i < 8640; ++i)
        rows.add_text(text, first_ + i * 10 * kSecond, std::string(100, 'a') + std::to_string(i));
    ASSERT_TRUE(store_->import(rows));
    ASSERT_TRUE(store_->compact());
    const ValueCondition high{tags_[0], Comparison::greater, 90.0}, any{text, Comparison::unequal, std::string()};
    for (const auto& where : {std::vector{high, any}, std::vector{any, high}}) {
        for (const bool newest_first : {false, true}) {
            SelectRequest request;
            request.window = {first_, first_ + kDay};
            request.objects.push_back({{text}, where});
            request.bytes_max = 40 * (18 + 104);
            request.newest_first = newest_first;
            const auto found = select(*store_, request);
            ASSERT_TRUE(found) << found.error().text();
            ASSERT_EQ(found->at(0).times.size(), 40u);
            EXPECT_EQ(found->at(0).columns[0].text_at(newest_first ? 39 : 0), std::string(100, 'a') + "8000");
            EXPECT_EQ(found->at(0).columns[0].text.size(), 40u * 104);
            request.bytes_max -= 1;
            EXPECT_EQ(select(*store_, request).error().code(), Code::limit);
            request.rows_wanted = 1;
            request.bytes_max = 18 + 104;
            const auto one = select(*store_, request);
            ASSERT_TRUE(one) << one.error().text();
            EXPECT_EQ(one->at(0).columns[0].text.size(), 104u);
        }
    }
}

// A day of many blocks: each is looked at beside those of its own time, not beside all of the day.
TEST_F(SelectDay, WeighsBlocksOfTheSameTimeAlone) {
    constexpr std::size_t kBlocks = 8;
    std::vector<TagId> tags;
    for (const char* const property : {"a", "b", "c"})
        tags.push_back(store_.tag("d:2", property, ValueType::integer));
    Rows rows;
    for (std::size_t i = 0; i < kBlocks * kChunkRows; ++i)
        for (const TagId tag : tags)
            rows.add_integer(tag, first_ + static_cast<DurationNs>(i) * kMillisecond,
                             static_cast<std::int64_t>(tag == tags[1] ? i / kChunkRows : i % 100));
    ASSERT_TRUE(store_->import(rows));
    ASSERT_TRUE(store_->compact());
    const auto weighed = [&] { return store_.metrics().counter("gongshu_history_blocks_weighed_total", "").value(); };
    for (const bool newest_first : {false, true}) {
        const std::uint64_t before = weighed();
        SelectRequest request;
        request.window = {first_, first_ + kDay};
        request.objects.push_back({{tags[2]},
                                   {{tags[0], Comparison::greater_or_equal, std::int64_t{0}},
                                    {tags[1], Comparison::equal, std::int64_t{kBlocks - 1}}}});
        request.newest_first = newest_first;
        const auto found = select(*store_, request);
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(found->at(0).times.size(), kChunkRows);
        EXPECT_GE(weighed() - before, 2 * kBlocks);
        EXPECT_LE(weighed() - before, 3 * kBlocks);
    }
}

// Only when it was: of several days, each on a thread of its own.
TEST_F(SelectDay, TimesAloneCanBeAskedFor) {
    Rows rows;
    for (int i = 0; i < 5; ++i) rows.add_integer(tags_[0], first_ - kDay + i * kSecond, 95);
    ASSERT_TRUE(store_->import(rows));
    SelectRequest request = above(0, 90);
    request.window.from -= kDay;
    request.objects[0].tags.clear();
    const auto pool = io::make_thread_pool(2, 16);
    for (const bool threads : {false, true}) {
        (*store_).set_readers(threads ? pool.get() : nullptr, 2);
        const auto found = select(*store_, request);
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(found->at(0).times.size(), 45u);
        EXPECT_TRUE(found->at(0).columns.empty());
    }
    (*store_).set_readers(nullptr, 0);
}

TEST_F(SelectDay, RefusesWhatCannotBeAnswered) {
    SelectRequest request = above(0, 90);
    request.objects[0].where[0].bound = std::string("high");
    EXPECT_EQ(select(*store_, request).error().code(), Code::invalid);
    request.objects[0].where.clear();
    EXPECT_EQ(select(*store_, request).error().code(), Code::invalid);
    request = above(0, 90);
    request.objects[0].tags.push_back(TagId{0x99999});
    EXPECT_EQ(select(*store_, request).error().code(), Code::not_found);
    request = above(0, 90);
    request.window = {5, 5};
    EXPECT_TRUE(select(*store_, request)->at(0).times.empty());
    request.objects.clear();
    EXPECT_TRUE(select(*store_, request)->empty());
}

}  // namespace
}  // namespace gongshu::history
