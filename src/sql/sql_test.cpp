#include "sql/sql.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "sql/sql_time.h"
#include "sql/testing/fake_engine.h"

namespace gongshu::sql {
namespace {

const std::vector<Column> kColumns{{"tag", CellType::text, "VARCHAR"},           {"ts", CellType::time, "TIMESTAMP_NS"},
                                   {"value", CellType::number, "DOUBLE"},        {"day", CellType::date, "DATE"},
                                   {"paid", CellType::decimal, "DECIMAL(10,2)"}, {"n", CellType::integer, "BIGINT"},
                                   {"ok", CellType::boolean, "BOOLEAN"}};

TEST(Page, GivesBackEveryTypeAndNull) {
    const std::vector<std::vector<Cell>> rows{
        {std::string{"plant/a.x"}, Time{1'700'000'000'000'000'001}, 1.5, Date{-1}, Decimal{"-12.50"},
         std::int64_t{INT64_MIN}, true},
        {{}, {}, {}, {}, {}, {}, {}},
        {std::string{}, Time{-5}, -0.0, Date{20'000}, Decimal{"0"}, std::int64_t{7}, false}};
    const Page page = testing::page_of(kColumns, rows);
    ASSERT_EQ(page.rows(), rows.size());
    for (std::size_t row = 0; row < rows.size(); ++row)
        for (std::size_t column = 0; column < kColumns.size(); ++column)
            EXPECT_EQ(page.cell(column, row), rows[row][column]) << row << ' ' << column;
}

TEST(SqlTime, ReadsWhatIsWrittenInAZoneOrWithAnOffset) {
    const auto f = [](std::string_view text, const std::string& zone, const std::string& want) {
        const auto time = read_sql_time(text, calendar::Zone::create(zone).value());
        ASSERT_TRUE(time) << text << ": " << time.error().text();
        EXPECT_EQ(format_time(*time), want) << text << " in " << zone;
    };
    f("2026-11-01", "", "2026-11-01T00:00:00Z");
    f("2026-11-01", "Asia/Shanghai", "2026-10-31T16:00:00Z");
    f("2026-1-2 8:05", "Asia/Shanghai", "2026-01-02T00:05:00Z");
    f("2026-11-01 08:00:00.5", "Asia/Shanghai", "2026-11-01T00:00:00.5Z");
    f("2026-11-01T08:00:00.1234567891", "", "2026-11-01T08:00:00.123456789Z");
    f("2026-11-01 24:00", "", "2026-11-02T00:00:00Z");
    for (const char* const same : {"2026-11-01 08:00+08", "2026-11-01 08:00:00+08:00", "2026-11-01T00:00Z",
                                   "2026-11-01 00:00:00 UTC", "2026-10-31 20:30:00 -0330", " 2026-11-01 08:00 +08 "})
        f(same, "America/New_York", "2026-11-01T00:00:00Z");
    f("2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30:00Z");  // comes twice
    f("2026-03-29 02:30", "Europe/Berlin", "2026-03-29T01:00:00Z");  // never comes
    f("1969-12-31 23:59:59.25", "", "1969-12-31T23:59:59.25Z");
    for (const char* const wrong : {"", "yesterdayish", "2026", "2026-13-01", "2026-02-30", "2026-11-01 25:00",
                                    "2026-11-01 08", "2026-11-01 08:60", "2026-11-01 08:00:00.", "2026-11-01 08:00+",
                                    "2026-11-01 08:00+99", "2026-11-01 08:00 Asia/Tokyo", "08:00", "2026-11-01 24:01",
                                    "2026-11-01x", "20260-1-1", "1500-01-01", "2300-01-01"})
        EXPECT_FALSE(read_sql_time(wrong, calendar::Zone::create("").value())) << wrong;
}

TEST(FakeEngine, CancelsWhatWaits) {
    testing::FakeEngine engine;
    engine.prepare("select later", {.waits = true});
    std::string state;
    const Engine::Cancel cancel =
        engine.start({.text = "select later"}, [&](auto started) { state = started.error().sqlstate; });
    EXPECT_EQ(engine.waiting(), 1u);
    cancel();
    cancel();
    EXPECT_EQ(state, "57014");
    EXPECT_EQ(engine.waiting(), 0u);
}

TEST(FakeEngine, GivesPagesThenTheEndAndForgetsNobody) {
    testing::FakeEngine engine;
    engine.prepare("select 1",
                   {.columns = {{"1", CellType::integer, "INTEGER"}},
                    .pages = {testing::page_of({{"1", CellType::integer, "INTEGER"}}, {{std::int64_t{1}}})}});
    std::shared_ptr<Query> query;
    engine.start({.text = "select 1"}, [&](auto started) { query = *started; });
    ASSERT_NE(query, nullptr);
    std::vector<std::size_t> rows;
    for (int i = 0; i < 2; ++i) query->next([&](auto page) { rows.push_back(page->rows()); });
    EXPECT_EQ(rows, (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(engine.running(), 1u);
    query.reset();
    EXPECT_EQ(engine.running(), 0u);
}

TEST(FakeEngine, CancelEndsWhatHangs) {
    testing::FakeEngine engine;
    engine.prepare("select slow", {.hangs = true});
    std::shared_ptr<Query> query;
    engine.start({.text = "select slow"}, [&](auto started) { query = *started; });
    std::string state;
    query->next([&](auto page) { state = page ? "" : page.error().sqlstate; });
    EXPECT_EQ(state, "");
    query->cancel();
    EXPECT_EQ(state, "57014");
}

TEST(FakeEngine, RefusesWhatNobodyPrepared) {
    testing::FakeEngine engine;
    std::uint32_t position = 0;
    engine.start({.text = "selct"}, [&](auto started) { position = started.error().position; });
    EXPECT_EQ(position, 1u);
}

}  // namespace
}  // namespace gongshu::sql
