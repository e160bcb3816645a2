#pragma once

#include "base/clock.h"

namespace gongshu {

// [from, to) in UTC nanoseconds; empty if to <= from.
struct Window {
    TimeNs from = 0;
    TimeNs to = 0;

    bool empty() const { return to <= from; }
    bool contains(TimeNs time) const { return time >= from && time < to; }
    bool overlaps(Window other) const { return from < other.to && other.from < to; }
    friend bool operator==(Window, Window) = default;
};

}  // namespace gongshu
