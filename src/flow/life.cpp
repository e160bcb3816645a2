#include "flow/life.h"

namespace gongshu::flow {

using expr::Truth;

Life::Change Life::step(TimeNs now, Truth on, Truth stay) {
    if (on == Truth::no) last_no_ = now;
    bool began = false;
    if (state_ == State::normal && on == Truth::yes) {
        state_ = State::pending;
        since_ = now;
        began = true;
    }
    if (state_ == State::pending) {
        if (on == Truth::no) {
            state_ = State::normal;
        } else if (on == Truth::yes && now - since_ >= on_delay_) {
            state_ = State::active;
            changed_ = since_ + on_delay_;
            return Change::raised;
        }
        return began ? Change::pending : Change::none;
    }
    if (state_ == State::active && stay == Truth::no) {
        state_ = State::clearing;
        since_ = now;
    }
    if (state_ == State::clearing) {
        if (stay == Truth::yes) {
            state_ = State::active;
        } else if (stay == Truth::no && now - since_ >= off_delay_) {
            state_ = State::normal;
            changed_ = since_ + off_delay_;
            return Change::cleared;
        }
    }
    return Change::none;
}

std::optional<TimeNs> Life::next_time() const {
    if (state_ == State::pending) return since_ + on_delay_;
    if (state_ == State::clearing) return since_ + off_delay_;
    return std::nullopt;
}

void Life::shift(DurationNs by) {
    since_ += by;
    changed_ += by;
    if (last_no_ != INT64_MIN) last_no_ += by;
}

void Life::believe(TimeNs since) {
    if (last_no_ >= since) return;
    if (state_ == State::pending && since < since_) since_ = since;
    if (state_ == State::active && changed_ > since + on_delay_) changed_ = since + on_delay_;
}

}  // namespace gongshu::flow
