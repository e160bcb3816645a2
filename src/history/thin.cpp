// Raw rows thinned to what a screen can show: a pixel is a stretch of time of equal length for all.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include "history/row_sums.h"
#include "history/scan.h"

namespace gongshu::history {
namespace {

constexpr std::size_t kMaxText = 1 << 20;

// A row that a pixel keeps.
class Kept {
public:
    bool empty() const { return !set_; }
    TimeNs time() const { return time_; }
    double number() const { return number_; }
    void clear() { set_ = false; }
    void put(const Run& run, std::size_t i, double number) {
        set_ = true;
        time_ = run.times[i];
        number_ = number;
        type_ = run.type;
        bits_ = run.bits[i];
        quality_ = run.qualities[i];
        if (type_ == ValueType::text) text_ = run.text_at(i);
    }
    void add_to(Rows& rows, TagId tag) const {
        Run one;
        one.type = type_;
        if (type_ == ValueType::text)
            one.push_text(time_, text_, quality_);
        else
            one.push(time_, bits_, quality_);
        one.add_to(rows, tag, 0);
    }

private:
    bool set_ = false;
    ValueType type_ = ValueType::number;
    std::uint16_t quality_ = 0;
    TimeNs time_ = 0;
    double number_ = 0;
    std::uint64_t bits_ = 0;
    std::string text_;
};

// Cuts runs into pixels.
class PixelBuilder : public ThinBuilder {
public:
    PixelBuilder(TagId tag, Window extent, std::uint32_t points_max, std::uint64_t pixels, QualityFilter filter)
        : points_max_(points_max), extent_(extent), filter_(filter) {
        const auto length = static_cast<std::uint64_t>(extent.to) - static_cast<std::uint64_t>(extent.from);
        width_ = length / std::max<std::uint64_t>(1, pixels) + 1;
        series_.tag = tag;
        series_.sampled = true;
    }
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t i = begin; i < end;) {
            const std::uint64_t pixel = offset(run.times[i]) / width_;
            if (pixel != at_) {
                end_pixel();
                at_ = pixel;
            }
            const std::size_t stop = pixel_end(run, i, end);
            while (i < stop) {
                const std::size_t same = end_of_quality(run, i, stop);
                if (counts(filter_, run.qualities[i])) take(run, i, same);
                i = same;
            }
        }
        return {};
    }

protected:
    // Rows [begin, end) of a pixel, of one quality.
    virtual void take(const Run& run, std::size_t begin, std::size_t end) = 0;
    virtual void end_pixel() = 0;

    std::uint64_t offset(TimeNs time) const {
        return static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(extent_.from);
    }
    std::uint64_t pixel() const { return at_; }
    std::uint64_t pixel_of(TimeNs time) const { return offset(time) / width_; }
    QualityFilter filter() const { return filter_; }
    std::uint64_t pixels() const { return offset(extent_.to) / width_ + 1; }
    // In order of time, each once.
    template <std::size_t N>
    void keep(std::array<Kept*, N> kept) {
        std::ranges::sort(
            kept, [](const Kept* a, const Kept* b) { return !a->empty() && (b->empty() || a->time() < b->time()); });
        const Kept* before = nullptr;
        for (Kept* one : kept) {
            const bool repeated = before != nullptr && before->time() == one->time();
            if (one->empty()) break;
            if (!repeated && series_.rows.size() < points_max_ && !series_.rows.full(kMaxText))
                one->add_to(series_.rows, series_.tag);
            before = one;
        }
        for (Kept* one : kept) one->clear();
    }

    std::uint64_t at_ = 0;
    Series series_;

private:
    std::size_t pixel_end(const Run& run, std::size_t begin, std::size_t end) const {
        const std::uint64_t next = (at_ + 1) * width_;
        if (next > offset(extent_.to)) return end;
        return gallop(run, begin, end, static_cast<TimeNs>(static_cast<std::uint64_t>(extent_.from) + next));
    }

