#include "registry/tag_at.h"

#include "registry/kinds/tag_alias.h"

namespace gongshu::registry {

namespace {

// By its path or one of before.
std::optional<TagInfo> tag_of_path(const ResourceReader& resources, TenantId tenant, std::string_view path,
                                   std::optional<TagInfo> info) {
    if (!info) return std::nullopt;
    const std::string_view property = info->key.property;
    // Elsewhere than where the property of that name would be: under a name of its own since it made room.
    if (path.size() <= property.size() + 1 || !path.ends_with(property)) return info;
    const std::string_view before = path.substr(0, path.size() - property.size());
    if (before.back() != '.') return info;
    const auto device = resources.find(tenant, "device", before.substr(0, before.size() - 1));
    if (!device) return info;
    const std::string_view source = info->key.source;
    if (source.starts_with("v:")) return info;  // virtual tags live beneath devices too
    const bool own = source.starts_with("d:") && source.substr(2) == device->uid;
    return own ? info : std::nullopt;
}

}  // namespace

std::optional<TagInfo> tag_at(const ResourceReader& resources, const Tags& tags, TenantId tenant,
                              std::string_view path) {
    auto info = tags.find(tenant, path);
    const bool at_home = info && info->path == path;  // a tag that came there since is never hidden by an alias
    const auto alias = at_home ? nullptr : resources.find(tenant, "tag_alias", path);
    const auto spec = alias ? spec_of<TagAliasSpec>(*alias) : Error{Code::not_found, "no alias"};
    if (!spec) return tag_of_path(resources, tenant, path, std::move(info));
    return tag_of_path(resources, tenant, spec->target, tags.find(tenant, spec->target));
}

}  // namespace gongshu::registry
