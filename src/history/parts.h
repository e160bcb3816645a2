#pragma once

#include <vector>

#include "history/scan.h"

namespace gongshu::history {

// A stretch of a scan: what cells tell, or else sources whose rows lie in `window`.
struct Part {
    Window window;
    std::vector<Cell> cells;
    DurationNs cell_length = 0;
    std::vector<Source> sources;  // when there are no cells
};
// Cuts what is scanned of one day: wherever cells say what `builder` wants to know they stand for the rows. In order of
// time; together they give each row of `sources`, which are all of the day and the tag, within `window` once. A cell
// stands for its rows only if its time lies wholly in the window and no other segment and no row in memory lies in it;
// cells that cannot be read cost speed only. Reads the cells.
std::vector<Part> parts_of(std::vector<Source> sources, Window window, SeriesBuilder& builder);

}  // namespace gongshu::history
