// Conditions on values that a statement's WHERE asks for reach the history, and change no answer: the engine with its
// real worker (engine_test.cpp) over a real history.
#include <gtest/gtest.h>

#include <future>
#include <limits>

#include "base/rng.h"
#include "base/utf8.h"
#include "history/store_test.h"
#include "registry/registry.h"
#include "sql/engine.h"
#include "sql/table.h"

namespace gongshu::sql {
namespace {

constexpr TenantId kOurs{1};
constexpr TimeNs kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kExact = std::int64_t{1} << 53;

struct Answer {
    std::vector<std::vector<Cell>> rows;
    std::uint64_t scanned = 0;
    std::optional<Failure> failure;
    std::string why() const { return failure ? failure->sqlstate + " " + failure->error.text() : ""; }
};

struct Pushing : ::testing::Test {
    static void SetUpTestSuite() {
        store = std::make_unique<history::TestStore>();
        ASSERT_TRUE(store->open());
        store->clock().jump(kStart + kHour - store->clock().now());
        resources = std::move(
            *registry::Registry::create(store->files(), store->clock(), {.folder = "/data/r", .key_folder = "/keys"}));
        ASSERT_TRUE(resources->load());
        fill();
        time = io::make_system_clock();
        EngineOptions options;
        options.library = std::string{GONGSHU_SOURCE_DIR} + "/tools/duckdb/node_modules/@duckdb/node-bindings-linux-" +
#if defined(__aarch64__)
                          "arm64"
#else
                          "x64"
#endif
                          "/libduckdb.so";
        engine = make_engine({{**store, **store, *resources}, *time, metrics}, options);
    }
    static void TearDownTestSuite() {
        engine.reset();
        resources.reset();
        store->close();
        store.reset();
    }

    // Of every type, with what is odd: a reading each second, and a month before it one of each tag.
    static void fill() {
        const std::vector<double> numbers{
            0,   -0.0,      1,          0.5,        89.5,     90,  90.5,
            -1,  kInfinity, -kInfinity, 1e308,      5e-324,   0.1, static_cast<double>(0.1F),
            NAN, 1e1,       0x1p53,     0x1p53 + 2, 0.1 + 0.2};
        const std::vector<std::int64_t> wholes{
            0, 1, 5, 90, 91, -1, kExact - 1, kExact, kExact + 1, kExact + 2, -kExact - 1, INT64_MAX, INT64_MIN};
        const std::vector<std::string> texts{"RUN", "run", "", "STOP", "Ü", "10", "90", "RUN "};
        Rng rng{7};
        Rows rows;
        const auto put = [&](TagId tag, TimeNs at, const Value& value) {
            rows.add({tag, at, value, rng.below(8) == 0 ? bad(Reason::timeout) : kGood});
        };
        for (const char* const device : {"plant/a", "plant/b"}) {
            const TagId number = store->tag(device, "number"), whole = store->tag(device, "whole", ValueType::integer),
                        flag = store->tag(device, "flag", ValueType::boolean),
                        text = store->tag(device, "text", ValueType::text);
            for (int i = -1; i < 400; ++i) {
                const TimeNs at = i < 0 ? kStart - 100 * kDay : kStart + i * kSecond;
                put(number, at, numbers[rng.below(numbers.size())]);
                put(whole, at, wholes[rng.below(wholes.size())]);
                put(flag, at, rng.below(2) == 0);
                put(text, at, texts[rng.below(texts.size())]);
            }
        }
        ASSERT_TRUE(store->append(std::move(rows)));
    }

