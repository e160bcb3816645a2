#include "broker/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "broker/doors.h"
#include "expr/units.h"
#include "history/local_time.h"
#include "registry/kind_of.h"

namespace gongshu::broker {

BOOST_DESCRIBE_ENUM(MappingFormat, json, number, text)
BOOST_DESCRIBE_ENUM(MappingTimeUnit, auto_, s, ms, us, ns)
BOOST_DESCRIBE_ENUM(MappingType, number, integer, boolean, text)
BOOST_DESCRIBE_STRUCT(MappingTake, (), (value, tag, type, unit, scale, offset, expr, time, quality, only_if))
BOOST_DESCRIBE_STRUCT(MappingSpec, (),
                      (title_zh, title_en, topic, format, take, time, time_unit, zone, only_if, devices, priority,
                       enabled))

namespace {

using registry::Fact;
using wire::MapBody;
using wire::MapRow;

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kTakesMax = 100;

// The one name that an expression may use.
class ValueScope final : public expr::Scope {
public:
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (name != "value") return std::nullopt;
        return expr::ScopeTag{"value", "", ValueType::number, false};
    }
    std::vector<std::string> names() const override { return {"value"}; }
};

// Compiled, if it depends on the one value alone: readings come in batches, late and out of order.
Result<std::unique_ptr<expr::Evaluator>> make_expression(const std::string& text) {
    auto program = expr::compile(text, ValueScope{});
    if (!program) return program.error().to_error();
    bool of_time = (*program)->lookback() > 0 || (*program)->outer_hold() > 0;
    for (const std::string& used : (*program)->uses()) {
        for (const expr::FunctionInfo& function : expr::functions()) {
            if (function.name != used) continue;
            of_time |= function.group == expr::FunctionGroup::window || function.group == expr::FunctionGroup::time ||
                       function.group == expr::FunctionGroup::date;
        }
    }
    if (of_time)
        return Error{Code::invalid,
                     "windows, holds, lags and times are for rules; here the value alone may be used, as in "
                     "value * 2 + 1"};
    if (expr::is_exact((*program)->kind()))
        return Error{Code::invalid,
                     "money and dates are for rules and virtual tags; a mapping gives numbers, conditions and texts: "
                     "give the tag a currency as its unit instead"};
    return expr::Evaluator::create(*program);
}

std::optional<wire::TimeUnit> unit_of(MappingTimeUnit unit) {
    switch (unit) {
        case MappingTimeUnit::s:
            return wire::TimeUnit::s;
        case MappingTimeUnit::ms:
            return wire::TimeUnit::ms;
        case MappingTimeUnit::us:
            return wire::TimeUnit::us;
        case MappingTimeUnit::ns:
            return wire::TimeUnit::ns;
        case MappingTimeUnit::auto_:
            break;
    }
    return wire::TimeUnit::by_magnitude;
}

wire::MapTake take_of(const MappingTake& take) {
    wire::MapTake made{.value = take.value,
                       .tag = take.tag,
                       .time = take.time.value_or(""),
                       .quality = take.quality.value_or(""),
                       .only_if = take.only_if.value_or(""),
                       .type = {},
                       .scale = take.scale,
                       .offset = take.offset};
    // With an expression the type is that of its answer.
    if (take.type && !take.expr) made.type = static_cast<ValueType>(static_cast<int>(*take.type) + 1);
    return made;
}

Result<wire::MapSpec> map_spec(const MappingSpec& spec, const wire::TopicPattern& pattern) {
    wire::MapSpec made{.format = static_cast<wire::MapFormat>(spec.format),
                       .captures = pattern.names,
                       .only_if = spec.only_if.value_or(""),
                       .time = spec.time.value_or(""),
                       .time_unit = *unit_of(spec.time_unit),
                       .zone = {},
                       .takes = {}};
    for (const MappingTake& take : spec.take) made.takes.push_back(take_of(take));
    if (spec.zone.empty()) return made;
    auto zone = TRY(history::LocalTime::create(spec.zone).context("zone"));
    made.zone = [zone](std::int64_t local) mutable -> std::optional<std::int64_t> {
        const history::Instants found = zone.at(local);
        return found.count == 0 ? std::nullopt : std::optional{found.earlier};
    };
    return made;
}

Result<wire::TopicPattern> pattern_of(const MappingSpec& spec) {
    auto pattern = TRY(wire::parse_topic_pattern(spec.topic).context("topic"));
    if (pattern.filter.starts_with(kGongshuDoor) || pattern.filter == kThingsBoardDoor)
        return Error{Code::invalid, "topic: {}# and {} have a door of their own, which comes before mappings",
                     kGongshuDoor, kThingsBoardDoor};
    return pattern;
}

Result<void> check_alone(const MappingSpec& spec) {
    TRY(Mapping::create("", spec));
    return {};
}

Result<void> check_unit_text(std::string_view text) {
    if (!text.empty()) TRY(expr::check_unit(text));
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const MappingTake*) {
    return {
        {.field = "value",
         .title_zh = "值的位置",
         .title_en = "Value",
         .help_zh = "$ 为整条消息；$.data[*].v 每个元素的 v；$.* 每个成员；$.** 其下全部",
         .help_en = "$ is the whole message; $.data[*].v the v of each element; $.* each member; $.** all beneath",
         .required = true,
         .length_max = wire::kJsonPathBytesMax},
        {.field = "tag",
         .title_zh = "点位",
         .title_en = "Tag",
         .help_zh = "例如 site/{line}/{$.dev}.{key}：{line} 取自主题，{key} 为通配处的名称，{$.dev} 取自消息，{device} "
                    "为发送设备",
         .help_en =
             "Such as site/{line}/{$.dev}.{key}: {line} of the topic, {key} what a wildcard stands for, {$.dev} of the "
             "message, {device} who sent it",
         .required = true,
         .length_max = 1000},
        {.field = "type",
         .title_zh = "类型",
         .title_en = "Type",
         .help_zh = "空则按消息中的样子",
         .help_en = "None: as it comes",
         .choices = {{"number", "数值", "Number"},
                     {"integer", "整数", "Integer"},
                     {"boolean", "开关", "Boolean"},
                     {"text", "文本", "Text"}}},
        {.field = "unit", .title_zh = "单位", .title_en = "Unit", .length_max = 60, .check = check_unit_text},
        {.field = "scale",
         .title_zh = "倍率",
         .title_en = "Scale",
         .help_zh = "值 = 原始值 × 倍率 + 偏移",
         .help_en = "value = found × scale + offset"},
        {.field = "offset", .title_zh = "偏移", .title_en = "Offset"},
        {.field = "expr",
         .title_zh = "换算表达式",
         .title_en = "Expression",
         .help_zh = "对 value 计算，例如 (value - 32) / 1.8",
         .help_en = "Of value, such as (value - 32) / 1.8",
         .length_max = 1000},
        {.field = "time",
         .title_zh = "时间的位置",
         .title_en = "Time",
         .help_zh = "空则用消息的时间",
         .help_en = "None: that of the message",
         .length_max = wire::kJsonPathBytesMax},
        {.field = "quality",
         .title_zh = "质量的位置",
         .title_en = "Quality",
         .help_zh = "good、bad:sensor，或 OPC 的 192、64、0，或 true/false",
         .help_en = "good, bad:sensor, OPC's 192, 64, 0, or true and false",
         .length_max = wire::kJsonPathBytesMax},
        {.field = "only_if",
         .title_zh = "仅当",
         .title_en = "Only if",
         .help_zh = "不成立的元素跳过，例如 $.data[*].ok == true",
         .help_en = "Elements for which it is not so are left out, as in $.data[*].ok == true",
         .length_max = wire::kJsonPathBytesMax},
    };
}

std::vector<Fact> facts_of(const MappingSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "topic",
         .title_zh = "主题",
         .title_en = "Topic",
         .help_zh = "MQTT 过滤器，层级可命名：factory/{line}/+/data",
         .help_en = "An MQTT filter whose levels may have names: factory/{line}/+/data",
         .required = true,
         .length_max = 500},
        {.field = "format",
         .title_zh = "内容格式",
         .title_en = "Payload",
         .choices = {{"json", "JSON", "JSON"}, {"number", "一个数", "One number"}, {"text", "一段文本", "A text"}}},
        {.field = "take", .title_zh = "取什么", .title_en = "What to take", .required = true, .length_max = kTakesMax},
        {.field = "time",
         .title_zh = "时间的位置",
         .title_en = "Time",
         .help_zh = "例如 $.ts；空或没有则用到达时间",
         .help_en = "Such as $.ts; none, or not there: when it arrived",
         .length_max = wire::kJsonPathBytesMax},
        {.field = "time_unit",
         .title_zh = "时间的单位",
         .title_en = "Unit of time",
         .help_zh = "整数时间自 1970 年起；自动按大小判断",
         .help_en = "Of whole numbers since 1970; automatic goes by their size",
         .choices = {{"auto", "自动", "Automatic"},
                     {"s", "秒", "Seconds"},
                     {"ms", "毫秒", "Milliseconds"},
                     {"us", "微秒", "Microseconds"},
                     {"ns", "纳秒", "Nanoseconds"}}},
        {.field = "zone",
         .title_zh = "时区",
         .title_en = "Time zone",
         .help_zh = "文本时间不带时区时用，例如 Asia/Shanghai 或 +08:00",
         .help_en = "Of times that are texts without one: Asia/Shanghai, +08:00",
         .length_max = 60},
        {.field = "only_if",
         .title_zh = "仅当",
         .title_en = "Only if",
         .help_zh = "不成立则由下一个映射处理，例如 $.type == \"data\"",
         .help_en = "If it is not so the next mapping has the message, as in $.type == \"data\"",
         .length_max = wire::kJsonPathBytesMax},
        {.field = "devices",
         .title_zh = "允许设备发布",
         .title_en = "Devices may publish",
         .help_zh = "以设备凭据登录者可发布到此主题，且只能写到自身及其下",
         .help_en = "Who signs in as a device may publish here, and write to itself and beneath alone"},
        {.field = "priority",
         .title_zh = "优先级",
         .title_en = "Priority",
         .help_zh = "同一主题有多个映射时，大者先；相同则主题更具体者先",
         .help_en = "Of several for one topic the greater comes first, then the more precise topic",
         .min = -1000,
         .max = 1000},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
    };
}

