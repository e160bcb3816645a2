#pragma once

#include <cstdint>

namespace gongshu::history {

// What a chunk is written for: to be read often and soon, or to be small.
enum class Tier : std::uint8_t { hot = 0, cold = 1 };  // on disk: never renumber

}  // namespace gongshu::history
