#pragma once

#include <cstdint>

#include "base/result.h"

namespace gongshu::io {

// While one stands, what its thread does is done at once or not at all: files give only what memory holds, and what is
// handled stays within a budget. For work on a loop that may turn out to be long: then it fails, and is done again
// where waiting harms nobody.
// Lives:   for one attempt, on the stack; one at a time in a thread.
// Threads: its own.
// Bounds:  `bytes` that are read or copied.
class Brief {
public:
    explicit Brief(std::uint64_t bytes);
    ~Brief();
    Brief(const Brief&) = delete;
    Brief& operator=(const Brief&) = delete;
    // Whether anything was refused: what came of the attempt is then worth nothing.
    bool is_over() const { return over_; }
    std::uint64_t spent() const { return spent_; }

    // Whether one stands in this thread.
    static bool stands();
    // That so many bytes are about to be read or copied. Code::unavailable when that is too much; fine without one.
    static Result<void> spend(std::uint64_t bytes);
    // That this has to wait, or is long; fine without one.
    static Result<void> refuse();
    // What was refused before.
    static Result<void> check();

private:
    std::uint64_t left_, spent_ = 0;
    bool over_ = false;
};

}  // namespace gongshu::io
