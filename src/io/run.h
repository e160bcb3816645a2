#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::io {

struct RunResult {
    int code = 0;        // as Process::wait() tells it
    std::string output;  // both standard output and errors
};

struct RunLimits {
    DurationNs time = 10 * kSecond;
    std::size_t output_bytes = 1 << 20;
};

// Runs a program to its end, as spawn() starts it. Code::unavailable if it takes longer than it may, Code::limit if it
// says more; it is killed then. Blocks: one that the kernel holds inside a driver ends only when that answers.
Result<RunResult> run_program(const std::vector<std::string>& arguments, RunLimits limits = {});

}  // namespace gongshu::io
