#include <time.h>

#include "io/loop.h"

namespace gongshu::io {

namespace {

std::int64_t read(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

class SystemClock final : public Clock {
public:
    TimeNs now() const override { return read(CLOCK_REALTIME); }
    DurationNs monotonic() const override { return read(CLOCK_MONOTONIC); }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() { return std::make_unique<SystemClock>(); }

}  // namespace gongshu::io
