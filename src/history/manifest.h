#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "data/event.h"
#include "data/ids.h"
#include "history/interval_file.h"
#include "history/segment.h"

namespace gongshu::history {

// A file of events in order of (time, id).
struct EventFileInfo {
    std::uint64_t number = 0;
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    TimeNs min_time = 0;
    TimeNs max_time = 0;  // inclusive
    friend bool operator==(const EventFileInfo&, const EventFileInfo&) = default;
};

// What of the folder is alive. Replaced whole, atomically, by each seal and merge: what it does not name is not part of
// the store, and everything it names was synced before. See docs/format/segment.md.
struct Manifest {
    std::uint64_t log_first = 1;    // the log begins in this file
    std::uint64_t next_number = 1;  // for files; larger than any that was ever named here
    std::uint64_t next_event = 1;
    std::uint64_t catalogue = 0;                             // number of the snapshot; 0 = none yet
    std::uint64_t last = 0;                                  // number of the file of last values; 0 = none yet
    std::array<std::uint64_t, kShardCount> next_sequence{};  // rows of the log below these are in segments
    std::vector<SegmentInfo> segments;                       // in order of (day, shard, order)
    std::vector<EventFileInfo> events;
    std::uint64_t next_interval = 1;          // revisions of the log below this are in files
    std::uint64_t open_intervals = 0;         // number of the file of open intervals; 0 = none yet
    std::vector<IntervalFileInfo> intervals;  // in the order in which they replace each other
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

Buffer encode_manifest(const Manifest& manifest);
Result<Manifest> decode_manifest(Bytes file, const std::string& path);

// A file of events: sealed by number, in order of (time, id).
Buffer encode_events(const std::vector<Event>& events);
Result<std::vector<Event>> decode_events(Bytes file, const std::string& path);

// The newest reading of a tag; what answers last().
struct LastRow {
    TagId tag;
    ValueType type = ValueType::number;
    TimeNs time = 0;
    std::uint64_t bits = 0;  // not for text
    std::uint16_t quality = 0;
    std::string text;
    friend bool operator==(const LastRow&, const LastRow&) = default;
};
Buffer encode_last(const std::vector<LastRow>& rows);
Result<std::vector<LastRow>> decode_last(Bytes file, const std::string& path);

}  // namespace gongshu::history
