#include "wire/line.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>

#include "base/rng.h"
#include "wire/line_forms.h"

namespace gongshu::wire {
namespace {

std::string describe(const LinePoint& point) {
    std::string text = fmt::format("{}", point.measurement);
    for (const auto& [key, value] : point.labels) text += fmt::format(",{}={}", key, value);
    for (const LineField& field : point.fields) {
        text += fmt::format(" {}=", field.name);
        switch (field.type) {
            case ValueType::number:
                text += fmt::format("{}", field.number);
                break;
            case ValueType::integer:
                text += fmt::format("{}i", field.integer);
                break;
            case ValueType::boolean:
                text += field.boolean ? "true" : "false";
                break;
            case ValueType::text:
                text += fmt::format("\"{}\"", field.text);
                break;
        }
    }
    return text + (point.time_ns ? fmt::format(" @{}", *point.time_ns) : " @now");
}

struct Parsed {
    std::vector<std::string> points, errors;
};

Parsed parse(std::string_view text, std::int64_t unit_ns = 1, LineLimits limits = {}) {
    Parsed parsed;
    LineParser parser{limits};
    parser.parse(
        text, unit_ns,
        [&](const LinePoint& point) { parsed.points.push_back(fmt::format("{}: {}", point.line, describe(point))); },
        [&](LineError error) {
            parsed.errors.push_back(fmt::format("{}:{}: {}", error.line, error.column, error.text));
        });
    return parsed;
}

// The same through forms: what each line is like is remembered from the first time that it is met.
Parsed parse_known(std::string_view text, LineForms& forms, std::size_t& known, std::int64_t unit_ns = 1) {
    static std::map<std::pair<const LineForms*, std::uint32_t>, LinePoint> shapes;
    static std::deque<std::string> kept;  // the views of shapes point into these
    const auto keep = [](std::string_view text) { return std::string_view{kept.emplace_back(text)}; };
    Parsed parsed;
    LineParser parser;
    parser.parse(
        text, unit_ns, &forms,
        [&](std::uint32_t form, std::span<const LineValue> values, std::optional<std::int64_t> time_ns) {
            LinePoint point = shapes.at({&forms, form});
            EXPECT_EQ(values.size(), point.fields.size());
            for (std::size_t i = 0; i < values.size(); ++i) {
                LineField& field = point.fields[i];
                field.type = values[i].type;
                field.number = std::bit_cast<double>(values[i].bits);
                field.integer = static_cast<std::int64_t>(values[i].bits);
                field.boolean = values[i].bits != 0;
                field.text = values[i].text;
            }
            point.time_ns = time_ns;
            parsed.points.push_back(describe(point));
            ++known;
            return true;
        },
        [&](const LinePoint& point) {
            parsed.points.push_back(describe(point));
            if (forms.full()) forms.clear();
            const auto form = forms.learn(point);
            if (!form) return;
            LinePoint shape = point;
            shape.measurement = keep(shape.measurement);
            for (auto& [key, value] : shape.labels) key = keep(key), value = keep(value);
            for (LineField& field : shape.fields) field.name = keep(field.name);
            shapes[{&forms, *form}] = shape;
        },
        [&](LineError error) {
            parsed.errors.push_back(fmt::format("{}:{}: {}", error.line, error.column, error.text));
        });
    return parsed;
}

void expect_like_unknown(std::string_view text, LineForms& forms, std::size_t& known) {
    Parsed want = parse(text);
    for (std::string& point : want.points) point.erase(0, point.find(' ') + 1);
    const Parsed got = parse_known(text, forms, known);
    EXPECT_EQ(got.points, want.points) << text;
    EXPECT_EQ(got.errors, want.errors) << text;
}

TEST(LineForms, ReadLinesLikeOnesBeforeAsTheParserDoes) {
    const char* const kTexts[] = {
        "cpu,host=a user=1i,idle=99i 1700000000000000000\ncpu,host=b user=2i,idle=98i 1700000000000000000",
        "cpu,host=a user=-3i,idle=-0.5 1\r\ncpu,host=b user=2,idle=98 -7\n",
        "cpu,host=a user=123456789.25,idle=0.000000000001 12\ncpu,host=a user=1e9,idle=1.7976931348623157e308",
        "cpu,host=a user=123456789012345678i,idle=-123456789012345678i 1",
        "cpu,host=a user=9223372036854775807i,idle=9223372036854775808i 1",
        "cpu,host=a user=0.1234567890123456789,idle=12345678901234567890 9223372036854775807",
        "cpu,host=a user=1i,idle=2i 92233720368547758070",
        "cpu,host=a user=t,idle=FALSE 5\ncpu,host=a user=true,idle=x 5",
        "cpu,host=a user=\"on\",idle=\"a,b c=d\" 5\ncpu,host=a user=\"o\\\"n\",idle=\"\xE6\xB8\xA9\" 5",
        "cpu,host=a user=\"on\nand on\",idle=\"\" 5\ncpu,host=a user=1,idle=2 6",
        "cpu,host=a user=\"on\xFF\",idle=1 5\ncpu,host=a user=\"on,idle=1 5",
        "cpu,host=a user=5u,idle=-5u 1\ncpu,host=a user=+5,idle=.5 1\ncpu,host=a user=5.,idle=5 1",
        "cpu,host=a user=1i,idle=99i\ncpu,host=a user=1i,idle=99i \ncpu,host=a user=1i,idle=99i   4",
        "cpu,host=a user=1i,idle=99i,more=1 4\ncpu,host=a user=1i 4\ncpu,host=a user=1i,idle=99i, 4",
        "cpu,host=a idle=1i,user=99i 4\ncpu,host=a user=1i,idle=99i 4",
        "cpu,host=a  user=1i,idle=2i 4\n  cpu,host=a user=1i,idle=2i 4\n\n#cpu,host=a user=1i,idle=2i 4\n",
        "cpu,host=a\ncpu user=1i,idle=2i 4\ncpu,host=a user=,idle=2i 4\ncpu,host=a user=1ii,idle=2i 4",
        "my\\ cpu,host=a\\ b user=1i,idle=2i 4\nmy\\ cpu,host=a\\ b user=2i,idle=2i 4",
        "cpu,host=a us\\ er=1i 4\ncpu,host=a us\\ er=2i 4",
        "cpu,host=a a_field_with_a_long_name=1,another_field_with_a_long_name=2 4",
        "cpu,host=a a_field_with_a_long_name=1,another_field_with_a_long_nomen=2 4",
        "cpu,host=a user=1i,idle=2i 4x\ncpu,host=a user=1i,idle=2i 4 4\ncpu,host=a user=1i,idle=2i",
        "cpu,host=a user=00000000012i,idle=1.50000000000000000000 4",
        "cpu,host=a user=1\r,idle=2i 4\ncpu,host=a user=1,idle=2\r 4\ncpu,host=a user=1,idle=2 4\r",
    };
    LineForms forms;
    std::size_t known = 0;
    for (int round = 0; round < 3; ++round)
        for (const char* text : kTexts) expect_like_unknown(text, forms, known);
    EXPECT_GT(known, 30U);
}

TEST(LineForms, ReadWhateverIsMadeOfLinesAsTheParserDoes) {
    Rng rng{23};
    LineForms forms;
    std::size_t known = 0;
    const auto number = [&] {
        std::string text;
        for (std::uint64_t i = 0, digits = rng.below(22); i <= digits; ++i)
            text.push_back(rng.below(12) == 0 ? "-.eixt\" ,=\n"[rng.below(11)]
                                              : static_cast<char>('0' + rng.below(10)));
        return text + (rng.below(3) == 0 ? "i" : "");
    };
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (std::uint64_t line = 0, lines = rng.below(6); line <= lines; ++line)
            text += fmt::format("m,k={} value={},other_value={} {}\n", rng.below(4), number(), number(), number());
        if (rng.below(4) == 0) text.resize(rng.below(text.size() + 1));
        expect_like_unknown(text, forms, known);
    }
    EXPECT_GT(known, 500U);
}

TEST(LineForms, BeginAnewWhenTheyAreFull) {
    LineForms forms;
    const std::string name(4000, 'n');
    LinePoint point;
    for (int i = 0; !forms.full(); ++i) {
        const std::string series = fmt::format("m,{}={}", name, i);
        point.series_text = series;
        point.fields = {{.name = "v"}};
        ASSERT_TRUE(forms.learn(point));
        ASSERT_LT(i, 100'000);
    }
    point.series_text = "m,k=v";
    EXPECT_FALSE(forms.learn(point));
    forms.clear();
    EXPECT_EQ(forms.learn(point), 0U);
    EXPECT_FALSE(forms.learn(point)) << "it is known";
}

TEST(LineParser, TellsBrokenUtf8AndKeepsTheOthers) {
    const Parsed parsed = parse("a x=1\nb\xFF x=1\nc,k=\xC3 x=2\nd t=\"e\xCC\xB6 \xE6\"\n\xE6\xB8\xA9 x=3");
    EXPECT_EQ(parsed.points, (std::vector<std::string>{"1: a x=1 @now", "5: 温 x=3 @now"}));
    EXPECT_EQ(parsed.errors,
              (std::vector<std::string>{"2:2: byte 0xff is not UTF-8 text", "3:5: byte 0xc3 is not UTF-8 text",
                                        "4:10: byte 0xe6 is not UTF-8 text"}));
}

TEST(LineParser, ReadsGoodLines) {
    auto f = [](std::string_view line, const std::string& want) {
        const Parsed parsed = parse(line);
        EXPECT_EQ(parsed.errors, std::vector<std::string>{}) << line;
        EXPECT_EQ(parsed.points, std::vector<std::string>{"1: " + want}) << line;
    };
    f("cpu,host=h1 user=0.5 1700000000000000000", "cpu,host=h1 user=0.5 @1700000000000000000");
    f("cpu user=1", "cpu user=1 @now");
    f("cpu,b=2,a=1 x=1i,y=-3i,z=7u", "cpu,a=1,b=2 x=1i y=-3i z=7i @now");
    f("cpu a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
      "cpu a=true b=true c=true d=true e=true f=false g=false h=false i=false j=false @now");
    f("cpu a=1e3,b=-2.5E-1,c=+4,d=.5,e=-.5,f=1.", "cpu a=1000 b=-0.25 c=4 d=0.5 e=-0.5 f=1 @now");
    f(R"(cpu msg="a b,c=d" 5)", R"(cpu msg="a b,c=d" @5)");
    f(R"(cpu msg="say \"hi\" \\ C:\temp" 5)", R"(cpu msg="say "hi" \ C:\temp" @5)");
    f("cpu msg=\"two\nlines\" 5", "cpu msg=\"two\nlines\" @5");
    f(R"(my\ cpu\,x,a\ b=c\,d\=e f\=g\ h=1)", R"(my cpu,x,a b=c,d=e f=g h=1 @now)");
    f(R"(c\pu,a=b\c x=1)", R"(c\pu,a=b\c x=1 @now)");
    f("weather,location=us-midwest temperature=82 -1", "weather,location=us-midwest temperature=82 @-1");
    f("cpu x=9223372036854775807i,y=-9223372036854775808i", "cpu x=9223372036854775807i y=-9223372036854775808i @now");
    f("温度,车间=一 值=1", "温度,车间=一 值=1 @now");
    f("cpu x=9223372036854775807u,y=0u", "cpu x=9223372036854775807i y=0i @now");
    f("cpu x=1,x=2", "cpu x=1 x=2 @now");  // of two with one name the later one is stored
    f("cpu,host=a\\  x=1", "cpu,host=a  x=1 @now");
    f("cpu,host=a\\,b\\=c\\ d x=1", "cpu,host=a,b=c d x=1 @now");
    f("c=p\\,u,a\\\\b=c x=1", "c=p,u,a\\\\b=c x=1 @now");
    f("cpu,a=\"b\" c\"d=1", "cpu,a=\"b\" c\"d=1 @now");  // quotes mean something around texts alone
    f("cpu a\rb=1\r", "cpu a\rb=1 @now");
    f("cpu x=123456789012345678,y=1234567890123456789,z=-0.0",
      "cpu x=1.2345678901234568e+17 y=1.2345678901234568e+18 z=-0 @now");
    f("cpu=x a=1", "cpu=x a=1 @now");
    f("cpu x=1   7  ", "cpu x=1 @7");
    f(R"(cpu msg="")", R"(cpu msg="" @now)");
}

TEST(LineParser, TellsLineAndColumnOfBadOnes) {
    auto f = [](std::string_view line, const std::string& want) {
        const Parsed parsed = parse(line);
        EXPECT_TRUE(parsed.points.empty()) << line;
        ASSERT_EQ(parsed.errors.size(), 1u) << line;
        EXPECT_EQ(parsed.errors[0], want) << line;
    };
    f("cpu", "1:4: expected a space and at least one field, found the end of the line");
    f(",a=b x=1", "1:1: expected a measurement, found ','");
    f("cpu,a x=1", "1:6: expected '=' after the tag's key \"a\", found a space");
    f("cpu,=b x=1", "1:5: expected the key of a tag, found '='");
    f("cpu,a= x=1", "1:7: the tag \"a\" has no value");
    f("cpu,a=b=c x=1", "1:8: an '=' inside of the value of the tag \"a\" must be written \\=");
    f("cpu,a=b,a=c x=1", "1:1: the tag \"a\" is there twice");
    f("cpu x", "1:6: expected '=' after the field \"x\", found the end of the line");
    f("cpu =1", "1:5: expected the name of a field, found '='");
    f("cpu x=", "1:7: the field \"x\" has no value");
    f("cpu x=abc", "1:7: \"abc\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=1.5i", "1:7: \"1.5i\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=-1u", "1:7: \"-1u\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=nan", "1:7: \"nan\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=NaN", "1:7: \"NaN\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=+Inf", "1:7: \"+Inf\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=18446744073709551615u", "1:7: 18446744073709551615u does not fit 64 bits with a sign");
    f("cpu x=18446744073709551616u", "1:7: 18446744073709551616u does not fit 64 bits with a sign");
    f("cpu x=1i1", "1:7: \"1i1\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=1.2.3", "1:7: \"1.2.3\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=--1", "1:7: \"--1\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=-inf", "1:7: \"-inf\" is no value: expected 1.5, 3i, true, false or \"text\"");
    f("cpu x=1e999", "1:7: 1e999 does not fit a double");
    f("cpu x=9223372036854775808i", "1:7: 9223372036854775808i does not fit 64 bits with a sign");
    f("cpu x=1,", "1:9: expected the name of a field, found the end of the line");
    f("cpu x=\"abc", "1:7: the text that begins here has no closing quote");
    f("cpu x=\"abc\"d", "1:12: expected ',' or a space after a field, found 'd'");
    f("cpu x=1 12x", "1:11: expected a time as a whole number, found 'x'");
    f("cpu x=1 1 2", "1:11: expected a time as a whole number, found '2'");
    f("cpu x=1 99999999999999999999",
      "1:9: the time is outside of the years 1678 to 2262: is the precision of the request right?");
}

TEST(LineParser, KeepsTheGoodLinesAroundBadOnes) {
    const Parsed parsed = parse(
        "# comment\n\na x=1\r\nb x=\n  c x=3\r\nd m=\"1\n2\" 4\ng y=1x,m=\"h\nx=1 y=2\" 3\ni x=9\ne x=\"open\nf x=6");
    EXPECT_EQ(parsed.points, (std::vector<std::string>{"3: a x=1 @now", "5: c x=3 @now", "6: d m=\"1\n2\" @4",
                                                       "10: i x=9 @now", "12: f x=6 @now"}));
    ASSERT_EQ(parsed.errors.size(), 3u);
    EXPECT_TRUE(parsed.errors[0].starts_with("4:5: ")) << parsed.errors[0];
    EXPECT_TRUE(parsed.errors[1].starts_with("8:5: ")) << parsed.errors[1];
    EXPECT_TRUE(parsed.errors[2].starts_with("11:5: ")) << parsed.errors[2];
}

// The quick way to read a number gives the same bits as the slow one.
TEST(LineParser, ReadsEveryNumberExactly) {
    Rng rng{17};
    std::string text;
    std::vector<double> want;
    for (int i = 0; i < 20'000; ++i) {
        const double value = i % 4 == 0   ? rng.normal() * std::pow(10, static_cast<double>(rng.below(30)) - 15)
                             : i % 4 == 1 ? std::round(rng.normal() * 1e5) / 1e3
                             : i % 4 == 2 ? static_cast<double>(rng.next() >> rng.below(64))
                                          : static_cast<double>(rng.next() >> 11) / 1e9;
        want.push_back(value);
        text += i % 3 == 0 ? fmt::format("a x={:.{}f}\n", value, 17) : fmt::format("a x={}\n", value);
        if (i % 3 == 0) want.back() = std::strtod(fmt::format("{:.{}f}", value, 17).c_str(), nullptr);
    }
    std::size_t next = 0;
    LineParser parser;
    parser.parse(
        text, 1,
        [&](const LinePoint& point) {
            EXPECT_EQ(std::bit_cast<std::uint64_t>(point.fields[0].number), std::bit_cast<std::uint64_t>(want.at(next)))
                << want[next];
            ++next;
        },
        [](const LineError& error) { ADD_FAILURE() << error.text; });
    EXPECT_EQ(next, want.size());
}

TEST(LineParser, ScalesTimes) {
    for (const auto& [name, time] : {std::pair{"ns", 7}, {"n", 7}, {"us", 7'000}, {"u", 7'000}, {"ms", 7'000'000}})
        EXPECT_EQ(parse("a x=1 7", *line_precision(name)).points[0], fmt::format("1: a x=1 @{}", time)) << name;
    EXPECT_EQ(parse("a x=1 7", *line_precision("m")).points[0], "1: a x=1 @420000000000");
    EXPECT_EQ(parse("a x=1 -7", *line_precision("h")).points[0], "1: a x=1 @-25200000000000");
    EXPECT_EQ(parse("a x=1 1700000000", *line_precision("s")).points[0], "1: a x=1 @1700000000000000000");
    EXPECT_EQ(parse("a x=1 5", *line_precision("us")).points[0], "1: a x=1 @5000");
    EXPECT_EQ(parse("a x=1 1700000000000000000", *line_precision("s")).errors.size(), 1u);
    EXPECT_FALSE(line_precision("days"));
}

TEST(LineParser, KeepsItsLimits) {
    const LineLimits limits{.line_bytes_max = 20, .labels_max = 1, .fields_max = 2};
    EXPECT_TRUE(
        parse("abcdefghijklmnopqrst x=1\nok x=1", 1, limits).errors[0].ends_with("the line is longer than 20 bytes"));
    EXPECT_EQ(parse("abcdefghijklmnopqrst x=1\nok x=1", 1, limits).points.size(), 1u);
    EXPECT_TRUE(
        parse("a x=1 12345678901234567\nok x=1", 1, limits).errors[0].ends_with("the line is longer than 20 bytes"));
    EXPECT_TRUE(parse("a,b=1,c=2 x=1", 1, limits).errors[0].ends_with("more than 1 tags"));
    EXPECT_TRUE(parse("a x=1,y=1,z=1", 1, limits).errors[0].ends_with("more than 2 fields"));
}

TEST(LineIdentity, IsOneForOneSeries) {
    auto f = [](std::string_view line, const std::string& identity, const std::string& path) {
        LineParser parser;
        parser.parse(
            line, 1,
            [&](const LinePoint& point) {
                EXPECT_EQ(line_identity(point), identity);
                EXPECT_EQ(fmt::format("{}.{}", line_source_path(point), line_property_path(point.fields[0].name)),
                          path);
            },
            [](const LineError& error) { ADD_FAILURE() << error.text; });
    };
    f("cpu,host=h1 user=1", "l:cpu,host=h1", "cpu/h1.user");
    f("cpu,b=2,a=1 user=1", "l:cpu,a=1,b=2", "cpu/1/2.user");
    f("cpu,a=1,b=2 user=1", "l:cpu,a=1,b=2", "cpu/1/2.user");
    f(R"(c.p/u,a=x\,y\=z% us.er=1)", "l:c.p/u,a=x%2Cy%3Dz%25", "c%2Ep%2Fu/x,y=z%25.us%2Eer");
}

TEST(LineIdentity, BecomesALineAgain) {
    auto f = [](std::string_view line) {
        LineParser parser;
        parser.parse(
            line, 1,
            [&](const LinePoint& point) {
                const auto again = line_of_identity(line_identity(point), point.fields[0].name);
                ASSERT_TRUE(again) << line;
                std::string text = *again + "=";
                append_line_value(text, std::string{point.fields[0].text});
                EXPECT_EQ(text, line);
                EXPECT_EQ(line_measurement(line_identity(point)), point.measurement);
            },
            [](const LineError& error) { ADD_FAILURE() << error.text; });
    };
    f(R"(cpu,host=h1 user="a")");
    f(R"(c=p\ u\,x,a\ b=c\,d\=e f\ g="say \"hi\" \\ there")");
    f(R"(温度%2C,a%=b%25 值="")");
    EXPECT_FALSE(line_of_identity("p:plant/a", "x"));
    EXPECT_FALSE(line_of_identity("l:a%0Ab", "x"));
    EXPECT_FALSE(line_of_identity("l:#a", "x"));
    EXPECT_FALSE(line_of_identity("l:a,k=v", "x\\"));
}

TEST(LinePath, BecomesALineThatIsShownThere) {
    auto f = [](std::string_view path, std::string_view want) {
        const auto line = line_of_path(path);
        EXPECT_EQ(line.value_or(""), want) << path;
        if (!line) return;
        LineParser parser;
        parser.parse(
            *line + "=1", 1,
            [&](const LinePoint& point) {
                EXPECT_EQ(fmt::format("{}.{}", line_source_path(point), line_property_path(point.fields[0].name)),
                          path);
            },
            [](const LineError& error) { ADD_FAILURE() << error.text; });
    };
    f("a.x", "a x");
    f("plant/line 1/cnc1.temperature", "plant,l01=line\\ 1,l02=cnc1 temperature");
    f("plant/a%2Fb.x%2Ey", "plant,l01=a/b x.y");
    f("plant/a.motor.speed", "");  // lines show it as motor%2Espeed
    f("plant/a%zz.x", "");
    f("plant", "");
    f("#a/b.x", "");
    f("a/1/2/3/4/5/6/7/8/9/10.x", "a,l01=1,l02=2,l03=3,l04=4,l05=5,l06=6,l07=7,l08=8,l09=9,l10=10 x");
}

// What a writer of lines means must be what the parser reads, whatever characters names and texts have.
TEST(LineParser, ReadsBackRandomPoints) {
    Rng rng{11};
    const auto word = [&] {
        static constexpr std::string_view kCharacters[] = {"a", "b", ",", "=", " ", "\"", "c", "中", "."};
        std::string text;
        for (std::uint64_t i = 1 + rng.below(6); i > 0; --i)
            text.append(kCharacters[rng.below(std::size(kCharacters))]);
        return text;
    };
    const auto escape = [](std::string_view text, std::string_view stops) {
        std::string out;
        for (const char c : text) {
            if (stops.find(c) != std::string_view::npos) out.push_back('\\');
            out.push_back(c);
        }
        return out;
    };
    for (int round = 0; round < 2000; ++round) {
        const std::string measurement = "m" + word(), key = "k" + word(), value = word(), field = "f" + word(),
                          text = word();
        std::string line = fmt::format("{},{}={} {}=\"{}\" {}\n", escape(measurement, ", "), escape(key, ",= "),
                                       escape(value, ",= "), escape(field, ",= "), escape(text, "\"\\"), round);
        int points = 0;
        LineParser parser;
        parser.parse(
            line, 1,
            [&](const LinePoint& point) {
                ++points;
                EXPECT_EQ(point.measurement, measurement);
                EXPECT_EQ(point.labels.at(0).first, key);
                EXPECT_EQ(point.labels.at(0).second, value);
                EXPECT_EQ(point.fields.at(0).name, field);
                EXPECT_EQ(point.fields.at(0).text, text);
                EXPECT_EQ(point.time_ns, round);
            },
            [&](const LineError& error) { ADD_FAILURE() << line << error.text; });
        EXPECT_EQ(points, 1) << line;
    }
}

}  // namespace
}  // namespace gongshu::wire
