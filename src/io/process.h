#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::io {

// A program started by us.
// Lives:   until waited for; destroying it terminates the program and waits. It also ends (SIGTERM) with the thread
// that
//          started it, so that nothing is left behind when we crash: start it from a thread that stays.
// Threads: one at a time.
// Bounds:  none.
// Disk:    none.
class Process {
public:
    virtual ~Process() = default;
    virtual int id() const = 0;
    // Asks it to end (SIGTERM); after `force`, SIGKILL. Fine if it has ended.
    virtual void terminate(bool force = false) = 0;
    // Blocks until it has ended. What it returned, or 128 + the number of the signal that ended it.
    virtual int wait() = 0;
    // The same without blocking; nothing while it runs.
    virtual std::optional<int> ended() = 0;
};

// `arguments[0]` is the program: a path, or a name to be found in PATH. Its standard output and errors go to the end of
// the file `output`, "" = where ours go; nothing is its input. not_found or io if it cannot be started.
// With `channel`, an open descriptor of ours, the program has it as kChannelDescriptor.
Result<std::unique_ptr<Process>> spawn(const std::vector<std::string>& arguments, const std::string& output = {},
                                       int channel = -1);
inline constexpr int kChannelDescriptor = 3;

// The path of our own program, for starting it again.
Result<std::string> own_program();
std::optional<std::string> environment(const std::string& name);
// Sets it unless it is set. Before other threads run: reading the environment beside this is a race.
void set_environment_default(const std::string& name, const std::string& value);
bool is_terminal(int descriptor);
std::string host_name();

}  // namespace gongshu::io
