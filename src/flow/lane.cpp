#include "flow/lane.h"

#include <algorithm>
#include <cstdlib>

#include "base/assert.h"
#include "base/log.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kJump = 2 * kSecond;  // the wall clock is off by so much: somebody set it
constexpr DurationNs kRetryAfter = kSecond;

}  // namespace

Lane::Lane(std::size_t index, io::Loop& loop, const Clock& clock, Sink& sink, AlarmBook& book, Numbers numbers,
           Outside outside)
    : index_(index),
      loop_(loop),
      clock_(clock),
      sink_(sink),
      book_(book),
      numbers_(numbers),
      outside_(std::move(outside)),
      anchor_wall_(clock.now()),
      anchor_monotonic_(clock.monotonic()) {}

TimeNs Lane::now() {
    const TimeNs wall = clock_.now(), expected = anchor_wall_ + (clock_.monotonic() - anchor_monotonic_);
    const DurationNs jump = wall - expected;
    if (std::abs(jump) <= kJump) return expected;
    log_warning("flow", "the clock was set by {:.3f} s: ages of readings, holds and silences stay as they were",
                static_cast<double>(jump) / 1e9);
    anchor_wall_ = wall;
    anchor_monotonic_ = clock_.monotonic();
    due_.clear();
    for (auto& [id, slot] : slots_) {
        slot->due.reset();
        if (!slot->instance) continue;
        slot->instance->shift(jump);
        schedule(*slot);
    }
    return wall;
}

void Lane::take(const Rows& rows) {
    numbers_.rows.add(rows.size());
    spread(rows, true);
}

bool Lane::is_idle(const TupleShape& shape) const {
    return std::ranges::all_of(shape.tags(), [&](TagId tag) {
        const auto way = ways_.find(tag);
        return way != ways_.end() && way->second.slots.empty() && way->second.lanes.empty();
    });
}

// Only those that somebody wants, or that are new here, become rows.
void Lane::take_tuples(const Tuples& tuples, std::size_t begin, std::size_t end) {
    Rows rows;
    std::size_t idle = 0;
    for (std::size_t k = begin; k < end; ++k) {
        if (idle_shapes_.contains(tuples.shape(k).id()))
            idle += tuples.shape(k).width();
        else
            tuples.add_to(rows, k);
    }
    numbers_.rows.add(idle);
    if (rows.empty()) return;
    take(rows);
    for (std::size_t k = begin; k < end; ++k) remember_idle(tuples.shape(k));
}

void Lane::take_columns(const Columns& columns, std::size_t begin, std::size_t end) {
    Rows rows;
    std::size_t idle = 0;
    for (std::size_t k = begin; k < end; ++k) {
        if (idle_shapes_.contains(columns.block(k).shape->id()))
            idle += columns.block(k).readings();
        else
            columns.block(k).add_to(rows);
    }
    numbers_.rows.add(idle);
    if (rows.empty()) return;
    take(rows);
    for (std::size_t k = begin; k < end; ++k) remember_idle(*columns.block(k).shape);
}

void Lane::remember_idle(const TupleShape& shape) {
    if (!is_idle(shape)) return;
    if (idle_shapes_.size() >= kIdleShapesMax) idle_shapes_.clear();
    idle_shapes_.insert(shape.id());
}

void Lane::take_forwarded(const Rows& rows) { spread(rows, false); }

void Lane::spread(const Rows& rows, bool own) {
    std::vector<Slot*> touched;
    std::vector<TagId> fresh;
    std::vector<std::pair<std::size_t, Rows>> away;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto at = ways_.try_emplace(rows.tag(i)).first;
        if (own && !std::exchange(at->second.seen, true)) fresh.push_back(rows.tag(i));
        for (const auto& [slot, tag] : at->second.slots) {
            if (slot->batch.empty()) touched.push_back(slot);
            slot->batch.emplace_back(tag, i);
        }
        if (!own) continue;
        for (const auto& [lane, count] : at->second.lanes) {
            auto to = std::ranges::find(away, lane, &std::pair<std::size_t, Rows>::first);
            if (to == away.end()) to = away.insert(away.end(), {lane, {}});
            to->second.add_row(rows, i);
        }
    }
    if (!touched.empty()) {
        const TimeNs time = now();
        for (Slot* slot : touched) run_batch(*slot, rows, time);
        set_timer();
    }
    for (auto& [lane, part] : away) outside_.forward(lane, std::move(part));
    if (!fresh.empty()) outside_.new_tags(std::move(fresh));
}

