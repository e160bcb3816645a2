#pragma once

#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/metrics.h"
#include "data/egress.h"

namespace gongshu::api {

// What one receiver asked for by one door, over all times that it did.
struct Taken {
    std::string who, door, what;
    std::string purpose;  // as said the last time; "" = not said
    std::uint8_t level = 1;
    std::uint64_t allowed = 0, refused = 0;
    std::uint64_t rows = 0;  // as far as the decisions knew them
    TimeNs first = 0, last = 0;
    std::string refusal;  // why the last one was refused; "" if it was not
};

// What went out by one door.
struct DoorCounts {
    std::string door;
    std::uint64_t allowed = 0, refused = 0, rows = 0, bytes = 0;
};

// Allows what its rule allows, which is everything until one is set, and keeps who took what by which door: as counters
// (gongshu_egress_decisions_total, …_refused_total, …_rows_total, …_bytes_total), as a line of the log, and as the list
// of the newest.
// Lives:   one per process, outlives all doors.   Threads: any.   Disk: none: the list begins with the process.
// Bounds:  kTakenMax of each tenant, the one that was asked for longest ago goes first; texts of kTextMax bytes.
class CountingEgress final : public Egress {
public:
    static constexpr std::size_t kTakenMax = 500;
    static constexpr std::size_t kTextMax = 200;
    // As Egress::decide; from many threads at once.
    using Rule = std::function<Result<void>(const Leaving&)>;

    CountingEgress(Metrics& metrics, const Clock& clock) : metrics_(metrics), clock_(clock) {}
    // Before the first door opens.
    void set_rule(Rule rule) { rule_ = std::move(rule); }

    Result<void> decide(const Leaving& leaving) override;
    void left(TenantId tenant, std::string_view door, std::uint64_t rows, std::uint64_t bytes) override;

    std::vector<Taken> taken(TenantId tenant) const;  // the last asked for first
    std::vector<DoorCounts> doors(TenantId tenant) const;

private:
    struct Counters {
        Counter *allowed, *refused, *rows, *bytes;
    };
    struct OfTenant {
        std::map<std::string, Counters, std::less<>> doors;
        std::list<Taken> taken;  // the last asked for in front
        std::map<std::string, std::list<Taken>::iterator, std::less<>> found;
    };
    const Counters& counters(OfTenant& tenant, TenantId id, std::string_view door);
    void note(OfTenant& tenant, const Leaving& leaving, const Result<void>& decided);

    Metrics& metrics_;
    const Clock& clock_;
    Rule rule_;
    mutable Guarded<std::map<TenantId, OfTenant>> tenants_;
};

}  // namespace gongshu::api
