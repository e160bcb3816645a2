#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "io/loop.h"

namespace gongshu::api {

// How much of a turn of its loop goes to answers that the loop makes itself, of all callers together: the others on it
// wait no longer than that.
// Lives:   beside its loop.   Threads: the loop's only.
class TurnBudget {
public:
    static constexpr std::uint64_t kBytes = 768 << 10;      // of Briefs: about 2 ms
    static constexpr std::uint64_t kBytesLeast = 16 << 10;  // that each counts for

    explicit TurnBudget(io::Loop& loop) : loop_(loop) {}

    bool has_left() const { return *left_ > 0; }
    void spend(std::uint64_t bytes) {
        if (*left_ == kBytes)
            loop_.post([weak = std::weak_ptr{left_}] {
                if (const auto left = weak.lock()) *left = kBytes;
            });
        *left_ -= std::min(*left_, std::max(bytes, kBytesLeast));
    }

private:
    io::Loop& loop_;
    const std::shared_ptr<std::uint64_t> left_ = std::make_shared<std::uint64_t>(kBytes);
};

}  // namespace gongshu::api
