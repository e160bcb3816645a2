#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "expr/exact_sum.h"
#include "expr/program.h"

namespace gongshu::expr {

// The readings during the last `length`, (now - length, now], and one aggregate over the usable ones.
// Bounds:  kWindowPointsMax readings; past it the oldest go, and limited() says so until the window is whole again.
// Costs:   add() in order and expire() O(1) on the average, but median and percentile move O(points) numbers in memory;
//          a late reading O(points).
// Exact:   sums are kept without rounding (ExactSum), so value() depends on what is in the window and on nothing else.
class WindowPoints {
public:
    // `parameter`: of percentile 0 to 100; of increase where the counter wraps, 0 = it is set to zero.
    WindowPoints(Aggregate aggregate, DurationNs length, double parameter = 0)
        : aggregate_(aggregate), length_(length), parameter_(parameter) {}

    // Of two with one time the later call wins. `value` of an unusable reading is not looked at.
    void add(TimeNs now, TimeNs time, double value, Grade grade);
    void expire(TimeNs now);
    void shift(DurationNs by);

    // When the oldest reading leaves.
    std::optional<TimeNs> next_change() const;
    // nullopt: no usable reading, or too few for it.
    std::optional<double> value() const;
    // Of min, max, first and last: the time of that reading.
    std::optional<TimeNs> time_of_value() const;
    Grade grade() const { return uncertain_ > 0 || !bad_.empty() ? Grade::uncertain : Grade::good; }
    bool limited(TimeNs now) const { return now < whole_again_; }
    std::size_t size() const { return points_.size() + bad_.size(); }

private:
    struct Point {
        TimeNs time;
        double value;
        bool uncertain;
    };

    void insert(std::size_t at, const Point& point);
    void remove(std::size_t at);
    void drop_oldest();
    void forget(TimeNs time);
    // What the step from one reading to the next adds to increase(); `sign` -1 takes it away.
    void step(const Point& from, const Point& to, bool take_away);
    void count(const Point& point, bool take_away);
    void push_extreme(const Point& point) const;
    void rebuild_extremes() const;
    std::optional<double> deviation() const;
    double percentile(double percent) const;
    bool ranked() const { return aggregate_ == Aggregate::median || aggregate_ == Aggregate::percentile; }
    bool extreme() const { return aggregate_ == Aggregate::min || aggregate_ == Aggregate::max; }

    const Aggregate aggregate_;
    const DurationNs length_;
    const double parameter_;
    std::deque<Point> points_;  // usable, by time
    std::deque<TimeNs> bad_;    // by time
    TimeNs whole_again_ = INT64_MIN;
    std::size_t uncertain_ = 0;
    std::size_t too_large_ = 0;  // of stddev: readings whose square is no number
    ExactSum sum_, squares_;
    std::vector<double> sorted_;  // median, percentile
    // Of min (max): points that no later one undercuts (tops), in order of time; made anew after a late reading.
    mutable std::deque<Point> extremes_;
    mutable bool extremes_stale_ = false;
};

}  // namespace gongshu::expr
