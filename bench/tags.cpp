// Many devices that each said their values once: what a server keeps of them in memory, after they were written, after
// the log became segments, and after it was started again.
#include <algorithm>
#include <thread>

#include "bench/course.h"
#include "bench/sets.h"
#include "history/history.h"

namespace gongshu::bench {
namespace {

constexpr std::size_t kFields = 10, kSamples = 200;
constexpr std::size_t kRunsMax = 2;  // memory hardly differs from run to run

GridSet make_idle_set(std::size_t devices, TimeNs now) {
    GridSet::Measurement measurement{"idle", {}};
    for (std::size_t field = 0; field < kFields; ++field)
        measurement.fields.push_back({fmt::format("v{}", field), GridSet::Form::decimal, 1});
    GridSet::Shape shape{"device", {std::move(measurement)}, {}, now / kMinute * kMinute - kMinute, kSecond, 1};
    for (std::size_t i = 0; i < devices; ++i) {
        const std::string name = fmt::format("d{}", i);
        shape.devices.push_back({name, {{{"device", name}}}});
    }
    GridSet set(std::move(shape));
    for (std::size_t device = 0; device < devices; ++device)
        for (std::size_t field = 0; field < kFields; ++field)
            set.value(0, device, 0, field) = static_cast<double>((device * (field + 3)) % 10'007) / 10;
    return set;
}

// As an import makes them, past what a tenant may make in a minute: the tags of the lines, while no server runs.
Result<void> make_tags(const Bench& bench, const GridSet& set, const std::string& folder) {
    const auto lane = io::make_epoll_loop(bench.clock);
    const auto pool = io::make_thread_pool(1, 100);
    Metrics metrics;
    history::HistoryOptions options;
    options.folder = folder + "/data/history";
    options.new_tags_per_minute = 1'000'000'000;
    const auto history = TRY(history::History::create(bench.files, bench.clock, metrics, {lane.get()}, *pool, options));
    const std::jthread thread([&] { lane->run(); });
    Result<void> made;
    for (std::size_t device = 0; device < set.shape().devices.size() && made; ++device)
        for (const GridSet::Field& field : set.shape().measurements[0].fields) {
            const std::string source = "l:idle,device=" + set.shape().devices[device].name;
            const std::string path = set.path(0, device) + "." + field.name;
            if (auto tag = history->resolve({TenantId{1}, source, field.name}, path, ValueType::number, ""); !tag)
                made = std::move(tag).error();
        }
    history->stop();
    lane->stop();
    return made;
}

class IdleRun {
public:
    IdleRun(const Bench& bench, const GridSet& set, Report& report) : bench_(bench), set_(set), report_(report) {
        Rng rng{11};
        for (std::size_t i = 0; i < std::min(kSamples, set.shape().devices.size()); ++i)
            askings_.push_back(asking_of(set, question_, rng));
    }

    // `prepare` is given the folder of a server that ended.
    using Prepare = std::function<Result<void>(const std::string& folder)>;
    Result<std::string> run(const Start& start, const std::string& program, const Prepare& prepare, Runs& runs) {
        const auto place = TRY(Place::create(bench_.files, bench_.folder));
        const RivalParts parts{bench_, place->path(), program, true};
        auto server = TRY(start(parts));
        server.reset();  // what a first start makes is not there in the ones to come
        server = TRY(start(parts));
        empty_ = static_cast<double>(TRY(server->use()).memory_bytes);
        if (prepare) {
            server.reset();
            TRY(prepare(place->path()));
            server = TRY(start(parts));
        }
        TRY(server->load_lines(set_));
        TRY(add(*server, "written", runs));
        TRY(server->settle());
        TRY(add(*server, "sealed", runs));
        server.reset();
        const DurationNs begin = bench_.clock.monotonic();
        server = TRY(start(parts));
        runs.add("idle_restart_ms", "ms", false, seconds(bench_.clock.monotonic() - begin) * 1e3);
        TRY(add(*server, "restarted", runs));
        all_ = static_cast<double>(TRY(server->use()).memory_bytes);
        TRY(server->ask_ranges(askings_, 0, [&](std::size_t i, const Cells& cells) {
            report_.sent += static_cast<double>(count_values(askings_[i].want));
            report_.read_back += static_cast<double>(count_right(askings_[i].want, cells));
        }));
        return server->version();
    }
    double empty() const { return empty_; }
    double all() const { return all_; }

private:
    // Beside what an empty server has.
    Result<void> add(Rival& server, const char* when, Runs& runs) const {
        const auto memory = static_cast<double>(TRY(server.use()).memory_bytes);
        runs.add(fmt::format("idle_{}_bytes_per_tag", when), "B", false,
                 std::max(1.0, memory - empty_) / static_cast<double>(set_.points()));
        return {};
    }

    const Bench& bench_;
    const GridSet& set_;
    Report& report_;
    const RangeQuestion question_{"last", 0, {}, Fold::last, 1, 0, 0};
    std::vector<RangeAsking> askings_;
    double empty_ = 0, all_ = 0;
};

}  // namespace

Result<Report> run_tags(const Bench& bench) {
    const std::size_t devices = bench.options.small ? 500 : bench.options.devices > 0 ? bench.options.devices : 100'000;
    const GridSet set = make_idle_set(devices, bench.clock.now());
    Report report;
    report.floors = numbers_of(TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small)));
    IdleRun idle(bench, set, report);
    const auto ours = [](const RivalParts& parts) { return start_ours(parts, Way::lines); };
    const std::size_t times = std::min(bench.options.runs, kRunsMax);
    Runs runs;
    for (std::size_t i = 0; i < times; ++i)
        TRY(idle.run(ours, "", [&](const std::string& folder) { return make_tags(bench, set, folder); }, runs));
    report.measures = runs.take();
    report.costs = {{"tags", static_cast<double>(set.points()), "rows", "ten of a device, each with one reading"},
                    {"memory_empty", idle.empty() / 1e6, "MB", "of the server before there was a tag"},
                    {"memory_restarted", idle.all() / 1e6, "MB", "of the server with all of them, started again"}};
    const auto theirs = [&](const RivalKind& kind) -> Result<RivalRun> {
        Runs own;
        RivalRun ran;
        for (std::size_t i = 0; i < times; ++i)
            ran.version = TRY(idle.run(kind.start, bench.options.vs_binary, {}, own));
        ran.measures = own.take();
        return ran;
    };
    TRY(run_rivals(bench, theirs, report));
    return report;
}

}  // namespace gongshu::bench
