#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/rows.h"
#include "data/tuples.h"

namespace gongshu {

// Readings of tags that have the same times: those once, and beside them the values of each tag. None of them is a
// text.
// Threads: a plain value.
struct ColumnBlock {
    TupleShapePtr shape;
    std::vector<TimeNs> times;             // strictly growing, at least one
    std::vector<std::uint64_t> bits;       // of the shape's first tag, then of its second …; as Rows has them
    std::vector<std::uint16_t> qualities;  // in the same order; empty while all are good

    std::size_t rows() const { return times.size(); }
    std::size_t width() const { return shape->width(); }
    std::size_t readings() const { return bits.size(); }
    std::span<const std::uint64_t> column(std::size_t i) const { return std::span{bits}.subspan(i * rows(), rows()); }
    std::uint16_t quality_bits(std::size_t row, std::size_t i) const {
        return qualities.empty() ? pack(kGood) : qualities[i * rows() + row];
    }
    // Whether each time is after the one before.
    bool times_grow() const;
    // Makes a place for the quality of each value where there is none yet.
    void spell_qualities() {
        if (qualities.empty()) qualities.resize(bits.size(), pack(kGood));
    }
    // Column after column, as they would have come alone.
    void add_to(Rows& out) const;
};

// A batch of readings that came as columns: what Tuples is for lines, and cheaper, since nothing of it is turned round
// until it is read. Any shapes without texts, any order of blocks, repeats allowed: of two readings with the same (tag,
// time) the later one wins.
// Limits: Rows::kRowsMax readings; add() past it, or of times that do not grow, is our
// own bug (ASSERT). Threads: a plain value; once all are added, each block may be changed by a thread of its own.
class Columns {
public:
    void add(ColumnBlock block);
    bool full(std::size_t readings) const { return readings_ + readings > Rows::kRowsMax; }
    std::size_t size() const { return blocks_.size(); }
    bool empty() const { return blocks_.empty(); }
    std::size_t readings() const { return readings_; }
    const ColumnBlock& block(std::size_t k) const { return blocks_[k]; }
    ColumnBlock& block(std::size_t k) { return blocks_[k]; }

    // Brings the blocks of each shard together, in the order in which they came; shard s has [bounds[s], bounds[s+1]).
    Tuples::Bounds sort_by_shard();
    void add_to(Rows& rows) const;
    // Blocks [begin, end) as single readings.
    Rows rows(std::size_t begin, std::size_t end) const;
    Rows rows() const { return rows(0, size()); }

private:
    std::vector<ColumnBlock> blocks_;
    std::size_t readings_ = 0;
};

}  // namespace gongshu
