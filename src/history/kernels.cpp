#include "history/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/assert.h"
#include "history/for_each_machine.h"

namespace gongshu::history {
namespace {

constexpr std::size_t kLanes = 16;  // value i is in lane i % 16, at row i / 16 of it
constexpr std::size_t kLaneRows = kVectorRows / kLanes;
constexpr std::size_t kWordsMax = kLaneRows * kLanes;

constexpr double kWholeMax = 9e15;  // below 2^53, so that each is a double

constexpr std::uint64_t low_bits(unsigned width) {
    return width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

// One after the other, the first in the lowest bits.
void pack_some(const std::uint64_t* values, std::size_t count, unsigned width, std::uint8_t* out) {
    unsigned __int128 bits = 0;
    unsigned held = 0;
    for (std::size_t i = 0; i < count; ++i) {
        bits |= static_cast<unsigned __int128>(values[i] & low_bits(width)) << held;
        for (held += width; held >= 8; held -= 8, bits >>= 8) *out++ = static_cast<std::uint8_t>(bits);
    }
    if (held > 0) *out = static_cast<std::uint8_t>(bits);
}

void unpack_some(const std::uint8_t* in, std::size_t count, unsigned width, std::uint64_t* values) {
    std::size_t i = 0;
    if (width <= 56) {  // a word at any byte holds a whole value, as long as it ends before the bytes do
        const std::size_t bytes = packed_bytes(count, width);
        for (std::size_t bit = 0; i < count && bit / 8 + sizeof(std::uint64_t) <= bytes; ++i, bit += width) {
            std::uint64_t word = 0;
            std::memcpy(&word, in + bit / 8, sizeof word);
            values[i] = word >> bit % 8 & low_bits(width);
        }
    }
    in += i * width / 8;
    unsigned __int128 bits = 0;
    unsigned held = 0;
    if (const unsigned used = i * width % 8; used > 0 && i < count) {
        bits = *in++ >> used;
        held = 8 - used;
    }
    for (; i < count; ++i) {
        for (; held < width; held += 8) bits |= static_cast<unsigned __int128>(*in++) << held;
        values[i] = static_cast<std::uint64_t>(bits) & low_bits(width);
        bits >>= width;
        held -= width;
    }
}

}  // namespace

namespace kernels {

FOR_EACH_MACHINE void pack_all(const std::uint64_t* __restrict values, unsigned width,
                               std::uint64_t* __restrict words) {
    const std::uint64_t mask = low_bits(width);
    for (std::size_t row = 0; row < kLaneRows; ++row) {
        const std::size_t bit = row * width;
        const std::size_t word = bit / 64;
        const unsigned shift = bit % 64;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            words[word * kLanes + lane] |= (values[row * kLanes + lane] & mask) << shift;
        if (shift + width <= 64) continue;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            words[(word + 1) * kLanes + lane] = (values[row * kLanes + lane] & mask) >> (64 - shift);
    }
}

// A word at any address.
struct __attribute__((packed, may_alias)) Word {
    std::uint64_t value;
};

FOR_EACH_MACHINE void unpack_all(const Word* __restrict words, unsigned width, std::uint64_t* __restrict values) {
    const std::uint64_t mask = low_bits(width);
    for (std::size_t row = 0; row < kLaneRows; ++row) {
        const std::size_t bit = row * width;
        const std::size_t word = bit / 64;
        const unsigned shift = bit % 64;
        if (shift + width <= 64) {
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                values[row * kLanes + lane] = (words[word * kLanes + lane].value >> shift) & mask;
        } else {
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                values[row * kLanes + lane] = (words[word * kLanes + lane].value >> shift |
                                               words[(word + 1) * kLanes + lane].value << (64 - shift)) &
                                              mask;
        }
    }
}

FOR_EACH_MACHINE void find_extremes(const std::uint64_t* __restrict values, std::size_t count, Extremes& found) {
    auto min = static_cast<std::int64_t>(values[0]);
    auto max = min;
    for (std::size_t i = 1; i < count; ++i) {
        const auto value = static_cast<std::int64_t>(values[i]);
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    found = {min, max};
}

FOR_EACH_MACHINE std::uint64_t sum_all(const std::uint64_t* values, std::size_t count) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += values[i];
    return sum;
}

FOR_EACH_MACHINE void differences(const std::uint64_t* __restrict values, std::size_t count,
                                  std::uint64_t* __restrict out) {
    for (std::size_t i = 1; i < count; ++i) out[i] = values[i] - values[i - 1];
}

FOR_EACH_MACHINE std::size_t changes(const std::uint64_t* values, std::size_t count) {
    std::size_t found = 0;
    for (std::size_t i = 1; i < count; ++i) found += values[i] != values[i - 1] ? 1 : 0;
    return found;
}

FOR_EACH_MACHINE bool all_grow(const std::int64_t* times, std::size_t count) {
    std::uint64_t all = 1;
    for (std::size_t i = 1; i < count; ++i) all &= times[i] > times[i - 1] ? 1 : 0;
    return all != 0;
}

FOR_EACH_MACHINE void add(std::uint64_t* values, std::size_t count, std::uint64_t base) {
    for (std::size_t i = 0; i < count; ++i) values[i] += base;
}

FOR_EACH_MACHINE void add_unzigzag(std::uint64_t* values, std::size_t count, std::uint64_t base) {
    for (std::size_t i = 0; i < count; ++i) values[i] = base + (values[i] >> 1 ^ (0 - (values[i] & 1)));
}

FOR_EACH_MACHINE void widen_bytes(const std::uint8_t* __restrict residuals, std::size_t count, std::uint64_t base,
                                  std::uint64_t* __restrict values) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t residual = residuals[i];
        values[i] = base + (residual >> 1 ^ (0 - (residual & 1)));
    }
}

FOR_EACH_MACHINE void integers_within(const std::uint64_t* __restrict values, std::size_t count, std::int64_t low,
                                      std::int64_t high, std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = static_cast<std::int64_t>(values[i]);
        marks[i] = static_cast<std::uint8_t>(value >= low) & static_cast<std::uint8_t>(value <= high);
    }
}

