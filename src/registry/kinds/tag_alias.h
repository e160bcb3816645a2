#pragma once

#include <string>
#include <string_view>

#include "data/tag.h"
#include "registry/registry.h"

namespace gongshu::registry {

// Another name for a tag: the resource's own name. Whatever asks for a tag by path takes it as well
// (registry/tag_at.h); answers, rights and identity stay the tag's.
struct TagAliasSpec {
    std::string target;  // path of the tag
    std::string title_zh, title_en;
};

Kind tag_alias_kind();

// Code::invalid if `next` is a tag_alias whose target is no tag, nor a property that a device declares, or whose name
// is the path of a tag, now or before. Any thread.
Result<void> check_tag_alias(const ResourceReader& resources, const Tags& tags, const Resource& next);

// The device of the registry beneath which `path` lies as "device.name", or "" if none. Any thread.
std::string device_above(const ResourceReader& resources, TenantId tenant, std::string_view path);

extern template Result<TagAliasSpec> spec_of<TagAliasSpec>(const Resource&);

}  // namespace gongshu::registry
