#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "connect/connections.h"
#include "connect/link_config.h"
#include "connect/modbus_link.h"
#include "connect/poll_plan.h"

namespace gongshu::connect {

// One try of a connection beside the running session: opens a link, reads everything once, reports, closes. Stores
// nothing. Lives:   keeps itself alive until `done` was called. Threads: its lane's. Bounds:  kRequestsMax requests,
// kDurationMax altogether; what is left out is said in the last step.
class LinkTestRun : public std::enable_shared_from_this<LinkTestRun> {
public:
    static constexpr std::size_t kRequestsMax = 200;
    static constexpr DurationNs kDurationMax = 15 * kSecond;

    LinkTestRun(io::Loop& lane, TargetPolicy may_connect, LinkConfig config,
                std::function<void(Result<TestReport>)> done);
    void start();

private:
    void step();
    void on_reply(const PollRequest& request, Result<wire::modbus::Reply> reply, DurationNs sent);
    void add_step(std::string what, bool ok, std::string detail, DurationNs began);
    void finish();

    io::Loop& lane_;
    const TargetPolicy may_connect_;
    const LinkConfig config_;
    std::function<void(Result<TestReport>)> done_;
    std::shared_ptr<ModbusLink> link_;
    std::shared_ptr<LinkTestRun> self_;  // until finish()
    std::vector<std::pair<const DeviceConfig*, const PropertyConfig*>> properties_;
    std::deque<PollRequest> waiting_;
    std::size_t asked_ = 0;
    DurationNs began_ = 0;
    AtomicCounters counters_;
    TestReport report_;
};

}  // namespace gongshu::connect
