#include "history/cells.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "history/cell_bits.h"
#include "history/integers.h"
#include "history/numbers.h"
#include "history/segment.h"
#include "io/brief.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kExact = std::uint64_t{1} << 53;  // whole numbers up to here are doubles

using Column = std::vector<std::uint64_t>;

Error misfit() { return Error{Code::corrupt, "the cells of a tag do not follow their grammar"}; }

std::size_t cells_max(SectionType type) { return static_cast<std::size_t>(kDay / cell_length(type)); }

void write_column(const Column& column, Buffer& out) {
    for (std::size_t i = 0; i < column.size(); i += kVectorRows)
        encode_integers(column.data() + i, std::min(kVectorRows, column.size() - i), out);
}

void write_numbers(const Column& column, Buffer& out) {
    const NumberForm form = choose_form(column);
    for (std::size_t i = 0; i < column.size(); i += kVectorRows)
        encode_numbers(column.data() + i, std::min(kVectorRows, column.size() - i), form, out);
}

// Reads columns of `count` cells one after the other.
class Columns {
public:
    Columns(Decoder& in, std::size_t count) : in_(in), count_(count) {}
    Column integers() { return read(decode_integers); }
    Column numbers() { return read(decode_numbers); }

private:
    template <class Read>
    Column read(Read decode) {
        static const ResidualCodes kNoCodes;
        Column column(count_);
        for (std::size_t i = 0; i < count_ && !in_.failed(); i += kVectorRows)
            decode(in_, std::min(kVectorRows, count_ - i), kNoCodes, column.data() + i);
        return column;
    }
    Decoder& in_;
    const std::size_t count_;
};

bool is_whole(double value) {
    return std::abs(value) < static_cast<double>(kExact) && value == std::trunc(value) &&
           !(value == 0 && std::signbit(value));
}

std::uint64_t as_whole(double value) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)); }
double from_whole(std::uint64_t bits) { return static_cast<double>(static_cast<std::int64_t>(bits)); }

// Whether each number of the cell is a whole one that a double holds exactly.
bool is_whole(const Cell& cell) {
    const Statistics& s = cell.statistics;
    return is_whole(s.min) && is_whole(s.max) && is_whole(s.first) && is_whole(s.last) && is_whole(s.sum);
}

template <class Of>
Column column_of(const std::vector<Cell>& cells, Of of) {
    Column column(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) column[i] = of(cells[i]);
    return column;
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

// What lies near the lowest value is written as how far above it.
void write_whole(ValueType type, const std::vector<Cell>& cells, Buffer& out) {
    const auto low = [](const Cell& cell) { return as_whole(cell.statistics.min); };
    write_column(column_of(cells, low), out);
    for (double Statistics::* const one : {&Statistics::max, &Statistics::first, &Statistics::last})
        write_column(column_of(cells, [&](const Cell& cell) { return as_whole(cell.statistics.*one) - low(cell); }),
                     out);
    const auto sum = [&](const Cell& cell) {
        const std::uint64_t whole =
            type == ValueType::number ? as_whole(cell.statistics.sum) : static_cast<std::uint64_t>(cell.whole);
        return whole - cell.statistics.usable * low(cell);
    };
    write_column(column_of(cells, sum), out);
}

void read_whole(ValueType type, Columns& columns, std::vector<Cell>& cells) {
    const Column low = columns.integers(), high = columns.integers(), first = columns.integers(),
                 last = columns.integers(), sum = columns.integers();
    for (std::size_t i = 0; i < cells.size(); ++i) {
        Statistics& s = cells[i].statistics;
        s.min = from_whole(low[i]);
        s.max = from_whole(low[i] + high[i]);
        s.first = from_whole(low[i] + first[i]);
        s.last = from_whole(low[i] + last[i]);
        const std::uint64_t whole = sum[i] + s.usable * low[i];
        if (type == ValueType::number)
            s.sum = from_whole(whole);
        else
            cells[i].whole = static_cast<std::int64_t>(whole);
    }
}

constexpr double Statistics::* kNumbers[] = {&Statistics::min, &Statistics::max, &Statistics::first, &Statistics::last,
                                             &Statistics::sum};

void write_bits(ValueType type, const std::vector<Cell>& cells, Buffer& out) {
    for (double Statistics::* const one : kNumbers)
        write_numbers(column_of(cells, [&](const Cell& cell) { return bits(cell.statistics.*one); }), out);
    if (type != ValueType::number)
        write_column(column_of(cells, [](const Cell& cell) { return static_cast<std::uint64_t>(cell.whole); }), out);
}

void read_bits(ValueType type, Columns& columns, std::vector<Cell>& cells) {
    for (double Statistics::* const one : kNumbers) {
        const Column column = columns.numbers();
        for (std::size_t i = 0; i < cells.size(); ++i) cells[i].statistics.*one = std::bit_cast<double>(column[i]);
    }
    if (type == ValueType::number) return;
    const Column column = columns.integers();
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i].whole = static_cast<std::int64_t>(column[i]);
}

