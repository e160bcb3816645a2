#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "io/detail/epoll_serial.h"
#include "io/detail/handshakes.h"
#include "io/detail/os_error.h"
#include "io/detail/timers.h"
#include "io/sim.h"

namespace gongshu::io {

namespace {

using detail::os_error;
using detail::StreamDone;

constexpr DurationNs kLatency = 100 * kMicrosecond;
constexpr std::size_t kWindow = 256 << 10;  // bytes under way to a peer that does not read, as in a kernel's buffers
constexpr std::size_t kPoolQueueMax = 10'000;
constexpr std::uint16_t kFirstPort = 20'000;

class SimLoop;
class SimPool;
class SimEnd;

using OnAccept = std::function<void(std::unique_ptr<Stream>)>;

struct SimPort {
    SimLoop* loop = nullptr;
    Address address;
    ListenOptions options;
    std::shared_ptr<OnAccept> on_accept;
    std::shared_ptr<std::uint32_t> count = std::make_shared<std::uint32_t>(0);
};

Address plain(const Address& address) {
    return {address.host == "localhost" ? "127.0.0.1" : address.host, address.port};
}

// Port 0 means all of the host.
bool covers(const Address& cut, const Address& address) {
    const auto a = plain(cut), b = plain(address);
    return a.host == b.host && (a.port == 0 || a.port == b.port);
}

// What the loops of a world share.
class Network {
public:
    explicit Network(std::uint64_t seed) : rng(seed) {}

    SimPort* find_port(const Address& address) {
        const auto wanted = plain(address);
        for (auto& [id, port] : ports) {
            const auto& host = port.address.host;
            const bool fits = host == "0.0.0.0" || host == "::" || host == wanted.host;
            if (fits && port.address.port == wanted.port) return &port;
        }
        return nullptr;
    }

    // How the address is cut, if it is: true = silently.
    std::optional<bool> cut_of(const Address& address) const {
        for (const auto& [cut, silent] : cuts) {
            if (covers(cut, address)) return silent;
        }
        return std::nullopt;
    }

    DurationNs latency() { return kLatency + (split ? static_cast<DurationNs>(rng.below(kLatency)) : 0); }

    // One turn of one loop or pool, moving the clock if none is due now. False if nothing is due until `end`.
    bool step(DurationNs end);

    SimClock clock;
    Rng rng;
    bool split = true;
    const void* current = nullptr;  // the loop or pool whose turn it is
    std::vector<SimLoop*> loops;
    std::vector<SimPool*> pools;
    std::map<std::uint64_t, SimPort> ports;
    std::uint64_t last_port_id = 0;
    std::uint16_t next_port = kFirstPort;
    std::vector<std::pair<Address, bool>> cuts;  // second: silent
    std::vector<std::weak_ptr<SimEnd>> ends;
};

class SimLoop final : public Loop {
public:
    explicit SimLoop(std::shared_ptr<Network> network) : network_(std::move(network)), handshakes_(*this) {
        network_->loops.push_back(this);
    }
    SimLoop(const SimLoop&) = delete;
    SimLoop& operator=(const SimLoop&) = delete;
    ~SimLoop() override;

    void run() override {
        ASSERT(network_->current == nullptr);
        while (!stopped_ && network_->step(std::numeric_limits<DurationNs>::max())) {
        }
    }
    void stop() override { stopping_ = true; }
    bool in_loop() const override { return network_->current == nullptr || network_->current == this; }
    void post(std::function<void()> work) override {
        if (!stopping_) posted_.push_back(std::move(work));
    }
    TimerId after(DurationNs delay, std::function<void()> work) override {
        ASSERT(in_loop() && delay >= 0);
        return timers_.add(clock().monotonic() + delay, std::move(work));
    }
    void cancel(TimerId timer) override {
        ASSERT(in_loop());
        timers_.cancel(timer);
    }
    const Clock& clock() const override { return network_->clock; }
    void on_signal(std::function<void(int)>) override {}
    Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                             OnAccept on_accept) override;
    void connect(const Address& address, const ConnectOptions& options, StreamDone done) override;
    Result<std::unique_ptr<Stream>> open_port(const SerialPort& port);
    void secure(std::unique_ptr<Stream> plain, std::shared_ptr<const TlsClient> tls, const std::string& host,
                DurationNs timeout, StreamDone done) override {
        handshakes_.connect(std::move(plain), tls, host, timeout, std::move(done));
    }

