#include "wire/melsec_plan.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace gongshu::wire::melsec {

namespace {

// An item in words from the first number of its PLC device on.
struct Extent {
    PlanItem item;
    std::uint32_t border = 0;  // first number of its range: tells ranges from each other
    std::uint32_t first = 0;
    std::uint32_t words = 1;
};

Extent extent_of(const PlanItem& item, Family family) {
    const NumberRange range = range_of(item.place, family);
    ASSERT(range.first <= range.last && item.points >= 1);
    if (!is_bits(item.place.code)) {
        const auto words = std::uint32_t{item.points} * range.words;
        return {item, range.first, item.place.number * range.words, words};
    }
    const std::uint32_t first = item.place.number / 16;
    return {item, range.first, first, (item.place.number + item.points - 1) / 16 - first + 1};
}

Span span_of(const Extent& extent, std::uint32_t words, Family family) {
    const std::uint32_t unit = range_of(extent.item.place, family).words;
    const std::uint32_t number = is_bits(extent.item.place.code) ? extent.first * 16 : extent.first / unit;
    return {{extent.item.place.code, number}, static_cast<std::uint16_t>(words)};
}

PlanValue value_in(const Extent& extent, std::uint32_t block_first) {
    return {extent.item.index, static_cast<std::uint16_t>(extent.first - block_first),
            static_cast<std::uint16_t>(extent.words),
            static_cast<std::uint8_t>(is_bits(extent.item.place.code) ? extent.item.place.number % 16 : 0)};
}

bool joins(const Extent& begin, std::uint32_t block_words, const Extent& next, const PlanLimits& limits) {
    if (next.item.place.code != begin.item.place.code || next.border != begin.border) return false;
    const std::uint32_t block_end = begin.first + block_words, next_end = next.first + next.words;
    const std::uint32_t max = is_bits(begin.item.place.code) ? limits.bit_words_max : limits.words_max;
    return next.first <= block_end + limits.gap_max && std::max(next_end, block_end) - begin.first <= max;
}

}  // namespace

std::vector<Block> plan_blocks(std::vector<PlanItem> items, Family family, const PlanLimits& limits) {
    std::ranges::sort(items, {}, [](const PlanItem& item) { return std::tuple{item.place, item.points, item.index}; });
    std::vector<Block> blocks;
    Extent begin;
    std::uint32_t words = 0;
    for (const PlanItem& item : items) {
        const Extent extent = extent_of(item, family);
        if (blocks.empty() || !joins(begin, words, extent, limits)) {
            blocks.emplace_back();
            begin = extent;
            words = 0;
        }
        words = std::max(words, extent.first + extent.words - begin.first);
        blocks.back().span = span_of(begin, words, family);
        blocks.back().values.push_back(value_in(extent, begin.first));
    }
    return blocks;
}

}  // namespace gongshu::wire::melsec
