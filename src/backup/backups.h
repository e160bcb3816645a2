#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "io/loop.h"

namespace gongshu::backup {

struct BackupsOptions {
    std::string folder;      // where backups are kept
    DurationNs every = 0;    // one is made by itself so often; 0 = never
    std::uint32_t keep = 7;  // so many whole ones stay, older ones go once a new one is whole; 0 = all
};

// Backups makes, checks and keeps the backups of a running server, one job at a time, on the pool.
// Lives:   after history and registry, before the doors; destroyed before them, which stops a job that runs.
// Threads: all calls from any.
// Bounds:  one job; `keep` backups.
// Disk:    BackupsOptions::folder, docs/format/backup.md.
class Backups {
public:
    enum class Work : std::uint8_t { none, making, checking, removing };
    struct State {
        Work work = Work::none;
        std::string name;  // being checked or removed
        TimeNs since = 0;
        std::uint64_t files_done = 0, files = 0, bytes_done = 0, bytes = 0;
        // Of the last job that ended.
        Work last_work = Work::none;
        TimeNs last_end = 0;
        std::string last_name;
        std::string last_error;  // "" = it went well
    };

    Backups(BackupParts parts, io::Pool& pool, BackupsOptions options);
    ~Backups();

    // Code::conflict while another job runs, Code::unavailable if the pool is full.
    Result<void> start();
    Result<void> start_check(const std::string& name);
    // Ends the job that runs, soon; fine if none does.
    void cancel();
    Result<void> remove(const std::string& name);
    Result<std::vector<BackupInfo>> list() const;
    State state() const;
    const BackupsOptions& options() const { return options_; }
    // Stops a job that runs, waits for its end and begins none any more. The pool must still run.
    void close();
    // Starts one if `every` has gone by since the newest; for a timer.
    void tend();

private:
    Result<void> begin(Work work, const std::string& name);
    Result<BackupInfo> run(Work work, const std::string& name);
    void forget_old(const std::string& fresh);

    const BackupParts parts_;
    io::Pool& pool_;
    const BackupsOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    State state_;
    std::shared_ptr<Progress> progress_;
    bool closing_ = false;
    std::atomic<int> failures_ = 0;         // since the last that went well
    std::atomic<DurationNs> last_try_ = 0;  // monotonic
};

}  // namespace gongshu::backup
