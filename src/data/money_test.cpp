#include "data/money.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <set>

#include "base/rng.h"

namespace gongshu {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::int64_t any_total(Rng& rng) {
    const auto bits = rng.below(64);
    const auto size = static_cast<std::int64_t>(bits == 0 ? 0 : rng.next() >> (64 - bits));
    return rng.chance(0.3) ? -size : size;
}

std::vector<std::int64_t> any_weights(Rng& rng) {
    std::vector<std::int64_t> weights(1 + rng.below(rng.chance(0.1) ? 40 : 6));
    const auto bits = 1 + rng.below(62);
    for (std::int64_t& weight : weights) weight = 1 + static_cast<std::int64_t>(rng.next() >> (64 - bits));
    if (rng.chance(0.3)) std::ranges::fill(weights, weights.front());  // ties
    return weights;
}

TEST(Money, Text) {
    auto f = [](const char* text, const char* want) {
        const auto money = parse_money(text);
        EXPECT_EQ(money ? to_string(*money) : std::string(money.error().text()), want) << text;
    };
    f("12.50 CNY", "12.50 CNY");
    f("-0.07 CNY", "-0.07 CNY");
    f("5 JPY", "5 JPY");
    f("1.234 KWD", "1.234 KWD");
    f("1e3 CNY", "1000.00 CNY");
    f("92233720368547758.07 CNY", "92233720368547758.07 CNY");
    f("-0.5 JPY", "\"-0.5 JPY\" cannot be told in 0 digits after the point, which JPY has, and 64 bits");
    f("12.505 CNY", "\"12.505 CNY\" cannot be told in 2 digits after the point, which CNY has, and 64 bits");
    f("1e17 CNY", "\"1e17 CNY\" cannot be told in 2 digits after the point, which CNY has, and 64 bits");
    f("12.50", "\"12.50\" is not money; expected an amount and a currency, such as 12.50 CNY");
    f("12.50 XYZ", "\"12.50 XYZ\" is not money; expected an amount and a currency, such as 12.50 CNY");
    f("one CNY", "\"one\" is not a number; expected digits such as 12.50");
    EXPECT_EQ(to_string(Money{INT64_MIN, "CNY"}), "-92233720368547758.08 CNY");
}

TEST(Money, SumsOfOneCurrencyAlone) {
    EXPECT_EQ(sum({1, "CNY"}, {2, "CNY"}).value().minor_units, 3);
    EXPECT_EQ(difference({1, "CNY"}, {2, "CNY"}).value().minor_units, -1);
    EXPECT_EQ(sum({1, "CNY"}, {2, "USD"}).error().text(),
              "0.01 CNY and 0.02 USD cannot be added: they are of two currencies; exchange one first");
    EXPECT_EQ(difference({1, "CNY"}, {2, "USD"}).error().code(), Code::invalid);
    EXPECT_EQ(sum({INT64_MAX, "CNY"}, {1, "CNY"}).error().code(), Code::limit);
    EXPECT_EQ(difference({INT64_MIN, "CNY"}, {1, "CNY"}).error().code(), Code::limit);
}

TEST(Money, RoundsOnceAndAsNamed) {
    auto f = [](std::int64_t fen, Decimal by, std::int64_t even, std::int64_t up) {
        EXPECT_EQ(product({fen, "CNY"}, by, Rounding::half_even).value().minor_units, even) << fen << " " << by.digits;
        EXPECT_EQ(product({fen, "CNY"}, by, Rounding::half_up).value().minor_units, up) << fen << " " << by.digits;
    };
    f(5, {1, -1}, 0, 1);
    f(15, {1, -1}, 2, 2);
    f(25, {1, -1}, 2, 3);
    f(-25, {1, -1}, -2, -3);
    f(24, {1, -1}, 2, 2);
    f(26, {1, -1}, 3, 3);
    f(1'000'000'000'000'000'000, {3, -18}, 3, 3);
    f(3, {3, 17}, 900'000'000'000'000'000, 900'000'000'000'000'000);
    f(INT64_MAX, {1, -300}, 0, 0);
    f(INT64_MIN, {1, 0}, INT64_MIN, INT64_MIN);
    EXPECT_EQ(product({INT64_MAX, "CNY"}, {2, 0}, Rounding::half_up).error().code(), Code::limit);
    EXPECT_EQ(product({1, "CNY"}, {1, 300}, Rounding::half_up).error().code(), Code::limit);
    EXPECT_EQ(divide_exactly(100, {3, 0}, 0, {}, Rounding::half_even).value(), 33);
    EXPECT_EQ(divide_exactly(100, {-8, 0}, 0, {}, Rounding::half_even).value(), -12);
    EXPECT_EQ(divide_exactly(100, {-8, 0}, 0, {}, Rounding::half_up).value(), -13);
    EXPECT_EQ(divide_exactly(100, {0, 0}, 0, {}, Rounding::half_up).error().code(), Code::invalid);
    EXPECT_EQ(multiply_exactly(600'000'000, {36, -1}, -7, {10, 36}, Rounding::half_even).value(), 60);
}

TEST(Money, NumbersAreTheDigitsThatPeopleSee) {
    auto f = [](double number, Decimal want) { EXPECT_EQ(decimal_of(number), want) << number; };
    f(0.1, {1, -1});
    f(-12.5, {-125, -1});
    f(1200, {12, 2});
    f(0, {0, 0});
    f(1e22, {1, 22});
    f(0.1 + 0.2, {30000000000000004, -17});
    f(5e-324, {5, -324});
    EXPECT_EQ(decimal_of(1.0 / 0.0), std::nullopt);
    EXPECT_EQ(whole_of({125, -1}, 2).value(), 1250);
    EXPECT_EQ(whole_of({1, 30}, 2).error().code(), Code::limit);
    EXPECT_EQ(whole_of({1, -3}, 2).error().code(), Code::invalid);
    EXPECT_EQ(parse_decimal("12345678901234567891").error().code(), Code::invalid);
    EXPECT_EQ(parse_decimal(".").error().code(), Code::invalid);
    EXPECT_EQ(parse_decimal("1.2.3").error().code(), Code::invalid);
    EXPECT_EQ(parse_decimal("000.500").value(), (Decimal{5, -1}));
}

TEST(Split, Cases) {
    using List = std::vector<std::int64_t>;
    auto f = [](std::int64_t total, List weights, List want) {
        EXPECT_EQ(split_exactly(total, weights).value(), want) << total;
    };
    f(100, {1, 1, 1}, {34, 33, 33});
    f(-100, {1, 1, 1}, {-34, -33, -33});
    f(1, {1, 1}, {1, 0});
    f(0, {3, 4}, {0, 0});
    f(100, {333'333, 333'333, 333'334}, {33, 33, 34});
    f(10, {1, 2, 3}, {2, 3, 5});
    f(7, {5}, {7});
    f(INT64_MIN, {1, 1}, {INT64_MIN / 2, INT64_MIN / 2});
    f(INT64_MAX, {INT64_MAX, INT64_MAX}, {INT64_MAX / 2 + 1, INT64_MAX / 2});
    EXPECT_EQ(split_exactly(1, List{}).error().text(), "a total is split in 1 to 10000 parts, and 0 weights are given");
    EXPECT_EQ(split_exactly(1, List{1, 0}).error().text(),
              "weight 2 is 0: expected one above 0; leave out of the list who has no share");
    EXPECT_EQ(split_exactly(1, List{-1}).error().code(), Code::invalid);
    EXPECT_EQ(split_exactly(1, List(kSplitPartsMax + 1, 1)).error().code(), Code::invalid);
    EXPECT_EQ(split_exactly(Money{100, "EUR"}, List{1, 2}).value()[1], (Money{67, "EUR"}));
}

// wings' invariant: every split sums exactly, by largest remainder, ties by order. PROPERTY_CASES=10000 for the long
// run.
TEST(Invariants, splits_sum_exactly) {
    const std::uint64_t cases = from_environment("PROPERTY_CASES", 500), seed = from_environment("SEED", 1);
    Rng rng{seed};
    SCOPED_TRACE(seed);
    for (std::uint64_t i = 0; i < cases; ++i) {
        const std::int64_t total = any_total(rng);
        const auto weights = any_weights(rng);
        const auto parts = split_exactly(total, weights).value();
        ASSERT_EQ(parts.size(), weights.size());
        ASSERT_EQ(std::accumulate(parts.begin(), parts.end(), std::int64_t{0}), total);
        long double sum = 0;
        for (const std::int64_t weight : weights) sum += static_cast<long double>(weight);
        for (std::size_t k = 0; k < parts.size(); ++k) {
            // Each is its exact part or at most one unit from it, has the sign of the total, and who has no smaller
            // weight and stands before has no less.
            ASSERT_TRUE(total >= 0 ? parts[k] >= 0 : parts[k] <= 0);
            const long double exact = static_cast<long double>(total) * static_cast<long double>(weights[k]) / sum;
            ASSERT_LE(std::abs(static_cast<long double>(parts[k]) - exact), 1 + std::abs(exact) * 1e-15L);
            for (std::size_t j = 0; j < k; ++j)
                ASSERT_TRUE(weights[j] < weights[k] || std::abs(parts[j]) >= std::abs(parts[k]));
        }
        // A credit note undoes its bill.
        auto back = split_exactly(-total, weights).value();
        for (std::size_t k = 0; k < parts.size(); ++k) ASSERT_EQ(parts[k], -back[k]);
    }
}

// The script that shares no line with the program comes to the same parts.
TEST(Split, AScriptOutsideTheTreeAgrees) {
    Rng rng{from_environment("SEED", 2)};
    const std::string file = testing::TempDir() + fmt::format("split_{}.txt", rng.next());
    const std::uint64_t cases = from_environment("PROPERTY_CASES", 500);
    const auto write = [&](bool spoil) {
        std::ofstream out(file);
        for (std::uint64_t i = 0; i < cases; ++i) {
            const std::int64_t total = any_total(rng);
            const auto weights = any_weights(rng);
            auto parts = split_exactly(total, weights).value();
            if (spoil && i == cases / 2) parts.front() += 1;
            out << total << " :";
            for (const std::int64_t weight : weights) out << ' ' << weight;
            out << " :";
            for (const std::int64_t part : parts) out << ' ' << part;
            out << '\n';
        }
    };
    const auto check = [&] {
        const std::string command =
            "/usr/bin/python3 " + std::string(GONGSHU_SOURCE_DIR) + "/tools/verify_split.py < " + file;
        FILE* pipe = popen(command.c_str(), "r");
        std::array<char, 1000> line{};
        std::string last;
        while (fgets(line.data(), line.size(), pipe) != nullptr) last = line.data();
        return std::pair{pclose(pipe), last};
    };
    write(false);
    EXPECT_EQ(check(), (std::pair{0, fmt::format("{} splits checked, 0 differ\n", cases)}));
    write(true);
    const auto [status, told] = check();
    EXPECT_NE(status, 0);
    EXPECT_EQ(told, fmt::format("{} splits checked, 1 differ\n", cases));
    std::remove(file.c_str());
}

}  // namespace
}  // namespace gongshu
