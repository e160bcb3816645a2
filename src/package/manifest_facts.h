#pragma once

// The described parts that the manifest shares with the kinds. For the .cpp files of this folder that declare shapes.
#include "package/manifest.h"
#include "registry/kind_of.h"

namespace gongshu::package {

BOOST_DESCRIBE_ENUM(PackageType, device_type, solution, rule_set, model, application, data)
BOOST_DESCRIBE_STRUCT(Requirement, (), (name, versions))
std::vector<registry::Fact> facts_of(const Requirement*);

Result<void> check_digest(std::string_view text);  // 64 hexadecimal digits

}  // namespace gongshu::package
