// QoS 1 publications over real TCP, each acknowledged once it is durable.
#include <algorithm>

#include "bench/floors.h"
#include "bench/mosquitto.h"
#include "bench/mqtt_devices.h"
#include "bench/workloads.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

constexpr const char* kOurGuarantee = "the value is in the store's log, and that is synced to the disk";

struct Size {
    std::size_t clients, messages, single;
};

// About a hundred bytes with a packet around it; a millisecond of its own for each message of a client.
std::string payload_at(TimeNs start, std::size_t i) {
    return fmt::format(R"({{"ts":{},"values":{{"value":{:.1f}}}}})", start / kMillisecond + static_cast<TimeNs>(i),
                       20 + 0.1 * static_cast<double>(i % 97));
}

struct Measured {
    MqttLoaded many, single;
    double cpu_s = 0;  // of the broker, for the many
};

Result<Measured> measure(const io::Address& address, const std::vector<MqttClient>& clients, const Size& size,
                         int process, TimeNs start) {
    Measured measured;
    // First one message at a time: what one machine waits for its acknowledgement.
    MqttLoad load{.address = address, .clients = {clients.front()}, .in_flight = 1, .messages = size.single};
    load.payload = [&](std::size_t, std::size_t i) { return payload_at(start, i); };
    measured.single = TRY(run(load));
    load = {.address = address, .clients = clients, .in_flight = 20, .messages = size.messages};
    load.payload = [&](std::size_t, std::size_t i) { return payload_at(start, size.single + i); };
    const double before = TRY(io::process_use(process)).cpu_s;
    measured.many = TRY(run(load));
    measured.cpu_s = TRY(io::process_use(process)).cpu_s - before;
    if (measured.many.refused + measured.single.refused > 0)
        return Error{Code::denied, "{} messages were acknowledged as refused",
                     measured.many.refused + measured.single.refused};
    return measured;
}

std::vector<Measure> measures_of(Measured& measured, const Size& size) {
    const auto messages = static_cast<double>(size.messages);
    std::vector<Measure> measures{
        {"messages_per_s", messages / measured.many.seconds, "/s"},
        {"messages_per_core_s", messages / std::max(measured.cpu_s, 1e-2), "/s"},
        {"ack_p50_ms", seconds(quantile(measured.many.latencies, 0.5)) * 1e3, "ms"},
        {"ack_p99_ms", seconds(quantile(measured.many.latencies, 0.99)) * 1e3, "ms"},
        {"single_ack_p50_ms", seconds(quantile(measured.single.latencies, 0.5)) * 1e3, "ms"},
        {"single_ack_p99_ms", seconds(quantile(measured.single.latencies, 0.99)) * 1e3, "ms"}};
    for (std::size_t i = 2; i < measures.size(); ++i) measures[i].more_is_better = false;
    return measures;
}

Result<void> set_floors(const Bench& bench, const Size& size, const Floors& floors, Report& report) {
    constexpr std::size_t kPacketBytes = 80, kAckBytes = 4, kWindow = 20;
    const ExchangeFloor many = TRY(measure_exchange(bench.clock, {.connections = size.clients,
                                                                  .in_flight = kWindow,
                                                                  .count = size.messages,
                                                                  .request_bytes = kPacketBytes,
                                                                  .answer_bytes = kAckBytes}));
    const ExchangeFloor one = TRY(measure_exchange(
        bench.clock, {.count = size.single, .request_bytes = kPacketBytes, .answer_bytes = kAckBytes}));
    report.floors.push_back({"exchanges", many.per_s, "/s",
                             fmt::format("{} B there and {} B back, {} connections, {} under way on each; at best one "
                                         "recv and one send for all that is under way on a connection",
                                         kPacketBytes, kAckBytes, size.clients, kWindow)});
    report.floors.push_back({"exchange_one", one.p50_s * 1e3, "ms", "one at a time: two sends and two recvs"});
    const double window = static_cast<double>(size.clients * kWindow);
    const double synced = window / floors.sync_s;
    const std::string about = many.per_s < synced ? "exchanges that nobody reads" : "all that is under way, a sync";
    const double wait = std::max(window / many.per_s, floors.sync_s) * 1e3;
    const double floor_of[] = {
        std::min(many.per_s, synced),         many.per_s, wait, wait, (one.p50_s + floors.sync_s) * 1e3,
        (one.p50_s + floors.sync_p99_s) * 1e3};
    const std::string about_of[] = {about,
                                    "exchanges that nobody reads",
                                    "all that is under way, at that rate",
                                    "all that is under way, at that rate",
                                    "one exchange and one fdatasync",
                                    "one exchange and one slow fdatasync"};
    for (std::size_t i = 0; i < report.measures.size(); ++i) {
        report.measures[i].floor = floor_of[i];
        report.measures[i].floor_about = about_of[i];
    }
    return {};
}

Result<void> beside_mosquitto(const Bench& bench, const Size& size, Report& report) {
    const auto peer = TRY(Mosquitto::start(bench.files, bench.folder));
    TRY(leave_subscription(peer->address(), "gongshu/v1/#").context("mosquitto"));
    Measured measured =
        TRY(measure(peer->address(), clients_of(size.clients), size, peer->id(), bench.clock.now() - kHour)
                .context("mosquitto"));
    report.peers.push_back({"mosquitto", peer->version(), Mosquitto::kGuarantee, kOurGuarantee,
                            "it has no setting to sync what it acknowledged", measures_of(measured, size)});
    return {};
}

}  // namespace

Result<Report> run_mqtt(const Bench& bench) {
    const Size size = bench.options.small ? Size{4, 400, 20} : Size{100, 200'000, 500};
    Report report;
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    {
        const auto served = TRY(Served::start(bench.files, bench.options.program, bench.folder));
        auto clients = clients_of(size.clients);
        TRY(register_devices(*served, {"value"}, clients));
        const TimeNs start = bench.clock.now() - kHour;
        Measured measured = TRY(measure(served->mqtt(), clients, size, served->id(), start));
        report.measures = measures_of(measured, size);
        report.sent = static_cast<double>(size.messages + size.single);
        report.read_back = TRY(count_readings(*served, "bench/**", start - kHour, start + kDay));
        report.costs.push_back({"memory_peak",
                                static_cast<double>(TRY(io::process_use(served->id())).memory_peak_bytes) / 1e6, "MB",
                                "of the server"});
    }
    TRY(set_floors(bench, size, floors, report));
    if (bench.options.vs.empty()) return report;
    auto beside = beside_mosquitto(bench, size, report);
    if (beside || !bench.options.vs_all || beside.error().code() != Code::not_found) {
        TRY(std::move(beside));
    } else {
        report.absent.push_back(beside.error().text());
    }
    return report;
}

}  // namespace gongshu::bench
