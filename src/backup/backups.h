#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup.h"
#include "backup/schedule.h"
#include "backup/target.h"
#include "io/loop.h"

namespace gongshu::backup {

struct BackupsOptions {
    std::string folder;          // where backups are kept
    DurationNs every = 0;        // one is made by itself so often; 0 = never
    std::optional<TimeOfDay> at = std::nullopt;  // … at this time of the day; `every` is whole days then
    std::uint32_t keep = 7;      // so many whole ones stay, older ones go once a new one is whole; 0 = all
    DurationNs drill_every = 0;  // the newest is proved by reading it so often; 0 = never by itself
    TargetOptions target = {};   // a second place
};

// Backups makes, checks, proves and keeps the backups of a running server, one job at a time, on the pool; copies to a
// second place go beside that.
// Lives:   after history and registry, before the doors; destroyed before them, which stops a job that runs.
// Threads: all calls from any.
// Bounds:  one job; `keep` backups.
// Disk:    BackupsOptions::folder, while a drill runs as much again; docs/format/backup.md.
class Backups {
public:
    enum class Work : std::uint8_t { none, making, checking, removing, proving };
    struct State {
        Work work = Work::none;
        std::string name;  // being checked, proved or removed
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
    // Restores it beside the backups and reads everything; "" = the newest whole one. Code::unsupported without keys.
    Result<void> start_drill(const std::string& name);
    // Of the drill that ended last, whether its backup is still there or not.
    Result<std::optional<Proof>> last_proof() const;
    // nullopt: there is no second place.
    std::optional<Target::State> target() const;
    // Ends the job that runs, soon; fine if none does.
    void cancel();
    Result<void> remove(const std::string& name);
    Result<std::vector<BackupInfo>> list() const;
    State state() const;
    const BackupsOptions& options() const { return options_; }
    // Stops a job that runs, waits for its end and begins none any more. The pool must still run.
    void close();
    // Starts one if `every` has gone by since the newest, or a drill if that is due; for a timer.
    void tend();

private:
    Result<void> begin(Work work, const std::string& name);
    Result<BackupInfo> run(Work work, const std::string& name);
    Result<BackupInfo> run_drill(const std::string& name, Progress& progress);
    void forget_old(const std::string& fresh);
    bool is_making_due(const std::vector<BackupInfo>& all) const;
    // True if something was due.
    bool tend_making(const std::vector<BackupInfo>& all);
    void tend_drill(const std::vector<BackupInfo>& all);

    const BackupParts parts_;
    io::Pool& pool_;
    const BackupsOptions options_;
    std::unique_ptr<Target> target_;  // null: there is no second place
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    State state_;
    std::shared_ptr<Progress> progress_;
    bool closing_ = false;
    std::atomic<int> failures_ = 0;         // since the last that went well
    std::atomic<DurationNs> last_try_ = 0;  // monotonic
    std::atomic<int> drill_failures_ = 0;   // drills that could not be done, since the last that was
    std::atomic<DurationNs> last_drill_ = 0;
};

}  // namespace gongshu::backup
