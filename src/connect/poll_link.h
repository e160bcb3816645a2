#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "connect/connections.h"
#include "connect/driver.h"
#include "io/loop.h"

namespace gongshu::connect {

// One number of one connection that is also added to the number of all connections in /metrics.
class Tally {
public:
    void operator++() { *this += 1; }
    void operator+=(std::uint64_t by) {
        own_.fetch_add(by, std::memory_order_relaxed);
        if (all_ != nullptr) all_->add(by);
    }
    operator std::uint64_t() const { return own_.load(std::memory_order_relaxed); }
    void add_to(Counter& all) { all_ = &all; }

private:
    std::atomic<std::uint64_t> own_ = 0;
    Counter* all_ = nullptr;
};

// LinkCounters as they are counted on a lane and read from anywhere.
struct AtomicCounters {
    Tally requests, replies, timeouts, exceptions, malformed, reconnects, readings, bytes_in, bytes_out, dropped;
    // Before the first count. Tests of a connection do not count into /metrics.
    void add_to(Metrics& metrics);
    LinkCounters snapshot() const;
};

// What a link tells of itself; never from within a call of it.
struct LinkEvents {
    std::function<void(const Error&)> on_down;  // once when an open link is lost
    // It is no longer busy with what was left of the last exchange; whether its late answer came.
    std::function<void(bool came)> on_ready;
    std::function<void(std::vector<PointReading>)> on_heard;  // what the machine said without being asked
    std::function<void(const std::string&)> on_fault;         // what was wrong with it, in words; may be null
};

// One link to machines: opens it, lets the driver greet, carries one exchange at a time within its time-out.
//
// Where nothing in an answer says what it answers (Driver::late()) the link is drained after a time-out: it stays busy
// until the late answer came, or one more time-out went by without it.
// Lives:   owned by a session through a shared_ptr, so that a callback that comes late finds it gone; after its driver.
// Threads: its loop's. Bounds: one exchange in flight; what the driver keeps. Disk: none.
class PollLink : public std::enable_shared_from_this<PollLink> {
public:
    using Opened = std::function<void(Result<void>)>;
    using Begin = std::function<Result<Buffer>()>;
    using Ended = std::function<void(Result<Outcome>)>;

    PollLink(io::Loop& loop, TenantId tenant, TargetPolicy may_connect, AtomicCounters& counters, Driver& driver,
             LinkEvents events);

    // By TCP or at a serial port, as the connection says. `done` is called later, once, when the machine was greeted;
    // not if the link is closed before.
    void open(const LinkConfig& config, Opened done);
    // Goes on over a stream that is there, of a DTU that dialled in: what it says between two exchanges is left out.
    // `done` may be called from within.
    void adopt(std::unique_ptr<io::Stream> stream, const LinkConfig& config, Opened done);
    // Gives the stream to somebody else; null if the link is not open. It must not be busy.
    std::unique_ptr<io::Stream> release();
    bool is_open() const { return stream_ != nullptr || is_dormant_; }
    bool busy() const { return waiting_.has_value() || drained_.has_value(); }

    // The link must be open and not busy. `begin` begins an exchange of the driver, when the line is free; it is not
    // called after close(). `done`, later: the outcome, what `begin` said was wrong, Code::timeout, or Code::malformed
    // when the machine answered something else. Not called when the link goes down first: on_down is.
    void exchange(Begin begin, DurationNs timeout, Ended done);
    // The driver was given another plan: it may want to speak sooner.
    void on_plan();
    // Closes without a callback; `done` of an exchange in flight is forgotten.
    void close();
    // Of the last answer.
    DurationNs latency() const { return latency_; }
    // Monotonic, when the last bytes came.
    DurationNs heard_at() const { return heard_at_; }

private:
    struct Waiting {
        Begin begin;
        bool on_line = false;  // its first bytes were sent
        bool again = false;    // its last message, over a new link
        Buffer question;       // that message
        int waits = 0;         // for the line's being silent
        int steps = 0;         // messages after the first
        DurationNs began = 0;  // monotonic, when its first bytes were sent
        DurationNs sent = 0;   // its last ones
        DurationNs timeout = 0;
        Ended done;
    };

    using StreamDone = std::function<void(Result<std::unique_ptr<io::Stream>>)>;
    void make_tls(const HttpSettings& http);
    void connect(StreamDone done);
    void dial(Opened done);
    void dial_again(const Opened& done);
    void forget();
    void let_go();
    void take_over(std::unique_ptr<io::Stream> stream, const Opened& done);
    void start_stream(std::unique_ptr<io::Stream> stream);
    void on_closed(const Error& error);
    void drop_stream();
    void reopen();
    void begin_exchange(std::uint32_t number);
    void send(Bytes bytes);
    DurationNs time_for(Bytes sent) const;
    Bytes without_idle_texts(Bytes bytes) const;
    void on_data(Bytes bytes);
    void on_fed(Result<Step> step);
    void on_step(Step step);
    void tell_time();
    void on_heard(Heard heard);
    void expect_quiet();
    void expect_to_say();
    void on_say();
    void on_quiet(std::uint32_t number);
    void end(Result<Outcome> outcome);
    void on_timeout(std::uint32_t number);
    void on_drained(std::uint32_t number);
    void end_drain(bool came);
    void start_timer(DurationNs delay, void (PollLink::*work)(std::uint32_t));
    void stop_timer();
    void stop_quiet_timer();
    void stop_say_timer();
    void go_down(Error error);

    // Constant after construction.
    io::Loop& loop_;
    const TenantId tenant_;
    const TargetPolicy may_connect_;
    AtomicCounters& counters_;
    Driver& driver_;
    const LinkEvents events_;
    // Lane only.
    std::unique_ptr<io::Stream> stream_;
    std::optional<Waiting> waiting_;
    std::optional<std::uint32_t> drained_;  // number of the exchange whose late answer is waited for
    io::TimerId timer_, quiet_timer_, say_timer_;
    bool greeting_ = false;
    io::Address target_;
    HttpSettings tls_for_;  // what tls_ was made for
    Result<std::shared_ptr<const io::TlsClient>> tls_ = std::shared_ptr<const io::TlsClient>();  // null: in clear
    // Of a driver that reopens: how many messages the link has carried, whether something came of the last one.
    std::size_t questions_ = 0;
    bool has_heard_ = false, is_dormant_ = false;
    DurationNs said_every_ = 0;     // that say_timer_ runs for
    int links_ = 0;                 // since open()
    std::uint32_t number_ = 0;      // of the last exchange
    std::uint64_t generation_ = 0;  // of the link; a connect that finishes later belongs to an older one
    DurationNs timeout_ = kSecond;  // of the greeting
    DurationNs latency_ = 0, heard_at_ = 0;
    // Of a serial line: how long a byte takes, how long it has to be silent before a request, and since when it is.
    DurationNs byte_time_ = 0, silence_ = 0, silent_since_ = 0;
    std::vector<Buffer> idle_texts_;  // of a DTU: what it says by itself
};

}  // namespace gongshu::connect
