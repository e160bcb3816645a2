#include "io/interfaces.h"

#include <gtest/gtest.h>

namespace gongshu::io {
namespace {

TEST(Interfaces, KnowsPrivateAddresses) {
    const auto f = [](const char* address, bool want) { EXPECT_EQ(is_private_address(address), want) << address; };
    f("10.0.0.1", true);
    f("172.16.0.1", true);
    f("172.31.255.254", true);
    f("172.32.0.1", false);
    f("192.168.1.1", true);
    f("192.169.1.1", false);
    f("127.0.0.1", false);
    f("169.254.1.1", false);
    f("fd00::1", true);
    f("fe80::1", false);
    f("::1", false);
    f("not an address", false);
    f("", false);
}

TEST(Interfaces, ListsOnlyPrivateOnes) {
    const auto found = private_addresses();
    ASSERT_TRUE(found) << found.error().text();
    for (const std::string& address : *found) EXPECT_TRUE(is_private_address(address)) << address;
}

}  // namespace
}  // namespace gongshu::io
