#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "io/loop.h"

namespace gongshu::io {

namespace {

// Lives:   as long as its owner; its threads end with it.
// Threads: submit() from any.
// Bounds:  `queue_max` waiting jobs, then submit() says no.
// Disk:    none.
class ThreadPool final : public Pool {
public:
    ThreadPool(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
        ASSERT(threads > 0);
        for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    }

    ~ThreadPool() override {
        std::deque<std::function<void()>> dropped;
        {
            const std::lock_guard held(mutex_);
            ending_ = true;
            dropped.swap(jobs_);
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    bool submit(std::function<void()> job) override {
        {
            const std::lock_guard held(mutex_);
            if (ending_ || jobs_.size() >= queue_max_) return false;
            jobs_.push_back(std::move(job));
        }
        changed_.notify_one();
        return true;
    }

private:
    void work() {
        for (;;) {
            std::function<void()> job;
            {
                std::unique_lock held(mutex_);
                changed_.wait(held, [this] { return ending_ || !jobs_.empty(); });
                if (ending_) return;
                job = std::move(jobs_.front());
                jobs_.pop_front();
            }
            job();
        }
    }

    const std::size_t queue_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;  // under mutex_, as ending_
    bool ending_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Pool> make_thread_pool(std::size_t threads, std::size_t queue_max) {
    return std::make_unique<ThreadPool>(threads, queue_max);
}

}  // namespace gongshu::io
