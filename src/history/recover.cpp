// How a folder becomes a store again: manifest, snapshots, then the log from where the manifest says it begins.
#include <algorithm>
#include <set>

#include "base/assert.h"
#include "base/log.h"
#include "history/formats.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kSnapshotBytesMax = std::uint64_t{4} << 30;

std::size_t local_index(TagId tag) { return static_cast<std::size_t>((tag.value >> 4) - 1); }

}  // namespace

Result<void> Store::check_is_new() {
    for (const char* folder : {"seg", "cat", "last", "event", "ival"})
        if (!TRY(files_.list(path(folder))).empty())
            return Error{Code::corrupt, "{}: missing, yet there are files in {}; restore it from a backup",
                         path("MANIFEST"), path(folder)};
    return {};
}

Result<Manifest> Store::read_manifest() {
    if (TRY(files_.exists(path("MANIFEST")))) {
        const Buffer bytes = TRY(io::read_whole(files_, path("MANIFEST"), kSnapshotBytesMax));
        return decode_manifest(bytes, path("MANIFEST"));
    }
    // A first start, or one that was cut before it was done: nothing was ever acknowledged from here.
    for (const std::string& name : TRY(files_.list(path("log")))) TRY(files_.remove(path("log/" + name)));
    TRY(log_->start(1, 1));
    const Manifest manifest;
    TRY(io::write_whole(files_, path("MANIFEST"), encode_manifest(manifest)));
    return manifest;
}

Result<void> Store::recover() {
    for (const char* folder : {"", "log", "seg", "cat", "last", "event", "ival"}) TRY(files_.make_folder(path(folder)));
    lock_ = TRY(files_.lock_folder(options_.folder).context("the history in {} cannot be opened", options_.folder));
    TRY(files_.sync_folder(options_.folder));
    const bool fresh = !TRY(files_.exists(path("MANIFEST")));
    if (fresh) TRY(check_is_new());
    TRY(keep_former(files_, clock_, options_.folder));
    const Manifest manifest = TRY(read_manifest());
    next_number_ = manifest.next_number;
    events_.next_id = manifest.next_event;
    intervals_.next_change = manifest.next_interval;
    for (std::uint16_t shard = 0; shard < kShardCount; ++shard)
        shards_[shard].next_sequence = manifest.next_sequence[shard];
    TRY(kept_logs_.open(fresh));
    if (!fresh) TRY(remove_leftovers(manifest));
    TRY(load_snapshots(manifest));
    auto now = std::make_shared<Version>();
    now->manifest = manifest;
    for (const SegmentInfo& info : manifest.segments)
        now->segments[{info.shard, info.day}].push_back(
            std::make_shared<Segment>(files_, cache_, segment_path(path("seg"), info), info));
    for (const EventFileInfo& info : manifest.events)
        now->events.push_back(std::make_shared<EventFile>(files_, numbered("event", info.number, "ev"), info));
    for (const IntervalFileInfo& info : manifest.intervals)
        now->intervals.push_back(std::make_shared<IntervalFile>(files_, numbered("ival", info.number, "iv"), info));
    version_ = std::move(now);
    if (!fresh) TRY(replay(manifest));
    return {};
}

// A seal does not fail for it.
void Store::forget_old_formats() {
    if (const auto gone = forget_former(files_, clock_, options_.folder); !gone)
        log_warning("history", "what is kept of a former version stays: {}", gone.error().text());
    else if (*gone > 0)
        formats_.lock()->formats.reset();
}

Result<void> Store::load_snapshots(const Manifest& manifest) {
    if (manifest.catalogue != 0) {
        const std::string name = numbered("cat", manifest.catalogue, "cat");
        const Buffer bytes = TRY(io::read_whole(files_, name, kSnapshotBytesMax));
        TRY(catalogue_.decode(bytes, name));
    }
    snapshot_changes_ = catalogue_.changes();
    if (manifest.open_intervals != 0) {
        const std::string name = numbered("ival", manifest.open_intervals, "open");
        const Buffer bytes = TRY(io::read_whole(files_, name, kSnapshotBytesMax));
        OpenIntervals open = TRY(decode_open_intervals(bytes, name));
        for (const IntervalEntryPtr& entry : open.entries) {
            intervals_.open[entry->newest().id.value] = entry;
            ++intervals_.open_counts[entry->newest().tenant];
        }
        for (auto& [tenant, kinds] : open.kinds) intervals_.kinds[tenant].insert(kinds.begin(), kinds.end());
    }
    if (manifest.last == 0) return {};
    const std::string name = numbered("last", manifest.last, "last");
    const Buffer bytes = TRY(io::read_whole(files_, name, kSnapshotBytesMax));
    for (LastRow& row : TRY(decode_last(bytes, name))) {
        Shard& shard = shards_[shard_of(row.tag).value];
        if (row.tag.value >> 4 == 0 || local_index(row.tag) >= shard.tags.size() ||
            shard.tags[local_index(row.tag)].type != row.type)
            return Error{Code::corrupt, "{}: tag {} is not in the catalogue, or not of this type", name, row.tag.value};
        TagState& tag = shard.tags[local_index(row.tag)];
        tag.has_last = true;
        tag.last_time = row.time;
        tag.last_bits = row.bits;
        tag.last_quality = row.quality;
        if (row.type == ValueType::text) tag.last_text = std::make_unique<std::string>(std::move(row.text));
    }
    return {};
}

