#include "flow/virtual_lane.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kWentBack = 2 * kSecond;  // the wall clock did: somebody set it
constexpr DurationNs kRetryAfter = kSecond;
constexpr DurationNs kTimerMax = kMinute;  // somebody may set the clock

}  // namespace

VirtualLane::VirtualLane(io::Loop& loop, const Clock& clock, Sink& sink, Numbers numbers, Outside outside)
    : loop_(loop), clock_(clock), sink_(sink), numbers_(numbers), outside_(std::move(outside)) {}

TimeNs VirtualLane::now() {
    const TimeNs now = clock_.now();
    if (newest_now_ != INT64_MIN && now < newest_now_ - kWentBack) {
        // What was decided for times that come once more is decided again.
        newest_now_ = now;
        outside_.clock_went_back();
    }
    newest_now_ = std::max(newest_now_, now);
    return now;
}

VirtualLane::Slot* VirtualLane::find(InstanceId id) {
    const auto found = slots_.find(id);
    return found == slots_.end() ? nullptr : found->second.get();
}

void VirtualLane::take(const Rows& rows) { spread(rows, true); }

void VirtualLane::take_tuples(const Tuples& tuples, std::size_t begin, std::size_t end) {
    if (ways_.empty()) return;
    Rows rows;  // of those that a virtual tag reads
    for (std::size_t k = begin; k < end; ++k)
        if (std::ranges::any_of(tuples.shape(k).tags(), [&](TagId tag) { return ways_.contains(tag); }))
            tuples.add_to(rows, k);
    if (!rows.empty()) spread(rows, true);
}

void VirtualLane::take_columns(const Columns& columns, std::size_t begin, std::size_t end) {
    if (ways_.empty()) return;
    Rows rows;  // of those that a virtual tag reads
    for (std::size_t k = begin; k < end; ++k)
        if (std::ranges::any_of(columns.block(k).shape->tags(), [&](TagId tag) { return ways_.contains(tag); }))
            columns.block(k).add_to(rows);
    if (!rows.empty()) spread(rows, true);
}

void VirtualLane::spread(const Rows& rows, bool own) {
    if (ways_.empty()) return;
    std::vector<Slot*> touched;
    std::vector<std::pair<std::size_t, Rows>> away;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto way = ways_.find(rows.tag(i));
        if (way == ways_.end()) continue;
        for (const auto& [slot, input] : way->second.slots) {
            if (!slot->touched) touched.push_back(slot);
            slot->touched = true;
            if (!slot->run) {
                if (slot->waiting.size() >= kWaitingMax) {
                    slot->waiting.pop_front();
                    numbers_.lost_rows.add();
                }
                slot->waiting.emplace_back(input, rows.reading(i));
            } else if (!slot->run->feed(input, rows.time(i), rows.value(i), rows.quality(i))) {
                ++slot->dropped;
                numbers_.late_rows.add();
            }
        }
        if (!own) continue;
        for (const auto& [lane, count] : way->second.lanes) {
            auto to = std::ranges::find(away, lane, &std::pair<std::size_t, Rows>::first);
            if (to == away.end()) to = away.insert(away.end(), {lane, {}});
            to->second.add_row(rows, i);
        }
    }
    for (auto& [lane, part] : away) outside_.forward(lane, std::move(part));
    if (touched.empty()) return;
    const TimeNs time = now();
    for (Slot* slot : touched) {
        slot->touched = false;
        drive(*slot, time);
    }
    flush();
    set_timer();
}

// Goes as far as time and gates allow.
void VirtualLane::drive(Slot& slot, TimeNs now) {
    if (!slot.run) return;
    TimeNs until = now;
    for (const auto& [tag, gate] : slot.gates)
        until = std::min(until, gate.mark == INT64_MIN ? INT64_MIN : gate.mark + slot.plan->lateness);
    if (outbox_.size() >= kOutboxMax) {
        stalled_ = true;
        if (slot.due) due_.erase({*std::exchange(slot.due, std::nullopt), slot.id});  // all go on when there is room
        return;
    }
    if (until != INT64_MIN) {
        const std::uint64_t before = outbox_.size(), lost = slot.run->lost();
        slot.run->advance(until, outbox_);
        slot.rows += outbox_.size() - before;
        numbers_.rows.add(outbox_.size() - before);
        numbers_.lost_rows.add(slot.run->lost() - lost);
    }
    if (until < now) ask(slot, now);
    note_mark(slot);
    schedule(slot, now);
}

