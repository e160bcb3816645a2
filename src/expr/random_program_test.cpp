// Random expressions over random readings: a stream that is fed reading by reading, in the order they come, against one
// run over whole columns. EXPR_CASES=10000 runs so many, EXPR_SEED=7 begins elsewhere.
#include "expr/testing/random_program.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gongshu::expr {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(ExprRandom, StreamIsAsColumns) {
    const std::uint64_t cases = from_environment("EXPR_CASES", 1500), first = from_environment("EXPR_SEED", 1);
    std::uint64_t compiled = 0, refused = 0;
    std::size_t rows = 0;
    for (std::uint64_t seed = first; compiled < cases; ++seed) {
        Rng rng{seed};
        const std::string text = testing::random_expression(rng, 1 + static_cast<int>(rng.below(4)), true);
        const auto program = compile(text, testing::RandomTags{});
        if (!program) {
            ++refused;
            ASSERT_LT(refused, 1000 + 10 * cases) << text << ": " << program.error().text;
            continue;
        }
        ++compiled;
        const DurationNs lateness = static_cast<DurationNs>(rng.below(4)) * 3 * kSecond;
        const auto readings = testing::random_readings(rng, **program, 2 + rng.below(60), lateness);
        ASSERT_EQ(testing::difference(*program, readings, lateness, rng, rows), "") << "seed " << seed << ": " << text;
    }
    fmt::print("{} expressions, {} rows agree; {} more were refused\n", compiled, rows, refused);
    EXPECT_GT(rows, 10 * cases);
}

TEST(ExprRandom, LookbackIsEnoughAfterARestart) {
    const std::uint64_t cases = from_environment("EXPR_CASES", 1500), first = from_environment("EXPR_SEED", 1);
    std::uint64_t others = 0;
    for (std::uint64_t seed = first; seed < first + cases; ++seed) {
        Rng rng{seed};
        const std::string text = testing::random_expression(rng, 1 + static_cast<int>(rng.below(3)), true);
        const auto program = compile(text, testing::RandomTags{});
        if (!program) continue;
        const auto readings = testing::random_readings(rng, **program, 2 + rng.below(60), 0);
        const std::string difference = testing::restart_difference(**program, readings, rng);
        if (!difference.empty()) fmt::print("seed {}: {}\n{}\n", seed, text, difference);
        others += !difference.empty();
    }
    // A hold that unknown values interrupt goes back further than any lookback; that is rare.
    EXPECT_LE(others, cases / 1000);
}

}  // namespace
}  // namespace gongshu::expr
