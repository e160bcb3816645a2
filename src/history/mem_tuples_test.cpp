// The rows of a group in memory against a map: in whatever order they come, they are read in order and take no more
// than a small multiple of what they are.
#include "history/mem_tuples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "history/segment.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

struct Cell {
    std::uint64_t bits = 0;
    std::uint16_t quality = 0;
    bool operator==(const Cell&) const = default;
};

// MemTuples of whole numbers, and beside them what they should hold.
class Rig {
public:
    Rig(std::size_t width, bool with_qualities)
        : with_qualities_(with_qualities), rows_(std::vector<ValueType>(width, ValueType::integer)) {
        std::vector<TagId> tags;
        for (std::uint64_t i = 1; i <= width; ++i) tags.push_back(TagId{i << 4});
        shape_ = shape_of(tags, std::vector<ValueType>(width, ValueType::integer));
    }

    // As a block, or row by row as tuples.
    void put(const std::vector<TimeNs>& times, bool as_block) {
        ColumnBlock block{.shape = shape_, .times = times, .bits = {}, .qualities = {}};
        block.bits.resize(times.size() * width());
        for (std::uint64_t& one : block.bits) one = ++next_;
        if (with_qualities_) block.spell_qualities();
        for (std::size_t i = 0; i < block.qualities.size(); i += 7) block.qualities[i] = pack(bad(Reason::timeout));
        if (as_block)
            put_block(block);
        else
            put_tuples(block);
        for (std::size_t row = 0; row < times.size(); ++row) {
            std::vector<Cell>& cells = want_[times[row]];
            cells.resize(width());
            for (std::size_t i = 0; i < width(); ++i) cells[i] = {block.column(i)[row], block.quality_bits(row, i)};
        }
        check_bytes();
    }

    void check(Window window) const {
        const auto begin = want_.lower_bound(window.from), end = want_.lower_bound(window.to);
        Run together;
        for (std::size_t column = 0; column < width(); ++column) {
            const Run run = rows_.rows_in(window, column);
            ASSERT_EQ(run.size(), static_cast<std::size_t>(std::distance(begin, end)));
            std::size_t i = 0;
            for (auto at = begin; at != end; ++at, ++i) {
                const bool same =
                    run.times[i] == at->first && Cell{run.bits[i], run.qualities[i]} == at->second[column];
                ASSERT_TRUE(same) << "column " << column << " at " << at->first;
            }
            // As a seal reads: the times of one column serve for those after it.
            rows_.read(window, column, column > 0, together);
            ASSERT_TRUE(together == run);
        }
    }
    void check_all() const {
        check({std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()});
        ASSERT_EQ(rows_.readings(), want_.size() * width());
        for (const auto& [time, cells] : want_) {
            ASSERT_TRUE(rows_.contains(time));
            ASSERT_EQ(rows_.contains(time + 1), want_.contains(time + 1));
        }
        ASSERT_FALSE(rows_.contains(want_.begin()->first - 1));
        std::set<std::int32_t> days, want_days;
        rows_.add_days(days);
        for (const auto& [time, cells] : want_) want_days.insert(day_of(time));
        ASSERT_EQ(days, want_days);
    }
    // Of what the rows are by themselves.
    double times_data() const { return static_cast<double>(rows_.bytes()) / static_cast<double>(data()); }

private:
    std::size_t width() const { return shape_->width(); }
    std::uint64_t data() const {
        return want_.size() *
               ((width() + 1) * sizeof(std::uint64_t) + (with_qualities_ ? width() * sizeof(std::uint16_t) : 0));
    }
    void check_bytes() const {
        // A few rows are little anyway.
        ASSERT_LE(rows_.bytes(), 3 * data() + 1024) << want_.size() << " rows of " << width();
    }
    void put_block(const ColumnBlock& block) {
        std::vector<std::uint8_t> replaced;
        std::size_t known = 0;
        for (const TimeNs time : block.times) known += want_.count(time);
        ASSERT_EQ(rows_.put(block, replaced), known);
        ASSERT_EQ(replaced.size(), block.rows());
        for (std::size_t row = 0; row < block.rows(); ++row)
            ASSERT_EQ(replaced[row] != 0, want_.contains(block.times[row])) << "row " << row;
    }
    void put_tuples(const ColumnBlock& block) {
        Tuples tuples;
        for (std::size_t row = 0; row < block.rows(); ++row) {
            const auto cells = tuples.add(shape_, block.times[row]);
            for (std::size_t i = 0; i < width(); ++i) cells[i] = block.column(i)[row];
            for (std::size_t i = 0; with_qualities_ && i < width(); ++i)
                tuples.set_value_quality(i, unpack_quality(block.quality_bits(row, i)));
            ASSERT_EQ(rows_.put(tuples, row), want_.contains(block.times[row]));
        }
    }

    const bool with_qualities_;
    TupleShapePtr shape_;
    MemTuples rows_;
    std::map<TimeNs, std::vector<Cell>> want_;
    std::uint64_t next_ = 0;
};

using Batches = std::vector<std::vector<TimeNs>>;

// Times from `first` on, so many, by `step`.
std::vector<TimeNs> times_of(TimeNs first, std::size_t count, TimeNs step = 1) {
    std::vector<TimeNs> times;
    for (std::size_t i = 0; i < count; ++i) times.push_back(first + static_cast<TimeNs>(i) * step);
    return times;
}

