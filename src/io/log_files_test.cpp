#include "io/log_files.h"

#include <gtest/gtest.h>

#include "io/sim.h"

namespace gongshu::io {
namespace {

std::string content(SimFiles& files, const std::string& name) {
    const auto bytes = read_whole(files, "/log/" + name, 1 << 20);
    return bytes ? std::string(as_text(*bytes)) : "(none)";
}

TEST(LogFiles, TurnOverBySizeAndKeepSoMany) {
    SimFiles files;
    SimClock clock;
    const auto log = LogFiles::create(files, clock, {.folder = "/log", .bytes_max = 20, .files_max = 3}).value();
    for (int i = 0; i < 10; ++i) log->write("line " + std::to_string(i));  // 7 bytes each
    EXPECT_EQ(content(files, "gongshu.log"), "line 8\nline 9\n");
    EXPECT_EQ(content(files, "gongshu.log.1"), "line 6\nline 7\n");
    EXPECT_EQ(content(files, "gongshu.log.2"), "line 4\nline 5\n");
    EXPECT_EQ(files.list("/log")->size(), 3u);
    log->write(std::string(100, 'x'));
    EXPECT_EQ(content(files, "gongshu.log").size(), 101u) << "a line is never cut";
    const auto one = LogFiles::create(files, clock, {.folder = "/one", .bytes_max = 10, .files_max = 1}).value();
    for (int i = 0; i < 4; ++i) one->write("line " + std::to_string(i));
    EXPECT_EQ(files.list("/one")->size(), 1u);
}

TEST(LogFiles, TurnOverByAgeAlsoAfterARestart) {
    SimFiles files;
    SimClock clock;  // 2023-11-14T22:13:20Z
    const LogFilesOptions options{.folder = "/log", .age_max = kDay};
    auto log = LogFiles::create(files, clock, options).value();
    log->write("2023-11-14T22:13:20.000+00:00 info    a");
    clock.advance(kHour);
    log.reset();
    log = LogFiles::create(files, clock, options).value();
    log->write("2023-11-14T23:13:20.000+00:00 info    b");
    EXPECT_EQ(files.list("/log")->size(), 1u);
    clock.advance(kDay);
    log.reset();
    log = LogFiles::create(files, clock, options).value();
    log->write("2023-11-15T23:13:20.000+00:00 info    c");
    EXPECT_EQ(content(files, "gongshu.log"), "2023-11-15T23:13:20.000+00:00 info    c\n");
    EXPECT_NE(content(files, "gongshu.log.1").find("info    b\n"), std::string::npos);
}

TEST(LogFiles, AFullDiskLosesLinesAndTellsSo) {
    SimFiles files;
    SimClock clock;
    const auto log = LogFiles::create(files, clock, {.folder = "/log"}).value();
    log->write("a");
    files.set_free_bytes(0);
    for (int i = 0; i < 5; ++i) log->write("lost");
    EXPECT_EQ(log->lost(), 5u);
    files.set_free_bytes(1 << 20);
    log->write("too early");
    EXPECT_EQ(log->lost(), 6u);
    clock.advance(LogFiles::kRetry);
    log->write("b");
    const std::string text = content(files, "gongshu.log");
    EXPECT_NE(text.find("6 lines before this could not be written\nb\n"), std::string::npos) << text;
    EXPECT_EQ(log->lost(), 6u);
}

TEST(LogFiles, EveryOperationFailsOnceAndItGoesOn) {
    for (int n = 1;; ++n) {
        SimFiles files;
        SimClock clock;
        const auto log = LogFiles::create(files, clock, {.folder = "/log", .bytes_max = 20, .files_max = 3}).value();
        files.fail_nth(n);
        for (int i = 0; i < 12; ++i) {
            log->write("line " + std::to_string(i));
            clock.advance(LogFiles::kRetry);
        }
        const bool fired = files.fault_fired();
        files.fail_nth(1 << 30);
        log->write("end");
        EXPECT_LE(log->lost(), 1u) << n;
        EXPECT_NE(content(files, "gongshu.log").find("end\n"), std::string::npos) << n;
        EXPECT_LE(files.list("/log")->size(), 3u);
        if (!fired) break;
        ASSERT_LT(n, 1000);
    }
}

TEST(LogFiles, AreOpenedAnewWhenSomebodyMovedThem) {
    SimFiles files;
    SimClock clock;
    const auto log = LogFiles::create(files, clock, {.folder = "/log"}).value();
    log->write("a");
    ASSERT_TRUE(files.rename("/log/gongshu.log", "/log/old"));
    log->reopen();
    log->write("b");
    EXPECT_EQ(content(files, "old"), "a\n");
    EXPECT_EQ(content(files, "gongshu.log"), "b\n");
}

}  // namespace
}  // namespace gongshu::io
