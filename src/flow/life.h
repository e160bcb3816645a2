#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "expr/expr.h"

namespace gongshu::flow {

// One alarm's life as a state machine: delays, and what unknown means. Pure; time comes with each step, never going
// back.
class Life {
public:
    enum class State : std::uint8_t { normal, pending, active, clearing };
    enum class Change : std::uint8_t { none, pending, raised, cleared };

    Life(DurationNs on_delay, DurationNs off_delay, bool active)
        : on_delay_(on_delay), off_delay_(off_delay), state_(active ? State::active : State::normal) {}

    // `on`: the condition; `stay`: whether an active alarm stays. Unknown changes nothing and stops no delay, but no
    // delay ends in it. At most one change a step; with no delay pending is skipped.
    Change step(TimeNs now, expr::Truth on, expr::Truth stay);
    // When a delay ends.
    std::optional<TimeNs> next_time() const;
    void shift(DurationNs by);

    // The condition has been true since `since`, as a log says: if nothing was seen against it, that counts.
    // True if the alarm's time changed or it now must be raised.
    void believe(TimeNs since);

    State state() const { return state_; }
    bool active() const { return state_ == State::active || state_ == State::clearing; }
    TimeNs since() const { return since_; }      // pending, clearing: when it began
    TimeNs changed() const { return changed_; }  // when it was raised or cleared: the end of the delay

private:
    DurationNs on_delay_, off_delay_;
    State state_;
    TimeNs since_ = 0;
    TimeNs changed_ = 0;
    TimeNs last_no_ = INT64_MIN;  // when the condition was last seen false
};

}  // namespace gongshu::flow