FOR_EACH_MACHINE void integers_outside(const std::uint64_t* __restrict values, std::size_t count, std::int64_t low,
                                       std::int64_t high, std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = static_cast<std::int64_t>(values[i]);
        marks[i] = static_cast<std::uint8_t>(value < low) | static_cast<std::uint8_t>(value > high);
    }
}

FOR_EACH_MACHINE void doubles_within(const std::uint64_t* __restrict bits, std::size_t count, double low, double high,
                                     std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = std::bit_cast<double>(bits[i]);
        marks[i] = static_cast<std::uint8_t>(value >= low) & static_cast<std::uint8_t>(value <= high);
    }
}

FOR_EACH_MACHINE void doubles_outside(const std::uint64_t* __restrict bits, std::size_t count, double low, double high,
                                      std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = std::bit_cast<double>(bits[i]);
        marks[i] = static_cast<std::uint8_t>(value < low) | static_cast<std::uint8_t>(value > high);
    }
}

FOR_EACH_MACHINE void unmark(const std::uint16_t* __restrict qualities, std::size_t count, std::uint16_t least,
                             std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) marks[i] &= static_cast<std::uint8_t>((qualities[i] & 3) >= least);
}

FOR_EACH_MACHINE void both(const std::uint8_t* __restrict others, std::size_t count, std::uint8_t* __restrict marks) {
    for (std::size_t i = 0; i < count; ++i) marks[i] &= others[i];
}

FOR_EACH_MACHINE void fill_all(std::uint16_t* qualities, std::size_t count, std::uint16_t quality) {
    for (std::size_t i = 0; i < count; ++i) qualities[i] = quality;
}

