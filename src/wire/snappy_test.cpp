#include "wire/snappy.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire {
namespace {

std::string bytes(std::initializer_list<int> numbers) {
    std::string text;
    for (const int number : numbers) text.push_back(static_cast<char>(number));
    return text;
}

TEST(Snappy, OpensWhatTheFormatSays) {
    auto f = [](const std::string& block, std::string_view want) {
        const auto opened = snappy_decode(as_bytes(block), 1000);
        ASSERT_TRUE(opened) << want << ": " << opened.error().text();
        EXPECT_EQ(*opened, want);
    };
    f(bytes({0}), "");
    f(bytes({3, 2 << 2}) + "abc", "abc");
    f(bytes({3, 60 << 2, 2}) + "abc", "abc");                           // its length in one byte more
    f(bytes({3, 63 << 2, 2, 0, 0, 0}) + "abc", "abc");                  // in four
    f(bytes({7, 2 << 2}) + "abc" + bytes({0 << 2 | 1, 3}), "abcabca");  // a copy that reaches into itself
    f(bytes({8, 0 << 2}) + "x" + bytes({(7 - 1) << 2 | 2, 1, 0}), "xxxxxxxx");
    f(bytes({5, 1 << 2}) + "ab" + bytes({(3 - 1) << 2 | 3, 2, 0, 0, 0}), "ababa");
}

TEST(Snappy, RefusesWhatIsBroken) {
    auto f = [](const std::string& block, Code want) {
        const auto opened = snappy_decode(as_bytes(block), 1000);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code(), want) << opened.error().text();
    };
    f("", Code::malformed);
    f(bytes({0x80}), Code::malformed);                                        // a length without an end
    f(bytes({0xFF, 0xFF, 0xFF, 0xFF, 0x7F}), Code::malformed);                // more than 32 bits
    f(bytes({0xE9, 0x07}), Code::limit);                                      // 1001
    f(bytes({0xE8, 0x07, 0}) + "a", Code::malformed);                         // 1000 out of 4 bytes: it cannot be
    f(bytes({4, 2 << 2}) + "abc", Code::malformed);                           // less than it said
    f(bytes({2, 2 << 2}) + "abc", Code::malformed);                           // more
    f(bytes({3, 2 << 2}) + "ab", Code::malformed);                            // a literal without its end
    f(bytes({7, 2 << 2}) + "abc" + bytes({0 << 2 | 1, 0}), Code::malformed);  // from here
    f(bytes({7, 2 << 2}) + "abc" + bytes({0 << 2 | 1, 4}), Code::malformed);  // from before the beginning
    f(bytes({7, 2 << 2}) + "abc" + bytes({0 << 2 | 1}), Code::malformed);
    f(bytes({3, 63 << 2, 0xFF, 0xFF, 0xFF, 0xFF}) + "abc", Code::malformed);
}

TEST(Snappy, OpensWhatItMade) {
    Rng rng{7};
    for (int round = 0; round < 500; ++round) {
        std::string text;
        for (std::uint64_t parts = rng.below(20); parts > 0; --parts) {
            const std::string word(1 + rng.below(5), static_cast<char>('a' + rng.below(4)));
            for (std::uint64_t times = 1 + rng.below(round < 20 ? 5000 : 40); times > 0; --times) text += word;
            for (std::uint64_t noise = rng.below(100); noise > 0; --noise)
                text.push_back(static_cast<char>(rng.next()));
        }
        const std::string block = snappy_encode(text);
        const auto opened = snappy_decode(as_bytes(block), text.size());
        ASSERT_TRUE(opened) << "round " << round << ": " << opened.error().text();
        EXPECT_EQ(*opened, text);
    }
    const std::string lines(200'000, 'x');
    EXPECT_LT(snappy_encode(lines).size(), lines.size() / 15);
}

}  // namespace
}  // namespace gongshu::wire
