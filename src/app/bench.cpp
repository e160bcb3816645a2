#include "app/bench.h"

#include <cstdio>

#include "app/version.h"
#include "base/log.h"
#include "base/options.h"
#include "bench/bench.h"
#include "io/process.h"

namespace gongshu::app {
namespace {

struct BenchFlags {
    bench::Options options;
    bool json = false;
};

options::Table bench_table(BenchFlags& f) {
    options::Table table;
    table
        .list("vs", f.options.vs,
              "Competitors that do the same work in the same run, or all: mosquitto for mqtt and mqtt-points, there "
              "also mosquitto-victoria-metrics; clickhouse, duckdb, "
              "influxdb, postgresql, "
              "victoria-metrics for cpu-only; influxdb, victoria-metrics for plant, devops and iot; victoria-metrics "
              "for tags.")
        .text("vs_binary", f.options.vs_binary, "The competitor's program, where it is not that of the system.")
        .number("runs", f.options.runs, 1, 99,
                "How often each is measured; the middle one is told, and how far they lie apart.")
        .text("folder", f.options.folder,
              "Where a fresh data folder is made, and removed at the end: its disk is measured. Default: the "
              "environment's TMPDIR, else /tmp.")
        .text("data", f.options.data, "A folder of real measurements, for real.")
        .number("devices", f.options.devices, 0, 10'000'000,
                "How many devices of ten tags tags writes, 0 = 100,000; how many machines of a hundred registers connect "
                "polls each second, 0 = 1,000.")
        .toggle("json", f.json, "Print the report as JSON.")
        .toggle("small", f.options.small, "A short run whose counts are checked; its times mean nothing.");
    return table;
}

}  // namespace

std::string bench_help() {
    BenchFlags flags;
    return bench_table(flags).help();
}

Result<int> run_bench(const std::vector<std::string>& arguments) {
    BenchFlags flags;
    std::vector<std::string> rest;
    TRY(bench_table(flags).parse(arguments, rest));
    if (rest.size() != 1) return Error{Code::invalid, "usage: gongshu bench NAME, one of {}", bench::kNames};
    flags.options.name = rest[0];
    flags.options.version = kVersion;
    flags.options.program = TRY(io::own_program());
    if (flags.options.folder.empty()) flags.options.folder = io::environment("TMPDIR").value_or("/tmp");
    while (flags.options.folder.size() > 1 && flags.options.folder.ends_with('/')) flags.options.folder.pop_back();
    set_log_level(LogLevel::warning);
    const bench::Outcome outcome = TRY(bench::run(flags.options));
    std::fputs((flags.json ? outcome.json : outcome.text).c_str(), stdout);
    return outcome.equal ? 0 : 1;
}

}  // namespace gongshu::app
