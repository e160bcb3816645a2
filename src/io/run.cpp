#include "io/run.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "io/detail/os_error.h"
#include "io/loop.h"
#include "io/process.h"

namespace gongshu::io {
namespace {

// Reads until all that could write have closed it.
Result<void> drain(int descriptor, const std::string& program, RunLimits limits, std::string& out) {
    const auto clock = make_system_clock();
    const DurationNs end = clock->monotonic() + limits.time;
    std::array<char, 16 << 10> part;
    for (;;) {
        const DurationNs left = end - clock->monotonic();
        if (left <= 0)
            return Error{Code::unavailable, "{} took longer than {} s and was stopped", program, limits.time / kSecond};
        pollfd wanted{descriptor, POLLIN, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(left / kMillisecond) + 1);
        if (ready < 0 && errno != EINTR) return detail::os_error(errno, "cannot wait for {}", program);
        if (ready <= 0) continue;
        const auto count = ::read(descriptor, part.data(), part.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return detail::os_error(errno, "cannot read what {} says", program);
        if (count == 0) return {};
        out.append(part.data(), static_cast<std::size_t>(count));
        if (out.size() > limits.output_bytes)
            return Error{Code::limit, "{} said more than {} bytes and was stopped", program, limits.output_bytes};
    }
}

}  // namespace

Result<RunResult> run_program(const std::vector<std::string>& arguments, RunLimits limits) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return detail::os_error(errno, "cannot start {}", arguments[0]);
    auto process = spawn(arguments, fmt::format("/proc/self/fd/{}", ends[1]));
    ::close(ends[1]);
    RunResult result;
    auto drained = process ? drain(ends[0], arguments[0], limits, result.output) : Result<void>{process.error()};
    ::close(ends[0]);
    if (!process) return process.error();
    if (!drained) {
        (*process)->terminate(true);
        return drained.error();  // its handle waits for it
    }
    result.code = (*process)->wait();
    return result;
}

}  // namespace gongshu::io
