// The only unit that includes spdlog: its header costs about six seconds to compile.
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace gongshu {
namespace {

spdlog::logger& logger() {
    static const auto instance = [] {
        auto created = spdlog::stderr_color_mt("gongshu");
        created->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %v");
        created->flush_on(spdlog::level::warn);
        return created;
    }();
    return *instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
        case LogLevel::off:
            return spdlog::level::off;
    }
    return spdlog::level::err;
}

}  // namespace

void log_line(LogLevel level, std::string_view area, std::string_view text) {
    logger().log(spdlog_level(level), "{}: {}", area, text);
}

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

}  // namespace gongshu
