#include "wire/s7_plan.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::size_t kReadBytes = 12, kReadReplyBytes = 14;  // of messages without items
constexpr std::size_t kItemBytes = 12, kDataBytes = 4;        // that an item adds to a request, and its data to any

// Bytes of one element: numbers of counters and timers count elements, not bytes.
std::size_t unit(const Item& item) { return item.transport == Transport::byte ? 1 : 2; }

std::uint32_t end_of(const Item& item) { return item.start + item.count; }

auto group_of(const Item& item) { return std::tuple(item.area, item.block, item.transport); }
auto place_of(const PlanItem& planned) { return std::tuple(group_of(planned.item), planned.item.start); }

std::size_t padded(const Item& item) { return byte_count(item) + byte_count(item) % 2; }

// The most that an item may have, even, so that nothing is to be filled up.
std::size_t read_bytes_max(const PlanLimits& limits) { return (limits.pdu_bytes - kReadReplyBytes - kDataBytes) & ~1u; }
std::size_t write_bytes_max(const PlanLimits& limits) {
    return (limits.pdu_bytes - kReadBytes - kItemBytes - kDataBytes) & ~1u;
}

PlanItem item_of(const Item& item, std::size_t index, std::size_t in_value) {
    return {item, {{index, 0, in_value, byte_count(item)}}};
}

// Each value as an item of its own, or as several when it is too long.
std::vector<PlanItem> cut(const std::vector<PlanValue>& values, std::size_t bytes_max) {
    std::vector<PlanItem> items;
    for (const PlanValue& value : values) {
        Item rest = value.item;
        std::size_t done = 0;
        const std::size_t elements_max = bytes_max / unit(rest);
        while (rest.count > elements_max) {
            Item part = rest;
            part.count = static_cast<std::uint16_t>(elements_max);
            items.push_back(item_of(part, value.index, done));
            done += byte_count(part);
            rest.start += part.count;
            rest.count = static_cast<std::uint16_t>(rest.count - part.count);
        }
        items.push_back(item_of(rest, value.index, done));
    }
    std::ranges::stable_sort(items, {},
                             [](const PlanItem& item) { return std::tuple(place_of(item), item.item.count); });
    return items;
}

// Whether `next`, which begins at or after the other does, may join it.
bool joins(const Item& item, const Item& next, std::size_t bytes_max, std::size_t gap_max) {
    if (group_of(item) != group_of(next)) return false;
    if (next.start > end_of(item) && (next.start - end_of(item)) * unit(item) > gap_max) return false;
    return (std::max(end_of(item), end_of(next)) - item.start) * unit(item) <= bytes_max;
}

std::vector<PlanItem> join(const std::vector<PlanItem>& sorted, std::size_t bytes_max, std::size_t gap_max) {
    std::vector<PlanItem> joined;
    for (const PlanItem& next : sorted) {
        if (joined.empty() || !joins(joined.back().item, next.item, bytes_max, gap_max)) {
            joined.push_back(next);
            continue;
        }
        Item& item = joined.back().item;
        const std::size_t offset = (next.item.start - item.start) * unit(item);
        item.count = static_cast<std::uint16_t>(std::max(end_of(item), end_of(next.item)) - item.start);
        for (PlanPiece piece : next.pieces) {
            piece.in_item += offset;
            joined.back().pieces.push_back(piece);
        }
    }
    return joined;
}

// What is asked for by itself, of what was joined.
PlanItem alone(const PlanItem& planned, const PlanPiece& piece) {
    Item item = planned.item;
    item.start += static_cast<std::uint32_t>(piece.in_item / unit(item));
    item.count = static_cast<std::uint16_t>(piece.bytes / unit(item));
    return item_of(item, piece.index, piece.in_value);
}

struct Bin {
    PlannedRead items;
    std::size_t reply_bytes = kReadReplyBytes;
};

bool fits(const Bin& bin, const Item& item, const PlanLimits& limits) {
    return bin.items.size() < limits.items_max &&
           kReadBytes + (bin.items.size() + 1) * kItemBytes <= limits.pdu_bytes &&
           bin.reply_bytes + kDataBytes + padded(item) <= limits.pdu_bytes;
}

}  // namespace

std::vector<PlannedRead> plan_reads(const std::vector<PlanValue>& values, const PlanLimits& limits) {
    ASSERT(limits.pdu_bytes >= kPduBytesMin && limits.items_max > 0);
    const std::size_t bytes_max = read_bytes_max(limits);
    return pack_items(join(cut(values, bytes_max), bytes_max, limits.gap_max), limits);
}

std::vector<PlannedRead> pack_items(std::vector<PlanItem> items, const PlanLimits& limits) {
    std::ranges::stable_sort(items, [](const PlanItem& a, const PlanItem& b) {
        return std::tuple(byte_count(b.item), place_of(a)) < std::tuple(byte_count(a.item), place_of(b));
    });
    std::vector<Bin> bins;
    for (PlanItem& item : items) {
        auto bin = std::ranges::find_if(bins, [&](const Bin& any) { return fits(any, item.item, limits); });
        if (bin == bins.end()) bin = bins.insert(bins.end(), Bin{});
        bin->reply_bytes += kDataBytes + padded(item.item);
        bin->items.push_back(std::move(item));
    }
    std::vector<PlannedRead> reads;
    for (Bin& bin : bins) {
        std::ranges::stable_sort(bin.items, {}, place_of);
        reads.push_back(std::move(bin.items));
    }
    std::ranges::stable_sort(reads, {}, [](const PlannedRead& read) { return place_of(read.front()); });
    return reads;
}

std::vector<PlanItem> split_item(const PlanItem& item) {
    std::vector<PlanItem> each;
    for (const PlanPiece& piece : item.pieces) each.push_back(alone(item, piece));
    std::vector<PlanItem> runs = join(each, byte_count(item.item), 0);
    return runs.size() > 1 ? runs : each;
}

std::vector<WriteItems> plan_writes(const std::vector<Write>& writes, const PlanLimits& limits) {
    ASSERT(limits.pdu_bytes >= kPduBytesMin && limits.items_max > 0);
    const std::size_t bytes_max = write_bytes_max(limits);
    std::vector<WriteItems> requests;
    std::size_t used = 0;
    const auto add = [&](const Item& item, Bytes data) {
        const std::size_t more = kItemBytes + kDataBytes + padded(item);
        if (requests.empty() || used + more > limits.pdu_bytes || requests.back().items.size() >= limits.items_max) {
            requests.emplace_back();
            used = kReadBytes;
        }
        used += more;
        requests.back().items.push_back(item);
        requests.back().data.emplace_back(data.begin(), data.end());
    };
    for (const Write& write : writes) {
        Item item = write.item;
        Bytes rest = write.data;
        ASSERT(rest.size() == byte_count(item));
        for (; rest.size() > bytes_max; rest = rest.subspan(bytes_max), item.start += item.count) {
            item.count = static_cast<std::uint16_t>(bytes_max);  // only bytes are that long
            add(item, rest.first(bytes_max));
        }
        if (item.transport == Transport::byte) item.count = static_cast<std::uint16_t>(rest.size());
        add(item, rest);
    }
    return requests;
}

}  // namespace gongshu::wire::s7
