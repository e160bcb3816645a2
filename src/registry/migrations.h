#pragma once

#include <string_view>
#include <vector>

namespace gongshu::registry {

// Step i brings the tables from version i to i + 1. A step that was released is never edited.
const std::vector<std::vector<std::string_view>>& migrations();

// What step i brings, for people: "cases". One for each step.
std::string_view about_migration(std::size_t step);

}  // namespace gongshu::registry
