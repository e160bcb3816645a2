#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "data/ids.h"
#include "data/value.h"

namespace gongshu {

// A wish to change something in a machine: the only way back from the platform to the field. It has its own type and
// queue so that nothing else can turn into one.
struct Command {
    std::string id;  // unique; the same id is executed at most once
    TenantId tenant;
    std::string device;    // path of the device
    std::string property;  // writable property of its type
    Value value;           // in engineering units, before scale and offset are undone
    std::string who;       // user or token that asked
    std::string reason;    // free text, kept in the record
    TimeNs asked = 0;
    TimeNs expires = 0;  // not executed after this
};

// What became of it. `read_back` is the value read from the machine after the write.
struct CommandResult {
    std::string id;
    bool done = false;
    Value read_back;
    std::string error;  // why not, when !done
};

using CommandDone = std::function<void(Result<CommandResult>)>;

}  // namespace gongshu
