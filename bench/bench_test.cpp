#include "bench/bench.h"

#include <gtest/gtest.h>

#include "bench/floors.h"
#include "bench/gorilla.h"
#include "bench/place.h"
#include "bench/report.h"
#include "bench/sql_question.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

Report sample() {
    Report report{.name = "mqtt", .version = "1", .machine = "a machine", .small = true, .sent = 10, .read_back = 10};
    report.floors = {{"memory", 12e9, "B/s", "copied"}};
    report.measures = {{"messages_per_s", 50'000, "/s", 200'000, true, "exchanges"},
                       {"ack_p50_ms", 3, "ms", 1.5, false, "a sync"}};
    report.peers = {{"other",
                     "2.0",
                     "memory",
                     "disk",
                     "no setting",
                     {{"messages_per_s", 25'000, "/s"}, {"ack_p50_ms", 1.5, "ms", 0, false, ""}}}};
    report.absent = {"third is not on this machine"};
    return report;
}

TEST(BenchReport, TellsHowFarOffTheFloorItIs) {
    EXPECT_DOUBLE_EQ(sample().measures[0].off(), 4);
    EXPECT_DOUBLE_EQ(sample().measures[1].off(), 2);
    const std::string text = to_text(sample());
    for (const char* part :
         {"12.0 GB/s", "50.0 k/s", "4.00   exchanges", "2.00   a sync", "sent 10 values, read back 10: equal",
          "beside other 2.0", "made equal: no setting", "third is not on", "only the counts"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    const std::string json = to_json(sample());
    EXPECT_NE(json.find(R"("ratios":{"messages_per_s":2,"ack_p50_ms":0.5})"), std::string::npos) << json;
    Report missing = sample();
    missing.read_back = 9;
    EXPECT_FALSE(missing.equal());
    EXPECT_NE(to_text(missing).find("NOT EQUAL"), std::string::npos);
}

TEST(Gorilla, CountsWhatThePaperWrites) {
    auto f = [](std::vector<double> values, std::uint64_t want) { EXPECT_EQ(gorilla_bits(values), want); };
    f({}, 0);
    f({12}, 64);
    f({12, 12, 12}, 64 + 2);
    // 24 after 12 differs in one bit, which needs a window; back and forth it fits in that.
    f({12, 24}, 64 + 13 + 1);
    f({12, 24, 12, 24}, 64 + 13 + 1 + 2 * (2 + 1));
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

TEST(BenchQuestions, AreCheckedValueByValue) {
    const TsbsCpu data{3, 720, 1'767'225'600 * kSecond, 5};
    Rng rng{1};
    for (const Question& question : kQuestions) {
        const Asking asking = asking_of(data, question, rng);
        EXPECT_LT(asking.from, asking.to) << question.name;
        EXPECT_LE(asking.to, data.end()) << question.name;
        const std::size_t all = count_values(asking.want);
        EXPECT_TRUE(all > 0 || question.wanted == Wanted::high) << question.name;
        EXPECT_EQ(count_right(asking.want, asking.want), all);
        if (all == 0) continue;
        Cells wrong = asking.want;
        wrong.begin()->second.front() += 1;
        EXPECT_EQ(count_right(asking.want, wrong), all - 1) << question.name;
        wrong["host_99.usage_user"].push_back(1);
        EXPECT_EQ(count_right(asking.want, wrong), 0u) << "more came than was asked for";
    }
}

TEST(BenchQuestions, AreWrittenInSql) {
    const TsbsCpu data{9, 720, 1'767'225'600 * kSecond, 5};
    const Dialect dialect{"minute(time)", "hour(time)", "at({})", "SELECT newest {}"};
    const auto f = [&](std::size_t question, const std::vector<const char*>& parts) {
        Rng rng{1};
        const std::string sql = sql_of(dialect, asking_of(data, kQuestions[question], rng));
        for (const char* part : parts) EXPECT_NE(sql.find(part), std::string::npos) << part << " in " << sql;
    };
    f(0, {"SELECT host, minute(time) AS bucket, max(usage_user) FROM", "time >= at(17672", "host IN (",
          "ORDER BY host, bucket"});
    f(10, {"hour(time)", "avg(usage_guest_nice)"});
    f(11, {"SELECT newest usage_user, usage_system"});
    f(13, {"AND usage_user > 90 ORDER BY host, time"});
    f(14, {"ORDER BY bucket DESC LIMIT 5"});
    Rng rng{1};
    EXPECT_EQ(cells_of_tabs(asking_of(data, kQuestions[13], rng),
                            "3\t10\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\n")["host_3.usage_system"],
              std::vector<double>{2});
}

TEST(Bench, RefusesWhatItCannotDo) {
    const auto files = io::make_posix_files();
    const auto f = [](Options options, const char* want) {
        const auto outcome = run(options);
        ASSERT_FALSE(outcome);
        EXPECT_NE(outcome.error().text().find(want), std::string::npos) << outcome.error().text();
    };
    f({.name = "everything"}, "expected one of ingest, query, mqtt, cpu-only, live");
    f({.name = "query", .vs = {"influx"}}, "no driver for 'influx'");
    f({.name = "cpu-only", .vs = {"clickhouse", "oracle"}},
      "no driver for 'oracle', only for clickhouse, duckdb, influxdb");
    f({.name = "mqtt", .vs = {"emqx"}}, "only for mosquitto");
    const std::string data = ::testing::TempDir() + "/gongshu-bench-data";
    ASSERT_TRUE(files->make_folder(data + "/history"));
    f({.name = "ingest", .folder = data}, "is a data folder");
    EXPECT_EQ(files->list(data).value(), std::vector<std::string>{"history"});
    ASSERT_TRUE(files->remove(data + "/history"));
    ASSERT_TRUE(files->remove(data));
}

}  // namespace
}  // namespace gongshu::bench