// Columns that mostly say the same for all cells are left out where that is 0.
enum Left : std::uint8_t { kNoBad = 1, kNoUncertain = 2, kWhole = 4 };

}  // namespace

void encode_cells(SectionType type, ValueType value_type, const std::vector<Cell>& cells, Buffer& out) {
    ASSERT(!cells.empty() && cells.size() <= cells_max(type));
    const DurationNs length = cell_length(type);
    const auto bad = [](const Cell& cell) { return cell.statistics.rows - cell.statistics.usable; };
    const auto uncertain = [](const Cell& cell) { return cell.statistics.usable - cell.statistics.good; };
    const std::size_t unit = cell_unit_of(cells);
    std::uint8_t left = 0;
    if (std::ranges::all_of(cells, [&](const Cell& cell) { return bad(cell) == 0; })) left |= kNoBad;
    if (std::ranges::all_of(cells, [&](const Cell& cell) { return uncertain(cell) == 0; })) left |= kNoUncertain;
    if (std::ranges::all_of(cells, [](const Cell& cell) { return is_whole(cell); })) left |= kWhole;
    const TimeNs day = cell_start(cells.front().from, kDay);
    const auto in_units = [&](TimeNs time) {
        return static_cast<std::uint64_t>(time) / static_cast<std::uint64_t>(kCellUnits[unit]);
    };
    Encoder to{out};
    to.varint(cells.size());
    to.u8(left);
    to.u8(static_cast<std::uint8_t>(unit));
    write_column(column_of(cells, [&](const Cell& c) { return static_cast<std::uint64_t>((c.from - day) / length); }),
                 out);
    write_column(column_of(cells, [](const Cell& c) { return c.statistics.rows; }), out);
    if ((left & kNoBad) == 0) write_column(column_of(cells, bad), out);
    if ((left & kNoUncertain) == 0) write_column(column_of(cells, uncertain), out);
    write_column(column_of(cells, [&](const Cell& c) { return in_units(c.first_time - c.from); }), out);
    write_column(column_of(cells, [&](const Cell& c) { return in_units(c.from + length - c.last_time); }), out);
    if ((left & kWhole) != 0)
        write_whole(value_type, cells, out);
    else
        write_bits(value_type, cells, out);
}

namespace {

bool is_sound(const Cell& cell, DurationNs length, const Cell* before) {
    const Statistics& s = cell.statistics;
    return s.good <= s.usable && s.usable > 0 && s.usable <= s.rows && s.rows <= std::uint64_t{1} << 40 &&
           (before == nullptr || before->from < cell.from) && cell.from <= cell.first_time &&
           cell.first_time <= cell.last_time && cell.last_time < cell.from + length;
}

}  // namespace

