// How old readings leave: whole segments, or segments written again without some of their tags. The manifest comes
// first, then the files go with their last reader, a backup among them; a crash in between leaves files that no
// manifest names, which the next start removes.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

void count(Removed& removed, Day day, std::uint64_t rows, std::uint64_t bytes) {
    const bool first = removed.from == 0 && removed.to == 0;
    removed.from = first ? day_start(day) : std::min(removed.from, day_start(day));
    removed.to = first ? day_start(day + 1) : std::max(removed.to, day_start(day + 1));
    removed.rows += rows;
    removed.bytes += bytes;
}

}  // namespace

// A segment of which only `kept` chunks stay. It keeps its order, so that the newest row of a time stays the newest.
Result<SegmentInfo> Store::write_without(const OpenSegment& open, SegmentInfo info,
                                         const std::vector<const ChunkInfo*>& kept) {
    info.number = next_number_++;
    auto writer = TRY(SegmentWriter::create(files_, segment_path(path("seg"), info), info, open.tier()));
    for (const ChunkInfo* chunk : kept) {
        const Run run = TRY(open.read(*chunk));
        TRY(writer.add(chunk->tag, run, 0, run.size()));
    }
    info = TRY(writer.finish());
    TRY(files_.sync_folder(path("seg/" + day_name(info.day))));
    return info;
}

// Decides for one segment; what becomes of it goes into `plan`.
Result<void> Store::remove_part(const Segment& segment, const Removal& removal, RemovalPlan& plan) {
    const SegmentInfo& info = segment.info();
    const auto open = segment.open();
    if (!open && open.error().code() != Code::corrupt) return open.error();
    if (!open) {  // a damaged one stays as it is, and hinders no other
        log_error("history", "retention leaves a segment alone: {}", open.error().text());
        return {};
    }
    std::vector<const ChunkInfo*> kept;
    std::uint64_t rows = 0, bytes = 0;
    for (const ChunkInfo& chunk : (*open)->chunks()) {
        if (!removal.expired(chunk.tag, info.day)) {
            kept.push_back(&chunk);
            continue;
        }
        rows += chunk.statistics.rows;
        bytes += chunk.bytes;
    }
    if (rows == 0) return {};
    if (kept.empty()) {
        count(plan.removed, info.day, info.rows, info.bytes);
        ++plan.removed.segments;
        plan.gone.insert(info.number);
        return {};
    }
    if (!removal.dry_run && plan.rewritten_bytes >= removal.rewrite_bytes_max) {
        plan.removed.more = true;
        return {};
    }
    if (removal.dry_run) {
        count(plan.removed, info.day, rows, bytes);
    } else {
        plan.fresh.push_back(TRY(write_without(**open, info, kept)));
        plan.gone.insert(info.number);
        plan.rewritten_bytes += info.bytes;
        const std::uint64_t now = plan.fresh.back().bytes;
        count(plan.removed, info.day, rows, info.bytes > now ? info.bytes - now : 0);
    }
    ++plan.removed.rewritten;
    return {};
}

Result<Removed> Store::remove(const Removal& removal) {
    const std::lock_guard lock{maintenance_};
    if (closed_) return Error{Code::unavailable, "history is stopped"};
    const Working working{work_, removal.dry_run ? FileWork::none : FileWork::removing};
    const auto now = version();
    RemovalPlan plan;
    for (const auto& [key, segments] : now->segments) {
        const Day day = key.second;
        for (const auto& segment : segments) {
            if (day < removal.all_before) {
                count(plan.removed, day, segment->info().rows, segment->info().bytes);
                ++plan.removed.segments;
                plan.gone.insert(segment->info().number);
            } else if (day < removal.some_before && removal.expired) {
                TRY(remove_part(*segment, removal, plan)
                        .context("cannot remove from the segments of {}, shard {}", day_name(day), key.first));
            }
        }
    }
    if (removal.dry_run || plan.gone.empty()) return plan.removed;
    Manifest manifest = now->manifest;
    std::erase_if(manifest.segments, [&](const SegmentInfo& info) { return plan.gone.contains(info.number); });
    manifest.segments.insert(manifest.segments.end(), plan.fresh.begin(), plan.fresh.end());
    TRY(install(std::move(manifest)));
    metrics_.removed_rows.add(plan.removed.rows);
    metrics_.removed_bytes.add(plan.removed.bytes);
    return plan.removed;
}

Result<std::uint64_t> Store::apply_retention() {
    const TimeNs oldest =
        std::max(clock_.now() - static_cast<DurationNs>(options_.retention_days) * kDay, day_start(-kDayMax));
    return TRY(remove({.all_before = day_of(oldest)})).segments;
}

std::vector<DayUse> Store::days() const {
    std::map<Day, DayUse> days;
    const auto now = version();
    for (const auto& [key, segments] : now->segments) {
        DayUse& use = days[key.second];
        use.day = key.second;
        for (const auto& segment : segments) {
            ++use.segments;
            use.rows += segment->info().rows;
            use.bytes += segment->info().bytes;
        }
    }
    std::vector<DayUse> list;
    for (const auto& [day, use] : days) list.push_back(use);
    return list;
}

Result<void> Store::visit_tag_days(const std::function<void(const TagDayUse&)>& visit, const TagDays& which) const {
    const auto now = version();
    for (const auto& [key, segments] : now->segments) {
        if (key.second < which.first || key.second > which.last) continue;
        if (which.tag && shard_of(*which.tag).value != key.first) continue;
        for (const auto& segment : segments) {
            const auto opened = segment->open();
            if (!opened && opened.error().code() != Code::corrupt) return opened.error();
            if (!opened) {  // a damaged one stays as it is, and hinders no other
                log_error("history", "what a segment holds is not known: {}", opened.error().text());
                continue;
            }
            const auto& open = *opened;
            const auto& chunks = open->chunks();
            // What is in no chunk, the directory above all, is shared out evenly, so that the bytes add up to the
            // file's.
            std::uint64_t shared = segment->info().bytes;
            for (const ChunkInfo& chunk : chunks) shared -= std::min<std::uint64_t>(shared, chunk.bytes);
            std::uint64_t left = chunks.size();
            for (std::size_t i = 0; i < chunks.size();) {
                TagDayUse use{chunks[i].tag, key.second, 0, 0};
                for (; i < chunks.size() && chunks[i].tag == use.tag; ++i, --left) {
                    const std::uint64_t share = shared / left;
                    shared -= share;
                    use.rows += chunks[i].statistics.rows;
                    use.bytes += chunks[i].bytes + share;
                }
                if (!which.tag || *which.tag == use.tag) visit(use);
            }
        }
    }
    return {};
}

}  // namespace gongshu::history
