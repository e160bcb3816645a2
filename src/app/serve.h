#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::app {

struct ServeOptions;

// As `serve` reads them: configuration file, then command line, then checked.
Result<void> read_serve_options(ServeOptions& options, const std::vector<std::string>& arguments);

// Subcommands that run for long; each returns the exit code after SIGINT or SIGTERM.
Result<int> run_serve(const std::vector<std::string>& arguments);
// `serve` that sends its readings on and keeps less itself.
Result<int> run_edge(const std::vector<std::string>& arguments);
Result<int> run_demo(const std::vector<std::string>& arguments);
Result<int> run_plant(const std::vector<std::string>& arguments);
// Checks every file of a data folder that no program holds; changes none. One line for each part, 1 if anything is
// damaged.
Result<int> run_verify(const std::vector<std::string>& arguments);

std::string serve_help();
std::string edge_help();
std::string demo_help();
std::string plant_help();
std::string options_markdown();

}  // namespace gongshu::app
