#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "registry/registry.h"

namespace gongshu::registry {

// DeviceNames knows which devices are called what: by their external_id, or, of those that have none, by the last level
// of their name. So that whether an ID is free is answered without looking through all devices.
// Lives:   in what holds devices: the state, and the changes that are staged over it.
// Threads: as its holder.
// Bounds:  one entry a device.
// Disk:    none.
class DeviceNames {
public:
    using Names = std::set<std::string>;

    void add(const Resource& device);
    void remove(const Resource& device);
    const Names& with_id(TenantId tenant, const std::string& id) const { return of(by_id_, {tenant, id}); }
    // Of those without an ID.
    const Names& with_last_level(TenantId tenant, const std::string& last) const {
        return of(by_last_level_, {tenant, last});
    }

private:
    using Index = std::map<std::pair<TenantId, std::string>, Names>;
    static const Names& of(const Index& index, const std::pair<TenantId, std::string>& key);

    Index by_id_, by_last_level_;
};

// The external_id of a device's spec; "" = it has none.
std::string external_id_of(const Json& spec);
std::string_view last_level(std::string_view path);

}  // namespace gongshu::registry
