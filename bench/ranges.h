#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/grid_set.h"
#include "bench/questions.h"

// Questions to a set of devices: some fields of some of them, or of all, over a window that lies anywhere in it.
namespace gongshu::bench {

enum class Fold : std::uint8_t { greatest, average, count, last, raw };

struct RangeQuestion {
    std::string name;
    std::size_t measurement = 0;
    std::vector<std::string> fields;  // empty = all of the measurement
    Fold fold = Fold::greatest;
    std::size_t devices = 0;            // 0 = all
    DurationNs length = 0, bucket = 0;  // 0 = the whole set, and none for last and raw
    std::string tag{};                  // all devices with a value of it that is drawn, in place of `devices`
};

struct RangeAsking {
    const GridSet* set = nullptr;
    const RangeQuestion* question = nullptr;
    std::vector<std::size_t> fields, devices;
    bool all_devices = false, all_fields = false;
    std::string tag_value;  // of question->tag
    TimeNs from = 0, to = 0;
    Cells want;
    const GridSet::Measurement& measurement() const { return set->shape().measurements[question->measurement]; }
};
// `set` and `question` must outlive it.
RangeAsking asking_of(const GridSet& set, const RangeQuestion& question, Rng& rng);

}  // namespace gongshu::bench
