#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tag.h"
#include "expr/expr.h"
#include "registry/registry.h"

namespace gongshu::flow {

class VirtualIndex;

// What names mean by configuration alone, before any reading came: properties of device types, and paths of devices.
// `device` or `device_type` (or neither) is what short names belong to.
class PlannedScope : public expr::Scope {
public:
    // `index`, if given, outlives it; else it makes one when it needs it.
    PlannedScope(const registry::ResourceReader& registry, TenantId tenant, std::string device, std::string device_type,
                 VirtualIndex* index = nullptr);
    ~PlannedScope() override;

    // A short name that the type does not list is not found; a path that no device has is there but unknown.
    std::optional<expr::ScopeTag> find(std::string_view name) const override;
    std::vector<std::string> names() const override;
    // Of the site of the device; without a device that of the only site there is, else UTC.
    std::string zone() const override;
    // By the calendar that holds at the device's place; without a device by the tenant's default.
    std::shared_ptr<const expr::WorkingDays> working_days() const override;

protected:
    // The tag at `device`.`property` as the device's type says.
    std::optional<expr::ScopeTag> planned(std::string_view device, std::string_view property) const;
    std::optional<expr::ScopeTag> planned_path(std::string_view path) const;
    // What a device type says of a name.
    std::optional<expr::ScopeTag> declared(std::string_view name) const;
    // The virtual tag that a name stands for; `known` if its type is.
    std::optional<expr::ScopeTag> computed(std::string_view name) const;
    VirtualIndex& index() const;
    // The tag that an alias names; what is no alias means itself.
    std::string tag_meant(std::string_view name) const;

    struct Known {
        std::string unit;
        ValueType type;
    };

    const registry::ResourceReader& registry_;
    const TenantId tenant_;
    const std::string device_, device_type_;
    VirtualIndex* const given_index_;
    mutable std::unique_ptr<VirtualIndex> own_index_;
    std::map<std::string, Known, std::less<>> properties_;  // of the device or the type
};

// Stands for whatever calendar there will be, where only names and grammar are looked at: every day is worked.
std::shared_ptr<const expr::WorkingDays> any_working_days();

enum class Unfound : std::uint8_t { wait, refuse };

// The same with the tags there are. `wait`: a path that is nowhere yet may come later; `refuse`: it is an error.
// `sees`, if given: a tag for which it says no is not there.
class LiveScope final : public PlannedScope {
public:
    LiveScope(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant, std::string device,
              std::string device_type, Unfound unfound, std::function<bool(std::string_view)> sees = {})
        : PlannedScope(registry, tenant, std::move(device), std::move(device_type)),
          tags_(tags),
          unfound_(unfound),
          sees_(std::move(sees)) {}

    std::optional<expr::ScopeTag> find(std::string_view name) const override;
    std::vector<std::string> names() const override;

private:
    std::optional<expr::ScopeTag> live(const std::string& path) const;
    std::optional<expr::ScopeTag> find_any(std::string_view name) const;

    const Tags& tags_;
    const Unfound unfound_;
    const std::function<bool(std::string_view)> sees_;
};

}  // namespace gongshu::flow
