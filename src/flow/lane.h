#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/id.h"
#include "base/metrics.h"
#include "data/columns.h"
#include "flow/alarm_book.h"
#include "flow/instance.h"
#include "io/loop.h"

namespace gongshu::flow {

using InstanceId = Id<struct InstanceIdName>;

// Lane is one loop's part of Flow: the instances that live there and the ways of rows to instances.
// Threads: its loop's thread only, but forwarded().
// Bounds:  kWaitingMax readings wait for an instance that is being refilled, then the oldest go (they are in history
// and
//          mostly read back anyway); kRetriesMax events wait for a store that refuses, later ones are lost and counted.
class Lane {
public:
    static constexpr std::size_t kWaitingMax = 100'000;
    static constexpr std::size_t kRetriesMax = 10'000;
    static constexpr std::size_t kIdleShapesMax = 1 << 18;
    static constexpr DurationNs kFollowQuiet = kMinute;  // without a reading for so long a followed past is over

    struct Numbers {
        Counter &rows, &raised, &cleared, &dropped_rows, &lost_events;
    };
    // Asked by a lane; both may be called from any lane.
    struct Outside {
        std::function<void(std::vector<TagId>)> new_tags;          // seen for the first time since the start
        std::function<void(std::size_t lane, Rows rows)> forward;  // to another lane's take()
    };

    Lane(std::size_t index, io::Loop& loop, const Clock& clock, Sink& sink, AlarmBook& book, Numbers numbers,
         Outside outside);

    void take(const Rows& rows);  // of this lane's shards
    void take_tuples(const Tuples& tuples, std::size_t begin, std::size_t end);
    void take_columns(const Columns& columns, std::size_t begin, std::size_t end);
    void take_forwarded(const Rows& rows);

    // An instance is coming: its rows are kept for it.
    void prepare(InstanceId id, std::shared_ptr<const RulePlan> plan, Carried carried);
    void adopt(InstanceId id, std::unique_ptr<Instance> instance);
    void show(InstanceId id, std::shared_ptr<const RulePlan> plan);  // other texts
    // Takes it away and gives what a successor carries on with.
    Carried remove(InstanceId id);
    // Takes it away for good: its alarm is cleared because of `reason`.
    void retire(InstanceId id, std::string_view reason);
    void clear(const Alarm& alarm, std::string_view reason);
    // It went out of service or came back, or its latched alarm was acknowledged: its alarm is cleared, or raised if it
    // should be.
    void serve(InstanceId id);
    void end(const Shelf& shelf, TimeNs time, std::string_view reason);

    // Rows of `tag` go to `lane` too; counted, so each call is undone by one of the other.
    void add_way(TagId tag, std::size_t lane);
    void remove_way(TagId tag, std::size_t lane);

private:
    struct Slot {
        InstanceId id;
        std::shared_ptr<const RulePlan> plan;
        Carried carried;                     // while there is no instance
        std::unique_ptr<Instance> instance;  // null while it is being refilled
        std::deque<std::pair<std::size_t, Reading>> waiting;
        std::vector<std::pair<std::size_t, std::size_t>> batch;  // tag of the plan, row; of the rows in hand
        std::optional<TimeNs> due;
    };
    struct Way {
        std::vector<std::pair<Slot*, std::size_t>> slots;        // and which tag of its plan it is
        std::vector<std::pair<std::size_t, std::size_t>> lanes;  // and how many instances there want it
        bool seen = false;  // a row of it came here: a tag may be wanted before its first one
    };

    TimeNs now();
    void spread(const Rows& rows, bool own);
    bool is_idle(const TupleShape& shape) const;
    void remember_idle(const TupleShape& shape);
    void run_batch(Slot& slot, const Rows& rows, TimeNs now);
    // Brings the instance to where a reading of `time` belongs.
    static void go_to(Instance& instance, TimeNs time, TimeNs now, std::vector<Happened>& happened);
    void run_due();
    void schedule(Slot& slot);
    void set_timer();
    void tell(Slot& slot, std::vector<Happened>& happened);
    void serve(Slot& slot);
    void end_alarm(Instance& instance, const Happened& what);
    void log(Event event);
    void retry();

    const std::size_t index_;
    io::Loop& loop_;
    const Clock& clock_;
    Sink& sink_;
    AlarmBook& book_;
    const Numbers numbers_;
    const Outside outside_;

    // Time without jumps: where the wall clock stood, and how far monotonic time went since.
    TimeNs anchor_wall_;
    DurationNs anchor_monotonic_;
    std::unordered_map<InstanceId, std::unique_ptr<Slot>> slots_;
    std::unordered_map<TagId, Way> ways_;            // also of tags that nobody wants, so that each is new only once
    std::unordered_set<std::uint64_t> idle_shapes_;  // nobody wants any of their tags; emptied when somebody may
    std::set<std::pair<TimeNs, InstanceId>> due_;
    io::TimerId timer_;
    TimeNs timer_at_ = 0;
    std::deque<Event> retries_;
    bool retrying_ = false;
};

}  // namespace gongshu::flow
