#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

// `gongshu worker sql`: a child of the server that runs what nobody trusts, with rights to nothing. Not for people.
Result<int> run_worker(const std::vector<std::string>& arguments);

}  // namespace gongshu::app
