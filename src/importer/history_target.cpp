#include "importer/history_target.h"

#include "base/assert.h"
#include "registry/kinds/device.h"
#include "registry/tag_at.h"

namespace gongshu::importer {
namespace {

// What is known of the tag already must agree with the map: nothing is converted silently.
Result<void> check(std::string_view path, std::string_view who, ValueType known_type, std::string_view known_unit,
                   ValueType type, std::string_view unit) {
    if (known_type != type)
        return Error{Code::conflict,
                     "{} has values of type {} {}, the map says {}: correct the map",
                     path,
                     to_string(known_type),
                     who,
                     to_string(type)};
    if (unit.empty() || known_unit.empty() || known_unit == unit) return {};
    return Error{Code::conflict,
                 "{} has the unit {} {}, the map says {}: correct the map, or convert with scale and offset",
                 path,
                 known_unit,
                 who,
                 unit};
}

}  // namespace

Result<TargetTag> resolve_tag(Tags& tags, const registry::ResourceReader& registry, TenantId tenant,
                              std::string_view path, ValueType type, std::string_view unit, const MayWrite& may_write) {
    const Error denied{Code::denied, "{} may not be written by this role", path};
    if (may_write && !may_write(path)) return denied;
    const std::size_t level = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/');
    const std::size_t dot = path.find('.', level);
    const std::string_view place = path.substr(0, dot);
    const std::string_view property = dot == std::string_view::npos ? std::string_view{"value"} : path.substr(dot + 1);
    const auto declared = registry::declared_property(registry, tenant, place, property);
    TargetTag target;
    if (declared) {
        TRY(check(path, "by its device's type", registry::value_type(declared->type), declared->unit, type, unit));
        target.min = declared->min;
        target.max = declared->max;
    }
    if (const auto found = registry::tag_at(registry, tags, tenant, path);
        found && !found->key.source.starts_with("v:")) {
        // It may have moved since the path was written down.
        if (may_write && !may_write(found->path)) return denied;
        TRY(check(path, "already", found->type, found->unit, type, unit));
        if (found->unit.empty() && !unit.empty()) TRY(tags.set_unit(found->id, unit));
        target.id = found->id;
        return target;
    }
    if (const auto fault = tag_path_fault(path)) return Error{Code::invalid, "{}: {}", path, *fault};
    const auto device = registry.find(tenant, "device", place);
    const TagKey key{tenant, device ? "d:" + device->uid : fmt::format("p:{}", place), std::string{property}};
    target.id = TRY(tags.resolve(key, path, type, unit.empty() && declared ? declared->unit : unit));
    return target;
}

Result<void> HistoryTarget::write(std::span<const Series> series, Rows rows) {
    while (tags_.size() < series.size()) {
        const Series& one = series[tags_.size()];
        tags_.push_back(TRY(resolve_tag(history_, registry_, tenant_, one.path, one.type, one.unit, may_write_)));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT(rows.tag(i).value <= tags_.size());
        const TargetTag& target = tags_[rows.tag(i).value - 1];
        rows.set_tag(i, target.id);
        if ((!target.min && !target.max) || !rows.quality(i).good()) continue;
        const auto number = as_number(rows.value(i));
        if (number && ((target.min && *number < *target.min) || (target.max && *number > *target.max)))
            rows.set_quality(i, uncertain(Reason::range));
    }
    TRY(history_.import(rows));
    return {};
}

}  // namespace gongshu::importer
