#include "wire/json_door.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gongshu::wire {
namespace {

std::string shown(const Result<DoorBody>& body) {
    if (!body) return fmt::format("{}: {}", to_string(body.error().code()), body.error().text());
    std::string text;
    for (const DoorReading& r : body->readings) {
        text +=
            fmt::format("{}{}={} {} {}{}", text.empty() ? "" : "; ", r.key, to_string(r.value),
                        to_string(type_of(r.value)), to_string(r.quality), r.time ? fmt::format(" @{}", *r.time) : "");
    }
    for (const DoorFault& fault : body->faults) text += fmt::format("!{}: {}", fault.key, fault.text);
    return text;
}

TEST(JsonDoor, JetLinksTopics) {
    auto f = [](const char* topic, const char* want) {
        static constexpr const char* kNames[] = {"report", "event", "online", "offline", "other"};
        const auto found = parse_jetlinks_topic(topic);
        EXPECT_EQ(found ? fmt::format("{} {}|{}|{}|{}", kNames[static_cast<int>(found->what)], found->product,
                                      found->device, found->child, found->event)
                        : "none",
                  want)
            << topic;
    };
    f("/p/d/properties/report", "report p|d||");
    f("/p/d/properties/read/reply", "report p|d||");
    f("/p/d/properties/write/reply", "report p|d||");
    f("/p/d/properties/write", "other p|d||");
    f("/p/d/event/hot", "event p|d||hot");
    f("/p/d/online", "online p|d||");
    f("/p/g/child/c/offline", "offline p|g|c|");
    f("/p/g/child/c/properties/report", "report p|g|c|");
    f("/p/g/child-reply/c/properties/read/reply", "report p|g|c|");
    f("/p/g/child/c/event/hot", "event p|g|c|hot");
    f("/p/d/function/invoke/reply", "other p|d||");
    f("/p/d/time-sync", "other p|d||");
    for (const char* none : {"", "/", "//", "/p/d", "/p/d/", "p/d/properties/report", "//d/properties/report",
                             "/p//properties/report", "/p/d/properties", "/p/d/properties/report/x", "/p/d/event/",
                             "/p/d/event/a/b", "/p/d/child//online", "/p/d/child/c", "/p/d/child/c/child/e/online"})
        f(none, "none");
}

TEST(JsonDoor, JetLinks) {
    JsonDoor door;
    using enum JetLinksTopic::What;
    auto f = [&](const char* payload, const char* want, JetLinksTopic::What what = report) {
        EXPECT_EQ(shown(door.decode_jetlinks(as_bytes(payload), what, "hot")), want) << payload;
    };
    f(R"({"messageId":"1","timestamp":1700000000000,"properties":{"t":21.5,"on":true,"name":"x"}})",
      "t=21.5 number good @1700000000000000000; on=true boolean good @1700000000000000000; "
      "name=x text good @1700000000000000000");
    f(R"({"properties":{"t":1}})", "t=1 integer good");
    f(R"({"timestamp":0,"properties":{"t":1}})", "t=1 integer good");
    f(R"({"timestamp":null,"properties":{"t":null}})", "");
    f(R"({"timestamp":1700000000000,"properties":{"t":1,"p":2},"propertySourceTimes":{"t":1700000001000}})",
      "t=1 integer good @1700000001000000000; p=2 integer good @1700000000000000000");
    f(R"({"properties":{"gps":{"lat":1.5,"lon":2.5},"phases":[1,2],"s":{"value":3}}})",
      "gps.lat=1.5 number good; gps.lon=2.5 number good; phases.0=1 integer good; phases.1=2 integer good; "
      "s.value=3 integer good");
    f(R"({"success":false,"code":"offline","properties":{"t":1}})", "");
    f(R"({"success":true,"properties":{"t":1}})", "t=1 integer good");
    f(R"({"timestamp":1700000000000})",
      "invalid: field \"properties\": is missing; expected {\"properties\":{\"name\":value}}");
    f(R"({"properties":[1]})", "invalid: field \"properties\": expected an object, found an array");
    f("[]", "invalid: expected an object, found an array");
    f("", "malformed: byte 0: expected a value, found the end");
    f(R"({"timestamp":"x","properties":{}})",
      "malformed: field \"timestamp\": \"x\" is no time; expected RFC 3339 with a zone, as in "
      "2026-03-01T08:00:00+08:00");
    f(R"({"properties":{"t":1},"propertySourceTimes":{"t":true}})",
      "invalid: field \"propertySourceTimes.t\": expected a number or a text as RFC 3339 has it, found a boolean");
    f(R"({"timestamp":1700000000000,"data":{"level":3,"what":"oil"}})",
      "event.hot.level=3 integer good @1700000000000000000; event.hot.what=oil text good @1700000000000000000", event);
    f(R"({"data":95.5})", "event.hot=95.5 number good", event);
    f(R"({"x":1})", "invalid: field \"data\": is missing; expected {\"timestamp\":…,\"data\":…}", event);
    f(R"({"timestamp":1700000000000})", "online=true boolean good @1700000000000000000", online);
    f("", "online=false boolean good", offline);
}

TEST(JsonDoor, Gongshu) {
    JsonDoor door;
    auto f = [&](const char* payload, const char* want) {
        EXPECT_EQ(shown(door.decode_gongshu(as_bytes(payload))), want) << payload;
    };
    f(R"({"temperature":21.5,"running":true,"n":-3,"name":"x"})",
      "temperature=21.5 number good; running=true boolean good; n=-3 integer good; name=x text good");
    f("{}", "");
    f("[]", "");
    f(R"({"a":null})", "");
    f(R"({"a":1.0})", "a=1 number good");
    f(R"({"a":9223372036854775807})", "a=9223372036854775807 integer good");
    f(R"({"a":1e3})", "a=1000 number good");
    f(R"({"ts":1700000000000,"a":1})", "a=1 integer good @1700000000000000000");
    f(R"({"ts":1700000000,"values":{"a":1}})", "a=1 integer good @1700000000000000000");
    f(R"({"ts":1700000000123456,"values":{"a":1}})", "a=1 integer good @1700000000123456000");
    f(R"({"ts":1700000000123456789,"values":{"a":1}})", "a=1 integer good @1700000000123456789");
    f(R"({"ts":"1700000000123456789","values":{"a":1}})", "a=1 integer good @1700000000123456789");
    f(R"({"ts":1700000000.25,"values":{"a":1}})", "a=1 integer good @1700000000250000000");
    f(R"({"ts":"2023-11-14T22:13:20Z","values":{"a":1}})", "a=1 integer good @1700000000000000000");
    f(R"({"values":{"a":1}})", "a=1 integer good");
    f(R"([{"a":1},{"ts":1700000000000,"values":{"a":2}}])", "a=1 integer good; a=2 integer good @1700000000000000000");
    f(R"({"motor":{"temp":1,"x":{"y":true}}})", "motor.temp=1 integer good; motor.x.y=true boolean good");
    f(R"({"phases":[1,2.5]})", "phases.0=1 integer good; phases.1=2.5 number good");
    f(R"({"a":{"value":7,"quality":"bad:sensor","ts":1700000000000}})", "a=7 integer bad:sensor @1700000000000000000");
    f(R"({"a":{"value":null,"quality":"bad:sensor"}})", "a=nan number bad:sensor");
    f(R"({"a":{"value":null}})", "");
    f(R"({"a":{"value":1,"other":2}})", "a.value=1 integer good; a.other=2 integer good");
    f(R"({"t":[{"ts":1700000000000,"value":1},{"ts":1700000001000,"value":2,"quality":"bad"}]})",
      "t=1 integer good @1700000000000000000; t=2 integer bad @1700000001000000000");
    f(R"({"t":[{"ts":1700000000000,"value":1},{"value":2}]})",
      "t.0=1 integer good @1700000000000000000; t.1=2 integer good");
    f(R"({"t":[]})", "");
    f(R"({"ts":[1700000000,1700000001],"values":{"a":[1,2],"m":[{"x":3},{"x":null}]}})",
      "a=1 integer good @1700000000000000000; a=2 integer good @1700000001000000000; "
      "m.x=3 integer good @1700000000000000000");
    f(R"([{"ts":[1700000000],"values":{"a":[1]}},{"a":5}])", "a=1 integer good @1700000000000000000; a=5 integer good");
    f(R"({"ts":[],"values":{"a":[]}})", "");
    f(R"({"ts":[1700000000],"values":{"a":[1,2]}})", "invalid: field \"values.a\": has 2 values for 1 times in \"ts\"");
    f(R"({"ts":[1700000000],"values":{"a":1}})",
      "invalid: field \"values.a\": expected an array of 1 values, as \"ts\" is one, found a number");
    f(R"({"ts":[true],"values":{"a":[1]}})",
      "invalid: field \"ts[0]\": expected a number or a text as RFC 3339 has it, found a boolean");
    f("", "malformed: byte 0: expected a value, found the end");
    f("{\"a\":}", "malformed: byte 5: expected a value, found '}'");
    f("{\"a\":1", "malformed: byte 6: expected ',' or '}', found the end");
    f("{\"a\":01}", "malformed: byte 6: a number may not begin with 0");
    f("no json", "malformed: byte 0: expected a value, found 'n'; text needs quotes");
    f("{'a':1}", "malformed: byte 1: expected a name in quotes, found '''");
    f("21.5", "invalid: expected an object or an array of objects, found a number");
    f("[1]", "invalid: [0]: expected an object, found a number");
    f(R"([{"a":1},{"ts":true,"a":1}])",
      "invalid: [1]: field \"ts\": expected a number or a text as RFC 3339 has it, found a boolean");
    f(R"({"ts":"yesterday","a":1})",
      "malformed: field \"ts\": \"yesterday\" is no time; expected RFC 3339 with a zone, as in "
      "2026-03-01T08:00:00+08:00");
    f(R"({"values":{"a":1},"b":2})",
      "invalid: field \"b\": stands beside \"values\"; expected \"ts\" and \"values\" alone");
    f(R"({"a":{"value":1,"quality":"fine"}})",
      "invalid: field \"a.quality\": \"fine\" is no quality; expected good, uncertain or bad, with a reason after ':'");
    f(R"({"":1})", "invalid: a field has an empty name");
    f(R"({"a":{"":1}})", "invalid: field \"a\": holds an empty name");
    f("{\"a\\u0001\":1}", "invalid: a field's name holds a control character");
}

TEST(JsonDoor, ThingsBoard) {
    JsonDoor door;
    auto f = [&](const char* payload, const char* want) {
        EXPECT_EQ(shown(door.decode_thingsboard(as_bytes(payload))), want) << payload;
    };
    f(R"({"temperature":21.5,"on":false})", "temperature=21.5 number good; on=false boolean good");
    f(R"({"ts":1451649600512,"values":{"k1":"v1","k2":2}})",
      "k1=v1 text good @1451649600512000000; k2=2 integer good @1451649600512000000");
    f(R"([{"ts":1,"values":{"a":1}},{"b":2}])", "a=1 integer good @1000000; b=2 integer good");
    f(R"({"ts":5})", "ts=5 integer good");
    f(R"({"a":{"value":1,"ts":5}})", "a.value=1 integer good; a.ts=5 integer good");
    f(R"({"ts":1700000000000000000,"values":{"a":1}})",
      "limit: field \"ts\": 1700000000000000000 milliseconds since 1970 is outside of the years 1678 to 2262");
}

TEST(JsonDoor, Limits) {
    JsonDoor door{{.bytes_max = 100, .depth_max = 4, .values_max = 3, .key_bytes_max = 8}};
    auto f = [&](const std::string& payload, const char* want) {
        EXPECT_EQ(shown(door.decode_gongshu(as_bytes(payload))), want) << payload;
    };
    f(R"({"a":1,"b":2,"c":3})", "a=1 integer good; b=2 integer good; c=3 integer good");
    f(R"({"a":1,"b":2,"c":3,"d":4})", "limit: field \"d\": more than 3 values in one payload");
    f(R"({"a":{"b":{"c":1}}})", "a.b.c=1 integer good");
    f(R"({"a":{"b":{"c":{"d":1}}}})", "limit: field \"a.b.c.d\": nested deeper than 4");
    f(R"({"123456789":1})", "limit: field \"123456789…\": the name has 9 bytes, at most 8 are taken");
    f(std::string(101, ' '), "limit: the payload has 101 bytes, at most 100 are taken");
}

TEST(JsonDoor, Write) {
    JsonDoor door;
    auto f = [&](const char* body, const char* want) {
        const auto result = door.decode_write(as_bytes(body));
        std::string got;
        if (!result) {
            got = result.error().text();
        } else {
            for (const WriteEntry& e : result->entries) {
                got += fmt::format("{}:{}={} {} {};", e.index, e.tag, to_string(e.value), to_string(e.quality),
                                   e.time.value_or(-1));
            }
            for (const WriteFault& fault : result->faults) got += fmt::format("!{}:{};", fault.index, fault.text);
        }
        EXPECT_EQ(got, want) << body;
    };
    f(R"([{"tag":"a.b","ts":1700000000000,"value":1.5}])", "0:a.b=1.5 good 1700000000000000000;");
    f(R"({"tag":"a.b","value":true,"quality":"uncertain:clock"})", "0:a.b=true uncertain:clock -1;");
    f(R"([{"tag":"a"},{"tag":"b","value":1},{"value":1},7,{"tag":"c","value":[1]},{"tag":"d","value":1,"unit":"m"}])",
      "1:b=1 good -1;!0:value: is missing; only a bad quality goes without;!2:tag: is missing;!3:expected an object, "
      "found a number;"
      "!4:value: expected a number, text or boolean, found an array;!5:unit: not known here; expected tag, ts, value "
      "and quality;");
    f(R"([{"tag":"a","value":null,"quality":"bad:timeout"}])", "0:a=nan bad:timeout -1;");
    f(R"([{"tag":"","value":1},{"tag":5,"value":1},{"tag":"a","value":1,"quality":7},{"tag":"a","value":1,"ts":"x"}])",
      "!0:tag: expected a tag's path, found an empty text;!1:tag: expected a tag's path, found a number;"
      "!2:quality: expected a text such as \"good\" or \"bad:sensor\", found a number;"
      "!3:ts: \"x\" is no time; expected RFC 3339 with a zone, as in 2026-03-01T08:00:00+08:00;");
    f("[", "byte 1: expected a value, found the end");
    f("5", "expected an array of {\"tag\",\"ts\",\"value\",\"quality\"}, found a number");
}

TEST(JsonDoor, NumbersThatDoNotFitAreFaultsOfTheirKey) {
    JsonDoor door;
    auto f = [&](const char* payload, const char* want) {
        EXPECT_EQ(shown(door.decode_gongshu(as_bytes(payload))), want) << payload;
    };
    f(R"({"a":1,"b":1e400,"c":2.5})",
      "a=1 integer good; c=2.5 number good!b: field \"b\": 1e400 is a number that 64 bits do not hold");
    f(R"({"b":-123456789012345678901234567890,"c":"x"})",
      "c=x text good!b: field \"b\": -123456789012345678901234567890 is a number that 64 bits do not hold");
    f(R"({"a":{"value":1E+999,"quality":"good"},"b":[1,1e309]})",
      "b.0=1 integer good!a: field \"a\": 1E+999 is a number that 64 bits do not hold"
      "!b.1: field \"b.1\": 1e309 is a number that 64 bits do not hold");
    f(R"({"a":18446744073709551616,"b":18446744073709551615,"c":-9223372036854775808,"d":1e-400,"e":1e308})",
      "b=1.8446744073709552e+19 number good; c=-9223372036854775808 integer good; d=0 number good; e=1e+308 number good"
      "!a: field \"a\": 18446744073709551616 is a number that 64 bits do not hold");
    f(R"({"ts":1e400,"values":{"a":1}})", "invalid: field \"ts\": 1e400 is a number that 64 bits do not hold");
    f(R"({"a":1e400)", "malformed: byte 10: expected ',' or '}', found the end");
    f("1e400", "invalid: expected an object or an array of objects, found a text");
    const auto body = door.decode_write(as_bytes(
        R"([{"tag":"a","value":1e400},{"tag":"b","value":1},{"tag":"c","value":1,"ts":123456789012345678901234567890}])"));
    ASSERT_TRUE(body) << body.error().text();
    ASSERT_EQ(body->entries.size(), 1u);
    EXPECT_EQ(body->entries[0].tag, "b");
    ASSERT_EQ(body->faults.size(), 2u);
    EXPECT_EQ(body->faults[0].index, 0u);
    EXPECT_EQ(body->faults[0].text, "value: 1e400 is a number that 64 bits do not hold");
    EXPECT_EQ(body->faults[1].text, "ts: 123456789012345678901234567890 is a number that 64 bits do not hold");
}

TEST(JsonDoor, TypesOfNewTags) {
    auto f = [](const Value& value, ValueType want) { EXPECT_EQ(type_of_json(value), want) << to_string(value); };
    f(std::int64_t{21}, ValueType::number);
    f((std::int64_t{1} << 53), ValueType::number);
    f((std::int64_t{1} << 53) + 1, ValueType::integer);
    f(-(std::int64_t{1} << 53) - 1, ValueType::integer);
    f(21.5, ValueType::number);
    f(true, ValueType::boolean);
    f(std::string{"on"}, ValueType::text);
}

TEST(JsonDoor, Times) {
    auto f = [](const char* text, std::int64_t want) {
        const auto time = parse_rfc3339(text);
        ASSERT_TRUE(time.has_value()) << text << ": " << time.error().text();
        EXPECT_EQ(*time, want) << text;
    };
    f("1970-01-01T00:00:00Z", 0);
    f("2023-11-14T22:13:20Z", 1'700'000'000 * kSecond);
    f("2023-11-15T06:13:20+08:00", 1'700'000'000 * kSecond);
    f("2023-11-14t17:43:20.5-04:30", 1'700'000'000 * kSecond + 500'000'000);
    f("2023-11-14 22:13:20.123456789012z", 1'700'000'000 * kSecond + 123'456'789);
    f("1969-12-31T23:59:59.999999999Z", -1);
    f("2016-12-31T23:59:60Z", 1'483'228'799 * kSecond);
    f("2024-02-29T00:00:00Z", 1'709'164'800 * kSecond);
    auto bad = [](const char* text) { EXPECT_FALSE(parse_rfc3339(text).has_value()) << text; };
    bad("");
    bad("2023-11-14");
    bad("2023-11-14T22:13:20");
    bad("2023-11-14T22:13Z");
    bad("2023-13-14T22:13:20Z");
    bad("2023-02-29T22:13:20Z");
    bad("2023-11-14T24:13:20Z");
    bad("2023-11-14T22:13:20.Z");
    bad("2023-11-14T22:13:20+0800");
    bad("2023-11-14T22:13:20Zx");
    bad("0023-11-14T22:13:20Z");
    bad("9999-11-14T22:13:20Z");
    EXPECT_FALSE(time_from_number(INT64_MAX, TimeUnit::us).has_value());
    EXPECT_FALSE(time_from_number(INT64_MIN, TimeUnit::s).has_value());
    EXPECT_EQ(*time_from_number(-1, TimeUnit::ms), -kMillisecond);
}

// JSONTestSuite (Seriot): y_ must be JSON, n_ must not be, i_ is left open. It lies outside of the source tree.
std::filesystem::path corpus_folder() {
    for (const char* up : {"/../shared", "/../../shared"}) {
        const std::filesystem::path folder = std::string(GONGSHU_SOURCE_DIR) + up + "/data/corpora/json/test_parsing";
        if (std::filesystem::is_directory(folder)) return folder;
    }
    return {};
}

TEST(JsonDoor, AgreesWithJsonTestSuite) {
    const auto folder = corpus_folder();
    if (folder.empty()) {
        std::printf("JSONTestSuite is absent: nothing was compared\n");
        return;
    }
    JsonDoor door;
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const std::string name = entry.path().filename();
        const bool fault = json_fault(text).has_value();
        const auto decoded = door.decode_gongshu(as_bytes(text));
        const bool malformed = !decoded && decoded.error().code() == Code::malformed;
        EXPECT_FALSE(name[0] == 'y' && (fault || malformed)) << name << (malformed ? decoded.error().text() : "");
        EXPECT_FALSE(name[0] == 'n' && !(fault && malformed)) << name;
        ++files;
    }
    EXPECT_GT(files, 300);
}

}  // namespace
}  // namespace gongshu::wire
