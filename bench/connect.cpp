// Machines that are polled: so many Modbus TCP servers in a thread of the load, each with a hundred registers a second,
// and what it costs the server to ask them all, keep what they say and carry commands meanwhile.
#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <unordered_set>

#include "bench/course.h"
#include "bench/served.h"
#include "registry/json.h"
#include "wire/modbus.h"

namespace gongshu::bench {
namespace {

namespace modbus = wire::modbus;

constexpr std::size_t kRegisters = 100;
constexpr DurationNs kPeriod = kSecond;
constexpr std::size_t kRequestBytes = 12, kAnswerBytes = 9 + 2 * kRegisters;

struct Size {
    std::size_t machines;
    DurationNs lasts;
    std::size_t commands;
};

// Machines on one port: which of them a link is to is known by its unit and by nothing else, so there may be many of
// the same unit.
// Lives:   on the stack of a run. Threads: its own, but for the counters and stop().
class Machines {
public:
    static Result<std::unique_ptr<Machines>> start(const Clock& clock) {
        std::unique_ptr<Machines> machines(new Machines(clock));
        machines->listener_ = TRY(machines->loop_->listen(
            {"127.0.0.1", 0}, {}, [self = machines.get()](std::unique_ptr<io::Stream> stream) {
                self->accept(std::move(stream));
            }));
        machines->address_ = machines->listener_->address();
        machines->thread_ = std::jthread([loop = machines->loop_.get()] { loop->run(); });
        return machines;
    }
    ~Machines() {
        if (thread_.joinable()) on_loop([this] { links_.clear(), listener_.reset(); });
        loop_->stop();
    }
    std::uint16_t port() const { return address_.port; }

    // What was seen since the last call: registers that were read, and how far from its period each poll came.
    struct Seen {
        std::uint64_t polls = 0, registers = 0;
        std::vector<DurationNs> lateness;
    };
    Seen take() {
        Seen seen;
        on_loop([&] { seen = std::exchange(seen_, {}); });
        return seen;
    }
    // From now on no machine answers; gives how many registers were read in all.
    std::uint64_t fall_silent() {
        on_loop([this] { silent_ = true; });
        return all_registers_;
    }

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        modbus::FrameDecoder decoder;
        DurationNs polled_at = 0;
        std::uint16_t polls = 0, written = 0;
    };

    explicit Machines(const Clock& clock) : clock_(clock), loop_(io::make_epoll_loop(clock)) {}

    void on_loop(const std::function<void()>& work) {
        std::atomic<bool> done = false;
        loop_->post([&] {
            work();
            done = true;
            done.notify_one();
        });
        done.wait(false);
    }

    void accept(std::unique_ptr<io::Stream> stream) {
        const auto link = std::make_shared<Link>();
        link->stream = std::move(stream);
        links_.insert(link);
        io::Stream::Events events;
        events.on_data = [this, weak = std::weak_ptr(link)](Bytes bytes) {
            const auto self = weak.lock();
            if (!self) return;
            const auto fed = self->decoder.feed(bytes, [&](const modbus::Frame& frame) {
                answer(*self, frame);
                return true;
            });
            if (!fed) self->stream->close();
        };
        events.on_closed = [this, weak = std::weak_ptr(link)](const Error&) { links_.erase(weak.lock()); };
        link->stream->start(std::move(events));
    }

    void answer(Link& link, const modbus::Frame& frame) {
        const auto request = modbus::decode_request(frame.pdu);
        if (!request || silent_) return;
        modbus::Reply reply;
        reply.function = request->function;
        reply.address = request->address;
        reply.count = request->count;
        if (modbus::is_read(request->function)) {
            read(link, *request, reply);
        } else {
            reply.registers = request->registers;
            if (!reply.registers.empty()) link.written = reply.registers.front();
        }
        link.stream->send(modbus::encode_reply(frame.transaction, frame.unit, reply));
    }

    // Register 0 is what was written last; of the others each third changes from poll to poll, as of a machine that runs.
    void read(Link& link, const modbus::Request& request, modbus::Reply& reply) {
        for (std::uint16_t i = 0; i < request.count; ++i) {
            const auto number = static_cast<std::uint16_t>(request.address + i);
            const std::uint16_t moving = number % 3 == 0 ? link.polls : std::uint16_t{0};
            reply.registers.push_back(number == 0 ? link.written : static_cast<std::uint16_t>(number * 13 + moving));
        }
        if (request.count == 1) return;  // read back
        seen_.registers += request.count;
        all_registers_ += request.count;
        const DurationNs now = clock_.monotonic();
        if (link.polled_at != 0) seen_.lateness.push_back(std::abs(now - link.polled_at - kPeriod));
        link.polled_at = now;
        ++link.polls;
        ++seen_.polls;
    }

