#include "sql/sql.h"

#include <gtest/gtest.h>

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
