#include "flow/virtual_engine.h"

#include <algorithm>
#include <cctype>

#include "base/log.h"
#include "flow/scope.h"
#include "flow/virtual_backfill.h"
#include "flow/virtual_past.h"
#include "flow/virtual_preview.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kAhead = 15 * kMinute;  // readings may be a little in the future
constexpr DurationNs kCatchUpMax = kDay;     // so far before the newest input a restart goes back at most
constexpr std::size_t kTagsMax = 200'000;    // looked through at the start
constexpr DurationNs kCountsEvery = 10 * kSecond;

// The uid in "v:uid" and "v:uid@device".
std::string uid_of_source(std::string_view source) {
    source.remove_prefix(2);
    return std::string(source.substr(0, source.find('@')));
}

}  // namespace

VirtualEngine::VirtualEngine(const FlowParts& parts, Strand& strand)
    : parts_(parts),
      strand_(strand),
      dropped_(parts.metrics.counter("gongshu_flow_dropped_rows_total", "Rows lost to rules because a queue was full")),
      places_(parts.metrics.gauge("gongshu_flow_virtual_tags", "Virtual tags times devices that are computed")) {
    Metrics& metrics = parts_.metrics;
    const VirtualLane::Numbers numbers{
        metrics.counter("gongshu_flow_virtual_rows_total", "Values that virtual tags gave"),
        metrics.counter("gongshu_flow_virtual_late_rows_total", "Readings that came too late for a virtual tag"),
        metrics.counter("gongshu_flow_virtual_lost_rows_total", "Values of virtual tags that could not be kept")};
    const VirtualLane::Outside outside{
        [this](std::size_t lane, Rows rows) { forward(lane, std::move(rows)); },
        [this](std::size_t lane, InstanceId of, TimeNs time) {
            on_lane(lane, [of, time](VirtualLane& there) { there.want(of, time); });
        },
        [this](std::size_t lane, InstanceId to, InstanceId of, TimeNs mark) {
            on_lane(lane, [to, of, mark](VirtualLane& there) { there.mark(to, of, mark); });
        },
        [this](InstanceId of, TimeNs given) { strand_.enqueue([this, of, given] { begins(of, given); }); },
        [this] { strand_.enqueue([this] { clock_went_back(); }); }};
    for (io::Loop* loop : parts_.lanes)
        lanes_.push_back(std::make_unique<VirtualLane>(*loop, parts_.clock, parts_.sink, numbers, outside));
    backfills_ = std::make_unique<Backfills>(parts_);
}

VirtualEngine::~VirtualEngine() = default;

void VirtualEngine::on_lane(std::size_t lane, std::function<void(VirtualLane&)> job) {
    parts_.lanes[lane]->post([this, lane, job = std::move(job)] { job(*lanes_[lane]); });
}

void VirtualEngine::on_rows(ShardId shard, const Rows& rows) {
    if (any_) lanes_[lane_of(shard)]->take(rows);
}

void VirtualEngine::on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) {
    if (any_) lanes_[lane_of(shard)]->take_tuples(tuples, begin, end);
}

void VirtualEngine::on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) {
    if (any_) lanes_[lane_of(shard)]->take_columns(columns, begin, end);
}

void VirtualEngine::forward(std::size_t lane, Rows rows) {
    const std::size_t count = rows.size();
    if (forwarded_.fetch_add(count) + count > Flow::kForwardedRowsMax) {
        forwarded_ -= count;
        dropped_.add(count);
        return;
    }
    const auto shared = std::make_shared<Rows>(std::move(rows));
    on_lane(lane, [this, shared](VirtualLane& there) {
        there.take_forwarded(*shared);
        forwarded_ -= shared->size();
    });
}

// ---- on the strand

