#include "io/detail/epoll_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

#include "base/assert.h"
#include "io/detail/epoll_connect.h"
#include "io/detail/epoll_stream.h"

namespace gongshu::io {

namespace detail {

namespace {

constexpr int kEventsPerTurn = 256;
constexpr std::uint64_t kWakeId = 0;

class SignalWatcher final : public Watcher {
public:
    SignalWatcher(int descriptor, std::function<void(int)> work) : descriptor_(descriptor), work_(std::move(work)) {}
    SignalWatcher(const SignalWatcher&) = delete;
    SignalWatcher& operator=(const SignalWatcher&) = delete;
    ~SignalWatcher() override { abandon(); }

    void on_ready(std::uint32_t) override {
        signalfd_siginfo info{};
        while (descriptor_ >= 0 && ::read(descriptor_, &info, sizeof info) == sizeof info) {
            work_(static_cast<int>(info.ssi_signo));
        }
    }
    void abandon() override {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }

private:
    int descriptor_;
    const std::function<void(int)> work_;
};

// Waits with the precision of nanoseconds where the kernel can, of milliseconds (rounded up) where it cannot.
int wait(int epoll, epoll_event* events, std::optional<DurationNs> timeout) {
    static std::atomic<bool> precise = true;
    if (precise) {
        timespec time{};
        if (timeout) time = {static_cast<time_t>(*timeout / kSecond), static_cast<long>(*timeout % kSecond)};
        const int count = ::epoll_pwait2(epoll, events, kEventsPerTurn, timeout ? &time : nullptr, nullptr);
        if (count >= 0 || errno != ENOSYS) return count;
        precise = false;
    }
    const DurationNs milliseconds = timeout ? (*timeout + kMillisecond - 1) / kMillisecond : -1;
    return ::epoll_wait(epoll, events, kEventsPerTurn, static_cast<int>(std::min<DurationNs>(milliseconds, INT_MAX)));
}

thread_local const EpollLoop* running_here = nullptr;

}  // namespace

EpollLoop::EpollLoop(const Clock& clock)
    : clock_(clock),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      scratch_(Stream::kReadBytesMax),
      handshakes_(*this) {
    ASSERT(epoll_ >= 0 && wake_ >= 0);  // no descriptors are left before anything has begun
    watch(wake_, kWakeId, EPOLLIN, false);
}

EpollLoop::~EpollLoop() {
    ASSERT(in_loop());
    {
        const std::lock_guard held(mutex_);
        stopping_ = true;
    }
    // What is dropped here may own streams, which call back into this loop while it is still whole.
    for (const auto& [id, watcher] : std::exchange(watchers_, {})) watcher->abandon();
    handshakes_.clear();
    std::exchange(dirty_, {}).clear();
    std::exchange(posted_, {}).clear();
    { const auto timers = std::exchange(timers_, {}); }
    ::close(wake_);
    ::close(epoll_);
}

void EpollLoop::run() {
    ASSERT(in_loop());
    running_ = true;
    running_here = this;
    while (turn()) {
    }
    running_here = nullptr;
    running_ = false;
}

bool EpollLoop::turn() {
    wait_for_events();
    const bool more = run_posted();
    timers_.run_due(clock_.monotonic());
    flush_dirty();
    return more;
}

void EpollLoop::wait_for_events() {
    std::optional<DurationNs> timeout;
    if (const auto next = timers_.next()) timeout = std::max<DurationNs>(*next - clock_.monotonic(), 0);
    {
        const std::lock_guard held(mutex_);
        if (!posted_.empty() || stopping_) timeout = 0;
        woken_ = !posted_.empty();  // from here on, whoever posts has to wake us
    }
    if (!dirty_.empty()) timeout = 0;
    epoll_event events[kEventsPerTurn];
    const int count = wait(epoll_, events, timeout);
    ASSERT(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) {
        const auto id = events[i].data.u64;
        if (id == kWakeId) {
            std::uint64_t times = 0;
            (void)!::read(wake_, &times, sizeof times);
            continue;
        }
        const auto found = watchers_.find(id);
        if (found == watchers_.end()) continue;
        const auto watcher = found->second;
        watcher->on_ready(events[i].events);
    }
}

// False once stop() was called; what was posted before has run then.
bool EpollLoop::run_posted() {
    std::deque<std::function<void()>> work;
    bool more = true;
    {
        const std::lock_guard held(mutex_);
        work.swap(posted_);
        more = !stopping_;
        woken_ = true;
    }
    while (!work.empty()) {
        work.front()();
        work.pop_front();
    }
    return more;
}

void EpollLoop::flush_dirty() {
    const auto dirty = std::exchange(dirty_, {});  // what becomes dirty now is for the next turn
    for (const auto& connection : dirty) connection->flush();
}

void EpollLoop::wake() {
    const std::uint64_t once = 1;
    (void)!::write(wake_, &once, sizeof once);
}

void EpollLoop::stop() {
    const std::lock_guard held(mutex_);
    stopping_ = true;
    wake();
}

bool EpollLoop::in_loop() const {
    // A thread that runs another loop is not in one that has not begun yet: the other may begin at any moment.
    if (running_here != nullptr) return running_here == this;
    return !running_;
}

void EpollLoop::post(std::function<void()> work) {
    const std::lock_guard held(mutex_);
    if (stopping_) return;
    posted_.push_back(std::move(work));
    if (woken_) return;
    woken_ = true;
    wake();
}

TimerId EpollLoop::after(DurationNs delay, std::function<void()> work) {
    ASSERT(in_loop() && delay >= 0);
    return timers_.add(clock_.monotonic() + delay, std::move(work));
}

void EpollLoop::cancel(TimerId timer) {
    ASSERT(in_loop());
    timers_.cancel(timer);
}

void EpollLoop::on_signal(std::function<void(int)> work) {
    ASSERT(in_loop());
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const int descriptor = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    ASSERT(descriptor >= 0);
    watch(descriptor, add(std::make_shared<SignalWatcher>(descriptor, std::move(work))), EPOLLIN, false);
}

Result<std::unique_ptr<Listener>> EpollLoop::listen(const Address& address, const ListenOptions& options,
                                                    std::function<void(std::unique_ptr<Stream>)> on_accept) {
    ASSERT(in_loop());
    return start_listening(*this, address, options, std::move(on_accept));
}

void EpollLoop::connect(const Address& address, const ConnectOptions& options, StreamDone done) {
    ASSERT(in_loop());
    start_connecting(*this, address, options, std::move(done));
}

std::uint64_t EpollLoop::add(std::shared_ptr<Watcher> watcher) {
    watchers_.emplace(++last_watcher_, std::move(watcher));
    return last_watcher_;
}

void EpollLoop::remove(std::uint64_t id) { watchers_.erase(id); }

void EpollLoop::watch(int descriptor, std::uint64_t id, std::uint32_t events, bool known) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ASSERT(::epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void EpollLoop::unwatch(int descriptor) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

}  // namespace detail

std::unique_ptr<Loop> make_epoll_loop(const Clock& clock) { return std::make_unique<detail::EpollLoop>(clock); }

}  // namespace gongshu::io
