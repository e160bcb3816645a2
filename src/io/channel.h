#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "io/process.h"

namespace gongshu::io {

// One end of a pair of connected sockets between two of our processes.
// Threads: one reads while others write; writers keep their own order. end() from any.
// Bounds:  write() blocks while the other side does not read, unless it was ended.
class Channel {
public:
    virtual ~Channel() = default;
    // All of it, or Code::unavailable when the other side is gone.
    virtual Result<void> write(Bytes bytes) = 0;
    // Some bytes that came; 0 when the other side is gone. Code::timeout if nothing came for so long; 0 = waits.
    virtual Result<std::size_t> read(std::span<std::uint8_t> into, DurationNs timeout) = 0;
    // Both directions, for both sides: whoever waits goes on.
    virtual void end() = 0;
};

// Our own program as a child with a channel to it, which it opens by inherited_channel(). It says nothing on our
// terminal. As spawn(): start it from a thread that stays.
struct Child {
    std::unique_ptr<Process> process;
    std::unique_ptr<Channel> channel;
};
Result<Child> start_child(const std::vector<std::string>& arguments);
// The other end, in the child. Code::invalid if nobody gave us one.
Result<std::unique_ptr<Channel>> inherited_channel();

}  // namespace gongshu::io
