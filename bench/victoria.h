#pragma once

#include <memory>
#include <string>

#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"

namespace gongshu::bench {

// A VictoriaMetrics of our own on loopback, as it comes, but for its retention and that answers are not cached.
// Lives:   on the stack of a run; it is ended with it.   Threads: one.   Disk: <folder>/victoria.
class Victoria {
public:
    // `program`: its path, or "" for the one of the system. Code::not_found if it is not there.
    static Result<std::unique_ptr<Victoria>> start(io::Files& files, const std::string& folder, std::string program);
    const io::Address& address() const { return address_; }
    const std::string& version() const { return version_; }
    int id() const { return process_->id(); }
    // Makes what was sent visible and merges it as far as it merges by itself in the end.
    Result<void> settle() const;
    // Bytes of its data and its index.
    Result<std::uint64_t> disk_bytes(io::Files& files) const;

    static constexpr const char* kGuarantee =
        "it is in the memory of the server; it is searched within 2 s and on disk within 5 s: a crash loses what came "
        "since";

private:
    Victoria() = default;
    std::unique_ptr<io::Process> process_;
    io::Address address_;
    std::string version_, folder_;
};

// Bytes of all files below a folder.
Result<std::uint64_t> bytes_below(io::Files& files, const std::string& folder);

}  // namespace gongshu::bench
