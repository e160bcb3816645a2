#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "io/detail/handshakes.h"
#include "io/detail/resolver.h"
#include "io/detail/timers.h"
#include "io/loop.h"

namespace gongshu::io::detail {

class EpollConnection;

// Something with a descriptor that a loop watches. The loop shares it, so that it may let go of itself in on_ready().
class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void on_ready(std::uint32_t events) = 0;
    // The loop is going away: close the descriptor, call nobody.
    virtual void abandon() = 0;
};

class EpollLoop final : public Loop {
public:
    explicit EpollLoop(const Clock& clock);
    EpollLoop(const EpollLoop&) = delete;
    EpollLoop& operator=(const EpollLoop&) = delete;
    ~EpollLoop() override;

    void run() override;
    void stop() override;
    bool in_loop() const override;
    void post(std::function<void()> work) override;
    TimerId after(DurationNs delay, std::function<void()> work) override;
    void cancel(TimerId timer) override;
    const Clock& clock() const override { return clock_; }
    void on_signal(std::function<void(int)> work) override;
    Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                             std::function<void(std::unique_ptr<Stream>)> on_accept) override;
    void connect(const Address& address, const ConnectOptions& options, StreamDone done) override;
    void secure(std::unique_ptr<Stream> plain, std::shared_ptr<const TlsClient> tls, const std::string& host,
                DurationNs timeout, StreamDone done) override {
        handshakes_.connect(std::move(plain), tls, host, timeout, std::move(done));
    }

    // For the watchers. An id is never used again, so an event that comes late finds nobody.
    std::uint64_t add(std::shared_ptr<Watcher> watcher);
    void remove(std::uint64_t id);
    // Tells the system what to wait for; `known` says whether it has the descriptor already.
    void watch(int descriptor, std::uint64_t id, std::uint32_t events, bool known);
    // Fine if it is not watched.
    void unwatch(int descriptor);
    // To be flushed at the end of this turn.
    void mark_dirty(std::shared_ptr<EpollConnection> connection) { dirty_.push_back(std::move(connection)); }
    std::span<std::uint8_t> scratch() { return scratch_; }
    Handshakes& handshakes() { return handshakes_; }
    Resolver& resolver() { return resolver_; }

private:
    bool turn();
    void wait_for_events();
    bool run_posted();
    void flush_dirty();
    void wake();

    const Clock& clock_;
    const int epoll_;
    const int wake_;  // eventfd
    std::atomic<bool> running_ = false;

    std::mutex mutex_;
    std::deque<std::function<void()>> posted_;  // under mutex_, as the next two
    bool stopping_ = false;
    bool woken_ = false;

    Timers timers_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Watcher>> watchers_;
    std::uint64_t last_watcher_ = 0;
    std::vector<std::shared_ptr<EpollConnection>> dirty_;
    Buffer scratch_;
    Handshakes handshakes_;
    Resolver resolver_;
};

}  // namespace gongshu::io::detail
