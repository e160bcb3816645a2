#pragma once

#include <vector>

#include "expr/cell.h"
#include "expr/step_window.h"
#include "expr/window.h"

namespace gongshu::expr {

// What the evaluator of a stream and the run over columns have in common.

// Nodes that the root depends on; the others are there to be shown.
std::vector<bool> live_nodes(const ProgramImpl& program);
// Of a window, a lag or changed(); else null.
const Source* source_of(const ProgramImpl& program, const Node& node);

// What made the root unknown; `cells` are those of all nodes.
std::vector<Doubt> doubts_of(const ProgramImpl& program, std::span<const Cell> cells);

// How a value counts in a window; a text is of use to count() alone.
Grade window_grade(Aggregate aggregate, const Cell& cell);
Cell window_cell(const WindowPoints& points, TimeNs now);
Cell step_cell(const StepWindow& window, TimeNs now);
Cell turn_cell(const TurnWindow& turns, TimeNs now);
// Unknown while the platform or the connection was switched off: who was not asked is neither good nor bad.
Cell quality_cell(bool any, Quality quality);
// The whole second at or before.
TimeNs whole_second(TimeNs time);

}  // namespace gongshu::expr
