#pragma once

#include <memory>
#include <string>

#include "app/platform.h"
#include "app/serve_options.h"
#include "io/process.h"

namespace gongshu::app {

// Demo is the simulated plant beside the platform: its own process, the sample solution that describes it, and its
// past. Lives:   after Platform::open(); destroyed (the process ends) before the platform stops. Threads: main thread.
class Demo {
public:
    // Starts the plant, puts library/demo into the registry with the plant's addresses, gives its MQTT devices their
    // sign-ins, and makes `demo_days` of past on the first start of a data folder.
    static Result<std::unique_ptr<Demo>> create(Platform& platform, const ServeOptions& options);
    ~Demo();

private:
    Demo(Platform& platform, const ServeOptions& options) : platform_(platform), options_(options) {}
    Result<void> apply_solution();
    Result<void> start_plant();
    Result<void> wait_for_plant();
    Result<void> point_connections();
    Result<void> make_past();

    Platform& platform_;
    const ServeOptions& options_;
    std::unique_ptr<io::Process> process_;
    std::string ready_file_;
};

}  // namespace gongshu::app
