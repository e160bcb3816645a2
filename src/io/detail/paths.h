#pragma once

#include <string>

namespace gongshu::io::detail {

// The folder a path lies in: "/a/b" -> "/a", "/a" -> "/", "a" -> ".".
inline std::string parent_of(const std::string& path) {
    const auto end = path.find_last_not_of('/');
    const auto slash = end == std::string::npos ? std::string::npos : path.rfind('/', end);
    if (slash == std::string::npos) return path.starts_with('/') ? "/" : ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// The file that lock_folder() locks.
inline constexpr const char* kLockName = "lock";

}  // namespace gongshu::io::detail
