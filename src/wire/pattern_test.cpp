#include "wire/pattern.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/rng.h"

namespace gongshu::wire {
namespace {

TEST(Pattern, MatchesTheWhole) {
    auto f = [](std::string_view pattern, std::string_view text, bool want) {
        const auto compiled = Pattern::compile(pattern);
        ASSERT_TRUE(compiled) << pattern << ": " << compiled.error().text();
        EXPECT_EQ(compiled->matches(text), want) << pattern << " ~ " << text;
    };
    f("up", "up", true);
    f("up", "upper", false);
    f("up.*", "upper", true);
    f("", "", true);
    f("", "a", false);
    f(".*", "", true);
    f(".+", "", false);
    f("a|b|", "", true);
    f("a|bc", "bc", true);
    f("(a|b)+c?", "abba", true);
    f("(?:node|web)-[0-9]{2,3}", "web-42", true);
    f("(?:node|web)-[0-9]{2,3}", "web-4", false);
    f("(?:node|web)-[0-9]{2,3}", "web-4242", false);
    f("(?P<kind>a)b", "ab", true);
    f("[^a-c]x", "dx", true);
    f("[^a-c]x", "bx", false);
    f("[]a]", "]", true);
    f("[a\\-z]", "-", true);
    f("[a-]", "-", true);
    f("\\d+\\.\\d", "12.5", true);
    f("\\d+\\.\\d", "12x5", false);
    f("\\w+\\s\\S\\D\\W", "ab cd!", true);
    f("[\\D]", "1", false);
    f("^a$", "a", true);
    f("a^b", "ab", false);
    f("(^a|b)c", "ac", true);
    f("(?i)Web-A", "wEB-a", true);
    f("(?i)[a-c]x", "BX", true);
    f("a{3}", "aaa", true);
    f("a{3}", "aa", false);
    f("a{2,}", "aaaaa", true);
    f("a{0}b", "b", true);
    f("a{x", "a{x", true);
    f("a+?b*?", "aab", true);
    f(".", "温", true);
    f("温.", "温度", true);
    f("[一-龥]+", "温度", true);
    f(".", "a\n", false);
    f("a.b", "a\nb", false);
    f("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false);  // what hangs engines that try one way after another
    f("(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false);
}

TEST(Pattern, SaysWhatIsWrong) {
    auto f = [](std::string_view pattern, Code code) {
        const auto compiled = Pattern::compile(pattern, {.bytes_max = 100, .states_max = 50, .depth_max = 5});
        ASSERT_FALSE(compiled) << pattern;
        EXPECT_EQ(compiled.error().code(), code) << pattern << ": " << compiled.error().text();
    };
    f("(a", Code::invalid);
    f("a)", Code::invalid);
    f("[a", Code::invalid);
    f("[b-a]", Code::invalid);
    f("[a-\\d]", Code::invalid);
    f("*", Code::invalid);
    f("a{3,1}", Code::invalid);
    f("a{2000}", Code::invalid);
    f("a\\", Code::invalid);
    f("((((((a))))))", Code::invalid);
    f("(?=a)", Code::unsupported);
    f("\\pL", Code::unsupported);
    f("\\b", Code::unsupported);
    f("[[:alpha:]]", Code::unsupported);
    f("a{100}", Code::limit);
    f("(a{10}){10}", Code::limit);
    f("(((){1000}){1000}){1000}", Code::limit);
    f(std::string(101, 'a'), Code::limit);
}

// Against the standard library's, on patterns that both know and that its backtracking survives.
TEST(Pattern, AgreesWithAnotherEngine) {
    Rng rng{5};
    const auto part = [&](auto&& self, int depth) -> std::string {
        switch (rng.below(depth > 3 ? 3 : 6)) {
            case 0:
                return "a";
            case 1:
                return "[ab]";
            case 2:
                return ".";
            case 3:
                return "(" + self(self, depth + 1) + "|" + self(self, depth + 1) + ")";
            case 4:
                return "(" + self(self, depth + 1) + ")" + std::string(1, "*+?"[rng.below(3)]);
            default:
                return self(self, depth + 1) + self(self, depth + 1);
        }
    };
    for (int round = 0; round < 500; ++round) {
        const std::string pattern = part(part, 0);
        const auto compiled = Pattern::compile(pattern);
        ASSERT_TRUE(compiled) << pattern;
        const std::regex other{pattern};
        for (int i = 0; i < 5; ++i) {
            std::string text;
            for (std::uint64_t n = rng.below(6); n > 0; --n) text.push_back("abc"[rng.below(3)]);
            EXPECT_EQ(compiled->matches(text), std::regex_match(text, other)) << pattern << " ~ " << text;
        }
    }
}

}  // namespace
}  // namespace gongshu::wire
