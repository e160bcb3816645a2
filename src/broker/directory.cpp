#include "broker/directory.h"

namespace gongshu::broker {
namespace {

// The entries of one tenant, copied so that the lock is short.
template <class Map>
auto of_tenant(Guarded<Map>& guarded, TenantId tenant) {
    std::vector<typename Map::mapped_type> found;
    auto map = guarded.lock();
    for (auto one = map->lower_bound({tenant, ""}); one != map->end() && one->first.first == tenant; ++one) {
        found.push_back(one->second);
    }
    return found;
}

}  // namespace

std::shared_ptr<SessionStatus> Directory::add_session(TenantId tenant, std::string client, const Principal& who) {
    auto status = std::make_shared<SessionStatus>();
    status->client = client;
    status->who = who.name;
    status->device = who.device_path;
    (*sessions_.lock())[{tenant, std::move(client)}] = status;
    return status;
}

void Directory::remove_session(TenantId tenant, const std::string& client) {
    sessions_.lock()->erase({tenant, client});
}

std::shared_ptr<DeviceStatus> Directory::device(TenantId tenant, const std::string& path) {
    if (path.empty()) return nullptr;
    auto devices = devices_.lock();
    const auto known = devices->find({tenant, path});
    if (known != devices->end()) return known->second;
    if (devices->size() >= kDevicesMax) return nullptr;
    auto made = std::make_shared<DeviceStatus>();
    made->device = path;
    devices->emplace(Key{tenant, path}, made);
    return made;
}

std::vector<SessionInfo> Directory::sessions(TenantId tenant) const {
    std::vector<SessionInfo> answer;
    for (const auto& one : of_tenant(sessions_, tenant)) {
        const SessionStatus::Link link = *one->link.lock();
        answer.push_back({.client = one->client,
                          .who = one->who,
                          .device = one->device,
                          .version = link.version,
                          .since = link.since,
                          .connected = link.connected,
                          .address = link.address,
                          .in = one->in,
                          .out = one->out,
                          .dropped = one->dropped,
                          .subscriptions = one->subscriptions});
    }
    return answer;
}

std::vector<DeviceSeen> Directory::devices(TenantId tenant) const {
    std::vector<DeviceSeen> answer;
    for (const auto& one : of_tenant(devices_, tenant)) {
        const DeviceStatus::Words words = *one->words.lock();
        answer.push_back({.device = one->device,
                          .uid = words.uid,
                          .connected = one->connections > 0,
                          .since = one->since,
                          .last_seen = one->last_seen,
                          .readings = one->readings,
                          .last_error = words.last_error,
                          .last_error_at = words.last_error_at});
    }
    return answer;
}

}  // namespace gongshu::broker
