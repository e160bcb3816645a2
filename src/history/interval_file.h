#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/interval.h"
#include "io/files.h"

// Files of intervals: immutable, in blocks, found by asset and time without reading more than their directory.
// docs/format/interval.md.
namespace gongshu::history {

// One interval with all of its revisions, oldest first; never empty.
struct IntervalEntry {
    std::vector<Interval> revisions;
    bool filed = false;  // an older state of it lies in a file
    const Interval& newest() const { return revisions.back(); }
};
using IntervalEntryPtr = std::shared_ptr<const IntervalEntry>;

// What the manifest knows of a file of intervals; times and numbers of the newest revisions.
struct IntervalFileInfo {
    std::uint64_t number = 0;
    std::uint64_t intervals = 0;
    std::uint64_t bytes = 0;
    std::uint64_t min_id = 0, max_id = 0;
    TimeNs min_from = 0, max_from = 0, max_to = 0;
    friend bool operator==(const IntervalFileInfo&, const IntervalFileInfo&) = default;
};

// Some entries of one tenant, side by side in the file.
struct IntervalBlock {
    TenantId tenant;
    std::string first, last;  // subjects
    TimeNs min_from = 0, max_from = 0, max_to = 0;
    std::uint64_t entries = 0;
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t crc = 0;
};

struct IntervalDirectory {
    std::vector<IntervalBlock> blocks;
    std::vector<std::uint64_t> replaced;  // ids whose older states lie in older files, in order
    std::uint64_t ids_offset = 0;
    std::uint32_t ids_bytes = 0, ids_crc = 0;
};

void encode_interval(const Interval& interval, Buffer& out);
// Of a log record; Code::corrupt if it does not follow the grammar.
Result<Interval> decode_interval(Bytes bytes);

// A whole file; `entries` in any order, each id once, none empty. `info` gets all but the number.
Buffer encode_interval_file(std::vector<IntervalEntryPtr> entries, IntervalFileInfo& info);

// An open file. Reads what it is asked for and keeps nothing. Any thread.
class IntervalReader {
public:
    static Result<IntervalReader> open(io::Files& files, const std::string& path);
    const IntervalDirectory& directory() const { return directory_; }
    Result<std::vector<IntervalEntryPtr>> block(const IntervalBlock& block) const;
    // Null if it is not in this file.
    Result<IntervalEntryPtr> find(std::uint64_t id) const;
    // Every entry, in the order of the file; checks all of its grammar.
    Result<std::vector<IntervalEntryPtr>> all() const;

private:
    IntervalReader(std::shared_ptr<io::File> file, std::string path, IntervalDirectory directory)
        : file_(std::move(file)), path_(std::move(path)), directory_(std::move(directory)) {}
    std::shared_ptr<io::File> file_;
    std::string path_;
    IntervalDirectory directory_;
};

// The parts of a file; the seams of the fuzzer.
Result<IntervalDirectory> decode_interval_directory(Bytes bytes, std::uint64_t blocks_bytes, const std::string& path);
Result<std::vector<IntervalEntryPtr>> decode_interval_block(Bytes bytes, const IntervalBlock& block,
                                                            const std::string& path);
Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> decode_interval_ids(Bytes bytes, std::size_t blocks,
                                                                                 const std::string& path);

// What is open, and the kinds that each tenant ever used: a small file, written whole by each seal.
struct OpenIntervals {
    std::vector<IntervalEntryPtr> entries;  // by id
    std::map<TenantId, std::vector<std::string>> kinds;
};
Buffer encode_open_intervals(const OpenIntervals& open);
Result<OpenIntervals> decode_open_intervals(Bytes file, const std::string& path);

}  // namespace gongshu::history
