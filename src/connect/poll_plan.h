#pragma once

#include <cstdint>
#include <vector>

#include "connect/link_config.h"

namespace gongshu::connect {

// One value to read. `index` is the caller's own, to find it again.
struct PollItem {
    std::uint8_t unit = 1;
    Table table = Table::holding_registers;
    std::uint16_t address = 0;
    std::uint16_t count = 1;  // registers or bits
    DurationNs period = kSecond;
    std::size_t index = 0;
    // A request that has it stays in this stretch of the table: beyond it lies something else, or nothing.
    std::uint32_t area_first = 0, area_end = 0x10000;
};

// One request that reads `count` registers or bits from `address` on, which hold all `items`.
struct PollRequest {
    std::uint8_t unit = 1;
    Table table = Table::holding_registers;
    std::uint16_t address = 0;
    std::uint16_t count = 0;
    DurationNs period = kSecond;
    std::vector<PollItem> items;  // in order of address
};

struct PlanLimits {
    std::uint16_t registers_max = 100;  // in one request; a longer value (text) still gets a request of its own
    std::uint16_t gap_max = 8;          // registers read for nothing to join two values; bits: 16 times this
    std::uint16_t bits_max = wire::modbus::kReadBitsMax;
};

// Merges items of the same unit, table and period into as few requests as the limits allow. Items may overlap; a value
// is never cut in two. The order is that of (unit, table, period, address), so the same items give the same plan.
std::vector<PollRequest> plan_polls(std::vector<PollItem> items, const PlanLimits& limits);

// What to ask instead of a request that the device refused: first the runs without gaps, then each value alone. One
// value cannot be split: the answer is the request itself.
std::vector<PollRequest> split_request(const PollRequest& request);

}  // namespace gongshu::connect
