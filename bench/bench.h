#pragma once

#include <string>

#include "base/result.h"

// Macro workloads over the whole program, each beside the floor that this machine sets, measured in the same run.
namespace gongshu::bench {

struct Options {
    std::string name;  // one of kNames
    std::string
        vs;  // a competitor behind the same driver, "" = none: mosquitto for mqtt, victoria-metrics for cpu-only
    std::string peer;     // the competitor's program, "" = that of the system
    std::string folder;   // where the temporary data folder is made: its disk is what is measured
    std::string program;  // what is served: our own path
    std::string version;
    bool small = false;  // for the tests: counts are checked, times mean nothing
};

// What `name` may be, for messages.
inline constexpr const char* kNames = "ingest, query, mqtt, cpu-only";

struct Outcome {
    std::string text;  // a table for people
    std::string json;
    bool equal = false;  // what was read back is what was sent
};

// Runs it in a fresh folder below options.folder, which is removed. Code::conflict if options.folder is itself a data
// folder, Code::not_found if the competitor is not on this machine. Blocks for seconds to minutes.
Result<Outcome> run(const Options& options);

}  // namespace gongshu::bench
