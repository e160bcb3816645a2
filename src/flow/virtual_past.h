#pragma once

#include <functional>
#include <optional>

#include "data/sink.h"
#include "flow/virtual_run.h"

// Virtual tags over readings that are stored. All of it blocks: on the pool, never on a lane.
namespace gongshu::flow {

// The newest reading of a tag before `time`, not older than 400 days; only with a value that can be used if `usable`.
Result<std::optional<Reading>> reading_before(const Reader& reader, TagId tag, TimeNs time, bool usable);

inline constexpr std::size_t kReplayRows = 50'000;

// What a run is to be fed with.
struct Stretch {
    TimeNs from = 0;     // values from here on are right; readings before are fed as far back as the program looks
    TimeNs until = 0;    // decides up to here, inclusive
    TimeNs read_to = 0;  // readings until here are fed, exclusive; those after `until` wait in the run
};

// Replay feeds a run from the store, piece by piece.
// Threads: one at a time. Bounds: kRowsAtOnce readings in memory, and what the run holds.
class Replay {
public:
    // Takes rows away, about kReplayRows at once.
    using Take = std::function<Result<void>(Rows& rows)>;

    Replay(const Reader& reader, VirtualRun& run, const Stretch& stretch, Take take);
    // The next piece; true when there is none after it.
    Result<bool> step();
    Result<void> finish();  // all of them
    TimeNs at() const { return at_; }
    std::uint64_t readings() const { return readings_; }

private:
    Result<void> seed();
    Result<void> feed(const std::vector<Series>& series);
    Result<void> decide(TimeNs time);
    Result<void> take_away(bool all);

    const Reader& reader_;
    VirtualRun& run_;
    const Stretch stretch_;
    const Take take_;
    ReadRequest request_;
    Rows rows_;
    TimeNs at_ = 0;
    DurationNs stride_;
    bool seeded_ = false;
    std::uint64_t readings_ = 0;
};

}  // namespace gongshu::flow
