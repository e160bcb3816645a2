#include "flow/instance.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gongshu::flow {
namespace {

// Stops on the way of one advance(); past them it goes straight to the end. A window of many readings that all left
// while nobody looked is the only way to get there.
constexpr int kStopsMax = 20'000;

}  // namespace

Instance::Instance(std::shared_ptr<const RulePlan> plan, Carried carried)
    : plan_(std::move(plan)),
      on_(expr::Evaluator::create(plan_->on)),
      stay_(plan_->stay ? expr::Evaluator::create(plan_->stay) : nullptr),
      suppress_(plan_->suppress ? expr::Evaluator::create(plan_->suppress) : nullptr),
      life_(plan_->on_delay, plan_->off_delay, carried.alarm && !carried.alarm->latched),
      alarm_(std::move(carried.alarm)),
      pending_since_(carried.pending_since),
      restarted_(carried.restarted),
      bound_further_(carried.plan && plan_->is_bound_further_than(*carried.plan)) {}

namespace {

// The last answer is unknown because the platform or a connection was switched off: that is no fault of a machine.
bool is_switched_off(const expr::Evaluator& condition) {
    return std::ranges::any_of(condition.doubts(), [](const expr::Doubt& doubt) {
        return !doubt.quality.usable() && doubt.quality.reason == Reason::stopped;
    });
}

}  // namespace

expr::Truth Instance::judge(expr::Evaluator& condition) const {
    const expr::Answer& answer = condition.answer();
    const expr::Truth truth = answer.as_truth();
    // A tag that never spoke is not a bad one.
    if (truth != expr::Truth::unknown || answer.missing) return truth;
    if (plan_->spec.when_bad == WhenBad::hold || is_switched_off(condition)) return truth;
    switch (plan_->spec.when_bad) {
        case WhenBad::hold:
            break;
        case WhenBad::raise:
            return expr::Truth::yes;
        case WhenBad::clear:
            return expr::Truth::no;
    }
    return truth;
}

bool Instance::may_follow(TimeNs reading, TimeNs now) const {
    return !follows_ && reading < now - kLongAgo && reading > newest_ && !alarm_ &&
           life_.state() == Life::State::normal;
}

void Instance::follow(TimeNs from) {
    on_ = expr::Evaluator::create(plan_->on);
    stay_ = plan_->stay ? expr::Evaluator::create(plan_->stay) : nullptr;
    suppress_ = plan_->suppress ? expr::Evaluator::create(plan_->suppress) : nullptr;
    suppressed_ = false;
    life_ = Life(plan_->on_delay, plan_->off_delay, false);
    time_ = INT64_MIN / 2;
    follows_ = true;
    move_to(from);
}

void Instance::feed(std::size_t tag, const Reading& reading) {
    ASSERT(tag < plan_->tags.size());
    newest_ = std::max(newest_, reading.time);
    const PlanTag& at = plan_->tags[tag];
    if (at.in_on) on_->feed(*at.in_on, reading.time, reading.value, reading.quality);
    if (at.in_stay) stay_->feed(*at.in_stay, reading.time, reading.value, reading.quality);
    if (at.in_suppress) suppress_->feed(*at.in_suppress, reading.time, reading.value, reading.quality);
}

void Instance::move_to(TimeNs time) {
    time_ = std::max(time_, time);
    on_->advance(time_);
    if (stay_) stay_->advance(time_);
    if (suppress_) suppress_->advance(time_);
}

