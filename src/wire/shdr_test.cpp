#include "wire/shdr.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace gongshu::wire::shdr {
namespace {

// "time@duration [fields]", "* name=value", "asset [fields]", or the error.
std::string read(std::string_view text) {
    const auto line = parse_line(text);
    if (!line) return "! " + line.error().text();
    if (line->kind == Line::Kind::command) return "* " + line->name + "=" + line->value;
    std::string out = line->kind == Line::Kind::asset ? "asset " : "";
    out += line->time == 0 ? "now" : format_time(line->time);
    if (line->duration_s) out += fmt::format("@{}", *line->duration_s);
    for (const std::string& field : line->fields) out += "[" + field + "]";
    return out;
}

TEST(Shdr, Lines) {
    constexpr std::string_view kCases[][2] = {
        {"2009-06-15T00:00:00.000000|power|ON|execution|ACTIVE|Xact|-1.1761875153",
         "2009-06-15T00:00:00Z[power][ON][execution][ACTIVE][Xact][-1.1761875153]"},
        {"2014-09-29T23:59:33.460470Z|htemp|WARNING|HTEMP|1|HIGH|Oil Temperature High",
         "2014-09-29T23:59:33.46047Z[htemp][WARNING][HTEMP][1][HIGH][Oil Temperature High]"},
        {"2014-09-29T23:59:33Z|current|10|100|1 2 3", "2014-09-29T23:59:33Z[current][10][100][1 2 3]"},
        {"2014-09-29T23:59:33Z|device1:current|12|device2:current|11",
         "2014-09-29T23:59:33Z[device1:current][12][device2:current][11]"},
        {"2014-09-29T23:59:33+08:00|line|1", "2014-09-29T15:59:33Z[line][1]"},
        {"2014-09-29T23:59:33.5Z@100.5|pcount|0:DAY", "2014-09-29T23:59:33.5Z@100.5[pcount][0:DAY]"},
        {"|line|412", "now[line][412]"},
        {"1204.25|line|412", "now[line][412]"},
        {"1204@2|line|412", "now@2[line][412]"},
        {" 2014-09-29T23:59:33Z | line | 412 \r", "2014-09-29T23:59:33Z[line][412]"},
        {"|cond|NORMAL||||", "now[cond][NORMAL][][][][]"},
        {"|line|", "now[line][]"},
        {R"(|d|"Text with \| (pipe) character."|line|1)", "now[d][Text with | (pipe) character.][line][1]"},
        {R"(|d|"a \"b\" \\ c" )", R"(now[d][a "b" \ c])"},
        {R"(|d|"not ended|line|1)", R"(now[d]["not ended][line][1])"},
        {R"(|d|"so" it is|line|1)", R"(now[d]["so" it is][line][1])"},
        {R"(|d|C:\nc\1)", R"(now[d][C:\nc\1])"},
        {"|@ASSET@|K1|CuttingTool|--multiline--0FED", "asset now[@ASSET@][K1][CuttingTool][--multiline--0FED]"},
        {"|@REMOVE_ASSET@|K1", "asset now[@REMOVE_ASSET@][K1]"},
        {"|程序|主程序", "now[程序][主程序]"},
        {"* PONG 10000", "* PONG=10000"},
        {"* PING", "* PING="},
        {"*   shdrVersion: 2 ", "* shdrversion=2"},
        {"* description: A lathe: the old one", "* description=A lathe: the old one"},
        {"* adapterVersion", "* adapterversion="},
        {"*", "* ="},
        {"yesterday|line|1",
         "! \"yesterday\" is no time: a line begins with one such as 2026-11-23T08:00:00Z, or with a bar"},
        {"2014-13-29T23:59:33Z|line|1",
         "! \"2014-13-29T23:59:33Z\" is no time: a line begins with one such as 2026-11-23T08:00:00Z, or with a bar"},
        {"2014-09-29T23:59:33Z@soon|line|1", "! \"soon\" is no duration in seconds"},
        {"2014-09-29T23:59:33Z@-1|line|1", "! \"-1\" is no duration in seconds"},
        {"2014-09-29T23:59:33Z", "! there is neither key nor value in it"},
        {"|line", "! key \"line\" has no value"},
        {"||1", "! its first key is empty"},
        {"|line|\x01", "! there are control characters in it: is this an adapter that speaks SHDR?"},
        {"|line|\xb3\xcc", "! it is not UTF-8: choose UTF-8 in the adapter, or texts of ASCII"},
    };
    for (const auto& [text, expected] : kCases) EXPECT_EQ(read(text), expected) << text;
    std::string many;
    for (std::size_t i = 0; i < kFieldsMax; ++i) many += "|1";
    EXPECT_TRUE(parse_line(many));
    EXPECT_EQ(parse_line(many + "|1").error().code(), Code::limit);
}

TEST(Shdr, WhatIsWrittenIsReadAgain) {
    for (const std::string_view text : {"2014-09-29T23:59:33.46Z@1.5|a|1|b|2", R"(|d|"a \| b \" \\ c")",
                                        "|cond|NORMAL||||", "* PONG 10000", "* shdrversion: 2", "|@ASSET@|K1|T|x"})
        EXPECT_EQ(write_line(parse_line(text).value()), text);
}

TEST(Shdr, Keys) {
    EXPECT_EQ(split_key("line"), (Key{"", "line"}));
    EXPECT_EQ(split_key("cnc1:line"), (Key{"cnc1", "line"}));
    EXPECT_EQ(split_key(":line"), (Key{"", "line"}));
    EXPECT_EQ(split_key("a:b:c"), (Key{"a", "b:c"}));
}

TEST(Shdr, Heartbeats) {
    const auto beat = [](std::string_view text) { return heartbeat_of(parse_line(text).value()).value_or(0); };
    EXPECT_EQ(beat("* PONG 10000"), 10 * kSecond);
    EXPECT_EQ(beat("* PONG   250"), 250 * kMillisecond);
    for (const char* wrong : {"* PONG", "* PONG x", "* PONG 0", "* PONG -5", "* PONG 1e300", "* PONG 99999999",
                              "* PING 1000", "* pong: 1000", "|PONG|1000"})
        EXPECT_EQ(beat(wrong), 0) << wrong;
}

TEST(Shdr, Numbers) {
    const auto number = [](std::string_view text) {
        const auto got = parse_number(text);
        return got ? fmt::to_string(*got) : "! " + got.error().text();
    };
    const auto whole = [](std::string_view text) {
        const auto got = parse_integer(text);
        return got ? fmt::to_string(*got) : "! " + got.error().text();
    };
    EXPECT_EQ(number("-1.5e2"), "-150");
    EXPECT_EQ(number("+3"), "3");
    EXPECT_EQ(number("0:DAY"), "0");
    EXPECT_EQ(number("ON"), "! \"ON\" is no number");
    EXPECT_EQ(number(""), "! \"\" is no number");
    EXPECT_EQ(number("1 2"), "! \"1 2\" is no number");
    EXPECT_EQ(number("nan"), "! \"nan\" is no number");
    EXPECT_EQ(number("1e999"), "! \"1e999\" is no number");
    EXPECT_EQ(whole("9007199254740993"), "9007199254740993");
    EXPECT_EQ(whole("12.0"), "12");
    EXPECT_EQ(whole("+7:MANUAL"), "7");
    EXPECT_EQ(whole("1.5"), "! \"1.5\" is no whole number");
    EXPECT_EQ(whole("x"), "! \"x\" is no number");
    EXPECT_EQ(parse_numbers(" 1 -2.5  3 ").value(), (std::vector<double>{1, -2.5, 3}));
    EXPECT_TRUE(parse_numbers("").value().empty());
    EXPECT_EQ(parse_numbers("1 x 3").error().text(), "\"x\" is no number");
    std::string many;
    for (std::size_t i = 0; i <= kSamplesMax; ++i) many += "1 ";
    EXPECT_EQ(parse_numbers(many).error().code(), Code::limit);
}

TEST(Shdr, WordsOfMachines) {
    const auto word = [](std::string_view text) -> std::string {
        const auto said = run_word(text);
        return !said ? "?" : said->is_end ? "no alarm" : std::string(to_string(said->state));
    };
    constexpr std::string_view kCases[][2] = {{"ACTIVE", "run"},
                                              {"active", "run"},
                                              {"READY", "idle"},
                                              {"STOPPED", "idle"},
                                              {"INTERRUPTED", "idle"},
                                              {"FEED_HOLD", "idle"},
                                              {"WAIT", "idle"},
                                              {"OPTIONAL_STOP", "idle"},
                                              {"PROGRAM_STOPPED", "idle"},
                                              {"FAULT", "alarm"},
                                              {"TRIGGERED", "alarm"},
                                              {"PROGRAM_COMPLETED", "idle"},
                                              {"UNAVAILABLE", "off"},
                                              {"NORMAL", "no alarm"},
                                              {"ARMED", "no alarm"},
                                              {"WARNING", "no alarm"},
                                              {"AVAILABLE", "no alarm"},
                                              {"AUTOMATIC", "?"},
                                              {"", "?"},
                                              {"1", "?"}};
    for (const auto& [text, expected] : kCases) EXPECT_EQ(word(text), expected) << text;
    EXPECT_TRUE(is_unavailable("Unavailable"));
    EXPECT_FALSE(is_unavailable("UNAVAILABLE_"));
    EXPECT_TRUE(is_level("Normal"));
    EXPECT_FALSE(is_level("ACTIVE"));
}

TEST(Shdr, Conditions) {
    const auto is = [](std::string_view text) {
        const Line line = parse_line(text).value();
        return looks_like_condition(std::span(line.fields).subspan(1));
    };
    EXPECT_TRUE(is("|c|NORMAL||||"));
    EXPECT_TRUE(is("|c|NORMAL|||||line|4"));
    EXPECT_TRUE(is("|c|FAULT|1|2|HIGH|hot"));
    EXPECT_TRUE(is("|c|UNAVAILABLE||||"));
    EXPECT_FALSE(is("|avail|UNAVAILABLE|exec|UNAVAILABLE|line|4"));
    EXPECT_FALSE(is("|c|FAULT|1|2|HIGH"));
    EXPECT_FALSE(is("|exec|ACTIVE||||"));
}

TEST(Shdr, WhatIsTakenOfAKey) {
    for (const std::string_view word : {"", "run_state", "level", "text", "message_code", "series", "z"})
        EXPECT_EQ(to_string(parse_as(word).value()), word);
    EXPECT_EQ(parse_as("real").error().text(),
              "expected nothing (the value itself), run_state, level, code, severity, qualifier, text, message, "
              "message_code, series, x, y or z, found \"real\"");
    EXPECT_EQ(fields_of(As::value), 1u);
    EXPECT_EQ(fields_of(As::qualifier), 5u);
    EXPECT_EQ(fields_of(As::message), 2u);
    EXPECT_EQ(fields_of(As::series), 3u);
    EXPECT_TRUE(holds(ValueType::boolean, As::value));
    EXPECT_FALSE(holds(ValueType::boolean, As::series));
    EXPECT_FALSE(holds(ValueType::number, As::run_state));
    EXPECT_FALSE(holds(ValueType::text, As::x));
    EXPECT_EQ(parse_keys("cnc1:line", As::value).value(), (std::vector<std::string>{"cnc1:line"}));
    EXPECT_EQ(parse_keys("a, b", As::value).value(), (std::vector<std::string>{"a, b"}));
    EXPECT_EQ(parse_keys("a, b:c ,d", As::run_state).value(), (std::vector<std::string>{"a", "b:c", "d"}));
    for (const char* wrong : {"", " ", "@ASSET@", "a|b", "a,,b", "1,2,3,4,5,6,7,8,9"})
        EXPECT_EQ(parse_keys(wrong, As::run_state).error().code(), Code::invalid) << wrong;
}

// The lines that are cut out of it, in pieces of so many bytes.
std::string cut(Cutter& cutter, std::string_view text, std::size_t piece) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece)
        cutter.feed(as_bytes(text.substr(at, piece)),
                    [&](std::string_view line) { out += "<" + std::string(line) + ">"; });
    return out;
}

