#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/rng.h"
#include "connect/connections.h"
#include "connect/driver.h"
#include "connect/link_config.h"
#include "connect/poll_link.h"

namespace gongshu::connect {

class DtuDoor;

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
    std::shared_ptr<DtuDoor> dtus;  // of the same lane; null: none can dial in
    std::string tenant;             // its name
};

// PollSession keeps one connection alive, whatever it speaks: off, connecting or waiting, up, backing_off. It polls by
// plan, one exchange at a time, turns answers into batches for Sink, marks every gap once with a bad reading, and
// carries commands between two polls.
// Lives:   through a shared_ptr held by Connections; its callbacks hold weak ones. Threads: all on its lane, except the
//          two status calls: any.
// Bounds:  one exchange in flight, commands_waiting_max commands, kBatchesWaitingMax batches at the store (newer ones
//          are dropped and counted).
// Disk:    none.
class PollSession : public std::enable_shared_from_this<PollSession> {
public:
    static constexpr std::uint32_t kBatchesWaitingMax = 64;
    // So many in a row without any answer, one of each unit among them, and the link is taken for dead.
    static constexpr int kTimeoutsMax = 3;
    // No answer comes later than so many time-outs.
    static constexpr int kLateTimeouts = 5;
    // So long after the start a DTU that has not dialled in is a gap; so long without a byte of it, heartbeats too, its
    // link is taken for dead.
    // A machine whose clock is further ahead, or was never set, is not asked for its time: ours is taken,
    // uncertain:clock.
    static constexpr DurationNs kClockAheadMax = 10 * kSecond;
    static constexpr TimeNs kClockIsSet = 1'577'836'800 * kSecond;  // 2020
    static constexpr DurationNs kDialGrace = 30 * kSecond;
    static constexpr DurationNs kDialSilence = 5 * kMinute;

    PollSession(SessionDeps deps, LinkConfig config);

    void start();
    // Keeps the link if what it is opened by (LinkConfig::same_link) is the same.
    void reconfigure(LinkConfig config);
    void stop();
    // The same for a connection that is there no longer: its tags end with bad:stopped.
    void end();
    void write(WriteJob job);
    // What somebody else gets who uses the line: the link to a DTU (null if none has dialled in, or of another kind), and
    // how long it must say nothing, because answers may still come.
    struct Paused {
        std::unique_ptr<io::Stream> stream;
        DurationNs quiet_for = 0;
    };
    // Lets somebody else use the line until resume(), as soon as the exchange in flight is done; a link that is not a
    // DTU's is closed. Commands that wait are refused. `paused` is called once; Code::conflict: it is in use so already.
    void pause(std::function<void(Result<Paused>)> paused);
    // `is_owed`: answers to what the other one asked may still come.
    void resume(std::unique_ptr<io::Stream> stream, bool is_owed);

    ConnectionStatus connection_status() const;
    std::vector<DeviceStatus> device_status(TimeNs now) const;

private:
    // What is known of one point of the plan.
    struct PointState {
        std::size_t device = 0;        // index into the devices of config_
        TagId tag;                     // 0 until resolved
        Reason marked = Reason::none;  // the bad reading that stands at its end, so that it is written once an outage
        // Where a machine's own times are taken: that of the newest row, 0 = none had one; and of the newest that we gave
        // ourselves, which no older time of the machine may come after.
        TimeNs newest = 0, barrier = 0;
        bool bad = true;
        bool faulty = false;  // cannot be asked for
    };
    struct Turn {
        Poll poll;
        DurationNs due = 0;
    };
    // A device that does not answer is asked less and less often, so that it does not slow down the others.
    //
    // Where nothing in an answer says what it answers (Driver::late()), one that comes later than the link waits for it
    // must not be taken for another one's: the unit is asked the same again until it answers, and then nothing until
    // kLateTimeouts after the last time.
    struct Unit {
        DurationNs pause = 0;         // 0 = it answers
        bool missed = false;          // a request since anybody's last answer
        std::uint32_t owed = 0;       // the poll that it has not answered; 0 = none
        int owed_times = 0;           // so often it was asked for
        DurationNs asked_at = 0;      // monotonic, the last of them
        DurationNs silent_until = 0;  // monotonic: it is asked nothing before
    };
    // What the link is busy with.
    struct Asked {
        std::uint32_t unit = 0;
        std::uint32_t poll = 0;  // 0 = a command
    };
    struct DeviceView {
        DeviceStatus status;
        DurationNs fresh_for = 0;  // a good reading older than this is stale
    };
    struct View {
        LinkState state = LinkState::off;
        TimeNs since = 0, last_error_at = 0, next_try = 0;
        std::string name, protocol, last_error;
        double latency_ms = 0;
        std::vector<DeviceView> devices;
    };

