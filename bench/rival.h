#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "bench/http_load.h"
#include "bench/questions.h"
#include "bench/ranges.h"
#include "bench/workloads.h"
#include "io/machine.h"

namespace gongshu::bench {

// How rows come in: as text with all of a host's tags in each, or as columns (a binary form or COPY) with its number.
enum class Way { lines, columns };

// A server of our own on loopback over a fresh folder that does the work of the cpu-only case: this program, or a rival
// as it comes but for what its driver says.
// Lives:   on the stack of a run; it is ended with it.
// Threads: one.
// Disk:    the folder it was started with.
class Rival {
public:
    virtual ~Rival() = default;
    virtual std::string version() const = 0;
    // Stores all rows, each acknowledged as guarantee() says.
    virtual Result<HttpLoaded> load(const TsbsCpu& data) = 0;
    // Makes what was sent visible and merges it as far as it merges by itself in the end.
    virtual Result<void> settle() = 0;
    // Of its data and its index.
    virtual Result<std::uint64_t> disk_bytes() = 0;
    // Processor time and memory, of all its processes.
    virtual Result<io::ProcessUse> use() = 0;
    virtual bool can_answer(const Question& question) const = 0;
    // One asking after the other over one connection, until all are asked or `enough` time has gone by, at least one;
    // `look` is given the number of each and the cells of its answer.
    using Look = std::function<void(std::size_t asking, const Cells& cells)>;
    virtual Result<HttpLoaded> ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) = 0;
    // The same of any set that is sent as lines; Code::unsupported by who takes columns.
    virtual Result<HttpLoaded> load_lines(const Lines& lines) = 0;
    virtual Result<HttpLoaded> ask_ranges(const std::vector<RangeAsking>& askings, DurationNs enough,
                                          const Look& look) = 0;
};

struct RivalParts {
    const Bench& bench;
    std::string folder;    // fresh, its own
    std::string program;   // "" = the system's
    bool unasked = false;  // its memory is measured: nothing is asked of it, also not whether all is there
};

struct RivalKind {
    const char* name;
    Way way;
    const char* guarantee;   // what an acknowledgement means there
    const char* durability;  // which of its settings makes it mean what ours does
    // Code::not_found with the package's name if it is not on this machine.
    Result<std::unique_ptr<Rival>> (*start)(const RivalParts&);
};
// Of the cpu-only case, in the order of their names.
std::span<const RivalKind> rival_kinds();
// "clickhouse, influxdb, …"
std::string rival_names();

// This program itself.
Result<std::unique_ptr<Rival>> start_ours(const RivalParts& parts, Way way);

Result<std::unique_ptr<Rival>> start_clickhouse(const RivalParts& parts);
Result<std::unique_ptr<Rival>> start_duckdb(const RivalParts& parts);
Result<std::unique_ptr<Rival>> start_postgres(const RivalParts& parts);
Result<std::unique_ptr<Rival>> start_influx(const RivalParts& parts);
Result<std::unique_ptr<Rival>> start_victoria(const RivalParts& parts);

}  // namespace gongshu::bench