Result<std::vector<Cell>> decode_cells(SectionType type, ValueType value_type, TimeNs day_from, Bytes payload) {
    const DurationNs length = cell_length(type);
    Decoder in{payload};
    const std::uint64_t count = in.varint();
    const std::uint8_t left = in.u8(), unit = in.u8();
    if (in.failed() || count == 0 || count > cells_max(type) || unit >= kCellUnits.size() || left > 7) return misfit();
    std::vector<Cell> cells(static_cast<std::size_t>(count));
    Columns columns{in, cells.size()};
    const Column none(cells.size());
    const Column index = columns.integers(), rows = columns.integers();
    const Column bad = (left & kNoBad) != 0 ? none : columns.integers();
    const Column uncertain = (left & kNoUncertain) != 0 ? none : columns.integers();
    const Column first = columns.integers(), last = columns.integers();
    const auto units = static_cast<std::uint64_t>(kCellUnits[unit]),
               units_max = static_cast<std::uint64_t>(length) / units;
    for (std::size_t i = 0; i < cells.size() && !in.failed(); ++i) {
        Cell& cell = cells[i];
        if (index[i] >= cells_max(type) || first[i] > units_max || last[i] > units_max) return misfit();
        cell.from = day_from + static_cast<TimeNs>(index[i]) * length;
        cell.first_time = cell.from + static_cast<TimeNs>(first[i] * units);
        cell.last_time = cell.from + length - static_cast<TimeNs>(last[i] * units);
        cell.statistics.rows = rows[i];
        cell.statistics.usable = rows[i] - bad[i];
        cell.statistics.good = rows[i] - bad[i] - uncertain[i];
        if (!is_sound(cell, length, i > 0 ? &cells[i - 1] : nullptr)) return misfit();
    }
    if ((left & kWhole) != 0)
        read_whole(value_type, columns, cells);
    else
        read_bits(value_type, columns, cells);
    if (!in.finished()) return misfit();
    return cells;
}

