// The only unit that includes spdlog: its header costs about six seconds to compile.
#include "base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>

#include "base/log_limit.h"

namespace gongshu {
namespace {

// Hands whole lines on; to nobody until log_to().
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    void set(std::function<void(std::string_view)> to) {
        const std::lock_guard lock{mutex_};
        to_ = std::move(to);
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        if (!to_) return;
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        std::string_view text(line.data(), line.size());
        while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
        to_(text);
    }
    void flush_() override {}

private:
    std::function<void(std::string_view)> to_;
};

struct Logger {
    Logger() : lines(std::make_shared<LineSink>()), logger(spdlog::stderr_color_mt("gongshu")) {
        logger->sinks().push_back(lines);
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %v");
        logger->flush_on(spdlog::level::warn);
    }
    std::shared_ptr<LineSink> lines;
    std::shared_ptr<spdlog::logger> logger;
    std::mutex limit_mutex;
    const Clock* clock = nullptr;  // null = no limit yet
    LogLimiter limiter;
};

Logger& instance() {
    static Logger logger;
    return logger;
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

void write(LogLevel level, std::string_view area, std::string_view text) {
    instance().logger->log(spdlog_level(level), "{}: {}", area, text);
}

}  // namespace

void log_line(LogLevel level, std::string_view area, std::string_view text) {
    Logger& log = instance();
    if (!log.logger->should_log(spdlog_level(level))) return;
    const std::lock_guard lock{log.limit_mutex};
    if (log.clock == nullptr)
        write(level, area, text);
    else
        log.limiter.take(log.clock->monotonic(), level, area, text, write);
}

void set_log_level(LogLevel level) { instance().logger->set_level(spdlog_level(level)); }

void limit_log(const Clock& clock) {
    const std::lock_guard lock{instance().limit_mutex};
    instance().clock = &clock;
}

void log_to(std::function<void(std::string_view)> sink) { instance().lines->set(std::move(sink)); }

void flush_log() {
    const std::lock_guard lock{instance().limit_mutex};
    instance().limiter.flush(write);
    instance().clock = nullptr;
}

}  // namespace gongshu
