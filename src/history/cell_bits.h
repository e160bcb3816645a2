#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "history/cells.h"

namespace gongshu::history {

// Cells as a stream of bits, each number by what the others let expect of it: "bits" of docs/format/segment.md. Takes
// about two thirds of encode_cells().

// Appends `cells` of one day, in order of time, not empty. False, and nothing appended, if their values are not all
// whole multiples of one power of ten.
bool encode_cell_bits(DurationNs length, ValueType type, const std::vector<Cell>& cells, Buffer& out);
// Code::corrupt if the payload does not follow the grammar. Never more cells than a day has.
Result<std::vector<Cell>> decode_cell_bits(DurationNs length, ValueType type, TimeNs day_from, Bytes payload);

}  // namespace gongshu::history
