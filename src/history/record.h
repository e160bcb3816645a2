#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/columns.h"
#include "data/event.h"
#include "data/interval.h"
#include "data/rows.h"
#include "data/tag.h"
#include "data/tuples.h"

namespace gongshu::history {

// What a log record holds. On disk: never renumber.
enum class RecordKind : std::uint8_t {
    rows = 1,      // readings of one shard
    event = 2,     //
    tag = 3,       // a new tag
    move = 4,      // new paths of the tags of a source
    unit = 5,      // a new unit of a tag
    interval = 6,  // a revision of an interval
    tuples = 7,    // readings of one shard that came together
    columns = 8,   // … as columns
};

struct RowsRecord {
    ShardId shard;
    std::uint64_t first_sequence =
        0;  // of the first row; the others follow. Grows by one a row within a shard, for ever.
    Rows rows;
};

struct TuplesRecord {
    ShardId shard;
    std::uint64_t first_sequence = 0;  // of the first reading; the others follow
    Tuples tuples;
};

struct ColumnsRecord {
    ShardId shard;
    std::uint64_t first_sequence = 0;
    Columns columns;
};

// Changes of the catalogue carry a number of their own that grows by one, so that replay over a snapshot that has them
// already skips them.
struct TagRecord {
    std::uint64_t change = 0;
    TagInfo tag;  // without labels: they follow from the source
};
struct MoveRecord {
    std::uint64_t change = 0;
    std::vector<std::pair<TagId, std::string>> paths;
};
struct UnitRecord {
    std::uint64_t change = 0;
    TagId tag;
    std::string unit;
};

// Revisions of intervals are numbered without gaps; the number of the first one of an interval is its id.
struct IntervalRecord {
    std::uint64_t change = 0;
    Interval interval;
};

using Record =
    std::variant<RowsRecord, Event, TagRecord, MoveRecord, UnitRecord, IntervalRecord, TuplesRecord, ColumnsRecord>;

// Appends the payload of a record.
void encode_rows(ShardId shard, std::uint64_t first_sequence, const Rows& rows, Buffer& out);
// Tuples [begin, end), all of this shard.
void encode_tuples(ShardId shard, std::uint64_t first_sequence, const Tuples& tuples, std::size_t begin,
                   std::size_t end, Buffer& out);
// Blocks [begin, end), all of this shard.
void encode_columns(ShardId shard, std::uint64_t first_sequence, const Columns& columns, std::size_t begin,
                    std::size_t end, Buffer& out);
void encode_event(const Event& event, Buffer& out);
void encode_tag(const TagRecord& record, Buffer& out);
void encode_move(const MoveRecord& record, Buffer& out);
void encode_unit(const UnitRecord& record, Buffer& out);
void encode_interval_record(const IntervalRecord& record, Buffer& out);

// Code::corrupt if `payload` does not follow the grammar of `kind` or the kind is unknown.
Result<Record> decode_record(std::uint8_t kind, Bytes payload);

}  // namespace gongshu::history
