#include "wire/mc_plan.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::wire::mc {

namespace {

using melsec::Block;

constexpr std::uint16_t kRandomWords = 2;  // a random read has single and double words

bool is_small(const Block& block) { return block.span.points <= kRandomWords; }

PlannedRead request_of(std::vector<Block> blocks, Command command) {
    PlannedRead read;
    read.request.command = blocks.size() == 1 ? Command::read_words : command;
    for (const Block& block : blocks) read.request.spans.push_back(block.span);
    read.blocks = std::move(blocks);
    return read;
}

// Fills requests one after another.
std::vector<PlannedRead> fill(std::vector<Block> blocks, Command command, std::size_t blocks_max,
                              std::size_t words_max) {
    std::vector<PlannedRead> reads;
    std::vector<Block> some;
    std::size_t words = 0;
    const auto flush = [&] {
        if (!some.empty()) reads.push_back(request_of(std::move(some), command));
        some.clear();
        words = 0;
    };
    for (Block& block : blocks) {
        if (some.size() == blocks_max || words + block.span.points > words_max) flush();
        words += block.span.points;
        some.push_back(std::move(block));
    }
    flush();
    return reads;
}

}  // namespace

melsec::PlanLimits plan_limits(const Link& link, std::uint16_t words_max, std::uint16_t gap_max) {
    const Limits limits = limits_of(link);
    return {std::min(limits.read_words, words_max), std::min(limits.read_bit_words, words_max), gap_max};
}

std::vector<PlannedRead> pack_reads(std::vector<Block> blocks, const Link& link, const PackOptions& options) {
    const Limits limits = limits_of(link);
    const std::size_t blocks_max = options.blocks && limits.blocks > 0 ? limits.blocks : 1;
    const auto in_blocks = [&](std::vector<Block> some) {
        return fill(std::move(some), Command::read_blocks, blocks_max, limits.read_words);
    };
    std::vector<PlannedRead> all = in_blocks(blocks);
    if (!options.random || limits.random_points == 0) return all;
    std::vector<Block> rest, small;
    for (Block& block : blocks) (is_small(block) ? small : rest).push_back(std::move(block));
    std::ranges::stable_sort(small, {}, [](const Block& block) { return block.span.points; });
    std::vector<PlannedRead> mixed = in_blocks(std::move(rest));
    for (PlannedRead& read : fill(std::move(small), Command::read_random, limits.random_points, limits.read_words))
        mixed.push_back(std::move(read));
    return mixed.size() < all.size() ? mixed : all;
}

std::vector<PlannedRead> split_read(const PlannedRead& read) {
    std::vector<PlannedRead> reads;
    for (const Block& block : read.blocks) reads.push_back(request_of({block}, Command::read_words));
    return reads;
}

void each_value(const PlannedRead& read, std::span<const std::uint16_t> words,
                const std::function<void(const melsec::PlanValue&, std::span<const std::uint16_t>)>& take) {
    std::size_t at = 0;
    for (const Block& block : read.blocks) {
        ASSERT(at + block.span.points <= words.size());
        for (const melsec::PlanValue& value : block.values) take(value, words.subspan(at + value.word, value.words));
        at += block.span.points;
    }
}

}  // namespace gongshu::wire::mc
