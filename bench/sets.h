#pragma once

#include "bench/grid_set.h"

namespace gongshu::bench {

// A plant's machines, each with a reading a second of six slow noisy analogue values of few decimals, a speed in whole
// turns, a count of pieces, whether it runs and whether it stands in alarm.
GridSet make_plant_set(std::size_t machines, std::size_t ticks, TimeNs start, std::uint64_t seed);

}  // namespace gongshu::bench
