#pragma once

#include <map>
#include <string>

#include "base/guarded.h"
#include "base/metrics.h"
#include "data/egress.h"

namespace gongshu::api {

// Allows everything, and counts what left by door and tenant (gongshu_egress_decisions_total, …_rows_total,
// …_bytes_total); each decision is a debug line of the log.
// Lives:   one per process, outlives all doors.   Threads: any.   Disk: none.
// Bounds:  one counter for each (tenant, door), of which there are few; Metrics bounds the rest.
class CountingEgress final : public Egress {
public:
    explicit CountingEgress(Metrics& metrics) : metrics_(metrics) {}
    Result<void> decide(const Leaving& leaving) override;

private:
    struct Counters {
        Counter* decisions;
        Counter* rows;
        Counter* bytes;
    };
    Metrics& metrics_;
    Guarded<std::map<std::string, Counters, std::less<>>> by_door_;
};

}  // namespace gongshu::api
