#include "broker/auth.h"
#include "broker/doors.h"
#include "registry/paths.h"

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
    if (who.kind != PrincipalKind::device) return who.role >= registry::Role::engineer && sees_topic(who.paths, topic);
    return topic == kThingsBoardDoor || is_own_door(topic, who.device_path) || beneath_own(topic, who.device_path);
}

bool may_subscribe(const Principal& who, std::string_view filter) {
    if (filter.starts_with('$')) return false;
    // The path holds no wildcard, so a filter that begins with it matches nothing outside of it.
    if (who.kind == PrincipalKind::device) {
        return is_own_door(filter, who.device_path) || beneath_own(filter, who.device_path);
    }
    if (filter.find_first_of("+#") == std::string_view::npos && !sees_topic(who.paths, filter)) return false;
    return who.role >= registry::Role::operator_ ||
           (who.role == registry::Role::viewer && !filter.starts_with(kDevices));
}

bool may_receive(const Principal& who, std::string_view topic) {
    if (who.kind == PrincipalKind::device) return true;  // its filters are its own already
    if (!sees_topic(who.paths, topic)) return false;
    return who.role >= registry::Role::operator_ || !topic.starts_with(kDevices);
}

bool sees_topic(const std::vector<std::string>& paths, std::string_view topic) {
    if (paths.empty()) return true;
    if (topic.starts_with(kGongshuDoor)) return registry::lies_within(paths, topic.substr(kGongshuDoor.size()));
    if (!topic.starts_with(kDevices)) return false;
    // The last level says what is meant for the device: it is no place.
    const std::string_view below = topic.substr(kDevices.size());
    return below.find('/') != std::string_view::npos && registry::lies_within(paths, below.substr(0, below.rfind('/')));
}

}  // namespace gongshu::broker