void VirtualEngine::start() {
    for (const auto& [tenant, name] : parts_.registry.tenants()) {
        backfills_->load(tenant);
        for (const TagInfo& tag : parts_.tags.match(tenant, "**", kTagsMax))
            if (tag.key.source.starts_with("v:")) owned_[{tenant, tag.key.source}] = tag.id;
        std::set<std::string> uids;
        for (const auto& one : parts_.registry.list_shared(tenant, "virtual_tag")) {
            uids.insert(one->uid);
            plan_tag({tenant, one->name});
        }
        // Deleted just before the program ended.
        std::set<std::string> gone;
        for (const auto& [source, id] : owned_)
            if (source.first == tenant && !uids.contains(uid_of_source(source.second)))
                gone.insert(uid_of_source(source.second));
        for (const std::string& uid : gone) leave_places(tenant, uid, {});
    }
    started_ = true;
    tell_counts();
}

void VirtualEngine::on_new_tags(const std::vector<TagInfo>& tags) {
    std::set<Name> names;
    for (const TagInfo& tag : tags) {
        if (waiting_.empty()) return;
        if (const auto found = waiting_.find({tag.key.tenant, tag.path}); found != waiting_.end())
            names.insert(found->second.begin(), found->second.end());
    }
    plan_again(names);
}

void VirtualEngine::plan_again(const std::set<Name>& names) {
    for (const Name& name : names) strand_.enqueue([this, name] { plan_tag(name); });
}

void VirtualEngine::on_change(const registry::Change& change) {
    const registry::Resource& resource = change.resource;
    const TenantId tenant = resource.tenant;
    const auto all = [&] {
        for (const auto& one : parts_.registry.list_shared(tenant, "virtual_tag")) plan_tag({tenant, one->name});
    };
    static constexpr std::string_view kNamed[] = {"device", "device_type", "site", "tag_alias", "calendar"};
    if (std::ranges::find(kNamed, resource.kind) != std::end(kNamed)) return all();
    if (resource.kind != "virtual_tag") return;
    const Name name{tenant, resource.name};
    if (change.what != registry::Change::What::deleted) {
        plan_tag(name);
    } else {
        forget_waiting(name);
        tell_states(name, {});
        std::string present;
        for (const auto& one : parts_.registry.list_shared(tenant, "virtual_tag"))
            if (one->uid == resource.uid) present = one->name;
        if (!present.empty()) {
            plan_tag({tenant, present});  // it has another name now, and keeps its values
        } else {
            retire_others(tenant, resource.uid, {});
            own_places(resource);
            leave_places(tenant, resource.uid, {});
            return all();  // those that read it stop
        }
    }
    // What could not run because of it.
    plan_again(stopped_);
}

// Brings what runs into line with one virtual tag as it is now configured.
void VirtualEngine::plan_tag(const Name& name) {
    forget_waiting(name);
    const auto resource = parts_.registry.find(name.first, "virtual_tag", name.second);
    if (!resource) return tell_states(name, {});
    const auto spec = registry::spec_of<VirtualTagSpec>(*resource);
    if (!spec) {
        log_error("flow", "virtual tag {} cannot run: {}", resource->name, spec.error().text());
        return tell_states(name,
                           {{.name = resource->name, .why_en = spec.error().text(), .why_zh = spec.error().text()}});
    }
    const auto places = virtual_places(parts_.registry, name.first, resource->name, *spec);
    std::set<std::string> covered;
    std::set<PlanKey> wanted;
    std::vector<VirtualState> states;
    for (const VirtualPlace& at : places) {
        covered.insert(virtual_source(resource->uid, at.device_uid));
        if (!spec->enabled) continue;
        VirtualState state{.name = resource->name, .device = at.device, .path = at.path};
        std::string why_zh;
        auto plan = make_virtual_plan(parts_.registry, parts_.tags, *resource, *spec, at, why_zh);
        Result<void> fine;
        if (!plan) fine = plan.error();
        if (plan) {
            owned_[{name.first, virtual_source(resource->uid, at.device_uid)}] = (*plan)->out;
            if (const auto cycle = cycle_of(**plan)) {
                why_zh = "虚拟点位不能读取自己：" + *cycle;
                fine = Error{Code::invalid, "a virtual tag cannot read itself: {}", *cycle};
            }
        }
        if (fine) {
            for (const VirtualInput& input : (*plan)->inputs)
                if (!input.id || input.is_elsewhere) wait_for(name, input.path);
            wanted.insert((*plan)->key);
            state.runs = place(std::move(*plan), name, {});
            if (!state.runs) {
                why_zh = fmt::format("虚拟点位乘设备超过 {} 个", kPlacesMax);
                fine = Error{Code::limit, "there are more than {} virtual tags times devices", kPlacesMax};
            }
        } else {
            for (const std::string& path : paths_named(*spec, at)) wait_for(name, path);
        }
        if (!fine) {
            state.waits = fine.error().code() == Code::unavailable;
            state.why_en = fine.error().text();
            state.why_zh = why_zh.empty() ? state.why_en : why_zh;
            if (!state.waits)
                log_warning("flow", "virtual tag {} cannot run for {}: {}", name.second, at.path, state.why_en);
        }
        states.push_back(std::move(state));
    }
    retire_others(name.first, resource->uid, wanted);
    leave_places(name.first, resource->uid, covered);
    tell_states(name, std::move(states));
}

