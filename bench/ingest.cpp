// Readings into the store, once straight into it and once through line protocol into a served process; both durable
// before they are acknowledged.
#include <atomic>
#include <latch>
#include <thread>

#include "bench/floors.h"
#include "bench/http_load.h"
#include "bench/served.h"
#include "bench/workloads.h"
#include "history/history.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

constexpr std::size_t kDevices = 100;
constexpr std::size_t kTagsPerDevice = 10;
constexpr std::size_t kRowsPerBatch = 100;
constexpr std::size_t kBatchesInFlight = 64;
constexpr std::size_t kRowMemoryBytes = 18;  // time, value, quality: what a row is in memory, at the least

double value_of(std::size_t i) { return 20 + 0.1 * static_cast<double>(i % 173); }

// Keeps kBatchesInFlight batches under way until all are acknowledged; on the lane.
class Sender {
public:
    Sender(history::History& history, io::Loop& loop, std::vector<TagId> tags, std::size_t batches, TimeNs start)
        : history_(history), loop_(loop), tags_(std::move(tags)), batches_(batches), start_(start) {}
    void run() {
        loop_.post([this] {
            for (std::size_t i = 0; i < kBatchesInFlight; ++i) send();
        });
        finished_.wait();
    }
    std::uint64_t failed() const { return failed_; }

private:
    void send() {
        if (sent_ == batches_) return;
        const std::size_t batch = sent_++;
        Rows rows;
        rows.reserve(kRowsPerBatch);
        const std::size_t first_tag = batch % kDevices * kTagsPerDevice;
        for (std::size_t i = 0; i < kRowsPerBatch; ++i) {
            const std::size_t step = batch / kDevices * (kRowsPerBatch / kTagsPerDevice) + i / kTagsPerDevice;
            rows.add_number(tags_[first_tag + i % kTagsPerDevice], start_ + static_cast<TimeNs>(step) * kMillisecond,
                            value_of(batch + i));
        }
        history_.append(std::move(rows), Durability::sync, [this](Result<Appended> appended) {
            if (!appended) ++failed_;
            if (++done_ == batches_) finished_.count_down();
            send();
        });
    }

    history::History& history_;
    io::Loop& loop_;
    const std::vector<TagId> tags_;
    const std::size_t batches_;
    const TimeNs start_;
    std::size_t sent_ = 0, done_ = 0;
    std::uint64_t failed_ = 0;
    std::latch finished_{1};
};

Result<std::vector<TagId>> make_tags(history::History& history) {
    std::vector<TagId> tags;
    for (std::size_t device = 0; device < kDevices; ++device)
        for (std::size_t property = 0; property < kTagsPerDevice; ++property) {
            const std::string source = fmt::format("p:bench/d{}", device), name = fmt::format("v{}", property);
            tags.push_back(TRY(
                history.resolve({TenantId{1}, source, name}, source.substr(2) + "." + name, ValueType::number, "")));
        }
    return tags;
}

Result<double> count_rows(history::History& history, const std::vector<TagId>& tags, Window window) {
    ReadRequest request{.tags = tags, .window = window, .every = kDay, .aggregates = {"count"}};
    double count = 0;
    for (const Series& series : TRY(history.read(request)))
        for (const double one : series.values.at(0)) count += one;
    return count;
}

