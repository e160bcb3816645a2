// Messages of ten values each by MQTT QoS 1, each acknowledged once its values are durable; beside mosquitto, which
// only passes them on, and beside a chain of programs that stores them.
#include <algorithm>

#include "bench/course.h"
#include "bench/http_rival.h"
#include "bench/mosquitto.h"
#include "bench/mqtt_devices.h"
#include "bench/peer.h"
#include "bench/victoria.h"
#include "registry/json.h"

namespace gongshu::bench {
namespace {

constexpr std::size_t kValues = 10, kInFlight = 20;
constexpr const char* kTopics = "gongshu/v1/#";
constexpr const char* kChain = "mosquitto-victoria-metrics";
constexpr const char* kChainGuarantee =
    "it is in the broker's memory; mosquitto_sub and curl carry it to VictoriaMetrics, which has it on disk within 5 s "
    "more: a crash of any of the four loses it";

struct Size {
    std::size_t clients, messages;
    double points() const { return static_cast<double>(messages * kValues); }
};

std::vector<std::string> value_names() {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kValues; ++i) names.push_back(fmt::format("v{}", i));
    return names;
}

// A decimal that goes up and down, other for each client and value.
double value_at(std::size_t client, std::size_t message, std::size_t value) {
    return 20 + 0.1 * static_cast<double>((message * (value + 1) + 7 * client) % 97);
}

// As this program's devices say it, a millisecond of its own for each message of a client.
std::string json_payload(TimeNs start, std::size_t client, std::size_t message) {
    std::string text = fmt::format(R"({{"ts":{},"values":{{)", start / kMillisecond + static_cast<TimeNs>(message));
    for (std::size_t i = 0; i < kValues; ++i)
        fmt::format_to(std::back_inserter(text), R"({}"v{}":{:.1f})", i == 0 ? "" : ",", i,
                       value_at(client, message, i));
    return text + "}}";
}

// The same as a line, which the chain needs not take apart on its way.
std::string line_payload(TimeNs start, std::size_t client, std::size_t message) {
    std::string text = fmt::format("bench,device=d{}", client);
    for (std::size_t i = 0; i < kValues; ++i)
        fmt::format_to(std::back_inserter(text), "{}v{}={:.1f}", i == 0 ? ' ' : ',', i, value_at(client, message, i));
    return text + fmt::format(" {}", start + static_cast<TimeNs>(message) * kMillisecond);
}

using Payload = std::string (*)(TimeNs start, std::size_t client, std::size_t message);
Result<MqttLoaded> publish(const io::Address& address, const std::vector<MqttClient>& clients, const Size& size,
                           Payload payload, TimeNs start) {
    MqttLoad load{.address = address, .clients = clients, .in_flight = kInFlight, .messages = size.messages};
    load.payload = [&](std::size_t client, std::size_t message) { return payload(start, client, message); };
    MqttLoaded loaded = TRY(run(load));
    if (loaded.refused > 0) return Error{Code::denied, "{} messages were acknowledged as refused", loaded.refused};
    return loaded;
}

void add(Runs& runs, const Size& size, double seconds, double cpu) {
    runs.add("mqtt_points_per_s", "/s", true, size.points() / seconds);
    runs.add("mqtt_points_per_core_s", "/s", true, size.points() / std::max(cpu, 1e-2));
}

// Starts servers on one core and goes on on another, where there are two.
template <class Start>
auto apart(const Start& start) -> decltype(start()) {
    const bool two = io::machine_facts().cores > 1;
    if (two) TRY(io::stay_on_core(0));
    auto started = start();
    if (two) TRY(io::stay_on_core(1));
    return started;
}

Result<void> run_ours(const Bench& bench, const Size& size, Runs& runs, Report& report) {
    const auto place = TRY(Place::create(bench.files, bench.folder));
    const auto served = TRY(apart([&] { return Served::start(bench.files, bench.options.program, place->path()); }));
    auto clients = clients_of(size.clients);
    TRY(register_devices(*served, value_names(), clients));
    const TimeNs start = bench.clock.now() / kMillisecond * kMillisecond - kHour;
    const double before = TRY(io::family_use(served->id())).cpu_s;
    const MqttLoaded loaded = TRY(publish(served->mqtt(), clients, size, json_payload, start));
    TRY(served->ask(wire::HttpMethod::post, "/api/v1/admin/compact"));
    const io::ProcessUse use = TRY(io::family_use(served->id()));
    add(runs, size, loaded.seconds, use.cpu_s - before);
    report.sent += size.points();
    report.read_back += TRY(count_readings(*served, "bench/**", start - kHour, start + kDay));
    report.costs = {{"memory_peak", static_cast<double>(use.memory_peak_bytes) / 1e6, "MB", "of the server"}};
    return {};
}

// The broker alone, which keeps the messages for a subscriber that is away.
Result<std::string> run_mosquitto(const Bench& bench, const Size& size, Runs& runs) {
    const auto place = TRY(Place::create(bench.files, bench.folder));
    const auto broker = TRY(apart([&] { return Mosquitto::start(bench.files, place->path()); }));
    TRY(leave_subscription(broker->address(), kTopics));
    const double before = TRY(io::process_use(broker->id())).cpu_s;
    const MqttLoaded loaded =
        TRY(publish(broker->address(), clients_of(size.clients), size, json_payload, bench.clock.now() - kHour));
    add(runs, size, loaded.seconds, TRY(io::process_use(broker->id())).cpu_s - before);
    return broker->version();
}

// Mosquitto, and a subscriber whose output goes to VictoriaMetrics as one request that does not end.
class Chain {
public:
    static Result<std::unique_ptr<Chain>> start(const Bench& bench, const std::string& folder) {
        std::unique_ptr<Chain> chain(new Chain(bench.clock));
        const std::string take = TRY(find_program(bench.files, "", {"/usr/bin/mosquitto_sub"}, "mosquitto-clients"));
        const std::string send = TRY(find_program(bench.files, "", {"/usr/bin/curl"}, "curl"));
        chain->broker_ = TRY(Mosquitto::start(bench.files, folder));
        chain->store_ = TRY(start_victoria_server(bench, folder, "", {}));
        // A session that is there before anything is published, so that nothing is lost.
        TRY(leave_subscription(chain->address(), kTopics));
        chain->bridge_ = TRY(io::spawn({"/bin/sh", "-c", chain->bridge(take, send, folder)}, folder + "/bridge.txt"));
        return chain;
    }
    const io::Address& address() const { return broker_->address(); }
    std::string version() const { return broker_->version() + ", " + store_.version; }
    Result<double> cpu_s() const {
        double all = 0;
        for (const int id : {broker_->id(), store_.process->id(), bridge_->id()}) all += TRY(io::family_use(id)).cpu_s;
        return all;
    }
    // Until the store has taken so many values; in seconds.
    Result<double> wait_until_taken(double values) const {
        const DurationNs begin = clock_.monotonic();
        while (TRY(taken()) < values)
            if (clock_.monotonic() - begin > kMinute)
                return Error{Code::timeout, "{:.0f} of {:.0f} values are taken after a minute", TRY(taken()), values};
        return seconds(clock_.monotonic() - begin);
    }

private:
    explicit Chain(const Clock& clock) : clock_(clock) {}
    // A shell that ends both when it is ended: of a pipeline it would leave them behind.
    std::string bridge(const std::string& take, const std::string& send, const std::string& folder) const {
        return fmt::format(
            "mkfifo {0}/lines && {{ {1} -s -X POST -T - http://127.0.0.1:{2}/write < {0}/lines & to=$!; "
            "{3} -V mqttv5 -c -x 3600 -p {4} -q 1 -i {5} -t '{6}' > {0}/lines & from=$!; "
            "trap \"kill $from $to\" TERM; wait; }}",
            folder, send, store_.address.port, take, address().port, kStoreSession, kTopics);
    }
    Result<double> taken() const {
        constexpr std::string_view kCount = "vm_rows_inserted_total{type=\"influx\"} ";
        const auto loop = io::make_epoll_loop(clock_);
        loop->after(kSecond / 5, [&] { loop->stop(); });
        loop->run();
        const std::string request = request_text(wire::HttpMethod::get, "/metrics", "");
        double count = 0;
        TRY(run({.address = store_.address,
                 .request = [&](std::size_t) { return std::string_view(request); },
                 .on_answer = [&](const wire::HttpResponse& answer) -> Result<void> {
                     const std::size_t at = answer.body.find(kCount);
                     if (at != std::string::npos)
                         count = std::strtod(answer.body.c_str() + at + kCount.size(), nullptr);
                     return {};
                 }}));
        return count;
    }

