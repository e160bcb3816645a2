// Sets of devices by line protocol and questions to them, ours beside those that take the same lines.
#include <algorithm>

#include "bench/course.h"
#include "bench/sets.h"

namespace gongshu::bench {
namespace {

class LineCourse {
public:
    LineCourse(const Bench& bench, std::string prefix, const GridSet& set, std::vector<RangeQuestion> questions,
               Report& report)
        : bench_(bench), prefix_(std::move(prefix)), set_(set), questions_(std::move(questions)), report_(report) {
        const std::size_t askings = bench.options.small ? 2 : 50;
        enough_ = bench.options.small ? 0 : 3 * kSecond / 10;
        Rng rng{7};
        for (const RangeQuestion& question : questions_) {
            auto& own = askings_.emplace_back();
            for (std::size_t i = 0; i < askings; ++i) own.push_back(asking_of(set, question, rng));
        }
        loading_ = {.load = [this](Rival& rival) { return rival.load_lines(set_); },
                    .points = static_cast<double>(set.points()),
                    .least_bytes = set.step_bytes(),
                    .rate = prefix_,
                    .bytes = prefix_};
    }

    // Our own is told with floors.
    Result<RivalRun> run(const Start& start, const std::string& program, const Floors* floors) {
        Runs runs;
        Side side;
        for (std::size_t i = 0; i < bench_.options.runs; ++i) {
            side.rival.reset();  // before what it stands on goes
            side = TRY(begin_side(bench_, start, {bench_, "", program}));
            TRY(measure_load(bench_, *side.rival, loading_, floors, runs));
        }
        for (std::size_t i = 0; i < bench_.options.runs; ++i)
            for (std::size_t question = 0; question < questions_.size(); ++question)
                TRY(ask(*side.rival, question, floors != nullptr && i == 0, runs)
                        .context("{}", questions_[question].name));
        if (floors != nullptr)
            report_.costs.push_back({"memory_peak", static_cast<double>(TRY(side.rival->use()).memory_peak_bytes) / 1e6,
                                     "MB", "of the server"});
        return RivalRun{runs.take(), side.rival->version()};
    }

private:
    Result<void> ask(Rival& rival, std::size_t question, bool with_floor, Runs& runs) {
        const std::vector<RangeAsking>& askings = askings_[question];
        const Asks asks{
            .name = prefix_ + questions_[question].name,
            .ask = [&](Rival& asked, const Rival::Look& look) { return asked.ask_ranges(askings, enough_, look); },
            .want = [&](std::size_t i) -> const Cells& { return askings[i].want; }};
        return measure_asks(bench_, rival, asks, with_floor, runs, report_);
    }

