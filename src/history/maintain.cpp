// How memory becomes segments and segments become fewer. All of it under Store::maintenance_.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

#include "base/assert.h"
#include "base/log.h"
#include "history/formats.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kEventFileBytesMax = 64 << 20;
constexpr std::uint64_t kSmallEventFile = 4 << 20;

void sort_events(std::vector<Event>& events) {
    std::ranges::sort(events, {}, [](const Event& event) { return std::tuple{event.time, event.id}; });
}

}  // namespace

void collect_last(const Shard& shard, std::uint16_t number, std::vector<LastRow>& rows) {
    for (std::size_t i = 0; i < shard.tags.size(); ++i)
        if (auto row = last_row(shard.tags[i], TagId{(i + 1) << 4 | number})) rows.push_back(std::move(*row));
}

std::string Store::numbered(std::string_view folder, std::uint64_t number, std::string_view suffix) const {
    return fmt::format("{}/{}/{:x}.{}", options_.folder, folder, number, suffix);
}

std::shared_ptr<const Version> Store::version() const {
    const std::lock_guard lock{version_mutex_};
    return version_;
}

// Makes `manifest` the truth, on disk and then in memory.
Result<void> Store::install(Manifest manifest) {
    manifest.next_number = next_number_;
    std::ranges::sort(manifest.segments, {},
                      [](const SegmentInfo& info) { return std::tuple{info.day, info.shard, info.order}; });
    TRY(io::write_whole(files_, path("MANIFEST"), encode_manifest(manifest)).context("cannot install the manifest"));
    const auto before = version();
    std::map<std::uint64_t, std::shared_ptr<Segment>> known;
    for (const auto& [key, segments] : before->segments)
        for (const auto& segment : segments) known[segment->info().number] = segment;
    std::map<std::uint64_t, std::shared_ptr<EventFile>> known_events;
    for (const auto& file : before->events) known_events[file->info.number] = file;
    auto now = std::make_shared<Version>();
    for (const SegmentInfo& info : manifest.segments) {
        auto found = known.extract(info.number);
        now->segments[{info.shard, info.day}].push_back(
            found ? found.mapped() : std::make_shared<Segment>(files_, cache_, segment_path(path("seg"), info), info));
    }
    for (const EventFileInfo& info : manifest.events) {
        auto found = known_events.extract(info.number);
        now->events.push_back(found ? found.mapped()
                                    : std::make_shared<EventFile>(files_, numbered("event", info.number, "ev"), info));
    }
    std::map<std::uint64_t, std::shared_ptr<IntervalFile>> known_intervals;
    for (const auto& file : before->intervals) known_intervals[file->info.number] = file;
    for (const IntervalFileInfo& info : manifest.intervals) {
        auto found = known_intervals.extract(info.number);
        now->intervals.push_back(
            found ? found.mapped() : std::make_shared<IntervalFile>(files_, numbered("ival", info.number, "iv"), info));
    }
    for (const auto& [number, file] : known_intervals) file->obsolete = true;
    for (const auto& [number, segment] : known) segment->set_obsolete();
    for (const auto& [number, file] : known_events) file->obsolete = true;
    for (const auto& [folder, old, live, suffix] :
         {std::tuple{"cat", before->manifest.catalogue, manifest.catalogue, "cat"},
          std::tuple{"last", before->manifest.last, manifest.last, "last"},
          std::tuple{"ival", before->manifest.open_intervals, manifest.open_intervals, "open"}}) {
        if (old == 0 || old == live) continue;
        remove_unless_copied(numbered(folder, old, suffix));
    }
    now->manifest = std::move(manifest);
    const std::lock_guard lock{version_mutex_};
    version_ = std::move(now);
    return {};
}

