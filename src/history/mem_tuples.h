#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/tuples.h"
#include "data/window.h"
#include "history/run.h"

namespace gongshu::history {

// What memory holds of tags whose readings come together: a row for each time, which is that time and the value of
// each tag, and beside them the rows that came out of order. Made columns of only when somebody reads a tag.
// Lives:   in its group, then in a frozen memtable.
// Threads: not thread-safe; the shard's lock, or immutable once frozen.
// Bounds:  seal_bytes for all of them together.
// Disk:    none.
class MemTuples {
public:
    explicit MemTuples(std::span<const ValueType> types) : types_(types.begin(), types.end()) {}
    // True if there was a row of that time, which is replaced.
    bool put(const Tuples& tuples, std::size_t k);

    std::size_t width() const { return types_.size(); }
    std::size_t readings() const { return (rows_ + late_.size()) * types_.size(); }
    bool contains(TimeNs time) const;
    bool in_order() const { return late_.empty(); }
    // The days on which there are rows.
    void add_days(std::set<std::int32_t>& days) const;
    Run rows_in(Window window, std::size_t column) const;
    // The same into `run`, while in_order(). With `same_times` its times are those of another column already.
    void read(Window window, std::size_t column, bool same_times, Run& run) const;
    Run all(std::size_t column) const;

    // What was taken from the heap so far, for the account of seal_bytes.
    std::uint64_t bytes() const { return bytes_; }

private:
    // Rows one after the other, each its time and its values; chunks grow with what is in them.
    struct Chunk {
        std::unique_ptr<std::uint64_t[]> cells;
        std::unique_ptr<std::uint16_t[]> qualities;  // of each value; null while all are good
        std::uint32_t rows = 0, room = 0;
    };
    struct LateRow {
        std::vector<std::uint64_t> values;
        std::vector<std::uint16_t> qualities;
    };

    std::size_t stride() const { return types_.size() + 1; }
    TimeNs time_at(const Chunk& chunk, std::size_t row) const {
        return static_cast<TimeNs>(chunk.cells[row * stride()]);
    }
    std::size_t lower_bound(const Chunk& chunk, TimeNs time) const;
    std::size_t first_chunk(TimeNs time) const;
    Chunk& chunk_with_room();
    void write(Chunk& chunk, std::size_t row, const Tuples& tuples, std::size_t k);
    std::uint64_t kept(const Tuples& tuples, std::size_t column, std::uint64_t bits);
    void push(Run& run, std::size_t column, TimeNs time, std::uint64_t bits, std::uint16_t quality) const;

    const std::vector<ValueType> types_;
    std::vector<Chunk> chunks_;
    std::size_t rows_ = 0;            // of all chunks
    std::map<TimeNs, LateRow> late_;  // no time of a chunk is in here
    std::string text_;
    std::uint64_t bytes_ = 0;
};

}  // namespace gongshu::history
