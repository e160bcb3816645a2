#include "flow/virtual_backfill.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <map>

#include "base/log.h"
#include "flow/virtual_backfill_event.h"
#include "flow/virtual_past.h"
#include "registry/holds.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kSlice = 300 * kMillisecond;     // on the pool at once
constexpr DurationNs kAskAgain = 100 * kMillisecond;  // when the pool is full
constexpr std::string_view kInterrupted =
    "the server ended while this was made: of the range some values may be missing; make it again";

// From where on, to the minute, something is stored of what a plan reads; the end of the window if nothing is.
Result<TimeNs> first_known(const Reader& reader, const VirtualPlan& plan, const Window& window) {
    ReadRequest request{.window = window, .aggregates = {"count"}};
    for (const VirtualInput& input : plan.inputs) {
        if (!input.id) continue;
        if (TRY(reading_before(reader, input.id, window.from, false))) return window.from;
        request.tags.push_back(input.id);
    }
    for (const DurationNs every : {kDay, kMinute}) {
        request.every = every;
        TimeNs first = window.to;
        for (const Series& series : TRY(reader.read(request)))
            if (!series.buckets.empty()) first = std::min(first, series.buckets.front());
        request.window = {std::max(window.from, first), std::min(window.to, first + every)};
        if (request.window.empty()) return window.to;
    }
    return request.window.from;
}

}  // namespace

struct Backfills::Job {
    VirtualBackfill told;  // with the state's lock
    bool cancel = false;   // likewise
    // Only by whoever works on it.
    std::vector<std::shared_ptr<const VirtualPlan>> plans;
    std::vector<Window> windows;  // of each plan, what is made anew; empty = nothing is
    bool cleared = false;         // the old rows are gone
    std::uint64_t removed = 0;
    TimeNs left_before = 0;
    std::size_t next = 0;
    std::unique_ptr<VirtualRun> run;
    std::unique_ptr<Replay> replay;
    std::uint64_t readings_before = 0;
    std::uint64_t rows = 0;
};

struct Backfills::State {
    explicit State(const FlowParts& of) : parts(of) {}
    const FlowParts& parts;
    mutable std::mutex mutex;
    std::condition_variable ended;
    std::deque<std::shared_ptr<Job>> jobs;  // the newest first
    int working = 0;                        // on the pool now
    bool stopped = false;
    std::uint64_t next_id = 1;
};

Backfills::Backfills(const FlowParts& parts) : state_(std::make_shared<State>(parts)) {}

Backfills::~Backfills() {
    std::unique_lock lock{state_->mutex};
    state_->stopped = true;
    // Those that wait for the pool or a lane see that it is over.
    state_->ended.wait(lock, [this] { return state_->working == 0; });
}

std::string_view to_string(VirtualBackfill::State state) {
    switch (state) {
        case VirtualBackfill::State::running:
            return "running";
        case VirtualBackfill::State::done:
            return "done";
        case VirtualBackfill::State::failed:
            return "failed";
        case VirtualBackfill::State::interrupted:
            return "interrupted";
        case VirtualBackfill::State::cancelled:
            break;
    }
    return "cancelled";
}

