#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/rows.h"
#include "flow/life.h"
#include "flow/plan.h"

namespace gongshu::flow {

// What is known of an instance before it runs: from its predecessor, or from events after a restart.
struct Carried {
    std::optional<Alarm> alarm;            // the active one
    std::optional<TimeNs> pending_since;   // a hold had begun
    bool restarted = false;                // the program was not running until now
    std::shared_ptr<const RulePlan> plan;  // what it ran by; null after a restart
};

// Something that an instance wants told to the world.
struct Happened {
    Life::Change change = Life::Change::none;
    TimeNs time = 0;                       // of the change; of pending: since when
    std::vector<expr::Observed> observed;  // of raised: what made it true
    std::string reason;                    // of cleared: when it was not the condition alone
    bool suppressed = false;               // whether the rule's suppress_when held then; none: it has just changed
};

// Instance is one running rule over one device: evaluators and the life of its alarm.
// Threads: one at a time: built and refilled on the pool, then its lane's.
// Bounds:  those of its evaluators.
class Instance {
public:
    static constexpr DurationNs kLongAgo = 10 * kMinute;  // older readings begin a past that is followed

    Instance(std::shared_ptr<const RulePlan> plan, Carried carried);

    const RulePlan& plan() const { return *plan_; }
    // The same logic with other texts.
    void set_plan(std::shared_ptr<const RulePlan> plan) { plan_ = std::move(plan); }

    // Runs over readings of the past without telling anybody: `readings` by time, `from` where they begin. Afterwards
    // only what is new against what was carried is told by settle().
    void replay(TimeNs from, const std::vector<std::pair<std::size_t, Reading>>& readings, TimeNs now);
    std::optional<Happened> settle();

    // A past that is being sent now, an import or a buffer that drains: a reading of long ago that is newer than all
    // the rule has heard. The rule then lives in the time of its readings, so that windows, holds and alarms get the
    // times of the past, until a reading is of now again or no more come. Not while a hold or an alarm is under way.
    bool may_follow(TimeNs reading, TimeNs now) const;
    void follow(TimeNs from);
    bool follows() const { return follows_; }
    void catch_up() { follows_ = false; }  // the clock counts again: advance() comes next

    // One reading of the plan's tag `tag`: evaluated by the next step().
    void feed(std::size_t tag, const Reading& reading);
    // Goes to `to`, stopping wherever time alone changes something.
    void advance(TimeNs to, std::vector<Happened>& happened);
    void step(std::vector<Happened>& happened);
    TimeNs time() const { return time_; }
    // Later than time(); nullopt = only a reading changes something.
    std::optional<TimeNs> next_time() const;
    void shift(DurationNs by);

    // The condition holds, whether or not anybody was told.
    bool active() const { return life_.active(); }
    // It holds still, and may be told now.
    Happened raise_again(TimeNs now) const { return {Life::Change::raised, now, raised_with_, "", suppressed_}; }

    // The active alarm as last told; kept here so that whoever replaces this instance carries on with it.
    std::optional<Alarm>& alarm() { return alarm_; }
    Carried carry() const;

private:
    void move_to(TimeNs time);
    expr::Truth judge(expr::Evaluator& condition) const;

    std::shared_ptr<const RulePlan> plan_;
    std::unique_ptr<expr::Evaluator> on_, stay_, suppress_;
    Life life_;
    TimeNs time_ = INT64_MIN / 2;
    TimeNs newest_ = INT64_MIN;  // of all readings fed
    bool follows_ = false;
    std::optional<Alarm> alarm_;
    std::optional<TimeNs> pending_since_;
    bool restarted_;
    bool bound_further_;  // the rule is what it was; a tag that it names has come
    bool suppressed_ = false;
    TimeNs suppress_changed_ = INT64_MIN / 2;
    std::vector<expr::Observed> raised_with_;  // of the last raise, told or not
};

}  // namespace gongshu::flow
