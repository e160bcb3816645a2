#include "bench/bench.h"

#include <gtest/gtest.h>

#include "bench/floors.h"
#include "bench/place.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

Report sample() {
    Report report{.name = "mqtt", .version = "1", .machine = "a machine", .small = true, .sent = 10, .read_back = 10};
    report.floors = {{"memory", 12e9, "B/s", "copied"}};
    report.measures = {{"messages_per_s", 50'000, "/s", 200'000, true, "exchanges"},
                       {"ack_p50_ms", 3, "ms", 1.5, false, "a sync"}};
    report.peer = Peer{
        "other", "2.0", "memory", "disk", {{"messages_per_s", 25'000, "/s"}, {"ack_p50_ms", 1.5, "ms", 0, false, ""}}};
    return report;
}

TEST(BenchReport, TellsHowFarOffTheFloorItIs) {
    EXPECT_DOUBLE_EQ(sample().measures[0].off(), 4);
    EXPECT_DOUBLE_EQ(sample().measures[1].off(), 2);
    const std::string text = to_text(sample());
    for (const char* part : {"12.0 GB/s", "50.0 k/s", "4.00   exchanges", "2.00   a sync",
                             "sent 10 values, read back 10: equal", "beside other 2.0", "only the counts"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    const std::string json = to_json(sample());
    EXPECT_NE(json.find(R"("ratios":{"messages_per_s":2,"ack_p50_ms":0.5})"), std::string::npos) << json;
    Report missing = sample();
    missing.read_back = 9;
    EXPECT_FALSE(missing.equal());
    EXPECT_NE(to_text(missing).find("NOT EQUAL"), std::string::npos);
}

TEST(BenchFloors, AreMeasured) {
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const auto place = Place::create(*files, ::testing::TempDir());
    ASSERT_TRUE(place) << place.error().text();
    const auto floors = measure_floors(*files, *clock, (*place)->path(), true);
    ASSERT_TRUE(floors) << floors.error().text();
    EXPECT_GT(floors->memory_bytes_per_s, 0);
    EXPECT_GT(floors->disk_bytes_per_s, 0);
    EXPECT_GT(floors->sync_s, 0);
    const auto exchange =
        measure_exchange(*clock, {.connections = 3, .in_flight = 4, .count = 100, .request_bytes = 70});
    ASSERT_TRUE(exchange) << exchange.error().text();
    EXPECT_GT(exchange->per_s, 0);
    EXPECT_GT(io::process_use().value().memory_bytes, 1u << 20);
    EXPECT_FALSE(io::process_use(1 << 30));
}

TEST(BenchFloors, TakeTheRightSample) {
    std::vector<DurationNs> samples{5, 1, 4, 2, 3};
    EXPECT_EQ(quantile(samples, 0.5), 3);
    EXPECT_EQ(quantile(samples, 0.99), 4);
    EXPECT_EQ(quantile(samples, 1), 5);
    samples.clear();
    EXPECT_EQ(quantile(samples, 0.5), 0);
}

TEST(Bench, RefusesWhatItCannotDo) {
    const auto files = io::make_posix_files();
    const auto f = [](Options options, const char* want) {
        const auto outcome = run(options);
        ASSERT_FALSE(outcome);
        EXPECT_NE(outcome.error().text().find(want), std::string::npos) << outcome.error().text();
    };
    f({.name = "everything"}, "expected one of ingest, query, mqtt, cpu-only");
    f({.name = "query", .vs = "influx"}, "no driver for 'influx'");
    f({.name = "mqtt", .vs = "emqx"}, "only for mosquitto");
    const std::string data = ::testing::TempDir() + "/gongshu-bench-data";
    ASSERT_TRUE(files->make_folder(data + "/history"));
    f({.name = "ingest", .folder = data}, "is a data folder");
    EXPECT_EQ(files->list(data).value(), std::vector<std::string>{"history"});
    ASSERT_TRUE(files->remove(data + "/history"));
    ASSERT_TRUE(files->remove(data));
}

}  // namespace
}  // namespace gongshu::bench
