#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "data/selection.h"
#include "history/catalogue.h"
#include "history/formats.h"
#include "history/history.h"
#include "history/interval_file.h"
#include "history/kept_logs.h"
#include "history/log.h"
#include "history/manifest.h"
#include "history/mem_tuples.h"
#include "history/run.h"
#include "history/scan.h"
#include "history/segment.h"
#include "history/usage.h"

namespace gongshu::history {

// Tags of a shard whose readings come together: one shape of them, and no reading of one alone. It ends when one comes;
// then its tags are each by themselves again.
struct TupleGroup {
    TupleShapePtr shape;
    std::size_t number = 0;             // in Shard::groups
    std::unique_ptr<MemTuples> active;  // rows since the last freeze
    // The last reading of each; before the first one theirs are, and none of them is newer than last_time.
    bool has_last = false;
    TimeNs last_time = 0;
    std::vector<std::uint64_t> last_bits;
    std::vector<std::uint16_t> last_qualities;
    std::vector<std::string> last_texts;  // empty if none of them is a text
};

// What a shard knows of one of its tags.
struct TagState {
    ValueType type = ValueType::number;
    bool has_last = false;
    std::uint16_t last_quality = 0;
    std::uint32_t column = 0;     // in its group
    TupleGroup* group = nullptr;  // what has_last and so on say is from before it, and `active` is null
    TimeNs last_time = 0;
    std::uint64_t last_bits = 0;
    std::unique_ptr<std::string> last_text;
    std::unique_ptr<MemTag> active;        // rows since the last freeze
    std::int64_t clock_event_minute = -1;  // of the last event that told of a wrong clock
};

// Where memory holds the rows of one tag.
struct MemRows {
    TagId tag;
    const MemTag* alone = nullptr;      // either this
    const MemTuples* tuples = nullptr;  // or a column of this
    std::uint32_t column = 0;
    Run rows_in(Window window) const {
        return alone != nullptr ? alone->rows_in(window) : tuples->rows_in(window, column);
    }
    bool contains(TimeNs time) const { return alone != nullptr ? alone->contains(time) : tuples->contains(time); }
    std::size_t rows() const { return alone != nullptr ? alone->rows() : tuples->rows(); }
};

// Rows of a shard on their way into segments; immutable.
struct FrozenShard {
    std::vector<MemRows> tags;  // in order of id
    std::vector<std::unique_ptr<const MemTag>> alone;
    std::vector<std::unique_ptr<const MemTuples>> tuples;
    std::uint64_t next_sequence = 0;
    const MemRows* find(TagId tag) const;
};

// One sixteenth of the tags.
// Threads: changed by the lane that owns it (and by import(), recovery and the freeze of a seal, from elsewhere); read
// by
//          anybody. One lock a shard, taken once a batch: a batch costs one uncontended lock, a reader holds it only
//          while it copies the rows of one tag.
struct Shard {
    std::mutex mutex;
    std::vector<TagState> tags;  // [id >> 4 - 1]
    std::vector<TagId> touched;  // have `active`
    std::vector<std::unique_ptr<TupleGroup>> groups;
    std::uint64_t next_sequence = 0;
    std::shared_ptr<const FrozenShard> frozen;
    std::atomic<std::uint64_t> tag_count = 0;  // = tags.size(), read without the lock
};

// Where the rows of a tag since the last freeze are; nullopt if there are none. Under the shard's lock.
std::optional<MemRows> active_rows(const Shard& shard, TagId tag);
// The newest row of a tag, nullopt if it never had one; under the shard's lock.
std::optional<LastRow> last_row(const TagState& state, TagId tag);
// A seal that waits for a long merge lets so many memtables' worth of readings come.
inline constexpr std::uint64_t kWaitingMemtables = 4;
// And never so many that the log, whose files are read whole, could not be replayed.
inline constexpr std::uint64_t kUnsealedBytesMax = std::uint64_t{2} << 30;

// Ends a group: its tags have their rows and last readings by themselves. How many bytes more they take so.
std::uint64_t dissolve(Shard& shard, TupleGroup& group);
// The newest row of each tag of a shard; under its lock.
void collect_last(const Shard& shard, std::uint16_t number, std::vector<LastRow>& rows);

// A live file of events; goes when it is obsolete and nobody reads it any more.
struct EventFile {
    io::Files& files;
    const std::string path;
    const EventFileInfo info;
    std::atomic<bool> obsolete = false;
    EventFile(io::Files& of, std::string at, EventFileInfo what) : files(of), path(std::move(at)), info(what) {}
    ~EventFile();
};

// A live file of intervals.
class IntervalFile {
public:
    IntervalFile(io::Files& files, std::string path, IntervalFileInfo info)
        : info(info), files_(files), path_(std::move(path)) {}
    ~IntervalFile();
    const IntervalFileInfo info;
    std::atomic<bool> obsolete = false;
    const std::string& path() const { return path_; }
    Result<IntervalReader> open() const { return IntervalReader::open(files_, path_); }
    // Ids whose older states lie in older files, in order; read once.
    Result<std::shared_ptr<const std::vector<std::uint64_t>>> replaced() const;

private:
    io::Files& files_;
    const std::string path_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const std::vector<std::uint64_t>> replaced_;
};

// The files that are the store now; replaced whole, never edited.
struct Version {
    Manifest manifest;
    std::map<std::pair<std::uint16_t, Day>, std::vector<std::shared_ptr<Segment>>> segments;  // oldest order first
    std::vector<std::shared_ptr<EventFile>> events;
    std::vector<std::shared_ptr<IntervalFile>> intervals;  // in the manifest's order
};

// Events that are in the log but not in a file yet.
struct EventMemory {
    std::uint64_t next_id = 1;
    std::vector<Event> active;
    std::shared_ptr<const std::vector<Event>> frozen;  // in order of (time, id)
    std::uint64_t frozen_next_id = 1;
};

// Intervals that are in the log but not in a file yet, and all that are open.
struct IntervalMemory {
    using Entries = std::map<std::uint64_t, IntervalEntryPtr>;  // by id
    std::uint64_t next_change = 1;
    Entries open;    // whose newest revision is open; at every time all of them
    Entries active;  // closed or withdrawn, changed since the last freeze
    std::map<TenantId, std::set<std::string>> kinds;
    std::map<TenantId, std::size_t> open_counts;
    std::shared_ptr<const Entries> frozen;
    OpenIntervals frozen_open;
    std::uint64_t frozen_next_change = 1;
    const IntervalEntryPtr* find(std::uint64_t id) const;
};

struct StoreMetrics {
    explicit StoreMetrics(Metrics& metrics);
    Counter &rows, &duplicates, &events, &intervals, &late, &wrong_clock, &wrong_type, &cut_text, &seals, &merges,
        &removed_rows, &removed_bytes, &chunks_read, &blocks_weighed;
    Gauge &memory_bytes, &segments, &tags, &read_only;
};

struct Part;
class TagSources;

// Says what is being done as long as it lives.
class Working {
public:
    Working(std::atomic<FileWork>& where, FileWork what) : where_(where) { where_ = what; }
    ~Working() { where_ = FileWork::none; }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

private:
    std::atomic<FileWork>& where_;
};

// The engine behind History; shared with what it posted to lanes and pool, which may outlive the History.
// Lives:   from create() to the last of its jobs; closed by the History's destructor.
// Threads: as History says. Locks in the order they may be taken: maintenance_, the catalogue's, a shard's, events_,
//          intervals_, the log's, version_.
class Store final : public std::enable_shared_from_this<Store> {
public:
    Store(io::Files& files, const Clock& clock, Metrics& metrics, std::vector<io::Loop*> lanes, io::Pool& pool,
          HistoryOptions options);

