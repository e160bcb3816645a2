#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "registry/kinds/device_template.h"

// What a device template makes of the parameters of one machine.
//   ${name}            the value of a parameter; a text that is nothing else becomes what its field takes: a number, a
//                      switch, a text. Of a parameter that has no value the field is left out.
//   ${name*2+100}      of an integer, with whole numbers
//   ${device}          the name of the device that is made: in its spec, its connection and its rules
//   ${connection}      the name of the connection that is made: in the specs of device and rules
//   $${                these two characters themselves
namespace gongshu::registry {

inline constexpr std::size_t kParameterBytesMax = 1'000;

using Parameters = std::map<std::string, Json>;

// What is wrong with one value.
struct Mismatch {
    std::string found;  // as it was given
    std::string expected_zh, expected_en;
};
// `given` as a value of the parameter, into `value` (null = none); "3" is a number too, as sheets hold texts only.
std::optional<Mismatch> take_value(const TemplateParameter& parameter, const Json& given, Json& value);

struct MadePart {
    std::string place;  // in the template: "device", "connection", "rules[2]"
    std::string kind, name;
    Json spec;  // canonical
};
// The parts of one machine: connection, device, rules. `parameters` come from take_value(). A device that is there
// keeps its name, `device_name`. Errors begin with the place in the template ("device.spec.unit_id: …").
Result<std::vector<MadePart>> make_parts(const ResourceReader& reader, const DeviceTemplateSpec& of,
                                         const Parameters& parameters,
                                         const std::optional<std::string>& device_name = {});
// The first parameter that stands in the text at that place of a template's spec, or in what lies beneath; "" if none.
std::string parameter_at(const Json& template_spec, std::string_view place);

// The same for what others than device templates fill in: `json` as `schema` (null = anything) says what its fields take.
// Without ${device} and ${connection}. Errors begin with the place.
Result<Json> fill_parameters(const Json& json, const Json* schema, const Parameters& parameters,
                             const std::string& place);
// The parameters that stand anywhere in it. Code::invalid for a broken placeholder, beginning with its place.
Result<std::set<std::string>> parameters_in(const Json& json, const std::string& place);

// Every placeholder names a parameter whose type fits its field, and what is fixed is right. Errors begin with the
// place.
Result<void> check_parts(const ResourceReader& reader, const DeviceTemplateSpec& of);

}  // namespace gongshu::registry
