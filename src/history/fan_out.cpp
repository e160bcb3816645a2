#include "history/fan_out.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace gongshu::history {
namespace {

constexpr DurationNs kAlone = 100 * kMicrosecond;

// Shared with helpers, some of whom may come when everything is over: they find it closed and touch nothing of the
// caller's.
class Shared {
public:
    Shared(std::size_t count, const std::function<void(std::size_t)>& work) : count_(count), work_(work) {}

    void help() {
        {
            const std::lock_guard lock{mutex_};
            if (closed_) return;
            ++helping_;
        }
        run();
        const std::lock_guard lock{mutex_};
        if (--helping_ == 0) done_.notify_all();
    }
    void run() {
        for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) work_(i);
    }
    void close() {
        std::unique_lock lock{mutex_};
        closed_ = true;
        done_.wait(lock, [this] { return helping_ == 0; });
    }

private:
    const std::size_t count_;
    const std::function<void(std::size_t)>& work_;  // the caller's, until closed
    std::atomic<std::size_t> next_ = 0;
    std::mutex mutex_;
    std::condition_variable done_;
    bool closed_ = false;  // under mutex_, as helping_
    std::size_t helping_ = 0;
};

}  // namespace

void fan_out(io::Pool* pool, std::size_t helpers, std::size_t count, const std::function<void(std::size_t)>& work,
             const Clock* clock) {
    if (clock != nullptr && pool != nullptr && helpers > 0) {
        const DurationNs help_at = clock->monotonic() + kAlone;
        std::size_t done = 0;
        while (done < count && clock->monotonic() < help_at) work(done++);
        return fan_out(pool, helpers, count - done, [&](std::size_t i) { work(done + i); });
    }
    if (pool == nullptr || helpers == 0 || count < 2) {
        for (std::size_t i = 0; i < count; ++i) work(i);
        return;
    }
    const auto shared = std::make_shared<Shared>(count, work);
    for (std::size_t i = 0; i < std::min(helpers, count - 1); ++i)
        if (!pool->submit([shared] { shared->help(); })) break;
    shared->run();
    shared->close();
}

}  // namespace gongshu::history
