#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

enum class Approver : std::uint8_t { engineer, admin };

// Which resources a second person has to approve before they change (kind approval_policy).
struct ApprovalPolicySpec {
    std::vector<std::string> kinds;           // plurals, as in addresses
    std::vector<std::string> names = {"**"};  // globs
    Approver approver = Approver::admin;      // the least role of who approves
    std::optional<std::string> note;
};

Kind approval_policy_kind();

// The policy that holds for a resource, of several the one that asks for the higher role; null: none.
std::shared_ptr<const Resource> approval_policy_of(const ResourceReader& reader, TenantId tenant,
                                                   std::string_view kind_plural, std::string_view name);

}  // namespace gongshu::registry
