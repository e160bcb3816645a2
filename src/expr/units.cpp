#include "expr/units.h"

#include <fmt/format.h>
#include <udunits2.h>

#include <cctype>
#include <cmath>
#include <map>
#include <mutex>

#include "base/assert.h"

namespace gongshu::expr {
namespace {

constexpr std::size_t kUnitBytesMax = 64;
constexpr std::size_t kCacheMax = 4096;  // units remembered; at the limit all are forgotten

// Spellings of machines and people that UDUNITS does not know. Whole texts only.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"℃", "degC"},
    {"°C", "degC"},
    {"摄氏度", "degC"},
    {"℉", "degF"},
    {"°F", "degF"},
    {"华氏度", "degF"},
    {"开尔文", "K"},
    {"rpm", "rpm"},
    {"r/min", "rpm"},
    {"rev/min", "rpm"},
    {"转/分", "rpm"},
    {"转/分钟", "rpm"},
    {"Nm", "N.m"},
    {"N·m", "N.m"},
    {"kNm", "kN.m"},
    {"VA", "V.A"},
    {"kVA", "kV.A"},
    {"var", "V.A"},
    {"kvar", "kV.A"},
    {"kVAh", "kV.A.h"},
    {"kvarh", "kV.A.h"},
    {"Wh", "W.h"},
    {"kWh", "kW.h"},
    {"MWh", "MW.h"},
    {"kW·h", "kW.h"},
    {"千瓦时", "kW.h"},
    {"千瓦", "kW"},
    {"瓦", "W"},
    {"兆瓦", "MW"},
    {"帕", "Pa"},
    {"千帕", "kPa"},
    {"兆帕", "MPa"},
    {"巴", "bar"},
    {"伏", "V"},
    {"安", "A"},
    {"毫安", "mA"},
    {"赫兹", "Hz"},
    {"米", "m"},
    {"毫米", "mm"},
    {"厘米", "cm"},
    {"微米", "um"},
    {"千克", "kg"},
    {"公斤", "kg"},
    {"克", "g"},
    {"吨", "t"},
    {"升", "l"},
    {"升/分", "l/min"},
    {"立方米", "m3"},
    {"立方米/小时", "m3/h"},
    {"毫秒", "ms"},
    {"秒", "s"},
    {"分钟", "min"},
    {"小时", "h"},
    {"天", "d"},
    {"个", "count"},
    {"件", "count"},
    {"次", "count"},
    {"pcs", "count"},
    {"百分比", "%"},
    {"%RH", "%"},
    {"％", "%"},
    {"mm/s", "mm/s"},
    {"牛", "N"},
    {"千牛", "kN"},
    {"牛米", "N.m"},
    {"Ω", "ohm"},
    {"kΩ", "kohm"},
    {"MΩ", "Mohm"},
    {"°", "degree"},
    {"度", "degree"},
    {"1", ""},
};

std::string_view unalias(std::string_view text) {
    for (const auto& [from, to] : kAliases)
        if (from == text) return to;
    return text;
}

// "元/kWh" as its parts, unchecked.
std::optional<MoneyUnit> money_parts(std::string_view text) {
    static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"元", "CNY"}, {"人民币", "CNY"}, {"￥", "CNY"}, {"¥", "CNY"}, {"美元", "USD"}, {"欧元", "EUR"}};
    MoneyUnit unit;
    for (const std::string_view currency : currencies())
        if (text.starts_with(currency)) unit.currency = currency;
    if (!unit.currency.empty()) text.remove_prefix(3);
    for (const auto& [name, currency] : kNames) {
        if (!unit.currency.empty() || !text.starts_with(name)) continue;
        unit.currency = currency;
        text.remove_prefix(name.size());
    }
    if (unit.currency.empty()) return std::nullopt;
    if (text.empty()) return unit;
    if (text.front() != '/') return std::nullopt;
    text.remove_prefix(1);
    if (text.size() > 2 && text.front() == '(' && text.back() == ')') text = text.substr(1, text.size() - 2);
    // A second slash would be read as a division of the whole.
    if (text.empty() || text.find_first_of("/()") != std::string_view::npos || money_parts(text)) return std::nullopt;
    unit.per = text;
    return unit;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// The library and what was parsed; every use holds mutex.
