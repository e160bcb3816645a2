#include "connect/poll_link.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "io/tls.h"

namespace gongshu::connect {

namespace {

constexpr int kSilenceTries = 20;
constexpr std::size_t kIdleBytesMin = 4;
// An exchange of many messages: so many of them, and so many time-outs altogether.
constexpr int kStepsMax = 300;
constexpr int kTimeoutsMax = 10;
constexpr int kLinksMax = 5;
constexpr DurationNs kHandshake = 5 * kSecond;  // of TLS with a small machine

}  // namespace

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

PollLink::PollLink(io::Loop& loop, TenantId tenant, TargetPolicy may_connect, AtomicCounters& counters, Driver& driver,
                   LinkEvents events)
    : loop_(loop),
      tenant_(tenant),
      may_connect_(std::move(may_connect)),
      counters_(counters),
      driver_(driver),
      events_(std::move(events)) {}

// ---- opening ----

void PollLink::open(const LinkConfig& config, Opened done) {
    ASSERT(stream_ == nullptr && config.way != Way::dialled_in);
    const std::uint64_t generation = ++generation_;
    timeout_ = config.timeout;
    idle_texts_.clear();
    links_ = 0;
    const bool serial = config.way == Way::serial;
    target_ = serial ? io::Address{config.serial.path, 0} : io::Address{config.host, config.port};
    make_tls(config.http);
    if (!serial) return dial(std::move(done));
    const auto finish = [weak = weak_from_this(), generation,
                         done = std::move(done)](Result<std::unique_ptr<io::Stream>> stream) {
        const auto self = weak.lock();
        if (!self || self->generation_ != generation) return;  // the stream closes as it goes out of scope
        if (!stream) return done(std::move(stream).error());
        self->take_over(std::move(*stream), done);
    };
    if (auto allowed = may_connect_(tenant_, target_); !allowed)
        return loop_.post([finish, error = allowed.error()] { finish(error); });
    byte_time_ = byte_time(config.serial);
    silence_ = frame_silence(config.serial);
    const auto opened = std::make_shared<Result<std::unique_ptr<io::Stream>>>(io::open_serial(loop_, config.serial));
    loop_.post([finish, opened] { finish(std::move(*opened)); });
}

// Authorities are read from the disk: once for a connection.
void PollLink::make_tls(const HttpSettings& http) {
    if (http == tls_for_) return;
    tls_for_ = http;
    if (!http.secure)
        tls_ = std::shared_ptr<const io::TlsClient>();
    else if (http.fingerprint.empty())
        tls_ = io::make_tls_client("");
    else
        tls_ = io::make_pinned_tls_client(http.fingerprint);
}

// By TCP to the target, and by TLS where that is wanted. `done` is called later, once, unless the link is closed or opened
// anew before.
void PollLink::connect(StreamDone done) {
    const auto finish = [weak = weak_from_this(), generation = generation_,
                         done = std::move(done)](Result<std::unique_ptr<io::Stream>> stream) {
        const auto self = weak.lock();
        if (!self || self->generation_ != generation) return;  // the stream closes as it goes out of scope
        done(std::move(stream));
    };
    auto allowed = may_connect_(tenant_, target_);
    if (allowed && !tls_) allowed = tls_.error();
    if (!allowed) return loop_.post([finish, error = allowed.error()] { finish(error); });
    io::ConnectOptions options;
    options.timeout = std::max(timeout_, kSecond);
    options.keep_alive = kKeepAlive;
    loop_.connect(target_, options, [weak = weak_from_this(), generation = generation_, finish](auto stream) {
        const auto self = weak.lock();
        if (!self || self->generation_ != generation) return;
        if (!stream) return finish(std::move(stream));
        // A name may have led to an address that its text did not show.
        if (auto peer = self->may_connect_(self->tenant_, (*stream)->peer()); !peer) return finish(peer.error());
        if (*self->tls_ == nullptr) return finish(std::move(stream));
        self->loop_.secure(std::move(*stream), *self->tls_, self->target_.host, std::max(self->timeout_, kHandshake),
                           [finish, target = self->target_](auto secured) {
                               finish(std::move(secured).context("cannot connect to {}", io::to_string(target)));
                           });
    });
}

void PollLink::dial(Opened done) {
    ++links_;
    connect([this, done = std::move(done)](Result<std::unique_ptr<io::Stream>> stream) {
        if (!stream) return done(std::move(stream).error());
        take_over(std::move(*stream), done);
    });
}

// The driver goes on over another link to the same machine.
void PollLink::dial_again(const Opened& done) {
    if (links_ >= kLinksMax)
        return done(Error{Code::malformed, "the machine wanted {} links in a row and let nobody in", kLinksMax});
    ++generation_;  // nothing of the former one counts
    let_go();
    dial(done);
}

void PollLink::adopt(std::unique_ptr<io::Stream> stream, const LinkConfig& config, Opened done) {
    ASSERT(stream_ == nullptr);
    ++generation_;
    timeout_ = config.timeout;
    idle_texts_.clear();
    for (const Buffer* text : {&config.dtu.registration, &config.dtu.heartbeat})
        if (!text->empty()) idle_texts_.push_back(*text);
    take_over(std::move(stream), done);
}

std::unique_ptr<io::Stream> PollLink::release() {
    ASSERT(!busy());
    ++generation_;
    stop_quiet_timer();
    stop_say_timer();
    return std::move(stream_);
}

void PollLink::take_over(std::unique_ptr<io::Stream> stream, const Opened& done) {
    const auto self = shared_from_this();
    tell_time();
    driver_.begin_link();
    waiting_.reset();
    drained_.reset();
    start_stream(std::move(stream));
    Buffer greeting = driver_.greet();
    greeting_ = !greeting.empty();
    if (!greeting_) {
        done({});
        return on_say();
    }
    exchange([greeting = std::move(greeting)] { return Result<Buffer>(greeting); }, driver_.greeting_time(timeout_),
             [this, done](Result<Outcome> greeted) {
                 greeting_ = false;
                 if (!greeted) return done(std::move(greeted).error());
                 if (!greeted->errors.empty()) return done(greeted->errors.front());
                 if (driver_.wants_new_link()) return dial_again(done);
                 done({});
                 on_say();
             });
}

void PollLink::start_stream(std::unique_ptr<io::Stream> stream) {
    stream_ = std::move(stream);
    is_dormant_ = false;
    questions_ = 0;
    silent_since_ = heard_at_ = loop_.clock().monotonic();
    const auto weak = weak_from_this();
    const std::uint64_t generation = generation_;
    io::Stream::Events events;
    events.on_data = [weak, generation](Bytes bytes) {
        if (const auto self = weak.lock(); self && self->generation_ == generation) self->on_data(bytes);
    };
    events.on_closed = [weak, generation](const Error& error) {
        if (const auto self = weak.lock(); self && self->generation_ == generation) self->on_closed(error);
    };
    stream_->start(std::move(events));
}

// ---- links that are opened anew ----

void PollLink::on_closed(const Error& error) {
    const auto self = shared_from_this();
    if (greeting_) return go_down(driver_.closed_while_greeting(error));
    if (!driver_.reopens()) return go_down(error);
    if (!waiting_) return drop_stream();
    if (!waiting_->on_line) {
        drop_stream();
        return begin_exchange(number_);
    }
    if (!has_heard_ && questions_ > 1 && !waiting_->again) {
        // It had closed the link already when the question came.
        waiting_->again = true;
        drop_stream();
        return reopen();
    }
    auto step = driver_.closed(error);
    if (!step) return go_down(std::move(step).error());
    drop_stream();
    on_step(std::move(*step));
}

void PollLink::drop_stream() {
    ++generation_;
    stop_timer();
    stop_quiet_timer();
    is_dormant_ = true;
    if (!stream_) return;
    // It may be this stream that is calling us: it dies in the next turn.
    std::shared_ptr<io::Stream> dying = std::move(stream_);
    dying->close();
    loop_.post([dying] {});
}

void PollLink::reopen() {
    ++generation_;
    connect([this, number = number_](Result<std::unique_ptr<io::Stream>> stream) {
        if (!stream) return go_down(std::move(stream).error());
        start_stream(std::move(*stream));
        if (waiting_ && waiting_->on_line && number_ == number)
            send(Buffer(waiting_->question));
        else
            begin_exchange(number);
    });
}

// ---- an exchange ----

void PollLink::exchange(Begin begin, DurationNs timeout, Ended done) {
    ASSERT(is_open() && !busy());
    ++number_;
    waiting_ = Waiting{};
    waiting_->begin = std::move(begin);
    waiting_->timeout = timeout;
    waiting_->done = std::move(done);
    begin_exchange(number_);
}

void PollLink::begin_exchange(std::uint32_t number) {
    if (!waiting_ || number_ != number) return;
    if (is_dormant_) return reopen();
    // Somebody else may have spoken meanwhile; not for ever, or a babbler would keep everybody from asking.
    const DurationNs wait = silent_since_ + silence_ - loop_.clock().monotonic();
    if (silence_ != 0 && wait > 0 && ++waiting_->waits < kSilenceTries)
        return start_timer(wait, &PollLink::begin_exchange);
    tell_time();
    auto bytes = waiting_->begin();
    if (!bytes) {
        return loop_.post([weak = weak_from_this(), generation = generation_, number, error = bytes.error()] {
            const auto self = weak.lock();
            if (self && self->generation_ == generation && self->number_ == number && self->waiting_) self->end(error);
        });
    }
    waiting_->on_line = true;
    waiting_->began = loop_.clock().monotonic();
    send(*bytes);
    if (driver_.keeps_time()) expect_to_say();
}

void PollLink::tell_time() { driver_.at(loop_.clock().monotonic(), loop_.clock().now()); }

void PollLink::on_plan() {
    if (!stream_ || driver_.say_every() == 0) return;
    tell_time();
    if (driver_.say_every() != said_every_) expect_to_say();
}

// What a slow line needs for the bytes is not the machine's fault.
DurationNs PollLink::time_for(Bytes sent) const {
    return waiting_->timeout + static_cast<DurationNs>(sent.size() + driver_.answer_bytes()) * byte_time_;
}

void PollLink::send(Bytes bytes) {
    waiting_->sent = loop_.clock().monotonic();
    has_heard_ = false;
    ++questions_;
    if (driver_.reopens()) waiting_->question.assign(bytes.begin(), bytes.end());
    if (is_dormant_) return reopen();  // the answer before this question ended with its link
    if (!driver_.keeps_time()) start_timer(time_for(bytes), &PollLink::on_timeout);
    ++counters_.requests;
    counters_.bytes_out += bytes.size();
    if (!bytes.empty()) stream_->send(bytes);
    silent_since_ = waiting_->sent + static_cast<DurationNs>(bytes.size()) * byte_time_;
}

void PollLink::forget() {
    ++generation_;
    stop_timer();
    stop_quiet_timer();
    stop_say_timer();
    waiting_.reset();
    drained_.reset();
    driver_.abandon();
    is_dormant_ = false;
    if (stream_) let_go();
}

void PollLink::close() {
    const Buffer bytes = stream_ ? driver_.bye() : Buffer{};
    if (!bytes.empty()) {
        counters_.bytes_out += bytes.size();
        stream_->send(bytes);
    }
    forget();
}

void PollLink::let_go() {
    // It may be this stream that is calling us: it dies in the next turn.
    std::shared_ptr<io::Stream> dying = std::move(stream_);
    dying->close();
    loop_.post([dying] {});
}

// `work` gets the number of the exchange that is the last one now.
void PollLink::start_timer(DurationNs delay, void (PollLink::*work)(std::uint32_t)) {
    stop_timer();
    timer_ = loop_.after(delay, [weak = weak_from_this(), work, number = number_, generation = generation_] {
        const auto self = weak.lock();
        if (!self || self->generation_ != generation) return;
        self->timer_ = {};
        ((*self).*work)(number);
    });
}

void PollLink::stop_timer() {
    if (timer_) loop_.cancel(timer_);
    timer_ = {};
}

// ---- what comes ----

// All that a DTU says by itself, at the beginning: elsewhere a driver takes it for noise.
Bytes PollLink::without_idle_texts(Bytes bytes) const {
    for (bool found = true; found;) {
        found = false;
        for (const Buffer& text : idle_texts_) {
            if (bytes.size() < text.size() || !std::ranges::equal(bytes.first(text.size()), text)) continue;
            bytes = bytes.subspan(text.size());
            while (!bytes.empty() && (bytes[0] == '\r' || bytes[0] == '\n')) bytes = bytes.subspan(1);
            found = true;
        }
    }
    return bytes;
}

void PollLink::on_data(Bytes bytes) {
    const auto self = shared_from_this();
    counters_.bytes_in += bytes.size();
    heard_at_ = loop_.clock().monotonic();
    silent_since_ = std::max(silent_since_, heard_at_);
    tell_time();
    const bool asked = drained_ || (waiting_ && waiting_->on_line);
    if (!asked) {
        auto heard = driver_.hear(driver_.knows_idle_texts() ? bytes : without_idle_texts(bytes));
        if (heard) {
            expect_quiet();
            return on_heard(std::move(*heard));
        }
        ++counters_.malformed;
        return go_down(std::move(heard).error());
    }
    // A text of some length that came by itself is the DTU's; a frame's piece is never just that.
    const bool is_idle =
        !driver_.knows_idle_texts() && bytes.size() >= kIdleBytesMin && without_idle_texts(bytes).empty();
    if (is_idle) return;
    has_heard_ = true;
    on_fed(driver_.feed(bytes));
}

void PollLink::on_fed(Result<Step> step) {
    const std::uint64_t generation = generation_;
    on_heard(driver_.take_heard());
    if (generation_ != generation) return;
    if (step) return on_step(std::move(*step));
    ++(step.error().code() == Code::timeout ? counters_.timeouts : counters_.malformed);
    go_down(std::move(step).error());
}

void PollLink::on_step(Step step) {
    if (auto* done = std::get_if<Done>(&step)) return drained_ ? end_drain(true) : end(std::move(done->outcome));
    const auto* more = std::get_if<Send>(&step);
    if (more == nullptr) return expect_quiet();
    if (drained_) return end_drain(true);  // nobody wants the rest
    // One that always has more to say must not keep the line for itself.
    if (++waiting_->steps > kStepsMax || loop_.clock().monotonic() - waiting_->began > kTimeoutsMax * waiting_->timeout)
        return on_timeout(number_);
    waiting_->again = false;
    send(more->bytes);
}

void PollLink::on_heard(Heard heard) {
    counters_.malformed += heard.malformed + driver_.take_malformed();
    if (!heard.send.empty() && stream_) {
        counters_.bytes_out += heard.send.size();
        stream_->send(heard.send);
    }
    if (driver_.say_every() != said_every_) expect_to_say();
    if (!heard.fault.empty() && events_.on_fault) events_.on_fault(heard.fault);
    if (!heard.readings.empty() && events_.on_heard) events_.on_heard(std::move(heard.readings));
}

// ---- what is said without being asked ----

void PollLink::expect_to_say() {
    stop_say_timer();
    if (!stream_) return;  // and the driver may be gone with it
    said_every_ = driver_.say_every();
    if (said_every_ == 0) return;
    say_timer_ = loop_.after(said_every_, [weak = weak_from_this(), generation = generation_] {
        const auto self = weak.lock();
        if (!self || self->generation_ != generation) return;
        self->say_timer_ = {};
        self->on_say();
    });
}

void PollLink::on_say() {
    if (!stream_ || driver_.say_every() == 0) return;
    // Between a question and its answer it would be a part of neither.
    const auto self = shared_from_this();
    tell_time();
    if (busy() && driver_.keeps_time()) {
        on_fed(driver_.feed({}));
        return expect_to_say();
    }
    auto bytes = busy() ? Result<Buffer>(Buffer{}) : driver_.say();
    if (!bytes) {
        ++counters_.timeouts;
        return go_down(std::move(bytes).error());
    }
    if (!bytes->empty()) {
        counters_.bytes_out += bytes->size();
        stream_->send(*bytes);
    }
    on_heard(driver_.take_heard());
    expect_to_say();
}

void PollLink::stop_say_timer() {
    if (say_timer_) loop_.cancel(say_timer_);
    say_timer_ = {};
}

// Some frames end only by the line's being quiet.
void PollLink::expect_quiet() {
    const std::uint32_t quiet_ms = driver_.silence_ms();
    if (quiet_ms == 0) return;
    stop_quiet_timer();
    quiet_timer_ =
        loop_.after(quiet_ms * kMillisecond, [weak = weak_from_this(), number = number_, generation = generation_] {
            const auto self = weak.lock();
            if (!self || self->generation_ != generation) return;
            self->quiet_timer_ = {};
            self->on_quiet(number);
        });
}

void PollLink::on_quiet(std::uint32_t number) {
    if (number != number_) return;
    if (!drained_ && (!waiting_ || !waiting_->on_line)) return on_heard(driver_.hear_quiet());
    auto step = driver_.quiet();
    counters_.malformed += driver_.take_malformed();
    if (!step) return go_down(std::move(step).error());
    if (!std::holds_alternative<More>(*step)) on_step(std::move(*step));
}

void PollLink::stop_quiet_timer() {
    if (quiet_timer_) loop_.cancel(quiet_timer_);
    quiet_timer_ = {};
}

// ---- how it ends ----

void PollLink::end(Result<Outcome> outcome) {
    const auto self = shared_from_this();
    Waiting waiting = std::move(*waiting_);
    waiting_.reset();
    stop_timer();
    if (waiting.on_line) {
        latency_ = loop_.clock().monotonic() - waiting.sent;
        if (!outcome)
            ++(outcome.error().code() == Code::timeout ? counters_.timeouts : counters_.malformed);
        else
            ++(outcome->refused.empty() && outcome->errors.empty() ? counters_.replies : counters_.exceptions);
    }
    waiting.done(std::move(outcome));
}

void PollLink::on_timeout(std::uint32_t number) {
    if (!waiting_ || number_ != number) return;
    const auto self = shared_from_this();
    Waiting waiting = std::move(*waiting_);
    waiting_.reset();
    ++counters_.timeouts;
    Error error = driver_.no_answer((loop_.clock().monotonic() - waiting.sent) / kMillisecond);
    counters_.malformed += driver_.take_malformed();
    if (driver_.late()) {
        drained_ = number;
        start_timer(waiting.timeout, &PollLink::on_drained);
    } else {
        driver_.abandon();
        if (driver_.reopens()) drop_stream();
    }
    waiting.done(std::move(error));
}

void PollLink::on_drained(std::uint32_t number) {
    if (drained_ == number) end_drain(false);
}

void PollLink::end_drain(bool came) {
    const auto self = shared_from_this();
    stop_timer();
    drained_.reset();
    driver_.abandon();
    if (events_.on_ready) events_.on_ready(came);
}

void PollLink::go_down(Error error) {
    const auto self = shared_from_this();
    error = driver_.on_lost(error);
    forget();
    events_.on_down(error);
}

}  // namespace gongshu::connect
