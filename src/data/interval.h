#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/ids.h"

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

// The other half of industrial data: something that lasted. Shift, batch, operation, downtime reason, alarm, label,
// slot, baseline. `to` is absent while it is still open.
struct Interval {
    TenantId tenant;
    std::string id;       // unique within tenant and kind
    std::string kind;     // "alarm", "downtime", "shift", …
    std::string subject;  // path of the asset or tag it is about
    TimeNs from = 0;
    std::optional<TimeNs> to;
    std::string source;      // tag, rule, hand, scan, import
    double confidence = 1;   // 0 … 1
    std::string attributes;  // a JSON object

    bool open() const { return !to; }
    // An open interval overlaps everything after its start.
    bool overlaps(Window window) const { return from < window.to && (!to || *to > window.from); }
};

}  // namespace gongshu
