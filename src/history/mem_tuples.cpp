#include "history/mem_tuples.h"

#include <algorithm>
#include <limits>

#include "history/kernels.h"
#include "history/segment.h"

namespace gongshu::history {

namespace {

constexpr std::size_t kFirstRows = 4;
constexpr std::size_t kLateRows = 16;   // room at first for what comes out of order
constexpr std::size_t kColumnRows = 8;  // of a block that is kept column after column
constexpr std::size_t kChunkBytesMax = 64 << 10;
constexpr std::uint64_t kLateRowBytes = 150;  // beside its values

}  // namespace

// A row that is put in: its time, and value and quality of each column.
struct MemTuples::TupleRow {
    const Tuples& tuples;
    std::size_t k;
    TimeNs time() const { return tuples.time(k); }
    bool all_good() const { return tuples.value_qualities(k).empty() && tuples.quality_bits(k) == pack(kGood); }
    std::uint16_t quality(std::size_t i) const { return tuples.quality_bits(k, i); }
    void copy_values(MemTuples& to, std::uint64_t* values, std::size_t step) const {
        const auto bits = tuples.bits(k);
        const bool has_text = tuples.shape(k).has_text();
        for (std::size_t i = 0; i < bits.size(); ++i)
            values[i * step] =
                has_text && to.types_[i] == ValueType::text ? to.keep_text(tuples.text_of(bits[i])) : bits[i];
    }
};

struct MemTuples::BlockRow {
    const ColumnBlock& block;
    std::size_t row;
    TimeNs time() const { return block.times[row]; }
    bool all_good() const { return block.qualities.empty(); }
    std::uint16_t quality(std::size_t i) const { return block.quality_bits(row, i); }
    void copy_values(MemTuples&, std::uint64_t* values, std::size_t step) const {
        for (std::size_t i = 0; i < block.width(); ++i) values[i * step] = block.bits[i * block.rows() + row];
    }
};

std::uint64_t MemTuples::keep_text(std::string_view text) {
    const std::uint64_t offset = text_.size();
    text_ += text;
    bytes_ += text.size();
    return offset << 32 | text.size();
}

std::size_t MemTuples::rows_max() const {
    return std::max(kFirstRows, kChunkBytesMax / (stride() * sizeof(std::uint64_t)));
}

MemTuples::Chunk MemTuples::make_chunk(std::size_t room, bool by_column) {
    Chunk chunk;
    chunk.cells = std::make_unique_for_overwrite<std::uint64_t[]>(room * stride());
    chunk.room = static_cast<std::uint32_t>(room);
    chunk.by_column = by_column;
    bytes_ += room * stride() * sizeof(std::uint64_t);
    return chunk;
}

// The last one, with room for a row at least.
MemTuples::Chunk& MemTuples::chunk_with_room(std::size_t wanted, bool by_column) {
    if (!chunks_.empty() && chunks_.back().rows < chunks_.back().room) return chunks_.back();
    const std::size_t doubled = chunks_.empty() ? kFirstRows : std::size_t{chunks_.back().room} * 2;
    return chunks_.emplace_back(make_chunk(std::min(rows_max(), std::max(doubled, wanted)), by_column));
}

// Cuts a chunk in two before `row`, which is not its first.
void MemTuples::divide(std::size_t at, std::size_t row) {
    Chunk& chunk = chunks_[at];
    const std::size_t rows = chunk.rows - row;
    Chunk tail = make_chunk(rows, chunk.by_column);
    if (chunk.qualities) make_qualities(tail);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t cell = 0; cell < stride(); ++cell)
            tail.cells[cell_at(tail, i, cell)] = chunk.cells[cell_at(chunk, row + i, cell)];
        for (std::size_t column = 0; chunk.qualities && column < types_.size(); ++column)
            tail.qualities[quality_at(tail, i, column)] = chunk.qualities[quality_at(chunk, row + i, column)];
    }
    tail.rows = static_cast<std::uint32_t>(rows);
    chunk.rows = static_cast<std::uint32_t>(row);
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(tail));
}

// A chunk with room that ends before row `row` of chunk `at`, with none between; null if there would be too many.
MemTuples::Chunk* MemTuples::chunk_between(std::size_t at, std::size_t row, std::size_t wanted, bool by_column) {
    if (row > 0) {
        if (!may_divide()) return nullptr;
        divide(at, row);
        return &chunks_[at];
    }
    if (at > 0 && chunks_[at - 1].rows < chunks_[at - 1].room) return &chunks_[at - 1];
    if (!may_divide()) return nullptr;
    const std::size_t room = std::min(rows_max(), std::max(kLateRows, wanted));
    return &*chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(at), make_chunk(room, by_column));
}

void MemTuples::make_qualities(Chunk& chunk) {
    const std::size_t count = chunk.room * types_.size();
    chunk.qualities = std::make_unique_for_overwrite<std::uint16_t[]>(count);
    std::fill_n(chunk.qualities.get(), count, pack(kGood));
    bytes_ += count * sizeof(std::uint16_t);
}

