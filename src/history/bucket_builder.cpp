// Aggregates per bucket: rows are cut at the edges of buckets and where the quality changes; between them they are
// summed in one loop.
#include <algorithm>
#include <cmath>
#include <limits>

#include "history/aggregates.h"
#include "history/scan.h"

namespace gongshu::history {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

DurationNs between(TimeNs from, TimeNs to) {
    DurationNs length = 0;
    return __builtin_sub_overflow(to, from, &length) ? std::numeric_limits<DurationNs>::max() : length;
}

TimeNs later(TimeNs time, DurationNs by) {
    TimeNs result = 0;
    return __builtin_add_overflow(time, by, &result) ? std::numeric_limits<TimeNs>::max() : result;
}

// A row whose value may hold on.
struct Held {
    TimeNs time = 0;
    double value = 0;
};

// What two neighbouring rows say of the time between them.
struct Stretch {
    Held begin;
    TimeNs step_end = 0;    // the value holds up to here
    TimeNs line_end = 0;    // the line ends here; not after its beginning: there is none
    double line_value = 0;  // … and with this value

    double line_at(TimeNs time) const {
        const double part =
            static_cast<double>(between(begin.time, time)) / static_cast<double>(between(begin.time, line_end));
        return begin.value * (1 - part) + line_value * part;
    }
    void add_to(TimeSums& sums, TimeNs from, TimeNs to) const {
        from = std::max(from, begin.time);
        if (const TimeNs end = std::min(to, step_end); end > from) {
            const DurationNs length = between(from, end);
            sums.step_area += begin.value * static_cast<double>(length);
            sums.step_ns += length;
            if (begin.value != 0) sums.on_ns += length;
        }
        if (const TimeNs end = std::min(to, line_end); end > from) {
            const DurationNs length = between(from, end);
            sums.line_area += (line_at(from) * 0.5 + line_at(end) * 0.5) * static_cast<double>(length);
            sums.line_ns += length;
        }
    }
};

struct Plan {
    std::vector<Aggregate> aggregates;
    unsigned needs = 0;
    QualityFilter filter = QualityFilter::usable;
    DurationNs shortest = 0;  // buckets are mostly not shorter than this
    Fill fill = Fill::none;
    double fill_value = 0;
    DurationNs gap = kGapDefault;
    Window window;
    TimeNs as_of = 0;
};

// Gives empty buckets what they are filled with; what they tell themselves (counts, a value that held) stays.
void fill_empty(Series& series, const Plan& plan) {
    const std::size_t count = series.buckets.size();
    for (std::size_t column = 0; column < plan.aggregates.size(); ++column) {
        if (plan.aggregates[column].kind != AggregateKind::value) continue;
        auto& values = series.values[column];
        for (std::size_t begin = 0; begin < count; ++begin) {
            if (series.filled[begin] == 0) continue;
            std::size_t end = begin;
            while (end < count && series.filled[end] != 0) ++end;
            const double before = begin > 0 ? values[begin - 1] : kNaN;
            const double after = end < count ? values[end] : kNaN;
            for (std::size_t i = begin; i < end; ++i) {
                if (!std::isnan(values[i])) continue;
                if (plan.fill == Fill::value) values[i] = plan.fill_value;
                if (plan.fill == Fill::previous) values[i] = before;
                if (plan.fill != Fill::linear || begin == 0 || end == count) continue;
                const double part = static_cast<double>(between(series.buckets[begin - 1], series.buckets[i])) /
                                    static_cast<double>(between(series.buckets[begin - 1], series.buckets[end]));
                values[i] = before * (1 - part) + after * part;
            }
            begin = end;
        }
    }
}

class BucketBuilderImpl final : public BucketBuilder {
public:
    BucketBuilderImpl(TagId tag, Buckets buckets, Plan plan, RowBudget& budget)
        : buckets_(std::move(buckets)), plan_(std::move(plan)), budget_(budget) {
        series_.tag = tag;
        for (const Aggregate& aggregate : plan_.aggregates) series_.columns.push_back(aggregate.name);
        series_.columns.emplace_back("good_fraction");
        series_.values.resize(series_.columns.size());
        const auto is_time = [](const Aggregate& one) { return one.kind == AggregateKind::time; };
        if (std::ranges::any_of(plan_.aggregates, is_time)) series_.times.resize(series_.columns.size());
        open(plan_.window.from);
    }

