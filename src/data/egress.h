#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "data/ids.h"

namespace gongshu {

// Something that is about to leave the platform through one of its doors.
struct Leaving {
    TenantId tenant;
    std::string_view who;      // "user:li", "token:grafana", "device:site/line1/cnc1"
    std::string_view door;     // "rest", "websocket", "mqtt", "csv", …
    std::string_view what;     // what it is of: a tag's path or glob, "plural/name" of a resource
    std::uint8_t level = 1;    // highest data level of it, 1 … 4
    std::string_view purpose;  // what the receiver said it is for; "" = not said
    std::uint64_t bytes = 0;   // 0 = not known yet
    std::uint64_t rows = 0;
};

// The one decision about whatever leaves. Every door that gives data out asks before the first byte, once for each
// question, topic or subscription, never for each row. Any thread; must not block.
class Egress {
public:
    virtual ~Egress() = default;
    // Code::denied says why and who may change it.
    virtual Result<void> decide(const Leaving& leaving) = 0;
    // What then went out by a door, for those that know it only afterwards.
    virtual void left(TenantId tenant, std::string_view door, std::uint64_t rows, std::uint64_t bytes) = 0;
};

}  // namespace gongshu
