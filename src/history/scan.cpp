#include "history/scan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/assert.h"

namespace gongshu::history {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Result<std::shared_ptr<const Run>> rows_of(const Source& source) {
    if (!source.chunk) return source.rows;
    return std::make_shared<const Run>(TRY(source.segment->read(*source.chunk)));
}

// Sources [begin, end) overlap: their rows, the newest layer on top.
Result<std::shared_ptr<const Run>> merged_rows(const std::vector<Source>& sources, std::size_t begin, std::size_t end) {
    if (end - begin == 1) return rows_of(sources[begin]);
    std::vector<const Source*> by_layer;
    for (std::size_t i = begin; i < end; ++i) by_layer.push_back(&sources[i]);
    std::ranges::stable_sort(by_layer, {}, &Source::layer);
    Run merged = *TRY(rows_of(*by_layer.front()));
    for (std::size_t i = 1; i < by_layer.size(); ++i) merged = merge(merged, *TRY(rows_of(*by_layer[i])));
    return std::make_shared<const Run>(std::move(merged));
}

class RawBuilder final : public SeriesBuilder {
public:
    RawBuilder(TagId tag, std::uint64_t rows_max) : rows_max_(rows_max) { series_.tag = tag; }
    bool take_chunk(const ChunkInfo&) override { return false; }
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        if (series_.rows.size() + (end - begin) > rows_max_) return too_many_rows(rows_max_);
        for (std::size_t i = begin; i < end; ++i) {
            if (series_.rows.full(run.type == ValueType::text ? run.text_at(i).size() : 0))
                return Error{Code::limit,
                             "an answer holds at most {} rows and {} MiB of text a tag; shorten the window",
                             Rows::kRowsMax, Rows::kTextBytesMax >> 20};
            run.add_to(series_.rows, series_.tag, i);
        }
        return {};
    }
    Result<Series> finish() override { return std::move(series_); }

private:
    const std::uint64_t rows_max_;
    Series series_;
};

// A row that a pixel keeps.
struct Kept {
    TimeNs time = 0;
    double number = 0;
    Rows row;
};

class ThinBuilder final : public SeriesBuilder {
public:
    ThinBuilder(TagId tag, Window extent, std::uint32_t points_max) : points_max_(points_max), from_(extent.from) {
        const std::uint64_t pixels = std::max<std::uint64_t>(1, points_max / 3);
        const auto length = static_cast<std::uint64_t>(extent.to) - static_cast<std::uint64_t>(extent.from);
        pixel_ = length / pixels + 1;
        series_.tag = tag;
        series_.sampled = true;
    }
    bool take_chunk(const ChunkInfo&) override { return false; }
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t i = begin; i < end; ++i) {
            const std::uint64_t pixel =
                (static_cast<std::uint64_t>(run.times[i]) - static_cast<std::uint64_t>(from_)) / pixel_;
            if (pixel != at_) {
                end_pixel();
                at_ = pixel;
            }
            keep(run, i);
        }
        return {};
    }
    Result<Series> finish() override {
        end_pixel();
        return std::move(series_);
    }

private:
    void keep(const Run& run, std::size_t i) {
        const auto put = [&](std::optional<Kept>& where, double number) {
            where.emplace();
            where->time = run.times[i];
            where->number = number;
            run.add_to(where->row, series_.tag, i);
        };
        if (!unpack_quality(run.qualities[i]).usable()) {
            if (!bad_) put(bad_, 0);
            return;
        }
        const double number = run.number_at(i);
        // Text has no order: its first row stands for the pixel.
        if (!min_ || number < min_->number || std::isnan(min_->number)) {
            if (!min_ || !std::isnan(number)) put(min_, number);
        }
        if (!std::isnan(number) && (!max_ || number > max_->number)) put(max_, number);
    }

    void end_pixel() {
        std::array<Kept*, 3> kept{};
        std::size_t count = 0;
        for (std::optional<Kept>* one : {&min_, &max_, &bad_})
            if (*one) kept[count++] = &**one;
        std::sort(kept.begin(), kept.end(), [](const Kept* a, const Kept* b) {  // those that are not there last
            return a != nullptr && (b == nullptr || a->time < b->time);
        });
        for (std::size_t i = 0; i < count; ++i) {
            const bool repeated = i > 0 && kept[i]->time == kept[i - 1]->time;
            if (!repeated && series_.rows.size() < points_max_ && !series_.rows.full(kMaxText))
                series_.rows.add_row(kept[i]->row, 0);
        }
        min_.reset();
        max_.reset();
        bad_.reset();
    }

    static constexpr std::size_t kMaxText = 1 << 20;

    const std::uint32_t points_max_;
    const TimeNs from_;
    std::uint64_t pixel_ = 1;  // its width in ns
    std::uint64_t at_ = 0;
    std::optional<Kept> min_;
    std::optional<Kept> max_;
    std::optional<Kept> bad_;
    Series series_;
};