    const Clock& clock_;
    std::unique_ptr<Mosquitto> broker_;
    VictoriaServer store_;
    std::unique_ptr<io::Process> bridge_;  // goes first
};

Result<std::string> run_chain(const Bench& bench, const Size& size, Runs& runs) {
    const auto place = TRY(Place::create(bench.files, bench.folder));
    const auto chain = TRY(apart([&] { return Chain::start(bench, place->path()); }));
    // The first message shows that the bridge is there.
    const std::vector<MqttClient> clients = clients_of(size.clients);
    const TimeNs start = bench.clock.now() - kHour;
    const Size one{1, 1};
    TRY(publish(chain->address(), {clients.front()}, one, line_payload, start - kMinute));
    TRY(chain->wait_until_taken(one.points()).context("the first message"));
    const double before = TRY(chain->cpu_s());
    const MqttLoaded loaded = TRY(publish(chain->address(), clients, size, line_payload, start));
    const double after = TRY(chain->wait_until_taken(size.points() + one.points()));
    add(runs, size, loaded.seconds + after, TRY(chain->cpu_s()) - before);
    return chain->version();
}

using RunPeer = Result<std::string> (*)(const Bench& bench, const Size& size, Runs& runs);
Result<void> beside(const Bench& bench, const Size& size, const char* name, const char* guarantee, RunPeer run_peer,
                    Report& report) {
    if (std::ranges::find(bench.options.vs, name) == bench.options.vs.end()) return {};
    Runs runs;
    std::string version;
    for (std::size_t i = 0; i < bench.options.runs; ++i) {
        auto ran = run_peer(bench, size, runs);
        if (!ran && ran.error().code() == Code::not_found && bench.options.vs_all) {
            report.absent.push_back(fmt::format("{}: {}", name, ran.error().text()));
            return {};
        }
        version = TRY(std::move(ran).context("{}", name));
    }
    report.peers.push_back(
        {name, version, guarantee, kOurGuarantee, "it has no setting to sync what it acknowledged", runs.take()});
    return {};
}

Result<void> run_all(const Bench& bench, const Size& size, Report& report) {
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    Runs runs;
    for (std::size_t i = 0; i < bench.options.runs; ++i) TRY(run_ours(bench, size, runs, report));
    TRY(io::stay_on_core(-1));
    const std::size_t bytes = json_payload(bench.clock.now(), 50, 5).size() + 30;
    const ExchangeFloor exchange = TRY(measure_exchange(bench.clock, {.connections = size.clients,
                                                                      .in_flight = kInFlight,
                                                                      .count = size.messages,
                                                                      .request_bytes = bytes,
                                                                      .answer_bytes = 4}));
    const std::string about = fmt::format("messages of {} B that nobody reads, {} clients, {} under way on each", bytes,
                                          size.clients, kInFlight);
    for (const char* name : {"mqtt_points_per_s", "mqtt_points_per_core_s"})
        runs.set_floor(name, exchange.per_s * kValues, about);
    report.measures = runs.take();
    TRY(beside(bench, size, "mosquitto", Mosquitto::kGuarantee, run_mosquitto, report));
    return beside(bench, size, kChain, kChainGuarantee, run_chain, report);
}

}  // namespace

std::vector<std::string> mqtt_points_peers() { return {"mosquitto", kChain}; }

Result<Report> run_mqtt_points(const Bench& bench) {
    Report report;
    auto done = run_all(bench, bench.options.small ? Size{4, 400} : Size{100, 60'000}, report);
    TRY(io::stay_on_core(-1));
    TRY(std::move(done));
    return report;
}

}  // namespace gongshu::bench
