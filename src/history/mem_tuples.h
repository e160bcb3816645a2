#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/columns.h"
#include "data/tuples.h"
#include "data/window.h"
#include "history/run.h"

namespace gongshu::history {

// What memory holds of tags whose readings come together: a row for each time, which is that time and the value of
// each tag. It lies in chunks in order of time, row after row as tuples come or column after column as blocks do. What
// comes out of order is put between its neighbours: few rows into their chunk, which is cut in halves before if it is
// long, many into one of their own. So it takes less than three times its data in whatever order it comes, and a row
// moves some hundred others at most; texts that were replaced stay. Made runs of only when somebody reads a tag.
// Lives:   in its group, then in a frozen memtable.
// Threads: not thread-safe; the shard's lock, or immutable once frozen.
// Bounds:  seal_bytes for all of them together.
// Disk:    none.
class MemTuples {
public:
    explicit MemTuples(std::span<const ValueType> types) : types_(types.begin(), types.end()) {}
    // True if there was a row of that time, which is replaced.
    bool put(const Tuples& tuples, std::size_t k);
    // How many of its rows there were, which are replaced; in `replaced`, as long as the block, 1 for each of them.
    std::size_t put(const ColumnBlock& block, std::vector<std::uint8_t>& replaced);

    std::size_t width() const { return types_.size(); }
    std::size_t readings() const { return rows_ * types_.size(); }
    bool contains(TimeNs time) const;
    std::size_t rows() const { return rows_; }
    // The days on which there are rows.
    void add_days(std::set<std::int32_t>& days) const;
    Run rows_in(Window window, std::size_t column) const;
    // The same into `run`, of a window that is not empty. With `same_times` its times are those of another column
    // already.
    void read(Window window, std::size_t column, bool same_times, Run& run) const;
    Run all(std::size_t column) const;

    // What it took from the heap at most, for the account of seal_bytes: that one is told by how much it grows, and a
    // freeze begins it anew while rows come.
    std::uint64_t bytes() const { return bytes_max_; }

private:
    // Cell 0 of a row is its time, the others its values.
    struct Chunk {
        std::unique_ptr<std::uint64_t[]> cells;
        std::unique_ptr<std::uint16_t[]> qualities;  // of each value; null while all are good
        std::uint32_t rows = 0, room = 0;
        bool by_column = false;  // cell after cell instead of row after row
    };
    using Chunks = std::map<TimeNs, Chunk>;  // by their first times
    // Rows [row, row + count) of a chunk, which have to be written.
    struct Gap {
        Chunk& chunk;
        std::size_t row = 0, count = 0;
    };

    struct TupleRow;
    struct BlockRow;

    std::size_t stride() const { return types_.size() + 1; }
    std::size_t cell_at(const Chunk& chunk, std::size_t row, std::size_t cell) const {
        return chunk.by_column ? cell * chunk.room + row : row * stride() + cell;
    }
    std::size_t quality_at(const Chunk& chunk, std::size_t row, std::size_t column) const {
        return chunk.by_column ? column * chunk.room + row : row * types_.size() + column;
    }
    TimeNs time_at(const Chunk& chunk, std::size_t row) const {
        return static_cast<TimeNs>(chunk.cells[cell_at(chunk, row, 0)]);
    }
    TimeNs last_time(const Chunk& chunk) const { return time_at(chunk, chunk.rows - 1); }
    std::uint16_t quality_of(const Chunk& chunk, std::size_t row, std::size_t column) const {
        return chunk.qualities ? chunk.qualities[quality_at(chunk, row, column)] : pack(kGood);
    }
    std::size_t lower_bound(const Chunk& chunk, TimeNs time) const;
    // The first one with a row at or after `time`.
    template <class AnyChunks>
    auto first_chunk(AnyChunks& chunks, TimeNs time) const;
    std::size_t rows_max() const;
    std::uint64_t bytes_of(const Chunk& chunk) const;
    Chunk make_chunk(std::size_t room, bool by_column);
    Chunk copy_of(const Chunk& from, std::size_t begin, std::size_t end, std::size_t room);
    Chunks::iterator cut(Chunks::iterator at, std::size_t row);
    Gap open(Chunks::iterator at, std::size_t row, std::size_t count, TimeNs time);
    Gap open_end(std::size_t wanted, bool by_column, TimeNs time);
    Gap open_between(Chunks::iterator at, std::size_t row, std::size_t wanted, bool by_column, TimeNs time);
    void make_qualities(Chunk& chunk);
    template <class Source>
    bool put_row(const Source& source);
    template <class Source>
    void write(Chunk& chunk, std::size_t row, const Source& source);
    std::size_t write_rows(const Gap& gap, const ColumnBlock& block, std::size_t begin);
    std::size_t put_between(const ColumnBlock& block, std::size_t begin);
    std::uint64_t keep_text(std::string_view text);
    void push(Run& run, std::size_t column, TimeNs time, std::uint64_t bits, std::uint16_t quality) const;
    void read_rows(const Chunk& chunk, std::size_t begin, std::size_t end, std::size_t column, bool same_times,
                   Run& run) const;

    const std::vector<ValueType> types_;
    Chunks chunks_;         // none is empty; no time of one lies among those of another
    std::size_t rows_ = 0;  // of all chunks
    std::string text_;
    std::uint64_t bytes_ = 0, bytes_max_ = 0;  // now, and after any put() so far
};

}  // namespace gongshu::history
