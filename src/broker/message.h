#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "wire/mqtt.h"

namespace gongshu::broker {

// One application message on its way to receivers, who share it.
struct Message {
    std::string topic;
    Buffer payload;
    std::uint8_t qos = 0;
    bool retain = false;
    wire::mqtt::Properties properties;  // without topic alias and message expiry
    DurationNs expires = 0;             // monotonic; 0 = does not
    std::uint64_t session = 0;          // number of the session that published it; 0 = the program itself

    bool expired(DurationNs now) const { return expires != 0 && now >= expires; }
};
using MessagePtr = std::shared_ptr<const Message>;

}  // namespace gongshu::broker
