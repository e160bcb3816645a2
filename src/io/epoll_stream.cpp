#include "io/detail/epoll_stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/detail/os_error.h"

namespace gongshu::io::detail {

namespace {

constexpr std::size_t kKeptCapacity = 16 << 10;  // an idle connection keeps no more memory than this

class EpollStream final : public Stream {
public:
    explicit EpollStream(std::shared_ptr<EpollConnection> connection) : connection_(std::move(connection)) {}
    EpollStream(const EpollStream&) = delete;
    EpollStream& operator=(const EpollStream&) = delete;
    ~EpollStream() override { connection_->close(); }

    void start(Events events) override { connection_->start(std::move(events)); }
    void send(Bytes bytes) override { connection_->send(bytes); }
    std::size_t unsent_bytes() const override { return connection_->unsent_bytes(); }
    void set_send_bytes_max(std::size_t bytes) override { connection_->set_send_bytes_max(bytes); }
    void pause_reading(bool paused) override { connection_->pause_reading(paused); }
    void close() override { connection_->close(); }
    Address peer() const override { return connection_->peer(); }
    bool secure() const override { return false; }

private:
    const std::shared_ptr<EpollConnection> connection_;
};

}  // namespace

std::unique_ptr<Stream> EpollConnection::make(EpollLoop& loop, int descriptor, Address peer,
                                              std::shared_ptr<void> ticket) {
    auto connection = std::make_shared<EpollConnection>(loop, descriptor, std::move(peer), std::move(ticket));
    connection->id_ = loop.add(connection);
    return std::make_unique<EpollStream>(std::move(connection));
}

EpollConnection::EpollConnection(EpollLoop& loop, int descriptor, Address peer, std::shared_ptr<void> ticket)
    : loop_(&loop), descriptor_(descriptor), peer_(std::move(peer)), ticket_(std::move(ticket)) {}

EpollConnection::~EpollConnection() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void EpollConnection::start(Stream::Events events) {
    if (state_ == State::closed || state_ == State::draining || state_ == State::lingering) return;
    ASSERT(loop_->in_loop());
    events_ = std::make_shared<const Stream::Events>(std::move(events));
    update_interest();
}

void EpollConnection::send(Bytes bytes) {
    if (state_ != State::open || bytes.empty()) return;
    ASSERT(loop_->in_loop());
    if (unsent_bytes() + bytes.size() > send_bytes_max_) {
        state_ = State::failing;
        mark_dirty();
        return;
    }
    if (out_sent_ > kKeptCapacity && out_sent_ > out_.size() / 2) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_sent_));
        out_sent_ = 0;
    }
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    if (!blocked_) mark_dirty();
}

void EpollConnection::pause_reading(bool paused) {
    if (paused == paused_ || state_ != State::open) return;
    ASSERT(loop_->in_loop());
    paused_ = paused;
    mark_dirty();
}

void EpollConnection::close() {
    if (state_ == State::closed || state_ == State::draining || state_ == State::lingering) return;
    ASSERT(loop_->in_loop());
    if (state_ == State::failing) return shut();
    state_ = State::draining;
    events_.reset();
    mark_dirty();
    close_timer_ = loop_->after(Stream::kCloseTimeout, [self = shared_from_this()] { self->shut(); });
}

void EpollConnection::mark_dirty() {
    if (dirty_) return;
    dirty_ = true;
    loop_->mark_dirty(shared_from_this());
}

void EpollConnection::on_ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        blocked_ = false;
        mark_dirty();
    }
    const bool reading = state_ == State::open && !paused_ && events_ != nullptr;
    if ((events & EPOLLIN) != 0 && state_ == State::lingering) return read_nothing_more();
    if ((events & EPOLLIN) != 0 && reading) return read();
    if ((events & (EPOLLERR | EPOLLHUP)) == 0) return;
    int number = 0;
    socklen_t size = sizeof number;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number == 0) return fail(Error{Code::unavailable, "closed by peer"});
    fail(os_error(number, "the connection with {} failed", to_string(peer_)));
}

void EpollConnection::read() {
    const auto scratch = loop_->scratch();
    const auto count = ::recv(descriptor_, scratch.data(), scratch.size(), 0);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return fail(os_error(errno, "the connection with {} failed", to_string(peer_)));
    }
    if (count == 0) return fail(Error{Code::unavailable, "closed by peer"});
    const auto events = events_;  // the callback may replace or destroy them
    if (events->on_data) events->on_data(scratch.first(static_cast<std::size_t>(count)));
}

// What still comes is dropped until the peer's end: closing with unread bytes would send a reset, which takes away from
// the peer what it has not read yet.
void EpollConnection::read_nothing_more() {
    const auto scratch = loop_->scratch();
    const auto count = ::recv(descriptor_, scratch.data(), scratch.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) shut();
}

void EpollConnection::flush() {
    dirty_ = false;
    if (state_ == State::closed || state_ == State::lingering) return;
    if (state_ == State::failing) {
        return fail(Error{Code::limit, "closed because the peer {} reads too slowly: more than {} bytes wait for it",
                          to_string(peer_), send_bytes_max_});
    }
    const bool had_output = unsent_bytes() > 0;
    if (had_output && !blocked_ && !write()) return;
    if (unsent_bytes() == 0) {
        if (state_ == State::draining) return begin_linger();
        out_sent_ = 0;
        out_.clear();
        if (out_.capacity() > kKeptCapacity) out_ = Buffer{};
    }
    update_interest();
    if (!had_output || unsent_bytes() > 0) return;
    const auto events = events_;
    if (events && events->on_drained) events->on_drained();
}

// False if the connection is gone.
bool EpollConnection::write() {
    while (unsent_bytes() > 0) {
        const auto count = ::send(descriptor_, out_.data() + out_sent_, unsent_bytes(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            blocked_ = true;
            break;
        }
        if (count < 0) {
            fail(os_error(errno, "the connection with {} failed", to_string(peer_)));
            return false;
        }
        out_sent_ += static_cast<std::size_t>(count);
    }
    return true;
}

void EpollConnection::update_interest() {
    const bool reading = state_ == State::lingering || (state_ == State::open && events_ != nullptr && !paused_);
    const std::uint32_t wanted = (reading ? EPOLLIN : 0u) | (blocked_ ? EPOLLOUT : 0u);
    if (interest_ == wanted) return;
    loop_->watch(descriptor_, id_, wanted, interest_.has_value());
    interest_ = wanted;
}

void EpollConnection::begin_linger() {
    state_ = State::lingering;
    blocked_ = false;
    if (::shutdown(descriptor_, SHUT_WR) != 0) return shut();  // the peer has gone already
    update_interest();
}

void EpollConnection::fail(const Error& error) {
    const auto self = shared_from_this();
    const auto events = std::move(events_);
    shut();
    if (events && events->on_closed) events->on_closed(error);
}

void EpollConnection::shut() {
    if (state_ == State::closed) return;
    const auto self = shared_from_this();
    state_ = State::closed;
    ::close(descriptor_);
    descriptor_ = -1;
    out_ = Buffer{};
    out_sent_ = 0;
    events_.reset();
    ticket_.reset();
    if (close_timer_) loop_->cancel(close_timer_);
    loop_->remove(id_);
}

void EpollConnection::abandon() {
    shut();
    loop_ = nullptr;
}

}  // namespace gongshu::io::detail
