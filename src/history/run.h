#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "data/rows.h"
#include "data/value.h"
#include "data/window.h"
#include "history/row_vector.h"

namespace gongshu::history {

// What a Brief is charged for a row: for its decoding, sorting and telling.
inline constexpr std::uint64_t kBriefBytesRow = 32;
inline constexpr std::uint64_t kBriefBytesCell = 48;  // of a day: as if each were there

// Rows of one tag as columns, in strictly growing time. A text's bits are offset << 32 | length into `text`.
struct Run {
    ValueType type = ValueType::number;
    RowVector<TimeNs> times;
    RowVector<std::uint64_t> bits;
    RowVector<std::uint16_t> qualities;
    std::string text;

    std::size_t size() const { return times.size(); }
    bool empty() const { return times.empty(); }
    std::string_view text_at(std::size_t i) const {
        return std::string_view(text).substr(bits[i] >> 32, bits[i] & 0xffffffff);
    }
    void push(TimeNs time, std::uint64_t value, std::uint16_t quality);
    void push_text(TimeNs time, std::string_view value, std::uint16_t quality);
    void push_row(const Run& from, std::size_t i);
    // Rows [begin, end) of a run of the same type.
    void push_rows(const Run& from, std::size_t begin, std::size_t end);
    void clear();
    // First row at or after `time`.
    std::size_t lower_bound(TimeNs time) const;
    // As a number; text is NaN.
    double number_at(std::size_t i) const;
    void add_to(Rows& rows, TagId tag, std::size_t i) const;
    friend bool operator==(const Run&, const Run&);
};

// Rows of `newer` replace those of `older` with the same time.
Run merge(const Run& older, const Run& newer);

// What memory holds of one tag: a run in growing time, and beside it the rows that came out of order.
// Lives:   in its shard's tag table, then in a frozen memtable.
// Threads: not thread-safe; the shard's lock, or immutable once frozen.
// Bounds:  seal_bytes for all of them together.
// Disk:    none.
class MemTag {
public:
    explicit MemTag(ValueType type) { run_.type = type; }
    explicit MemTag(Run rows) : run_(std::move(rows)) {}
    // True if a row of that time was there and is replaced. For text `bits` is ignored.
    bool put(TimeNs time, std::uint64_t bits, std::string_view text, std::uint16_t quality);
    std::size_t rows() const { return run_.size() + late_.size(); }
    bool contains(TimeNs time) const;
    bool in_order() const { return late_.empty(); }
    const Run& run() const { return run_; }
    Run rows_in(Window window) const;
    Run all() const;
    TimeNs min_time() const;
    TimeNs max_time() const;

    // What one row costs in memory, for the account of seal_bytes.
    static constexpr std::uint64_t kRowBytes = 18;
    static constexpr std::uint64_t kLateRowBytes = 80;

private:
    struct Cell {
        std::uint64_t bits;
        std::uint16_t quality;
    };

    Run run_;
    std::map<TimeNs, Cell> late_;  // no time of run_ is in here; text bits point into run_.text
};

}  // namespace gongshu::history