    Network& network() { return *network_; }
    // For the network, from any loop's turn.
    void at(DurationNs moment, std::function<void()> work) { timers_.add(moment, std::move(work)); }
    void mark_dirty(std::shared_ptr<SimEnd> end) { dirty_.push_back(std::move(end)); }
    detail::Handshakes& handshakes() { return handshakes_; }

    std::optional<DurationNs> due() const {
        if (stopped_) return std::nullopt;
        if (stopping_ || !posted_.empty() || !dirty_.empty()) return std::numeric_limits<DurationNs>::min();
        return timers_.next();
    }
    void turn();

private:
    const std::shared_ptr<Network> network_;
    std::deque<std::function<void()>> posted_;
    detail::Timers timers_;
    std::vector<std::shared_ptr<SimEnd>> dirty_;
    detail::Handshakes handshakes_;
    bool stopping_ = false;
    bool stopped_ = false;
};

class SimPool final : public Pool {
public:
    explicit SimPool(std::shared_ptr<Network> network) : network_(std::move(network)) {
        network_->pools.push_back(this);
    }
    SimPool(const SimPool&) = delete;
    SimPool& operator=(const SimPool&) = delete;
    ~SimPool() override { std::erase(network_->pools, this); }

    bool submit(std::function<void()> job) override {
        if (jobs_.size() >= kPoolQueueMax) return false;
        jobs_.push_back(std::move(job));
        return true;
    }
    bool has_jobs() const { return !jobs_.empty(); }
    void turn() {
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        network_->current = this;
        job();
        network_->current = nullptr;
    }

private:
    const std::shared_ptr<Network> network_;
    std::deque<std::function<void()>> jobs_;
};

// One end of a simulated connection.
// Lives:   from connect until closed by either end; the user's handle shares it.
// Threads: one.
// Bounds:  send_bytes_max of output, kWindow of input.
// Disk:    none.
class SimEnd final : public std::enable_shared_from_this<SimEnd> {
public:
    SimEnd(SimLoop& loop, Address peer, std::vector<Address> route, std::shared_ptr<void> ticket)
        : loop_(&loop),
          network_(loop.network()),
          peer_(std::move(peer)),
          route_(std::move(route)),
          ticket_(std::move(ticket)) {}

    void join(const std::shared_ptr<SimEnd>& other) { other_ = other; }

    void start(Stream::Events events) {
        if (state_ != State::open && state_ != State::failing) return;
        ASSERT(loop_->in_loop());
        events_ = std::make_shared<const Stream::Events>(std::move(events));
        deliver_later();
    }

    void send(Bytes bytes) {
        if (state_ != State::open || bytes.empty()) return;
        ASSERT(loop_->in_loop());
        if (out_.size() + bytes.size() > send_bytes_max_) {
            state_ = State::failing;
        } else {
            out_.insert(out_.end(), bytes.begin(), bytes.end());
        }
        mark_dirty();
    }

    void pause_reading(bool paused) {
        if (state_ != State::open || paused == paused_) return;
        ASSERT(loop_->in_loop());
        paused_ = paused;
        deliver_later();
    }

    void close() {
        if (state_ == State::closed || state_ == State::draining) return;
        ASSERT(loop_->in_loop());
        if (state_ == State::failing) return shut();
        state_ = State::draining;
        events_.reset();
        mark_dirty();
        loop_->at(network_.clock.monotonic() + Stream::kCloseTimeout, [self = shared_from_this()] { self->shut(); });
    }

