#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "sql/frame.h"
#include "sql/worker/duck.h"
#include "sql/worker/statement.h"

namespace gongshu::sql {

// Where the tables and functions lie whose times have a zone (Question::zoned); the others lie in main.
inline constexpr const char* kZonedSchema = "public";

// The statements that run, by their number and by their connection. Any thread.
class Statements {
public:
    void add(QueryNumber number, std::shared_ptr<Statement> statement);
    void remove(QueryNumber number);
    std::shared_ptr<Statement> find(QueryNumber number) const;
    std::shared_ptr<Statement> of_connection(duck::idx connection) const;

private:
    mutable std::mutex mutex_;
    std::map<QueryNumber, std::shared_ptr<Statement>> all_;
};

// Makes what statements read: the function history(), what stands for mentions of readings, a view a table; then locks
// the configuration. `statements` outlives the database.
// `files` can be written and read besides.
Result<void> make_tables(duck::Database database, const std::vector<TableShape>& tables,
                         const std::vector<const io::NamedFile*>& files, Statements& statements);

}  // namespace gongshu::sql
