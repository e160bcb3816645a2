#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/rng.h"
#include "bench/lines.h"

namespace gongshu::bench {

// What a host of the suite is tagged with: its name, where it stands, what it runs.
std::map<std::string, std::string> host_tags(std::size_t host, Rng& rng);

// The cpu-only use case of the Time Series Benchmark Suite (timescale/tsbs, pkg/data/usecases/devops): hosts with ten
// fixed tags and ten whole-number fields that walk by a normal step between 0 and 100, a row of each host every ten
// seconds. Its code is followed where its README says otherwise.
// Threads: one.
class TsbsCpu final : public Lines {
public:
    static constexpr DurationNs kStep = 10 * kSecond;
    static constexpr std::size_t kFields = 10;

    TsbsCpu(std::size_t hosts, std::size_t ticks, TimeNs start, std::uint64_t seed);

    std::size_t hosts() const { return hosts_.size(); }
    std::size_t ticks() const { return ticks_; }
    TimeNs start() const override { return start_; }
    TimeNs end() const override { return start_ + static_cast<TimeNs>(ticks_) * kStep; }
    std::size_t points() const override { return ticks_ * hosts() * kFields; }
    static std::string field_name(std::size_t field);
    // Where this program's line protocol puts a field of a host.
    std::string path(std::size_t host, std::size_t field) const;

    // Appends rows [begin, end) of all, in the suite's order (of each tick each host), as line protocol with ns.
    void lines(std::size_t begin, std::size_t end, std::string& out) const override;
    std::size_t rows() const override { return ticks_ * hosts(); }

    // What a question must give: over [from, from + length), which begins at a tick, in buckets of `bucket`.
    std::vector<double> greatest(std::size_t host, std::size_t field, TimeNs from, DurationNs length,
                                 DurationNs bucket) const;
    std::vector<double> average(std::size_t host, std::size_t field, TimeNs from, DurationNs length,
                                DurationNs bucket) const;
    // Bytes that a step of a field takes at the least, when each is written by itself: the entropy of the steps.
    double step_bytes() const;
    TimeNs time(std::size_t tick) const { return start_ + static_cast<TimeNs>(tick) * kStep; }
    double value(std::size_t tick, std::size_t host, std::size_t field) const {
        return values_[(tick * hosts() + host) * kFields + field];
    }

private:
    struct Host {
        std::string line;  // the measurement and its tags
        std::string path;
    };
    template <class Fold>
    std::vector<double> folded(std::size_t host, std::size_t field, TimeNs from, DurationNs length, DurationNs bucket,
                               const Fold& fold) const;

    const std::size_t ticks_;
    const TimeNs start_;
    std::vector<Host> hosts_;
    std::vector<std::uint8_t> values_;
};

}  // namespace gongshu::bench