    static Answer run(std::string text, std::vector<Cell> parameters = {}) {
        Question asked{.text = std::move(text), .parameters = std::move(parameters)};
        asked.asker.who.actor = {kOurs, "default", "user:li", registry::Role::viewer, ""};
        return run(std::move(asked));
    }
    static Answer run(Question asked) {
        asked.asker.who.actor = {kOurs, "default", "user:li", registry::Role::viewer, ""};
        std::promise<Outcome<std::shared_ptr<Query>>> begun;
        engine->start(std::move(asked), [&](auto started) { begun.set_value(std::move(started)); });
        auto started = begun.get_future().get();
        if (!started) return {{}, 0, started.error()};
        Answer answer;
        for (;;) {
            std::promise<Outcome<Page>> promise;
            (*started)->next([&](auto page) { promise.set_value(std::move(page)); });
            auto page = promise.get_future().get();
            if (!page) answer.failure = page.error();
            answer.scanned = (*started)->progress().scanned;
            if (!page || page->rows() == 0) return answer;
            for (std::size_t row = 0; row < page->rows(); ++row) {
                auto& cells = answer.rows.emplace_back();
                for (std::size_t column = 0; column < page->columns(); ++column)
                    cells.push_back(page->cell(column, row));
            }
        }
    }
    // What EXPLAIN says that the history is asked for.
    static std::vector<std::string> asked(const std::string& text, std::vector<Cell> parameters = {}) {
        const Answer answer = run("EXPLAIN " + text, std::move(parameters));
        EXPECT_FALSE(answer.failure) << text << ": " << answer.why();
        std::vector<std::string> lines;
        constexpr std::string_view kBegin = "asked of the history: ";
        for (const auto& row : answer.rows)
            if (const auto& line = std::get<std::string>(row.at(0)); line.starts_with(kBegin))
                lines.push_back(line.substr(kBegin.size()));
        return lines;
    }