// Takes what is in memory out of the way of new rows. From the rotation on new records are in a new log file; rows that
// come between it and the freeze of their shard are in both, and replay skips them by their numbers.
Result<void> Store::freeze() {
    frozen_log_first_ = TRY(log_->rotate());
    active_bytes_ = 0;
    oldest_at_ = -1;
    frozen_rows_ = 0;
    frozen_last_.clear();
    for (std::uint16_t number = 0; number < kShardCount; ++number) {
        Shard& shard = shards_[number];
        auto frozen = std::make_shared<FrozenShard>();
        const std::lock_guard lock{shard.mutex};
        for (const TagId id : shard.touched) {
            TagState& tag = shard.tags[(id.value >> 4) - 1];
            frozen_rows_ += tag.active->rows();
            frozen->tags.push_back({.tag = id, .alone = tag.active.get()});
            frozen->alone.push_back(std::move(tag.active));
        }
        shard.touched.clear();
        for (const auto& group : shard.groups) {
            if (!group->active) continue;
            frozen_rows_ += group->active->readings();
            for (std::uint32_t column = 0; column < group->shape->width(); ++column)
                frozen->tags.push_back(
                    {.tag = group->shape->tags()[column], .tuples = group->active.get(), .column = column});
            frozen->tuples.push_back(std::move(group->active));
        }
        std::ranges::sort(frozen->tags, {}, &MemRows::tag);
        frozen->next_sequence = shard.next_sequence;
        shard.frozen = std::move(frozen);
        collect_last(shard, number, frozen_last_);
    }
    freeze_intervals();
    const std::lock_guard lock{events_mutex_};
    auto events = std::make_shared<std::vector<Event>>(std::exchange(events_.active, {}));
    sort_events(*events);
    events_.frozen = std::move(events);
    events_.frozen_next_id = events_.next_id;
    has_frozen_ = true;
    return {};
}

Result<void> Store::write_frozen_shard(const FrozenShard& frozen, std::uint16_t number, Manifest& manifest) {
    std::vector<Run> sorted;       // of those that are not in order
    std::vector<const Run*> runs;  // of each tag; null for a column of tuples, which are in order
    sorted.reserve(frozen.tags.size());
    runs.reserve(frozen.tags.size());
    std::set<Day> days;
    for (const MemRows& rows : frozen.tags) {
        const Run* run = nullptr;
        if (rows.alone != nullptr)
            run = rows.alone->in_order() ? &rows.alone->run() : &sorted.emplace_back(rows.alone->all());
        runs.push_back(run);
        for (std::size_t i = 0; run != nullptr && i < run->size();
             i = run->lower_bound(day_start(day_of(run->times[i]) + 1)))
            days.insert(day_of(run->times[i]));
    }
    for (const auto& tuples : frozen.tuples) tuples->add_days(days);
    for (const Day day : days) {
        SegmentInfo info;
        info.day = day;
        info.shard = number;
        TRY(write_frozen_day(frozen, runs, info, manifest));
    }
    manifest.next_sequence[number] = frozen.next_sequence;
    return {};
}

Result<void> Store::write_frozen_day(const FrozenShard& frozen, const std::vector<const Run*>& runs, SegmentInfo info,
                                     Manifest& manifest) {
    info.number = info.order = next_number_++;
    const std::string folder = path("seg/" + day_name(info.day));
    TRY(files_.make_folder(folder));
    auto writer = TRY(SegmentWriter::create(files_, segment_path(path("seg"), info), info));
    const Window day{day_start(info.day), day_start(info.day + 1)};
    Run column;
    const MemTuples* before = nullptr;  // whose times are in `column`
    for (std::size_t i = 0; i < frozen.tags.size(); ++i) {
        const MemRows& rows = frozen.tags[i];
        if (runs[i] == nullptr) {
            rows.tuples->read(day, rows.column, rows.tuples == before, column);
            before = rows.tuples;
            if (!column.empty()) TRY(writer.add(rows.tag, column, 0, column.size()));
            continue;
        }
        const std::size_t begin = runs[i]->lower_bound(day.from), end = runs[i]->lower_bound(day.to);
        if (begin < end) TRY(writer.add(rows.tag, *runs[i], begin, end));
    }
    manifest.segments.push_back(TRY(writer.finish()));
    return files_.sync_folder(folder);
}

Result<void> Store::write_events(Manifest& manifest, std::vector<Event> events) {
    if (events.empty()) return {};
    EventFileInfo info;
    info.number = next_number_++;
    info.events = events.size();
    info.min_time = events.front().time;
    info.max_time = events.back().time;
    const Buffer bytes = encode_events(events);
    info.bytes = bytes.size();
    TRY(io::write_whole(files_, numbered("event", info.number, "ev"), bytes));
    manifest.events.push_back(info);
    return {};
}

