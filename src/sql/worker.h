#pragma once

#include "base/result.h"
#include "io/channel.h"

namespace gongshu::sql {

// What `gongshu worker sql` does: waits for Setup, opens the library, gives up every right (io/sandbox.h), and runs
// statements until the other side of the channel is gone. The exit code. Ends the process's life: it may leave by exit.
Result<int> run_worker(io::Channel& channel);

}  // namespace gongshu::sql
