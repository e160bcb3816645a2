#pragma once

#include <string_view>

#include "io/loop.h"
#include "io/process.h"

// What starting a competitor's server takes.
namespace gongshu::bench {

// For a server that takes no port 0: one on loopback that was free a moment ago.
Result<io::Address> free_address();
// Blocks until the server takes connections. Code::unavailable if it ended before, Code::timeout after 20 s; errors
// name `program`.
Result<void> wait_until_it_answers(const io::Address& address, io::Process& process, std::string_view program);

}  // namespace gongshu::bench
