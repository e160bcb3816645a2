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
#include <thread>

#include "io/channel.h"
#include "sql/engine.h"
#include "sql/running.h"

namespace gongshu::sql {

// How many threads of links there are, for who has to wait until there are none.
class Presence {
public:
    void come() {
        const std::lock_guard lock{mutex_};
        ++count_;
    }
    void go() {
        const std::lock_guard lock{mutex_};
        --count_;
        changed_.notify_all();
    }
    void wait_for_none() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return count_ == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

// What a link needs of its engine, which waits for all of them.
struct LinkParts {
    const Clock& clock;
    const std::map<std::string, std::unique_ptr<Table>, std::less<>>& tables;
    const EngineOptions& options;
    Counter& crashes;
    Presence& presence;
    // Gives a statement that waited for its turn to another link. Without locks.
    std::function<void(const std::shared_ptr<Running>&, bool describe_only)> hand_on;
};

// Link is one worker process and the statements that it runs.
// Lives:   from the first statement of a tenant until its process ends: it crashed, it was idle, or stop(). Its threads
//          and its statements hold it.
// Threads: two of its own: one starts the process, reads what it says and watches the clock; the other writes to it and
//          reads tables for it, so that a worker that does not listen stops nobody else. All calls from any.
// Bounds:  statements by EngineOptions; what waits to be written by the statements' credits. A worker that has used
// half
//          of its processor time takes no statement any more, hands on those that wait and ends with those that it
//          runs.
// Disk:    none.
class Link : public std::enable_shared_from_this<Link> {
public:
    explicit Link(LinkParts parts) : parts_(parts) {}
    void start();
    void stop();  // ends the process; its statements fail

    // False if it has ended, or is about to: then it takes nothing any more.
    bool submit(const std::shared_ptr<Running>& running, bool describe_only);
    std::size_t running() const;  // with those that wait for their turn
    bool is_over() const { return over_; }

    void ask_more(Running& running);
    void cancel(Running& running);

private:
    using Work = std::function<void()>;

    void read_loop();
    Result<void> read_until_end();
    Result<void> take(ToServer message);
    void on_ready(const Ready& ready);
    void watch();
    void end(const std::string& why);
    void serve_loop();
    void later(Work work, bool first);
    void write(const ToWorker& message);
    std::shared_ptr<Running> find(QueryNumber number) const;
    void forget(QueryNumber number);
    void give_turns();
    void retire();
    void begin(const std::shared_ptr<Running>& running, bool describe_only);
    void open(const std::shared_ptr<Running>& running, const Open& open);
    Result<void> open_scan(Running& running, const Open& open);
    void serve(const std::shared_ptr<Running>& running, ScanNumber number);

    const LinkParts parts_;
    std::atomic<bool> over_ = false, stopping_ = false;
    // The reading thread only.
    std::unique_ptr<io::Process> process_;
    Framer framer_;
    DurationNs watched_ = 0, started_ = 0, idle_since_ = 0;
    std::string ended_for_;  // why we ended it, "" = nothing went wrong
    // Shared.
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::unique_ptr<io::Channel> channel_;
    bool ready_ = false;
    bool retired_ = false;  // takes nothing any more, and ends with what it runs
    std::deque<Work> first_, work_;
    std::map<QueryNumber, std::shared_ptr<Running>> running_;
    std::map<QueryNumber, DurationNs> cancelled_;  // how long ago, of those that have not ended since
    std::deque<std::pair<std::shared_ptr<Running>, bool>>
        waiting_;  // of running_, those that the worker knows nothing of
};

}  // namespace gongshu::sql
