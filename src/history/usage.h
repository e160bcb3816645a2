#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "history/formats.h"
#include "history/history.h"

// What the files of a history take and how they fare: for those who look after it, not on the way of a reading.
namespace gongshu::history {

// Which of the segments' days and tags are asked for.
struct TagDays {
    std::int32_t first = std::numeric_limits<std::int32_t>::min();
    std::int32_t last = std::numeric_limits<std::int32_t>::max();  // inclusive
    std::optional<TagId> tag = {};                                 // nullopt = all
};

// What the segments hold of one tag within those days.
struct TagUse {
    TagId tag;
    TenantId tenant;  // 0 = the catalogue does not know the tag
    std::uint64_t rows = 0, bytes = 0;
    std::int32_t first = 0, last = 0;  // days that hold it
};

// The same by tag and by tenant; what is in memory is in neither.
struct Usage {
    std::vector<TagUse> tags;                      // in order of id
    std::map<TenantId, std::vector<DayUse>> days;  // oldest first; DayUse::segments is 0, tenants share them
};

// How fast storage grows, and what that means for the disk. Estimates both.
struct Growth {
    std::optional<double> bytes_a_day;  // the mean of the last whole days, at most 7
    std::optional<TimeNs> full_at;      // when the disk has no room at this rate; nullopt: not within a hundred years
};
Growth growth_of(const std::vector<DayUse>& days, const HistoryStats& stats, TimeNs now);

// What the store does with its files at this moment.
enum class FileWork : std::uint8_t { none, sealing, merging, removing };

// What HistoryStats does not tell.
struct StorageStats {
    std::uint64_t rows_appended = 0;                        // since the start, repeated ones too
    std::uint64_t unmerged_segments = 0;                    // more than one of a shard and day: what merging would save
    std::uint64_t memory_bytes = 0;                         // of rows that wait to be sealed
    DurationNs memory_age = 0;                              // of the oldest of them
    std::uint64_t log_unsynced_bytes = 0, log_waiting = 0;  // not on disk yet; acknowledgements that wait for it
    FileWork work = FileWork::none;
};

// RateLog is how fast a count grew: lately, and in steps over the last day.
// Threads: none of its own.   Bounds:  kStepsMax steps and the samples of kLately.   Disk: none; a restart forgets.
class RateLog {
public:
    static constexpr DurationNs kStep = 5 * kMinute;
    static constexpr std::size_t kStepsMax = 288;  // a day
    static constexpr DurationNs kLately = 30 * kSecond;

    struct Step {
        TimeNs end = 0;
        double per_s = 0;
    };

    // `monotonic` grows. A count that went back begins anew.
    void sample(std::uint64_t count, DurationNs monotonic, TimeNs now);
    double now_per_s() const;                  // over kLately
    std::optional<double> mean_per_s() const;  // over all that is kept; nullopt before the second sample
    DurationNs span() const;                   // that mean_per_s() is about
    const std::deque<Step>& steps() const { return steps_; }

private:
    struct Sample {
        DurationNs at = 0;
        std::uint64_t count = 0;
    };
    static double per_s(const Sample& from, const Sample& to);

    std::deque<Sample> lately_;
    std::deque<Sample> begins_;  // of each step and of the one that goes on
    std::deque<Step> steps_;
};

// How far a check is; whoever asked for it may watch and stop it. Any thread.
struct VerifyProgress {
    std::atomic<std::uint64_t> files_done = 0, files = 0, bytes_done = 0, bytes = 0;
    std::atomic<bool> stop = false;
};

struct CheckState {
    static constexpr std::size_t kProblemsMax = 100;  // more are only counted
    bool running = false;
    TimeNs since = 0;
    std::uint64_t files_done = 0, files = 0, bytes_done = 0, bytes = 0;
    // Of the last one that ended; 0 = none did.
    TimeNs ended = 0;
    DurationNs took = 0;
    std::string error;  // why it did not come to its end
    std::uint64_t files_read = 0, rows = 0, events = 0, intervals = 0, problem_count = 0;
    std::vector<std::string> problems;
};

// Storage is the side of a History that tells of its files.
// Lives:   as long as its History.
// Threads: any but a lane.
// Bounds:  one check at a time; an answer about usage for each of kUsageDays, each some 50 bytes a tag, for kUsageAge.
// Disk:    only reads.
class Storage {
public:
    static constexpr DurationNs kUsageAge = 30 * kSecond;
    // Lengths of which answers are made, so that few are kept and made: anybody may ask for a length of their own.
    static constexpr std::array<std::uint32_t, 6> kUsageDays{1, 7, 30, 90, 365, 3650};
    static constexpr std::size_t kUsageWaitersMax = 2;

    virtual ~Storage() = default;
    virtual StorageStats storage_stats() const = 0;
    // What is kept of before, if anything; up to ten minutes old.
    virtual Result<Formats> formats() const = 0;
    // Of the rows that were appended.
    virtual RateLog rates() const = 0;
    // Opens every segment of those days, of one tag only those of its shard; decodes none: some milliseconds for each
    // hundred of them.
    virtual Result<Usage> usage(const TagDays& which) const = 0;
    // Of the last `days` UTC days, one of kUsageDays, today among them; up to kUsageAge old. Who asks while it is made
    // waits for that; Code::unavailable if more than kUsageWaitersMax do.
    virtual Result<std::shared_ptr<const Usage>> recent_usage(std::uint32_t days) = 0;
    // Begins to read every byte, as verify() does, on `pool`. Seals wait only while the log and the snapshots are read.
    // Code::conflict while a check runs, Code::unavailable if the pool is full or checks are closed.
    virtual Result<void> start_check(io::Pool& pool) = 0;
    virtual void cancel_check() = 0;  // soon; fine if none runs
    virtual void close_checks() = 0;  // the same, and none begins any more
    virtual CheckState check_state() const = 0;
};

// `history` is one that History::create() gave.
Storage& storage_of(History& history);

}  // namespace gongshu::history
