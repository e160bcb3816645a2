#pragma once

#include <string>
#include <vector>

namespace gongshu::app {

// The whole command line but the program's name; returns the exit code: 0 done, 1 refused or failed, 2 wrong usage.
int run_command(const std::vector<std::string>& arguments);

}  // namespace gongshu::app
