#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/json_writer.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/time_text.h"
#include "base/utf8.h"

namespace gongshu {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return Error{Code::invalid, "{} is odd", number};
    return number / 2;
}

Result<int> quarter(int number) { return TRY(half(TRY(half(number).context("cannot take a quarter of {}", number)))); }

TEST(Utf8, FindsTheFirstBrokenByte) {
    auto f = [](std::string_view text, std::size_t want) { EXPECT_EQ(find_broken_utf8(text), want) << text; };
    const std::size_t none = std::string_view::npos;
    for (const char* good : {"", "plain\n", "温度 é 😀", "\x7f", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\xc2\x80"})
        f(good, none);
    f({"a\0é", 4}, none);
    f("\xff\xfe", 0);
    f("ab\xc3", 2);
    f("ab\xc3(", 2);
    f("é\x80", 2);
    f("\xc0\xaf", 0);          // overlong
    f("\xe0\x9f\xbf", 0);      // overlong
    f("\xf0\x8f\xbf\xbf", 0);  // overlong
    f("a\xed\xa0\x80", 1);     // a surrogate
    f("\xf4\x90\x80\x80", 0);  // past U+10FFFF
    f("\xf5\x80\x80\x80", 0);
    f("x\xe6\xb8", 1);  // cut
}

TEST(Result, TryReturnsTheErrorWithItsContext) {
    EXPECT_EQ(quarter(8).value(), 2);
    const auto failed = quarter(7);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Code::invalid);
    EXPECT_EQ(failed.error().text(), "cannot take a quarter of 7: 7 is odd");
}

TEST(TimeText, FormatsDatesOfAllYears) {
    auto f = [](std::int32_t days, std::string_view want) { EXPECT_EQ(format_date(days), want); };
    f(0, "1970-01-01");
    f(-1, "1969-12-31");
    f(20'513, "2026-03-01");
    f(120'530, "2300-01-01");
    f(2'932'896, "9999-12-31");
    f(-719'162, "0001-01-01");
    f(-719'163, "0001-12-31 (BC)");
    f(INT32_MAX, "infinity");
    f(-INT32_MAX, "-infinity");
    f(INT32_MAX - 1, "5881580-07-10");
}

TEST(TimeText, IsRfc3339) {
    auto f = [](TimeNs time, std::string_view want) { EXPECT_EQ(format_time(time), want); };
    f(0, "1970-01-01T00:00:00Z");
    f(1'700'000'000 * kSecond, "2023-11-14T22:13:20Z");
    f(1'700'000'000 * kSecond + 250 * kMillisecond, "2023-11-14T22:13:20.25Z");
    f(-1, "1969-12-31T23:59:59.999999999Z");
    f(951'782'400 * kSecond, "2000-02-29T00:00:00Z");
}

TEST(TimeText, StampsAreNamesInOrder) {
    for (const TimeNs time : {TimeNs{0}, 951'782'400 * kSecond, 1'700'000'000 * kSecond, 9'214'646'399 * kSecond})
        EXPECT_EQ(parse_stamp(format_stamp(time)), time);
    EXPECT_EQ(format_stamp(1'700'000'000 * kSecond + 5), "20231114T221320Z");
    for (const char* text : {"", "20231114T221320", "20231114t221320Z", "20231314T221320Z", "20230229T221320Z",
                             "20231114T241320Z", "20231114T226020Z", "20231114T221360Z", "2023111aT221320Z",
                             "19691114T221320Z", "22621114T221320Z", "20231114T221320Z "})
        EXPECT_EQ(parse_stamp(text), std::nullopt) << text;
}

TEST(Checksum, Crc32cOfTheStandard) {
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);                                          // RFC 3720, B.4
    EXPECT_EQ(crc32c(as_bytes("56789"), crc32c(as_bytes("1234"))), crc32c(as_bytes("123456789")));  // chained
    EXPECT_EQ(crc32c({}), 0u);
}

TEST(Rng, SameSeedSameNumbers) {
    Rng a{7}, b{7}, c{8};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(a.next(), c.next());
    for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(10), 10u);
}

TEST(JsonWriter, WritesTheSameWhereverTheStringGrows) {
    std::string want = "[", text;
    JsonWriter json(text);
    json.begin_array();
    for (int i = 0; i < 300; ++i) {
        const std::string word(static_cast<std::size_t>(i % 37), 'x');
        want += fmt::format("{}{},\"{}\",\"{}\\\"\"", i > 0 ? "," : "", i - 9, word, word);
        json.integer(i - 9).text(word).text(word + '"');
    }
    EXPECT_EQ(text, want);
}

TEST(JsonWriter, Writes) {
    const auto f = [](auto write, std::string_view want) {
        std::string text;
        JsonWriter json(text);
        write(json);
        EXPECT_EQ(text, want);
    };
    f(
        [](auto& j) {
            j.begin_object().key("a").number(0.1).key("b").begin_array().integer(1).null().end_array().end_object();
        },
        R"({"a":0.1,"b":[1,null]})");
    f([](auto& j) { j.text("q\"\\\n\x01 \xe5\xb7\xa5"); }, "\"q\\\"\\\\\\n\\u0001 \xe5\xb7\xa5\"");
    f([](auto& j) { j.text({}).text(""); }, "\"\",\"\"");
    f([](auto& j) { j.text("\xff\xc0\x80"); }, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    f([](auto& j) { j.begin_array().number(1.0 / 0.0).safe_integer(9007199254740993).end_array(); },
      R"([null,"9007199254740993"])");
}

TEST(Metrics, RendersThePrometheusText) {
    Metrics metrics;
    metrics.counter("gongshu_a_total", "A.", "x=\"1\"").add(3);
    metrics.gauge("gongshu_b", "B.").set(0.5);
    EXPECT_EQ(metrics.render(),
              "# HELP gongshu_a_total A.\n# TYPE gongshu_a_total counter\ngongshu_a_total{x=\"1\"} 3\n"
              "# HELP gongshu_b B.\n# TYPE gongshu_b gauge\ngongshu_b 0.5\n");
}

}  // namespace
}  // namespace gongshu
