#pragma once

#include <deque>
#include <optional>

#include "expr/program.h"

namespace gongshu::expr {

// The readings of one tag during the last `length`, (now - length, now], and one aggregate over the usable ones.
// Bounds:  kWindowPointsMax readings; past it the oldest go, and limited() says so until the window is whole again.
// Costs:   add() in order and expire() O(1) on the average; a late reading O(points).
class WindowPoints {
public:
    WindowPoints(Aggregate aggregate, DurationNs length) : aggregate_(aggregate), length_(length) {}

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
    Grade grade() const;  // good; uncertain if a reading in it is not good
    bool limited(TimeNs now) const { return now < whole_again_; }
    std::size_t size() const { return points_.size(); }

private:
    struct Point {
        TimeNs time;
        double value;
        Grade grade;
        bool usable() const { return grade != Grade::bad; }
    };

    void include(const Point& point);
    void exclude(const Point& point);
    void push_extreme(const Point& point);
    void rebuild() const;
    const Point* first_usable() const;
    const Point* last_usable() const;

    const Aggregate aggregate_;
    const DurationNs length_;
    std::deque<Point> points_;  // by time
    TimeNs whole_again_ = INT64_MIN;
    std::size_t uncertain_ = 0, bad_ = 0;
    // Rebuilt when asked for after a late reading, and now and then so that rounding does not pile up.
    mutable bool dirty_ = false;
    mutable double sum_ = 0, lost_ = 0;   // Neumaier's compensated sum
    mutable std::size_t removed_ = 0;     // since the sum was last made anew
    mutable std::deque<Point> extremes_;  // of min (max): points that no later one undercuts (tops), in order of time
};

}  // namespace gongshu::expr