void Lane::run_batch(Slot& slot, const Rows& rows, TimeNs now) {
    auto batch = std::exchange(slot.batch, {});
    if (!slot.instance) {
        for (const auto& [tag, row] : batch) {
            if (slot.waiting.size() >= kWaitingMax) {
                slot.waiting.pop_front();
                numbers_.dropped_rows.add();
            }
            slot.waiting.emplace_back(tag, rows.reading(row));
        }
        return;
    }
    std::ranges::stable_sort(batch, {}, [&](const auto& one) { return rows.time(one.second); });
    std::vector<Happened> happened;
    Instance& instance = *slot.instance;
    for (std::size_t i = 0; i < batch.size();) {
        const TimeNs time = rows.time(batch[i].second);
        go_to(instance, time, now, happened);
        for (; i < batch.size() && rows.time(batch[i].second) == time; ++i)
            instance.feed(batch[i].first, rows.reading(batch[i].second));
        instance.step(happened);
    }
    tell(slot, happened);
    schedule(slot);
    batch.clear();
    if (slot.batch.empty()) slot.batch = std::move(batch);  // keeps its memory
}

void Lane::go_to(Instance& instance, TimeNs time, TimeNs now, std::vector<Happened>& happened) {
    if (instance.may_follow(time, now)) instance.follow(time);
    if (instance.follows() && time >= now - Instance::kLongAgo) instance.catch_up();
    instance.advance(std::min(time, now), happened);
}

void Lane::schedule(Slot& slot) {
    const auto next = slot.instance->follows() ? now() + kFollowQuiet : slot.instance->next_time();
    if (next == slot.due) return;
    if (slot.due) due_.erase({*slot.due, slot.id});
    slot.due = next;
    if (next) due_.emplace(*next, slot.id);
}

void Lane::set_timer() {
    if (due_.empty()) return;
    const TimeNs at = due_.begin()->first;
    if (timer_ && timer_at_ == at) return;
    if (timer_) loop_.cancel(timer_);
    timer_at_ = at;
    timer_ = loop_.after(std::max<DurationNs>(0, at - now()), [this] {
        timer_ = {};
        run_due();
    });
}

void Lane::run_due() {
    const TimeNs time = now();
    while (!due_.empty() && due_.begin()->first <= time) {
        Slot& slot = *slots_.at(due_.begin()->second);
        std::vector<Happened> happened;
        if (slot.instance->follows()) slot.instance->catch_up();
        slot.instance->advance(time, happened);
        tell(slot, happened);
        schedule(slot);
    }
    set_timer();
}

void Lane::tell(Slot& slot, std::vector<Happened>& happened) {
    Instance& instance = *slot.instance;
    for (Happened& what : happened) {
        std::optional<Alarm>& alarm = instance.alarm();
        switch (what.change) {
            case Life::Change::none:
                break;
            case Life::Change::pending:
                log(pending_event(instance.plan(), what.time));
                break;
            case Life::Change::raised:
                if (alarm && alarm->latched) {
                    log(follow_event(*alarm, kAgain, what.time, "", ""));
                    alarm->latched.reset();
                }
                if (alarm) break;  // a restart saw it cleared and raised again: it is the same one
                if (book_.is_out_of_service(instance.plan().key)) break;
                alarm = make_alarm(instance.plan(), what.time, what.observed);
                alarm->id = book_.new_id(*alarm);
                if (what.suppressed) alarm->suppressed = what.time;
                numbers_.raised.add();
                log(raised_event(*alarm));
                break;
            case Life::Change::cleared:
                end_alarm(instance, what);
                break;
        }
        if (!alarm || alarm->suppressed.has_value() == what.suppressed) continue;
        const TimeNs time = std::max(what.time, alarm->raised);
        log(follow_event(*alarm, what.suppressed ? kSuppressed : kUnsuppressed, time, "", ""));
        alarm->suppressed = what.suppressed ? std::optional{time} : std::nullopt;
    }
}

// What raised it is over: a latched alarm that nobody acknowledged stays.
void Lane::end_alarm(Instance& instance, const Happened& what) {
    std::optional<Alarm>& alarm = instance.alarm();
    if (!alarm || alarm->latched) return;
    const TimeNs time = std::max(what.time, alarm->raised);
    if (instance.plan().spec.latched && !book_.is_acknowledged(*alarm)) {
        log(follow_event(*alarm, kLatched, time, "", what.reason));
        alarm->latched = time;
        return;
    }
    numbers_.cleared.add();
    log(follow_event(*alarm, kCleared, time, "", what.reason));
    alarm.reset();
}

void Lane::prepare(InstanceId id, std::shared_ptr<const RulePlan> plan, Carried carried) {
    auto slot = std::make_unique<Slot>();
    slot->id = id;
    slot->plan = plan;
    slot->carried = std::move(carried);
    for (std::size_t i = 0; i < plan->tags.size(); ++i)
        if (plan->tags[i].id) ways_[plan->tags[i].id].slots.emplace_back(slot.get(), i);
    idle_shapes_.clear();
    slots_.emplace(id, std::move(slot));
}

