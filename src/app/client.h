#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// Subcommands that talk to a running server; each returns the exit code.
Result<int> run_apply(const std::vector<std::string>& arguments);
Result<int> run_get(const std::vector<std::string>& arguments);
Result<int> run_export(const std::vector<std::string>& arguments);
Result<int> run_delete(const std::vector<std::string>& arguments);
Result<int> run_query(const std::vector<std::string>& arguments);
Result<int> run_backup(const std::vector<std::string>& arguments);

// Their options, for the documentation.
std::string client_help();

}  // namespace gongshu::app
