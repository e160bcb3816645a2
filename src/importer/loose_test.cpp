#include "importer/loose.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "importer/header.h"
#include "importer/job.h"
#include "importer/memory_file.h"
#include "importer/propose.h"
#include "io/loop.h"

namespace gongshu::importer {
namespace {

TEST(Loose, Numbers) {
    auto f = [](std::string_view text, std::optional<double> want, NumberStyle style = {}, std::string_view unit = {}) {
        const auto number = parse_loose_number(text, style, unit);
        ASSERT_EQ(number.has_value(), want.has_value()) << text;
        if (number) {
            EXPECT_EQ(number->value, *want) << text;
        }
    };
    f("12.5", 12.5);
    f("1,250", 1250);
    f("-1,234,567.8", -1234567.8);
    f("1,25", std::nullopt);
    f("12,34,567", std::nullopt);
    f("0,125", std::nullopt);
    f("1,250", 1.25, {.decimal = ','});
    f("1.2万", 12000);
    f("0.0003亿", 30000);
    f("1.1万亿", 1.1e12);
    f("万", std::nullopt);
    f("95.3%", 95.3);
    f("９５．３％", 95.3);
    f("5‰", 5);
    f("￥1,250.50", 1250.5);
    f("８５０．５", 850.5);
    f("－３", -3);
    f("850 ℃", 850, {}, "℃");
    f("850 ℃", std::nullopt, {}, "K");
    f("1.2万件", 12000, {}, "件");
    f("约12", std::nullopt);
    f("<0.01", std::nullopt);
    f("", std::nullopt);
    f(std::string(100, '1') + "x", std::nullopt);
    EXPECT_TRUE(parse_loose_number("1,250", {})->is_doubtful);
    EXPECT_FALSE(parse_loose_number("1,250.0", {})->is_doubtful);
    EXPECT_EQ(parse_loose_number("5‰", {})->share, LooseNumber::Share::permille);
}

TEST(Loose, Leftovers) {
    auto f = [](std::vector<std::string_view> fields, std::string_view want) {
        EXPECT_EQ(leftover_of(fields), want) << fields[0];
    };
    f({"合计", "", "390"}, "a sum");
    f({"", "合 计：", "390"}, "a sum");
    f({"本月合计(件)", "390"}, "a sum");
    f({"Total", "390"}, "a sum");
    f({"注：数据由仪表读出"}, "a note");
    f({"注1: x"}, "a note");
    f({"备注：x"}, "a note");
    f({"审核：张三", "", "制表：李四"}, "a signature");
    f({"2026-01-05", "合计"}, "");
    f({"注塑机1", "5"}, "");
    f({"备注", "x"}, "");
    f({"平均温度", "x"}, "");
    f({"", "", "", "", "合计"}, "");
}

TEST(Loose, Headers) {
    auto f = [](std::vector<std::vector<std::string>> rows, std::vector<std::string> want) {
        EXPECT_EQ(join_header(rows), want);
    };
    f({{"时间", "炉温", "炉温", "压力"}, {"时间", "设定值(℃)", "实际值", "MPa"}},
      {"时间", "炉温 / 设定值(℃)", "炉温 / 实际值", "压力 (MPa)"});
    f({{"时间", "炉温", "", "压力", "产量"}, {"", "设定值", "实际值", "", "(件)"}},
      {"时间", "炉温 / 设定值", "炉温 / 实际值", "压力", "产量 (件)"});
    f({{"a", "b", ""}, {"", "c", ""}, {"", "℃", "Pa"}}, {"a", "b / c (℃)", "b / c (Pa)"});
    f({{"t"}, {"min"}}, {"t / min"});
    f({}, {});
    EXPECT_EQ(heading_text(" 炉温\r\n(℃) "), "炉温 (℃)");
}

TEST(Loose, ChineseTimes) {
    auto reader = TimeReader::create({"zh"}, "Asia/Shanghai");
    ASSERT_TRUE(reader);
    auto f = [&](std::string_view text, std::string_view want) {
        const auto time = reader->read(text);
        EXPECT_EQ(time ? time_text(*time) : "", want) << text;
    };
    f("2026年1月5日 上午8:30", "2026-01-05T00:30:00Z");
    f("2026年1月5日下午3点半", "2026-01-05T07:30:00Z");
    f("2026年01月05日 8时30分15秒", "2026-01-05T00:30:15Z");
    f("2026 年 1 月 5 号 8时", "2026-01-05T00:00:00Z");
    f("２０２６年１月５日　８：３０", "2026-01-05T00:30:00Z");
    f("2026年1月5日（星期一）8:30:15.5", "2026-01-05T00:30:15.500Z");
    f("2026/1/5 8:30", "2026-01-05T00:30:00Z");
    f("2026-1-5 周一 20点", "2026-01-05T12:00:00Z");
    f("2026.1.5", "2026-01-04T16:00:00Z");
    f("26年1月5日", "2026-01-04T16:00:00Z");
    f("2026年1月5日 凌晨12:30", "2026-01-04T16:30:00Z");
    f("2026年1月5日 中午12:30", "2026-01-05T04:30:00Z");
    f("2026年1月5日 中午1:30", "2026-01-05T05:30:00Z");
    f("2026年1月5日 下午15:30", "2026-01-05T07:30:00Z");
    f("2026/1/5 8:30 PM", "2026-01-05T12:30:00Z");
    f("2026年1月5日 晚上12:30", "");
    f("1月5日 8:30", "");
    f("26/1/5", "");
    f("2026年2月30日", "");
    f("2026年1月5日 25:00", "");
    f("2026年1月5日x", "");
    f("", "");
}

std::shared_ptr<const std::string> fixture(const std::string& name) {
    std::ifstream file(std::string(GONGSHU_SOURCE_DIR) + "/tests/workbooks/" + name, std::ios::binary);
    return std::make_shared<const std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class TextTarget final : public Target {
public:
    std::vector<std::string> lines;
    Result<void> write(std::span<const Series> series, Rows rows) override {
        for (std::size_t i = 0; i < rows.size(); ++i)
            lines.push_back(time_text(rows.time(i)) + " " + series[rows.tag(i).value - 1].path + " " +
                            gongshu::to_string(rows.value(i)));
        return {};
    }
};

TEST(Workbooks, AShiftsRecordAsItIs) {
    const auto clock = io::make_system_clock();
    for (const std::string name : {"furnace.xlsx", "furnace.xls", "libreoffice.xlsx", "libreoffice.xls"}) {
        SCOPED_TRACE(name);
        Layout layout = layout_for_proposal();
        if (name == "furnace.xls") layout.sheet = "一月";  // another sheet has more numbers there
        auto proposal = propose_map(*Table::open(make_memory_file(fixture(name)), "炉.xlsx", layout));
        ASSERT_TRUE(proposal) << proposal.error().text();
        for (const std::string_view want :
             {"sheet: \"一月\"", "header: 2", "join_header: true", "skip: 2", "format: zh",
              "\"炉温 / 实际值(℃)\": {property: \"炉温_实际值\"", "\"压力 (MPa)\"", "字典 (hidden)"})
            EXPECT_NE(proposal->find(want), std::string::npos) << want << "\n" << *proposal;
        const auto map = parse_map(*proposal);
        ASSERT_TRUE(map) << map.error().text() << *proposal;
        TextTarget target;
        auto table = Table::open(make_memory_file(fixture(name)), "炉.xlsx", map->layout);
        ASSERT_TRUE(table) << table.error().text();
        const auto report =
            import_table(std::move(*table), *clock, *map, target, {}, [](const Progress&) { return true; });
        ASSERT_TRUE(report) << report.error().text();
        EXPECT_EQ(report->rows, 5u);
        EXPECT_EQ(report->bad_rows + report->wrong_values, 0u) << to_text(*report);
        EXPECT_EQ(report->left_out, 2u);
        EXPECT_EQ(report->doubts, 1u);
        EXPECT_EQ(report->missing_words.at("停机"), 1u);
        ASSERT_EQ(target.lines.size(), 19u) << to_text(*report);
        EXPECT_EQ(target.lines[1], "2026-01-05T08:00:00Z import/炉.炉温_实际值 848.5");
        EXPECT_EQ(target.lines[11], "2026-01-05T09:00:00Z import/炉.产量 12000");
        EXPECT_EQ(target.lines[14], "2026-01-05T09:30:00Z import/炉.产量 1250");
        EXPECT_EQ(target.lines[16], "2026-01-05T10:00:00Z import/炉.炉温_实际值 850.5");
    }
}

TEST(Workbooks, TheSheetMustBeSaid) {
    auto f = [](std::string sheet, std::string_view want) {
        const auto table =
            Table::open(make_memory_file(fixture("furnace.xlsx")), "f.xlsx", {.sheet = std::move(sheet)});
        EXPECT_NE((table ? "" : table.error().text()).find(want), std::string::npos) << table.error().text();
    };
    f("", "f.xlsx: the workbook has 3 sheets with rows: say file.sheet, one of '说明', '一月', '种类'");
    f("二月", "has no sheet '二月'");
    f("9", "has no sheet '9'");
    EXPECT_TRUE(Table::open(make_memory_file(fixture("furnace.xlsx")), "f.xlsx", {.sheet = "2"}));
}

TEST(Workbooks, SharesAndUnits) {
    const auto clock = io::make_system_clock();
    auto f = [&](const std::string& text, const std::string& unit, std::string_view want, std::uint64_t wrong,
                 std::uint64_t doubts) {
        const auto map = parse_map(
            "time: {start: \"2026-01-01T00:00:00Z\", step: 1s}\npath: p\ncolumns: {a: {property: a, unit: \"" + unit +
            "\"}}\n");
        ASSERT_TRUE(map) << map.error().text();
        auto table =
            Table::open(make_memory_file(std::make_shared<const std::string>("a,b\n" + text)), "f.csv", map->layout);
        ASSERT_TRUE(table);
        TextTarget target;
        const auto report =
            import_table(std::move(*table), *clock, *map, target, {}, [](const Progress&) { return true; });
        ASSERT_TRUE(report);
        std::string values;
        for (const std::string& line : target.lines) values += line.substr(line.rfind(' ') + 1) + " ";
        EXPECT_EQ(values, want) << text;
        EXPECT_EQ(report->wrong_values, wrong) << text;
        EXPECT_EQ(report->doubts, doubts) << text;
    };
    f("95.3%,\n", "%", "95.3 ", 0, 0);
    f("95.3%,\n", "1", "0.953 ", 0, 0);
    f("5‰,\n", "%", "0.5 ", 0, 0);
    f("95.3%,\n", "mm", "", 1, 0);
    f("95.3%,\n96,\n97,\n", "%", "95.3 96 97 ", 0, 1);
    f("96,\n95.3%,\n", "%", "96 95.3 ", 0, 1);
    f("12mm,\n", "mm", "12 ", 0, 0);
    f("合计,5\na,b\n", "%", "", 0, 0);
}

}  // namespace
}  // namespace gongshu::importer
