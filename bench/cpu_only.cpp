// The Time Series Benchmark Suite's cpu-only case, in by line protocol with all its tags and once more as columns, and
// its questions; every answer, ours and the rivals', is held against what was generated. The server is kept on one core
// and the load on another.
#include <algorithm>

#include "bench/course.h"

namespace gongshu::bench {
namespace {

struct Size {
    std::size_t hosts, ticks, askings;
    DurationNs enough;  // of one question in one run
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
            side = TRY(begin_side(bench_, start, {bench_, "", program}));
            TRY(measure_load(bench_, *side.rival, loading(way), floors, runs));
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
    Loading loading(Way way) const {
        return {.load = [this](Rival& rival) { return rival.load(data_); },
                .points = static_cast<double>(data_.points()),
                .least_bytes = data_.step_bytes(),
                .rate = way == Way::lines ? "" : "columns_",
                .bytes = ""};
    }
    Result<void> ask(Rival& rival, const Question& question, bool with_floor, Runs& runs) {
        const std::vector<Asking>& askings = askings_.at(question.name);
        const Asks asks{
            .name = question.name,
            .ask = [&](Rival& asked, const Rival::Look& look) { return asked.ask(askings, size_.enough, look); },
            .want = [&](std::size_t i) -> const Cells& { return askings[i].want; }};
        return measure_asks(bench_, rival, asks, with_floor, runs, report_);
    }

    const Bench& bench_;
    const Size size_;
    const TsbsCpu& data_;
    Report& report_;
    std::map<std::string, std::vector<Asking>> askings_;
    std::string version_;
    std::uint64_t memory_peak_bytes_ = 0;
};

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
    return run_rivals(
        bench,
        [&](const RivalKind& kind) -> Result<RivalRun> {
            auto measures = TRY(course.run(kind.start, kind.way, true, nullptr, bench.options.vs_binary));
            return RivalRun{std::move(measures), course.version()};
        },
        report);
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