    std::size_t unsent_bytes() const { return out_.size(); }
    void set_send_bytes_max(std::size_t bytes) { send_bytes_max_ = bytes; }
    const Address& peer() const { return peer_; }
    bool passes(const Address& cut) const {
        return std::any_of(route_.begin(), route_.end(), [&](const Address& address) { return covers(cut, address); });
    }
    bool is_open_to(const Address& peer) const {
        return state_ == State::open && peer_.host == peer.host && peer_.port == peer.port;
    }
    bool belongs_to(const SimLoop* loop) const { return loop_ == loop && state_ != State::closed; }

    // The network carries nothing for it any more; with `tell`, on_closed says so.
    void cut(bool tell) {
        dead_ = true;
        if (tell) reset_later();
    }

    // Its loop ends: the other end sees a reset.
    void abandon() {
        if (const auto other = other_.lock()) other->reset_later();
        shut();
    }

    void flush() {
        dirty_ = false;
        if (state_ == State::closed) return;
        if (state_ == State::failing) {
            return fail(Error{Code::limit,
                              "closed because the peer {} reads too slowly: more than {} bytes wait for it",
                              to_string(peer_), send_bytes_max_});
        }
        if (dead_) {  // only an attempt to send after the network is whole again finds that the link is gone
            const bool whole = std::none_of(route_.begin(), route_.end(), [&](auto& a) { return network_.cut_of(a); });
            if (whole && !out_.empty()) fail(os_error(ECONNRESET, "the connection with {} failed", to_string(peer_)));
            return;
        }
        const bool had_output = !out_.empty();
        if (had_output) transmit();
        if (!out_.empty()) return;
        if (state_ == State::draining) return shut();
        const auto events = events_;
        if (had_output && events && events->on_drained) events->on_drained();
    }

private:
    enum class State { open, failing, draining, closed };

    void mark_dirty() {
        if (std::exchange(dirty_, true)) return;
        loop_->mark_dirty(shared_from_this());
    }

    void transmit() {
        const auto other = other_.lock();
        if (!other || other->state_ == State::closed) {
            out_.clear();  // goes to nobody; our own end comes to us as it should
            return;
        }
        const auto queued = other->in_flight_ + other->inbox_.size();
        const auto count = std::min(out_.size(), kWindow - std::min(queued, kWindow));
        if (count == 0) return;  // the other end marks us dirty when it has read
        Buffer bytes(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(count));
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(count));
        other->in_flight_ += count;
        other->come([other, bytes = std::move(bytes)] { other->arrive(bytes); });
    }

    // After the latency, and never before what was sent earlier.
    void come(std::function<void()> work) {
        arrival_ = std::max(arrival_, network_.clock.monotonic() + network_.latency());
        loop_->at(arrival_, std::move(work));
    }

    void arrive(const Buffer& bytes) {
        in_flight_ -= bytes.size();
        if (state_ != State::open || dead_) return;
        inbox_.insert(inbox_.end(), bytes.begin(), bytes.end());
        deliver();
    }

