// What a plant asks of a store that is written to all the time: rows that come late, reads beside the writing, and how
// soon what was acknowledged is seen.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <thread>

#include "base/rng.h"
#include "bench/floors.h"
#include "bench/http_load.h"
#include "bench/served.h"
#include "bench/victoria.h"
#include "bench/workloads.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

constexpr std::size_t kSensors = 10, kRowsPerRequest = 100;
constexpr DurationNs kStep = 5 * kSecond;
constexpr std::size_t kVictoriaWaits = 30;  // about a second each

struct Size {
    std::size_t devices, rows, asks, visible;  // rows of each device
    double late_steps;                         // Poisson's mean
};

double value_of(std::size_t device, std::size_t sensor, std::size_t step) {
    return static_cast<double>((step * (device + 7) * (sensor + 3)) % 10'007) / 100;
}

double uniform(Rng& rng) { return static_cast<double>(rng.next() >> 11) * 0x1p-53; }

// By Knuth's product for pieces of the mean that exp() does not lose.
std::size_t poisson(double mean, Rng& rng) {
    constexpr double kPiece = 200;
    std::size_t count = 0;
    for (double left = mean; left > 0; left -= kPiece) {
        const double enough = std::exp(-std::min(left, kPiece));
        for (double product = uniform(rng); product > enough; product *= uniform(rng)) ++count;
    }
    return count;
}

// The step of each row of a device, in the order in which they are sent. Disorder is that of thulab/iot-benchmark,
// ratio 0.5: every other row lies a Poisson number of steps back, and may be one that was sent before.
std::vector<std::size_t> steps_of(const Size& size, bool late, std::uint64_t seed) {
    Rng rng{seed};
    std::vector<std::size_t> steps;
    std::size_t newest = 0;
    while (steps.size() < size.rows) {
        if (late && newest > 0 && uniform(rng) < 0.5) {
            steps.push_back(newest - std::min(newest, poisson(size.late_steps, rng)));
        } else {
            steps.push_back(newest++);
        }
    }
    return steps;
}

struct Sent {
    std::vector<std::string> requests;
    std::vector<std::map<std::size_t, bool>> steps;  // of each device
    TimeNs start = 0;
};

Sent rows_to_send(const Size& size, bool late, const std::string& token, TimeNs now) {
    Sent sent;
    sent.start = now / kDay * kDay - static_cast<TimeNs>(size.rows) * kStep;
    std::vector<std::vector<std::size_t>> steps;
    for (std::size_t device = 0; device < size.devices; ++device) {
        steps.push_back(steps_of(size, late, 100 + device));
        std::map<std::size_t, bool>& own = sent.steps.emplace_back();
        for (const std::size_t step : steps.back()) own[step] = true;
    }
    for (std::size_t begin = 0; begin < size.rows; begin += kRowsPerRequest)
        for (std::size_t device = 0; device < size.devices; ++device) {
            std::string body;
            for (std::size_t row = begin; row < std::min(size.rows, begin + kRowsPerRequest); ++row) {
                const std::size_t step = steps[device][row];
                fmt::format_to(std::back_inserter(body), "live,device=d{} ", device);
                for (std::size_t sensor = 0; sensor < kSensors; ++sensor)
                    fmt::format_to(std::back_inserter(body), "{}s{}={:.2f}", sensor == 0 ? "" : ",", sensor,
                                   value_of(device, sensor, step));
                fmt::format_to(std::back_inserter(body), " {}\n", sent.start + static_cast<TimeNs>(step) * kStep);
            }
            sent.requests.push_back(request_text(wire::HttpMethod::post, "/api/v1/write?precision=ns", token,
                                                 std::move(body), "text/plain"));
        }
    return sent;
}

Result<HttpLoaded> write_all(const Served& served, const std::vector<std::string>& requests) {
    return run({.address = served.http(), .connections = 2, .count = requests.size(), .request = [&](std::size_t i) {
                    return std::string_view(requests[i]);
                }});
}

// Every row of every tag, against what was sent.
Result<void> compare(Served& served, const Size& size, const Sent& sent, Report& report) {
    for (std::size_t device = 0; device < size.devices; ++device)
        for (std::size_t sensor = 0; sensor < kSensors; ++sensor) {
            const Json answer = TRY(
                served.ask(wire::HttpMethod::get,
                           fmt::format("/api/v1/read?tag=live/d{}.s{}&from={}&to={}&limit=1000000&order=asc", device,
                                       sensor, sent.start, sent.start + static_cast<TimeNs>(size.rows) * kStep)));
            const auto& rows = answer.at("series").at(0).at("rows").as_array();
            const auto& steps = sent.steps[device];
            report.sent += static_cast<double>(steps.size());
            if (rows.size() != steps.size()) continue;
            auto step = steps.begin();
            for (const Json& row : rows) {
                const TimeNs time = sent.start + static_cast<TimeNs>(step->first) * kStep;
                const bool right =
                    std::strtoll(registry::to_text(row.at(0)).c_str(), nullptr, 10) == time &&
                    std::abs(row.at(1).to_number<double>() - value_of(device, sensor, step->first)) < 1e-9;
                report.read_back += right ? 1 : 0;
                ++step;
            }
        }
    return {};
}

// Points that a core of the server takes in a second, with the merging behind.
Result<double> ingest(const Bench& bench, const Size& size, bool late, const std::string& folder, Report& report) {
    TRY(bench.files.make_folder(folder));
    const auto served = TRY(Served::start(bench.files, bench.options.program, folder));
    const Sent sent = rows_to_send(size, late, served->token(), bench.clock.now());
    const double before = TRY(io::family_use(served->id())).cpu_s;
    TRY(write_all(*served, sent.requests));
    TRY(served->ask(wire::HttpMethod::post, "/api/v1/admin/compact"));
    const double cpu = TRY(io::family_use(served->id())).cpu_s - before;
    TRY(compare(*served, size, sent, report));
    return static_cast<double>(size.devices * size.rows * kSensors) / std::max(cpu, 1e-3);
}

Result<void> disorder(const Bench& bench, const Size& size, Report& report) {
    std::vector<double> lost, in_order, out_of_order;
    for (std::size_t i = 0; i < bench.options.runs; ++i) {
        in_order.push_back(TRY(ingest(bench, size, false, fmt::format("{}/order{}", bench.folder, i), report)));
        out_of_order.push_back(TRY(ingest(bench, size, true, fmt::format("{}/late{}", bench.folder, i), report)));
        lost.push_back(100 * (1 - out_of_order.back() / in_order.back()));
    }
    const auto middle = [](std::vector<double> values) {
        std::ranges::sort(values);
        return values[values.size() / 2];
    };
    Measure measure{.name = "in_order_points_per_core_s", .value = middle(in_order), .unit = "/s"};
    measure.runs = in_order;
    report.measures.push_back(measure);
    measure = {.name = "late_points_per_core_s", .value = middle(out_of_order), .unit = "/s"};
    measure.runs = out_of_order;
    report.measures.push_back(measure);
    measure = {.name = "disorder_loss", .value = middle(lost), .unit = "%", .more_is_better = false};
    measure.runs = lost;
    report.measures.push_back(measure);
    return {};
}

Result<std::vector<DurationNs>> latencies(const Served& served, const std::string& target, std::size_t asks) {
    const std::string request = request_text(wire::HttpMethod::get, target, served.token());
    return TRY(run({.address = served.http(),
                    .count = asks,
                    .request = [&](std::size_t) { return std::string_view(request); }}))
        .latencies;
}

// Writes for as long as it pauses, so that a core is busy for half of the time, until `stop`; from the first request
// again when it has come to the last.
Result<double> write_half_the_time(const Served& served, const std::vector<std::string>& requests,
                                   const std::atomic<bool>& stop) {
    constexpr std::size_t kAtOnce = 20;
    const auto clock = io::make_system_clock();
    double written = 0;
    for (std::size_t begin = 0; !stop; begin += kAtOnce) {
        const DurationNs before = clock->monotonic();
        TRY(run({.address = served.http(), .count = kAtOnce, .request = [&](std::size_t i) {
                     return std::string_view(requests[(begin + i) % requests.size()]);
                 }}));
        written += kAtOnce;
        const auto loop = io::make_epoll_loop(*clock);
        loop->after(clock->monotonic() - before, [&] { loop->stop(); });
        loop->run();
    }
    return written;
}

// Reads of one tag while others are written, against an idle server.
Result<void> read_beside(const Bench& bench, const Size& size, Report& report) {
    const std::string folder = bench.folder + "/busy";
    TRY(bench.files.make_folder(folder));
    const auto served = TRY(Served::start(bench.files, bench.options.program, folder));
    const Sent sent = rows_to_send(size, false, served->token(), bench.clock.now());
    const std::size_t half = sent.requests.size() / 2;
    const std::vector<std::string> first(sent.requests.begin(),
                                         sent.requests.begin() + static_cast<std::ptrdiff_t>(half));
    const std::vector<std::string> rest(sent.requests.begin() + static_cast<std::ptrdiff_t>(half), sent.requests.end());
    TRY(write_all(*served, first));
    const std::string target =
        fmt::format("/api/v1/read?tag=live/d0.s0&from={}&to={}&every=1m&agg=max", sent.start, sent.start + kHour);
    std::vector<DurationNs> idle = TRY(latencies(*served, target, size.asks));
    std::atomic<bool> stop = false;
    Result<double> written = 0.0;
    Result<std::vector<DurationNs>> busy = std::vector<DurationNs>{};
    {
        const std::jthread writer([&] { written = write_half_the_time(*served, rest, stop); });
        busy = latencies(*served, target, size.asks);
        stop = true;
    }
    TRY(std::move(written));
    if (!busy) return std::move(busy).error();
    std::vector<DurationNs>& while_written = *busy;
    const double idle_p99 = seconds(quantile(idle, 0.99)) * 1e3,
                 busy_p99 = seconds(quantile(while_written, 0.99)) * 1e3;
    report.measures.push_back({.name = "idle_read_p99_ms", .value = idle_p99, .unit = "ms", .more_is_better = false});
    report.measures.push_back({.name = "busy_read_p99_ms", .value = busy_p99, .unit = "ms", .more_is_better = false});
    report.measures.push_back(
        {.name = "busy_read_p99_times", .value = busy_p99 / idle_p99, .unit = "x", .more_is_better = false});
    return {};
}

// Writes reading `i` and returns with its acknowledgement; what is seen then is the newest, -1 = nothing.
struct Watched {
    std::function<Result<void>(std::size_t i)> write;
    std::function<Result<double>()> newest;
};
double seen_value(std::size_t i) { return static_cast<double>(i) + 0.5; }

// From an acknowledgement until the first answer that holds the reading has come.
Result<std::vector<DurationNs>> waits_until_seen(const Bench& bench, const Watched& watched, std::size_t count) {
    std::vector<DurationNs> waits;
    for (std::size_t i = 0; i < count; ++i) {
        TRY(watched.write(i));
        const DurationNs acknowledged = bench.clock.monotonic();
        while (TRY(watched.newest()) != seen_value(i))
            if (bench.clock.monotonic() - acknowledged > kMinute)
                return Error{Code::timeout, "what was acknowledged is not seen after a minute"};
        waits.push_back(bench.clock.monotonic() - acknowledged);
    }
    return waits;
}

std::vector<Measure> measures_of(std::vector<DurationNs> waits) {
    std::vector<Measure> measures;
    for (const auto& [name, q] : {std::pair{"visible_p50_ms", 0.5}, std::pair{"visible_p99_ms", 0.99}})
        measures.push_back(
            {.name = name, .value = seconds(quantile(waits, q)) * 1e3, .unit = "ms", .more_is_better = false});
    return measures;
}

Result<void> visible(const Bench& bench, const Size& size, Report& report) {
    const std::string folder = bench.folder + "/visible";
    TRY(bench.files.make_folder(folder));
    const auto served = TRY(Served::start(bench.files, bench.options.program, folder));
    const Watched watched{.write = [&](std::size_t i) -> Result<void> {
                              TRY(served->ask(wire::HttpMethod::post, "/api/v1/write?precision=ns",
                                              fmt::format("seen,device=d0 value={}", seen_value(i)), "text/plain"));
                              return {};
                          },
                          .newest = [&]() -> Result<double> {
                              const Json answer = TRY(served->ask(wire::HttpMethod::get, "/api/v1/last?tag=seen/**"));
                              const auto& series = answer.at("series").as_array();
                              return series.empty() ? -1 : series[0].at("rows").at(0).at(1).to_number<double>();
                          }};
    const auto waits = TRY(waits_until_seen(bench, watched, size.visible));
    report.sent += static_cast<double>(size.visible);
    report.read_back += static_cast<double>(waits.size());
    for (Measure& measure : measures_of(waits)) report.measures.push_back(std::move(measure));
    return {};
}

// The same there, by its export, which tells what is searchable without an offset in time.
Result<void> visible_at_victoria(const Bench& bench, const Size& size, Report& report) {
    const std::string folder = bench.folder + "/victoria";
    TRY(bench.files.make_folder(folder));
    const VictoriaServer server = TRY(start_victoria_server(bench, folder, bench.options.vs_binary, {}));
    std::string answer;
    const auto ask = [&](const std::string& request) -> Result<void> {
        TRY(run({.address = server.address,
                 .request = [&](std::size_t) { return std::string_view(request); },
                 .on_answer = [&](const wire::HttpResponse& got) -> Result<void> {
                     answer = got.body;
                     return {};
                 }}));
        return {};
    };
    const Watched watched{
        .write = [&](std::size_t i) -> Result<void> {
            return ask(request_text(wire::HttpMethod::post, "/write", "",
                                    fmt::format("seen,device=d0 value={} {}", seen_value(i), bench.clock.now()),
                                    "text/plain"));
        },
        .newest = [&]() -> Result<double> {
            TRY(ask(request_text(wire::HttpMethod::get, "/api/v1/export?match[]=seen_value", "")));
            if (answer.empty()) return -1;
            const Json series = TRY(registry::parse_json(answer));
            return series.at("values").as_array().back().to_number<double>();
        }};
    const std::size_t count = std::min<std::size_t>(size.visible, kVictoriaWaits);
    report.peers.push_back({"victoria-metrics", server.version,
                            "it is in the memory of the server; it is searched within 2 s and on disk within 5 s: a "
                            "crash loses what came since",
                            "it is in the store's log, and that is synced to the disk; it is seen at once",
                            "it has no log and no setting to sync what is written",
                            measures_of(TRY(waits_until_seen(bench, watched, count)))});
    return {};
}

}  // namespace

Result<Report> run_live(const Bench& bench) {
    const Size size = bench.options.small ? Size{2, 600, 10, 3, 40} : Size{60, 3'000, 1'000, 200, 2'200};
    Report report;
    report.floors = numbers_of(TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small)));
    TRY(disorder(bench, size, report).context("late rows"));
    TRY(read_beside(bench, size, report).context("reads beside writing"));
    TRY(visible(bench, size, report).context("from acknowledged to visible"));
    if (bench.options.vs.empty()) return report;
    auto beside = visible_at_victoria(bench, size, report);
    if (!beside && beside.error().code() == Code::not_found && bench.options.vs_all)
        report.absent.push_back(beside.error().text());
    else
        TRY(std::move(beside).context("victoria-metrics"));
    return report;
}

}  // namespace gongshu::bench