    void rebuild();
    void view_devices();
    void mark_faults();
    std::shared_ptr<PollLink> make_link();
    void connect();
    void on_connected(Result<void> opened);
    void fail(const Error& error);
    void expect_first_word();
    void on_no_first_word();
    void await_dial();
    void on_dialled(std::unique_ptr<io::Stream> stream);
    void adopt(std::unique_ptr<io::Stream> stream);
    void end_claim();
    void hold_all();
    bool begin_pause();
    void set_state(LinkState state, TimeNs next_try = 0);
    void set_error(const std::string& text);
    void set_device_error(std::size_t device, const std::string& text);
    void mark_restart_gaps();

    void step();
    void wait_until(DurationNs due);
    void send_poll(std::size_t index);
    void on_poll_answer(std::size_t index, Result<Outcome> outcome);
    void on_no_answer(std::size_t index, const Error& error);
    void on_refused(std::size_t index, const Outcome& outcome);
    void on_readings(std::vector<PointReading> readings, bool is_heard = false);
    static TimeNs own_time(PointState& point, TimeNs now);
    static TimeNs take_time(PointState& point, PointReading& got, TimeNs now);
    void unit_answered(std::uint32_t unit);
    void schedule_next(Turn& turn);
    bool seems_dead() const;
    DurationNs due_of(const Turn& turn) const;
    void owe();
    void on_late_answer();
    void on_paid(Unit& unit);
    bool is_free(const WriteJob& job) const;
    void refuse_expired();

    const PropertyConfig& property_of(std::size_t point) const { return *set_->points[point].property; }
    bool resolve(std::size_t point);
    void mark(const std::vector<std::size_t>& points, Reason reason);
    void mark_all(Reason reason);
    void append(Rows rows, std::vector<std::size_t> marks = {}, bool is_heard = false);
    void say_again_later();
    void count_bad();

    void start_write();
    void send_write(const DeviceConfig& device, const PropertyConfig& property);
    void on_ended(const Result<Outcome>& outcome);
    void on_written(Result<Outcome> outcome, bool begun);
    void read_back();
    void finish_write(Result<CommandResult> result);
    void refuse_writes(const Error& error);

    // Constant after construction.
    SessionDeps deps_;
    // Lane only.
    std::shared_ptr<const LinkConfig> config_;
    Rng rng_;
    std::unique_ptr<Driver> driver_;
    std::shared_ptr<PollLink> link_;
    LinkState state_ = LinkState::off;
    std::shared_ptr<const PointSet> set_;
    std::vector<PointState> points_;  // of set_
    std::vector<PointFault> faults_;
    std::set<std::size_t> listens_;   // devices that speak without being asked
    std::vector<std::size_t> heard_;  // points that do
    std::vector<Turn> turns_;
    std::map<std::uint32_t, Unit> units_;
    std::uint64_t plan_ = 0;      // number of the plan; an answer to an older one is not used
    int attempts_ = 0;            // of the request in flight
    std::optional<Asked> asked_;  // while one is
    std::uint32_t last_asked_unit_ = 0;
    std::optional<std::size_t> retry_;  // poll to send once more, before all others
    int timeouts_in_row_ = 0;
    DurationNs back_off_ = 0;
    DurationNs not_before_ = 0;  // monotonic: min_request_gap
    DurationNs down_since_ = 0;  // monotonic, of the outage that was logged; 0 = none
    io::TimerId step_timer_, connect_timer_, say_again_timer_, first_word_timer_;
    bool tried_ = false, stopped_ = false;
    bool claimed_ = false;  // the registration packet of its DTU
    bool paused_ = false;
    std::function<void(Result<Paused>)> pausing_;
    std::unique_ptr<io::Stream> dialled_;  // while it was paused
    std::uint32_t batches_waiting_ = 0;
    std::deque<WriteJob> writes_;  // the first one is being executed while writing_
    bool writing_ = false;
    // Read from any thread.
    AtomicCounters counters_;
    mutable Guarded<View> view_;
};

}  // namespace gongshu::connect
