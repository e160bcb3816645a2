#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "history/record.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::history {

// The log: records are collected in memory and written and synced in groups, one group at a time.
// Lives:   one per store, shared with its jobs on the pool.
// Threads: all calls from any thread. append() holds a lock for one copy into the buffer; the write and the sync hold
//          another one, so that records are collected while a group is on its way to the disk.
// Bounds:  kBufferBytesMax waiting to be written; append() past that is Code::limit.
// Disk:    docs/format/log.md.
class Log : public std::enable_shared_from_this<Log> {
public:
    static constexpr std::size_t kBufferBytesMax = 256 << 20;

    Log(io::Files& files, std::string folder, io::Pool& pool, Metrics& metrics);

    // Makes the first file of this run and begins to number groups with `group`.
    Result<void> start(std::uint64_t file_number, std::uint64_t group);

    // Puts a record into the buffer and returns the position after it. Code::unavailable once the log is broken.
    Result<std::uint64_t> append(RecordKind kind, Bytes payload);
    // `then` runs on `loop` when everything before `position` is synced, or with the error when it cannot be. Starts a
    // sync if none is under way.
    void when_synced(std::uint64_t position, io::Loop& loop, std::function<void(const Result<void>&)> then);
    // Starts a sync on the pool if something waits for one; false if the pool was full.
    bool start_sync();
    void retry_sync(io::Loop& loop);
    // Writes and syncs here and now all that was appended before.
    Result<void> flush();
    // flush(), then a new file; returns its number. Records appended after the call are in that file or later ones.
    Result<std::uint64_t> rotate();
    // Refuses everything from now on with this reason.
    void close(const Error& why);
    // Lets go of the file.
    void release();

    std::optional<Error> broken() const;
    bool is_broken() const { return is_broken_.load(std::memory_order_acquire); }
    // Bytes that are not synced yet, and how many wait for that.
    std::pair<std::uint64_t, std::uint64_t> behind() const;
    std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    // Of records since the last rotate(), with those that replay() said.
    std::uint64_t unsealed() const {
        const std::uint64_t from = unsealed_from_.load(std::memory_order_relaxed);
        const std::uint64_t appended = appended_.load(std::memory_order_relaxed);
        return appended > from ? appended - from : 0;
    }
    // So many bytes of records were there before start(), none of which is sealed.
    void count_replayed(std::uint64_t bytes) {
        bytes_.fetch_add(bytes, std::memory_order_relaxed);
        appended_.fetch_add(bytes, std::memory_order_relaxed);
    }
    // Every group before it is on disk.
    std::uint64_t next_synced_group() const { return next_synced_group_.load(std::memory_order_acquire); }
    // Files of so many bytes were removed.
    void count_removed(std::uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

private:
    struct Waiter {
        std::uint64_t position;
        io::Loop* loop;
        std::function<void(const Result<void>&)> then;
    };

    void sync_until_idle();
    Result<void> flush_locked();
    Result<std::unique_ptr<io::File>> make_file(std::uint64_t number, std::uint64_t group);
    void finish_waiters(const Result<void>& result, std::uint64_t position);

    // Constant after construction.
    io::Files& files_;
    const std::string folder_;
    io::Pool& pool_;
    Counter& groups_counter_;
    Counter& bytes_counter_;

    // Whoever writes: holds disk_mutex_, taken before state_mutex_.
    std::mutex disk_mutex_;
    std::unique_ptr<io::File> file_;
    std::uint64_t file_number_ = 0;
    std::uint64_t next_file_number_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t next_group_ = 0;
    Buffer spare_;

    // Under state_mutex_.
    mutable std::mutex state_mutex_;
    Buffer buffer_;  // begins with room for the header of the group
    std::uint64_t position_ = 0;
    std::uint64_t synced_ = 0;
    std::deque<Waiter> waiters_;
    std::optional<Error> broken_;
    bool sync_under_way_ = false;

    std::atomic<bool> is_broken_ = false;
    std::atomic<std::uint64_t> next_synced_group_ = 1;
    std::atomic<std::uint64_t> bytes_ = 0;
    // Bytes of records in all, with those replayed, and how many of them were before the last rotate().
    std::atomic<std::uint64_t> appended_ = 0, unsealed_from_ = 0;
};

// What replay_log() found.
struct LogEnd {
    std::uint64_t next_group = 1;
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;
    std::optional<std::uint64_t> last_file;  // the highest number in use
    std::optional<std::uint64_t> tail_file;  // the last one that holds a good group
    // Where a torn tail begins, if there is one: the file's number and the offset up to which it is good.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> torn;
};

std::string log_file_name(std::uint64_t number);
// The number in such a name; nullopt for other names.
std::optional<std::uint64_t> log_file_number(std::string_view name);

// Gives every record of the log's files from `first_file` on to `apply`, in order, and finds where the log ends. A bad
// group is a torn tail if no good group follows anywhere; else Code::corrupt naming file and offset. Changes nothing.
Result<LogEnd> replay_log(io::Files& files, const std::string& folder, std::uint64_t first_file,
                          const std::function<Result<void>(Record)>& apply);

// One file of the log, as replay_log() reads it; the seam of the fuzzer.
struct LogFile {
    std::uint64_t first_group = 0;  // by its header
    std::uint64_t next_group = 0;
    std::uint64_t good_bytes = 0;     // up to the end of the last good group; 0 if even the header is bad
    std::string problem;              // what is wrong after that, if good_bytes is not the file's length
    bool good_group_follows = false;  // … and yet a good group is found after it
};
Result<LogFile> read_log_file(Bytes file, const std::string& path, const std::function<Result<void>(Record)>& apply);

// Groups one by one, for whoever reads a file that may still grow. `offset` is that of a group's first byte.
inline constexpr std::uint64_t kLogHeaderBytes = 20;       // of a file
inline constexpr std::uint64_t kLogGroupHeaderBytes = 20;  // of a group
struct LogGroup {
    std::uint64_t number = 0;
    std::uint64_t length = 0;  // of its records
    std::uint32_t crc = 0;
};
// The group with which a file of the log begins; nullopt if it holds none.
Result<std::optional<std::uint64_t>> first_group_of(io::Files& files, const std::string& path);
// Code::corrupt if there is none. Its checksum is looked at by read_log_group() alone.
Result<LogGroup> read_group_head(const io::File& file, const std::string& path, std::uint64_t offset);
// `group` is all of it, its header too.
Result<void> read_log_group(Bytes group, const std::string& path, std::uint64_t offset,
                            const std::function<Result<void>(Record)>& apply);

}  // namespace gongshu::history
