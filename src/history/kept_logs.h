#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/rows.h"
#include "io/files.h"

namespace gongshu::history {

// How far somebody has read the log: every group before `group`.
struct LogPosition {
    std::uint64_t group = 0;  // 0 = from where it begins
    std::uint32_t crc = 0;    // of the group before; 0 = not known. Tells this log from another one's
    // Where the group lies; only saves time, 0 = not known.
    std::uint64_t file = 0, offset = 0;
};

// Readings of the log in the order in which they came.
struct LogPiece {
    std::vector<Rows> rows;        // in order; none if there is nothing new
    std::uint64_t begin = 0;       // the first group of it; above the one asked for if what was before it is gone
    LogPosition next;              // where to go on
    std::uint64_t bytes = 0;       // of the log
    std::uint64_t left_bytes = 0;  // at least so many are behind it
};

// What was removed before anybody had read it.
struct LogLoss {
    std::uint64_t readings = 0;
    std::uint64_t files = 0;  // with those that could not be read, whose readings nobody counted
};

// Files of the log whose readings are in segments, kept for whoever reads the log: each is moved into the folder "kept"
// in place of being removed, and goes when it was read or when it is too much.
// Threads: any.
// Bounds:  bytes_max, and none once the disk is short; the oldest file goes then, read or not.
class KeptLogs {
public:
    // `bytes_max` 0: nothing is kept, and what was kept before goes.
    KeptLogs(io::Files& files, std::string folder, std::uint64_t bytes_max)
        : files_(files), folder_(std::move(folder)), bytes_max_(bytes_max) {}

    // Finds what is there. `fresh`: the store is new, so that nothing there is of its log.
    Result<void> open(bool fresh);
    bool keeps() const { return bytes_max_ > 0; }
    // Takes over a file that the log needs no more.
    Result<void> take(const std::string& path, std::uint64_t number);
    // Every group before `group` was read.
    void release(std::uint64_t group);

    struct File {
        std::string path;
        std::uint64_t first_group = 0;
        std::uint64_t bytes = 0;
    };
    std::map<std::uint64_t, File> files() const;  // by number
    // Since the last call.
    LogLoss take_loss();

private:
    void note_or_leave(std::uint64_t number, const std::string& path);
    Result<void> note(std::uint64_t number, const std::string& path);
    Result<void> count_readings(const File& file, std::uint64_t& readings) const;
    void prune();

    io::Files& files_;
    const std::string folder_;
    const std::uint64_t bytes_max_;
    mutable std::mutex mutex_;
    std::map<std::uint64_t, File> kept_;
    std::uint64_t bytes_ = 0;
    std::uint64_t released_ = 0;
    LogLoss loss_;
};

}  // namespace gongshu::history
