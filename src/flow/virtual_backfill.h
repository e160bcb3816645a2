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
// Disk:    none of its own: after a restart those that were under way are not there any more, and may be begun again.
class Backfills {
public:
    explicit Backfills(const FlowParts& parts);
    ~Backfills();

    Result<VirtualBackfill> begin(TenantId tenant, std::string_view name, const Window& window, std::string_view by);
    std::vector<VirtualBackfill> list(TenantId tenant) const;
    Result<VirtualBackfill> cancel(TenantId tenant, std::string_view id);

private:
    struct Job;
    struct State;
    static void submit(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job);
    static void work(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job);
    static Result<bool> step(const State& state, Job& job);

    const std::shared_ptr<State> state_;
};

}  // namespace gongshu::flow
