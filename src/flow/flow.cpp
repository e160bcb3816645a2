#include "flow/flow.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "base/guarded.h"
#include "base/log.h"
#include "flow/interval_recorder.h"
#include "flow/lane.h"
#include "flow/past.h"
#include "flow/rehearse.h"
#include "flow/scope.h"
#include "flow/strand.h"
#include "flow/virtual_engine.h"

namespace gongshu::flow {
namespace {

// Where one instance is.
struct Installed {
    InstanceId id;
    std::size_t lane = 0;
    std::shared_ptr<const RulePlan> plan;
    std::string logic;
    bool settled = false;  // its lane runs it; until then changes of its rule wait
};

using RuleName = std::pair<TenantId, std::string>;

class FlowImpl final : public Flow {
public:
    explicit FlowImpl(FlowParts parts)
        : parts_(std::move(parts)),
          book_(parts_.sink, parts_.tags, parts_.clock),
          dropped_(
              parts_.metrics.counter("gongshu_flow_dropped_rows_total", "Rows lost to rules because a queue was full")),
          instances_(parts_.metrics.gauge("gongshu_flow_instances", "Rules times devices that run")),
          virtual_(parts_, strand_),
          strand_(parts_.pool, *parts_.lanes.front()),
          recorder_(parts_) {
        for (std::size_t i = 0; i < parts_.lanes.size(); ++i) lanes_.push_back(make_lane(i));
        book_.on_shelf([this](const Shelf& shelf) { on_shelf(shelf); });
        book_.on_over([this](const Alarm& alarm) {
            strand_.enqueue([this, key = PlanKey{alarm.tenant, alarm.rule_uid, alarm.device_uid}] {
                if (const auto found = installed_.find(key); found != installed_.end()) serve(found->second);
            });
        });
    }

    ~FlowImpl() override {
        if (subscription_) parts_.registry.unsubscribe(subscription_);
    }

    void on_rows(ShardId shard, const Rows& rows) override {
        lanes_[lane_of(shard)]->take(rows);
        virtual_.on_rows(shard, rows);
    }
    void on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) override {
        lanes_[lane_of(shard)]->take_tuples(tuples, begin, end);
        virtual_.on_tuples(shard, tuples, begin, end);
    }
    void on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) override {
        lanes_[lane_of(shard)]->take_columns(columns, begin, end);
        virtual_.on_columns(shard, columns, begin, end);
    }
    Alarms& alarms() override { return book_; }
    VirtualTags& virtual_tags() override { return virtual_; }
    std::vector<StoppedRule> stopped(TenantId tenant) const override {
        std::vector<StoppedRule> list;
        auto all = stopped_.lock();
        for (auto at = all->lower_bound({tenant, ""}); at != all->end() && at->first.first == tenant; ++at)
            list.push_back(at->second);
        return list;
    }
    bool ready() const override { return started_ && unsettled_ == 0 && virtual_.ready() && strand_.idle(); }

    Result<void> start() override {
        for (const auto& [tenant, name] : parts_.registry.tenants()) TRY(recall(tenant));
        subscription_ = parts_.registry.subscribe([this](const registry::Change& change) { on_change(change); });
        for (const auto& [tenant, name] : parts_.registry.tenants())
            for (const std::string_view kind : {"device", "rule"})
                for (const auto& named : parts_.registry.list_shared(tenant, kind))
                    book_.name(tenant, named->uid, named->name);
        strand_.enqueue([this] {
            virtual_.start();  // before the rules, which may read them
            for (const auto& [tenant, name] : parts_.registry.tenants())
                for (const auto& rule : parts_.registry.list_shared(tenant, "rule")) plan_rule({tenant, rule->name});
            for (const auto& [key, carried] : recalled_)
                if (carried.alarm) clear_stray(*carried.alarm);
            recalled_.clear();
            for (const auto& [tenant, name] : parts_.registry.tenants()) end_stray_shelves(tenant);
            parts_.lanes.front()->post([this] {
                watch_shelves();
                recorder_.start();
            });
            started_ = true;
        });
        return {};
    }

