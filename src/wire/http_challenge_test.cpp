#include "wire/http_challenge.h"

#include <gtest/gtest.h>

namespace gongshu::wire {
namespace {

TEST(HttpChallenge, WhatHeadersName) {
    const auto f = [](std::string_view header, std::string_view want) {
        std::string text;
        for (const HttpChallenge& one : parse_challenges(header)) {
            text += (text.empty() ? "" : "; ") + one.scheme;
            for (const auto& [name, value] : one.values) text += " " + name + "=[" + value + "]";
        }
        EXPECT_EQ(text, want) << header;
    };
    f("", "");
    f("Basic realm=\"meter\"", "basic realm=[meter]");
    f("Basic", "basic");
    f("Digest realm=\"a, b\", nonce=x1 , QOP=\"auth,auth-int\",algorithm = SHA-256",
      "digest realm=[a, b] nonce=[x1] qop=[auth,auth-int] algorithm=[SHA-256]");
    f("Digest nonce=\"1\", Basic realm=\"b\"", "digest nonce=[1]; basic realm=[b]");
    f("Basic realm=\"say \\\"hi\\\" \\\\\"", "basic realm=[say \"hi\" \\]");
    f(", ,Basic realm=r,,", "basic realm=[r]");
    // What cannot be read ends the list.
    f("realm=\"a\"", "");
    f("Basic realm=\"open", "basic");
    f("Basic realm=\"a\\", "basic");
    f("Negotiate YWJj==, Basic", "negotiate");
    f("\x01", "");
    EXPECT_EQ(parse_challenges("a b c d e f g h i j").size(), kHttpChallengesMax);
    std::string many = "Basic a0=1";
    for (int i = 1; i < 50; ++i) many += ",a=1";
    EXPECT_EQ(parse_challenges(many).at(0).values.size(), kHttpChallengeValuesMax);
    EXPECT_EQ(parse_challenges("Digest nonce=n").at(0).value("nonce"), "n");
    EXPECT_EQ(parse_challenges("Digest nonce=n").at(0).value("realm"), "");
}

TEST(HttpChallenge, WordsOfAList) {
    EXPECT_TRUE(names_word("auth", "auth"));
    EXPECT_TRUE(names_word("auth-int, AUTH", "auth"));
    EXPECT_FALSE(names_word("auth-int", "auth"));
    EXPECT_FALSE(names_word("", "auth"));
    EXPECT_FALSE(names_word("\"auth", "auth"));
}

}  // namespace
}  // namespace gongshu::wire
