#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "io/detail/sockets.h"

namespace gongshu::io::detail {

// Turns names into addresses on helper threads, because the system's resolver blocks for as long as it likes.
// Lives:   inside a loop; a thread that hangs in the system is left behind and calls nobody.
// Threads: resolve() from the loop's; `done` runs on a helper.
// Bounds:  kThreads names at once, kQueueMax waiting, then Code::limit.
// Disk:    none.
class Resolver {
public:
    static constexpr std::size_t kThreads = 4;
    static constexpr std::size_t kQueueMax = 1'024;
    using Done = std::function<void(Result<std::vector<SocketAddress>>)>;

    Resolver();
    ~Resolver();  // no `done` is called after this
    Result<void> resolve(const Address& address, Done done);

private:
    struct State;
    static void work(const std::shared_ptr<State>& state);
    std::shared_ptr<State> state_;
};

}  // namespace gongshu::io::detail