    void check(CheckQuestion question, std::function<void(CheckAnswer)> done) override {
        const auto asked = std::make_shared<std::pair<CheckQuestion, std::function<void(CheckAnswer)>>>(
            std::move(question), std::move(done));
        const bool taken =
            parts_.pool.submit([parts = parts_, asked] { asked->second(answer_check(parts, asked->first)); });
        if (!taken) {
            const expr::ExprError busy{.text = "the server is too busy to check this now; try again",
                                       .expected = "a little time"};
            asked->second({.error = busy});
        }
    }

    Result<RehearseAnswer> rehearse(const RehearseQuestion& question) override {
        const bool taken = ++rehearsals_ <= kRehearsalsMax;
        auto answer = taken ? flow::rehearse(parts_, question)
                            : Result<RehearseAnswer>{Error{
                                  Code::limit, "{} rules are being tried over the past already; try again in a minute",
                                  kRehearsalsMax}};
        --rehearsals_;
        return answer;
    }

private:
    std::size_t lane_of(ShardId shard) const { return shard.value % lanes_.size(); }
    std::size_t lane_of(TagId tag) const { return lane_of(shard_of(tag)); }

    std::unique_ptr<Lane> make_lane(std::size_t index) {
        Metrics& metrics = parts_.metrics;
        const Lane::Numbers numbers{
            metrics.counter("gongshu_flow_rows_total", "Rows that met the rules"),
            metrics.counter("gongshu_flow_alarms_raised_total", "Alarms raised"),
            metrics.counter("gongshu_flow_alarms_cleared_total", "Alarms cleared"),
            dropped_,
            metrics.counter("gongshu_flow_lost_events_total", "Alarm events that could not be kept"),
        };
        return std::make_unique<Lane>(
            index, *parts_.lanes[index], parts_.clock, parts_.sink, book_, numbers,
            Lane::Outside{[this](std::vector<TagId> tags) { on_new_tags(std::move(tags)); },
                          [this](std::size_t lane, Rows rows) { forward(lane, std::move(rows)); }});
    }

    void forward(std::size_t lane, Rows rows) {
        const std::size_t count = rows.size();
        if (forwarded_.fetch_add(count) + count > kForwardedRowsMax) {
            forwarded_ -= count;
            dropped_.add(count);
            return;
        }
        const auto shared = std::make_shared<Rows>(std::move(rows));
        parts_.lanes[lane]->post([this, lane, shared] {
            lanes_[lane]->take_forwarded(*shared);
            forwarded_ -= shared->size();
        });
    }

    // ---- from any lane or thread: what may change plans goes to the strand

    void on_new_tags(std::vector<TagId> tags) {
        strand_.enqueue([this, tags = std::move(tags)] {
            std::set<RuleName> rules;
            std::vector<TagInfo> infos;
            for (const TagId tag : tags) {
                const auto info = parts_.tags.info(tag);
                if (!info) continue;
                infos.push_back(*info);
                if (const auto found = waiting_.find({info->key.tenant, info->path}); found != waiting_.end())
                    rules.insert(found->second.begin(), found->second.end());
            }
            for (const RuleName& rule : rules) plan_rule(rule);
            virtual_.on_new_tags(infos);
        });
    }

