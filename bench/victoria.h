#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/workloads.h"
#include "io/loop.h"
#include "io/process.h"

namespace gongshu::bench {

// A VictoriaMetrics of our own on loopback, as it comes, but that it keeps what is old; gone with this.
struct VictoriaServer {
    std::string version;
    io::Address address;
    std::unique_ptr<io::Process> process;
};
// Code::not_found if it is not on this machine; `program` "" = the system's; `more` options of it.
Result<VictoriaServer> start_victoria_server(const Bench& bench, const std::string& folder, const std::string& program,
                                             const std::vector<std::string>& more);

}  // namespace gongshu::bench
