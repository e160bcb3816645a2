#include "registry/yaml.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/rng.h"
#include "registry/test_world.h"

namespace gongshu::registry::test {

TEST(Yaml, OtherEncodingsAreToldAndNotGuessed) {
    auto f = [](std::string_view text, const char* want) {
        for (const auto& error : {parse_yaml(text).error(), parse_resources(text).error()}) {
            EXPECT_EQ(error.code(), Code::malformed);
            EXPECT_EQ(error.text(), want);
        }
    };
    const char* const kOther = "line 1, byte 1: the text is UTF-16 or UTF-32, expected UTF-8: save the file as UTF-8";
    f("\xff\xfe", kOther);
    f({"\xff\xfek\0i\0n\0d\0", 10}, kOther);
    f({"\xfe\xff\0k\0i", 6}, kOther);
    f({"\0\0\xfe\xff\0\0\0k", 8}, kOther);
    f("kind: site\nname: \xc3(\n", "line 2, byte 17: 0xC3 is not UTF-8 text: save the file as UTF-8");
    f("a: 1\nb: 2\n# \xff\n", "line 3, byte 12: 0xFF is not UTF-8 text: save the file as UTF-8");
    f({"a: \0", 4}, "line 1, byte 3: 0x00 is not UTF-8 text: save the file as UTF-8");
    EXPECT_TRUE(
        parse_yaml("\xef\xbb\xbf"
                   "a: 温度"));
}

TEST(Yaml, AReportKeepsToItsLines) {
    const Error refused{Code::invalid, "name: \"a\nb\" holds a line break"};
    std::vector<Applied> applied;
    applied.push_back({.kind = "site", .name = "a\nb\x01", .change = refused});
    Change change;
    change.what = Change::What::updated;
    change.differences = {{"help", Json("one"), Json("first\nsecond \"x\"\n")}, {"n", Json(1), Json("t\\n")}};
    applied.push_back({.kind = "device_type", .name = "pump", .change = std::move(change), .stored = true});
    EXPECT_EQ(to_report(applied, false),
              "refused   site a\\nb\\x01: name: \"a\\nb\" holds a line break\n"
              "updated   device_type pump\n"
              "            help before:\n"
              "              | \"one\"\n"
              "            help after:\n"
              "              | first\n"
              "              | second \"x\"\n"
              "            n: 1 -> \"t\\\\n\"\n"
              "0 created, 1 updated, 0 unchanged, 1 refused\n");
}

TEST(Json, SaysWhereItIsWrong) {
    auto f = [](std::string_view text, std::string_view want) {
        const auto got = parse_json(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().code(), Code::malformed);
        EXPECT_TRUE(got.error().text().starts_with(want)) << got.error().text();
    };
    f("", "line 1, column 1: the JSON text ends too early");
    f("{\"a\":1,\n \"a\":2}", "line 2, column ");
    f("{\"a\":1,\n \"\\u0061\":2}", "line 2, column ");
    f("[1,2", "line 1, column 5: the JSON text ends too early");
    f("[1]\n]", "line 2, column 1: something follows the end");
    f("{'a':1}", "line 1, column 2: this is not JSON");
    f("\"\xff\"", "line 1, column ");
    f(std::string(40, '['), "line 1, column 33: nested deeper than 32 levels");
    f("NaN", "line 1, column 1: this is not JSON");
}

TEST(Json, WritesWhatItReads) {
    auto f = [](std::string_view text) { EXPECT_EQ(to_text(json(text)), text); };
    f(R"({"a":[1,-2,18446744073709551615,0.1,true,null,"x\"\\\n\u0001温度"],"b":{}})");
    f("1e+300");
    f("-9223372036854775808");
    EXPECT_EQ(json(to_pretty_text(json(R"({"a":[1,{"b":[]}],"c":"d"})"))), json(R"({"a":[1,{"b":[]}],"c":"d"})"));
}

TEST(Yaml, ReadsTheCoreSchema) {
    auto f = [](std::string_view yaml, std::string_view want) {
        const auto got = parse_yaml(yaml);
        ASSERT_TRUE(got) << yaml << ": " << got.error().text();
        EXPECT_EQ(to_text(*got), want) << yaml;
    };
    f("a: 1\nb: -2\nc: 0x10\nd: 1.5\ne: 1e3\nf: .5", R"({"a":1,"b":-2,"c":16,"d":1.5,"e":1000,"f":0.5})");
    f("a: true\nb: no\nc: ~\nd:\ne: null", R"({"a":true,"b":"no","c":null,"d":null,"e":null})");
    f("a: \"1\"\nb: '1'\nc: !!str 1", R"({"a":"1","b":"1","c":"1"})");
    f("a: 1:30\nb: 1.2.3\nc: 2026-03-01\nd: +5\ne: .inf\nf: 12e",
      R"({"a":"1:30","b":"1.2.3","c":"2026-03-01","d":5,"e":".inf","f":"12e"})");
    f("[a, {b: 温度}]", R"(["a",{"b":"温度"}])");
    f("a: &x [1]\nb: *x", R"({"a":[1],"b":[1]})");
    f("a: |\n  one\n  two\n", R"({"a":"one\ntwo\n"})");
    f("", "null");
}

