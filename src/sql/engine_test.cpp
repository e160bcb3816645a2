// The engine with its real worker, over readings in memory: this program is its own worker when it is started as one.
#include "sql/engine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "io/channel.h"
#include "io/loop.h"
#include "io/sim.h"
#include "registry/paths.h"
#include "sql/parquet.h"
#include "sql/worker.h"

namespace gongshu::sql {
namespace {

// Before the tests' own main: as a child of the engine, be its worker.
const bool is_worker = [] {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.find(std::string("\0worker\0sql", 11)) == std::string::npos) return false;
    const auto channel = io::inherited_channel();
    if (!channel) std::_Exit(2);
    const auto code = run_worker(**channel);
    std::_Exit(code ? *code : 1);
}();

constexpr TenantId kOurs{1}, kOthers{2};
constexpr TimeNs kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

struct Plant final : Reader, Tags {
    struct OneTag {
        TagInfo info;
        std::map<TimeNs, Reading> readings;
    };
    std::map<std::uint64_t, OneTag> tags;
    mutable std::mutex mutex;
    mutable std::vector<ReadRequest> asked;

    TagId add(TenantId tenant, const std::string& path, ValueType type = ValueType::number) {
        const TagId id{(tags.size() + 1) << 4};
        tags[id.value].info = {id, {tenant, "l:m,host=h1", path}, path, type, "°C"};
        return id;
    }
    void put(TagId tag, TimeNs time, Value value, Quality quality = kGood) {
        tags[tag.value].readings[time] = {tag, time, std::move(value), quality};
    }

