#include "data/money.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace gongshu {
namespace {

using Wide = __int128;

constexpr int kExponentMax = 400;

struct Currency {
    std::string_view code;
    int digits;
};

// ISO 4217: those a plant here may meet.
constexpr Currency kCurrencies[] = {{"CNY", 2}, {"USD", 2}, {"EUR", 2}, {"HKD", 2}, {"JPY", 0}, {"GBP", 2}, {"KRW", 0},
                                    {"SGD", 2}, {"TWD", 2}, {"MOP", 2}, {"AUD", 2}, {"CHF", 2}, {"RUB", 2}, {"INR", 2},
                                    {"THB", 2}, {"VND", 0}, {"MYR", 2}, {"IDR", 2}, {"CAD", 2}, {"KWD", 3}};

Error too_large() { return {Code::limit, "the result has more digits than 64 bits hold"}; }

// top / bottom / 10^digits, where bottom * 10 is past 127 bits: between -1 and 1.
std::int64_t below_one(Wide top, Wide bottom, int digits, Rounding rounding) {
    const Wide size = top < 0 ? -top : top;
    Wide half = 0;
    if (digits > 1 || __builtin_mul_overflow(bottom, Wide{5}, &half)) return 0;
    const bool up = size > half || (size == half && rounding == Rounding::half_up);
    return !up ? 0 : top < 0 ? -1 : 1;
}

// top / bottom * 10^shift, rounded; bottom above 0.
Result<std::int64_t> rounded(Wide top, Wide bottom, int shift, Rounding rounding) {
    if (top == 0) return std::int64_t{0};
    Wide& scaled = shift >= 0 ? top : bottom;
    for (int i = std::abs(shift); i > 0; --i) {
        // What is common goes first, so that no digit is asked for that the answer does not have.
        Wide& other = shift >= 0 ? bottom : top;
        if (other % 10 == 0) {
            other /= 10;
            continue;
        }
        if (!__builtin_mul_overflow(scaled, Wide{10}, &scaled)) continue;
        if (shift >= 0) return too_large();
        return below_one(top, bottom, i, rounding);
    }
    Wide whole = top / bottom, rest = top % bottom;
    const bool minus = top < 0;
    if (rest < 0) rest = -rest;
    const Wide other = bottom - rest;  // rest against a half, without doubling
    const bool up = rest > other || (rest == other && (rounding == Rounding::half_up || whole % 2 != 0));
    if (up) whole += minus ? -1 : 1;
    if (whole > INT64_MAX || whole < INT64_MIN) return too_large();
    return static_cast<std::int64_t>(whole);
}

}  // namespace

std::string_view to_string(Rounding rounding) { return rounding == Rounding::half_even ? "half_even" : "half_up"; }

std::optional<Decimal> decimal_of(double number) {
    if (!std::isfinite(number)) return std::nullopt;
    char text[40];
    const auto [end, failed] = std::to_chars(text, text + sizeof text, number, std::chars_format::scientific);
    if (failed != std::errc{}) return std::nullopt;
    auto decimal = parse_decimal({text, static_cast<std::size_t>(end - text)});
    return decimal ? std::optional{*decimal} : std::nullopt;
}

Result<Decimal> parse_decimal(std::string_view text) {
    const std::string_view whole = text;
    const auto no_number = [&] {
        return Error{Code::invalid, "\"{}\" is not a number; expected digits such as 12.50", whole.substr(0, 60)};
    };
    const auto too_long = [&] {
        return Error{Code::invalid, "\"{}\" has more digits than 64 bits hold; expected at most 18",
                     whole.substr(0, 60)};
    };
    const bool minus = text.starts_with('-');
    if (minus || text.starts_with('+')) text.remove_prefix(1);
    Decimal decimal;
    bool any = false, point = false;
    std::size_t zeros = 0;  // behind the last digit that counts
    for (; !text.empty() && text.front() != 'e' && text.front() != 'E'; text.remove_prefix(1)) {
        const char c = text.front();
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') return no_number();
        any = true;
        if (point) --decimal.exponent;
        if (c == '0') {
            ++zeros;
            continue;
        }
        for (; zeros > 0; --zeros)
            if (decimal.digits != 0 && __builtin_mul_overflow(decimal.digits, 10, &decimal.digits)) return too_long();
        if (__builtin_mul_overflow(decimal.digits, 10, &decimal.digits) ||
            __builtin_add_overflow(decimal.digits, c - '0', &decimal.digits))
            return too_long();
    }
    if (!any) return no_number();
    decimal.exponent += static_cast<int>(zeros);
    if (!text.empty()) {
        text.remove_prefix(text.size() > 1 && text[1] == '+' ? 2 : 1);
        int exponent = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), exponent);
        if (failed != std::errc{} || end != text.data() + text.size() || std::abs(exponent) > kExponentMax)
            return no_number();
        decimal.exponent += exponent;
    }
    if (decimal.digits == 0) decimal.exponent = 0;
    if (minus) decimal.digits = -decimal.digits;
    return decimal;
}

Result<std::int64_t> whole_of(Decimal decimal, int places) {
    std::int64_t digits = decimal.digits;
    int exponent = decimal.exponent + places;
    if (digits == 0) return std::int64_t{0};
    for (; exponent < 0; ++exponent) {
        if (digits % 10 != 0) return Error{Code::invalid, "it has more than {} digits after the point", places};
        digits /= 10;
    }
    for (; exponent > 0; --exponent)
        if (__builtin_mul_overflow(digits, std::int64_t{10}, &digits)) return too_large();
    return digits;
}

