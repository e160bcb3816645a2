#pragma once

#include <string_view>

namespace gongshu::broker {

// Topics whose payloads are readings.
inline constexpr std::string_view kGongshuDoor = "gongshu/v1/";                  // + path of the device
inline constexpr std::string_view kThingsBoardDoor = "v1/devices/me/telemetry";  // of whoever is signed in

enum class Door { none, gongshu, thingsboard };

constexpr Door door_of(std::string_view topic) {
    if (topic == kThingsBoardDoor) return Door::thingsboard;
    return topic.starts_with(kGongshuDoor) ? Door::gongshu : Door::none;
}

}  // namespace gongshu::broker