    const std::uint32_t points_max_;
    const Window extent_;
    const QualityFilter filter_;
    std::uint64_t width_ = 1;  // ns
};

// The lowest and the highest usable row of each pixel and the first bad one, so that peaks, gaps and bad stretches are
// still seen.
class MinMaxBuilder final : public PixelBuilder {
public:
    MinMaxBuilder(TagId tag, Window extent, std::uint32_t points_max, QualityFilter filter)
        : PixelBuilder(tag, extent, points_max, points_max / 3, filter) {}
    bool two_passes() const override { return false; }
    Result<Series> finish() override {
        end_pixel();
        return std::move(series_);
    }

    void look_at(const ChunkInfo& chunk) override {
        if (!is_told(chunk)) return;
        Extremes& extremes = looked_at_[pixel_of(chunk.min_time)];
        if (chunk.statistics.min < extremes.min)
            extremes = {chunk.statistics.min, extremes.max, chunk.min_time, extremes.highest};
        if (chunk.statistics.max > extremes.max)
            extremes = {extremes.min, chunk.statistics.max, extremes.lowest, chunk.min_time};
    }
    // Nothing of it stays: it has no bad row, and chunks before it or with a row beyond its own hold what does.
    bool takes_whole(const ChunkInfo& chunk) override {
        if (!is_told(chunk) || (filter() == QualityFilter::all && chunk.statistics.usable != chunk.statistics.rows))
            return false;
        const auto found = looked_at_.find(pixel_of(chunk.min_time));
        if (found == looked_at_.end()) return false;
        const auto& [min, max, lowest, highest] = found->second;
        return (min < chunk.statistics.min || (min == chunk.statistics.min && lowest < chunk.min_time)) &&
               (max > chunk.statistics.max || (max == chunk.statistics.max && highest < chunk.min_time));
    }

private:
    // Of chunks that were looked at, and when those begin that have them; of equal ones the first.
    struct Extremes {
        double min = std::numeric_limits<double>::infinity();
        double max = -std::numeric_limits<double>::infinity();
        TimeNs lowest = std::numeric_limits<TimeNs>::max(), highest = std::numeric_limits<TimeNs>::max();
    };

    // Whether its statistics tell of just the rows that count, all of them in one pixel.
    bool is_told(const ChunkInfo& chunk) const {
        const Statistics& s = chunk.statistics;
        return chunk.type != ValueType::text && s.min <= s.max &&
               pixel_of(chunk.min_time) == pixel_of(chunk.max_time) &&
               (filter() != QualityFilter::good || s.good == s.usable);
    }

    void take(const Run& run, std::size_t begin, std::size_t end) override {
        if (!counts(QualityFilter::usable, run.qualities[begin])) {
            if (bad_.empty()) bad_.put(run, begin, 0);
            return;
        }
        const auto [min, max] = extremes_of(run, begin, end);
        if (!(min <= max)) {
            // Text and what is no number have no order: the first row stands for the pixel if there is nothing else.
            if (min_.empty()) min_.put(run, begin, run.number_at(begin));
            return;
        }
        const auto put_first = [&](Kept& kept, double number) {
            std::size_t i = begin;
            while (run.number_at(i) != number) ++i;
            kept.put(run, i, number);
        };
        if (min_.empty() || min < min_.number() || std::isnan(min_.number())) put_first(min_, min);
        if (max_.empty() || max > max_.number()) put_first(max_, max);
    }
    static std::pair<double, double> extremes_of(const Run& run, std::size_t begin, std::size_t end) {
        if (run.type == ValueType::text) return {1, 0};
        if (run.type == ValueType::number) {
            const NumberSums sums = sums_of(run, begin, end);
            return {sums.min, sums.max};
        }
        const WholeSums sums = whole_sums_of(run, begin, end);
        return {sums.min, sums.max};
    }
    void end_pixel() override { keep(std::array<Kept*, 3>{&min_, &max_, &bad_}); }

