#include "flow/plan.h"

#include <algorithm>

#include "flow/scope.h"
#include "registry/kinds/device.h"
#include "registry/tag_at.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kLookbackSlack = kMinute;  // a window is refilled from a little before it begins

void add_tags(RulePlan& plan, const expr::Program& program, std::optional<std::size_t> PlanTag::* place) {
    for (std::size_t i = 0; i < program.tags().size(); ++i) {
        const expr::ProgramTag& tag = program.tags()[i];
        auto found = std::ranges::find(plan.tags, tag.path, &PlanTag::path);
        if (found == plan.tags.end()) {
            plan.tags.push_back({.path = tag.path, .unit = tag.unit});
            found = plan.tags.end() - 1;
        }
        (*found).*place = i;
    }
}

void add_titles(RulePlan& plan, const registry::ResourceReader& registry, const std::string& device) {
    plan.device_zh = plan.device_en = device;
    const auto resource = registry.find(plan.key.tenant, "device", device);
    if (!resource) return;
    const auto spec = registry::spec_of<registry::DeviceSpec>(*resource);
    if (!spec) return;
    const auto first = [](std::initializer_list<const std::string*> texts) {
        return **std::ranges::find_if(texts, [](const std::string* text) { return !text->empty(); });
    };
    plan.device_zh = first({&spec->title_zh, &spec->title, &spec->title_en, &device});
    plan.device_en = first({&spec->title_en, &spec->title, &spec->title_zh, &device});
}

// What is wrong with a field, in Chinese too.
struct Field {
    std::string_view name;
    std::string& why_zh;
};

Result<std::shared_ptr<const expr::Program>> compile(std::string_view text, const expr::Scope& scope,
                                                     const expr::CompileOptions& options, const Field& field) {
    auto program = expr::compile(text, scope, options);
    if (program) return std::move(*program);
    const expr::ExprError& error = program.error();
    field.why_zh = fmt::format("{}：第 {} 列：{}", field.name, error.column, error.text_in("zh"));
    return error.to_error().context("{}", field.name);
}

}  // namespace

std::string RulePlan::logic() const {
    std::string text = fmt::format("{}\n{}\n{}\n{} {} {}", spec.condition, spec.clear_condition.value_or(""),
                                   spec.dead_band.value_or(0), on_delay, off_delay, static_cast<int>(spec.when_bad));
    text += fmt::format("\n{}{}{}", on->zone(), stay ? stay->zone() : "", suppress ? suppress->zone() : "");
    for (const expr::Program* program : {on.get(), stay.get(), suppress.get()})
        if (program && !program->calendar().empty()) text += "\n" + program->calendar();
    text += fmt::format("\n{}\n{}", spec.suppress_when.value_or(""), spec.latched);
    for (const PlanTag& tag : tags) text += fmt::format("\n{} {} {}", tag.id.value, tag.unit, tag.path);
    for (const expr::Program* program : {on.get(), suppress.get()}) {
        if (!program) continue;
        for (const expr::ProgramTag& tag : program->tags())
            text += fmt::format("\n{} {}", static_cast<int>(tag.type), tag.known);
    }
    return text;
}

bool RulePlan::is_bound_further_than(const RulePlan& before) const {
    // A plan with the tags of then has the logic of then, unless something else is new.
    RulePlan next = *this;
    bool further = false;
    for (PlanTag& tag : next.tags) {
        const auto was = std::ranges::find(before.tags, tag.path, &PlanTag::path);
        if (was == before.tags.end()) return false;
        if (bool(was->id) || !bool(tag.id)) continue;
        further = true;
        tag.id = was->id;
        tag.unit = was->unit;
    }
    return further && next.updated == before.updated && next.logic() == before.logic();
}

DurationNs RulePlan::lookback() const {
    const DurationNs programs =
        std::max({on->lookback(), stay ? stay->lookback() : 0, suppress ? suppress->lookback() : 0});
    const DurationNs all = programs + on_delay + off_delay;
    return all == 0 ? 0 : all + kLookbackSlack;
}

Result<std::shared_ptr<const RulePlan>> make_plan(const registry::ResourceReader& registry, const Tags& tags,
                                                  const registry::Resource& rule, const RuleSpec& spec,
                                                  const PlanDevice& of, std::string& why_zh) {
    auto plan = std::make_shared<RulePlan>();
    plan->key = {rule.tenant, rule.uid, of.uid};
    plan->rule = rule.name;
    plan->device = of.path;
    plan->updated = rule.updated;
    plan->spec = spec;
    const std::string titled = of.path.empty() ? spec.device.value_or("") : of.path;
    if (!titled.empty()) add_titles(*plan, registry, titled);
    const LiveScope scope{registry, tags, rule.tenant, of.path, "", Unfound::wait};
    plan->on = TRY(compile(spec.condition, scope, {.want_condition = true, .strip_hold = true}, {"condition", why_zh}));
    plan->on_delay = std::max(TRY(parse_duration(spec.on_delay)), plan->on->outer_hold());
    plan->off_delay = TRY(parse_duration(spec.off_delay));
    if (spec.clear_condition) {
        plan->stay = TRY(compile(*spec.clear_condition, scope, {.want_condition = true}, {"clear_condition", why_zh}));
        plan->stay_is_clear = true;
    } else if (spec.dead_band.value_or(0) > 0) {
        plan->stay =
            TRY(compile(spec.condition, scope, {.want_condition = true, .strip_hold = true, .relax = *spec.dead_band},
                        {"dead_band", why_zh}));
    }
    if (spec.suppress_when)
        plan->suppress = TRY(compile(*spec.suppress_when, scope, {.want_condition = true}, {"suppress_when", why_zh}));
    add_tags(*plan, *plan->on, &PlanTag::in_on);
    if (plan->stay) add_tags(*plan, *plan->stay, &PlanTag::in_stay);
    if (plan->suppress) add_tags(*plan, *plan->suppress, &PlanTag::in_suppress);
    for (PlanTag& tag : plan->tags)
        if (const auto info = registry::tag_at(registry, tags, rule.tenant, tag.path)) {
            tag.id = info->id;
            tag.is_elsewhere = info->path != tag.path;
        }
    return std::shared_ptr<const RulePlan>(std::move(plan));
}

}  // namespace gongshu::flow
