#include "bench/course.h"

#include <algorithm>

#include "base/log.h"

namespace gongshu::bench {
namespace {

constexpr int kServerCore = 0, kLoadCore = 1;

// Between two cores, too.
Result<ExchangeFloor> exchange_floor(const Bench& bench, const Exchange& exchange) {
    TRY(io::stay_on_core(-1));
    auto floor = measure_exchange(bench.clock, exchange);
    if (io::machine_facts().cores > 1) TRY(io::stay_on_core(kLoadCore));
    return floor;
}

}  // namespace

void Runs::add(const std::string& name, const std::string& unit, bool more_is_better, double value) {
    const auto at = std::ranges::find(measures_, name, &Measure::name);
    Measure& measure = at != measures_.end() ? *at : measures_.emplace_back();
    measure.name = name;
    measure.unit = unit;
    measure.more_is_better = more_is_better;
    measure.runs.push_back(value);
}

void Runs::set_floor(const std::string& name, double floor, const std::string& about) {
    const auto at = std::ranges::find(measures_, name, &Measure::name);
    at->floor = floor;
    at->floor_about = about;
}

std::vector<Measure> Runs::take() {
    for (Measure& measure : measures_) {
        std::vector<double> sorted = measure.runs;
        std::ranges::sort(sorted);
        measure.value = sorted[sorted.size() / 2];
    }
    return std::move(measures_);
}

Result<Side> begin_side(const Bench& bench, const Start& start, const RivalParts& parts) {
    Side side;
    side.place = TRY(Place::create(bench.files, bench.folder));
    const bool two = io::machine_facts().cores > 1;
    if (two) TRY(io::stay_on_core(kServerCore));
    auto rival = start({bench, side.place->path(), parts.program});
    if (two) TRY(io::stay_on_core(kLoadCore));
    side.rival = TRY(std::move(rival));
    return side;
}

Result<void> measure_load(const Bench& bench, Rival& rival, const Loading& loading, const Floors* floors, Runs& runs) {
    const double before = TRY(rival.use()).cpu_s;
    const HttpLoaded loaded = TRY(loading.load(rival));
    TRY(rival.settle());
    const double cpu = TRY(rival.use()).cpu_s - before;
    const double points = loading.points;
    const auto stored = static_cast<double>(TRY(rival.disk_bytes()));
    const std::string per_s = loading.rate + "points_per_s", per_core = loading.rate + "points_per_core_s",
                      size = loading.bytes + "bytes_per_point";
    runs.add(per_s, "/s", true, points / loaded.seconds);
    runs.add(per_core, "/s", true, points / std::max(cpu, 1e-3));
    runs.add(size, "B", false, stored / points);
    if (floors == nullptr) return {};
    const double bytes = static_cast<double>(loaded.bytes_out) / points;
    const std::size_t requests = loaded.latencies.size();
    const ExchangeFloor exchange =
        TRY(exchange_floor(bench, {.connections = 2,
                                   .count = requests,
                                   .request_bytes = static_cast<std::size_t>(loaded.bytes_out) / requests,
                                   .answer_bytes = 100}));
    runs.set_floor(per_s, exchange.per_s * points / static_cast<double>(requests),
                   fmt::format("{:.1f} bytes a point through loopback, unread", bytes));
    runs.set_floor(per_core, floors->memory_bytes_per_s / bytes,
                   "one pass over what is sent by one core of the server");
    runs.set_floor(size, loading.least_bytes, "the entropy of the steps");
    return {};
}

Result<void> measure_asks(const Bench& bench, Rival& rival, const Asks& asks, bool with_floor, Runs& runs,
                          Report& report) {
    const double before = TRY(rival.use()).cpu_s;
    HttpLoaded loaded = TRY(asks.ask(rival, [&](std::size_t i, const Cells& cells) {
        const Cells& want = asks.want(i);
        report.sent += static_cast<double>(count_values(want));
        const std::size_t right = count_right(want, cells);
        report.read_back += static_cast<double>(right);
        if (right < count_values(want))
            log_warning("bench", "{}: {} of {} values are right, of {} that came", asks.name, right, count_values(want),
                        count_values(cells));
    }));
    const auto asked = static_cast<double>(loaded.latencies.size());
    const double cpu_ms = (TRY(rival.use()).cpu_s - before) * 1e3 / asked;
    const std::string p50 = fmt::format("{}_p50_ms", asks.name);
    runs.add(p50, "ms", false, seconds(quantile(loaded.latencies, 0.5)) * 1e3);
    runs.add(fmt::format("{}_cpu_ms", asks.name), "ms", false, std::max(cpu_ms, 1e-4));
    if (!with_floor) return {};
    const std::size_t answer_bytes = static_cast<std::size_t>(loaded.bytes_in) / loaded.latencies.size();
    const ExchangeFloor exchange = TRY(measure_exchange(
        bench.clock, {.count = loaded.latencies.size(),
                      .request_bytes = static_cast<std::size_t>(loaded.bytes_out / loaded.latencies.size()),
                      .answer_bytes = answer_bytes}));
    runs.set_floor(p50, exchange.p50_s * 1e3, fmt::format("{} bytes of answer through loopback", answer_bytes));
    return {};
}

std::vector<const RivalKind*> rivals_of(const Options& options) {
    std::vector<const RivalKind*> rivals;
    for (const RivalKind& kind : rival_kinds())
        if (std::ranges::find(options.vs, std::string(kind.name)) != options.vs.end()) rivals.push_back(&kind);
    return rivals;
}

Result<void> run_rivals(const Bench& bench, const std::function<Result<RivalRun>(const RivalKind&)>& run,
                        Report& report) {
    for (const RivalKind* kind : rivals_of(bench.options)) {
        auto made = run(*kind);
        if (!made && made.error().code() == Code::not_found && bench.options.vs_all) {
            report.absent.push_back(made.error().text());
            continue;
        }
        RivalRun ran = TRY(std::move(made).context("{}", kind->name));
        report.peers.push_back(
            {kind->name, ran.version, kind->guarantee, kOurGuarantee, kind->durability, std::move(ran.measures)});
    }
    return {};
}

}  // namespace gongshu::bench