    void deliver() {
        if (state_ != State::open || paused_ || !events_) return;
        if (inbox_.empty()) {
            if (ended_) fail(Error{Code::unavailable, "closed by peer"});
            return;
        }
        auto count = std::min(inbox_.size(), Stream::kReadBytesMax);
        if (network_.split)
            count = 1 + network_.rng.below(network_.rng.chance(0.5) ? std::min<std::size_t>(count, 9) : count);
        const Buffer piece(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
        inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
        if (const auto other = other_.lock(); other && other->state_ != State::closed && !other->out_.empty()) {
            other->mark_dirty();
        }
        if (!inbox_.empty() || ended_) deliver_later();
        const auto self = shared_from_this();
        const auto events = events_;
        if (events->on_data) events->on_data(piece);
    }

    void deliver_later() {
        if (delivering_ || (inbox_.empty() && !ended_)) return;
        delivering_ = true;
        loop_->at(network_.clock.monotonic(), [self = shared_from_this()] {
            self->delivering_ = false;
            self->deliver();
        });
    }

    void reset_later() {
        if (state_ == State::closed) return;
        loop_->at(network_.clock.monotonic() + network_.latency(), [self = shared_from_this()] {
            self->fail(os_error(ECONNRESET, "the connection with {} failed", to_string(self->peer_)));
        });
    }

    void fail(const Error& error) {
        const auto self = shared_from_this();
        const auto events = std::exchange(events_, nullptr);
        shut();
        if (events && events->on_closed) events->on_closed(error);
    }

    void shut() {
        if (state_ == State::closed) return;
        const auto self = shared_from_this();
        state_ = State::closed;
        out_.clear();
        inbox_.clear();
        events_.reset();
        ticket_.reset();
        const auto other = other_.lock();
        if (!other || dead_ || other->state_ == State::closed) return;
        other->come([other] {
            if (other->dead_) return;
            other->ended_ = true;
            other->deliver();
        });
    }

    SimLoop* const loop_;
    Network& network_;
    const Address peer_;
    const std::vector<Address> route_;  // the listener's address and the name it was called by
    std::shared_ptr<void> ticket_;
    std::weak_ptr<SimEnd> other_;
    State state_ = State::open;
    std::shared_ptr<const Stream::Events> events_;
    Buffer out_;
    Buffer inbox_;
    std::size_t in_flight_ = 0;  // sent to us, not arrived
    std::size_t send_bytes_max_ = Stream::kSendBytesMax;
    DurationNs arrival_ = 0;
    bool paused_ = false;
    bool dirty_ = false;
    bool delivering_ = false;
    bool ended_ = false;  // the other end has closed
    bool dead_ = false;   // cut
};

class SimStream final : public Stream {
public:
    explicit SimStream(std::shared_ptr<SimEnd> end) : end_(std::move(end)) {}
    SimStream(const SimStream&) = delete;
    SimStream& operator=(const SimStream&) = delete;
    ~SimStream() override { end_->close(); }

    void start(Events events) override { end_->start(std::move(events)); }
    void send(Bytes bytes) override { end_->send(bytes); }
    std::size_t unsent_bytes() const override { return end_->unsent_bytes(); }
    void set_send_bytes_max(std::size_t bytes) override { end_->set_send_bytes_max(bytes); }
    void pause_reading(bool paused) override { end_->pause_reading(paused); }
    void close() override { end_->close(); }
    Address peer() const override { return end_->peer(); }
    bool secure() const override { return false; }

private:
    const std::shared_ptr<SimEnd> end_;
};

class SimListener final : public Listener {
public:
    SimListener(std::shared_ptr<Network> network, std::uint64_t id, Address address)
        : network_(std::move(network)), id_(id), address_(std::move(address)) {}
    SimListener(const SimListener&) = delete;
    SimListener& operator=(const SimListener&) = delete;
    ~SimListener() override { network_->ports.erase(id_); }
    Address address() const override { return address_; }

private:
    const std::shared_ptr<Network> network_;
    const std::uint64_t id_;
    const Address address_;
};

// One attempt to reach an address; shared by the timers that end it.
struct SimConnect : std::enable_shared_from_this<SimConnect> {
    SimLoop& loop;
    Address target;
    ConnectOptions options;
    StreamDone done;
    DurationNs deadline = 0;
    TimerId timer;

    SimConnect(SimLoop& its_loop, Address its_target, ConnectOptions its_options, StreamDone its_done)
        : loop(its_loop), target(std::move(its_target)), options(std::move(its_options)), done(std::move(its_done)) {}

    void begin() {
        const auto now = loop.clock().monotonic();
        deadline = now + options.timeout;
        timer = loop.after(options.timeout, [self = shared_from_this()] {
            self->finish(Error{Code::timeout, "cannot connect to {}: no answer within {} ms", to_string(self->target),
                               self->options.timeout / kMillisecond});
        });
        loop.at(now + loop.network().latency(), [self = shared_from_this()] { self->knock(); });
    }

    void finish(Result<std::unique_ptr<Stream>> result) {
        if (!done) return;
        loop.cancel(timer);
        std::exchange(done, nullptr)(std::move(result));
    }

