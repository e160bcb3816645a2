#include "history/mem_tuples.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "history/kernels.h"
#include "history/segment.h"

namespace gongshu::history {

namespace {

constexpr std::size_t kFirstRows = 4;
constexpr std::size_t kColumnRows = 8;  // of a block that is kept column after column
constexpr std::size_t kLeafRows = 128;  // of a chunk into which rows are put between others
constexpr std::size_t kStepRows = 16;   // by so many at most such a chunk grows
constexpr std::size_t kChunkBytesMax = 64 << 10;
constexpr std::uint64_t kChunkBytes = 96;  // of one beside its cells

// Room for so many rows and some that may follow.
std::size_t room_for(std::size_t rows) { return rows + std::min(rows, kStepRows); }

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

std::uint64_t MemTuples::bytes_of(const Chunk& chunk) const {
    const std::uint64_t values = std::uint64_t{chunk.room} * types_.size();
    return kChunkBytes + (chunk.room + values) * sizeof(std::uint64_t) +
           (chunk.qualities ? values * sizeof(std::uint16_t) : 0);
}

MemTuples::Chunk MemTuples::make_chunk(std::size_t room, bool by_column) {
    Chunk chunk;
    chunk.cells = std::make_unique_for_overwrite<std::uint64_t[]>(room * stride());
    chunk.room = static_cast<std::uint32_t>(room);
    chunk.by_column = by_column;
    bytes_ += bytes_of(chunk);
    return chunk;
}

// Rows [begin, end) with room for `room`.
MemTuples::Chunk MemTuples::copy_of(const Chunk& from, std::size_t begin, std::size_t end, std::size_t room) {
    Chunk to = make_chunk(room, from.by_column);
    if (from.qualities) make_qualities(to);
    to.rows = static_cast<std::uint32_t>(end - begin);
    const auto copy = [&](auto* out, const auto* in, std::size_t width) {
        if (!from.by_column) return void(std::copy(in + begin * width, in + end * width, out));
        for (std::size_t i = 0; i < width; ++i)
            std::copy(in + i * from.room + begin, in + i * from.room + end, out + i * room);
    };
    copy(to.cells.get(), from.cells.get(), stride());
    if (from.qualities) copy(to.qualities.get(), from.qualities.get(), types_.size());
    return to;
}

// Makes two of a chunk, without room for more: what is before `row`, which is not the first, and the other, which is
// given back.
MemTuples::Chunks::iterator MemTuples::cut(Chunks::iterator at, std::size_t row) {
    Chunk& chunk = at->second;
    Chunk tail = copy_of(chunk, row, chunk.rows, chunk.rows - row);
    Chunk head = copy_of(chunk, 0, row, row);
    bytes_ -= bytes_of(chunk);
    chunk = std::move(head);
    const TimeNs first = time_at(tail, 0);
    return chunks_.emplace_hint(std::next(at), first, std::move(tail));
}

// Makes `count` rows before row `row` of the chunk, the first of them of that time.
MemTuples::Gap MemTuples::open(Chunks::iterator at, std::size_t row, std::size_t count, TimeNs time) {
    if (row == 0 && at->first != time) {
        const auto after = std::next(at);
        auto node = chunks_.extract(at);
        node.key() = time;
        at = chunks_.insert(after, std::move(node));
    }
    Chunk& chunk = at->second;
    const std::size_t rows = chunk.rows;
    if (rows + count > chunk.room) {
        Chunk larger = copy_of(chunk, 0, rows, room_for(rows + count));
        bytes_ -= bytes_of(chunk);
        chunk = std::move(larger);
    }
    const auto move = [&](auto* cells, std::size_t width) {
        if (!chunk.by_column)
            return void(std::move_backward(cells + row * width, cells + rows * width, cells + (rows + count) * width));
        for (std::size_t i = 0; i < width; ++i, cells += chunk.room)
            std::move_backward(cells + row, cells + rows, cells + rows + count);
    };
    if (row < rows) move(chunk.cells.get(), stride());
    if (row < rows && chunk.qualities) move(chunk.qualities.get(), types_.size());
    chunk.rows += static_cast<std::uint32_t>(count);
    rows_ += count;
    return {chunk, row, count};
}

// Up to `wanted` rows after all others.
MemTuples::Gap MemTuples::open_end(std::size_t wanted, bool by_column, TimeNs time) {
    auto last = chunks_.empty() ? chunks_.end() : std::prev(chunks_.end());
    if (last == chunks_.end() || last->second.rows == last->second.room) {
        const std::size_t room = std::min(rows_max(), std::max({kFirstRows, rows_, wanted}));
        last = chunks_.emplace_hint(chunks_.end(), time, make_chunk(room, by_column));
    }
    const Chunk& chunk = last->second;
    return open(last, chunk.rows, std::min<std::size_t>(wanted, chunk.room - chunk.rows), time);
}

// Up to `wanted` rows before row `row` of the chunk, with none between.
MemTuples::Gap MemTuples::open_between(Chunks::iterator at, std::size_t row, std::size_t wanted, bool by_column,
                                       TimeNs time) {
    const std::size_t leaf = std::min(kLeafRows, rows_max());
    wanted = std::min(wanted, rows_max());
    while (true) {
        const Chunk& chunk = at->second;
        const std::size_t rows = chunk.rows;
        if (rows + wanted <= leaf || (rows - row <= leaf && rows + wanted <= chunk.room))
            return open(at, row, wanted, time);
        if (row == 0) break;
        // In halves, so that few rows between many leave no small chunks behind.
        const std::size_t cut_at = rows > 4 * wanted ? rows / 2 : row;
        const auto tail = cut(at, cut_at);
        if (row < cut_at) continue;
        at = tail;
        row -= cut_at;
    }
    if (at != chunks_.begin()) {
        const auto before = std::prev(at);
        const std::size_t rows = before->second.rows, room = before->second.room;
        if (rows < room) return open(before, rows, std::min(wanted, room - rows), time);
        if (rows + wanted <= leaf) return open(before, rows, wanted, time);
    }
    const std::size_t room = wanted >= leaf ? wanted : std::min(rows_max(), room_for(wanted));
    return open(chunks_.emplace_hint(at, time, make_chunk(room, by_column)), 0, wanted, time);
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

template <class AnyChunks>
auto MemTuples::first_chunk(AnyChunks& chunks, TimeNs time) const {
    const auto after = chunks.upper_bound(time);
    if (after == chunks.begin()) return after;
    const auto before = std::prev(after);
    return last_time(before->second) < time ? after : before;
}

template <class Source>
bool MemTuples::put_row(const Source& source) {
    const TimeNs time = source.time();
    if (chunks_.empty() || time > last_time(std::prev(chunks_.end())->second)) {
        const Gap gap = open_end(1, false, time);
        write(gap.chunk, gap.row, source);
        return false;
    }
    const auto at = first_chunk(chunks_, time);
    const std::size_t row = lower_bound(at->second, time);
    if (time_at(at->second, row) == time) {
        write(at->second, row, source);
        return true;
    }
    const Gap gap = open_between(at, row, 1, false, time);
    write(gap.chunk, gap.row, source);
    return false;
}

bool MemTuples::put(const Tuples& tuples, std::size_t k) {
    const bool replaced = put_row(TupleRow{tuples, k});
    bytes_max_ = std::max(bytes_max_, bytes_);
    return replaced;
}

// Rows of the block from `begin` on, as many as there are in the gap.
std::size_t MemTuples::write_rows(const Gap& gap, const ColumnBlock& block, std::size_t begin) {
    Chunk& chunk = gap.chunk;
    const std::size_t step = chunk.by_column ? 1 : stride();
    const auto copy = [&](std::uint64_t* to, const std::uint64_t* from) {
        if (step == 1) return void(std::copy_n(from, gap.count, to));
        for (std::size_t i = 0; i < gap.count; ++i) to[i * step] = from[i];
    };
    const auto* const times = reinterpret_cast<const std::uint64_t*>(block.times.data());
    copy(chunk.cells.get() + cell_at(chunk, gap.row, 0), times + begin);
    for (std::size_t i = 0; i < types_.size(); ++i)
        copy(chunk.cells.get() + cell_at(chunk, gap.row, i + 1), block.column(i).data() + begin);
    if (!block.qualities.empty() && !chunk.qualities) make_qualities(chunk);
    if (chunk.qualities)
        for (std::size_t i = 0; i < types_.size(); ++i)
            for (std::size_t row = 0; row < gap.count; ++row)
                chunk.qualities[quality_at(chunk, gap.row + row, i)] = block.quality_bits(begin + row, i);
    return gap.count;
}

// Puts rows of the block from `begin` on where nothing lies between them; how many, 0 if the first replaces another.
std::size_t MemTuples::put_between(const ColumnBlock& block, std::size_t begin) {
    const TimeNs time = block.times[begin];
    const auto rest = std::span{block.times}.subspan(begin);
    if (chunks_.empty() || time > last_time(std::prev(chunks_.end())->second))
        return write_rows(open_end(rest.size(), rest.size() >= kColumnRows, time), block, begin);
    const auto at = first_chunk(chunks_, time);
    const std::size_t row = lower_bound(at->second, time);
    const auto next = std::ranges::lower_bound(rest, time_at(at->second, row));
    const auto count = static_cast<std::size_t>(next - rest.begin());
    if (count == 0) return 0;
    return write_rows(open_between(at, row, count, count >= kColumnRows, time), block, begin);
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
    bytes_max_ = std::max(bytes_max_, bytes_);
    return count;
}

bool MemTuples::contains(TimeNs time) const {
    const auto at = first_chunk(chunks_, time);
    return at != chunks_.end() && time_at(at->second, lower_bound(at->second, time)) == time;
}

void MemTuples::add_days(std::set<std::int32_t>& days) const {
    for (const auto& [first, chunk] : chunks_) {
        const Day last = day_of(last_time(chunk));
        for (std::size_t row = 0; row < chunk.rows;) {
            const Day day = day_of(time_at(chunk, row));
            days.insert(day);
            row = day == last ? chunk.rows : lower_bound(chunk, day_start(day + 1));
        }
    }
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
    if (!window.empty()) read(window, column, false, found);
    return found;
}

void MemTuples::read(Window window, std::size_t column, bool same_times, Run& run) const {
    run.type = types_[column];
    run.bits.clear();
    run.text.clear();
    run.qualities.clear();
    if (!same_times || run.type == ValueType::text) run.times.clear();
    for (auto at = first_chunk(chunks_, window.from); at != chunks_.end(); ++at) {
        const Chunk& chunk = at->second;
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