    const Clock& clock_;
    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<io::Listener> listener_;
    io::Address address_;
    std::unordered_set<std::shared_ptr<Link>> links_;
    Seen seen_;
    std::atomic<std::uint64_t> all_registers_ = 0;
    bool silent_ = false;
    std::jthread thread_;
};

std::string machine_name(std::size_t i) { return fmt::format("bench/m{}", i); }

// A type of a hundred registers, and of each machine a connection and a device.
Result<void> register_machines(Served& served, std::size_t count, std::uint16_t port) {
    constexpr std::size_t kAtOnce = 500;
    std::string yaml =
        "kind: site\nname: bench\nspec: {time_zone: UTC}\n---\nkind: device_type\nname: bench\nspec:\n  properties:\n";
    for (std::size_t i = 0; i < kRegisters; ++i)
        yaml += fmt::format(
            "    - {{name: r{}, type: integer, {}address: {{kind: holding, address: {}, encoding: u16}}}}\n", i,
            i == 0 ? "writable: true, " : "", i);
    for (std::size_t i = 0; i < count; ++i) {
        yaml += fmt::format(
            "---\nkind: connection\nname: m{}\nspec: {{protocol: modbus_tcp, host: 127.0.0.1, port: {}, "
            "writes_enabled: true}}\n---\nkind: device\nname: {}\nspec: {{type: bench, connection: m{}, unit_id: 1}}\n",
            i, port, machine_name(i), i);
        if (i + 1 < count && (i + 1) % kAtOnce != 0) continue;
        const Json applied = TRY(served.ask(wire::HttpMethod::post, "/api/v1/apply", yaml, "application/yaml"));
        for (const Json& one : applied.at("applied").as_array())
            if (!one.at("stored").as_bool())
                return Error{Code::invalid, "machines cannot be registered: {}",
                             std::string_view(applied.at("report").as_string())};
        yaml.clear();
    }
    return {};
}

// So many seconds of nothing but what the server does by itself.
void wait(const Clock& clock, DurationNs time) {
    const auto loop = io::make_epoll_loop(clock);
    loop->after(time, [&] { loop->stop(); });
    loop->run();
}

// Until all machines are polled in their period.
Result<void> wait_until_polled(const Clock& clock, Machines& machines, std::size_t count) {
    const DurationNs begin = clock.monotonic();
    for (;;) {
        machines.take();
        wait(clock, 2 * kSecond);
        const auto polls = machines.take().polls;
        if (polls >= 2 * count) return {};
        if (clock.monotonic() - begin > 2 * kMinute)
            return Error{Code::timeout, "{} of {} machines are polled after two minutes", polls / 2, count};
    }
}

// Commands one after the other, each to another machine and read back.
Result<std::vector<DurationNs>> send_commands(const Bench& bench, Served& served, const Size& size) {
    std::vector<DurationNs> latencies;
    for (std::size_t i = 0; i < size.commands; ++i) {
        const std::string target =
            fmt::format("/api/v1/devices/{}:write", wire::percent_encode(machine_name(i % size.machines)));
        const DurationNs begin = bench.clock.monotonic();
        const Json answer =
            TRY(served.ask(wire::HttpMethod::post, target,
                           fmt::format(R"({{"property":"r0","value":{},"reason":"bench"}})", i % 1000)));
        latencies.push_back(bench.clock.monotonic() - begin);
        if (!answer.at("done").as_bool())
            return Error{Code::denied, "a command was not done: {}", std::string_view(answer.at("error").as_string())};
    }
    return latencies;
}

// What the server says it took against what it stored, and against what the machines said: an answer that came too late
// is not taken.
Result<void> compare(const Bench& bench, Served& served, Machines& machines, std::size_t count, TimeNs began,
                     Report& report) {
    const auto said = static_cast<double>(machines.fall_silent());
    wait(bench.clock, 3 * kSecond);
    double taken = 0, lost = 0;
    const Json status = TRY(served.ask(wire::HttpMethod::get, "/api/v1/status/connections"));
    for (const Json& one : status.at("items").as_array()) {
        const auto& counters = one.at("counters");
        taken += counters.at("readings").to_number<double>();
        lost += counters.at("timeouts").to_number<double>() + counters.at("malformed").to_number<double>();
    }
    if (taken > said || said - taken > static_cast<double>(kRegisters) * lost)
        return Error{Code::corrupt, "the machines said {} values, of which the server took {}; {} requests were lost", said,
                     taken, lost};
    report.sent += taken;
    // Machine by machine: a question may be about 10,000 tags.
    for (std::size_t i = 0; i < count; ++i)
        report.read_back +=
            TRY(count_readings(served, machine_name(i) + ".*", began - kMinute, bench.clock.now() + kMinute));
    return {};
}

Result<void> run_once(const Bench& bench, const Size& size, Runs& runs, Report& report) {
    const bool two = io::machine_facts().cores > 1;
    const auto place = TRY(Place::create(bench.files, bench.folder));
    const auto machines = TRY(Machines::start(bench.clock));
    if (two) TRY(io::stay_on_core(0));
    const auto served =
        TRY(Served::start(bench.files, bench.options.program, place->path(), {"--allow-target", "127.0.0.1"}));
    if (two) TRY(io::stay_on_core(1));
    const double empty = static_cast<double>(TRY(io::family_use(served->id())).memory_bytes);
    const TimeNs began = bench.clock.now();
    TRY(register_machines(*served, size.machines, machines->port()));
    TRY(wait_until_polled(bench.clock, *machines, size.machines));
    const double cpu_before = TRY(io::family_use(served->id())).cpu_s;
    const DurationNs begin = bench.clock.monotonic();
    machines->take();
    wait(bench.clock, size.lasts);
    Machines::Seen seen = machines->take();
    const double took = seconds(bench.clock.monotonic() - begin);
    const io::ProcessUse use = TRY(io::family_use(served->id()));
    const auto tags = static_cast<double>(seen.registers) / took;
    runs.add("connect_tags_per_s", "/s", true, tags);
    runs.add("connect_cores_per_100k_tags", "cores", false, (use.cpu_s - cpu_before) / took / tags * 1e5);
    runs.add("connect_poll_off_p99_ms", "ms", false, seconds(quantile(seen.lateness, 0.99)) * 1e3);
    runs.add("connect_memory_per_machine", "kB", false,
             (static_cast<double>(use.memory_bytes) - empty) / 1e3 / static_cast<double>(size.machines));
    auto commands = TRY(send_commands(bench, *served, size));
    runs.add("connect_command_p50_ms", "ms", false, seconds(quantile(commands, 0.5)) * 1e3);
    runs.add("connect_command_p99_ms", "ms", false, seconds(quantile(commands, 0.99)) * 1e3);
    TRY(compare(bench, *served, *machines, size.machines, began, report));
    return {};
}

Result<void> run_all(const Bench& bench, const Size& size, Report& report) {
    report.floors = numbers_of(TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small)));
    Runs runs;
    for (std::size_t i = 0; i < bench.options.runs; ++i) TRY(run_once(bench, size, runs, report));
    TRY(io::stay_on_core(-1));
    const ExchangeFloor exchange =
        TRY(measure_exchange(bench.clock, {.connections = std::min<std::size_t>(size.machines, 1000),
                                           .in_flight = 1,
                                           .count = std::size_t{bench.options.small ? 2'000u : 100'000u},
                                           .request_bytes = kRequestBytes,
                                           .answer_bytes = kAnswerBytes}));
    runs.set_floor("connect_cores_per_100k_tags", 1e5 / kRegisters / exchange.per_s,
                   "requests and answers of the same size that nobody looks at");
    report.measures = runs.take();
    return {};
}

}  // namespace

Result<Report> run_connect(const Bench& bench) {
    Report report;
    const std::size_t machines = bench.options.devices > 0 ? bench.options.devices : bench.options.small ? 20 : 1000;
    const Size size{machines, (bench.options.small ? 2 : 20) * kSecond, bench.options.small ? 10UL : 500UL};
    auto done = run_all(bench, size, report);
    TRY(io::stay_on_core(-1));
    TRY(std::move(done));
    return report;
}

}  // namespace gongshu::bench