Result<VirtualBackfill> Backfills::begin(TenantId tenant, std::string_view name, const Window& window,
                                         std::string_view by) {
    const FlowParts& parts = state_->parts;
    if (!parts.import || !parts.cut) return Error{Code::unsupported, "past values cannot be made here"};
    const auto resource = parts.registry.find(tenant, "virtual_tag", name);
    if (!resource) return Error{Code::not_found, "there is no virtual tag \"{}\"", name};
    const auto spec = TRY(registry::spec_of<VirtualTagSpec>(*resource));
    auto job = std::make_shared<Job>();
    DurationNs lateness = 0;
    for (const VirtualPlace& place : virtual_places(parts.registry, tenant, name, spec)) {
        std::string why_zh;
        job->plans.push_back(TRY(
            make_virtual_plan(parts.registry, parts.tags, *resource, spec, place, why_zh).context("{}", place.path)));
        lateness = job->plans.back()->lateness;
    }
    if (job->plans.empty())
        return Error{Code::invalid, "the virtual tag {} is of no device: there is nothing to make", name};
    Window cut = window;
    cut.to = std::min(cut.to, parts.clock.now() - lateness);
    if (cut.empty())
        return Error{Code::invalid,
                     "to: expected a time after \"from\"; what is not yet decided ({} before now) is left out",
                     spec.lateness};
    if (cut.to - cut.from > VirtualTags::kBackfillMax)
        return Error{Code::limit, "from: at most {} days at once", VirtualTags::kBackfillMax / kDay};
    TRY(check_holds(parts, *job, cut));

    const std::lock_guard lock{state_->mutex};
    std::size_t running = 0;
    for (const auto& other : state_->jobs) {
        if (other->told.state != VirtualBackfill::State::running) continue;
        ++running;
        if (other->told.tenant == tenant && other->told.name == name)
            return Error{Code::conflict, "past values of {} are being made already; wait for it, or cancel it first",
                         name};
    }
    if (running >= VirtualTags::kBackfillsMax)
        return Error{Code::limit, "{} virtual tags are making past values already; wait for one to end",
                     VirtualTags::kBackfillsMax};
    job->told = {.id = std::to_string(state_->next_id++),
                 .tenant = tenant,
                 .name = std::string(name),
                 .window = cut,
                 .places = job->plans.size(),
                 .started = parts.clock.now(),
                 .by = std::string(by)};
    state_->jobs.push_front(job);
    while (state_->jobs.size() > VirtualTags::kBackfillsKept &&
           state_->jobs.back()->told.state != VirtualBackfill::State::running)
        state_->jobs.pop_back();
    // Nothing is changed before it is remembered: what a crash leaves half made is told afterwards.
    parts.sink.append_event(
        backfill_event(job->told), Durability::sync, [state = state_, job](const Result<EventId>& kept) {
            if (kept) return submit(state, job);
            const std::lock_guard locked{state->mutex};
            if (state->stopped) return;
            job->told.state = VirtualBackfill::State::failed;
            job->told.error =
                fmt::format("nothing was changed, because this cannot be remembered: {}", kept.error().text());
            job->told.finished = state->parts.clock.now();
        });
    return job->told;
}

void Backfills::load(TenantId tenant) {
    const auto events =
        state_->parts.reader.read_events(tenant, {INT64_MIN, INT64_MAX}, kVirtualPast, 4 * VirtualTags::kBackfillsKept);
    if (!events) return log_error("flow", "past values that were made are not told: {}", events.error().text());
    std::map<std::uint64_t, VirtualBackfill> jobs;  // by the number that the id is
    for (const Event& event : *events) {
        auto job = read_backfill(event);
        if (!job) {
            log_error("flow", "{}", job.error().text());
            continue;
        }
        const std::uint64_t number = std::strtoull(job->id.c_str(), nullptr, 10);
        const auto [known, is_new] = jobs.try_emplace(number, *job);
        if (!is_new && known->second.state == VirtualBackfill::State::running) known->second = std::move(*job);
    }
    const std::lock_guard lock{state_->mutex};
    for (auto& [number, job] : jobs) {
        state_->next_id = std::max(state_->next_id, number + 1);
        if (job.state == VirtualBackfill::State::running) {
            job.state = VirtualBackfill::State::interrupted;
            job.error = kInterrupted;
            job.finished = state_->parts.clock.now();
            log_warning("flow", "past values of {}: {}", job.name, job.error);
            remember(state_, job);
        }
        auto kept = std::make_shared<Job>();
        kept->told = std::move(job);
        state_->jobs.push_front(std::move(kept));
    }
    while (state_->jobs.size() > VirtualTags::kBackfillsKept) state_->jobs.pop_back();
}

Result<void> Backfills::check_holds(const FlowParts& parts, const Job& job, const Window& window) {
    for (const auto& plan : job.plans)
        if (const auto hold = registry::hold_over(parts.registry, plan->key.tenant, plan->path, window))
            return Error{Code::conflict,
                         "the hold {} keeps values of {} in this range as they are; choose a range outside of it, or "
                         "remove the hold first",
                         *hold, plan->path};
    return {};
}

void Backfills::submit(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job) {
    {
        const std::lock_guard lock{state->mutex};
        if (state->stopped) return;
    }
    if (state->parts.pool.submit([state, job] { work(state, job); })) return;
    state->parts.lanes.front()->after(kAskAgain, [state, job] { submit(state, job); });
}

