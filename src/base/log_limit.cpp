#include "base/log_limit.h"

#include <algorithm>

namespace gongshu {

void LogLimiter::tell(const Seen& seen, const Write& write) {
    if (seen.times <= kAtOnce) return;
    write(seen.level, seen.area, fmt::format("{} (repeated {} times)", seen.text, seen.times - kAtOnce));
}

void LogLimiter::take(DurationNs now, LogLevel level, std::string_view area, std::string_view text,
                      const Write& write) {
    for (auto seen = seen_.begin(); seen != seen_.end();) {
        if (now - seen->since < kWindow) {
            ++seen;
            continue;
        }
        tell(*seen, write);
        seen = seen_.erase(seen);
    }
    auto found = std::ranges::find_if(
        seen_, [&](const Seen& seen) { return seen.level == level && seen.area == area && seen.text == text; });
    if (found == seen_.end()) {
        if (seen_.size() == kTextsMax) {
            tell(seen_.back(), write);
            seen_.pop_back();
        }
        seen_.push_front({level, std::string(area), std::string(text), now});
        found = seen_.begin();
    } else {
        seen_.splice(seen_.begin(), seen_, found);
    }
    if (++found->times <= kAtOnce) write(level, area, text);
}

void LogLimiter::flush(const Write& write) {
    for (const Seen& seen : seen_) tell(seen, write);
    seen_.clear();
}

}  // namespace gongshu