    Result<std::vector<Series>> read(const ReadRequest& request) const override {
        const std::lock_guard lock{mutex};
        asked.push_back(request);
        std::vector<Series> all;
        std::uint64_t rows = 0;
        for (const TagId tag : request.tags) {
            Series series{.tag = tag};
            const auto& readings = tags.at(tag.value).readings;
            std::map<TimeNs, std::vector<double>> buckets;
            for (auto at = readings.lower_bound(request.window.from);
                 at != readings.end() && at->first < request.window.to; ++at) {
                if (request.every > 0)
                    buckets[at->first / request.every * request.every].push_back(*as_number(at->second.value));
                else if (++rows > request.rows_max)
                    return Error{Code::limit, "too many"};
                else
                    series.rows.add(at->second);
            }
            if (request.every > 0)
                series.columns = request.aggregates, series.values.resize(request.aggregates.size() + 1);
            for (const auto& [time, values] : buckets) {
                series.buckets.push_back(time);
                double sum = 0;
                for (const double value : values) sum += value;
                for (std::size_t i = 0; i < request.aggregates.size(); ++i)
                    series.values[i].push_back(request.aggregates[i] == "max"
                                                   ? *std::ranges::max_element(values)
                                                   : sum / static_cast<double>(values.size()));
                series.values.back().push_back(1);
            }
            all.push_back(std::move(series));
        }
        return all;
    }
    std::optional<Reading> last(TagId tag) const override {
        const auto& readings = tags.at(tag.value).readings;
        return readings.empty() ? std::nullopt : std::optional{readings.rbegin()->second};
    }
    Result<std::vector<Event>> read_events(TenantId, Window, std::string_view, std::size_t) const override {
        return std::vector<Event>{};
    }
    Result<TagId> resolve(const TagKey&, std::string_view, ValueType, std::string_view) override {
        return Error{Code::unsupported, "no"};
    }
    std::optional<TagInfo> info(TagId tag) const override { return tags.at(tag.value).info; }
    std::optional<TagInfo> find(TenantId tenant, std::string_view path) const override {
        for (const auto& [id, one] : tags)
            if (one.info.key.tenant == tenant && one.info.path == path) return one.info;
        return std::nullopt;
    }
    std::vector<TagInfo> match(TenantId tenant, std::string_view glob, std::size_t max) const override {
        std::vector<TagInfo> found;
        for (const auto& [id, one] : tags)
            if (one.info.key.tenant == tenant && registry::glob_matches(glob, one.info.path) && found.size() < max)
                found.push_back(one.info);
        return found;
    }
    Result<void> move_source(TenantId, std::string_view, std::string_view) override { return {}; }
    Result<void> set_unit(TagId, std::string_view) override { return {}; }
};

struct Sql : ::testing::Test {
    static void SetUpTestSuite() {
        files = std::make_unique<io::SimFiles>();
        clock = std::make_unique<SimClock>();
        resources =
            std::move(*registry::Registry::create(*files, *clock, {.folder = "/data/registry", .key_folder = "/keys"}));
        ASSERT_TRUE(resources->load());
        const registry::Actor admin{kOurs, "default", "user:admin", registry::Role::admin, ""};
        ASSERT_TRUE(resources->put(admin, "site", "plant", *registry::parse_json(R"({"time_zone":"Asia/Shanghai"})")));
        plant = std::make_unique<Plant>();
        const TagId a = plant->add(kOurs, "plant/a.x"), b = plant->add(kOurs, "plant/b.x"),
                    n = plant->add(kOurs, "plant/a.count", ValueType::integer),
                    t = plant->add(kOurs, "plant/a.state", ValueType::text), o = plant->add(kOthers, "plant/a.x");
        for (int i = 0; i < 600; ++i) {
            plant->put(a, kStart + i * kSecond, i + 0.5);
            plant->put(b, kStart + i * kSecond + 1, -1.0 * i, i % 100 == 0 ? bad(Reason::timeout) : kGood);
        }
        plant->put(n, kStart, std::int64_t{9'007'199'254'740'993});
        plant->put(t, kStart, std::string{"运行"});
        plant->put(o, kStart, 4711.0);
        time = io::make_system_clock();
        make({});
    }
    static void TearDownTestSuite() {
        engine.reset();
        plant.reset();
        resources.reset();
    }
    static std::string library() {
        return std::string{GONGSHU_SOURCE_DIR} + "/tools/duckdb/node_modules/@duckdb/node-bindings-linux-" +
#if defined(__aarch64__)
               "arm64"
#else
               "x64"
#endif
               "/libduckdb.so";
    }
    static void make(EngineOptions options) {
        engine.reset();
        options.library = library();
        engine = make_engine({{*plant, *plant, *resources}, *time, metrics}, options);
    }

    static Question question(std::string text, std::vector<Cell> parameters = {}) {
        Question asked{.text = std::move(text), .parameters = std::move(parameters)};
        asked.asker.who.actor = {kOurs, "default", "user:li", registry::Role::viewer, ""};
        asked.asker.sees = [](const registry::Resource&) { return true; };
        return asked;
    }

    struct Answer {
        std::vector<Column> columns;
        std::vector<std::vector<Cell>> rows;
        std::optional<Failure> failure;
        std::string why() const { return failure ? failure->sqlstate + " " + failure->error.text() : ""; }
    };
    static Outcome<std::shared_ptr<Query>> start(Question asked) {
        std::promise<Outcome<std::shared_ptr<Query>>> promise;
        engine->start(std::move(asked), [&](auto started) { promise.set_value(std::move(started)); });
        return promise.get_future().get();
    }
    static Answer run(Question asked) {
        auto started = start(std::move(asked));
        if (!started) return {{}, {}, started.error()};
        Answer answer{(*started)->columns(), {}, {}};
        for (;;) {
            std::promise<Outcome<Page>> promise;
            (*started)->next([&](auto page) { promise.set_value(std::move(page)); });
            auto page = promise.get_future().get();
            if (!page) answer.failure = page.error();
            if (!page || page->rows() == 0) return answer;
            for (std::size_t row = 0; row < page->rows(); ++row) {
                auto& cells = answer.rows.emplace_back();
                for (std::size_t column = 0; column < page->columns(); ++column)
                    cells.push_back(page->cell(column, row));
            }
        }
    }
    static Answer run(const std::string& text) { return run(question(text)); }
    static std::int64_t count(const std::string& text) {
        const Answer answer = run(text);
        EXPECT_FALSE(answer.failure) << text << ": " << answer.why();
        if (answer.rows.size() != 1 || !std::holds_alternative<std::int64_t>(answer.rows[0][0])) return -1;
        return std::get<std::int64_t>(answer.rows[0][0]);
    }

    static inline std::unique_ptr<io::SimFiles> files;
    static inline std::unique_ptr<SimClock> clock;
    static inline std::unique_ptr<Clock> time;
    static inline std::unique_ptr<registry::Registry> resources;
    static inline std::unique_ptr<Plant> plant;
    static inline Metrics metrics;
    static inline std::unique_ptr<Engine> engine;
};

TEST_F(Sql, GivesEveryTypeAsItIs) {
    const Answer answer = run(
        "SELECT true, 42, 1.5::DOUBLE, 'ü', TIMESTAMP_NS '2026-01-01 00:00:00.000000001', DATE '1969-12-31', -12.50, "
        "170141183460469231731687303715884105727::HUGEINT, [1, 2], NULL, 0.05, -7::HUGEINT");
    ASSERT_FALSE(answer.failure) << answer.why();
    const std::vector<Cell> want{true,
                                 std::int64_t{42},
                                 1.5,
                                 std::string{"ü"},
                                 Time{kStart + 1},
                                 Date{-1},
                                 Decimal{"-12.50"},
                                 Decimal{"170141183460469231731687303715884105727"},
                                 std::string{"[1, 2]"},
                                 {},
                                 Decimal{"0.05"},
                                 Decimal{"-7"}};
    ASSERT_EQ(answer.rows.size(), 1u);
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(answer.rows[0][i], want[i]) << i;
    EXPECT_EQ(answer.columns[6].declared, "DECIMAL(4,2)");
    EXPECT_EQ(answer.columns[8].type, CellType::other);
}

// What a value makes of a column is known only with the value.
TEST_F(Sql, TypesFollowFromTheValues) {
    const auto f = [](const std::string& text, std::vector<Cell> parameters, std::vector<Cell> want,
                      std::string_view declared) {
        const Answer answer = run(question(text, std::move(parameters)));
        ASSERT_FALSE(answer.failure) << text << ": " << answer.why();
        ASSERT_EQ(answer.rows.size(), 1u) << text;
        EXPECT_EQ(answer.rows[0], want) << text;
        EXPECT_EQ(answer.columns[0].declared, declared) << text;
    };
    f("SELECT $1 AS a", {5.5}, {5.5}, "DOUBLE");
    f("SELECT $1 AS a", {std::string{"x"}}, {std::string{"x"}}, "VARCHAR");
    f("SELECT $1 AS a", {Cell{}}, {Cell{}}, "INTEGER");
    f("SELECT coalesce($1, 3)", {5.5}, {5.5}, "DOUBLE");
    f("SELECT coalesce($1, 3::TINYINT)", {std::int64_t{1} << 40}, {std::int64_t{1} << 40}, "BIGINT");
    f("SELECT $1 || 'x', 7", {std::string{"a"}}, {std::string{"ax"}, std::int64_t{7}}, "VARCHAR");
    f("SELECT CASE WHEN true THEN $1 ELSE 'x' END", {std::int64_t{5}}, {std::int64_t{5}}, "BIGINT");
    f("SELECT [$1] AS list", {std::int64_t{5}}, {std::string{"[5]"}}, "LIST");
    f("SELECT CASE WHEN i = 0 THEN $1 WHEN i = 1 THEN $2 ELSE 'x' END FROM range(1, 2) t(i)",
      {std::int64_t{64}, std::int64_t{0x414141410000}}, {std::int64_t{0x414141410000}}, "BIGINT");
}

TEST_F(Sql, TakesStatementsAsPeopleWriteThem) {
    const auto f = [](const std::string& text, std::size_t rows) {
        const Answer answer = run(text);
        EXPECT_FALSE(answer.failure) << text << ": " << answer.why();
        EXPECT_EQ(answer.rows.size(), rows) << text;
    };
    f("SELECT [1]; -- a list", 1);
    f("SELECT 1 -- and nothing else", 1);
    f("DESCRIBE readings", 6);
    f("DESCRIBE SELECT * FROM readings", 6);
    f("SELECT * FROM (DESCRIBE readings) WHERE column_name = 'ts'", 1);
    EXPECT_EQ(run("DESCRIBE SELECT * FROM read_csv('/etc/passwd')").failure->sqlstate, "42501");
    EXPECT_NE(run("SUMMARIZE readings").why().find("say from when on"), std::string::npos);
    EXPECT_EQ(run("SELECT DATE '2300-01-01' AS d, DATE '-infinity'").rows.at(0).at(0), Cell{Date{120'530}});
    std::string list;
    for (int i = 0; i < 300; ++i) list += fmt::format("'plant/none{}.x', ", i);
    f("SELECT * FROM readings WHERE ts >= '2026-01-01' AND tag IN (" + list + "'plant/a.count')", 1);
}

TEST_F(Sql, ReadsHistoryWithItsTypes) {
    const Answer answer =
        run("SELECT * FROM history(tags := ['plant/a.count', 'plant/a.state'], since := '2026-01-01') ORDER BY tag");
    ASSERT_FALSE(answer.failure) << answer.why();
    ASSERT_EQ(answer.rows.size(), 2u);
    const std::vector<Cell> count{std::string{"plant/a.count"},
                                  Time{kStart},
                                  9'007'199'254'740'992.0,
                                  std::string{"good"},
                                  std::int64_t{9'007'199'254'740'993},
                                  {}};
    EXPECT_EQ(answer.rows[0], count);
    const std::vector<Cell> state{std::string{"plant/a.state"}, Time{kStart}, {},
                                  std::string{"good"},          {},           std::string{"运行"}};
    EXPECT_EQ(answer.rows[1], state);
}

TEST_F(Sql, CountsAndAggregatesWhatIsThere) {
    const auto f = [](const std::string& text, std::int64_t want) { EXPECT_EQ(count(text), want) << text; };
    f("SELECT count(*) FROM history(tags := 'plant/*.x', since := '2026-01-01')", 1200);
    f("SELECT count(*) FROM history(tags := 'plant/a.x', since := '2026-01-01 00:01:00', until := '2026-01-01 "
      "00:02:00')",
      60);
    f("SELECT count(*) FROM history(tags := 'plant/*.x', since := '2026-01-01', every := '1m', agg := 'avg,max')", 20);
    f("SELECT count(*) FROM history(tags := 'plant/a.x', since := '2026-01-01', every := '1m') WHERE avg > 300", 5);
    f("SELECT count(*) FROM readings WHERE tag = 'plant/a.x' AND ts >= '2026-01-01'", 600);
    f("SELECT count(*) FROM readings WHERE ts >= '2025-12-31' AND quality LIKE 'bad%'", 6);
    f("SELECT count(*) FROM tags", 4);
    f("SELECT count(*) FROM last WHERE value IS NOT NULL", 3);
    f("SELECT count(*) FROM sites WHERE name = 'plant' AND (spec ->> '$.time_zone') = 'Asia/Shanghai'", 1);
    f("WITH readings AS (SELECT 1) SELECT count(*) FROM readings", 1);
    f("SELECT count(*) FROM (SELECT * FROM history(tags := 'plant/a.x', since := now()))", 0);
}

TEST_F(Sql, JoinsByTimeAndByOverlap) {
    EXPECT_EQ(count("SELECT count(*) FROM history(tags := 'plant/b.x', since := '2026-01-01') b "
                    "ASOF JOIN history(tags := 'plant/a.x', since := '2026-01-01') a ON b.ts >= a.ts WHERE a.value = "
                    "-b.value + 0.5"),
              600);
    EXPECT_EQ(count("SELECT count(*) FROM readings r JOIN (VALUES (TIMESTAMP_NS '2026-01-01 00:01:00', TIMESTAMP_NS "
                    "'2026-01-01 00:02:00'), "
                    "(TIMESTAMP_NS '2026-01-01 00:05:00', TIMESTAMP_NS '2026-01-01 00:05:30')) AS i(starts, ends) "
                    "ON r.ts >= i.starts AND r.ts < i.ends WHERE r.tag = 'plant/a.x' AND r.ts >= '2026-01-01'"),
              90);
}

// The part of the history that a mention of readings needs, as the store was asked for it.
TEST_F(Sql, TakesBoundsFromConditionsOnlyWhereThatIsRight) {
    const auto f = [](const std::string& text, std::optional<std::pair<TimeNs, TimeNs>> want, std::size_t tags,
                      std::vector<Cell> parameters = {}) {
        {
            const std::lock_guard lock{plant->mutex};
            plant->asked.clear();
        }
        const Answer answer = run(question(text, std::move(parameters)));
        if (!want) {
            ASSERT_TRUE(answer.failure) << text;
            EXPECT_NE(answer.why().find("say from when on"), std::string::npos) << text << answer.why();
            return;
        }
        ASSERT_FALSE(answer.failure) << text << ": " << answer.why();
        TimeNs from = INT64_MAX, to = INT64_MIN;
        std::set<std::uint64_t> seen;
        for (const ReadRequest& read : plant->asked) {
            from = std::min(from, read.window.from), to = std::max(to, read.window.to);
            for (const TagId tag : read.tags) seen.insert(tag.value);
        }
        EXPECT_EQ(seen.size(), tags) << text;
        EXPECT_NEAR(static_cast<double>(from - kStart) / 1e9, static_cast<double>(want->first) / 1e9, 1.5) << text;
        EXPECT_NEAR(static_cast<double>(to - kStart) / 1e9, static_cast<double>(want->second) / 1e9, 1.5) << text;
    };
    const TimeNs end = 599 * kSecond;
    const auto s = [](int seconds) { return seconds * kSecond; };
    f("SELECT * FROM readings WHERE tag = 'plant/a.x' AND ts >= '2026-01-01 00:02:00'", std::pair{s(120), end}, 1);
    f("SELECT * FROM readings AS r WHERE r.tag = 'plant/a.x' AND '2026-01-01 00:02:00' <= r.ts AND r.ts < TIMESTAMP "
      "'2026-01-01 00:03:00'",
      std::pair{s(120), s(180)}, 1);
    f("SELECT * FROM readings WHERE tag IN ('plant/a.x', 'plant/b.x') AND ts BETWEEN '2026-01-01 00:02:00' AND DATE "
      "'2026-01-01' + INTERVAL 3 MINUTE",
      std::pair{s(120), s(180)}, 2);
    f("SELECT * FROM Readings WHERE tag LIKE 'plant/b%' AND ts >= '2026-01-01 00:02:00'", std::pair{s(120), end}, 2);
    f("SELECT * FROM readings WHERE tag = $1 AND ts >= $2", std::pair{s(60), end}, 1,
      {std::string{"plant/b.x"}, std::string{"2026-01-01 00:01:00"}});
    f("SELECT * FROM readings WHERE tag = $1 AND ts >= $2::TIMESTAMP_NS - INTERVAL 1 MINUTE", std::pair{s(60), end}, 1,
      {std::string{"plant/b.x"}, std::string{"2026-01-01 00:02:00"}});
    f("SELECT * FROM readings WHERE tag = ? AND ts >= ?", std::pair{s(60), end}, 1,
      {std::string{"plant/b.x"}, Time{kStart + s(60)}});
    f("SELECT * FROM tags JOIN \"readings\" r USING (tag) WHERE r.tag = 'plant/a.x' AND r.ts > '2026-01-01 00:02:00'",
      std::pair{s(120), end}, 1);
    f("SELECT * FROM tags LEFT JOIN readings r ON r.tag = tags.tag WHERE r.ts > '2026-01-01 00:02:00' AND r.tag = "
      "'plant/a.x'",
      std::pair{s(120), end}, 1);
    f("SELECT (SELECT max(ts) FROM readings WHERE tag = 'plant/a.x' AND ts > '2026-01-01 00:02:00')",
      std::pair{s(120), end}, 1);
    f("SELECT * FROM tags LEFT JOIN readings r ON r.tag = tags.tag AND r.ts > '2026-01-01 00:02:00' AND r.tag = "
      "'plant/a.x'",
      std::pair{s(120), end}, 1);
    f("SELECT * FROM readings r RIGHT JOIN tags t ON r.tag = t.tag AND r.tag = 'plant/a.x' AND r.ts > '2026-01-01 "
      "00:02:00'",
      std::pair{s(120), end}, 1);
    f("SELECT * FROM tags t LEFT JOIN (readings r JOIN tags u ON r.tag = u.tag) ON r.tag = t.tag AND r.ts > "
      "'2026-01-01 00:02:00' AND r.tag = 'plant/a.x'",
      std::pair{s(120), end}, 1);
    f("SELECT * FROM readings", std::nullopt, 0);
    f("SELECT * FROM readings WHERE tag = 'plant/a.x'", std::nullopt, 0);
    f("SELECT * FROM readings WHERE ts < '2026-01-02'", std::nullopt, 0);
    f("SELECT * FROM readings WHERE ts >= '2026-01-01 00:02:00' OR value > 3", std::nullopt, 0);
    f("SELECT * FROM readings WHERE NOT (ts >= '2026-01-01')", std::nullopt, 0);
    f("SELECT * FROM (SELECT * FROM readings) WHERE ts >= '2026-01-01'", std::nullopt, 0);
    f("SELECT ts + INTERVAL 1 DAY AS t FROM readings WHERE t >= '2026-01-01'", std::nullopt, 0);
    f("SELECT * FROM readings WHERE ts >= '2026-01-01' USING SAMPLE 5 ROWS", std::nullopt, 0);
    f("SELECT * FROM (SELECT tag, TIMESTAMP_NS '2026-01-01' AS at FROM tags) t ASOF JOIN readings r ON t.tag = r.tag "
      "AND t.at <= r.ts "
      "WHERE r.ts >= '2026-01-01'",
      std::nullopt, 0);
    f("SELECT * FROM readings a, readings b WHERE a.ts >= '2026-01-01'", std::nullopt, 0);
    f("SELECT * FROM readings r LEFT JOIN tags t ON r.tag = t.tag AND r.ts > '2026-01-01'", std::nullopt, 0);
    f("SELECT * FROM readings r FULL JOIN tags t ON r.tag = t.tag AND r.ts > '2026-01-01'", std::nullopt, 0);
}

TEST_F(Sql, KnowsThePresentHoweverItIsWritten) {
    for (const char* const present : {"now()", "current_date", "current_timestamp", "localtimestamp", "today()",
                                      "Current_Date", "get_current_timestamp()", "date_trunc('day', current_date)"})
        for (const bool zoned : {false, true}) {
            Question asked =
                question(fmt::format("SELECT current_date, count(*) FROM readings WHERE ts >= {} - "
                                     "INTERVAL 100 YEAR AND tag = 'plant/a.x' GROUP BY 1",
                                     present));
            asked.zoned = zoned;
            const Answer answer = run(std::move(asked));
            ASSERT_FALSE(answer.failure) << present << zoned << ": " << answer.why();
            EXPECT_EQ(answer.rows.at(0).at(1), Cell{std::int64_t{600}}) << present;
        }
    // Not where it may be a column.
    for (const char* const from :
         {"(SELECT DATE '1990-01-01' AS current_date) c", "(VALUES (DATE '1990-01-01')) c(\"CURRENT_DATE\")",
          "(SELECT current_date UNION ALL SELECT DATE '1990-01-01') c"}) {
        const Answer answer = run(fmt::format("SELECT count(*) FROM readings r, {} WHERE r.ts >= current_date", from));
        EXPECT_NE(answer.why().find("say from when on"), std::string::npos) << from << answer.why();
    }
}

TEST_F(Sql, AnOuterJoinGivesTheSameWithItsBounds) {
    const auto f = [](const std::string& join) {
        const std::string more = "r.ts >= '2026-01-01 00:09:00' AND r.tag = tags.tag";
        const auto with = [&](std::string_view table) {
            return count(fmt::format("SELECT count(*) FROM {} ON {}", fmt::format(fmt::runtime(join), table), more));
        };
        const std::int64_t all = with("(FROM history(tags := '**', since := '2026-01-01')) r");
        EXPECT_EQ(with("readings r"), all) << join;
        EXPECT_GT(all, 0);
    };
    f("tags LEFT JOIN {}");
    f("{} RIGHT JOIN tags");
    f("tags JOIN {}");
}

// As PostgreSQL's timestamptz: what says no offset is of the question's zone, what says one means that.
TEST_F(Sql, TimesHaveAZoneWhereThatIsAsked) {
    const auto asked = [](const std::string& text, const std::string& zone, std::vector<Cell> parameters = {}) {
        Question one = question(text, std::move(parameters));
        one.zone = zone;
        one.zoned = true;
        return run(std::move(one));
    };
    const auto f = [&](const std::string& condition, std::int64_t want, std::vector<Cell> parameters = {},
                       const std::string& zone = "Asia/Shanghai") {
        const Answer answer = asked("SELECT count(*) FROM readings WHERE tag = 'plant/a.x' AND " + condition, zone,
                                    std::move(parameters));
        ASSERT_FALSE(answer.failure) << condition << ": " << answer.why();
        EXPECT_EQ(answer.rows.at(0).at(0), Cell{want}) << condition << " in " << zone;
    };
    f("ts >= '2026-01-01 08:05'", 300);
    f("ts >= '2026-01-01 08:05'", 0, {}, "UTC");
    f("ts >= '2026-01-01 08:05'", 0, {}, "");
    f("ts >= '2026-01-01 08:05' AND ts < '2026-01-01 08:06'", 60);
    f("ts BETWEEN '2026-01-01 08:05' AND '2026-01-01 08:05:59'", 60);
    f("ts >= '2026-01-01 00:05:00Z'", 300);
    f("ts >= '2026-01-01 08:05:00+08'", 300);
    f("ts >= '2026-01-01T02:05:00+02:00'", 300);
    f("ts >= '2026-01-01 08:05'::timestamptz", 300);
    f("ts >= TIMESTAMP '2026-01-01 08:05'", 300);
    f("ts >= DATE '2026-01-01'", 600);
    f("ts >= DATE '2026-01-01'", 600, {}, "Etc/GMT-8");
    f("ts >= to_timestamp(1767225900)", 300);
    f("ts >= $1", 300, {std::string{"2026-01-01 08:05"}});
    f("ts >= $1", 300, {std::string{"2026-01-01T00:05:00.000Z"}});
    f("ts >= $1", 300, {Time{kStart + 300 * kSecond}});
    f("ts >= $1::timestamptz - INTERVAL 1 MINUTE", 360, {std::string{"2026-01-01 08:05"}});
    f("ts >= now() - INTERVAL 100 YEAR", 600);
    f("ts >= date_trunc('day', '2026-01-01 20:00'::timestamptz)", 600);
    f("date_trunc('day', ts) = '2026-01-01' AND ts >= '2025-12-31'", 600);
    const auto h = [&](const std::string& since, std::int64_t want) {
        const Answer answer =
            asked(fmt::format("SELECT count(history.ts) FROM history(tags := 'plant/a.x', since := {})", since),
                  "Asia/Shanghai");
        ASSERT_FALSE(answer.failure) << since << ": " << answer.why();
        EXPECT_EQ(answer.rows.at(0).at(0), Cell{want}) << since;
    };
    h("'2026-01-01 08:05'", 300);
    h("'2026-01-01 08:05+08'", 300);
    h("'2026-01-01T00:05Z'", 300);
    h("'2026-01-01'", 600);
    h("TIMESTAMP '2026-01-01 08:05'", 300);
    h("'2026-01-01 08:05'::timestamptz", 300);
    h("DATE '2026-01-01'", 600);
    h("'-infinity'", 600);
    const Answer shown = asked(
        "SELECT ts, in_zone(ts, 'America/New_York'), ts::VARCHAR, extract(hour FROM ts), "
        "date_trunc('day', ts) FROM readings WHERE tag = 'plant/a.x' AND ts = '2026-01-01 08:00'",
        "Asia/Shanghai");
    ASSERT_FALSE(shown.failure) << shown.why();
    EXPECT_EQ(shown.columns[0].declared, "TIMESTAMP WITH TIME ZONE");
    EXPECT_EQ(shown.columns[1].declared, "TIMESTAMP");
    EXPECT_EQ(shown.rows.at(0),
              (std::vector<Cell>{Time{kStart}, Time{kStart - 5 * kHour}, std::string{"2026-01-01 08:00:00+08"},
                                 std::int64_t{8}, Time{kStart - 8 * kHour}}));
    const Answer last = asked("SELECT max(ts), count(*) FROM last", "Asia/Shanghai");
    ASSERT_FALSE(last.failure) << last.why();
    EXPECT_EQ(last.columns[0].declared, "TIMESTAMP WITH TIME ZONE");
    EXPECT_NE(asked("SELECT 1", "Mars/Olympus").why().find("Mars/Olympus"), std::string::npos);
}

TEST_F(Sql, SaysThatATimeCannotBeRead) {
    const auto f = [](Question asked, std::string_view text, std::uint32_t position) {
        for (const bool zoned : {false, true}) {
            asked.zoned = zoned;
            const Answer answer = run(asked);
            ASSERT_TRUE(answer.failure) << asked.text;
            EXPECT_NE(answer.why().find(fmt::format("\"{}\" cannot be read as a time", text)), std::string::npos)
                << asked.text << ": " << answer.why();
            EXPECT_EQ(answer.failure->position, position) << asked.text;
        }
    };
    f(question("SELECT * FROM readings WHERE ts >= 'yesterdayish'"), "yesterdayish", 36);
    f(question("SELECT '温' FROM readings r WHERE 'soon' < r.ts AND tag = 'a'"), "soon", 34);
    f(question("SELECT * FROM readings WHERE ts BETWEEN '2026-01-01' AND '2026-13-01'"), "2026-13-01", 58);
    f(question("SELECT * FROM readings WHERE ts >= '2026-01-01 08:00+08'"), "2026-01-01 08:00+08", 36);
    f(question("SELECT * FROM readings WHERE ts >= $1", {std::string{"today"}}), "today", 0);
    f(question("SELECT * FROM history(tags := 'plant/a.x', since := 'yesterdayish')"), "yesterdayish", 0);
}

TEST_F(Sql, SaysWhereAStatementIsWrong) {
    const auto f = [](const std::string& text, std::uint32_t position, std::string_view state) {
        const Answer answer = run(text);
        ASSERT_TRUE(answer.failure) << text;
        EXPECT_EQ(answer.failure->position, position) << text << ": " << answer.why();
        EXPECT_EQ(answer.failure->sqlstate, state) << text << ": " << answer.why();
    };
    f("SELCT 1", 1, "42601");
    f("SELECT '温度', nothing FROM tags", 14, "42703");
    f("SELECT * FROM nowhere", 15, "42P01");
    f("SELECT no_such(1)", 8, "42883");
    f("SELECT '温', r.nothing FROM readings r WHERE r.ts > now()", 13, "42703");
    f("SELECT r.ts FROM readings r WHERE r.nothing > 1 AND r.ts > now()", 35, "42703");
    f("SELECT 1; SELECT 2", 0, "42601");
    f("", 0, "42601");
    f("SELECT 'a'::INTEGER", 11, "22P02");
    f("SELECT * FROM history(tags := 'plant/none', since := now())", 0, "22023");
    f("SELECT * FROM history(tags := 'plant/a.x', since := now(), agg := 'middle', every := '1m')", 15, "22023");
    f("SELECT $1", 0, "08P01");
}

TEST_F(Sql, ExplainsWithoutReading) {
    const auto f = [](const std::string& text, std::vector<Cell> parameters = {}) {
        {
            const std::lock_guard lock{plant->mutex};
            plant->asked.clear();
        }
        const Answer answer = run(question(text, std::move(parameters)));
        ASSERT_FALSE(answer.failure) << text << ": " << answer.why();
        EXPECT_GT(answer.rows.size(), 3u) << text;
        EXPECT_EQ(answer.columns.at(0).name, "QUERY PLAN");
        EXPECT_TRUE(plant->asked.empty()) << text;
    };
    f("EXPLAIN SELECT 1");
    f("explain -- how\n SELECT avg(value) FROM readings WHERE ts >= '2026-01-01';");
    f("EXPLAIN SELECT * FROM readings WHERE ts >= $1 AND value > $2", {std::string{"2026-01-01"}, 5.0});
    EXPECT_EQ(run("EXPLAIN SELECT nothing FROM tags").failure->position, 16u);
}

// In our words, which are said in Chinese too, and without advice that nobody can follow.
TEST_F(Sql, SaysTheCommonMistakesInItsOwnWords) {
    const auto f = [](const std::string& text, std::string_view want) {
        const Answer answer = run(text);
        ASSERT_TRUE(answer.failure) << text;
        EXPECT_EQ(answer.failure->error.text(), want) << text;
    };
    f("SELCT 1", "syntax error at or near \"SELCT\"");
    f("SELECT * FROM tags WHERE", "the statement ends too early");
    f("SELECT * FROM tagz", "there is no table \"tagz\"; did you mean \"tags\"?");
    f("SELECT lenth('a')", "there is no function lenth; did you mean length?");
    f("SELECT t.vale FROM last t", "\"t\" has no column \"vale\"");
    f("SELECT x.value FROM last t", "there is no table \"x\" in FROM");
    f("SELECT '温'::INTEGER", "'温' cannot be read as INT32");
    f("SELECT sum(tag) FROM tags", "no function takes sum(VARCHAR): cast what it is given, as in x::DOUBLE");
    f("SELECT tag, count(*) FROM tags", "\"tag\" has to stand in GROUP BY or in an aggregate");
    f("SELECT tag FROM tags a, tags b", "\"tag\" is a column of several tables: say of which, as in a.tag");
    f("SELECT (SELECT i FROM range(3) t(i))",
      "a subquery that stands for a value gives more than one row: end it with LIMIT 1, or take an aggregate");
    EXPECT_TRUE(run("SELECT vale FROM last").why().starts_with("42703 there is no column \"vale\"; there is "));
    EXPECT_EQ(run("SELECT current_setting('TimeZone')").rows.at(0).at(0), Cell{std::string{"UTC"}});
}

TEST_F(Sql, TellsColumnsAndParametersWithoutRunning) {
    std::promise<Outcome<Description>> promise;
    engine->describe(question("SELECT tag, value FROM readings WHERE ts > $1 AND value > $2 AND tag = $3"),
                     [&](auto described) { promise.set_value(std::move(described)); });
    const auto described = promise.get_future().get();
    ASSERT_TRUE(described) << described.error().error.text();
    ASSERT_EQ(described->columns.size(), 2u);
    EXPECT_EQ(described->columns[1], (Column{"value", CellType::number, "DOUBLE"}));
    const std::vector<std::optional<CellType>> want{CellType::time, CellType::number, CellType::text};
    EXPECT_EQ(described->parameters, want);
}

TEST_F(Sql, RefusesWhatIsNotASelectOfItsTables) {
    const auto f = [](const std::string& text, std::string_view state = "42501") {
        const Answer answer = run(text);
        ASSERT_TRUE(answer.failure) << text;
        EXPECT_EQ(answer.failure->sqlstate, state) << text << ": " << answer.why();
    };
    for (const char* const text : {"COPY (SELECT 1) TO '/tmp/gongshu-sql'",
                                   "COPY tags FROM '/etc/passwd'",
                                   "ATTACH '/tmp/x.db'",
                                   "INSTALL httpfs",
                                   "LOAD httpfs",
                                   "SET threads = 8",
                                   "PRAGMA database_list",
                                   "CREATE TABLE t (a INT)",
                                   "DROP VIEW tags",
                                   "INSERT INTO tags VALUES (1)",
                                   "EXPORT DATABASE '/tmp/e'",
                                   "BEGIN",
                                   "COMMIT",
                                   "CHECKPOINT",
                                   "CALL pragma_version()",
                                   "EXPLAIN COPY tags TO '/tmp/x'",
                                   "SELECT current_setting('secret_directory')",
                                   "SELECT system.main.current_setting('allowed_paths')",
                                   "SELECT current_setting('time' || 'zone')",
                                   "SELECT * FROM \"/etc\".\"passwd\"",
                                   "SELECT * FROM \"https://example.org/x\".y.\"z.csv\"",
                                   "DELETE FROM tags",
                                   "SELECT * FROM read_csv('/etc/passwd')",
                                   "SELECT * FROM read_text('/etc/passwd')",
                                   "SELECT * FROM glob('/etc/*')",
                                   "SELECT * FROM query('SELECT 1')",
                                   "SELECT * FROM arrow_scan(1, 2, 3)",
                                   "SELECT * FROM enable_logging()",
                                   "SELECT * FROM duckdb_secrets()",
                                   "SELECT * FROM gongshu_readings(0)",
                                   "SELECT * FROM gongshu_all_tags()",
                                   "SELECT (SELECT count(*) FROM read_blob('/etc/shadow'))",
                                   "FROM read_parquet('https://example.org/x.parquet')",
                                   "SELECT * FROM 'https://example.org/x.csv'",
                                   "SELECT * FROM '/etc/passwd'"})
        f(text);
    f("SELECT getenv('HOME')", "42883");
    f("EXPLAIN ANALYZE SELECT 1", "0A000");
    f("EXPLAIN (FORMAT json) SELECT 1", "0A000");
    EXPECT_EQ(count("SELECT count(*) FROM tags"), 4);
}

TEST_F(Sql, ShowsNobodyWhatIsNotTheirs) {
    Question other = question("SELECT sum(value) FROM readings WHERE ts >= '2026-01-01'");
    other.asker.who.actor.tenant = kOthers;
    other.asker.who.actor.tenant_name = "others";
    Answer answer = run(std::move(other));
    ASSERT_FALSE(answer.failure) << answer.why();
    EXPECT_EQ(answer.rows[0][0], Cell{4711.0});
    EXPECT_EQ(count("SELECT count(*) FROM readings WHERE ts >= '2026-01-01' AND value = 4711"), 0);

    Question limited =
        question("SELECT string_agg(DISTINCT tag, ' ' ORDER BY tag) FROM readings WHERE ts >= '2026-01-01'");
    limited.asker.who.paths = {"plant/b"};
    answer = run(limited);
    EXPECT_EQ(answer.rows.at(0).at(0), Cell{std::string{"plant/b.x"}}) << answer.why();
    EXPECT_TRUE(run([&] {
                    Question direct = question("FROM history(tags := 'plant/a.x', since := '2026-01-01')");
                    direct.asker.who.paths = {"plant/b"};
                    return direct;
                }())
                    .failure);

    Question users = question("SELECT name FROM users");
    users.asker.who.actor.role = registry::Role::none;
    EXPECT_TRUE(run(users).failure);
}

TEST_F(Sql, AsksEgressBeforeARowLeaves) {
    Question asked = question("SELECT count(*) FROM history(tags := 'plant/*.x', since := '2026-01-01')");
    std::vector<std::string> told;
    asked.asker.let_out = [&](std::string_view what) -> Result<void> {
        told.emplace_back(what);
        return Error{Code::denied, "not today"};
    };
    const Answer answer = run(std::move(asked));
    ASSERT_TRUE(answer.failure);
    EXPECT_EQ(answer.failure->error.text(), "not today");
    EXPECT_EQ(answer.failure->sqlstate, "42501");
    EXPECT_EQ(told, (std::vector<std::string>{"plant/*.x"}));
}

TEST_F(Sql, EndsWhatTakesTooMuch) {
    const auto f = [](const std::string& text, Limits limits, std::string_view state) {
        Question asked = question(text);
        asked.limits = limits;
        const Answer answer = run(std::move(asked));
        ASSERT_TRUE(answer.failure) << text;
        EXPECT_EQ(answer.failure->sqlstate, state) << text << ": " << answer.why();
        EXPECT_EQ(count("SELECT count(*) FROM tags"), 4);
    };
    f("SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)", {.time_max = kSecond}, "57014");
    f("SELECT count(*) FROM generate_series(1, 1000000000000)", {.time_max = kSecond}, "57014");
    f("WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r", {.time_max = kSecond},
      "57014");
    f("SELECT * FROM range(100000)", {.rows_max = 99'999}, "54000");
    f("SELECT repeat('x', 10000) FROM range(10000)", {.bytes_max = 10 << 20}, "54000");
    f("SELECT count(*) FROM history(tags := '**', since := '2026-01-01')", {.scanned_max = 1000}, "54000");
    f("SELECT list(i) FROM range(200000000) t(i)", {}, "53200");
}

TEST_F(Sql, IsCancelledFromAnotherThreadAndByForgetting) {
    auto started = start(question("SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)"));
    ASSERT_TRUE(started);
    std::promise<Outcome<Page>> promise;
    (*started)->next([&](auto page) { promise.set_value(std::move(page)); });
    std::thread{[&] { (*started)->cancel(); }}.join();
    const auto page = promise.get_future().get();
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().sqlstate, "57014");
    // So many at once: the ones that were forgotten have to make room.
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(start(question("SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)")));
    // They end when the library looks up from its work, which is soon.
    const Answer answer = run(question("SELECT count(*) FROM tags"));
    EXPECT_FALSE(answer.failure) << answer.why();
    EXPECT_EQ(answer.rows.size(), 1u);
}

// What begins and ends as such a file, and reads as the same rows: tests/e2e/sql_test.py.
TEST_F(Sql, AnswersAsAParquetFile) {
    const auto f = [](const std::string& text) {
        Question asked = question(text);
        asked.parameters = {std::int64_t{3}};
        asked.parquet = true;
        const Answer answer = run(std::move(asked));
        EXPECT_FALSE(answer.failure) << answer.why();
        std::string file;
        for (const auto& row : answer.rows) file += std::get<std::string>(row.at(0));
        EXPECT_TRUE(file.starts_with("PAR1") && file.ends_with("PAR1")) << text << ": " << file.size();
        return file.size();
    };
    const std::size_t small =
        f("SELECT tag, ts, value FROM history(tags := 'plant/*.x', since := '2026-01-01') LIMIT $1;");
    EXPECT_GT(f("SELECT i, hash(i * $1) AS h FROM range(300000) t(i)"), 1'000'000 + small);
    f("FROM tags WHERE length(tag) > $1");
    for (const char* const text :
         {"SELECT", "SELECT nothing FROM tags", "SELECT ('x' || i)::INTEGER FROM range(9) t(i)",
          "COPY tags TO '/gongshu/answer0.parquet'", "FROM '/gongshu/answer0.parquet'",
          "FROM read_parquet('/gongshu/answer0.parquet')"}) {
        Question asked = question(text);
        asked.parameters = {std::int64_t{3}};
        asked.parquet = true;
        EXPECT_TRUE(run(std::move(asked)).failure) << text;
        EXPECT_TRUE(run(text).failure) << text;
    }
    // Whoever goes away in the middle of more than there are outputs leaves all of them free.
    for (int i = 0; i < 6; ++i) {
        Question asked = question("SELECT i, hash(i) AS h FROM range(100000000) t(i)");
        asked.parquet = true;
        ASSERT_TRUE(start(std::move(asked)));
    }
    f("FROM tags WHERE length(tag) > $1");
}

TEST_F(Sql, ReadsParquetFilesThatItWroteAndSaysWhatIsWrongWithOthers) {
    const auto write = [](const std::string& text) {
        Question asked = question(text);
        asked.parquet = true;
        std::string file;
        for (const auto& row : run(std::move(asked)).rows) file += std::get<std::string>(row.at(0));
        return file;
    };
    const auto read = [](std::string_view file, ParquetLimits limits = {}) {
        return parquet_to_csv(library(), *time, as_bytes(file), limits);
    };
    const std::string file = write(
        "SELECT i, i * 0.5 AS \"half, of i\", CASE WHEN i = 1 THEN '运行 \"x\"' END AS t, i % 2 = 0 AS even, "
        "TIMESTAMP_NS '2026-03-01 08:00:00.123456789' AS ts, TIMESTAMPTZ '2026-03-01 08:00:00+08' AS z, DATE "
        "'2026-03-01' AS d, 12.50::DECIMAL(9,2) AS m, [i] AS "
        "l "
        "FROM range(3) r(i)");
    EXPECT_EQ(
        read(file).value_or("?"),
        "i,\"half, of i\",t,even,ts,z,d,m,l\r\n"
        "0,0.0,,true,2026-03-01T08:00:00.123456789,2026-03-01T00:00:00Z,2026-03-01,12.50,[0]\r\n"
        "1,0.5,\"运行 \"\"x\"\"\",false,2026-03-01T08:00:00.123456789,2026-03-01T00:00:00Z,2026-03-01,12.50,[1]\r\n"
        "2,1.0,,true,2026-03-01T08:00:00.123456789,2026-03-01T00:00:00Z,2026-03-01,12.50,[2]\r\n");
    const auto many = read(write("SELECT i FROM range(300000) t(i)"));
    ASSERT_TRUE(many) << many.error().text();
    EXPECT_TRUE(many->ends_with("299999\r\n"));
    EXPECT_EQ(read(write("SELECT i FROM range(300000) t(i)"), {.csv_bytes_max = 1000}).error().code(), Code::limit);
    EXPECT_EQ(read(std::string_view{file}.substr(0, file.size() - 1)).error().code(), Code::malformed);
    EXPECT_EQ(read("PAR1 but nothing else PAR1").error().code(), Code::malformed);
    // Whatever is in it: rows, or a sentence; never more.
    for (std::size_t at = 0; at < file.size(); at += 131) {
        std::string broken = file;
        broken[at] = static_cast<char>(broken[at] ^ 0x55);
        const auto one = read(broken);
        EXPECT_TRUE(one || one.error().code() == Code::malformed || one.error().code() == Code::limit)
            << at << ": " << one.error().text();
    }
}

TEST_F(Sql, StreamsMoreThanItKeeps) {
    EXPECT_EQ(run("SELECT i, 'row ' || i FROM range(300000) t(i)").rows.size(), 300'000u);
}

TEST_F(Sql, RunsAsManyAsATenantMayAndLetsOthersWait) {
    make({.queries_of_tenant_max = 1, .waiting_of_tenant_max = 2});
    auto started = start(question("SELECT i FROM range(100000000) t(i)"));
    ASSERT_TRUE(started);
    using Begun = Outcome<std::shared_ptr<Query>>;
    std::promise<Begun> second, hurried;
    engine->start(question("SELECT i FROM range(100000000) t(i)"),
                  [&](auto begun) { second.set_value(std::move(begun)); });
    Question short_of_time = question("SELECT 1");
    short_of_time.limits.time_max = kSecond;
    engine->start(std::move(short_of_time), [&](auto begun) { hurried.set_value(std::move(begun)); });
    const Answer answer = run("SELECT 1");
    ASSERT_TRUE(answer.failure);
    EXPECT_EQ(answer.failure->sqlstate, "53300");
    const Begun late = hurried.get_future().get();  // and makes room
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().error.text(), "the statement waited 1 s for others to end: ask again, or for less at once");
    (*started)->cancel();
    auto begun = second.get_future().get();
    ASSERT_TRUE(begun);
    std::promise<Begun> last;
    engine->start(question("SELECT 1"), [&](auto one) { last.set_value(std::move(one)); });
    make({});
    const Begun gone = last.get_future().get();
    EXPECT_FALSE(gone);
    std::promise<Outcome<Page>> promise;
    (*begun)->next([&](auto page) { promise.set_value(std::move(page)); });
    while (true) {  // what it had sent already may come before
        auto page = promise.get_future().get();
        if (!page) break;
        promise = {};
        (*begun)->next([&](auto next) { promise.set_value(std::move(next)); });
    }
}

TEST_F(Sql, CancelsWhatWaitsForItsTurnAtOnce) {
    make({.queries_of_tenant_max = 1});
    using Begun = Outcome<std::shared_ptr<Query>>;
    auto first = start(question("SELECT i FROM range(100000000) t(i)"));
    ASSERT_TRUE(first);
    std::promise<Begun> second, third;
    const Engine::Cancel cancel =
        engine->start(question("SELECT 2"), [&](auto begun) { second.set_value(std::move(begun)); });
    engine->start(question("SELECT 3"), [&](auto begun) { third.set_value(std::move(begun)); });
    cancel();
    auto told = second.get_future();
    ASSERT_EQ(told.wait_for(std::chrono::seconds{0}), std::future_status::ready);
    const Begun ended = told.get();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().sqlstate, "57014");
    cancel();
    (*first)->cancel();
    EXPECT_TRUE(third.get_future().get());
    // And what has a turn, but no columns yet.
    std::promise<Begun> slow;
    const Engine::Cancel give_up = engine->start(
        question("SELECT $1, (SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i))", {1.0}),
        [&](auto begun) { slow.set_value(std::move(begun)); });
    give_up();
    const Begun given_up = slow.get_future().get();
    EXPECT_TRUE(given_up || given_up.error().sqlstate == "57014");
    EXPECT_EQ(count("SELECT count(*) FROM tags"), 4);
    make({});
}

// Many statements take more processor time together than one worker has.
TEST_F(Sql, FollowsAWorkerThatHasUsedItsTime) {
    make({.queries_of_tenant_max = 1, .cpu_seconds = 8});
    Question asked = question("SELECT count(*) FROM range(50000000) t(i) WHERE hash(i) % 7 = 3");
    asked.limits.time_max = 10 * kMinute;  // of waiting too, on a machine that does other things
    std::vector<std::promise<std::string>> told(14);
    for (auto& one : told)
        engine->start(asked, [&one](auto begun) {
            if (!begun) return one.set_value(begun.error().error.text());
            const auto query = *begun;
            query->next([&one, query](auto page) { one.set_value(page ? "" : page.error().error.text()); });
        });
    for (auto& one : told) EXPECT_EQ(one.get_future().get(), "");
    make({});
}

TEST_F(Sql, SaysWhatIsMissingWithoutTheLibrary) {
    const auto without = make_engine({{*plant, *plant, *resources}, *time, metrics}, {});
    EXPECT_FALSE(without->available());
    std::promise<std::string> promise;
    without->start(question("SELECT 1"), [&](auto started) { promise.set_value(started.error().error.text()); });
    EXPECT_NE(promise.get_future().get().find("libduckdb.so"), std::string::npos);
}

}  // namespace
}  // namespace gongshu::sql
