#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// Looks at a data folder, its machine and, if it is told how, the server that runs on it. 0 all is good, 1 warnings,
// 2 something is wrong.
Result<int> run_doctor(const std::vector<std::string>& arguments);
std::string doctor_help();

}  // namespace gongshu::app
