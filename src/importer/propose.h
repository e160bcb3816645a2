#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "importer/table.h"
#include "io/files.h"

namespace gongshu::importer {

// Looks at the first records of a file and writes a map for it, with comments where somebody has to decide; parse_map()
// takes it. Knows headers with units ("温度(℃)", "Temp [degC]", a second row), times in one column or two, by number or
// by a cycle that begins anew with each unit, long tables (device, name, value), decimal commas, transposed tables.
Result<std::string> propose_map(io::Files& files, const std::string& path);
// The same of an open table without a header, whose first `skipped` lines were passed over.
Result<std::string> propose_map(Table table, std::uint64_t skipped = 0);
// How such a table is opened: nothing is assumed.
Layout layout_for_proposal();

// A column's heading as a property and a unit: "Air temperature [K]" -> air_temperature, K. `unit` is "" where none is
// understood, and `unknown` then holds what stood there.
struct Heading {
    std::string property, unit, unknown;
};
Heading read_heading(std::string_view text);

}  // namespace gongshu::importer
