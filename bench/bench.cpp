#include "bench/bench.h"

#include "base/log.h"
#include "bench/floors.h"
#include "bench/place.h"
#include "bench/workloads.h"

namespace gongshu::bench {
namespace {

struct Workload {
    const char* name;
    const char* peer;  // the competitor that does the same work, "" = none
    Result<Report> (*run)(const Bench&);
};
constexpr Workload kWorkloads[] = {{"ingest", "", run_ingest},
                                   {"query", "", run_query},
                                   {"mqtt", "mosquitto", run_mqtt},
                                   {"cpu-only", "victoria-metrics", run_cpu_only}};

Result<const Workload*> find(const Options& options) {
    for (const Workload& workload : kWorkloads) {
        if (options.name != workload.name) continue;
        if (options.vs.empty() || options.vs == workload.peer) return &workload;
        return Error{Code::unsupported,
                     "bench {} has no driver for '{}'{}{}",
                     options.name,
                     options.vs,
                     *workload.peer == '\0' ? ": it runs alone" : ", only for ",
                     workload.peer};
    }
    return Error{Code::invalid, "there is no bench '{}': expected one of {}", options.name, kNames};
}

}  // namespace

Result<Outcome> run(const Options& options) {
    const Workload* workload = TRY(find(options));
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const auto place = TRY(Place::create(*files, options.folder));
    Report report = TRY(workload->run({options, *files, *clock, place->path()}));
    report.name = options.name;
    report.version = options.version;
    report.small = options.small;
    report.machine = machine_text(place->path());
    return Outcome{to_text(report), to_json(report), report.equal()};
}

}  // namespace gongshu::bench
