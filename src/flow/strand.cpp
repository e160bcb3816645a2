#include "flow/strand.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kAskAgain = 100 * kMillisecond;
constexpr int kJobsAtOnce = 64;  // then others get the pool

}  // namespace

Strand::Strand(io::Pool& pool, io::Loop& loop) : pool_(pool), loop_(loop) {}

Strand::~Strand() {
    std::unique_lock lock{state_->mutex};
    state_->stopped = true;
    state_->jobs.clear();
    state_->ended.wait(lock, [this] { return !state_->running; });
}

bool Strand::idle() const {
    const std::lock_guard lock{state_->mutex};
    return state_->jobs.empty() && !state_->running;
}

void Strand::enqueue(std::function<void()> job) {
    {
        const std::lock_guard lock{state_->mutex};
        if (state_->stopped) return;
        state_->jobs.push_back(std::move(job));
        if (state_->submitted) return;
        state_->submitted = true;
    }
    submit(state_, pool_, loop_);
}

void Strand::submit(const std::shared_ptr<State>& state, io::Pool& pool, io::Loop& loop) {
    if (pool.submit([state, &pool, &loop] { drain(state, pool, loop); })) return;
    loop.post([state, &pool, &loop] { loop.after(kAskAgain, [state, &pool, &loop] { submit(state, pool, loop); }); });
}

void Strand::drain(const std::shared_ptr<State>& state, io::Pool& pool, io::Loop& loop) {
    for (int jobs = 0; jobs < kJobsAtOnce; ++jobs) {
        std::function<void()> job;
        {
            const std::lock_guard lock{state->mutex};
            if (state->stopped || state->jobs.empty()) {
                state->submitted = false;
                return;
            }
            job = std::move(state->jobs.front());
            state->jobs.pop_front();
            state->running = true;
        }
        job();
        job = nullptr;  // before others are told that nothing runs
        const std::lock_guard lock{state->mutex};
        state->running = false;
        state->ended.notify_all();
        if (state->stopped) return;
    }
    submit(state, pool, loop);
}

}  // namespace gongshu::flow
