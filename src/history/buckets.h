#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "data/interval.h"

namespace gongshu::history {

// Which bucket a time belongs to. Buckets are whole multiples of `every` since 1970 UTC; those of whole days with a
// zone begin at local midnight there (at the first instant of the day where there is no midnight), so that a day has 23
// or 25 hours when the clocks change. Threads: a plain value, no sharing; remembers the last day's bounds.
class Buckets {
public:
    // Code::invalid for every <= 0 or an unknown zone.
    static Result<Buckets> create(DurationNs every, const std::string& zone);
    // The bucket that holds `time`.
    Window at(TimeNs time);

private:
    Buckets(DurationNs every, const void* zone) : every_(every), zone_(zone) {}
    Window days_at(TimeNs time) const;

    DurationNs every_;
    const void* zone_;  // a date::time_zone, which lives as long as the program; null = UTC
    Window last_;
};

}  // namespace gongshu::history