bool same_number(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool operator==(const Cell& a, const Cell& b) {
    const Statistics &x = a.statistics, &y = b.statistics;
    return a.from == b.from && a.whole == b.whole && a.first_time == b.first_time && a.last_time == b.last_time &&
           x.rows == y.rows && x.usable == y.usable && x.good == y.good &&
           std::ranges::all_of(kNumbers, [&](const auto one) { return same_number(x.*one, y.*one); });
}

bool may_have_minutes(std::uint64_t rows, TimeNs from, TimeNs to) {
    return rows > static_cast<std::uint64_t>(to - from) / (2 * kMinute) * kMinuteCellRows;
}

void CellMaker::close(Made& made, ValueType type) {
    Cell& cell = made.open.cell;
    const std::uint64_t rows_min = made.type == SectionType::hours ? kHourCellRows : kMinuteCellRows;
    const __int128 whole = made.open.whole;
    const bool fits = whole == static_cast<std::int64_t>(whole);
    if (cell.statistics.rows >= rows_min && cell.statistics.usable > 0 && fits) {
        cell.statistics.min = made.open.sums.min() + 0.0;
        cell.statistics.max = made.open.sums.max() + 0.0;
        cell.statistics.sum = type == ValueType::number ? made.open.sums.sum() : 0;
        cell.whole = static_cast<std::int64_t>(whole);
        made.cells.push_back(cell);
    }
    made.open = {};
}

void CellMaker::add(Made& made, const Run& run, TimeNs begin) {
    const DurationNs length = cell_length(made.type);
    for (std::size_t i = run.lower_bound(begin); i < run.size();) {
        const TimeNs from = cell_start(run.times[i], length);
        if (made.open.cell.statistics.rows > 0 && made.open.cell.from != from) close(made, type_);
        made.open.cell.from = from;
        const std::size_t end = gallop(run, i, run.size(), from + length);
        Statistics& statistics = made.open.cell.statistics;
        while (i < end) {
            const std::size_t stop = end_of_quality(run, i, end);
            const Quality quality = unpack_quality(run.qualities[i]);
            statistics.rows += stop - i;
            if (quality.good()) statistics.good += stop - i;
            if (quality.usable()) {
                if (statistics.usable == 0) {
                    statistics.first = run.number_at(i);
                    made.open.cell.first_time = run.times[i];
                }
                statistics.usable += stop - i;
                statistics.last = run.number_at(stop - 1);
                made.open.cell.last_time = run.times[stop - 1];
                made.open.whole += made.open.sums.add(run, i, stop);
            }
            i = stop;
        }
    }
}

void CellMaker::add(const Run& run) {
    if (run.type == ValueType::text || run.empty()) return;
    type_ = run.type;
    add(hours_, run, run.times.front());
    if (minutes_.open.cell.statistics.rows > 0 || may_have_minutes(run.size(), run.times.front(), run.times.back()))
        add(minutes_, run, std::max(run.times.front(), minutes_from_));
    else
        minutes_from_ =
            cell_start(run.times.back(), kMinute) + kMinute;  // the minute before has rows that were not seen
}

std::vector<Cell> CellMaker::take(SectionType type) {
    Made& made = type == SectionType::hours ? hours_ : minutes_;
    if (made.open.cell.statistics.rows > 0) close(made, type_);
    return std::exchange(made.cells, {});
}

void CellMaker::encode(Buffer& out) {
    minutes_from_ = std::numeric_limits<TimeNs>::min();
    for (const SectionType type : {SectionType::hours, SectionType::minutes}) {
        const std::vector<Cell> cells = take(type);
        if (cells.empty()) continue;
        Buffer payload;
        const bool as_bits = encode_cell_bits(cell_length(type), type_, cells, payload);
        if (!as_bits) encode_cells(type, type_, cells, payload);
        encode_section(as_bits ? bits_of(type) : type, payload, out);
    }
}

namespace {

Result<std::vector<Cell>> cells_in(const OpenSegment& segment, const ChunkInfo& last, SectionType type,
                                   Bytes sections) {
    const TimeNs day = day_start(segment.day());
    const auto bits = find_section(sections, bits_of(type));
    if (bits && *bits) return decode_cell_bits(cell_length(type), last.type, day, **bits);
    const auto payload = TRY(find_section(sections, type));
    if (payload) return decode_cells(type, last.type, day, *payload);
    if (!bits) return bits.error();
    return std::vector<Cell>{};
}

}  // namespace

std::vector<Cell> read_cells(const OpenSegment& segment, const ChunkInfo& last, SectionType type) {
    if (last.sections_bytes == 0 || !io::Brief::spend(cells_max(type) * kBriefBytesCell)) return {};
    // Hours come first and are few.
    constexpr std::uint32_t kFirstBytes = 1024;
    for (const std::uint32_t bytes : {std::min(kFirstBytes, last.sections_bytes), last.sections_bytes}) {
        if (type == SectionType::minutes && bytes < last.sections_bytes) continue;
        const auto sections = segment.sections(last, bytes);
        auto cells = sections ? cells_in(segment, last, type, *sections) : sections.error();
        if (cells) return std::move(*cells);
    }
    return {};
}

Result<void> check_cells(const OpenSegment& segment, const ChunkInfo& last, CellMaker& maker) {
    const Buffer sections = TRY(segment.sections(last));
    for (const SectionType type : {SectionType::hours, SectionType::minutes}) {
        const auto want = maker.take(type);
        const auto have = TRY(cells_in(segment, last, type, sections));
        if (!have.empty() && have != want)
            return Error{Code::corrupt, "the cells of tag {} are not those of its rows", last.tag.value};
    }
    return {};
}

std::size_t cell_unit_of(const std::vector<Cell>& cells) {
    std::size_t unit = kCellUnits.size() - 1;
    for (const Cell& cell : cells)
        for (const TimeNs time : {cell.first_time, cell.last_time})
            while (unit > 0 && time % kCellUnits[unit] != 0) --unit;
    return unit;
}

}  // namespace gongshu::history