// What is too large for a whole number, or none, is 0: it will not give back its bits.
FOR_EACH_MACHINE void round_to_wholes(const std::uint64_t* __restrict bits, std::size_t count, double up, double down,
                                      std::uint64_t* __restrict wholes) {
    for (std::size_t i = 0; i < count; ++i) {
        const double scaled = std::bit_cast<double>(bits[i]) * up * down;
        const double whole = scaled >= -kWholeMax && scaled <= kWholeMax ? std::nearbyint(scaled) : 0;
        wholes[i] = static_cast<std::uint64_t>(static_cast<std::int64_t>(whole));
    }
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
// Eight at a time: each is added to those one, two and four further on; only the sum of all eight waits for the ones
// before.
__attribute__((target("arch=x86-64-v4"))) void add_all_up(std::uint64_t* values, std::size_t count,
                                                          std::uint64_t before, std::uint64_t base) {
    using Eight = std::uint64_t __attribute__((vector_size(64)));
    const Eight zero{};
    Eight sum = zero + before;
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        Eight eight;
        std::memcpy(&eight, values + i, sizeof eight);
        eight += base;
        eight += __builtin_shuffle(zero, eight, Eight{0, 8, 9, 10, 11, 12, 13, 14});
        eight += __builtin_shuffle(zero, eight, Eight{0, 0, 8, 9, 10, 11, 12, 13});
        eight += __builtin_shuffle(zero, eight, Eight{0, 0, 0, 0, 8, 9, 10, 11});
        const Eight sums = eight + sum;
        std::memcpy(values + i, &sums, sizeof sums);
        sum += __builtin_shuffle(eight, Eight{7, 7, 7, 7, 7, 7, 7, 7});
    }
    before = sum[0];
    for (; i < count; ++i) values[i] = before += values[i] + base;
}
__attribute__((target("default")))
#endif
void add_all_up(std::uint64_t* values, std::size_t count, std::uint64_t before, std::uint64_t base) {
    for (std::size_t i = 0; i < count; ++i) values[i] = before += values[i] + base;
}

FOR_EACH_MACHINE void evenly(std::int64_t* times, std::size_t count, std::int64_t first, std::int64_t step) {
    for (std::size_t i = 0; i < count; ++i)
        times[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + i * static_cast<std::uint64_t>(step));
}

FOR_EACH_MACHINE void multiply_wholes(std::uint64_t* values, std::size_t count, std::uint64_t step) {
    for (std::size_t i = 0; i < count; ++i) values[i] *= step;
}

FOR_EACH_MACHINE void to_doubles(std::uint64_t* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        values[i] = std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int64_t>(values[i])));
}

FOR_EACH_MACHINE void divide_by(std::uint64_t* values, std::size_t count, double power) {
    for (std::size_t i = 0; i < count; ++i)
        values[i] = std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int64_t>(values[i])) / power);
}

FOR_EACH_MACHINE void multiply_by(std::uint64_t* values, std::size_t count, double up, double down) {
    for (std::size_t i = 0; i < count; ++i)
        values[i] = std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int64_t>(values[i])) * up * down);
}

FOR_EACH_MACHINE void widen_singles(std::uint64_t* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        values[i] = std::bit_cast<std::uint64_t>(
            static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(values[i]))));
}

FOR_EACH_MACHINE void round_singles(std::uint64_t* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        values[i] =
            std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<float>(std::bit_cast<double>(values[i]))));
}

}  // namespace kernels

void pack(const std::uint64_t* values, std::size_t count, unsigned width, std::uint8_t* out) {
    ASSERT(width <= 64 && count <= kVectorRows);
    if (width == 0) return;
    if (count != kVectorRows) return pack_some(values, count, width, out);
    alignas(64) std::array<std::uint64_t, kWordsMax> words;
    std::memset(words.data(), 0, packed_bytes(count, width));
    kernels::pack_all(values, width, words.data());
    std::memcpy(out, words.data(), packed_bytes(count, width));
}

void unpack(const std::uint8_t* in, std::size_t count, unsigned width, std::uint64_t* values) {
    ASSERT(width <= 64 && count <= kVectorRows);
    if (width == 0) return std::memset(values, 0, count * sizeof *values), void();
    if (count != kVectorRows) return unpack_some(in, count, width, values);
    kernels::unpack_all(reinterpret_cast<const kernels::Word*>(in), width, values);
}

