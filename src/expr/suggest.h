#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gongshu::expr {

// Of `names` those that are most likely meant by `wrong`, best first, at most 5: few edits, or the last part is the
// same.
std::vector<std::string> nearest(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace gongshu::expr
