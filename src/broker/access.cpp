#include "broker/auth.h"
#include "broker/doors.h"

namespace gongshu::broker {
namespace {

constexpr std::string_view kDevices = "devices/";

// `topic` is beneath "devices/<path>/".
bool beneath_own(std::string_view topic, std::string_view path) {
    return topic.starts_with(kDevices) && topic.substr(kDevices.size()).starts_with(path) &&
           topic.substr(kDevices.size() + path.size()).starts_with('/');
}

bool is_own_door(std::string_view topic, std::string_view path) {
    return topic.starts_with(kGongshuDoor) && topic.substr(kGongshuDoor.size()) == path;
}

}  // namespace

bool may_publish(const Principal& who, std::string_view topic) {
    if (topic.starts_with('$')) return false;
    if (who.kind != PrincipalKind::device) return who.role >= registry::Role::engineer;
    return topic == kThingsBoardDoor || is_own_door(topic, who.device_path) || beneath_own(topic, who.device_path);
}

bool may_subscribe(const Principal& who, std::string_view filter) {
    if (filter.starts_with('$')) return false;
    // The path holds no wildcard, so a filter that begins with it matches nothing outside of it.
    if (who.kind == PrincipalKind::device) {
        return is_own_door(filter, who.device_path) || beneath_own(filter, who.device_path);
    }
    return who.role >= registry::Role::operator_ ||
           (who.role == registry::Role::viewer && !filter.starts_with(kDevices));
}

bool may_receive(const Principal& who, std::string_view topic) {
    if (who.kind == PrincipalKind::device) return true;  // its filters are its own already
    return who.role >= registry::Role::operator_ || !topic.starts_with(kDevices);
}

}  // namespace gongshu::broker
