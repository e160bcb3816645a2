#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tag.h"
#include "expr/expr.h"
#include "flow/rule.h"

namespace gongshu::flow {

// One rule over one device (or over none): what has at most one active alarm.
struct PlanKey {
    TenantId tenant;
    std::string rule_uid;
    std::string device_uid;  // "" = none
    friend auto operator<=>(const PlanKey&, const PlanKey&) = default;
};

// A tag that a plan reads, and its place in each program.
struct PlanTag {
    TagId id;  // 0 = there is no such tag yet
    std::string path;
    std::string unit;
    bool is_elsewhere = false;  // `path` is one of before: another tag may come there
    std::optional<std::size_t> in_on, in_stay, in_suppress;
};

// Everything that running one rule over one device needs. Constant, shared between threads.
struct RulePlan {
    PlanKey key;
    std::string rule, device;          // names
    std::string device_zh, device_en;  // what people call the device: its title, else its name
    TimeNs updated = 0;                // of the rule
    RuleSpec spec;
    DurationNs on_delay = 0, off_delay = 0;
    std::shared_ptr<const expr::Program> on;
    std::shared_ptr<const expr::Program> stay;      // null: an alarm stays as long as `on` is true
    bool stay_is_clear = false;                     // `stay` says when to clear, not when to stay
    std::shared_ptr<const expr::Program> suppress;  // null: nothing suppresses it
    std::vector<PlanTag> tags;

    // Plans with the same logic differ only in what people read: texts, severity, name.
    std::string logic() const;
    // Nothing but tags came that `before` found nowhere.
    bool is_bound_further_than(const RulePlan& before) const;
    // How far back readings matter to windows, holds and delays.
    DurationNs lookback() const;
};

// The device that a rule is planned for; both "" = none.
struct PlanDevice {
    const std::string& path;
    const std::string& uid;
};

// Compiles `rule` for a device. Paths that are nowhere yet are left unbound. `why_zh` becomes the error in Chinese, if
// there is one.
Result<std::shared_ptr<const RulePlan>> make_plan(const registry::ResourceReader& registry, const Tags& tags,
                                                  const registry::Resource& rule, const RuleSpec& spec,
                                                  const PlanDevice& of, std::string& why_zh);

}  // namespace gongshu::flow
