// How readings that come together are taken in: as tuples through the log into the rows of their group. What is unusual
// about them takes the way of single readings.
#include <algorithm>
#include <limits>

#include "history/append.h"

namespace gongshu::history {

// Tuples [begin, end) of a batch, all of one shard.
struct Store::TuplePart {
    std::uint16_t shard = 0;
    std::shared_ptr<Tuples> tuples;
    std::size_t begin = 0, end = 0;
};

namespace {

bool same_tags(const TupleShape& a, const TupleShape& b) {
    return std::ranges::equal(a.tags(), b.tags()) && std::ranges::equal(a.types(), b.types());
}

bool is_newer(const TagState& tag, TimeNs time) { return !tag.has_last || time > tag.last_time; }

void set_last(TupleGroup& group, const Tuples& tuples, std::size_t k) {
    const auto bits = tuples.bits(k);
    group.has_last = true;
    group.last_time = tuples.time(k);
    std::ranges::copy(bits, group.last_bits.begin());
    for (std::size_t i = 0; i < bits.size(); ++i) group.last_qualities[i] = tuples.quality_bits(k, i);
    for (std::size_t i = 0; i < group.last_texts.size(); ++i)
        if (group.shape->types()[i] == ValueType::text) {
            group.last_texts[i] = tuples.text_of(bits[i]);
            group.last_bits[i] = 0;
        }
}

}  // namespace

TupleGroup* group_of(Shard& shard, const TupleShapePtr& shape) {
    TupleGroup* const group = shard.tags[local_index(shape->tags()[0])].group;
    if (group == nullptr) return nullptr;
    if (group->shape == shape) return group;
    if (!same_tags(*group->shape, *shape)) return nullptr;
    group->shape = shape;  // found at once the next time
    return group;
}

TupleGroup* make_group(Shard& shard, const TupleShapePtr& shape, TimeNs time) {
    for (const TagId id : shape->tags()) {
        const TagState& tag = shard.tags[local_index(id)];
        if (tag.group != nullptr || tag.active || !is_newer(tag, time)) return nullptr;
    }
    auto group = std::make_unique<TupleGroup>();
    group->shape = shape;
    group->number = shard.groups.size();
    group->last_time = std::numeric_limits<TimeNs>::min();
    group->last_bits.resize(shape->width());
    group->last_qualities.resize(shape->width());
    if (shape->has_text()) group->last_texts.resize(shape->width());
    for (std::uint32_t column = 0; column < shape->width(); ++column) {
        TagState& tag = shard.tags[local_index(shape->tags()[column])];
        tag.group = group.get();
        tag.column = column;
        if (tag.has_last) group->last_time = std::max(group->last_time, tag.last_time);
    }
    shard.groups.push_back(std::move(group));
    return shard.groups.back().get();
}

bool comes_late(const TagState& tag, TimeNs time) {
    if (tag.group != nullptr && tag.group->has_last) return time < tag.group->last_time;
    return tag.has_last && time < tag.last_time;
}

std::optional<MemRows> active_rows(const Shard& shard, TagId tag) {
    if (local_index(tag) >= shard.tags.size()) return std::nullopt;
    const TagState& state = shard.tags[local_index(tag)];
    if (state.active) return MemRows{.tag = tag, .alone = state.active.get()};
    if (state.group == nullptr || !state.group->active) return std::nullopt;
    return MemRows{.tag = tag, .tuples = state.group->active.get(), .column = state.column};
}

std::optional<LastRow> last_row(const TagState& state, TagId tag) {
    if (const TupleGroup* group = state.group; group != nullptr && group->has_last)
        return LastRow{tag,
                       state.type,
                       group->last_time,
                       group->last_bits[state.column],
                       group->last_qualities[state.column],
                       state.type == ValueType::text ? group->last_texts[state.column] : std::string{}};
    if (!state.has_last) return std::nullopt;
    return LastRow{tag,
                   state.type,
                   state.last_time,
                   state.last_bits,
                   state.last_quality,
                   state.last_text ? *state.last_text : std::string{}};
}

std::uint64_t dissolve(Shard& shard, TupleGroup& group) {
    std::uint64_t bytes = 0;
    for (std::size_t column = 0; column < group.shape->width(); ++column) {
        const TagId id = group.shape->tags()[column];
        TagState& tag = shard.tags[local_index(id)];
        if (auto last = last_row(tag, id)) {
            tag.has_last = true;
            tag.last_time = last->time;
            tag.last_bits = last->bits;
            tag.last_quality = last->quality;
            if (tag.type == ValueType::text) tag.last_text = std::make_unique<std::string>(std::move(last->text));
        }
        tag.group = nullptr;
        if (!group.active) continue;
        tag.active = std::make_unique<MemTag>(group.active->all(column));
        bytes += tag.active->rows() * MemTag::kRowBytes + tag.active->run().text.size();
        shard.touched.push_back(id);
    }
    const std::uint64_t before = group.active ? group.active->bytes() : 0;
    const std::size_t number = group.number;
    std::swap(shard.groups[number], shard.groups.back());
    shard.groups[number]->number = number;
    shard.groups.pop_back();
    return bytes > before ? bytes - before : 0;
}

void Store::append_tuples(Tuples tuples, Durability durability, Sink::Done done) {
    io::Loop& home = home_lane();
    auto error = refusal();
    for (const TupleShapePtr& shape : tuples.shapes())
        for (const TagId tag : shape->tags())
            if (!error && !knows(tag)) error = Error{Code::not_found, "there is no tag {}", tag.value};
    if (error) return home.post([done = std::move(done), error = std::move(*error)] { done(error); });
    if (tuples.empty()) return home.post([done = std::move(done)] { done(Appended{}); });
    auto append = std::make_shared<Append>(home, durability, std::move(done), tuples.readings());
    const auto batch = std::make_shared<Tuples>(std::move(tuples));
    const Tuples::Bounds bounds = batch->sort_by_shard();
    std::vector<std::vector<TuplePart>> of_lanes(lanes_.size());  // one job for all shards of a lane
    for (std::uint16_t shard = 0; shard < kShardCount; ++shard)
        if (bounds[shard] < bounds[shard + 1])
            of_lanes[shard % lanes_.size()].push_back({shard, batch, bounds[shard], bounds[shard + 1]});
    std::erase_if(of_lanes, [](const auto& parts) { return parts.empty(); });
    append->parts_left = static_cast<std::uint32_t>(of_lanes.size());
    for (auto& parts : of_lanes) {
        io::Loop& lane = owner(parts.front().shard);
        const auto work = [self = shared_from_this(), append, parts = std::move(parts)] {
            for (const TuplePart& part : parts) self->ingest_tuple_part(append, part);
            if (append->parts_left.fetch_sub(1) == 1) self->finish(append);
        };
        if (lane.in_loop())
            work();
        else
            lane.post(work);
    }
}

void Store::ingest_tuple_part(const std::shared_ptr<Append>& append, const TuplePart& part) {
    bool as_rows = false;
    auto ingested = ingest_tuples(part, as_rows);
    if (as_rows) {
        Rows rows = part.tuples->rows(part.begin, part.end);
        ingested = ingest(part.shard, rows, true);
        if (ingested && stage_) stage_->on_rows(ShardId{part.shard}, rows);
    } else if (ingested && stage_) {
        stage_->on_tuples(ShardId{part.shard}, *part.tuples, part.begin, part.end);
    }
    note(*append, std::move(ingested));
}

// With `as_rows` nothing was taken: these have to go as single readings.
Result<Store::Ingested> Store::ingest_tuples(const TuplePart& part, bool& as_rows) {
    Shard& shard = shards_[part.shard];
    Tuples& tuples = *part.tuples;
    std::vector<WrongClock> wrong;
    Ingested ingested;
    std::size_t readings = 0;
    for (std::size_t k = part.begin; k < part.end; ++k) readings += tuples.shape(k).width();
    {
        const std::lock_guard lock{shard.mutex};
        thread_local Groups groups;
        as_rows =
            !group_all(shard, tuples, part.begin, part.end, groups) || !normalise_tuples(shard, part, groups, wrong);
        if (as_rows) return ingested;
        thread_local Buffer payload;
        payload.clear();
        encode_tuples(ShardId{part.shard}, shard.next_sequence, tuples, part.begin, part.end, payload);
        ingested.position = TRY(log_->append(RecordKind::tuples, payload));
        shard.next_sequence += readings;
        ingested.duplicates = put_tuples(shard, tuples, part.begin, part.end, groups);
    }
    taken_in(ingested, readings, wrong);
    return ingested;
}

// The group of each tuple, null for one that has none; false if one of them does not fit its tags.
bool Store::group_all(Shard& shard, const Tuples& tuples, std::size_t begin, std::size_t end, Groups& groups) {
    groups.clear();
    for (std::size_t k = begin; k < end; ++k) {
        const TupleShapePtr& shape = tuples.shared_shape(k);
        TupleGroup* group = group_of(shard, shape);
        if (group == nullptr) {
            for (std::size_t i = 0; i < shape->width(); ++i)
                if (shard.tags[local_index(shape->tags()[i])].type != shape->types()[i]) return false;
            // A reading that is always alone is the cheaper without.
            if (shape->width() > 1) group = make_group(shard, shape, tuples.time(k));
        }
        groups.push_back(group);
        if (!shape->has_text()) continue;
        for (std::size_t i = 0; i < shape->width(); ++i)
            if (shape->types()[i] == ValueType::text &&
                tuples.text_of(tuples.bits(k)[i]).size() > options_.text_bytes_max)
                return false;
    }
    return true;
}

// As normalise() does for single readings; false, with nothing changed, if only some values of a tuple come late.
bool Store::normalise_tuples(Shard& shard, const TuplePart& part, const Groups& groups,
                             std::vector<WrongClock>& wrong) {
    Tuples& tuples = *part.tuples;
    const TimeNs now = clock_.now();
    const TimeNs earliest =
        std::max(now - static_cast<DurationNs>(options_.retention_days) * kDay, day_start(-kDayMax));
    const TimeNs latest = std::min(now + options_.future_max, day_start(kDayMax) - 1);
    const auto is_wrong = [&](TimeNs time) { return time < earliest || time > latest; };
    const auto count_late = [&](std::size_t k) -> std::size_t {
        const TupleShape& shape = tuples.shape(k);
        const TimeNs time = tuples.time(k);
        if (time >= now - kLateAfter || is_wrong(time)) return 0;
        if (const TupleGroup* group = groups[k - part.begin]; group != nullptr && group->has_last)
            return time < group->last_time ? shape.width() : 0;
        return static_cast<std::size_t>(std::ranges::count_if(
            shape.tags(), [&](TagId id) { return comes_late(shard.tags[local_index(id)], time); }));
    };
    thread_local std::vector<std::size_t> late;
    late.clear();
    for (std::size_t k = part.begin; k < part.end; ++k) {
        const std::size_t count = count_late(k);
        if (count > 0 && count < tuples.shape(k).width()) return false;
        if (count > 0) late.push_back(k);
    }
    for (const std::size_t k : late) {
        tuples.change_quality(k, [](Quality quality) {
            quality.late = true;
            return quality;
        });
        metrics_.late.add(tuples.shape(k).width());
    }
    std::int64_t replaced = 0;
    for (std::size_t k = part.begin; k < part.end; ++k) {
        const TimeNs time = tuples.time(k);
        if (!is_wrong(time)) continue;
        // Rows of one batch keep distinct times, so that none replaces another.
        const TimeNs stored = now + replaced++;
        tuples.set_time(k, stored);
        tuples.change_quality(k, [](Quality quality) {
            if (!quality.good()) return quality;
            return Quality{Grade::uncertain, Reason::clock, quality.late, quality.filled, quality.estimated};
        });
        metrics_.wrong_clock.add(tuples.shape(k).width());
        for (const TagId id : tuples.shape(k).tags()) {
            TagState& tag = shard.tags[local_index(id)];
            if (tag.clock_event_minute != now / kMinute) wrong.push_back({id, time, stored});
            tag.clock_event_minute = now / kMinute;
        }
    }
    return true;
}

std::uint64_t Store::put_tuples(Shard& shard, const Tuples& tuples, std::size_t begin, std::size_t end,
                                const Groups& groups) {
    std::uint64_t duplicates = 0;
    MemoryUse use;
    for (std::size_t k = begin; k < end; ++k) {
        // One of them may have ended a group that was found for another.
        TupleGroup* group = groups[k - begin];
        if (group != nullptr) group = group_of(shard, tuples.shared_shape(k));
        duplicates += put_tuple(shard, tuples, k, group, use);
    }
    active_bytes_.fetch_add(use.bytes, std::memory_order_relaxed);
    rows_in_memory_.fetch_add(use.rows, std::memory_order_relaxed);
    return duplicates;
}

// How many of its readings were in memory.
std::uint64_t Store::put_tuple(Shard& shard, const Tuples& tuples, std::size_t k, TupleGroup* group, MemoryUse& use) {
    const TimeNs time = tuples.time(k);
    if (group == nullptr || (!group->has_last && time <= group->last_time)) return put_alone(shard, tuples, k, use);
    const TupleShape& shape = *group->shape;
    if (!group->active) group->active = std::make_unique<MemTuples>(shape.types());
    const std::uint64_t bytes_before = group->active->bytes();
    const bool replaces = group->active->put(tuples, k);
    const bool in_order = !group->has_last || time > group->last_time;
    use.bytes += group->active->bytes() - bytes_before;
    if (!replaces) use.rows += shape.width();
    std::uint64_t duplicates = replaces ? shape.width() : 0;
    if (!in_order && !replaces) {
        const auto is_there = [&](TagId id) {
            const MemRows* frozen = shard.frozen ? shard.frozen->find(id) : nullptr;
            return time == group->last_time || (frozen != nullptr && frozen->contains(time));
        };
        duplicates = static_cast<std::uint64_t>(std::ranges::count_if(shape.tags(), is_there));
    }
    if (in_order || time == group->last_time) set_last(*group, tuples, k);
    return duplicates;
}

std::uint64_t Store::put_alone(Shard& shard, const Tuples& tuples, std::size_t k, MemoryUse& use) {
    std::uint64_t duplicates = 0;
    const TupleShape& shape = tuples.shape(k);
    for (std::size_t i = 0; i < shape.width(); ++i) {
        const std::uint64_t bits = tuples.bits(k)[i];
        const bool is_text = shape.types()[i] == ValueType::text;
        const Value value{shape.tags()[i], tuples.time(k), is_text ? 0 : bits,
                          is_text ? tuples.text_of(bits) : std::string_view{}, tuples.quality_bits(k, i)};
        if (put_value(shard, value, use)) ++duplicates;
    }
    return duplicates;
}

Result<void> Store::apply_tuples(const Manifest& manifest, const TuplesRecord& record) {
    Shard& shard = shards_[record.shard.value];
    const Tuples& tuples = record.tuples;
    const std::lock_guard lock{shard.mutex};
    if (record.first_sequence < manifest.next_sequence[record.shard.value]) return {};
    if (record.first_sequence != shard.next_sequence)
        return Error{Code::corrupt, "row {} of shard {}, expected {}", record.first_sequence, record.shard.value,
                     shard.next_sequence};
    const auto is_known = [&](const TupleShape& shape, std::size_t i) {
        const TagId tag = shape.tags()[i];
        return tag.value >> 4 != 0 && shape.shard() == record.shard && local_index(tag) < shard.tags.size() &&
               shard.tags[local_index(tag)].type == shape.types()[i];
    };
    for (std::size_t k = 0; k < tuples.size(); ++k)
        for (std::size_t i = 0; i < tuples.shape(k).width(); ++i)
            if (!is_storable(tuples.time(k)) || !is_known(tuples.shape(k), i))
                return Error{Code::corrupt,
                             "a row of tag {}, which is not in the catalogue or not of this type, or with time {}",
                             tuples.shape(k).tags()[i].value, tuples.time(k)};
    Groups groups;
    group_all(shard, tuples, 0, tuples.size(), groups);
    groups.resize(tuples.size());  // of a text that is longer than allowed today, and of what follows it: none
    shard.next_sequence += tuples.readings();
    put_tuples(shard, tuples, 0, tuples.size(), groups);
    return {};
}

}  // namespace gongshu::history
