#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// `gongshu package …`: signed files that carry resources: made and checked here, installed on a running server. Exit
// code 1: the package, or what was asked for, was refused.
Result<int> run_package(const std::vector<std::string>& arguments);
std::string package_help();

}  // namespace gongshu::app
