#include "registry/device_names.h"

#include <boost/json.hpp>

namespace gongshu::registry {

std::string external_id_of(const Json& spec) {
    const Json* const id = spec.is_object() ? spec.get_object().if_contains("external_id") : nullptr;
    return id != nullptr && id->is_string() ? std::string(id->get_string()) : "";
}

std::string_view last_level(std::string_view path) { return path.substr(path.rfind('/') + 1); }

void DeviceNames::add(const Resource& device) {
    const std::string id = external_id_of(device.spec);
    if (id.empty())
        by_last_level_[{device.tenant, std::string(last_level(device.name))}].insert(device.name);
    else
        by_id_[{device.tenant, id}].insert(device.name);
}

void DeviceNames::remove(const Resource& device) {
    const std::string id = external_id_of(device.spec);
    Index& index = id.empty() ? by_last_level_ : by_id_;
    const auto found = index.find({device.tenant, id.empty() ? std::string(last_level(device.name)) : id});
    if (found == index.end()) return;
    found->second.erase(device.name);
    if (found->second.empty()) index.erase(found);
}

const DeviceNames::Names& DeviceNames::of(const Index& index, const std::pair<TenantId, std::string>& key) {
    static const Names none;
    const auto found = index.find(key);
    return found == index.end() ? none : found->second;
}

}  // namespace gongshu::registry