// A slice of a job.
void Backfills::work(const std::shared_ptr<State>& state, const std::shared_ptr<Job>& job) {
    {
        const std::lock_guard lock{state->mutex};
        if (state->stopped) return;
        ++state->working;
    }
    const FlowParts& parts = state->parts;
    const DurationNs end = parts.clock.monotonic() + kSlice;
    Result<bool> done{false};
    bool stopped = false, cancelled = false;
    while (done && !*done && parts.clock.monotonic() < end) {
        done = step(*state, *job);
        const std::lock_guard lock{state->mutex};
        VirtualBackfill& told = job->told;
        told.readings = job->readings_before + (job->replay ? job->replay->readings() : 0);
        told.rows = job->rows;
        told.removed = job->removed;
        told.left_before = job->left_before;
        told.places_done = job->next - (job->replay ? 1 : 0);
        const double length = static_cast<double>(told.window.to - told.window.from);
        const double part =
            job->replay ? std::clamp(static_cast<double>(job->replay->at() - told.window.from) / length, 0.0, 1.0) : 0;
        told.progress = (static_cast<double>(told.places_done) + part) / static_cast<double>(told.places);
        stopped = state->stopped;
        cancelled = job->cancel;
        if (stopped || cancelled) break;
    }
    const bool ended = !done || *done || stopped || cancelled;
    const std::lock_guard lock{state->mutex};
    --state->working;
    state->ended.notify_all();
    if (!ended) return parts.lanes.front()->post([state, job] { submit(state, job); });
    VirtualBackfill& told = job->told;
    told.finished = parts.clock.now();
    told.state = !done   ? VirtualBackfill::State::failed
                 : *done ? VirtualBackfill::State::done
                         : VirtualBackfill::State::cancelled;
    if (!done) {
        told.error = done.error().text();
        log_warning("flow", "past values of {} could not be made: {}", told.name, told.error);
    }
    if (told.state == VirtualBackfill::State::done) told.progress = 1;
    job->replay.reset();
    job->run.reset();
    if (!stopped) remember(state, told);
}

// How it ended; with the state's lock.
void Backfills::remember(const std::shared_ptr<State>& state, const VirtualBackfill& told) {
    state->parts.sink.append_event(backfill_event(told), Durability::sync, [](const Result<EventId>& kept) {
        if (!kept) log_warning("flow", "the end of a making of past values is not remembered: {}", kept.error().text());
    });
}

// Takes the old rows away, a part of them at a time; true when none is left.
Result<bool> Backfills::clear(const FlowParts& parts, Job& job) {
    const Window& window = job.told.window;
    if (job.windows.empty())
        for (const auto& plan : job.plans) {
            const TimeNs from = TRY(first_known(parts.reader, *plan, window));
            const auto before = TRY(reading_before(parts.reader, plan->out, from, false));
            if (before && before->time >= window.from) job.left_before = std::max(job.left_before, from);
            job.windows.push_back({from, window.to});
        }
    TRY(check_holds(parts, job, window));  // one may have come since
    history::Cut cut;
    for (std::size_t i = 0; i < job.plans.size(); ++i)
        if (!job.windows[i].empty()) cut.windows[job.plans[i]->out] = job.windows[i];
    const history::Removed removed = TRY(parts.cut(cut));
    job.removed += removed.rows;
    return !removed.more;
}

// The next piece; true when it was the last one.
Result<bool> Backfills::step(const State& state, Job& job) {
    if (!job.cleared) {
        job.cleared = TRY(clear(state.parts, job));
        return false;
    }
    if (!job.replay) {
        while (job.next < job.plans.size() && job.windows[job.next].empty()) ++job.next;
        if (job.next == job.plans.size()) return true;
        const Window& window = job.windows[job.next];
        job.run = std::make_unique<VirtualRun>(job.plans[job.next++], window.from - 1);
        job.replay =
            std::make_unique<Replay>(state.parts.reader, *job.run, Stretch{window.from, window.to - 1, window.to},
                                     [&state, &job](Rows& rows) -> Result<void> {
                                         job.rows += rows.size();
                                         TRY(state.parts.import(rows));
                                         return {};
                                     });
    }
    if (!TRY(job.replay->step())) return false;
    job.readings_before += job.replay->readings();
    job.replay.reset();
    job.run.reset();
    return job.next == job.plans.size();
}

std::vector<VirtualBackfill> Backfills::list(TenantId tenant) const {
    const std::lock_guard lock{state_->mutex};
    std::vector<VirtualBackfill> list;
    for (const auto& job : state_->jobs)
        if (job->told.tenant == tenant) list.push_back(job->told);
    return list;
}

Result<VirtualBackfill> Backfills::cancel(TenantId tenant, std::string_view id) {
    const std::lock_guard lock{state_->mutex};
    for (const auto& job : state_->jobs) {
        if (job->told.tenant != tenant || job->told.id != id) continue;
        if (job->told.state != VirtualBackfill::State::running)
            return Error{Code::conflict, "it is {} already", to_string(job->told.state)};
        job->cancel = true;
        return job->told;
    }
    return Error{Code::not_found, "there is no making of past values \"{}\"", id};
}

}  // namespace gongshu::flow
