#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "registry/auth.h"
#include "sql/cell.h"

namespace gongshu::registry {
struct Resource;
}

namespace gongshu::sql {
class Table;
}

// SQL over the history and the registry, for the doors (POST /api/v1/query, the PostgreSQL wire): who asks what, within
// which limits, gets which columns and rows. docs/guide/sql.md tells the tables.
namespace gongshu::sql {

// Who asks. Copied; the functions are called on threads of the engine, for one statement one call at a time, until
// the Query is gone, and must not block for long.
struct Asker {
    registry::Principal who;  // its tenant; tags beneath its paths only
    // May they see this resource (api/sight.h)? The role that its kind asks for is checked before. Empty: none is seen.
    std::function<bool(const registry::Resource&)> sees;
    // The decision of Egress, once for each table that a statement reads, before its first row leaves the history.
    // `what` as in Leaving: a glob of tags, "plural of a kind". Code::denied ends the statement. Empty: allowed.
    std::function<Result<void>(std::string_view what)> let_out;
};

struct Limits {
    std::uint64_t rows_max = 1'000'000;       // of the answer; a row more is Code::limit
    std::uint64_t bytes_max = 256 << 20;      // of the answer as pages
    std::uint64_t scanned_max = 100'000'000;  // rows that the statement may read from the history
    DurationNs time_max = 30 * kSecond;       // of work, from start() to the last page; waiting for a reader who does
                                              // not call next() does not count, but ends it after idle_max
    DurationNs idle_max = 2 * kMinute;
};

struct Question {
    Asker asker;
    std::string text;              // one statement; a semicolon may end it
    std::vector<Cell> parameters;  // of $1, $2, … or of each ?
    bool parquet = false;          // rows come as one file of that format: pages of one column of bytes, no rows_max
    std::string zone;              // IANA: where the days of history(every := '1d') begin unless it says; "" = UTC
    // Times have a zone, as PostgreSQL's timestamptz: columns are TIMESTAMP WITH TIME ZONE, to the microsecond, and
    // what says no offset is meant in `zone`. Else they have none, are UTC, and are exact.
    bool zoned = false;
    Limits limits;

    static constexpr std::size_t kTextBytesMax = 256 << 10;
    static constexpr std::size_t kParametersMax = 1000;
};

// Why a statement was refused or ended. The text of the error is a sentence for who wrote the statement.
struct Failure {
    Error error;
    std::uint32_t position = 0;  // where in the statement, counted in characters from 1; 0 = nowhere in particular
    std::string sqlstate;        // five characters of PostgreSQL's table: "42601" syntax, "42P01" no such table,
                                 // "57014" cancelled, "53200" memory, "XX000" the worker was lost, …
};
template <class T>
using Outcome = std::expected<T, Failure>;

// What a statement would give, without running it.
struct Description {
    std::vector<Column> columns;
    // Of $1, $2, …; nullopt where SQL does not care: any type will do. Column::name is the parameter's.
    std::vector<std::optional<CellType>> parameters;
};

// How far it came; for progress and the log.
struct Progress {
    std::uint64_t scanned = 0;  // rows read from the history
    double done = -1;           // 0 … 1 as the engine guesses; -1 = not known
};

// Query is one statement that runs.
// Lives:   from start() until it is destroyed, which cancels it; may outlive nothing but itself, the engine included
//          (then next() fails with Code::unavailable).
// Threads: any, one at a time; cancel() beside all others.
// Bounds:  pages of about kPageBytes; at most a few wait, then the engine stands still until next() is called.
class Query {
public:
    static constexpr std::size_t kPageBytes = 256 << 10;

    using Next = std::function<void(Outcome<Page>)>;
    virtual ~Query() = default;
    virtual const std::vector<Column>& columns() const = 0;
    // The next page; one without rows is the end. `done` is called exactly once, on a thread of the engine, perhaps
    // before next() returns; not called again before that. After the end or a failure: the end, or the same failure.
    virtual void next(Next done) = 0;
    // What runs ends within a second or so; next() then fails with sqlstate 57014. Fine if it has ended.
    virtual void cancel() = 0;
    virtual Progress progress() const = 0;
};

// Engine runs statements.
// Lives:   one per process; outlives the doors. Destroying it ends all that runs.
// Threads: any; no call blocks. `done` is called exactly once, on a thread of the engine or before the call returns.
// Bounds:  see EngineOptions; past them Code::limit (statements of a tenant) or Code::unavailable says so.
// Disk:    none.
class Engine {
public:
    // Ends a statement whose columns are not known yet, whether it waits for its turn or is looked at: `done` comes at
    // once with 57014, and a turn that it had goes to the next. Any thread, any number of times; afterwards as
    // Query::cancel(). May outlive the engine.
    using Cancel = std::function<void()>;
    using Started = std::function<void(Outcome<std::shared_ptr<Query>>)>;
    using Described = std::function<void(Outcome<Description>)>;
    virtual ~Engine() = default;
    // Why no statement can be run at all (the library is missing), as a sentence that says what to install.
    virtual Result<void> available() const = 0;
    // `done` comes when its columns are known and it runs. A statement that only changes nothing and tells nothing
    // (there is none yet) would have no columns.
    virtual Cancel start(Question question, Started done) = 0;
    // One table more, before the first statement.
    virtual void add_table(std::unique_ptr<Table> table) = 0;
    // Its parameters' values need not be given; those that are count (a bound of time may be one).
    virtual Cancel describe(Question question, Described done) = 0;
};

}  // namespace gongshu::sql
