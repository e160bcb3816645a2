#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "registry/database.h"
#include "registry/device_names.h"
#include "registry/registry.h"

namespace gongshu::registry {

// A resource's address. `kind` is its name, not its plural.
struct Key {
    TenantId tenant;
    std::string kind, name;
    friend auto operator<=>(const Key&, const Key&) = default;
};

using ResourcePtr = std::shared_ptr<const Resource>;

// Everything in memory. Guarded by the registry's mutex; no locks of its own.
struct State {
    struct Group {
        TenantId tenant;
        std::string kind;
        friend auto operator<=>(const Group&, const Group&) = default;
    };
    std::map<Group, std::map<std::string, ResourcePtr, std::less<>>> groups;
    std::map<Key, std::set<Key>> named_by;                              // who names this one
    DeviceNames device_names;
    std::map<TenantId, std::size_t> counts;                             // resources of a tenant
    std::map<TenantId, std::string> tenants;                            // living ones
    std::map<std::pair<std::string, std::string>, std::string> sealed;  // (uid, field) -> base64
    std::uint32_t tenant_last = 0;                                      // the highest number ever given

    ResourcePtr find(const Key& key) const;
    // Puts, replaces or (null) removes one, with its references.
    void set(const Key& key, ResourcePtr resource, const std::vector<Key>& names_before,
             const std::vector<Key>& names_after);
};

// Changes that are checked but not stored yet, over the state.
struct Staged {
    std::map<Key, ResourcePtr> over;  // null = deleted; only by set()
    DeviceNames device_names;         // of those in `over`
    std::map<std::pair<std::string, std::string>, std::optional<std::string>> sealed;
    std::map<TenantId, std::optional<std::string>> tenants;  // made, renamed or (nothing) gone
    std::map<TenantId, std::int64_t> grown;                  // resources made, less those removed
    std::uint32_t tenant_last = 0;
    std::vector<Statement> statements;
    std::vector<Change> notices;

    void set(const Key& key, ResourcePtr resource);
};

}  // namespace gongshu::registry
