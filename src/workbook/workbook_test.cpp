#include "workbook/workbook.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "wire/stored_zip.h"
#include "workbook/number_format.h"

namespace gongshu::workbook {
namespace {

std::string fixture(const std::string& name) {
    std::ifstream file(std::string(GONGSHU_SOURCE_DIR) + "/tests/workbooks/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// "B5" as it is shown; "" = empty.
std::string shown(const Sheet& sheet, std::string_view name) {
    const auto place = parse_cell_name(name);
    const Cell* const cell = sheet.at(place->row, static_cast<std::uint16_t>(place->column));
    return cell == nullptr ? "" : sheet.shown(*cell);
}

TEST(Workbook, NumberFormats) {
    auto f = [](std::string_view code, CellKind want) { EXPECT_EQ(kind_of_format(code), want) << code; };
    f("General", CellKind::number);
    f("0.00E+00", CellKind::number);
    f("#,##0.00;[Red]-#,##0.00", CellKind::number);
    f("0.0%", CellKind::percent);
    f("0\\%", CellKind::number);
    f("yyyy\"年\"m\"月\"d\"日\"", CellKind::date);
    f("yyyy\"年\"m\"月\"d\"日\" h:mm", CellKind::date);
    f("[$-804]yyyy/m/d", CellKind::date);
    f("[DBNum1][$-804]m\"月\"", CellKind::date);
    f("mmm-yy", CellKind::date);
    f("mm/dd", CellKind::date);
    f("h:mm AM/PM", CellKind::time);
    f("上午/下午h\"时\"mm\"分\"", CellKind::time);
    f("mm:ss.0", CellKind::time);
    f("[h]:mm", CellKind::duration);
    f("[mm]:ss", CellKind::duration);
    f("\"day\"0", CellKind::number);
    f("0_d", CellKind::number);
    f("@", CellKind::number);
    f("\"unclosed", CellKind::number);
    f("[unclosed", CellKind::number);
    EXPECT_EQ(kind_of_builtin_format(14), CellKind::date);
    EXPECT_EQ(kind_of_builtin_format(31), CellKind::date);
    EXPECT_EQ(kind_of_builtin_format(20), CellKind::time);
    EXPECT_EQ(kind_of_builtin_format(10), CellKind::percent);
    EXPECT_EQ(kind_of_builtin_format(0), CellKind::number);
}

TEST(Workbook, Dates) {
    auto f = [](double serial, std::string_view want) { EXPECT_EQ(date_text(serial), want); };
    f(0, "00:00:00");
    f(0.5, "12:00:00");
    f(1, "1900-01-01");
    f(59, "1900-02-28");
    f(60, "1900-02-29");
    f(61, "1900-03-01");
    f(25'569, "1970-01-01");
    f(46'027, "2026-01-05");
    f(46'027.354166666664, "2026-01-05 08:30:00");
    f(46'027.99999999999, "2026-01-06");
    f(46'027.5 + 0.001 / 86'400, "2026-01-05 12:00:00.001");
    f(2'958'465, "9999-12-31");
    f(3e6, "3000000");
    f(-1, "-1");
}

TEST(Workbook, CellNames) {
    auto f = [](std::string_view name, std::uint32_t row, std::uint32_t column) {
        const auto place = parse_cell_name(name);
        ASSERT_TRUE(place) << name;
        EXPECT_EQ(place->row, row);
        EXPECT_EQ(place->column, column);
    };
    f("A1", 1, 0);
    f("$AA$10", 10, 26);
    f("XFD1048576", 1'048'576, 16'383);
    for (const std::string_view bad : {"", "A", "1", "A0", "XFE1", "A1048577", "A1x", "AAAAA1"})
        EXPECT_FALSE(parse_cell_name(bad)) << bad;
    EXPECT_EQ(cell_name(10, 26), "AA10");
    EXPECT_EQ(cell_name(1, 701), "ZZ1");
    EXPECT_EQ(cell_name(1, 702), "AAA1");
}

// The same table by four writers.
TEST(Workbook, ReadsWhatOthersWrote) {
    for (const std::string name : {"furnace.xlsx", "furnace.xls", "libreoffice.xlsx", "libreoffice.xls"}) {
        SCOPED_TRACE(name);
        const std::string bytes = fixture(name);
        ASSERT_TRUE(Workbook::is_one(as_bytes(bytes)));
        auto book = Workbook::open(as_bytes(bytes));
        ASSERT_TRUE(book) << book.error().text();
        ASSERT_GE(book->sheets().size(), 4u);
        EXPECT_EQ(book->sheets()[1].name, "一月");
        EXPECT_FALSE(book->sheets()[1].hidden);
        EXPECT_TRUE(book->sheets()[3].hidden);
        const auto sheet = book->read(1);
        ASSERT_TRUE(sheet) << sheet.error().text();
        auto f = [&](std::string_view cell, std::string_view want) { EXPECT_EQ(shown(*sheet, cell), want) << cell; };
        f("A1", "1号炉 温度记录表");
        f("B1", "");
        f("B3", "炉温");
        f("C4", "实际值(℃)");
        f("A5", "2026-01-05 08:00:00");
        f("A6", "2026-01-05 08:30:00");
        f("C6", "851.25");
        f("C7", "—");
        f("A8", "2026年1月5日 上午9:30");
        f("C9", "８５０．５");
        f("A11", "注：实际值由仪表读出");
        EXPECT_EQ(sheet->merges().size(), 4u);
        EXPECT_EQ(sheet->merges()[0].last_column, 5);
        const auto kinds = book->read(2);
        ASSERT_TRUE(kinds) << kinds.error().text();
        auto g = [&](std::string_view cell, std::string_view want) { EXPECT_EQ(shown(*kinds, cell), want) << cell; };
        g("B1", "42");
        g("B2", "-12.5");
        g("B3", "95.3%");
        g("B4", "2026-01-05");
        g("B5", "2026-01-05 08:30:15");
        g("B6", "08:30:00");
        g("B7", "30");
        g("B8", "true");
        g("B9", "你好 & <世界>\n第二行");
        g("B10", "1e-07");
        g("B11", "2026-01-05 18:00:00");
        g("B12", "7");
    }
}

TEST(Workbook, LongTextsOfXls) {
    const std::string bytes = fixture("furnace.xls");
    auto book = Workbook::open(as_bytes(bytes));
    ASSERT_TRUE(book) << book.error().text();
    const auto sheet = book->read(4);
    ASSERT_TRUE(sheet) << sheet.error().text();
    for (std::uint32_t row = 0; row < 20; ++row) {
        std::string wide = std::to_string(row) + ":", narrow = wide;
        for (int i = 0; i < 250; ++i) wide += "甲乙丙丁", narrow += "abcd";
        EXPECT_EQ(sheet->shown(*sheet->at(row + 1, 0)), wide);
        EXPECT_EQ(sheet->shown(*sheet->at(row + 1, 1)), narrow);
    }
}

std::string xlsx_of(const std::string& sheet, const std::string& book_attributes = "") {
    return wire::stored_zip(
        {{"_rels/.rels",
          "<Relationships><Relationship Id='a' Type='http://x/officeDocument' "
          "Target='/xl/workbook.xml'/></Relationships>"},
         {"xl/workbook.xml", "<x:workbook xmlns:x='m' xmlns:r='r'><x:workbookPr " + book_attributes +
                                 "/><x:sheets><x:sheet name='一' sheetId='1' r:id='q'/></x:sheets></x:workbook>"},
         {"xl/_rels/workbook.xml.rels",
          "<Relationships><Relationship Id='q' Type='http://y/worksheet' Target='s.xml'/>"
          "<Relationship Id='t' Type='http://y/sharedStrings' Target='t.xml'/>"
          "<Relationship Id='u' Type='http://y/styles' Target='u.xml'/></Relationships>"},
         {"xl/t.xml",
          "<sst><si><r><t>富</t></r><r><t xml:space='preserve'> "
          "文本</t></r><rPh><t>x</t></rPh></si><si><t>a_x000A_b</t></si></sst>"},
         {"xl/u.xml",
          "<styleSheet><cellStyleXfs><xf numFmtId='9'/></cellStyleXfs><cellXfs><xf numFmtId='0'/><xf "
          "numFmtId='14'/></cellXfs></styleSheet>"},
         {"xl/s.xml", sheet}});
}

TEST(Workbook, KindsOfCells) {
    const std::string bytes = xlsx_of(
        "<worksheet><sheetData><row r='3'><c r='B3' t='s'><v>0</v></c><c t='s'><v>1</v></c><c s='1'><v>10.5</v></c>"
        "<c t='b'><v>0</v></c><c t='e'><v>#DIV/0!</v></c><c t='d'><v>2026-01-05T08:30:00</v></c><c><f>A1</f></c>"
        "<c><v>1,5</v></c></row><row><c><v>7</v></c></row></sheetData></worksheet>",
        "date1904='1'");
    auto book = Workbook::open(as_bytes(bytes));
    ASSERT_TRUE(book) << book.error().text();
    const auto sheet = book->read(0);
    ASSERT_TRUE(sheet) << sheet.error().text();
    auto f = [&](std::string_view cell, std::string_view want) { EXPECT_EQ(shown(*sheet, cell), want) << cell; };
    f("B3", "富 文本");
    f("C3", "a\nb");
    f("D3", "1904-01-11 12:00:00");
    f("E3", "false");
    f("F3", "#DIV/0!");
    f("G3", "2026-01-05 08:30:00");
    f("H3", "");
    f("I3", "1,5");
    f("A4", "7");
    ASSERT_EQ(sheet->notes().size(), 2u);
    EXPECT_EQ(cell_name(sheet->notes()[0].row, sheet->notes()[0].column), "H3");
    const auto one = book->read(0, {.rows_kept_max = 1});
    ASSERT_TRUE(one);
    EXPECT_EQ(one->rows().size(), 1u);
    EXPECT_EQ(one->rows_count(), 2u);
    EXPECT_FALSE(book->read(1));
}

TEST(Workbook, RefusesWithWords) {
    auto f = [](const std::string& bytes, std::string_view want) {
        auto book = Workbook::open(as_bytes(bytes));
        const std::string fault = !book ? book.error().text() : book->read(0) ? "" : book->read(0).error().text();
        EXPECT_NE(fault.find(want), std::string::npos) << want << ": " << fault;
    };
    f("hello", "no Excel workbook");
    f(std::string("PK\x03\x04") + "rest", "no directory");
    f(wire::stored_zip({{"a.csv", "1,2"}}), "zip archive without an Excel workbook");
    f(wire::stored_zip({{"xl/workbook.bin", ""}}), "save it as .xlsx");
    f(wire::stored_zip({{"mimetype", ""}, {"content.xml", ""}}), "OpenDocument");
    const auto sheet = [](const std::string& rows) {
        return xlsx_of("<worksheet><sheetData>" + rows + "</sheetData></worksheet>");
    };
    f(sheet("<row r='1'><c t='s'><v>2</v></c></row>"), "not in the workbook's table");
    f(sheet("<row r='2'><c/></row><row r='0'/>"), "a row has the number '0'");
    f(sheet("<row r='2'><c r='A2'><v>1</v></c></row><row r='1'><c><v>1</v></c></row>"), "out of order");
    f(sheet("<row r='1'><c r='B2'><v>1</v></c></row>"), "is no cell of it");
    f(sheet("<row>"), "xl/s.xml: line 1: mismatched tag");
    f(xlsx_of("<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>"), "DOCTYPE");
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "<a>";
    f(xlsx_of(deep), "within each other");
    f(xlsx_of("<worksheet a='" + std::string(5 << 20, 'x') + "'/>"), "one tag has more than");
    const std::string old = fixture("furnace.xls");
    for (std::size_t cut = 8; cut < old.size(); cut += 997) {
        auto book = Workbook::open(as_bytes(old.substr(0, cut)));
        bool all = book.has_value();
        for (std::size_t i = 0; all && i < book->sheets().size(); ++i) all = book->read(i).has_value();
        EXPECT_FALSE(all) << cut;
    }
}

}  // namespace
}  // namespace gongshu::workbook