// Whether it would, by way of what runs, read itself.
std::optional<std::string> VirtualEngine::cycle_of(const VirtualPlan& plan) const {
    std::set<PlanKey> visited;
    std::vector<std::pair<const VirtualPlan*, std::size_t>> way{{&plan, 0}};
    while (!way.empty()) {
        auto& [at, next] = way.back();
        if (next == at->inputs.size()) {
            way.pop_back();
            continue;
        }
        const TagId input = at->inputs[next++].id;
        if (!input) continue;
        if (input == plan.out) {
            std::string text;
            for (const auto& [one, unused] : way) text += one->path + " → ";
            return text + plan.path;
        }
        const auto producer = producers_.find(input);
        if (producer == producers_.end() || !visited.insert(producer->second).second) continue;
        way.emplace_back(installed_.at(producer->second).plan.get(), 0);
    }
    return std::nullopt;
}

// False if there is no room for it.
bool VirtualEngine::place(std::shared_ptr<const VirtualPlan> plan, const Name& name, const Begin& begin, bool anew) {
    std::string logic = plan->logic();
    const auto found = installed_.find(plan->key);
    std::optional<Installed> old;
    if (found != installed_.end()) {
        Installed& there = found->second;
        if (there.logic == logic && !anew) {
            there.plan = plan;
            on_lane(there.lane, [id = there.id, plan](VirtualLane& lane) { lane.show(id, plan); });
            return true;
        }
        if (!there.began) {
            again_.insert(name);
            return true;
        }
        old = there;
    } else if (installed_.size() >= kPlacesMax) {
        return false;
    }
    const auto first = std::ranges::find_if(plan->inputs, [](const VirtualInput& input) { return bool(input.id); });
    const TagId home = first == plan->inputs.end() ? plan->out : first->id;
    Installed fresh{InstanceId{next_id_++}, lane_of(home), plan, std::move(logic), begin};
    if (!old) fresh.begin.restarted = !started_;
    if (old) {
        remove_ways(*old);
        keys_.erase(old->id);
    }
    ++unsettled_;
    any_ = true;
    installed_.insert_or_assign(plan->key, fresh);
    keys_[fresh.id] = plan->key;
    const bool renewed = old && (old->plan->unit != plan->unit || old->plan->type != plan->type);
    producers_[plan->out] = plan->key;
    for (const VirtualInput& input : plan->inputs)
        if (input.id) consumers_[input.id].insert(plan->key);
    places_.set(static_cast<double>(installed_.size()));
    open(fresh, std::move(old));
    open_gates(fresh);
    // Who waits for this tag, or reads it in another unit.
    std::set<Name> others;
    if (const auto waiters = waiting_.find({name.first, plan->path}); waiters != waiting_.end())
        others.insert(waiters->second.begin(), waiters->second.end());
    if (renewed)
        for (const PlanKey& key : consumers_[plan->out])
            if (const auto reader = installed_.find(key); reader != installed_.end())
                others.emplace(key.tenant, reader->second.plan->name);
    others.erase(name);
    plan_again(others);
    return true;
}

