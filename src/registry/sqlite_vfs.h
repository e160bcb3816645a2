#pragma once

#include <memory>
#include <string>

#include "io/files.h"

namespace gongshu::registry {

// Lets SQLite keep its files in an io::Files, so that tests can fail each operation and pull the plug.
// Lives:   longer than every connection that uses it.
// Threads: as SQLite asks; its files are used by one connection only (locking_mode=exclusive), so locks are not made.
// Bounds:  none.  Disk: whatever SQLite writes; new files get mode 0600.
class SqliteVfs {
public:
    virtual ~SqliteVfs() = default;
    virtual const std::string& name() const = 0;  // for `vfs=` of a connection
    // A sync of the database, its log or journal failed since the start: what is on the disk is unknown.
    virtual bool sync_failed() const = 0;
};

// `main`: path of the database; what SQLite puts beside it begins with it too.
Result<std::unique_ptr<SqliteVfs>> make_sqlite_vfs(io::Files& files, std::string main);

}  // namespace gongshu::registry
