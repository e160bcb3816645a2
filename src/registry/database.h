#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "io/files.h"

namespace gongshu::registry {

// A value in a table: nothing, a whole number, a text in UTF-8.
using Cell = std::variant<std::monostate, std::int64_t, std::string>;

// SQL with :a, :b, … in the order of `values`.
struct Statement {
    std::string sql;
    std::vector<Cell> values;
};

// One row of an answer. Columns are numbered from 0.
class Row {
public:
    virtual ~Row() = default;
    virtual std::int64_t integer(std::size_t column) const = 0;
    virtual std::string text(std::size_t column) const = 0;
};

// Database is registry.db: SQLite through SOCI, its files through io::Files.
// Lives:   one per Registry.
// Threads: any; one statement after another under a mutex.
// Bounds:  none of its own.
// Disk:    registry.db and registry.db-wal, mode 0600. change() returned ok = it survives a power cut. After a failed
// sync
//          everything is refused with Code::unavailable until the next start, because nobody knows what the disk holds.
class Database {
public:
    // Makes the file and brings its tables to the newest version (or to `steps`, for tests); before it changes tables
    // that are there it keeps a copy of them, as schema.h says.
    static Result<std::unique_ptr<Database>> open(io::Files& files, const std::string& folder,
                                                  std::size_t steps = SIZE_MAX);
    virtual ~Database() = default;

    // All of them or none.
    virtual Result<void> change(const std::vector<Statement>& statements) = 0;
    // Integers only of columns declared bigint, texts only of columns declared text.
    virtual Result<void> read(const Statement& query, const std::function<void(const Row&)>& on_row) const = 0;
    // A whole and compact copy as a file that is not there yet, synced. Changes wait while it is made beside the
    // database, not while it is written to `path`; needs room for itself there too.
    virtual Result<void> copy_to(const std::string& path) const = 0;
    virtual Result<std::uint64_t> bytes() const = 0;
    // Why nothing can be changed any more, or empty.
    virtual std::string read_only() const = 0;
};

}  // namespace gongshu::registry
