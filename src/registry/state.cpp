#include "registry/state.h"

namespace gongshu::registry {

ResourcePtr State::find(const Key& key) const {
    const auto group = groups.find({key.tenant, key.kind});
    if (group == groups.end()) return nullptr;
    const auto found = group->second.find(key.name);
    return found == group->second.end() ? nullptr : found->second;
}

void State::set(const Key& key, ResourcePtr resource, const std::vector<Key>& names_before,
                const std::vector<Key>& names_after) {
    for (const Key& named : names_before) {
        const auto found = named_by.find(named);
        if (found == named_by.end()) continue;
        found->second.erase(key);
        if (found->second.empty()) named_by.erase(found);
    }
    auto& group = groups[{key.tenant, key.kind}];
    const bool was = group.contains(key.name);
    if (key.kind == "device") {
        if (was) device_names.remove(*group[key.name]);
        if (resource) device_names.add(*resource);
    }
    if (resource) {
        group[key.name] = std::move(resource);
        if (!was) ++counts[key.tenant];
        for (const Key& named : names_after) named_by[named].insert(key);
    } else if (was) {
        group.erase(key.name);
        --counts[key.tenant];
    }
}

void Staged::set(const Key& key, ResourcePtr resource) {
    ResourcePtr& place = over[key];
    if (key.kind == "device") {
        if (place) device_names.remove(*place);
        if (resource) device_names.add(*resource);
    }
    place = std::move(resource);
}

}  // namespace gongshu::registry
