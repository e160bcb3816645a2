#pragma once

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "io/sim.h"

namespace gongshu::io {

// Where a loop test runs: on the system's loop in a thread of its own, or in a simulated world. The same test sees no
// difference.
class Place {
public:
    virtual ~Place() = default;
    virtual Loop& loop() = 0;
    // Runs `work` on the loop and waits for it.
    virtual void in(const std::function<void()>& work) = 0;
    // Turns the loop until `done` is true on it; false if it does not become so.
    virtual bool until(std::function<bool()> done) = 0;
};

class RealPlace final : public Place {
public:
    RealPlace() : clock_(make_system_clock()), loop_(make_epoll_loop(*clock_)), thread_([this] { loop_->run(); }) {}
    RealPlace(const RealPlace&) = delete;
    RealPlace& operator=(const RealPlace&) = delete;
    ~RealPlace() override {
        loop_->stop();
        thread_.join();
    }

    Loop& loop() override { return *loop_; }
    void in(const std::function<void()>& work) override {
        std::promise<void> done;
        loop_->post([&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }
    bool until(std::function<bool()> done) override {
        std::promise<bool> result;
        const auto give_up = clock_->monotonic() + 20 * kSecond;
        std::function<void()> look = [&] {
            if (done()) return result.set_value(true);
            if (clock_->monotonic() > give_up) return result.set_value(false);
            loop_->after(kMillisecond / 4, look);
        };
        loop_->post(look);
        return result.get_future().get();
    }

private:
    const std::unique_ptr<Clock> clock_;
    const std::unique_ptr<Loop> loop_;
    std::thread thread_;
};

class SimPlace final : public Place {
public:
    explicit SimPlace(std::uint64_t seed = 1) : world_(seed), loop_(world_.make_loop()) {}
    Loop& loop() override { return *loop_; }
    void in(const std::function<void()>& work) override { work(); }
    bool until(std::function<bool()> done) override { return world_.run_until(done, kMinute); }
    SimWorld& world() { return world_; }

private:
    SimWorld world_;
    const std::unique_ptr<Loop> loop_;
};

}  // namespace gongshu::io
