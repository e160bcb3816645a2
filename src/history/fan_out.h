#pragma once

#include <cstddef>
#include <functional>

#include "base/clock.h"
#include "io/loop.h"

namespace gongshu::history {

// Runs work(0) … work(count - 1), each once, in any order, and returns when all are done. The caller works too; up to
// `helpers` threads of `pool` (null = none) join as far as they are free. Nobody waits for a thread that has not
// joined, so it ends even when the pool is full and may be called from the pool's own jobs. `work` must not wait for
// the pool. With `clock` the caller begins alone and calls for help only when the work lasts longer than it takes to
// wake somebody.
void fan_out(io::Pool* pool, std::size_t helpers, std::size_t count, const std::function<void(std::size_t)>& work,
             const Clock* clock = nullptr);

}  // namespace gongshu::history
