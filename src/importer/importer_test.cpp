#include <gtest/gtest.h>

#include <charconv>
#include <set>

#include "base/rng.h"
#include "importer/job.h"
#include "importer/propose.h"
#include "io/sim.h"

namespace gongshu::importer {
namespace {

using namespace std::string_literals;

constexpr TimeNs kNewYear2024 = 1'704'067'200 * kSecond;

// Keeps what an import wrote: the later row wins.
class KeptTarget final : public Target {
public:
    Result<void> write(std::span<const Series> series, Rows rows) override {
        if (fail_after == 0) return Error{Code::io, "the disk is full"};
        --fail_after;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            kept[series[rows.tag(i).value - 1].path][rows.time(i)] =
                rows.quality(i).good() ? gongshu::to_string(rows.value(i)) : to_string(rows.quality(i));
        }
        return {};
    }
    std::map<std::string, std::map<TimeNs, std::string>> kept;
    int fail_after = 1 << 30;
};

std::unique_ptr<io::SimFiles> files_with(std::string_view text) {
    auto files = std::make_unique<io::SimFiles>();
    auto file = files->open("f.csv", io::Open::create_new).value();
    EXPECT_TRUE(file->append(as_bytes(text)));
    return files;
}

struct Done {
    Report report;
    std::map<std::string, std::map<TimeNs, std::string>> kept;
};
Result<Done> import_text(std::string_view text, std::string_view map_text, JobOptions options = {}) {
    const auto files = files_with(text);
    const SimClock clock;
    KeptTarget target;
    const Map map = TRY(parse_map(map_text));
    auto report = TRY(import_file(*files, clock, "f.csv", map, target, options, [](const Progress&) { return true; }));
    return Done{std::move(report), std::move(target.kept)};
}

constexpr std::string_view kPlainMap =
    "time: {column: t, format: s}\n"
    "path: x/{file}\n"
    "columns:\n"
    "  a: a\n";

TEST(Number, IsReadAsFromCharsReadsIt) {
    auto f = [](std::string_view text, std::optional<double> want, NumberStyle style = {}) {
        EXPECT_EQ(parse_number(text, style), want) << text;
    };
    f("0", 0.0);
    f("-0.25", -0.25);
    f("+7", 7.0);
    f(" 7.5\t", 7.5);
    f("12.129000000000001", 12.129000000000001);
    f("2.4987000e-01", 0.24987);
    f("1e400", std::nullopt);
    f("inf", std::nullopt);
    f("nan", std::nullopt);
    f("", std::nullopt);
    f("-", std::nullopt);
    f("+-7", std::nullopt);
    f(".", std::nullopt);
    f("7 8", std::nullopt);
    f("0x10", std::nullopt);
    f("1.234,5", 1234.5, {.decimal = ',', .thousands = '.'});
    f("1 234,5", 1234.5, {.decimal = ',', .thousands = ' '});
    f("1\xc2\xa0"
      "234",
      1234.0, {.thousands = ' '});
    f("1.5", std::nullopt, {.decimal = ','});
    f("1,2,3", std::nullopt, {.decimal = ','});
    f("1,234", 1234.0, {.thousands = ','});
    Rng rng(7);
    for (int i = 0; i < 20'000; ++i) {
        std::string text = rng.chance(0.3) ? "-" : "";
        for (std::uint64_t n = 1 + rng.below(19); n > 0; --n) text += static_cast<char>('0' + rng.below(10));
        if (rng.chance(0.8)) text.insert(text.size() - rng.below(text.size() - (text[0] == '-')), ".");
        double want = 0;
        ASSERT_EQ(std::from_chars(text.data(), text.data() + text.size(), want).ec, std::errc{}) << text;
        ASSERT_EQ(parse_number(text), std::optional{want}) << text << " seed 7, case " << i;
    }
}

TEST(Number, OtherTypes) {
    EXPECT_EQ(parse_integer("9007199254740993"), 9007199254740993);
    EXPECT_EQ(parse_integer("12.0"), 12);
    EXPECT_EQ(parse_integer("12.5"), std::nullopt);
    EXPECT_EQ(parse_integer("9223372036854775808"), std::nullopt);
    EXPECT_EQ(parse_boolean("Yes"), true);
    EXPECT_EQ(parse_boolean("否"), false);
    EXPECT_EQ(parse_boolean("2"), std::nullopt);
    EXPECT_EQ(parse_boolean("falsehood"), std::nullopt);
}

TEST(Encoding, IsFoundOut) {
    auto f = [](std::string_view bytes, Encoding want) { EXPECT_EQ(detect_encoding(as_bytes(bytes)), want) << bytes; };
    f("", Encoding::utf8);
    f("time,a\n1,2\n", Encoding::utf8);
    f("\xef\xbb\xbf"
      "a",
      Encoding::utf8);
    f("温度,压力", Encoding::utf8);
    f("温度,压力"s.substr(0, 8), Encoding::utf8);  // cut within a character
    f("\xff\xfe"
      "a\0"s,
      Encoding::utf16le);
    f("\xfe\xff\0a"s, Encoding::utf16be);
    f("a\0,\0b\0\n\0"s, Encoding::utf16le);
    f("\0a\0,\0b\0\n"s, Encoding::utf16be);
    f("\xce\xc2\xb6\xc8,\xd1\xb9\xc1\xa6", Encoding::gb18030);
    f("Temp [\xb0"
      "C];Gr\xf6\xdf"
      "e",
      Encoding::latin1);
}

TEST(Encoding, AnySplitGivesTheSameText) {
    auto f = [](Encoding encoding, std::string_view bytes, std::string_view want, std::uint64_t replaced = 0) {
        for (std::size_t step = 1; step <= bytes.size(); ++step) {
            auto decoder = TextDecoder::create(encoding).value();
            std::string text;
            for (std::size_t at = 0; at < bytes.size(); at += step)
                decoder.feed(as_bytes(bytes.substr(at, step)), text);
            decoder.finish(text);
            EXPECT_EQ(text, want) << to_string(encoding) << " in steps of " << step;
            EXPECT_EQ(decoder.replaced(), replaced);
        }
    };
    f(Encoding::utf8, "\xef\xbb\xbf温度 😀 x", "温度 😀 x");
    f(Encoding::utf8,
      "a\xff"
      "b\xe6\xb8",
      "a\xef\xbf\xbd"
      "b\xef\xbf\xbd",
      2);
    f(Encoding::utf16le, "\xff\xfe\x29\x6e\xa6\x5e\x3d\xd8\x00\xde"s, "温度😀");
    f(Encoding::utf16be, "\x6e\x29\xd8\x3d"s, "温\xef\xbf\xbd", 1);
    f(Encoding::gb18030, "\xce\xc2\xb6\xc8,\x94\x39\xfc\x36", "温度,😀");
    f(Encoding::gb18030, "a\xff,\xce", "a\xef\xbf\xbd,\xef\xbf\xbd", 2);
    f(Encoding::latin1,
      "21 \xb0"
      "C",
      "21 °C");
}

TEST(Encoding, WhatIsNoTextIsTold) {
    EXPECT_TRUE(check_is_text(as_bytes("a,b\n")));
    EXPECT_NE(check_is_text(as_bytes("\x1f\x8b\x08")).error().text().find("gzip -dk"), std::string::npos);
    EXPECT_NE(check_is_text(as_bytes("PK\x03\x04")).error().text().find("xlsx"), std::string::npos);
}

// All records and faults as one text: fields parted by '|', records by '\n'.
std::string records_of(std::string_view text, const Dialect& dialect, std::size_t step, RecordLimits limits = {}) {
    RecordReader reader{dialect, limits};
    std::string out;
    Record record;
    for (std::size_t at = 0;;) {
        switch (reader.next(record)) {
            case RecordReader::Next::record:
                out += std::to_string(record.line) + ":";
                for (const std::string_view field : record.fields) out += std::string(field) + "|";
                out += "\n";
                break;
            case RecordReader::Next::fault:
                out += std::to_string(record.line) + "!" + reader.fault() + "\n";
                break;
            case RecordReader::Next::more:
                if (at >= text.size()) {
                    EXPECT_EQ(reader.consumed_bytes(), text.size());
                    return out;
                }
                reader.feed(text.substr(at, step));
                at += step;
                if (at >= text.size()) reader.finish();
        }
    }
}

TEST(Records, OfEachDialect) {
    auto f = [](std::string_view text, const Dialect& dialect, std::string_view want, RecordLimits limits = {}) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{3}, text.size()})
            EXPECT_EQ(records_of(text, dialect, step, limits), want) << text << " in steps of " << step;
    };
    f("a,b\n1,2\n", {}, "1:a|b|\n2:1|2|\n");
    f("a,b\r\n1,2", {}, "1:a|b|\n2:1|2|\n");
    f("\n \na,,\n", {}, "3:a|||\n");
    f("a;b\n", {.delimiter = ';'}, "1:a|b|\n");
    f("  1   2 \t 3  \n4\n", {.spaces = true}, "1:1|2|3|\n2:4|\n");
    f("# x\na\n", {.comment = "#"}, "2:a|\n");
    f("\"a,b\",\"c\"\"d\"\n\"e\nf\",g\nh\n", {}, "1:a,b|c\"d|\n2:e\nf|g|\n4:h|\n");
    f("a\"b,c\n", {}, "1:a\"b|c|\n");
    f("\"\",x\n\"\"\n", {}, "1:|x|\n2:|\n");
    f("\"a\",\"b\"\r\nc,\"d\"\r\n", {}, "1:a|b|\n2:c|d|\n");
    f("\"a b\" c\n", {.spaces = true}, "1:a b|c|\n");
    f("\"a,b\n", {.quote = '\0'}, "1:\"a|b|\n");
    f("a\n\"b,c\nd\n", {}, "1:a|\n2!a quote opens here and is not closed\n3:d|\n");
    f("aaaaaaaaa\nb\n", {}, "1!the line is longer than 4 bytes\n2:b|\n", {.record_bytes_max = 4});
    f("a,b,c\nd\n", {}, "1!the line has 3 fields, more than 2\n2:d|\n", {.fields_max = 2});
}

