#pragma once

namespace gongshu::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace gongshu::app
