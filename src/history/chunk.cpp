#include "history/chunk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "base/assert.h"
#include "base/checksum.h"
#include "history/block.h"
#include "history/integers.h"
#include "history/numbers.h"

namespace gongshu::history {
namespace {

// Units of times: 10^3k ns. On disk: never renumber.
constexpr std::array<std::int64_t, 4> kUnits{1, kMicrosecond, kMillisecond, kSecond};

constexpr std::size_t vectors_of(std::uint64_t rows) {
    return static_cast<std::size_t>((rows + kVectorRows - 1) / kVectorRows);
}

// A column of 64-bit values as vectors: whole numbers, or doubles in a form.
struct Column {
    std::span<const std::uint64_t> values;
    std::optional<NumberForm> form;  // nullopt: whole numbers

    std::span<const std::uint64_t> vector(std::size_t index) const {
        const std::size_t begin = index * kVectorRows;
        return values.subspan(begin, std::min(kVectorRows, values.size() - begin));
    }
    void plan(std::size_t index, Tier tier, VectorPlan& plan) const {
        const auto part = vector(index);
        if (form)
            plan_numbers(part.data(), part.size(), *form, tier, plan);
        else
            plan_integers(part.data(), part.size(), tier, plan);
    }
};

struct Encoded {
    std::optional<ResidualCode> code;
    std::vector<Buffer> vectors;
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const Buffer& vector : vectors) sum += vector.size();
        return sum;
    }
};

Encoded write_plans(std::span<const VectorPlan> plans, std::optional<ResidualCode> code) {
    Encoded encoded{std::move(code), std::vector<Buffer>(plans.size())};
    for (std::size_t i = 0; i < plans.size(); ++i)
        plans[i].write(encoded.code ? &*encoded.code : nullptr, encoded.vectors[i]);
    return encoded;
}

// A code costs time whenever the column is read: it must save a tenth at least.
Encoded encode_column(const Column& column, Tier tier) {
    // Kept from one column to the next: they are large.
    thread_local std::vector<VectorPlan> known(kChunkVectors);
    const std::span plans{known.data(), vectors_of(column.values.size())};
    SymbolCounts counts{};
    std::size_t before = 0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        plans[i].before.clear();
        plans[i].plain.clear();
        plans[i].may_be_coded = false;
        column.plan(i, tier, plans[i]);
        plans[i].count_symbols(counts);
        before += plans[i].before.size();
    }
    Encoded plain = write_plans(plans, std::nullopt);
    if (plain.bytes() < 64 || std::ranges::all_of(counts, [](std::uint32_t count) { return count == 0; })) return plain;
    const auto is_worth_it = [&](std::size_t coded_bytes) { return coded_bytes * 10 < plain.bytes() * 9; };
    ResidualCode code = ResidualCode::make(counts);
    Buffer code_bytes;
    Encoder out{code_bytes};
    code.encode(out);
    if (!is_worth_it(before + code.bytes_of(counts) + code_bytes.size())) return plain;
    Encoded coded = write_plans(plans, std::move(code));
    return is_worth_it(coded.bytes() + code_bytes.size()) ? coded : plain;
}

// On disk: never renumber. The first of them was written by format 1.
enum CodeKind : std::uint8_t { none = 0, kind_1 = 1, kind_2 = 2 };

void write_code(const std::optional<ResidualCode>& code, Encoder& out) {
    out.u8(code ? CodeKind::kind_2 : CodeKind::none);
    if (code) code->encode(out);
}

// False if what stands there is none.
bool read_code(Decoder& in, ResidualCodes& codes) {
    switch (in.u8()) {
        case CodeKind::none:
            return !in.failed();
        case CodeKind::kind_1:
            codes.code_1 = ResidualCode1::decode(in);
            return !in.failed() && codes.code_1;
        case CodeKind::kind_2:
            codes.code = ResidualCode::decode(in);
            return !in.failed() && codes.code;
    }
    return false;
}

// The different qualities in the order in which they come first, and for how many rows each holds. Of two, as late and
// punctual rows are, one always follows the other.
void write_qualities(const Run& run, Encoder& out) {
    std::vector<std::uint16_t> known;
    struct Stretch {
        std::size_t rows, which;
    };
    std::vector<Stretch> stretches;
    for (std::size_t i = 0; i < run.size();) {
        std::size_t next = i;
        while (next < run.size() && run.qualities[next] == run.qualities[i]) ++next;
        const auto found = std::ranges::find(known, run.qualities[i]);
        stretches.push_back({next - i, static_cast<std::size_t>(found - known.begin())});
        if (found == known.end()) known.push_back(run.qualities[i]);
        i = next;
    }
    out.varint(known.size());
    for (const std::uint16_t quality : known) out.u16(quality);
    for (const Stretch& stretch : stretches) {
        out.varint(stretch.rows);
        if (known.size() > 2) out.varint(stretch.which);
    }
}

