#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gongshu {

// Money in the smallest unit (fen), never a double.
struct Money {
    std::int64_t minor_units = 0;
    std::string currency = "CNY";  // ISO 4217
    friend bool operator==(const Money&, const Money&) = default;
};

// What becomes of the half between two fen (or two units of whatever is rounded).
enum class Rounding : std::uint8_t {
    half_even,  // to the even neighbour: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, -2.5 -> -2
    half_up,    // away from zero, as people round (四舍五入): 0.5 -> 1, 2.5 -> 3, -2.5 -> -3
};
std::string_view to_string(Rounding rounding);

// digits * 10^exponent, exactly.
struct Decimal {
    std::int64_t digits = 0;
    int exponent = 0;
    friend bool operator==(Decimal, Decimal) = default;
};

// The decimal that people see of a number: the fewest digits that read back the same. 0.1 is a tenth, not the binary
// fraction next to it; so what is computed from a measured number is what anybody recomputes from its digits. nullopt
// if it is not finite.
std::optional<Decimal> decimal_of(double number);
// "12.50", "-3", ".5", "1e-3": as many digits as 64 bits hold, exponent within +-400. Code::invalid says what is wrong.
Result<Decimal> parse_decimal(std::string_view text);
// digits * 10^exponent as a whole number of 10^-places; Code::invalid if that loses a digit, Code::limit past 64 bits.
Result<std::int64_t> whole_of(Decimal decimal, int places);

// A factor such as 1000 or 36/10; both above 0.
struct Ratio {
    std::int64_t top = 1, bottom = 1;
    friend bool operator==(Ratio, Ratio) = default;
};

// a * by * 10^shift * ratio, and a / by * 10^shift * ratio, rounded once at the end; nothing in between is rounded.
// Code::limit if the result or an intermediate leaves 127 bits; Code::invalid of a division by zero.
Result<std::int64_t> multiply_exactly(std::int64_t a, Decimal by, int shift, Ratio ratio, Rounding rounding);
Result<std::int64_t> divide_exactly(std::int64_t a, Decimal by, int shift, Ratio ratio, Rounding rounding);

// Digits after the point of a currency (CNY 2, JPY 0); nullopt if it is none of those known.
std::optional<int> minor_digits(std::string_view currency);
std::span<const std::string_view> currencies();

// "12.50 CNY"; no more digits than the currency has.
Result<Money> parse_money(std::string_view text);
std::string to_string(const Money& money);

// A price is a whole number of 10^-9 of its currency for one of its unit.
inline constexpr int kPriceDigits = 9;
// "0.6 CNY/kWh": as few digits as it has.
std::string price_text(std::int64_t price, std::string_view unit);

// Code::invalid of two currencies, Code::limit past 64 bits.
Result<Money> sum(const Money& a, const Money& b);
Result<Money> difference(const Money& a, const Money& b);
Result<Money> product(const Money& money, Decimal by, Rounding rounding);

inline constexpr std::int64_t kShareWhole = 1'000'000;  // shares are in ppm
inline constexpr std::size_t kSplitPartsMax = 10'000;

// The total in parts by weights, by largest remainder: each gets the whole units that its weight gives it, and those
// that are left go one by one to the largest remainders, of like ones to the first. The parts sum exactly to the total.
// A total below zero is split as one above it with the sign put back, so that a credit note undoes its bill.
// Code::invalid if there is no weight, more than kSplitPartsMax, or one that is not above 0 (who has no share is left
// out of the list).
Result<std::vector<std::int64_t>> split_exactly(std::int64_t total, std::span<const std::int64_t> weights);
Result<std::vector<Money>> split_exactly(const Money& total, std::span<const std::int64_t> weights);

}  // namespace gongshu
