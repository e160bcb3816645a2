#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace gongshu {

// LogLimiter lets the same line through a few times and then counts it, so that a storm of one message neither fills a
// disk nor hides the others.
// Lives:   one behind log_line(), from limit_log() on.
// Threads: one at a time.
// Bounds:  kTextsMax texts; the one not seen for longest makes room, and its count is told first.
class LogLimiter {
public:
    static constexpr std::size_t kTextsMax = 200;
    static constexpr std::uint64_t kAtOnce = 5;  // of one text in a window
    static constexpr DurationNs kWindow = 10 * kSecond;

    using Write = std::function<void(LogLevel, std::string_view area, std::string_view text)>;

    // Writes the line, or counts it. What was counted of windows that have ended is told first: "… (repeated 12
    // times)".
    void take(DurationNs now, LogLevel level, std::string_view area, std::string_view text, const Write& write);
    // Tells all that was counted and not told yet.
    void flush(const Write& write);

private:
    struct Seen {
        LogLevel level;
        std::string area, text;
        DurationNs since;
        std::uint64_t times = 0;  // in this window
    };
    static void tell(const Seen& seen, const Write& write);

    std::list<Seen> seen_;  // the newest use first
};

// From now on storms of one line are limited by this clock; it must outlive the last line. Any thread.
void limit_log(const Clock& clock);
// Where every line goes besides standard error, whole and with its time, without a line end; an empty function ends
// that. It is called under a lock and must not log.
void log_to(std::function<void(std::string_view line)> sink);
// Tells what the limiter has counted; at the end of the program.
void flush_log();

}  // namespace gongshu
