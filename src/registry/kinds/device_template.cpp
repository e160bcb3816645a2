#include "registry/kinds/device_template.h"

#include <set>

#include "registry/kind_of.h"
#include "registry/names.h"
#include "registry/template_parts.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(ParameterType, text, number, integer, boolean, choice)
BOOST_DESCRIBE_STRUCT(TemplateParameter, (),
                      (name, title_zh, title_en, type, unit, choices, min, max, preset, required, help))
BOOST_DESCRIBE_STRUCT(TemplatePart, (), (name, spec))
BOOST_DESCRIBE_STRUCT(DeviceTemplateSpec, (), (title_zh, title_en, help, parameters, device, connection, rules))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kParametersMax = 100;
constexpr std::size_t kRulesMax = 100;

bool is_fixed(std::string_view text) { return text.find("${") == std::string_view::npos; }

// Where parts name others by a fixed name: these are references of the template.
template <class J, class Visit>
void each_fixed(J& spec, const Visit& visit) {
    const auto look = [&](J* part, const std::string& place, std::string_view field, std::string_view plural) {
        auto* inner = part && part->is_object() ? part->get_object().if_contains("spec") : nullptr;
        auto* text =
            inner && inner->is_object() ? inner->get_object().if_contains({field.data(), field.size()}) : nullptr;
        if (text && text->is_string() && !text->get_string().empty() &&
            is_fixed({text->get_string().data(), text->get_string().size()}))
            visit(fmt::format("{}.spec.{}", place, field), plural, *text);
    };
    if (!spec.is_object()) return;
    look(spec.get_object().if_contains("device"), "device", "type", "device_types");
    look(spec.get_object().if_contains("device"), "device", "connection", "connections");
    auto* rules = spec.get_object().if_contains("rules");
    if (!rules || !rules->is_array()) return;
    for (std::size_t i = 0; i < rules->get_array().size(); ++i)
        look(&rules->get_array()[i], join_path("rules", i), "device_type", "device_types");
}

Result<void> check_parameter(const TemplateParameter& parameter, std::size_t i) {
    if (parameter.name == "device" || parameter.name == "connection") {
        return Error{Code::invalid,
                     "parameters[{}].name: \"{}\" stands for the name of what is made; choose another one", i,
                     parameter.name};
    }
    if (parameter.type == ParameterType::choice && parameter.choices.empty())
        return Error{Code::invalid, "parameters[{}].choices: expected at least one for the type choice", i};
    if (parameter.min && parameter.max && *parameter.min > *parameter.max)
        return Error{Code::invalid, "parameters[{}].min: {} is above the maximum {}", i, *parameter.min,
                     *parameter.max};
    Json value;
    if (!parameter.preset) return {};
    const auto wrong = take_value(parameter, *parameter.preset, value);
    if (!wrong) return {};
    return Error{Code::invalid, "parameters[{}].preset: expected {}, found {}", i, wrong->expected_en,
                 describe(*parameter.preset)};
}

Result<void> check_alone(const DeviceTemplateSpec& spec) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < spec.parameters.size(); ++i) {
        if (!names.insert(spec.parameters[i].name).second)
            return Error{Code::invalid, "parameters[{}].name: \"{}\" is there already", i, spec.parameters[i].name};
        TRY(check_parameter(spec.parameters[i], i));
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const TemplateParameter*) {
    return {
        {.field = "name",
         .title_zh = "参数名",
         .title_en = "Name",
         .help_zh = "在模板里写作 ${参数名}",
         .help_en = "Written ${name} in the template",
         .required = true,
         .length_max = 100,
         .check = check_word},
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "type",
         .title_zh = "类型",
         .title_en = "Type",
         .choices = {{"text", "文本", "Text"},
                     {"number", "数字", "Number"},
                     {"integer", "整数", "Whole number"},
                     {"boolean", "是/否", "Yes or no"},
                     {"choice", "选项", "Choice"}}},
        {.field = "unit", .title_zh = "单位", .title_en = "Unit", .length_max = 60},
        {.field = "choices",
         .title_zh = "选项",
         .title_en = "Choices",
         .length_max = 200,
         .if_field = "type",
         .if_equals = "choice"},
        {.field = "min", .title_zh = "下限", .title_en = "Minimum"},
        {.field = "max", .title_zh = "上限", .title_en = "Maximum"},
        {.field = "preset",
         .title_zh = "默认值",
         .title_en = "Default",
         .help_zh = "没有填写时的值",
         .help_en = "The value where none is given"},
        {.field = "required",
         .title_zh = "必填",
         .title_en = "Required",
         .help_zh = "没有默认值时必须填写",
         .help_en = "Without a default a value must be given"},
        {.field = "help", .title_zh = "说明", .title_en = "Help", .length_max = 1'000},
    };
}

std::vector<Fact> facts_of(const TemplatePart*) {
    return {{.field = "name",
             .title_zh = "名称",
             .title_en = "Name",
             .help_zh = "可含 ${参数名}",
             .help_en = "May hold ${parameter}",
             .required = true,
             .length_max = 1'000},
            {.field = "spec",
             .title_zh = "内容",
             .title_en = "Spec",
             .help_zh = "文本可含 ${参数名}",
             .help_en = "Texts may hold ${parameter}",
             .widget = "json"}};
}

std::vector<Fact> facts_of(const DeviceTemplateSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "help", .title_zh = "说明", .title_en = "Help", .widget = "multiline"},
        {.field = "parameters",
         .title_zh = "参数",
         .title_en = "Parameters",
         .help_zh = "每台设备各不相同之处",
         .help_en = "What each machine has of its own",
         .length_max = kParametersMax},
        {.field = "device",
         .title_zh = "设备",
         .title_en = "Device",
         .help_zh = "每行参数生成一台设备",
         .help_en = "Each row of parameters makes one",
         .required = true},
        {.field = "connection",
         .title_zh = "连接",
         .title_en = "Connection",
         .help_zh = "可选；同名的只生成一个",
         .help_en = "Optional; several machines may share one"},
        {.field = "rules", .title_zh = "规则", .title_en = "Rules", .length_max = kRulesMax},
    };
}

Kind device_template_kind() {
    Kind kind = make_kind<DeviceTemplateSpec>(
        {.name = "device_template",
         .plural = "device_templates",
         .title_zh = "设备模板",
         .title_en = "Device template",
         .about_zh = "用一张参数表生成许多相同的设备，连同连接和规则",
         .about_en = "Makes many like machines, with their connections and rules, from a table of parameters"},
        {.alone = check_alone,
         .among = [](const ResourceReader& reader, TenantId, std::string_view, const DeviceTemplateSpec& spec) {
             return check_parts(reader, spec);
         }});
    kind.references = [](const Json& spec) {
        std::vector<Reference> found;
        each_fixed(spec, [&](const std::string& place, std::string_view plural, const Json& text) {
            found.push_back(
                {place, std::string(plural), std::string(text.get_string().data(), text.get_string().size())});
        });
        return found;
    };
    kind.renamed = [](const Json& spec, std::string_view plural, std::string_view name, std::string_view new_name) {
        Json out = spec;
        each_fixed(out, [&](const std::string&, std::string_view of, Json& text) {
            if (of == plural && std::string_view(text.get_string().data(), text.get_string().size()) == name)
                text = new_name;
        });
        return out;
    };
    return kind;
}

template Result<DeviceTemplateSpec> spec_of<DeviceTemplateSpec>(const Resource&);

}  // namespace gongshu::registry
