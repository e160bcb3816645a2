#include <gtest/gtest.h>

#include "data/interval.h"
#include "data/quality.h"
#include "data/rows.h"
#include "data/tag.h"
#include "data/value.h"

namespace gongshu {
namespace {

TEST(Quality, TextAndBitsComeBackTheSame) {
    for (int grade = 0; grade < 3; ++grade)
        for (int reason = 0; reason < 13; ++reason)
            for (int flags = 0; flags < 8; ++flags) {
                const Quality quality{static_cast<Grade>(grade), static_cast<Reason>(reason), (flags & 1) != 0,
                                      (flags & 2) != 0, (flags & 4) != 0};
                EXPECT_EQ(parse_quality(to_string(quality)), quality) << to_string(quality);
                EXPECT_EQ(unpack_quality(pack(quality)), quality);
            }
}

TEST(Quality, Parses) {
    const auto f = [](const char* text, std::optional<Quality> want) { EXPECT_EQ(parse_quality(text), want) << text; };
    f("good", kGood);
    f("192", kGood);
    f("64", Quality{Grade::uncertain});
    f("0", Quality{Grade::bad});
    f("bad:timeout", bad(Reason::timeout));
    f("bad:", std::nullopt);
    f("bad:nonsense", std::nullopt);
    f("good+", std::nullopt);
    f("128", std::nullopt);
    f("", std::nullopt);
}

TEST(Value, ConvertsOnlyWhenNothingIsLost) {
    const auto f = [](Value value, ValueType to, std::optional<Value> want) {
        EXPECT_EQ(convert_exactly(value, to), want);
    };
    f(2.0, ValueType::integer, std::int64_t{2});
    f(2.5, ValueType::integer, std::nullopt);
    f(1e300, ValueType::integer, std::nullopt);
    f(0.0 / 0.0, ValueType::integer, std::nullopt);
    f((std::int64_t{1} << 53) + 1, ValueType::number, std::nullopt);
    f(true, ValueType::number, 1.0);
    f(std::int64_t{2}, ValueType::boolean, std::nullopt);
    f(std::string("1"), ValueType::number, std::nullopt);
}

TEST(Tags, PathsThatCannotBe) {
    auto f = [](std::string_view path, std::string_view want) {
        EXPECT_EQ(tag_path_fault(path).value_or(""), want) << path;
    };
    for (const char* good : {"a", "a.b", "plant/line/cnc1.temp", "a/b.c.d", "厂/机.温度", "a.b/c.d", "...a/b"})
        f(good, "");
    const char* const kEmpty = "has an empty part; expected names with one / between, as in plant/line/device.temp";
    for (const char* path : {"/", "//", "/a", "a/", "a//b", "a//b.c"}) f(path, kEmpty);
    for (const char* path : {"*", "**", "a/*.b", "a/b?"})
        f(path, "* and ? are for questions; a tag's own name goes without");
    f(".", "the part \".\" is nothing but dots; expected a name");
    f("a/../b", "the part \"..\" is nothing but dots; expected a name");
    f("a/.b", "has no name before the dot; expected device.property");
    f("a/b.", "has no name after the dot; expected device.property");
    f("a/b...", "has no name after the dot; expected device.property");
    f("", "must have 1 to 1000 bytes");
    f(std::string(1000, 'x'), "");
    f(std::string(1001, 'x'), "must have 1 to 1000 bytes");
}

TEST(Rows, KeepsWhatWasAdded) {
    Rows rows;
    const TagId tag{17};
    rows.add_number(tag, 1, 0.5);
    rows.add_integer(tag, 2, -3, bad(Reason::range));
    rows.add_boolean(tag, 3, true);
    rows.add_text(tag, 4, "\xe5\xb7\xa5");
    rows.add_text(tag, 5, "");
    Rows copy;
    for (std::size_t i = 0; i < rows.size(); ++i) copy.add_row(rows, i);
    ASSERT_EQ(copy.size(), 5u);
    EXPECT_EQ(copy.value(0), Value{0.5});
    EXPECT_EQ(copy.value(1), Value{std::int64_t{-3}});
    EXPECT_EQ(copy.quality(1), bad(Reason::range));
    EXPECT_EQ(copy.value(2), Value{true});
    EXPECT_EQ(copy.value(3), Value{std::string("\xe5\xb7\xa5")});
    EXPECT_EQ(copy.value(4), Value{std::string()});
}

TEST(Interval, OverlapsHalfOpen) {
    Interval closed{.from = 10, .to = 20};
    EXPECT_TRUE(closed.overlaps({19, 30}));
    EXPECT_FALSE(closed.overlaps({20, 30}));
    EXPECT_FALSE(closed.overlaps({0, 10}));
    Interval open{.from = 10};
    EXPECT_TRUE(open.overlaps({1000, 2000}));
}

}  // namespace
}  // namespace gongshu
