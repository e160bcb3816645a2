#include "history/mem_tuples.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "history/segment.h"

namespace gongshu::history {

namespace {

constexpr std::size_t kFirstRows = 4;
constexpr std::size_t kChunkBytesMax = 64 << 10;
constexpr std::uint64_t kLateRowBytes = 150;  // beside its values

}  // namespace

std::uint64_t MemTuples::kept(const Tuples& tuples, std::size_t column, std::uint64_t bits) {
    if (types_[column] != ValueType::text) return bits;
    const std::string_view text = tuples.text_of(bits);
    const std::uint64_t offset = text_.size();
    text_ += text;
    bytes_ += text.size();
    return offset << 32 | text.size();
}

MemTuples::Chunk& MemTuples::chunk_with_room() {
    if (!chunks_.empty() && chunks_.back().rows < chunks_.back().room) return chunks_.back();
    const std::size_t most = std::max(kFirstRows, kChunkBytesMax / (stride() * sizeof(std::uint64_t)));
    const std::size_t room = chunks_.empty() ? kFirstRows : std::min<std::size_t>(most, chunks_.back().room * 2);
    Chunk& chunk = chunks_.emplace_back();
    chunk.cells = std::make_unique_for_overwrite<std::uint64_t[]>(room * stride());
    chunk.room = static_cast<std::uint32_t>(room);
    bytes_ += room * stride() * sizeof(std::uint64_t);
    return chunk;
}

void MemTuples::write(Chunk& chunk, std::size_t row, const Tuples& tuples, std::size_t k) {
    const std::size_t width = types_.size();
    std::uint64_t* const cells = chunk.cells.get() + row * stride();
    const auto bits = tuples.bits(k);
    cells[0] = static_cast<std::uint64_t>(tuples.time(k));
    if (tuples.shape(k).has_text())
        for (std::size_t i = 0; i < width; ++i) cells[i + 1] = kept(tuples, i, bits[i]);
    else
        std::memcpy(cells + 1, bits.data(), width * sizeof(std::uint64_t));
    const std::uint16_t good = pack(kGood);
    const auto each = tuples.value_qualities(k);
    if (!chunk.qualities) {
        if (each.empty() && tuples.quality_bits(k) == good) return;
        chunk.qualities = std::make_unique_for_overwrite<std::uint16_t[]>(chunk.room * width);
        std::fill_n(chunk.qualities.get(), chunk.room * width, good);
        bytes_ += chunk.room * width * sizeof(std::uint16_t);
    }
    for (std::size_t i = 0; i < width; ++i) chunk.qualities[row * width + i] = tuples.quality_bits(k, i);
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
    const auto before = [&](const Chunk& chunk) { return time_at(chunk, chunk.rows - 1) < time; };
    return static_cast<std::size_t>(std::ranges::partition_point(chunks_, before) - chunks_.begin());
}

bool MemTuples::put(const Tuples& tuples, std::size_t k) {
    const TimeNs time = tuples.time(k);
    if (chunks_.empty() || time > time_at(chunks_.back(), chunks_.back().rows - 1)) {
        Chunk& chunk = chunk_with_room();
        write(chunk, chunk.rows, tuples, k);
        ++chunk.rows;
        ++rows_;
        return false;
    }
    Chunk& chunk = chunks_[first_chunk(time)];
    const std::size_t row = lower_bound(chunk, time);
    if (time_at(chunk, row) == time) {
        write(chunk, row, tuples, k);
        return true;
    }
    const auto [late, fresh] = late_.try_emplace(time);
    const auto bits = tuples.bits(k);
    if (fresh) bytes_ += kLateRowBytes + bits.size() * (sizeof(std::uint64_t) + sizeof(std::uint16_t));
    late->second.values.resize(bits.size());
    late->second.qualities.resize(bits.size());
    for (std::size_t i = 0; i < bits.size(); ++i) {
        late->second.values[i] = kept(tuples, i, bits[i]);
        late->second.qualities[i] = tuples.quality_bits(k, i);
    }
    return !fresh;
}

bool MemTuples::contains(TimeNs time) const {
    if (late_.contains(time)) return true;
    const std::size_t at = first_chunk(time);
    if (at == chunks_.size()) return false;
    return time_at(chunks_[at], lower_bound(chunks_[at], time)) == time;
}

void MemTuples::add_days(std::set<std::int32_t>& days) const {
    for (const Chunk& chunk : chunks_) {
        const Day last = day_of(time_at(chunk, chunk.rows - 1));
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
    const std::uint16_t good = pack(kGood);
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
            push(found, column, time, chunk.cells[row * stride() + column + 1],
                 chunk.qualities ? chunk.qualities[row * types_.size() + column] : good);
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
        const std::uint64_t* const cells = chunk.cells.get();
        const std::size_t count = end - begin, before = run.bits.size();
        if (run.type == ValueType::text) {
            for (std::size_t row = begin; row < end; ++row)
                push(run, column, time_at(chunk, row), cells[row * stride() + column + 1], pack(kGood));
        } else {
            run.bits.resize(before + count);
            for (std::size_t i = 0; i < count; ++i) run.bits[before + i] = cells[(begin + i) * stride() + column + 1];
            run.qualities.resize(before + count, pack(kGood));
            if (!same_times) {
                run.times.resize(before + count);
                for (std::size_t i = 0; i < count; ++i) run.times[before + i] = time_at(chunk, begin + i);
            }
        }
        if (chunk.qualities)
            for (std::size_t i = 0; i < count; ++i)
                run.qualities[before + i] = chunk.qualities[(begin + i) * types_.size() + column];
    }
}

Run MemTuples::all(std::size_t column) const {
    return rows_in({std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()}, column);
}

}  // namespace gongshu::history
