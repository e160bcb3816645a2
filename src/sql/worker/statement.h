#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "io/named_file.h"
#include "sql/frame.h"
#include "sql/sql.h"
#include "sql/worker/duck.h"
#include "sql/worker/plan.h"

namespace gongshu::sql {

// Files that statements write as they are answered: a name for the library, a pipe for who reads. Any thread.
class Outputs {
public:
    static constexpr std::size_t kOutputs = 4;  // as many statements at once
    Outputs() = default;
    // Before the sandbox, which then takes files().
    Result<void> make();
    std::vector<const io::NamedFile*> files() const;
    // One that nobody uses; nullptr if all are used.
    io::NamedPipe* take();
    void give_back(io::NamedPipe* pipe);

private:
    std::vector<std::unique_ptr<io::NamedPipe>> all_;
    Guarded<std::vector<io::NamedPipe*>> free_;
};

// Statement is one statement that the worker runs: on a thread of its own, over a connection of its own.
// Lives:   from Start until it has sent Ended or Failed and its thread is done.
// Threads: run() on its thread; open(), take() and close_scan() on DuckDB's; the rest on the worker's reading thread.
// Bounds:  a page at a time per More; kScanAhead batches of a scan wait.
// Disk:    none.
class Statement {
public:
    static constexpr unsigned kScanAhead = 3;
    using Send = std::function<void(const ToServer&)>;

    // `is_ours`: the text is not of who asks but our own, and may read what tables are not.
    Statement(duck::Database database, Outputs& outputs, Start start, bool is_ours, Send send);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    duck::idx connection_id() const { return connection_id_; }
    void run();

    void more();
    void cancel();
    void on_rows(ScanRows rows);
    void on_failed(ScanFailed failed);

    // What DuckDB's threads call while they read a table.
    ScanNumber open(Open open);
    // The next batch; nullopt at its end. Waits. A Failure is kept as the statement's.
    Outcome<std::optional<Page>> take(ScanNumber scan);
    void close_scan(ScanNumber scan);
    // What makes the statement fail, told before by one of ours: better than what DuckDB makes of it.
    void keep_failure(Failure failure);
    const Start& question() const { return start_; }
    const std::vector<Bounds>& bounds() const { return plan_.bounds; }

private:
    struct Scan {
        std::deque<Page> batches;
        bool last = false;
        std::optional<Failure> failure;
    };

    Outcome<void> enter_zone();
    Outcome<void> plan();
    Outcome<std::optional<TimeNs>> evaluate_time(const Json& expression);
    Outcome<std::optional<TimeNs>> again();
    Outcome<void> begin();
    std::optional<std::string> written_out(const Json& expression);
    Outcome<void> prepare(const std::string& text);
    Outcome<void> bind(duck::Prepared prepared);
    Outcome<void> execute();
    Outcome<void> describe_with_values(std::vector<bool>& plain);
    Outcome<void> send_rows(duck::Result& result, bool in_plan);
    Outcome<void> run_prepared(duck::Result& result, bool in_plan);
    Outcome<void> send_plan();
    Outcome<void> send_parquet();
    Outcome<void> send_file(io::NamedPipe& pipe);
    Outcome<std::string> one_text(const std::string& text, const std::vector<Cell>& parameters);
    Failure failure_of(const char* told, bool in_plan) const;
    bool wait_for_credit();
    bool is_cancelled() const { return cancelled_; }
    static Failure cancelled_failure();

    // Constant.
    const duck::Database database_;
    Outputs& outputs_;
    const bool explains_;  // it begins with EXPLAIN, which is blank in start_
    const Start start_;
    const bool is_ours_;
    const Send send_;
    duck::Connection connection_ = nullptr;
    duck::idx connection_id_ = 0;
    // Its own thread only.
    Plan plan_;
    Json tree_;
    duck::Prepared prepared_ = nullptr;
    Began began_;
    // Any.
    std::atomic<bool> cancelled_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned credit_ = 0;
    std::map<ScanNumber, Scan> scans_;
    ScanNumber next_scan_ = 1;
    std::optional<Failure> own_failure_;
};

}  // namespace gongshu::sql