template <class Source>
void MemTuples::write(Chunk& chunk, std::size_t row, const Source& source) {
    const std::size_t step = chunk.by_column ? chunk.room : 1;
    std::uint64_t* const cells = chunk.cells.get() + cell_at(chunk, row, 0);
    cells[0] = static_cast<std::uint64_t>(source.time());
    source.copy_values(*this, cells + step, step);
    if (!chunk.qualities) {
        if (source.all_good()) return;
        make_qualities(chunk);
    }
    for (std::size_t i = 0; i < types_.size(); ++i) chunk.qualities[quality_at(chunk, row, i)] = source.quality(i);
}

std::size_t MemTuples::lower_bound(const Chunk& chunk, TimeNs time) const {
    std::size_t begin = 0;
    for (std::size_t count = chunk.rows; count > 0;) {
        const std::size_t half = count / 2;
        if (time_at(chunk, begin + half) < time) {
            begin += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return begin;
}

// The first one with a row at or after `time`.
std::size_t MemTuples::first_chunk(TimeNs time) const {
    const auto before = [&](const Chunk& chunk) { return last_time(chunk) < time; };
    return static_cast<std::size_t>(std::ranges::partition_point(chunks_, before) - chunks_.begin());
}

template <class Source>
bool MemTuples::put_late(const Source& source) {
    const auto [late, fresh] = late_.try_emplace(source.time());
    if (fresh) bytes_ += kLateRowBytes + types_.size() * (sizeof(std::uint64_t) + sizeof(std::uint16_t));
    late->second.values.resize(types_.size());
    late->second.qualities.resize(types_.size());
    source.copy_values(*this, late->second.values.data(), 1);
    for (std::size_t i = 0; i < types_.size(); ++i) late->second.qualities[i] = source.quality(i);
    return !fresh;
}

template <class Source>
bool MemTuples::put_row(const Source& source) {
    const TimeNs time = source.time();
    const auto append = [&](Chunk& chunk) {
        write(chunk, chunk.rows, source);
        ++chunk.rows;
        ++rows_;
        return false;
    };
    if (chunks_.empty() || time > last_time(chunks_.back())) return append(chunk_with_room(1, false));
    if (late_.contains(time)) return put_late(source);
    const std::size_t at = first_chunk(time);
    const std::size_t row = lower_bound(chunks_[at], time);
    if (time_at(chunks_[at], row) == time) {
        write(chunks_[at], row, source);
        return true;
    }
    if (Chunk* const chunk = chunk_between(at, row, 1, false)) return append(*chunk);
    return put_late(source);
}

bool MemTuples::put(const Tuples& tuples, std::size_t k) { return put_row(TupleRow{tuples, k}); }

// Appends rows of the block from `begin` on as long as there is room; how many.
std::size_t MemTuples::write_rows(Chunk& chunk, const ColumnBlock& block, std::size_t begin, std::size_t end) {
    const std::size_t count = std::min<std::size_t>(end - begin, chunk.room - chunk.rows);
    const std::size_t step = chunk.by_column ? 1 : stride();
    const auto copy = [&](auto* to, const auto* from, std::size_t by) {
        if (by == 1) return void(std::copy_n(from, count, to));
        for (std::size_t i = 0; i < count; ++i) to[i * by] = from[i];
    };
    const auto* const times = reinterpret_cast<const std::uint64_t*>(block.times.data());
    copy(chunk.cells.get() + cell_at(chunk, chunk.rows, 0), times + begin, step);
    for (std::size_t i = 0; i < types_.size(); ++i)
        copy(chunk.cells.get() + cell_at(chunk, chunk.rows, i + 1), block.column(i).data() + begin, step);
    if (!block.qualities.empty() && !chunk.qualities) make_qualities(chunk);
    if (chunk.qualities)
        for (std::size_t i = 0; i < types_.size(); ++i)
            for (std::size_t row = 0; row < count; ++row)
                chunk.qualities[quality_at(chunk, chunk.rows + row, i)] = block.quality_bits(begin + row, i);
    chunk.rows += static_cast<std::uint32_t>(count);
    rows_ += count;
    return count;
}

// Puts rows of the block from `begin` on where nothing lies between them; how many, 0 if the first has to go alone.
std::size_t MemTuples::put_between(const ColumnBlock& block, std::size_t begin) {
    const TimeNs time = block.times[begin];
    const auto rest = std::span{block.times}.subspan(begin);
    const bool by_column = rest.size() >= kColumnRows;
    if (chunks_.empty() || time > last_time(chunks_.back()))
        return write_rows(chunk_with_room(rest.size(), by_column), block, begin, block.rows());
    const std::size_t at = first_chunk(time), row = lower_bound(chunks_[at], time);
    const TimeNs next = time_at(chunks_[at], row);
    const auto late = late_.lower_bound(time);
    const TimeNs until = late == late_.end() ? next : std::min(next, late->first);
    const auto count = static_cast<std::size_t>(std::ranges::lower_bound(rest, until) - rest.begin());
    if (count == 0) return 0;
    Chunk* const chunk = chunk_between(at, row, count, by_column);
    return chunk == nullptr ? 0 : write_rows(*chunk, block, begin, begin + count);
}

std::size_t MemTuples::put(const ColumnBlock& block, std::vector<std::uint8_t>& replaced) {
    replaced.assign(block.rows(), 0);
    std::size_t count = 0;
    for (std::size_t row = 0; row < block.rows();) {
        if (const std::size_t rows = put_between(block, row)) {
            row += rows;
            continue;
        }
        replaced[row] = put_row(BlockRow{block, row}) ? 1 : 0;
        count += replaced[row++];
    }
    return count;
}

bool MemTuples::contains(TimeNs time) const {
    if (late_.contains(time)) return true;
    const std::size_t at = first_chunk(time);
    if (at == chunks_.size() || time < time_at(chunks_[at], 0)) return false;
    return time_at(chunks_[at], lower_bound(chunks_[at], time)) == time;
}

void MemTuples::add_days(std::set<std::int32_t>& days) const {
    for (const Chunk& chunk : chunks_) {
        const Day last = day_of(last_time(chunk));
        for (std::size_t row = 0; row < chunk.rows;) {
            const Day day = day_of(time_at(chunk, row));
            days.insert(day);
            row = day == last ? chunk.rows : lower_bound(chunk, day_start(day + 1));
        }
    }
    for (const auto& [time, row] : late_) days.insert(day_of(time));
}

void MemTuples::push(Run& run, std::size_t column, TimeNs time, std::uint64_t bits, std::uint16_t quality) const {
    if (types_[column] == ValueType::text)
        run.push_text(time, std::string_view(text_).substr(bits >> 32, bits & 0xffffffff), quality);
    else
        run.push(time, bits, quality);
}

Run MemTuples::rows_in(Window window, std::size_t column) const {
    Run found;
    found.type = types_[column];
    if (window.empty()) return found;
    if (late_.empty()) {
        read(window, column, false, found);
        return found;
    }
    auto late = late_.lower_bound(window.from);
    const auto push_late_before = [&](TimeNs time) {
        for (; late != late_.end() && late->first < time; ++late)
            push(found, column, late->first, late->second.values[column], late->second.qualities[column]);
    };
    for (std::size_t at = first_chunk(window.from); at < chunks_.size(); ++at) {
        const Chunk& chunk = chunks_[at];
        for (std::size_t row = lower_bound(chunk, window.from); row < chunk.rows; ++row) {
            const TimeNs time = time_at(chunk, row);
            if (time >= window.to) break;
            push_late_before(time);
            push(found, column, time, chunk.cells[cell_at(chunk, row, column + 1)], quality_of(chunk, row, column));
        }
    }
    push_late_before(window.to);
    return found;
}

void MemTuples::read(Window window, std::size_t column, bool same_times, Run& run) const {
    run.type = types_[column];
    run.bits.clear();
    run.text.clear();
    run.qualities.clear();
    if (!same_times || run.type == ValueType::text) run.times.clear();
    for (std::size_t at = first_chunk(window.from); at < chunks_.size(); ++at) {
        const Chunk& chunk = chunks_[at];
        const std::size_t begin = lower_bound(chunk, window.from), end = lower_bound(chunk, window.to);
        if (begin == end) break;
        if (run.type == ValueType::text)
            for (std::size_t row = begin; row < end; ++row)
                push(run, column, time_at(chunk, row), chunk.cells[cell_at(chunk, row, column + 1)],
                     quality_of(chunk, row, column));
        else
            read_rows(chunk, begin, end, column, same_times, run);
    }
}

// No texts.
void MemTuples::read_rows(const Chunk& chunk, std::size_t begin, std::size_t end, std::size_t column, bool same_times,
                          Run& run) const {
    const std::size_t count = end - begin, before = run.bits.size();
    const auto copy = [&](auto* to, const auto* from, std::size_t step) {
        if (step == 1) return void(std::copy_n(from, count, to));
        for (std::size_t i = 0; i < count; ++i) to[i] = from[i * step];
    };
    const std::size_t step = chunk.by_column ? 1 : stride();
    run.bits.resize(before + count);
    copy(run.bits.data() + before, chunk.cells.get() + cell_at(chunk, begin, column + 1), step);
    if (!same_times) {
        run.times.resize(before + count);
        copy(reinterpret_cast<std::uint64_t*>(run.times.data() + before), chunk.cells.get() + cell_at(chunk, begin, 0),
             step);
    }
    run.qualities.resize(before + count);
    if (chunk.qualities)
        copy(run.qualities.data() + before, chunk.qualities.get() + quality_at(chunk, begin, column),
             chunk.by_column ? 1 : types_.size());
    else
        fill_qualities(run.qualities.data() + before, count, pack(kGood));
}

Run MemTuples::all(std::size_t column) const {
    return rows_in({std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()}, column);
}

}  // namespace gongshu::history
