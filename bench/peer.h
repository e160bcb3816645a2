#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"

// What starting a competitor's server takes.
namespace gongshu::bench {

// For a server that takes no port 0: one on loopback that was free a moment ago.
Result<io::Address> free_address();
// Blocks until the server takes connections. Code::unavailable if it ended before, Code::timeout after 20 s; errors
// name `program`.
Result<void> wait_until_it_answers(const io::Address& address, io::Process& process, std::string_view program);

// The first of the paths that is there; Code::not_found names the program and its package. `program` itself if it is
// named.
Result<std::string> find_program(io::Files& files, const std::string& program, std::initializer_list<const char*> paths,
                                 std::string_view package);
// The version of a Debian package; "" for a program that came another way.
std::string package_version(io::Files& files, const std::string& package, const std::string& folder);
// Bytes of all files below a folder; 0 if it is not there. Files that come and go meanwhile are left out.
std::uint64_t bytes_below(io::Files& files, const std::string& folder);

}  // namespace gongshu::bench
