#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"

namespace gongshu::io {

using TimerId = Id<struct TimerIdName>;

// Where to listen or connect: "127.0.0.1:1883", "[::1]:0", "plc7.lan:502". Port 0 = the system picks (listen only).
struct Address {
    std::string host;
    std::uint16_t port = 0;
};
Result<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

// One TCP (or TLS) connection. All calls and callbacks on its loop's thread. Destroying it is close(); a stream may be
// destroyed from within its own callbacks.
class Stream {
public:
    struct Events {
        // Bytes that came, valid during the call. Take all of them.
        std::function<void(Bytes)> on_data;
        // The peer closed (Code::unavailable, "closed by peer"), or the link failed. Called at most once, last, and
        // never from within send() or close().
        std::function<void(const Error&)> on_closed;
        // Everything handed to send() has gone to the system. For senders that produce piece by piece.
        std::function<void()> on_drained;
    };

    static constexpr DurationNs kCloseTimeout = 5 * kSecond;
    static constexpr std::size_t kSendBytesMax = 16 << 20;  // unless set_send_bytes_max() says otherwise
    static constexpr std::size_t kReadBytesMax = 64 << 10;  // at most this much in one on_data

    virtual ~Stream() = default;
    // Must be called before the loop next runs; may be called again to hand the stream to somebody else.
    virtual void start(Events events) = 0;
    // Queues all of it; it leaves in one system call at the end of this turn of the loop. More than send_bytes_max()
    // waiting closes the stream (on_closed with Code::limit), so a slow reader cannot fill memory.
    virtual void send(Bytes bytes) = 0;
    virtual std::size_t unsent_bytes() const = 0;
    virtual void set_send_bytes_max(std::size_t bytes) = 0;
    // While paused no bytes are read: the peer is slowed down by TCP itself.
    virtual void pause_reading(bool paused) = 0;
    // Sends what is queued, then closes; gives the peer kCloseTimeout to take it. No callbacks after this.
    virtual void close() = 0;
    virtual Address peer() const = 0;
    virtual bool secure() const = 0;  // TLS
};

class Listener {
public:
    virtual ~Listener() = default;        // stops listening
    virtual Address address() const = 0;  // with the port that was picked
};

class TlsServer;  // certificate and key for accepted streams, see io/tls.h
class TlsClient;

struct ListenOptions {
    // Null = plain. With it, streams are handed over after the handshake, for which they have 10 s.
    std::shared_ptr<const TlsServer> tls;
    std::uint32_t streams_max = 20'000;  // more are accepted and closed at once
    DurationNs keep_alive = 0;           // as of ConnectOptions
};

struct ConnectOptions {
    std::shared_ptr<const TlsClient> tls;  // null = plain
    DurationNs timeout = 5 * kSecond;      // for the name, the connection and the handshake together
    // So long without a byte, and the system asks whether the peer is still there; four times, 15 s apart, then the
    // link is lost. Whole seconds; 0 = it never does.
    DurationNs keep_alive = 0;
};

// Loop is one thread's world: timers, posted work and sockets, in one thread, one thing after another.
// Lives:   made once per thread; run() occupies its thread until stop(), and runs what was posted before stop().
// Streams
//          and listeners may outlive it: they are closed then. What still waits when it is destroyed is dropped.
// Threads: post(), stop() and in_loop() from any; all else from the loop's own thread, or while run() does not run
//          (in_loop() is true then, but never in a thread that runs another loop). Anything else ends in an ASSERT.
// Bounds:  a callback should take at most about 1 ms; longer work goes to a Pool.
class Loop {
public:
    virtual ~Loop() = default;
    virtual void run() = 0;
    virtual void stop() = 0;
    virtual bool in_loop() const = 0;

    // Runs `work` on the loop's thread, in the order posted. Work posted after stop() is dropped.
    virtual void post(std::function<void()> work) = 0;
    // Once, after `delay` (>= 0). Zero means the next turn.
    virtual TimerId after(DurationNs delay, std::function<void()> work) = 0;
    virtual void cancel(TimerId timer) = 0;  // fine if it ran already

    virtual const Clock& clock() const = 0;

    // Calls `work` on the loop's thread for each SIGINT, SIGTERM and SIGHUP, instead of what they do by themselves.
    // Once per process, from the thread that makes the others and before it does, because they inherit its signal mask.
    // A simulated loop never calls it.
    virtual void on_signal(std::function<void(int)> work) = 0;

    virtual Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                                     std::function<void(std::unique_ptr<Stream>)> on_accept) = 0;
    // `done` is called later, once, with the stream or why not. Names are resolved off the loop.
    virtual void connect(const Address& address, const ConnectOptions& options,
                         std::function<void(Result<std::unique_ptr<Stream>>)> done) = 0;
    // Goes on over `plain`, a stream of this loop, with TLS: for who looks at the peer first, and for STARTTLS. `host` is
    // the name that the certificate has to have. `done` is called later, once, with the secure stream or why not.
    virtual void secure(std::unique_ptr<Stream> plain, std::shared_ptr<const TlsClient> tls, const std::string& host,
                        DurationNs timeout, std::function<void(Result<std::unique_ptr<Stream>>)> done) = 0;
};

// A bounded pool of threads for queries, rendering, compaction, syncs. submit() refuses (false) when `queue_max` jobs
// wait. Any thread. Destroying it waits for what runs and drops what waits; not from one of its own jobs.
class Pool {
public:
    virtual ~Pool() = default;
    virtual bool submit(std::function<void()> job) = 0;
};

std::unique_ptr<Loop> make_epoll_loop(const Clock& clock);
std::unique_ptr<Pool> make_thread_pool(std::size_t threads, std::size_t queue_max);
// The machine's clock.
std::unique_ptr<Clock> make_system_clock();

}  // namespace gongshu::io
