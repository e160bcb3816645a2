#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "io/files.h"

namespace gongshu::io {

struct LogFilesOptions {
    std::string folder;                  // made if missing
    std::uint64_t bytes_max = 10 << 20;  // of one file
    std::uint32_t files_max = 10;        // the one that is written among them; at least 1
    DurationNs age_max = 0;              // a file that began so long ago is closed too; 0 = any age
};

// LogFiles writes lines into gongshu.log and, when it is full or old, turns the files over: gongshu.log.1 is the newest
// that is closed, and the last one goes.
// Lives:   from the start of the server to its end; log_to() must be ended before.
// Threads: all calls from any.
// Bounds:  files_max × bytes_max bytes on disk and one line more.
// Disk:    options.folder. A failure, a full disk above all, loses lines and stops nobody: it is tried again every
//          kRetry, and the first line that fits tells how many were lost. Nothing is synced.
class LogFiles {
public:
    static constexpr DurationNs kRetry = 10 * kSecond;
    static constexpr const char* kName = "gongshu.log";

    static Result<std::unique_ptr<LogFiles>> create(Files& files, const Clock& clock, LogFilesOptions options);
    void write(std::string_view line);
    // Opens the file anew, for who has moved it away.
    void reopen();
    std::uint64_t lost() const;  // lines since the start

private:
    LogFiles(Files& files, const Clock& clock, LogFilesOptions options);
    std::string path(std::uint32_t number) const;
    Result<void> open();
    Result<void> turn_over();
    Result<void> append(const std::string& text);

    Files& files_;
    const Clock& clock_;
    const LogFilesOptions options_;
    mutable std::mutex mutex_;
    std::unique_ptr<File> file_;  // null = could not be opened
    std::uint64_t bytes_ = 0;
    TimeNs begun_ = 0;          // by the wall clock
    DurationNs failed_at_ = 0;  // monotonic
    bool failed_ = false;
    std::uint64_t lost_ = 0, untold_ = 0;
};

}  // namespace gongshu::io
