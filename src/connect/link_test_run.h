#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "connect/connections.h"
#include "connect/driver.h"
#include "connect/link_config.h"
#include "connect/poll_link.h"

namespace gongshu::connect {

// One try of a connection: opens a link, or goes on over the stream of a DTU, reads everything once, reports. Stores
// nothing. Lives:   keeps itself alive until `done` was called. Threads: its lane's. Bounds:  kPollsMax polls,
// kDurationMax altogether; what is left out is said in the last step.
class LinkTestRun : public std::enable_shared_from_this<LinkTestRun> {
public:
    static constexpr std::size_t kPollsMax = 200;
    static constexpr DurationNs kDurationMax = 15 * kSecond;
    // So long who speaks by itself is listened to.
    static constexpr DurationNs kListenMax = 8 * kSecond;
    static constexpr int kFaultsMax = 5;  // told one by one

    // Gets the stream of a DTU back if it is still open, else null; other links are closed by then.
    // `is_owed`: answers to what was asked may still come.
    using Done = std::function<void(Result<TestReport>, std::unique_ptr<io::Stream>, bool is_owed)>;

    LinkTestRun(io::Loop& lane, TargetPolicy may_connect, LinkConfig config, Done done);
    // `stream`: of the DTU; null: it has not dialled in, or the link is opened here.
    // `quiet_for`: nothing is asked before.
    void start(std::unique_ptr<io::Stream> stream, DurationNs quiet_for = 0);

private:
    void on_opened(Result<void> opened);
    void step();
    void skip_silent_units();
    void ask(const Poll& poll, DurationNs began);
    void on_outcome(const Poll& poll, Result<Outcome> outcome, DurationNs began);
    void go_on();
    void wait(DurationNs time);
    void on_heard(std::vector<PointReading> readings);
    void listen();
    void add_reading(PointReading reading);
    void add_bad(std::size_t point, Reason reason);
    void add_step(std::string what, bool ok, std::string detail, DurationNs began);
    void finish();

    io::Loop& lane_;
    const TargetPolicy may_connect_;
    const std::shared_ptr<const LinkConfig> config_;
    Done done_;
    const std::unique_ptr<Driver> driver_;
    std::shared_ptr<PollLink> link_;
    std::shared_ptr<LinkTestRun> self_;  // until finish()
    std::shared_ptr<const PointSet> set_;
    std::deque<Poll> waiting_;
    std::set<std::uint32_t> silent_units_;  // that have not answered
    int attempts_ = 0;                      // of the poll in flight
    int owed_ = 0;                          // of these, without an answer so far
    std::set<std::size_t> unheard_;         // points that are listened for
    std::map<std::size_t, std::size_t> value_of_;  // of a point, in the report
    int faults_ = 0;                        // of what was heard
    io::TimerId listening_, waiting_out_;
    std::optional<Poll> again_;  // to be asked once more
    DurationNs asked_at_ = 0;    // the poll in flight, for the first time
    std::size_t asked_ = 0;
    DurationNs began_ = 0, quiet_for_ = 0;
    AtomicCounters counters_;
    TestReport report_;
};

}  // namespace gongshu::connect
