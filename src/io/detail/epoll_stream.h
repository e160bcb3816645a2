#pragma once

#include <memory>
#include <optional>

#include "io/detail/epoll_loop.h"

namespace gongshu::io::detail {

// One connected socket. Its handle is the Stream that the user owns; the connection stays until what was sent is gone.
// Lives:   from accept or connect until closed by either side, kCloseTimeout after the handle at the latest.
// Threads: the loop's.
// Bounds:  send_bytes_max of output, then it is closed with Code::limit; input is not kept.
// Disk:    none.
class EpollConnection final : public Watcher, public std::enable_shared_from_this<EpollConnection> {
public:
    // `ticket` is destroyed when the descriptor is closed: whoever counts connections counts it.
    static std::unique_ptr<Stream> make(EpollLoop& loop, int descriptor, Address peer, std::shared_ptr<void> ticket);
    EpollConnection(EpollLoop& loop, int descriptor, Address peer, std::shared_ptr<void> ticket);
    EpollConnection(const EpollConnection&) = delete;
    EpollConnection& operator=(const EpollConnection&) = delete;
    ~EpollConnection() override;

    void start(Stream::Events events);
    void send(Bytes bytes);
    void pause_reading(bool paused);
    void close();
    std::size_t unsent_bytes() const { return out_.size() - out_sent_; }
    void set_send_bytes_max(std::size_t bytes) { send_bytes_max_ = bytes; }
    const Address& peer() const { return peer_; }

    void on_ready(std::uint32_t events) override;
    void abandon() override;
    // The end of a turn: sends what was collected.
    void flush();

private:
    enum class State {
        open,
        failing,    // over its limit; on_closed comes at the end of the turn
        draining,   // close() was called, output is left
        lingering,  // all sent, waiting for the peer's end so that it can read it
        closed,
    };

    void mark_dirty();
    void read();
    void read_nothing_more();
    bool write();
    void update_interest();
    void begin_linger();
    void fail(const Error& error);
    void shut();

    EpollLoop* loop_;
    int descriptor_;
    const Address peer_;
    std::shared_ptr<void> ticket_;
    std::uint64_t id_ = 0;
    State state_ = State::open;
    std::shared_ptr<const Stream::Events> events_;
    std::optional<std::uint32_t> interest_;  // what epoll was told
    TimerId close_timer_;
    Buffer out_;
    std::size_t out_sent_ = 0;  // the first part of out_, which the system has taken
    std::size_t send_bytes_max_ = Stream::kSendBytesMax;
    bool paused_ = false;
    bool dirty_ = false;
    bool blocked_ = false;  // the system takes no more output for now
};

}  // namespace gongshu::io::detail
