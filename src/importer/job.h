#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "data/rows.h"
#include "importer/map.h"
#include "importer/mapper.h"
#include "importer/report.h"
#include "importer/table.h"
#include "io/files.h"

namespace gongshu::importer {

// Where the readings of an import go.
class Target {
public:
    virtual ~Target() = default;
    // The tag of row i is 1 + its place in `series`, which only grows from call to call. Durable on return. May block.
    virtual Result<void> write(std::span<const Series> series, Rows rows) = 0;
    // From when on the store keeps readings of that tag; 0 = all. Asked after the tag was written.
    virtual TimeNs keeps_from(std::string_view) const { return 0; }
};

struct Progress {
    std::uint64_t bytes = 0, bytes_total = 0;
    std::uint64_t rows = 0, values = 0;
    DurationNs elapsed = 0;
};

struct JobOptions {
    std::size_t rows_per_write = 1 << 16;
    std::uint64_t from_line = 0;  // lines before this were imported before: counted, not written again
    TableLimits table;
    MapperLimits mapper;
};

// Reads one file by a map and writes it to `target`, some ten thousand readings at a time; on_progress is called after
// each and ends the import by returning false (then report.cancelled; what was written stays, and doing it again
// changes nothing). An Error is of the disk, the target, or of a map that does not fit the file; bad lines are in the
// report. Memory stays the same whatever the file's size. Blocks.
Result<Report> import_file(io::Files& files, const Clock& clock, const std::string& path, const Map& map,
                           Target& target, const JobOptions& options,
                           const std::function<bool(const Progress&)>& on_progress);
// The same of a table that is open, with the map's layout.
Result<Report> import_table(Table table, const Clock& clock, const Map& map, Target& target, const JobOptions& options,
                            const std::function<bool(const Progress&)>& on_progress);

}  // namespace gongshu::importer