// The same rows in the orders in which they come from several connections, from buffers and from clocks that are off.
std::map<std::string, Batches> orders_of(TimeNs rows, TimeNs block) {
    std::map<std::string, Batches> orders;
    const auto size = static_cast<std::size_t>(block);
    for (TimeNs at = 0; at < rows; at += block) {
        orders["rising"].push_back(times_of(at, size));
        // Two connections, the second of which is always one block behind.
        orders["in turns"].push_back(times_of(((at / block) ^ 1) * block, size));
    }
    orders["falling"] = orders["rising"];
    std::ranges::reverse(orders["falling"]);
    for (const TimeNs from : {0, 1}) {
        for (TimeNs at = from * block; at < rows; at += 2 * block)
            orders["blocks between blocks"].push_back(times_of(at, size));
        for (TimeNs at = 0; at < rows; at += 2 * block)
            orders["odd after even"].push_back(times_of(at + from, size, 2));
    }
    orders["odd before even, falling"] = orders["odd after even"];
    std::ranges::reverse(orders["odd before even, falling"]);
    // Two that each send every second one, now this and now that.
    for (TimeNs at = 0; at < rows; at += 2 * block)
        for (const TimeNs from : {1, 0}) orders["combs"].push_back(times_of(at + from, size, 2));
    for (TimeNs at = 0; block == 1 && at < rows; ++at) orders["neighbours swapped"].push_back({at ^ 1});
    // A gap that is filled backwards, while newer ones are there.
    orders["backwards into a gap"].push_back(times_of(0, static_cast<std::size_t>(rows / 4)));
    orders["backwards into a gap"].push_back(times_of(rows, static_cast<std::size_t>(rows / 4)));
    for (TimeNs at = rows - block; at >= rows / 4; at -= block)
        orders["backwards into a gap"].push_back(times_of(at, size));
    return orders;
}

TEST(MemTuples, TakeLittleInAnyOrder) {
    for (const std::size_t width : {1, 3, 12})
        for (const TimeNs block : {1, 5, 60, 300})
            for (const bool as_block : {true, false})
                for (const auto& [name, batches] : orders_of(1800, block)) {
                    SCOPED_TRACE(fmt::format("{}, {} columns, {} rows at once, as {}", name, width, block,
                                             as_block ? "blocks" : "tuples"));
                    Rig rig{width, width == 3};
                    for (const auto& times : batches) {
                        rig.put(times, as_block);
                        if (::testing::Test::HasFatalFailure()) return;
                    }
                    rig.check_all();
                    if (::testing::Test::HasFatalFailure()) return;
                    EXPECT_LT(rig.times_data(), 3.0);
                }
}

TEST(MemTuples, AgreeWithAMap) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Rng rng{seed};
    for (int round = 0; round < 30; ++round) {
        Rig rig{1 + rng.below(5), rng.chance(0.5)};
        const std::uint64_t span = 200 + rng.below(30'000);
        TimeNs newest = 0;
        for (std::uint64_t left = 20 + rng.below(150); left > 0; --left) {
            const std::uint64_t count = rng.chance(0.5) ? 1 + rng.below(4) : 1 + rng.below(300);
            const auto longest = static_cast<TimeNs>(1 + rng.below(4));
            TimeNs time = rng.chance(0.3) ? newest : static_cast<TimeNs>(rng.below(span)) - 5'000;
            std::vector<TimeNs> times;
            for (std::uint64_t i = 0; i < count; ++i) {
                times.push_back(time * kMinute);  // over days
                time += 1 + static_cast<TimeNs>(rng.below(static_cast<std::uint64_t>(longest)));
            }
            newest = std::max(newest, time);
            rig.put(times, rng.chance(0.6));
            if (::testing::Test::HasFatalFailure()) return;
            const auto [from, to] = std::minmax({rng.below(span), rng.below(span)});
            if (from < to && rng.chance(0.1))
                rig.check({static_cast<TimeNs>(from) * kMinute, static_cast<TimeNs>(to) * kMinute});
            if (::testing::Test::HasFatalFailure()) return;
        }
        rig.check_all();
        if (::testing::Test::HasFatalFailure()) return;
    }
}

TEST(MemTuples, KeepTextsBetweenOthers) {
    const std::vector<ValueType> types{ValueType::text, ValueType::number};
    const auto shape = shape_of({TagId{16}, TagId{32}}, types);
    MemTuples rows{types};
    for (const TimeNs from : {0, 1})
        for (TimeNs time = from; time < 1000; time += 2) {
            Tuples tuples;
            tuples.add(shape, time)[0] = tuples.keep_text("text " + std::to_string(time));
            EXPECT_FALSE(rows.put(tuples, 0));
        }
    const auto run = rows.all(0);
    ASSERT_EQ(run.size(), 1000u);
    for (std::size_t i = 0; i < run.size(); ++i) {
        ASSERT_EQ(run.times[i], static_cast<TimeNs>(i));
        ASSERT_EQ(run.text_at(i), "text " + std::to_string(i));
    }
}

}  // namespace
}  // namespace gongshu::history