// Its rows begin to be kept on its lane, then on the others; what was before it ends and is in the store; only then
// the past is read, so that no row is missed between.
void VirtualEngine::open(const Installed& fresh, std::optional<Installed> old) {
    struct Opening {
        std::atomic<std::size_t> left = 1;
        std::optional<TimeNs> given;
    };
    const auto opening = std::make_shared<Opening>();
    const auto one_done = [this, fresh, opening] {
        if (--opening->left > 0) return;
        strand_.enqueue([this, fresh, given = opening->given]() mutable {
            const auto found = installed_.find(fresh.plan->key);
            if (found == installed_.end() || found->second.id != fresh.id) return;
            if (given) found->second.begin.after = given;
            refill(found->second);
        });
    };
    on_lane(fresh.lane, [fresh](VirtualLane& lane) { lane.prepare(fresh.id, fresh.plan); });
    for (const VirtualInput& input : fresh.plan->inputs) {
        const std::size_t from = lane_of(input.id);
        if (!input.id || from == fresh.lane) continue;
        ++opening->left;
        on_lane(from, [id = input.id, to = fresh.lane, one_done](VirtualLane& lane) {
            lane.add_way(id, to);
            one_done();
        });
    }
    if (old) {
        ++opening->left;
        on_lane(old->lane, [id = old->id, opening, one_done](VirtualLane& lane) {
            lane.remove(id, [opening, one_done](std::optional<TimeNs> given) {
                opening->given = given;
                one_done();
            });
        });
    }
    on_lane(fresh.lane, [one_done](VirtualLane&) { one_done(); });
}

// It waits for the virtual tags that it reads, and those that read it for it.
void VirtualEngine::open_gates(const Installed& fresh) {
    for (const VirtualInput& input : fresh.plan->inputs) {
        const auto producer = producers_.find(input.id);
        if (!input.id || producer == producers_.end()) continue;
        const Installed& of = installed_.at(producer->second);
        const VirtualLane::Gate gate{of.lane, of.id};
        on_lane(fresh.lane, [id = fresh.id, tag = input.id, gate](VirtualLane& lane) { lane.set_gate(id, tag, gate); });
        on_lane(of.lane, [id = of.id, to = fresh.lane, dependent = fresh.id](VirtualLane& lane) {
            lane.add_dependent(id, to, dependent);
        });
    }
    const auto readers = consumers_.find(fresh.plan->out);
    if (readers == consumers_.end()) return;
    for (const PlanKey& key : readers->second) {
        const auto reader = installed_.find(key);
        if (reader == installed_.end()) continue;
        const Installed& to = reader->second;
        const VirtualLane::Gate gate{fresh.lane, fresh.id};
        on_lane(to.lane,
                [id = to.id, tag = fresh.plan->out, gate](VirtualLane& lane) { lane.set_gate(id, tag, gate); });
        on_lane(fresh.lane, [id = fresh.id, lane_of_it = to.lane, dependent = to.id](VirtualLane& lane) {
            lane.add_dependent(id, lane_of_it, dependent);
        });
    }
}

