#pragma once

#include <string_view>
#include <vector>

namespace gongshu::registry {

// Step i brings the tables from version i to i + 1. A step that was released is never edited.
const std::vector<std::vector<std::string_view>>& migrations();

}  // namespace gongshu::registry
