#include "api/live_tap.h"

#include "base/assert.h"
#include "data/columns.h"
#include "data/tuples.h"

namespace gongshu::api {

template <class VisitTags>
void LiveTap::note(ShardId shard, const VisitTags& visit_tags) {
    if (!watched_.load(std::memory_order_relaxed)) return;
    ASSERT(shard.value < kShardCount);
    Notes* const notes = notes_[shard.value].load(std::memory_order_acquire);
    if (notes == nullptr) return;
    std::uint64_t written = notes->written.load(std::memory_order_relaxed);
    const std::uint64_t room_until = notes->read.load(std::memory_order_acquire) + kTagsMax;
    visit_tags([&](TagId tag) {
        if (written == room_until) {
            notes->lost.store(true, std::memory_order_relaxed);
            return false;
        }
        notes->tags[written++ % kTagsMax] = tag.value;
        return true;
    });
    notes->written.store(written, std::memory_order_release);
}

void LiveTap::on_rows(ShardId shard, const Rows& rows) {
    if (next_ != nullptr) next_->on_rows(shard, rows);
    note(shard, [&](const auto& add) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            if ((i == 0 || rows.tag(i) != rows.tag(i - 1)) && !add(rows.tag(i))) return;
    });
}

void LiveTap::on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) {
    if (next_ != nullptr) next_->on_tuples(shard, tuples, begin, end);
    note(shard, [&](const auto& add) {
        for (std::size_t k = begin; k < end; ++k) {
            if (k > begin && tuples.shape_index(k) == tuples.shape_index(k - 1)) continue;
            for (const TagId tag : tuples.shape(k).tags())
                if (!add(tag)) return;
        }
    });
}

void LiveTap::on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) {
    if (next_ != nullptr) next_->on_columns(shard, columns, begin, end);
    note(shard, [&](const auto& add) {
        for (std::size_t k = begin; k < end; ++k)
            for (const TagId tag : columns.block(k).shape->tags())
                if (!add(tag)) return;
    });
}

void LiveTap::watch(bool on) {
    if (on && owned_[0] == nullptr) {
        for (std::size_t i = 0; i < kShardCount; ++i) {
            owned_[i] = std::make_unique<Notes>();
            notes_[i].store(owned_[i].get(), std::memory_order_release);
        }
    }
    watched_.store(on, std::memory_order_relaxed);
}

bool LiveTap::drain(const std::function<void(TagId)>& use) {
    bool whole = true;
    for (const auto& notes : owned_) {
        if (notes == nullptr) continue;
        const std::uint64_t written = notes->written.load(std::memory_order_acquire);
        std::uint64_t read = notes->read.load(std::memory_order_relaxed);
        for (; read != written; ++read) use(TagId{notes->tags[read % kTagsMax]});
        notes->read.store(read, std::memory_order_release);
        if (notes->lost.exchange(false, std::memory_order_relaxed)) whole = false;
    }
    return whole;
}

}  // namespace gongshu::api
