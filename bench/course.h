#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/floors.h"
#include "bench/place.h"
#include "bench/rival.h"

// What workloads that load a set and ask of it have in common: a server on one core and the load on another, several
// runs of each, and values that are held against what was generated.
namespace gongshu::bench {

inline constexpr const char* kOurGuarantee =
    "it is in the store's log, and that is synced to the disk; it is seen at once";

// What was measured in each run, by name; the middle of them is told, and how far they lie apart.
class Runs {
public:
    void add(const std::string& name, const std::string& unit, bool more_is_better, double value);
    void set_floor(const std::string& name, double floor, const std::string& about);
    std::vector<Measure> take();

private:
    std::vector<Measure> measures_;
};

// A server and what lies below it, gone together.
struct Side {
    std::unique_ptr<Place> place;
    std::unique_ptr<Rival> rival;
};
using Start = std::function<Result<std::unique_ptr<Rival>>(const RivalParts&)>;
// In a fresh folder. Server and caller are kept on a core each, where there are two.
Result<Side> begin_side(const Bench& bench, const Start& start, const RivalParts& parts);

struct Loading {
    std::function<Result<HttpLoaded>(Rival& rival)> load;
    double points = 0;
    double least_bytes = 0;   // of a point
    std::string rate, bytes;  // in front of what is measured: "columns_" + "points_per_s", "" + "bytes_per_point"
};
// With the merging, which all do behind: else who merges later would seem to work less. `floors`: of ours alone.
Result<void> measure_load(const Bench& bench, Rival& rival, const Loading& loading, const Floors* floors, Runs& runs);

struct Asks {
    std::string name;
    std::function<Result<HttpLoaded>(Rival& rival, const Rival::Look& look)> ask;
    std::function<const Cells&(std::size_t asking)> want;
};
// What came right is added to the report.
Result<void> measure_asks(const Bench& bench, Rival& rival, const Asks& asks, bool with_floor, Runs& runs,
                          Report& report);

// Those that options name.
std::vector<const RivalKind*> rivals_of(const Options& options);
// Has each of them run the course, `run`, and adds what it measured, or that it is not on this machine.
struct RivalRun {
    std::vector<Measure> measures;
    std::string version;
};
Result<void> run_rivals(const Bench& bench, const std::function<Result<RivalRun>(const RivalKind&)>& run,
                        Report& report);

}  // namespace gongshu::bench
