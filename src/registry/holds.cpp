#include "registry/holds.h"

#include <algorithm>
#include <cstdint>

#include "registry/kinds/retention.h"
#include "registry/names.h"
#include "registry/paths.h"

namespace gongshu::registry {
namespace {

TimeNs day_begin(TimeNs time) { return (time >= 0 ? time / kDay : -((kDay - 1 - time) / kDay)) * kDay; }

}  // namespace

std::optional<std::string> hold_over(const ResourceReader& registry, TenantId tenant, std::string_view path,
                                     Window window) {
    for (const auto& resource : registry.list_shared(tenant, "hold")) {
        const auto spec = spec_of<HoldSpec>(*resource);
        if (!spec) return resource->name;
        const auto from = spec->from ? parse_rfc3339(*spec->from) : Result<TimeNs>{INT64_MIN / 2};
        const auto to = spec->to ? parse_rfc3339(*spec->to) : Result<TimeNs>{INT64_MAX / 2};
        const Window held{from ? day_begin(*from) : INT64_MIN / 2, to ? day_begin(*to) + kDay : INT64_MAX / 2};
        const auto fits = [&](const std::string& glob) { return glob_matches(glob, path); };
        if (held.overlaps(window) && std::ranges::any_of(spec->tags, fits)) return resource->name;
    }
    return std::nullopt;
}

}  // namespace gongshu::registry
