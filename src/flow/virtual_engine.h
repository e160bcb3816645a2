#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "flow/flow.h"
#include "flow/strand.h"
#include "flow/virtual_lane.h"
#include "flow/virtual_tags.h"

namespace gongshu::flow {

class Backfills;

// VirtualEngine brings what runs into line with how virtual tags are configured: it compiles them, gives each a lane,
// and fills it from the store: up to where its own tag stands, so that a restart leaves no gap.
// Lives:   inside Flow, which tells it of rows, new tags and changes.
// Threads: on_rows() on the lane that owns the shard; what is said to be of the strand as its jobs; the rest any.
// Bounds:  VirtualTags; kForwardedRowsMax rows wait between lanes, later ones are dropped and counted.
class VirtualEngine final : public VirtualTags {
public:
    VirtualEngine(const FlowParts& parts, Strand& strand);
    ~VirtualEngine() override;

    void on_rows(ShardId shard, const Rows& rows);
    void on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end);
    void on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end);
    bool ready() const { return unsettled_ == 0; }

    // ---- jobs of the strand
    void start();
    void on_new_tags(const std::vector<TagInfo>& tags);
    void on_change(const registry::Change& change);

    std::vector<VirtualState> states(TenantId tenant) const override;
    Result<VirtualPreview> preview(const VirtualPreviewQuestion& question) override;
    Result<VirtualBackfill> backfill(TenantId tenant, std::string_view name, const Window& window,
                                     std::string_view by) override;
    std::vector<VirtualBackfill> backfills(TenantId tenant) const override;
    Result<VirtualBackfill> cancel_backfill(TenantId tenant, std::string_view id) override;

private:
    using Name = std::pair<TenantId, std::string>;
    // What a run begins with.
    struct Begin {
        bool restarted = false;         // goes on behind the last value that is stored
        std::optional<TimeNs> after;    // goes on behind this
        std::optional<TimeNs> at_most;  // but not behind this: the clock was set back
    };
    struct Installed {
        InstanceId id;
        std::size_t lane = 0;
        std::shared_ptr<const VirtualPlan> plan;
        std::string logic;
        Begin begin;
        bool began = false;  // its past is in the store; until then changes wait
        TimeNs given = INT64_MIN;
    };

    std::size_t lane_of(ShardId shard) const { return shard.value % lanes_.size(); }
    std::size_t lane_of(TagId tag) const { return lane_of(shard_of(tag)); }
    void on_lane(std::size_t lane, std::function<void(VirtualLane&)> job);
    void forward(std::size_t lane, Rows rows);

    void plan_again(const std::set<Name>& names);
    void plan_tag(const Name& name);
    std::optional<std::string> cycle_of(const VirtualPlan& plan) const;
    bool place(std::shared_ptr<const VirtualPlan> plan, const Name& name, const Begin& begin, bool anew = false);
    void open(const Installed& fresh, std::optional<Installed> old);
    void refill(const Installed& fresh);
    void begins(InstanceId id, TimeNs given);
    void open_gates(const Installed& fresh);
    void retire(PlanKey key);
    void retire_others(TenantId tenant, const std::string& uid, const std::set<PlanKey>& wanted);
    void own_places(const registry::Resource& resource);
    void leave_places(TenantId tenant, const std::string& uid, const std::set<std::string>& covered);
    void remove_ways(const Installed& gone);
    void wait_for(const Name& name, const std::string& path);
    void forget_waiting(const Name& name);
    void tell_states(const Name& name, std::vector<VirtualState> states);
    void clock_went_back();
    void tell_counts();

    // Constant after construction.
    const FlowParts& parts_;
    Strand& strand_;
    Counter& dropped_;
    Gauge& places_;
    std::vector<std::unique_ptr<VirtualLane>> lanes_;
    std::unique_ptr<Backfills> backfills_;
    // Any thread.
    std::atomic<std::size_t> forwarded_ = 0;
    std::atomic<std::size_t> unsettled_ = 0;
    std::atomic<int> previews_ = 0;
    std::atomic<bool> any_ = false;
    mutable Guarded<std::map<Name, std::vector<VirtualState>>> states_;
    // The strand's jobs only.
    bool started_ = false;
    std::map<PlanKey, Installed> installed_;
    std::map<InstanceId, PlanKey> keys_;
    std::map<TagId, PlanKey> producers_;                                  // who gives a tag
    std::map<TagId, std::set<PlanKey>> consumers_;                        // who reads a tag
    std::set<PlanKey> blocked_;                                           // wait for another to begin
    std::map<std::pair<TenantId, std::string>, std::set<Name>> waiting_;  // paths where no tag is yet
    std::map<Name, std::set<std::string>> waits_for_;
    std::map<std::pair<TenantId, std::string>, TagId> owned_;  // tags by their source
    std::set<Name> again_;                                     // changed while they were being set up
    std::set<Name> stopped_;
    std::uint64_t next_id_ = 1;
};

}  // namespace gongshu::flow
