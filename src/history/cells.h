#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "history/chunk.h"
#include "history/row_sums.h"
#include "history/section.h"

namespace gongshu::history {

class OpenSegment;

// What the rows of one tag in one whole UTC hour or minute amount to; there is none without a usable row.
struct Cell {
    TimeNs from = 0;
    Statistics statistics;   // sum: of numbers, as PieceSums adds them; 0 for other types
    std::int64_t whole = 0;  // the sum of integers and booleans
    TimeNs first_time = 0;   // of the usable rows
    TimeNs last_time = 0;
    friend bool operator==(const Cell&, const Cell&);  // NaN is NaN
};

// What times of cells are counted in, by the number that stands on disk: never renumber.
inline constexpr std::array<std::int64_t, 4> kCellUnits{1, kMicrosecond, kMillisecond, kSecond};
// The largest of which all times of these are multiples.
std::size_t cell_unit_of(const std::vector<Cell>& cells);

// Only where so many rows are is a cell worth its bytes.
inline constexpr std::uint64_t kHourCellRows = 60, kMinuteCellRows = 30;

// Of hours and minutes.
constexpr DurationNs cell_length(SectionType type) { return type == SectionType::hours ? kHour : kMinute; }
constexpr SectionType bits_of(SectionType type) {
    return type == SectionType::hours ? SectionType::hour_bits : SectionType::minute_bits;
}
constexpr TimeNs cell_start(TimeNs time, DurationNs length) {
    return (time / length - (time % length < 0 ? 1 : 0)) * length;
}

// Whether it is worth looking for minutes among so many rows of a day: they may be dense enough in half of the time.
bool may_have_minutes(std::uint64_t rows, TimeNs from, TimeNs to);

// Gathers the cells of one tag's rows of a day. Threads: a plain value, no sharing.
class CellMaker {
public:
    // Rows in growing time over all calls, all of one type.
    void add(const Run& run);
    // Appends a section for each length of which there are cells, hours first, in bits if they can be; forgets all.
    void encode(Buffer& out);
    // Those that encode() would write, in order of time; forgets them.
    std::vector<Cell> take(SectionType type);

private:
    // One that more rows may still come to.
    struct Open {
        Cell cell;
        PieceSums sums;
        __int128 whole = 0;
    };
    struct Made {
        SectionType type;
        std::vector<Cell> cells;
        Open open;
    };
    // From the first row at or after `begin` on.
    void add(Made& made, const Run& run, TimeNs begin);
    static void close(Made& made, ValueType type);

    ValueType type_ = ValueType::number;
    Made hours_{SectionType::hours, {}, {}}, minutes_{SectionType::minutes, {}, {}};
    TimeNs minutes_from_ = std::numeric_limits<TimeNs>::min();
};

// `cells` of one day, in order of time, not empty, as "cells" of docs/format/segment.md says.
void encode_cells(SectionType type, ValueType value_type, const std::vector<Cell>& cells, Buffer& out);
// Code::corrupt if the payload does not follow the grammar. Never more cells than a day has hours or minutes.
Result<std::vector<Cell>> decode_cells(SectionType type, ValueType value_type, TimeNs day_from, Bytes payload);

// The cells of a tag in a segment, which lie behind its last chunk; none if there are none or they cannot be read.
std::vector<Cell> read_cells(const OpenSegment& segment, const ChunkInfo& last, SectionType type);
// Code::corrupt if the cells behind the chunk `last` are not those that `maker` made of the same rows.
Result<void> check_cells(const OpenSegment& segment, const ChunkInfo& last, CellMaker& maker);

}  // namespace gongshu::history