registry::Kind mapping_kind() {
    return registry::make_kind<MappingSpec>({.name = "mapping",
                                             .plural = "mappings",
                                             .title_zh = "主题映射",
                                             .title_en = "Mapping",
                                             .about_zh = "某个 MQTT 主题的消息如何成为读数",
                                             .about_en = "How the messages of an MQTT topic become readings"},
                                            {.alone = check_alone, .among = {}});
}

Result<MappingSpec> mapping_spec(const Json& spec) {
    registry::Resource resource;
    resource.kind = "mapping";
    resource.spec = spec;
    return registry::spec_of<MappingSpec>(resource);
}

Json to_json(const MappingSpec& spec) { return registry::to_json(spec); }

Result<std::shared_ptr<Mapping>> Mapping::create(std::string name, const MappingSpec& spec) {
    auto made = std::shared_ptr<Mapping>(new Mapping);
    made->name_ = std::move(name);
    made->spec_ = spec;
    made->pattern_ = TRY(pattern_of(spec));
    made->map_ = TRY(wire::JsonMap::create(TRY(map_spec(spec, made->pattern_))));
    for (std::size_t i = 0; i < spec.take.size(); ++i) {
        auto& expression = made->expressions_.emplace_back();
        if (spec.take[i].expr) expression = TRY(make_expression(*spec.take[i].expr).context("take[{}].expr", i));
    }
    return made;
}