Result<std::int64_t> multiply_exactly(std::int64_t a, Decimal by, int shift, Ratio ratio, Rounding rounding) {
    Wide top = Wide{a} * by.digits;
    // What can be cancelled is, before anything grows.
    std::int64_t bottom = ratio.bottom;
    const auto common = std::gcd(ratio.top, bottom);
    if (__builtin_mul_overflow(top, Wide{ratio.top / common}, &top)) return too_large();
    return rounded(top, bottom / common, shift + by.exponent, rounding);
}

Result<std::int64_t> divide_exactly(std::int64_t a, Decimal by, int shift, Ratio ratio, Rounding rounding) {
    if (by.digits == 0) return Error{Code::invalid, "a division by zero"};
    const bool minus = by.digits < 0;
    const Wide digits = minus ? -Wide{by.digits} : Wide{by.digits};
    Wide top = Wide{a} * (minus ? -1 : 1), bottom = digits;
    if (__builtin_mul_overflow(top, Wide{ratio.top}, &top) ||
        __builtin_mul_overflow(bottom, Wide{ratio.bottom}, &bottom))
        return too_large();
    return rounded(top, bottom, shift - by.exponent, rounding);
}

std::optional<int> minor_digits(std::string_view currency) {
    for (const Currency& known : kCurrencies)
        if (known.code == currency) return known.digits;
    return std::nullopt;
}

std::span<const std::string_view> currencies() {
    static const auto list = [] {
        std::vector<std::string_view> all;
        for (const Currency& known : kCurrencies) all.push_back(known.code);
        return all;
    }();
    return list;
}

Result<Money> parse_money(std::string_view text) {
    const auto space = text.rfind(' ');
    const std::string_view currency = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    const auto digits = minor_digits(currency);
    if (!digits)
        return Error{Code::invalid, "\"{}\" is not money; expected an amount and a currency, such as 12.50 CNY",
                     text.substr(0, 60)};
    const Decimal decimal = TRY(parse_decimal(text.substr(0, space)));
    const auto whole = whole_of(decimal, *digits);
    if (!whole)
        return Error{Code::invalid, "\"{}\" cannot be told in {} digits after the point, which {} has, and 64 bits",
                     text.substr(0, 60), *digits, currency};
    return Money{*whole, std::string(currency)};
}

std::string to_string(const Money& money) {
    const int digits = minor_digits(money.currency).value_or(2);
    Wide amount = money.minor_units;
    const bool minus = amount < 0;
    if (minus) amount = -amount;
    std::string text = std::to_string(static_cast<std::uint64_t>(amount));
    while (text.size() <= static_cast<std::size_t>(digits)) text.insert(text.begin(), '0');
    if (digits > 0) text.insert(text.size() - static_cast<std::size_t>(digits), ".");
    return (minus ? "-" : "") + text + " " + money.currency;
}

std::string price_text(std::int64_t price, std::string_view unit) {
    Wide amount = price;
    if (price < 0) amount = -amount;
    std::string text = std::to_string(static_cast<std::uint64_t>(amount));
    while (text.size() <= kPriceDigits) text.insert(text.begin(), '0');
    text.insert(text.size() - kPriceDigits, ".");
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return (price < 0 ? "-" : "") + text + " " + std::string(unit);
}

Result<Money> sum(const Money& a, const Money& b) {
    if (a.currency != b.currency)
        return Error{Code::invalid, "{} and {} cannot be added: they are of two currencies; exchange one first",
                     to_string(a), to_string(b)};
    std::int64_t all = 0;
    if (__builtin_add_overflow(a.minor_units, b.minor_units, &all)) return too_large();
    return Money{all, a.currency};
}

Result<Money> difference(const Money& a, const Money& b) {
    if (a.currency != b.currency)
        return Error{Code::invalid, "{} cannot be taken from {}: they are of two currencies; exchange one first",
                     to_string(b), to_string(a)};
    std::int64_t rest = 0;
    if (__builtin_sub_overflow(a.minor_units, b.minor_units, &rest)) return too_large();
    return Money{rest, a.currency};
}

Result<Money> product(const Money& money, Decimal by, Rounding rounding) {
    return Money{TRY(multiply_exactly(money.minor_units, by, 0, {}, rounding)), money.currency};
}

Result<std::vector<std::int64_t>> split_exactly(std::int64_t total, std::span<const std::int64_t> weights) {
    if (weights.empty() || weights.size() > kSplitPartsMax)
        return Error{Code::invalid, "a total is split in 1 to {} parts, and {} weights are given", kSplitPartsMax,
                     weights.size()};
    Wide sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] <= 0)
            return Error{Code::invalid, "weight {} is {}: expected one above 0; leave out of the list who has no share",
                         i + 1, weights[i]};
        sum += weights[i];
    }
    const Wide whole = total < 0 ? -Wide{total} : Wide{total};
    std::vector<std::int64_t> parts(weights.size());
    std::vector<Wide> remainders(weights.size());
    Wide left = whole;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const Wide exact = whole * weights[i];
        const Wide part = exact / sum;
        remainders[i] = exact % sum;
        left -= part;
        parts[i] = static_cast<std::int64_t>(total < 0 ? -part : part);
    }
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    // Fewer are left than there are parts: each remainder is below one unit.
    for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) parts[order[i]] += total < 0 ? -1 : 1;
    return parts;
}

Result<std::vector<Money>> split_exactly(const Money& total, std::span<const std::int64_t> weights) {
    const auto parts = TRY(split_exactly(total.minor_units, weights));
    std::vector<Money> moneys;
    for (const std::int64_t part : parts) moneys.push_back({part, total.currency});
    return moneys;
}

}  // namespace gongshu
