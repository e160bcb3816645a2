#include "registry/declared_tags.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <set>
#include <string>

#include "registry/kinds/device.h"

namespace gongshu::registry {
namespace {

constexpr std::size_t kTagsOfDeviceMax = 10'000;

using Units = std::set<std::pair<std::string, std::string>>;  // property, unit

// By name; empty if there is no such type.
std::map<std::string, Property, std::less<>> properties_of(const Resource* type) {
    std::map<std::string, Property, std::less<>> list;
    if (!type) return list;
    auto spec = spec_of<DeviceTypeSpec>(*type);
    if (!spec) return list;
    for (Property& property : spec->properties) list.emplace(property.name, std::move(property));
    return list;
}

std::string type_of_device(const Resource& device) {
    auto spec = spec_of<DeviceSpec>(device);
    return spec ? std::move(spec->type) : "";
}

std::vector<TagInfo> tags_of(const Tags& tags, const Resource& device) {
    auto list = tags.match(device.tenant, device.name + ".**", kTagsOfDeviceMax);
    std::erase_if(list, [source = "d:" + device.uid](const TagInfo& tag) { return tag.key.source != source; });
    return list;
}

Result<std::size_t> follow(const Resource* type, Tags& tags, const Resource& device, const Units& taken_away) {
    const auto properties = properties_of(type);
    std::size_t count = 0;
    for (const TagInfo& tag : tags_of(tags, device)) {
        const auto property = properties.find(tag.key.property);
        if (property == properties.end() || property->second.unit == tag.unit) continue;
        if (property->second.unit.empty() && !taken_away.contains({tag.key.property, tag.unit})) continue;
        TRY(tags.set_unit(tag.id, property->second.unit).context("unit of {}", tag.path));
        ++count;
    }
    return count;
}

// The properties of a type that had a unit before `change` and have none now.
Units units_taken_away(const Change& change) {
    Units units;
    const auto type = spec_of<DeviceTypeSpec>(change.resource);
    if (!type) return units;
    const auto text_at = [&](const std::string& path) -> std::string {
        for (const Difference& difference : change.differences)
            if (difference.path == path && difference.before.is_string())
                return std::string(difference.before.get_string());
        return "";
    };
    for (std::size_t i = 0; i < type->properties.size(); ++i) {
        const Property& property = type->properties[i];
        std::string unit = text_at(fmt::format("properties[{}].unit", i));
        // With another name it is another property, which is at this place now.
        if (!property.unit.empty() || unit.empty() || !text_at(fmt::format("properties[{}].name", i)).empty()) continue;
        units.emplace(property.name, std::move(unit));
    }
    return units;
}

// What stands in the way of `wanted` being the type of the property `name` of a device.
std::optional<TagInfo> other_type(const std::vector<TagInfo>& tags, const Property& wanted) {
    for (const TagInfo& tag : tags)
        if (tag.key.property == wanted.name && tag.type != value_type(wanted.type)) return tag;
    return std::nullopt;
}

Error refuse(std::string_view field, const Property& wanted, const TagInfo& tag) {
    return Error{Code::invalid,
                 "{}: {} would have values of type {}, but {} keeps readings of type {}, and a tag cannot change its "
                 "type; leave it {}, or give the property another name",
                 field,
                 wanted.name,
                 to_string(value_type(wanted.type)),
                 tag.path,
                 to_string(tag.type),
                 to_string(tag.type)};
}

Result<void> check_type(const ResourceReader& resources, const Tags& tags, const Resource& next) {
    const auto current = resources.find(next.tenant, "device_type", next.name);
    if (!current) return {};  // no device has it yet
    const auto spec = TRY(spec_of<DeviceTypeSpec>(next));
    const auto before = properties_of(current.get());
    std::map<std::size_t, const Property*> changed;  // by place
    for (std::size_t i = 0; i < spec.properties.size(); ++i) {
        const auto known = before.find(spec.properties[i].name);
        if (known == before.end() || known->second.type != spec.properties[i].type) changed[i] = &spec.properties[i];
    }
    if (changed.empty()) return {};
    for (const auto& device : resources.list_shared(next.tenant, "device")) {
        if (type_of_device(*device) != next.name) continue;
        const auto there = tags_of(tags, *device);
        for (const auto& [i, property] : changed)
            if (const auto tag = other_type(there, *property))
                return refuse(fmt::format("properties[{}].type", i), *property, *tag);
    }
    return {};
}

Result<void> check_device(const ResourceReader& resources, const Tags& tags, const Resource& next) {
    const std::string type = type_of_device(next);
    const auto current = resources.find(next.tenant, "device", next.name);
    const std::string type_before = current ? type_of_device(*current) : "";
    if (type == type_before) return {};
    const auto before = properties_of(resources.find(next.tenant, "device_type", type_before).get());
    const auto there = tags_of(tags, next);
    for (const auto& [name, property] : properties_of(resources.find(next.tenant, "device_type", type).get())) {
        const auto known = before.find(name);
        if (known != before.end() && known->second.type == property.type) continue;
        if (const auto tag = other_type(there, property)) return refuse("type", property, *tag);
    }
    return {};
}

}  // namespace

Result<std::size_t> follow_units(const ResourceReader& resources, Tags& tags, const Resource& device) {
    return follow(resources.find(device.tenant, "device_type", type_of_device(device)).get(), tags, device, {});
}

Result<std::size_t> follow_units(const ResourceReader& resources, Tags& tags, const Change& change) {
    const Resource& resource = change.resource;
    if (change.what == Change::What::deleted) return 0;
    if (resource.kind == "device") return follow_units(resources, tags, resource);
    if (resource.kind != "device_type") return 0;
    const Units taken_away = units_taken_away(change);
    std::size_t count = 0;
    for (const auto& device : resources.list_shared(resource.tenant, "device"))
        if (type_of_device(*device) == resource.name) count += TRY(follow(&resource, tags, *device, taken_away));
    return count;
}

Result<void> check_value_types(const ResourceReader& resources, const Tags& tags, const Resource& next) {
    if (next.kind == "device_type") return check_type(resources, tags, next);
    if (next.kind == "device") return check_device(resources, tags, next);
    return {};
}

}  // namespace gongshu::registry