Error misfit_times(std::uint64_t rows) { return Error{Code::corrupt, "a chunk's times do not fit its {} rows", rows}; }
Error misfit_values(std::uint64_t rows) {
    return Error{Code::corrupt, "a chunk's values do not fit its {} rows", rows};
}

// Rows [first, last) of the chunk, whole vectors.
struct Part {
    std::size_t first = 0;
    std::size_t last = 0;
};

Result<void> read_qualities(Decoder& in, std::uint64_t rows, Part part, Run& run) {
    const Error misfit{Code::corrupt, "a chunk's qualities do not fit its {} rows", rows};
    const std::uint64_t count = in.varint();
    if (count == 0 || count > rows) return misfit;
    std::vector<std::uint16_t> known;
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) known.push_back(in.u16());
    if (in.failed()) return misfit;
    run.qualities.resize(part.last - part.first);
    std::uint64_t which = 0;
    for (std::uint64_t at = 0; at < rows; which = 1 - which) {
        const std::uint64_t length = in.varint();
        if (count > 2) which = in.varint();
        if (in.failed() || length == 0 || length > rows - at || which >= count) return misfit;
        const std::uint64_t begin = std::max<std::uint64_t>(at, part.first);
        const std::uint64_t end = std::min<std::uint64_t>(at + length, part.last);
        if (begin < end)
            std::fill_n(run.qualities.begin() + static_cast<std::ptrdiff_t>(begin - part.first), end - begin,
                        known[which]);
        at += length;
    }
    return {};
}

// The vectors of rows [part) that hold times of the window, when `first_of(v)` is the first time of vector v.
template <class FirstOf>
Part part_in(std::uint64_t rows, Window window, FirstOf first_of) {
    std::size_t begin = 0;
    std::size_t end = vectors_of(rows);
    while (begin + 1 < end && first_of(begin + 1) <= window.from) ++begin;
    while (end > begin + 1 && first_of(end - 1) >= window.to) --end;
    return {begin * kVectorRows, std::min<std::size_t>(end * kVectorRows, rows)};
}

Result<Part> even_times(const ChunkInfo& chunk, Window window, Run& run) {
    const std::uint64_t rows = chunk.statistics.rows;
    const auto length = static_cast<std::uint64_t>(chunk.max_time) - static_cast<std::uint64_t>(chunk.min_time);
    if (rows == 1 ? length != 0 : length == 0 || length % (rows - 1) != 0) return misfit_times(rows);
    const std::uint64_t step = rows == 1 ? 0 : length / (rows - 1);
    const auto time_at = [&](std::uint64_t row) { return chunk.min_time + static_cast<TimeNs>(row * step); };
    const Part part = part_in(rows, window, [&](std::size_t vector) { return time_at(vector * kVectorRows); });
    run.times.resize(part.last - part.first);
    fill_evenly(run.times.data(), run.times.size(), time_at(part.first), static_cast<std::int64_t>(step));
    return part;
}

Result<Part> written_times(const ChunkInfo& chunk, Bytes bytes, Window window, Run& run) {
    const std::uint64_t rows = chunk.statistics.rows;
    const Block block = TRY(Block::open(bytes, vectors_of(rows)).context("times of a chunk"));
    Decoder in = block.own();
    const std::size_t unit = in.u8();
    ResidualCodes codes;
    if (unit >= kUnits.size() || !read_code(in, codes)) return misfit_times(rows);
    std::array<TimeNs, kChunkVectors> firsts{};
    std::uint64_t first = 0;
    for (std::size_t v = 0; v < vectors_of(rows); ++v) {
        first += in.varint();
        firsts[v] =
            wrapping_add(chunk.min_time, static_cast<std::int64_t>(first * static_cast<std::uint64_t>(kUnits[unit])));
    }
    if (!in.finished()) return misfit_times(rows);
    const Part part = part_in(rows, window, [&](std::size_t vector) { return firsts[vector]; });
    run.times.resize(part.last - part.first);
    for (std::size_t row = part.first; row < part.last; row += kVectorRows) {
        const std::size_t count = std::min(kVectorRows, part.last - row);
        Decoder numbers{TRY(block.vector(row / kVectorRows).context("times of a chunk"))};
        auto* const to = reinterpret_cast<std::uint64_t*>(run.times.data() + (row - part.first));
        decode_integers(numbers, count, codes, to);
        if (!numbers.finished()) return misfit_times(rows);
        multiply_whole(to, count, static_cast<std::uint64_t>(kUnits[unit]));
        add_base(to, count, static_cast<std::uint64_t>(chunk.min_time));
        if (run.times[row - part.first] != firsts[row / kVectorRows]) return misfit_times(rows);
    }
    if (const std::size_t i = first_not_growing(run.times.data(), run.times.size()); i > 0)
        return Error{Code::corrupt, "times of a chunk do not grow at row {}", part.first + i};
    return part;
}