    void knock() {
        if (!done) return;
        auto& network = loop.network();
        SimPort* const port = network.find_port(target);
        auto cut = network.cut_of(target);
        if (!cut && port != nullptr) cut = network.cut_of(port->address);
        if (cut == true) return;  // the time-out will tell
        if (cut || port == nullptr) return finish(os_error(ECONNREFUSED, "cannot connect to {}", to_string(target)));
        enter(*port);
    }

    void enter(SimPort& port) { secure(join(loop, port, target)); }

    // At once, as a port of the own machine.
    static std::unique_ptr<Stream> join(SimLoop& loop, SimPort& port, const Address& target) {
        auto& network = loop.network();
        const std::vector<Address> route{port.address, target};
        const Address me{"127.0.0.1", network.next_port++};
        ++*port.count;
        const std::shared_ptr<void> ticket(nullptr, [count = port.count](void*) { --*count; });
        const auto theirs = std::make_shared<SimEnd>(*port.loop, me, route, ticket);
        const auto ours = std::make_shared<SimEnd>(loop, plain(target), route, nullptr);
        theirs->join(ours);
        ours->join(theirs);
        std::erase_if(network.ends, [](const auto& end) { return end.expired(); });
        network.ends.insert(network.ends.end(), {theirs, ours});
        const auto id =
            std::find_if(network.ports.begin(), network.ports.end(), [&](auto& p) { return &p.second == &port; });
        port.loop->at(loop.clock().monotonic(), [&network, id = id->first, theirs] { accept(network, id, theirs); });
        return std::make_unique<SimStream>(ours);
    }

    static void accept(Network& network, std::uint64_t port_id, const std::shared_ptr<SimEnd>& end) {
        auto stream = std::make_unique<SimStream>(end);
        const auto found = network.ports.find(port_id);
        if (found == network.ports.end()) return;  // the listener went meanwhile
        const auto& port = found->second;
        if (*port.count > port.options.streams_max) return;
        const auto on_accept = port.on_accept;
        if (!port.options.tls) return (*on_accept)(std::move(stream));
        port.loop->handshakes().accept(std::move(stream), port.options.tls, [&network, port_id](auto secured) {
            const auto still = network.ports.find(port_id);
            if (!secured || still == network.ports.end()) return;
            const auto handler = still->second.on_accept;
            (*handler)(std::move(*secured));
        });
    }

