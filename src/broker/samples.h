#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "broker/broker.h"
#include "broker/message.h"

namespace gongshu::broker {

// Samples keeps the newest message of each topic that has no door of its own, so that whoever writes a mapping sees
// what really comes. Lives:   in the broker; empty after a restart. Threads: any; the lane adds. Bounds:  kTopicsMax
// topics a tenant, then the one unheard longest goes; kPayloadBytesMax of each payload; each topic is
//          looked at once a second, what comes in between is passed over.
// Disk:    none.
class Samples {
public:
    static constexpr std::size_t kTopicsMax = 200;
    static constexpr std::size_t kPayloadBytesMax = 16 << 10;
    static constexpr DurationNs kPause = kSecond;

    void add(TenantId tenant, const Principal& who, const Message& message, const Clock& clock);
    // The newest first.
    std::vector<Sample> of(TenantId tenant) const;

private:
    struct One {
        Sample sample;
        DurationNs heard = 0;  // monotonic
    };
    using Topics = std::map<std::string, One, std::less<>>;
    mutable Guarded<std::map<TenantId, Topics>> tenants_;
};

}  // namespace gongshu::broker
