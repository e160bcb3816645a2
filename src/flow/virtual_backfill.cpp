#include "flow/virtual_backfill.h"

#include <algorithm>
#include <condition_variable>

#include "base/log.h"
#include "flow/virtual_past.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kSlice = 300 * kMillisecond;     // on the pool at once
constexpr DurationNs kAskAgain = 100 * kMillisecond;  // when the pool is full

}  // namespace

struct Backfills::Job {
    VirtualBackfill told;  // with the state's lock
    bool cancel = false;   // likewise
    // Only by whoever works on it.
    std::vector<std::shared_ptr<const VirtualPlan>> plans;
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
        case VirtualBackfill::State::cancelled:
            break;
    }
    return "cancelled";
}

Result<VirtualBackfill> Backfills::begin(TenantId tenant, std::string_view name, const Window& window,
                                         std::string_view by) {
    const FlowParts& parts = state_->parts;
    if (!parts.import) return Error{Code::unsupported, "past values cannot be made here"};
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
    parts.lanes.front()->post([state = state_, job] { submit(state, job); });
    return job->told;
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
}

// The next piece; true when it was the last one.
Result<bool> Backfills::step(const State& state, Job& job) {
    if (!job.replay) {
        if (job.next == job.plans.size()) return true;
        const Window& window = job.told.window;
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