std::optional<ValueType> Mapping::type_of_take(std::size_t take) const {
    const auto& type = spec_.take[take].type;
    return type ? std::optional{static_cast<ValueType>(static_cast<int>(*type) + 1)} : std::nullopt;
}

Result<Value> Mapping::worked_out(std::size_t take, const Value& value) {
    expr::Evaluator& expression = *expressions_[take];
    ++step_;
    if (!expression.program().tags().empty()) expression.feed(0, step_, value, kGood);  // else it is a constant
    expression.advance(step_);
    const expr::Answer& answer = expression.answer();
    const std::string& text = expression.program().text();
    if (!answer.known)
        return Error{Code::invalid, "expr: {} has no answer for {}", text, to_string(value).substr(0, 60)};
    Value found;
    if (answer.kind == expr::Kind::number) {
        if (!std::isfinite(answer.number))
            return Error{Code::invalid, "expr: {} is no number for {}", text, to_string(value).substr(0, 60)};
        found = answer.number;
    } else if (answer.kind == expr::Kind::integer) {
        found = answer.integer;
    } else if (answer.kind == expr::Kind::truth) {
        found = answer.truth;
    } else if (answer.kind == expr::Kind::text) {
        found = answer.text;
    } else {
        return Error{Code::invalid, "expr: {}: expected a number, text or boolean as its answer", text};
    }
    const auto type = type_of_take(take);
    auto typed = type ? convert_exactly(found, *type) : std::optional{found};
    if (!typed) return Error{Code::invalid, "expr: {} is {}, which is no {}", text, to_string(found), to_string(*type)};
    return std::move(*typed);
}