    void on_change(const registry::Change& change) {
        const registry::Resource& resource = change.resource;
        const bool deleted = change.what == registry::Change::What::deleted;
        if ((resource.kind == "device" || resource.kind == "rule") && !deleted)
            book_.name(resource.tenant, resource.uid, resource.name);
        if (resource.kind == "virtual_tag" || resource.kind == "device") recorder_.changed();
        if (resource.kind == "virtual_tag") {
            strand_.enqueue([this, change] {
                virtual_.on_change(change);
                // Rules may name it, or the device where it came or went.
                const TenantId tenant = change.resource.tenant;
                for (const auto& rule : parts_.registry.list_shared(tenant, "rule")) plan_rule({tenant, rule->name});
            });
            return;
        }
        if (resource.kind == "rule") {
            strand_.enqueue([this, tenant = resource.tenant, name = resource.name, uid = resource.uid, deleted] {
                if (!deleted) return plan_rule({tenant, name});
                forget_waiting({tenant, name});
                tell_stopped({tenant, name}, {});
                if (const auto rule = rule_of(tenant, name, uid))
                    plan_rule({tenant, rule->name});  // it has another name now, and keeps its alarms
                else
                    retire_others(tenant, uid, {}, "rule deleted");
                end_stray_shelves(tenant);
            });
            return;
        }
        static constexpr std::string_view kNamed[] = {"device", "device_type", "site", "tag_alias", "calendar"};
        if (std::ranges::find(kNamed, resource.kind) != std::end(kNamed)) {
            // All of them: a path may be of a device, or have been of one until now; a site has a time zone and a
            // calendar. Once for many changes: a sheet may bring thousands.
            if (!replanning_.lock()->insert(resource.tenant).second) return;
            strand_.enqueue([this, change, tenant = resource.tenant] {
                replanning_.lock()->erase(tenant);
                virtual_.on_change(change);
                for (const auto& rule : parts_.registry.list_shared(tenant, "rule")) plan_rule({tenant, rule->name});
                end_stray_shelves(tenant);
            });
        }
    }

    // The rule that was called `name`, by whatever name it goes now; null if it is gone.
    std::shared_ptr<const registry::Resource> rule_of(TenantId tenant, const std::string& name,
                                                      const std::string& uid) const {
        if (auto rule = parts_.registry.find(tenant, "rule", name); rule && rule->uid == uid) return rule;
        for (auto& rule : parts_.registry.list_shared(tenant, "rule"))
            if (rule->uid == uid) return rule;
        return nullptr;
    }

    void on_shelf(const Shelf& shelf) {
        if (shelf.kind == ShelfKind::shelved) return parts_.lanes.front()->post([this] { watch_shelves(); });
        strand_.enqueue([this, shelf] {
            auto at = installed_.lower_bound({shelf.tenant, shelf.rule_uid, shelf.device_uid});
            for (; at != installed_.end() && at->first.tenant == shelf.tenant; ++at) {
                if (at->first.rule_uid != shelf.rule_uid) break;
                if (!shelf.device_uid.empty() && at->first.device_uid != shelf.device_uid) break;
                serve(at->second);
            }
        });
    }

    void serve(const Installed& installed) {
        parts_.lanes[installed.lane]->post(
            [this, lane = installed.lane, id = installed.id] { lanes_[lane]->serve(id); });
    }

    // ---- on the first lane

    // Ends what was shelved until now, and looks again when the next one ends: within a minute, as somebody may set the
    // clock.
    void watch_shelves() {
        if (shelf_timer_) parts_.lanes.front()->cancel(shelf_timer_);
        shelf_timer_ = {};
        const TimeNs now = parts_.clock.now();
        for (const Shelf& shelf : book_.take_ended_shelves(now))
            lanes_.front()->end(shelf, shelf.until.value_or(now), "expired");
        if (const auto next = book_.next_shelf_end())
            shelf_timer_ = parts_.lanes.front()->after(std::clamp<DurationNs>(*next - now, 0, kMinute), [this] {
                shelf_timer_ = {};
                watch_shelves();
            });
    }

    // ---- start

    // Alarms and holds as the events of a tenant tell them.
    Result<void> recall(TenantId tenant) {
        book_.rebuild(TRY(read_alarm_events(parts_.reader, tenant)));
        for (Alarm& alarm : book_.alive()) {
            if (alarm.tenant != tenant) continue;
            Carried& carried = recalled_[{tenant, alarm.rule_uid, alarm.device_uid}];
            if (carried.alarm) clear_stray(std::exchange(*carried.alarm, alarm));  // never two of one
            carried.alarm = std::move(alarm);
        }
        for (const Pending& pending : TRY(read_pendings(parts_.reader, tenant)))
            recalled_[pending.key].pending_since = pending.since;
        return {};
    }

