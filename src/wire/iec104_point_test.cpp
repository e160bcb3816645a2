#include "wire/iec104_point.h"

#include <gtest/gtest.h>

namespace gongshu::wire::iec104 {
namespace {

constexpr ValueType kNumber = ValueType::number, kInteger = ValueType::integer, kBoolean = ValueType::boolean;

std::string shown(const Result<Order>& order) {
    if (!order) return "! " + order.error().text();
    std::string text = to_string(Address{order->type, order->common_address, order->address});
    if (order->select_first) text += *order->select_first ? " select" : " direct";
    return order->qualifier == 0 ? text : text + fmt::format(" {}", order->qualifier);
}

TEST(Iec104Point, WhereAValueIsTold) {
    const auto f = [](std::string_view at, std::string_view as, std::string_view want) {
        const auto got = parse_point(at, as);
        EXPECT_EQ(got ? to_string(*got) : "! " + got.error().text(), want);
    };
    f("4001", "", "4001");
    f("4001", "M_ME_NC", "M_ME_NC_1 4001");
    f("M_ME_TF 2/0x4001", "", "M_ME_TF_1 2/16385");
    f("0.64.1", "M_DP", "M_DP_NA_1 16385");
    f("13:4001", "13", "M_ME_NC_1 4001");
    f("13:4001", "M_SP", "! point.as: M_ME_NC_1 stands in `at` already, and M_SP_NA_1 here: leave one out");
    f("C_SC 6001", "",
      "! point.at: C_SC_NA_1 is a command: write where the value is told here, and the command in `write`");
    f("4001", "real",
      "! point.as: expected nothing, or the type that is told: M_SP (single point), M_DP (double point), M_ST (step "
      "position), M_BO (bitstring), M_ME_NA, M_ME_NB, M_ME_NC (measured values) or M_IT (totals), found \"real\"");
    f("4001", "C_SC", "! point.as: expected nothing, or the type that is told: M_SP (single point), M_DP (double point), "
                      "M_ST (step position), M_BO (bitstring), M_ME_NA, M_ME_NB, M_ME_NC (measured values) or M_IT "
                      "(totals), found \"C_SC\"");
    f("DB10", "", "! point.at: \"DB10\", character 1: the object address is DB10: expected 1 to 16777215, in "
                  "hexadecimal as 0x4001 or 4001H");
    EXPECT_EQ(parse_type("M_ME"), std::nullopt) << "which of the three?";
    EXPECT_EQ(parse_type("C_SE"), std::nullopt);
    EXPECT_EQ(parse_type("m_sp"), Type::m_sp_na_1);
}

TEST(Iec104Point, HowItIsChanged) {
    const auto f = [](std::string_view write, std::string_view at, ValueType type, std::string_view want) {
        EXPECT_EQ(shown(parse_order(write, parse_address(at).value(), type)), want) << write;
    };
    f("", "4001", kBoolean, "C_SC_NA_1 4001");
    f("", "M_DP 2/4001", kBoolean, "C_DC_NA_1 2/4001");
    f("", "M_ME_TF 4001", kNumber, "C_SE_NC_1 4001");
    f("", "M_ST 4001", kInteger, "C_RC_NA_1 4001");
    f("select", "M_ME_NB 4001", kNumber, "C_SE_NB_1 4001 select");
    f("6001", "4001", kBoolean, "C_SC_NA_1 6001");
    f("C_DC", "4001", kBoolean, "C_DC_NA_1 4001");
    f("C_SE_NC 6201", "2/4001", kNumber, "C_SE_NC_1 2/6201");
    f("C_SE_NC 3/6201", "2/4001", kNumber, "C_SE_NC_1 3/6201");
    f("45:6001 short", "4001", kBoolean, "C_SC_NA_1 6001 1");
    f(" C_SC_TA  1/0x6001  direct  LONG ", "4001", kBoolean, "C_SC_TA_1 1/24577 direct 2");
    f("C_DC 6001 persistent select", "4001", kInteger, "C_DC_NA_1 6001 select 3");
    f("C_BO 6001", "4001", kInteger, "C_BO_NA_1 6001");
    f("", "4001", kNumber,
      "! it does not say which command: write it with its address, such as C_SC 6001 (single), C_DC 6001 (double), C_RC "
      "6001 (step), C_SE_NA 6201 (normalised), C_SE_NB 6201 (scaled) or C_SE_NC 6201 (short floating point)");
    f("C_BO 6001 select", "4001", kInteger, "! C_BO_NA_1 cannot be selected: send it directly");
    f("C_SE_NC 6001 short", "4001", kNumber,
      "! short, long and persistent are of C_SC, C_DC and C_RC alone: C_SE_NC_1 has none");
    f("C_SE_NC 6001", "4001", kBoolean, "! C_SE_NC_1 cannot be ordered by a property of type boolean");
    f("M_SP 6001", "4001", kBoolean,
      "! M_SP_NA_1 is no command: expected one such as C_SC, C_DC, C_RC, C_SE_NA, C_SE_NB or C_SE_NC");
    f("C_SC 6001 slowly", "4001", kBoolean,
      "! \"C_SC 6001 slowly\", character 11: the address should end here, as in 4001, 1/4001 or C_SC_NA_1 1/6001");
}

TEST(Iec104Point, WhatAnOrderCarries) {
    const auto f = [](std::string_view write, const Value& value, std::string_view want,
                      std::optional<std::int64_t> position = std::nullopt, Scaling scaling = {}) {
        const Order order = parse_order(write, {{}, {}, 1}, kNumber).value();
        const auto object = order_object(order, scaling, value, position);
        EXPECT_EQ(object ? fmt::format("{} {}", object->number, object->real) : "! " + object.error().text(), want)
            << write;
    };
    f("C_SC", true, "1 0");
    f("C_SC", 0.0, "0 0");
    f("C_SC", std::int64_t{2}, "! C_SC_NA_1 takes 0 (off) or 1 (on), not 2");
    f("C_DC", false, "1 0");
    f("C_DC", true, "2 0");
    f("C_DC", std::int64_t{2}, "2 0");
    f("C_DC", std::int64_t{0}, "! C_DC_NA_1 takes 1 (off) or 2 (on), not 0");
    f("C_RC", 6.0, "2 0", 5);
    f("C_RC", 4.0, "1 0", 5);
    f("C_RC", 9.0, "1 0");
    f("C_RC", 9.0, "! C_RC_NA_1 goes one step at a time: from 5 to 4 or 6, not to 9", 5);
    f("C_RC", 10.0, "! C_RC_NA_1 goes one step at a time: from 9 to 8.5 or 9.5, not to 10", 18, {0.5, 0});
    f("C_SE_NA", -0.5, "-16384 0");
    f("C_SE_NA", 50.0, "16384 0", {}, {100, 0});
    f("C_SE_NA", 1.5, "! C_SE_NA_1 takes -1 to 0.999969482421875, not 1.5");
    f("C_SE_NB", -300.4, "-300 0");
    f("C_SE_NB", 12.3, "123 0", {}, {0.1, 0});
    f("C_SE_NB", 40'000.0, "! C_SE_NB_1 takes -32768 to 32767, not 40000");
    f("C_SE_NC", 25.5, "0 25.5");
    f("C_SE_NC", 1e39, "! 1e+39 is beyond what C_SE_NC_1 can hold");
    f("C_BO", 4'294'967'295.0, "4294967295 0");
    f("C_BO", -1.0, "! C_BO_NA_1 takes 0 to 4294967295, not -1");
}

TEST(Iec104Point, StationsAndZones) {
    EXPECT_EQ(parse_common_address("65534").value(), 65'534);
    EXPECT_EQ(parse_common_address("0x10").value(), 16);
    for (const std::string_view wrong : {"", "0", "65535", "1/2", "M_SP 1", "x"})
        EXPECT_EQ(parse_common_address(wrong).error().text(),
                  fmt::format("expected the common address of an outstation, 1 to 65534, found \"{}\"", wrong));
    EXPECT_EQ(parse_zone("utc").value(), Zone{});
    EXPECT_EQ(parse_zone("+08:00").value().offset_minutes, 480);
    EXPECT_EQ(parse_zone("-03:30").value().offset_minutes, -210);
    for (const std::string_view wrong : {"", "8", "+8:00", "+15:00", "+08:60", "+08-00", "Asia/Shanghai", "+0a:00"})
        EXPECT_EQ(parse_zone(wrong).error().text(),
                  fmt::format("expected UTC, or how far local time is from it, such as +08:00, found \"{}\"", wrong));
    EXPECT_EQ(plain(Type::m_me_tf_1), Type::m_me_nc_1);
    EXPECT_EQ(plain(Type::m_me_nd_1), Type::m_me_na_1);
    EXPECT_EQ(plain(Type::c_dc_ta_1), Type::c_dc_na_1);
    EXPECT_EQ(plain(Type::m_sp_na_1), Type::m_sp_na_1);
}

}  // namespace
}  // namespace gongshu::wire::iec104