// Something waits for others: they are asked to come as far as it may go.
void VirtualLane::ask(Slot& slot, TimeNs now) {
    const auto due = slot.run->next_due();
    const TimeNs goal = now - slot.plan->lateness;
    TimeNs need = due && *due <= now ? goal : INT64_MIN;
    if (slot.wanted > slot.run->given()) need = std::max(need, std::min(slot.wanted, goal));
    for (auto& [tag, gate] : slot.gates) {
        if (gate.mark >= need || gate.asked > gate.mark) continue;  // it is there, or an answer is on the way
        gate.asked = need;
        outside_.want(gate.lane, gate.of, need);
    }
}

void VirtualLane::note_mark(Slot& slot) {
    const TimeNs given = slot.run->given();
    const bool tells = !slot.dependents.empty() && (given > slot.told || slot.new_dependent);
    if (!tells && !slot.begins) return;
    marks_.push_back({slot.id, given, slot.begins});
    slot.told = given;
    slot.new_dependent = slot.begins = false;
}

void VirtualLane::schedule(Slot& slot, TimeNs now) {
    std::optional<TimeNs> next;
    const auto consider = [&](TimeNs time) {
        // What is overdue waits for a gate, whose mark brings it on.
        if (time > now && (!next || time < *next)) next = time;
    };
    if (const auto due = slot.run->next_due()) consider(*due);
    if (slot.wanted > slot.run->given()) consider(slot.wanted + slot.plan->lateness);
    if (next == slot.due) return;
    if (slot.due) due_.erase({*slot.due, slot.id});
    slot.due = next;
    if (next) due_.emplace(*next, slot.id);
}

void VirtualLane::set_timer() {
    if (due_.empty()) return;
    const TimeNs at = due_.begin()->first;
    if (timer_ && timer_at_ == at) return;
    if (timer_) loop_.cancel(timer_);
    timer_at_ = at;
    timer_ = loop_.after(std::clamp<DurationNs>(at - clock_.now(), 0, kTimerMax), [this] {
        timer_ = {};
        run_due();
    });
}

void VirtualLane::run_due() {
    const TimeNs time = now();
    std::vector<InstanceId> ready;
    for (auto at = due_.begin(); at != due_.end() && at->first <= time; ++at) ready.push_back(at->second);
    for (const InstanceId id : ready)
        if (Slot* slot = find(id)) drive(*slot, time);
    flush();
    set_timer();
}

void VirtualLane::flush() {
    if (sending_) return;
    if (outbox_.empty()) return tell(std::exchange(marks_, {}));
    auto rows = std::make_shared<const Rows>(std::exchange(outbox_, {}));
    send(std::move(rows), std::exchange(marks_, {}));
}

// One batch at a time, so that the store has them in order: what it has last says where a restart goes on.
void VirtualLane::send(std::shared_ptr<const Rows> rows, std::vector<Mark> marks) {
    sending_ = true;
    const auto kept = std::make_shared<std::vector<Mark>>(std::move(marks));
    sink_.append(*rows, Durability::interval, [this, rows, kept](Result<Appended> result) {
        if (result) {
            sending_ = false;
            tell(*kept);
            if (std::exchange(stalled_, false)) {
                const TimeNs time = now();
                for (auto& [id, slot] : slots_) drive(*slot, time);
                set_timer();
            }
            return flush();
        }
        log_error("flow", "cannot keep {} values of virtual tags: {}", rows->size(), result.error().text());
        loop_.after(kRetryAfter, [this, rows, kept] { send(rows, std::move(*kept)); });
    });
}

void VirtualLane::tell(const std::vector<Mark>& marks) {
    for (const Mark& mark : marks) {
        if (mark.then) mark.then();
        if (mark.begins) outside_.began(mark.id, mark.time);
        const Slot* slot = find(mark.id);
        if (!slot) continue;
        for (const auto& [lane, dependent] : slot->dependents) outside_.mark(lane, dependent, mark.id, mark.time);
    }
}

void VirtualLane::prepare(InstanceId id, std::shared_ptr<const VirtualPlan> plan) {
    auto slot = std::make_unique<Slot>();
    slot->id = id;
    slot->plan = plan;
    for (std::size_t i = 0; i < plan->inputs.size(); ++i)
        if (plan->inputs[i].id) ways_[plan->inputs[i].id].slots.emplace_back(slot.get(), i);
    slots_.emplace(id, std::move(slot));
}