    void secure(std::unique_ptr<Stream> stream) {
        if (!options.tls) return finish(std::move(stream));
        loop.cancel(timer);
        const auto left = std::max<DurationNs>(deadline - loop.clock().monotonic(), 0);
        loop.handshakes().connect(
            std::move(stream), options.tls, target.host, left, [self = shared_from_this()](auto secured) {
                self->finish(std::move(secured).context("cannot connect to {}", to_string(self->target)));
            });
    }
};

SimLoop::~SimLoop() {
    ASSERT(in_loop());
    stopping_ = true;
    std::erase(network_->loops, this);
    std::erase_if(network_->ports, [this](const auto& port) { return port.second.loop == this; });
    const auto ends = network_->ends;
    for (const auto& weak : ends) {
        if (const auto end = weak.lock(); end && end->belongs_to(this)) end->abandon();
    }
    handshakes_.clear();
    std::exchange(dirty_, {}).clear();
    std::exchange(posted_, {}).clear();
    { const auto timers = std::exchange(timers_, {}); }
}

void SimLoop::turn() {
    network_->current = this;
    stopped_ = stopping_;
    auto work = std::exchange(posted_, {});
    for (; !work.empty(); work.pop_front()) work.front()();
    timers_.run_due(clock().monotonic());
    const auto dirty = std::exchange(dirty_, {});
    for (const auto& end : dirty) end->flush();
    network_->current = nullptr;
}

Result<std::unique_ptr<Listener>> SimLoop::listen(const Address& address, const ListenOptions& options,
                                                  OnAccept on_accept) {
    ASSERT(in_loop());
    Address taken = plain(address);
    if (taken.port == 0) taken.port = network_->next_port++;
    if (network_->find_port(taken) != nullptr) return os_error(EADDRINUSE, "cannot listen on {}", to_string(taken));
    const auto id = ++network_->last_port_id;
    auto& port = network_->ports[id];
    port.loop = this;
    port.address = taken;
    port.options = options;
    port.on_accept = std::make_shared<OnAccept>(std::move(on_accept));
    return std::make_unique<SimListener>(network_, id, taken);
}

void SimLoop::connect(const Address& address, const ConnectOptions& options, StreamDone done) {
    ASSERT(in_loop());
    std::make_shared<SimConnect>(*this, address, options, std::move(done))->begin();
}

Result<std::unique_ptr<Stream>> SimLoop::open_port(const SerialPort& port) {
    const Address target = serial_end(port.path);
    SimPort* const there = network_->find_port(target);
    if (there == nullptr || network_->cut_of(target))
        return os_error(ENOENT, "cannot open the serial port {}", port.path);
    for (const auto& weak : network_->ends) {
        if (const auto end = weak.lock(); end && end->is_open_to(target))
            return Error{Code::unavailable, "the serial port {} is used by another connection or program", port.path};
    }
    return SimConnect::join(*this, *there, target);
}

bool Network::step(DurationNs end) {
    std::vector<SimLoop*> ready;
    std::vector<SimPool*> busy;
    std::optional<DurationNs> next;
    for (SimLoop* const loop : loops) {
        const auto due = loop->due();
        if (due && *due <= clock.monotonic()) ready.push_back(loop);
        if (due && (!next || *due < *next)) next = due;
    }
    for (SimPool* const pool : pools) {
        if (pool->has_jobs()) busy.push_back(pool);
    }
    if (const auto choices = ready.size() + busy.size(); choices > 0) {
        const auto choice = rng.below(choices);
        choice < ready.size() ? ready[choice]->turn() : busy[choice - ready.size()]->turn();
        return true;
    }
    if (!next || *next > end) return false;
    clock.advance(*next - clock.monotonic());
    return true;
}

}  // namespace

Result<std::unique_ptr<Stream>> detail::open_sim_serial(Loop& loop, const SerialPort& port) {
    return static_cast<SimLoop&>(loop).open_port(port);
}

class SimWorld::Impl {
public:
    explicit Impl(std::uint64_t seed) : network(std::make_shared<Network>(seed)) {}
    const std::shared_ptr<Network> network;
};

SimWorld::SimWorld(std::uint64_t seed) : impl_(std::make_shared<Impl>(seed)) {}
SimWorld::~SimWorld() = default;

SimClock& SimWorld::clock() { return impl_->network->clock; }
std::unique_ptr<Loop> SimWorld::make_loop() { return std::make_unique<SimLoop>(impl_->network); }
std::unique_ptr<Pool> SimWorld::make_pool() { return std::make_unique<SimPool>(impl_->network); }

void SimWorld::run_for(DurationNs duration) {
    run_until([] { return false; }, duration);
}

bool SimWorld::run_until(const std::function<bool()>& done, DurationNs duration) {
    auto& network = *impl_->network;
    ASSERT(network.current == nullptr);
    const auto end = network.clock.monotonic() + duration;
    for (;;) {
        if (done()) return true;
        if (network.step(end)) continue;
        network.clock.advance(std::max<DurationNs>(end - network.clock.monotonic(), 0));
        return done();
    }
}

void SimWorld::cut(const Address& address, bool silent) {
    auto& network = *impl_->network;
    network.cuts.emplace_back(address, silent);
    const auto ends = network.ends;
    for (const auto& weak : ends) {
        if (const auto end = weak.lock(); end && end->passes(address)) end->cut(!silent);
    }
}

void SimWorld::heal(const Address& address) {
    std::erase_if(impl_->network->cuts,
                  [&](const auto& cut) { return cut.first.host == address.host && cut.first.port == address.port; });
}

void SimWorld::set_split(bool split) { impl_->network->split = split; }

}  // namespace gongshu::io
