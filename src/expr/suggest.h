#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gongshu::expr {

// Of `names` those that are most likely meant by `wrong`, best first, at most 5: few edits, the last part is the same,
// or it stands in the name (temp for cnc1.temperature).
std::vector<std::string> nearest(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace gongshu::expr
