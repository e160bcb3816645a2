#include "wire/prom.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gongshu::wire {
namespace {

struct Read {
    std::vector<std::string> series, faults;
    bool whole = false;
};

Read read(std::string_view message, PromLimits limits = {}) {
    Read read;
    const auto decoded = decode_prom_write(
        as_bytes(message), limits,
        [&](const PromSeries& series) {
            std::string text = fmt::format("{}: {}", series.index, series.name);
            for (const auto& [name, value] : series.labels) text += fmt::format(",{}={}", name, value);
            for (const PromSample& sample : series.samples)
                text += fmt::format(" {}@{}", is_prom_stale(sample.value) ? "stale" : fmt::format("{}", sample.value),
                                    sample.time_ms);
            if (series.histograms > 0) text += fmt::format(" {} histograms", series.histograms);
            read.series.push_back(std::move(text));
        },
        [&](PromFault fault) { read.faults.push_back(fmt::format("{}: {}", fault.index, fault.text)); });
    read.whole = decoded.has_value();
    return read;
}

std::string series(const PromLabels& labels, const std::vector<PromSample>& samples) {
    std::string message;
    append_prom_series(message, labels, samples);
    return message;
}

TEST(PromWrite, ReadsSeries) {
    const std::string message = series({{"__name__", "up"}, {"job", "a"}, {"instance", "h:1"}}, {{1, 1700000000000}}) +
                                series({{"zone", ""}, {"__name__", "温度"}}, {{-2.5, -5}, {prom_stale(), 7}});
    const Read found = read(message);
    EXPECT_TRUE(found.whole);
    EXPECT_EQ(found.series,
              (std::vector<std::string>{"0: up,instance=h:1,job=a 1@1700000000000", "1: 温度 -2.5@-5 stale@7"}));
    EXPECT_TRUE(found.faults.empty());
}

// Bytes as the protocol's own library writes them: a sample without its zero value, metadata and fields of later
// versions.
TEST(PromWrite, PassesOverWhatItDoesNotKnow) {
    std::string message = std::string("\x1a\x04\x08\x02\x12\x00", 6);         // metadata (3)
    std::string one = std::string("\x0a\x0e\x0a\x08__name__\x12\x02up", 16);  // labels
    one += std::string("\x12\x02\x10\x05", 4);          // a sample at 5 ms whose value is 0 and so left out
    one += std::string("\x1a\x00", 2);                  // an exemplar
    one += std::string("\x22\x00", 2);                  // a native histogram
    one += std::string("\x9d\x06\x01\x02\x03\x04", 6);  // field 99, four bytes
    message += std::string("\x0a", 1) + static_cast<char>(one.size()) + one;
    const Read found = read(message);
    EXPECT_TRUE(found.whole);
    EXPECT_EQ(found.series, std::vector<std::string>{"0: up 0@5 1 histograms"});
}

TEST(PromWrite, TellsSeriesThatCannotBeUsedAndKeepsTheOthers) {
    const Read found =
        read(series({{"job", "a"}}, {{1, 1}}) + series({{"__name__", "up"}, {"a", "1"}, {"a", "2"}}, {}) +
                 series({{"__name__", "up"}, {"", "2"}}, {}) + series({{"__name__", "up"}, {"a", "\xFF"}}, {}) +
                 series({{"__name__", "up"}, {"a", "12345678901"}}, {}) +
                 series({{"__name__", "up"}, {"a", "1"}, {"b", "1"}, {"c", "1"}}, {}) +
                 series({{"__name__", "up"}}, {{3, 4}}),
             {.labels_max = 3, .label_bytes_max = 10});
    EXPECT_EQ(found.series, std::vector<std::string>{"6: up 3@4"});
    EXPECT_EQ(found.faults,
              (std::vector<std::string>{"0: the label __name__ is missing", "1: the label \"a\" is there twice",
                                        "2: a label has no name", "3: a label is not UTF-8 text",
                                        "4: a label is longer than 10 bytes", "5: more than 3 labels"}));
}

TEST(PromWrite, RefusesWhatIsNoMessage) {
    const std::string good = series({{"__name__", "up"}}, {{1, 1}});
    for (std::size_t bytes = 1; bytes < good.size(); ++bytes) EXPECT_FALSE(read(good.substr(0, bytes)).whole) << bytes;
    EXPECT_TRUE(read("").whole);
    EXPECT_FALSE(read("\x0b").whole);                      // a group, which nobody writes any more
    EXPECT_FALSE(read(std::string("\x02\x00", 2)).whole);  // field 0
    EXPECT_FALSE(read("\x0a\xff\xff\xff\xff\x0f").whole);  // longer than there is
}

TEST(PromRead, ReadsBackQueries) {
    const std::vector<PromQuery> queries = {
        {1000, 2000, {{PromMatch::equal, "__name__", "up"}, {PromMatch::not_like, "job", "a.*"}}}, {-5, 0, {}}};
    const auto read = decode_prom_read(as_bytes(encode_prom_read(queries)));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ((*read)[0].from_ms, 1000);
    EXPECT_EQ((*read)[0].to_ms, 2000);
    ASSERT_EQ((*read)[0].matchers.size(), 2u);
    EXPECT_EQ((*read)[0].matchers[1].match, PromMatch::not_like);
    EXPECT_EQ((*read)[0].matchers[1].value, "a.*");
    EXPECT_EQ((*read)[1].from_ms, -5);
    EXPECT_EQ(decode_prom_read(as_bytes(encode_prom_read(queries)), {.queries_max = 1}).error().code(), Code::limit);
    EXPECT_EQ(decode_prom_read(as_bytes(encode_prom_read(queries)), {.matchers_max = 1}).error().code(), Code::limit);
    EXPECT_EQ(decode_prom_read(as_bytes(encode_prom_read(queries)), {.value_bytes_max = 2}).error().code(),
              Code::limit);
    EXPECT_EQ(decode_prom_read(as_bytes("\x0a\x7f")).error().code(), Code::malformed);
}

// A response is a list of what a write is one of.
TEST(PromRead, WritesAResponse) {
    PromReadWriter writer;
    writer.begin_query();
    writer.begin_query();
    writer.add_series({{"__name__", "up"}, {"job", "a"}}, {{1, 5}, {prom_stale(), 6}});
    const std::string message = writer.finish();
    ASSERT_EQ(message.substr(0, 2), std::string("\x0a\x00", 2));
    const Read found = read(message.substr(4));
    EXPECT_EQ(found.series, std::vector<std::string>{"0: up,job=a 1@5 stale@6"});
}

TEST(PromName, IsOneThatPrometheusTakes) {
    auto f = [](std::string_view name, std::string_view want, std::string_view label) {
        EXPECT_EQ(prom_name(name), want);
        EXPECT_EQ(prom_name(name, true), label);
    };
    f("up", "up", "up");
    f("a:b", "a:b", "a_b");
    f("motor.speed", "motor_speed", "motor_speed");
    f("5v", "_5v", "_5v");
    f("", "_", "_");
    f("温", "___", "___");
}

}  // namespace
}  // namespace gongshu::wire
