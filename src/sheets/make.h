#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/kinds/device_template.h"
#include "sheets/plan.h"
#include "sheets/sheet_file.h"

// Many machines from one template.
namespace gongshu::sheets {

inline constexpr std::size_t kRowsMax = 10'000;

// The values of one machine's parameters as they were given.
struct ParameterRow {
    std::uint64_t line = 0;  // of the file, or the number of the row, from 1
    std::map<std::string, Json> values;
};

// `{"rows":[{"number":1},…]}` parsed; Code::invalid for what is no such list, Code::limit for too many.
Result<std::vector<ParameterRow>> rows_of_json(const Json& rows);
// A sheet whose columns are parameters, by name or by title in either language.
Result<std::vector<ParameterRow>> rows_of_sheet(const registry::DeviceTemplateSpec& of, const SheetFile& file);

// May who asks see what is stored? Of what it says no to nothing is told: the plan fails with Code::not_found.
using Sees = std::function<bool(const registry::Resource&)>;

// Each row becomes a device with its connection and rules. A device that is there and was made from this template
// follows it with the new values, another one is a fault. What was changed by hand stays (registry/three_way.h).
Result<Plan> plan_make(const registry::Registry& registry, const registry::Actor& actor,
                       const registry::Resource& device_template, const std::vector<ParameterRow>& rows,
                       const Sees& sees);

// The devices that were made from it and that `sees` says yes to follow it as it is now, with their own values.
Result<Plan> plan_update(const registry::Registry& registry, const registry::Actor& actor,
                         const registry::Resource& device_template, const Sees& sees);

// They forget the template and stay as they are.
Result<Plan> plan_detach(const registry::Registry& registry, const registry::Actor& actor,
                         const registry::Resource& device_template, const Sees& sees);

}  // namespace gongshu::sheets