Result<void> Store::write_snapshots(Manifest& manifest) {
    const std::uint64_t changes = catalogue_.changes();
    if (changes != snapshot_changes_ || manifest.catalogue == 0) {
        const std::uint64_t number = next_number_++;
        TRY(io::write_whole(files_, numbered("cat", number, "cat"), catalogue_.encode()));
        manifest.catalogue = number;
    }
    return write_last(manifest, frozen_last_);
}

Result<void> Store::write_last(Manifest& manifest, const std::vector<LastRow>& rows) {
    const std::uint64_t number = next_number_++;
    TRY(io::write_whole(files_, numbered("last", number, "last"), encode_last(rows)));
    manifest.last = number;
    return {};
}

Result<void> Store::seal() {
    const Working working{work_, FileWork::sealing};
    if (!has_frozen_) {
        if (active_bytes_ == 0 && catalogue_.changes() == snapshot_changes_) return {};
        forget_old_formats();  // first: what a full disk lacks for the seal may be there
        TRY(freeze());
    }
    Manifest manifest = version()->manifest;
    manifest.log_first = frozen_log_first_;
    seal_number_ = next_number_;
    const std::uint64_t changes = catalogue_.changes();
    for (std::uint16_t number = 0; number < kShardCount; ++number)
        TRY(write_frozen_shard(*shards_[number].frozen, number, manifest).context("cannot seal shard {}", number));
    TRY(files_.sync_folder(path("seg")));
    {
        std::unique_lock lock{events_mutex_};
        const auto frozen = events_.frozen;
        manifest.next_event = events_.frozen_next_id;
        lock.unlock();
        TRY(write_events(manifest, *frozen));
    }
    TRY(write_intervals(manifest));
    TRY(write_snapshots(manifest));
    TRY(install(std::move(manifest)));
    snapshot_changes_ = changes;
    for (Shard& shard : shards_) {
        const std::lock_guard lock{shard.mutex};
        shard.frozen = nullptr;
    }
    {
        const std::lock_guard lock{events_mutex_};
        events_.frozen = nullptr;
    }
    {
        const std::lock_guard lock{intervals_mutex_};
        intervals_.frozen = nullptr;
        intervals_.frozen_open = {};
    }
    has_frozen_ = false;
    rows_in_memory_ -= frozen_rows_;
    frozen_last_.clear();
    metrics_.seals.add();
    for (const std::string& name : TRY(files_.list(path("log")))) {
        const auto number = log_file_number(name);
        if (!number || *number >= frozen_log_first_) continue;
        remove_unless_copied(path("log/" + name));
    }
    return {};
}

// A file that the manifest does not name any more. Left behind it only wastes space until the next start.
void Store::remove_unless_copied(const std::string& old) {
    if (copies_ > 0) {
        left_.insert(old);
        return;
    }
    std::uint64_t log_bytes = 0;
    if (old.ends_with(".log"))
        if (const auto file = files_.open(old, io::Open::read))
            if (const auto bytes = (*file)->size()) log_bytes = *bytes;
    if (auto removed = let_go(old); !removed)
        log_warning("history", "{}", removed.error().text());
    else if (log_bytes > 0)
        log_->count_removed(log_bytes);
}

// A file of the log may be kept for those who read it.
Result<void> Store::let_go(const std::string& old) {
    const auto number = log_file_number(old.substr(old.rfind('/') + 1));
    return number && kept_logs_.keeps() ? kept_logs_.take(old, *number) : files_.remove(old);
}

Result<SegmentInfo> Store::merge_day(std::span<const std::shared_ptr<Segment>> segments, Tier tier) {
    SegmentInfo info = segments.back()->info();  // the order of the newest: none of the day comes between them
    info.number = next_number_++;
    const Window day{day_start(info.day), day_start(info.day + 1)};
    std::vector<std::shared_ptr<const OpenSegment>> open;
    std::set<TagId> tags;
    for (const auto& segment : segments) {
        open.push_back(TRY(segment->open()));
        for (const ChunkInfo& chunk : open.back()->chunks()) tags.insert(chunk.tag);
    }
    auto writer = TRY(SegmentWriter::create(files_, segment_path(path("seg"), info), info, tier));
    for (const TagId tag : tags) {
        std::vector<Source> sources;
        for (std::size_t layer = 0; layer < open.size(); ++layer) {
            const auto [begin, end] = open[layer]->chunks_of(tag);
            for (std::size_t i = begin; i < end; ++i) {
                const ChunkInfo& chunk = open[layer]->chunks()[i];
                sources.push_back({chunk.min_time, chunk.max_time, layer, open[layer], &chunk, nullptr});
            }
        }
        TRY(scan(std::move(sources), day, nullptr,
                 [&](const Run& run, std::size_t begin, std::size_t end) { return writer.add(tag, run, begin, end); }));
    }
    info = TRY(writer.finish());
    TRY(files_.sync_folder(path("seg/" + day_name(info.day))));
    metrics_.merges.add(segments.size());
    return info;
}

