#include "base/options.h"

#include <gtest/gtest.h>

namespace gongshu::options {
namespace {

struct Sample {
    std::uint32_t days = 30;
    DurationNs age = 90 * kMinute;
    std::uint64_t size = 64 << 20;
    std::string folder = "data";
    bool lan = false;
    std::vector<std::string> insecure;

    Table table() {
        Table table;
        table.number("retention_days", days, 1, 36500, "Keep this long.")
            .duration("seal_age", age, kSecond, kDay, "Seal after.")
            .bytes("seal_bytes", size, 1024, 1 << 30, "Seal at.")
            .text("folder", folder, "Where.")
            .toggle("lan", lan, "Open to the local network.")
            .list("insecure", insecure, "Listener without TLS.");
        return table;
    }
};

TEST(Options, Parse) {
    Sample sample;
    std::vector<std::string> rest;
    const auto parsed = sample.table().parse({"--retention-days", "7", "x.yaml", "--seal-age=1h30m", "--lan",
                                              "--insecure", "mqtt", "--insecure=modbus", "--seal_bytes", "1GiB"},
                                             rest);
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(sample.days, 7u);
    EXPECT_EQ(sample.age, 90 * kMinute);
    EXPECT_EQ(sample.size, 1u << 30);
    EXPECT_TRUE(sample.lan);
    EXPECT_EQ(sample.insecure, (std::vector<std::string>{"mqtt", "modbus"}));
    EXPECT_EQ(rest, std::vector<std::string>{"x.yaml"});
}

TEST(Options, EachMistakeIsNamed) {
    const auto f = [](std::vector<std::string> arguments, std::string_view want) {
        Sample sample;
        std::vector<std::string> rest;
        const auto parsed = sample.table().parse(arguments, rest);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().text(), want);
    };
    f({"--retention-dais", "7"}, "there is no option --retention-dais: did you mean --retention-days?");
    f({"--zzz", "7"}, "there is no option --zzz");
    f({"--retention-days", "0"}, "option --retention-days: 0 is outside 1 … 36500");
    f({"--retention-days", "7x"}, "option --retention-days: expected a whole number, found '7x'");
    f({"--seal-age", "7"}, "option --seal-age: '7' has the unit '': use us, ms, s, m, h or d, as in 1h30m");
    f({"--seal-age", "99999999999d"}, "option --seal-age: '99999999999d' is too long a time");
    f({"--seal-bytes", "7Mb"},
      "option --seal-bytes: '7Mb' has the unit 'Mb': use KiB, MiB, GiB, kB, MB, GB or TB, or none for bytes");
    f({"--lan=perhaps"}, "option --lan: expected true or false, found 'perhaps'");
    f({"--folder"}, "option --folder needs a value: Where.");
}

TEST(Options, TextsComeBackTheSame) {
    for (const DurationNs duration : {DurationNs{0}, kMillisecond, 90 * kSecond, kDay + kHour, 50 * kMicrosecond})
        EXPECT_EQ(parse_duration(duration_text(duration)).value(), duration);
    for (const std::uint64_t bytes :
         {std::uint64_t{1}, std::uint64_t{1024}, std::uint64_t{3} << 20, std::uint64_t{1500}})
        EXPECT_EQ(parse_bytes(bytes_text(bytes)).value(), bytes);
    EXPECT_EQ(parse_bytes("50GB").value(), 50'000'000'000u);
    EXPECT_FALSE(parse_bytes("9999999999TB"));
}

}  // namespace
}  // namespace gongshu::options
