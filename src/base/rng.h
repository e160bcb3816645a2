#pragma once

#include <cstdint>

namespace gongshu {

// A seeded random number generator (xoshiro256++, Blackman and Vigna): same seed, same numbers, on every machine.
// Not for secrets: those come from io::random_bytes(). Not thread-safe.
class Rng {
public:
    explicit Rng(std::uint64_t seed);
    std::uint64_t next();
    // Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
    // Uniform in [0, 1).
    double uniform();
    // Normal with mean 0 and standard deviation 1 (Box-Muller).
    double normal();
    bool chance(double probability) { return uniform() < probability; }

private:
    std::uint64_t state_[4];
};

}  // namespace gongshu