Result<void> Store::replay(const Manifest& manifest) {
    const LogEnd end = TRY(replay_log(files_, path("log"), manifest.log_first,
                                      [&](Record record) { return apply(manifest, std::move(record)); }));
    TRY(cut_tail(end));
    TRY(write_tail_again(end));
    log_->count_replayed(end.bytes);
    if (end.records > 0) log_info("history", "replayed {} records of the log", end.records);
    if (active_bytes_ > 0) oldest_at_ = clock_.monotonic();
    return log_->start(*end.last_file + 1, end.next_group);
}

Result<void> Store::apply(const Manifest& manifest, Record record) {
    if (auto* tag = std::get_if<TagRecord>(&record)) return catalogue_.apply(*tag);
    if (auto* move = std::get_if<MoveRecord>(&record)) return catalogue_.apply(*move);
    if (auto* unit = std::get_if<UnitRecord>(&record)) return catalogue_.apply(*unit);
    if (auto* event = std::get_if<Event>(&record)) {
        if (event->id.value < manifest.next_event) return {};
        if (event->id.value != events_.next_id)
            return Error{Code::corrupt, "event {} follows event {}", event->id.value, events_.next_id - 1};
        ++events_.next_id;
        active_bytes_ += event->body.size() + sizeof(Event);
        events_.active.push_back(std::move(*event));
        return {};
    }
    if (auto* interval = std::get_if<IntervalRecord>(&record)) {
        if (interval->change < manifest.next_interval) return {};
        return apply_interval(std::move(*interval));
    }
    if (const auto* tuples = std::get_if<TuplesRecord>(&record)) return apply_tuples(manifest, *tuples);
    if (const auto* columns = std::get_if<ColumnsRecord>(&record)) return apply_columns(manifest, *columns);
    auto& rows = std::get<RowsRecord>(record);
    Shard& shard = shards_[rows.shard.value];
    const std::lock_guard lock{shard.mutex};
    if (rows.first_sequence < manifest.next_sequence[rows.shard.value]) return {};
    if (rows.first_sequence != shard.next_sequence)
        return Error{Code::corrupt, "row {} of shard {}, expected {}", rows.first_sequence, rows.shard.value,
                     shard.next_sequence};
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
        const TagId tag = rows.rows.tag(i);
        if (tag.value >> 4 == 0 || shard_of(tag) != rows.shard || local_index(tag) >= shard.tags.size() ||
            shard.tags[local_index(tag)].type != rows.rows.type(i) || !is_storable(rows.rows.time(i)))
            return Error{Code::corrupt,
                         "a row of tag {}, which is not in the catalogue or not of this type, or with time {}",
                         tag.value, rows.rows.time(i)};
    }
    shard.next_sequence += rows.rows.size();
    put(shard, rows.rows);
    return {};
}

Result<void> Store::cut_tail(const LogEnd& end) {
    if (!end.torn) return {};
    const auto [number, good_bytes] = *end.torn;
    // What lies after it holds no groups, or replay_log() would have refused; it goes first, so that a crash in between
    // leaves a tail that is still torn.
    for (std::uint64_t later = *end.last_file; later > number; --later) {
        const std::string name = path("log/" + log_file_name(later));
        if (TRY(files_.exists(name))) TRY(files_.remove(name));
    }
    const std::string name = path("log/" + log_file_name(number));
    log_warning("history", "{}: the tail after byte {} was not written completely before the last stop and is cut",
                name, good_bytes);
    if (good_bytes == 0) {
        TRY(files_.remove(name));
    } else {
        const auto file = TRY(files_.open(name, io::Open::read_write));
        TRY(file->truncate(good_bytes));
        TRY(file->sync());
    }
    return files_.sync_folder(path("log"));
}

// After a sync that failed the last file may be readable and yet not on the disk, and no later sync changes that: only
// writing the bytes again does. A file that may be gone tomorrow must not have acknowledged groups behind it.
Result<void> Store::write_tail_again(const LogEnd& end) {
    if (!end.tail_file) return {};
    const std::string name = path("log/" + log_file_name(*end.tail_file));
    const Buffer bytes = TRY(io::read_whole(files_, name, kSnapshotBytesMax));
    const auto file = TRY(files_.open(name, io::Open::read_write));
    TRY(file->write_at(0, bytes));
    TRY(file->sync());
    return files_.sync_folder(path("log"));
}

// Files that no manifest names: made by a seal or merge that was cut, or replaced by one and not yet removed.
Result<void> Store::remove_leftovers(const Manifest& manifest) {
    std::set<std::string> live;
    for (const SegmentInfo& info : manifest.segments) live.insert(segment_path(path("seg"), info));
    for (const EventFileInfo& info : manifest.events) live.insert(numbered("event", info.number, "ev"));
    for (const IntervalFileInfo& info : manifest.intervals) live.insert(numbered("ival", info.number, "iv"));
    live.insert(numbered("ival", manifest.open_intervals, "open"));
    live.insert(numbered("cat", manifest.catalogue, "cat"));
    live.insert(numbered("last", manifest.last, "last"));
    std::vector<std::string> folders{path("cat"), path("last"), path("event"), path("ival")};
    for (const std::string& day : TRY(files_.list(path("seg")))) folders.push_back(path("seg/" + day));
    for (const std::string& folder : folders)
        for (const std::string& name : TRY(files_.list(folder)))
            if (!live.contains(folder + "/" + name)) TRY(files_.remove(folder + "/" + name));
    // Days that retention emptied; one that comes again is made again.
    for (const std::string& day : TRY(files_.list(path("seg"))))
        if (TRY(files_.list(path("seg/" + day))).empty()) TRY(files_.remove(path("seg/" + day)));
    for (const std::string& name : TRY(files_.list(path("log"))))
        if (const auto number = log_file_number(name); number && *number < manifest.log_first)
            TRY(let_go(path("log/" + name)));
    return {};
}

}  // namespace gongshu::history
