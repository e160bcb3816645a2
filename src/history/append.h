#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "history/store.h"

// What the ways in share: readings alone (store.cpp), together (tuples_in.cpp) and as columns (columns_in.cpp).
namespace gongshu::history {

inline constexpr DurationNs kLateAfter = 10 * kSecond;

inline std::size_t local_index(TagId tag) { return static_cast<std::size_t>((tag.value >> 4) - 1); }

// Whether the tag has a newer reading than of that time.
bool comes_late(const TagState& tag, TimeNs time);

// The group of a shape; null if it has none.
TupleGroup* group_of(Shard& shard, const TupleShapePtr& shape);
// Makes a group of tags that have nothing in memory yet and are all older than `time`; null if they cannot be one.
TupleGroup* make_group(Shard& shard, const TupleShapePtr& shape, TimeNs time);

// An append that is on its way through the lanes of its shards.
struct Store::Append {
    Append(io::Loop& lane, Durability wanted, Sink::Done then, std::uint64_t count)
        : home(lane), durability(wanted), done(std::move(then)), rows(count) {}

    io::Loop& home;
    Durability durability;
    Sink::Done done;
    const std::uint64_t rows;
    std::atomic<std::uint32_t> parts_left = 0;
    std::atomic<std::uint64_t> position = 0;
    std::atomic<std::uint64_t> duplicates = 0;
    std::mutex mutex;
    std::optional<Error> error;
};

struct Store::Ingested {
    std::uint64_t position = 0;
    std::uint64_t duplicates = 0;
};

struct Store::WrongClock {
    TagId tag;
    TimeNs sent;
    TimeNs stored;
};

// One value on its way into memory.
struct Store::Value {
    TagId tag;
    TimeNs time;
    std::uint64_t bits;  // not of a text
    std::string_view text;
    std::uint16_t quality;
};

}  // namespace gongshu::history
