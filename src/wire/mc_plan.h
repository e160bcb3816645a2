#pragma once

#include <functional>
#include <span>
#include <vector>

#include "wire/mc.h"
#include "wire/melsec_plan.h"

// Blocks of PLC devices as requests of the MC protocol. Pure.
namespace gongshu::wire::mc {

// One request and what is in its reply: the words of its blocks one after another.
struct PlannedRead {
    Request request;
    std::vector<melsec::Block> blocks;
};

// Not every PLC that speaks the protocol has these commands: after end code 0xC059 plan again without.
struct PackOptions {
    bool blocks = true;  // 0406
    bool random = true;  // 0403
};

// The limits of the plan that suit the connection; a person may have set `words_max` lower.
melsec::PlanLimits plan_limits(const Link& link, std::uint16_t words_max = 0xffff, std::uint16_t gap_max = 8);

// As few requests as the frame allows: several blocks in one where it can, blocks of one or two words by random read
// where that saves requests. The blocks must be of plan_blocks() with plan_limits() of this connection.
std::vector<PlannedRead> pack_reads(std::vector<melsec::Block> blocks, const Link& link,
                                    const PackOptions& options = {});

// What to ask instead of a request that the PLC refused: each block alone. One block cannot be split: the answer is the
// request itself.
std::vector<PlannedRead> split_read(const PlannedRead& read);

// Calls `take` for every value with its words. `words` is Reply::words, as many as were asked for (ASSERT).
void each_value(const PlannedRead& read, std::span<const std::uint16_t> words,
                const std::function<void(const melsec::PlanValue&, std::span<const std::uint16_t>)>& take);

}  // namespace gongshu::wire::mc
