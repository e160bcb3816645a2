#include "io/network.h"

#include <gtest/gtest.h>

namespace gongshu::io {
namespace {

TEST(Network, HoldsTheAddressesOfItsMask) {
    const auto f = [](std::string_view network, std::string_view host, bool want) {
        const auto parsed = parse_network(network);
        ASSERT_TRUE(parsed) << network << ": " << parsed.error().text();
        EXPECT_EQ(contains(*parsed, host), want) << network << " " << host;
    };
    f("10.0.0.5", "10.0.0.5", true);
    f("10.0.0.5", "::ffff:10.0.0.5", true);
    f("10.0.0.5", "10.0.0.6", false);
    f("192.168.1.0/24", "192.168.1.255", true);
    f("192.168.1.0/24", "192.168.2.0", false);
    f("192.168.1.128/25", "192.168.1.127", false);
    f("192.168.1.128/25", "192.168.1.129", true);
    f("10.1.2.4/31", "10.1.2.5", true);
    f("0.0.0.0/0", "8.8.8.8", true);
    f("0.0.0.0/0", "fd00::1", false);
    f("fd00::/8", "fd12::1", true);
    f("fd00::/8", "fe00::1", false);
    f("::1", "::1", true);
    f("::1", "127.0.0.1", false);
    f("[::1]", "[::1]", true);
    f("10.0.0.0/8", "plc7.lan", false);
    f("10.0.0.0/8", "", false);
}

TEST(Network, WhatIsNoneIsTold) {
    const auto f = [](std::string_view text, std::string_view why) {
        const auto parsed = parse_network(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code(), Code::invalid);
        EXPECT_NE(parsed.error().text().find(why), std::string::npos) << parsed.error().text();
    };
    const std::string_view expected = "expected an address such as 10.0.0.5";
    f("", expected);
    f("scada", expected);
    f("10.0.0", expected);
    f("10.0.0.256", expected);
    f("10.0.0.0/33", expected);
    f("10.0.0.0/", expected);
    f("10.0.0.0/-1", expected);
    f("10.0.0.0/8 ", expected);
    f("fd00::/129", expected);
    f("10.0.0.5/24", "leave out \"/24\"");
    f("fd00::1/8", "leave out \"/8\"");
}

TEST(Network, KnowsThisMachine) {
    const auto f = [](std::string_view host, bool loopback, bool any) {
        EXPECT_EQ(is_loopback(host), loopback) << host;
        EXPECT_EQ(is_any_address(host), any) << host;
    };
    f("127.0.0.1", true, false);
    f("127.9.9.9", true, false);
    f("::ffff:127.0.0.1", true, false);
    f("::1", true, false);
    f("[::1]", true, false);
    f("10.0.0.1", false, false);
    f("0.0.0.0", false, true);
    f("::", false, true);
    f("localhost", false, false);
}

}  // namespace
}  // namespace gongshu::io
