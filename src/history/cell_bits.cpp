#include "history/cell_bits.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include "base/assert.h"
#include "history/bit_stream.h"
#include "history/codec.h"

namespace gongshu::history {
namespace {

constexpr std::array<double, 10> kTens{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kWholeMax = 0x1p53;

enum Left : std::uint8_t { kNoBad = 1, kNoUncertain = 2, kEven = 4, kPlainSums = 8 };

// What is written of a cell, in this order; where bits of `left` are set, parts are left out.
enum Part : std::size_t {
    kGap,        // cells that there are not between this one and the one before
    kRows,       // more than the one before
    kBegin,      // from the cell's start to its first usable row, in units
    kEnd,        // from the last one to the cell's end
    kBad,        // rows
    kUncertain,  // rows
    kFirst,      // above the last value of the cell before
    kBelow,      // the lowest value below the first one
    kAbove,      // the highest value above the first one
    kSum,        // above what the lowest, the highest, the first and the last let expect
    kBeside,     // how many doubles lie between the sum and what the digits give
    kParts,
};
using Parts = std::array<std::uint64_t, kParts>;

bool is_written(std::size_t part, std::uint8_t left) {
    if (part <= kEnd) return (left & kEven) == 0;
    if (part == kBad) return (left & kNoBad) == 0;
    if (part == kUncertain) return (left & kNoUncertain) == 0;
    return part != kBeside || (left & kPlainSums) == 0;
}

// Numbers that are mostly small (R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22, 1979):
// all but the lowest `low` bits as so many ones and a zero, then those. From kOnes ones on all 64 bits follow.
constexpr unsigned kOnes = 20, kLowBits = 6, kLowMax = 40;

unsigned cost(std::uint64_t number, unsigned low) {
    const std::uint64_t high = number >> low;
    return high < kOnes ? static_cast<unsigned>(high) + 1 + low : kOnes + 64;
}

unsigned best_low(const std::vector<Parts>& cells, std::size_t part) {
    unsigned best = 0;
    std::uint64_t least = ~std::uint64_t{0};
    for (unsigned low = 0; low <= kLowMax; ++low) {
        std::uint64_t bits = 0;
        for (const Parts& cell : cells) bits += cost(cell[part], low);
        if (bits < least) least = bits, best = low;
    }
    return best;
}

void put_long(BitWriter& out, std::uint64_t bits) {
    out.put(bits & 0xffffffff, 32);
    out.put(bits >> 32, 32);
}

void put(BitWriter& out, std::uint64_t number, unsigned low) {
    const std::uint64_t high = number >> low;
    if (high >= kOnes) {
        out.put((std::uint64_t{1} << kOnes) - 1, kOnes);
        return put_long(out, number);
    }
    out.put((std::uint64_t{1} << high) - 1, static_cast<unsigned>(high) + 1);
    out.put(number & ((std::uint64_t{1} << low) - 1), low);
}

std::uint64_t take(BitReader& in, unsigned low) {
    in.refill();
    const auto high = static_cast<unsigned>(std::countr_one(in.bits()));
    if (high >= kOnes) {
        in.drop(kOnes);
        in.refill();
        return in.take_long(64);
    }
    in.drop(high + 1);
    in.refill();
    return static_cast<std::uint64_t>(high) << low | in.take(low);
}

// A number of 0 … `most` in as few bits as that allows: those below `spare` take one bit less.
struct Bounded {
    explicit Bounded(std::uint64_t most)
        : width(static_cast<unsigned>(std::bit_width(most))), spare((std::uint64_t{1} << width) - 1 - most) {}
    void put(BitWriter& out, std::uint64_t number) const {
        if (width == 0) return;
        // The lower bits first, so that the reader knows whether there is one more.
        if (number < spare) return out.put(number, width - 1);
        const std::uint64_t shifted = number + spare;
        out.put(shifted >> 1, width - 1);
        out.put(shifted & 1, 1);
    }
    std::uint64_t take(BitReader& in) const {
        if (width == 0) return 0;
        in.refill();
        const std::uint64_t number = in.take(width - 1);
        if (number < spare) return number;
        return (number << 1 | in.take(1)) - spare;
    }
    unsigned width;
    std::uint64_t spare;
};

std::uint64_t zigzag_of(std::uint64_t number) { return zigzag(static_cast<std::int64_t>(number)); }
std::uint64_t from_zigzag(std::uint64_t number) { return static_cast<std::uint64_t>(unzigzag(number)); }

// The values of a cell as whole numbers, of which each stands for so many times 10^-decimals.
struct Wholes {
    std::uint64_t first = 0, last = 0, low = 0, high = 0, sum = 0;
    std::uint64_t beside = 0;  // how many doubles the sum lies above that of the digits

    // What the sum is likely near.
    std::uint64_t likely_sum(std::uint64_t rows) const {
        const auto middle = static_cast<std::int64_t>(first + last + low + high);
        return static_cast<std::uint64_t>(middle * static_cast<__int128>(rows) / 4);
    }
};

std::optional<std::int64_t> whole_of(double value, std::size_t decimals) {
    const double scaled = std::nearbyint(value * kTens[decimals]);
    if (!(std::abs(scaled) < kWholeMax) || scaled / kTens[decimals] != value || (value == 0 && std::signbit(value)))
        return std::nullopt;
    return static_cast<std::int64_t>(scaled);
}

std::uint64_t as_bits(std::int64_t whole) { return static_cast<std::uint64_t>(whole); }
double from_whole(std::uint64_t whole, std::size_t decimals) {
    return static_cast<double>(static_cast<std::int64_t>(whole)) / kTens[decimals];
}

std::optional<Wholes> wholes_of(const Cell& cell, ValueType type, std::size_t decimals) {
    const Statistics& s = cell.statistics;
    const auto first = whole_of(s.first, decimals), last = whole_of(s.last, decimals), low = whole_of(s.min, decimals),
               high = whole_of(s.max, decimals);
    if (!first || !last || !low || !high || *low > *high) return std::nullopt;
    if (*first < *low || *first > *high || *last < *low || *last > *high) return std::nullopt;
    Wholes whole{as_bits(*first), as_bits(*last), as_bits(*low), as_bits(*high), as_bits(cell.whole), 0};
    if (type != ValueType::number) return whole;
    const double sum = std::nearbyint(s.sum * kTens[decimals]);
    if (!(std::abs(sum) < kWholeMax)) return std::nullopt;
    whole.sum = as_bits(static_cast<std::int64_t>(sum));
    whole.beside = std::bit_cast<std::uint64_t>(s.sum) - std::bit_cast<std::uint64_t>(from_whole(whole.sum, decimals));
    return whole;
}

std::optional<std::vector<Wholes>> all_wholes(const std::vector<Cell>& cells, ValueType type, std::size_t decimals) {
    std::vector<Wholes> wholes;
    wholes.reserve(cells.size());
    for (const Cell& cell : cells) {
        const auto one = wholes_of(cell, type, decimals);
        if (!one) return std::nullopt;
        wholes.push_back(*one);
    }
    return wholes;
}

std::vector<Parts> parts_of(DurationNs length, const std::vector<Cell>& cells, const std::vector<Wholes>& wholes,
                            std::size_t unit) {
    std::vector<Parts> all(cells.size());
    const auto in_units = [&](TimeNs time) {
        return static_cast<std::uint64_t>(time) / static_cast<std::uint64_t>(kCellUnits[unit]);
    };
    const TimeNs day = cell_start(cells.front().from, kDay);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const Cell& cell = cells[i];
        const Statistics& s = cell.statistics;
        const TimeNs before = i > 0 ? cells[i - 1].from + length : day;
        Parts& parts = all[i];
        parts[kGap] = static_cast<std::uint64_t>((cell.from - before) / length);
        parts[kRows] = zigzag_of(s.rows - (i > 0 ? cells[i - 1].statistics.rows : 0));
        parts[kBegin] = in_units(cell.first_time - cell.from);
        parts[kEnd] = in_units(cell.from + length - cell.last_time);
        parts[kBad] = s.rows - s.usable;
        parts[kUncertain] = s.usable - s.good;
        parts[kFirst] = zigzag_of(wholes[i].first - (i > 0 ? wholes[i - 1].last : wholes[0].first));
        parts[kBelow] = wholes[i].first - wholes[i].low;
        parts[kAbove] = wholes[i].high - wholes[i].first;
        parts[kSum] = zigzag_of(wholes[i].sum - wholes[i].likely_sum(s.usable));
        parts[kBeside] = zigzag_of(wholes[i].beside);
    }
    return all;
}

// Cells one after the other, with the same rows at the same times in each.
bool is_even(const std::vector<Parts>& cells) {
    return std::ranges::all_of(cells, [&](const Parts& cell) {
        const bool first = &cell == &cells.front();
        return (first || (cell[kGap] == 0 && cell[kRows] == 0)) && cell[kBegin] == cells.front()[kBegin] &&
               cell[kEnd] == cells.front()[kEnd];
    });
}

std::size_t cells_max(DurationNs length) { return static_cast<std::size_t>(kDay / length); }

Error misfit() { return Error{Code::corrupt, "the cells of a tag do not follow their grammar"}; }

}  // namespace

bool encode_cell_bits(DurationNs length, ValueType type, const std::vector<Cell>& cells, Buffer& out) {
    ASSERT(!cells.empty() && cells.size() <= cells_max(length));
    std::size_t decimals = 0;
    auto wholes = all_wholes(cells, type, decimals);
    while (!wholes && type == ValueType::number && ++decimals < kTens.size())
        wholes = all_wholes(cells, type, decimals);
    if (!wholes) return false;
    const std::size_t unit = cell_unit_of(cells);
    const std::vector<Parts> parts = parts_of(length, cells, *wholes, unit);
    const auto none = [&](Part part) {
        return std::ranges::all_of(parts, [&](const Parts& one) { return one[part] == 0; });
    };
    std::uint8_t left = 0;
    if (none(kBad)) left |= kNoBad;
    if (none(kUncertain)) left |= kNoUncertain;
    if (none(kBeside)) left |= kPlainSums;
    if (is_even(parts)) left |= kEven;
    Encoder to{out};
    to.varint(cells.size());
    to.u8(left);
    to.u8(static_cast<std::uint8_t>(unit | decimals << 2));
    if ((left & kEven) != 0)
        for (std::size_t part = 0; part <= kEnd; ++part) to.varint(parts.front()[part]);
    to.signed_varint(static_cast<std::int64_t>(wholes->front().first));
    std::array<unsigned, kParts> low{};
    BitWriter bits{out};
    for (std::size_t part = 0; part < kParts; ++part)
        if (is_written(part, left)) bits.put(low[part] = best_low(parts, part), kLowBits);
    for (std::size_t i = 0; i < cells.size(); ++i)
        for (std::size_t part = 0; part < kParts; ++part) {
            if (is_written(part, left)) put(bits, parts[i][part], low[part]);
            if (part == kAbove)
                Bounded{parts[i][kBelow] + parts[i][kAbove]}.put(bits, (*wholes)[i].last - (*wholes)[i].low);
        }
    bits.end();
    return true;
}

namespace {

// The cell behind `before`; false if it cannot be one.
struct CellReader {
    DurationNs length;
    ValueType type;
    std::uint8_t left;
    std::size_t unit, decimals;
    std::array<unsigned, kParts> low{};
    Parts even{};