struct Library {
    std::mutex mutex;
    ut_system* system = nullptr;
    std::map<std::string, ut_unit*, std::less<>> cache;

    Library() {
        ut_set_error_message_handler(ut_ignore);
        system = ut_read_xml(nullptr);
        if (!system) return;
        for (const std::string_view currency : currencies()) {
            ut_unit* base = ut_new_base_unit(system);
            if (base) ut_map_symbol_to_unit(std::string(currency).c_str(), UT_ASCII, base);
            if (base) ut_map_unit_to_symbol(base, std::string(currency).c_str(), UT_ASCII);
            ut_free(base);
        }
    }
    ~Library() {
        forget();
        if (system) ut_free_system(system);
    }
    void forget() {
        for (auto& [text, unit] : cache) ut_free(unit);
        cache.clear();
    }
};

Library& library() {
    static Library instance;
    return instance;
}

// Whether a factor of the unit is zero: of no use to anybody, and dividing by it makes UDUNITS 2.2 lose memory.
bool has_zero(std::string_view text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_digit(text[i])) continue;
        const char before = i == 0 ? ' ' : text[i - 1];
        const bool factor = before == ' ' || before == '/' || before == '.' || before == '*' || before == '(' ||
                            before == '-' || before == '+';
        bool zero = true;
        // Behind an exponent a point multiplies: m2.0 is m2 times 0.
        for (; i < text.size() && (is_digit(text[i]) || (factor && text[i] == '.')); ++i)
            zero = zero && !(text[i] > '0');
        if (factor && zero) return true;
    }
    return false;
}

// A unit of the cache; the lock is held by the caller and the unit is valid as long as it is held.
Result<ut_unit*> parse_locked(Library& lib, std::string_view raw) {
    std::string text{unalias(trim(raw))};
    if (const auto money = money_parts(text))
        text = money->per.empty() ? money->currency : fmt::format("{}/({})", money->currency, unalias(money->per));
    if (!lib.system)
        return Error{Code::unavailable, "cannot read the table of units: is the package libudunits2-data installed?"};
    if (const auto known = lib.cache.find(text); known != lib.cache.end()) return known->second;
    if (text.size() > kUnitBytesMax)
        return Error{Code::invalid, "unit has {} bytes, at most {} are allowed", text.size(), kUnitBytesMax};
    // A number alone and a point in time ("s since 2000") are units to UDUNITS, not to people.
    const bool number_only = !text.empty() && text.find_first_not_of("0123456789.+-eE ") == std::string::npos;
    if (number_only || has_zero(text) || text.find('@') != std::string::npos ||
        text.find(" since ") != std::string::npos || text.find(" from ") != std::string::npos ||
        text.find(" after ") != std::string::npos || text.find(" ref ") != std::string::npos ||
        text.find('\0') != std::string::npos)
        return Error{Code::invalid, "\"{}\" is not a unit; write one such as degC, bar, mm/s or m3/h", raw};
    ut_unit* unit =
        text.empty() ? ut_get_dimensionless_unit_one(lib.system) : ut_parse(lib.system, text.c_str(), UT_UTF8);
    if (!unit) return Error{Code::invalid, "\"{}\" is not a unit; write one such as degC, bar, mm/s or m3/h", raw};
    if (lib.cache.size() >= kCacheMax) lib.forget();
    lib.cache.emplace(text, unit);
    return unit;
}

