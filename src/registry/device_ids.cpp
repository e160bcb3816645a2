#include "registry/device_ids.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace gongshu::registry {

DeviceIds::Index DeviceIds::make(TenantId tenant) const {
    Index index;
    for (const auto& device : resources_.list_shared(tenant, "device")) {
        const Json* const id = device->spec.as_object().if_contains("external_id");
        if (id != nullptr && id->is_string()) {
            index.by_id.emplace(std::string_view{id->get_string()}, device->name);
            continue;
        }
        auto& same = index.by_last_level[device->name.substr(device->name.rfind('/') + 1)];
        if (same.size() < 2) same.push_back(device->name);
    }
    return index;
}

const DeviceIds::Index& DeviceIds::of(std::map<TenantId, Index>& tenants, TenantId tenant) const {
    auto found = tenants.find(tenant);
    if (found == tenants.end()) found = tenants.emplace(tenant, make(tenant)).first;
    return found->second;
}

std::string DeviceIds::with_external_id(TenantId tenant, std::string_view id) {
    auto tenants = tenants_.lock();
    const Index& index = of(*tenants, tenant);
    const auto named = index.by_id.find(std::string(id));
    return named == index.by_id.end() ? "" : named->second;
}

Result<std::string> DeviceIds::path_of(TenantId tenant, std::string_view product, std::string_view device) {
    auto tenants = tenants_.lock();
    const Index& index = of(*tenants, tenant);
    for (const std::string& id : {fmt::format("{}/{}", product, device), std::string(device)}) {
        if (const auto named = index.by_id.find(id); named != index.by_id.end()) return named->second;
    }
    const auto called = index.by_last_level.find(std::string(device));
    if (called == index.by_last_level.end()) {
        return Error{Code::not_found, "no device has the ID {} or {}/{}: give it to a device (field \"ID elsewhere\")",
                     device, product, device};
    }
    if (called->second.size() > 1) {
        return Error{Code::conflict,
                     "{} and {} are both called {}: give one of them another ID (field \"ID elsewhere\")",
                     called->second[0], called->second[1], device};
    }
    return called->second[0];
}

}  // namespace gongshu::registry
