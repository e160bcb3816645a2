#include "api/live_tap.h"

#include "base/assert.h"

namespace gongshu::api {

void LiveTap::on_rows(ShardId shard, const Rows& rows) {
    if (next_ != nullptr) next_->on_rows(shard, rows);
    if (!watched_.load(std::memory_order_relaxed)) return;
    ASSERT(shard.value < kShardCount);
    Notes* const notes = notes_[shard.value].load(std::memory_order_acquire);
    if (notes == nullptr) return;
    std::uint64_t written = notes->written.load(std::memory_order_relaxed);
    const std::uint64_t room_until = notes->read.load(std::memory_order_acquire) + kTagsMax;
    TagId before;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const TagId tag = rows.tag(i);
        if (tag == before) continue;
        before = tag;
        if (written == room_until) {
            notes->lost.store(true, std::memory_order_relaxed);
            break;
        }
        notes->tags[written++ % kTagsMax] = tag.value;
    }
    notes->written.store(written, std::memory_order_release);
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