TEST(Yaml, SaysWhereItIsWrong) {
    auto f = [](std::string_view yaml, std::string_view want) {
        const auto got = parse_resources(yaml);
        ASSERT_FALSE(got) << yaml;
        EXPECT_TRUE(got.error().text().starts_with(want)) << got.error().text();
    };
    f("a: [1", "line 1, column");
    f("kind: x\nname: y\nspec:\n  a: 1\n  a: 2\n", "line 5, column 3: the key \"a\" comes twice");
    f("kind: x\nname: y\nspek: {}\n",
      "line 1, column 1: \"spek\" is not understood; a document holds kind, name and spec; did you mean \"spec\"?");
    f("kind: x\n---\nname: y\n", "line 1, column 1: name: expected a name, found none");
    f("kind: x\nname: y\n---\n- 1\n", "line 3, column 1: expected kind, name and spec, found a list");
    f("kind: x\nname: y\nspec: {a: !!binary aGk=}\n", "line 3, column");
    f("kind: [x]\nname: y\n", "line 1, column 1: kind: expected a text, found a list");
    f("? [a]\n: b\n", "line 1, column");
    f(",", "line 1, column 1: this character is not expected here");  // yaml-cpp by itself never comes back from this
    f("&a [*a]", "line 1, column");
    f(std::string(200, '[') + std::string(200, ']'), "line 1, column 33: nested deeper than 32 levels");
}

TEST(Yaml, ASmallFileCannotGrow) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 10; ++k) bomb += "*a" + std::to_string(i - 1) + ", ";
        bomb += "x]\n";
    }
    EXPECT_EQ(parse_yaml(bomb).error().code(), Code::limit);
    EXPECT_EQ(parse_yaml("a: &a [*a]").has_value(), false);
    std::string chain = "a0: &a0 [x]\n";  // each is one deeper than the one before
    for (int i = 1; i < 100; ++i) chain += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
    EXPECT_EQ(parse_yaml(chain).error().code(), Code::limit);
    EXPECT_EQ(parse_yaml(std::string(100, 'x'), {.bytes_max = 10}).error().code(), Code::limit);
    EXPECT_EQ(parse_resources("---\n---\n---\n", {.documents_max = 2}).error().code(), Code::limit);
}

TEST(Yaml, NamesThatLookLikeNumbersAreNames) {
    const auto got = parse_resources("kind: site\nname: 007\nspec: {}\n");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->front().wanted.name, "007");
    EXPECT_EQ(got->front().line, 1u);
}

namespace {

Json random_json(Rng& rng, int depth) {
    static const char* const texts[] = {
        "",       "a",    "true",  "~",      "1",   "-1.5",  "0x1f", "a: b",     "a #b",         "- a",
        "温度 ℃", "x\ny", " lead", "trail ", "'q'", "\"q\"", "{",    "[a]",      "&a",           "*a",
        "!t",     "|",    ">",     "%",      "@",   "`",     "a:",   "?",        "---",          "...",
        "\t",     "\x01", "null",  "NULL",   ".5",  "1e5",   "é",    "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF"};
    auto text = [&] { return std::string(texts[rng.below(std::size(texts))]); };
    switch (rng.below(depth > 4 ? 5 : 7)) {
        case 0:
            return Json(nullptr);
        case 1:
            return Json(rng.chance(0.5));
        case 2:
            return Json(static_cast<std::int64_t>(rng.next()));
        case 3:
            return Json(rng.normal() * 1000 + 0.25);
        case 4:
            return Json(text());
        case 5: {
            JsonArray out;
            for (std::uint64_t i = rng.below(4); i > 0; --i) out.push_back(random_json(rng, depth + 1));
            return Json(std::move(out));
        }
        default: {
            JsonObject out;
            for (std::uint64_t i = rng.below(4); i > 0; --i) out[text()] = random_json(rng, depth + 1);
            return Json(std::move(out));
        }
    }
}

}  // namespace

TEST(Yaml, WhatIsWrittenReadsTheSame) {
    Rng rng(20'260'301);
    for (int i = 0; i < 3'000; ++i) {
        const Json value = random_json(rng, 0);
        const std::string yaml = to_yaml(value);
        const auto again = parse_yaml(yaml);
        ASSERT_TRUE(again) << i << ": " << again.error().text() << "\n" << yaml;
        ASSERT_EQ(to_text(*again), to_text(value)) << i << "\n" << yaml;
        EXPECT_EQ(to_text(json(to_text(value))), to_text(value));
    }
}

}  // namespace gongshu::registry::test
