#include "history/sources.h"

namespace gongshu::history {

Window storable(Window window) {
    window = {std::max(window.from, day_start(-kDayMax)), std::min(window.to, day_start(kDayMax))};
    return window.empty() ? Window{0, 0} : window;
}

TagSources::TagSources(TagId tag, Window window, std::shared_ptr<const Version> version, std::vector<Source> memory)
    : tag_(tag),
      window_(window),
      shard_(shard_of(tag).value),
      version_(std::move(version)),
      memory_(std::move(memory)) {
    if (window.empty()) return;
    const auto& segments = version_->segments;
    const Day last = day_of(window.to - 1);
    for (auto at = segments.lower_bound({shard_, day_of(window.from)});
         at != segments.end() && at->first.first == shard_ && at->first.second <= last; ++at)
        days_.insert(at->first.second);
    for (const Source& source : memory_) {
        const Run& run = *source.rows;
        for (std::size_t i = 0; i < run.size(); i = run.lower_bound(day_start(day_of(run.times[i]) + 1)))
            days_.insert(day_of(run.times[i]));
    }
}

Result<std::vector<Source>> TagSources::of(Day day) const {
    std::vector<Source> sources;
    if (const auto found = version_->segments.find({shard_, day}); found != version_->segments.end()) {
        for (const auto& segment : found->second) {
            const SegmentInfo& info = segment->info();
            if (info.max_time < window_.from || info.min_time >= window_.to) continue;
            const auto open = TRY(segment->open());
            const auto [begin, end] = open->chunks_of(tag_);
            for (std::size_t i = begin; i < end; ++i) {
                const ChunkInfo& chunk = open->chunks()[i];
                if (chunk.max_time >= window_.from && chunk.min_time < window_.to)
                    sources.push_back({chunk.min_time, chunk.max_time, info.order, open, &chunk, nullptr});
            }
        }
    }
    for (const Source& source : memory_) {
        const Run& run = *source.rows;
        const std::size_t begin = run.lower_bound(day_start(day));
        const std::size_t end = run.lower_bound(day_start(day + 1));
        if (begin == end) continue;
        auto slice = std::make_shared<Run>();
        slice->type = run.type;
        for (std::size_t i = begin; i < end; ++i) slice->push_row(run, i);
        sources.push_back({slice->times.front(), slice->times.back(), source.layer, nullptr, nullptr, slice});
    }
    return sources;
}

}  // namespace gongshu::history