    Kept min_, max_, bad_;
    std::unordered_map<std::uint64_t, Extremes> looked_at_;  // by pixel
};

// Largest-Triangle-Three-Buckets (S. Steinarsson, "Downsampling Time Series for Visual Representation", University of
// Iceland 2013, section 4.2): of each pixel the row that spans the largest triangle with the row kept before and the
// mean of the next pixel. Other than there pixels are equal in time, not in number of rows, and a pixel without usable
// rows ends a line: its neighbours keep the row beside it, as the first and the last row of all are kept; and the first
// bad row of each pixel is kept, so that gaps and bad stretches are still seen.
class TriangleBuilder final : public PixelBuilder {
public:
    TriangleBuilder(TagId tag, Window extent, std::uint32_t points_max, QualityFilter filter)
        : PixelBuilder(tag, extent, points_max, points_max / 2, filter), means_(pixels() + 1) {}
    bool two_passes() const override { return true; }
    void begin_second_pass() override {
        second_ = true;
        at_ = 0;
    }
    Result<Series> finish() override {
        end_pixel();
        return std::move(series_);
    }

private:
    // Of the usable rows of a pixel that are numbers.
    struct Mean {
        double time = 0;  // sums of offset and value, first
        double value = 0;
        std::uint64_t count = 0;
    };

    void take(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t i = begin; i < end; ++i) take(run, i);
    }
    void take(const Run& run, std::size_t i) {
        if (!second_) return sum_up(run, i);
        if (!counts(QualityFilter::usable, run.qualities[i])) {
            if (bad_.empty()) bad_.put(run, i, 0);
            return;
        }
        const double number = run.number_at(i);
        const Mean& here = means_[pixel()];
        if (std::isfinite(number) != (here.count > 0)) return;  // text: its first row stands for the pixel
        const bool begins = pixel() == 0 || means_[pixel() - 1].count == 0;
        const bool ends = means_[pixel() + 1].count == 0;
        const double area = begins || here.count == 0 ? 0
                            : ends                    ? static_cast<double>(offset(run.times[i]))
                                                      : span(run, i);
        if (!best_.empty() && !(area > best_area_)) return;
        best_.put(run, i, number);
        best_area_ = area;
    }

    void sum_up(const Run& run, std::size_t i) {
        const double number = run.number_at(i);
        if (!counts(QualityFilter::usable, run.qualities[i]) || !std::isfinite(number)) return;
        Mean& mean = means_[pixel()];
        mean.time += static_cast<double>(offset(run.times[i]));
        mean.value += number;
        ++mean.count;
    }

    // Twice the triangle's area.
    double span(const Run& run, std::size_t i) const {
        const Mean& next = means_[pixel() + 1];
        const auto n = static_cast<double>(next.count);
        const double time = static_cast<double>(offset(run.times[i])), number = run.number_at(i);
        const double area = (last_time_ - next.time / n) * (number - last_value_) -
                            (last_time_ - time) * (next.value / n - last_value_);
        return std::abs(area);
    }

    void end_pixel() override {
        if (!second_) return;
        if (!best_.empty()) {
            last_time_ = static_cast<double>(offset(best_.time()));
            last_value_ = best_.number();
        }
        keep(std::array<Kept*, 2>{&best_, &bad_});
    }

    std::vector<Mean> means_;  // one more than there are pixels
    bool second_ = false;
    double last_time_ = 0, last_value_ = 0;  // of the row that was kept
    double best_area_ = 0;
    Kept best_, bad_;
};

}  // namespace

std::unique_ptr<ThinBuilder> make_thin_builder(TagId tag, Window extent, std::uint32_t points_max, Sampling sampling,
                                               QualityFilter filter) {
    if (sampling == Sampling::largest_triangles)
        return std::make_unique<TriangleBuilder>(tag, extent, points_max, filter);
    return std::make_unique<MinMaxBuilder>(tag, extent, points_max, filter);
}

}  // namespace gongshu::history
