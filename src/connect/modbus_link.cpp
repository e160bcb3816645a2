#include "connect/modbus_link.h"

#include "base/assert.h"

namespace gongshu::connect {

using wire::modbus::Frame;
using wire::modbus::Reply;
using wire::modbus::Request;

LinkCounters AtomicCounters::snapshot() const {
    return {requests, replies, timeouts, exceptions, malformed, reconnects, readings, bytes_in, bytes_out, dropped};
}

void AtomicCounters::add_to(Metrics& metrics) {
    const auto name = [&](Tally& tally, const char* what, const char* help) {
        tally.add_to(metrics.counter(std::string("gongshu_connect_") + what + "_total", help));
    };
    name(requests, "requests", "Requests sent to machines.");
    name(replies, "replies", "Good replies of machines.");
    name(timeouts, "timeouts", "Requests without an answer in time.");
    name(exceptions, "exceptions", "Replies in which a machine refuses.");
    name(malformed, "malformed", "Replies that do not fit what was asked, and broken frames.");
    name(reconnects, "reconnects", "Links opened again.");
    name(readings, "readings", "Readings taken from replies.");
    name(bytes_in, "received_bytes", "Bytes received from machines.");
    name(bytes_out, "sent_bytes", "Bytes sent to machines.");
    name(dropped, "dropped_readings", "Readings that the store refused or was too slow for.");
}

ModbusLink::ModbusLink(io::Loop& loop, TenantId tenant, TargetPolicy may_connect, AtomicCounters& counters,
                       std::function<void(const Error&)> on_down)
    : loop_(loop),
      tenant_(tenant),
      may_connect_(std::move(may_connect)),
      counters_(counters),
      on_down_(std::move(on_down)) {}

void ModbusLink::open(const io::Address& target, DurationNs timeout, std::function<void(Result<void>)> done) {
    ASSERT(stream_ == nullptr);
    const std::uint64_t generation = ++generation_;
    if (auto allowed = may_connect_(tenant_, target); !allowed) {
        loop_.post([weak = weak_from_this(), generation, error = allowed.error(), done = std::move(done)] {
            const auto self = weak.lock();
            if (self && self->generation_ == generation) done(error);
        });
        return;
    }
    io::ConnectOptions options;
    options.timeout = timeout;
    loop_.connect(
        target, options,
        [weak = weak_from_this(), generation, done = std::move(done)](Result<std::unique_ptr<io::Stream>> stream) {
            const auto self = weak.lock();
            if (!self || self->generation_ != generation) return;  // the stream closes as it goes out of scope
            if (!stream) return done(std::move(stream).error());
            self->on_stream(std::move(*stream), done);
        });
}

void ModbusLink::on_stream(std::unique_ptr<io::Stream> stream, const std::function<void(Result<void>)>& done) {
    // A name may have led to an address that its text did not show.
    if (auto allowed = may_connect_(tenant_, stream->peer()); !allowed) return done(std::move(allowed).error());
    stream_ = std::move(stream);
    decoder_.reset();
    waiting_.reset();
    const auto weak = weak_from_this();
    io::Stream::Events events;
    events.on_data = [weak](Bytes bytes) {
        if (const auto self = weak.lock()) self->on_data(bytes);
    };
    events.on_closed = [weak](const Error& error) {
        if (const auto self = weak.lock()) self->go_down(error);
    };
    stream_->start(std::move(events));
    done({});
}

void ModbusLink::request(std::uint8_t unit, const Request& request, DurationNs timeout,
                         std::function<void(Result<Reply>)> done) {
    ASSERT(stream_ != nullptr && !waiting_);
    const auto frame = encode_request(++transaction_, unit, request);
    ASSERT(frame.has_value());  // plans and writes keep to the limits
    waiting_ = Waiting{transaction_, unit, request, loop_.clock().monotonic(), std::move(done)};
    timer_ = loop_.after(timeout, [weak = weak_from_this(), transaction = transaction_, generation = generation_] {
        const auto self = weak.lock();
        if (self && self->generation_ == generation) self->on_timeout(transaction);
    });
    ++counters_.requests;
    counters_.bytes_out += frame->size();
    stream_->send(*frame);
}

void ModbusLink::close() {
    ++generation_;
    if (timer_) loop_.cancel(timer_);
    timer_ = {};
    waiting_.reset();
    if (!stream_) return;
    // It may be this stream that is calling us: it dies in the next turn.
    std::shared_ptr<io::Stream> dying = std::move(stream_);
    dying->close();
    loop_.post([dying] {});
}

void ModbusLink::on_data(Bytes bytes) {
    const auto self = shared_from_this();
    counters_.bytes_in += bytes.size();
    const std::uint64_t generation = generation_;
    auto fed = decoder_.feed(bytes, [&](const Frame& frame) { return on_frame(frame) && generation == generation_; });
    if (generation != generation_ || fed) return;
    ++counters_.malformed;
    go_down(std::move(fed).error());
}

bool ModbusLink::on_frame(const Frame& frame) {
    // An answer to nobody: too late, or to something that was never asked. The right one may still come.
    if (!waiting_ || frame.transaction != waiting_->transaction || frame.unit != waiting_->unit) {
        ++counters_.malformed;
        return true;
    }
    Waiting waiting = std::move(*waiting_);
    waiting_.reset();
    loop_.cancel(timer_);
    timer_ = {};
    latency_ = loop_.clock().monotonic() - waiting.sent;
    auto reply = decode_reply(waiting.request, frame.pdu);
    if (!reply)
        ++counters_.malformed;
    else
        ++(reply->exception ? counters_.exceptions : counters_.replies);
    const std::uint64_t generation = generation_;
    waiting.done(std::move(reply));
    return generation == generation_;
}

void ModbusLink::on_timeout(std::uint16_t transaction) {
    if (!waiting_ || waiting_->transaction != transaction) return;
    const auto self = shared_from_this();
    Waiting waiting = std::move(*waiting_);
    waiting_.reset();
    timer_ = {};
    ++counters_.timeouts;
    waiting.done(Error{Code::timeout, "no answer from unit {} to function {} at address {} within {} ms", waiting.unit,
                       static_cast<int>(waiting.request.function), waiting.request.address,
                       (loop_.clock().monotonic() - waiting.sent) / kMillisecond});
}

void ModbusLink::go_down(Error error) {
    const auto self = shared_from_this();
    close();
    on_down_(error);
}

}  // namespace gongshu::connect
