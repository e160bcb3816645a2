#pragma once

#include <atomic>
#include <cstdint>

namespace gongshu {

// Nanoseconds since 1970-01-01T00:00:00Z, as stored. Covers 1678 to 2262.
using TimeNs = std::int64_t;
// A length of time in nanoseconds.
using DurationNs = std::int64_t;

inline constexpr DurationNs kMicrosecond = 1'000;
inline constexpr DurationNs kMillisecond = 1'000'000;
inline constexpr DurationNs kSecond = 1'000'000'000;
inline constexpr DurationNs kMinute = 60 * kSecond;
inline constexpr DurationNs kHour = 60 * kMinute;
inline constexpr DurationNs kDay = 24 * kHour;

// Time is a parameter: nothing outside io/ asks the operating system. Both calls may be made from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    // Wall time, UTC. May jump when somebody sets the machine's clock.
    virtual TimeNs now() const = 0;
    // Never goes back; for time-outs and intervals. Its zero means nothing.
    virtual DurationNs monotonic() const = 0;
};

// A clock that moves only when told to; the twin for tests.
class SimClock final : public Clock {
public:
    explicit SimClock(TimeNs start = 1'700'000'000 * kSecond) : now_(start) {}
    TimeNs now() const override { return now_.load() + jump_.load(); }
    DurationNs monotonic() const override { return now_.load(); }
    void advance(DurationNs by) { now_ += by; }
    // Sets the wall clock forward or back without touching monotonic(), as an operator or NTP would.
    void jump(DurationNs by) { jump_ += by; }

private:
    std::atomic<TimeNs> now_;
    std::atomic<DurationNs> jump_ = 0;
};

}  // namespace gongshu
