#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "io/loop.h"

namespace gongshu::flow {

// Jobs on a pool, one after another in the order given. When the pool is full it is asked again a little later.
// Threads: any.
// Bounds:  none of its own: who enqueues does so once for a change of configuration or a new tag.
class Strand {
public:
    // `loop` gives the timer for asking again.
    Strand(io::Pool& pool, io::Loop& loop);
    // Waits for the job that runs; those that wait are dropped.
    ~Strand();

    void enqueue(std::function<void()> job);
    bool idle() const;

private:
    struct State {
        std::mutex mutex;
        std::condition_variable ended;
        std::deque<std::function<void()>> jobs;
        bool submitted = false, running = false, stopped = false;
    };
    static void submit(const std::shared_ptr<State>& state, io::Pool& pool, io::Loop& loop);
    static void drain(const std::shared_ptr<State>& state, io::Pool& pool, io::Loop& loop);

    io::Pool& pool_;
    io::Loop& loop_;
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace gongshu::flow
