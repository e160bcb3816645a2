#pragma once

#include <vector>

#include "data/selection.h"

namespace gongshu::history {

// Gives the rows of each object of a request, in its order, at the times when its conditions hold. Blocks as
// Reader::read() does. Code::invalid for a bound that its tag's values cannot be held against, Code::not_found for a
// tag that there is not. Any thread, never a lane.
class Selector {
public:
    virtual ~Selector() = default;
    virtual Result<std::vector<SelectedRows>> select(const SelectRequest& request) const = 0;
};

// By `reader` itself, which is the history: Code::unsupported of any other.
bool can_select(const Reader& reader);
Result<std::vector<SelectedRows>> select(const Reader& reader, const SelectRequest& request);

}  // namespace gongshu::history
