#include "registry/kinds/tag_alias.h"

#include "registry/kind_of.h"
#include "registry/kinds/device.h"
#include "registry/names.h"
#include "registry/tag_at.h"

namespace gongshu::registry {

BOOST_DESCRIBE_STRUCT(TagAliasSpec, (), (target, title_zh, title_en))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kPathBytesMax = 1'000;

Result<void> check_among(const ResourceReader& reader, TenantId tenant, std::string_view name,
                         const TagAliasSpec& spec) {
    if (spec.target == name)
        return Error{Code::invalid, "target: an alias is another name of a tag; \"{}\" is its own", spec.target};
    if (const auto other = reader.find(tenant, "tag_alias", spec.target)) {
        const auto inner = spec_of<TagAliasSpec>(*other);
        return Error{Code::invalid, "target: \"{}\" is an alias itself; name its tag \"{}\"", spec.target,
                     inner ? inner->target : ""};
    }
    // It would become the target of another one.
    for (const auto& other : reader.list_shared(tenant, "tag_alias")) {
        if (std::string_view(other->spec.at("target").as_string()) == name)
            return Error{Code::invalid, "the alias \"{}\" names \"{}\" as a tag; choose another name", other->name,
                         name};
    }
    if (const std::string device = device_above(reader, tenant, name); !device.empty()) {
        return Error{Code::invalid,
                     "the name \"{}\" is a place of the device \"{}\", whose own tags lie there; choose another one",
                     name, device};
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const TagAliasSpec*) {
    return {{.field = "target",
             .title_zh = "点位",
             .title_en = "Tag",
             .help_zh = "点位的路径，例如 工厂/产线/设备.属性",
             .help_en = "Path of the tag, as plant/line/device.property",
             .required = true,
             .length_max = kPathBytesMax,
             .widget = "tag"},
            {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax}};
}

std::string device_above(const ResourceReader& resources, TenantId tenant, std::string_view path) {
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1))
        if (resources.find(tenant, "device", path.substr(0, dot))) return std::string(path.substr(0, dot));
    return "";
}

Result<void> check_tag_alias(const ResourceReader& resources, const Tags& tags, const Resource& next) {
    if (next.kind != "tag_alias") return {};
    const auto spec = TRY(spec_of<TagAliasSpec>(next));
    const std::string device = device_above(resources, next.tenant, spec.target);
    const bool declared = !device.empty() && declared_property(resources, next.tenant, device,
                                                               std::string_view(spec.target).substr(device.size() + 1));
    if (!declared && !tag_at(resources, tags, next.tenant, spec.target))
        return Error{Code::invalid, "target: there is no tag \"{}\"", spec.target};
    const auto there = tags.find(next.tenant, next.name);
    if (!there) return {};
    if (there->path == next.name)
        return Error{Code::invalid, "the name \"{}\" is that of a tag already; choose another one", next.name};
    return Error{Code::invalid, "the name \"{}\" is the address of before of the tag \"{}\", and still leads there",
                 next.name, there->path};
}

Kind tag_alias_kind() {
    return make_kind<TagAliasSpec>({.name = "tag_alias",
                                    .plural = "tag_aliases",
                                    .title_zh = "点位别名",
                                    .title_en = "Tag alias",
                                    .about_zh = "点位的另一个名称，例如位号 TI-101",
                                    .about_en = "Another name of a tag, such as its number TI-101 on the drawing",
                                    .path_names = true},
                                   {.among = check_among});
}

template Result<TagAliasSpec> spec_of<TagAliasSpec>(const Resource&);

}  // namespace gongshu::registry
