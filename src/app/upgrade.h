#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// gongshu upgrade [--check] --data FOLDER: what the next start of this program would change in a folder, or do it now.
Result<int> run_upgrade(const std::vector<std::string>& arguments);
std::string upgrade_help();
// gongshu downgrade --data FOLDER: back to the tables that the older program left.
Result<int> run_downgrade(const std::vector<std::string>& arguments);
std::string downgrade_help();

}  // namespace gongshu::app