    DurationNs looks_before() const override { return needs(kNeedSteps | kNeedLines | kNeedIncrease) ? plan_.gap : 0; }
    DurationNs looks_after() const override { return needs(kNeedLines) ? plan_.gap : 0; }
    bool wants_counted_before() const override { return needs(kNeedIncrease); }
    QualityFilter filter() const override { return plan_.filter; }

    void set_neighbours(const Neighbours& neighbours) override {
        if (const auto& row = neighbours.before) held_ = held(row->time, number(*row));
        if (const auto& row = neighbours.counted_before) counter_ = number(*row);
        after_ = neighbours.after;
    }

    bool takes_whole(const ChunkInfo& chunk) override {
        const Statistics& statistics = chunk.statistics;
        const std::uint64_t counted = plan_.filter == QualityFilter::all ? statistics.rows : statistics.usable;
        const bool times_known = !needs(kNeedTimes) || counted == statistics.rows;
        return is_as_filtered(statistics) && times_known && (!needs(kNeedSum) || has_exact_sum(chunk)) &&
               !needs(~unsigned{kNeedTimes | kNeedSum}) && buckets_.at(chunk.min_time).contains(chunk.max_time);
    }

    Result<void> take_chunk(const ChunkInfo& chunk) override {
        advance(chunk.min_time, chunk.min_time, nullptr);
        if (overflow_) return too_many_rows(budget_.rows_max());
        if (sums_.statistics.usable == 0) sums_.first_time = chunk.min_time;
        sums_.last_time = chunk.max_time;
        Statistics statistics = chunk.statistics;
        statistics.sum = 0;
        if (needs(kNeedSum)) sums_.whole += static_cast<std::int64_t>(chunk.statistics.sum);
        sums_.statistics.add(statistics);
        sums_.bad += statistics.rows - statistics.usable;
        return {};
    }

    CellsWanted cells_wanted() const override {
        if (needs(~unsigned{kNeedTimes | kNeedSum})) return {};
        return {plan_.shortest >= kHour, plan_.shortest >= kMinute};
    }
    bool takes_cell(const Cell& cell, DurationNs length) override {
        const Window time{cell.from, cell.from + length};
        if (!is_as_filtered(cell.statistics) || !holds(buckets_.at(time.from), time)) return false;
        return !needs(kNeedSum) || piece_at(time.from) == time;
    }
    Result<void> take_cell(const Cell& cell, DurationNs /*length*/) override {
        advance(cell.from, cell.from, nullptr);
        if (overflow_) return too_many_rows(budget_.rows_max());
        end_piece();
        if (sums_.statistics.usable == 0) sums_.first_time = cell.first_time;
        sums_.last_time = cell.last_time;
        sums_.statistics.add(cell.statistics);
        sums_.whole += cell.whole;
        sums_.bad += cell.statistics.rows - cell.statistics.usable;
        return {};
    }

    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t i = begin; i < end;) {
            reach(run, i);
            if (overflow_) return too_many_rows(budget_.rows_max());
            const std::size_t stop = gallop(run, i, end, bucket_.to);
            TRY(count_rows(run, i, stop));
            if (needs(kNeedSteps | kNeedLines)) weigh(run, i, stop);
            if (needs(kNeedIncrease)) climb(run, i, stop);
            i = stop;
        }
        return {};
    }

    Result<Series> finish() override {
        if (!plan_.window.empty()) {
            const auto last = last_stretch();
            const Stretch* const stretch = last ? &*last : nullptr;
            cover(stretch, plan_.window.to);
            const TimeNs end = std::min(plan_.window.to - 1, plan_.as_of);
            if (plan_.fill != Fill::none) advance(end, plan_.window.to, stretch);
            end_bucket();
        }
        if (overflow_) return too_many_rows(budget_.rows_max());
        if (plan_.fill != Fill::none) fill_empty(series_, plan_);
        return std::move(series_);
    }

