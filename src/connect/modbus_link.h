#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "connect/connections.h"
#include "io/loop.h"
#include "wire/modbus.h"

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

// One TCP link to a Modbus device: opens it, carries one request at a time, matches the reply.
// Lives:   owned by a session through a shared_ptr, so that a callback that comes late finds it gone.
// Threads: its loop's. Bounds: one request in flight; one unfinished frame. Disk: none.
class ModbusLink : public std::enable_shared_from_this<ModbusLink> {
public:
    // `on_down` is called once when an open link is lost, never from within a call of this class.
    ModbusLink(io::Loop& loop, TenantId tenant, TargetPolicy may_connect, AtomicCounters& counters,
               std::function<void(const Error&)> on_down);

    void open(const io::Address& target, DurationNs timeout, std::function<void(Result<void>)> done);
    bool is_open() const { return stream_ != nullptr; }
    bool busy() const { return waiting_.has_value(); }

    // The link must be open and not busy. `done`: the reply (an exception is one), Code::timeout, or Code::malformed
    // when the device answered something else. Not called when the link goes down first: on_down is.
    void request(std::uint8_t unit, const wire::modbus::Request& request, DurationNs timeout,
                 std::function<void(Result<wire::modbus::Reply>)> done);
    // Closes without a callback; `done` of a request in flight is forgotten.
    void close();
    // Of the last reply.
    DurationNs latency() const { return latency_; }

private:
    struct Waiting {
        std::uint16_t transaction = 0;
        std::uint8_t unit = 0;
        wire::modbus::Request request;
        DurationNs sent = 0;
        std::function<void(Result<wire::modbus::Reply>)> done;
    };

    void on_stream(std::unique_ptr<io::Stream> stream, const std::function<void(Result<void>)>& done);
    void on_data(Bytes bytes);
    bool on_frame(const wire::modbus::Frame& frame);
    void on_timeout(std::uint16_t transaction);
    void go_down(Error error);

    // Constant after construction.
    io::Loop& loop_;
    const TenantId tenant_;
    const TargetPolicy may_connect_;
    AtomicCounters& counters_;
    const std::function<void(const Error&)> on_down_;
    // Lane only.
    std::unique_ptr<io::Stream> stream_;
    wire::modbus::FrameDecoder decoder_;
    std::optional<Waiting> waiting_;
    io::TimerId timer_;
    std::uint16_t transaction_ = 0;
    std::uint64_t generation_ = 0;  // of the link; a connect that finishes later belongs to an older one
    DurationNs latency_ = 0;
};

}  // namespace gongshu::connect
