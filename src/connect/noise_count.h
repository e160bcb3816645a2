#pragma once

#include <cstddef>
#include <cstdint>

namespace gongshu::connect {

// How many frames and runs of bytes meant nothing, from the number of bytes that a decoder has left out so far. What a
// decoder finds wrong it leaves out as well, in as many steps as it likes.
// Threads: none of its own.
class NoiseCount {
public:
    // After bytes or a frame: whether more was left out since then.
    bool see(std::uint64_t skipped_bytes) {
        const bool skipped = skipped_bytes > skipped_bytes_;
        if (skipped && !is_in_run_) ++count_;
        is_in_run_ = is_in_run_ || skipped;
        skipped_bytes_ = skipped_bytes;
        return skipped;
    }
    // After a frame, or before a question: what is left out from here on is another run.
    void begin() { is_in_run_ = false; }
    // A whole frame that says nothing.
    void add() { ++count_; }
    std::size_t take() {
        const std::size_t count = count_;
        count_ = 0;
        return count;
    }

private:
    std::uint64_t skipped_bytes_ = 0;
    std::size_t count_ = 0;
    bool is_in_run_ = false;
};

}  // namespace gongshu::connect
