#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "flow/flow.h"
#include "flow/virtual_tags.h"

namespace gongshu::flow {

// Backfills makes past values of virtual tags anew, a piece at a time on the pool, so that others come in between.
// Lives:   inside VirtualEngine. Destroying it leaves what is under way where it is.
// Threads: any.
// Bounds:  VirtualTags::kBackfillsMax at once; of each, what one Replay holds.
// Disk:    events virtual.past: one before anything is changed, one at the end. One without an end was interrupted:
// what
//          it took away and had not made yet is missing until it is made again, which load() tells.
class Backfills {
public:
    explicit Backfills(const FlowParts& parts);
    ~Backfills();

    // What the events tell of those before the start. Blocks; before begin().
    void load(TenantId tenant);
    Result<VirtualBackfill> begin(TenantId tenant, std::string_view name, const Window& window, std::string_view by);
    std::vector<VirtualBackfill> list(TenantId tenant) const;
    Result<VirtualBackfill> cancel(TenantId tenant, std::string_view id);

private:
    struct Job;
    struct State;
    static Result<void> check_holds(const FlowParts& parts, const Job& job, const Window& window);
    static void remember(const std::shared_ptr<State>& state, const VirtualBackfill& told);
    static Result<bool> clear(const FlowParts& parts, Job& job);
    static void submit(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job);
    static void work(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job);
    static Result<bool> step(const State& state, Job& job);

    const std::shared_ptr<State> state_;
};

}  // namespace gongshu::flow
