#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/money.h"

namespace gongshu::expr {

// The same quantity in another unit: to = from * factor + offset.
struct Conversion {
    double factor = 1;
    double offset = 0;
};

// Units by UDUNITS-2, with the spellings that machines and people here use besides ("℃", "°F", "MPa", "转/分", "%").
// The library has global state: each call takes one process-wide lock and may take 0.1 ms; for configuration and
// compiling only, never for each reading. Any thread. "" and "1" are "no unit".

// The text as UDUNITS takes it ("℃" -> "degC"); Code::invalid if it is no unit, or only begins with one.
Result<std::string> check_unit(std::string_view text);

// Money is a unit too: "CNY", "元", "CNY/kWh", "USD/h". A price is for one of a unit, which stands behind one slash.
struct MoneyUnit {
    std::string currency;  // ISO 4217
    std::string per;       // "" = money
    std::string text() const { return per.empty() ? currency : currency + "/" + per; }
};
// nullopt if it is neither. Any thread.
std::optional<MoneyUnit> money_unit(std::string_view text);

// from = to * ratio, as a ratio of whole numbers without any rounding; nullopt if there is none of at most nine digits.
std::optional<Ratio> exact_ratio(std::string_view from, std::string_view to);

// Units that people write here, to suggest the nearest of.
const std::vector<std::string>& usual_units();

// Code::invalid naming both when a quantity cannot be in both units.
Result<Conversion> conversion(std::string_view from, std::string_view to);

// The same for differences: 9 degF is 5 degC, whatever their zero points.
Result<Conversion> difference_conversion(std::string_view from, std::string_view to);

// Whether both are units of the same quantity.
bool convertible(std::string_view from, std::string_view to);

// Units of a product, a quotient and a whole power, in base units where need be; zero points are dropped. "" = none.
Result<std::string> product_unit(std::string_view a, std::string_view b);
Result<std::string> quotient_unit(std::string_view a, std::string_view b);
Result<std::string> power_unit(std::string_view unit, int power);

// Of m2 it is m; Code::invalid if the unit is no square.
Result<std::string> root_unit(std::string_view unit);

}  // namespace gongshu::expr
