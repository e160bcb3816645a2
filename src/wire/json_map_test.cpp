#include "wire/json_map.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace gongshu::wire {
namespace {

std::string shown(const Result<MapBody>& body) {
    if (!body) return fmt::format("{}: {}", to_string(body.error().code()), body.error().text());
    if (body->skipped) return "skipped";
    std::string text;
    for (const MapRow& row : body->rows) {
        text += fmt::format("{}{}={} {} {}{}", text.empty() ? "" : "; ", row.tag, to_string(row.value),
                            to_string(type_of(row.value)), to_string(row.quality),
                            row.time ? fmt::format(" @{}", *row.time / kMillisecond) : "");
    }
    for (const std::string& fault : body->faults) text += "!" + fault;
    return text;
}

// Of topic factory/l1/m7/data against factory/{line}/{dev}/data, sent by the device site/gw.
std::string run(const MapSpec& with, std::string_view payload) {
    MapSpec spec = with;
    spec.captures = {"line", "dev"};
    const auto map = JsonMap::create(spec);
    if (!map) return "spec " + map.error().text();
    return shown(JsonMapper{}.run(**map, as_bytes(payload), {.captures = {"l1", "m7"}, .device = "site/gw"}));
}

TEST(JsonMap, TakesMembersElementsAndEverythingBeneath) {
    auto f = [](MapTake take, std::string_view payload, const char* want) {
        EXPECT_EQ(run({.takes = {take}}, payload), want) << take.value << " " << payload;
    };
    f({.value = "$.temp", .tag = "s/{line}/{dev}.temp"}, R"({"temp":21.5})", "s/l1/m7.temp=21.5 number good");
    f({.value = "$.a.b[1].c", .tag = "x.y"}, R"({"a":{"b":[{},{"c":true}]}})", "x.y=true boolean good");
    f({.value = "$['temp 1']", .tag = "x.y"}, R"({"temp 1":"ok"})", "x.y=ok text good");
    f({.value = "$.温度", .tag = "一厂/炉.温度"}, R"({"温度":1})", "一厂/炉.温度=1 integer good");
    f({.value = "$.*", .tag = "{device}.{key}"}, R"({"a":1,"b":null,"c":"x"})",
      "site/gw.a=1 integer good; site/gw.c=x text good");
    f({.value = "$.**", .tag = "m.{key}"}, R"({"a":{"b":1,"c":[2,{"d":3}]},"e":4})",
      "m.a.b=1 integer good; m.a.c.0=2 integer good; m.a.c.1.d=3 integer good; m.e=4 integer good");
    f({.value = "$.data[*].v", .tag = "m/{$.data[*].n}.v", .time = "$.data[*].ts"},
      R"({"data":[{"n":"a","v":1,"ts":1700000000},{"n":"b","v":2,"ts":1700000001000}]})",
      "m/a.v=1 integer good @1700000000000; m/b.v=2 integer good @1700000001000");
    f({.value = "$.data[*].values.*", .tag = "m.{key}{key1}", .time = "$.data[*].ts"},
      R"({"data":[{"ts":1700000000,"values":{"a":1,"b":2}},{"values":{"a":3}}]})",
      "m.a0=1 integer good @1700000000000; m.b0=2 integer good @1700000000000; m.a1=3 integer good");
    f({.value = "$[*].*", .tag = "m.{key}", .time = "$[*].ts"}, R"([{"ts":1700000000,"a":1},{"ts":1700000001,"a":2}])",
      "m.a=1 integer good @1700000000000; m.a=2 integer good @1700000001000");
    f({.value = "$.*.v", .tag = "m/{key}.v"}, R"({"a":{"v":1},"b":{"v":2},"c":{}})",
      "m/a.v=1 integer good; m/b.v=2 integer good");
    f({.value = "$.*", .tag = "m/{$.dev}.{key}", .quality = "$.q", .only_if = "$.kind == 'data'"},
      R"({"dev":7,"q":"bad:sensor","kind":"data","t":1})", "m/7.t=1 integer bad:sensor");
    f({.value = "$.d[*]", .tag = "m.p{key}"}, R"({"d":[]})", "");
    f({.value = "$.t", .tag = "m.t"}, R"({"t":null})", "");
}

TEST(JsonMap, TurnsValuesIntoWhatIsWanted) {
    auto f = [](MapTake take, std::string_view payload, const char* want) {
        take.value = "$.v";
        take.tag = "t";
        EXPECT_EQ(run({.takes = {take}}, fmt::format(R"({{"v":{}}})", payload)), want) << payload;
    };
    f({.scale = 0.5, .offset = 1}, "21", "t=11.5 number good");
    f({.scale = 0.5}, "true", "t=true boolean good");
    f({.scale = 0.5}, "\"x\"",
      "!$.v: expected a number, which scale and offset need, found \"x\"; change the field type, or test it with "
      "only_if");
    f({.type = ValueType::number}, "\" 21.5 \"", "t=21.5 number good");
    f({.type = ValueType::number}, "true", "t=1 number good");
    f({.type = ValueType::number}, "\"21,5\"",
      "!$.v: expected a number, found \"21,5\"; change the field type, or test it with only_if");
    f({.type = ValueType::integer}, "9223372036854775807", "t=9223372036854775807 integer good");
    f({.type = ValueType::integer}, "\"7\"", "t=7 integer good");
    f({.type = ValueType::integer, .scale = 10}, "0.5", "t=5 integer good");
    f({.type = ValueType::integer}, "0.5",
      "!$.v: expected a whole number, found \"0.5\"; change the field type, or test it with only_if");
    f({.type = ValueType::boolean}, "\"ON\"", "t=true boolean good");
    f({.type = ValueType::boolean}, "0", "t=false boolean good");
    f({.type = ValueType::boolean}, "2",
      "!$.v: expected true, false, on, off, 1 or 0, found \"2\"; change the field type, or test it with only_if");
    f({.type = ValueType::text}, "21.5", "t=21.5 text good");
    f({.type = ValueType::text}, "false", "t=false text good");
    f({}, "[1]",
      "!$.v: expected a number, text or boolean, found an array; end the path of the value with .* or .** to take what "
      "is "
      "in it");
    f({}, "1e400", "!$.v: 1e400 is a number that 64 bits do not hold");
}

TEST(JsonMap, TimesAndQualities) {
    auto f = [](MapSpec spec, std::string_view payload, const char* want) {
        spec.takes = {{.value = "$.v", .tag = "t", .quality = "$.q"}};
        spec.time = "$.ts";
        EXPECT_EQ(run(spec, payload), want) << payload;
    };
    const auto east = [](std::int64_t local) -> std::optional<std::int64_t> {
        return local == 0 ? std::nullopt : std::optional{local - 8 * 3600};
    };
    f({}, R"({"v":1,"ts":1700000000000})", "t=1 integer good @1700000000000");
    f({.time_unit = TimeUnit::s}, R"({"v":1,"ts":"1700000000"})", "t=1 integer good @1700000000000");
    f({.time_unit = TimeUnit::ns}, R"({"v":1,"ts":1700000000000000000})", "t=1 integer good @1700000000000");
    f({}, R"({"v":1,"ts":"2023-11-14T22:13:20Z"})", "t=1 integer good @1700000000000");
    f({.zone = east}, R"({"v":1,"ts":"2023-11-15 06:13:20.5"})", "t=1 integer good @1700000000500");
    f({.zone = east}, R"({"v":1,"ts":"2023/11/15 06:13"})", "t=1 integer good @1699999980000");
    f({.zone = east}, R"({"v":1,"ts":"2023-11-14T22:13:20Z"})", "t=1 integer good @1700000000000");
    f({.zone = east}, R"({"v":1,"ts":"1970-01-01 00:00:00"})",
      "!$.ts (time of $.v): \"1970-01-01 00:00:00\" never was on a clock there");
    f({}, R"({"v":1,"ts":"yesterday"})",
      "!$.ts (time of $.v): \"yesterday\" is no time; expected RFC 3339 with a zone, as in 2026-03-01T08:00:00+08:00");
    f({}, R"({"v":1,"ts":null})", "t=1 integer good");
    f({}, R"({"v":1,"q":192})", "t=1 integer good");
    f({}, R"({"v":1,"q":64})", "t=1 integer uncertain");
    f({}, R"({"v":1,"q":"BAD"})", "t=1 integer bad");
    f({}, R"({"v":1,"q":false})", "t=1 integer bad");
    f({}, R"({"v":1,"q":"so so"})",
      "!$.q (quality of $.v): \"so so\" is no quality; expected good, uncertain or bad, with a reason after ':'");
    f({}, R"({"v":1,"q":999})",
      "!$.q (quality of $.v): expected 0 to 255 as OPC has it, or a text such as \"bad:sensor\", found 999");
}

TEST(JsonMap, Tests) {
    auto f = [](const char* only_if, std::string_view payload, bool want) {
        const std::string found = run({.only_if = only_if, .takes = {{.value = "$.v", .tag = "t"}}}, payload);
        EXPECT_EQ(found, want ? "t=1 integer good" : "skipped") << only_if << " " << payload;
    };
    f("$.a", R"({"v":1,"a":0})", true);
    f("$.a", R"({"v":1,"a":false})", false);
    f("$.a", R"({"v":1,"a":null})", false);
    f("$.a", R"({"v":1})", false);
    f("$.a == 'x'", R"({"v":1,"a":"x"})", true);
    f("$.a == \"x\"", R"({"v":1,"a":1})", false);
    f("$.a != 'x'", R"({"v":1,"a":1})", true);
    f("$.a != 'x'", R"({"v":1})", true);
    f("$.a == null", R"({"v":1})", true);
    f("$.a != null", R"({"v":1,"a":0})", true);
    f("$.a > 3 and $.a <= 5.5 and $.b == true", R"({"v":1,"a":5,"b":true})", true);
    f("$.a > 3 and $.a <= 5.5", R"({"v":1,"a":6})", false);
    f("$.a < 'b'", R"({"v":1,"a":"a"})", true);
    f("$.a >= 1", R"({"v":1,"a":"2"})", false);
}

TEST(JsonMap, OtherFormats) {
    auto f = [](MapFormat format, std::string_view payload, const char* want) {
        EXPECT_EQ(run({.format = format, .takes = {{.value = "$", .tag = "t"}}}, payload), want) << payload;
    };
    f(MapFormat::number, " 21.5\n", "t=21.5 number good");
    f(MapFormat::number, "-3", "t=-3 integer good");
    f(MapFormat::number, "1e3", "t=1000 integer good");
    f(MapFormat::number, "21,5", "malformed: expected one number such as 21.5, found \"21,5\"");
    f(MapFormat::number, "", "malformed: expected one number such as 21.5, found \"\"");
    f(MapFormat::number, "nan", "malformed: expected one number such as 21.5, found \"nan\"");
    f(MapFormat::text, "a \"b\"\n\\", "t=a \"b\"\n\\ text good");
    f(MapFormat::text, "\xff", "malformed: the payload is no text in UTF-8");
    f(MapFormat::json, "21.5", "t=21.5 number good");
}

TEST(JsonMap, SaysWhatIsThereInstead) {
    auto f = [](const char* value, std::string_view payload, const char* want) {
        EXPECT_EQ(run({.takes = {{.value = value, .tag = "t"}}}, payload), want) << value << " " << payload;
    };
    f("$.temp", R"({"temperature":1,"n":2})",
      "invalid: $: expected a member \"temp\", found an object with temperature, n; look at the payload and correct "
      "take[0].value");
    f("$.data[*].v", R"({"data":{"v":1}})",
      "invalid: $.data: expected an array, found an object with v; look at the payload and correct take[0].value");
    f("$[3]", "[1]",
      "invalid: $: expected an array with an element 3, found an array; look at the payload and correct take[0].value");
    f("$.a.b", R"({"a":7})",
      "invalid: $.a: expected a member \"b\", found a number; look at the payload and correct take[0].value");
    f("$.**", "5",
      "invalid: $: expected an object or an array, found a number; look at the payload and correct take[0].value");
    f("$.a", "{\"a\":", "malformed: byte 5: expected a value, found the end");
    f("$.a", "", "malformed: byte 0: expected a value, found the end");
    f("$.a.**", "{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}",
      "limit: $.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0: nested deeper than 16");
}

TEST(JsonMap, SpecsThatCannotBe) {
    auto f = [](MapSpec spec, const char* want) { EXPECT_EQ(run(spec, "{}"), fmt::format("spec {}", want)); };
    auto take = [](const char* value, const char* tag) { return MapSpec{.takes = {{.value = value, .tag = tag}}}; };
    f({}, "take: expected at least one thing to take, found none");
    f(take("temp", "t"), "take[0].value: column 1: expected $, the whole message, found \"temp\"");
    f(take("$.", "t"), "take[0].value: column 3: expected the name of a member after the dot, * or **, found the end");
    f(take("$.a b", "t"), "take[0].value: column 4: expected . or [ or the end, found \" b\"");
    f(take("$[x]", "t"), "take[0].value: column 3: expected a number, * or a name in quotes after [, found \"x]\"");
    f(take("$.**.a", "t"),
      "take[0].value: column 5: .** takes all beneath, so that nothing may follow it, found \".a\"");
    f(take("$.a", ""), "take[0].tag: expected the path of a tag, found nothing");
    f(take("$.a", "x{y}"),
      "take[0].tag: {y}: not known; expected {line}, {dev}, {key}, {device} or a place such as {$.dev}");
    f(take("$.a", "x.{key}"),
      "take[0].tag: {key}: the path of the value has 0 wildcards; end it with .* or .** or use [*]");
    f(take("$.a", "x{line"), "take[0].tag: \"{line\": a brace without its other one");
    f({.takes = {{.value = "$.a[*].v", .tag = "t", .time = "$.b[*].ts"}}},
      "take[0].time: $.b[*].ts: its wildcards must be those of the value's path $.a[*].v, step by step, so that both "
      "speak of the same element");
    f({.takes = {{.value = "$.a", .tag = "t", .scale = 0}}}, "take[0].scale: expected a number other than 0");
    f({.only_if = "$.a = 3", .takes = {{.value = "$.a", .tag = "t"}}},
      "only_if: column 5: expected \"and\", == != < <= > >= or the end, found \"= 3\"");
    f({.only_if = "$.a == x", .takes = {{.value = "$.a", .tag = "t"}}},
      "only_if: column 8: expected a number, true, false, null or a text in quotes, found \"x\"");
}

TEST(JsonMap, Limits) {
    JsonMapper mapper{{.bytes_max = 100, .rows_max = 3, .faults_max = 2}};
    const auto map = JsonMap::create({.takes = {{.value = "$[*]", .tag = "t{key}"}}});
    ASSERT_TRUE(map);
    EXPECT_EQ(shown(mapper.run(**map, as_bytes("[1,2,3,4]"), {})), "limit: $[3]: more than 3 values in one message");
    EXPECT_EQ(shown(mapper.run(**map, as_bytes(std::string(101, ' ')), {})),
              "limit: the payload has 101 bytes, at most 100 are taken");
    const auto faults = mapper.run(**map, as_bytes("[[],[],[],1]"), {});
    ASSERT_TRUE(faults);
    EXPECT_EQ(faults->faults.size(), 2u);
    EXPECT_EQ(faults->more_faults, 1u);
    const auto places = mapper.run(**map, as_bytes("[1,2]"), {.want_places = true});
    ASSERT_TRUE(places);
    EXPECT_EQ(places->rows[1].place, "$[1]");
    const auto device = JsonMap::create({.takes = {{.value = "$", .tag = "{device}.v"}}});
    EXPECT_NE(shown(mapper.run(**device, as_bytes("1"), {})).find("the sender is none"), std::string::npos);
}

TEST(TopicPattern, MatchesAsMqttDoes) {
    auto f = [](const char* pattern, const char* topic, const char* want) {
        const auto made = parse_topic_pattern(pattern);
        ASSERT_TRUE(made) << pattern << ": " << made.error().text();
        std::vector<std::string_view> captures;
        const bool matches = made->matches(topic, captures);
        EXPECT_EQ(matches ? fmt::format("{}", fmt::join(captures, ",")) : "no", want) << pattern << " " << topic;
    };
    f("factory/{line}/+/data", "factory/l1/m1/data", "l1");
    f("factory/{line}/+/data", "factory/l1/data", "no");
    f("factory/{line}/+/data", "factory/l1/m1/data/x", "no");
    f("a/{b}/#", "a/1", "1");
    f("a/{b}/#", "a/1/2/3", "1");
    f("{a}/{b}", "x/", "x,");
    f("#", "$SYS/x", "no");
    f("+/x", "$SYS/x", "no");
    f("/{p}/{d}/up", "/p/d/up", "p,d");
    auto g = [](const char* pattern, const char* want) {
        const auto made = parse_topic_pattern(pattern);
        EXPECT_EQ(made ? made->filter : made.error().text().substr(0, std::string_view(want).size()), want) << pattern;
    };
    g("a/{b}/c", "a/+/c");
    g("a/#/b", "\"a/#/b\" is no topic filter");
    g("", "\"\" is no topic filter");
    g("$SYS/#", "\"$SYS/#\" is no topic filter");
    g("a/x{b}", "level \"x{b}\": a name in braces stands for a whole level");
    g("a/{b}/{b}", "level \"{b}\": the name is there already");
    g("a/{key}", "level \"{key}\": {key} has a meaning of its own");
    g("a/{1}", "level \"{1}\": a name is letters, digits and _");
    EXPECT_GT(parse_topic_pattern("a/b/+")->precision(), parse_topic_pattern("a/+/c")->precision());
    EXPECT_GT(parse_topic_pattern("a/{b}")->precision(), parse_topic_pattern("a/#")->precision());
    EXPECT_GT(parse_topic_pattern("a")->precision(), parse_topic_pattern("#")->precision());
}

}  // namespace
}  // namespace gongshu::wire
