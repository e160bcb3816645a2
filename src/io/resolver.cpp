#include "io/detail/resolver.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace gongshu::io::detail {

struct Resolver::State {
    struct Job {
        Address address;
        Done done;
    };
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool ending = false;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
    const std::lock_guard held(state_->mutex);
    state_->ending = true;
    state_->jobs.clear();
    state_->changed.notify_all();
}

Result<void> Resolver::resolve(const Address& address, Done done) {
    const std::lock_guard held(state_->mutex);
    if (state_->jobs.size() >= kQueueMax) {
        return Error{Code::limit, "cannot find the host {}: {} names wait already", address.host, kQueueMax};
    }
    state_->jobs.push_back({address, std::move(done)});
    if (state_->jobs.size() > state_->idle && state_->threads < kThreads) {
        ++state_->threads;
        std::thread([state = state_] { work(state); }).detach();
    }
    state_->changed.notify_one();
    return {};
}

void Resolver::work(const std::shared_ptr<State>& state) {
    std::unique_lock held(state->mutex);
    for (;;) {
        ++state->idle;
        state->changed.wait(held, [&] { return state->ending || !state->jobs.empty(); });
        --state->idle;
        if (state->ending) return;
        auto job = std::move(state->jobs.front());
        state->jobs.pop_front();
        held.unlock();
        auto result = detail::resolve(job.address, false);
        held.lock();
        if (state->ending) return;
        job.done(std::move(result));  // under the lock, so that the loop is there
    }
}

}  // namespace gongshu::io::detail
