#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "backup/backup.h"
#include "io/loop.h"

namespace gongshu::backup {

inline constexpr const char* kTargetMark = "gongshu-backup-target";  // people make it: this is the right disk

struct TargetOptions {
    std::string folder;          // where copies go, as `open` knows it; "" = nowhere
    bool mount = false;          // the folder must be a mount point; else it must hold kTargetMark
    std::uint32_t keep = 7;      // so many whole copies stay there; 0 = all
    DurationNs again = kMinute;  // pause after the first failure; doubled after each further, at most kTargetPauseMax
    std::function<bool(const std::string&)> is_mount_point;
    // Of another machine: connects for one try, until `cancelled`. Null: the folder is one of this machine.
    std::function<Result<std::unique_ptr<io::Files>>(const std::atomic<bool>& cancelled)> open;
    std::string title;  // what people call it, "sftp://…"; "" = by its folder

    const std::string& name() const { return title.empty() ? folder : title; }
};
inline constexpr DurationNs kTargetPauseMax = 6 * kHour;

// Is `options.folder` of `place` what it is meant to be? Code::unavailable says what is missing, so that nothing is
// written onto the disk that lies below a share that is not mounted. Of another machine it must only be there: who
// makes it there has said what it is for.
Result<void> check_target(io::Files& place, const TargetOptions& options);

// Copies backup `name` of `folder` to the target, under a name that nothing takes for a backup until every byte was
// read back and compared with the list. Fine if it is there already. Then the oldest beyond `keep` go. A place that
// fails in the middle keeps a half copy, which goes before the next.
Result<void> send_backup(io::Files& files, const std::string& folder, const std::string& name,
                         const TargetOptions& options, Progress& progress);

// Target carries backups to a second place, on the pool, beside the jobs of Backups, which never wait for it.
// Lives:   in Backups.
// Threads: all calls from any.
// Bounds:  one copy at a time, always of the newest whole backup; a failure is tried again after a pause.
// Disk:    TargetOptions::folder, here or on another machine, docs/format/backup.md.
class Target {
public:
    struct State {
        bool running = false;
        std::string name;  // that is being sent, or was tried last
        std::uint64_t bytes_done = 0, bytes = 0;
        std::string sent;  // the last that is whole there, of this run of the server; "" = none
        TimeNs sent_at = 0;
        std::string problem;  // of the last try; "" = it went well
        TimeNs tried_at = 0, next_try = 0;
        std::uint64_t failures = 0;  // since the start
    };

    Target(io::Files& files, const Clock& clock, io::Pool& pool, std::string folder, TargetOptions options);
    ~Target();

    const TargetOptions& options() const { return options_; }
    State state() const;
    // Sends the newest whole backup if it is not there yet; `now` true: even if a former failure asks for a pause.
    void tend(bool now);
    // Stops a copy that runs and begins none any more. The pool must still run.
    void close();

private:
    void run();
    Result<std::string> send_newest(Progress& progress);

    io::Files& files_;
    const Clock& clock_;
    io::Pool& pool_;
    const std::string folder_;
    const TargetOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    State state_;
    std::shared_ptr<Progress> progress_;
    int failures_in_row_ = 0;
    DurationNs wait_until_ = 0;  // monotonic
    bool closing_ = false;
};

}  // namespace gongshu::backup
