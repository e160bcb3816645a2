// Any bytes as a payload at each JSON door; the fast parser and the one that names the place must agree on what is
// JSON.
#include <cstdint>

#include "base/assert.h"
#include "wire/json_door.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    static constexpr wire::DoorLimits kLimits{.bytes_max = 4096, .depth_max = 8, .values_max = 50, .key_bytes_max = 64};
    wire::JsonDoor door{kLimits};
    const Bytes payload{data, bytes};
    const bool json = !wire::json_fault(as_text(payload));
    const auto check = [&](const auto& result) {
        if (result) {
            ASSERT(json);
        } else {
            ASSERT(!result.error().text().empty());
            if (!json) ASSERT(result.error().code() == Code::malformed || result.error().code() == Code::limit);
        }
    };
    using enum wire::JetLinksTopic::What;
    for (const auto& body : {door.decode_gongshu(payload), door.decode_thingsboard(payload),
                             door.decode_jetlinks(payload, report), door.decode_jetlinks(payload, event, "e")}) {
        check(body);
        if (!body) continue;
        ASSERT(body->readings.size() + body->faults.size() <= kLimits.values_max);
        for (const auto& reading : body->readings)
            ASSERT(!reading.key.empty() && reading.key.size() <= kLimits.key_bytes_max);
    }
    check(door.decode_write(payload));
    (void)wire::parse_rfc3339(as_text(payload));
    if (const auto topic = wire::parse_jetlinks_topic(as_text(payload)))
        ASSERT(!topic->product.empty() && !topic->device.empty());
    return 0;
}