    const Bench& bench_;
    const std::string prefix_;
    const GridSet& set_;
    const std::vector<RangeQuestion> questions_;
    Report& report_;
    DurationNs enough_ = 0;
    Loading loading_;
    std::vector<std::vector<RangeAsking>> askings_;  // of each question
};

Result<void> run_course(const Bench& bench, LineCourse& course, const Floors& floors, Report& report) {
    const auto ours = [](const RivalParts& parts) { return start_ours(parts, Way::lines); };
    report.floors = numbers_of(floors);
    RivalRun ran = TRY(course.run(ours, "", &floors));
    report.measures = std::move(ran.measures);
    return run_rivals(
        bench, [&](const RivalKind& kind) { return course.run(kind.start, bench.options.vs_binary, nullptr); }, report);
}

// The whole course over a set; its measures are named with the prefix.
Result<Report> run_set(const Bench& bench, const std::string& prefix, const GridSet& set,
                       std::vector<RangeQuestion> questions) {
    Report report;
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    LineCourse course(bench, prefix, set, std::move(questions), report);
    auto done = run_course(bench, course, floors, report);
    TRY(io::stay_on_core(-1));
    TRY(std::move(done));
    return report;
}

TimeNs some_days_ago(const Bench& bench) { return (bench.clock.now() / kDay - 2) * kDay; }

}  // namespace

Result<Report> run_plant(const Bench& bench) {
    const bool small = bench.options.small;
    const GridSet set = make_plant_set(small ? 3 : 100, small ? 3'600 : 7'200, some_days_ago(bench), 123);
    return run_set(bench, "plant_", set,
                   {{"count_all", 0, {}, Fold::count, 0, 0, kHour},
                    {"raw_1", 0, {}, Fold::raw, 1, 10 * kMinute, 0},
                    {"max_1", 0, {"temperature"}, Fold::greatest, 1, 30 * kMinute, kMinute},
                    {"avg_8", 0, {"pressure", "current", "flow"}, Fold::average, 8, 30 * kMinute, kMinute},
                    {"avg_all", 0, {"temperature"}, Fold::average, 0, kHour, 10 * kMinute},
                    {"last_all", 0, {}, Fold::last, 0, 0, 0}});
}

// The suite asks its devops set what it asks of cpu-only; mem's and redis' fields are asked for besides.
Result<Report> run_devops(const Bench& bench) {
    const bool small = bench.options.small;
    const GridSet set = make_devops_set(small ? 9 : 20, small ? 720 : 4'320, some_days_ago(bench), 123);
    constexpr std::size_t kCpu = 0, kMemory = 4, kRedis = 8;
    return run_set(bench, "devops_", set,
                   {{"count_redis", kRedis, {}, Fold::count, 0, 0, kHour},
                    {"single_groupby_1_1_1", kCpu, {"usage_user"}, Fold::greatest, 1, kHour, kMinute},
                    {"single_groupby_5_8_1",
                     kCpu,
                     {"usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait"},
                     Fold::greatest,
                     8,
                     kHour,
                     kMinute},
                    {"cpu_max_all_8", kCpu, {}, Fold::greatest, 8, 8 * kHour, kHour},
                    {"double_groupby_1", kCpu, {"usage_user"}, Fold::average, 0, 12 * kHour, kHour},
                    {"double_groupby_all", kCpu, {}, Fold::average, 0, 12 * kHour, kHour},
                    {"lastpoint", kCpu, {}, Fold::last, 0, 0, 0},
                    {"mem_avg_8", kMemory, {"used_percent", "cached"}, Fold::average, 8, 4 * kHour, 10 * kMinute},
                    {"redis_raw_1", kRedis, {}, Fold::raw, 1, 10 * kMinute, 0}});
}

// Of the suite's questions those that a range of one measurement answers. What they do with it then, to leave out whom
// it does not concern or to count buckets, is left to who asks; questions for changes of state are left out.
Result<Report> run_iot(const Bench& bench) {
    const bool small = bench.options.small;
    const GridSet set = make_iot_set(small ? 9 : 100, small ? 720 : 4'320, some_days_ago(bench), 123);
    constexpr std::size_t kReadings = 0, kDiagnostics = 1;
    Report report = TRY(
        run_set(bench, "iot_", set,
                {{"count_readings", kReadings, {}, Fold::count, 0, 0, kHour},
                 {"count_diagnostics", kDiagnostics, {}, Fold::count, 0, 0, kHour},
                 {"last_loc", kReadings, {"latitude", "longitude"}, Fold::last, 0, 0, 0, "fleet"},
                 {"single_last_loc", kReadings, {"latitude", "longitude"}, Fold::last, 1, 0, 0},
                 {"low_fuel", kDiagnostics, {"fuel_state"}, Fold::last, 0, 0, 0, "fleet"},
                 {"high_load", kDiagnostics, {"current_load", "load_capacity"}, Fold::last, 0, 0, 0, "fleet"},
                 {"stationary_trucks", kReadings, {"velocity"}, Fold::average, 0, 10 * kMinute, 10 * kMinute, "fleet"},
                 {"long_driving_sessions", kReadings, {"velocity"}, Fold::average, 0, 4 * kHour, 10 * kMinute, "fleet"},
                 {"avg_load", kDiagnostics, {"current_load"}, Fold::average, 0, 0, kHour},
                 {"daily_activity", kDiagnostics, {"status"}, Fold::average, 0, 0, 10 * kMinute}}));
    report.costs.push_back({"late_rows", 100 * set.late_part(), "%", "sent after a newer one of the same truck"});
    return report;
}

}  // namespace gongshu::bench
