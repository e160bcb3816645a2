#include "history/scan.h"

#include <algorithm>

namespace gongshu::history {
namespace {

Result<std::shared_ptr<const Run>> rows_of(const Source& source, Window window) {
    if (!source.chunk) return source.rows;
    return std::make_shared<const Run>(TRY(source.segment->read(*source.chunk, window)));
}

class RawBuilder final : public SeriesBuilder {
public:
    RawBuilder(TagId tag, RawWish wish, RowBudget& budget) : wish_(wish), budget_(budget) { series_.tag = tag; }
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        std::uint64_t found = end - begin;
        if (wish_.filter != QualityFilter::all)
            for (std::size_t i = begin; i < end; ++i) found -= counts(wish_.filter, run.qualities[i]) ? 0 : 1;
        std::uint64_t taken = found;
        if (wish_.rows_wanted > 0) taken = std::min<std::uint64_t>(found, wish_.rows_wanted - series_.rows.size());
        series_.more = taken < found;
        if (!budget_.take(taken)) return too_many_rows(budget_.rows_max());
        for (std::size_t k = begin; k < end && taken > 0; ++k) {
            const std::size_t i = wish_.newest_first ? end - 1 - (k - begin) : k;
            if (!counts(wish_.filter, run.qualities[i])) continue;
            TRY(take_row(run, i));
            --taken;
        }
        return {};
    }
    // One row more than wanted is looked for, which tells whether there are more.
    bool satisfied() const override { return series_.more; }
    Result<Series> finish() override { return std::move(series_); }

private:
    Result<void> take_row(const Run& run, std::size_t i) {
        if (series_.rows.full(run.type == ValueType::text ? run.text_at(i).size() : 0))
            return Error{Code::limit, "an answer holds at most {} rows and {} MiB of text a tag; shorten the window",
                         Rows::kRowsMax, Rows::kTextBytesMax >> 20};
        run.add_to(series_.rows, series_.tag, i);
        return {};
    }

    const RawWish wish_;
    RowBudget& budget_;
    Series series_;
};

}  // namespace

std::vector<Overlapping> group_sources(std::vector<Source> sources) {
    std::ranges::sort(sources, {}, [](const Source& source) { return std::pair{source.min_time, source.layer}; });
    std::vector<Overlapping> groups;
    TimeNs max = 0;
    for (Source& source : sources) {
        if (groups.empty() || source.min_time > max) {
            groups.emplace_back();
            max = source.max_time;
        }
        max = std::max(max, source.max_time);
        groups.back().push_back(std::move(source));
    }
    return groups;
}

Result<std::shared_ptr<const Run>> merged_rows(const Overlapping& sources, Window window) {
    if (sources.size() == 1) return rows_of(sources.front(), window);
    std::vector<const Source*> by_layer;
    for (const Source& source : sources) by_layer.push_back(&source);
    std::ranges::stable_sort(by_layer, {}, &Source::layer);
    Run merged = *TRY(rows_of(*by_layer.front(), window));
    for (std::size_t i = 1; i < by_layer.size(); ++i) merged = merge(merged, *TRY(rows_of(*by_layer[i], window)));
    return std::make_shared<const Run>(std::move(merged));
}

bool is_lone_chunk(const Overlapping& sources, Window window) {
    const Source& first = sources.front();
    return sources.size() == 1 && first.chunk && window.contains(first.min_time) && window.contains(first.max_time);
}

Result<void> scan(std::vector<Source> sources, Window window, const VisitChunk& visit_chunk,
                  const VisitRows& visit_rows) {
    for (const Overlapping& group : group_sources(std::move(sources))) {
        if (visit_chunk && is_lone_chunk(group, window) && visit_chunk(*group.front().chunk)) continue;
        const auto run = TRY(merged_rows(group, window));
        const std::size_t from = run->lower_bound(window.from);
        const std::size_t to = run->lower_bound(window.to);
        if (from < to) TRY(visit_rows(*run, from, to));
    }
    return {};
}

Result<void> Patience::check() const {
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
        return Error{Code::unavailable, "nobody waits for this answer any more"};
    if (deadline > 0 && clock.monotonic() > deadline)
        return Error{Code::timeout,
                     "the question took longer than it may; shorten the window, ask for fewer tags, use longer buckets "
                     "(every=) or give it more time (timeout=)"};
    return {};
}

std::unique_ptr<SeriesBuilder> make_raw_builder(TagId tag, RawWish wish, RowBudget& budget) {
    return std::make_unique<RawBuilder>(tag, wish, budget);
}

Error too_many_rows(std::uint64_t rows_max) {
    return Error{Code::limit,
                 "the answer has more than the {} rows that are allowed; shorten the window, ask for fewer tags, use "
                 "longer buckets (every=) or fewer points (points=)",
                 rows_max};
}

}  // namespace gongshu::history
