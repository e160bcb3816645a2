#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "history/history.h"
#include "importer/job.h"
#include "registry/registry.h"

namespace gongshu::importer {

// A tag as an import finds it or makes it.
struct TargetTag {
    TagId id;
    std::optional<double> min, max;  // what the device type says is possible; outside: uncertain:range
};
// Which paths may be written; empty = all.
using MayWrite = std::function<bool(std::string_view path)>;
// What retention says of a tag: Target::keeps_from().
using KeepsFrom = std::function<TimeNs(std::string_view path)>;
// The tag at `path`, made if new; a device of the registry at that place owns it, as when its readings come by another
// door. Code::conflict if the tag, or what the device's type declares, has another type or unit;
// Code::denied unless both the path and where its tag is now may be written.
Result<TargetTag> resolve_tag(Tags& tags, const registry::ResourceReader& registry, TenantId tenant,
                              std::string_view path, ValueType type, std::string_view unit,
                              const MayWrite& may_write = {});

// Writes into a store of this process, past its live path: any time of the past is kept, rules do not run.
// Threads: one at a time, not from a lane.   Bounds: one id a tag.   Disk: by the store.
class HistoryTarget final : public Target {
public:
    HistoryTarget(history::History& history, const registry::ResourceReader& registry, TenantId tenant,
                  MayWrite may_write = {}, KeepsFrom keeps_from = {})
        : history_(history),
          registry_(registry),
          tenant_(tenant),
          may_write_(std::move(may_write)),
          keeps_from_(std::move(keeps_from)) {}
    Result<void> write(std::span<const Series> series, Rows rows) override;
    TimeNs keeps_from(std::string_view path) const override { return keeps_from_ ? keeps_from_(path) : 0; }

private:
    history::History& history_;
    const registry::ResourceReader& registry_;
    const TenantId tenant_;
    const MayWrite may_write_;
    const KeepsFrom keeps_from_;
    std::vector<TargetTag> tags_;  // of series[i]
};

}  // namespace gongshu::importer
