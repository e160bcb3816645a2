#include "history/store.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "data/stage.h"
#include "history/append.h"

namespace gongshu::history {
namespace {

constexpr DurationNs kTick = kSecond;
constexpr std::size_t kMergeAt = 8;  // so many small files of events or intervals are merged into one
constexpr std::uint32_t kRetentionDaysMax = 100'000;

// At most `bytes_max` bytes, not ending within a character.
std::string_view cut_text(std::string_view text, std::uint64_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = static_cast<std::size_t>(bytes_max);
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

Value zero_of(ValueType type) {
    switch (type) {
        case ValueType::number:
            return 0.0;
        case ValueType::integer:
            return std::int64_t{0};
        case ValueType::boolean:
            return false;
        case ValueType::text:
            return std::string{};
    }
    return 0.0;
}

// A value that cannot be used is bad, unless its sender said so with a reason of his own.
Quality worsened(Quality quality, Reason reason) {
    if (!quality.usable()) return quality;
    quality.grade = Grade::bad;
    quality.reason = reason;
    return quality;
}

HistoryOptions checked(HistoryOptions options) {
    options.retention_days = std::min(options.retention_days, kRetentionDaysMax);
    return options;
}

}  // namespace

StoreMetrics::StoreMetrics(Metrics& metrics)
    : rows(metrics.counter("gongshu_history_rows_total", "Readings taken in")),
      duplicates(
          metrics.counter("gongshu_history_duplicates_total", "Readings whose tag and time were in memory already")),
      events(metrics.counter("gongshu_history_events_total", "Events taken in")),
      intervals(metrics.counter("gongshu_history_intervals_total", "Revisions of intervals taken in")),
      late(metrics.counter("gongshu_history_late_total", "Readings that came late and out of order")),
      wrong_clock(metrics.counter("gongshu_history_wrong_clock_total", "Readings whose time could not be used")),
      wrong_type(
          metrics.counter("gongshu_history_wrong_type_total", "Readings that did not fit the type of their tag")),
      cut_text(metrics.counter("gongshu_history_cut_text_total", "Text values that were too long and were cut")),
      seals(metrics.counter("gongshu_history_seals_total", "Times the memory was sealed into segments")),
      merges(metrics.counter("gongshu_history_merges_total", "Segments merged into others")),
      removed_rows(
          metrics.counter("gongshu_history_removed_rows_total", "Readings removed by retention or to be made anew")),
      removed_bytes(metrics.counter("gongshu_history_removed_bytes_total", "Bytes of segments freed by retention")),
      chunks_read(metrics.counter("gongshu_history_chunks_read_total", "Chunks of segments decoded for questions")),
      blocks_weighed(metrics.counter("gongshu_history_blocks_weighed_total",
                                     "Blocks whose statistics were held against conditions on values")),
      memory_bytes(metrics.gauge("gongshu_history_memory_bytes", "Readings and events that are not in segments yet")),
      segments(metrics.gauge("gongshu_history_segments", "Live segments")),
      tags(metrics.gauge("gongshu_history_tags", "Tags in the catalogue")),
      read_only(metrics.gauge("gongshu_history_read_only", "1 if the store takes nothing any more")) {}

EventFile::~EventFile() {
    if (!obsolete) return;
    if (auto removed = files.remove(path); !removed) log_warning("history", "{}", removed.error().text());
}

const MemRows* FrozenShard::find(TagId tag) const {
    const auto found = std::ranges::lower_bound(tags, tag, {}, &MemRows::tag);
    return found != tags.end() && found->tag == tag ? &*found : nullptr;
}

Store::Store(io::Files& files, const Clock& clock, Metrics& metrics, std::vector<io::Loop*> lanes, io::Pool& pool,
             HistoryOptions options)
    : files_(files),
      clock_(clock),
      lanes_(std::move(lanes)),
      pool_(pool),
      options_(checked(std::move(options))),
      metrics_(metrics),
      log_(std::make_shared<Log>(files, options_.folder + "/log", pool, metrics)),
      kept_logs_(files, options_.folder + "/kept", options_.log_kept_bytes),
      cache_(files),
      catalogue_(clock, options_.new_tags_per_minute),
      version_(std::make_shared<const Version>()) {
    catalogue_.connect(
        [this](RecordKind kind, const Buffer& payload) -> Result<void> {
            TRY(log_->append(kind, payload));
            return {};
        },
        [this](TagId tag, ValueType type) { add_tag(tag, type); });
}

void Store::add_tag(TagId tag, ValueType type) {
    Shard& shard = shards_[shard_of(tag).value];
    const std::lock_guard lock{shard.mutex};
    ASSERT(local_index(tag) == shard.tags.size());
    shard.tags.emplace_back().type = type;
    shard.tag_count.store(shard.tags.size(), std::memory_order_release);
}

io::Loop& Store::home_lane() const {
    for (io::Loop* lane : lanes_)
        if (lane->in_loop()) return *lane;
    return *lanes_.front();
}

std::optional<Error> Store::refusal() const {
    if (log_->is_broken()) return log_->broken();
    // While a long merge holds up the seal, memory may grow for a while.
    const std::uint64_t most = has_frozen_.load() ? options_.seal_bytes : kWaitingMemtables * options_.seal_bytes;
    if (unsealed_bytes() >= std::min(most, kUnsealedBytesMax))
        return Error{Code::limit,
                     "{} MiB of readings wait to be written into segments: the disk is slower than what comes in; send "
                     "less or later",
                     unsealed_bytes() >> 20};
    return std::nullopt;
}

bool Store::knows(TagId tag) const {
    return tag.value >> 4 != 0 &&
           local_index(tag) < shards_[shard_of(tag).value].tag_count.load(std::memory_order_acquire);
}

std::optional<Error> Store::refusal(const Rows& rows) const {
    if (auto error = refusal()) return error;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!knows(rows.tag(i))) return Error{Code::not_found, "row {}: there is no tag {}", i, rows.tag(i).value};
    return std::nullopt;
}

std::array<Rows, kShardCount> Store::split(Rows rows) const {
    std::array<Rows, kShardCount> parts;
    const ShardId first = shard_of(rows.tag(0));
    bool single = true;
    for (std::size_t i = 1; i < rows.size() && single; ++i) single = shard_of(rows.tag(i)) == first;
    if (single) {
        parts[first.value] = std::move(rows);
        return parts;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) parts[shard_of(rows.tag(i)).value].add_row(rows, i);
    return parts;
}

void Store::append(Rows rows, Durability durability, Sink::Done done) {
    io::Loop& home = home_lane();
    if (auto error = refusal(rows))
        return home.post([done = std::move(done), error = std::move(*error)] { done(error); });
    if (rows.empty()) return home.post([done = std::move(done)] { done(Appended{}); });
    auto append = std::make_shared<Append>(home, durability, std::move(done), rows.size());
    auto parts = split(std::move(rows));
    append->parts_left =
        static_cast<std::uint32_t>(std::ranges::count_if(parts, [](const Rows& part) { return !part.empty(); }));
    for (std::uint16_t shard = 0; shard < kShardCount; ++shard) {
        if (parts[shard].empty()) continue;
        io::Loop& lane = owner(shard);
        if (lane.in_loop()) {
            ingest_part(append, shard, std::move(parts[shard]));
            continue;
        }
        auto part = std::make_shared<Rows>(std::move(parts[shard]));
        lane.post(
            [self = shared_from_this(), append, shard, part] { self->ingest_part(append, shard, std::move(*part)); });
    }
}

void Store::ingest_part(const std::shared_ptr<Append>& append, std::uint16_t shard, Rows rows) {
    auto ingested = ingest(shard, rows, true);
    if (ingested && stage_) stage_->on_rows(ShardId{shard}, rows);
    note(*append, std::move(ingested));
    if (append->parts_left.fetch_sub(1) == 1) finish(append);
}

void Store::note(Append& append, Result<Ingested> ingested) {
    if (!ingested) {
        const std::lock_guard lock{append.mutex};
        append.error = std::move(ingested).error();
        return;
    }
    append.duplicates += ingested->duplicates;
    std::uint64_t position = append.position.load();
    while (position < ingested->position && !append.position.compare_exchange_weak(position, ingested->position)) {
    }
}

void Store::finish(const std::shared_ptr<Append>& append) {
    const auto answer = [append](const Result<void>& synced) {
        if (append->error) return append->done(*append->error);
        if (!synced) return append->done(synced.error());
        append->done(Appended{append->rows, append->duplicates});
    };
    if (append->durability == Durability::sync && !append->error)
        return log_->when_synced(append->position, append->home, answer);
    append->home.post([answer] { answer({}); });
    if (append->durability == Durability::interval) sync_soon(home_lane());
}

// On the lane's own thread, or before it runs.
void Store::sync_soon(io::Loop& lane) {
    if (sync_timer_set_.exchange(true)) return;
    lane.after(options_.interval_sync, [weak = weak_from_this(), &lane] {
        const auto self = weak.lock();
        if (!self) return;
        self->sync_timer_set_ = false;
        if (!self->log_->start_sync()) self->sync_soon(lane);
    });
}

Result<Store::Ingested> Store::ingest(std::uint16_t number, Rows& rows, bool live) {
    Shard& shard = shards_[number];
    std::vector<WrongClock> wrong;
    Ingested ingested;
    {
        const std::lock_guard lock{shard.mutex};
        normalise(shard, rows, live, wrong);
        thread_local Buffer payload;
        payload.clear();
        encode_rows(ShardId{number}, shard.next_sequence, rows, payload);
        ingested.position = TRY(log_->append(RecordKind::rows, payload));
        shard.next_sequence += rows.size();
        ingested.duplicates = put(shard, rows);
    }
    taken_in(ingested, rows.size(), wrong);
    return ingested;
}

void Store::taken_in(const Ingested& ingested, std::size_t readings, const std::vector<WrongClock>& wrong) {
    metrics_.rows.add(readings);
    if (ingested.duplicates > 0) metrics_.duplicates.add(ingested.duplicates);
    if (!wrong.empty()) tell_wrong_clocks(wrong);
    if (oldest_at_.load(std::memory_order_relaxed) < 0) oldest_at_ = clock_.monotonic();
    if (unsealed_bytes() >= options_.seal_bytes) seal_soon();
}

// Makes the rows what is stored: times that can be used, values of their tags' types.
void Store::normalise(Shard& shard, Rows& rows, bool live, std::vector<WrongClock>& wrong) {
    const TimeNs now = clock_.now();
    const TimeNs earliest =
        std::max(now - static_cast<DurationNs>(options_.retention_days) * kDay, day_start(-kDayMax));
    const TimeNs latest = std::min(now + options_.future_max, day_start(kDayMax) - 1);
    bool fits = true;
    std::int64_t replaced = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        TagState& tag = shard.tags[local_index(rows.tag(i))];
        fits = fits && rows.type(i) == tag.type &&
               (tag.type != ValueType::text || rows.text(i).size() <= options_.text_bytes_max);
        if (!live) continue;
        const TimeNs time = rows.time(i);
        if (time < earliest || time > latest) {
            // Rows of one batch keep distinct times, so that none replaces another.
            const TimeNs stored = now + replaced++;
            rows.set_time(i, stored);
            Quality quality = rows.quality(i);
            if (quality.good())
                quality = {Grade::uncertain, Reason::clock, quality.late, quality.filled, quality.estimated};
            rows.set_quality(i, quality);
            metrics_.wrong_clock.add();
            if (tag.clock_event_minute != now / kMinute) wrong.push_back({rows.tag(i), time, stored});
            tag.clock_event_minute = now / kMinute;
        } else if (time < now - kLateAfter && comes_late(tag, time)) {
            Quality quality = rows.quality(i);
            quality.late = true;
            rows.set_quality(i, quality);
            metrics_.late.add();
        }
    }
    if (!fits) rows = convert(shard, rows);
}