private:
    // Whether all usable rows count, and no others.
    bool is_as_filtered(const Statistics& statistics) const {
        if (plan_.filter == QualityFilter::all) return statistics.usable == statistics.rows;
        return plan_.filter == QualityFilter::usable || statistics.usable == statistics.good;
    }
    // Whole numbers whose sum, added up in whatever order, is exact.
    static bool has_exact_sum(const ChunkInfo& chunk) {
        const Statistics& statistics = chunk.statistics;
        if (chunk.type != ValueType::integer && chunk.type != ValueType::boolean) return false;
        return statistics.usable == 0 ||
               std::max(std::abs(statistics.min), std::abs(statistics.max)) * static_cast<double>(statistics.usable) <
                   0x1p52;
    }
    static bool holds(Window whole, Window part) { return whole.from <= part.from && part.to <= whole.to; }

    // A piece of aggregates.h: what numbers are added up in. The hour of `time` if the bucket holds all of it, else
    // what the bucket holds of the minute.
    Window piece_at(TimeNs time) {
        const Window bucket = buckets_.at(time);
        const Window all{std::max(bucket.from, plan_.window.from), std::min(bucket.to, plan_.window.to)};
        const TimeNs hour = cell_start(time, kHour), minute = cell_start(time, kMinute);
        if (holds(all, {hour, hour + kHour})) return {hour, hour + kHour};
        return {std::max(all.from, minute), std::min(all.to, minute + kMinute)};
    }
    void end_piece() {
        piece_ = {};
        if (piece_sums_.rows() == 0) return;
        Statistics& statistics = sums_.statistics;
        statistics.sum += piece_sums_.sum();
        statistics.min = std::min(statistics.min, piece_sums_.min());
        statistics.max = std::max(statistics.max, piece_sums_.max());
        piece_sums_ = {};
    }

    bool needs(unsigned what) const { return (plan_.needs & what) != 0; }

    // NaN: it does not count, or is no finite number.
    double number(const Run& run, std::size_t i) const {
        return counts(plan_.filter, run.qualities[i]) ? finite(run.number_at(i)) : kNaN;
    }
    double number(const Reading& reading) const {
        if (!counts(plan_.filter, pack(reading.quality))) return kNaN;
        return finite(as_number(reading.value).value_or(kNaN));
    }
    static double finite(double value) { return std::isfinite(value) ? value : kNaN; }
    static std::optional<Held> held(TimeNs time, double value) {
        return std::isnan(value) ? std::nullopt : std::optional{Held{time, value}};
    }

    void open(TimeNs time) {
        bucket_ = buckets_.at(time);
        in_gap_ = buckets_.in_gap();
    }

    // Closes the buckets that end by `time` and opens that which holds it. `stretch` tells of the time up to `bound`.
    void advance(TimeNs time, TimeNs bound, const Stretch* stretch) {
        while (bucket_.to <= time && !overflow_) {
            cover(stretch, bound);
            end_bucket();
            open(plan_.fill == Fill::none ? time : bucket_.to);
        }
        cover(stretch, bound);
    }
    void cover(const Stretch* stretch, TimeNs bound) {
        if (stretch == nullptr) return;
        const Window part = within(bound);
        stretch->add_to(sums_.time, std::max(part.from, covered_to_), part.to);
        covered_to_ = std::max(covered_to_, part.to);
    }
    // The part of the bucket within the window and before `bound`.
    Window within(TimeNs bound) const {
        return {std::max(bucket_.from, plan_.window.from), std::min({bucket_.to, plan_.window.to, bound})};
    }

    void reach(const Run& run, std::size_t i) {
        const TimeNs time = run.times[i];
        if (!held_) return advance(time, time, nullptr);
        const Stretch stretch = stretch_to(time, number(run, i));
        advance(time, time, &stretch);
    }
    Stretch stretch_to(TimeNs time, double value) const {
        const bool joined = !std::isnan(value) && between(held_->time, time) <= plan_.gap;
        return {*held_, std::min(time, later(held_->time, plan_.gap)), joined ? time : held_->time, value};
    }
    // The last value holds until now, or until the row after the window.
    std::optional<Stretch> last_stretch() const {
        if (!held_) return std::nullopt;
        Stretch stretch{*held_, later(held_->time, plan_.gap), held_->time, 0};
        if (after_) stretch = stretch_to(after_->time, number(*after_));
        stretch.step_end = std::min(stretch.step_end, plan_.as_of);
        return stretch;
    }

    Result<void> count_rows(const Run& run, std::size_t begin, std::size_t end) {
        while (begin < end) {
            const std::uint16_t quality = run.qualities[begin];
            const std::size_t stop = end_of_quality(run, begin, end);
            const auto grade = unpack_quality(quality).grade;
            sums_.statistics.rows += stop - begin;
            if (grade == Grade::good) sums_.statistics.good += stop - begin;
            if (grade == Grade::bad) sums_.bad += stop - begin;
            if (counts(plan_.filter, quality)) TRY(sum_rows(run, begin, stop));
            begin = stop;
        }
        return {};
    }

    // Rows that all count.
    Result<void> sum_rows(const Run& run, std::size_t begin, std::size_t end) {
        Statistics& statistics = sums_.statistics;
        if (statistics.usable == 0) {
            statistics.first = run.number_at(begin);
            sums_.first_time = run.times[begin];
        }
        statistics.last = run.number_at(end - 1);
        sums_.last_time = run.times[end - 1];
        statistics.usable += end - begin;
        add_values(run, begin, end);
        if (needs(kNeedMoments)) sums_.moments.add(moments_of(run, begin, end, sums_of(run, begin, end).sum));
        if (!needs(kNeedRanked)) return {};
        if (sums_.ranked.size() + (end - begin) > kRankedMax)
            return Error{Code::limit,
                         "a bucket has more than {} rows, too many for exact percentiles, median and mode; use shorter "
                         "buckets (every=)",
                         kRankedMax};
        for (std::size_t i = begin; i < end; ++i)
            if (const double value = run.number_at(i); !std::isnan(value)) sums_.ranked.push_back(value);
        return {};
    }

    void add_values(const Run& run, std::size_t begin, std::size_t end) {
        Statistics& statistics = sums_.statistics;
        if (run.type == ValueType::number && needs(kNeedSum)) return add_pieces(run, begin, end);
        NumberSums sums;
        if (run.type == ValueType::integer || run.type == ValueType::boolean) {
            const WholeSums whole = whole_sums_of(run, begin, end);
            sums_.whole += whole.sum;
            sums.min = whole.min, sums.max = whole.max;
        } else {
            sums = sums_of(run, begin, end);
            statistics.sum += sums.sum;
        }
        statistics.min = std::min(statistics.min, sums.min);
        statistics.max = std::max(statistics.max, sums.max);
    }
    void add_pieces(const Run& run, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end;) {
            if (!piece_.contains(run.times[i])) {
                end_piece();
                piece_ = piece_at(run.times[i]);
            }
            const std::size_t stop = gallop(run, i, end, piece_.to);
            piece_sums_.add(run, i, stop);
            i = stop;
        }
    }

    // The time between rows of one bucket.
    void weigh(const Run& run, std::size_t begin, std::size_t end) {
        TimeSums& sums = sums_.time;
        Held last{run.times[begin], number(run, begin)};
        for (std::size_t i = begin + 1; i < end; ++i) {
            const Held next{run.times[i], number(run, i)};
            if (!std::isnan(last.value)) {
                const DurationNs length = between(last.time, next.time);
                const DurationNs held = std::min(length, plan_.gap);
                sums.step_area += last.value * static_cast<double>(held);
                sums.step_ns += held;
                if (last.value != 0) sums.on_ns += held;
                if (length <= plan_.gap && !std::isnan(next.value)) {
                    sums.line_area += (last.value * 0.5 + next.value * 0.5) * static_cast<double>(length);
                    sums.line_ns += length;
                }
            }
            last = next;
        }
        held_ = held(last.time, last.value);
        covered_to_ = last.time;
    }

    void climb(const Run& run, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const double value = number(run, i);
            if (std::isnan(value)) continue;
            if (!std::isnan(counter_)) {
                sums_.increase += value >= counter_ ? value - counter_ : value;
                sums_.increased = true;
            }
            counter_ = value;
        }
    }

    void end_bucket() {
        end_piece();
        sums_.statistics.sum += static_cast<double>(sums_.whole);
        sums_.statistics.min += 0.0;  // no -0, which of several zeros the lowest is would depend on their order
        sums_.statistics.max += 0.0;
        const bool empty = sums_.statistics.rows == 0;
        const Window known = within(plan_.as_of);
        const bool filled =
            empty && plan_.fill != Fill::none && std::max(bucket_.from, plan_.window.from) <= plan_.as_of;
        if (!in_gap_ && (!empty || filled)) {
            sums_.length_ns = known.empty() ? 0 : between(known.from, known.to);
            overflow_ = overflow_ || !budget_.take(1);
            if (!overflow_) emit(empty);
        }
        std::vector<double> ranked = std::move(sums_.ranked);
        ranked.clear();
        sums_ = {};
        sums_.ranked = std::move(ranked);
    }

    void emit(bool empty) {
        series_.buckets.push_back(bucket_.from);
        if (plan_.fill != Fill::none) series_.filled.push_back(empty ? 1 : 0);
        for (std::size_t i = 0; i < plan_.aggregates.size(); ++i) {
            const Aggregate& aggregate = plan_.aggregates[i];
            series_.values[i].push_back(aggregate.of(sums_, aggregate.parameter));
            if (aggregate.kind == AggregateKind::time)
                series_.times[i].push_back(aggregate.name == "first_time" ? sums_.first_time : sums_.last_time);
        }
        const Statistics& statistics = sums_.statistics;
        series_.values.back().push_back(
            empty ? kNaN : static_cast<double>(statistics.good) / static_cast<double>(statistics.rows));
    }

    Buckets buckets_;
    const Plan plan_;
    RowBudget& budget_;
    Window bucket_;
    bool in_gap_ = false;
    BucketSums sums_;
    Window piece_;                                            // of which piece_sums_ tell; empty = none
    PieceSums piece_sums_;                                    // not in sums_ yet
    std::optional<Held> held_;                                // the row before, if its value holds on
    double counter_ = kNaN;                                   // the last counted value
    TimeNs covered_to_ = std::numeric_limits<TimeNs>::min();  // what stretches told up to here
    std::optional<Reading> after_;
    bool overflow_ = false;
    Series series_;
};

