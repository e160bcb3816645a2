#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sheets/columns.h"
#include "sheets/make.h"

// Devices as a sheet, one a line. Columns, in this order:
//   name  new_name  delete  title_zh  title_en  title  type  connection  unit_id  external_id  enabled  template
//   revision
// Coming back: a column that is missing leaves its field as it is, an empty cell empties it (of a new device it is the
// default); a device that is not in the sheet stays; only `delete` = yes deletes. `new_name` renames or moves.
// `template` is told and cannot be set. `revision` is the one that the sheet was made of: another one now is a fault.
namespace gongshu::sheets {

inline constexpr std::size_t kMovesMax = 1'000;  // renames of one sheet

std::string device_sheet(const std::vector<std::shared_ptr<const registry::Resource>>& devices, Header header);
Result<Plan> plan_devices(const registry::Registry& registry, const registry::Actor& actor, const SheetFile& file,
                          const Sees& sees);

}  // namespace gongshu::sheets
