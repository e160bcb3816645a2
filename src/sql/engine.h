#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "sql/own_tables.h"
#include "sql/sql.h"

namespace gongshu::sql {

// All outlive the engine.
struct EngineParts {
    TableParts tables;
    const Clock& clock;
    Metrics& metrics;
};

struct EngineOptions {
    std::string library;                        // path of libduckdb.so; "" = there is none
    std::uint64_t memory_bytes = 512ULL << 20;  // of a worker, for what statements keep
    std::uint32_t threads = 2;                  // of a worker
    std::uint32_t workers_max = 4;              // processes at the same time, one a tenant
    std::uint32_t queries_of_tenant_max = 4;    // that run at the same time
    std::uint32_t waiting_of_tenant_max = 64;   // for those to end, in the order they came
    std::uint64_t cpu_seconds = 3600;           // of a worker's whole life; from half of it on another one follows it
    DurationNs worker_idle = 5 * kMinute;       // then it ends
    DurationNs start_max = 30 * kSecond;        // for a worker to be ready
};

// Where libduckdb.so lies beside our own program, or "".
std::string find_library();

// The engine that runs statements in `gongshu worker sql`, a child process for each tenant that asks, which can reach
// nothing but this engine (io/sandbox.h). A worker that crashes, hangs or eats memory ends its own statements with a
// Failure, and the next statement gets a new one.
// Threads: two for each worker, which outlive none of its statements by much.
std::unique_ptr<Engine> make_engine(const EngineParts& parts, EngineOptions options);

}  // namespace gongshu::sql
