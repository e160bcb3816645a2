#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/report.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::bench {

// What this machine gives to anybody, measured when asked.
struct Floors {
    double memory_bytes_per_s = 0;  // copied by one core, out of its caches
    double disk_bytes_per_s = 0;    // appended and synced once at the end
    double sync_s = 0;              // median of 4 KiB appended and synced
    double sync_p99_s = 0;
};
Result<Floors> measure_floors(io::Files& files, const Clock& clock, const std::string& folder, bool small);
std::vector<Number> numbers_of(const Floors& floors);

// Answers of `answer_bytes` to requests of `request_bytes` over TCP on loopback, from a thread that looks at neither.
struct Exchange {
    std::size_t connections = 1;
    std::size_t in_flight = 1;  // of one connection
    std::size_t count = 1000;   // of all
    std::size_t request_bytes = 64;
    std::size_t answer_bytes = 4;
};
struct ExchangeFloor {
    double per_s = 0;
    double p50_s = 0;
};
Result<ExchangeFloor> measure_exchange(const Clock& clock, const Exchange& exchange);

// The sample at quantile `q` of 0 … 1; sorts them. 0 if there are none.
DurationNs quantile(std::vector<DurationNs>& samples, double q);
double seconds(DurationNs duration);
// "2 cores of …, 23.5 GB, ext4".
std::string machine_text(const std::string& folder);

}  // namespace gongshu::bench