    Result<void> recover();
    void start_timer();
    void stop();
    void close();
    void set_stage(Stage* stage) { stage_ = stage; }

    void append(Rows rows, Durability durability, Sink::Done done);
    void append_tuples(Tuples tuples, Durability durability, Sink::Done done);
    void append_columns(Columns columns, Durability durability, Sink::Done done);
    void append_event(Event event, Durability durability, std::function<void(Result<EventId>)> done);
    Result<Appended> import(const Rows& rows);

    // Intervals (intervals.cpp); see Intervals.
    void add_interval(Interval interval, Durability durability, Intervals::IntervalDone done);
    void revise_interval(Interval next, Durability durability, Intervals::IntervalDone done);
    Result<IntervalPage> find_intervals(TenantId tenant, const IntervalQuery& query) const;
    Result<std::vector<Interval>> interval_revisions(TenantId tenant, IntervalId id) const;
    std::vector<std::string> interval_kinds(TenantId tenant) const;
    std::vector<Interval> open_intervals(TenantId tenant, IntervalSource source, std::string_view source_name) const;

    void set_readers(io::Pool* pool, std::size_t helpers);
    Result<std::vector<Series>> read(const ReadRequest& request) const;
    // select.cpp; see Selector.
    Result<std::vector<SelectedRows>> select(const SelectRequest& request) const;
    std::optional<Reading> last(TagId tag) const;
    Result<std::vector<Event>> read_events(TenantId tenant, Window window, std::string_view kind_prefix,
                                           std::size_t events_max) const;

