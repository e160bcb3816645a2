// Random operations against a map that is too simple to be wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

struct Cell {
    Value value;
    Quality quality;
};
using Model = std::map<TagId, std::map<TimeNs, Cell>>;

Value random_value(Rng& rng) {
    switch (rng.below(5)) {
        case 0:
            return static_cast<double>(rng.below(1000)) / 4;
        case 1:
            return static_cast<double>(rng.below(100));
        case 2:
            return static_cast<std::int64_t>(rng.below(3)) - 1;
        case 3:
            return rng.chance(0.5);
        default:
            return std::string(rng.below(12), 'a') + std::to_string(rng.below(100));
    }
}

Value zero(ValueType type) {
    switch (type) {
        case ValueType::number:
            return 0.0;
        case ValueType::integer:
            return std::int64_t{0};
        case ValueType::boolean:
            return false;
        case ValueType::text:
            break;
    }
    return std::string{};
}

Cell expected(const Reading& reading, ValueType type) {
    if (const auto value = convert_exactly(reading.value, type)) return {*value, reading.quality};
    return {zero(type), reading.quality.usable() ? bad(Reason::type) : reading.quality};
}

Quality without_late(Quality quality) {
    quality.late = false;
    return quality;
}

class ModelTest : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::warning); }
    void TearDown() override { set_log_level(LogLevel::info); }

    void start(std::uint64_t seed) {
        rng_ = std::make_unique<Rng>(seed);
        HistoryOptions options;
        options.seal_bytes = 20'000;
        store_ = std::make_unique<TestStore>(seed, options);
        ASSERT_TRUE(store_->open());
        for (int i = 0; i < 6; ++i) {
            const auto type = static_cast<ValueType>(1 + i % 4);
            const TagId tag = store_->tag("d:" + std::to_string(i / 2), "p" + std::to_string(i), type);
            ASSERT_TRUE((*store_)->set_unit(tag, "K"));
            types_[tag] = type;
            source_tags_.push_back(tag);
            paths_["d:" + std::to_string(i / 2) + ".p" + std::to_string(i)] = tag;
            model_[tag];
        }
        // Otherwise a tag is durable with its first row only, and a crash may come before that.
        ASSERT_TRUE((*store_)->compact());
    }

    TimeNs random_time() {
        // Mostly the newest, some late, over about three days, coarse enough that times repeat.
        // Never further ahead than is taken as it is.
        const TimeNs latest = store_->clock().now() / kSecond * kSecond + 9 * kMinute;
        if (rng_->chance(0.6))
            return newest_ = std::min(newest_ + static_cast<DurationNs>(rng_->below(5)) * kSecond, latest);
        return kStart - static_cast<DurationNs>(rng_->below(3 * 24 * 60)) * kMinute;
    }

    Rows random_rows() {
        Rows rows;
        const std::uint64_t count = 1 + rng_->below(60);
        for (std::uint64_t i = 0; i < count; ++i) {
            auto tag = types_.begin();
            std::advance(tag, static_cast<std::ptrdiff_t>(rng_->below(types_.size())));
            Reading reading{tag->first, random_time(), random_value(*rng_), kGood};
            if (rng_->chance(0.7)) reading.value = expected(reading, tag->second).value;
            if (rng_->chance(0.1)) reading.quality = bad(Reason::timeout);
            if (rng_->chance(0.1)) reading.quality = uncertain(Reason::sensor);
            rows.add(reading);
        }
        return rows;
    }

    // Of the two tags of a source, mostly both.
    Tuples random_tuples() {
        Tuples tuples;
        const std::uint64_t count = 1 + rng_->below(40);
        std::map<std::pair<std::uint64_t, std::uint64_t>, TupleShapePtr> shapes;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t source = rng_->below(3), form = rng_->chance(0.9) ? 0 : rng_->below(4);
            auto& shape = shapes[{source, form}];
            if (!shape) {
                std::vector<TagId> tags;
                for (const auto& [tag, type] : types_)
                    if (tag == source_tags_[source * 2] || tag == source_tags_[source * 2 + 1]) tags.push_back(tag);
                if (form == 1) std::swap(tags[0], tags[1]);
                if (form > 1) tags = {tags[form - 2]};
                std::vector<ValueType> types;
                for (const TagId tag : tags) types.push_back(types_[tag]);
                shape = shape_of(tags, types);
            }
            const auto cells = tuples.add(shape, random_time());
            for (std::size_t v = 0; v < cells.size(); ++v) {
                const ValueType type = shape->types()[v];
                const Value value = expected({{}, 0, random_value(*rng_), kGood}, type).value;
                Rows row;
                row.add({TagId{1}, 0, value, kGood});
                cells[v] = type == ValueType::text ? tuples.keep_text(row.text(0)) : row.bits(0);
                if (rng_->chance(0.02)) tuples.set_value_quality(v, uncertain(Reason::sensor));
            }
        }
        return tuples;
    }

    // Of one tag of a source or of both, if none of them is a text.
    Columns random_columns() {
        Columns columns;
        for (std::uint64_t left = 1 + rng_->below(6); left > 0; --left) {
            std::vector<TagId> tags;
            std::vector<ValueType> types;
            const std::uint64_t source = rng_->below(3), only = rng_->chance(0.8) ? 2 : rng_->below(2);
            for (std::uint64_t i = 0; i < 2; ++i) {
                const TagId tag = source_tags_[source * 2 + i];
                if ((only < 2 && only != i) || types_[tag] == ValueType::text) continue;
                tags.push_back(tag);
                types.push_back(types_[tag]);
            }
            if (tags.empty()) continue;
            ColumnBlock block{.shape = shape_of(tags, types), .times = {}, .bits = {}, .qualities = {}};
            std::set<TimeNs> times;
            for (std::uint64_t count = 1 + rng_->below(30); count > 0; --count) times.insert(random_time());
            block.times.assign(times.begin(), times.end());
            for (const ValueType type : types)
                for (std::size_t row = 0; row < block.rows(); ++row) {
                    Rows one;
                    one.add({TagId{1}, 0, expected({{}, 0, random_value(*rng_), kGood}, type).value, kGood});
                    block.bits.push_back(one.bits(0));
                }
            if (rng_->chance(0.2)) {
                block.spell_qualities();
                for (std::uint16_t& quality : block.qualities)
                    if (rng_->chance(0.1)) quality = pack(uncertain(Reason::sensor));
            }
            columns.add(std::move(block));
            // Whoever makes columns might let times through that do not grow.
            std::vector<TimeNs>& all = columns.block(columns.size() - 1).times;
            if (rng_->chance(0.05)) std::ranges::reverse(all);
            if (rng_->chance(0.05)) all[rng_->below(all.size())] = all.front();
        }
        return columns;
    }

    void apply(const Rows& rows) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            model_[rows.tag(i)][rows.time(i)] = expected(rows.reading(i), types_[rows.tag(i)]);
    }

    template <class Batch>
    void append(const Batch& batch) {
        store_->clock().advance(static_cast<DurationNs>(rng_->below(kMinute)));
        auto appended = store_->append(batch);
        while (!appended && appended.error().code() == Code::limit) {
            store_->world().run_for(2 * kSecond);
            appended = store_->append(batch);
        }
        ASSERT_TRUE(appended) << appended.error().text();
    }
    void append() {
        if (rng_->chance(0.4)) {
            const Columns columns = random_columns();
            append(columns);
            return apply(columns.rows());
        }
        const bool together = rng_->chance(0.7);
        const Tuples tuples = together ? random_tuples() : Tuples{};
        const Rows rows = together ? tuples.rows() : random_rows();
        if (together)
            append(tuples);
        else
            append(rows);
        apply(rows);
    }

    // Rows that nobody was promised: each is there as it was or as it was sent.
    void append_and_crash() {
        const bool as_columns = rng_->chance(0.3), together = rng_->chance(0.5);
        Tuples tuples = together ? random_tuples() : Tuples{};
        Columns columns = as_columns ? random_columns() : Columns{};
        const Rows rows = as_columns ? columns.rows() : together ? tuples.rows() : random_rows();
        store_->clock().advance(kSecond);
        if (as_columns)
            (*store_)->append_columns(std::move(columns), Durability::sync, [](const Result<Appended>&) {});
        else if (together)
            (*store_)->append_tuples(std::move(tuples), Durability::sync, [](const Result<Appended>&) {});
        else
            (*store_)->append(rows, Durability::sync, [](const Result<Appended>&) {});
        if (rng_->chance(0.5)) store_->world().run_for(static_cast<DurationNs>(rng_->below(kMillisecond)));
        store_->crash(rng_->chance(0.5) ? rng_.get() : nullptr);
        const auto opened = store_->open();
        ASSERT_TRUE(opened) << opened.error().text();
        Model sent = model_;
        for (std::size_t i = 0; i < rows.size(); ++i)
            sent[rows.tag(i)][rows.time(i)] = expected(rows.reading(i), types_[rows.tag(i)]);
        for (auto& [tag, cells] : model_) {
            const auto found = store_->raw(tag, kAllTime);
            const auto is = [&](const std::map<TimeNs, Cell>& want) {
                return std::ranges::equal(found, want, [](const Reading& have, const auto& cell) {
                    return have.time == cell.first && have.value == cell.second.value &&
                           without_late(have.quality) == cell.second.quality;
                });
            };
            // A shard's part is one record, so it is whole or not there.
            if (is(sent[tag]))
                cells = sent[tag];
            else
                ASSERT_TRUE(is(cells)) << "tag " << tag.value << " is neither as before nor as sent";
        }
    }

    void check_raw() {
        for (const auto& [tag, cells] : model_) {
            Window window = kAllTime;
            if (rng_->chance(0.5)) window = {random_time(), random_time()};
            const auto found = store_->raw(tag, window);
            auto want = cells.lower_bound(window.from);
            for (const Reading& have : found) {
                ASSERT_TRUE(want != cells.end());
                ASSERT_EQ(have.time, want->first);
                ASSERT_EQ(have.value, want->second.value) << "tag " << tag.value << " at " << have.time;
                ASSERT_EQ(to_string(without_late(have.quality)), to_string(want->second.quality));
                ++want;
            }
            ASSERT_TRUE(want == cells.end() || want->first >= window.to || window.empty());
            // Of a tag whose readings were removed the newest is still known.
            auto newest = removed_[tag];
            if (!cells.empty() && (newest.empty() || cells.rbegin()->first >= newest.rbegin()->first))
                newest = {*cells.rbegin()};
            const auto last = (*store_)->last(tag);
            ASSERT_EQ(last.has_value(), !newest.empty());
            if (last) {
                ASSERT_EQ(last->time, newest.rbegin()->first);
                ASSERT_EQ(last->value, newest.rbegin()->second.value);
            }
        }
    }

    void check_buckets() {
        ReadRequest request;
        request.window = rng_->chance(0.5) ? kAllTime : Window{random_time(), random_time()};
        request.every = std::vector<DurationNs>{kMinute, kHour, 7 * kHour, kDay, 3 * kDay}[rng_->below(5)];
        request.aggregates = {"count", "sum", "min", "max", "first", "last", "avg"};
        for (const auto& [tag, cells] : model_) {
            if (types_[tag] == ValueType::text) continue;
            request.tags = {tag};
            const auto series = (*store_)->read(request);
            ASSERT_TRUE(series) << series.error().text();
            std::map<TimeNs, std::vector<Cell>> buckets;
            for (const auto& [time, cell] : cells)
                if (request.window.contains(time)) buckets[time / request.every * request.every].push_back(cell);
            ASSERT_EQ(series->at(0).buckets.size(), buckets.size());
            for (std::size_t b = 0; const auto& [start, in_bucket] : buckets) {
                ASSERT_EQ(series->at(0).buckets[b], start);
                check_bucket(series->at(0), b++, in_bucket);
            }
        }
    }

    // Buckets of any lengths, with gaps.
    void check_periods() {
        ReadRequest request;
        request.window = rng_->chance(0.5) ? kAllTime : Window{random_time(), random_time()};
        request.aggregates = {"count", "sum", "min", "max", "first", "last", "avg"};
        std::vector<TimeNs> times;
        for (int i = 0; i < 12; ++i) times.push_back(random_time());
        std::ranges::sort(times);
        times.erase(std::unique(times.begin(), times.end()), times.end());
        auto periods = std::make_shared<std::vector<Window>>();
        for (std::size_t i = 1; i < times.size(); ++i)
            if (rng_->chance(0.7)) periods->push_back({times[i - 1], times[i]});
        request.periods = periods;
        for (const auto& [tag, cells] : model_) {
            if (types_[tag] == ValueType::text) continue;
            request.tags = {tag};
            const auto series = (*store_)->read(request);
            ASSERT_TRUE(series) << series.error().text();
            std::size_t b = 0;
            for (const Window period : *periods) {
                std::vector<Cell> in_period;
                for (const auto& [time, cell] : cells)
                    if (request.window.contains(time) && period.contains(time)) in_period.push_back(cell);
                if (in_period.empty()) continue;
                ASSERT_LT(b, series->at(0).buckets.size());
                ASSERT_EQ(series->at(0).buckets[b], period.from);
                check_bucket(series->at(0), b++, in_period);
            }
            ASSERT_EQ(series->at(0).buckets.size(), b);
        }
    }

    static void check_bucket(const Series& series, std::size_t b, const std::vector<Cell>& cells) {
        std::vector<double> usable;
        double good = 0;
        for (const Cell& cell : cells) {
            if (cell.quality.good()) ++good;
            if (cell.quality.usable()) usable.push_back(*as_number(cell.value));
        }
        double sum = 0;
        for (const double value : usable) sum += value;  // quarters: exact in any order
        const auto at = [&](std::size_t column) { return series.values[column][b]; };
        ASSERT_EQ(at(0), static_cast<double>(usable.size()));
        ASSERT_EQ(at(7), good / static_cast<double>(cells.size()));
        if (usable.empty()) {
            for (std::size_t column = 1; column < 7; ++column) ASSERT_TRUE(std::isnan(at(column)));
            return;
        }
        ASSERT_EQ(at(1), sum);
        ASSERT_EQ(at(2), *std::ranges::min_element(usable));
        ASSERT_EQ(at(3), *std::ranges::max_element(usable));
        ASSERT_EQ(at(4), usable.front());
        ASSERT_EQ(at(5), usable.back());
        ASSERT_EQ(at(6), sum / static_cast<double>(usable.size()));
    }

    void move() {
        const std::string source = "d:" + std::to_string(rng_->below(3));
        const std::string prefix = "hall" + std::to_string(rng_->below(4)) + "/" + source.substr(2);
        ASSERT_TRUE((*store_)->move_source(TenantId{1}, source, prefix));
        for (const auto& [tag, type] : types_) {
            const auto info = (*store_)->info(tag);
            ASSERT_TRUE(info);
            if (info->key.source == source) paths_[prefix + "." + info->key.property] = tag;
        }
    }

    void check_paths() {
        for (const auto& [path, tag] : paths_) {
            const auto found = (*store_)->find(TenantId{1}, path);
            ASSERT_TRUE(found) << path;
            ASSERT_EQ(found->id, tag) << path;
            ASSERT_EQ(found->type, types_[tag]);
        }
    }

    // Some days whole, of others some tags; all is in segments before, because rows in memory stay.
    void remove() {
        ASSERT_TRUE((*store_)->compact());
        const auto today = static_cast<std::int32_t>(kStart / kDay);
        Removal removal;
        removal.all_before = today - 3 + static_cast<std::int32_t>(rng_->below(2));
        removal.some_before = removal.all_before + static_cast<std::int32_t>(rng_->below(3));
        const std::uint64_t some = rng_->next();
        removal.expired = [some](TagId tag, std::int32_t day) {
            return ((some >> ((tag.value + static_cast<std::uint64_t>(day)) % 64)) & 1) != 0;
        };
        std::uint64_t rows = 0;
        for (auto& [tag, cells] : model_)
            for (auto cell = cells.begin(); cell != cells.end();) {
                const auto day = static_cast<std::int32_t>(cell->first / kDay);
                if (day >= removal.all_before && !(day < removal.some_before && removal.expired(tag, day))) {
                    ++cell;
                    continue;
                }
                auto& newest = removed_[tag];
                if (newest.empty() || cell->first >= newest.rbegin()->first) newest = {*cell};
                cell = cells.erase(cell);
                ++rows;
            }
        removal.dry_run = true;
        const auto told = (*store_)->remove(removal);
        ASSERT_TRUE(told) << told.error().text();
        removal.dry_run = false;
        removal.rewrite_bytes_max = rng_->chance(0.5) ? 1 : 1 << 20;
        std::uint64_t removed = 0;
        for (bool more = true; more;) {
            const auto done = (*store_)->remove(removal);
            ASSERT_TRUE(done) << done.error().text();
            removed += done->rows;
            more = done->more;
        }
        ASSERT_EQ(removed, rows);
        ASSERT_EQ(told->rows, rows);
        check_uses();
    }

    // Some tags lose what lies in a window, in memory too.
    void cut() {
        Cut cut;
        cut.rewrite_bytes_max = rng_->chance(0.5) ? 1 : 1 << 20;
        std::uint64_t rows = 0;
        for (auto& [tag, cells] : model_) {
            if (rng_->chance(0.6)) continue;
            Window window{random_time(), random_time()};
            if (window.empty()) std::swap(window.from, window.to);
            if (rng_->chance(0.2)) window = kAllTime;
            cut.windows[tag] = window;
            auto& removed = removed_[tag];
            TimeNs newest = cells.empty() ? INT64_MIN : cells.rbegin()->first;
            if (!removed.empty()) newest = std::max(newest, removed.rbegin()->first);
            rows += std::erase_if(cells, [&](const auto& cell) { return window.contains(cell.first); });
            if (window.contains(newest)) removed.clear();
        }
        std::uint64_t gone = 0;
        for (bool more = true; more;) {
            const auto done = (*store_)->cut(cut);
            ASSERT_TRUE(done) << done.error().text();
            gone += done->rows;
            more = done->more;
        }
        ASSERT_GE(gone, rows);  // a row that was replaced may lie in several segments
        check_raw();
    }

    void check_uses() {
        std::uint64_t rows = 0, by_day = 0, by_tag = 0, bytes = 0;
        for (const auto& [tag, cells] : model_) rows += cells.size();
        for (const DayUse& use : (*store_)->days()) by_day += use.rows;
        ASSERT_TRUE((*store_)->visit_tag_days([&](const TagDayUse& use) {
            by_tag += use.rows;
            bytes += use.bytes;
        }));
        ASSERT_EQ(bytes, (*store_)->stats().segment_bytes);
        ASSERT_EQ(by_day, rows);
        ASSERT_EQ(by_tag, rows);
    }

    void step() {
        switch (rng_->below(18)) {
            case 0:
                ASSERT_TRUE((*store_)->compact());
                break;
            case 1:
                append_and_crash();
                break;
            case 2:
                store_->reopen();
                break;
            case 3:
                store_->world().run_for(static_cast<DurationNs>(rng_->below(11)) * kMinute);
                break;
            case 4:
                move();
                break;
            case 5:
                check_raw();
                break;
            case 6:
                check_buckets();
                check_periods();
                break;
            case 7:
                check_paths();
                break;
            case 8: {
                const Rows rows = random_rows();
                ASSERT_TRUE((*store_)->import(rows));
                apply(rows);
                break;
            }
            case 9:
                remove();
                break;
            case 10:
                cut();
                break;
            default:
                append();
        }
    }

    std::unique_ptr<Rng> rng_;
    std::unique_ptr<TestStore> store_;
    Model model_;
    std::map<TagId, std::map<TimeNs, Cell>> removed_;  // the newest of each tag
    std::map<TagId, ValueType> types_;
    std::vector<TagId> source_tags_;  // two of each source
    std::map<std::string, TagId> paths_;
    TimeNs newest_ = kStart;
};

TEST_F(ModelTest, AgreesWithAMap) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    start(seed);
    for (int i = 0; i < 400 && !HasFatalFailure(); ++i) step();
    if (HasFatalFailure()) return;
    check_raw();
    check_buckets();
    check_periods();
    check_paths();
    const auto report = (*store_)->verify();
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
}

}  // namespace
}  // namespace gongshu::history
