#pragma once

#include "wire/s7_value.h"

// What to ask an S7 CPU for many values with few messages.
namespace gongshu::wire::s7 {

// One value to read: `item` in whole bytes, as read_item() gives it. `index` is the caller's own, to find it again.
struct PlanValue {
    Item item;
    std::size_t index = 0;
};

// A value, or a part of one that is longer than a message, within the data of an item.
struct PlanPiece {
    std::size_t index = 0;
    std::size_t in_item = 0;   // bytes from the beginning of the item's data
    std::size_t in_value = 0;  // bytes from the beginning of the value
    std::size_t bytes = 0;
    friend bool operator==(const PlanPiece&, const PlanPiece&) = default;
};
struct PlanItem {
    Item item;
    std::vector<PlanPiece> pieces;  // in order of address
    friend bool operator==(const PlanItem&, const PlanItem&) = default;
};
using PlannedRead = std::vector<PlanItem>;  // the items of one request

struct PlanLimits {
    std::uint16_t pdu_bytes = 240;  // as agreed; at least kPduBytesMin
    std::uint16_t items_max = 20;   // in one request; no CPU that is known takes more
    std::uint16_t gap_max = 16;     // bytes read for nothing to join two values: an item costs 12 to ask, 4 to answer
};

// Joins values of the same area and block into items, and puts the items into as few requests as the length of the
// request and of its reply allow (first fit, the longest first). Values may overlap. A value is only cut when it is
// longer than a reply: then its parts may be of different moments. The order is that of the addresses, so the same
// values give the same plan.
std::vector<PlannedRead> plan_reads(const std::vector<PlanValue>& values, const PlanLimits& limits);

// What to ask instead of an item that the CPU refused, which may be for one of its values only: first its runs without
// gaps, then each value alone. One value cannot be split: the answer is the item itself.
std::vector<PlanItem> split_item(const PlanItem& item);
// Puts items into requests, as plan_reads() does.
std::vector<PlannedRead> pack_items(std::vector<PlanItem> items, const PlanLimits& limits);

// Puts writes into requests in their order. A value that is longer than a request is cut in several: a long text may be
// read half written.
std::vector<WriteItems> plan_writes(const std::vector<Write>& writes, const PlanLimits& limits);

}  // namespace gongshu::wire::s7
