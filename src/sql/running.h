#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "sql/frame.h"
#include "sql/sql.h"
#include "sql/table.h"

namespace gongshu::sql {

class Link;

// Running is one statement as the server knows it; its worker runs it.
// Lives:   shared by its Query, its link and those who work on it.
// Threads: any, but `scans`: the link's serving thread alone.
// Bounds:  kPagesAhead pages wait for who reads them.
struct Running {
    static constexpr unsigned kPagesAhead = 2;
    static constexpr std::size_t kScansMax = 200;
    static constexpr unsigned kWantsMax = 8;

    Running(Question asked, QueryNumber given) : question(std::move(asked)), number(given) {}

    // Constant.
    const Question question;
    const QueryNumber number;
    Engine::Started started;  // one of the two; taken when it is called
    Engine::Described described;

    // Each ends what it says or changes nothing; callbacks are called without a lock.
    void began(std::shared_ptr<Running> self, std::shared_ptr<Link> link, Began began);
    void add(Page page);
    void end();
    void fail(Failure failure);
    void cancel();
    std::shared_ptr<Link> link() const;
    // By the link that takes it; false if it has ended already.
    bool taken_by(const std::shared_ptr<Link>& link);
    void next(Query::Next done);
    // Counts time, that in which it waits for its turn apart; a Failure when a limit of time is over.
    std::optional<Failure> tick(DurationNs passed, bool waits);

    struct State {
        bool has_begun = false, has_ended = false, is_cancelled = false;
        std::vector<Column> columns;
        std::deque<Page> pages;
        std::optional<Failure> failure;
        Query::Next waiting;
        unsigned credit = 0;  // pages that the worker may still send
        std::uint64_t rows = 0, bytes = 0, scanned = 0;
        DurationNs waited = 0, worked = 0, idle = 0, since_cancel = 0;
        std::weak_ptr<Link> link;  // whose worker runs it, or will
    };
    mutable std::mutex mutex;
    State state;

    struct OneScan {
        std::unique_ptr<Scan> scan;
        std::vector<CellType> types;
    };
    std::map<ScanNumber, OneScan> scans;
};

Failure cancelled_failure();

}  // namespace gongshu::sql