void Lane::adopt(InstanceId id, std::unique_ptr<Instance> instance) {
    const auto found = slots_.find(id);
    if (found == slots_.end()) return;  // retired meanwhile
    Slot& slot = *found->second;
    ASSERT(!slot.instance);
    slot.instance = std::move(instance);
    slot.instance->set_plan(slot.plan);
    const TimeNs time = now();
    std::vector<Happened> happened;
    if (auto settled = slot.instance->settle()) happened.push_back(std::move(*settled));
    tell(slot, happened);
    serve(slot);
    // What came while the past was read; most of it was read with it, and repeats change nothing.
    auto waiting = std::exchange(slot.waiting, {});
    std::ranges::stable_sort(waiting, {}, [](const auto& one) { return one.second.time; });
    happened.clear();
    for (const auto& [tag, reading] : waiting) {
        go_to(*slot.instance, reading.time, time, happened);
        slot.instance->feed(tag, reading);
        slot.instance->step(happened);
    }
    tell(slot, happened);
    schedule(slot);
    set_timer();
}

void Lane::show(InstanceId id, std::shared_ptr<const RulePlan> plan) {
    const auto found = slots_.find(id);
    if (found == slots_.end()) return;
    found->second->plan = plan;
    if (found->second->instance) found->second->instance->set_plan(std::move(plan));
}

Carried Lane::remove(InstanceId id) {
    const auto found = slots_.find(id);
    if (found == slots_.end()) return {};
    Slot& slot = *found->second;
    for (const PlanTag& tag : slot.plan->tags)
        if (tag.id) std::erase_if(ways_[tag.id].slots, [&](const auto& one) { return one.first == &slot; });
    if (slot.due) due_.erase({*slot.due, id});
    Carried carried = slot.instance ? slot.instance->carry() : std::move(slot.carried);
    slots_.erase(found);
    return carried;
}

void Lane::retire(InstanceId id, std::string_view reason) {
    const Carried left = remove(id);
    if (left.alarm) clear(*left.alarm, reason);
}

void Lane::clear(const Alarm& alarm, std::string_view reason) {
    numbers_.cleared.add();
    log(follow_event(alarm, kCleared, std::max(now(), alarm.raised), "", reason));
}

void Lane::serve(InstanceId id) {
    const auto found = slots_.find(id);
    if (found != slots_.end() && found->second->instance) serve(*found->second);  // else adopt() does it
}

void Lane::serve(Slot& slot) {
    Instance& instance = *slot.instance;
    std::optional<Alarm>& alarm = instance.alarm();
    if (alarm && book_.is_over(*alarm)) alarm.reset();  // it was acknowledged
    if (alarm && alarm->latched && !instance.plan().spec.latched) {
        clear(*alarm, "rule changed");
        alarm.reset();
    }
    const bool is_out = book_.is_out_of_service(instance.plan().key);
    if (is_out && alarm) {
        clear(*alarm, "out of service");
        alarm.reset();
    }
    if (is_out || alarm || !instance.active()) return;
    std::vector<Happened> happened{instance.raise_again(now())};
    tell(slot, happened);
}

void Lane::end(const Shelf& shelf, TimeNs time, std::string_view reason) {
    log(unshelved_event(shelf, time, "", reason));
}

void Lane::add_way(TagId tag, std::size_t lane) {
    idle_shapes_.clear();
    auto& lanes = ways_[tag].lanes;
    const auto found = std::ranges::find(lanes, lane, &std::pair<std::size_t, std::size_t>::first);
    if (found == lanes.end())
        lanes.emplace_back(lane, 1);
    else
        ++found->second;
}

void Lane::remove_way(TagId tag, std::size_t lane) {
    auto& lanes = ways_[tag].lanes;
    const auto found = std::ranges::find(lanes, lane, &std::pair<std::size_t, std::size_t>::first);
    if (found != lanes.end() && --found->second == 0) lanes.erase(found);
}

void Lane::log(Event event) {
    if (!retries_.empty()) {
        if (retries_.size() >= kRetriesMax) return numbers_.lost_events.add();
        retries_.push_back(std::move(event));
        return;
    }
    Event copy = event;
    sink_.append_event(
        std::move(copy), Durability::sync, [this, event = std::move(event)](Result<EventId> logged) mutable {
            if (logged) return book_.apply(event);
            log_error("flow", "cannot keep {} of {}: {}", event.kind, event.subject, logged.error().text());
            if (event.kind == kPending) return;  // the readings tell it too
            if (retries_.size() >= kRetriesMax) return numbers_.lost_events.add();
            retries_.push_back(std::move(event));
            retry();
        });
}

void Lane::retry() {
    if (retrying_) return;
    retrying_ = true;
    loop_.after(kRetryAfter, [this] {
        retrying_ = false;
        for (Event& event : std::exchange(retries_, {})) log(std::move(event));
    });
}

}  // namespace gongshu::flow
