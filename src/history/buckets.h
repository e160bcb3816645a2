#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/window.h"

namespace gongshu::history {

// Which bucket a time belongs to. Buckets are given one by one, or whole multiples of `every` since 1970 UTC; those of
// whole days with a zone begin at local midnight there (at the first instant of the day where there is no midnight), so
// that a day has 23 or 25 hours when the clocks change. Threads: a plain value, no sharing; remembers the last day's
// bounds.
class Buckets {
public:
    // Code::invalid for every <= 0 or an unknown zone.
    static Result<Buckets> create(DurationNs every, const std::string& zone);
    // These and no others: in order, none overlaps another, none is empty; Code::invalid if not so.
    static Result<Buckets> create(std::shared_ptr<const std::vector<Window>> periods);
    // The bucket that holds `time`, or the gap between two of them.
    Window at(TimeNs time);
    // Whether what at() gave last is such a gap.
    bool in_gap() const { return in_gap_; }

private:
    Buckets(DurationNs every, const void* zone) : every_(every), zone_(zone) {}
    Window days_at(TimeNs time) const;
    Window period_at(TimeNs time);

    DurationNs every_;
    const void* zone_;  // a date::time_zone, which lives as long as the program; null = UTC
    std::shared_ptr<const std::vector<Window>> periods_;  // null = every_
    bool in_gap_ = false;
    Window last_;
};

}  // namespace gongshu::history
