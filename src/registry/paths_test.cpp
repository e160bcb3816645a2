#include "registry/paths.h"

#include <gtest/gtest.h>

#include <random>

namespace gongshu::registry {
namespace {

TEST(Paths, SayWhatLiesWithin) {
    auto f = [](const std::vector<std::string>& paths, std::string_view path, bool want) {
        EXPECT_EQ(lies_within(paths, path), want) << path;
    };
    f({}, "anything/at/all", true);
    f({"plant1"}, "plant1", true);
    f({"plant1"}, "plant1/line1/cnc1.speed", true);
    f({"plant1"}, "plant10", false);
    f({"plant1/**"}, "plant1", true);
    f({"plant1/cnc1"}, "plant1/cnc1.speed", true);
    f({"plant1/cnc1"}, "plant1/cnc1.5/x", false);
    f({"plant1/cnc1"}, "plant1/cnc10.speed", false);
    f({"plant1", "plant2/*/cnc?"}, "plant2/line1/cnc7/spindle.load", true);
    f({"plant1", "plant2/*/cnc?"}, "plant2/line1/oven", false);
    f({"plant1"}, "", false);
}

TEST(Paths, CoverOthers) {
    auto f = [](const std::vector<std::string>& outer, const std::vector<std::string>& inner, bool want) {
        EXPECT_EQ(covers(outer, inner), want)
            << (outer.empty() ? "" : outer[0]) << " ~ " << (inner.empty() ? "" : inner[0]);
    };
    f({}, {}, true);
    f({}, {"a"}, true);
    f({"a"}, {}, false);
    f({"a"}, {"a"}, true);
    f({"a"}, {"a/**"}, true);
    f({"a/**"}, {"a"}, true);
    f({"a"}, {"a/b/c"}, true);
    f({"a"}, {"a/*"}, true);
    f({"a"}, {"a", "b"}, false);
    f({"a", "b"}, {"a", "b/c"}, true);
    f({"a"}, {"*"}, false);
    f({"a"}, {"**"}, false);
    f({"a"}, {"**/a"}, false);
    f({"*"}, {"a"}, true);
    f({"*"}, {"**"}, false);  // would be right, but nobody needs it
    f({"*/b"}, {"a"}, false);
    f({"*/b"}, {"**"}, false);
    f({"*/b"}, {"a/b", "c/b/d"}, true);
    f({"**"}, {"**"}, true);
    f({"**/b"}, {"a/**/b"}, true);
    f({"**/b"}, {"a/**"}, false);
    f({"a/**/c"}, {"a/c"}, true);
    f({"line?"}, {"line1"}, true);
    f({"line?"}, {"line*"}, false);
    f({"line?"}, {"line?"}, true);
    f({"line*"}, {"line?"}, true);
    f({"line*"}, {"line1*"}, true);
    f({"line1*"}, {"line*"}, false);
    f({"a/b"}, {"a"}, false);
    f({"a/b"}, {"a/c"}, false);
}

// Against a dull model: whatever lies within a covered glob lies within what covers it.
TEST(Paths, CoverNeverSaysYesWrongly) {
    const std::uint32_t seed = 7;
    std::mt19937 random{seed};
    const auto pick = [&](std::initializer_list<const char*> from) { return std::data(from)[random() % from.size()]; };
    const auto glob = [&] {
        std::string text = pick({"a", "b", "*", "**", "a*", "?", "?b"});
        for (std::size_t i = random() % 3; i > 0; --i) text.append("/").append(pick({"a", "b", "*", "**", "ab", "?*"}));
        return text;
    };
    const auto path = [&] {
        std::string text = pick({"a", "b", "ab", "bb", "c"});
        for (std::size_t i = random() % 4; i > 0; --i) text.append("/").append(pick({"a", "b", "ab", "c"}));
        if (random() % 2 == 0) text.append(".a");
        return text;
    };
    std::size_t yes = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::vector<std::string> outer{glob()}, inner{glob()};
        if (!covers(outer, inner)) continue;
        for (int k = 0; k < 5; ++k) {
            const std::string one = path();
            if (!lies_within(inner, one)) continue;
            ++yes;
            ASSERT_TRUE(lies_within(outer, one)) << outer[0] << " ~ " << inner[0] << " at " << one << ", seed " << seed;
        }
    }
    EXPECT_GT(yes, 1000u);
}

}  // namespace
}  // namespace gongshu::registry