    // An active alarm whose rule runs no more.
    void clear_stray(const Alarm& alarm) {
        const auto rule = rule_of(alarm.tenant, alarm.rule, alarm.rule_uid);
        const auto spec = rule ? registry::spec_of<RuleSpec>(*rule) : Result<RuleSpec>(Error{Code::not_found, "none"});
        const std::string reason = !rule                    ? "rule deleted"
                                   : spec && !spec->enabled ? "rule disabled"
                                                            : "the rule no longer covers it";
        parts_.lanes.front()->post([this, alarm, reason] { lanes_.front()->clear(alarm, reason); });
    }

    // ---- on the strand

    // Brings what runs into line with one rule as it is now configured.
    void plan_rule(const RuleName& name) {
        forget_waiting(name);
        const auto rule = parts_.registry.find(name.first, "rule", name.second);
        if (!rule) return tell_stopped(name, {});
        const auto spec = registry::spec_of<RuleSpec>(*rule);
        if (!spec) {
            const std::string why = spec.error().text();
            log_error("flow", "rule {} cannot run: {}", rule->name, why);
            return tell_stopped(name, StoppedRule{.rule = rule->name, .device = "", .why_en = why, .why_zh = why});
        }
        if (!spec->enabled) {
            tell_stopped(name, {});
            return retire_others(name.first, rule->uid, {}, "rule disabled");
        }
        std::optional<StoppedRule> stopped;
        const auto stop = [&](const std::string& device, std::string en, std::string zh) {
            log_warning("flow", "rule {} cannot run{}: {}", rule->name, device.empty() ? "" : " for " + device, en);
            if (stopped)
                ++stopped->devices;
            else
                stopped = {.rule = rule->name, .device = device, .why_en = std::move(en), .why_zh = std::move(zh)};
        };
        std::set<PlanKey> wanted;
        std::optional<StoppedRule> waits;
        for (const auto& [device, uid] : devices_of(*rule, *spec)) {
            std::string why_zh;
            auto plan = make_plan(parts_.registry, parts_.tags, *rule, *spec, {device, uid}, why_zh);
            if (!plan) {
                stop(device, plan.error().text(), why_zh.empty() ? plan.error().text() : why_zh);
                continue;
            }
            for (const PlanTag& tag : (*plan)->tags)
                if (!tag.id || tag.is_elsewhere) {
                    waiting_[{name.first, tag.path}].insert(name);
                    waits_for_[name].insert(tag.path);
                }
            if (!waits) waits = waits_for_unseen(**plan, device);
            wanted.insert((*plan)->key);
            if (!place(std::move(*plan), name))
                stop(device, fmt::format("there are more than {} rules times devices", kInstancesMax),
                     fmt::format("规则乘设备超过 {} 个", kInstancesMax));
        }
        retire_others(name.first, rule->uid, wanted, "the rule no longer covers it");
        tell_stopped(name, stopped ? std::move(stopped) : std::move(waits));
    }

    // It runs, but of a tag that it names nothing was ever seen.
    std::optional<StoppedRule> waits_for_unseen(const RulePlan& plan, const std::string& device) const {
        std::vector<std::string> paths;
        for (const PlanTag& tag : plan.tags) {
            if (tag.id) continue;
            const LiveScope scope{parts_.registry, parts_.tags, plan.key.tenant, device, "", Unfound::refuse};
            if (!scope.find(tag.path)) paths.push_back(tag.path);
        }
        if (paths.empty()) return std::nullopt;
        const std::string list = fmt::format("{}", fmt::join(paths, ", "));
        return StoppedRule{
            .rule = plan.rule,
            .waits = true,
            .device = device,
            .why_en = fmt::format("it waits for {}, which has never been seen; is the name right?", list),
            .why_zh = fmt::format("它在等待从未出现过的点位 {}；核对名称是否正确", list)};
    }

    // Shelves of what is no more.
    void end_stray_shelves(TenantId tenant) {
        const auto shelves = book_.shelves(tenant);
        if (shelves.empty()) return;
        std::set<std::string> rules, devices{""};
        for (const auto& rule : parts_.registry.list_shared(tenant, "rule")) rules.insert(rule->uid);
        for (const auto& device : parts_.registry.list_shared(tenant, "device")) devices.insert(device->uid);
        for (const Shelf& shelf : shelves) {
            if (rules.contains(shelf.rule_uid) && devices.contains(shelf.device_uid)) continue;
            const std::string reason = rules.contains(shelf.rule_uid) ? "device deleted" : "rule deleted";
            parts_.lanes.front()->post(
                [this, shelf, reason] { lanes_.front()->end(shelf, parts_.clock.now(), reason); });
        }
    }

