// How readings that come as columns are taken in: block by block through the log into the columns of their group. What
// is unusual about them takes the way of single readings.
#include <algorithm>
#include <limits>

#include "history/append.h"

namespace gongshu::history {

// Blocks [begin, end) of a batch, all of one shard.
struct Store::ColumnPart {
    std::uint16_t shard = 0;
    std::shared_ptr<Columns> columns;
    std::size_t begin = 0, end = 0;
};

namespace {

constexpr std::size_t kLoneRows = 8;  // of a tag alone that are worth a group

TimeNs newest_of(const TagState& tag) {
    if (tag.group != nullptr && tag.group->has_last) return tag.group->last_time;
    return tag.has_last ? tag.last_time : std::numeric_limits<TimeNs>::min();
}

void set_last(TupleGroup& group, const ColumnBlock& block) {
    const std::size_t row = block.rows() - 1;
    group.has_last = true;
    group.last_time = block.times[row];
    for (std::size_t i = 0; i < block.width(); ++i) {
        group.last_bits[i] = block.column(i)[row];
        group.last_qualities[i] = block.quality_bits(row, i);
    }
}

// How many readings of the first `rows` rows, but those that were replaced, the shard knows: those of the newest time,
// and those that are being sealed.
std::uint64_t count_known(const Shard& shard, const TupleGroup& group, const ColumnBlock& block, std::size_t rows,
                          const std::vector<std::uint8_t>& replaced) {
    std::uint64_t count = 0;
    for (const TagId id : block.shape->tags()) {
        const MemRows* frozen = shard.frozen ? shard.frozen->find(id) : nullptr;
        for (std::size_t row = 0; row < rows; ++row)
            if (!replaced[row] &&
                (block.times[row] == group.last_time || (frozen != nullptr && frozen->contains(block.times[row]))))
                ++count;
    }
    return count;
}

}  // namespace

void Store::append_columns(Columns columns, Durability durability, Sink::Done done) {
    io::Loop& home = home_lane();
    auto error = refusal();
    for (std::size_t k = 0; k < columns.size(); ++k)
        for (const TagId tag : columns.block(k).shape->tags())
            if (!error && !knows(tag)) error = Error{Code::not_found, "there is no tag {}", tag.value};
    if (error) return home.post([done = std::move(done), error = std::move(*error)] { done(error); });
    if (columns.empty()) return home.post([done = std::move(done)] { done(Appended{}); });
    auto append = std::make_shared<Append>(home, durability, std::move(done), columns.readings());
    const auto batch = std::make_shared<Columns>(std::move(columns));
    const Tuples::Bounds bounds = batch->sort_by_shard();
    std::vector<std::vector<ColumnPart>> of_lanes(lanes_.size());  // one job for all shards of a lane
    for (std::uint16_t shard = 0; shard < kShardCount; ++shard)
        if (bounds[shard] < bounds[shard + 1])
            of_lanes[shard % lanes_.size()].push_back({shard, batch, bounds[shard], bounds[shard + 1]});
    std::erase_if(of_lanes, [](const auto& parts) { return parts.empty(); });
    append->parts_left = static_cast<std::uint32_t>(of_lanes.size());
    for (auto& parts : of_lanes) {
        io::Loop& lane = owner(parts.front().shard);
        const auto work = [self = shared_from_this(), append, parts = std::move(parts)] {
            for (const ColumnPart& part : parts) self->ingest_column_part(append, part);
            if (append->parts_left.fetch_sub(1) == 1) self->finish(append);
        };
        if (lane.in_loop())
            work();
        else
            lane.post(work);
    }
}

void Store::ingest_column_part(const std::shared_ptr<Append>& append, const ColumnPart& part) {
    bool as_rows = false;
    auto ingested = ingest_columns(part, as_rows);
    if (as_rows) {
        Rows rows = part.columns->rows(part.begin, part.end);
        ingested = ingest(part.shard, rows, true);
        if (ingested && stage_) stage_->on_rows(ShardId{part.shard}, rows);
    } else if (ingested && stage_) {
        stage_->on_columns(ShardId{part.shard}, *part.columns, part.begin, part.end);
    }
    note(*append, std::move(ingested));
}

// With `as_rows` nothing was taken: these have to go as single readings.
Result<Store::Ingested> Store::ingest_columns(const ColumnPart& part, bool& as_rows) {
    Shard& shard = shards_[part.shard];
    Columns& columns = *part.columns;
    Ingested ingested;
    std::size_t readings = 0;
    for (std::size_t k = part.begin; k < part.end; ++k) readings += columns.block(k).readings();
    {
        const std::lock_guard lock{shard.mutex};
        as_rows = !takes_columns(shard, part);
        if (as_rows) return ingested;
        for (std::size_t k = part.begin; k < part.end; ++k) mark_late(shard, columns.block(k));
        thread_local Buffer payload;
        payload.clear();
        encode_columns(ShardId{part.shard}, shard.next_sequence, columns, part.begin, part.end, payload);
        ingested.position = TRY(log_->append(RecordKind::columns, payload));
        shard.next_sequence += readings;
        MemoryUse use;
        for (std::size_t k = part.begin; k < part.end; ++k)
            ingested.duplicates += put_block(shard, columns.block(k), use);
        active_bytes_.fetch_add(use.bytes, std::memory_order_relaxed);
        rows_in_memory_.fetch_add(use.rows, std::memory_order_relaxed);
    }
    taken_in(ingested, readings, {});
    return ingested;
}

// Whether all are of their tags' types and all times grow and can be used: what replay would refuse does not get into
// the log.
bool Store::takes_columns(const Shard& shard, const ColumnPart& part) const {
    const TimeNs now = clock_.now();
    const TimeNs earliest =
        std::max(now - static_cast<DurationNs>(options_.retention_days) * kDay, day_start(-kDayMax));
    const TimeNs latest = std::min(now + options_.future_max, day_start(kDayMax) - 1);
    for (std::size_t k = part.begin; k < part.end; ++k) {
        const ColumnBlock& block = part.columns->block(k);
        if (block.times.front() < earliest || block.times.back() > latest || !block.times_grow()) return false;
        for (std::size_t i = 0; i < block.width(); ++i)
            if (shard.tags[local_index(block.shape->tags()[i])].type != block.shape->types()[i]) return false;
    }
    return true;
}

// As normalise() does for single readings: by what was there before the batch.
void Store::mark_late(const Shard& shard, ColumnBlock& block) {
    const TimeNs now = clock_.now();
    for (std::size_t i = 0; i < block.width(); ++i) {
        const TimeNs until = std::min(newest_of(shard.tags[local_index(block.shape->tags()[i])]), now - kLateAfter);
        if (block.times.front() >= until) continue;
        const auto rows = static_cast<std::size_t>(std::ranges::lower_bound(block.times, until) - block.times.begin());
        block.spell_qualities();
        for (std::size_t row = 0; row < rows; ++row) {
            std::uint16_t& bits = block.qualities[i * block.rows() + row];
            Quality quality = unpack_quality(bits);
            quality.late = true;
            bits = pack(quality);
        }
        metrics_.late.add(rows);
    }
}

// How many of its readings were in memory.
std::uint64_t Store::put_block(Shard& shard, const ColumnBlock& block, MemoryUse& use) {
    TupleGroup* group = group_of(shard, block.shape);
    if (group == nullptr && (block.width() > 1 || block.rows() >= kLoneRows))
        group = make_group(shard, block.shape, block.times.front());
    if (group == nullptr || (!group->has_last && block.times.front() <= group->last_time))
        return put_block_alone(shard, block, use);
    if (!group->active) group->active = std::make_unique<MemTuples>(group->shape->types());
    thread_local std::vector<std::uint8_t> replaced;
    const std::uint64_t bytes_before = group->active->bytes();
    const std::size_t count = group->active->put(block, replaced);
    use.bytes += group->active->bytes() - bytes_before;
    use.rows += (block.rows() - count) * block.width();
    std::uint64_t duplicates = count * block.width();
    if (group->has_last && block.times.front() <= group->last_time) {
        const auto before = std::ranges::upper_bound(block.times, group->last_time) - block.times.begin();
        duplicates += count_known(shard, *group, block, static_cast<std::size_t>(before), replaced);
    }
    if (!group->has_last || block.times.back() >= group->last_time) set_last(*group, block);
    return duplicates;
}

std::uint64_t Store::put_block_alone(Shard& shard, const ColumnBlock& block, MemoryUse& use) {
    std::uint64_t duplicates = 0;
    for (std::size_t i = 0; i < block.width(); ++i)
        for (std::size_t row = 0; row < block.rows(); ++row) {
            const Value value{
                block.shape->tags()[i], block.times[row], block.column(i)[row], {}, block.quality_bits(row, i)};
            if (put_value(shard, value, use)) ++duplicates;
        }
    return duplicates;
}

Result<void> Store::apply_columns(const Manifest& manifest, const ColumnsRecord& record) {
    Shard& shard = shards_[record.shard.value];
    const Columns& columns = record.columns;
    const std::lock_guard lock{shard.mutex};
    if (record.first_sequence < manifest.next_sequence[record.shard.value]) return {};
    if (record.first_sequence != shard.next_sequence)
        return Error{Code::corrupt, "row {} of shard {}, expected {}", record.first_sequence, record.shard.value,
                     shard.next_sequence};
    const auto is_known = [&](TagId tag, ValueType type) {
        return tag.value >> 4 != 0 && shard_of(tag) == record.shard && local_index(tag) < shard.tags.size() &&
               shard.tags[local_index(tag)].type == type;
    };
    for (std::size_t k = 0; k < columns.size(); ++k) {
        const ColumnBlock& block = columns.block(k);
        for (std::size_t i = 0; i < block.width(); ++i)
            if (!is_known(block.shape->tags()[i], block.shape->types()[i]) || !is_storable(block.times.front()) ||
                !is_storable(block.times.back()))
                return Error{Code::corrupt,
                             "a row of tag {}, which is not in the catalogue or not of this type, or with time {}",
                             block.shape->tags()[i].value, block.times.front()};
    }
    shard.next_sequence += columns.readings();
    MemoryUse use;
    for (std::size_t k = 0; k < columns.size(); ++k) put_block(shard, columns.block(k), use);
    active_bytes_.fetch_add(use.bytes, std::memory_order_relaxed);
    rows_in_memory_.fetch_add(use.rows, std::memory_order_relaxed);
    return {};
}

}  // namespace gongshu::history
