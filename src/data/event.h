#pragma once

#include <string>

#include "base/clock.h"
#include "data/ids.h"

namespace gongshu {

// Something that happened, kept for ever beside the readings: an alarm transition, a command, a dead letter.
struct Event {
    EventId id;  // given by history when it is logged, growing within the store
    TenantId tenant;
    TimeNs time = 0;
    std::string kind;     // "alarm.raised", "command", "dead_letter", …
    std::string subject;  // what it is about: a rule's name, a tag's path
    std::string body;     // a JSON object
};

}  // namespace gongshu
