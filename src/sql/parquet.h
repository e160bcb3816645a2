#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

// Parquet files that somebody sent, as the text that everything else here reads.
namespace gongshu::sql {

struct ParquetLimits {
    std::uint64_t csv_bytes_max = 256 << 20;
    std::uint64_t memory_bytes = 512 << 20;  // of the worker
    DurationNs time_max = kMinute;
};

bool is_parquet(Bytes file);  // by how it begins

// As CSV: a line of the columns' names, then the rows; times of columns that have no zone
// without one; lists, structs and blobs as texts. Read by a worker of its own
// with rights to nothing but these bytes, by libduckdb.so at `library` ("" = there is none).
// Code::malformed says what is wrong with the file; limit, timeout, unavailable. Blocks; call it on a thread that
// stays longer than the call (io::start_child).
Result<std::string> parquet_to_csv(const std::string& library, const Clock& clock, Bytes file,
                                   const ParquetLimits& limits = {});

}  // namespace gongshu::sql