Result<void> through_sink(const Bench& bench, const Floors& floors, Report& report) {
    const std::size_t batches = bench.options.small ? 400 : 100'000;
    const auto pool = io::make_thread_pool(2, 100);
    const auto lane = io::make_epoll_loop(bench.clock);
    Metrics metrics;
    history::HistoryOptions options;
    options.folder = bench.folder + "/engine";
    const auto history = TRY(history::History::create(bench.files, bench.clock, metrics, {lane.get()}, *pool, options));
    const auto tags = TRY(make_tags(*history));
    const TimeNs start = bench.clock.now() - kHour;
    const std::jthread thread([&] { lane->run(); });
    const double cpu_before = TRY(io::process_use()).cpu_s;
    const DurationNs begin = bench.clock.monotonic();
    Sender sender(*history, *lane, tags, batches, start);
    sender.run();
    const double took = seconds(bench.clock.monotonic() - begin);
    const double cpu = TRY(io::process_use()).cpu_s - cpu_before;
    const auto counted = count_rows(*history, tags, {start - kHour, start + kDay});
    const auto rows = static_cast<double>(batches * kRowsPerBatch);
    const double log_bytes = static_cast<double>(metrics.counter("gongshu_history_log_bytes_total", "").value());
    const double groups = static_cast<double>(metrics.counter("gongshu_history_log_groups_total", "").value());
    history->stop();
    lane->stop();
    if (sender.failed() > 0) return Error{Code::unavailable, "{} batches were refused by the store", sender.failed()};
    report.sent += rows;
    report.read_back += TRY(counted);

    const double row_log_bytes = log_bytes / rows;
    const double disk_floor = floors.disk_bytes_per_s / row_log_bytes;
    const double memory_floor = floors.memory_bytes_per_s / (row_log_bytes + 2 * static_cast<double>(kRowMemoryBytes));
    report.measures.push_back({"engine_rows_per_s", rows / took, "/s", std::min(disk_floor, memory_floor), true,
                               fmt::format("{:.1f} log bytes a row at the speed of the {}", row_log_bytes,
                                           disk_floor < memory_floor ? "disk" : "memory")});
    report.measures.push_back(
        {"engine_rows_per_core_s", rows / std::max(cpu, 1e-3), "/s", memory_floor, true,
         fmt::format("{:.0f} bytes a row moved by one core", row_log_bytes + 2 * kRowMemoryBytes)});
    report.costs.push_back(
        {"engine_rows_per_sync", rows / std::max(groups, 1.0), "rows", "one fdatasync acknowledges"});
    report.costs.push_back({"engine_log_bytes_per_row", row_log_bytes, "B", ""});
    return {};
}

constexpr std::size_t kLinesPerRequest = 1000;  // of one row a tag of a device

std::string lines_of(std::size_t request, TimeNs start) {
    std::string body;
    for (std::size_t line = 0; line < kLinesPerRequest; ++line) {
        const std::size_t number = request * kLinesPerRequest + line;
        fmt::format_to(std::back_inserter(body), "bench,device=d{} ", number % kDevices);
        for (std::size_t tag = 0; tag < kTagsPerDevice; ++tag)
            fmt::format_to(std::back_inserter(body), "{}v{}={:.1f}", tag == 0 ? "" : ",", tag, value_of(number + tag));
        fmt::format_to(std::back_inserter(body), " {}\n",
                       start + static_cast<TimeNs>(number / kDevices) * kMillisecond);
    }
    return body;
}

Result<void> through_http(const Bench& bench, const Floors& floors, Report& report) {
    const std::size_t requests = bench.options.small ? 4 : 400;
    const auto served = TRY(Served::start(bench.files, bench.options.program, bench.folder));
    const TimeNs start = bench.clock.now() - kHour;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < requests; ++i)
        texts.push_back(request_text(wire::HttpMethod::post, "/api/v1/write?precision=ns", served->token(),
                                     lines_of(i, start), "text/plain"));
    HttpLoad load{.address = served->http(), .connections = 2, .count = requests};
    load.request = [&](std::size_t i) { return std::string_view(texts[i]); };
    const double cpu_before = TRY(io::process_use(served->id())).cpu_s;
    const HttpLoaded loaded = TRY(run(load));
    const io::ProcessUse use = TRY(io::process_use(served->id()));
    const auto rows = static_cast<double>(requests * kLinesPerRequest * kTagsPerDevice);
    report.sent += rows;
    report.read_back += TRY(count_readings(*served, "bench/**", start - kHour, start + kDay));

    const ExchangeFloor exchange = TRY(measure_exchange(
        bench.clock,
        {.connections = 2, .count = requests, .request_bytes = texts.front().size(), .answer_bytes = 100}));
    const double per_request = static_cast<double>(kLinesPerRequest * kTagsPerDevice);
    const double text_bytes = static_cast<double>(texts.front().size()) / per_request;
    report.measures.push_back({"http_rows_per_s", rows / loaded.seconds, "/s",
                               std::min(exchange.per_s * per_request, 2 * per_request / floors.sync_s), true,
                               fmt::format("{:.1f} bytes of text a row through loopback, unread", text_bytes)});
    report.measures.push_back({"http_rows_per_core_s", rows / std::max(use.cpu_s - cpu_before, 1e-2), "/s",
                               floors.memory_bytes_per_s / text_bytes, true,
                               "one pass over the text by one core of the server"});
    report.costs.push_back(
        {"http_memory_peak", static_cast<double>(use.memory_peak_bytes) / 1e6, "MB", "of the server"});
    return {};
}

}  // namespace

Result<Report> run_ingest(const Bench& bench) {
    Report report;
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    TRY(through_sink(bench, floors, report).context("into the store itself"));
    TRY(through_http(bench, floors, report).context("through HTTP"));
    return report;
}

}  // namespace gongshu::bench
