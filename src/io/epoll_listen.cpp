#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/detail/epoll_connect.h"
#include "io/detail/epoll_stream.h"
#include "io/detail/os_error.h"
#include "io/detail/sockets.h"

namespace gongshu::io::detail {

namespace {

constexpr int kBacklog = 4'096;
constexpr int kAcceptsPerTurn = 64;  // so that a storm of connections leaves time for those that are there
constexpr DurationNs kAcceptPause = 100 * kMillisecond;
constexpr DurationNs kComplaintInterval = 10 * kSecond;

// A listening socket.
// Lives:   as long as its handle or its loop.
// Threads: the loop's.
// Bounds:  streams_max connections that are not closed yet; further ones are closed at once.
// Disk:    none.
class Acceptor final : public Watcher, public std::enable_shared_from_this<Acceptor> {
public:
    Acceptor(EpollLoop& loop, int descriptor, const ListenOptions& options,
             std::function<void(std::unique_ptr<Stream>)> on_accept)
        : loop_(&loop),
          descriptor_(descriptor),
          address_(local_address(descriptor)),
          options_(options),
          on_accept_(std::make_shared<std::function<void(std::unique_ptr<Stream>)>>(std::move(on_accept))) {}
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    ~Acceptor() override { close(); }

    void begin() {
        id_ = loop_->add(shared_from_this());
        loop_->watch(descriptor_, id_, EPOLLIN, false);
    }

    const Address& address() const { return address_; }

    void close() {
        if (descriptor_ < 0) return;
        ::close(descriptor_);
        descriptor_ = -1;
        on_accept_.reset();
        if (pause_) loop_->cancel(pause_);
        loop_->remove(id_);
    }

    void on_ready(std::uint32_t) override {
        const auto self = shared_from_this();  // on_accept may destroy the listener
        for (int i = 0; i < kAcceptsPerTurn && descriptor_ >= 0; ++i) {
            SocketAddress peer;
            peer.size = sizeof peer.storage;
            const int accepted = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                                           SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (accepted >= 0) {
                take(accepted, peer);
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                return pause(errno);
            } else if (errno == EAGAIN) {
                return;
            }  // else the peer has gone again before it was accepted
        }
    }

    void abandon() override {
        close();
        loop_ = nullptr;
    }

private:
    void take(int accepted, const SocketAddress& peer) {
        if (*count_ >= options_.streams_max) {
            ::close(accepted);
            return complain("{} streams are open on {}, its limit: more are closed at once", *count_,
                            to_string(address_));
        }
        set_no_delay(accepted);
        set_keep_alive(accepted, options_.keep_alive);
        ++*count_;
        const std::shared_ptr<void> ticket(nullptr, [count = count_](void*) { --*count; });
        auto stream = EpollConnection::make(*loop_, accepted, to_address(peer), ticket);
        if (!options_.tls) {
            const auto on_accept = on_accept_;
            return (*on_accept)(std::move(stream));
        }
        loop_->handshakes().accept(std::move(stream), options_.tls,
                                   [weak = weak_from_this(), who = to_address(peer)](auto secure) {
                                       if (const auto self = weak.lock()) self->finish(who, std::move(secure));
                                   });
    }

    void finish(const Address& who, Result<std::unique_ptr<Stream>> secure) {
        if (descriptor_ < 0) return;
        if (!secure) return complain("{} from {}: {}", to_string(address_), to_string(who), secure.error().text());
        const auto on_accept = on_accept_;
        (*on_accept)(std::move(*secure));
    }

    // No descriptors are left: the connection waits in the kernel, and would wake us for ever.
    void pause(int number) {
        complain("cannot accept on {}: {}", to_string(address_), std::generic_category().message(number));
        loop_->watch(descriptor_, id_, 0, true);
        pause_ = loop_->after(kAcceptPause, [self = shared_from_this()] {
            self->pause_ = {};
            if (self->descriptor_ >= 0) self->loop_->watch(self->descriptor_, self->id_, EPOLLIN, true);
        });
    }

    // A line a while, whoever knocks however often.
    template <class... Args>
    void complain(fmt::format_string<Args...> format, Args&&... args) {
        const auto now = loop_->clock().monotonic();
        if (complained_ && now - *complained_ < kComplaintInterval) return;
        complained_ = now;
        log_warning("io", format, std::forward<Args>(args)...);
    }

    EpollLoop* loop_;
    int descriptor_;
    const Address address_;
    const ListenOptions options_;
    std::shared_ptr<std::function<void(std::unique_ptr<Stream>)>> on_accept_;
    std::shared_ptr<std::uint32_t> count_ = std::make_shared<std::uint32_t>(0);
    std::uint64_t id_ = 0;
    TimerId pause_;
    std::optional<DurationNs> complained_;
};

class EpollListener final : public Listener {
public:
    explicit EpollListener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
    EpollListener(const EpollListener&) = delete;
    EpollListener& operator=(const EpollListener&) = delete;
    ~EpollListener() override { acceptor_->close(); }
    Address address() const override { return acceptor_->address(); }

private:
    const std::shared_ptr<Acceptor> acceptor_;
};

Result<int> listening_socket(const Address& address) {
    const auto found = TRY(resolve(address, false));
    const int descriptor = TRY(make_socket(found.front().family()));
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(descriptor, found.front().get(), found.front().size) == 0 && ::listen(descriptor, kBacklog) == 0) {
        return descriptor;
    }
    const int number = errno;
    ::close(descriptor);
    return os_error(number, "cannot listen on {}", to_string(address));
}

}  // namespace

Result<std::unique_ptr<Listener>> start_listening(EpollLoop& loop, const Address& address, const ListenOptions& options,
                                                  std::function<void(std::unique_ptr<Stream>)> on_accept) {
    const int descriptor = TRY(listening_socket(address));
    auto acceptor = std::make_shared<Acceptor>(loop, descriptor, options, std::move(on_accept));
    acceptor->begin();
    return std::make_unique<EpollListener>(std::move(acceptor));
}

}  // namespace gongshu::io::detail
