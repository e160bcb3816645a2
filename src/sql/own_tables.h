#pragma once

#include <memory>
#include <vector>

#include "data/sink.h"
#include "data/tag.h"
#include "registry/registry.h"
#include "sql/table.h"

namespace gongshu::sql {

// What the tables read; outlives them.
struct TableParts {
    const Reader& reader;
    const Tags& tags;
    const registry::ResourceReader& resources;
};

// history(tags := …, since := …, until := …, every := …, agg := …, zone := …)
std::unique_ptr<Table> history_table(const TableParts& parts);
// The same raw rows as a view, its bounds told from the statement.
std::unique_ptr<Table> readings_table(const TableParts& parts);
std::unique_ptr<Table> tags_table(const TableParts& parts);
std::unique_ptr<Table> last_table(const TableParts& parts);
// A kind of the registry by its plural: name, uid, revision, created, updated, by, spec.
std::unique_ptr<Table> kind_table(const TableParts& parts, const registry::Kind& kind);

// All of the above.
std::vector<std::unique_ptr<Table>> own_tables(const TableParts& parts);

}  // namespace gongshu::sql