// A dull reader of the same grammar: whole text at once, one character after the other.
std::string dull_records(std::string_view text) {
    std::string out, field, record;
    std::size_t line = 1, begin = 1;
    bool quoted = false, was_quoted = false, any = false;
    const auto end_field = [&] {
        if (!was_quoted && field.ends_with('\r')) field.pop_back();
        record += field + "|";
        field.clear();
        was_quoted = false;
    };
    const auto end_record = [&] {
        end_field();
        if (any) out += std::to_string(begin) + ":" + record + "\n";
        record.clear();
        any = false;
        begin = line;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') ++line;
        if (quoted) {
            if (c != '"')
                field += c;
            else if (i + 1 < text.size() && text[i + 1] == '"')
                field += text[++i];
            else
                quoted = false;
        } else if (c == '\n') {
            end_record();
        } else {
            any = any || (c != ' ' && c != '\r');
            if (c == '"' && field.empty() && !was_quoted)
                quoted = was_quoted = true;
            else if (c == ',')
                end_field();
            else
                field += c;
        }
    }
    if (!field.empty() || !record.empty() || any) end_record();
    return out;
}

TEST(Records, RandomTextsAsADullReaderReadsThem) {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        Rng rng(seed);
        std::string text;
        // Whole records, so that no quote stays open: that case is a fault and told above.
        for (std::uint64_t records = rng.below(8); records > 0; --records) {
            for (std::uint64_t fields = 1 + rng.below(4); fields > 0; --fields) {
                if (rng.chance(0.3)) {
                    text += '"';
                    for (std::uint64_t n = rng.below(6); n > 0; --n)
                        text += std::array{"a", ",", "\n", "\"\"", " "}[rng.below(5)];
                    text += '"';
                } else {
                    for (std::uint64_t n = rng.below(5); n > 0; --n)
                        text += std::array{"a", "b", "7", " "}[rng.below(4)];
                }
                if (fields > 1) text += ',';
            }
            text += '\n';
        }
        const std::string want = dull_records(text);
        for (const std::size_t step : {std::size_t{1}, std::size_t{4}, std::size_t{1000}})
            ASSERT_EQ(records_of(text, {}, step), want) << "seed " << seed << ", steps of " << step << "\n" << text;
    }
}

