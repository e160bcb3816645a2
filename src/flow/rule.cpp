#include "flow/rule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>

#include "expr/expr.h"
#include "expr/suggest.h"
#include "flow/flow.h"
#include "flow/scope.h"
#include "registry/kind_of.h"
#include "registry/tag_at.h"

namespace gongshu::flow {

BOOST_DESCRIBE_ENUM(Severity, critical, major, minor, warning)
BOOST_DESCRIBE_ENUM(WhenBad, hold, raise, clear)
BOOST_DESCRIBE_STRUCT(RuleSpec, (),
                      (title_zh, title_en, device, device_type, condition, severity, on_delay, off_delay, dead_band,
                       clear_condition, when_bad, suppress_when, latched, group, message_zh, message_en, enabled))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kMessageBytesMax = 1000;
constexpr std::size_t kGroupBytesMax = 100;

struct Unit {
    std::string_view name;
    DurationNs length;
};
constexpr Unit kUnits[] = {{"min", kMinute}, {"ms", kMillisecond}, {"s", kSecond},
                           {"m", kMinute},   {"h", kHour},         {"d", kDay}};

Result<void> check_duration(std::string_view text) {
    TRY(parse_duration(text));
    return {};
}

// Compiles everything of a rule against one scope; errors begin with the field.
Result<void> check_texts(const RuleSpec& spec, const expr::Scope& scope) {
    const auto condition = expr::compile(spec.condition, scope, {.want_condition = true, .strip_hold = true});
    if (!condition) return condition.error().to_error().context("condition");
    if (spec.clear_condition) {
        const auto clear = expr::compile(*spec.clear_condition, scope, {.want_condition = true});
        if (!clear) return clear.error().to_error().context("clear_condition");
    }
    if (spec.suppress_when) {
        const auto suppress = expr::compile(*spec.suppress_when, scope, {.want_condition = true});
        if (!suppress) return suppress.error().to_error().context("suppress_when");
    }
    if (spec.dead_band && *spec.dead_band > 0) {
        const auto relaxed = expr::compile(spec.condition, scope,
                                           {.want_condition = true, .strip_hold = true, .relax = *spec.dead_band});
        if (!relaxed) return relaxed.error().to_error().context("dead_band");
    }
    return {};
}

// Every name stands for something unknown: only the grammar is checked.
class AnyScope final : public expr::Scope {
public:
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (parse_quality(name) || expr::is_own_name(name)) return std::nullopt;
        return expr::ScopeTag{.path = std::string(name), .known = false};
    }
    std::shared_ptr<const expr::WorkingDays> working_days() const override { return any_working_days(); }
};

// Remembers the names that were used.
class NamesUsed final : public expr::Scope {
public:
    explicit NamesUsed(std::vector<std::string>& names) : names_(names) {}
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (parse_quality(name) || expr::is_own_name(name)) return std::nullopt;
        names_.emplace_back(name);
        return expr::ScopeTag{.path = std::string(name), .known = false};
    }
    std::shared_ptr<const expr::WorkingDays> working_days() const override { return any_working_days(); }

private:
    std::vector<std::string>& names_;
};

// What a message may name, shortest first: what is filled in when the alarm is raised.
std::vector<std::string> message_names(const RuleSpec& spec) {
    std::vector<std::string> names;
    std::ignore = expr::compile(spec.condition, NamesUsed{names}, {.want_condition = true, .strip_hold = true});
    const std::size_t written = names.size();
    for (std::size_t i = 0; i < written; ++i) {
        const auto dot = names[i].find('.');
        if (dot != std::string::npos) names.push_back(names[i].substr(dot + 1));
        if (spec.device) names.push_back(*spec.device + "." + names[i]);
    }
    for (const char* name : {"value", "device", "rule"}) names.emplace_back(name);
    std::ranges::sort(names, {}, [](const std::string& name) { return std::pair{name.size(), name}; });
    names.erase(std::ranges::unique(names).begin(), names.end());
    return names;
}

std::ptrdiff_t column_of(std::string_view text, std::size_t at) {
    return 1 + std::ranges::count_if(text.substr(0, at), [](char c) { return (c & 0xc0) != 0x80; });
}

// Each {name} is one that will be filled in: nobody shall read "{temprature}" in the alarm of a night.
Result<void> check_message(std::string_view field, std::string_view text, const RuleSpec& spec,
                           const std::vector<std::string>& names) {
    std::string known;
    for (const std::string& name : names) known += fmt::format("{}{{{}}}", known.empty() ? "" : ", ", name);
    for (std::size_t open = text.find('{'); open != text.npos; open = text.find('{', open + 1)) {
        const auto close = text.find_first_of("{}", open + 1);
        if (close == text.npos || text[close] == '{')
            return Error{Code::invalid, "{}: column {}: the \"{{\" is not closed; expected one of {}", field,
                         column_of(text, open), known};
        const std::string name(text.substr(open + 1, close - open - 1));
        // A window's value is named as it is written in the condition: {avg(temperature, 5m)}.
        const bool call = name.find('(') != name.npos && spec.condition.find(name) != std::string::npos;
        if (call || std::ranges::find(names, name) != names.end()) continue;
        const auto near = expr::nearest(name, names);
        const std::string wrong = name.substr(0, 80);
        if (near.empty())
            return Error{Code::invalid, "{}: column {}: there is nothing to fill in for {{{}}}; expected one of {}",
                         field,         column_of(text, open),
                         wrong,         known};
        return Error{
            Code::invalid, "{}: column {}: there is nothing to fill in for {{{}}}; did you mean {{{}}}? It may hold {}",
            field,         column_of(text, open),
            wrong,         near.front(),
            known};
    }
    return {};
}