// The different texts of rows, in the order in which they come first, and which of them each row has.
struct Texts {
    std::vector<std::string_view> known;
    std::vector<std::uint64_t> indexes;
};
Texts texts_of(const Run& run, std::size_t begin, std::size_t end) {
    Texts texts;
    std::map<std::string_view, std::uint64_t> numbers;
    for (std::size_t i = begin; i < end; ++i) {
        const auto [found, is_new] = numbers.try_emplace(run.text_at(i), texts.known.size());
        if (is_new) texts.known.push_back(found->first);
        texts.indexes.push_back(found->second);
    }
    return texts;
}

// Texts of the rows that are read, each only once however many rows have it.
Result<void> read_texts(Decoder& in, std::uint64_t rows, Run& run) {
    const std::uint64_t count = in.varint();
    if (count == 0 || count > rows) return misfit_values(rows);
    std::vector<std::uint64_t> known;
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        const std::string_view text = in.text();
        known.push_back(static_cast<std::uint64_t>(run.text.size()) << 32 | text.size());
        run.text += text;
    }
    if (in.failed()) return misfit_values(rows);
    for (std::uint64_t& bits : run.bits) {
        if (bits >= count) return misfit_values(rows);
        bits = known[bits];
    }
    return {};
}

Result<void> read_block_of_qualities(Bytes bytes, std::uint64_t rows, Part part, Run& run) {
    if (bytes.empty()) {
        run.qualities.resize(part.last - part.first);
        fill_qualities(run.qualities.data(), run.qualities.size(), pack(kGood));
        return {};
    }
    constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);
    const Bytes body = bytes.first(bytes.size() - std::min(bytes.size(), kCrcBytes));
    if (Decoder{bytes.subspan(body.size())}.u32() != crc32c(body))
        return Error{Code::corrupt, "the qualities of a chunk fail their checksum; restore the file from a backup"};
    Decoder in{body};
    TRY(read_qualities(in, rows, part, run));
    if (!in.finished()) return Error{Code::corrupt, "a chunk's qualities do not fit its {} rows", rows};
    return {};
}

// False if the values are not there.
bool decode_vector(Decoder& values, ValueType type, std::size_t count, const ResidualCodes& codes, std::uint64_t* to) {
    if (type == ValueType::number)
        decode_numbers(values, count, codes, to);
    else
        decode_integers(values, count, codes, to);
    return values.finished();
}

// What is to be seen of values that were decoded, by their type; the texts come in here.
Result<void> check_kind(Decoder& in, const ChunkInfo& chunk, Run& run) {
    const std::uint64_t rows = chunk.statistics.rows;
    if (chunk.type == ValueType::boolean && std::ranges::any_of(run.bits, [](std::uint64_t bits) { return bits > 1; }))
        return misfit_values(rows);
    if (chunk.type == ValueType::text) TRY(read_texts(in, rows, run));
    if (!in.finished()) return misfit_values(rows);
    return {};
}

Result<void> read_values(const ChunkInfo& chunk, const ChunkBytes& bytes, Part part, Run& run) {
    const std::uint64_t rows = chunk.statistics.rows;
    const Block block = TRY(Block::open(bytes.values, vectors_of(rows)).context("values of a chunk"));
    Decoder in = block.own();
    if (bytes.format_1)
        TRY(read_qualities(in, rows, part, run));
    else
        TRY(read_block_of_qualities(bytes.qualities, rows, part, run));
    ResidualCodes codes;
    if (!read_code(in, codes)) return misfit_values(rows);
    run.bits.resize(part.last - part.first);
    for (std::size_t row = part.first; row < part.last; row += kVectorRows) {
        const std::size_t count = std::min(kVectorRows, part.last - row);
        Decoder values{TRY(block.vector(row / kVectorRows).context("values of a chunk"))};
        if (!decode_vector(values, chunk.type, count, codes, run.bits.data() + (row - part.first)))
            return misfit_values(rows);
    }
    return check_kind(in, chunk, run);
}

