// How questions are answered: memory first, then the segments, a day at a time.
#include <algorithm>
#include <set>
#include <tuple>

#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kFrozenLayer = std::uint64_t{1} << 62;
constexpr std::uint64_t kActiveLayer = kFrozenLayer + 1;
constexpr std::uint64_t kEventFileBytesMax = std::uint64_t{1} << 30;

// The sources of one tag, by day.
class TagSources {
public:
    TagSources(TagId tag, Window window, std::shared_ptr<const Version> version, std::vector<Source> memory)
        : tag_(tag),
          window_(window),
          shard_(shard_of(tag).value),
          version_(std::move(version)),
          memory_(std::move(memory)) {
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

    const std::set<Day>& days() const { return days_; }

    Result<std::vector<Source>> of(Day day) const {
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

private:
    const TagId tag_;
    const Window window_;
    const std::uint16_t shard_;
    const std::shared_ptr<const Version> version_;
    const std::vector<Source> memory_;
    std::set<Day> days_;
};

}  // namespace

// Memory is asked before the version: what is sealed in between is then seen twice, never not at all.
void Store::memory_rows(TagId tag, Window window, std::vector<Source>& sources) const {
    auto& shard = const_cast<Shard&>(shards_[shard_of(tag).value]);
    std::shared_ptr<const FrozenShard> frozen;
    std::shared_ptr<const Run> active;
    {
        const std::lock_guard lock{shard.mutex};
        frozen = shard.frozen;
        const std::size_t at = (tag.value >> 4) - 1;
        if (at < shard.tags.size() && shard.tags[at].active)
            active = std::make_shared<const Run>(shard.tags[at].active->rows_in(window));
    }
    if (const MemTag* rows = frozen ? frozen->find(tag) : nullptr) {
        auto run = std::make_shared<const Run>(rows->rows_in(window));
        if (!run->empty())
            sources.push_back({run->times.front(), run->times.back(), kFrozenLayer, nullptr, nullptr, std::move(run)});
    }
    if (active && !active->empty())
        sources.push_back(
            {active->times.front(), active->times.back(), kActiveLayer, nullptr, nullptr, std::move(active)});
}

Result<void> Store::scan_tag(TagId tag, Window window, SeriesBuilder& builder) const {
    std::vector<Source> memory;
    memory_rows(tag, window, memory);
    const TagSources all{tag, window, version(), std::move(memory)};
    for (const Day day : all.days())
        TRY(scan(
            TRY(all.of(day)), window, [&](const ChunkInfo& chunk) { return builder.take_chunk(chunk); },
            [&](const Run& run, std::size_t begin, std::size_t end) { return builder.take_rows(run, begin, end); }));
    return {};
}

Result<Series> Store::read_thin(TagId tag, Window window, std::uint32_t points_max) const {
    const auto raw = make_raw_builder(tag, points_max);
    auto scanned = scan_tag(tag, window, *raw);
    if (scanned) return raw->finish();
    if (scanned.error().code() != Code::limit) return std::move(scanned).error();
    // More rows than points: pixels are laid over where the tag has rows, not over an empty margin of the window.
    std::vector<Source> memory;
    memory_rows(tag, window, memory);
    const TagSources all{tag, window, version(), std::move(memory)};
    Window extent{window.to, window.from};
    const auto widen = [&](const std::vector<Source>& sources) {
        for (const Source& source : sources) {
            extent.from = std::min(extent.from, std::max(source.min_time, window.from));
            extent.to = std::max(extent.to, std::min(source.max_time + 1, window.to));
        }
    };
    for (auto day = all.days().begin(); day != all.days().end() && extent.empty(); ++day) widen(TRY(all.of(*day)));
    const Window first = extent;
    for (auto day = all.days().rbegin(); day != all.days().rend() && extent == first; ++day) widen(TRY(all.of(*day)));
    // A row that came in between may lie before the extent; it is not part of the question any more.
    const auto thin = make_thin_builder(tag, extent, points_max);
    TRY(scan_tag(tag, {std::max(extent.from, window.from), window.to}, *thin));
    return thin->finish();
}

Result<Series> Store::read_tag(const ReadRequest& request, TagId tag, std::uint64_t rows_max) const {
    const bool raw = request.every == 0 && !request.periods;
    if (raw && request.points_max > 0) return read_thin(tag, request.window, request.points_max);
    std::unique_ptr<SeriesBuilder> builder;
    if (raw)
        builder = make_raw_builder(tag, rows_max);
    else
        builder = TRY(make_bucket_builder(tag, request, rows_max));
    TRY(scan_tag(tag, request.window, *builder));
    return builder->finish();
}

Result<std::vector<Series>> Store::read(const ReadRequest& request) const {
    if (request.every < 0)
        return Error{Code::invalid, "every={} ns: buckets must be longer than nothing", request.every};
    if (request.every > 0 && request.periods)
        return Error{Code::invalid, "buckets are given one by one or by every=, not both"};
    if (request.every == 0 && !request.periods && !request.aggregates.empty())
        return Error{Code::invalid, "aggregates need buckets: give every= as well, for example every=1m"};
    std::vector<Series> answer;
    std::uint64_t rows = 0;
    for (const TagId tag : request.tags) {
        if (!catalogue_.info(tag)) return Error{Code::not_found, "there is no tag {}", tag.value};
        ReadRequest clipped = request;
        clipped.window.from = std::max(request.window.from, day_start(-kDayMax));
        clipped.window.to = std::min(request.window.to, day_start(kDayMax));
        if (clipped.window.empty()) clipped.window = {0, 0};
        auto series = read_tag(clipped, tag, request.rows_max - rows);
        if (!series)
            return series.error().code() == Code::limit && rows > 0 ? too_many_rows(request.rows_max)
                                                                    : std::move(series).error();
        rows += series->rows.size() + series->buckets.size();
        if (rows > request.rows_max) return too_many_rows(request.rows_max);
        answer.push_back(std::move(*series));
    }
    return answer;
}

Result<std::vector<Event>> Store::read_events(TenantId tenant, Window window, std::string_view kind_prefix,
                                              std::size_t events_max) const {
    std::vector<Event> found;
    std::set<std::uint64_t> seen;
    const auto take = [&](const Event& event) {
        if (event.tenant != tenant || !window.contains(event.time) || !event.kind.starts_with(kind_prefix)) return;
        if (seen.insert(event.id.value).second) found.push_back(event);
    };
    {
        std::unique_lock lock{events_mutex_};
        for (const Event& event : events_.active) take(event);
        const auto frozen = events_.frozen;
        lock.unlock();
        if (frozen) std::ranges::for_each(*frozen, take);
    }
    const auto by_time = [](const Event& event) { return std::tuple{event.time, event.id}; };
    for (const auto now = version(); const auto& file : now->events) {
        if (file->info.max_time < window.from || file->info.min_time >= window.to) continue;
        const Buffer bytes = TRY(io::read_whole(files_, file->path, kEventFileBytesMax));
        std::ranges::for_each(TRY(decode_events(bytes, file->path)), take);
    }
    std::ranges::sort(found, {}, by_time);
    if (found.size() > events_max) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(events_max));
    return found;
}

}  // namespace gongshu::history
