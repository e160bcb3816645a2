#include "history/where.h"

#include <gtest/gtest.h>

namespace gongshu::history {
namespace {

TEST(Where, IsUnderstood) {
    auto f = [](const char* text, const char* want) {
        const auto parsed = parse_where(text);
        std::string have;
        if (!parsed) have = parsed.error().text();
        for (std::size_t i = 0; parsed && i < parsed->size(); ++i)
            have += fmt::format("{}[{}] {} {}:{}", i > 0 ? " & " : "", (*parsed)[i].property,
                                to_string((*parsed)[i].comparison), to_string(type_of((*parsed)[i].bound)),
                                to_string((*parsed)[i].bound));
        EXPECT_TRUE(have.starts_with(want)) << text << ": " << have;
    };
    f("temperature>80", "[temperature] > integer:80");
    f(" 温度 >= -80.5 ", "[温度] >= number:-80.5");
    f("a b<1e3", "[a b] < number:1000");
    f("x<=9007199254740993", "[x] <= integer:9007199254740993");
    f("x=5", "[x] = integer:5");
    f("x == 5", "[x] = integer:5");
    f("running!=true", "[running] != boolean:true");
    f("state = 'RUN > 5'", "[state] = text:RUN > 5");
    f("state=\"换刀\"", "[state] = text:换刀");
    f("state=''", "[state] = text:");
    f("x between 20 and 30", "[x] >= integer:20 & [x] <= integer:30");
    f("x=' between 1 and 2'", "[x] = text: between 1 and 2");
    for (const char* text : {"", "x", ">5", " > 5", "x~5", "x!5", " between 1 and 2"}) f(text, "\"");
    f("x~5", "\"x~5\" is no condition; give a property, one of < <= = != >= > and a value");
    for (const char* text : {"x>", "x>RUN", "x>5 C", "x>nan", "x>inf", "x='RUN", "x>=>5", "x>1e999"}) f(text, "\"");
    f("state=RUN", "\"RUN\" is neither a number nor true, false or a text in quotes");
    f("x between 1", "\"1\" has no end, as in temperature between 20 and 30");
    f("x between 1 and b", "\"b\" is neither");
}

}  // namespace
}  // namespace gongshu::history
