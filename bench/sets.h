#pragma once

#include "bench/grid_set.h"

namespace gongshu::bench {

// A plant's machines, each with a reading a second of six slow noisy analogue values of few decimals, a speed in whole
// turns, a count of pieces, whether it runs and whether it stands in alarm.
GridSet make_plant_set(std::size_t machines, std::size_t ticks, TimeNs start, std::uint64_t seed);

// The devops use case of the Time Series Benchmark Suite: nine measurements of 101 fields of each host every ten
// seconds, counters, clamped walks and what is computed from them. Its code is followed where its README says
// otherwise.
GridSet make_devops_set(std::size_t hosts, std::size_t ticks, TimeNs start, std::uint64_t seed);

// Its iot use case: readings and diagnostics of trucks, of which rows are lost, held back and sent later, and lack
// fields, by the suite's rules. What it has as tags that are numbers are fields, as there in this form. Left out: that
// one tag of a row in a hundred is empty, which would make another series of it.
GridSet make_iot_set(std::size_t trucks, std::size_t ticks, TimeNs start, std::uint64_t seed);

}  // namespace gongshu::bench