    static inline std::unique_ptr<history::TestStore> store;
    static inline std::unique_ptr<Clock> time;
    static inline std::unique_ptr<registry::Registry> resources;
    static inline Metrics metrics;
    static inline std::unique_ptr<Engine> engine;
};

TEST_F(Pushing, AsksForValuesOnlyWhereThatIsRight) {
    const auto f = [](const std::string& text, const std::string& want, std::vector<Cell> parameters = {}) {
        std::string told;
        for (const std::string& line : asked(text, std::move(parameters))) told += (told.empty() ? "" : "; ") + line;
        EXPECT_EQ(told, want) << text;
    };
    const std::string since = "readings: since 2025-12-31T23:59:59Z";
    const auto of_readings = [&](const std::string& condition, const std::string& want,
                                 std::vector<Cell> parameters = {}) {
        f("SELECT * FROM readings WHERE ts >= '2026-01-01' AND " + condition, since + want, std::move(parameters));
    };
    of_readings("value > 90", ", value > 90");
    of_readings("90 > value", ", value < 90");
    of_readings("value >= 90.5 AND 5 <> value", ", value >= 90.5, value != 5");
    of_readings("value BETWEEN 1 AND 2.5", ", value >= 1, value <= 2.5");
    of_readings("value IN (3, 1, 2)", ", value >= 1, value <= 3");
    of_readings("value IN (3)", ", value = 3");
    of_readings("value = '1e1'", ", value = 10");
    of_readings("value > 1e-1 AND value < -90.25 AND value <> 1.7976931348623157e308",
                ", value > 0.1, value < -90.25, value != 1.7976931348623157e+308");
    of_readings("value > 9007199254740.9925", "");  // digits past 2^53
    of_readings("value > $1 AND value < $2", ", value > 1.5, value < 2", {1.5, std::int64_t{2}});
    of_readings("value > $1", ", value > 1.5", {std::string{"1.5"}});
    of_readings("value > $1", ", value > 0.3", {Decimal{"0.3"}});
    of_readings("integer > $1", "", {Decimal{"3"}});
    of_readings("text = $1", "", {Decimal{"3"}});
    of_readings("value > 99999999999999999999", "");
    of_readings("tag = 'plant/a'::VARCHAR AND tag = $1::VARCHAR", ", tags plant/a", {std::string{"plant/a"}});
    of_readings("integer = 9007199254740993", ", integer = 9007199254740993");
    of_readings("integer BETWEEN -1 AND 5", ", integer >= -1, integer <= 5");
    of_readings("text = 'RUN'", ", text = 'RUN'");
    of_readings("text IN ('b', 'a', 'c')", ", text >= 'a', text <= 'c'");
    of_readings("NOT (value > 90)", ", value <= 90");
    of_readings("tag = 'plant/a.number' AND value < 1", ", tags plant/a.number, value < 1");
    // What SQL may compare as something else, or does not compare with a constant.
    for (const char* const condition : {"value + 0 > 90",
                                        "value > epoch(ts)",
                                        "value > NULL",
                                        "value IS DISTINCT FROM 5",
                                        "value NOT IN (1, 2)",
                                        "NOT (value IN (90))",
                                        "(value > 90 OR integer > 3)",
                                        "(value > 90) = true",
                                        "value NOT BETWEEN 1 AND 2",
                                        "value IN (1, NULL)",
                                        "value IN (1, integer)",
                                        "value BETWEEN 1 AND integer",
                                        "value > random()",
                                        "value > 90 - 1",
                                        "value = 1e-1 + 2e-1",
                                        "value = 90.5e0::INTEGER",
                                        "text = 'RUN'::VARCHAR",
                                        "value < 'inf'::DOUBLE",
                                        "value = 'nan'::DOUBLE",
                                        "value::INTEGER > 90",
                                        "integer > 90.5",
                                        "integer > 1e3",
                                        "integer = '5'",
                                        "integer IN (5, 6.5)",
                                        "integer BETWEEN 9007199254740993 AND 1e300",
                                        "text COLLATE NOCASE = 'run'",
                                        "text = 'run' COLLATE NOCASE",
                                        "text LIKE 'R%'",
                                        "text = tag",
                                        "value IN (SELECT 90)",
                                        "value > (SELECT 90)",
                                        "value > ALL (SELECT 90)",
                                        "(value, integer) = (1, 2)"})
        of_readings(condition, "");
    const std::string h = "history(tags := 'plant/**', since := '2026-01-01')";
    f("SELECT * FROM " + h + " WHERE value > 90", "history: value > 90");
    f("SELECT * FROM " + h + " h WHERE h.value > 90 AND ts > '2026-01-01'", "history: value > 90");
    f("SELECT history.value FROM \"History\" ( tags = 'plant/**', since := '2026-01-01') WHERE value > 90",
      "history: value > 90");
    f("SELECT * FROM " + h + " a JOIN " + h + " b ON a.ts = b.ts AND b.value < 5 WHERE a.value > 90",
      "history: value > 90; history: value < 5");
    f("SELECT * FROM " + h + " a LEFT JOIN " + h + " b ON a.ts = b.ts AND b.value < 5 AND a.value > 90",
      "history: value < 5");
    f("SELECT * FROM " + h + " a LEFT JOIN " + h + " b ON a.ts = b.ts WHERE b.value < 5", "history: value < 5");
    f("SELECT * FROM " + h + " a ASOF JOIN " + h +
          " b ON a.tag = b.tag AND a.ts >= b.ts WHERE a.value > 1 AND b.value > 2",
      "history: value > 1");
    f("SELECT * FROM " + h + " a ANTI JOIN " + h + " b ON a.ts = b.ts AND b.value < 5", "");
    f("SELECT * FROM " + h + " a FULL JOIN " + h + " b ON a.ts = b.ts AND b.value < 5 AND a.value > 3", "");
    f("SELECT -value AS value FROM " + h + " WHERE value > 90", "history: value > 90");
    f("SELECT * FROM (SELECT * FROM " + h + ") WHERE value > 90", "");
    f("SELECT * FROM history(tags := 'plant/**', since := '2026-01-01', condition := 'whole > 1') WHERE value > 90",
      "");
    f("SELECT * FROM history(tags := 'plant/**', since := '2026-01-01', every := '1m', agg := 'avg') WHERE avg > 90 "
      "AND (SELECT true) AND good_fraction > 0",
      "");
    f("SELECT * FROM (SELECT * FROM " + h + " WHERE value > 90 LIMIT 3) WHERE value > 95", "history: value > 90");
    f("SELECT * FROM " + h + " AS h(tag, ts, v, q, value) WHERE value > 90", "");
    f("SELECT * FROM " + h + " WITH ORDINALITY WHERE value > 90", "");
    f("SELECT * FROM " + h + " WHERE value > 90 USING SAMPLE 5 ROWS", "");
    f("SELECT * FROM " + h + " TABLESAMPLE 50% WHERE value > 90", "");
    f("SELECT * FROM main.history(tags := 'plant/**', since := '2026-01-01') WHERE value > 90", "");
    f("SELECT * FROM history /* ( */ (tags := 'plant/**', since := '2026-01-01') WHERE value > 90", "");
    f("SELECT * FROM tags t WHERE EXISTS (SELECT 1 FROM " + h + " WHERE tag = t.tag AND value > 90)",
      "history: value > 90");
    for (const char* const own : {"gongshu_bounds := 0, ", "gongshu_bounds = 0, ", "\"GONGSHU_bounds\" := 0, "}) {
        const Answer answer =
            run(fmt::format("FROM history({}tags := '**', since := '2026-01-01') WHERE value > 1", own));
        EXPECT_TRUE(answer.failure && answer.failure->sqlstate == "42501") << own << answer.why();
    }
}

// The newest rows of each tag are enough where each condition leaves out whole tags or what is older.
TEST_F(Pushing, AsksForTheNewestRowsOnlyWhereThatIsRight) {
    const std::string r = "readings WHERE ts >= '2026-01-01'", h = "history(tags := 'plant/**', since := '2026-01-01'",
                      minutes = "history(tags := 'plant/*.number', since := '2026-01-01', every := '1m', agg := 'max')";
    const auto f = [](const std::string& text, const std::string& want) {
        std::string told;
        for (const std::string& line : asked(text)) told += line;
        EXPECT_EQ(told.contains("the newest") ? told.substr(told.find("the newest")) : "", want) << text;
        if (want.empty()) return;
        // The order in one SELECT and the limit in another: nothing is told from them.
        const std::size_t limit = text.find(" LIMIT");
        const Answer with = run(text),
                     without = run(fmt::format("SELECT * FROM ({}){}", text.substr(0, limit), text.substr(limit)));
        ASSERT_FALSE(with.failure) << with.why();
        ASSERT_FALSE(without.failure) << without.why();
        EXPECT_EQ(with.rows, without.rows) << text;
        EXPECT_LT(with.scanned, without.scanned) << text;
    };
    f("SELECT * FROM " + r + " ORDER BY ts DESC, tag LIMIT 10", "the newest 10 of each tag");
    f("SELECT tag, ts, value * 2 AS twice FROM " + r +
          " AND tag LIKE 'plant/a%' ORDER BY ts DESC, tag LIMIT 3 OFFSET 4",
      "the newest 7 of each tag");
    f("SELECT ts, count(*), max(value) FROM " + h + ") GROUP BY ts ORDER BY ts DESC LIMIT 5",
      "the newest 5 of each tag");
    f("SELECT ts, max(\"max\") FROM " + minutes + " GROUP BY ts ORDER BY ts DESC LIMIT 2", "the newest 2 of each tag");
    f("SELECT * FROM " + minutes + " h ORDER BY h.ts DESC, tag LIMIT 2", "the newest 2 of each tag");
    f("SELECT * FROM " + r + " AND tag IN ('plant/a.text', 'plant/b.flag') ORDER BY ts DESC, tag LIMIT 2",
      "the newest 2 of each tag");
    for (const std::string& text :
         {r + " ORDER BY ts LIMIT 10", r + " AND value > 90 ORDER BY ts DESC LIMIT 10",
          r + " AND quality = 'good' ORDER BY ts DESC LIMIT 10", r + " AND ts < '2026-01-02' ORDER BY ts DESC LIMIT 10",
          r + " AND tag <> text ORDER BY ts DESC LIMIT 10", r + " ORDER BY value DESC LIMIT 10",
          r + " ORDER BY tag, ts DESC LIMIT 10", r + " ORDER BY ts DESC LIMIT 20000", r + " ORDER BY ts DESC LIMIT 10%",
          r + " ORDER BY ts DESC", r + " AND extract(second FROM ts) = 0 ORDER BY ts DESC LIMIT 10",
          h + ") a JOIN " + h + ") b USING (ts) ORDER BY ts DESC LIMIT 3",
          r + " QUALIFY row_number() OVER (ORDER BY ts) < 5 ORDER BY ts DESC LIMIT 3"})
        f("SELECT * FROM " + text, "");
    for (const char* const list :
         {"DISTINCT tag, ts", "ts, lag(value) OVER (ORDER BY ts)", "ts, unnest([1, 2])", "-epoch(ts) AS ts",
          "* REPLACE (value AS ts)", "ts, (SELECT 1)", "COLUMNS('t.*')", "ts, random()"})
        f(fmt::format("SELECT {} FROM {} ORDER BY ts DESC LIMIT 3", list, r), "");
    f("SELECT tag, ts, max(value) FROM " + h + ") GROUP BY tag, ts ORDER BY ts DESC LIMIT 3", "");
    for (const std::string_view groups : {"ROLLUP(ts)", "CUBE(ts)", "GROUPING SETS((ts), ())"})
        f("SELECT ts, count(*) FROM " + h + fmt::format(") GROUP BY {} ORDER BY ts DESC NULLS FIRST LIMIT 3", groups),
          "");
    f("SELECT ts, max(value) FROM " + h + ") GROUP BY ts HAVING max(value) > 90 ORDER BY ts DESC LIMIT 3", "");
    f("SELECT ts, max(value) FROM " + h + ") GROUP BY ALL ORDER BY ts DESC LIMIT 3", "");
}

TEST_F(Pushing, TellsNobodyOfItsOwnArgument) {
    const Answer answer = run("FROM history(tag := 'x', since := '2026-01-01') WHERE value > 1");
    EXPECT_NE(answer.why().find("Invalid named parameter \"tag\""), std::string::npos) << answer.why();
    EXPECT_EQ(answer.why().find("gongshu"), std::string::npos) << answer.why();
}

// As a join of rows that satisfy it with those of the same device and time, of which it reads no others.
TEST_F(Pushing, GivesTheRowsOfDevicesWhereTheirConditionsHold) {
    const auto f = [](const std::string& tags, const std::string& condition, const std::string& property,
                      const std::string& where) {
        const std::string rows = fmt::format("history(tags := {}, since := '2025-01-01'", tags);
        const Answer got = run(fmt::format("SELECT * FROM {}, condition := {}) ORDER BY ALL", rows, condition));
        const Answer want =
            run(fmt::format("SELECT r.* FROM {0}) r JOIN (SELECT split_part(tag, '.', 1) AS device, ts FROM "
                            "history(tags := 'plant/*.{1}', "
                            "since := '2025-01-01') WHERE quality NOT LIKE 'bad%' AND {2}) h ON split_part(r.tag, '.', "
                            "1) = h.device AND r.ts "
                            "= h.ts ORDER BY ALL",
                            rows, property, where));
        ASSERT_FALSE(got.failure) << condition << got.why();
        EXPECT_FALSE(want.failure) << condition << want.why();
        EXPECT_EQ(got.rows, want.rows) << condition;
        EXPECT_EQ(got.scanned, got.rows.size());
        EXPECT_GT(got.rows.size(), 10u) << condition;
    };
    f("'plant/**'", "'whole > 4'", "whole", "integer > 4");
    f("['plant/a.number', 'plant/b.text']", "'flag = true'", "flag", "value = 1");
    f("'plant/*.number'", "'text = ''RUN'''", "text", "text = 'RUN'");
    f("'plant/**'", "['number between 0.2 and 90', 'number != 1']", "number",
      "value BETWEEN 0.2 AND 90 AND value <> 1");
    const Answer with_where =
        run("SELECT count(*) FROM history(tags := 'plant/**', since := '2025-01-01', condition := "
            "'whole > 4') WHERE text = 'RUN' AND ts > '2026-01-01'");
    EXPECT_FALSE(with_where.failure) << with_where.why();
    EXPECT_GT(std::get<std::int64_t>(with_where.rows.at(0).at(0)), 10);
}

TEST_F(Pushing, TellsWhatIsNoCondition) {
    const auto f = [](const std::string& arguments, std::string_view want) {
        const Answer answer =
            run(fmt::format("FROM history(tags := 'plant/**', since := '2025-01-01', {})", arguments));
        ASSERT_TRUE(answer.failure) << arguments;
        EXPECT_NE(answer.why().find(want), std::string::npos) << arguments << ": " << answer.why();
    };
    f("condition := 'whole'", "condition: \"whole\" is no condition; give a property");
    f("condition := 5", "condition: \"5\" is no condition");
    f("condition := 'text > 5'", "condition: plant/a.text: its values are texts");
    f("condition := 'colour = 1'", "condition: none of the devices that are asked for has a property \"colour\"");
    f("condition := 'whole > 1', every := '1m'", "condition: goes not with every :=");
    f("condition := NULL", "condition: is NULL or an empty list: give a condition, or leave it out");
    f("condition := []", "condition: is NULL or an empty list");
    f("condition := ['whole > 1', NULL]", "condition: is NULL or an empty list");
    const Answer bound = run("FROM history(tags := 'plant/**', since := '2025-01-01', condition := $1)", {Cell{}});
    EXPECT_NE(bound.why().find("condition: is NULL or an empty list"), std::string::npos) << bound.why();
    const Answer given =
        run("FROM history(tags := 'plant/**', since := '2025-01-01', condition := $1)", {std::string{"whole > 1"}});
    EXPECT_FALSE(given.failure) << given.why();
    const Answer cut = run("FROM history(tags := 'plant/**', since := '2025-01-01', condition := 'x" + [] {
        std::string all;
        for (int i = 0; i < 60; ++i) all += "温";
        return all;
    }() + "')");
    EXPECT_EQ(find_broken_utf8(cut.why()), std::string::npos) << cut.why();
    const Answer nameless = run("FROM history('plant/**', since := '2025-01-01') WHERE value > 90");
    EXPECT_TRUE(nameless.failure) << nameless.why();
    EXPECT_EQ(nameless.why().find("named parameters"), std::string::npos) << nameless.why();
    f(
        "condition := ['whole between 1 and 2'" +
            [] {
                std::string more;
                for (int i = 0; i < 15; ++i) more += ", 'whole > 1'";
                return more;
            }() +
            "]",
        "condition: more than 16 conditions");
}

// Of a property that who asks does not see nothing is told, not even through another of its device, or by another name.
TEST_F(Pushing, TellsNothingByConditionsOnWhatIsNotSeen) {
    const auto ask = [](const std::string& condition, std::vector<std::string> paths, std::string* told = nullptr) {
        Question asked{.text = "SELECT count(*) FROM history(tags := '**', since := '2025-01-01', condition := '" +
                               condition + "')"};
        asked.asker.who.paths = std::move(paths);
        asked.asker.let_out = [told](std::string_view what) -> Result<void> {
            if (told != nullptr) *told = what;
            return {};
        };
        return run(std::move(asked));
    };
    std::string told;
    EXPECT_FALSE(ask("number > 1", {"plant/a.text", "plant/a.number"}, &told).failure);
    EXPECT_EQ(told, "** where number > 1");
    std::string tags;
    for (int i = 0; i < 40; ++i) tags += (i == 0 ? "" : ", ") + std::string{"'plant/*'"};
    Question many{.text = "SELECT count(*) FROM history(tags := [" + tags +
                          "], since := '2025-01-01', condition := 'number > 1')"};
    many.asker.let_out = [&told](std::string_view what) -> Result<void> {
        told = what;
        return {};
    };
    EXPECT_FALSE(run(std::move(many)).failure);
    EXPECT_TRUE(told.ends_with(" where number > 1")) << told;
    const Answer hidden = ask("whole > 1", {"plant/a.text", "plant/a.number"}), none = ask("colour > 1", {"plant/a"});
    EXPECT_NE(hidden.why().find("has a property \"whole\""), std::string::npos) << hidden.why();
    EXPECT_NE(none.why().find("has a property \"colour\""), std::string::npos) << none.why();
}

TEST_F(Pushing, ReadsNoMoreThanThat) {
    const auto f = [](const std::string& condition, std::uint64_t most) {
        const Answer answer = run("SELECT count(*) FROM readings WHERE ts >= '2025-01-01' AND " + condition);
        EXPECT_FALSE(answer.failure) << condition << ": " << answer.why();
        EXPECT_EQ(answer.rows.at(0).at(0), Cell{static_cast<std::int64_t>(answer.scanned)}) << condition;
        EXPECT_LE(answer.scanned, most) << condition;
        EXPECT_GT(answer.scanned, 0u) << condition;
    };
    f("value > 91 AND value < 1e300", 400);  // 2^53 and what is near it
    f("value = 0.1", 100);
    f("integer = 5", 200);
    f("text = 'STOP'", 200);
    f("value > 0.5 AND value < 1.5 AND tag IN ('plant/a.flag', 'plant/b.flag')", 802);
    f("value <= 1e300 AND value >= -1e300", 3 * 802);
}

// What DuckDB works out itself, and what it never comes to: beside it the same where nothing can be told.
TEST_F(Pushing, ChangesNothingThatIsWorkedOut) {
    const Decimal half{"0.5"};
    const std::vector<std::pair<std::string, std::vector<Cell>>> conditions{
        {"value = 1e-1 + 2e-1", {}},
        {"value = 1e-1", {}},
        {"value = 90.5e0::INTEGER", {}},
        {"integer > 4.5e0::BIGINT", {}},
        {"value = 0.1", {}},
        {"value = 90.5e0", {}},
        {"integer = $1::BIGINT", {Decimal{"9007199254740993"}}},
        {"integer = $1", {Decimal{"9007199254740993"}}},
        {"integer = $1", {std::int64_t{9007199254740993}}},
        {"integer > $1", {half}},
        {"text = $1::VARCHAR", {Decimal{"10"}}},
        {"text = $1", {Decimal{"10"}}},
        {"value < $1::INTEGER", {half}},
        {"value < $1", {half}},
        {"value = 2 * $1", {Decimal{"45.25"}}},
        {"value IN ($1, 90)", {Decimal{"90.5"}}},
        {"value BETWEEN $1 AND '90.5'", {half}},
        {"value = 5e-324", {}},
        {"value > -1e308 AND value < 1e308", {}},
        {"value > 9007199254740992.0", {}},
        {"value = 9007199254740993", {}},
        {"false AND value > 300::TINYINT", {}},
        {"false AND value > 'abc'::INTEGER", {}},
        {"false AND text = 5::TINYINT::VARCHAR", {}},
        {"ts < '2027-01-01'::TIMESTAMP + to_days(2.5e0::INTEGER)", {}},
        {"ts < '2025-12-29 00:03:00'::TIMESTAMP + to_days($1::INTEGER)", {Decimal{"2.5"}}},
        {"ts > '2025-12-29 00:03:00'::TIMESTAMP + to_days(2.5e0::INTEGER)", {}},
        {"ts > '2026-01-01'::TIMESTAMP + to_hours($1)", {std::int64_t{0}}},
        {"false AND ts > make_timestamp(2026, 13, 1, 0, 0, 0)", {}},
        {"false AND ts > 'abc'::DATE", {}},
        {"false AND tag = 300::TINYINT::VARCHAR", {}}};
    for (const auto& [condition, parameters] : conditions) {
        const auto ask = [&, &given = parameters](const std::string& what) {
            return run("SELECT * FROM readings WHERE ts >= '2025-01-01' AND " + what + " ORDER BY ALL", given);
        };
        const Answer with = ask(condition), without = ask("((" + condition + ") OR false)");
        EXPECT_EQ(with.why(), without.why()) << condition;
        EXPECT_EQ(with.rows, without.rows) << condition;
        EXPECT_TRUE(condition.starts_with("false") || !with.rows.empty()) << condition;
    }
    const std::string h = "history(tags := 'plant/**', since := '2025-01-01')";
    for (const std::string& text : std::vector<std::string>{
             "SELECT * FROM " + h + " WHERE value > 'abc'::INTEGER LIMIT 0",
             "WITH unused AS (SELECT * FROM " + h + " WHERE value > 300::TINYINT) SELECT 1",
             "SELECT count(*) FROM tags t LEFT JOIN " + h + " h ON false AND h.value > 'abc'::INTEGER",
             "SELECT count(*) FROM tags t LEFT JOIN readings h ON false AND h.ts > 'abc'::DATE AND h.ts > '2026-01-01'",
             "SELECT * FROM readings WHERE ts > 'abc'::DATE AND ts > '2026-01-01' LIMIT 0",
             "WITH unused AS (SELECT * FROM readings WHERE ts > to_days(300::TINYINT) + '2026-01-01'::DATE) SELECT 1"})
        EXPECT_FALSE(run(text).failure) << text << ": " << run(text).why();
    const Answer told = run("SELECT * FROM readings WHERE ts > '2025-01-01' AND value > 'abc'::INTEGER");
    ASSERT_TRUE(told.failure);
    EXPECT_EQ(told.why(), "22P02 'abc' cannot be read as INT32");
    const Answer time = run("SELECT * FROM readings WHERE ts > '2025-01-01' AND ts > 'abc'::DATE");
    EXPECT_TRUE(time.failure && time.failure->sqlstate != "22000") << time.why();
}

TEST_F(Pushing, ReadsListsItself) {
    const auto list = [](int count) {
        std::string text = "0.5";
        for (int i = 1; i < count; ++i) text += fmt::format(", {}.25", i);
        return text;
    };
    EXPECT_EQ(asked("SELECT * FROM readings WHERE ts >= '2026-01-01' AND value IN (" + list(1000) + ")"),
              std::vector<std::string>{"readings: since 2025-12-31T23:59:59Z, value >= 0.5, value <= 999.25"});
    EXPECT_EQ(asked("SELECT * FROM readings WHERE ts >= '2026-01-01' AND value IN (" + list(1001) + ")"),
              std::vector<std::string>{"readings: since 2025-12-31T23:59:59Z"});
    const Answer many =
        run("SELECT count(*) > 0 FROM readings WHERE ts >= '2025-01-01' AND value IN (" + list(20'000) + ")");
    EXPECT_FALSE(many.failure) << many.why();
    EXPECT_EQ(many.rows, (std::vector<std::vector<Cell>>{{true}}));
}

// The same statement, and one whose conditions nothing can be told from.
TEST_F(Pushing, ChangesNoAnswer) {
    const std::uint64_t seed = history::test_seed();
    SCOPED_TRACE(fmt::format("SEED={}", seed));
    Rng rng{seed};
    const auto one_of = [&](const std::vector<std::string>& all) { return all[rng.below(all.size())]; };
    const std::vector<std::string> numbers{"0",
                                           "-0.0",
                                           "1",
                                           "0.5",
                                           "90",
                                           "-1",
                                           "89.5",
                                           "1e308",
                                           "5e-324",
                                           "0.1",
                                           "0.1::FLOAT",
                                           "90.5::DECIMAL(9,3)",
                                           "9007199254740991",
                                           "9007199254740992",
                                           "9007199254740993",
                                           "9007199254740994.0",
                                           "-9007199254740993",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "'inf'::DOUBLE",
                                           "'nan'::DOUBLE",
                                           "'-inf'::DOUBLE",
                                           "'1e1'",
                                           "5::HUGEINT",
                                           "5::UTINYINT",
                                           "99999999999999999999",
                                           "NULL",
                                           "NULL::DOUBLE",
                                           "$1",
                                           "$2",
                                           "$3",
                                           "45 * 2",
                                           "0.333333"};
    const std::vector<std::string> texts{"'RUN'", "'run'", "''", "'Ü'", "'STOP'", "'zzz'", "$3", "NULL", "'10'"};
    const std::vector<Cell> parameters{90.5, std::int64_t{1}, std::string{"10"}};
    std::size_t pushed = 0, failed = 0;
    for (int round = 0; round < 100; ++round) {
        const auto condition = [&](const std::string& table) -> std::string {
            const std::string column = one_of({"value", "value", "integer", "text"});
            const auto& constants = column == "text" ? texts : numbers;
            const std::string name = fmt::format("{{{}{}}}", table, column);
            switch (rng.below(6)) {
                case 0:
                    return fmt::format("{} BETWEEN {} AND {}", name, one_of(constants), one_of(constants));
                case 1:
                    return fmt::format("{} IN ({}, {}, {})", name, one_of(constants), one_of(constants),
                                       one_of(constants));
                case 2:
                    return fmt::format("{} {} {}", one_of(constants), one_of({"<", "<=", "=", "<>", ">=", ">"}), name);
                default:
                    return fmt::format("{} {} {}", name, one_of({"<", "<=", "=", "<>", ">=", ">"}), one_of(constants));
            }
        };
        const std::string h = "history(tags := 'plant/**', since := '2025-01-01')";
        std::string text;
        if (const auto kind = rng.below(6); kind == 0) {
            text = fmt::format(
                "SELECT a.tag, b.tag, count(*), max(b.value), min(a.ts) FROM {0} a {1} JOIN {0} b ON a.ts = b.ts AND "
                "{2} WHERE "
                "a.tag = 'plant/a.number' AND {3} GROUP BY ALL",
                h, one_of({"", "LEFT", "RIGHT", "FULL"}), condition("b."), condition(one_of({"a.", "b."})));
        } else if (kind == 1) {
            text = fmt::format("SELECT tag, count(*), max(value), max(text) FROM {} WHERE {} GROUP BY ALL", h,
                               condition(""));
        } else {
            text = fmt::format("SELECT * FROM readings WHERE ts >= '2025-01-01' AND {}", condition(""));
            while (rng.below(2) == 0) text += " AND " + condition("");
        }
        // The column as it is, and as an expression that nothing is told from.
        std::string plain, other;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t open = std::min(text.find('{', at), text.size()), close = text.find('}', open);
            for (std::string* const to : {&plain, &other}) to->append(text, at, open - at);
            if (open == text.size()) break;
            const std::string column = text.substr(open + 1, close - open - 1);
            plain += column;
            other += fmt::format("coalesce({0}, {0})", column);
            at = close + 1;
        }
        // So that every parameter is somewhere.
        const auto used = [](const std::string& statement) {
            return fmt::format(
                "SELECT * FROM ({}) WHERE $1::DOUBLE > 0 AND $2::BIGINT > 0 AND $3::VARCHAR <> '' ORDER BY ALL",
                statement);
        };
        const Answer with = run(used(plain), parameters), without = run(used(other), parameters);
        ASSERT_EQ(with.failure.has_value(), without.failure.has_value()) << plain << "\n"
                                                                         << with.why() << "\n"
                                                                         << without.why();
        failed += with.failure ? 1 : 0;
        ASSERT_EQ(with.rows, without.rows) << plain;
        ASSERT_LE(with.scanned, without.scanned) << plain;
        pushed += with.scanned < without.scanned ? 1 : 0;
    }
    EXPECT_GT(pushed, 20u);
    EXPECT_LT(failed, 60u);
}

}  // namespace
}  // namespace gongshu::sql