Extremes extremes(const std::uint64_t* values, std::size_t count) {
    Extremes found{};
    kernels::find_extremes(values, count, found);
    return found;
}

std::uint64_t sum_of(const std::uint64_t* values, std::size_t count) { return kernels::sum_all(values, count); }

void take_differences(const std::uint64_t* values, std::size_t count, std::uint64_t* differences) {
    kernels::differences(values, count, differences);
}

std::size_t first_not_growing(const std::int64_t* times, std::size_t count) {
    if (kernels::all_grow(times, count)) return 0;
    std::size_t i = 1;
    while (times[i] > times[i - 1]) ++i;
    return i;
}

std::size_t count_changes(const std::uint64_t* values, std::size_t count) { return kernels::changes(values, count); }

void add_base(std::uint64_t* values, std::size_t count, std::uint64_t base) {
    if (base != 0) kernels::add(values, count, base);
}

void add_base_unzigzag(std::uint64_t* values, std::size_t count, std::uint64_t base) {
    kernels::add_unzigzag(values, count, base);
}

void widen_unzigzag(const std::uint8_t* residuals, std::size_t count, std::uint64_t base, std::uint64_t* values) {
    kernels::widen_bytes(residuals, count, base, values);
}

void fill_evenly(std::int64_t* times, std::size_t count, std::int64_t first, std::int64_t step) {
    kernels::evenly(times, count, first, step);
}

void add_up(std::uint64_t* values, std::size_t count, std::uint64_t before, std::uint64_t base) {
    kernels::add_all_up(values, count, before, base);
}

void mark_integers(const std::uint64_t* values, std::size_t count, std::int64_t low, std::int64_t high, bool outside,
                   std::uint8_t* marks) {
    if (outside)
        kernels::integers_outside(values, count, low, high, marks);
    else
        kernels::integers_within(values, count, low, high, marks);
}

void mark_doubles(const std::uint64_t* bits, std::size_t count, double low, double high, bool outside,
                  std::uint8_t* marks) {
    if (outside)
        kernels::doubles_outside(bits, count, low, high, marks);
    else
        kernels::doubles_within(bits, count, low, high, marks);
}

void unmark_worse(const std::uint16_t* qualities, std::size_t count, unsigned least, std::uint8_t* marks) {
    kernels::unmark(qualities, count, static_cast<std::uint16_t>(least), marks);
}

void unmark_other(const std::uint8_t* others, std::size_t count, std::uint8_t* marks) {
    kernels::both(others, count, marks);
}

// Eight marks at once where there is none.
std::size_t marked(const std::uint8_t* marks, std::size_t count, std::uint32_t* numbers) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count;) {
        std::uint64_t eight = 1;
        if (i + sizeof eight <= count) std::memcpy(&eight, marks + i, sizeof eight);
        if (eight == 0) {
            i += sizeof eight;
            continue;
        }
        for (const std::size_t end = std::min(i + sizeof eight, count); i < end; ++i) {
            numbers[found] = static_cast<std::uint32_t>(i);
            found += marks[i];
        }
    }
    return found;
}

void fill_qualities(std::uint16_t* qualities, std::size_t count, std::uint16_t quality) {
    kernels::fill_all(qualities, count, quality);
}

void nearest_wholes(const std::uint64_t* bits, std::size_t count, double up, double down, std::uint64_t* wholes) {
    kernels::round_to_wholes(bits, count, up, down, wholes);
}

void multiply_whole(std::uint64_t* values, std::size_t count, std::uint64_t step) {
    if (step != 1) kernels::multiply_wholes(values, count, step);
}

void divide(std::uint64_t* values, std::size_t count, double power) {
    if (power == 1)
        kernels::to_doubles(values, count);
    else
        kernels::divide_by(values, count, power);
}

void multiply(std::uint64_t* values, std::size_t count, double up, double down) {
    kernels::multiply_by(values, count, up, down);
}

void widen(std::uint64_t* values, std::size_t count) { kernels::widen_singles(values, count); }
void round_to_single(std::uint64_t* values, std::size_t count) { kernels::round_singles(values, count); }

}  // namespace gongshu::history