Result<void> check_rows(std::uint64_t rows) {
    if (rows > 0 && rows <= kChunkRows) return {};
    return Error{Code::corrupt, "a chunk says it has {} rows, 1 to {} expected", rows, kChunkRows};
}

// `all` has the values of the rows that are picked, and the qualities of all rows unless these are good.
void append_picked(const Run& all, std::span<const std::uint32_t> numbers, Picked& picked) {
    const std::size_t before = picked.bits.size();
    picked.bits.resize(before + numbers.size());
    picked.qualities.resize(before + numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) picked.bits[before + i] = all.bits[i];
    if (all.qualities.empty())
        fill_qualities(picked.qualities.data() + before, numbers.size(), pack(kGood));
    else
        for (std::size_t i = 0; i < numbers.size(); ++i) picked.qualities[before + i] = all.qualities[numbers[i]];
    if (all.type != ValueType::text) return;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const std::string_view text = all.text_at(i);
        picked.bits[before + i] = static_cast<std::uint64_t>(picked.text.size()) << 32 | text.size();
        picked.text += text;
    }
}

}  // namespace

void Statistics::add(const Run& run, std::size_t begin, std::size_t end) {
    for (std::size_t next = begin; begin < end; begin = next) {
        while (next < end && run.qualities[next] == run.qualities[begin]) ++next;
        const Quality quality = unpack_quality(run.qualities[begin]);
        rows += next - begin;
        if (quality.good()) good += next - begin;
        if (quality.usable()) add_usable(run, begin, next);
    }
}

void Statistics::add_usable(const Run& run, std::size_t begin, std::size_t end) {
    if (usable == 0) first = run.number_at(begin);
    last = run.number_at(end - 1);
    usable += end - begin;
    if (run.type == ValueType::text) {
        sum = last;
        return;
    }
    if (run.type != ValueType::number && add_wholes(std::span(run.bits).subspan(begin, end - begin))) return;
    double all = sum, least = min, most = max;
    for (std::size_t i = begin; i < end; ++i) {
        const double value = run.type == ValueType::number ? std::bit_cast<double>(run.bits[i]) : run.number_at(i);
        all += value;
        // NaN compares false, so it never hides the numbers beside it in min and max; sum and last show it.
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    sum = all;
    min = least;
    max = most;
}

// Whole numbers so small that in any order doubles add up to the same; false, and nothing done, if they are not.
bool Statistics::add_wholes(std::span<const std::uint64_t> bits) {
    constexpr std::int64_t kSmall = std::int64_t{1} << 32;
    constexpr double kSumMax = 0x1p52;
    const Extremes found = extremes(bits.data(), bits.size());
    if (found.min < -kSmall || found.max > kSmall || bits.size() > kChunkRows || !(std::abs(sum) < kSumMax))
        return false;
    sum += static_cast<double>(static_cast<std::int64_t>(sum_of(bits.data(), bits.size())));
    min = std::min(min, static_cast<double>(found.min));
    max = std::max(max, static_cast<double>(found.max));
    return true;
}

void Statistics::add(const Statistics& later) {
    rows += later.rows;
    good += later.good;
    if (later.usable == 0) return;
    if (usable == 0) first = later.first;
    last = later.last;
    usable += later.usable;
    sum += later.sum;
    min = std::min(min, later.min);
    max = std::max(max, later.max);
}

bool is_even(const Run& run, std::size_t begin, std::size_t end) {
    if (end - begin < 2) return true;
    const std::int64_t step = wrapping_sub(run.times[begin + 1], run.times[begin]);
    for (std::size_t i = begin + 2; i < end; ++i)
        if (wrapping_sub(run.times[i], run.times[i - 1]) != step) return false;
    return true;
}

bool all_good(const Run& run) {
    return std::ranges::all_of(run.qualities, [good = pack(kGood)](std::uint16_t one) { return one == good; });
}

void encode_times(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& bytes) {
    ASSERT(begin < end && end - begin <= kChunkRows);
    std::vector<std::uint64_t> since(end - begin);
    std::size_t unit = kUnits.size() - 1;
    for (std::size_t i = 0; i < since.size(); ++i) {
        const std::int64_t time = wrapping_sub(run.times[begin + i], run.times[begin]);
        while (unit > 0 && static_cast<std::uint64_t>(time) % static_cast<std::uint64_t>(kUnits[unit]) != 0) --unit;
        since[i] = static_cast<std::uint64_t>(time);
    }
    for (std::uint64_t& time : since) time /= static_cast<std::uint64_t>(kUnits[unit]);
    const Encoded encoded = encode_column({since, std::nullopt}, tier);
    Buffer own;
    Encoder out{own};
    out.u8(static_cast<std::uint8_t>(unit));
    write_code(encoded.code, out);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < since.size(); i += kVectorRows) {
        out.varint(since[i] - before);
        before = since[i];
    }
    encode_block(own, encoded.vectors, bytes);
}