void VirtualEngine::refill(const Installed& fresh) {
    const VirtualPlan& plan = *fresh.plan;
    const TimeNs now = parts_.clock.now();
    TimeNs until = now - plan.lateness;
    TimeNs newest_input = INT64_MIN;
    for (const VirtualInput& input : plan.inputs) {
        if (!input.id) continue;
        if (const auto last = parts_.reader.last(input.id)) newest_input = std::max(newest_input, last->time);
        const auto producer = producers_.find(input.id);
        if (producer == producers_.end()) continue;
        const Installed& of = installed_.at(producer->second);
        if (!of.began) {
            blocked_.insert(plan.key);
            return;
        }
        // Its rows come into the store in their order: up to the newest one all are there.
        const auto newest = parts_.reader.last(input.id);
        until = std::min(until, newest ? std::max(of.given, newest->time) : of.given);
    }
    const auto last = parts_.reader.last(plan.out);
    TimeNs skip = now - plan.lateness;  // begins now, with what it would be by now
    bool with_last = true;
    if (fresh.begin.after) {
        skip = *fresh.begin.after;
        with_last = false;
    } else if (fresh.begin.restarted && last) {
        skip = last->time;
        with_last = false;
        if (newest_input != INT64_MIN) skip = std::max(skip, std::min(newest_input, now) - kCatchUpMax);
    } else if (const auto resource = parts_.registry.find(plan.key.tenant, "virtual_tag", plan.name);
               fresh.begin.restarted && resource && newest_input != INT64_MIN) {
        // Its first values may not have reached the store: as it would have begun when it was last changed.
        const TimeNs since = std::max(resource->updated - plan.lateness, std::min(newest_input, now) - kCatchUpMax);
        skip = std::min(skip, since);
    }
    if (fresh.begin.at_most) skip = std::min(skip, *fresh.begin.at_most - plan.lateness);
    auto run = std::make_shared<std::unique_ptr<VirtualRun>>(std::make_unique<VirtualRun>(fresh.plan, skip));
    const auto past = std::make_shared<Rows>();
    const TimeNs begin = std::min(skip, until);
    Replay replay{parts_.reader, **run, {begin, until, now + kAhead}, [&](Rows& rows) -> Result<void> {
                      for (std::size_t i = 0; i < rows.size(); ++i)
                          if (!past->full(rows.type(i) == ValueType::text ? rows.text(i).size() : 0))
                              past->add_row(rows, i);
                      return {};
                  }};
    if (const auto filled = replay.finish(); !filled) {
        log_warning("flow", "virtual tag {} begins without its past: {}", plan.path, filled.error().text());
        *run = std::make_unique<VirtualRun>(fresh.plan, skip);
        past->clear();
    }
    if (const auto skipped = (*run)->take_skipped();
        with_last && skipped && skipped->quality.usable() && (!last || last->time < skipped->time)) {
        Rows all;
        all.add(*skipped);
        for (std::size_t i = 0; i < past->size() && !all.full(Rows::kTextBytesMax / 2); ++i) all.add_row(*past, i);
        *past = std::move(all);
    }
    on_lane(fresh.lane,
            [id = fresh.id, run, past](VirtualLane& lane) { lane.adopt(id, std::move(*run), std::move(*past)); });
}

void VirtualEngine::begins(InstanceId id, TimeNs given) {
    const auto key = keys_.find(id);
    if (key == keys_.end()) return;
    Installed& it = installed_.at(key->second);
    if (it.began) return;
    it.began = true;
    it.given = given;
    --unsettled_;
    plan_again(std::exchange(again_, {}));
    for (const PlanKey& other : std::exchange(blocked_, {}))
        if (const auto found = installed_.find(other); found != installed_.end()) refill(found->second);
}

void VirtualEngine::remove_ways(const Installed& gone) {
    for (const VirtualInput& input : gone.plan->inputs) {
        if (!input.id) continue;
        if (const auto readers = consumers_.find(input.id); readers != consumers_.end()) {
            readers->second.erase(gone.plan->key);
            if (readers->second.empty()) consumers_.erase(readers);
        }
        if (const auto producer = producers_.find(input.id); producer != producers_.end()) {
            const Installed& of = installed_.at(producer->second);
            on_lane(of.lane,
                    [id = of.id, dependent = gone.id](VirtualLane& lane) { lane.drop_dependent(id, dependent); });
        }
        const std::size_t from = lane_of(input.id);
        if (from != gone.lane)
            on_lane(from, [id = input.id, to = gone.lane](VirtualLane& lane) { lane.remove_way(id, to); });
    }
}

