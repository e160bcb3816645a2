#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// Loops over whole vectors, compiled for several instruction sets; the widest one that the processor has is chosen when
// the program starts (see kernels.cpp). The results are the same bits on each of them. Threads: any; no state.
namespace gongshu::history {

inline constexpr std::size_t kVectorRows = 1024;  // of a full vector; on disk: never change

// A vector's values as 64 bits each.
struct alignas(64) Vector {
    std::array<std::uint64_t, kVectorRows> at;
};

// Bytes of `count` packed values of `width` bits (0 to 64).
constexpr std::size_t packed_bytes(std::size_t count, unsigned width) {
    return count == kVectorRows ? kVectorRows / 8 * width : (count * width + 7) / 8;
}

// Writes the low `width` bits of `count` values to packed_bytes() bytes at `out`, as docs/format/segment.md says: full
// vectors in 16 lanes, others one after the other.
void pack(const std::uint64_t* values, std::size_t count, unsigned width, std::uint8_t* out);
// The other way; `in` holds packed_bytes() bytes, `values` has room for `count`.
void unpack(const std::uint8_t* in, std::size_t count, unsigned width, std::uint64_t* values);

// The smallest and the largest of `count` > 0 values as signed numbers.
struct Extremes {
    std::int64_t min;
    std::int64_t max;
};
Extremes extremes(const std::uint64_t* values, std::size_t count);

// Wrapping.
std::uint64_t sum_of(const std::uint64_t* values, std::size_t count);

// differences[i] = values[i] - values[i - 1] for 0 < i < count, wrapping; differences[0] is not written.
void take_differences(const std::uint64_t* values, std::size_t count, std::uint64_t* differences);
// The first i > 0 with times[i] <= times[i - 1]; 0 if there is none.
std::size_t first_not_growing(const std::int64_t* times, std::size_t count);
// How many of values[i], 0 < i < count, differ from the one before.
std::size_t count_changes(const std::uint64_t* values, std::size_t count);

// In place: values[i] += base.
void add_base(std::uint64_t* values, std::size_t count, std::uint64_t base);
// In place: values[i] = base + the signed number that values[i] is the zigzag of.
void add_base_unzigzag(std::uint64_t* values, std::size_t count, std::uint64_t base);
// values[i] = base + the signed number that residuals[i] is the zigzag of.
void widen_unzigzag(const std::uint8_t* residuals, std::size_t count, std::uint64_t base, std::uint64_t* values);
// times[i] = first + i * step.
void fill_evenly(std::int64_t* times, std::size_t count, std::int64_t first, std::int64_t step);
// In place, wrapping: values[i] = before + base * (i + 1) + the sum of values[0 … i].
void add_up(std::uint64_t* values, std::size_t count, std::uint64_t before, std::uint64_t base);

// marks[i] = 1 if values[i] is within [low, high], or with `outside` if it is not, else 0; NaN is neither.
void mark_integers(const std::uint64_t* values, std::size_t count, std::int64_t low, std::int64_t high, bool outside,
                   std::uint8_t* marks);
void mark_doubles(const std::uint64_t* bits, std::size_t count, double low, double high, bool outside,
                  std::uint8_t* marks);
// marks[i] = 0 where the grade (the lowest two bits) of qualities[i] is below `least`.
void unmark_worse(const std::uint16_t* qualities, std::size_t count, unsigned least, std::uint8_t* marks);
// marks[i] = 0 where others[i] is.
void unmark_other(const std::uint8_t* others, std::size_t count, std::uint8_t* marks);
// Where marks are 1: the numbers of these, growing, at `numbers`, which has room for `count`; how many there are.
std::size_t marked(const std::uint8_t* marks, std::size_t count, std::uint32_t* numbers);

void fill_qualities(std::uint16_t* qualities, std::size_t count, std::uint16_t quality);

// wholes[i] = the whole number nearest to the double times `up` times `down`; 0 if that is beyond 9e15 or no number.
void nearest_wholes(const std::uint64_t* bits, std::size_t count, double up, double down, std::uint64_t* wholes);
// In place: values[i] *= step, wrapping.
void multiply_whole(std::uint64_t* values, std::size_t count, std::uint64_t step);

// Whole numbers (signed) as doubles: divided by `power`, or times `up` and then times `down`. In place, value to bits.
void divide(std::uint64_t* values, std::size_t count, double power);
void multiply(std::uint64_t* values, std::size_t count, double up, double down);
// Bits of singles (the low half) as bits of doubles, and doubles rounded to singles; in place.
void widen(std::uint64_t* values, std::size_t count);
void round_to_single(std::uint64_t* values, std::size_t count);

}  // namespace gongshu::history
