#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/rng.h"
#include "connect/connections.h"
#include "connect/link_config.h"
#include "connect/modbus_link.h"
#include "connect/poll_plan.h"

namespace gongshu::connect {

// A command that passed all checks, on its way to the machine. `done`: what became of it, or why it was not tried.
struct WriteJob {
    std::string device_uid;
    std::string property;
    Value value;
    TimeNs expires = 0;
    std::function<void(Result<CommandResult>)> done;
};

struct SessionDeps {
    io::Loop& lane;
    Tags& tags;
    Sink& sink;
    const Reader* reader;  // may be null, see ConnectionsDeps
    TargetPolicy may_connect;
    ConnectionsOptions options;
    std::uint64_t seed;
    Metrics* metrics = nullptr;
};

// ModbusSession keeps one connection alive: off, connecting, up, backing_off. It polls by plan, one request at a time,
// turns replies into batches for Sink, marks every gap once with a bad reading, and carries commands between two polls.
// Lives:   through a shared_ptr held by Connections; its callbacks hold weak ones.
// Threads: all on its lane, except the two status calls: any.
// Bounds:  one request in flight, commands_waiting_max commands, kBatchesWaitingMax batches at the store (newer ones
// are
//          dropped and counted).
// Disk:    none.
class ModbusSession : public std::enable_shared_from_this<ModbusSession> {
public:
    static constexpr std::uint32_t kBatchesWaitingMax = 64;
    static constexpr int kTimeoutsMax = 3;  // so many in a row without any answer, and the link is taken for dead

    ModbusSession(SessionDeps deps, LinkConfig config);

    void start();
    // Keeps the link if host, port and enabled are the same.
    void reconfigure(LinkConfig config);
    void stop();
    void write(WriteJob job);

    ConnectionStatus connection_status() const;
    std::vector<DeviceStatus> device_status(TimeNs now) const;

private:
    // One property that is polled.
    struct Point {
        std::size_t device = 0;  // index into config_.devices
        const PropertyConfig* property = nullptr;
        TagId tag;                     // 0 until resolved
        Reason marked = Reason::none;  // the bad reading that stands at its end, so that it is written once an outage
        bool bad = true;
    };
    struct Poll {
        PollRequest request;
        DurationNs due = 0;
    };
    // A device that does not answer is asked less and less often, so that it does not slow down the others.
    struct Unit {
        DurationNs pause = 0;  // 0 = it answers
    };
    struct DeviceView {
        DeviceStatus status;
        DurationNs fresh_for = 0;  // a good reading older than this is stale
    };
    struct View {
        LinkState state = LinkState::off;
        TimeNs since = 0, last_error_at = 0, next_try = 0;
        std::string name, last_error;
        double latency_ms = 0;
        std::vector<DeviceView> devices;
    };

    void rebuild();
    void view_devices();
    std::shared_ptr<ModbusLink> make_link();
    void connect();
    void on_connected(Result<void> opened);
    void fail(const Error& error);
    void set_state(LinkState state, TimeNs next_try = 0);
    void set_error(const std::string& text);
    void set_device_error(std::size_t device, const std::string& text);
    void mark_restart_gaps();

    void step();
    void wait_until(DurationNs due);
    void send_poll(std::size_t index);
    void on_poll_answer(std::size_t index, Result<wire::modbus::Reply> reply);
    void on_no_answer(std::size_t index, const Error& error);
    void on_refused(std::size_t index, wire::modbus::Exception exception);
    void on_values(const PollRequest& request, const wire::modbus::Reply& reply);
    void schedule_next(Poll& poll);

    bool resolve(Point& point);
    void mark(const std::vector<std::size_t>& points, Reason reason);
    void mark_all(Reason reason);
    void append(Rows rows);
    void count_bad();

    void start_write();
    void send_write(std::uint16_t before);
    void read_back();
    void finish_write(Result<CommandResult> result);
    void refuse_writes(const Error& error);

    // Constant after construction.
    SessionDeps deps_;
    // Lane only.
    LinkConfig config_;
    Rng rng_;
    std::shared_ptr<ModbusLink> link_;
    LinkState state_ = LinkState::off;
    std::vector<Point> points_;
    std::vector<Poll> polls_;
    std::map<std::uint8_t, Unit> units_;
    std::uint64_t plan_ = 0;            // number of the plan; an answer to an older one is not used
    int attempts_ = 0;                  // of the request in flight
    std::optional<std::size_t> retry_;  // poll to send once more, before all others
    int timeouts_in_row_ = 0;
    DurationNs back_off_ = 0;
    DurationNs not_before_ = 0;  // monotonic: min_request_gap
    io::TimerId step_timer_, connect_timer_;
    bool tried_ = false, stopped_ = false;
    std::uint32_t batches_waiting_ = 0;
    std::deque<WriteJob> writes_;  // the first one is being executed while writing_
    bool writing_ = false;
    // Read from any thread.
    AtomicCounters counters_;
    mutable Guarded<View> view_;
};

}  // namespace gongshu::connect