Rows Store::convert(const Shard& shard, const Rows& rows) {
    Rows converted;
    converted.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const ValueType type = shard.tags[local_index(rows.tag(i))].type;
        Reading reading = rows.reading(i);
        if (auto value = convert_exactly(reading.value, type)) {
            reading.value = std::move(*value);
        } else {
            reading.value = zero_of(type);
            reading.quality = worsened(reading.quality, Reason::type);
            metrics_.wrong_type.add();
        }
        if (auto* text = std::get_if<std::string>(&reading.value); text && text->size() > options_.text_bytes_max) {
            *text = cut_text(*text, options_.text_bytes_max);
            reading.quality = worsened(reading.quality, Reason::range);
            metrics_.cut_text.add();
        }
        converted.add(reading);
    }
    return converted;
}

std::uint64_t Store::put(Shard& shard, const Rows& rows) {
    std::uint64_t duplicates = 0;
    MemoryUse use;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (put_row(shard, rows, i, use)) ++duplicates;
    active_bytes_.fetch_add(use.bytes, std::memory_order_relaxed);
    rows_in_memory_.fetch_add(use.rows, std::memory_order_relaxed);
    return duplicates;
}

bool Store::put_row(Shard& shard, const Rows& rows, std::size_t i, MemoryUse& use) {
    const bool is_text = rows.type(i) == ValueType::text;
    return put_value(
        shard,
        {rows.tag(i), rows.time(i), rows.bits(i), is_text ? rows.text(i) : std::string_view{}, rows.quality_bits(i)},
        use);
}