    Catalogue& catalogue() { return catalogue_; }
    const Catalogue& catalogue() const { return catalogue_; }
    Result<void> flush() { return log_->flush(); }

    Result<void> compact();
    Result<VerifyReport> verify(VerifyProgress* progress) const;
    Result<void> copy_to(Copier& copier);
    Result<std::uint64_t> apply_retention();
    Result<Removed> remove(const Removal& removal);
    Result<Removed> cut(const Cut& cut);
    std::vector<DayUse> days() const;
    Result<void> visit_tag_days(const std::function<void(const TagDayUse&)>& visit, const TagDays& which) const;
    HistoryStats stats() const;
    // read_log.cpp; see History.
    Result<LogPiece> read_log(LogPosition from, std::uint64_t bytes_max) const;
    KeptLogs& kept_logs() { return kept_logs_; }
    StorageStats storage_stats() const;
    Result<Formats> formats() const;
    RateLog rates() const { return *rates_.lock(); }

private:
    struct Append;
    struct Ingested;
    struct WrongClock;
    struct MemoryUse {
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
    };

    // Ways in (store.cpp).
    io::Loop& home_lane() const;
    io::Loop& owner(std::uint16_t shard) const { return *lanes_[shard % lanes_.size()]; }
    // What waits to be sealed: in memory, or in the log if that is more, as of readings that replace others.
    std::uint64_t unsealed_bytes() const {
        return std::max(active_bytes_.load(std::memory_order_relaxed), log_->unsealed());
    }
    std::optional<Error> refusal() const;
    std::optional<Error> refusal(const Rows& rows) const;
    bool knows(TagId tag) const;
    std::array<Rows, kShardCount> split(Rows rows) const;
    void ingest_part(const std::shared_ptr<Append>& append, std::uint16_t shard, Rows rows);
    static void note(Append& append, Result<Ingested> ingested);
    void taken_in(const Ingested& ingested, std::size_t readings, const std::vector<WrongClock>& wrong);
    void finish(const std::shared_ptr<Append>& append);
    Result<Ingested> ingest(std::uint16_t shard, Rows& rows, bool live);
    void normalise(Shard& shard, Rows& rows, bool live, std::vector<WrongClock>& wrong);
    Rows convert(const Shard& shard, const Rows& rows);
    std::uint64_t put(Shard& shard, const Rows& rows);
    bool put_row(Shard& shard, const Rows& rows, std::size_t i, MemoryUse& use);
    struct Value;
    bool put_value(Shard& shard, const Value& value, MemoryUse& use);

    // Readings that come together (tuples_in.cpp).
    struct TuplePart;
    using Groups = std::vector<TupleGroup*>;
    void ingest_tuple_part(const std::shared_ptr<Append>& append, const TuplePart& part);
    Result<Ingested> ingest_tuples(const TuplePart& part, bool& as_rows);
    bool group_all(Shard& shard, const Tuples& tuples, std::size_t begin, std::size_t end, Groups& groups);
    bool normalise_tuples(Shard& shard, const TuplePart& part, const Groups& groups, std::vector<WrongClock>& wrong);
    std::uint64_t put_tuples(Shard& shard, const Tuples& tuples, std::size_t begin, std::size_t end,
                             const Groups& groups);
    std::uint64_t put_tuple(Shard& shard, const Tuples& tuples, std::size_t k, TupleGroup* group, MemoryUse& use);
    std::uint64_t put_alone(Shard& shard, const Tuples& tuples, std::size_t k, MemoryUse& use);

    // Readings that come as columns (columns_in.cpp).
    struct ColumnPart;
    void ingest_column_part(const std::shared_ptr<Append>& append, const ColumnPart& part);
    Result<Ingested> ingest_columns(const ColumnPart& part, bool& as_rows);
    bool takes_columns(const Shard& shard, const ColumnPart& part) const;
    void mark_late(const Shard& shard, ColumnBlock& block);
    std::uint64_t put_block(Shard& shard, const ColumnBlock& block, MemoryUse& use);
    std::uint64_t put_block_alone(Shard& shard, const ColumnBlock& block, MemoryUse& use);

