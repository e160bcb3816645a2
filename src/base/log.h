#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace gongshu {

enum class LogLevel { debug, info, warning, error, off };  // off: tests that break things hundreds of times

// Where the program's own log goes: standard error until log_to() names a sink. Lines are one event each; secrets are
// never put in. Any thread.
void log_line(LogLevel level, std::string_view area, std::string_view text);
void set_log_level(LogLevel level);

// `area` is the folder that speaks ("broker", "history").
template <class... Args>
void log_debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::debug, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::info, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::warning, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::error, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gongshu