Result<void> check_size(const ReadRequest& request, RowBudget& budget) {
    if (request.fill == Fill::none || request.every <= 0 || request.window.empty()) return {};
    const auto length = static_cast<std::uint64_t>(between(request.window.from, request.window.to));
    if (length / static_cast<std::uint64_t>(request.every) > budget.rows_max()) return too_many_rows(budget.rows_max());
    return {};
}

}  // namespace

Result<std::unique_ptr<BucketBuilder>> make_bucket_builder(TagId tag, const ReadRequest& request, TimeNs as_of,
                                                           RowBudget& budget) {
    auto buckets = request.periods ? Buckets::create(request.periods) : Buckets::create(request.every, request.zone);
    if (!buckets) return std::move(buckets).error();
    if (request.aggregates.empty()) return Error{Code::invalid, "buckets need at least one aggregate, such as avg"};
    if (request.gap < 0 || request.gap > kGapMax)
        return Error{Code::invalid, "gap={} ns: a gap is at most {} days", request.gap, kGapMax / kDay};
    if (request.fill == Fill::value && !std::isfinite(request.fill_value))
        return Error{Code::invalid, "fill: expected a finite number"};
    Plan plan;
    for (const std::string& name : request.aggregates) {
        plan.aggregates.push_back(TRY(parse_aggregate(name)));
        plan.needs |= plan.aggregates.back().needs;
    }
    TRY(check_size(request, budget));
    plan.filter = request.quality == QualityFilter::automatic ? QualityFilter::usable : request.quality;
    plan.shortest = request.periods ? kDay : request.every;
    plan.fill = request.fill;
    plan.fill_value = request.fill_value;
    plan.gap = request.gap == 0 ? kGapDefault : request.gap;
    plan.window = request.window;
    plan.as_of = as_of;
    return std::unique_ptr<BucketBuilder>(
        std::make_unique<BucketBuilderImpl>(tag, std::move(*buckets), std::move(plan), budget));
}

}  // namespace gongshu::history
