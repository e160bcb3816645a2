#pragma once

// The description of a connection's fields. Only for the .cpp file of the kind.

#include <vector>

#include "registry/kind_of.h"
#include "registry/kinds/connection.h"

namespace gongshu::registry {

std::vector<Fact> facts_of(const ConnectionSpec*);

// A value that is only looked at.
template <class T>
Result<void> only_checked(Result<T> result) {
    if (!result) return std::move(result).error();
    return {};
}

}  // namespace gongshu::registry
