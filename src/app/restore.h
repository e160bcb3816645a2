#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// gongshu restore BACKUP --data FOLDER: makes a data folder from a backup, or only checks it. The exit code.
Result<int> run_restore(const std::vector<std::string>& arguments);
std::string restore_help();

}  // namespace gongshu::app
