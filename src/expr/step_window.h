#pragma once

#include <deque>
#include <optional>
#include <string>

#include "expr/cell.h"
#include "expr/exact_sum.h"

namespace gongshu::expr {

// How long a value lasted during (now - length, now]: its time-weighted average, or how long it was true. A value lasts
// until the next one; a bad one is a gap, which counts nowhere.
// Changes: when a value comes, and as time goes by at whole multiples of tick(); in between it is as it was, so that an
//          answer does not depend on when somebody asked.
// Bounds:  kWindowPointsMax values; past it the oldest go, and limited() says so until the window is whole again.
// Exact:   as WindowPoints.
class StepWindow {
public:
    StepWindow(Aggregate aggregate, DurationNs length) : aggregate_(aggregate), length_(length) {}

    // From `time` on; of two with one time the later call wins. A truth is 0 or 1.
    void add(TimeNs now, TimeNs time, double value, Grade grade);
    // Of a calculation: adds it as of now if it is another than before; what is missing from the beginning is no gap.
    void follow(TimeNs now, const Cell& cell);
    // Brings value() up to now, if a value came or a tick passed.
    void advance(TimeNs now);
    void shift(DurationNs by);

    // Average, or seconds; nullopt: nothing usable in it. After advance().
    std::optional<double> value() const { return value_; }
    Grade grade() const { return grade_; }
    bool empty() const { return steps_.empty(); }
    bool limited(TimeNs now) const { return now < whole_again_; }
    std::optional<TimeNs> next_change() const { return due_; }
    // max(1 s, whole seconds of a hundredth of the length).
    DurationNs tick() const;

private:
    struct Step {
        TimeNs time;
        double value;
        Grade grade;
        bool usable() const { return grade != Grade::bad; }
        bool counts() const { return usable() && value != 0; }
        // Its product with the nanoseconds of a window is no number any more.
        bool too_large() const { return value > 1e285 || value < -1e285; }
    };

    void tally(const Step& step, bool take_away);
    void count(std::size_t at, bool take_away);
    void count(const Step& step, TimeNs from, TimeNs to, bool take_away);
    void expire(TimeNs now);
    void compute(TimeNs now);
    void drop_front();

    const Aggregate aggregate_;
    const DurationNs length_;
    std::deque<Step> steps_;  // by time; the first began before the window
    TimeNs whole_again_ = INT64_MIN;
    // Of all steps but the last, each to the next one's time.
    ExactSum sum_;
    DurationNs usable_ = 0;      // ns
    DurationNs true_ = 0;        // ns
    std::size_t not_good_ = 0;   // of all steps
    std::size_t too_large_ = 0;  // of all steps: then there is no average
    bool fresh_ = false;         // a value came since the last advance()
    std::optional<double> value_;
    Grade grade_ = Grade::good;
    std::optional<TimeNs> due_;
};

// Whether a value differs from the one before it.
class Changes {
public:
    explicit Changes(DurationNs within) : within_(within) {}
    // Unknown is as before.
    void add(TimeNs time, const Cell& cell);
    Cell value(TimeNs now) const;
    void shift(DurationNs by);
    std::optional<TimeNs> next_change(TimeNs now) const;

private:
    const DurationNs within_;
    bool any_ = false, differs_ = false;
    Cell last_;
    std::string text_;
    std::optional<TimeNs> turned_;
};

// How often a condition became true during (now - length, now].
// Bounds: kWindowPointsMax times; past it the oldest go.
class TurnWindow {
public:
    explicit TurnWindow(DurationNs length) : length_(length) {}
    // Unknown is as before. The first truth that is seen is no turn.
    void add(TimeNs now, bool known, bool truth);
    void expire(TimeNs now);
    void shift(DurationNs by);
    bool any() const { return seen_; }
    std::int64_t value() const { return static_cast<std::int64_t>(turns_.size()); }
    bool limited(TimeNs now) const { return now < whole_again_; }
    std::optional<TimeNs> next_change() const;

private:
    const DurationNs length_;
    std::deque<TimeNs> turns_;
    TimeNs whole_again_ = INT64_MIN;
    bool seen_ = false, truth_ = false;
};

// A value as it was `by` before.
// Bounds: kWindowPointsMax changes and kLagTextBytesMax of text; past it the oldest go, and what was then is missing.
class LagBuffer {
public:
    explicit LagBuffer(DurationNs by) : by_(by) {}
    // From `time` on; of two with one time the later call wins.
    void add(TimeNs now, TimeNs time, const Cell& cell);
    // Of a calculation: adds it as of now if it is another than before.
    void follow(TimeNs now, const Cell& cell);
    void expire(TimeNs now);
    void shift(DurationNs by);
    // The text of it lives until the next call of anything else.
    Cell at(TimeNs now) const;
    std::optional<TimeNs> next_change(TimeNs now) const;

private:
    struct Entry {
        TimeNs time;
        Cell cell;
        std::string text;
    };
    void drop_front();

    const DurationNs by_;
    std::deque<Entry> entries_;  // by time
    std::size_t text_bytes_ = 0;
};

}  // namespace gongshu::expr
