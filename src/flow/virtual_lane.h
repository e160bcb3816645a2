#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "data/columns.h"
#include "data/sink.h"
#include "flow/lane.h"
#include "flow/virtual_run.h"
#include "io/loop.h"

namespace gongshu::flow {

// VirtualLane is one loop's part of the virtual tags: the runs that live there, the ways of rows to them, and the rows
// that they give, on their way into the store.
// A virtual tag that reads another waits for it: it goes no further than the mark up to which the other has given all
// and the store has it, so that it makes no difference on which lanes they are or how long the store takes.
// Threads: its loop's thread only.
// Bounds:  kWaitingMax readings wait for a run that is being filled, then the oldest go; kOutboxMax rows wait for a
//          store that refuses, later ones are lost and counted (a restart computes them again).
class VirtualLane {
public:
    static constexpr std::size_t kWaitingMax = 100'000;
    static constexpr std::size_t kOutboxMax = 500'000;
    static constexpr std::size_t kRowsAtOnce = 50'000;

    struct Numbers {
        Counter &rows, &late_rows, &lost_rows;
    };
    // Asked by a lane; may be called from any lane.
    struct Outside {
        std::function<void(std::size_t lane, Rows rows)> forward;                               // take_forwarded()
        std::function<void(std::size_t lane, InstanceId of, TimeNs time)> want;                 // want()
        std::function<void(std::size_t lane, InstanceId to, InstanceId of, TimeNs mark)> mark;  // mark()
        std::function<void(InstanceId of, TimeNs given)> began;  // its past is in the store
        std::function<void()> clock_went_back;
    };
    // Another virtual tag that a run reads.
    struct Gate {
        std::size_t lane = 0;
        InstanceId of;
        TimeNs mark = INT64_MIN;   // all up to here is there
        TimeNs asked = INT64_MIN;  // that far was asked for
    };

    VirtualLane(io::Loop& loop, const Clock& clock, Sink& sink, Numbers numbers, Outside outside);

    void take(const Rows& rows);
    void take_tuples(const Tuples& tuples, std::size_t begin, std::size_t end);
    void take_columns(const Columns& columns, std::size_t begin, std::size_t end);
    void take_forwarded(const Rows& rows) { spread(rows, false); }

    // A run is coming: its rows are kept for it.
    void prepare(InstanceId id, std::shared_ptr<const VirtualPlan> plan);
    // With what it gave for the past; its gates stand as they were set.
    void adopt(InstanceId id, std::unique_ptr<VirtualRun> run, Rows past);
    void show(InstanceId id, std::shared_ptr<const VirtualPlan> plan);  // other texts
    // Takes it away; `then` hears up to where it had given all, if it ran, once that is in the store.
    void remove(InstanceId id, std::function<void(std::optional<TimeNs> given)> then);

    void set_gate(InstanceId id, TagId tag, Gate gate);  // keeps the mark there was
    void drop_gate(InstanceId id, TagId tag);
    void add_dependent(InstanceId id, std::size_t lane, InstanceId dependent);
    void drop_dependent(InstanceId id, InstanceId dependent);
    void want(InstanceId id, TimeNs time);
    void mark(InstanceId id, InstanceId of, TimeNs mark);

    void add_way(TagId tag, std::size_t lane);
    void remove_way(TagId tag, std::size_t lane);

    struct State {
        std::uint64_t dropped = 0, rows = 0;
        TimeNs decided = 0;
        bool runs = false;
    };
    std::map<InstanceId, State> states() const;

private:
    struct Slot {
        InstanceId id;
        std::shared_ptr<const VirtualPlan> plan;
        std::unique_ptr<VirtualRun> run;  // null while it is being filled
        std::deque<std::pair<std::size_t, Reading>> waiting;
        std::map<TagId, Gate> gates;
        std::vector<std::pair<std::size_t, InstanceId>> dependents;  // and their lanes
        TimeNs wanted = INT64_MIN;                                   // a dependent waits for that mark
        TimeNs told = INT64_MIN;                                     // the mark that dependents know
        bool new_dependent = false;
        bool begins = false;  // its past is on the way
        bool touched = false;
        std::uint64_t rows = 0, dropped = 0;
        std::optional<TimeNs> due;
    };
    struct Way {
        std::vector<std::pair<Slot*, std::size_t>> slots;        // and which input of its plan it is
        std::vector<std::pair<std::size_t, std::size_t>> lanes;  // and how many runs there want it
    };
    struct Mark {
        InstanceId id;
        TimeNs time;
        bool begins;
        std::function<void()> then = {};
    };

    TimeNs now();
    void spread(const Rows& rows, bool own);
    void drive(Slot& slot, TimeNs now);
    void ask(Slot& slot, TimeNs now);
    void note_mark(Slot& slot);
    void schedule(Slot& slot, TimeNs now);
    void set_timer();
    void run_due();
    void flush();
    void send(std::shared_ptr<const Rows> rows, std::vector<Mark> marks);
    void tell(const std::vector<Mark>& marks);
    Slot* find(InstanceId id);

    io::Loop& loop_;
    const Clock& clock_;
    Sink& sink_;
    const Numbers numbers_;
    const Outside outside_;

    TimeNs newest_now_ = INT64_MIN;
    std::unordered_map<InstanceId, std::unique_ptr<Slot>> slots_;
    std::unordered_map<TagId, Way> ways_;
    std::set<std::pair<TimeNs, InstanceId>> due_;
    io::TimerId timer_;
    TimeNs timer_at_ = 0;
    Rows outbox_;
    std::vector<Mark> marks_;  // good once the outbox is in the store
    bool sending_ = false;
    bool stalled_ = false;  // some run stands still because the outbox is full
};

}  // namespace gongshu::flow