Result<Conversion> convert_locked(Library& lib, std::string_view from, std::string_view to) {
    // Copies: parsing the second may empty the cache.
    ut_unit* a = ut_clone(TRY(parse_locked(lib, from)));
    auto parsed = parse_locked(lib, to);
    if (!parsed) {
        ut_free(a);
        return std::move(parsed).error();
    }
    ut_unit* b = *parsed;
    cv_converter* converter = ut_are_convertible(a, b) ? ut_get_converter(a, b) : nullptr;
    ut_free(a);
    if (!converter) {
        const auto name = [](std::string_view unit) {
            return unit.empty() ? "no unit" : "\"" + std::string(unit) + "\"";
        };
        return Error{Code::invalid, "cannot convert {} to {}: they measure different things", name(from), name(to)};
    }
    const double at_0 = cv_convert_double(converter, 0);
    const double at_1 = cv_convert_double(converter, 1);
    const double at_1000 = cv_convert_double(converter, 1000);
    cv_free(converter);
    const Conversion result{at_0 == 0 ? at_1 : (at_1000 - at_0) / 1000, at_0};
    // Logarithmic units (dB, pH) are no straight line.
    if (!std::isfinite(result.factor) || !std::isfinite(at_1) ||
        std::abs(result.factor + result.offset - at_1) > 1e-9 * (std::abs(at_1) + std::abs(result.offset) + 1))
        return Error{Code::unsupported, "cannot convert \"{}\" to \"{}\": only straight-line conversions are done",
                     from, to};
    return result;
}

bool offset_locked(Library& lib, std::string_view unit) {
    // Zero of an offset unit is not zero of the same unit without it, which is what a product with 1 gives.
    auto parsed = parse_locked(lib, unit);
    if (!parsed) return false;
    ut_unit* own = ut_clone(*parsed);
    ut_unit* one = ut_get_dimensionless_unit_one(lib.system);
    ut_unit* plain = ut_multiply(own, one);
    bool offset = false;
    if (plain) {
        ut_unit* squared = ut_raise(own, 2);
        ut_unit* root = squared ? ut_root(squared, 2) : nullptr;
        if (root) {
            if (cv_converter* converter = ut_get_converter(own, root)) {
                offset = cv_convert_double(converter, 0) != 0;
                cv_free(converter);
            }
            ut_free(root);
        }
        if (squared) ut_free(squared);
        ut_free(plain);
    }
    ut_free(one);
    ut_free(own);
    return offset;
}

bool simple(std::string_view unit) { return unit.find_first_of("/. *^") == std::string_view::npos; }

// The unit as a factor of another: without its zero point, in brackets if it has parts.
std::string factor_text(Library& lib, std::string_view unit) {
    if (offset_locked(lib, unit)) {
        const auto kelvin = convert_locked(lib, "degC", unit);
        return kelvin && kelvin->factor == 1 ? "K" : "degR";
    }
    const std::string text{unalias(trim(unit))};
    return simple(text) ? text : "(" + text + ")";
}

}  // namespace

const std::vector<std::string>& usual_units() {
    static const std::vector<std::string> list{
        "degC",   "degF",  "K",     "bar",  "mbar", "Pa",   "kPa", "MPa",   "mm",      "cm",      "um",
        "m",      "km",    "ms",    "s",    "min",  "h",    "d",   "rpm",   "Hz",      "kHz",     "MHz",
        "W",      "kW",    "MW",    "Wh",   "kWh",  "MWh",  "kJ",  "MJ",    "V",       "mV",      "kV",
        "A",      "mA",    "ohm",   "N",    "kN",   "N.m",  "kg",  "g",     "t",       "l",       "m3",
        "m3/h",   "m2",    "l/min", "mm/s", "m/s",  "m/s2", "%",   "ppm",   "CNY",     "CNY/kWh", "degree",
        "radian", "count", "VA",    "kVA",  "var",  "kvar", "lx",  "K/min", "degC/min"};
    return list;
}

Result<std::string> check_unit(std::string_view text) {
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    TRY(parse_locked(lib, text));
    if (const auto money = money_parts(trim(text))) return money->text();
    return std::string{unalias(trim(text))};
}

std::optional<MoneyUnit> money_unit(std::string_view text) {
    auto unit = money_parts(trim(text));
    if (unit && !unit->per.empty() && !check_unit(unit->per)) return std::nullopt;
    return unit;
}