void encode_values(const Run& run, std::size_t begin, std::size_t end, Tier tier, Buffer& bytes) {
    ASSERT(begin < end && end - begin <= kChunkRows);
    Texts texts;
    Column column{std::span(run.bits).subspan(begin, end - begin), std::nullopt};
    if (run.type == ValueType::number) column.form = choose_form(column.values);
    if (run.type == ValueType::text) {
        texts = texts_of(run, begin, end);
        column.values = texts.indexes;
    }
    const Encoded encoded = encode_column(column, tier);
    Buffer own;
    Encoder out{own};
    write_code(encoded.code, out);
    if (run.type == ValueType::text) {
        out.varint(texts.known.size());
        for (const std::string_view text : texts.known) out.text(text);
    }
    encode_block(own, encoded.vectors, bytes);
}

void encode_qualities(const Run& run, Buffer& bytes) {
    const std::size_t begin = bytes.size();
    Encoder out{bytes};
    write_qualities(run, out);
    out.u32(crc32c(Bytes{bytes}.subspan(begin)));
}

Result<ChunkPart> decode_part(const ChunkInfo& chunk, const ChunkBytes& bytes, Window window) {
    const std::uint64_t rows = chunk.statistics.rows;
    TRY(check_rows(rows));
    ChunkPart read;
    Run& run = read.run;
    run.type = chunk.type;
    const Part part =
        bytes.times.empty() ? TRY(even_times(chunk, window, run)) : TRY(written_times(chunk, bytes.times, window, run));
    if ((part.first == 0 && run.times.front() != chunk.min_time) ||
        (part.last == rows && run.times.back() != chunk.max_time))
        return Error{Code::corrupt, "the times of a chunk are not those that the directory says"};
    TRY(read_values(chunk, bytes, part, run));
    read.first = part.first;
    return read;
}

Result<Run> decode_chunk(const ChunkInfo& chunk, const ChunkBytes& bytes, Window window) {
    ChunkPart part = TRY(decode_part(chunk, bytes, window));
    return std::move(part.run);
}

Result<void> pick_rows(const ChunkInfo& chunk, const ChunkBytes& bytes, std::span<const std::uint32_t> numbers,
                       Picked& picked) {
    const std::uint64_t rows = chunk.statistics.rows;
    TRY(check_rows(rows));
    ASSERT(numbers.empty() || numbers.back() < rows);
    const Block block = TRY(Block::open(bytes.values, vectors_of(rows)).context("values of a chunk"));
    Decoder in = block.own();
    Run all;  // qualities of all rows, and then the values of those that are picked
    all.type = chunk.type;
    if (bytes.format_1)
        TRY(read_qualities(in, rows, {0, rows}, all));
    else if (!bytes.qualities.empty())
        TRY(read_block_of_qualities(bytes.qualities, rows, {0, rows}, all));
    ResidualCodes codes;
    if (!read_code(in, codes)) return misfit_values(rows);
    all.bits.reserve(numbers.size());
    Vector vector;
    for (auto at = numbers.begin(); at != numbers.end();) {
        const std::size_t index = *at / kVectorRows;
        const std::size_t count = std::min<std::size_t>(kVectorRows, rows - index * kVectorRows);
        Decoder values{TRY(block.vector(index).context("values of a chunk"))};
        if (!decode_vector(values, chunk.type, count, codes, vector.at.data())) return misfit_values(rows);
        for (; at != numbers.end() && *at / kVectorRows == index; ++at)
            all.bits.push_back(vector.at[*at % kVectorRows]);
    }
    TRY(check_kind(in, chunk, all));
    append_picked(all, numbers, picked);
    return {};
}

bool have_same_times(const ChunkInfo& one, const ChunkInfo& other) {
    return one.min_time == other.min_time && one.max_time == other.max_time &&
           one.statistics.rows == other.statistics.rows && one.times_bytes == other.times_bytes &&
           (one.times_bytes == 0 || one.times_offset == other.times_offset);
}

}  // namespace gongshu::history
