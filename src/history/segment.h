#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "history/cells.h"
#include "history/chunk.h"
#include "io/files.h"

namespace gongshu::history {

using Day = std::int32_t;  // days since 1970-01-01 UTC

constexpr Day day_of(TimeNs time) { return static_cast<Day>(time >= 0 ? time / kDay : -((kDay - 1 - time) / kDay)); }
constexpr TimeNs day_start(Day day) { return day * kDay; }
// Days beyond this (1677 and 2262) are not whole within the range of nanoseconds; their readings are refused.
inline constexpr Day kDayMax = 106'750;
constexpr bool is_storable(TimeNs time) { return time >= day_start(-kDayMax) && time < day_start(kDayMax); }
std::string day_name(Day day);  // "20260314"

// What the manifest says of a segment.
struct SegmentInfo {
    Day day = 0;
    std::uint16_t shard = 0;
    std::uint64_t number = 0;  // names the file, never reused
    std::uint64_t order = 0;   // of two segments with a row of the same time, that with the higher order wins
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    TimeNs min_time = 0;
    TimeNs max_time = 0;  // inclusive
    friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

std::string segment_path(const std::string& folder, const SegmentInfo& info);
// The first bytes of the file, which no reader needs: Code::corrupt if they are not those of a segment.
Result<void> check_segment_header(io::Files& files, const std::string& path);

// Appends the sections of a chunk with these rows, if any (section.h).
using WriteSections = void (*)(const Run& rows, Buffer& out);

// Writes one segment: tags in growing order, each tag's rows in growing time, in one or more calls.
// Lives:   one per file, on the thread that seals or merges.
// Bounds:  a buffer of about 1 MiB, times and qualities of the last chunks, and the directory.
// Disk:    docs/format/segment.md. `path` + ".tmp", synced and renamed by finish(); the caller syncs the folder. What
// is
//          not finished is removed.
class SegmentWriter {
public:
    SegmentWriter(SegmentWriter&&) = default;
    ~SegmentWriter();
    static Result<SegmentWriter> create(io::Files& files, std::string path, SegmentInfo info, Tier tier = Tier::hot,
                                        WriteSections write_sections = nullptr);
    Result<void> add(TagId tag, const Run& run, std::size_t begin, std::size_t end);
    Result<SegmentInfo> finish();

private:
    SegmentWriter(io::Files& files, std::string path, SegmentInfo info, Tier tier, WriteSections write_sections,
                  std::unique_ptr<io::File> file);
    // Of the tag. What cells (cells.h) its rows amount to lies behind the last chunk.
    enum class Follows { more, nothing };
    Result<void> write_pending(Follows follows);
    void write_times(ChunkInfo& chunk);
    void write_qualities(ChunkInfo& chunk);

    io::Files* files_;
    std::string path_;
    // Times that a chunk was written with; the tags of a device mostly have the same.
    struct WrittenTimes {
        std::size_t chunk;  // its index in directory_
        RowVector<TimeNs> times;
    };
    struct WrittenQualities {
        std::size_t chunk;
        RowVector<std::uint16_t> qualities;
    };

    SegmentInfo info_;
    Tier tier_;
    WriteSections write_sections_;
    std::unique_ptr<io::File> file_;
    Buffer buffer_;
    std::uint64_t written_ = 0;
    std::vector<ChunkInfo> directory_;
    std::list<WrittenTimes> lately_;  // the newest first
    std::list<WrittenQualities> lately_qualities_;
    TagId tag_;
    Run pending_;      // rows of tag_ that do not fill a chunk yet
    CellMaker cells_;  // of the rows of tag_ before
};

// A segment that is open: its directory in memory, its chunks read as asked. Immutable; any thread.
class OpenSegment {
public:
    static Result<std::shared_ptr<const OpenSegment>> open(io::Files& files, const std::string& path);

