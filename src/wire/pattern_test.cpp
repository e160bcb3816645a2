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
    f("\\x", Code::invalid);
    f("\\x8", Code::invalid);
    f("\\x80", Code::invalid);
    f("(?P<>a)", Code::invalid);
    f("(?P<a b>a)", Code::invalid);
    f("(?P<n>a)(?P<n>b)", Code::invalid);
    f("[[:alpha:]]", Code::unsupported);
    f("a{100}", Code::limit);
    f("(a{10}){10}", Code::limit);
    f("(((){1000}){1000}){1000}", Code::limit);
    f(std::string(101, 'a'), Code::limit);
}

TEST(Pattern, FindsNamedGroups) {
    auto f = [](std::string_view pattern, std::string_view text, std::string_view want) {
        const auto compiled = Pattern::compile(pattern);
        ASSERT_TRUE(compiled) << pattern << ": " << compiled.error().text();
        const auto found = compiled->find(text);
        ASSERT_TRUE(found) << found.error().text();
        std::string got = *found ? "" : "nowhere";
        for (std::size_t i = 0; *found && i < (*found)->size(); ++i) {
            const auto& one = (**found)[i];
            got += fmt::format("{}{}={}", i > 0 ? " " : "", compiled->groups()[i], one ? *one : "-");
        }
        EXPECT_EQ(got, want) << pattern << " ~ " << text;
    };
    f("(?P<v>[0-9]+)", "ab12cd345", "v=12");
    f("(?P<v>[0-9]+)$", "ab12cd345", "v=345");
    f("^(?P<v>[0-9]+)", "ab12", "nowhere");
    f("(?P<s>S|D) +(?P<v>[-0-9.]+) +(?P<u>\\w+)", "S S     100.00 g\r\n", "s=S v=100.00 u=g");
    f("(?P<a>a*)(?P<b>a*)", "aaa", "a=aaa b=");
    f("(?P<a>a*?)(?P<b>a*)", "aaa", "a= b=aaa");
    f("(?P<a>a{1,2}?)(?P<b>a*)", "aaa", "a=a b=aa");
    f("(?P<a>a{1,2})(?P<b>a*)", "aaa", "a=aa b=a");
    f("(?P<a>x)|(?P<b>y)", "y", "a=- b=y");
    f("(?:(?P<a>x)|y)+", "xy", "a=x");
    f("((?P<a>a|ab)(?P<b>c|bcd))", "abcd", "a=a b=bcd");
    f("(?P<outer>(?P<inner>b+)c)", "abbc", "outer=bbc inner=bb");
    f("\\x02(?P<v>.)\\x0d",
      "\x02"
      "7\r",
      "v=7");
    f("(?P<v>温.)", "a温度b", "v=温度");
    f("(?P<v>)", "", "v=");
    f("(?P<v>a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "nowhere");
    const auto long_text = Pattern::compile("a")->find(std::string(Pattern::kFindBytesMax + 1, 'a'));
    ASSERT_FALSE(long_text);
    EXPECT_EQ(long_text.error().code(), Code::limit);
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
            EXPECT_EQ(compiled->find(text)->has_value(), std::regex_search(text, other)) << pattern << " ~ " << text;
        }
    }
}

}  // namespace
}  // namespace gongshu::wire