Result<void> check_alone(const RuleSpec& spec) {
    if (spec.device && spec.device_type)
        return Error{Code::invalid,
                     "device_type: a rule belongs to a device or to a device type, not to both; leave one empty"};
    if (spec.dead_band && spec.clear_condition)
        return Error{Code::invalid, "clear_condition: give a dead band or a clear condition, not both"};
    return check_texts(spec, AnyScope{});
}

Result<void> check_among(const registry::ResourceReader& reader, TenantId tenant, std::string_view,
                         const RuleSpec& spec) {
    // What fits its tags no more, because a type was changed, can still be switched off.
    if (!spec.enabled) return {};
    const PlannedScope scope{reader, tenant, spec.device.value_or(""), spec.device_type.value_or("")};
    TRY(check_texts(spec, scope));
    if (spec.message_zh.empty() && spec.message_en.empty()) return {};
    const std::vector<std::string> names = message_names(spec);
    TRY(check_message("message_zh", spec.message_zh, spec, names));
    return check_message("message_en", spec.message_en, spec, names);
}

}  // namespace

std::vector<registry::Fact> facts_of(const RuleSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "device",
         .title_zh = "设备",
         .title_en = "Device",
         .help_zh = "条件里的短名是它的属性",
         .help_en = "Short names in the condition are its properties",
         .ref = "devices"},
        {.field = "device_type",
         .title_zh = "设备型号",
         .title_en = "Device type",
         .help_zh = "对该型号的每台设备各产生一条告警",
         .help_en = "One alarm for each device of this type",
         .ref = "device_types"},
        {.field = "condition",
         .title_zh = "条件",
         .title_en = "Condition",
         .help_zh = "例如 temperature > 80 degC for 30s",
         .help_en = "Such as temperature > 80 degC for 30s",
         .required = true,
         .length_max = expr::kTextBytesMax,
         .widget = "expression"},
        {.field = "severity",
         .title_zh = "级别",
         .title_en = "Severity",
         .choices = {{"critical", "紧急", "Critical"},
                     {"major", "重要", "Major"},
                     {"minor", "次要", "Minor"},
                     {"warning", "提示", "Warning"}}},
        {.field = "on_delay",
         .title_zh = "触发延时",
         .title_en = "On delay",
         .help_zh = "条件连续成立这么久才告警",
         .help_en = "The condition holds for so long before the alarm is raised",
         .widget = "duration",
         .check = check_duration},
        {.field = "off_delay",
         .title_zh = "恢复延时",
         .title_en = "Off delay",
         .help_zh = "条件连续不成立这么久才恢复",
         .help_en = "The condition fails for so long before the alarm is cleared",
         .widget = "duration",
         .check = check_duration},
        {.field = "dead_band",
         .title_zh = "回差",
         .title_en = "Dead band",
         .help_zh = "越过阈值再退回这么多才恢复，单位与点位相同；有单位换算时以比较左边为准",
         .help_en = "Clears only when back by so much beyond the threshold, in the tag's unit",
         .min = 0},
        {.field = "clear_condition",
         .title_zh = "恢复条件",
         .title_en = "Clear condition",
         .help_zh = "成立时才恢复；与回差二选一",
         .help_en = "Clears only when it is true; instead of a dead band",
         .length_max = expr::kTextBytesMax,
         .widget = "expression"},
        {.field = "when_bad",
         .title_zh = "质量坏时",
         .title_en = "When quality is bad",
         .choices = {{"hold", "保持原状", "Stay as it is"}, {"raise", "告警", "Raise"}, {"clear", "恢复", "Clear"}}},
        {.field = "suppress_when",
         .title_zh = "抑制条件",
         .title_en = "Suppress when",
         .help_zh = "成立期间告警照常记录，但不计数，例如 not running",
         .help_en = "While it is true the alarm is kept but does not count, such as not running",
         .length_max = expr::kTextBytesMax,
         .widget = "expression"},
        {.field = "latched",
         .title_zh = "锁存",
         .title_en = "Latched",
         .help_zh = "条件消失后告警仍保留，直到有人确认",
         .help_en = "When the condition is gone the alarm stays until somebody acknowledges it"},
        {.field = "group",
         .title_zh = "分组",
         .title_en = "Group",
         .help_zh = "任意名称，例如 冷却水；告警可按分组筛选",
         .help_en = "A name that several rules share, such as cooling water; alarms are listed by it",
         .length_max = kGroupBytesMax},
        {.field = "message_zh",
         .title_zh = "中文消息",
         .title_en = "Message (Chinese)",
         .help_zh = "可用 {temperature}、{value}、{device}(设备名称)、{rule}",
         .help_en = "May hold {temperature}, {value}, {device} (its title), {rule}",
         .length_max = kMessageBytesMax,
         .widget = "multiline"},
        {.field = "message_en",
         .title_zh = "英文消息",
         .title_en = "Message (English)",
         .help_zh = "可用 {temperature}、{value}、{device}(设备名称)、{rule}",
         .help_en = "May hold {temperature}, {value}, {device} (its title), {rule}",
         .length_max = kMessageBytesMax,
         .widget = "multiline"},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
    };
}