    const std::vector<ChunkInfo>& chunks() const { return directory_; }
    // The chunks of one tag: [first, last) in chunks().
    std::pair<std::size_t, std::size_t> chunks_of(TagId tag) const;
    // The rows of the chunk within `window`, and perhaps some more of the chunk beside them.
    Result<Run> read(const ChunkInfo& chunk, Window window = kEver) const;
    // The same, and which row of the chunk is the first of them.
    Result<ChunkPart> read_part(const ChunkInfo& chunk, Window window) const;
    // As pick_rows(). Not of format 0: see can_pick().
    Result<void> pick(const ChunkInfo& chunk, std::span<const std::uint32_t> numbers, Picked& picked) const;
    // Whether rows of a chunk can be read without their times; those of format 0 are in one piece.
    bool can_pick() const { return format_ > 0; }
    // What lies behind the chunk's values, for find_section(); empty if nothing does.
    // … its first `bytes_max`.
    Result<Buffer> sections(const ChunkInfo& chunk,
                            std::uint32_t bytes_max = std::numeric_limits<std::uint32_t>::max()) const;
    // Its rows. Reads every byte of the chunk; Code::corrupt if one is damaged.
    Result<Run> check(const ChunkInfo& chunk) const;
    std::uint16_t shard() const { return shard_; }
    Tier tier() const { return tier_; }
    Day day() const { return day_; }
    std::uint64_t memory_bytes() const { return directory_.size() * sizeof(ChunkInfo) + 512; }

private:
    Result<Run> read_0(const ChunkInfo& chunk, Bytes bytes) const;

    std::string path_;
    std::unique_ptr<io::File> file_;
    std::uint16_t shard_ = 0;
    Day day_ = 0;
    std::uint8_t format_ = 2;
    Tier tier_ = Tier::hot;
    std::vector<ChunkInfo> directory_;
};

// The directory at the end of a segment's bytes; the seam of the fuzzer.
struct SegmentDirectory {
    std::uint16_t shard = 0;
    Day day = 0;
    Tier tier = Tier::hot;
    std::vector<ChunkInfo> chunks;
};
inline constexpr std::size_t kSegmentFooterBytes = 24;
struct SegmentFooter {
    std::uint8_t format = 2;
    std::uint64_t directory_offset = 0;
    std::uint32_t directory_bytes = 0;
    std::uint32_t directory_crc = 0;
};
Result<SegmentFooter> decode_footer(Bytes last, std::uint64_t file_bytes, const std::string& path);
// In the newest format.
void encode_directory(const SegmentDirectory& directory, Buffer& out);
// `format` is 0 to 2; `chunk_bytes` those before the directory, the file's header with them.
Result<SegmentDirectory> decode_directory(Bytes bytes, std::uint8_t format, std::uint64_t chunk_bytes,
                                          const std::string& path);

// Segments that were opened lately.
// Lives:   one per store, longer than the segments.
// Threads: any; a lock for the lookup, none while a file is opened.
// Bounds:  kOpenMax files and kMemoryMax bytes of directories; the one not used for longest is closed first.
class SegmentCache {
public:
    static constexpr std::size_t kOpenMax = 256;
    static constexpr std::uint64_t kMemoryMax = 64 << 20;

    explicit SegmentCache(io::Files& files) : files_(files) {}
    Result<std::shared_ptr<const OpenSegment>> get(std::uint64_t number, const std::string& path);
    void drop(std::uint64_t number);

private:
    struct Entry {
        std::uint64_t number;
        std::shared_ptr<const OpenSegment> segment;
    };

    io::Files& files_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // the newest use first
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_number_;
    std::uint64_t memory_bytes_ = 0;
};

// A live segment. When it is no longer part of the store it is marked obsolete, and the file goes when the last reader
// lets go of it.
class Segment {
public:
    Segment(io::Files& files, SegmentCache& cache, std::string path, SegmentInfo info)
        : files_(files), cache_(cache), path_(std::move(path)), info_(info) {}
    ~Segment();
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    const SegmentInfo& info() const { return info_; }
    const std::string& path() const { return path_; }
    Result<std::shared_ptr<const OpenSegment>> open() const { return cache_.get(info_.number, path_); }
    void set_obsolete() { obsolete_.store(true); }

private:
    io::Files& files_;
    SegmentCache& cache_;
    const std::string path_;
    const SegmentInfo info_;
    std::atomic<bool> obsolete_ = false;
};

}  // namespace gongshu::history
