#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "history/history.h"
#include "registry/registry.h"

namespace gongshu::retention {

// What holds for the whole server; each tenant's resources of kind retention say more of its own tags.
struct Limits {
    std::uint32_t days = 36'500;   // older readings go
    std::uint64_t bytes = 0;       // segments take at most this, the oldest days go first; 0 = any
    std::uint32_t keep_days = 30;  // never removed for `bytes`: what is newer than this
};

// What one resource of kind retention governs.
struct PolicyUse {
    TenantId tenant;
    std::string tenant_name, name;
    std::uint64_t tags = 0, rows = 0, bytes = 0;
    std::uint64_t rows_to_go = 0, bytes_to_go = 0;
    TimeNs before = 0;  // readings before this go; 0 = none do
};

struct TenantUse {
    TenantId tenant;
    std::string name;
    std::uint64_t tags = 0, rows = 0, bytes = 0, holds = 0;
    TimeNs oldest = 0;  // the day that holds it; 0 = there is nothing
    std::uint64_t rows_to_go = 0;
};

// What is kept, what would go now, and how it grows.
struct Plan {
    Limits limits;
    std::vector<TenantUse> tenants;
    std::vector<PolicyUse> policies;
    std::uint64_t rows = 0, bytes = 0;
    TimeNs oldest = 0;
    TimeNs before = 0;                  // by `limits`: readings of all before this go; 0 = none do
    history::Removed to_go;             // counted, not done
    std::optional<double> bytes_a_day;  // an estimate: the mean of the last whole days, at most 7
    std::optional<TimeNs> full_at;      // an estimate: when the disk has no room at this rate
};

// The removals that were made since the start, the newest last.
struct Done {
    TimeNs at = 0;
    history::Removed removed;
    std::string error;  // "" = it went well
};

// Retention decides which readings go, and lets the store remove them.
// Lives:   after history and registry; destroyed before them, when none of its calls runs.
// Threads: all calls from any but a lane; one removal at a time.
// Bounds:  some bytes a tag while a plan is made; the last kDoneMax removals are remembered.
// Disk:    none of its own; the audit of the tenants tells what went.
class Retention {
public:
    static constexpr std::size_t kDoneMax = 50;

    Retention(history::History& history, registry::Registry& registry, const Clock& clock, Limits limits);

    // What would go under these limits, nullopt = the present ones. Opens every segment: seconds where there are many.
    Result<Plan> plan(const std::optional<Limits>& limits = {}) const;
    // The same under the present limits, up to half a minute old; for a page.
    Result<Plan> recent_plan();
    // Removes what has to go now. Code::conflict while another removal runs.
    Result<history::Removed> run();
    // Once a minute: removes once an hour, and as soon as `bytes` is passed.
    void tend();
    std::vector<Done> done() const;
    const Limits& limits() const { return limits_; }
    // From when on readings of a tag of that name stay, by age, whatever holds say; 0 = all do.
    TimeNs keeps_from(TenantId tenant, std::string_view path) const;

private:
    struct Policy;
    struct Hold;
    struct Tenant;
    struct Survey;

    std::vector<Tenant> tenants() const;
    Result<Survey> survey() const;
    void decide(Survey& survey, const Limits& limits) const;
    history::Removal removal_of(const Survey& survey) const;
    // Changes with every policy and hold.
    std::string holds_now() const;
    // Part by part; stops, with `more`, when `holds` are not those of now any more.
    Result<history::Removed> remove_all(const history::Removal& removal, const std::string& holds);
    void tell(const Survey& survey, const history::Removed& removed);
    bool due() const;

    history::History& history_;
    registry::Registry& registry_;
    const Clock& clock_;
    const Limits limits_;
    std::mutex running_;
    mutable std::mutex mutex_;
    std::vector<Done> done_;
    std::optional<DurationNs> last_try_;  // monotonic
    std::mutex recent_mutex_;             // held while a plan is made, so that many who ask wait for one
    std::optional<Plan> recent_;
    DurationNs recent_at_ = 0;
};

}  // namespace gongshu::retention
