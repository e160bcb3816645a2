#include "wire/sparkplug.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/rng.h"
#include "wire/proto.h"

namespace gongshu::wire::sparkplug {
namespace {

// A payload as text: "time 5; seq 3; [1 name #7 @9 Int16 value -5 hist]".
std::string told(const Result<Payload>& payload) {
    if (!payload) return payload.error().text();
    std::string text;
    if (payload->time_ms) text += fmt::format("time {}; ", *payload->time_ms);
    if (payload->seq) text += fmt::format("seq {}; ", *payload->seq);
    if (!payload->uuid.empty()) text += fmt::format("uuid {}; ", payload->uuid);
    for (const Metric& metric : payload->metrics) {
        text += fmt::format("[{}", metric.name);
        if (metric.alias) text += fmt::format(" #{}", *metric.alias);
        if (metric.time_ms) text += fmt::format(" @{}", *metric.time_ms);
        if (metric.historical) text += " historical";
        if (metric.transient) text += " transient";
        if (!metric.unit.empty()) text += fmt::format(" in {}", metric.unit);
        if (metric.quality) text += fmt::format(" quality {}", *metric.quality);
        if (metric.null) {
            text += " null]";
            continue;
        }
        const auto value = value_of(metric, static_cast<Type>(metric.datatype.value_or(0)));
        text += value ? fmt::format(" = {}]", gongshu::to_string(*value)) : fmt::format(" ! {}]", value.error().text());
    }
    return text;
}

std::string part(std::uint32_t field, std::string_view bytes) {
    std::string out;
    proto_bytes(out, field, bytes);
    return out;
}
std::string number(std::uint32_t field, std::uint64_t value) {
    std::string out;
    proto_number(out, field, value);
    return out;
}
std::string decoded(std::string_view bytes, const Limits& limits = {}) { return told(decode(as_bytes(bytes), limits)); }
// One metric named m of a type, whose value is what follows.
std::string one(int type, const std::string& value) {
    return decoded(part(2, part(1, "m") + number(4, static_cast<std::uint64_t>(type)) + value));
}

TEST(SparkplugTopic, IsReadAndMade) {
    auto f = [](const char* topic, const char* want) {
        const auto parsed = parse_topic(topic);
        std::string text = parsed ? fmt::format("{} {}|{}|{}|{}", to_string(parsed->message), parsed->group,
                                                parsed->node, parsed->device, parsed->host)
                                  : parsed.error().text();
        EXPECT_EQ(text, want) << topic;
        if (parsed) {
            EXPECT_EQ(make_topic(*parsed), topic);
        }
    };
    f("spBv1.0/G1/NBIRTH/N1", "NBIRTH G1|N1||");
    f("spBv1.0/G1/NDATA/N1", "NDATA G1|N1||");
    f("spBv1.0/G1/NDEATH/N1", "NDEATH G1|N1||");
    f("spBv1.0/G1/NCMD/N1", "NCMD G1|N1||");
    f("spBv1.0/G 1/DBIRTH/N.1/车床 1", "DBIRTH G 1|N.1|车床 1|");
    f("spBv1.0/G1/DDATA/N1/D", "DDATA G1|N1|D|");
    f("spBv1.0/G1/DDEATH/N1/D", "DDEATH G1|N1|D|");
    f("spBv1.0/G1/DCMD/N1/D", "DCMD G1|N1|D|");
    f("spBv1.0/STATE/host", "STATE |||host");
    f("spBv1.0/STATE", "expected spBv1.0/STATE/HOST");
    f("spBv1.0/STATE/a/b", "expected spBv1.0/STATE/HOST");
    f("spBv1.0/G1/STATE/N1",
      "the third level is \"STATE\"; expected NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH, NCMD or DCMD");
    f("spBv1.0/G1", "the third level is \"\"; expected NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH, NCMD or DCMD");
    f("spBv1.0/G1/NBIRTH", "expected spBv1.0/GROUP/NBIRTH/NODE and no further level");
    f("spBv1.0/G1/NBIRTH/N1/D", "expected spBv1.0/GROUP/NBIRTH/NODE and no further level");
    f("spBv1.0/G1/DDATA/N1", "expected spBv1.0/GROUP/DDATA/NODE/DEVICE");
    f("spBv1.0/G1/DDATA/N1/D/x/y/z", "expected spBv1.0/GROUP/DDATA/NODE/DEVICE");
    f("spBv1.0//NDATA/N1", "the group ID is empty");
    f("spBv1.0/G1/NDATA/", "the edge node ID is empty");
    f("spBv1.0/G1/DDATA/N1/", "the device ID is empty");
    f("spBv1.0/STATE/", "the host ID is empty");
    f("spBv1.0/G+/NDATA/N1", "the group ID holds + or #");
    f("spBv1.0/G/NDATA/\xFF", "the edge node ID is not UTF-8 text");
    f("spAv1.0/G1/NDATA/N1", "it does not begin with spBv1.0/");
    EXPECT_EQ(parse_topic("spBv1.0/" + std::string(257, 'g') + "/NDATA/n").error().text(),
              "the group ID has more than 256 bytes");
}

TEST(SparkplugTopic, FiltersOfCommandsNameOneNode) {
    auto f = [](const char* filter, const char* want) {
        const auto topic = parse_command_filter(filter);
        EXPECT_EQ(topic ? fmt::format("{} {}|{}|{}", to_string(topic->message), topic->group, topic->node, topic->device)
                        : "",
                  want)
            << filter;
    };
    f("spBv1.0/G/NCMD/N", "NCMD G|N|");
    f("spBv1.0/G/DCMD/N", "DCMD G|N|");
    f("spBv1.0/G/DCMD/N/D", "DCMD G|N|D");
    for (const char* other : {"spBv1.0/G/NCMD", "spBv1.0/G/NCMD/N/D", "spBv1.0/G/NDATA/N", "spBv1.0/G/DCMD/N/D/E",
                              "spBv1.0/+/NCMD/N", "spBv1.0/G/NCMD/+", "spBv1.0/G/DCMD/N/#", "spBv1.0/G//N", "a/b/c"})
        f(other, "");
}

TEST(SparkplugNames, BecomePartsOfPaths) {
    auto f = [](const char* metric, const char* want) { EXPECT_EQ(property_name(metric), want) << metric; };
    f("Temperature", "Temperature");
    f("Motor 1/Speed", "Motor 1.Speed");
    f("Motor.1/Speed", "Motor%2E1.Speed");
    f("a/b/c", "a.b.c");
    f("/a", "%2Fa");
    f("a/", "a%2F");
    f("a//b", "a%2F%2Fb");
    f("a/b//c", "a.b%2F%2Fc");
    f("100%", "100%25");
    f("why?*", "why%3F%2A");
    f("line\nbreak", "line%0Abreak");
    f("温度/进口", "温度.进口");
    f(".", "%2E");
    EXPECT_EQ(path_part("gw.1"), "gw%2E1");
    EXPECT_EQ(path_part(".."), "%2E%2E");
    EXPECT_EQ(path_part("a b:c"), "a b:c");
}

TEST(SparkplugNames, NoTwoBecomeOne) {
    Rng rng{7};
    std::set<std::string> names, made;
    for (int i = 0; i < 20'000; ++i) {
        std::string name;
        for (std::uint64_t n = 1 + rng.below(6); n > 0; --n) name += "ab/.%2EF*"[rng.below(9)];
        names.insert(name);
    }
    for (const std::string& name : names) {
        made.insert(property_name(name));
        EXPECT_EQ(property_name(name).find('/'), std::string::npos) << name;
    }
    EXPECT_EQ(made.size(), names.size());
}

TEST(SparkplugPayload, ValuesAreWhatTheirTypeSays) {
    auto f = [](int type, const std::string& value, const char* want) {
        EXPECT_EQ(one(type, value), fmt::format("[m{}]", want)) << type;
    };
    const std::uint64_t minus_5_of_32 = 0xFFFF'FFFB, minus_5_of_64 = static_cast<std::uint64_t>(-5);
    f(1, number(10, minus_5_of_32), " = -5");
    f(1, number(10, minus_5_of_64), " = -5");
    f(1, number(10, 0xFB), " = -5");  // only as many bits as the type has
    f(1, number(10, 127), " = 127");
    f(1, number(10, 256), " ! metric 1 (m), byte 10: the number 256 for a metric of type Int8");
    f(2, number(10, 0xFFFF'8000), " = -32768");
    f(2, number(10, 40'000), " = -25536");
    f(2, number(10, 70'000), " ! metric 1 (m), byte 11: the number 70000 for a metric of type Int16");
    f(3, number(10, 0x8000'0000), " = -2147483648");
    f(3, number(11, minus_5_of_64), " = -5");
    f(3, number(11, std::uint64_t{1} << 33),
      " ! metric 1 (m), byte 13: the number 8589934592 for a metric of type Int32");
    f(4, number(11, minus_5_of_64), " = -5");
    f(4, number(11, 1ull << 63), " = -9223372036854775808");
    f(4, number(10, 5), " = 5");
    f(4, number(10, minus_5_of_32),
      " ! metric 1 (m), byte 13: a number in int_value that may be meant with or without a sign for a metric of type "
      "Int64");
    f(5, number(10, 255), " = 255");
    f(5, number(10, 256), " ! metric 1 (m), byte 10: the number 256 for a metric of type UInt8");
    f(6, number(10, 65'535), " = 65535");
    f(7, number(10, 0xFFFF'FFFF), " = 4294967295");
    f(7, number(11, 0xFFFF'FFFF), " = 4294967295");
    f(8, number(11, 1ull << 62), " = 4611686018427387904");
    f(8, number(11, 1ull << 63),
      " ! metric 1 (m), byte 18: the number 9223372036854775808, which is more than a tag keeps (2^63-1), for a metric "
      "of type UInt64");
    f(10, number(10, 1), " ! metric 1 (m), byte 9: neither float_value nor double_value for a metric of type Double");
    f(11, number(14, 1), " = true");
    f(11, number(14, 0), " = false");
    f(11, number(10, 1), " ! metric 1 (m), byte 9: no boolean_value for a metric of type Boolean");
    f(12, part(15, "on \"line\""), " = on \"line\"");
    f(12, part(15, "\xFF"), " ! metric 1 (m), byte 10: text that is not UTF-8 for a metric of type String");
    f(13, number(11, 1'700'000'000'250), " = 2023-11-14T22:13:20.25Z");
    f(13, number(11, 1ull << 62),
      " ! metric 1 (m), byte 17: 4611686018427387904 ms, which is after the year 2262 or before 1678, for a metric of "
      "type DateTime");
    f(14, part(15, ""), " = ");
    f(15, part(15, "6e0e0ba8"), " = 6e0e0ba8");
    f(15, "", " ! metric 1 (m), byte 0: no string_value for a metric of type UUID");
    f(17, part(16, "\x01\x02"), " ! metric 1 (m): a tag keeps single values, no Bytes");
    f(16, part(17, ""), " ! metric 1 (m): a tag keeps single values, no DataSet");
    f(22, part(16, "\x01\x02"), " ! metric 1 (m): a tag keeps single values, no Int8Array");
    f(77, "", " ! metric 1 (m): a tag keeps single values, no type 77");
    f(0, "", " ! metric 1 (m): the birth says no datatype");
    std::string real;
    proto_varint(real, 12 << 3 | 5);
    real += std::string("\x9A\x99\xA9\x41", 4);  // 21.2f
    f(9, real, " = 21.2");
    real.clear();
    proto_real(real, 13, -0.1);
    f(10, real, " = -0.1");
    f(9, real, " = -0.1");
}

TEST(SparkplugPayload, AllFieldsAreRead) {
    const std::string set = part(1, "engUnit") + part(2, number(1, 12) + part(8, "degC")) + part(1, "Quality") +
                            part(2, number(1, 3) + number(3, 192)) + part(1, "limits") +
                            part(2, number(1, 20) + part(9, part(1, "engUnit") + part(2, part(8, "no"))));
    const std::string metric = part(1, "a/b") + number(2, 7) + number(3, 1000) + number(4, 3) + number(5, 1) +
                               number(6, 1) + part(8, part(6, "metadata")) + part(9, set) + number(10, 42);
    EXPECT_EQ(decoded(number(1, 5) + part(2, metric) + part(2, number(2, 9) + number(7, 1)) + number(3, 255) +
                      part(4, "u") + part(5, "body") + part(9, "extension")),
              "time 5; seq 255; uuid u; [a/b #7 @1000 historical transient in degC quality 192 = 42][ #9 null]");
    EXPECT_EQ(decoded(""), "");
    for (const char* key : {"Engineering Units", "engUnits", "EngUnit", "engineering_unit"})
        EXPECT_EQ(decoded(part(
                      2, part(1, "m") + number(4, 3) + part(9, part(1, key) + part(2, part(8, "V"))) + number(10, 1))),
                  "[m in V = 1]")
            << key;
}

TEST(SparkplugPayload, WhatIsNoneIsToldWithItsPlace) {
    auto f = [](const std::string& bytes, const char* want) {
        EXPECT_EQ(decoded(bytes), want) << to_hex(as_bytes(bytes));
    };
    f("\x08", "byte 1: a field is cut off or of no known kind");
    f("{\"temp\": 1}", "byte 1: a field is cut off or of no known kind");
    f(part(1, "x"), "byte 3: field 1 of the payload is of another kind than Sparkplug B says");
    f(number(2, 1), "byte 2: field 2 of the payload is of another kind than Sparkplug B says");
    const std::string good = part(2, part(1, "good"));
    f(good + part(2, part(1, "b") + "\x18"), "metric 2 (b), byte 14: a field is cut off or of no known kind");
    f(good + part(2, part(1, "b") + number(9, 3)),
      "metric 2 (b), byte 15: field 9 of the metric is of another kind than Sparkplug B says");
    f(part(2, part(1, "\xC3")), "metric 1, byte 5: the name is not UTF-8 text");
    f(part(2, part(1, "m") + part(10, "x")),
      "metric 1 (m), byte 8: field 10 of the metric is of another kind than Sparkplug B says");
    f(part(2, part(9, part(1, "k"))), "metric 1, byte 7: 1 names of properties and 0 values");
    EXPECT_EQ(decoded(part(2, part(1, std::string(6, 'n'))), {.name_bytes_max = 5}),
              "metric 1, byte 10: the name has more than 5 bytes");
    EXPECT_EQ(decoded(good + good + good, {.metrics_max = 2}), "more than 2 metrics in one message: send several");
    std::string deep = part(1, "k") + part(2, part(8, "v"));
    for (int i = 0; i < 9; ++i) deep = part(1, "k") + part(2, part(9, deep));
    EXPECT_NE(decoded(part(2, part(9, deep))).find("more than 8 sets of properties in one another"), std::string::npos);
    deep = part(1, "k") + part(2, part(10, part(1, part(1, "k") + part(2, part(8, "v")))));
    EXPECT_EQ(decoded(part(2, part(9, deep)), {.depth_max = 2}), "[ ! metric 1: the birth says no datatype]");
    std::string many;
    for (int i = 0; i < 4; ++i) many += part(1, "k") + part(2, "");
    EXPECT_NE(decoded(part(2, part(9, many)), {.properties_max = 3}).find("more than 3 properties"), std::string::npos);
    const std::string long_text = part(2, part(1, "m") + part(15, "long"));
    const auto payload = decode(as_bytes(long_text));
    ASSERT_TRUE(payload);
    EXPECT_EQ(value_of(payload->metrics[0], Type::text, {.text_bytes_max = 3}).error().text(),
              "metric 1 (m), byte 11: a text of more than 3 bytes");
}

Value random_value(Rng& rng, Type type) {
    const std::uint64_t bits = rng.next() >> rng.below(64);
    switch (type) {
        case Type::real32:
            return static_cast<double>(static_cast<float>(static_cast<double>(rng.below(2'000'000)) - 1e6) / 8);
        case Type::real64:
            return static_cast<double>(bits) / 7;
        case Type::boolean:
            return rng.below(2) == 1;
        case Type::int8:
            return std::int64_t{static_cast<std::int8_t>(bits)};
        case Type::int16:
            return std::int64_t{static_cast<std::int16_t>(bits)};
        case Type::int32:
            return std::int64_t{static_cast<std::int32_t>(bits)};
        case Type::int64:
            return static_cast<std::int64_t>(bits);
        case Type::uint8:
            return std::int64_t{static_cast<std::uint8_t>(bits)};
        case Type::uint16:
            return std::int64_t{static_cast<std::uint16_t>(bits)};
        case Type::uint32:
            return std::int64_t{static_cast<std::uint32_t>(bits)};
        case Type::uint64:
            return static_cast<std::int64_t>(bits >> 1);
        default:
            return std::string(rng.below(20), 'x') + "é";
    }
}

TEST(SparkplugPayload, WhatIsWrittenIsReadBack) {
    Rng rng{11};
    constexpr Type kTypes[] = {Type::int8,    Type::int16,  Type::int32,  Type::int64,  Type::uint8,
                               Type::uint16,  Type::uint32, Type::uint64, Type::real32, Type::real64,
                               Type::boolean, Type::string, Type::text,   Type::uuid};
    for (int round = 0; round < 500; ++round) {
        Payload payload{.time_ms = static_cast<std::int64_t>(rng.below(1ull << 45)), .seq = rng.below(256)};
        std::vector<Value> values;
        std::vector<std::string> names;
        const std::size_t count = rng.below(20);
        values.reserve(count);
        names.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const Type type = kTypes[rng.below(std::size(kTypes))];
            Metric metric{.index = i, .datatype = static_cast<std::uint32_t>(type), .historical = rng.below(2) == 1};
            names.push_back(fmt::format("m{}", i));
            if (rng.below(2) == 1) metric.name = names.back();
            if (metric.name.empty()) metric.alias = rng.next();
            values.push_back(random_value(rng, type));
            metric.null = rng.below(10) == 0;
            const auto raw = raw_of(values.back(), type);
            ASSERT_TRUE(raw) << raw.error().text();
            if (!metric.null) metric.value = *raw;
            payload.metrics.push_back(metric);
        }
        const std::string bytes = encode(payload);
        const auto again = decode(as_bytes(bytes));
        ASSERT_TRUE(again) << again.error().text();
        ASSERT_EQ(again->metrics.size(), count);
        EXPECT_EQ(again->seq, payload.seq);
        for (std::size_t i = 0; i < count; ++i) {
            const Metric& metric = again->metrics[i];
            EXPECT_EQ(metric.name, payload.metrics[i].name);
            EXPECT_EQ(metric.alias, payload.metrics[i].alias);
            EXPECT_EQ(metric.historical, payload.metrics[i].historical);
            EXPECT_EQ(metric.null, payload.metrics[i].null);
            if (metric.null) continue;
            const auto value = value_of(metric, static_cast<Type>(*metric.datatype));
            ASSERT_TRUE(value) << value.error().text();
            EXPECT_TRUE(*value == values[i]) << gongshu::to_string(*value) << " " << gongshu::to_string(values[i]);
        }
        EXPECT_EQ(encode(*again), bytes);
    }
}

TEST(SparkplugPayload, ValuesThatDoNotFitAreNotWritten) {
    auto f = [](Value value, Type type, const char* want) {
        const auto raw = raw_of(value, type);
        EXPECT_EQ(raw ? "fits" : raw.error().text(), want);
    };
    f(std::int64_t{127}, Type::int8, "fits");
    f(std::int64_t{128}, Type::int8, "128 is no value of type Int8");
    f(std::int64_t{-1}, Type::uint8, "-1 is no value of type UInt8");
    f(std::int64_t{-1}, Type::uint64, "-1 is no value of type UInt64");
    f(4294967296, Type::uint32, "4294967296 is no value of type UInt32");
    f(1.5, Type::int32, "1.5 is no value of type Int32");
    f(std::string("x"), Type::boolean, "x is no value of type Boolean");
    f(true, Type::string, "true is no value of type String");
    f(true, Type::data_set, "true is no value of type DataSet");
}

}  // namespace
}  // namespace gongshu::wire::sparkplug
