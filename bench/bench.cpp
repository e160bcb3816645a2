#include "bench/bench.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"
#include "bench/floors.h"
#include "bench/place.h"
#include "bench/rival.h"
#include "bench/workloads.h"

namespace gongshu::bench {
namespace {

struct Workload {
    const char* name;
    std::vector<std::string> (*peers)();  // who does the same work
    Result<Report> (*run)(const Bench&);
};
std::vector<std::string> nobody() { return {}; }
std::vector<std::string> mosquitto() { return {"mosquitto"}; }
std::vector<std::string> databases() {
    std::vector<std::string> names;
    for (const RivalKind& kind : rival_kinds()) names.emplace_back(kind.name);
    return names;
}
std::vector<std::string> victoria() { return {"victoria-metrics"}; }
std::vector<std::string> line_takers() {
    std::vector<std::string> names;
    for (const RivalKind& kind : rival_kinds())
        if (kind.way == Way::lines) names.emplace_back(kind.name);
    return names;
}
constexpr Workload kWorkloads[] = {
    {"ingest", nobody, run_ingest},    {"query", nobody, run_query},
    {"mqtt", mosquitto, run_mqtt},     {"cpu-only", databases, run_cpu_only},
    {"live", victoria, run_live},      {"real", nobody, run_real},
    {"plant", line_takers, run_plant}, {"devops", line_takers, run_devops},
    {"iot", line_takers, run_iot},     {"mqtt-points", mqtt_points_peers, run_mqtt_points},
    {"tags", victoria, run_tags},      {"connect", nobody, run_connect}};

Result<const Workload*> find(const Options& options) {
    for (const Workload& workload : kWorkloads) {
        if (options.name != workload.name) continue;
        const std::vector<std::string> peers = workload.peers();
        for (const std::string& one : options.vs)
            if (std::ranges::find(peers, one) == peers.end() && (one != "all" || peers.empty()))
                return Error{Code::unsupported,
                             "bench {} has no driver for '{}'{}{}",
                             options.name,
                             one,
                             peers.empty() ? ": it runs alone" : ", only for ",
                             fmt::join(peers, ", ")};
        return &workload;
    }
    return Error{Code::invalid, "there is no bench '{}': expected one of {}", options.name, kNames};
}

}  // namespace

Result<Outcome> run(const Options& asked) {
    const Workload* workload = TRY(find(asked));
    Options options = asked;
    options.vs_all = std::ranges::find(options.vs, "all") != options.vs.end();
    if (options.vs_all) options.vs = workload->peers();
    options.runs = std::max<std::size_t>(1, options.small ? 1 : options.runs);
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const auto place = TRY(Place::create(*files, options.folder));
    const double load = io::machine_load();
    const TimeNs begun = clock->now();
    Report report = TRY(workload->run({options, *files, *clock, place->path()}));
    report.name = options.name;
    report.version = options.version;
    report.load = load;
    report.begun = begun;
    report.small = options.small;
    report.machine = machine_text(place->path());
    return Outcome{to_text(report), to_json(report), report.equal()};
}

}  // namespace gongshu::bench
