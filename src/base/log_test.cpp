#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/log_limit.h"

namespace gongshu {
namespace {

struct Written {
    std::vector<std::string> lines;
    LogLimiter::Write write = [this](LogLevel, std::string_view area, std::string_view text) {
        lines.push_back(fmt::format("{}: {}", area, text));
    };
};

TEST(LogLimiter, LetsSomeThroughAndCountsTheRest) {
    LogLimiter limiter;
    Written out;
    for (int i = 0; i < 1000; ++i) limiter.take(i, LogLevel::warning, "a", "same", out.write);
    EXPECT_EQ(out.lines.size(), LogLimiter::kAtOnce);
    limiter.take(1000, LogLevel::warning, "a", "other", out.write);
    limiter.take(1000, LogLevel::error, "a", "same", out.write);
    EXPECT_EQ(out.lines.size(), LogLimiter::kAtOnce + 2) << "what is not the same is not held back";
    limiter.take(LogLimiter::kWindow, LogLevel::warning, "a", "same", out.write);
    ASSERT_EQ(out.lines.size(), LogLimiter::kAtOnce + 4);
    EXPECT_EQ(out.lines[LogLimiter::kAtOnce + 2], "a: same (repeated 995 times)");
    EXPECT_EQ(out.lines.back(), "a: same");
}

TEST(LogLimiter, LosesNoCountWhenItIsFullOrEnds) {
    LogLimiter limiter;
    Written out;
    for (int i = 0; i < 7; ++i) limiter.take(0, LogLevel::info, "a", "first", out.write);
    for (std::size_t i = 0; i < LogLimiter::kTextsMax; ++i)
        limiter.take(0, LogLevel::info, "a", std::to_string(i), out.write);
    EXPECT_EQ(std::ranges::count(out.lines, "a: first (repeated 2 times)"), 1);
    for (int i = 0; i < 8; ++i) limiter.take(0, LogLevel::info, "a", "last", out.write);
    limiter.flush(out.write);
    EXPECT_EQ(std::ranges::count(out.lines, "a: last (repeated 3 times)"), 1);
    const auto lines = out.lines.size();
    limiter.flush(out.write);
    EXPECT_EQ(out.lines.size(), lines);
}

TEST(Log, GoesToItsSinkWithItsTime) {
    std::vector<std::string> lines;
    log_to([&](std::string_view line) { lines.emplace_back(line); });
    log_warning("test", "one {}", 1);
    SimClock clock;
    limit_log(clock);
    for (int i = 0; i < 20; ++i) log_warning("test", "storm");
    flush_log();
    log_to({});
    log_warning("test", "to nobody");
    ASSERT_EQ(lines.size(), 1 + LogLimiter::kAtOnce + 1);
    EXPECT_NE(lines[0].find("warning test: one 1"), std::string::npos) << lines[0];
    EXPECT_EQ(lines[0][4], '-');
    EXPECT_NE(lines.back().find("test: storm (repeated 15 times)"), std::string::npos) << lines.back();
}

}  // namespace
}  // namespace gongshu