    bool read(BitReader& bits, Parts& parts, Wholes& whole) const {
        const std::uint64_t last_before = whole.last;
        for (std::size_t part = 0; part < kParts; ++part) {
            parts[part] = is_written(part, left) ? take(bits, low[part]) : part <= kEnd ? even[part] : 0;
            if (part != kAbove) continue;
            const std::uint64_t range = parts[kBelow] + parts[kAbove];
            if (range >= std::uint64_t{1} << 55) return false;
            whole.first = last_before + from_zigzag(parts[kFirst]);
            whole.low = whole.first - parts[kBelow];
            whole.high = whole.first + parts[kAbove];
            whole.last = whole.low + Bounded{range}.take(bits);
        }
        whole.beside = from_zigzag(parts[kBeside]);
        return true;
    }

    bool fill(Cell& cell, TimeNs from, const Parts& parts, Wholes& whole) const {
        const auto units = static_cast<std::uint64_t>(kCellUnits[unit]);
        const std::uint64_t units_max = static_cast<std::uint64_t>(length) / units;
        if (parts[kBegin] > units_max || parts[kEnd] > units_max) return false;
        Statistics& s = cell.statistics;
        cell.from = from;
        cell.first_time = from + static_cast<TimeNs>(parts[kBegin] * units);
        cell.last_time = from + length - static_cast<TimeNs>(parts[kEnd] * units);
        s.usable = s.rows - parts[kBad];
        s.good = s.usable - parts[kUncertain];
        s.first = from_whole(whole.first, decimals);
        s.last = from_whole(whole.last, decimals);
        s.min = from_whole(whole.low, decimals);
        s.max = from_whole(whole.high, decimals);
        whole.sum = whole.likely_sum(s.usable) + from_zigzag(parts[kSum]);
        if (type == ValueType::number)
            s.sum = std::bit_cast<double>(std::bit_cast<std::uint64_t>(from_whole(whole.sum, decimals)) + whole.beside);
        else
            cell.whole = static_cast<std::int64_t>(whole.sum);
        return s.good <= s.usable && s.usable > 0 && s.usable <= s.rows && s.rows <= std::uint64_t{1} << 40 &&
               cell.first_time <= cell.last_time && cell.last_time < from + length;
    }
};

}  // namespace

Result<std::vector<Cell>> decode_cell_bits(DurationNs length, ValueType type, TimeNs day_from, Bytes payload) {
    Decoder in{payload};
    const std::uint64_t count = in.varint();
    const std::uint8_t left = in.u8(), kinds = in.u8();
    CellReader reader{length, type, left, kinds & 3u, static_cast<std::size_t>(kinds >> 2)};
    if ((left & kEven) != 0)
        for (std::size_t part = 0; part <= kEnd; ++part) reader.even[part] = in.varint();
    Wholes whole;
    whole.last = static_cast<std::uint64_t>(in.signed_varint());
    if (in.failed() || count == 0 || count > cells_max(length) || left > 15 || reader.decimals >= kTens.size())
        return misfit();
    BitReader bits{in.bytes(in.left())};
    for (std::size_t part = 0; part < kParts; ++part) {
        if (!is_written(part, left)) continue;
        bits.refill();
        reader.low[part] = static_cast<unsigned>(bits.take(kLowBits));
        if (reader.low[part] > kLowMax) return misfit();
    }
    std::vector<Cell> cells(static_cast<std::size_t>(count));
    std::uint64_t index = 0, rows = 0;
    Parts parts;
    for (Cell& cell : cells) {
        if (!reader.read(bits, parts, whole)) return misfit();
        const bool first = &cell == &cells.front();
        // Of even cells those of the first are written.
        index += first || (left & kEven) == 0 ? parts[kGap] : 0;
        rows += first || (left & kEven) == 0 ? from_zigzag(parts[kRows]) : 0;
        if (parts[kGap] >= cells_max(length) || index >= cells_max(length)) return misfit();
        cell.statistics.rows = rows;
        if (!reader.fill(cell, day_from + static_cast<TimeNs>(index) * length, parts, whole)) return misfit();
        ++index;
    }
    if (!bits.ended()) return misfit();
    return cells;
}

}  // namespace gongshu::history
