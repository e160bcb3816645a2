#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// `gongshu import`: files of readings into a data folder that is not in use, or into a running server. Exit code 0:
// all was used; 1: something could not be used, or it was stopped (the report says what).
Result<int> run_import(const std::vector<std::string>& arguments);
std::string import_help();

}  // namespace gongshu::app