namespace {

// Files of a day are merged when so many of about the same size lie one after the other, so that a byte is rewritten a
// few times only, however often memory is sealed.
constexpr std::size_t kMergeAt = 8;
constexpr Day kLookBackDays = 3;
constexpr std::uint64_t kMergeBytesMax = 256 << 20;  // read in one go; the rest waits for the next seal

// Grows by one with eight times the bytes.
unsigned size_class(const Segment& segment) {
    return static_cast<unsigned>(std::bit_width(segment.info().bytes | 4095)) / 3;
}

// The newest files of a day that are to become one, oldest order first; empty if none.
std::span<const std::shared_ptr<Segment>> next_merge(std::span<const std::shared_ptr<Segment>> segments) {
    std::size_t begin = segments.size();
    unsigned largest = 0;
    for (std::size_t i = segments.size(); i-- > 0;) {
        // A larger one before eight smaller ones stays, until there are eight like it.
        largest = std::max(largest, size_class(*segments[i]));
        const auto same =
            static_cast<std::size_t>(std::count_if(segments.begin() + static_cast<std::ptrdiff_t>(i), segments.end(),
                                                   [&](const auto& one) { return size_class(*one) == largest; }));
        if (same >= kMergeAt) begin = i;
    }
    return segments.subspan(begin);
}

}  // namespace

// A day that has ended and got nothing by the last seal becomes one file, written to be small.
Result<void> Store::merge_segments(MergeWhat what) {
    const Working working{work_, FileWork::merging};
    const auto now = version();
    const Day today = day_of(clock_.now());
    Manifest manifest = now->manifest;
    std::uint64_t bytes = 0;
    bool merged = false;
    std::optional<Error> damaged;
    for (const auto& [key, segments] : now->segments) {
        const bool settled =
            what == MergeWhat::all || (key.second < today && segments.back()->info().number < seal_number_);
        auto chosen = settled ? std::span{segments} : next_merge(segments);
        if (segments.size() == 1 && settled) {
            // Days long ago were looked at when they ended.
            const bool known = what == MergeWhat::worthwhile && key.second < today - kLookBackDays;
            const auto open = known ? Result<std::shared_ptr<const OpenSegment>>{nullptr} : segments.front()->open();
            if (open && (!*open || (*open)->tier() == Tier::cold)) chosen = {};
        }
        if (chosen.empty()) continue;
        for (const auto& segment : chosen) bytes += segment->info().bytes;
        if (merged && what == MergeWhat::worthwhile && bytes > kMergeBytesMax) break;
        auto info = merge_day(chosen, settled ? Tier::cold : Tier::hot)
                        .context("cannot merge the segments of {}, shard {}", day_name(key.second), key.first);
        if (!info && info.error().code() != Code::corrupt) return std::move(info).error();
        if (!info) {  // one damaged file keeps no other day from being merged
            log_error("history", "{}", info.error().text());
            if (!damaged) damaged = std::move(info).error();
            continue;
        }
        std::erase_if(manifest.segments, [&](const SegmentInfo& old) {
            return std::ranges::any_of(chosen, [&](const auto& one) { return one->info().number == old.number; });
        });
        manifest.segments.push_back(*info);
        merged = true;
    }
    if (merged) TRY(install(std::move(manifest)));
    if (damaged && what == MergeWhat::all) return *damaged;
    return {};
}

Result<void> Store::merge_events(std::size_t files_min) {
    const auto now = version();
    const auto is_small = [](const EventFileInfo& info) { return info.bytes < kSmallEventFile; };
    Manifest manifest = now->manifest;
    if (static_cast<std::size_t>(std::ranges::count_if(manifest.events, is_small)) < files_min) return {};
    std::vector<Event> events;
    for (const auto& file : now->events) {
        if (!is_small(file->info)) continue;
        const Buffer bytes = TRY(io::read_whole(files_, file->path, kEventFileBytesMax));
        for (Event& event : TRY(decode_events(bytes, file->path))) events.push_back(std::move(event));
    }
    sort_events(events);
    std::erase_if(manifest.events, is_small);
    TRY(write_events(manifest, std::move(events)));
    return install(std::move(manifest));
}