void VirtualLane::adopt(InstanceId id, std::unique_ptr<VirtualRun> run, Rows past) {
    Slot* slot = find(id);
    if (!slot) return;  // removed meanwhile
    ASSERT(!slot->run);
    slot->run = std::move(run);
    slot->run->set_plan(slot->plan);
    for (std::size_t i = 0; i < past.size(); ++i) {
        if (outbox_.full(past.type(i) == ValueType::text ? past.text(i).size() : 0)) {
            numbers_.lost_rows.add(past.size() - i);
            break;
        }
        outbox_.add_row(past, i);
    }
    slot->rows += past.size();
    numbers_.rows.add(past.size());
    slot->begins = true;
    // Most of what came while the past was read was read with it; repeats change nothing.
    for (const auto& [input, reading] : std::exchange(slot->waiting, {}))
        slot->run->feed(input, reading.time, reading.value, reading.quality);
    drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::show(InstanceId id, std::shared_ptr<const VirtualPlan> plan) {
    Slot* slot = find(id);
    if (!slot) return;
    slot->plan = plan;
    if (slot->run) slot->run->set_plan(std::move(plan));
}

void VirtualLane::remove(InstanceId id, std::function<void(std::optional<TimeNs> given)> then) {
    const auto found = slots_.find(id);
    if (found == slots_.end()) return then(std::nullopt);
    Slot& slot = *found->second;
    for (const VirtualInput& input : slot.plan->inputs) {
        if (!input.id) continue;
        const auto way = ways_.find(input.id);
        if (way == ways_.end()) continue;
        std::erase_if(way->second.slots, [&](const auto& one) { return one.first == &slot; });
        if (way->second.slots.empty() && way->second.lanes.empty()) ways_.erase(way);
    }
    if (slot.due) due_.erase({*slot.due, id});
    const auto given = slot.run ? std::optional{slot.run->given()} : std::nullopt;
    slots_.erase(found);
    marks_.push_back({id, 0, false, [then = std::move(then), given] { then(given); }});
    flush();
}

void VirtualLane::set_gate(InstanceId id, TagId tag, Gate gate) {
    Slot* slot = find(id);
    if (!slot) return;
    if (const auto before = slot->gates.find(tag); before != slot->gates.end())
        gate.mark = std::max(gate.mark, before->second.mark);
    slot->gates.insert_or_assign(tag, gate);
    if (slot->run) drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::drop_gate(InstanceId id, TagId tag) {
    Slot* slot = find(id);
    if (!slot) return;
    slot->gates.erase(tag);
    if (slot->run) drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::add_dependent(InstanceId id, std::size_t lane, InstanceId dependent) {
    Slot* slot = find(id);
    if (!slot) return;
    slot->dependents.emplace_back(lane, dependent);
    slot->new_dependent = true;
    if (slot->run) drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::drop_dependent(InstanceId id, InstanceId dependent) {
    if (Slot* slot = find(id))
        std::erase_if(slot->dependents, [&](const auto& one) { return one.second == dependent; });
}

void VirtualLane::want(InstanceId id, TimeNs time) {
    Slot* slot = find(id);
    if (!slot) return;
    slot->wanted = std::max(slot->wanted, time);
    // It may be there already, and whoever asks did not know.
    if (slot->run && slot->told >= time) slot->new_dependent = true;
    if (slot->run) drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::mark(InstanceId id, InstanceId of, TimeNs mark) {
    Slot* slot = find(id);
    if (!slot) return;
    for (auto& [tag, gate] : slot->gates)
        if (gate.of == of) gate.mark = std::max(gate.mark, mark);
    if (slot->run) drive(*slot, now());
    flush();
    set_timer();
}

void VirtualLane::add_way(TagId tag, std::size_t lane) {
    auto& lanes = ways_[tag].lanes;
    const auto found = std::ranges::find(lanes, lane, &std::pair<std::size_t, std::size_t>::first);
    if (found == lanes.end())
        lanes.emplace_back(lane, 1);
    else
        ++found->second;
}

void VirtualLane::remove_way(TagId tag, std::size_t lane) {
    const auto way = ways_.find(tag);
    if (way == ways_.end()) return;
    auto& lanes = way->second.lanes;
    const auto found = std::ranges::find(lanes, lane, &std::pair<std::size_t, std::size_t>::first);
    if (found != lanes.end() && --found->second == 0) lanes.erase(found);
    if (way->second.slots.empty() && lanes.empty()) ways_.erase(way);
}

std::map<InstanceId, VirtualLane::State> VirtualLane::states() const {
    std::map<InstanceId, State> all;
    for (const auto& [id, slot] : slots_)
        all[id] = {slot->dropped, slot->rows, slot->run ? slot->run->decided() : 0, slot->run != nullptr};
    return all;
}

}  // namespace gongshu::flow
