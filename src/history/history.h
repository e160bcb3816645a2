#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "data/columns.h"
#include "data/interval.h"
#include "data/sink.h"
#include "data/stage.h"
#include "data/tag.h"
#include "data/tuples.h"
#include "history/copier.h"
#include "history/kept_logs.h"
#include "history/retention.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::history {

struct HistoryOptions {
    std::string folder;                            // made if missing; held by a lock
    std::uint32_t retention_days = 3650;           // readings older than this are removed, whole day segments at a time
    std::uint64_t seal_bytes = 64 << 20;           // a memtable of this size is sealed into segments
    DurationNs seal_age = 10 * kMinute;            // … or when its oldest row is this old
    DurationNs interval_sync = 50 * kMillisecond;  // Durability::interval is synced at least this often
    DurationNs future_max = 10 * kMinute;          // later times are server time, uncertain:clock
    std::uint32_t new_tags_per_minute = 10'000;    // per tenant
    // Files of the log are kept for read_log() when their readings are in segments, up to so many bytes; 0: none are.
    std::uint64_t log_kept_bytes = 0;
    std::uint64_t text_bytes_max = 64 << 10;       // a longer text value becomes bad:range, cut
};

// What verify() found. `problems` name file, offset and what is wrong.
struct VerifyReport {
    std::uint64_t files = 0;
    std::uint64_t rows = 0;
    std::uint64_t event_files = 0;
    std::uint64_t events = 0;
    std::uint64_t intervals = 0;
    std::vector<std::string> problems;
    std::vector<std::string> event_problems;  // of event files and bodies
};

// What an event means to whoever logged it; an error says what is wrong with its body.
using OnEvent = std::function<Result<void>(const Event&)>;
// The same check of a folder that nobody has open, down to the end of the log. Writes nothing.
VerifyReport verify_folder(io::Files& files, const Clock& clock, const std::string& folder, const OnEvent& on_event);

struct HistoryStats {
    std::uint64_t tags = 0, rows_in_memory = 0, segments = 0, segment_bytes = 0, log_bytes = 0;
    std::uint64_t intervals = 0, open_intervals = 0;
    std::uint64_t disk_free_bytes = 0, disk_total_bytes = 0;  // where the store lies; 0 if nobody knows
    bool read_only = false;
    std::string read_only_reason;
};

// The time-series store: log first, then memory, then immutable day segments; the catalogue of tags; last values.
// Lives:   one per data folder and process; created before and destroyed after everything that appends or reads.
// Threads: see Sink, Reader and Tags. Shard s is owned by lanes[s % lanes.size()]. Syncs, seals and merges are jobs on
//          `pool`, which should have two threads of its own, so that nobody's query delays an acknowledgement.
// Bounds:  memory by seal_bytes (two memtables, four while a merge holds up the seal) plus the last value of every tag,
// the open intervals
//          (Interval::kOpenMax a tenant) and 8 bytes for each interval that was corrected after it was filed.
// Disk:    docs/format/log.md, segment.md, catalogue.md, interval.md: read for ever.
class History : public Sink, public Reader, public Tags, public Intervals {
public:
    // Recovers what the folder holds: replays the log, cuts a torn tail at the first bad checksum, and refuses with
    // Code::corrupt (naming the file) anything that is not a torn tail. Returns when it can serve.
    static Result<std::unique_ptr<History>> create(io::Files& files, const Clock& clock, Metrics& metrics,
                                                   std::vector<io::Loop*> lanes, io::Pool& pool,
                                                   HistoryOptions options);

    // As append() does with rows. Stage::on_tuples() meets them.
    virtual void append_tuples(Tuples tuples, Durability durability, Done done) = 0;
    // The same. Stage::on_columns() meets them.
    virtual void append_columns(Columns columns, Durability durability, Done done) = 0;
    // Who meets each batch; null = nobody. Before the lanes run.
    virtual void set_stage(Stage* stage) = 0;
    // Up to `helpers` threads of `pool` help whoever reads: with several tags, or with the chunks of one. It may be the
    // pool that reads run on themselves. Null = nobody helps; so before the pool goes. Any thread.
    virtual void set_readers(io::Pool* pool, std::size_t helpers) = 0;
    // Bulk load with times of the past (demo's seed, imports): any time is kept as it is, no stage, no late flag. What
    // is older than the retention goes with the next apply_retention(). Blocks until durable. Not from a lane.
    virtual Result<Appended> import(const Rows& rows) = 0;
    // Seals what is in memory and merges overlapping segments of the same day; blocks until done. Not from a lane.
    virtual Result<void> compact() = 0;
    // Reads every byte and checks checksums, grammar and order. Not from a lane.
    virtual Result<VerifyReport> verify() const = 0;
    // Gives all that makes a store to `copier`, the manifest last, while the store goes on: what was acknowledged
    // before the call is in it, and a part of what comes during it. Seals wait only while the log is taken. Not from a
    // lane.
    virtual Result<void> copy_to(Copier& copier) = 0;
    // Removes day segments past retention; returns how many. Not from a lane. Called daily by the app.
    virtual Result<std::uint64_t> apply_retention() = 0;
    // Removes what `removal` says. Crash safe: all of it or nothing; a backup that runs still gets what it began with.
    // The newest reading of a tag is still told by last(). Not from a lane.
    virtual Result<Removed> remove(const Removal& removal) = 0;
    // Removes the rows that `cut` says, also those in memory, and last() goes back to what is left. Crash safe: all of
    // it or nothing. Code::corrupt if a segment that may hold some of them cannot be read. Not from a lane.
    virtual Result<Removed> cut(const Cut& cut) = 0;
    // What the segments hold by day, oldest first; from memory.
    virtual std::vector<DayUse> days() const = 0;
    // The same by tag, in any order; opens every segment. Not from a lane.
    virtual Result<void> visit_tag_days(const std::function<void(const TagDayUse&)>& visit) const = 0;
    virtual HistoryStats stats() const = 0;
    // Readings that are on disk, of all tenants, in the order in which they came, from a position on; about `bytes_max`
    // bytes of the log. What was not sealed yet is always there; of what was, as much as log_kept_bytes keeps.
    // Code::conflict if the position is not of this log. Not from a lane.
    virtual Result<LogPiece> read_log(LogPosition from, std::uint64_t bytes_max) const = 0;
    // What is before `group` is needed no more.
    virtual void release_log(std::uint64_t group) = 0;
    // What was dropped since the last call before it was released.
    virtual LogLoss take_log_loss() = 0;
    // Syncs what is in the log buffers; after it appends are refused. Blocks; not from a lane. Destroying the store
    // without it is like a crash: what was acknowledged is kept.
    virtual void stop() = 0;
};

}  // namespace gongshu::history
