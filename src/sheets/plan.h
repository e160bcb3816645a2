#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/bulk.h"
#include "registry/registry.h"

// What a sheet, or a template with its rows, would change: made first, looked at, then carried out as a whole.
namespace gongshu::sheets {

// What is wrong with one cell. `column` is its key, "" = the whole line. Either found and expected are told, or an
// error of the registry.
struct Fault {
    std::string column;
    std::string found, expected_zh, expected_en;
    std::string error;
};

struct CellChange {
    std::string column, before, after;
};

// A resource that is made or changed by a line; what of it was changed by hand and stays.
struct Part {
    std::size_t wish = 0;
    std::vector<registry::Difference> kept;
};

struct PlanLine {
    std::uint64_t line = 0;  // of the file, or the number of the row, from 1
    std::string name;        // of the device, with a tag its path
    std::vector<Fault> faults;
    std::vector<CellChange> changes;
    std::vector<Part> parts;
    std::string what = "unchanged";  // created, changed, deleted, moved, unchanged, refused
};

// Where an error of the registry about a wish belongs.
struct Place {
    std::size_t line = 0;  // index into lines
    std::string column;
};

struct Plan {
    std::vector<PlanLine> lines;
    std::vector<registry::BulkWish> wishes;
    std::vector<std::size_t> line_of;  // of each wish, an index into lines
    // `place` begins the error's text ("unit_id"). Empty: the wish's line, no column.
    std::function<Place(std::size_t wish, std::string_view place)> locate;
    std::vector<registry::Applied> applied;  // after carry_out(), of each wish

    std::size_t add(std::size_t line, registry::BulkWish wish);
    bool faulty() const;
};

struct Counts {
    std::size_t created = 0, changed = 0, deleted = 0, moved = 0, unchanged = 0, refused = 0;
};

// Asks the registry about every wish, puts what it refuses at its line, and stores all or nothing: nothing with
// `dry_run` or when any line has a fault. True if it was stored. Blocks for a disk sync.
bool carry_out(registry::Registry& registry, const registry::Actor& actor, Plan& plan, bool dry_run);
Counts count(const Plan& plan);

// The field that begins an error's text ("unit_id: expected …"), "" if none does.
std::string_view place_of(const Error& error);

// What of a resource's differences is worth telling: not which revision of its template it follows.
std::vector<registry::Difference> told(const registry::Change& change);

}  // namespace gongshu::sheets
