#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/jetlinks.h"

namespace gongshu::broker {

// Topics whose payloads are readings.
inline constexpr std::string_view kGongshuDoor = "gongshu/v1/";                  // + path of the device
inline constexpr std::string_view kThingsBoardDoor = "v1/devices/me/telemetry";  // of whoever is signed in

enum class Door { none, gongshu, thingsboard, jetlinks, sparkplug, mapping };

class Mapping;

// What a topic is to whoever publishes on it. Constant; found once for each topic of each device.
struct Lead {
    Door door = Door::none;  // none: a message for those who subscribed and nothing else
    bool own = false;        // of a device: its own topic, or beneath it
    bool kept_only =
        false;            // its readings are taken, but others do not hear the message: by its ID it is another's topic
    std::string path;     // of the device whose readings come there; "" = none
    std::string problem;  // why no device can be named
    wire::JetLinksTopic::What what = wire::JetLinksTopic::What::other;
    std::string event;  // JetLinks: its id
    // Mappings whose topic matches, in the order in which they are asked.
    struct Candidate {
        std::shared_ptr<Mapping> mapping;
        std::vector<std::string> captures;
    };
    std::vector<Candidate> candidates;

    bool has_readings() const { return door != Door::none; }
};
using LeadPtr = std::shared_ptr<const Lead>;

}  // namespace gongshu::broker
