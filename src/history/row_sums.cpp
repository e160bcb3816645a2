#include "history/row_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "history/kernels.h"

namespace gongshu::history {
namespace {

// What every 64-bit machine adds and compares at once; the compiler splits it where it does not.
using Pair = double __attribute__((vector_size(16)));
constexpr std::size_t kLanes =
    4;  // pairs side by side: an addition takes about four times as long as its next may begin

struct OfNumbers {
    const std::uint64_t* bits;
    Pair two(std::size_t i) const {
        Pair pair;
        std::memcpy(&pair, bits + i, sizeof pair);
        return pair;
    }
    double one(std::size_t i) const { return std::bit_cast<double>(bits[i]); }
};
struct OfIntegers {
    const std::uint64_t* bits;
    Pair two(std::size_t i) const { return Pair{one(i), one(i + 1)}; }
    double one(std::size_t i) const { return static_cast<double>(static_cast<std::int64_t>(bits[i])); }
};
struct OfBooleans {
    const std::uint64_t* bits;
    Pair two(std::size_t i) const { return Pair{one(i), one(i + 1)}; }
    double one(std::size_t i) const { return bits[i] != 0 ? 1 : 0; }
};

template <class Work>
auto by_type(const Run& run, std::size_t begin, const Work& work) {
    const std::uint64_t* const bits = run.bits.data() + begin;
    if (run.type == ValueType::integer) return work(OfIntegers{bits});
    if (run.type == ValueType::boolean) return work(OfBooleans{bits});
    return work(OfNumbers{bits});  // text is told apart before
}

// NaN compares false, so it never hides the numbers beside it.
void take(NumberSums& sums, double value) {
    sums.sum += value;
    if (value < sums.min) sums.min = value;
    if (value > sums.max) sums.max = value;
}

template <class Values>
NumberSums sums_over(const Values& values, std::size_t count) {
    NumberSums sums;
    std::size_t i = 0;
    if (count >= 2 * kLanes) {
        std::array<Pair, kLanes> sum{}, low, high;
        low.fill(Pair{sums.min, sums.min});
        high.fill(Pair{sums.max, sums.max});
        for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                const Pair pair = values.two(i + 2 * lane);
                sum[lane] += pair;
                low[lane] = pair < low[lane] ? pair : low[lane];
                high[lane] = pair > high[lane] ? pair : high[lane];
            }
        }
        const Pair all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        sums.sum = all[0] + all[1];
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sums.min = std::min({sums.min, low[lane][0], low[lane][1]});
            sums.max = std::max({sums.max, high[lane][0], high[lane][1]});
        }
    }
    for (; i < count; ++i) take(sums, values.one(i));
    return sums;
}

template <class Values>
Moments moments_over(const Values& values, std::size_t count, double sum) {
    const auto n = static_cast<double>(count);
    const double mean = sum / n;
    std::array<Pair, kLanes> squares{}, rest{};
    std::size_t i = 0;
    for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const Pair off = values.two(i + 2 * lane) - Pair{mean, mean};
            squares[lane] += off * off;
            rest[lane] += off;
        }
    }
    const Pair square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    const Pair left = (rest[0] + rest[1]) + (rest[2] + rest[3]);
    double square_sum = square[0] + square[1], left_sum = left[0] + left[1];
    for (; i < count; ++i) {
        const double off = values.one(i) - mean;
        square_sum += off * off;
        left_sum += off;
    }
    // The mean was rounded: what the differences have left over says by how much.
    const double spread = square_sum - left_sum * left_sum / n;
    return {count, mean + left_sum / n, spread < 0 ? 0 : spread};
}

}  // namespace

NumberSums sums_of(const Run& run, std::size_t begin, std::size_t end) {
    if (run.type == ValueType::text) {
        NumberSums none;
        if (begin < end) none.sum = std::numeric_limits<double>::quiet_NaN();
        return none;
    }
    return by_type(run, begin, [&](const auto& values) { return sums_over(values, end - begin); });
}

