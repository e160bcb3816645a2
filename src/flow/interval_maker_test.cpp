#include "flow/interval_maker.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace gongshu::flow {
namespace {

using Step = IntervalMaker::Step;

std::vector<Step> run(IntervalMaker::Options options, const std::vector<std::pair<TimeNs, bool>>& values, TimeNs end) {
    IntervalMaker maker{options};
    std::vector<Step> steps;
    for (const auto& [time, holds] : values) maker.feed(time, holds, steps);
    maker.advance(end, steps);
    return steps;
}

TEST(IntervalMaker, TellsBeginningsAndEnds) {
    const auto f = [](IntervalMaker::Options options, const std::vector<std::pair<TimeNs, bool>>& values, TimeNs end,
                      const std::vector<Step>& want) { EXPECT_EQ(run(options, values, end), want); };
    f({}, {{1, true}, {5, false}}, 9, {{1, std::nullopt, false}, {1, 5, true}});
    f({}, {{1, true}}, 1, {{1, std::nullopt, false}});
    f({.min_length = 5}, {{1, true}, {4, false}, {5, true}}, 5, {});
    f({.min_length = 5}, {{1, true}}, 6, {{1, std::nullopt, false}});
    f({}, {{1, false}, {5, false}}, 9, {});
    f({.min_length = 5}, {{1, true}, {5, false}}, 9, {});
    f({.min_length = 5}, {{1, true}, {6, false}}, 9, {{1, std::nullopt, false}, {1, 6, true}});
    f({.min_length = 5}, {{1, true}}, 5, {});
    f({.join_gap = 3}, {{1, true}, {5, false}, {8, true}, {9, false}}, 20, {{1, std::nullopt, false}, {1, 9, true}});
    f({.join_gap = 3}, {{1, true}, {5, false}, {9, true}}, 20,
      {{1, std::nullopt, false}, {1, 5, true}, {9, std::nullopt, false}});
    f({.join_gap = 3}, {{1, true}, {5, false}}, 8, {{1, std::nullopt, false}});
}

// Whatever is told of it in the end is what looking at every instant finds, however the values come.
TEST(IntervalMaker, AgreesWithLookingAtEveryInstant) {
    const std::uint64_t seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
    SCOPED_TRACE(seed);
    Rng rng{seed};
    for (int round = 0; round < 5000; ++round) {
        SCOPED_TRACE(round);
        const IntervalMaker::Options options{static_cast<DurationNs>(rng.below(8)),
                                             static_cast<DurationNs>(rng.below(6))};
        std::map<TimeNs, bool> values;
        for (std::uint64_t i = rng.below(25); i > 0; --i) values[static_cast<TimeNs>(rng.below(80))] = rng.chance(0.5);
        const TimeNs end = 100;
        // Joined stretches in which it held.
        std::vector<std::pair<TimeNs, std::optional<TimeNs>>> stretches;
        bool holds = false;
        for (TimeNs at = 0; at <= end; ++at) {
            const auto value = values.find(at);
            const bool now = value != values.end() ? value->second : holds;
            if (now && !holds) {
                if (!stretches.empty() && at - *stretches.back().second <= options.join_gap)
                    stretches.back().second.reset();
                else
                    stretches.emplace_back(at, std::nullopt);
            }
            if (!now && holds) stretches.back().second = at;
            holds = now;
        }
        std::map<TimeNs, std::optional<TimeNs>> want, got;
        for (const auto& [from, to] : stretches)
            if (to.value_or(end) - from >= options.min_length) want[from] = to;
        // In pieces: at any moment it may go on by the clock, as far as it is known, or from what is stored.
        IntervalMaker maker{options};
        std::vector<Step> steps;
        for (auto value = values.begin(); value != values.end(); ++value) {
            if (rng.chance(0.3)) maker.advance(value->first, steps);
            maker.feed(value->first, value->second, steps);
        }
        maker.advance(end, steps);
        for (const Step& step : steps) {
            ASSERT_EQ(step.opened_before, got.contains(step.from));
            got[step.from] = step.to;
        }
        EXPECT_EQ(got, want);
    }
}

}  // namespace
}  // namespace gongshu::flow
