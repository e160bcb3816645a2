#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"

namespace gongshu::flow {

// IntervalMaker finds how long a condition held: from its values in order of time to the beginnings and ends of
// intervals. The times are those of the values, so that it makes no difference when they come.
// A pause of at most `join_gap` is part of the interval; one shorter than `min_length`, pauses within it included, is
// none. What is unknown does not hold.
// Threads: one at a time.  Bounds: a few words.
class IntervalMaker {
public:
    struct Options {
        DurationNs min_length = 0;
        DurationNs join_gap = 0;
        friend bool operator==(const Options&, const Options&) = default;
    };
    // An interval that begins, or one that has ended; the same one first without `to` if it was long enough before its
    // end was known.
    struct Step {
        TimeNs from = 0;
        std::optional<TimeNs> to;
        bool opened_before = false;  // with `to`: its beginning was told already
        friend bool operator==(const Step&, const Step&) = default;
    };

    explicit IntervalMaker(Options options) : options_(options) {}

    // Goes on in an interval whose beginning was told.
    void resume(TimeNs from) {
        since_ = from;
        told_ = true;
    }
    // A value; one that is older than the one before is left out.
    void feed(TimeNs time, bool holds, std::vector<Step>& steps);
    // No value before `time` will come any more.
    void advance(TimeNs time, std::vector<Step>& steps);

private:
    void begin(TimeNs time, std::vector<Step>& steps);
    void end(std::vector<Step>& steps);

    Options options_;  // constant after construction
    TimeNs newest_ = INT64_MIN;
    std::optional<TimeNs> since_;   // it holds, or held until a moment ago
    std::optional<TimeNs> paused_;  // since when it does not hold
    bool told_ = false;
};

}  // namespace gongshu::flow