void VirtualEngine::retire(PlanKey key) {
    const auto found = installed_.find(key);
    const Installed gone = found->second;
    remove_ways(gone);
    installed_.erase(found);
    keys_.erase(gone.id);
    blocked_.erase(key);
    if (!gone.began) --unsettled_;
    if (const auto own = producers_.find(gone.plan->out); own != producers_.end() && own->second == key)
        producers_.erase(own);
    on_lane(gone.lane, [id = gone.id](VirtualLane& lane) { lane.remove(id, [](std::optional<TimeNs>) {}); });
    // Who reads it need not wait for it any more.
    if (const auto readers = consumers_.find(gone.plan->out); readers != consumers_.end())
        for (const PlanKey& reader : readers->second) {
            const auto to = installed_.find(reader);
            if (to == installed_.end()) continue;
            on_lane(to->second.lane,
                    [id = to->second.id, tag = gone.plan->out](VirtualLane& lane) { lane.drop_gate(id, tag); });
            if (blocked_.erase(reader))
                strand_.enqueue([this, reader] {
                    if (const auto one = installed_.find(reader); one != installed_.end() && !one->second.began)
                        refill(one->second);
                });
        }
    places_.set(static_cast<double>(installed_.size()));
}

void VirtualEngine::retire_others(TenantId tenant, const std::string& uid, const std::set<PlanKey>& wanted) {
    std::vector<PlanKey> gone;
    for (auto at = installed_.lower_bound({tenant, uid, ""});
         at != installed_.end() && at->first.tenant == tenant && at->first.rule_uid == uid; ++at)
        if (!wanted.contains(at->first)) gone.push_back(at->first);
    for (const PlanKey& key : gone) retire(key);
}

// The tags of one that does not run, which nobody remembers.
void VirtualEngine::own_places(const registry::Resource& resource) {
    const auto spec = registry::spec_of<VirtualTagSpec>(resource);
    if (!spec) return;
    for (const VirtualPlace& place : virtual_places(parts_.registry, resource.tenant, resource.name, *spec)) {
        const std::string source = virtual_source(resource.uid, place.device_uid);
        const auto info = parts_.tags.find(resource.tenant, place.path);
        if (info && info->key.source == source) owned_[{resource.tenant, source}] = info->id;
    }
}

