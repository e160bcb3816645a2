#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "history/run.h"

// Loops over neighbouring rows of a run, two numbers at a time, several sums side by side. They look at no quality:
// whoever calls cuts the rows where it changes.
namespace gongshu::history {

struct NumberSums {
    double sum = 0;  // NaN if a row is NaN or text; in another order than one after another
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();  // NaN rows hide nothing; min > max: there is no number
};
// Of rows [begin, end).
NumberSums sums_of(const Run& run, std::size_t begin, std::size_t end);

// Integers and booleans: exact in any order.
struct WholeSums {
    __int128 sum = 0;
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
};
// Of rows [begin, end), not empty.
WholeSums whole_sums_of(const Run& run, std::size_t begin, std::size_t end);

// The sum of the numbers of one piece of time (aggregates.h), in an order that only they themselves decide: number i is
// added to sum i mod 8, and the eight sums are added up at the end. So it does not matter in how many runs they come.
class PieceSums {
public:
    // Rows [begin, end), not empty, of integers and booleans (whose sum is given back) or of numbers (0 is).
    __int128 add(const Run& run, std::size_t begin, std::size_t end);
    std::uint64_t rows() const { return rows_; }
    double sum() const;
    double min() const { return min_; }
    double max() const { return max_; }

private:
    void add_numbers(const std::uint64_t* bits, std::size_t count);
    void add_one(double value);

    std::array<double, 8> sums_{};
    std::uint64_t rows_ = 0;
    double min_ = std::numeric_limits<double>::infinity();
    double max_ = -std::numeric_limits<double>::infinity();
};

// Count, mean and sum of squared differences from the mean.
struct Moments {
    std::uint64_t count = 0;
    double mean = 0;
    double squares = 0;
    // Those of both together.
    void add(const Moments& other);
};
// Of rows [begin, end), not empty, whose sum is `sum`: the second pass.
Moments moments_of(const Run& run, std::size_t begin, std::size_t end, double sum);

// Where in [begin, end) the first row lies whose quality is not that of `begin`; else `end`.
std::size_t end_of_quality(const Run& run, std::size_t begin, std::size_t end);

// The first row at or after `time` in [begin, end), all of which are in order: looks near `begin` first.
std::size_t gallop(const Run& run, std::size_t begin, std::size_t end, TimeNs time);

}  // namespace gongshu::history
