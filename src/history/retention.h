#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>

#include "base/clock.h"
#include "data/ids.h"
#include "data/interval.h"

namespace gongshu::history {

// What the segments of one UTC day hold, of all tenants.
struct DayUse {
    std::int32_t day = 0;  // since 1970-01-01
    std::uint64_t segments = 0, rows = 0, bytes = 0;
};

// What one segment holds of one tag; a day may have several segments of a tag.
struct TagDayUse {
    TagId tag;
    std::int32_t day = 0;
    std::uint64_t rows = 0, bytes = 0;
};

// Which stored readings shall go. Whole UTC days of a tag only, and only what lies in segments: the newest rows, which
// are in memory and in the log, stay.
struct Removal {
    // Days before this go with all they hold.
    std::int32_t all_before = std::numeric_limits<std::int32_t>::min();
    // Of the days from there and before this go those tags for which `expired` says true; it is called under the
    // store's lock of maintenance, so it must not ask the store for maintenance.
    std::int32_t some_before = std::numeric_limits<std::int32_t>::min();
    std::function<bool(TagId, std::int32_t day)> expired = {};
    // A segment of which a part stays is written again. At most so many bytes in one call (the last one may pass it),
    // so that seals wait only shortly; Removed::more tells that there is more to do.
    std::uint64_t rewrite_bytes_max = 64 << 20;
    bool dry_run = false;  // only count, all of it
};

// Rows of some tags within a window each, to the nanosecond, wherever they lie.
struct Cut {
    std::map<TagId, Window> windows = {};
    std::uint64_t rewrite_bytes_max = 64 << 20;  // as of a Removal
};

struct Removed {
    std::uint64_t segments = 0;   // that went whole
    std::uint64_t rewritten = 0;  // that lost a part
    std::uint64_t rows = 0, bytes = 0;
    TimeNs from = 0, to = 0;  // whole days that held it, `to` exclusive; both 0 if nothing went
    bool more = false;
};

}  // namespace gongshu::history