// True if a row of that tag and time was in memory.
bool Store::put_value(Shard& shard, const Value& value, MemoryUse& use) {
    TagState& tag = shard.tags[local_index(value.tag)];
    if (tag.group != nullptr) use.bytes += dissolve(shard, *tag.group);
    if (!tag.active) {
        tag.active = std::make_unique<MemTag>(tag.type);
        shard.touched.push_back(value.tag);
    }
    const TimeNs time = value.time;
    bool duplicate = tag.active->put(time, value.bits, value.text, value.quality);
    if (!duplicate) ++use.rows;
    const bool in_order = !tag.has_last || time > tag.last_time;
    use.bytes += (in_order ? MemTag::kRowBytes : MemTag::kLateRowBytes) + value.text.size();
    if (!in_order && !duplicate)
        duplicate = time == tag.last_time || [&] {
            const MemRows* frozen = shard.frozen ? shard.frozen->find(value.tag) : nullptr;
            return frozen && frozen->contains(time);
        }();
    if (in_order || time == tag.last_time) {
        tag.has_last = true;
        tag.last_time = time;
        tag.last_bits = tag.type == ValueType::text ? 0 : value.bits;
        tag.last_quality = value.quality;
        if (tag.type == ValueType::text) {
            if (!tag.last_text) tag.last_text = std::make_unique<std::string>();
            *tag.last_text = value.text;
        }
    }
    return duplicate;
}

