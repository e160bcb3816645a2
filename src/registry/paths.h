#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gongshu::registry {

// The paths of a role: globs of places (* within one level, ** over levels, ? one character). What lies beneath a place
// belongs to it. No paths at all = everything of the tenant.

bool glob_matches(std::string_view glob, std::string_view path);
bool is_glob(std::string_view text);

// Whether a place, a device or a tag ("site/line/device.property") lies within.
bool lies_within(const std::vector<std::string>& paths, std::string_view path);

// Whether everything that lies within `inner` lies within `outer` too. May say no where `outer` covers it only by
// several of its globs together; never says yes wrongly.
bool covers(const std::vector<std::string>& outer, const std::vector<std::string>& inner);

}  // namespace gongshu::registry
