#include "importer/seen_times.h"

#include <algorithm>

namespace gongshu::importer {
namespace {

constexpr std::uint32_t kBlockTimes = 1024;
constexpr std::size_t kOtherBytes = 40;  // of one entry of the set, about

void put(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}
std::uint64_t take(const std::string& from, std::size_t& at) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<std::uint8_t>(from[at++]);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}
std::uint64_t between(TimeNs from, TimeNs to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

// Whether `time` is start + k × step for a k in 1 … repeats.
bool hits(TimeNs start, std::uint64_t step, std::uint64_t repeats, TimeNs time) {
    if (time <= start) return false;
    const std::uint64_t distance = between(start, time);
    return distance % step == 0 && distance / step <= repeats;
}

}  // namespace

SeenTimes::Answer SeenTimes::add(TimeNs time) {
    if (!started_) {
        started_ = true;
        last_ = time;
        chain_.push_back({time, time, 1, {}, 0, 0});
        return Answer::fresh;
    }
    if (direction_ == 0) {
        if (time == last_) return Answer::seen;
        direction_ = time > last_ ? 1 : -1;
        if (direction_ < 0) {
            last_ = -last_;
            chain_.front().first = chain_.front().last = last_;
        }
    }
    if (direction_ < 0) time = -time;
    if (time == last_) return Answer::seen;
    if (time < last_) {
        ++out_of_order_;
        if (forgotten_) return Answer::unknown;
        if (chain_holds(time)) return Answer::seen;
        if (!others_.insert(time).second) return Answer::seen;
        bytes_ += kOtherBytes;
        return Answer::fresh;
    }
    if (!forgotten_) {
        if (chain_.empty() || chain_.back().count == kBlockTimes) {
            if (!chain_.empty()) close_pair(chain_.back());
            chain_.push_back({time, time, 1, {}, 0, 0});
            bytes_ += sizeof(Block);
        } else {
            Block& block = chain_.back();
            const std::uint64_t step = between(last_, time);
            if (block.repeats > 0 && step == block.step) {
                ++block.repeats;
            } else {
                const std::size_t before = block.steps.size();
                close_pair(block);
                bytes_ += block.steps.size() - before;
                block.step = step;
                block.repeats = 1;
            }
            block.last = time;
            ++block.count;
        }
    }
    last_ = time;
    return Answer::fresh;
}

void SeenTimes::close_pair(Block& block) {
    if (block.repeats == 0) return;
    put(block.steps, block.step);
    put(block.steps, block.repeats);
    block.repeats = 0;
}

void SeenTimes::forget_past() {
    forgotten_ = true;
    chain_ = {};
    others_ = {};
    bytes_ = 0;
}

bool SeenTimes::chain_holds(TimeNs time) const {
    const auto after = std::ranges::upper_bound(chain_, time, {}, &Block::first);
    return after != chain_.begin() && holds(*std::prev(after), time);
}

bool SeenTimes::holds(const Block& block, TimeNs time) {
    if (time > block.last) return false;
    if (time == block.first || time == block.last) return true;
    TimeNs at = block.first;
    for (std::size_t i = 0; i < block.steps.size();) {
        const std::uint64_t step = take(block.steps, i), repeats = take(block.steps, i);
        const auto end = static_cast<TimeNs>(static_cast<std::uint64_t>(at) + step * repeats);
        if (time <= end) return hits(at, step, repeats, time);
        at = end;
    }
    return block.repeats > 0 && hits(at, block.step, block.repeats, time);
}

}  // namespace gongshu::importer