    void tell_stopped(const RuleName& name, std::optional<StoppedRule> stopped) {
        auto all = stopped_.lock();
        const auto before = all->find(name);
        if (!stopped) {
            if (before != all->end()) all->erase(before);
            return;
        }
        const bool same = before != all->end() && before->second.why_en == stopped->why_en;
        stopped->since = same ? before->second.since : parts_.clock.now();
        all->insert_or_assign(name, std::move(*stopped));
    }

    // Names and uids of the devices that a rule is over; one pair of "" if it is over none.
    std::vector<std::pair<std::string, std::string>> devices_of(const registry::Resource& rule,
                                                                const RuleSpec& spec) const {
        std::vector<std::pair<std::string, std::string>> list;
        if (spec.device) {
            if (const auto device = parts_.registry.find(rule.tenant, "device", *spec.device))
                list.emplace_back(device->name, device->uid);
        } else if (spec.device_type) {
            list = devices_of_type(parts_.registry, rule.tenant, *spec.device_type);
        } else {
            list.emplace_back("", "");
        }
        return list;
    }

    void forget_waiting(const RuleName& name) {
        const auto paths = waits_for_.find(name);
        if (paths == waits_for_.end()) return;
        for (const std::string& path : paths->second) {
            const auto at = waiting_.find({name.first, path});
            at->second.erase(name);
            if (at->second.empty()) waiting_.erase(at);
        }
        waits_for_.erase(paths);
    }

    void retire_others(TenantId tenant, const std::string& rule_uid, const std::set<PlanKey>& wanted,
                       std::string_view reason) {
        auto at = installed_.lower_bound({tenant, rule_uid, ""});
        while (at != installed_.end() && at->first.tenant == tenant && at->first.rule_uid == rule_uid) {
            if (wanted.contains(at->first)) {
                ++at;
                continue;
            }
            const Installed gone = at->second;
            at = installed_.erase(at);
            remove_ways(gone);
            // Behind whatever was posted there for it, so that even one that is just being refilled is caught.
            parts_.lanes[gone.lane]->post(
                [this, gone, reason = std::string(reason)] { lanes_[gone.lane]->retire(gone.id, reason); });
        }
        instances_.set(static_cast<double>(installed_.size()));
    }

    // False if there is no room for it.
    bool place(std::shared_ptr<const RulePlan> plan, const RuleName& name) {
        const std::string logic = plan->logic();
        const auto found = installed_.find(plan->key);
        if (found != installed_.end()) {
            Installed& old = found->second;
            if (old.logic == logic) {
                old.plan = plan;
                parts_.lanes[old.lane]->post(
                    [this, id = old.id, lane = old.lane, plan] { lanes_[lane]->show(id, plan); });
                return true;
            }
            if (!old.settled) {
                again_.insert(name);
                return true;
            }
        } else if (installed_.size() >= kInstancesMax) {
            return false;
        }
        const auto first = std::ranges::find_if(plan->tags, [](const PlanTag& tag) { return bool(tag.id); });
        const Installed fresh{InstanceId{next_id_++}, first == plan->tags.end() ? 0 : lane_of(first->id), plan, logic};
        Carried recalled;
        if (const auto known = recalled_.find(plan->key); known != recalled_.end()) {
            recalled = std::move(known->second);
            recalled.restarted = true;
            recalled_.erase(known);
        } else if (!started_) {
            recalled.restarted = true;
        }
        ++unsettled_;
        if (found == installed_.end()) {
            installed_.emplace(plan->key, fresh);
            parts_.lanes[fresh.lane]->post([this, fresh, recalled = std::move(recalled)] { open(fresh, recalled); });
        } else {
            const Installed old = std::exchange(found->second, fresh);
            remove_ways(old);
            parts_.lanes[old.lane]->post([this, old, fresh] {
                Carried carried = lanes_[old.lane]->remove(old.id);
                carried.pending_since.reset();  // a hold of another condition; the past tells whether this one holds
                parts_.lanes[fresh.lane]->post([this, fresh, carried] { open(fresh, carried); });
            });
        }
        instances_.set(static_cast<double>(installed_.size()));
        return true;
    }

