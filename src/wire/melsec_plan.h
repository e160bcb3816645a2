#pragma once

#include <cstddef>
#include <vector>

#include "wire/melsec.h"

// Which PLC devices are read together. Pure.
namespace gongshu::wire::melsec {

// One value to read: `points` as its Layout says. `index` is the caller's own, to find it again.
struct PlanItem {
    Place place;
    std::uint16_t points = 1;
    std::size_t index = 0;
};

// Where a value lies in the words of its block. Of a single relay `bit` is to be put into its codec.
struct PlanValue {
    std::size_t index = 0;
    std::uint16_t word = 0;
    std::uint16_t words = 1;
    std::uint8_t bit = 0;
};

// Words that lie together and are read at once; those of bit devices begin at a multiple of 16.
struct Block {
    Span span;
    std::vector<PlanValue> values;  // in order of address
};

struct PlanLimits {
    std::uint16_t words_max = 64;      // in one block; a longer value (text) still gets a block of its own
    std::uint16_t bit_words_max = 32;  // of bit devices, 16 relays each
    std::uint16_t gap_max = 8;         // words read for nothing to join two values
};

// Merges items of the same PLC device into as few blocks as the limits allow, never across a border of numbers
// (range_of) and never cutting a value in two. Items may overlap. The order is that of (device, number, points), so the
// same items give the same plan. Items must come from layout_of() (ASSERT).
std::vector<Block> plan_blocks(std::vector<PlanItem> items, Family family, const PlanLimits& limits);

}  // namespace gongshu::wire::melsec
