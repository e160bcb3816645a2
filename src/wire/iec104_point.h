#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/value.h"
#include "wire/iec104.h"
#include "wire/raw_number.h"

// Points of outstations as an engineer types them: where a value is told, and by which command it is changed.
namespace gongshu::wire::iec104 {

// The type without time and quality: both M_ME_TF_1 and M_ME_NC_1 are M_ME_NC_1, C_SC_TA_1 is C_SC_NA_1.
Type plain(Type type);

// Where a value is told: `at` is an address (parse_address), `as` the type that is expected there; it may stand in `at`
// too, or nowhere. Code::invalid begins with "point.at: " or "point.as: ".
Result<Address> parse_point(std::string_view at, std::string_view as);
// Whether a property can hold what this type tells. Of a boolean an on single or double point is true; else a double
// point is 0 … 3.
bool holds(ValueType property, Type told);

// How it is changed.
struct Order {
    Type type = Type::c_sc_na_1;
    std::optional<std::uint16_t> common_address;
    std::uint32_t address = 0;
    std::optional<bool> select_first;  // else as the connection says
    std::uint8_t qualifier = 0;        // QU: 1 short pulse, 2 long pulse, 3 persistent
    friend bool operator==(const Order&, const Order&) = default;
};
// [type] [address] {select | direct | short | long | persistent}
//   C_SC 6001    C_DC 1/6002 select    C_RC    C_SE_NC 6201 direct    short    (nothing)
// What is left out is that of the point: its address, and the command of its type; of a boolean whose type nobody says,
// C_SC. Code::invalid says what is missing.
Result<Order> parse_order(std::string_view write, const Address& point, ValueType property);
// What an order carries for `value`, without its time. `position`: where a step command begins from; without it only
// whether the value can be one is looked at. Code::invalid or Code::limit when it cannot be ordered.
Result<Object> order_object(const Order& order, const Scaling& scaling, const Value& value,
                            std::optional<std::int64_t> position);
// How far what is told may be from what was ordered, in raw units of the type.
double resolution(Type type);

// "1" … "65534", decimal or hexadecimal.
Result<std::uint16_t> parse_common_address(std::string_view text);
// "UTC", "+08:00", "-03:30".
Result<Zone> parse_zone(std::string_view text);

}  // namespace gongshu::wire::iec104