    void remove_ways(const Installed& gone) {
        for (const PlanTag& tag : gone.plan->tags) {
            const std::size_t from = lane_of(tag.id);
            if (tag.id && from != gone.lane)
                parts_.lanes[from]->post(
                    [this, from, to = gone.lane, id = tag.id] { lanes_[from]->remove_way(id, to); });
        }
    }

    // On the new home lane: rows begin to be kept here, then on the other lanes; only then the past is read, so that no
    // row is missed between.
    void open(const Installed& fresh, const Carried& carried) {
        lanes_[fresh.lane]->prepare(fresh.id, fresh.plan, carried);
        const auto left = std::make_shared<std::atomic<std::size_t>>(1);
        const auto one_done = [this, fresh, carried, left] {
            if (--*left == 0) strand_.enqueue([this, fresh, carried] { refill(fresh, carried); });
        };
        for (const PlanTag& tag : fresh.plan->tags) {
            const std::size_t from = lane_of(tag.id);
            if (!tag.id || from == fresh.lane) continue;
            ++*left;
            parts_.lanes[from]->post([this, from, to = fresh.lane, id = tag.id, one_done] {
                lanes_[from]->add_way(id, to);
                one_done();
            });
        }
        one_done();
    }

    void refill(const Installed& fresh, const Carried& carried) {
        const TimeNs now = parts_.clock.now();
        auto instance = std::make_shared<std::unique_ptr<Instance>>(std::make_unique<Instance>(fresh.plan, carried));
        const Past past = read_past(parts_.reader, *fresh.plan, carried.pending_since, now);
        (*instance)->replay(past.from, past.readings, now);
        parts_.lanes[fresh.lane]->post([this, fresh, instance] {
            lanes_[fresh.lane]->adopt(fresh.id, std::move(*instance));
            strand_.enqueue([this, fresh] { settle(fresh); });
        });
    }

    void settle(const Installed& fresh) {
        --unsettled_;
        const auto found = installed_.find(fresh.plan->key);
        if (found == installed_.end() || found->second.id != fresh.id) return;
        found->second.settled = true;
        for (const RuleName& name : std::exchange(again_, {})) plan_rule(name);
    }

    // Constant after construction.
    const FlowParts parts_;
    AlarmBook book_;
    Counter& dropped_;
    Gauge& instances_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::uint64_t subscription_ = 0;
    // The first lane only.
    io::TimerId shelf_timer_;
    // Any thread.
    std::atomic<std::size_t> forwarded_ = 0;
    std::atomic<std::size_t> unsettled_ = 0;
    std::atomic<int> rehearsals_ = 0;
    std::atomic<bool> started_ = false;
    Guarded<std::set<TenantId>> replanning_;  // all of whose rules wait to be planned
    mutable Guarded<std::map<RuleName, StoppedRule>> stopped_;
    // The strand's jobs only (recalled_: start() before them).
    std::map<PlanKey, Installed> installed_;
    std::map<PlanKey, Carried> recalled_;
    std::map<std::pair<TenantId, std::string>, std::set<RuleName>> waiting_;  // paths where no tag is yet
    std::map<RuleName, std::set<std::string>> waits_for_;
    std::set<RuleName> again_;  // changed while they were being set up
    std::uint64_t next_id_ = 1;
    VirtualEngine virtual_;
    Strand strand_;  // after what its jobs need: destroyed before it
    IntervalRecorder recorder_;
};

}  // namespace

Result<std::unique_ptr<Flow>> Flow::create(FlowParts parts) {
    if (parts.lanes.empty()) return Error{Code::invalid, "flow needs at least one lane"};
    return std::unique_ptr<Flow>(std::make_unique<FlowImpl>(std::move(parts)));
}

}  // namespace gongshu::flow