TEST(Dialect, IsFoundOut) {
    auto f = [](std::string_view text, std::string_view want) {
        EXPECT_EQ(delimiter_name(detect_dialect(text)), want) << text;
    };
    f("a,b\n1,2\n", ",");
    f("a;b;c\n1,5;2,5;3\n1,6;2,7;3\n", ";");
    f("a\tb\n1\t2\n", "tab");
    f("a|b\n1|2\n", "|");
    f("  1 2.5  3\n  2 3.5  4\n", "spaces");
    f("112 \n98 \n", ",");
    f("2024-01-01 00:00:00,1\n2024-01-01 00:01:00,2\n", ",");
}

TEST(Time, Formats) {
    auto f = [](const char* format, std::string_view text, std::optional<TimeNs> want) {
        auto reader = TimeReader::create({format}, "UTC").value();
        const auto read = reader.read(text);
        EXPECT_EQ(read ? std::optional{*read} : std::nullopt, want) << format << " " << text;
    };
    const TimeNs t = kNewYear2024;
    f("iso", "2024-01-01 00:00:00", t);
    f("iso", "2024-01-01T08:00:00+08:00", t);
    f("iso", "2024-01-01T00:00:00.123456789Z", t + 123'456'789);
    f("iso", "2024/1/1 0:05", t + 5 * kMinute);
    f("iso", "2024.01.01", t);
    f("iso", "20240101", t);
    f("iso", "20240101T000102", t + 62 * kSecond);
    f("iso", "2024-01-01 24:00:00", t + kDay);
    f("iso", "2024-01-01 00:00:60", t + 59 * kSecond);
    f("iso", "2024-02-30 00:00:00", std::nullopt);
    f("iso", "2024-01-01 25:00:00", std::nullopt);
    f("iso", "2024-01-01 00:00:00 x", std::nullopt);
    f("iso", "1500-01-01", std::nullopt);
    f("iso", "", std::nullopt);
    f("%d/%m/%Y %H:%M", "1/1/2024 00:00", t);
    f("%d/%m/%Y %H:%M", "13/13/2024 00:00", std::nullopt);
    f("%m/%d/%y %I:%M:%S %p", "01/01/24 12:00:00 AM", t);
    f("%Y年%m月%d日 %p%I时%M分", "2024年1月1日 下午1时05分", t + 13 * kHour + 5 * kMinute);
    f("%d-%b-%Y %T", "01-Jan-2024 00:00:07", t + 7 * kSecond);
    f("%H:%M:%S", "00:00:01.5", kSecond + kSecond / 2);
    f("%Y %j", "2024 2", t + kDay);
    f("%F %R%z", "2024-01-01 08:00+0800", t);
    f("s", "1704067200", t);
    f("s", "1704067200.25", t + kSecond / 4);
    f("s", "-1.5", -kSecond - kSecond / 2);
    f("ms", "1704067200123", t + 123 * kMillisecond);
    f("us", "1704067200000001", t + kMicrosecond);
    f("ns", "1704067200000000001", t + 1);
    f("ns", "99999999999999999999", std::nullopt);
    f("s", "1e3x", std::nullopt);
    f("excel", "45292", t);
    f("excel", "45292.5", t + 12 * kHour);
    f("excel", "45292.000011574", t + kSecond);
    f("excel", "25568.5", -12 * kHour);
    EXPECT_FALSE(TimeReader::create({"%Q"}, "UTC"));
    EXPECT_FALSE(TimeReader::create({"plain"}, "UTC"));
    EXPECT_FALSE(TimeReader::create({"iso"}, "Mars/Olympus"));
}