WholeSums whole_sums_of(const Run& run, std::size_t begin, std::size_t end) {
    const std::uint64_t* const bits = run.bits.data() + begin;
    const std::size_t count = end - begin;
    const Extremes range = extremes(bits, count);
    WholeSums sums;
    sums.min = static_cast<double>(range.min);
    sums.max = static_cast<double>(range.max);
    // Within these bounds a block's sum fits 64 bits.
    constexpr std::int64_t kSmall = std::int64_t{1} << 40;
    constexpr std::size_t kBlock = 1 << 20;
    const bool small = range.min > -kSmall && range.max < kSmall;
    for (std::size_t i = 0; small && i < count; i += kBlock) {
        std::uint64_t sum = 0;
        for (std::size_t k = i; k < std::min(count, i + kBlock); ++k) sum += bits[k];
        sums.sum += static_cast<std::int64_t>(sum);
    }
    for (std::size_t i = 0; !small && i < count; ++i) sums.sum += static_cast<std::int64_t>(bits[i]);
    return sums;
}

__int128 PieceSums::add(const Run& run, std::size_t begin, std::size_t end) {
    if (run.type == ValueType::number) {
        add_numbers(run.bits.data() + begin, end - begin);
        return 0;
    }
    const WholeSums sums = whole_sums_of(run, begin, end);
    min_ = std::min(min_, sums.min);
    max_ = std::max(max_, sums.max);
    rows_ += end - begin;
    return sums.sum;
}

void PieceSums::add_one(double value) {
    sums_[rows_++ % sums_.size()] += value;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
}

void PieceSums::add_numbers(const std::uint64_t* bits, std::size_t count) {
    const OfNumbers values{bits};
    std::size_t i = 0;
    while (i < count && rows_ % sums_.size() != 0) add_one(values.one(i++));
    if (const std::size_t blocks = (count - i) / sums_.size(); blocks > 0) {
        std::array<Pair, kLanes> sum, low, high;
        std::memcpy(sum.data(), sums_.data(), sizeof sum);
        low.fill(Pair{min_, min_});
        high.fill(Pair{max_, max_});
        for (const std::size_t stop = i + blocks * sums_.size(); i < stop; i += sums_.size()) {
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                const Pair pair = values.two(i + 2 * lane);
                sum[lane] += pair;
                low[lane] = pair < low[lane] ? pair : low[lane];
                high[lane] = pair > high[lane] ? pair : high[lane];
            }
        }
        std::memcpy(sums_.data(), sum.data(), sizeof sum);
        rows_ += blocks * sums_.size();
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            min_ = std::min({min_, low[lane][0], low[lane][1]});
            max_ = std::max({max_, high[lane][0], high[lane][1]});
        }
    }
    while (i < count) add_one(values.one(i++));
}

double PieceSums::sum() const {
    const auto& s = sums_;
    return ((s[0] + s[2]) + (s[4] + s[6])) + ((s[1] + s[3]) + (s[5] + s[7]));
}

void Moments::add(const Moments& other) {
    if (other.count == 0) return;
    const auto mine = static_cast<double>(count), others = static_cast<double>(other.count), all = mine + others;
    const double apart = other.mean - mean;
    squares += other.squares + apart * apart * (mine * others / all);
    mean += apart * (others / all);
    count += other.count;
}

Moments moments_of(const Run& run, std::size_t begin, std::size_t end, double sum) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    if (run.type == ValueType::text) return {end - begin, kNaN, kNaN};
    return by_type(run, begin, [&](const auto& values) { return moments_over(values, end - begin, sum); });
}

std::size_t end_of_quality(const Run& run, std::size_t begin, std::size_t end) {
    const std::uint16_t* const qualities = run.qualities.data();
    // Most often all are alike: then each equals its next.
    if (std::memcmp(qualities + begin, qualities + begin + 1, (end - begin - 1) * sizeof *qualities) == 0) return end;
    std::size_t at = begin + 1;
    while (qualities[at] == qualities[begin]) ++at;
    return at;
}

std::size_t gallop(const Run& run, std::size_t begin, std::size_t end, TimeNs time) {
    std::size_t step = 1;
    std::size_t below = begin;  // all rows before it are earlier
    while (below + step <= end && run.times[below + step - 1] < time) {
        below += step;
        step *= 2;
    }
    const auto first = run.times.begin() + static_cast<std::ptrdiff_t>(below);
    const auto last = run.times.begin() + static_cast<std::ptrdiff_t>(std::min(end, below + step));
    return static_cast<std::size_t>(std::lower_bound(first, last, time) - run.times.begin());
}

}  // namespace gongshu::history