Result<void> Store::compact() {
    const std::lock_guard lock{maintenance_};
    if (closed_) return Error{Code::unavailable, "history is stopped"};
    TRY(seal());
    TRY(merge_segments(MergeWhat::all));
    TRY(merge_events(2));
    return merge_intervals(2);
}

// The manifest and the log that belongs to it are taken under maintenance_, so that no seal comes between. What they
// name stays until the copy has ended, also when a seal or a merge no longer needs it: a slow disk for backups holds up
// nobody.
Result<void> Store::copy_to(Copier& copier) {
    std::shared_ptr<const Version> now;  // keeps its segments and event files
    std::vector<CopiedFile> files;
    {
        const std::lock_guard lock{maintenance_};
        if (closed_) return Error{Code::unavailable, "history is stopped"};
        const std::uint64_t log_end = TRY(log_->rotate());  // the files before it are complete
        now = version();
        files = TRY(files_to_copy(*now, log_end));
        ++copies_;
    }
    const auto copied = copy_files(copier, files, now->manifest);
    const std::lock_guard lock{maintenance_};
    if (--copies_ == 0)
        for (const std::string& old : std::exchange(left_, {})) remove_unless_copied(old);
    return copied;
}

Result<std::vector<Store::CopiedFile>> Store::files_to_copy(const Version& now, std::uint64_t log_end) {
    const Manifest& manifest = now.manifest;
    std::vector<CopiedFile> files;
    const auto add = [&](const std::string& full) -> Result<void> {
        const auto file = TRY(files_.open(full, io::Open::read));
        const std::uint64_t bytes = TRY(file->size());
        files.push_back({full.substr(options_.folder.size() + 1), full, bytes});
        return {};
    };
    for (const std::string& name : TRY(files_.list(path("log"))))
        if (const auto number = log_file_number(name); number && *number >= manifest.log_first && *number < log_end)
            TRY(add(path("log/" + name)));
    if (manifest.catalogue != 0) TRY(add(numbered("cat", manifest.catalogue, "cat")));
    if (manifest.last != 0) TRY(add(numbered("last", manifest.last, "last")));
    for (const auto& [key, segments] : now.segments)
        for (const auto& segment : segments) TRY(add(segment->path()));
    for (const auto& file : now.events) TRY(add(file->path));
    if (manifest.open_intervals != 0) TRY(add(numbered("ival", manifest.open_intervals, "open")));
    for (const auto& file : now.intervals) TRY(add(file->path()));
    return files;
}

Result<void> Store::copy_files(Copier& copier, const std::vector<CopiedFile>& files, const Manifest& manifest) const {
    std::uint64_t bytes = 0;
    for (const CopiedFile& file : files) bytes += file.bytes;
    TRY(copier.expect(files.size() + 2, bytes));
    for (const CopiedFile& file : files) TRY(copier.take(file.name, file.path, file.bytes));
    TRY(copier.put(std::string(kFormatsName), as_bytes(format_stamp_file())));
    return copier.put("MANIFEST", encode_manifest(manifest));
}

// Files of the version that is taken at the beginning stay as long as it is held, so they are read while the store goes
// on; the log and the snapshots are replaced by seals, which wait meanwhile.
Result<VerifyReport> Store::verify(VerifyProgress* progress) const {
    VerifyReport report;
    std::shared_ptr<const Version> now;
    {
        const std::lock_guard lock{maintenance_};
        now = version();
        // The group that is being written at this moment looks like a torn tail, so a torn tail is no problem here.
        if (!check_manifest(files_, options_.folder, report)) now = nullptr;
        if (now) check_changing(files_, clock_, options_.folder, now->manifest, {}, report);
    }
    if (now) check_lasting(files_, options_.folder, now->manifest, {}, report, progress);
    if (progress != nullptr && progress->stop) return Error{Code::unavailable, "stopped because somebody asked for it"};
    report.problems.insert(report.problems.end(), report.event_problems.begin(), report.event_problems.end());
    return report;
}

}  // namespace gongshu::history