    Result<std::pair<EventId, std::uint64_t>> log_event(Event event);
    void tell_wrong_clocks(const std::vector<WrongClock>& wrong);
    void sync_soon(io::Loop& lane);
    void tick();
    void seal_soon();

    // Intervals (intervals.cpp).
    using LoggedInterval = std::pair<Interval, std::uint64_t>;  // and the position in the log
    Result<LoggedInterval> log_new_interval(Interval interval);
    Result<LoggedInterval> log_revision(Interval next);
    Result<std::uint64_t> log_interval(const Interval& interval, IntervalEntry entry);
    void answer_interval(Result<LoggedInterval> logged, Durability durability, Intervals::IntervalDone done);
    void put_interval(IntervalEntry entry);
    Result<void> apply_interval(IntervalRecord record);
    Result<IntervalEntryPtr> filed_interval(std::uint64_t id) const;
    void freeze_intervals();
    Result<void> write_intervals(Manifest& manifest);
    Result<void> merge_intervals(std::size_t files_min);

    // Recovery (recover.cpp).
    Result<void> check_is_new();
    Result<Manifest> read_manifest();
    Result<void> load_snapshots(const Manifest& manifest);
    Result<void> replay(const Manifest& manifest);
    Result<void> apply(const Manifest& manifest, Record record);
    Result<void> apply_tuples(const Manifest& manifest, const TuplesRecord& record);
    Result<void> apply_columns(const Manifest& manifest, const ColumnsRecord& record);
    Result<void> cut_tail(const LogEnd& end);
    Result<void> write_tail_again(const LogEnd& end);
    Result<void> remove_leftovers(const Manifest& manifest);
    void add_tag(TagId tag, ValueType type);
    void forget_old_formats();

    // Files (maintain.cpp); all under maintenance_.
    Result<void> seal();
    Result<void> freeze();
    Result<void> write_frozen_shard(const FrozenShard& shard, std::uint16_t number, Manifest& manifest);
    Result<void> write_frozen_day(const FrozenShard& shard, const std::vector<const Run*>& runs, SegmentInfo info,
                                  Manifest& manifest);
    Result<void> write_snapshots(Manifest& manifest);
    Result<void> write_last(Manifest& manifest, const std::vector<LastRow>& rows);
    Result<void> write_events(Manifest& manifest, std::vector<Event> events);
    enum class MergeWhat : std::uint8_t { worthwhile, all };
    Result<void> merge_segments(MergeWhat what);
    Result<SegmentInfo> merge_day(std::span<const std::shared_ptr<Segment>> segments, Tier tier);
    Result<void> merge_events(std::size_t files_min);
    Result<void> install(Manifest manifest);
    // What a removal found and wrote so far (retention.cpp).
    struct RemovalPlan {
        Removed removed;
        std::set<std::uint64_t> gone;    // numbers of segments
        std::vector<SegmentInfo> fresh;  // written in place of some of them
        std::uint64_t rewritten_bytes = 0;
    };
    Result<void> remove_part(const Segment& segment, const Removal& removal, RemovalPlan& plan);
    Result<SegmentInfo> write_without(const OpenSegment& open, SegmentInfo info,
                                      const std::vector<const ChunkInfo*>& kept);
    // A cut (cut.cpp).
    bool has_in_memory(const Cut& cut);
    Result<void> cut_part(const Segment& segment, const Cut& cut, RemovalPlan& plan);
    Result<void> set_last_back(const Cut& cut);
    void remove_unless_copied(const std::string& old);
    Result<void> let_go(const std::string& old);
    Result<std::map<std::uint64_t, KeptLogs::File>> log_files() const;
    Result<bool> read_log_file_into(LogPiece& piece, const KeptLogs::File& file, std::uint64_t number,
                                    const LogPosition& from, std::uint64_t& group, std::uint64_t offset,
                                    std::uint64_t bytes_max) const;
    struct CopiedFile {
        std::string name, path;
        std::uint64_t bytes;
    };
    Result<std::vector<CopiedFile>> files_to_copy(const Version& now, std::uint64_t log_end);
    Result<void> copy_files(Copier& copier, const std::vector<CopiedFile>& files, const Manifest& manifest) const;
    std::shared_ptr<const Version> version() const;
    std::string path(std::string_view name) const { return options_.folder + "/" + std::string(name); }
    std::string numbered(std::string_view folder, std::uint64_t number, std::string_view suffix) const;

