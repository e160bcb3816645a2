#pragma once

#include <memory>
#include <string>

#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"

namespace gongshu::bench {

// An Eclipse Mosquitto of our own on loopback, with persistence as the nearest thing to our promise, and nothing in its
// way: no log, no limits of queues.
// Lives:   on the stack of a run; it is ended with it.   Threads: one.   Disk: <folder>/mosquitto.
class Mosquitto {
public:
    // Code::not_found if it is not installed.
    static Result<std::unique_ptr<Mosquitto>> start(io::Files& files, const std::string& folder);
    const io::Address& address() const { return address_; }
    const std::string& version() const { return version_; }
    int id() const { return process_->id(); }

    static constexpr const char* kGuarantee =
        "it is in the broker's memory, queued for a subscriber that is away; its database is written once a second, "
        "without a sync: a crash loses what came since";

private:
    Mosquitto() = default;
    std::unique_ptr<io::Process> process_;
    io::Address address_;
    std::string version_;
};

}  // namespace gongshu::bench
