#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/event.h"
#include "flow/instance.h"

// Alarms as events: how they are kept, and read back after a restart.
// Bodies are JSON objects. alarm.raised holds the whole alarm; the others name it by "alarm" and add what is new:
// alarm.acknowledged, alarm.comment: who, comment; alarm.cleared, alarm.latched: reason as comment. alarm.shelved and
// alarm.out_of_service hold the whole shelf; alarm.unshelved and alarm.in_service name it by rule_uid, device_uid and
// since, with who and comment. rule.pending: rule_uid, device_uid, since.
namespace gongshu::flow {

inline constexpr std::string_view kRaised = "alarm.raised";
inline constexpr std::string_view kAcknowledged = "alarm.acknowledged";
inline constexpr std::string_view kCleared = "alarm.cleared";
inline constexpr std::string_view kComment = "alarm.comment";
inline constexpr std::string_view kSuppressed = "alarm.suppressed";
inline constexpr std::string_view kUnsuppressed = "alarm.unsuppressed";
inline constexpr std::string_view kLatched = "alarm.latched";  // what raised it is over
inline constexpr std::string_view kAgain = "alarm.again";      // and is there again, before anybody acknowledged it
inline constexpr std::string_view kShelved = "alarm.shelved";
inline constexpr std::string_view kUnshelved = "alarm.unshelved";
inline constexpr std::string_view kOutOfService = "alarm.out_of_service";
inline constexpr std::string_view kInService = "alarm.in_service";
inline constexpr std::string_view kPending = "rule.pending";

// A new alarm of a plan, from what made its condition true; with its messages and reasons, without an id.
Alarm make_alarm(const RulePlan& plan, TimeNs raised, const std::vector<expr::Observed>& observed);

// The id of an alarm, or when it is another's, the next one.
std::string alarm_id(const Alarm& alarm, unsigned again);

Event raised_event(const Alarm& alarm);
// Any kind that names an alarm but raised; `what` is the kind.
Event follow_event(const Alarm& alarm, std::string_view what, TimeNs time, std::string_view who,
                   std::string_view comment);
Event pending_event(const RulePlan& plan, TimeNs since);
Event shelved_event(const Shelf& shelf);
Event unshelved_event(const Shelf& shelf, TimeNs time, std::string_view who, std::string_view comment);

Result<Alarm> read_raised(const Event& event);
struct Follow {
    std::string alarm, who, comment;
};
Result<Follow> read_follow(const Event& event);
bool is_of_shelf(const Event& event);
// Of the four kinds of shelves; of the two that end one only what names it.
Result<Shelf> read_shelf(const Event& event);
struct Pending {
    PlanKey key;
    TimeNs since = 0;
};
Result<Pending> read_pending(const Event& event);
// Whether an event of this folder can be read back; others are fine.
Result<void> check_event(const Event& event);

}  // namespace gongshu::flow
