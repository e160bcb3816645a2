#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "history/chunk.h"
#include "history/row_sums.h"

// What a bucket can be asked for. "Counted" rows are those that pass the question's QualityFilter, without more words
// the usable ones. Unless said otherwise an aggregate is NaN where no row is counted, and where a counted row is NaN or
// text.
//
//   avg            sum / count; of integers and booleans of the exact sum. Numbers are added up in an order that time
//   alone
//                  decides, so that the last bit is the same wherever the rows lie, and when cells (cells.h) stand for
//                  them: each whole UTC hour of the bucket is one piece, each minute of the rest another; within a
//                  piece in the order of PieceSums, then piece after piece
//   min, max       NaN rows hide nothing
//   range          max - min
//   sum, count     of the counted rows; count is 0 where there is none
//   count_good     rows of good quality, whatever the filter; count_bad: of bad quality
//   first, last    the values of the first and the last counted row
//   first_time, last_time   their times, UTC ns
//   delta          last - first
//   increase       how far a counter went: the sum of v[i] - v[i-1], or of v[i] where it fell (it was set to zero),
//   from the
//                  counted row before the bucket on, so that the buckets of a window add up; needs two rows
//   variance       of the sample: sum of (v - avg)^2 / (n - 1), in two passes over each run of rows (corrected as in
//   Chan,
//                  Golub, LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.7), joined by their
//                  eq. 2.1; needs two rows. stddev: its square root
//   median, pN     N percent of the values are not above it, 0 <= N <= 100, as in p95 or p99.9: a straight line between
//   the
//                  values at floor and ceil of (n - 1) * N / 100 (Hyndman and Fan 1996, definition 7). median is p50.
//                  NaN rows are left out. Exact: kRankedMax values of a bucket at most, else Code::limit
//   mode           the value that comes most often, the smallest of several; as exact
//
// Weighted by time. Rows that are not counted, and values that are no finite number, end what is known; so does the
// question's gap. The value that holds when a bucket begins counts.
//   covered        0 … 1: the part of the bucket, as far as it lies within the window and is not of the future, in
//   which a
//                  value held; 0 where none did. covered_linear: … in which two rows were joined by a line
//   integral       sum of value * seconds for which it held, until the next row (steps); the unit is that of the tag
//   times
//                  s: of kW it gives kW·s = kJ, / 3600 kWh. integral_step is the same by another name
//   twa            integral / seconds known: the time-weighted average of steps, as in expressions and in the
//   aggregates
//                  of intervals. twa_step is the same by another name
//   integral_linear, twa_linear   the same with rows joined by straight lines (trapezoids)
//   on_time        seconds for which a value other than 0 held, such as true
//   on_fraction    on_time / seconds known
namespace gongshu::history {

// What an aggregate wants to know beyond Statistics; bits.
enum Need : unsigned {
    kNeedTimes = 1,
    kNeedMoments = 2,
    kNeedRanked = 4,
    kNeedSteps = 8,
    kNeedLines = 16,
    kNeedIncrease = 32,
    kNeedSum = 64,
};
// Of ReadRequest::gap.
inline constexpr DurationNs kGapDefault = kDay, kGapMax = 31 * kDay;
inline constexpr std::size_t kRankedMax = 4'000'000;  // 32 MB, for as long as the bucket is read

// What is known of a bucket over time.
struct TimeSums {
    double step_area = 0;  // value * ns
    double line_area = 0;
    DurationNs step_ns = 0;
    DurationNs line_ns = 0;
    DurationNs on_ns = 0;
};

// All that is gathered of one bucket; parts that nobody needs stay empty.
struct BucketSums {
    Statistics statistics;  // `usable`, sum …: of the counted rows
    __int128 whole = 0;     // what integers and booleans add to the sum
    std::uint64_t bad = 0;
    TimeNs first_time = 0;  // of the counted rows
    TimeNs last_time = 0;
    Moments moments;
    std::vector<double> ranked;  // without NaN, in any order
    TimeSums time;
    double increase = 0;
    bool increased = false;    // there were two rows to tell it from
    DurationNs length_ns = 0;  // of the bucket within the window, without the future
};

enum class AggregateKind : std::uint8_t {
    value,  // what an empty bucket is filled with
    count,  // 0 in an empty bucket, whatever it is filled with
    known,  // tells of the rows themselves: of an empty bucket as it is
    time,   // BucketSums::first_time, last_time
};

struct Aggregate {
    std::string name;
    double (*of)(BucketSums&, double parameter) = nullptr;
    double parameter = 0;  // of pN: N
    unsigned needs = 0;
    AggregateKind kind = AggregateKind::value;
};

// Code::invalid for a name that is none of them; the text lists them.
Result<Aggregate> parse_aggregate(std::string_view name);

}  // namespace gongshu::history
