#pragma once

#include <string>
#include <vector>

#include "base/result.h"

// Macro workloads over the whole program, each beside the floor that this machine sets, measured in the same run.
namespace gongshu::bench {

struct Options {
    std::string name;  // one of kNames
    // Competitors behind the same driver, by name; {"all"} = each that is on this machine, and the report names the
    // others.
    std::vector<std::string> vs;
    bool vs_all = false;      // set by run()
    std::string vs_binary;    // the competitor's program, "" = that of the system
    std::size_t runs = 5;     // of which the middle one is told
    std::string folder;       // where the temporary data folder is made: its disk is what is measured
    std::string data;         // folder of measurements, for real
    std::size_t devices = 0;  // of tags, 0 = 100,000; of connect, 0 = 1,000
    std::string program;      // what is served: our own path
    std::string version;
    bool small = false;  // for the tests: counts are checked, times mean nothing
};

// What `name` may be, for messages.
inline constexpr const char* kNames =
    "ingest, query, mqtt, cpu-only, live, real, plant, devops, iot, mqtt-points, tags, connect";

struct Outcome {
    std::string text;  // a table for people
    std::string json;
    bool equal = false;  // what was read back is what was sent
};

// Runs it in a fresh folder below options.folder, which is removed. Code::conflict if options.folder is itself a data
// folder, Code::not_found if the competitor is not on this machine. Blocks for seconds to minutes.
Result<Outcome> run(const Options& options);

}  // namespace gongshu::bench