registry::Kind rule_kind() {
    return registry::make_kind<RuleSpec>({.name = "rule",
                                          .plural = "rules",
                                          .title_zh = "规则",
                                          .title_en = "Rule",
                                          .about_zh = "对点位的条件，成立时产生告警",
                                          .about_en = "A condition over tags that raises an alarm"},
                                         {.alone = check_alone, .among = check_among});
}

Result<RulePlaces> places_of_rule(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                  const Json& spec_json) {
    registry::Resource resource;
    resource.kind = "rule";
    resource.spec = spec_json;
    const auto spec = TRY(registry::spec_of<RuleSpec>(resource));
    std::vector<std::string> names;
    TRY(check_texts(spec, NamesUsed{names}));
    RulePlaces places{spec.device.value_or(""), spec.device_type.value_or(""), {}};
    const LiveScope scope{registry, tags, tenant, places.device, places.device_type, Unfound::wait};
    for (const std::string& name : names) {
        const auto found = scope.find(name);
        // A short name that nothing has yet can only become one of the device's own.
        const bool own = !found && !places.device.empty();
        std::string path = own ? places.device + "." + name : found ? found->path : name;
        // An address of before is of a tag that is elsewhere now.
        const auto info = registry::tag_at(registry, tags, tenant, path);
        places.tags.push_back(info ? info->path : std::move(path));
    }
    return places;
}

Result<std::vector<std::string>> never_seen(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                            const Json& spec_json) {
    registry::Resource resource;
    resource.kind = "rule";
    resource.spec = spec_json;
    const auto spec = TRY(registry::spec_of<RuleSpec>(resource));
    std::vector<std::string> names, unseen;
    TRY(check_texts(spec, NamesUsed{names}));
    const std::string device = spec.device.value_or(""), type = spec.device_type.value_or("");
    const LiveScope scope{registry, tags, tenant, device, type, Unfound::refuse};
    for (const std::string& name : names) {
        const bool is_short = name.find_first_of("./") == std::string::npos;
        if ((is_short && !type.empty()) || scope.find(name)) continue;
        std::string path = is_short && !device.empty() ? device + "." + name : name;
        if (std::ranges::find(unseen, path) == unseen.end()) unseen.push_back(std::move(path));
    }
    return unseen;
}

Result<DurationNs> parse_duration(std::string_view text) {
    const std::string_view whole = text;
    const Error wrong{Code::invalid, "expected a duration such as 500ms, 30s, 5m, 2h or 1d, found \"{}\"",
                      whole.substr(0, 40)};
    double total = 0;
    if (text.empty()) return wrong;
    while (!text.empty()) {
        double count = 0;
        const auto [end, failed] =
            std::from_chars(text.data(), text.data() + text.size(), count, std::chars_format::fixed);
        if (failed != std::errc{} || count < 0) return wrong;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.starts_with(' ')) text.remove_prefix(1);
        const auto letters = std::min(text.size(), text.find_first_of("0123456789. "));
        const std::string_view name = text.substr(0, letters);
        const auto unit = std::ranges::find(kUnits, name, &Unit::name);
        if (unit == std::end(kUnits)) return wrong;
        total += count * static_cast<double>(unit->length);
        text.remove_prefix(letters);
        if (text.size() > 1 && text.starts_with(' ')) text.remove_prefix(1);
    }
    if (!(total <= static_cast<double>(expr::kWindowMax)))
        return Error{Code::limit, "\"{}\" is longer than 31 days", whole.substr(0, 40)};
    return static_cast<DurationNs>(std::llround(total));
}

std::string duration_text(DurationNs duration) {
    std::string text;
    for (auto unit = std::rbegin(kUnits); unit != std::rend(kUnits); ++unit) {
        const DurationNs count = duration / unit->length;
        if (count > 0) text += fmt::format("{}{}", count, unit->name);
        duration -= count * unit->length;
    }
    return text;
}

}  // namespace gongshu::flow

namespace gongshu::registry {
template Result<flow::RuleSpec> spec_of<flow::RuleSpec>(const Resource&);
}  // namespace gongshu::registry
