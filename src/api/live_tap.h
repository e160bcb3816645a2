#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "data/ids.h"
#include "data/stage.h"

namespace gongshu::api {

// LiveTap stands in front of flow's stage and notes which tags got a new reading, so that live pages are told. While
// nobody looks it only forwards.
// Lives:   before history's lanes run until after they stopped.
// Threads: on_rows() on the lane that owns the shard; drain() and watch() on the loop of the server.
// Bounds:  kTagsMax noted tags a shard between two drains; past that drain() says that something was lost, and the
//          reader looks at all the tags it shows.
// Disk:    none.
class LiveTap final : public Stage {
public:
    static constexpr std::size_t kTagsMax = 1 << 13;

    explicit LiveTap(Stage* next) : next_(next) {}

    void on_rows(ShardId shard, const Rows& rows) override;
    void on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) override;
    void on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) override;

    // Notes are taken only while somebody watches.
    void watch(bool on);
    // Calls `use` with each noted tag, perhaps more than once; false if some were not noted for want of room.
    bool drain(const std::function<void(TagId)>& use);

private:
    // One writer (the lane), one reader (the server): no lock on the way of a reading.
    struct Notes {
        std::atomic<std::uint64_t> written = 0, read = 0;
        std::atomic<bool> lost = false;
        std::array<std::uint64_t, kTagsMax> tags;
    };
    // Notes the tags that visit_tags() gives to its argument until that says false.
    template <class VisitTags>
    void note(ShardId shard, const VisitTags& visit_tags);
    Stage* const next_;
    std::atomic<bool> watched_ = false;
    std::array<std::atomic<Notes*>, kShardCount> notes_{};
    std::array<std::unique_ptr<Notes>, kShardCount> owned_;  // made by the first watch()
};

}  // namespace gongshu::api
