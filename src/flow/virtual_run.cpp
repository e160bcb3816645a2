#include "flow/virtual_run.h"

#include <algorithm>
#include <cmath>

#include "expr/calendar.h"
#include "flow/rule.h"
#include "flow/scope.h"
#include "registry/tag_at.h"

namespace gongshu::flow {
namespace {

constexpr std::int64_t kDoubleDigits = 1'000'000'000'000'000;  // whole numbers below come back from decimal doubles
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What stands where there is no value.
Value nothing(ValueType type) {
    switch (type) {
        case ValueType::integer:
            return std::int64_t{0};
        case ValueType::boolean:
            return false;
        case ValueType::text:
            return std::string{};
        case ValueType::number:
            break;
    }
    return kNaN;
}

// Finds or makes the tag of a plan and brings it to its place.
Result<TagId> own_tag(Tags& tags, const VirtualPlan& plan, const VirtualPlace& place, std::string& why_zh) {
    const TenantId tenant = plan.key.tenant;
    const std::string source = virtual_source(plan.key.rule_uid, place.device_uid);
    if (const auto there = tags.find(tenant, place.path);
        there && there->path == place.path && there->key.source != source) {
        const bool computed = there->key.source.starts_with("v:");
        why_zh = fmt::format("{} 已被{}占用；请改名", place.path, computed ? "另一个虚拟点位" : "实际读数");
        return Error{Code::exists, "{}: {}; choose another name", place.path,
                     computed ? "another virtual tag makes it" : "readings come to it already"};
    }
    // The property of the key says what it was called first; the source alone tells it from others.
    const TagKey key{tenant, source, "value"};
    const TagId id = TRY(tags.resolve(key, place.path, plan.type, plan.unit));
    const auto info = tags.info(id);
    if (!info) return Error{Code::not_found, "the tag {} is gone", place.path};
    if (info->path != place.path) TRY(tags.move_source(tenant, source, place.path));
    if (info->unit != plan.unit) TRY(tags.set_unit(id, plan.unit));
    if (info->type == plan.type) return id;
    why_zh = fmt::format("{} 已有类型为 {} 的值，而表达式得出 {}；请指定类型或改名", place.path, to_string(info->type),
                         to_string(plan.type));
    return Error{Code::conflict,
                 "{} keeps values of type {}, and the expression gives {}: set its type, or choose another name",
                 place.path, to_string(info->type), to_string(plan.type)};
}

}  // namespace

std::string VirtualPlan::logic() const {
    std::string text =
        fmt::format("{}\n{} {} {} {} {}\n{} {} {} {}", spec.expr, out.value, static_cast<int>(type), factor, offset,
                    unit, lateness, min_interval, spec.decimals.value_or(-1), program->zone());
    if (!program->calendar().empty()) text += "\n" + program->calendar();
    for (const VirtualInput& input : inputs) text += fmt::format("\n{} {}", input.id.value, input.path);
    for (const expr::ProgramTag& tag : program->tags())
        text += fmt::format("\n{} {} {}", static_cast<int>(tag.type), tag.known, tag.unit);
    return text;
}

VirtualRun::VirtualRun(std::shared_ptr<const VirtualPlan> plan, TimeNs skip)
    : plan_(std::move(plan)),
      skip_(skip),
      stream_(expr::Stream::create(plan_->program, {.lateness = plan_->lateness})) {}

TimeNs VirtualRun::end_of(TimeNs time) const {
    const TimeNs since = time % plan_->min_interval;
    return time - (since < 0 ? since + plan_->min_interval : since) + plan_->min_interval;
}

void VirtualRun::advance(TimeNs now, Rows& rows) {
    stream_->advance(now, [&](const expr::Output& output) { take(output, rows); });
    if (held_ && stream_->decided() >= end_of(held_->time) - 1) {
        add(rows, *held_);
        held_.reset();
    }
}

void VirtualRun::take(const expr::Output& output, Rows& rows) {
    if (plan_->min_interval == 0) {
        if (output.time > skip_)
            add(rows, reading_of(output));
        else
            skipped_ = reading_of(output);
        return;
    }
    if (output.time <= skip_) skipped_ = reading_of(output);
    if (held_ && output.time >= end_of(held_->time)) add(rows, *held_);
    held_.reset();
    if (output.time > skip_) held_ = reading_of(output);
}

Reading VirtualRun::reading_of(const expr::Output& output) const {
    Reading reading{plan_->out, output.time, nothing(plan_->type), output.quality};
    if (!output.known) {
        if (reading.quality.usable()) reading.quality = bad(Reason::computed);
        return reading;
    }
    Value value = output.value;
    if (output.kind == expr::Kind::date) value = expr::date_text(std::get<std::int64_t>(value));
    if (expr::is_money(output.kind)) {
        // Fifteen digits come back from a double as they went in: the fen is exact on both sides.
        const std::int64_t whole = std::get<std::int64_t>(value);
        if (plan_->minor == 0 || whole <= -kDoubleDigits || whole >= kDoubleDigits) {
            reading.quality = bad(Reason::range);
            return reading;
        }
        value = static_cast<double>(whole) / plan_->minor;
    }
    if (const double* number = std::get_if<double>(&value)) {
        double converted = *number * plan_->factor + plan_->offset;
        if (plan_->factor == 1 && plan_->offset == 0) converted = *number;
        if (plan_->spec.decimals) {
            const double scale = std::pow(10.0, *plan_->spec.decimals);
            const double rounded = std::round(converted * scale) / scale;
            if (std::isfinite(rounded)) converted = rounded;
        }
        if (!std::isfinite(converted)) {
            reading.quality = bad(Reason::range);
            return reading;
        }
        value = converted;
    } else if (const auto* whole = std::get_if<std::int64_t>(&value); whole && plan_->factor != 1) {
        value = static_cast<double>(*whole) * plan_->factor + plan_->offset;
    }
    if (auto fitting = convert_exactly(value, plan_->type))
        reading.value = std::move(*fitting);
    else
        reading.quality = bad(Reason::type);
    return reading;
}

std::optional<TimeNs> VirtualRun::next_due() const {
    auto due = stream_->next_due();
    if (held_) {
        const TimeNs end = end_of(held_->time) - 1 + plan_->lateness;
        if (!due || end < *due) due = end;
    }
    return due;
}

void VirtualRun::add(Rows& rows, const Reading& reading) {
    const auto* text = std::get_if<std::string>(&reading.value);
    if (rows.full(text ? text->size() : 0))
        ++lost_;
    else
        rows.add(reading);
}

Result<VirtualDraft> draft_virtual_plan(const registry::ResourceReader& registry, const Tags& tags,
                                        const registry::Resource& resource, const VirtualTagSpec& spec,
                                        const VirtualPlace& place, const expr::Scope& scope, VirtualWrong* wrong) {
    VirtualDraft draft{.plan = std::make_shared<VirtualPlan>()};
    VirtualPlan& plan = *draft.plan;
    plan.key = {resource.tenant, resource.uid, place.device_uid};
    plan.name = resource.name;
    plan.path = place.path;
    plan.spec = spec;
    plan.lateness = TRY(parse_duration(spec.lateness));
    plan.min_interval = TRY(parse_duration(spec.min_interval));
    auto made = TRY(compile_virtual(spec, scope, wrong));
    plan.program = std::move(made.program);
    plan.unit = made.unit;
    plan.factor = made.factor;
    plan.offset = made.offset;
    plan.minor = made.minor;
    plan.type = made.type.value_or(ValueType::number);
    draft.type = made.type;
    for (const expr::ProgramTag& tag : plan.program->tags()) {
        VirtualInput input{.path = tag.path};
        if (const auto info = registry::tag_at(registry, tags, resource.tenant, tag.path)) {
            input.id = info->id;
            input.is_elsewhere = info->path != tag.path;
        }
        if (!tag.known && draft.waits_for.empty()) draft.waits_for = tag.path;
        plan.inputs.push_back(std::move(input));
    }
    return draft;
}

namespace {

// Whether the machine or the virtual tag that gave a tag's readings was deleted: nothing new comes there any more.
bool is_no_more(const registry::ResourceReader& registry, const TagInfo& tag) {
    const std::string_view source = tag.key.source;
    if (source.starts_with("v:")) return tag.path.find(".deleted-") != std::string::npos;
    if (!source.starts_with("d:")) return false;
    const std::string_view uid = source.substr(2);
    const auto at = registry.find(tag.key.tenant, "device", std::string_view{tag.path}.substr(0, tag.path.find('.')));
    if (at && at->uid == uid) return false;
    return std::ranges::none_of(registry.list_shared(tag.key.tenant, "device"),
                                [&](const auto& device) { return device->uid == uid; });
}

}  // namespace

Result<std::shared_ptr<const VirtualPlan>> make_virtual_plan(const registry::ResourceReader& registry, Tags& tags,
                                                             const registry::Resource& resource,
                                                             const VirtualTagSpec& spec, const VirtualPlace& place,
                                                             std::string& why_zh) {
    // First of all: with its device a tag may lose its unit, and then less is wrong than it seems.
    for (const std::string& path : paths_named(spec, place)) {
        const auto info = registry::tag_at(registry, tags, resource.tenant, path);
        if (!info || !is_no_more(registry, *info)) continue;
        why_zh = fmt::format("{} 已不再有数据：它的设备或虚拟点位已删除", path);
        return Error{Code::not_found, "{} is no more: its device or virtual tag was deleted", path};
    }
    const LiveScope scope{registry, tags, resource.tenant, place.device, "", Unfound::wait};
    VirtualWrong wrong;
    auto draft = draft_virtual_plan(registry, tags, resource, spec, place, scope, &wrong);
    why_zh = wrong.zh;
    if (!draft) return draft.error();
    if (!draft->type) {
        why_zh = fmt::format("等待 {} 的第一个读数：在此之前不知道值的类型", draft->waits_for);
        return Error{Code::unavailable, "waits for the first reading of {}: the type of its values is not known before",
                     draft->waits_for};
    }
    draft->plan->out = TRY(own_tag(tags, *draft->plan, place, why_zh));
    return std::shared_ptr<const VirtualPlan>(std::move(draft->plan));
}

}  // namespace gongshu::flow
