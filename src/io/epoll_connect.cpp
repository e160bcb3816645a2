#include "io/detail/epoll_connect.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/detail/epoll_stream.h"
#include "io/detail/os_error.h"
#include "io/detail/sockets.h"

namespace gongshu::io::detail {

namespace {

// One attempt to reach an address: the name, then each of its addresses, then TLS.
// Lives:   until `done` is called, at most ConnectOptions::timeout.
// Threads: the loop's.
// Bounds:  none of its own.
// Disk:    none.
class Connector final : public Watcher, public std::enable_shared_from_this<Connector> {
public:
    Connector(EpollLoop& loop, Address target, const ConnectOptions& options, StreamDone done)
        : loop_(loop),
          target_(std::move(target)),
          options_(options),
          done_(std::move(done)),
          deadline_(loop.clock().monotonic() + options.timeout) {}
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;
    ~Connector() override { close(); }

    void begin() {
        id_ = loop_.add(shared_from_this());
        timer_ = loop_.after(options_.timeout, [self = shared_from_this()] {
            self->finish(Error{Code::timeout, "cannot connect to {}: no answer within {} ms", to_string(self->target_),
                               self->options_.timeout / kMillisecond});
        });
        auto numeric = resolve(target_, true);
        if (numeric) {
            addresses_ = std::move(*numeric);
            return loop_.post([self = shared_from_this()] { self->try_next(); });
        }
        const auto asked = loop_.resolver().resolve(target_, [loop = &loop_, weak = weak_from_this()](auto found) {
            loop->post([weak, found = std::move(found)] {
                if (const auto self = weak.lock()) self->take(found);
            });
        });
        if (!asked) loop_.post([self = shared_from_this(), error = asked.error()] { self->finish(error); });
    }

    void on_ready(std::uint32_t) override {
        int number = 0;
        socklen_t size = sizeof number;
        ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &number, &size);
        if (number == 0) return connected();
        last_error_ = number;
        close();
        try_next();
    }

    void abandon() override {
        close();
        done_ = nullptr;
    }

private:
    void take(const Result<std::vector<SocketAddress>>& found) {
        if (!found) return finish(found.error());
        addresses_ = *found;
        try_next();
    }

    void try_next() {
        while (done_ && next_ < addresses_.size()) {
            const auto& address = addresses_[next_++];
            const auto made = make_socket(address.family());
            if (!made) {
                last_error_ = EMFILE;
                continue;
            }
            descriptor_ = *made;
            set_keep_alive(descriptor_, options_.keep_alive);
            if (::connect(descriptor_, address.get(), address.size) == 0) return connected();
            if (errno == EINPROGRESS) return loop_.watch(descriptor_, id_, EPOLLOUT, false);
            last_error_ = errno;
            close();
        }
        finish(os_error(last_error_, "cannot connect to {}", to_string(target_)));
    }

    void connected() {
        loop_.unwatch(descriptor_);  // the stream adds it anew, under its own id
        auto stream =
            EpollConnection::make(loop_, std::exchange(descriptor_, -1), to_address(addresses_[next_ - 1]), {});
        if (!options_.tls) return finish(std::move(stream));
        const auto left = std::max<DurationNs>(deadline_ - loop_.clock().monotonic(), 0);
        loop_.handshakes().connect(std::move(stream), options_.tls, target_.host, left,
                                   [done = std::move(done_), target = target_](auto secure) {
                                       done(std::move(secure).context("cannot connect to {}", to_string(target)));
                                   });
        done_ = nullptr;
        leave();
    }

    void finish(Result<std::unique_ptr<Stream>> result) {
        if (!done_) return;
        const auto done = std::exchange(done_, nullptr);
        leave();
        done(std::move(result));
    }

    void leave() {
        close();
        loop_.cancel(timer_);
        loop_.remove(id_);
    }

    void close() {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }

    EpollLoop& loop_;
    const Address target_;
    const ConnectOptions options_;
    StreamDone done_;
    const DurationNs deadline_;
    std::uint64_t id_ = 0;
    TimerId timer_;
    std::vector<SocketAddress> addresses_;
    std::size_t next_ = 0;
    int descriptor_ = -1;
    int last_error_ = EHOSTUNREACH;
};

}  // namespace

void start_connecting(EpollLoop& loop, const Address& address, const ConnectOptions& options, StreamDone done) {
    std::make_shared<Connector>(loop, address, options, std::move(done))->begin();
}

}  // namespace gongshu::io::detail