void Instance::step(std::vector<Happened>& happened) {
    const expr::Truth on = judge(*on_);
    expr::Truth stay = on;
    if (stay_) {
        stay = judge(*stay_);
        if (plan_->stay_is_clear)
            stay = stay == expr::Truth::yes  ? expr::Truth::no
                   : stay == expr::Truth::no ? expr::Truth::yes
                                             : expr::Truth::unknown;
        if (on == expr::Truth::yes) stay = expr::Truth::yes;  // what would raise it does not clear it
    }
    // Only what is known to hold suppresses: a doubt must not hide an alarm.
    bool suppress = suppress_ && suppress_->answer().as_truth() == expr::Truth::yes;
    if (suppressed_ && !suppress && suppress_ && suppress_->answer().as_truth() == expr::Truth::unknown)
        suppress = is_switched_off(*suppress_);
    const bool turned = std::exchange(suppressed_, suppress) != suppress;
    if (turned) suppress_changed_ = time_;
    const Life::Change change = life_.step(time_, on, stay);
    if (change == Life::Change::none) {
        if (turned) happened.push_back({.time = time_, .suppressed = suppressed_});
        return;
    }
    Happened what{.change = change,
                  .time = change == Life::Change::pending ? life_.since() : life_.changed(),
                  .suppressed = suppressed_};
    if (change == Life::Change::raised) what.observed = raised_with_ = on_->observed();
    happened.push_back(std::move(what));
}

void Instance::advance(TimeNs to, std::vector<Happened>& happened) {
    for (int stops = 0; stops < kStopsMax; ++stops) {
        const auto next = next_time();
        if (!next || *next > to) return move_to(to);
        move_to(*next);
        step(happened);
    }
    move_to(to);
    step(happened);
}

std::optional<TimeNs> Instance::next_time() const {
    std::optional<TimeNs> next = on_->next_time();
    const auto take = [&](std::optional<TimeNs> other) {
        if (other && *other > time_ && (!next || *next <= time_ || *other < *next)) next = other;
    };
    if (stay_) take(stay_->next_time());
    if (suppress_) take(suppress_->next_time());
    take(life_.next_time());
    if (next && *next <= time_) next.reset();
    return next;
}

void Instance::shift(DurationNs by) {
    time_ += by;
    on_->shift(by);
    if (stay_) stay_->shift(by);
    if (suppress_) suppress_->shift(by);
    suppress_changed_ += by;
    life_.shift(by);
    if (pending_since_) *pending_since_ += by;
}

void Instance::replay(TimeNs from, const std::vector<std::pair<std::size_t, Reading>>& readings, TimeNs now) {
    std::vector<Happened> untold;
    move_to(std::min(from, now));
    for (std::size_t i = 0; i < readings.size();) {
        const TimeNs time = std::clamp(readings[i].second.time, time_, std::max(time_, now));
        advance(time, untold);
        const TimeNs together = readings[i].second.time;
        for (; i < readings.size() && readings[i].second.time == together; ++i)
            feed(readings[i].first, readings[i].second);
        step(untold);
        untold.clear();
    }
    if (restarted_ && !alarm_) {
        // While nobody listened nothing could be heard: silence is counted from now.
        on_->hear(now);
        if (stay_) stay_->hear(now);
        if (suppress_) suppress_->hear(now);
    }
    advance(now, untold);
    if (pending_since_) {
        life_.believe(*pending_since_);
        step(untold);
    }
}

std::optional<Happened> Instance::settle() {
    // A rule does nothing before it was written; after a restart all has its true time.
    const TimeNs earliest = restarted_ ? INT64_MIN : plan_->updated;
    const TimeNs changed = std::max(life_.changed(), earliest);
    const bool told = alarm_ && !alarm_->latched;
    if (life_.active() && !told) return Happened{Life::Change::raised, changed, raised_with_, "", suppressed_};
    if (!life_.active() && told) {
        const char* reason = restarted_ || bound_further_ ? "" : "rule changed";
        return Happened{Life::Change::cleared, changed, {}, reason, suppressed_};
    }
    if (life_.state() == Life::State::pending)
        return Happened{Life::Change::pending, life_.since(), {}, "", suppressed_};
    if (alarm_ && alarm_->suppressed.has_value() != suppressed_)
        return Happened{Life::Change::none, std::max(suppress_changed_, earliest), {}, "", suppressed_};
    return std::nullopt;
}

Carried Instance::carry() const {
    Carried carried{.alarm = alarm_, .plan = plan_};
    if (life_.state() == Life::State::pending) carried.pending_since = life_.since();
    return carried;
}

}  // namespace gongshu::flow