    // Ways out (query.cpp).
    struct Question;
    struct Piece;
    Result<Series> read_tag(const Question& question, TagId tag) const;
    Result<Series> read_buckets(const Question& question, TagId tag) const;
    Result<Series> read_newest_buckets(const Question& question, TagId tag) const;
    Result<Series> read_thin(const Question& question, TagId tag) const;
    static Result<bool> has_more_rows(const TagSources& all, Window window, std::uint64_t most);
    Result<Window> extent_of(const TagSources& all, const Question& question, TagId tag) const;
    Result<Neighbours> neighbours_of(const Question& question, TagId tag, const BucketBuilder& builder) const;
    Result<std::optional<Reading>> row_in(const Question& question, TagId tag, Window window, QualityFilter filter,
                                          bool last) const;
    Result<void> scan_tag(const TagSources& sources, const Question& question, Window window, bool newest_first,
                          SeriesBuilder& builder) const;
    Result<void> take_pieces(std::vector<Piece>& pieces, const Question& question, SeriesBuilder& builder) const;
    static void add_pieces(std::vector<Piece>& pieces, Part part, SeriesBuilder& builder);
    class ObjectSelect;
    friend class ObjectSelect;
    Result<ValueType> tag_type(TagId tag) const;
    TagSources sources_of(TagId tag, Window window) const;
    void memory_rows(TagId tag, Window window, std::vector<Source>& sources) const;
    // The newest row of a tag before `time`.
    Result<std::optional<Reading>> newest_before(TagId tag, TimeNs time) const;

    // Constant after construction.
    io::Files& files_;
    const Clock& clock_;
    const std::vector<io::Loop*> lanes_;
    io::Pool& pool_;
    const HistoryOptions options_;
    StoreMetrics metrics_;
    const std::shared_ptr<Log> log_;
    KeptLogs kept_logs_;
    mutable SegmentCache cache_;
    std::unique_ptr<io::File> lock_;
    Stage* stage_ = nullptr;

    // Any thread.
    Catalogue catalogue_;
    std::array<Shard, kShardCount> shards_;
    mutable std::mutex events_mutex_;
    EventMemory events_;
    mutable std::mutex intervals_mutex_;
    IntervalMemory intervals_;
    mutable std::mutex version_mutex_;
    std::shared_ptr<const Version> version_;
    std::atomic<std::uint64_t> active_bytes_ = 0;
    std::atomic<std::uint64_t> rows_in_memory_ = 0;
    std::atomic<DurationNs> oldest_at_ = -1;  // monotonic time of the first row since the last freeze; -1 = none
    std::atomic<bool> has_frozen_ = false;
    std::atomic<bool> seal_asked_ = false;
    std::atomic<FileWork> work_ = FileWork::none;
    mutable Guarded<RateLog> rates_;
    struct LookedAt {
        DurationNs at = 0;
        std::optional<Formats> formats;
    };
    mutable Guarded<LookedAt> formats_;
    std::atomic<bool> seal_failed_ = false;  // the next tick tries again
    std::atomic<bool> sync_timer_set_ = false;
    std::atomic<io::Pool*> read_pool_ = nullptr;  // who helps with questions
    std::atomic<std::size_t> read_helpers_ = 0;

    // Who seals, merges, removes.
    mutable std::mutex maintenance_;
    bool closed_ = false;
    std::uint64_t copies_ = 0;    // under way
    std::set<std::string> left_;  // files that go when they have ended
    std::uint64_t frozen_log_first_ = 0;
    std::uint64_t frozen_rows_ = 0;
    std::vector<LastRow> frozen_last_;
    std::uint64_t next_number_ = 1;
    std::uint64_t seal_number_ = 1;       // what the last seal wrote has this number or a higher one
    std::uint64_t snapshot_changes_ = 0;  // of the catalogue, in the last snapshot
};

// The steps of a check: what the folder should hold, and whether it does. Problems go into `report`; nullopt if the
// manifest or the log cannot be read.
std::optional<Manifest> check_manifest(io::Files& files, const std::string& folder, VerifyReport& report);
// What is written once and then only removed. Stops early when `progress`, which may be null, says so.
void check_lasting(io::Files& files, const std::string& folder, const Manifest& manifest, const OnEvent& on_event,
                   VerifyReport& report, VerifyProgress* progress);
// The log and the snapshots, which the next seal replaces.
std::optional<LogEnd> check_changing(io::Files& files, const Clock& clock, const std::string& folder,
                                     const Manifest& manifest, const OnEvent& on_event, VerifyReport& report);

}  // namespace gongshu::history