Result<std::pair<EventId, std::uint64_t>> Store::log_event(Event event) {
    const std::lock_guard lock{events_mutex_};
    event.id.value = events_.next_id;
    Buffer payload;
    encode_event(event, payload);
    const std::uint64_t position = TRY(log_->append(RecordKind::event, payload));
    ++events_.next_id;
    active_bytes_ += payload.size() + sizeof(Event);
    events_.active.push_back(std::move(event));
    metrics_.events.add();
    if (oldest_at_ < 0) oldest_at_ = clock_.monotonic();
    return std::pair{events_.active.back().id, position};
}

void Store::tell_wrong_clocks(const std::vector<WrongClock>& wrong) {
    for (const WrongClock& one : wrong) {
        const auto tag = catalogue_.info(one.tag);
        if (!tag) continue;
        Event event;
        event.tenant = tag->key.tenant;
        event.time = one.stored;
        event.kind = "clock";
        event.subject = tag->path;
        JsonWriter(event.body)
            .begin_object()
            .key("sent")
            .safe_integer(one.sent)
            .key("stored")
            .safe_integer(one.stored)
            .end_object();
        if (auto logged = log_event(std::move(event)); !logged) log_warning("history", "{}", logged.error().text());
    }
}

void Store::append_event(Event event, Durability durability, std::function<void(Result<EventId>)> done) {
    io::Loop& home = home_lane();
    auto logged = log_event(std::move(event));
    if (!logged) return home.post([done = std::move(done), error = logged.error()] { done(error); });
    const auto [id, position] = *logged;
    if (durability == Durability::sync)
        return log_->when_synced(position, home, [id, done = std::move(done)](const Result<void>& synced) {
            if (synced)
                done(id);
            else
                done(synced.error());
        });
    home.post([weak = weak_from_this(), &home, durability, id, done = std::move(done)] {
        if (const auto self = weak.lock(); self && durability == Durability::interval) self->sync_soon(home);
        done(id);
    });
}

Result<Appended> Store::import(const Rows& rows) {
    if (has_frozen_.load() || unsealed_bytes() >= options_.seal_bytes) {
        const std::lock_guard lock{maintenance_};
        TRY(seal());
    }
    if (auto error = refusal(rows)) return *error;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!is_storable(rows.time(i)))
            return Error{Code::invalid,
                         "row {}: the time {} is outside of what can be stored (1677-09-22 to 2262-04-10)", i,
                         rows.time(i)};
    Appended appended;
    if (rows.empty()) return appended;
    for (std::uint16_t shard = 0; auto& part : split(rows)) {
        if (!part.empty()) appended.duplicates += TRY(ingest(shard, part, false)).duplicates;
        ++shard;
    }
    appended.rows = rows.size();
    TRY(log_->flush());
    return appended;
}

