#include "bench/bench.h"

#include <gtest/gtest.h>

#include "bench/floors.h"
#include "bench/gorilla.h"
#include "bench/place.h"
#include "bench/ranges.h"
#include "bench/report.h"
#include "bench/sets.h"
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

// Two machines of one value and one state, three ticks; the second machine has no reading at the second of them.
GridSet two_machines() {
    const auto tags = [](const char* name) {
        return std::vector<GridSet::Tags>{{{"area", "v1.0"}, {"machine", name}}};
    };
    GridSet set({"machine",
                 {{"m", {{"value", GridSet::Form::decimal, 1}, {"on", GridSet::Form::boolean}}}},
                 {{"a", tags("a")}, {"b", tags("b")}},
                 0,
                 kSecond,
                 3});
    for (std::size_t tick = 0; tick < 3; ++tick)
        for (std::size_t device = 0; device < 2; ++device) {
            if (tick == 1 && device == 1) continue;
            set.value(tick, device, 0, 0) = 0.5 + static_cast<double>(tick + 10 * device);
            set.value(tick, device, 0, 1) = static_cast<double>(tick % 2);
        }
    return set;
}

TEST(BenchGridSet, WritesWhatItHolds) {
    GridSet set = two_machines();
    EXPECT_EQ(set.rows(), 6u);
    EXPECT_EQ(set.points(), 10u);
    std::string text;
    set.lines(2, 5, text);
    EXPECT_EQ(text,
              "m,area=v1.0,machine=a value=1.5,on=t 1000000000\nm,area=v1.0,machine=a value=2.5,on=f 2000000000\n");
    EXPECT_EQ(set.path(0, 1), "m/v1%2E0/b");
    EXPECT_EQ(set.glob(0, "area", "v1.0"), "m/v1%2E0/*");
    EXPECT_EQ(set.device_level(0), 2u);
    // Of the value's three steps two are +1 and one +2, of the state's one each of three: 2.75 and 4.75 bits.
    EXPECT_NEAR(set.step_bytes(), (2.75 + 4.75) / 8 / 10, 0.01);
    set.set_order({5, 5, 0});
    text.clear();
    set.lines(0, set.rows(), text);
    EXPECT_EQ(text,
              "m,area=v1.0,machine=b value=12.5,on=f 2000000000\nm,area=v1.0,machine=b value=12.5,on=f 2000000000\n"
              "m,area=v1.0,machine=a value=0.5,on=f 0\n");
}

TEST(BenchRanges, KnowTheirAnswers) {
    const GridSet set = two_machines();
    const auto f = [&](const RangeQuestion& question, const Cells& want) {
        Rng rng{1};
        EXPECT_EQ(asking_of(set, question, rng).want, want) << question.name;
    };
    f({"count", 0, {}, Fold::count, 0, 0, 3 * kSecond},
      {{"a.value", {3}}, {"a.on", {3}}, {"b.value", {2}}, {"b.on", {2}}});
    f({"greatest", 0, {"value"}, Fold::greatest, 0, 0, kSecond},
      {{"a.value", {0.5, 1.5, 2.5}}, {"b.value", {10.5, 12.5}}});
    f({"average", 0, {"value"}, Fold::average, 0, 0, 3 * kSecond}, {{"a.value", {1.5}}, {"b.value", {11.5}}});
    f({"last", 0, {"value"}, Fold::last, 0, 0, 0}, {{"a.value", {2.5}}, {"b.value", {12.5}}});
    f({"raw", 0, {"on"}, Fold::raw, 0, 0, 0, "area"}, {{"a.on", {0, 1, 0}}, {"b.on", {0, 0}}});
    Rng rng{1};
    const RangeQuestion one{"one", 0, {"value"}, Fold::raw, 1, 2 * kSecond, 0};
    const RangeAsking asking = asking_of(set, one, rng);
    EXPECT_EQ(asking.devices.size(), 1u);
    EXPECT_EQ(asking.to - asking.from, 2 * kSecond);
}

TEST(BenchSets, PlantIsTheSameEachTime) {
    const GridSet set = make_plant_set(2, 100, 0, 5);
    EXPECT_EQ(set.points(), 2 * 100 * 10u);
    std::string text, again;
    set.lines(0, set.rows(), text);
    make_plant_set(2, 100, 0, 5).lines(0, set.rows(), again);
    EXPECT_EQ(text, again);
    EXPECT_GT(set.step_bytes(), 0.2);
    EXPECT_LT(set.step_bytes(), 1);
}

TEST(BenchSets, DevopsHasTheSuitesFields) {
    const GridSet set = make_devops_set(3, 50, 0, 5);
    std::map<std::string, std::size_t> fields;
    for (const auto& measurement : set.shape().measurements) fields[measurement.name] = measurement.fields.size();
    EXPECT_EQ(fields, (std::map<std::string, std::size_t>{{"cpu", 10},
                                                          {"disk", 7},
                                                          {"diskio", 7},
                                                          {"kernel", 6},
                                                          {"mem", 9},
                                                          {"net", 8},
                                                          {"nginx", 7},
                                                          {"postgresl", 16},
                                                          {"redis", 31}}));
    EXPECT_EQ(set.points(), 3 * 50 * 101u);
    EXPECT_EQ(set.late_part(), 0);
    std::string text;
    set.lines(0, 1, text);
    EXPECT_TRUE(text.starts_with("cpu,arch=")) << text;
    EXPECT_NE(text.find(",hostname=host_0,"), std::string::npos) << text;
}

TEST(BenchSets, IotLosesAndHoldsBackByTheSuitesRules) {
    const std::size_t trucks = 10, ticks = 2'000;
    const GridSet set = make_iot_set(trucks, ticks, 0, 5);
    const auto all = static_cast<double>(set.grid_rows());
    EXPECT_NEAR(static_cast<double>(set.rows()) / all, 0.86, 0.06);
    EXPECT_GT(set.late_part(), 0.001);
    EXPECT_LT(set.late_part(), 0.2);
    std::map<std::string, std::size_t> lines;
    std::string text;
    set.lines(0, set.rows(), text);
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
        ++lines[text.substr(begin, text.find('\n', begin) - begin)];
    EXPECT_EQ(lines.size(), set.rows()) << "no row goes out twice";
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
    f({.name = "mqtt-points", .vs = {"nats"}}, "only for mosquitto, mosquitto-victoria-metrics");
    f({.name = "plant", .vs = {"duckdb"}}, "no driver for 'duckdb', only for influxdb, victoria-metrics");
    f({.name = "connect", .vs = {"neuron"}}, "has no driver for 'neuron': it runs alone");
    const std::string data = ::testing::TempDir() + "/gongshu-bench-data";
    ASSERT_TRUE(files->make_folder(data + "/history"));
    f({.name = "ingest", .folder = data}, "is a data folder");
    EXPECT_EQ(files->list(data).value(), std::vector<std::string>{"history"});
    ASSERT_TRUE(files->remove(data + "/history"));
    ASSERT_TRUE(files->remove(data));
}

}  // namespace
}  // namespace gongshu::bench