TEST(Shdr, CutsLines) {
    constexpr std::string_view kText =
        "|a|1\r\n\n  \n|b|2\n2026-11-23T00:00:00Z|@ASSET@|K1|T|--multiline--0F\n<T>\n|c|3\n--multiline--0\n"
        "--multiline--0F\r\n|d|4\n* device: x--multiline--\n|e|5";
    for (const std::size_t piece : {1u, 3u, 1000u}) {
        Cutter cutter;
        EXPECT_EQ(cut(cutter, kText, piece),
                  "<|a|1><|b|2><2026-11-23T00:00:00Z|@ASSET@|K1|T|--multiline--0F><|d|4><* device: x--multiline-->");
        EXPECT_EQ(cutter.buffered_bytes(), 4u);
        EXPECT_EQ(cut(cutter, "\n", piece), "<|e|5>");
        EXPECT_EQ(cutter.broken(), 0u);
    }
}

TEST(Shdr, BoundsWhatIsKept) {
    Cutter cutter;
    const std::string longest(kLineBytesMax, 'x');
    EXPECT_EQ(cut(cutter, longest + "\n", 1000), "<" + longest + ">");
    EXPECT_EQ(cut(cutter, longest + "y" + longest + "\n|a|1\n", 1000), "<|a|1>");
    EXPECT_EQ(cutter.broken(), 1u);
    EXPECT_EQ(cutter.last_fault(), "a line of more than 65536 bytes");
    EXPECT_EQ(cutter.buffered_bytes(), 0u);
    // An asset with long lines is nobody's fault; one without an end is.
    EXPECT_EQ(cut(cutter, "|@ASSET@|K|T|--multiline--E\n" + longest + longest + "\n--multiline--E\n|b|2\n", 1000),
              "<|@ASSET@|K|T|--multiline--E><|b|2>");
    EXPECT_EQ(cutter.broken(), 1u);
    (void)cut(cutter, "|@ASSET@|K|T|--multiline--F\n", 1000);
    for (std::size_t i = 0; i < kAssetBytesMax / kLineBytesMax; ++i)
        EXPECT_EQ(cut(cutter, longest + "\n", 100'000), "");
    EXPECT_EQ(cut(cutter, "|c|3\n|d|4\n", 1000), "<|c|3><|d|4>");
    EXPECT_EQ(cutter.broken(), 2u);
    EXPECT_EQ(cutter.last_fault(), "an asset of more than 4194304 bytes, or its last line is missing: --multiline--F");
    cut(cutter, "|a", 10);
    cutter.reset();
    EXPECT_EQ(cut(cutter, "|e|5\n", 10), "<|e|5>");
}

}  // namespace
}  // namespace gongshu::wire::shdr