// A tag whose virtual tag is not there any more makes room; its values stay, and are found under the old name until
// another tag comes there.
void VirtualEngine::leave_places(TenantId tenant, const std::string& uid, const std::set<std::string>& covered) {
    const std::string begin = "v:" + uid;
    for (auto at = owned_.lower_bound({tenant, begin}); at != owned_.end();) {
        const auto& [of, source] = at->first;
        if (of != tenant || !source.starts_with(begin)) break;
        if (covered.contains(source)) {
            ++at;
            continue;
        }
        const auto info = parts_.tags.info(at->second);
        if (info && info->path.find(".deleted-") == std::string::npos) {
            std::string mark = source.substr(source.size() - std::min<std::size_t>(8, source.size()));
            std::ranges::transform(mark, mark.begin(),
                                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            const auto moved = parts_.tags.move_source(tenant, source, info->path + ".deleted-" + mark);
            if (!moved) log_error("flow", "{} could not make room: {}", info->path, moved.error().text());
        }
        at = owned_.erase(at);
    }
}

void VirtualEngine::wait_for(const Name& name, const std::string& path) {
    waiting_[{name.first, path}].insert(name);
    waits_for_[name].insert(path);
}

void VirtualEngine::forget_waiting(const Name& name) {
    const auto paths = waits_for_.find(name);
    if (paths == waits_for_.end()) return;
    for (const std::string& path : paths->second) {
        const auto at = waiting_.find({name.first, path});
        at->second.erase(name);
        if (at->second.empty()) waiting_.erase(at);
    }
    waits_for_.erase(paths);
}

void VirtualEngine::tell_states(const Name& name, std::vector<VirtualState> states) {
    stopped_.erase(name);
    auto all = states_.lock();
    const auto before = all->find(name);
    for (VirtualState& state : states) {
        if (!state.runs) stopped_.insert(name);
        state.since = parts_.clock.now();
        if (before == all->end()) continue;
        for (const VirtualState& old : before->second) {
            if (old.path != state.path) continue;
            state.rows = old.rows;
            state.late = old.late;
            if (old.runs == state.runs && old.why_en == state.why_en) state.since = old.since;
        }
    }
    if (!states.empty())
        all->insert_or_assign(name, std::move(states));
    else if (before != all->end())
        all->erase(before);
}

void VirtualEngine::clock_went_back() {
    const TimeNs now = parts_.clock.now();
    std::vector<std::pair<Name, std::shared_ptr<const VirtualPlan>>> all;
    for (const auto& [key, it] : installed_)
        if (it.began) all.emplace_back(Name{key.tenant, it.plan->name}, it.plan);
    for (auto& [name, plan] : all) place(std::move(plan), name, {.at_most = now}, true);
}

// Numbers of runs, brought here now and then.
void VirtualEngine::tell_counts() {
    for (std::size_t i = 0; i < lanes_.size(); ++i)
        on_lane(i, [this](VirtualLane& lane) {
            auto counts = std::make_shared<std::map<InstanceId, VirtualLane::State>>(lane.states());
            if (counts->empty()) return;
            strand_.enqueue([this, counts] {
                auto all = states_.lock();
                for (const auto& [id, count] : *counts) {
                    const auto key = keys_.find(id);
                    if (key == keys_.end()) continue;
                    const VirtualPlan& plan = *installed_.at(key->second).plan;
                    const auto of = all->find({key->second.tenant, plan.name});
                    if (of == all->end()) continue;
                    for (VirtualState& state : of->second)
                        if (state.path == plan.path) {
                            state.rows = count.rows;
                            state.late = count.dropped;
                        }
                }
            });
        });
    parts_.lanes.front()->post(
        [this] { parts_.lanes.front()->after(kCountsEvery, [this] { strand_.enqueue([this] { tell_counts(); }); }); });
}

// ---- any thread

std::vector<VirtualState> VirtualEngine::states(TenantId tenant) const {
    std::vector<VirtualState> list;
    auto all = states_.lock();
    for (auto at = all->lower_bound({tenant, ""}); at != all->end() && at->first.first == tenant; ++at)
        list.insert(list.end(), at->second.begin(), at->second.end());
    return list;
}

Result<VirtualPreview> VirtualEngine::preview(const VirtualPreviewQuestion& question) {
    const bool taken = ++previews_ <= kPreviewsMax;
    auto answer =
        taken ? preview_virtual_tag(parts_, question)
              : Result<VirtualPreview>{
                    Error{Code::limit, "{} virtual tags are being tried already; try again in a minute", kPreviewsMax}};
    --previews_;
    return answer;
}

Result<VirtualBackfill> VirtualEngine::backfill(TenantId tenant, std::string_view name, const Window& window,
                                                std::string_view by) {
    return backfills_->begin(tenant, name, window, by);
}
std::vector<VirtualBackfill> VirtualEngine::backfills(TenantId tenant) const { return backfills_->list(tenant); }
Result<VirtualBackfill> VirtualEngine::cancel_backfill(TenantId tenant, std::string_view id) {
    return backfills_->cancel(tenant, id);
}

}  // namespace gongshu::flow
