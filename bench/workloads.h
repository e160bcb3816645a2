#pragma once

#include <string>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/report.h"
#include "io/files.h"

namespace gongshu::bench {

// What every workload is given.
struct Bench {
    const Options& options;
    io::Files& files;
    const Clock& clock;
    std::string folder;  // its own, fresh
};

Result<Report> run_ingest(const Bench& bench);
Result<Report> run_query(const Bench& bench);
Result<Report> run_mqtt(const Bench& bench);
Result<Report> run_cpu_only(const Bench& bench);
Result<Report> run_live(const Bench& bench);
Result<Report> run_real(const Bench& bench);
Result<Report> run_plant(const Bench& bench);
Result<Report> run_devops(const Bench& bench);
Result<Report> run_iot(const Bench& bench);
Result<Report> run_tags(const Bench& bench);
Result<Report> run_connect(const Bench& bench);
Result<Report> run_mqtt_points(const Bench& bench);
std::vector<std::string> mqtt_points_peers();

}  // namespace gongshu::bench
