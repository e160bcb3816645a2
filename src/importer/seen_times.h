#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"

namespace gongshu::importer {

// SeenTimes knows which times of one series of records came before. Files are nearly in order, forward or backward, and
// nearly regular: such times cost some bits each; the others are kept one by one.
// Threads: one at a time.
// Bounds:  bytes() is what it holds; the owner stops it with forget_past() and then is told `unknown` for old times.
// Disk:    none.
class SeenTimes {
public:
    enum class Answer : std::uint8_t { fresh, seen, unknown };

    Answer add(TimeNs time);
    // From now on only the newest time is remembered.
    void forget_past();
    std::size_t bytes() const { return bytes_; }
    // Times that came before a time which is beyond them in the direction of the file.
    std::uint64_t out_of_order() const { return out_of_order_; }

private:
    struct Block {
        TimeNs first = 0, last = 0;
        std::uint32_t count = 1;
        std::string steps;                    // (step, repeats) pairs, 7 bits a byte
        std::uint64_t step = 0, repeats = 0;  // the open pair, not in `steps` yet
    };
    static void close_pair(Block& block);
    bool chain_holds(TimeNs time) const;
    static bool holds(const Block& block, TimeNs time);

    bool started_ = false;
    int direction_ = 0;  // 0 not known yet, 1 forward, -1: times are kept with their sign turned
    TimeNs last_ = 0;
    std::vector<Block> chain_;
    std::unordered_set<TimeNs> others_;
    bool forgotten_ = false;
    std::size_t bytes_ = 0;
    std::uint64_t out_of_order_ = 0;
};

}  // namespace gongshu::importer
