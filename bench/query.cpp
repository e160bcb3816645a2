// What a page asks: a chart over a month, raw rows, the newest value of everything; over HTTP, one after another.
#include <algorithm>

#include "bench/floors.h"
#include "bench/http_load.h"
#include "bench/served.h"
#include "bench/workloads.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

constexpr const char* kChart = "bench/chart.value";

struct Size {
    std::size_t chart_rows, tags, repeats;
};

Result<void> post_lines(Served& served, const char* target, const std::vector<std::string>& bodies) {
    std::vector<std::string> texts;
    for (const std::string& body : bodies)
        texts.push_back(request_text(wire::HttpMethod::post, target, served.token(), body, "text/plain"));
    TRY(run({.address = served.http(), .count = texts.size(), .request = [&](std::size_t i) {
                 return std::string_view(texts[i]);
             }}));
    return {};
}

// One reading a second, as a slow wave with noise, and the other tags with one reading each.
Result<void> fill(Served& served, const Size& size, TimeNs from) {
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < size.chart_rows; ++i) {
        if (i % 100'000 == 0) bodies.emplace_back();
        const auto wave = static_cast<double>((i * 7919) % 101 + i / 60 % 1440);
        fmt::format_to(std::back_inserter(bodies.back()), "bench,device=chart value={:.1f} {}\n", 20 + wave / 100,
                       from / kSecond + static_cast<TimeNs>(i));
    }
    TRY(post_lines(served, "/api/v1/write?precision=s&import=1", bodies));
    std::string others;
    for (std::size_t i = 1; i < size.tags; ++i)
        fmt::format_to(std::back_inserter(others), "bench,device=t{} value={}.5\n", i, i);
    return post_lines(served, "/api/v1/write?precision=s", {others});
}

struct Question {
    const char* name;
    std::string target;
    double stored_rows;  // that an answer stands for
    double answer_rows;
};

Result<double> ask(const Bench& bench, Served& served, const Question& question, const Size& size,
                   double stored_row_bytes, const Floors& floors, Report& report) {
    const std::string request = request_text(wire::HttpMethod::get, question.target, served.token());
    double rows = 0;
    std::size_t answer_bytes = 0;
    const auto look = [&](const wire::HttpResponse& answer) -> Result<void> {
        answer_bytes = answer.body.size();
        if (rows > 0) return {};
        const Json json = TRY(registry::parse_json(answer.body));
        for (const Json& series : json.at("series").as_array())
            rows += static_cast<double>(series.at("rows").as_array().size());
        return {};
    };
    HttpLoaded loaded = TRY(run({.address = served.http(),
                                 .count = size.repeats,
                                 .request = [&](std::size_t) { return std::string_view(request); },
                                 .on_answer = look}));
    const std::size_t transported = static_cast<std::size_t>(loaded.bytes_in) / size.repeats;
    const ExchangeFloor exchange =
        TRY(measure_exchange(bench.clock, {.count = size.repeats,
                                           .request_bytes = request.size(),
                                           .answer_bytes = std::max<std::size_t>(1, transported)}));
    const double floor = exchange.p50_s + question.stored_rows * stored_row_bytes / floors.memory_bytes_per_s;
    const std::string about = fmt::format("{} bytes of answer through loopback, {:.0f} stored bytes read once",
                                          transported, question.stored_rows * stored_row_bytes);
    const double p99 = seconds(quantile(loaded.latencies, 0.99));
    report.measures.push_back({fmt::format("{}_p50_ms", question.name), seconds(quantile(loaded.latencies, 0.5)) * 1e3,
                               "ms", floor * 1e3, false, about});
    report.measures.push_back({fmt::format("{}_p99_ms", question.name), p99 * 1e3, "ms", floor * 1e3, false, about});
    report.sent += question.answer_rows;
    report.read_back += rows;
    return rows;
}

}  // namespace

Result<Report> run_query(const Bench& bench) {
    // 10,000 tags, the chart's among them: what a tenant may make in a minute.
    const Size size = bench.options.small ? Size{7'200, 100, 3} : Size{30 * 86'400, 10'000, 100};
    Report report;
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    const auto served = TRY(Served::start(bench.files, bench.options.program, bench.folder));
    const auto rows = static_cast<TimeNs>(size.chart_rows);
    const TimeNs to = bench.clock.now() / kHour * kHour, from = to - rows * kSecond;
    const DurationNs begin = bench.clock.monotonic();
    TRY(fill(*served, size, from).context("cannot fill the store"));
    report.costs.push_back({"fill", seconds(bench.clock.monotonic() - begin), "s", "by import over HTTP"});
    TRY(served->ask(wire::HttpMethod::post, "/api/v1/admin/compact"));
    const Json status = TRY(served->ask(wire::HttpMethod::get, "/api/v1/status"));
    const double row_bytes = status.at("history").at("segment_bytes").to_number<double>() /
                             static_cast<double>(size.chart_rows + size.tags - 1);
    report.costs.push_back({"stored_bytes_per_row", row_bytes, "B", "after compaction"});
    report.sent += static_cast<double>(size.chart_rows + size.tags - 1);
    report.read_back += TRY(count_readings(*served, "bench/**", from - kHour, to + kDay));

    const auto range = [&](TimeNs length) { return fmt::format("tag={}&from={}&to={}", kChart, to - length, to); };
    const std::size_t chart_buckets = size.chart_rows / 3600;
    const Question questions[] = {
        {"chart_30d", fmt::format("/api/v1/read?{}&every=1h&agg=avg,min,max", range(rows * kSecond)),
         static_cast<double>(size.chart_rows), static_cast<double>(chart_buckets)},
        {"raw_1h", fmt::format("/api/v1/read?{}", range(kHour)), 3600, 3600},
        {"last_all", "/api/v1/last?tag=bench/**", 0, static_cast<double>(size.tags)}};
    for (const Question& question : questions)
        TRY(ask(bench, *served, question, size, row_bytes, floors, report).context("{}", question.name));
    report.costs.push_back({"memory_peak",
                            static_cast<double>(TRY(io::process_use(served->id())).memory_peak_bytes) / 1e6, "MB",
                            "of the server"});
    return report;
}

}  // namespace gongshu::bench
