// The Time Series Benchmark Suite's cpu-only case, in by line protocol with all its tags and once more as columns, and
// its questions; every answer, ours and the rivals', is held against what was generated. The server is kept on one core
// and the load on another.
#include <algorithm>

#include "base/log.h"
#include "bench/floors.h"
#include "bench/place.h"
#include "bench/rival.h"

namespace gongshu::bench {
namespace {

constexpr const char* kOurGuarantee = "it is in the store's log, and that is synced to the disk; it is seen at once";
constexpr int kServerCore = 0, kLoadCore = 1;

struct Size {
    std::size_t hosts, ticks, askings;
    DurationNs enough;  // of one question in one run
};

// A server and what lies below it, gone together.
struct Side {
    std::unique_ptr<Place> place;
    std::unique_ptr<Rival> rival;
};
using Start = std::function<Result<std::unique_ptr<Rival>>(const RivalParts&)>;

// What was measured in each run, by name; the middle of them is told, and how far they lie apart.
class Runs {
public:
    void add(const std::string& name, const std::string& unit, bool more_is_better, double value) {
        const auto at = std::ranges::find(measures_, name, &Measure::name);
        Measure& measure = at != measures_.end() ? *at : measures_.emplace_back();
        measure.name = name;
        measure.unit = unit;
        measure.more_is_better = more_is_better;
        measure.runs.push_back(value);
    }
    void set_floor(const std::string& name, double floor, const std::string& about) {
        const auto at = std::ranges::find(measures_, name, &Measure::name);
        at->floor = floor;
        at->floor_about = about;
    }
    std::vector<Measure> take() {
        for (Measure& measure : measures_) {
            std::vector<double> sorted = measure.runs;
            std::ranges::sort(sorted);
            measure.value = sorted[sorted.size() / 2];
        }
        return std::move(measures_);
    }

private:
    std::vector<Measure> measures_;
};

class Course {
public:
    Course(const Bench& bench, const Size& size, const TsbsCpu& data, Report& report)
        : bench_(bench), size_(size), data_(data), report_(report) {
        Rng rng{7};
        for (const Question& question : kQuestions)
            for (std::size_t i = 0; i < size.askings; ++i)
                askings_[question.name].push_back(asking_of(data, question, rng));
    }

    // The whole course by one server; `floors` are told of ours alone.
    Result<std::vector<Measure>> run(const Start& start, Way way, bool ask_too, const Floors* floors,
                                     const std::string& program) {
        Runs runs;
        Side side;
        for (std::size_t i = 0; i < bench_.options.runs; ++i) {
            side.rival.reset();  // before what it stands on goes
            side = TRY(begin(start, program));
            TRY(load(*side.rival, way, floors, runs));
        }
        version_ = side.rival->version();
        if (!ask_too) return runs.take();
        for (std::size_t i = 0; i < bench_.options.runs; ++i)
            for (const Question& question : kQuestions)
                if (side.rival->can_answer(question) && (floors != nullptr || !question.by_sql))
                    TRY(ask(*side.rival, question, floors != nullptr && i == 0, runs).context("{}", question.name));
        memory_peak_bytes_ = TRY(side.rival->use()).memory_peak_bytes;
        return runs.take();
    }
    const std::string& version() const { return version_; }
    double memory_peak_mb() const { return static_cast<double>(memory_peak_bytes_) / 1e6; }

private:
    // Both on their cores, where there are two.
    Result<Side> begin(const Start& start, const std::string& program) const {
        Side side;
        side.place = TRY(Place::create(bench_.files, bench_.folder));
        const bool two = io::machine_facts().cores > 1;
        if (two) TRY(io::stay_on_core(kServerCore));
        auto rival = start({bench_, side.place->path(), program});
        if (two) TRY(io::stay_on_core(kLoadCore));
        side.rival = TRY(std::move(rival));
        return side;
    }

    // Between two cores, too.
    Result<ExchangeFloor> exchange_floor(const Exchange& exchange) const {
        TRY(io::stay_on_core(-1));
        auto floor = measure_exchange(bench_.clock, exchange);
        if (io::machine_facts().cores > 1) TRY(io::stay_on_core(kLoadCore));
        return floor;
    }

