#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gongshu::wire {

// A topic of JetLinks' official MQTT protocol: /{product}/{device}/… and, of a device behind a gateway,
// /{product}/{gateway}/child/{device}/….
struct JetLinksTopic {
    enum class What : std::uint8_t {
        report,   // properties/report; also the replies to properties/read and …/write, which tell values
        event,    // event/{event}
        online,   // of a device behind a gateway mostly
        offline,  // …
        other,    // a topic of the protocol that tells no readings: function/invoke/reply, tags, firmware/…
    };
    std::string_view product, device;
    std::string_view child;  // "" = the device itself
    What what = What::other;
    std::string_view event;  // its id, with What::event
};

// nullopt: `topic` is none of the protocol. The views are of `topic`.
std::optional<JetLinksTopic> parse_jetlinks_topic(std::string_view topic);

}  // namespace gongshu::wire
