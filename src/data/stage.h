#pragma once

#include "data/ids.h"
#include "data/rows.h"

namespace gongshu {

class Columns;
class Tuples;

// What meets every batch on its way through the log (flow does). Called on the lane that owns the shard, right after
// the rows went into the log buffer and before they are synced: it must be quick, must not block, and whatever it lets
// out of the process must wait for the `done` of an append_event() of its own.
class Stage {
public:
    virtual ~Stage() = default;
    virtual void on_rows(ShardId shard, const Rows& rows) = 0;
    // Tuples [begin, end) of a batch; who does not care for them gets them as rows.
    virtual void on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end);
    // Blocks [begin, end) of a batch of columns; the same.
    virtual void on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end);
};

// The low four bits of a TagId are its shard; all tags of one source share it.
constexpr ShardId shard_of(TagId tag) { return ShardId{static_cast<std::uint16_t>(tag.value & (kShardCount - 1))}; }

}  // namespace gongshu
