// How rows of some tags leave a window to the nanosecond, for those who make them anew. What is in memory is sealed
// first; then segments are written again without the rows, and one manifest makes it so.
#include <algorithm>
#include <set>

#include "history/store.h"

namespace gongshu::history {
namespace {

// Whether any row of the window may lie in [min, max].
bool touches(const Window& window, TimeNs min, TimeNs max) { return min < window.to && max >= window.from; }

std::size_t local_index(TagId tag) { return static_cast<std::size_t>((tag.value >> 4) - 1); }

}  // namespace

bool Store::has_in_memory(const Cut& cut) {
    return std::ranges::any_of(cut.windows, [&](const auto& one) {
        Shard& shard = shards_[shard_of(one.first).value];
        const std::lock_guard lock{shard.mutex};
        if (shard.frozen && shard.frozen->find(one.first) != nullptr) return true;
        return active_rows(shard, one.first).has_value();
    });
}

Result<void> Store::cut_part(const Segment& segment, const Cut& cut, RemovalPlan& plan) {
    SegmentInfo info = segment.info();
    const auto open = TRY(segment.open());
    const auto window_of = [&](const ChunkInfo& chunk) -> const Window* {
        const auto found = cut.windows.find(chunk.tag);
        if (found == cut.windows.end() || !touches(found->second, chunk.min_time, chunk.max_time)) return nullptr;
        return &found->second;
    };
    // The rows of a chunk that stay: those before `first` and from `second` on.
    const auto bounds = [](const Run& run, const Window* window) {
        return window == nullptr ? std::pair{run.size(), run.size()}
                                 : std::pair{run.lower_bound(window->from), run.lower_bound(window->to)};
    };
    std::uint64_t gone = 0;
    for (const ChunkInfo& chunk : open->chunks()) {
        const Window* const window = window_of(chunk);
        if (window == nullptr) continue;
        const auto [first, second] = bounds(TRY(open->read(chunk)), window);
        gone += second - first;
    }
    if (gone == 0) return {};
    if (plan.rewritten_bytes >= cut.rewrite_bytes_max) {
        plan.removed.more = true;
        return {};
    }
    plan.gone.insert(info.number);
    plan.rewritten_bytes += info.bytes;
    plan.removed.rows += gone;
    if (gone == info.rows) {
        plan.removed.bytes += info.bytes;
        ++plan.removed.segments;
        return {};
    }
    const std::uint64_t before = info.bytes;
    info.number = next_number_++;
    auto writer = TRY(SegmentWriter::create(files_, segment_path(path("seg"), info), info, open->tier()));
    for (const ChunkInfo& chunk : open->chunks()) {
        const Run run = TRY(open->read(chunk));
        const auto [first, second] = bounds(run, window_of(chunk));
        if (first > 0) TRY(writer.add(chunk.tag, run, 0, first));
        if (second < run.size()) TRY(writer.add(chunk.tag, run, second, run.size()));
    }
    info = TRY(writer.finish());
    TRY(files_.sync_folder(path("seg/" + day_name(info.day))));
    plan.removed.bytes += before - std::min(before, info.bytes);
    ++plan.removed.rewritten;
    plan.fresh.push_back(info);
    return {};
}

Result<Removed> Store::cut(const Cut& cut) {
    const std::lock_guard lock{maintenance_};
    if (closed_) return Error{Code::unavailable, "history is stopped"};
    const bool again = has_frozen_;  // by a seal that failed: rows that came after it need a second one
    if (has_in_memory(cut)) TRY(seal());
    if (again && has_in_memory(cut)) TRY(seal());
    const auto now = version();
    RemovalPlan plan;
    for (const auto& [key, segments] : now->segments) {
        const auto [shard, day] = key;
        const bool mine = std::ranges::any_of(cut.windows, [&](const auto& one) {
            return shard_of(one.first).value == shard && touches(one.second, day_start(day), day_start(day + 1) - 1);
        });
        if (!mine) continue;
        for (const auto& segment : segments)
            TRY(cut_part(*segment, cut, plan).context("cannot remove from the segments of {}", day_name(day)));
    }
    if (!plan.gone.empty()) {
        Manifest manifest = now->manifest;
        std::erase_if(manifest.segments, [&](const SegmentInfo& info) { return plan.gone.contains(info.number); });
        manifest.segments.insert(manifest.segments.end(), plan.fresh.begin(), plan.fresh.end());
        TRY(install(std::move(manifest)));
        metrics_.removed_rows.add(plan.removed.rows);
        metrics_.removed_bytes.add(plan.removed.bytes);
    }
    if (!plan.removed.more) TRY(set_last_back(cut));
    return plan.removed;
}

// last() must not tell a row that is gone.
Result<void> Store::set_last_back(const Cut& cut) {
    bool changed = false;
    for (const auto& [id, window] : cut.windows) {
        const auto newest = last(id);
        if (!newest || !window.contains(newest->time)) continue;
        const auto left = TRY(newest_before(id, window.from));
        Shard& shard = shards_[shard_of(id).value];
        const std::lock_guard lock{shard.mutex};
        TagState& tag = shard.tags[local_index(id)];
        if (active_rows(shard, id)) continue;                         // a newer one came
        if (tag.group != nullptr) (void)dissolve(shard, *tag.group);  // it has no rows
        if (!tag.has_last || tag.last_time != newest->time) continue;
        changed = true;
        tag.has_last = left.has_value();
        if (!left) continue;
        Rows rows;
        rows.add(*left);
        tag.last_time = left->time;
        tag.last_bits = tag.type == ValueType::text ? 0 : rows.bits(0);
        tag.last_quality = rows.quality_bits(0);
        if (tag.type == ValueType::text) tag.last_text = std::make_unique<std::string>(rows.text(0));
    }
    if (!changed) return {};
    std::vector<LastRow> rows;
    for (std::uint16_t number = 0; number < kShardCount; ++number) {
        Shard& shard = shards_[number];
        const std::lock_guard lock{shard.mutex};
        collect_last(shard, number, rows);
    }
    Manifest manifest = version()->manifest;
    TRY(write_last(manifest, rows));
    return install(std::move(manifest));
}

}  // namespace gongshu::history
