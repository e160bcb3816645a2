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
// each tag. It lies in chunks in order of time, row after row as tuples come or column after column as blocks do, and
// what comes out of order is put between them while that makes few small ones; else it lies beside them. Made runs of
// only when somebody reads a tag.
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
    // Chunks grow with what is in them. Cell 0 of a row is its time, the others its values.
    struct Chunk {
        std::unique_ptr<std::uint64_t[]> cells;
        std::unique_ptr<std::uint16_t[]> qualities;  // of each value; null while all are good
        std::uint32_t rows = 0, room = 0;
        bool by_column = false;  // cell after cell instead of row after row
    };
    struct LateRow {
        std::vector<std::uint64_t> values;
        std::vector<std::uint16_t> qualities;
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
    std::size_t first_chunk(TimeNs time) const;
    std::size_t rows_max() const;
    bool may_divide() const { return chunks_.size() <= kSmallChunksMax + rows_ / kRowsOfChunk; }
    Chunk make_chunk(std::size_t room, bool by_column);
    Chunk& chunk_with_room(std::size_t wanted, bool by_column);
    Chunk* chunk_between(std::size_t at, std::size_t row, std::size_t wanted, bool by_column);
    void divide(std::size_t at, std::size_t row);
    void make_qualities(Chunk& chunk);
    template <class Source>
    bool put_row(const Source& source);
    template <class Source>
    void write(Chunk& chunk, std::size_t row, const Source& source);
    template <class Source>
    bool put_late(const Source& source);
    std::size_t write_rows(Chunk& chunk, const ColumnBlock& block, std::size_t begin, std::size_t end);
    std::size_t put_between(const ColumnBlock& block, std::size_t begin);
    std::uint64_t keep_text(std::string_view text);
    void push(Run& run, std::size_t column, TimeNs time, std::uint64_t bits, std::uint16_t quality) const;
    void read_rows(const Chunk& chunk, std::size_t begin, std::size_t end, std::size_t column, bool same_times,
                   Run& run) const;

    // So many chunks may there be, however small, and one more for each so many rows.
    static constexpr std::size_t kSmallChunksMax = 8, kRowsOfChunk = 32;

    const std::vector<ValueType> types_;
    std::vector<Chunk> chunks_;       // none is empty; in order, no time of one lies among those of another
    std::size_t rows_ = 0;            // of all chunks
    std::map<TimeNs, LateRow> late_;  // no time of a chunk is in here
    std::string text_;
    std::uint64_t bytes_ = 0;
};

}  // namespace gongshu::history
