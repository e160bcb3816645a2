#pragma once

#include <cstdint>
#include <string>

namespace gongshu {

// Money in the smallest unit (fen), never a double.
struct Money {
    std::int64_t minor_units = 0;
    std::string currency = "CNY";  // ISO 4217
    friend bool operator==(const Money&, const Money&) = default;
};

}  // namespace gongshu