std::optional<Ratio> exact_ratio(std::string_view from, std::string_view to) {
    // Of 3.6 and 0.277… one is short. The library computes in doubles: its last two digits are noise.
    for (const bool forth : {true, false}) {
        const auto by = forth ? conversion(from, to) : conversion(to, from);
        const auto decimal =
            by && by->offset == 0 ? parse_decimal(fmt::format("{:.15g}", by->factor)) : Result<Decimal>(Decimal{});
        if (!decimal || decimal->digits <= 0 || decimal->digits > 999'999'999 || std::abs(decimal->exponent) > 9)
            continue;
        Ratio ratio{decimal->digits, 1};
        for (int i = std::abs(decimal->exponent); i > 0; --i) (decimal->exponent > 0 ? ratio.top : ratio.bottom) *= 10;
        if (!forth) std::swap(ratio.top, ratio.bottom);
        return ratio;
    }
    return std::nullopt;
}

Result<Conversion> conversion(std::string_view from, std::string_view to) {
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    return convert_locked(lib, from, to);
}

Result<Conversion> difference_conversion(std::string_view from, std::string_view to) {
    auto whole = TRY(conversion(from, to));
    whole.offset = 0;
    return whole;
}

bool convertible(std::string_view from, std::string_view to) { return conversion(from, to).has_value(); }

Result<std::string> product_unit(std::string_view a, std::string_view b) {
    if (a.empty()) return std::string(b);
    if (b.empty()) return std::string(a);
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    const std::string left = factor_text(lib, a), right = factor_text(lib, b);
    const bool square = left == right && std::isdigit(static_cast<unsigned char>(left.back())) == 0;
    std::string text = square ? left + "^2" : left + "." + right;
    TRY(parse_locked(lib, text));
    return text;
}

Result<std::string> quotient_unit(std::string_view a, std::string_view b) {
    if (b.empty()) return std::string(a);
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    const std::string top = a.empty() ? "1" : factor_text(lib, a), bottom = factor_text(lib, b);
    if (top == bottom) return std::string{};
    std::string text = top + "/" + bottom;
    TRY(parse_locked(lib, text));
    return text;
}

Result<std::string> power_unit(std::string_view unit, int power) {
    if (unit.empty() || power == 0) return std::string{};
    if (power == 1) return std::string(unit);
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    const std::string factor = factor_text(lib, unit);
    // m2 raised is (m2)^3: a digit at the end would be an exponent already.
    const bool bare = factor.front() == '(' || std::isdigit(static_cast<unsigned char>(factor.back())) == 0;
    std::string text = (bare ? factor : "(" + factor + ")") + "^" + std::to_string(power);
    TRY(parse_locked(lib, text));
    return text;
}

Result<std::string> root_unit(std::string_view unit) {
    if (unit.empty()) return std::string{};
    if (unit.ends_with("^2") && unit.size() > 2) {
        // (mm)^2 stays mm, where the library would say 0.001 m.
        std::string_view root = unit.substr(0, unit.size() - 2);
        if (root.size() > 2 && root.front() == '(' && root.back() == ')') root = root.substr(1, root.size() - 2);
        if (auto checked = check_unit(root)) return checked;
    }
    Library& lib = library();
    const std::lock_guard lock{lib.mutex};
    ut_unit* parsed = TRY(parse_locked(lib, unit));
    ut_unit* root = ut_root(parsed, 2);
    if (!root) return Error{Code::invalid, "{} is not the square of a unit", unit};
    char text[kUnitBytesMax + 1];
    const int bytes = ut_format(root, text, sizeof text, UT_ASCII);
    ut_free(root);
    if (bytes < 0 || static_cast<std::size_t>(bytes) >= sizeof text)
        return Error{Code::invalid, "the root of {} cannot be written", unit};
    std::string written{text, static_cast<std::size_t>(bytes)};
    TRY(parse_locked(lib, written));
    return written;
}

}  // namespace gongshu::expr