Result<MapBody> Mapping::run(wire::JsonMapper& mapper, Bytes payload, const wire::MapInput& input) {
    MapBody body = TRY(mapper.run(*map_, payload, input));
    const auto failed = [&](MapRow& row) {
        if (!expressions_[row.take]) return false;
        auto value = worked_out(row.take, row.value);
        if (value) {
            row.value = std::move(*value);
            return false;
        }
        if (body.faults.size() >= wire::MapLimits{}.faults_max) {
            ++body.more_faults;
        } else {
            body.faults.push_back(fmt::format("take[{}].{}", row.take, value.error().text()));
        }
        return true;
    };
    std::erase_if(body.rows, failed);
    return body;
}

std::vector<std::shared_ptr<Mapping>> mappings_of(const registry::ResourceReader& resources, TenantId tenant) {
    std::vector<std::shared_ptr<Mapping>> all;
    for (const auto& resource : resources.list_shared(tenant, "mapping")) {
        const auto spec = registry::spec_of<MappingSpec>(*resource);
        if (spec && !spec->enabled) continue;
        auto made = spec ? Mapping::create(resource->name, *spec) : Result<std::shared_ptr<Mapping>>{spec.error()};
        if (!made) {
            log_error("broker", "mapping {} is not used: {}", resource->name, made.error().text());
        } else if (all.size() >= kMappingsMax) {
            log_error("broker", "mapping {} is not used: a tenant has at most {}", resource->name, kMappingsMax);
        } else {
            all.push_back(std::move(*made));
        }
    }
    sort_mappings(all);
    return all;
}

void sort_mappings(std::vector<std::shared_ptr<Mapping>>& mappings) {
    std::ranges::sort(mappings, [](const auto& a, const auto& b) {
        if (a->spec().priority != b->spec().priority) return a->spec().priority > b->spec().priority;
        const std::size_t precision_a = a->pattern().precision(), precision_b = b->pattern().precision();
        return precision_a != precision_b ? precision_a > precision_b : a->name() < b->name();
    });
}

TagPlace place_of_tag(std::string_view path) {
    const std::size_t level = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/');
    const std::size_t dot = path.find('.', level);
    return {path.substr(0, dot), dot == std::string_view::npos ? std::string_view{"value"} : path.substr(dot + 1)};
}

}  // namespace gongshu::broker

namespace gongshu::registry {
template Result<broker::MappingSpec> spec_of<broker::MappingSpec>(const Resource&);
}  // namespace gongshu::registry
