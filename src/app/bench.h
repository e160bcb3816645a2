#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// Macro workloads beside the floor of this machine: bench NAME. 1 if what was read back is not what was
// sent.
Result<int> run_bench(const std::vector<std::string>& arguments);
std::string bench_help();

}  // namespace gongshu::app