using Aggregate = double (*)(const Statistics&);
struct NamedAggregate {
    std::string_view name;
    Aggregate of;
};
// For text usable rows have no numbers: sum is NaN and so are the others but count.
constexpr NamedAggregate kAggregates[] = {
    {"avg", [](const Statistics& s) { return s.usable ? s.sum / static_cast<double>(s.usable) : kNaN; }},
    {"min", [](const Statistics& s) { return s.usable && s.min <= s.max ? s.min : kNaN; }},
    {"max", [](const Statistics& s) { return s.usable && s.min <= s.max ? s.max : kNaN; }},
    {"sum", [](const Statistics& s) { return s.usable ? s.sum : kNaN; }},
    {"count", [](const Statistics& s) { return static_cast<double>(s.usable); }},
    {"first", [](const Statistics& s) { return s.usable ? s.first : kNaN; }},
    {"last", [](const Statistics& s) { return s.usable ? s.last : kNaN; }},
};
double good_fraction(const Statistics& s) { return static_cast<double>(s.good) / static_cast<double>(s.rows); }

class BucketBuilder final : public SeriesBuilder {
public:
    BucketBuilder(TagId tag, Buckets buckets, std::uint64_t rows_max) : buckets_(buckets), rows_max_(rows_max) {
        series_.tag = tag;
    }
    void add_column(std::string_view name, Aggregate of) {
        series_.columns.emplace_back(name);
        series_.values.emplace_back();
        aggregates_.push_back(of);
    }
    bool take_chunk(const ChunkInfo& chunk) override {
        const Window bucket = buckets_.at(chunk.min_time);
        if (!bucket.contains(chunk.max_time) || overflow_) return false;
        move_to(bucket);
        current_.add(chunk.statistics);
        return true;
    }
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t i = begin; i < end; ++i) {
            if (!bucket_.contains(run.times[i])) move_to(buckets_.at(run.times[i]));
            current_.add(run, i);
        }
        if (overflow_) return too_many_rows(rows_max_);
        return {};
    }
    Result<Series> finish() override {
        end_bucket();
        if (overflow_) return too_many_rows(rows_max_);
        return std::move(series_);
    }

private:
    void move_to(Window bucket) {
        if (bucket == bucket_) return;
        end_bucket();
        bucket_ = bucket;
        in_gap_ = buckets_.in_gap();
    }
    void end_bucket() {
        if (current_.rows > 0 && !in_gap_) {
            overflow_ = overflow_ || series_.buckets.size() >= rows_max_;
            if (overflow_) return;
            series_.buckets.push_back(bucket_.from);
            for (std::size_t i = 0; i < aggregates_.size(); ++i) series_.values[i].push_back(aggregates_[i](current_));
        }
        current_ = {};
    }

    Buckets buckets_;
    const std::uint64_t rows_max_;
    std::vector<Aggregate> aggregates_;
    Window bucket_;
    bool in_gap_ = false;
    Statistics current_;
    bool overflow_ = false;
    Series series_;
};

}  // namespace

Result<void> scan(std::vector<Source> sources, Window window, const VisitChunk& visit_chunk,
                  const VisitRows& visit_rows) {
    std::ranges::sort(sources, {}, [](const Source& source) { return std::pair{source.min_time, source.layer}; });
    for (std::size_t begin = 0; begin < sources.size();) {
        std::size_t end = begin + 1;
        for (TimeNs max = sources[begin].max_time; end < sources.size() && sources[end].min_time <= max; ++end)
            max = std::max(max, sources[end].max_time);
        const Source& first = sources[begin];
        const bool alone =
            end - begin == 1 && first.chunk && window.contains(first.min_time) && window.contains(first.max_time);
        if (!alone || !visit_chunk || !visit_chunk(*first.chunk)) {
            const auto run = TRY(merged_rows(sources, begin, end));
            const std::size_t from = run->lower_bound(window.from);
            const std::size_t to = run->lower_bound(window.to);
            if (from < to) TRY(visit_rows(*run, from, to));
        }
        begin = end;
    }
    return {};
}

std::unique_ptr<SeriesBuilder> make_raw_builder(TagId tag, std::uint64_t rows_max) {
    return std::make_unique<RawBuilder>(tag, rows_max);
}

std::unique_ptr<SeriesBuilder> make_thin_builder(TagId tag, Window extent, std::uint32_t points_max) {
    return std::make_unique<ThinBuilder>(tag, extent, points_max);
}

Result<std::unique_ptr<SeriesBuilder>> make_bucket_builder(TagId tag, const ReadRequest& request,
                                                           std::uint64_t rows_max) {
    auto buckets = request.periods ? Buckets::create(request.periods) : Buckets::create(request.every, request.zone);
    auto builder = std::make_unique<BucketBuilder>(tag, TRY(std::move(buckets)), rows_max);
    if (request.aggregates.empty())
        return Error{Code::invalid, "buckets need at least one aggregate of avg, min, max, sum, count, first, last"};
    for (const std::string& name : request.aggregates) {
        const auto* found = std::ranges::find(kAggregates, name, &NamedAggregate::name);
        if (found == std::end(kAggregates))
            return Error{Code::invalid, "\"{}\" is no aggregate; there are avg, min, max, sum, count, first, last",
                         name};
        builder->add_column(found->name, found->of);
    }
    builder->add_column("good_fraction", good_fraction);
    return std::unique_ptr<SeriesBuilder>(std::move(builder));
}

Error too_many_rows(std::uint64_t rows_max) {
    return Error{Code::limit,
                 "the answer has more than the {} rows that are allowed; shorten the window, ask for fewer tags, use "
                 "longer buckets (every=) or "
                 "fewer points (points=)",
                 rows_max};
}

}  // namespace gongshu::history