    Result<void> load(Rival& rival, Way way, const Floors* floors, Runs& runs) {
        const double before = TRY(rival.use()).cpu_s;
        const HttpLoaded loaded = TRY(rival.load(data_));
        TRY(rival.settle());
        // With the merging, which all do behind: else who merges later would seem to work less.
        const double cpu = TRY(rival.use()).cpu_s - before;
        const auto points = static_cast<double>(data_.points());
        const auto stored = static_cast<double>(TRY(rival.disk_bytes()));
        const std::string by = way == Way::lines ? "" : "columns_";
        runs.add(by + "points_per_s", "/s", true, points / loaded.seconds);
        runs.add(by + "points_per_core_s", "/s", true, points / std::max(cpu, 1e-3));
        runs.add("bytes_per_point", "B", false, stored / points);
        if (floors == nullptr) return {};
        const double bytes = static_cast<double>(loaded.bytes_out) / points;
        const std::size_t requests = loaded.latencies.size();
        const ExchangeFloor exchange =
            TRY(exchange_floor({.connections = 2,
                                .count = requests,
                                .request_bytes = static_cast<std::size_t>(loaded.bytes_out) / requests,
                                .answer_bytes = 100}));
        runs.set_floor(by + "points_per_s", exchange.per_s * points / static_cast<double>(requests),
                       fmt::format("{:.1f} bytes a point through loopback, unread", bytes));
        runs.set_floor(by + "points_per_core_s", floors->memory_bytes_per_s / bytes,
                       "one pass over what is sent by one core of the server");
        runs.set_floor("bytes_per_point", data_.step_bytes(), "the entropy of the steps");
        return {};
    }

    Result<void> ask(Rival& rival, const Question& question, bool with_floor, Runs& runs) {
        const std::vector<Asking>& askings = askings_.at(question.name);
        const double before = TRY(rival.use()).cpu_s;
        HttpLoaded loaded = TRY(rival.ask(askings, size_.enough, [&](std::size_t i, const Cells& cells) {
            report_.sent += static_cast<double>(count_values(askings[i].want));
            const std::size_t right = count_right(askings[i].want, cells);
            report_.read_back += static_cast<double>(right);
            if (right < count_values(askings[i].want))
                log_warning("bench", "{}: {} of {} values are right, of {} that came", question.name, right,
                            count_values(askings[i].want), count_values(cells));
        }));
        const auto asked = static_cast<double>(loaded.latencies.size());
        const double cpu_ms = (TRY(rival.use()).cpu_s - before) * 1e3 / asked;
        const std::string p50 = fmt::format("{}_p50_ms", question.name);
        runs.add(p50, "ms", false, seconds(quantile(loaded.latencies, 0.5)) * 1e3);
        runs.add(fmt::format("{}_cpu_ms", question.name), "ms", false, std::max(cpu_ms, 1e-4));
        if (!with_floor) return {};
        const std::size_t answer_bytes = static_cast<std::size_t>(loaded.bytes_in) / loaded.latencies.size();
        const ExchangeFloor exchange = TRY(measure_exchange(
            bench_.clock, {.count = loaded.latencies.size(),
                           .request_bytes = static_cast<std::size_t>(loaded.bytes_out / loaded.latencies.size()),
                           .answer_bytes = answer_bytes}));
        runs.set_floor(p50, exchange.p50_s * 1e3, fmt::format("{} bytes of answer through loopback", answer_bytes));
        return {};
    }

    const Bench& bench_;
    const Size size_;
    const TsbsCpu& data_;
    Report& report_;
    std::map<std::string, std::vector<Asking>> askings_;
    std::string version_;
    std::uint64_t memory_peak_bytes_ = 0;
};

std::vector<const RivalKind*> rivals_of(const Options& options) {
    std::vector<const RivalKind*> rivals;
    for (const RivalKind& kind : rival_kinds())
        if (std::ranges::find(options.vs, std::string(kind.name)) != options.vs.end()) rivals.push_back(&kind);
    return rivals;
}

Result<void> run_all(const Bench& bench, Report& report) {
    const Size size = bench.options.small ? Size{9, 720, 2, 0} : Size{100, 8'640, 100, kSecond};
    const TimeNs start = (bench.clock.now() / kDay - 2) * kDay;
    const TsbsCpu data{size.hosts, size.ticks, start, 123};
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    Course course{bench, size, data, report};
    const auto ours_by = [](Way way) { return [way](const RivalParts& parts) { return start_ours(parts, way); }; };
    auto columns = TRY(course.run(ours_by(Way::columns), Way::columns, false, &floors, ""));
    report.measures = TRY(course.run(ours_by(Way::lines), Way::lines, true, &floors, ""));
    std::erase_if(columns, [](const Measure& one) { return one.name == "bytes_per_point"; });
    report.measures.insert(report.measures.begin() + 2, columns.begin(), columns.end());
    report.costs.push_back({"memory_peak", course.memory_peak_mb(), "MB", "of the server"});
    for (const RivalKind* kind : rivals_of(bench.options)) {
        auto measures = course.run(kind->start, kind->way, true, nullptr, bench.options.vs_binary);
        if (!measures && measures.error().code() == Code::not_found && bench.options.vs_all) {
            report.absent.push_back(measures.error().text());
            continue;
        }
        Peer peer{kind->name, course.version(), kind->guarantee, kOurGuarantee, kind->durability, {}};
        peer.measures = TRY(std::move(measures).context("{}", kind->name));
        report.peers.push_back(std::move(peer));
    }
    return {};
}

}  // namespace

Result<Report> run_cpu_only(const Bench& bench) {
    Report report;
    auto done = run_all(bench, report);
    TRY(io::stay_on_core(-1));
    TRY(std::move(done));
    return report;
}

}  // namespace gongshu::bench