std::optional<Reading> Store::last(TagId id) const {
    if (id.value >> 4 == 0) return std::nullopt;
    auto& shard = const_cast<Shard&>(shards_[shard_of(id).value]);
    const std::lock_guard lock{shard.mutex};
    if (local_index(id) >= shard.tags.size()) return std::nullopt;
    auto row = last_row(shard.tags[local_index(id)], id);
    if (!row) return std::nullopt;
    Reading reading{id, row->time, {}, unpack_quality(row->quality)};
    switch (row->type) {
        case ValueType::number:
            reading.value = std::bit_cast<double>(row->bits);
            break;
        case ValueType::integer:
            reading.value = static_cast<std::int64_t>(row->bits);
            break;
        case ValueType::boolean:
            reading.value = row->bits != 0;
            break;
        case ValueType::text:
            reading.value = std::move(row->text);
            break;
    }
    return reading;
}

void Store::start_timer() {
    lanes_.front()->post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->tick();
    });
}

void Store::tick() {
    metrics_.memory_bytes.set(static_cast<double>(active_bytes_.load()));
    metrics_.tags.set(static_cast<double>(catalogue_.size()));
    metrics_.segments.set(static_cast<double>(version()->manifest.segments.size()));
    metrics_.read_only.set(log_->is_broken() ? 1 : 0);
    if (seal_failed_.exchange(false)) seal_asked_ = false;
    rates_.lock()->sample(metrics_.rows.value(), clock_.monotonic(), clock_.now());
    const DurationNs oldest = oldest_at_;
    const bool old = oldest >= 0 && clock_.monotonic() - oldest >= options_.seal_age;
    if (old || has_frozen_ || unsealed_bytes() >= options_.seal_bytes) seal_soon();
    lanes_.front()->after(kTick, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->tick();
    });
}

void Store::seal_soon() {
    if (log_->is_broken() || seal_asked_.exchange(true)) return;
    const bool taken = pool_.submit([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        const std::lock_guard lock{self->maintenance_};
        if (self->closed_) return;
        auto result = self->seal();
        if (result) result = self->merge_segments(MergeWhat::worthwhile);
        if (result) result = self->merge_events(kMergeAt);
        if (result) result = self->merge_intervals(kMergeAt);
        if (!result) log_error("history", "cannot seal, will try again: {}", result.error().text());
        if (!result)
            self->seal_failed_ = true;
        else
            self->seal_asked_ = false;
    });
    if (!taken) seal_failed_ = true;
}

void Store::stop() {
    if (auto flushed = log_->flush(); !flushed) log_warning("history", "at the stop: {}", flushed.error().text());
    log_->close(Error{Code::unavailable, "history is stopped"});
}

void Store::close() {
    const std::lock_guard lock{maintenance_};
    closed_ = true;
    log_->close(Error{Code::unavailable, "history is stopped"});
    log_->release();
    lock_.reset();
}

HistoryStats Store::stats() const {
    const auto now = version();
    HistoryStats stats;
    stats.tags = catalogue_.size();
    stats.rows_in_memory = rows_in_memory_;
    stats.segments = now->manifest.segments.size();
    for (const SegmentInfo& segment : now->manifest.segments) stats.segment_bytes += segment.bytes;
    for (const IntervalFileInfo& file : now->manifest.intervals) stats.intervals += file.intervals;
    {
        const std::lock_guard lock{intervals_mutex_};
        stats.open_intervals = intervals_.open.size();
        stats.intervals += intervals_.open.size() + intervals_.active.size();
        if (intervals_.frozen) stats.intervals += intervals_.frozen->size();
    }
    stats.log_bytes = log_->bytes();
    if (const auto space = files_.space(options_.folder)) {
        stats.disk_free_bytes = space->free_bytes;
        stats.disk_total_bytes = space->total_bytes;
    }
    if (const auto broken = log_->broken()) {
        stats.read_only = true;
        stats.read_only_reason = broken->text();
    }
    return stats;
}

Result<Formats> Store::formats() const {
    constexpr DurationNs kFormatsAge = 10 * kMinute;  // it looks at every kept file
    auto looked = formats_.lock();
    if (looked->formats && clock_.monotonic() - looked->at < kFormatsAge) return *looked->formats;
    looked->formats = TRY(formats_of(files_, options_.folder));
    looked->at = clock_.monotonic();
    return *looked->formats;
}

StorageStats Store::storage_stats() const {
    const auto now = version();
    StorageStats stats;
    for (const auto& [key, segments] : now->segments) stats.unmerged_segments += segments.size() - 1;
    stats.rows_appended = metrics_.rows.value();
    stats.memory_bytes = active_bytes_;
    if (const DurationNs oldest = oldest_at_; oldest >= 0) stats.memory_age = clock_.monotonic() - oldest;
    stats.work = work_;
    std::tie(stats.log_unsynced_bytes, stats.log_waiting) = log_->behind();
    return stats;
}

}  // namespace gongshu::history