TEST(Time, SeveralFormatsAndZones) {
    auto both = TimeReader::create({"iso", "%d.%m.%Y %H:%M"}, "Asia/Shanghai").value();
    EXPECT_EQ(*both.read("2024-01-01 08:00"), kNewYear2024);
    EXPECT_EQ(*both.read("01.01.2024 08:00"), kNewYear2024);
    EXPECT_EQ(*both.read("2024-01-01 08:00"), kNewYear2024);
    auto fixed = TimeReader::create({"iso"}, "-0330").value();
    EXPECT_EQ(*fixed.read("2024-01-01"), kNewYear2024 + 3 * kHour + 30 * kMinute);
}

TEST(Time, WhereClocksAreChanged) {
    auto f = [](Repeated repeated, std::string_view text, std::optional<TimeNs> before, std::optional<TimeNs> want) {
        auto reader = TimeReader::create({"iso"}, "Europe/Berlin", repeated).value();
        const auto read = reader.read(text, before);
        EXPECT_EQ(read ? std::optional{*read} : std::nullopt, want) << text;
    };
    const TimeNs first = 1'729'989'000 * kSecond;  // 2024-10-27 02:30 summer time
    for (const Repeated repeated : {Repeated::order, Repeated::earlier})
        f(repeated, "2024-10-27 02:30", std::nullopt, first);
    f(Repeated::order, "2024-10-27 02:30", first - kMinute, first);
    f(Repeated::order, "2024-10-27 02:30", first + kMinute, first + kHour);
    f(Repeated::later, "2024-10-27 02:30", std::nullopt, first + kHour);
    f(Repeated::refuse, "2024-10-27 02:30", std::nullopt, std::nullopt);
    f(Repeated::order, "2024-03-31 02:30", std::nullopt, std::nullopt);
    f(Repeated::order, "2024-03-31 03:30", std::nullopt, 1'711'848'600 * kSecond);
    f(Repeated::order, "2024-10-27 02:30+01:00", std::nullopt, first + kHour);
}

TEST(SeenTimes, AsASetDoes) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        Rng rng(seed);
        SeenTimes seen;
        std::set<TimeNs> model;
        TimeNs time = static_cast<TimeNs>(rng.below(1000)) - 500;
        const TimeNs direction = rng.chance(0.5) ? 1 : -1;
        for (int i = 0; i < 4000; ++i) {
            const double what = rng.uniform();
            if (what < 0.8)
                time += direction * 60;
            else if (what < 0.9)
                time += direction * static_cast<TimeNs>(rng.below(90));
            else if (what < 0.95)
                time -= direction * static_cast<TimeNs>(rng.below(60'000));
            const bool fresh = model.insert(time).second;
            ASSERT_EQ(seen.add(time) == SeenTimes::Answer::fresh, fresh) << "seed " << seed << ", step " << i;
        }
    }
}

TEST(SeenTimes, RegularTimesCostNearlyNothing) {
    SeenTimes seen;
    for (int i = 0; i < 1'000'000; ++i) seen.add(i * kSecond);
    EXPECT_LT(seen.bytes(), 200'000u);
    seen.forget_past();
    EXPECT_EQ(seen.add(5 * kSecond), SeenTimes::Answer::unknown);
    EXPECT_EQ(seen.add(999'999 * kSecond), SeenTimes::Answer::seen);
    EXPECT_EQ(seen.add(1'000'000 * kSecond), SeenTimes::Answer::fresh);
}

TEST(Map, MistakesAreNamed) {
    auto f = [](std::string_view yaml, std::string_view want) {
        const auto map = parse_map(yaml);
        ASSERT_FALSE(map) << yaml;
        EXPECT_NE(map.error().text().find(want), std::string::npos) << map.error().text();
    };
    const std::string time = "time: {column: t, format: s}\n", rest = "path: x\ncolumns: {a: a}\n";
    EXPECT_TRUE(parse_map(time + rest));
    f("", "expected names with values");
    f("[1]", "expected names with values");
    f(rest, "time: is missing");
    f(time + "columns: {a: a}\n", "path: is missing");
    f(time + "path: x\n", "columns: is missing");
    f("time: {column: t}\n" + rest, "time.format: is missing");
    f("time: {column: t, format: iso}\n" + rest, "time.zone: is missing");
    f("time: {start: 2020, step: 1s}\n" + rest, "time.start");
    f("time: {start: \"2020-01-01T00:00:00Z\"}\n" + rest, "time.step: is missing");
    f("time: {start: \"2020-01-01T00:00:00Z\", step: 1s, column: t}\n" + rest, "either column");
    f("time: {column: t, format: iso, zone: UTC, step: 1s}\n" + rest, "step and cycle go with start");
    f(time + rest + "file: {encoding: ebcdic}\n", "file.encoding: 'ebcdic'");
    f(time + rest + "file: {header: 5}\n", "file.header: 5 is no whole");
    f(time + rest + "file: {decimal: \",\", thousands: \",\"}\n", "cannot be the same");
    f(time + rest + "file: {delimiter: xy}\n", "file.delimiter");
    f(time + rest + "wrong: maybe\n", "wrong: 'maybe'");
    f(time + rest + "pth: x\n", "did you mean path?");
    f(time + "path: x\ncolumns: {a: {unit: K}}\n", "columns.a.property: is missing");
    f(time + "path: x\ncolumns: {a: {property: a, scale: 0}}\n", "columns.a.scale");
    f(time + "path: x\ncolumns: {a: {property: a, type: text, scale: 2}}\n", "go with type number");
    f(time + "path: x\ncolumns: {a: {property: a, unit: parsecs_per_beer}}\n", "columns.a.unit");
}

TEST(Import, ReportsEachLineThatCannotBeUsed) {
    const auto done = import_text("t,a\n1,1\nx,2\n2,y\n3\n1,5\n", kPlainMap).value();
    EXPECT_EQ(done.report.rows, 3u);
    EXPECT_EQ(done.report.values, 2u);
    EXPECT_EQ(done.report.bad_rows, 2u);
    EXPECT_EQ(done.report.wrong_values, 1u);
    EXPECT_EQ(done.report.duplicates, 1u);
    ASSERT_EQ(done.report.faults.size(), 3u);
    EXPECT_EQ(done.report.faults[0].line, 3u);
    EXPECT_EQ(done.report.faults[1].line, 4u);
    EXPECT_EQ(done.report.faults[1].column, "a");
    EXPECT_EQ(done.report.faults[2].line, 5u);
    EXPECT_EQ(done.kept.at("x/f.a").size(), 1u);
    EXPECT_EQ(done.kept.at("x/f.a").at(kSecond), "5");
    EXPECT_NE(to_text(done.report).find("line 3, column t: 'x' is no time of the format s"), std::string::npos);
    EXPECT_NE(to_json(done.report).find("\"first_duplicates\":[{\"line\":6,\"ts\":1000000000}]"), std::string::npos);
}

TEST(Import, KeepsWrongValuesAsBadIfAsked) {
    const auto done = import_text("t,a\n1,x\n2,7\n", std::string(kPlainMap) + "wrong: bad\n").value();
    EXPECT_EQ(done.kept.at("x/f.a").at(kSecond), "bad:type");
    EXPECT_EQ(done.kept.at("x/f.a").at(2 * kSecond), "7");
}

TEST(Import, UnitsAndCycles) {
    const auto done = import_text("1 1 10\n1 2 11\n2 1 20\n",
                                  "file: {header: 0}\ntime: {start: \"1970-01-01T00:00:00Z\", step: 1s, cycle: 2}\n"
                                  "path: \"f/engine{1}\"\ncolumns: {3: s}\n")
                          .value();
    EXPECT_EQ(done.kept.at("f/engine1.s").at(2 * kSecond), "11");
    EXPECT_EQ(done.kept.at("f/engine2.s").at(kSecond), "20");
    EXPECT_EQ(done.report.times, 3u);
}

TEST(Import, PathsOfValuesAreEncoded) {
    const std::string map = "time: {column: t, format: s}\npath: \"p/{d}\"\ncolumns: {v: {property: \"{n}\"}}\n";
    const auto done = import_text("t,d,n,v\n1,a/b,c.d,7\n2,a b,e,8\n3,,e,9\n4,a,,9\n", map).value();
    EXPECT_EQ(done.kept.count("p/a%2Fb.c%2Ed"), 1u);
    EXPECT_EQ(done.kept.count("p/a b.e"), 1u);
    EXPECT_EQ(done.report.bad_rows, 2u);
    const auto raw =
        import_text("t,d,v\n1,a/b,7\n2,/a,7\n", "time: {column: t, format: s}\npath: \"p/{d:raw}\"\ncolumns: {v: v}\n")
            .value();
    EXPECT_EQ(raw.kept.count("p/a/b.v"), 1u);
    EXPECT_EQ(raw.report.wrong_values, 1u);
}

TEST(Import, LimitsAreToldAndMemoryStays) {
    JobOptions options;
    options.mapper.series_max = 2;
    options.rows_per_write = 1;
    const auto done = import_text("t,d,a\n1,x,1\n2,y,1\n3,z,1\n4,x,1\n",
                                  "time: {column: t, format: s}\npath: \"p/{d}\"\ncolumns: {a: a}\n", options)
                          .value();
    EXPECT_EQ(done.report.bad_rows, 1u);
    EXPECT_EQ(done.report.faults.at(0).line, 4u);
    EXPECT_EQ(done.report.values, 3u);
    options = {};
    options.mapper.seen_bytes_max = 0;
    const auto forgetful = import_text("t,a\n1,1\n5,1\n3,1\n1,1\n9,1\n9,1\n", kPlainMap, options).value();
    EXPECT_FALSE(forgetful.report.duplicates_complete);
    EXPECT_EQ(forgetful.report.duplicates, 1u);
}

TEST(Import, GoesOnFromALine) {
    JobOptions options;
    options.from_line = 4;
    const std::string map = "time: {start: \"1970-01-01T00:00:00Z\", step: 1s}\npath: x\ncolumns: {a: a}\n";
    const auto done = import_text("a,b\n1,\n2,\n3,\n4,\n", map, options).value();
    EXPECT_EQ(done.kept.at("x.a").size(), 2u);
    EXPECT_EQ(done.kept.at("x.a").at(2 * kSecond), "3");
}

TEST(Import, StopsWhenAskedAndSaysWhere) {
    std::string text = "t,a\n";
    for (int i = 0; i < 1000; ++i) text += fmt::format("{},{}\n", i, i);
    const auto files = files_with(text);
    const SimClock clock;
    KeptTarget target;
    const Map map = parse_map(kPlainMap).value();
    JobOptions options;
    options.rows_per_write = 100;
    int calls = 0;
    const auto report =
        import_file(*files, clock, "f.csv", map, target, options, [&](const Progress&) { return ++calls < 3; }).value();
    EXPECT_TRUE(report.cancelled);
    EXPECT_EQ(report.rows, 300u);
    EXPECT_EQ(report.last_line, 301u);
    EXPECT_EQ(target.kept.at("x/f.a").size(), 300u);
}

TEST(Import, EveryFailedReadAndWriteIsTold) {
    std::string text = "t,a\n";
    for (int i = 0; i < 100; ++i) text += fmt::format("{},{}\n", i, i);
    const SimClock clock;
    const Map map = parse_map(kPlainMap).value();
    for (int nth = 1;; ++nth) {
        const auto files = files_with(text);
        files->fail_nth(nth);
        KeptTarget target;
        const auto report = import_file(*files, clock, "f.csv", map, target, {}, [](const Progress&) { return true; });
        if (!files->fault_fired()) {
            EXPECT_TRUE(report);
            EXPECT_GT(nth, 3);
            break;
        }
        ASSERT_FALSE(report) << "operation " << nth;
        EXPECT_EQ(report.error().code(), Code::io);
    }
    const auto files = files_with(text);
    KeptTarget target;
    target.fail_after = 2;
    JobOptions options;
    options.rows_per_write = 10;
    const auto report = import_file(*files, clock, "f.csv", map, target, options, [](const Progress&) { return true; });
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().text().find(
                  "f.csv: the disk is full; all lines up to 21 are stored: go on with --from-line 22,"),
              std::string::npos)
        << report.error().text();
}

TEST(Heading, NameAndUnit) {
    auto f = [](std::string_view text, std::string_view property, std::string_view unit,
                std::string_view unknown = "") {
        const Heading heading = read_heading(text);
        EXPECT_EQ(heading.property, property) << text;
        EXPECT_EQ(heading.unit, unit) << text;
        EXPECT_EQ(heading.unknown, unknown) << text;
    };
    f("温度(℃)", "温度", "℃");
    f("压力（MPa）", "压力", "MPa");
    f("Temp [degC]", "temp", "degC");
    f("Air temperature [K]", "air_temperature", "K");
    f("CO2(tCO2)", "co2", "", "tCO2");
    f("Usage_kWh", "usage", "kWh");
    f("Level", "level", "");
    f("a-b c", "a_b_c", "");
    f("(x)", "", "", "x");
    f("", "", "");
}

TEST(Propose, DayOrMonthIsFoundOutByLaterRows) {
    auto f = [](std::string_view last, std::string_view want, bool sure) {
        std::string text = "date,v\n";
        for (int day = 1; day <= 12; ++day)
            for (int hour = 0; hour < 24; ++hour) text += fmt::format("{}/{}/2018 {:02}:00,1\n", day, day, hour);
        const auto proposal = propose_map(*files_with(text + std::string(last)), "f.csv");
        ASSERT_TRUE(proposal) << proposal.error().text();
        EXPECT_NE(proposal->find(want), std::string::npos) << *proposal;
        EXPECT_EQ(proposal->find("check\n  zone") == std::string::npos, sure) << *proposal;
    };
    f("", "%d/%m/%Y %H:%M", false);
    f("13/1/2018 00:00,1\n", "%d/%m/%Y %H:%M", true);
    f("1/13/2018 00:00,1\n", "%m/%d/%Y %H:%M", true);
}

TEST(Propose, AFewBrokenTimesAreNoHindrance) {
    std::string text = "when,v\n";
    for (int minute = 0; minute < 60; ++minute)
        text += fmt::format("{}/1/2018 08:{:02},1\n", minute == 30 ? 41 : 13, minute);
    auto f = [](const std::string& rows, std::string_view want) {
        const auto proposal = propose_map(*files_with(rows), "f.csv");
        ASSERT_TRUE(proposal) << proposal.error().text();
        EXPECT_NE(proposal->find(want), std::string::npos) << *proposal;
    };
    f(text, "column: when\n  format: \"%d/%m/%Y %H:%M\"");
    // But words are no times because one of them looks like it.
    for (int i = 0; i < 60; ++i) text += "running,1\n";
    f(text, "no column of times was found");
}

TEST(Propose, MapsThatWork) {
    auto f = [](std::string_view text, std::initializer_list<std::string_view> wants, std::uint64_t rows) {
        const auto files = files_with(text);
        const auto proposal = propose_map(*files, "f.csv");
        ASSERT_TRUE(proposal) << proposal.error().text();
        for (const std::string_view want : wants)
            EXPECT_NE(proposal->find(want), std::string::npos) << want << "\n" << *proposal;
        const auto done = import_text(text, *proposal);
        ASSERT_TRUE(done) << done.error().text() << "\n" << *proposal;
        EXPECT_EQ(done->report.rows, rows) << *proposal << to_text(done->report);
        EXPECT_EQ(done->report.bad_rows + done->report.wrong_values, 0u) << *proposal << to_text(done->report);
    };
    f("timestamp,value\n2013-12-02 21:15:00,73.9\n2013-12-02 21:20:00,74.9\n",
      {"header: 1", "column: timestamp", "format: iso"}, 2);
    f("时间,温度(℃)\n2024年1月1日 8时0分,21.5\n2024年1月1日 8时1分,22\n", {"column: \"时间\"", "unit: \"℃\""}, 2);
    f("date;T [degC]\n31/1/2018 00:15;1,5\n1/2/2018 00:30;2,5\n", {"decimal: \",\"", "%d/%m/%Y %H:%M", "unit: degC"},
      2);
    f("date;time;T\n2024-01-01;08:00:00;1\n2024-01-01;08:01:00;2\n", {"columns: [date, time]"}, 2);
    f("1 1 0.5\n1 2 0.6\n2 1 0.7\n2 2 0.8\n", {"header: 0", "cycle: \"2\"", "unit{1}"}, 4);
    f("0.5 1\n0.7 2.5\n", {"each row is one step", "delimiter: spaces"}, 2);
    f("time,p\ns,kPa\n1700000000,101\n1700000001,102\n", {"header: 2", "format: s", "unit: kPa"}, 2);
    f("device,name,time,value\nP1,T,2024-01-01 00:00:00,1\nP2,T,2024-01-01 00:00:00,2\n", {"import/{device}", "{name}"},
      2);
    f("Logger 7\n\ntime,a,b\n2024-01-01 00:00:00,1,x\n2024-01-01 00:01:00,2,y\n", {"skip: 2", "type: text"}, 2);
    f("Logger 7,,\nnote,,\ntime,a,b\n2024-01-01 00:00:00,1,x\n2024-01-01 00:01:00,2,\n", {"skip: 2", "column: time"},
      2);
    f("time,\"a (x\ny)\"\n2024-01-01 00:00:00,1\n", {"# unit 'x y' is not known here"}, 1);
    f("a,b\n", {}, 1);
    EXPECT_FALSE(propose_map(*files_with(""), "f.csv"));
    std::string wide = "a";
    for (int i = 0; i < 20'000; ++i) wide += ",a";
    const auto refused = propose_map(*files_with(wide + "\n"), "f.csv");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text(),
              "f.csv holds no row that can be used; line 1: the line has 20001 fields, more than 20000");
}

}  // namespace
}  // namespace gongshu::importer
