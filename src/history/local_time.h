#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::history {

// What a time on a wall clock means, in seconds since 1970 UTC. Where clocks are put back some times come twice, where
// they are put forward some never.
struct Instants {
    int count = 0;             // 0, 1 or 2
    std::int64_t earlier = 0;  // with count 1 the only one
    std::int64_t later = 0;    // with count 2
};

// Local times of one zone as UTC. Threads: a plain value, no sharing; remembers the offset of the last time.
class LocalTime {
public:
    // An IANA name ("Asia/Shanghai", "UTC") or a fixed offset ("+08:00", "-0330"); Code::invalid for others.
    static Result<LocalTime> create(const std::string& zone);
    // `local_seconds`: the wall clock's reading as if it were UTC, in seconds since 1970.
    Instants at(std::int64_t local_seconds);

private:
    Instants ask(std::int64_t local_seconds);

    const void* zone_ = nullptr;  // a date::time_zone, which lives as long as the program; null = fixed offset
    // Local times in [from_, to_) have this offset and come once.
    std::int64_t offset_ = 0;
    std::int64_t from_ = 0, to_ = 0;
};

}  // namespace gongshu::history
