#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sheets/columns.h"
#include "sheets/make.h"

// The tags of devices as a sheet: one property of one device a line, as it holds for that device. Columns, in this
// order:
//   device  property  title_zh  title_en  type  unit  writable  enabled  min  max  period_ms
//   kind  address  encoding  word_order  bit  length  scale  offset  revision
// title to writable are the device type's: told, not set. The others may differ from the type on each device: what
// equals the type's, and an empty cell, takes the device's own value away. kind … offset are one address: it is the
// type's when all are empty. A column that is missing leaves its field as it is; lines that are missing change nothing.
namespace gongshu::sheets {

inline constexpr std::size_t kTagRowsMax = 100'000;

std::string tag_sheet(const registry::Registry& registry, TenantId tenant,
                      const std::vector<std::shared_ptr<const registry::Resource>>& devices, Header header);
Result<Plan> plan_tags(const registry::Registry& registry, const registry::Actor& actor, const SheetFile& file,
                       const Sees& sees);

}  // namespace gongshu::sheets
