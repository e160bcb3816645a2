#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/selection.h"
#include "data/sink.h"
#include "sql/table.h"

namespace gongshu::sql {

// What is read of one object at the times when its conditions hold.
struct SelectPart {
    SelectRequest::Object object;
    std::vector<std::string> paths;  // of its tags
};

// Rows of `readings` by conditions on values: some objects at once, in slices of time, so that
// no step reads or keeps much. Of each object tag by tag. `reader` outlives it.
std::unique_ptr<Scan> select_scan(const Reader& reader, std::vector<SelectPart> parts, Window window,
                                  QualityFilter quality, ScanRequest request);

// The rows of each in turn.
std::unique_ptr<Scan> chain(std::vector<std::unique_ptr<Scan>> scans);

}  // namespace gongshu::sql
