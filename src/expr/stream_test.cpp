#include "expr/stream.h"

#include <gtest/gtest.h>

#include "expr/columns.h"

namespace gongshu::expr {
namespace {

constexpr TimeNs kStart = 1'772'352'000 * kSecond;

class Plain final : public Scope {
    std::optional<ScopeTag> find(std::string_view name) const override {
        if (name == "s") return ScopeTag{"s", "", ValueType::text, true};
        if (name == "n") return ScopeTag{"n", "", ValueType::integer, true};
        if (name == "x" || name == "y") return ScopeTag{std::string(name), "", ValueType::number, true};
        return std::nullopt;
    }
};

std::shared_ptr<const Program> program_of(std::string_view text) {
    auto program = compile(text, Plain{});
    EXPECT_TRUE(program) << program.error().text;
    return *program;
}

std::string show(const Output& output) {
    const std::string value = output.known ? to_string(output.value) : output.missing ? "missing" : "unknown";
    return fmt::format("{}:{} ", static_cast<double>(output.time - kStart) / 1e9, value);
}

TEST(Stream, TellsEveryReadingAndWhatTimeChanges) {
    const auto stream = Stream::create(program_of("x > 5 for 10s"));
    std::string seen;
    const auto emit = [&](const Output& output) { seen += show(output); };
    stream->feed(0, kStart, 6.0, kGood);
    stream->advance(kStart, emit);
    EXPECT_EQ(seen, "0:false ");
    EXPECT_EQ(stream->next_due(), kStart + 10 * kSecond);
    stream->feed(0, kStart + 4 * kSecond, 7.0, kGood);
    stream->advance(kStart + 60 * kSecond, emit);
    EXPECT_EQ(seen, "0:false 4:false 10:true ");
    EXPECT_EQ(stream->next_due(), std::nullopt);
}

TEST(Stream, WaitsForWhatIsLateAndDropsWhatIsLater) {
    const auto stream = Stream::create(program_of("x + 0"), {.lateness = 5 * kSecond});
    std::string seen;
    const auto emit = [&](const Output& output) { seen += show(output); };
    EXPECT_TRUE(stream->feed(0, kStart + 3 * kSecond, 3.0, kGood));
    stream->advance(kStart + 4 * kSecond, emit);
    EXPECT_TRUE(stream->feed(0, kStart + 1 * kSecond, 1.0, kGood));
    EXPECT_TRUE(stream->feed(0, kStart + 1 * kSecond, 1.5, kGood));
    EXPECT_EQ(stream->next_due(), kStart + 6 * kSecond);
    EXPECT_EQ(seen, "");
    stream->advance(kStart + 7 * kSecond, emit);
    EXPECT_EQ(seen, "1:1.5 ");
    EXPECT_FALSE(stream->feed(0, kStart + 2 * kSecond, 2.0, kGood));
    EXPECT_EQ(stream->dropped(), 1u);
    EXPECT_EQ(stream->decided(), kStart + 2 * kSecond);
    stream->advance(kStart + 8 * kSecond, emit);
    EXPECT_EQ(seen, "1:1.5 3:3 ");
}

TEST(Stream, DecidesTheOldestEarlyAtItsLimit) {
    const auto stream = Stream::create(program_of("x"), {.lateness = kDay});
    std::size_t told = 0;
    const auto emit = [&](const Output&) { ++told; };
    for (std::size_t i = 0; i < kStreamPendingMax + 3; ++i)
        stream->feed(0, kStart + static_cast<TimeNs>(i), 1.0, kGood);
    stream->advance(kStart, emit);
    EXPECT_EQ(told, 3u);
    EXPECT_FALSE(stream->feed(0, kStart, 1.0, kGood));
}

TEST(Columns, ShareTheirTimesOrNot) {
    const std::vector<TimeNs> tens{kStart, kStart + 10, kStart + 20}, fives{kStart + 5, kStart + 10};
    const std::vector<double> x{1, 2, 3}, y{10, 20};
    const auto program = program_of("x + y");
    const Input inputs[] = {{.times = tens, .numbers = x}, {.times = fives, .numbers = y}};
    const Column column = run(*program, inputs);
    EXPECT_EQ(column.times, (std::vector<TimeNs>{kStart, kStart + 5, kStart + 10, kStart + 20}));
    EXPECT_EQ(column.numbers, (std::vector<double>{0, 11, 22, 23}));
    EXPECT_EQ(column.states, (std::vector<std::uint8_t>{row_missing, row_known, row_known, row_known}));
    const std::vector<TimeNs> asked{kStart - 1, kStart + 7, kStart + 99};
    const Column at = run_at(*program, inputs, asked);
    EXPECT_EQ(at.numbers, (std::vector<double>{0, 11, 23}));
    EXPECT_EQ(at.states[0], row_missing);
    const Column late = run(*program, inputs, {.from = kStart + 10});
    EXPECT_EQ(late.numbers, (std::vector<double>{22, 23}));
}

TEST(Columns, TimeAloneMakesOnlySoManySteps) {
    const std::vector<TimeNs> times{kStart};
    const std::vector<double> values{1};
    const Input inputs[] = {{.times = times, .numbers = values}};
    for (const std::string_view text : {"since(x) / 1s", "(now() - time(x)) / 1s", "duration_true(x > 0, 1m) / 1s"}) {
        const Column whole = run(*program_of(text), inputs, {.until = kStart + 30 * kSecond});
        EXPECT_EQ(whole.numbers.back(), 30) << text;
        EXPECT_FALSE(whole.cut);
        const Column cut = run(*program_of(text), inputs, {.until = kStart + 30 * kSecond, .steps_max = 10});
        EXPECT_EQ(cut.numbers.back(), 10) << text;
        EXPECT_TRUE(cut.cut);
    }
}

TEST(Columns, ManyRowsGoInPieces) {
    std::vector<TimeNs> times;
    std::vector<double> x, y;
    std::vector<Quality> qualities;
    for (int i = 0; i < 20'000; ++i) {
        times.push_back(kStart + i);
        x.push_back(i % 7);
        y.push_back(i % 5);
        qualities.push_back(i % 1000 == 999 ? bad(Reason::timeout) : kGood);
    }
    const Input inputs[] = {{.times = times, .numbers = x, .qualities = qualities}, {.times = times, .numbers = y}};
    const auto program = program_of("x * 2 > y");
    const Column column = run(*program, inputs, {.from = times[10]});
    ASSERT_EQ(column.size(), times.size() - 10);
    for (std::size_t i = 0; i < column.size(); ++i) {
        const std::size_t at = i + 10;
        ASSERT_EQ(column.states[i], at % 1000 == 999 ? row_unknown : row_known);
        ASSERT_EQ(column.numbers[i], column.states[i] == row_known && x[at] * 2 > y[at] ? 1 : 0);
    }
    EXPECT_EQ(run_at(*program, inputs, times).times, times);
}

TEST(Columns, PutThemselvesInOrder) {
    const std::vector<TimeNs> times{kStart + 2, kStart, kStart + 2, kStart + 1};
    const std::vector<std::string> values{"old", "a", "new", "b"};
    const auto program = program_of("upper(s)");
    const Input inputs[] = {{.type = ValueType::text, .times = times, .texts = values}};
    EXPECT_EQ(run(*program, inputs).texts, (std::vector<std::string>{"A", "B", "NEW"}));
}

TEST(Columns, NothingGivesNothing) {
    const Input inputs[] = {Input{}};
    EXPECT_EQ(run(*program_of("avg(x, 5m)"), inputs).size(), 0u);
    const std::vector<TimeNs> asked{kStart};
    EXPECT_EQ(run_at(*program_of("avg(x, 5m)"), inputs, asked).states[0], row_missing);
}

TEST(Columns, WhatOverflowsIsUnknownAndTheRestIsNot) {
    const std::vector<TimeNs> times{kStart, kStart + 1, kStart + 2};
    const std::vector<double> values{1, 1e308, 2};
    const Input inputs[] = {{.times = times, .numbers = values}};
    const Column column = run(*program_of("x * 10"), inputs);
    EXPECT_EQ(column.states, (std::vector<std::uint8_t>{row_known, row_unknown, row_known}));
    EXPECT_EQ(column.numbers, (std::vector<double>{10, 0, 20}));
}

}  // namespace
}  // namespace gongshu::expr
