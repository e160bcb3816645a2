#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

enum class ParameterType : std::uint8_t { text, number, integer, boolean, choice };

// What one machine of a template has of its own.
struct TemplateParameter {
    std::string name;
    std::string title_zh, title_en;
    ParameterType type = ParameterType::text;
    std::string unit;  // shown beside the field
    std::vector<std::string> choices;
    std::optional<double> min, max;
    std::optional<Json> preset;  // the value where none is given
    bool required = true;        // without a preset a value must be given
    std::string help;
};

// One resource that is made; texts of name and spec may hold ${parameter}.
struct TemplatePart {
    std::string name;
    Json spec;
};

// How like machines are made: of each row of parameters one device, if wanted its connection, and rules.
struct DeviceTemplateSpec {
    std::string title_zh, title_en;
    std::string help;
    std::vector<TemplateParameter> parameters;
    TemplatePart device;
    std::optional<TemplatePart> connection;
    std::vector<TemplatePart> rules;
};

Kind device_template_kind();

extern template Result<DeviceTemplateSpec> spec_of<DeviceTemplateSpec>(const Resource&);

}  // namespace gongshu::registry
