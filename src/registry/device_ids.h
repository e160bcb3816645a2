#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "registry/registry.h"

namespace gongshu::registry {

// DeviceIds finds devices by what others call them: their external_id, else the last level of their name.
// Lives:   after the Registry it reads.
// Threads: any.
// Bounds:  one entry a device; made at the first question after forget(), which reads all devices of the tenant.
// Disk:    none.
class DeviceIds {
public:
    explicit DeviceIds(const ResourceReader& resources) : resources_(resources) {}

    // The name of the device. An external_id "product/device" counts before "device", both before names.
    // Code::not_found; Code::conflict if several devices without external_id are called so.
    Result<std::string> path_of(TenantId tenant, std::string_view product, std::string_view device);
    // The name of the device with exactly that external_id, "" = none has it.
    std::string with_external_id(TenantId tenant, std::string_view id);
    void forget(TenantId tenant) { tenants_.lock()->erase(tenant); }

private:
    struct Index {
        std::unordered_map<std::string, std::string> by_id;
        std::unordered_map<std::string, std::vector<std::string>> by_last_level;  // at most two each
    };
    Index make(TenantId tenant) const;
    const Index& of(std::map<TenantId, Index>& tenants, TenantId tenant) const;

    const ResourceReader& resources_;
    Guarded<std::map<TenantId, Index>> tenants_;
};

}  // namespace gongshu::registry
